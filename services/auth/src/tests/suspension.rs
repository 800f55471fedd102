//! Organisations that the operator suspends.

use kit::directory::CONSISTENCY_WAIT_MAX;
use proto::common::v1::Permission;
use tonic::Code;

use super::{
    clients::{create, form, partner},
    *,
};

fn organisations(world: &World) -> OrganisationServiceClient<Chan> {
    OrganisationServiceClient::new(world.chan.clone())
}

async fn suspend(world: &World, name: &str, token: &str) -> Result<Organisation> {
    let request = SuspendOrganisationRequest { name: name.to_owned(), remark: "unpaid".to_owned() };
    got(organisations(world).suspend_organisation(bearer(request, token)).await)
}

async fn resume(world: &World, name: &str) -> Result<Organisation> {
    let request = ResumeOrganisationRequest { name: name.to_owned() };
    let operator = world.tokens.operator();
    got(organisations(world).resume_organisation(bearer(request, &operator)).await)
}

#[tokio::test]
async fn a_suspended_organisation_is_shut_out_until_it_is_resumed() {
    for world in worlds().await {
        let operator = world.tokens.operator();
        let (other, _, _) = world.other_organisation("other").await;
        let before = world.sign_in("owner").await;
        let scopes = [Permission::OrgRead];
        let made = create(&world, &world.owner, partner(&world.root, &scopes), "").await.unwrap();
        let partner = form(&made.client_id, &made.client_secret, "");
        let suspended = suspend(&world, &world.org, &operator).await.unwrap();
        assert!(suspended.suspend_time.is_some(), "{}", world.name);
        assert_eq!(suspend(&world, &world.org, &operator).await.unwrap(), suspended);

        // Tokens that are alive, new ones by password, refresh and secret: all are refused.
        let reason = Reason::OrganisationSuspended;
        let error = refused(&world, world.who(&before.access_token).await, reason);
        assert_eq!(error.code(), Code::FailedPrecondition);
        assert!(error.retry_after().is_some());
        refused(&world, world.try_sign_in("owner", PASSWORD).await, reason);
        refused(&world, world.refresh(&before.refresh_token).await, reason);
        refused(&world, world.token(partner.clone()).await, reason);
        // A stranger learns nothing of it.
        let wrong = world.try_sign_in("owner", "wrong password").await;
        refused(&world, wrong, Reason::BadCredentials);
        // Others go on.
        world.token(password_form("other", "owner", PASSWORD)).await.unwrap();
        assert_ne!(other, world.org);

        let resumed = resume(&world, &world.org).await.unwrap();
        assert_eq!(resumed.suspend_time, None);
        assert_eq!(resume(&world, &world.org).await.unwrap(), resumed);
        world.who(&before.access_token).await.unwrap();
        world.refresh(&before.refresh_token).await.unwrap();
        world.token(partner).await.unwrap();
    }
}

#[tokio::test]
async fn only_the_operator_suspends_and_only_what_exists() {
    for world in worlds().await {
        let denied = suspend(&world, &world.org, &world.owner).await;
        refused(&world, denied, Reason::PermissionDenied);
        let operator = world.tokens.operator();
        let absent = suspend(&world, &random_name("organisations"), &operator).await;
        refused(&world, absent, Reason::NotFound);
        let bad = suspend(&world, "organisations/x", &operator).await;
        refused(&world, bad, Reason::InvalidField);
        refused(&world, resume(&world, &random_name("organisations")).await, Reason::NotFound);
    }
}

#[tokio::test]
async fn another_replica_hears_of_a_suspension_and_no_device_is_enrolled_meanwhile() {
    for world in worlds().await {
        if world.url.contains("memory") {
            continue;
        }
        let unit = world.unit(&world.root, "a").await;
        let replica = world.replica().await;
        let request = SuspendOrganisationRequest { name: world.org.clone(), remark: String::new() };
        let operator = world.tokens.operator();
        let done = organisations(&world).suspend_organisation(bearer(request, &operator)).await;
        let position = position_of(&done.unwrap());
        let stop = tokio_util::sync::CancellationToken::new();
        let background = tokio::spawn(replica.service.clone().background(stop.clone()));
        let directory = &replica.service.core.directory;
        directory.wait_for(&position, CONSISTENCY_WAIT_MAX).await.unwrap();
        refused(&replica, replica.who(&world.owner).await, Reason::OrganisationSuspended);
        stop.cancel();
        background.await.unwrap();

        let issue = IssueDeviceCredentialRequest {
            organisation: world.org.clone(),
            device: random_name("devices"),
            unit,
            display_name: String::new(),
        };
        let issue = bearer(issue, &world.tokens.internal());
        let issued = got(world.clients().issue_device_credential(issue).await);
        refused(&world, issued, Reason::OrganisationSuspended);
    }
}
