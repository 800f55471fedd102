//! Sign-in, tokens and what ends them.

use std::time::{Duration, Instant};

use e2e::{Org, Rest, rest::text};
use reqwest::Method;
use serde_json::{Value, json};

use super::{Verdict, ensure, expect, read};
use crate::authorization::{
    place::{PASSWORD, fresh, post, session_of},
    scene::{Scene, Where},
};

/// Longest time until everybody knows that a credential has ended (guarantee A4).
const REVOKED_WITHIN: Duration = Duration::from_secs(5);

/// A user with a role on the own branch: login and name.
async fn user(scene: &Scene, password: &str) -> (String, String) {
    let (org, branch, login) = (scene.org(), scene.own().word("branch"), fresh());
    let user = json!({
        "user": {"login": login, "displayName": fresh(), "unit": branch}, "password": password,
    });
    let user = text(&post(org, "/v1/users", user).await["name"]).to_owned();
    let grant = json!({"subject": user, "role": "roles/staff", "unit": branch});
    post(org, "/v1/grants", grant).await;
    (login, user)
}

async fn try_sign_in(org: &Org, login: &str, password: &str) -> (u16, Value, Option<String>) {
    let fields = [
        ("grant_type", "password"),
        ("organisation", &org.sign_in.organisation),
        ("username", login),
        ("password", password),
    ];
    let body: Vec<String> =
        fields.iter().map(|(key, value)| format!("{key}={}", escaped(value))).collect();
    let request = org.rest.request(Method::POST, "/v1/token");
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    let answer = request.body(body.join("&")).send().await.expect("an answer");
    let wait = answer.headers().get("retry-after");
    let wait = wait.and_then(|value| value.to_str().ok()).map(str::to_owned);
    let (status, body) = read(answer).await;
    (status, body, wait)
}

