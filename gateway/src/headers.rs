//! Which headers pass the gateway. What services believe about a caller comes from its token
//! and from the gateway, never from a header that anyone can write.

use std::net::IpAddr;

use http::{HeaderMap, HeaderName, HeaderValue, header};
use kit::{auth::CONSISTENCY_HEADER, telemetry::context};

/// Says to services from which address a call came.
pub const CLIENT_ADDRESS: HeaderName = HeaderName::from_static("x-manyi-client-address");

/// Headers that claim to come from a proxy of ours, by their beginning.
const CLAIMS: &[&str] = &["x-manyi-", "x-envoy-", "grpc-metadata-", "x-forwarded-user"];

/// Headers of one hop.
const HOP: &[HeaderName] = &[
    header::CONNECTION,
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    header::HOST,
    header::COOKIE,
    header::FORWARDED,
];

/// Removes headers that claim what only the gateway may say.
pub fn strip(headers: &mut HeaderMap) {
    let claims: Vec<HeaderName> = headers
        .keys()
        .filter(|name| CLAIMS.iter().any(|claim| name.as_str().starts_with(claim)))
        .cloned()
        .collect();
    for name in claims {
        headers.remove(name);
    }
}

/// Makes the headers of a gRPC call fit for the next hop.
pub fn forward_grpc(headers: &mut HeaderMap, address: Option<IpAddr>) {
    for name in HOP {
        headers.remove(name);
    }
    for name in ["keep-alive", "proxy-connection", "http2-settings", "x-forwarded-for"] {
        headers.remove(name);
    }
    set_address(headers, address);
}

/// The headers of a gRPC call made for a REST request: nothing passes that is not named here.
pub fn forward_rest(from: &HeaderMap, address: Option<IpAddr>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let consistency = HeaderName::from_static(CONSISTENCY_HEADER);
    let passing = [
        header::AUTHORIZATION,
        header::ACCEPT_LANGUAGE,
        header::USER_AGENT,
        context::TRACEPARENT,
        context::TRACESTATE,
        consistency,
    ];
    for name in passing {
        for value in from.get_all(&name) {
            headers.append(name.clone(), value.clone());
        }
    }
    set_address(&mut headers, address);
    headers
}

fn set_address(headers: &mut HeaderMap, address: Option<IpAddr>) {
    let Some(address) = address else { return };
    if let Ok(value) = HeaderValue::try_from(address.to_canonical().to_string()) {
        headers.insert(CLIENT_ADDRESS, value);
    }
}

/// The headers of an answer that REST callers get to see.
pub fn answer_headers(from: &HeaderMap) -> HeaderMap {
    let name = HeaderName::from_static(CONSISTENCY_HEADER);
    let values = from.get_all(&name).iter();
    values.map(|value| (name.clone(), value.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_are_removed_in_every_spelling() {
        let mut headers = HeaderMap::new();
        for name in [
            "X-Manyi-Principal",
            "x-manyi-client-address",
            "x-manyi-tenant-bin",
            "X-Forwarded-User",
            "x-envoy-peer-metadata",
            "grpc-metadata-authorization",
            "Authorization",
        ] {
            let name: HeaderName = name.parse().unwrap();
            headers.append(name.clone(), HeaderValue::from_static("a"));
            headers.append(name, HeaderValue::from_static("b"));
        }
        strip(&mut headers);
        assert_eq!(headers.keys().collect::<Vec<_>>(), [&header::AUTHORIZATION]);
        assert_eq!(headers.get_all(header::AUTHORIZATION).iter().count(), 2);
    }

    #[test]
    fn rest_headers_do_not_become_metadata() {
        let mut from = HeaderMap::new();
        for name in ["grpc-timeout", "grpc-encoding", "te", "connection", "x-anything", "cookie"] {
            from.insert(HeaderName::from_static(name), HeaderValue::from_static("x"));
        }
        from.insert(header::AUTHORIZATION, HeaderValue::from_static("Bearer t"));
        let headers = forward_rest(&from, "10.0.0.1".parse().ok());
        assert_eq!(headers.len(), 2);
        assert_eq!(headers[CLIENT_ADDRESS], "10.0.0.1");
    }
}
