//! Rules of the auth service, without I/O.
