//! The device service.
