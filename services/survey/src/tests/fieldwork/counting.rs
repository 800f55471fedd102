//! Counts, quotas and the use of invitations when much happens at once.

use std::{collections::BTreeMap, sync::Arc};

use futures::{StreamExt as _, stream};
use proto::{
    names,
    survey::v1::{self, ResponseChannel as Channel},
};
use sea_orm::{ConnectionTrait, Statement};
use survey_domain::{customer::class_id, invitation::State};
use uuid::Uuid;

use super::scene::{Scene, census, scenes};
use crate::{
    fieldwork::{
        counting::Tally,
        entry::{self, Answer, Consumed, Ticket},
        held::Held,
    },
    state::App,
};

async fn ticket(app: &App, org: Uuid, name: &str) -> Ticket {
    let id = names::parse("invitations", name).unwrap();
    entry::of_invitation(app.db.read(), org, id).await.unwrap().unwrap()
}

/// Consumes in a transaction of its own, as if an answer were stored with it.
async fn consume(app: &App, ticket: &Ticket) -> kit::error::Result<Consumed> {
    let view = app.directory.organisation(ticket.org()).unwrap();
    let answer = Answer { channel: ticket.channel, suspect: false, at_us: app.clock.now_us() };
    let tx = app.db.begin().await?;
    let mut tally = Tally::default();
    let mut held = Held::of(&tx, [ticket]).await?;
    let consumed = entry::consume(&tx, &mut tally, &mut held, &view, ticket, answer).await?;
    held.write(&tx).await?;
    tally.write(tx.conn(), Uuid::now_v7()).await?;
    tx.commit().await?;
    Ok(consumed)
}

/// Tries again when another transaction came first.
async fn consume_surely(app: Arc<App>, ticket: Ticket) -> Consumed {
    loop {
        match consume(&app, &ticket).await {
            Ok(consumed) => return consumed,
            Err(error) if error.is_retryable() => tokio::task::yield_now().await,
            Err(error) => panic!("{error}"),
        }
    }
}

async fn running(scene: &Scene, customers: usize, quotas: Vec<v1::Quota>) -> String {
    scene.customers([customers, 0]).await;
    let draft = v1::Campaign { sampling: Some(census()), quotas, ..scene.draft() };
    let campaign = scene.create(draft).await;
    scene.draw(&campaign.name).await;
    scene.open(&campaign.name).await;
    campaign.name
}