fn escaped(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// The token of a person.
async fn token(scene: &Scene, login: &str) -> Rest {
    let org = scene.org();
    org.rest.sign_in(&org.sign_in.organisation, login, PASSWORD).await
}

pub async fn odd_password(scene: &Scene) -> Verdict {
    let password = format!("  {}{} ", "🐎".repeat(48), "界 ".repeat(24) + "z");
    ensure(password.chars().count() == 100, || "the test counts wrong".to_owned())?;
    let (login, _) = user(scene, &password).await;
    let (status, body, _) = try_sign_in(scene.org(), &login, &password).await;
    expect("as it is", &(status, body), 200, "")?;
    let (status, body, _) = try_sign_in(scene.org(), &login, password.trim()).await;
    ensure(status == 400, || format!("without outer blanks: {status} {body}"))
}

pub async fn too_many_failures(scene: &Scene) -> Verdict {
    let (login, _) = user(scene, PASSWORD).await;
    for attempt in 0..10 {
        let (status, body, _) = try_sign_in(scene.org(), &login, "A wrong phrase").await;
        expect(&format!("failure {attempt}"), &(status, body), 400, "invalid_grant")?;
    }
    let (status, body, wait) = try_sign_in(scene.org(), &login, PASSWORD).await;
    expect("the right password afterwards", &(status, body), 429, "")?;
    let seconds = wait.and_then(|wait| wait.parse::<u32>().ok()).unwrap_or_default();
    ensure((20..=30).contains(&seconds), || format!("retry-after says {seconds}"))
}

/// Waits until a caller is refused everywhere, and checks how long that took.
async fn refused(rest: &Rest, paths: &[&str]) -> Verdict {
    let began = Instant::now();
    for path in paths {
        loop {
            let (status, body) = rest.call(Method::GET, path, None).await;
            if status.as_u16() == 401 {
                expect(path, &(401, body), 401, "REVOKED")?;
                break;
            }
            let late = began.elapsed() > REVOKED_WITHIN;
            ensure(!late, || format!("{path} still says {status} after {REVOKED_WITHIN:?}"))?;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    Ok(())
}

/// Waits until a new caller is known everywhere.
async fn allowed(rest: &Rest, paths: &[&str]) {
    for path in paths {
        e2e::patiently(path, || async {
            let (status, _) = rest.call(Method::GET, path, None).await;
            status.is_success().then_some(())
        })
        .await;
    }
}

const AT_AUTH_AND_DEVICE: [&str; 2] = ["/v1/units", "/v1/templates"];

pub async fn disabled_user(scene: &Scene) -> Verdict {
    let (login, name) = user(scene, PASSWORD).await;
    let rest = token(scene, &login).await;
    allowed(&rest, &AT_AUTH_AND_DEVICE).await;
    let path = format!("/v1/{name}");
    let change = json!({"disabled": true});
    let answer = scene.org().rest.call(Method::PATCH, &path, Some(&change)).await;
    expect("disabling", &(answer.0.as_u16(), answer.1), 200, "")?;
    refused(&rest, &AT_AUTH_AND_DEVICE).await?;
    let (status, body, _) = try_sign_in(scene.org(), &login, PASSWORD).await;
    expect("a new sign-in", &(status, body), 400, "invalid_grant")
}

pub async fn ended_session(scene: &Scene) -> Verdict {
    let (login, _) = user(scene, PASSWORD).await;
    let (ended, other) = (token(scene, &login).await, token(scene, &login).await);
    allowed(&ended, &AT_AUTH_AND_DEVICE).await;
    let session = session_of(ended.token().unwrap_or_default());
    other.post(&format!("/v1/{session}:revoke"), json!({})).await;
    refused(&ended, &AT_AUTH_AND_DEVICE).await?;
    let (status, body) = other.call(Method::GET, "/v1/units", None).await;
    ensure(status.is_success(), || format!("the other session ended too: {status} {body}"))
}

pub async fn revoked_client(scene: &Scene) -> Verdict {
    let org = scene.org();
    let client = json!({
        "displayName": fresh(), "kind": "KIND_PARTNER", "unit": scene.own().word("branch"),
        "scopes": ["PERMISSION_ORG_READ", "PERMISSION_TEMPLATE_READ"],
    });
    let client = post(org, "/v1/clients", client).await;
    let (id, secret) = (text(&client["clientId"]), text(&client["clientSecret"]));
    let rest = org.rest.sign_in_client(id, secret).await;
    allowed(&rest, &AT_AUTH_AND_DEVICE).await;
    org.rest.post(&format!("/v1/clients/{id}:revoke"), json!({})).await;
    refused(&rest, &AT_AUTH_AND_DEVICE).await?;
    let fields =
        [("grant_type", "client_credentials"), ("client_id", id), ("client_secret", secret)];
    let (status, body) = org.rest.post_form("/v1/token", &fields).await;
    expect("a new token", &(status.as_u16(), body), 401, "invalid_client")
}

pub async fn missing_scope(scene: &Scene) -> Verdict {
    let id = scene.elsewhere("partner_id", Where::Own);
    let secret = scene.elsewhere("partner_secret", Where::Own);
    let fields = [
        ("grant_type", "client_credentials"),
        ("client_id", &*id),
        ("client_secret", &*secret),
        ("scope", "org.read"),
    ];
    let (status, body) = scene.world.rest.post_form("/v1/token", &fields).await;
    expect("a narrow token", &(status.as_u16(), body.clone()), 200, "")?;
    let rest = scene.world.rest.with_token(text(&body["access_token"]));
    let (status, body) = rest.call(Method::GET, "/v1/units", None).await;
    expect("within the scope", &(status.as_u16(), body), 200, "")?;
    for path in ["/v1/ratings", "/v1/devices", "/v1/measures"] {
        let (status, body) = rest.call(Method::GET, path, None).await;
        expect(path, &(status.as_u16(), body), 403, "PERMISSION_DENIED")?;
    }
    Ok(())
}

async fn refresh(scene: &Scene, token: &str, more: &[(&str, &str)]) -> (u16, Value) {
    let mut fields = vec![("grant_type", "refresh_token"), ("refresh_token", token)];
    fields.extend_from_slice(more);
    let (status, body) = scene.world.rest.post_form("/v1/token", &fields).await;
    (status.as_u16(), body)
}

pub async fn refresh_twice(scene: &Scene) -> Verdict {
    let (login, _) = user(scene, PASSWORD).await;
    let (_, first, _) = try_sign_in(scene.org(), &login, PASSWORD).await;
    let first = text(&first["refresh_token"]).to_owned();
    let second = refresh(scene, &first, &[]).await;
    expect("the first exchange", &second, 200, "")?;
    let third = refresh(scene, text(&second.1["refresh_token"]), &[]).await;
    expect("the second exchange", &third, 200, "")?;
    let rest = scene.world.rest.with_token(text(&third.1["access_token"]));
    allowed(&rest, &AT_AUTH_AND_DEVICE).await;
    expect("the first token again", &refresh(scene, &first, &[]).await, 400, "invalid_grant")?;
    let newest = refresh(scene, text(&third.1["refresh_token"]), &[]).await;
    expect("the newest token of the family", &newest, 400, "invalid_grant")?;
    refused(&rest, &AT_AUTH_AND_DEVICE).await
}

pub async fn refresh_by_client(scene: &Scene) -> Verdict {
    let (login, _) = user(scene, PASSWORD).await;
    let (_, signed_in, _) = try_sign_in(scene.org(), &login, PASSWORD).await;
    let id = scene.elsewhere("partner_id", Where::Own);
    let secret = scene.elsewhere("partner_secret", Where::Own);
    let client = [("client_id", &*id), ("client_secret", &*secret)];
    let answer = refresh(scene, text(&signed_in["refresh_token"]), &client).await;
    expect("by a client", &answer, 400, "invalid_grant")
}

/// Transport, identity, existence, permission, contents: who may not know of an object learns
/// nothing from what else is wrong with the request.
pub async fn order_of_refusals(scene: &Scene) -> Verdict {
    let anonymous = &scene.world.rest;
    let owner = &scene.org().rest;
    let staff = scene.token(scene.principal("staff")).unwrap_or_default();
    let staff = anonymous.with_token(&staff);
    let call = async |rest: &Rest, verb: Method, path: &str, body: &Value| {
        let (status, body) = rest.call(verb, path, Some(body)).await;
        (status.as_u16(), body)
    };
    let wrong = json!({"pageSize": "no number", "nothing": 1});
    let answer = call(anonymous, Method::POST, "/v1/units", &wrong).await;
    expect("no token and a wrong body", &answer, 401, "NO_CREDENTIAL")?;
    let empty = json!({"displayName": ""});
    let answer = call(&staff, Method::POST, "/v1/templates", &empty).await;
    expect("no permission and a wrong body", &answer, 403, "PERMISSION_DENIED")?;
    for place in [Where::Foreign, Where::Nowhere] {
        let unit = scene.elsewhere("branch", place);
        let figures = json!({"unit": unit, "from": "x", "to": "y"});
        let answer = call(owner, Method::POST, "/v1/figures:query", &figures).await;
        expect("figures from nowhere with wrong dates", &answer, 404, "NOT_FOUND")?;
        let path = format!("/v1/{}?updateMask=nothing", scene.elsewhere("staff", place));
        let answer = call(owner, Method::PATCH, &path, &json!({"displayName": "x"})).await;
        expect("staff from nowhere with a wrong mask", &answer, 404, "NOT_FOUND")?;
        let path = format!("/v1/{}:assign", scene.elsewhere("device", place));
        let window = json!({"window": scene.own().word("branch")});
        let answer = call(owner, Method::POST, &path, &window).await;
        expect("a device from nowhere to no window", &answer, 404, "NOT_FOUND")?;
    }
    Ok(())
}

pub async fn idempotency_conflict(scene: &Scene) -> Verdict {
    let (rest, key) = (&scene.org().rest, fresh());
    let branch = scene.own().word("branch");
    let send = async |name: &str| {
        let unit = json!({"parent": branch, "kind": "UNIT_KIND_WINDOW", "displayName": name});
        let request = rest.request(Method::POST, "/v1/units").header("idempotency-key", &key);
        read(request.json(&unit).send().await.expect("an answer")).await
    };
    let name = fresh();
    let first = send(&name).await;
    expect("the first", &first, 200, "")?;
    let again = send(&name).await;
    ensure(again == first, || format!("the same again: {again:?} instead of {first:?}"))?;
    expect("another one", &send(&fresh()).await, 409, "IDEMPOTENCY_CONFLICT")
}
