//! Alerts in the feed: raised, cleared, each told once.

use std::time::Duration;

use kit::{
    auth::InternalTokens,
    clock::{Clock as _, SystemClock},
    rpc::bearer,
    testing::{SEED, committed_groups},
};
use prost::Message as _;
use proto::{
    analytics::v1::{
        Alert, AlertRule, CreateAlertRuleRequest, DeleteAlertRuleRequest, Events,
        ListAlertsRequest, alert_service_client::AlertServiceClient, event::Change,
        event_service_client::EventServiceClient,
    },
    common::v1::{ListEventsRequest, Permission, WatchEventsRequest},
    names,
};
use tonic::Code;

use super::{
    comparisons::{days_ago, satisfied, tell},
    world::World,
};
use crate::alerts;

/// Yesterday most were bad, on the days before it one in ten.
async fn bad_day(world: &World) {
    let mut facts = Vec::new();
    for day in 1..40 {
        for number in 0..40 {
            let bad = if day == 1 { 30 } else { 4 + day % 3 };
            facts.push(days_ago(world, day, if number < bad { 1 } else { 5 }));
        }
    }
    tell(world, 1, &facts).await;
}

async fn rule(world: &World, token: &str) -> AlertRule {
    let rule = AlertRule {
        unit: names::print("units", world.org.root),
        title: "bad day".to_owned(),
        measure: satisfied(),
        baseline_days: 30,
        ..Default::default()
    };
    let request = CreateAlertRuleRequest { alert_rule: Some(rule), ..Default::default() };
    let mut client = AlertServiceClient::new(world.channel());
    client.create_alert_rule(bearer(request, token)).await.unwrap().into_inner()
}

async fn evaluate(world: &World) -> usize {
    alerts::evaluate(&world.service.app, &world.view()).await.unwrap()
}

/// What the feed has told, by group.
async fn told(world: &World) -> Vec<Vec<Change>> {
    let app = &world.service.app;
    let groups = committed_groups(&app.db, &app.outbox).await;
    let organisation = names::print("organisations", world.org.org);
    let group = |events: &[u8]| {
        let items = Events::decode(events).unwrap().items.into_iter();
        let change = |event: proto::analytics::v1::Event| {
            assert_eq!(event.organisation, organisation);
            event.change.unwrap()
        };
        items.map(change).collect()
    };
    groups.iter().map(|found| group(&found.events)).collect()
}

async fn listed(world: &World, token: &str) -> Vec<Alert> {
    let mut client = AlertServiceClient::new(world.channel());
    let list = client.list_alerts(bearer(ListAlertsRequest::default(), token)).await;
    list.unwrap().into_inner().alerts
}

#[tokio::test]
async fn an_alert_is_told_when_it_is_raised_and_when_a_good_day_clears_it() {
    for world in World::everywhere().await {
        let manager = [Permission::AnalyticsRead, Permission::TargetManage];
        let token = world.org.user(world.org.root, &manager).await;
        bad_day(&world).await;
        rule(&world, &token).await;
        assert_eq!((evaluate(&world).await, evaluate(&world).await), (1, 0), "{}", world.name);
        let list = listed(&world, &token).await;
        let raised = list.first().unwrap().clone();
        assert_eq!(raised.clear_time, None);
        assert_eq!(told(&world).await, [vec![Change::AlertRaised(raised.clone())]]);

        world.clock.advance(Duration::from_secs(86_400));
        let token = world.org.user(world.org.root, &manager).await;
        assert_eq!(evaluate(&world).await, 0, "nobody rated on that day");
        assert_eq!(listed(&world, &token).await, std::slice::from_ref(&raised), "so it stays open");
        let good: Vec<_> =
            (0..40).map(|n| days_ago(&world, 1, if n < 5 { 1 } else { 5 })).collect();
        tell(&world, 2, &good).await;
        assert_eq!((evaluate(&world).await, evaluate(&world).await), (0, 0));
        let cleared = listed(&world, &token).await.remove(0);
        let seconds = cleared.clear_time.unwrap().seconds - raised.create_time.unwrap().seconds;
        assert_eq!((seconds, &cleared.day), (86_400, &raised.day));
        let groups = told(&world).await;
        assert_eq!(groups[1..], [vec![Change::AlertCleared(cleared)]], "{}", world.name);
    }
}

#[tokio::test]
async fn the_alerts_of_a_rule_that_is_deleted_are_cleared() {
    for world in World::everywhere().await {
        let manager = [Permission::AnalyticsRead, Permission::TargetManage];
        let token = world.org.user(world.org.root, &manager).await;
        bad_day(&world).await;
        let rule = rule(&world, &token).await;
        assert_eq!(evaluate(&world).await, 1);
        let mut client = AlertServiceClient::new(world.channel());
        let request = DeleteAlertRuleRequest { name: rule.name };
        client.delete_alert_rule(bearer(request, &token)).await.unwrap();
        let cleared = listed(&world, &token).await.remove(0);
        assert!(cleared.clear_time.is_some());
        let groups = told(&world).await;
        assert_eq!(groups[1..], [vec![Change::AlertCleared(cleared)]], "{}", world.name);
    }
}

#[tokio::test]
async fn only_other_services_follow_the_feed_of_alerts() {
    let world = World::in_memory().await;
    // Tokens of services are of the present.
    world.clock.set(SystemClock.now_us());
    let all = [Permission::AnalyticsRead, Permission::FeedRead];
    let token = world.org.user(world.org.root, &all).await;
    let mut client = EventServiceClient::new(world.channel());
    let refused = client.list_events(bearer(ListEventsRequest::default(), &token)).await;
    assert_eq!(refused.unwrap_err().code(), Code::PermissionDenied);
    let internal = InternalTokens::new(&SEED).internal();
    let page = client.list_events(bearer(ListEventsRequest::default(), &internal)).await.unwrap();
    assert!(page.get_ref().at_end);
    let bad = WatchEventsRequest { after: "nowhere".to_owned() };
    let refused = client.watch_events(bearer(bad, &internal)).await.err().unwrap();
    assert_eq!(refused.code(), Code::InvalidArgument);
}