fn tally(outcomes: &[Consumed]) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for outcome in outcomes {
        *counts.entry(format!("{outcome:?}")).or_default() += 1;
    }
    counts
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_answers_at_once_use_an_invitation_up_once() {
    for scene in scenes().await {
        let campaign = running(&scene, 1, Vec::new()).await;
        let name = scene.invited(&campaign).await[0].name.clone();
        let ticket = ticket(&scene.world.app, scene.world.org.org, &name).await;
        let answers =
            (0..100).map(|_| tokio::spawn(consume_surely(scene.world.app.clone(), ticket.clone())));
        let outcomes: Vec<Consumed> =
            futures::future::join_all(answers).await.into_iter().map(Result::unwrap).collect();
        let expected: BTreeMap<String, usize> =
            [("Taken".to_owned(), 1), ("Used".to_owned(), 99)].into();
        assert_eq!(tally(&outcomes), expected, "{}", scene.world.name);
        assert_eq!(scene.status(&campaign).await.total.unwrap().answered, 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_quota_is_filled_exactly() {
    for scene in scenes().await {
        let unit = names::print("units", scene.world.org.branches[0]);
        let quotas = vec![
            v1::Quota { unit, limit: 7, ..Default::default() },
            v1::Quota {
                unit: names::print("units", scene.world.org.region),
                limit: 100,
                ..Default::default()
            },
        ];
        let campaign = running(&scene, 30, quotas).await;
        let mut answers = Vec::new();
        for i in scene.invited(&campaign).await {
            let ticket = ticket(&scene.world.app, scene.world.org.org, &i.name).await;
            answers.push(tokio::spawn(consume_surely(scene.world.app.clone(), ticket)));
        }
        let outcomes: Vec<Consumed> =
            futures::future::join_all(answers).await.into_iter().map(Result::unwrap).collect();
        let expected: BTreeMap<String, usize> =
            [("Taken".to_owned(), 7), ("QuotaFull".to_owned(), 23)].into();
        assert_eq!(tally(&outcomes), expected, "{}", scene.world.name);
        let status = scene.status(&campaign).await;
        let filled: Vec<(i32, i32)> = status.quotas.iter().map(|q| (q.filled, q.limit)).collect();
        assert!(filled.contains(&(7, 7)) && filled.contains(&(7, 100)), "{filled:?}");
        assert_eq!(status.total.unwrap().answered, 7);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_accepted_after_closing_was_answered() {
    for scene in scenes().await {
        let campaign = running(&scene, 60, Vec::new()).await;
        let mut answers = Vec::new();
        for i in scene.invited(&campaign).await {
            let ticket = ticket(&scene.world.app, scene.world.org.org, &i.name).await;
            answers.push(tokio::spawn(consume_surely(scene.world.app.clone(), ticket)));
        }
        tokio::task::yield_now().await;
        scene.close(&campaign).await;
        let answered = scene.status(&campaign).await.total.unwrap().answered;
        let outcomes: Vec<Consumed> =
            futures::future::join_all(answers).await.into_iter().map(Result::unwrap).collect();
        let accepted = outcomes.iter().filter(|o| **o == Consumed::Taken).count();
        assert_eq!(i64::try_from(accepted).unwrap(), answered, "{}", scene.world.name);
        assert!(outcomes.iter().all(|o| matches!(o, Consumed::Taken | Consumed::Closed)));
        // Those who did not answer expire, and the counts know how far they were.
        scene.sweep().await;
        let status = scene.status(&campaign).await;
        let total = status.total.unwrap();
        assert_eq!((total.answered + total.expired, total.queued), (60, 0));
        let rr1 = status.rates.unwrap().rr1.unwrap();
        assert!((rr1 - answered as f64 / 60.0).abs() < 1e-12);
    }
}

#[tokio::test]
async fn before_the_opening_time_and_after_the_closing_time_nothing_is_accepted() {
    for scene in scenes().await {
        let app = &scene.world.app;
        scene.customers([1, 0]).await;
        let now_us = app.clock.now_us();
        let hour_us = 3_600_000_000;
        let draft = v1::Campaign {
            sampling: Some(census()),
            open_time: Some(proto::time::from_us(now_us + hour_us)),
            close_time: Some(proto::time::from_us(now_us + 2 * hour_us)),
            ..scene.draft()
        };
        let campaign = scene.create(draft).await.name;
        scene.draw(&campaign).await;
        let name = scene.invited(&campaign).await[0].name.clone();
        // A draft leads nowhere.
        let id = names::parse("invitations", &name).unwrap();
        let org = scene.world.org.org;
        assert!(entry::of_invitation(app.db.read(), org, id).await.unwrap().is_none());
        scene.open(&campaign).await;
        assert_eq!(scene.status(&campaign).await.total.unwrap().prepared, 1);
        let early = ticket(app, org, &name).await;
        assert_eq!(consume(app, &early).await.unwrap(), Consumed::NotYet);
        scene.world.pass(3_600);
        scene.sweep().await;
        assert_eq!(scene.status(&campaign).await.total.unwrap().queued, 1);
        let known = ticket(app, org, &name).await;
        scene.world.pass(3_600);
        assert_eq!(consume(app, &known).await.unwrap(), Consumed::Closed);
        // Time alone closes it.
        scene.sweep().await;
        scene.sweep().await;
        let status = scene.status(&campaign).await;
        assert_eq!(status.total.unwrap().expired, 1, "{}", scene.world.name);
    }
}

#[tokio::test]
async fn counts_are_those_of_the_rows_whatever_happened() {
    for scene in scenes().await {
        let app = &scene.world.app;
        let org = scene.world.org.org;
        scene.customers([20, 20]).await;
        let draft = v1::Campaign { sampling: Some(census()), ..scene.draft() };
        let campaign = scene.create(draft).await.name;
        scene.draw(&campaign).await;
        scene.draw(&campaign).await;
        scene.open(&campaign).await;
        let invited = scene.invited(&campaign).await;
        for (n, i) in invited.iter().enumerate() {
            let ticket = ticket(app, org, &i.name).await;
            let news: &[State] = match n % 5 {
                0 => &[State::Opened, State::Started],
                1 => &[State::Opened],
                2 => &[State::Started, State::Opened],
                _ => &[],
            };
            for heard in news {
                let again = self::ticket(app, org, &i.name).await;
                entry::hear(app, &again, *heard).await.unwrap();
            }
            if n % 3 == 0 {
                assert_eq!(consume(app, &ticket).await.unwrap(), Consumed::Taken);
            }
            if n % 7 == 0 {
                scene.world.pass(86_400);
            }
        }
        agree(&scene, &campaign).await;
        scene.close(&campaign).await;
        scene.sweep().await;
        agree(&scene, &campaign).await;
    }
}

/// The counts of states, classes, units and channels are those of the rows.
async fn agree(scene: &Scene, campaign: &str) {
    let conn = scene.world.app.db.read();
    let id = names::parse("campaigns", campaign).unwrap();
    let status = scene.status(campaign).await;
    let count = async |column: &str, value: sea_orm::Value, state: State| -> i64 {
        let sql = format!(
            "SELECT COUNT(*) AS n FROM invitation \
             WHERE campaign_id = $1 AND {column} = $2 AND state = $3"
        );
        let values = [id.into(), value, (state as i16).into()];
        let statement = Statement::from_sql_and_values(conn.get_database_backend(), sql, values);
        conn.query_one_raw(statement).await.unwrap().unwrap().try_get("", "n").unwrap()
    };
    let shown = |c: &v1::StateCounts| [c.queued, c.opened, c.started, c.answered, c.expired];
    let states = [State::Queued, State::Opened, State::Started, State::Answered, State::Expired];
    let mut groups: Vec<(&str, sea_orm::Value, v1::StateCounts)> =
        vec![("campaign_id", id.into(), status.total.unwrap())];
    for unit in &status.units {
        let unit_id = names::parse("units", &unit.group).unwrap();
        groups.push(("unit_id", unit_id.into(), unit.counts.unwrap()));
    }
    for class in &status.classes {
        let class_id = names::parse("customerClasses", &class.group).unwrap();
        groups.push(("class_id", class_id.into(), class.counts.unwrap()));
    }
    for channel in &status.channels {
        let number = i16::try_from(channel.channel).unwrap();
        groups.push(("channel", number.into(), channel.counts.unwrap()));
    }
    assert!(groups.len() >= 6);
    for (column, value, counts) in groups {
        for (state, shown) in states.into_iter().zip(shown(&counts)) {
            let rows = count(column, value.clone(), state).await;
            assert_eq!(shown, rows, "{}: {column} {state:?}", scene.world.name);
        }
    }
    let days: i64 = status.days.iter().map(|d| d.counts.unwrap().answered).sum();
    assert_eq!(days, status.total.unwrap().answered);
}

#[tokio::test]
async fn an_anonymous_campaign_notes_days_and_nothing_of_the_answering() {
    for scene in scenes().await {
        let app = &scene.world.app;
        let org = scene.world.org.org;
        scene.customers([3, 0]).await;
        let draft = v1::Campaign { sampling: Some(census()), anonymous: true, ..scene.draft() };
        let campaign = scene.create(draft).await.name;
        scene.draw(&campaign).await;
        scene.open(&campaign).await;
        for i in scene.invited(&campaign).await {
            let mut ticket = ticket(app, org, &i.name).await;
            assert_eq!((ticket.customer(), ticket.noted_invitation()), (None, None));
            entry::hear(app, &ticket, State::Opened).await.unwrap();
            ticket = self::ticket(app, org, &i.name).await;
            assert_eq!(consume(app, &ticket).await.unwrap(), Consumed::Taken);
            let request = v1::GetInvitationRequest { name: i.name };
            let shown = scene.invitations().get_invitation(scene.world.as_admin(request)).await;
            let shown = shown.unwrap().into_inner();
            assert_eq!(shown.state(), v1::InvitationState::Answered);
            assert_eq!(shown.history.len(), 1);
            let noted_us = proto::time::to_us(shown.history[0].event_time.as_ref().unwrap());
            // Midnight in China.
            assert_eq!(noted_us % 86_400_000_000, 16 * 3_600_000_000);
        }
        scene.close(&campaign).await;
        scene.sweep().await;
        assert_eq!(scene.status(&campaign).await.total.unwrap().answered, 3);
    }
}

#[tokio::test]
async fn open_answers_and_suspect_ones_are_counted_apart() {
    for scene in scenes().await {
        let app = &scene.world.app;
        let draft = v1::Campaign { channels: vec![Channel::QrCode as i32], ..scene.draft() };
        let campaign = scene.create(draft).await.name;
        scene.open(&campaign).await;
        let create = v1::CreateLinkRequest {
            campaign: campaign.clone(),
            link: Some(v1::Link { channel: Channel::QrCode as i32, ..Default::default() }),
            request_id: String::new(),
        };
        let link = scene.invitations().create_link(scene.world.as_admin(create)).await;
        let link = link.unwrap().into_inner();
        let code = link.link.rsplit('/').next().unwrap();
        let ticket = entry::find(app, code).await.unwrap().unwrap();
        for _ in 0..12 {
            assert_eq!(consume(app, &ticket).await.unwrap(), Consumed::Taken);
        }
        let tx = app.db.begin().await.unwrap();
        let mut tally = Tally::default();
        entry::mark(&mut tally, &ticket.campaign, false, 1);
        tally.write(tx.conn(), ticket.campaign.id).await.unwrap();
        tx.commit().await.unwrap();
        let status = scene.status(&campaign).await;
        let rates = status.rates.unwrap();
        assert_eq!((status.open_responses, status.suspect_responses), (12, 1));
        assert_eq!((rates.valid_responses, rates.meets_minimum), (11, true));
        assert_eq!((rates.rr1, rates.return_rate), (None, None));
        assert_eq!(status.days.len(), 1);
        let name = link.name;
        let revoke = scene.world.as_admin(v1::RevokeLinkRequest { name });
        scene.invitations().revoke_link(revoke).await.unwrap();
        assert_eq!(consume(app, &ticket).await.unwrap(), Consumed::Closed);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_of_answers_to_many_quotas_never_wait_for_each_other_in_vain() {
    for scene in scenes().await {
        let world = &scene.world;
        let class = |code| names::print("customerClasses", class_id(world.org.org, code));
        let of_class =
            |code| v1::Quota { customer_class: class(code), limit: 60, ..Default::default() };
        let of_unit =
            |unit| v1::Quota { unit: names::print("units", unit), limit: 60, ..Default::default() };
        let quotas = vec![
            of_class("internal"),
            of_class("external"),
            of_unit(world.org.branches[0]),
            of_unit(world.org.branches[1]),
        ];
        scene.customers([60, 60]).await;
        let draft = v1::Campaign { sampling: Some(census()), quotas, ..scene.draft() };
        let campaign = scene.create(draft).await.name;
        scene.draw(&campaign).await;
        scene.open(&campaign).await;
        let mut tickets = Vec::new();
        for i in scene.invited(&campaign).await {
            tickets.push(ticket(&world.app, world.org.org, &i.name).await);
        }
        // Groups of several answers each, whose quotas come in every order.
        let mut groups: Vec<Vec<Ticket>> = vec![Vec::new(); 24];
        for (place, ticket) in tickets.into_iter().enumerate() {
            groups[(place * 7) % 24].push(ticket);
        }
        let all = groups.into_iter().map(|group| {
            let app = world.app.clone();
            tokio::spawn(async move { consume_group(&app, &group).await })
        });
        let all: Vec<_> = stream::iter(all).buffer_unordered(8).collect().await;
        for group in all {
            let outcomes = group.unwrap().expect("no group is the victim of another");
            assert!(outcomes.iter().all(|o| *o == Consumed::Taken), "{outcomes:?}");
        }
        let request = v1::GetCampaignRequest { name: campaign.clone() };
        let now = scene.campaigns().get_campaign(world.as_admin(request)).await.unwrap();
        let filled: Vec<i32> = now.into_inner().quotas.iter().map(|quota| quota.filled).collect();
        assert_eq!(filled, [60, 60, 60, 60], "{}", world.name);
    }
}

async fn consume_group(app: &App, tickets: &[Ticket]) -> kit::error::Result<Vec<Consumed>> {
    let view = app.directory.organisation(tickets[0].org()).unwrap();
    let mut sorted: Vec<&Ticket> = tickets.iter().collect();
    sorted.sort_by_key(|ticket| ticket.invitation.as_ref().map(|invitation| invitation.id));
    let tx = app.db.begin().await?;
    let mut tally = Tally::default();
    let mut held = Held::of(&tx, sorted.iter().copied()).await?;
    let mut outcomes = Vec::new();
    for ticket in sorted {
        let answer = Answer { channel: ticket.channel, suspect: false, at_us: app.clock.now_us() };
        outcomes.push(entry::consume(&tx, &mut tally, &mut held, &view, ticket, answer).await?);
    }
    held.write(&tx).await?;
    tally.write(tx.conn(), Uuid::now_v7()).await?;
    tx.commit().await?;
    Ok(outcomes)
}
