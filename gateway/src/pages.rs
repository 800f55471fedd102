//! The two small pages of the gateway. They load nothing from elsewhere and run no inline code.

use axum::{
    Router,
    response::{IntoResponse as _, Response},
    routing::get,
};
use http::{HeaderName, HeaderValue, header};

const HEADERS: &[(HeaderName, &str)] = &[
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
         img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::CACHE_CONTROL, "public, max-age=60"),
];

/// Routes of the pages.
pub fn router() -> Router {
    Router::new()
        .route("/", page("text/html; charset=utf-8", include_str!("pages/index.html")))
        .route("/docs", page("text/html; charset=utf-8", include_str!("pages/docs.html")))
        .route("/docs/style.css", page("text/css; charset=utf-8", include_str!("pages/style.css")))
        .route(
            "/docs/docs.js",
            page("text/javascript; charset=utf-8", include_str!("pages/docs.js")),
        )
}

fn page(kind: &'static str, text: &'static str) -> axum::routing::MethodRouter {
    get(move || async move { serve(kind, text) })
}

fn serve(kind: &'static str, text: &'static str) -> Response {
    let mut response = text.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    for (name, value) in HEADERS {
        headers.insert(name.clone(), HeaderValue::from_static(value));
    }
    response
}
