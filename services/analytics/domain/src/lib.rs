//! Rules of the analytics service, without I/O.
