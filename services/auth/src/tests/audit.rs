//! The audit chain.

use proto::auth::v1::audit_service_client::AuditServiceClient;
use sea_orm::ConnectionTrait as _;

use super::*;

async fn verify(world: &World, number: i64, hash: &str) -> VerifyAuditChainResponse {
    let request =
        VerifyAuditChainRequest { checkpoint_number: number, checkpoint_hash: hash.to_owned() };
    let mut api = AuditServiceClient::new(world.chan.clone());
    got(api.verify_audit_chain(bearer(request, &world.owner)).await).unwrap()
}

async fn records(world: &World, token: &str, request: ListAuditRecordsRequest) -> Vec<AuditRecord> {
    let mut api = AuditServiceClient::new(world.chan.clone());
    got(api.list_audit_records(bearer(request, token)).await).unwrap().records
}

async fn tamper(world: &World, sql: &str) {
    let tx = world.service.core.db.begin().await.unwrap();
    let org = names::parse("organisations", &world.org).unwrap().simple().to_string();
    let id =
        if world.url.starts_with("postgres") { format!("'{org}'") } else { format!("x'{org}'") };
    let done = tx.conn().execute_unprepared(&sql.replace("ORG", &id)).await.unwrap();
    assert!(done.rows_affected() > 0, "{sql}");
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn every_change_and_sign_in_is_on_record_without_personal_values() {
    for world in worlds().await {
        let a = world.unit(&world.root, "a").await;
        let (user, _) = world.person("li.wei", "analyst", &a).await;
        let wrong = world.try_sign_in("li.wei", "wrong password").await;
        refused(&world, wrong, Reason::BadCredentials);
        let session = world.sign_in("li.wei").await;
        world.refresh(&session.refresh_token).await.unwrap();
        // The same answer once more is no second event.
        world.refresh(&session.refresh_token).await.unwrap();
        let all = records(&world, &world.owner, ListAuditRecordsRequest::default()).await;
        let actions: Vec<_> = all
            .iter()
            .rev()
            .map(|r| (r.action.trim_start_matches("manyi.auth.v1."), r.outcome.as_str()))
            .collect();
        assert_eq!(
            actions,
            [
                ("OrganisationService/CreateOrganisation", "ok"),
                ("TokenService/CreateToken", "ok"),
                ("UnitService/CreateUnit", "ok"),
                ("UserService/CreateUser", "ok"),
                ("GrantService/CreateGrant", "ok"),
                ("TokenService/CreateToken", "ok"),
                ("TokenService/CreateToken", "BAD_CREDENTIALS"),
                ("TokenService/CreateToken", "ok"),
                ("TokenService/CreateToken", "ok"),
            ],
            "{}",
            world.name
        );
        assert_eq!((all[3].actor.as_str(), all[2].actor.as_str()), (&*user, "anonymous"));
        assert_eq!(
            (all[0].actor.as_str(), all[0].detail.as_str()),
            (&*user, r#"{"grantType":"refresh_token"}"#,)
        );
        let text = format!("{all:?}");
        for personal in ["li.wei", "先生", PASSWORD, "wrong password", "mrt_"] {
            assert!(!text.contains(personal), "{personal}");
        }
        let of_user = ListAuditRecordsRequest { object: user, ..Default::default() };
        assert_eq!(records(&world, &world.owner, of_user).await.len(), 4);
        // What was refused left nothing.
        let denied = world.try_unit(&world.owner, &world.root, "a").await;
        refused(&world, denied, Reason::AlreadyExists);
        assert_eq!(verify(&world, 0, "").await.checked, 9);
    }
}

#[tokio::test]
async fn a_regional_manager_reads_the_record_of_the_own_subtree() {
    for world in worlds().await {
        let (a, b) = (world.unit(&world.root, "a").await, world.unit(&world.root, "b").await);
        let (_, manager) = world.person("zhao", "regional-manager", &a).await;
        world.unit(&a, "inside").await;
        world.unit(&b, "outside").await;
        let seen = records(&world, &manager, ListAuditRecordsRequest::default()).await;
        // Its own making, grant and sign-in, the unit itself and the one inside.
        assert_eq!(seen.len(), 5, "{}: {seen:?}", world.name);
        assert!(seen.iter().all(|record| record.unit != b));
        let mut api = AuditServiceClient::new(world.chan.clone());
        let whole = VerifyAuditChainRequest::default();
        let whole = got(api.verify_audit_chain(bearer(whole, &manager)).await);
        refused(&world, whole, Reason::PermissionDenied);
    }
}

/// What is done to the chain, and the first record that no longer fits.
const TAMPERINGS: [(&str, i64); 7] = [
    ("UPDATE audit_record SET actor = 'operator' WHERE org_id = ORG AND number = 3", 3),
    ("UPDATE audit_record SET outcome = 'ok ' WHERE org_id = ORG AND number >= 4", 4),
    ("UPDATE audit_record SET hash = hash || hash WHERE org_id = ORG AND number = 2", 2),
    ("UPDATE audit_record SET time_us = time_us + 1 WHERE org_id = ORG AND number = 1", 1),
    ("DELETE FROM audit_record WHERE org_id = ORG AND number = 2", 2),
    ("DELETE FROM audit_record WHERE org_id = ORG AND number = 5", 5),
    ("UPDATE audit_record SET number = 9 WHERE org_id = ORG AND number = 3", 3),
];

#[tokio::test]
async fn tampering_is_found_at_the_first_record_that_it_touches() {
    for world in worlds().await {
        for name in ["a", "b", "c"] {
            world.unit(&world.root, name).await;
        }
        let copy = "CREATE TABLE kept AS SELECT * FROM audit_record";
        world.service.core.db.read().execute_unprepared(copy).await.unwrap();
        for (sql, broken) in TAMPERINGS {
            let intact = verify(&world, 0, "").await;
            assert!(intact.intact && intact.checked == 5, "{intact:?}");
            tamper(&world, sql).await;
            let found = verify(&world, 0, "").await;
            assert!(!found.intact, "{}: {sql}", world.name);
            assert_eq!(found.first_broken, broken, "{}: {sql}", world.name);
            tamper(&world, "DELETE FROM audit_record WHERE org_id = ORG").await;
            tamper(&world, "INSERT INTO audit_record SELECT * FROM kept WHERE org_id = ORG").await;
        }
    }
}

#[tokio::test]
async fn a_chain_cut_together_with_its_end_fails_the_checkpoint() {
    for world in worlds().await {
        for name in ["a", "b", "c"] {
            world.unit(&world.root, name).await;
        }
        let checkpoint = verify(&world, 0, "").await;
        let (number, hash) = (checkpoint.last_number, checkpoint.last_hash);
        tamper(&world, "DELETE FROM audit_record WHERE org_id = ORG AND number > 3").await;
        tamper(
            &world,
            "UPDATE audit_head SET number = 3, hash = (SELECT hash FROM audit_record \
             WHERE org_id = ORG AND number = 3) WHERE org_id = ORG",
        )
        .await;
        assert!(verify(&world, 0, "").await.intact);
        let found = verify(&world, number, &hash).await;
        assert_eq!((found.intact, found.first_broken), (false, 4), "{}", world.name);
        // The chain grows on, and still lacks what the checkpoint saw.
        for name in ["d", "e", "f"] {
            world.unit(&world.root, name).await;
        }
        assert!(verify(&world, 0, "").await.intact);
        let found = verify(&world, number, &hash).await;
        assert_eq!((found.intact, found.first_broken), (false, number), "{}", world.name);
    }
}

#[tokio::test]
async fn records_of_other_services_are_taken_once() {
    for world in worlds().await {
        let mut api = AuditServiceClient::new(world.chan.clone());
        let internal = world.tokens.internal();
        let request = AppendAuditRecordRequest {
            id: "0197-x".to_owned(),
            organisation: world.org.clone(),
            record: Some(AuditRecord {
                actor: "users/us_1".to_owned(),
                action: "manyi.device.v1.DeviceService/CreateDevice".to_owned(),
                unit: world.root.clone(),
                outcome: "ok".to_owned(),
                detail: "{}".to_owned(),
                ..Default::default()
            }),
        };
        let first = got(api.append_audit_record(bearer(request.clone(), &internal)).await);
        let again = got(api.append_audit_record(bearer(request.clone(), &internal)).await);
        assert_eq!((first.unwrap().number, again.unwrap().number), (3, 3), "{}", world.name);
        assert!(verify(&world, 0, "").await.intact);
        let nowhere =
            AppendAuditRecordRequest { organisation: random_name("organisations"), ..request };
        let nowhere = got(api.append_audit_record(bearer(nowhere, &internal)).await);
        refused(&world, nowhere, Reason::NotFound);
    }
}

#[tokio::test]
async fn changes_at_the_same_time_make_one_chain() {
    for world in worlds().await {
        let changes = (0..12).map(|i| {
            let world = world.clone();
            tokio::spawn(async move { world.unit(&world.root, &format!("u{i}")).await })
        });
        for done in futures::future::join_all(changes).await {
            done.unwrap();
        }
        let verdict = verify(&world, 0, "").await;
        assert_eq!((verdict.intact, verdict.checked), (true, 14), "{}", world.name);
    }
}
