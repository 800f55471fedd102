//! Rules of the device service, without I/O.
