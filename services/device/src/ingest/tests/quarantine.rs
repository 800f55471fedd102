//! What cannot be placed is kept until somebody decides.

use proto::device::v1::{
    DeleteQuarantinedRatingRequest, ListQuarantinedRatingsRequest, QuarantineCause,
    QuarantinedRating, Rating as ShownRating, ReleaseQuarantinedRatingRequest,
    quarantine_service_client::QuarantineServiceClient,
};
use tonic::Code;

use super::*;

struct Keeper<'a> {
    world: &'a World,
    token: String,
}

impl<'a> Keeper<'a> {
    async fn new(world: &'a World, unit: Uuid) -> Self {
        let token = world.org.user(unit, &[Permission::QuarantineManage]).await;
        Self { world, token }
    }

    fn client(&self) -> QuarantineServiceClient<Chan> {
        QuarantineServiceClient::new(self.world.chan.clone())
    }

    async fn list(&self) -> Vec<QuarantinedRating> {
        let mut found = Vec::new();
        let mut page_token = String::new();
        loop {
            let request =
                ListQuarantinedRatingsRequest { page_size: 2, page_token, ..Default::default() };
            let page = self.client().list_quarantined_ratings(bearer(request, &self.token)).await;
            let page = page.unwrap().into_inner();
            found.extend(page.quarantined_ratings);
            page_token = page.next_page_token;
            if page_token.is_empty() {
                return found;
            }
        }
    }

    async fn release(
        &self,
        name: &str,
        window: Option<Uuid>,
        template: Option<Uuid>,
    ) -> Result<ShownRating, Status> {
        let request = ReleaseQuarantinedRatingRequest {
            name: name.to_owned(),
            window: names::print_opt("units", window),
            template: names::print_opt("templates", template),
        };
        let answer = self.client().release_quarantined_rating(bearer(request, &self.token)).await;
        Ok(answer?.into_inner())
    }

    async fn delete(&self, name: &str) -> Result<(), Status> {
        let request = DeleteQuarantinedRatingRequest { name: name.to_owned() };
        self.client().delete_quarantined_rating(bearer(request, &self.token)).await.map(|_| ())
    }
}

async fn revoke(world: &World, device: Uuid) {
    let mut found =
        store::device::find(world.db().read(), world.org.org, device).await.unwrap().unwrap();
    found.revoke(NOW);
    let tx = world.db().begin().await.unwrap();
    store::device::save(tx.conn(), &mut found).await.unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn what_a_revoked_device_sends_is_not_counted_until_it_is_released() {
    for world in worlds().await {
        let (device, token) = world.sender().await;
        let sent = messages(1..=3);
        world.send(&token, sent[..1].to_vec()).await;
        revoke(&world, device).await;
        let answer = world.send(&token, sent.clone()).await;
        let held = (9, "QUARANTINED", false);
        assert_eq!(short(&answer.results), [AGAIN, held, held], "{}", world.name);
        assert_eq!(answer.acknowledgements[0].contiguous_sequence, 3);
        assert_eq!(world.stored().await.len(), 1);

        let keeper = Keeper::new(&world, world.org.root).await;
        let listed = keeper.list().await;
        assert_eq!(listed.len(), 2);
        assert_eq!(listed[0].cause(), QuarantineCause::RevokedDevice);
        assert_eq!(listed[0].message.as_ref().map(|m| m.grade), Some(5));
        let name = listed[1].name.clone();
        let released = keeper.release(&name, None, None).await.unwrap();
        let again = keeper.release(&name, None, None).await.unwrap();
        assert_eq!(released, again);
        assert!([&answer.results[1].receipt, &answer.results[2].receipt].contains(&&released.name));
        assert_eq!(released.score_0_100, 100.0);
        assert_eq!(keeper.delete(&name).await.unwrap_err().code(), Code::FailedPrecondition);

        let other = listed[0].name.clone();
        keeper.delete(&other).await.unwrap();
        keeper.delete(&other).await.unwrap();
        let error = keeper.release(&other, None, None).await.unwrap_err();
        assert_eq!(error.code(), Code::FailedPrecondition);
        assert!(keeper.list().await.is_empty());
        // A resend says the same as before and counts nothing.
        let answer = world.send(&token, sent).await;
        let mut found = short(&answer.results);
        found.sort_unstable();
        assert_eq!(found, [AGAIN, AGAIN, held]);
        assert_eq!(world.stored().await.len(), 2);
        world.check_feed().await;
    }
}

#[tokio::test]
async fn a_release_supplies_what_was_missing() {
    for world in worlds().await {
        let device =
            world.device_of(&world.org, world.org.branches[0], None, Kind::Tablet, 0).await;
        let unit = world.org.branches[0];
        let token = world.org.client(unit, &[Permission::RatingSubmit], Some(device)).await;
        let mut sent = messages(1..=2);
        sent[1].template = names::print("templates", Uuid::now_v7());
        let answer = world.send(&token, sent).await;
        let found: Vec<&str> = answer.results.iter().map(|r| r.reason.as_str()).collect();
        assert_eq!(found, ["QUARANTINED", "UNKNOWN_TEMPLATE"]);
        let keeper = Keeper::new(&world, world.org.root).await;
        let name = |result: usize| {
            let id = names::parse("ratings", &answer.results[result].receipt).unwrap();
            names::print("quarantinedRatings", id)
        };
        let error = keeper.release(&name(0), None, None).await.unwrap_err();
        assert_eq!(error.code(), Code::FailedPrecondition, "{}", world.name);
        let window = world.org.windows[1];
        let error = keeper.release(&name(0), Some(world.org.branches[0]), None).await.unwrap_err();
        assert_eq!(error.code(), Code::InvalidArgument);
        let released = keeper.release(&name(0), Some(window), None).await.unwrap();
        assert_eq!(released.window, names::print("units", window));
        assert_eq!(released.name, answer.results[0].receipt);
        let template = world.service.app.templates.default_of(world.org.org).await.unwrap().id;
        let error = keeper.release(&name(1), Some(window), None).await.unwrap_err();
        assert_eq!(error.code(), Code::FailedPrecondition);
        keeper.release(&name(1), Some(window), Some(template)).await.unwrap();
        assert_eq!(world.stored().await.len(), 2);
        world.check_feed().await;
    }
}

#[tokio::test]
async fn quarantine_is_seen_only_by_those_above_its_device() {
    let world = small_world().await;
    let (device, token) = world.sender().await;
    revoke(&world, device).await;
    let answer = world.send(&token, messages([1])).await;
    let id = names::parse("ratings", &answer.results[0].receipt).unwrap();
    let name = names::print("quarantinedRatings", id);
    let stranger = Keeper::new(&world, world.org.branches[1]).await;
    assert!(stranger.list().await.is_empty());
    assert_eq!(stranger.release(&name, None, None).await.unwrap_err().code(), Code::NotFound);
    assert_eq!(stranger.delete(&name).await.unwrap_err().code(), Code::NotFound);
    let branch = Keeper::new(&world, world.org.branches[0]).await;
    assert_eq!(branch.list().await.len(), 1);
    let foreign = Some(world.org.windows[3]);
    assert_eq!(branch.release(&name, foreign, None).await.unwrap_err().code(), Code::NotFound);
    assert!(branch.release(&name, None, None).await.is_ok());
}
