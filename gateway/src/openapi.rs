//! The OpenAPI 3.1 document, made from the same descriptors as the routes.

mod comments;
mod operation;
mod schema;

use axum::{
    extract::State,
    response::{IntoResponse as _, Response},
};
use bytes::Bytes;
use http::header;
use proto::common::v1::{Permission, Reason};
use serde_json::{Map, Value, json};

use crate::{Shared, rest::routes::Routes};
use comments::Comments;
use schema::Schemas;

/// What holds for all calls; shown above the operations.
const DESCRIPTION: &str = "\
Customer satisfaction: terminals and their ratings, questionnaires and customers, figures and
indices. The same contract is served over gRPC and gRPC-Web on this address.

- Names such as `units/u_…` are the ids of things. Where a path has `{unit}`, the part behind the
  slash stands there.
- Lists come in pages: give `nextPageToken` back as `pageToken` until it is empty.
- A creation with an `Idempotency-Key` may be repeated without harm.
- An `etag` that is given back makes a change fail if somebody else was faster.
- The answer of a change carries `manyi-consistency-token`; a call that sends it along sees that
  change, whichever service it goes to.
- Errors name `reason` for programs and `violations` by field. Where the body is one member of the
  message, as `device` is in CreateDevice, its name stands before the field: `device.kind`.
- Numbers of 64 bits are strings in JSON, and times are RFC 3339 in UTC.";

/// Serves the document.
pub async fn serve(State(inner): Shared) -> Response {
    let headers =
        [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "public, max-age=60")];
    (headers, inner.openapi.clone()).into_response()
}

/// Makes the document.
pub fn document(routes: &Routes) -> Bytes {
    let comments = Comments::of_contract();
    let mut schemas = Schemas::new(&comments);
    let mut paths = Map::<String, Value>::new();
    let mut tags: Vec<Value> = Vec::new();
    for route in routes.all() {
        let (path, operation) = operation::describe(route, &comments, &mut schemas);
        let verbs = paths.entry(path).or_insert_with(|| json!({}));
        verbs[route.binding.verb.to_lowercase()] = operation;
        let service = route.method.descriptor.parent_service();
        if !tags.iter().any(|tag| tag["name"] == service.name()) {
            let text = comments.of(&service.parent_file(), service.path());
            tags.push(json!({"name": service.name(), "description": text}));
        }
    }
    let document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Manyi",
            "version": env!("CARGO_PKG_VERSION"),
            "description": DESCRIPTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{"oauth2": []}, {"bearer": []}],
        "tags": tags,
        "paths": paths,
        "components": {
            "schemas": schemas.finish(fixed_schemas()),
            "responses": responses(),
            "securitySchemes": security_schemes(),
        },
    });
    Bytes::from(document.to_string())
}

/// `PERMISSION_RATING_SUBMIT` as scopes spell it: `rating.submit`.
fn scope_name(permission: Permission) -> String {
    let name = permission.as_str_name().trim_start_matches("PERMISSION_").to_lowercase();
    name.replacen('_', ".", 1)
}

fn security_schemes() -> Value {
    let scopes: Map<String, Value> = (1..)
        .map_while(|number| Permission::try_from(number).ok())
        .map(|permission| (scope_name(permission), json!(permission.as_str_name())))
        .collect();
    json!({
        "oauth2": {
            "type": "oauth2",
            "description": "People sign in by password, others by client credentials.",
            "flows": {
                "password": {"tokenUrl": "/v1/token", "refreshUrl": "/v1/token", "scopes": scopes},
                "clientCredentials": {"tokenUrl": "/v1/token", "scopes": scopes},
            },
        },
        "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
    })
}

fn responses() -> Value {
    let content = |kind: &str, schema: &str| {
        let target = format!("#/components/schemas/{schema}");
        json!({kind: {"schema": {"$ref": target}}})
    };
    json!({
        "Problem": {
            "description": "What went wrong, with a reason that programs can decide on.",
            "headers": {"Retry-After": {
                "description": "Seconds to wait, with 429 and 503.",
                "schema": {"type": "integer"},
            }},
            "content": content("application/problem+json", "Problem"),
        },
        "OAuthError": {
            "description": "Error of RFC 6749 section 5.2.",
            "content": content("application/json", "OAuthError"),
        },
    })
}

fn fixed_schemas() -> Value {
    let reasons: Vec<&str> = (1..)
        .map_while(|number| Reason::try_from(number).ok())
        .map(kit::error::reason_name)
        .collect();
    json!({
        "Problem": {
            "type": "object",
            "description": "Problem document (RFC 9457).",
            "required": ["type", "title", "status", "detail", "reason"],
            "properties": {
                "type": {"type": "string", "format": "uri"},
                "title": {"type": "string"},
                "status": {"type": "integer"},
                "detail": {"type": "string", "description": "For people; may change."},
                "reason": {"type": "string", "enum": reasons},
                "violations": {"type": "array", "items": {
                    "type": "object",
                    "required": ["field", "description"],
                    "properties": {
                        "field": {"type": "string"},
                        "description": {"type": "string"},
                    },
                }},
                "retryAfterMs": {"type": "integer", "description": "Milliseconds to wait."},
                "incident": {"type": "string", "description": "Finds the cause in our log."},
            },
        },
        "OAuthError": {
            "type": "object",
            "required": ["error"],
            "properties": {
                "error": {"type": "string"},
                "error_description": {"type": "string"},
                "incident": {"type": "string"},
            },
        },
    })
}
