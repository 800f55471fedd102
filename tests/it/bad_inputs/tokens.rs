//! Access tokens that someone forged, and some that are good for comparison.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Value, json};

use crate::authorization::scene::Scene;

/// A token by its name in the catalogue.
pub fn forged(scene: &Scene, name: &str) -> String {
    let good = scene.token(scene.principal("owner")).expect("the owner's token");
    altered(&good, name).unwrap_or_else(|| own(scene, name))
}

fn encode(text: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(text)
}

/// Made of a good token.
fn altered(good: &str, name: &str) -> Option<String> {
    let parts: Vec<&str> = good.split('.').collect();
    let (head, body, sign) = (parts[0], parts[1], parts[2]);
    let decoded = BASE64_URL_SAFE_NO_PAD.decode(head).expect("a header");
    let header: Value = serde_json::from_slice(&decoded).expect("a header");
    let kid = header["kid"].as_str().expect("a key id").to_owned();
    let with = |header: Value, sign: &str| format!("{}.{body}.{sign}", encode(&header.to_string()));
    let alg = |alg: &str, sign: &str| with(json!({"alg": alg, "kid": kid, "typ": "JWT"}), sign);
    let of_kid = |kid: &str| with(json!({"alg": "EdDSA", "kid": kid, "typ": "JWT"}), sign);
    let extra = |key: &str, value: Value| {
        let mut header = header.clone();
        header[key] = value;
        with(header, sign)
    };
    let secret = EncodingKey::from_secret(kid.as_bytes());
    Some(match name {
        "none" => alg("none", ""),
        "none_signed" => alg("none", sign),
        "none_capital" => alg("None", sign),
        "none_mixed" => alg("nOnE", sign),
        "no_signature" => format!("{head}.{body}."),
        "hmac" => {
            let head = json!({"alg": "HS256", "kid": kid}).to_string();
            let message = format!("{}.{body}", encode(&head));
            let sign = jsonwebtoken::crypto::sign(message.as_bytes(), &secret, Algorithm::HS256);
            format!("{message}.{}", sign.expect("a signature"))
        }
        "rsa" => alg("RS256", sign),
        "ecdsa_zero" => alg("ES256", &BASE64_URL_SAFE_NO_PAD.encode([0; 64])),
        "eddsa_zero" => alg("EdDSA", &BASE64_URL_SAFE_NO_PAD.encode([0; 64])),
        "kid_path" => of_kid("../../dev/null"),
        "kid_sql" => of_kid("' UNION SELECT 'x"),
        "kid_long" => of_kid(&"k".repeat(10_000)),
        "kid_unknown" => of_kid("k_00000000000000000000000000000000"),
        "kid_internal" => of_kid("internal"),
        "jwk" => extra("jwk", json!({"kty": "OKP", "crv": "Ed25519", "x": "AAAA"})),
        "jku" => extra("jku", json!("https://evil.example/jwks.json")),
        "x5c" => extra("x5c", json!(["MIIB"])),
        "crit" => extra("crit", json!(["exp"])),
        "altered" => {
            let claims = BASE64_URL_SAFE_NO_PAD.decode(body).expect("claims");
            let mut claims: Value = serde_json::from_slice(&claims).expect("claims");
            claims["kind"] = json!(5);
            format!("{head}.{}.{sign}", encode(&claims.to_string()))
        }
        "truncated" => good[..good.len() - 5].to_owned(),
        "padded" => format!("{good}=="),
        "spaced" => format!("{head}. {body}.{sign}"),
        "four_parts" => format!("{good}.{sign}"),
        "five_parts" => format!("{head}.{sign}.{sign}.{body}.{sign}"),
        "two_parts" => format!("{head}.{body}"),
        "garbage" => "x".repeat(300),
        "long" => "x".repeat(5_000),
        _ => return None,
    })
}

/// Signed with the installation's own key, as only an insider could.
fn own(scene: &Scene, name: &str) -> String {
    let now = jiff::Timestamp::now().as_second();
    let claims = |change: &dyn Fn(&mut Value)| {
        let mut claims = json!({
            "iss": "manyi", "aud": "manyi", "sub": "operator", "org": "", "kind": 5,
            "iat": now, "nbf": now, "exp": now + 60, "jti": "x",
        });
        change(&mut claims);
        claims.to_string()
    };
    let text = match name {
        "good" => claims(&|_| {}),
        "no_exp" => claims(&|c| drop(c.as_object_mut().map(|c| c.remove("exp")))),
        "expired" => claims(&|c| {
            c["exp"] = json!(now - 61);
            c["iat"] = json!(now - 120);
            c["nbf"] = json!(now - 120);
        }),
        "exp_text" => claims(&|c| c["exp"] = json!((now + 60).to_string())),
        "exp_huge" => claims(&|_| {}).replace(&(now + 60).to_string(), "100000000000000000000"),
        "exp_negative" => claims(&|c| c["exp"] = json!(-1)),
        "exp_fraction" => claims(&|c| c["exp"] = json!(now as f64 + 60.5)),
        "not_yet" => claims(&|c| c["nbf"] = json!(now + 600)),
        "from_the_future" => claims(&|c| c["iat"] = json!(now + 600)),
        "other_audience" => claims(&|c| c["aud"] = json!("other")),
        "other_issuer" => claims(&|c| c["iss"] = json!("https://evil.example")),
        "no_organisation" => claims(&|c| drop(c.as_object_mut().map(|c| c.remove("org")))),
        "twice" => claims(&|_| {}).replacen("\"sub\":", "\"sub\":\"users/us_1\",\"sub\":", 1),
        "unknown_claim" => claims(&|c| c["admin"] = json!(true)),
        "kind_user" => claims(&|c| c["kind"] = json!(1)),
        "kind_unknown" => claims(&|c| c["kind"] = json!(99)),
        "no_json" => "not json".to_owned(),
        other => panic!("nobody forges {other}"),
    };
    let head = encode(&json!({"alg": "EdDSA", "kid": "internal", "typ": "JWT"}).to_string());
    let message = format!("{head}.{}", encode(&text));
    let seed = kit::auth::derive(&scene.world.seed.0, b"manyi internal tokens");
    let sign = jsonwebtoken::crypto::sign(message.as_bytes(), &key(seed), Algorithm::EdDSA);
    format!("{message}.{}", sign.expect("a signature"))
}

/// An Ed25519 key in the form of RFC 8410.
fn key(seed: [u8; 32]) -> EncodingKey {
    const HEAD: [u8; 16] = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
    EncodingKey::from_ed_der(&[HEAD.as_slice(), &seed].concat())
}
