//! A plain HTTP client of the gateway, as curl would be one, but for one thing: it sends the
//! consistency tokens of its last changes along, as the documentation asks callers to do who
//! go on at once.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use kit::auth::CONSISTENCY_HEADER;
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde_json::Value;

/// A caller over REST, with or without a token.
#[derive(Debug, Clone)]
pub struct Rest {
    http: reqwest::Client,
    address: String,
    token: Option<String>,
    /// Shared by all callers of one world.
    consistency: Arc<Mutex<BTreeMap<String, String>>>,
}

impl Rest {
    /// Without a token. `address` is like `http://127.0.0.1:8080`.
    pub fn new(address: &str) -> Self {
        let http = reqwest::Client::builder().no_proxy().build().expect("a client can be made");
        Self { http, address: address.to_owned(), token: None, consistency: Arc::default() }
    }

    /// The same with another token.
    pub fn with_token(&self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..self.clone() }
    }

    /// The token, if any.
    pub fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// A request to be completed and sent by the test.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.address));
        let request = match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        };
        let marks = self.consistency.lock().expect("no panic while held");
        let marks: Vec<&str> = marks.values().map(String::as_str).collect();
        match marks.is_empty() {
            false => request.header(CONSISTENCY_HEADER, marks.join(",")),
            true => request,
        }
    }

    async fn send(&self, request: RequestBuilder) -> (StatusCode, Value) {
        let response = request.send().await.expect("the gateway answers");
        if let Some(token) = response.headers().get(CONSISTENCY_HEADER) {
            let token = token.to_str().expect("a token is plain text").to_owned();
            // The last word of each service counts.
            let service = token.split_once(':').map_or("auth", |(service, _)| service).to_owned();
            self.consistency.lock().expect("no panic while held").insert(service, token);
        }
        answer(response).await
    }

    /// Status and JSON body of any call; a body that is no JSON is a string.
    pub async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> (StatusCode, Value) {
        let mut request = self.request(method, path);
        if let Some(body) = body {
            request = request.json(body);
        }
        self.send(request).await
    }

    /// GET of something that must be there.
    ///
    /// # Panics
    /// Unless the answer is 200.
    pub async fn get(&self, path: &str) -> Value {
        let (status, body) = self.call(Method::GET, path, None).await;
        assert!(status.is_success(), "GET {path}: {status} {body}");
        body
    }

    /// POST that must succeed.
    ///
    /// # Panics
    /// Unless the answer is 2xx.
    pub async fn post(&self, path: &str, body: Value) -> Value {
        let (status, answer) = self.call(Method::POST, path, Some(&body)).await;
        assert!(status.is_success(), "POST {path} {body}: {status} {answer}");
        answer
    }

    /// POST of a form.
    pub async fn post_form(&self, path: &str, fields: &[(&str, &str)]) -> (StatusCode, Value) {
        let request = self
            .request(Method::POST, path)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(encode(fields));
        self.send(request).await
    }

    /// An access token for a person.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn sign_in(&self, organisation: &str, login: &str, password: &str) -> Self {
        let fields = [
            ("grant_type", "password"),
            ("organisation", organisation),
            ("username", login),
            ("password", password),
        ];
        self.token_by(&fields).await
    }

    /// An access token for a device or partner.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn sign_in_client(&self, id: &str, secret: &str) -> Self {
        let fields =
            [("grant_type", "client_credentials"), ("client_id", id), ("client_secret", secret)];
        self.token_by(&fields).await
    }

    async fn token_by(&self, fields: &[(&str, &str)]) -> Self {
        let (status, body) = self.post_form("/v1/token", fields).await;
        assert_eq!(status, StatusCode::OK, "{body}");
        self.with_token(text(&body["access_token"]))
    }
}

async fn answer(response: Response) -> (StatusCode, Value) {
    let status = response.status();
    let text = response.text().await.expect("the body arrives");
    let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
    (status, body)
}

fn encode(fields: &[(&str, &str)]) -> String {
    let escape = |text: &str| {
        let mut out = String::new();
        for byte in text.bytes() {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                    out.push(char::from(byte));
                }
                other => out.push_str(&format!("%{other:02X}")),
            }
        }
        out
    };
    let pairs: Vec<String> =
        fields.iter().map(|(key, value)| format!("{}={}", escape(key), escape(value))).collect();
    pairs.join("&")
}

/// A string of an answer.
///
/// # Panics
/// When it is none.
pub fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no string: {value}"))
}

/// A whole number of an answer: 64-bit numbers are strings in the JSON form of the contract,
/// and zeros may be left out.
///
/// # Panics
/// When it is none.
pub fn int(value: &Value) -> i64 {
    match value {
        Value::Null => 0,
        Value::Number(n) => n.as_i64().unwrap_or_else(|| panic!("no whole number: {n}")),
        Value::String(s) => s.parse().unwrap_or_else(|_| panic!("no whole number: {s}")),
        other => panic!("no whole number: {other}"),
    }
}
