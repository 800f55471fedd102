//! Sign-in, sessions, refresh tokens, failures.

use auth_domain::{role::BuiltIn, session::SESSIONS_MAX};
use proto::auth::v1::session_service_client::SessionServiceClient;

use super::*;

#[tokio::test]
async fn a_person_signs_in_and_is_known() {
    for world in worlds().await {
        let answer = world.sign_in("OWNER").await;
        assert_eq!((answer.token_type.as_str(), answer.expires_in), ("Bearer", 600));
        let own = world.who(&answer.access_token).await.unwrap();
        assert_eq!(own.organisation.unwrap().slug, BANK);
        assert_eq!(own.grants[0].role, "roles/owner");
        assert_eq!(own.permissions, BuiltIn::Owner.permissions().numbers());
        // The organisation may be left out while there is one.
        world.token(password_form("", "owner", PASSWORD)).await.unwrap();
        world.other_organisation("second").await;
        let left_out = world.token(password_form("", "owner", PASSWORD)).await;
        refused(&world, left_out, Reason::InvalidField);
    }
}

#[tokio::test]
async fn an_access_token_is_over_after_ten_minutes() {
    let world = worlds().await.remove(0);
    world.advance(611);
    refused(&world, world.who(&world.owner).await, Reason::TokenExpired);
}

#[tokio::test]
async fn known_and_unknown_accounts_get_the_same_bytes() {
    for world in worlds().await {
        let user = world.try_user(&world.owner, "locked", &world.root).await.unwrap();
        let user = User { disabled: true, ..user };
        let request = UpdateUserRequest { user: Some(user), update_mask: None };
        world.users().update_user(bearer(request, &world.owner)).await.unwrap();
        let mut seen = Vec::new();
        for form in [
            password_form(BANK, "owner", "wrong password"),
            password_form(BANK, "nobody", "wrong password"),
            password_form(BANK, "' OR 1=1--", "wrong password"),
            password_form("no-such-bank", "owner", "wrong password"),
            password_form(BANK, "locked", PASSWORD),
        ] {
            let status = world.tokens_api().create_token(form).await.unwrap_err();
            assert_eq!(ServiceError::from(status.clone()).reason(), Reason::BadCredentials);
            seen.push((status.code(), status.message().to_owned(), status.details().to_vec()));
        }
        assert!(seen.windows(2).all(|pair| pair[0] == pair[1]), "{}: {seen:?}", world.name);
    }
}

#[tokio::test]
async fn forms_that_are_no_forms_are_refused_by_name() {
    let world = worlds().await.remove(0);
    for (form, reason, oauth) in [
        (password_form(BANK, "", "x"), Reason::InvalidField, "invalid_request"),
        (password_form(BANK, "owner", ""), Reason::InvalidField, "invalid_request"),
        (password_form(BANK, "owner", &"x".repeat(129)), Reason::InvalidField, "invalid_request"),
        (password_form(BANK, "own\0er", PASSWORD), Reason::InvalidField, "invalid_request"),
        (refresh_form(""), Reason::InvalidField, "invalid_request"),
        (refresh_form("mrt_unknown"), Reason::BadCredentials, "invalid_grant"),
        (
            CreateTokenRequest { grant_type: "implicit".to_owned(), ..Default::default() },
            Reason::InvalidField,
            "unsupported_grant_type",
        ),
        (
            CreateTokenRequest {
                scope: "org.read".to_owned(),
                ..password_form(BANK, "owner", PASSWORD)
            },
            Reason::InvalidField,
            "invalid_scope",
        ),
    ] {
        let error = refused(&world, world.token(form).await, reason);
        assert!(format!("{error:?}").contains(oauth), "{error:?}");
    }
}

#[tokio::test]
async fn failures_close_an_account_for_a_growing_time_and_survive_a_restart() {
    for mut world in worlds().await {
        for login in ["owner", "nobody"] {
            for _ in 0..10 {
                let failed = world.try_sign_in(login, "wrong password").await;
                refused(&world, failed, Reason::BadCredentials);
            }
            if !world.url.contains("memory") {
                world = world.replica().await;
            }
            let mut waits = Vec::new();
            for _ in 0..3 {
                // Also with the right password.
                let failed = world.try_sign_in(login, PASSWORD).await;
                let wait = refused(&world, failed, Reason::TooManyAttempts).retry_after().unwrap();
                waits.push(wait.as_secs());
                world.advance(wait.as_secs());
                let failed = world.try_sign_in(login, "wrong password").await;
                refused(&world, failed, Reason::BadCredentials);
            }
            assert_eq!(waits, [30, 60, 120], "{}", world.name);
        }
        world.advance(240);
        world.sign_in("owner").await;
        // A success forgets what was counted.
        let failed = world.try_sign_in("owner", "wrong password").await;
        refused(&world, failed, Reason::BadCredentials);
        world.sign_in("owner").await;
    }
}

