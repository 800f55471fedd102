//! What a program says to whoever starts it: how it reads an address, and how it ends.

use std::{
    net::{SocketAddr, ToSocketAddrs as _},
    process::ExitCode,
};

use crate::error::Result;

const ADDRESS_WANTED: &str = "an address and a port are wanted, such as 127.0.0.1:8080, \
    localhost:8080 or [::1]:8080; 0.0.0.0:8080 listens on every interface";

/// Reads an address to listen on: an IP address or a name of this machine, and a port. Of a name
/// with several addresses the first IPv4 one is taken, so that `localhost:8080` is what
/// `127.0.0.1:8080` is.
///
/// # Errors
/// A text for people when it is neither.
pub fn listen_address(text: &str) -> std::result::Result<SocketAddr, String> {
    let unreadable = |_| ADDRESS_WANTED.to_owned();
    let found: Vec<SocketAddr> = text.trim().to_socket_addrs().map_err(unreadable)?.collect();
    let first = found.iter().find(|address| address.is_ipv4()).or(found.first());
    first.copied().ok_or_else(|| ADDRESS_WANTED.to_owned())
}

/// Ends a program as its result says: an error becomes one line for people on standard error,
/// and exit code 1.
#[expect(clippy::print_stderr, reason = "whoever started the program reads it there")]
pub fn conclude(program: &str, result: Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{program}: {}", error.message());
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_to_listen_on_may_be_a_name() {
        let here = "127.0.0.1:8080".parse::<SocketAddr>().unwrap();
        assert_eq!(listen_address("127.0.0.1:8080"), Ok(here));
        assert_eq!(listen_address(" localhost:8080"), Ok(here));
        assert_eq!(listen_address("[::1]:8080"), Ok("[::1]:8080".parse().unwrap()));
        for wrong in ["", "8080", "localhost", "127.0.0.1:99999", "no host:80"] {
            let told = listen_address(wrong).unwrap_err();
            assert!(told.contains("127.0.0.1:8080"), "{wrong}: {told}");
        }
    }
}