#[tokio::test]
async fn a_strangers_guesses_do_not_keep_a_known_device_out() {
    for world in worlds().await {
        let before = world.sign_in("owner").await;
        world.person("li", "analyst", &world.root).await;
        let others = world.sign_in("li").await;
        for _ in 0..10 {
            let failed = world.try_sign_in("owner", "wrong password").await;
            refused(&world, failed, Reason::BadCredentials);
        }
        let from = |device: &CreateTokenResponse, password: &str| CreateTokenRequest {
            refresh_token: device.refresh_token.clone(),
            ..password_form(BANK, "owner", password)
        };
        let closed = world.try_sign_in("owner", PASSWORD).await;
        refused(&world, closed, Reason::TooManyAttempts);
        let stranger = world.token(from(&others, PASSWORD)).await;
        refused(&world, stranger, Reason::TooManyAttempts);
        world.token(from(&before, PASSWORD)).await.unwrap();
        // The known device has ten attempts of its own and no more.
        for _ in 0..10 {
            let failed = world.token(from(&before, "wrong password")).await;
            refused(&world, failed, Reason::BadCredentials);
        }
        let closed = world.token(from(&before, PASSWORD)).await;
        refused(&world, closed, Reason::TooManyAttempts);
    }
}

#[tokio::test]
async fn guesses_from_neighbouring_addresses_count_together_whatever_account_they_aim_at() {
    for world in worlds().await {
        let known = world.sign_in("owner").await;
        let from = async |address: &str, form: CreateTokenRequest| {
            let mut request = tonic::Request::new(form);
            request.metadata_mut().insert("x-manyi-client-address", address.parse().unwrap());
            got(world.tokens_api().create_token(request).await)
        };
        for guess in 0..30 {
            let slug = if guess % 2 == 0 { BANK } else { "unknown" };
            let form = password_form(slug, &format!("user{guess}"), "wrong password");
            let failed = from(&format!("203.0.113.{guess}"), form).await;
            refused(&world, failed, Reason::BadCredentials);
        }
        let right = || password_form(BANK, "owner", PASSWORD);
        let closed = from("203.0.113.99", right()).await;
        let error = refused(&world, closed, Reason::TooManyAttempts);
        assert_eq!(error.retry_after().unwrap().as_secs(), 30, "{}", world.name);
        // Elsewhere, and from a device that is known, the right password passes.
        from("203.0.114.99", right()).await.unwrap();
        let device = CreateTokenRequest { refresh_token: known.refresh_token, ..right() };
        from("203.0.113.99", device).await.unwrap();
        if world.url.contains("memory") {
            continue;
        }
        // It outlives the process.
        let replica = world.replica().await;
        let mut request = tonic::Request::new(right());
        request.metadata_mut().insert("x-manyi-client-address", "203.0.113.1".parse().unwrap());
        let closed = got(replica.tokens_api().create_token(request).await);
        refused(&world, closed, Reason::TooManyAttempts);
        world.advance(30);
        from("203.0.113.99", right()).await.unwrap();
    }
}

#[tokio::test]
async fn guesses_at_the_same_time_are_not_looked_at_more_often() {
    let world = worlds().await.pop().unwrap();
    let guesses = (0..14).map(|_| world.try_sign_in("owner", "wrong password"));
    let answers = futures::future::join_all(guesses).await;
    let looked_at = answers
        .iter()
        .filter(|answer| answer.as_ref().unwrap_err().reason() == Reason::BadCredentials);
    assert!(looked_at.count() <= 10);
}

#[tokio::test]
async fn a_refresh_token_is_exchanged_once() {
    for world in worlds().await {
        let first = world.sign_in("owner").await;
        let second = world.refresh(&first.refresh_token).await.unwrap();
        assert_ne!(first.refresh_token, second.refresh_token);
        let third = world.refresh(&second.refresh_token).await.unwrap();
        world.who(&third.access_token).await.unwrap();
        // The first is presented again although its successor was used: it was stolen.
        let reused = world.refresh(&first.refresh_token).await;
        refused(&world, reused, Reason::BadCredentials);
        let ended = world.refresh(&third.refresh_token).await;
        refused(&world, ended, Reason::BadCredentials);
        refused(&world, world.who(&third.access_token).await, Reason::Revoked);
        // Other sessions go on.
        world.who(&world.owner).await.unwrap();
    }
}

#[tokio::test]
async fn a_lost_answer_is_given_again_once_within_ten_seconds() {
    for world in worlds().await {
        let first = world.sign_in("owner").await;
        let lost = world.refresh(&first.refresh_token).await.unwrap();
        world.advance(9);
        let again = world.refresh(&first.refresh_token).await.unwrap();
        assert_eq!(lost.refresh_token, again.refresh_token, "{}", world.name);
        let twice = world.refresh(&first.refresh_token).await;
        refused(&world, twice, Reason::BadCredentials);
        refused(&world, world.refresh(&again.refresh_token).await, Reason::BadCredentials);

        let first = world.sign_in("owner").await;
        world.refresh(&first.refresh_token).await.unwrap();
        world.advance(11);
        let late = world.refresh(&first.refresh_token).await;
        refused(&world, late, Reason::BadCredentials);
    }
}

#[tokio::test]
async fn of_many_exchanges_at_once_all_lead_to_one_successor_or_end_the_session() {
    for world in worlds().await {
        let first = world.sign_in("owner").await;
        let same = (0..5).map(|_| world.refresh(&first.refresh_token));
        let answers = futures::future::join_all(same).await;
        let given: Vec<_> = answers.iter().filter_map(|answer| answer.as_ref().ok()).collect();
        assert_eq!(given.len(), 2, "{}", world.name);
        assert_eq!(given[0].refresh_token, given[1].refresh_token);
        refused(&world, world.refresh(&given[0].refresh_token).await, Reason::BadCredentials);
        refused(&world, world.who(&given[0].access_token).await, Reason::Revoked);
    }
}

#[tokio::test]
async fn sessions_end_with_revocation_password_and_account() {
    for world in worlds().await {
        let (user, _) = world.person("li", "analyst", &world.root).await;
        let mut sessions = SessionServiceClient::new(world.chan.clone());

        let signed_in = world.sign_in("li").await;
        let form = RevokeTokenRequest { token: signed_in.refresh_token.clone() };
        world.tokens_api().revoke_token(form.clone()).await.unwrap();
        world.tokens_api().revoke_token(form).await.unwrap();
        let unknown = RevokeTokenRequest { token: "mrt_nothing".to_owned() };
        world.tokens_api().revoke_token(unknown).await.unwrap();
        refused(&world, world.who(&signed_in.access_token).await, Reason::Revoked);
        refused(&world, world.refresh(&signed_in.refresh_token).await, Reason::BadCredentials);

        world.advance(1);
        let by_owner = world.sign_in("li").await;
        let list = ListSessionsRequest { user: user.clone() };
        let alive = got(sessions.list_sessions(bearer(list, &world.owner)).await).unwrap();
        let name = alive.sessions[0].name.clone();
        let revoke = RevokeSessionRequest { name };
        let ended = got(sessions.revoke_session(bearer(revoke, &world.owner)).await).unwrap();
        assert!(ended.revoke_time.is_some());
        refused(&world, world.who(&by_owner.access_token).await, Reason::Revoked);

        let own = world.sign_in("li").await;
        let other = world.sign_in("li").await;
        let change = |current: &str, new: &str| ChangePasswordRequest {
            current_password: current.to_owned(),
            new_password: new.to_owned(),
        };
        let wrong = change("wrong password", "another 好 password");
        let wrong = got(world.users().change_password(bearer(wrong, &own.access_token)).await);
        refused(&world, wrong, Reason::BadCredentials);
        let weak = change(PASSWORD, "password123");
        let weak = got(world.users().change_password(bearer(weak, &own.access_token)).await);
        refused(&world, weak, Reason::WeakPassword);
        let good = change(PASSWORD, "another 好 password");
        world.users().change_password(bearer(good, &own.access_token)).await.unwrap();
        world.who(&own.access_token).await.unwrap();
        refused(&world, world.who(&other.access_token).await, Reason::Revoked);
        refused(&world, world.try_sign_in("li", PASSWORD).await, Reason::BadCredentials);

        let reset = ResetPasswordRequest { name: user.clone(), password: PASSWORD.to_owned() };
        world.users().reset_password(bearer(reset, &world.owner)).await.unwrap();
        refused(&world, world.who(&own.access_token).await, Reason::Revoked);
        let last = world.sign_in("li").await;

        let user = User { name: user, disabled: true, ..Default::default() };
        let disable = UpdateUserRequest { user: Some(user), update_mask: None };
        world.users().update_user(bearer(disable, &world.owner)).await.unwrap();
        refused(&world, world.who(&last.access_token).await, Reason::Revoked);
        refused(&world, world.refresh(&last.refresh_token).await, Reason::BadCredentials);
        refused(&world, world.try_sign_in("li", PASSWORD).await, Reason::BadCredentials);
    }
}

#[tokio::test]
async fn the_oldest_session_ends_when_there_are_too_many() {
    let world = worlds().await.remove(0);
    let oldest = world.owner.clone();
    for _ in 1..SESSIONS_MAX {
        world.advance(1);
        world.sign_in("owner").await;
    }
    world.who(&oldest).await.unwrap();
    world.sign_in("owner").await;
    refused(&world, world.who(&oldest).await, Reason::Revoked);
}
