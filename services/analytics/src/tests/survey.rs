//! A survey service with a feed that the test fills, and random responses.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use analytics_domain::{
    answer::{Answer, AnswerPlace, Response},
    fact::Grade,
};
use futures::{
    StreamExt as _,
    stream::{self, BoxStream},
};
use kit::{feed::compare_positions, rpc::Chan};
use prost::Message as _;
use proto::{
    common::v1::{EventGroup, ListEventsRequest, ListEventsResponse, WatchEventsRequest},
    names,
    survey::v1::{
        CountSourceRequest, CountSourceResponse, Event, Events, Item, ItemAnswer, ItemOption,
        ItemOptions, ResponseChange, ResponseCount, ResponseFacts, VersionItems,
        event::Change as Kind,
        event_service_server::{EventService, EventServiceServer},
        item_answer::Value,
        outcome_service_server::OutcomeServiceServer,
    },
    time,
};
use tokio::sync::Notify;
use tonic::{Request, Response as Reply, Status, service::Routes};
use uuid::Uuid;

use super::{
    model::Random,
    outcomes::FakeOutcomes,
    world::{Groups, World, channel},
};

/// The questionnaire of the tests, with two versions.
pub const QUESTIONNAIRE: Uuid = Uuid::from_u128(0x701);
/// Customer classes.
pub const CLASSES: [Uuid; 2] = [Uuid::from_u128(0x711), Uuid::from_u128(0x712)];
/// Campaigns: the second one is anonymous.
pub const CAMPAIGNS: [Uuid; 2] = [Uuid::from_u128(0x721), Uuid::from_u128(0x722)];

/// A feed that the test fills.
#[derive(Clone, Default)]
pub struct FakeSurvey {
    /// What it says of persons.
    pub outcomes: FakeOutcomes,
    stored: Arc<Mutex<Stored>>,
    more: Arc<Notify>,
}

#[derive(Default)]
struct Stored {
    groups: Vec<EventGroup>,
    counts: CountSourceResponse,
}

impl FakeSurvey {
    pub fn channel(&self) -> Chan {
        let events = Routes::new(EventServiceServer::new(self.clone()));
        channel(events.add_service(OutcomeServiceServer::new(self.outcomes.clone())))
    }

    /// Commits groups, after which the stored rows are those of `responses`.
    pub fn commit(&self, groups: impl IntoIterator<Item = EventGroup>, responses: &[Response]) {
        let mut stored = self.stored.lock().unwrap();
        stored.groups.extend(groups);
        let position = stored.groups.last().map(|g| g.position.clone()).unwrap_or_default();
        let mut counts: BTreeMap<(Uuid, i32, i16, bool), i64> = BTreeMap::new();
        for response in responses {
            let p = &response.place;
            *counts.entry((p.site, p.version, p.channel, p.suspect)).or_default() += 1;
        }
        let responses =
            counts.into_iter().map(|((site, version, channel, suspect), count)| ResponseCount {
                site: names::print("units", site),
                questionnaire: names::print("questionnaires", QUESTIONNAIRE),
                version,
                channel: channel.into(),
                suspect,
                count,
            });
        let responses = responses.collect();
        stored.counts = CountSourceResponse { position, responses, ..Default::default() };
        self.more.notify_waiters();
    }

    fn after(&self, position: &str, limit: usize) -> (Vec<EventGroup>, bool) {
        let stored = self.stored.lock().unwrap();
        let later = |g: &&EventGroup| compare_positions(&g.position, position).unwrap().is_gt();
        let mut found: Vec<EventGroup> =
            stored.groups.iter().filter(later).take(limit + 1).cloned().collect();
        let at_end = found.len() <= limit;
        found.truncate(limit);
        (found, at_end)
    }
}

#[tonic::async_trait]
impl EventService for FakeSurvey {
    async fn list_events(
        &self,
        request: Request<ListEventsRequest>,
    ) -> std::result::Result<Reply<ListEventsResponse>, Status> {
        let request = request.into_inner();
        let (groups, at_end) = self.after(&request.after, request.page_size as usize);
        let next = groups.last().map_or(request.after, |group| group.position.clone());
        Ok(Reply::new(ListEventsResponse { groups, next, at_end }))
    }

    type WatchEventsStream = Groups;

    async fn watch_events(
        &self,
        request: Request<WatchEventsRequest>,
    ) -> std::result::Result<Reply<Groups>, Status> {
        let state = (self.clone(), request.into_inner().after);
        let groups = futures::stream::unfold(state, |(survey, after)| async move {
            loop {
                let more = survey.more.notified();
                if let Some(group) = survey.after(&after, 1).0.pop() {
                    let position = group.position.clone();
                    return Some((Ok(group), (survey.clone(), position)));
                }
                more.await;
            }
        });
        Ok(Reply::new(groups.boxed()))
    }

    type CountSourceStream = BoxStream<'static, std::result::Result<CountSourceResponse, Status>>;

    async fn count_source(
        &self,
        _: Request<CountSourceRequest>,
    ) -> std::result::Result<Reply<Self::CountSourceStream>, Status> {
        let counts = self.stored.lock().unwrap().counts.clone();
        let position = counts.position.clone();
        let first = CountSourceResponse { position, ..Default::default() };
        Ok(Reply::new(stream::iter([first, counts].map(Ok)).boxed()))
    }
}

fn event(world: &World, change: Kind) -> Event {
    let organisation = names::print("organisations", world.org.org);
    Event { organisation, change: Some(change) }
}

/// Version 1 and 2: `q1` is the same in both, `q2` has five grades, then seven; `nps`, a choice
/// and a number.
pub fn version_events(world: &World) -> Vec<Event> {
    let scale = |id: &str, low: i32, high: i32| Item {
        id: id.to_owned(),
        grade_min: low,
        grade_max: high,
        scores_0_100: (low..=high)
            .map(|g| f64::from(g - low) * 100.0 / f64::from(high - low))
            .collect(),
        satisfied_grades: vec![high - 1, high],
        bad_grades: vec![low],
        nps: id == "nps",
        ..Default::default()
    };
    let choice = Item {
        id: "why".to_owned(),
        options: ["speed", "manner"]
            .map(|id| ItemOption { id: id.to_owned(), ..Default::default() })
            .into(),
        ..Default::default()
    };
    let number = Item { id: "visits".to_owned(), ..Default::default() };
    [(1, 5), (2, 7)]
        .map(|(version, high)| {
            let items = vec![
                scale("q1", 1, 5),
                scale("q2", 1, high),
                scale("nps", 0, 10),
                choice.clone(),
                number.clone(),
            ];
            let version = VersionItems {
                questionnaire: names::print("questionnaires", QUESTIONNAIRE),
                version,
                items,
                hash: format!("hash{version}"),
                ..Default::default()
            };
            event(world, Kind::Version(version))
        })
        .into()
}

/// A random response in the weeks around changes of daylight saving time, or a year before.
pub fn response(world: &World, random: &mut Random) -> Response {
    let branch = random.below(2);
    let at_window = random.chance(2);
    let window = branch * 2 + random.below(2);
    let version = if random.chance(3) { 2 } else { 1 };
    let campaign = random.below(2);
    let place = AnswerPlace {
        org: world.org.org,
        site: world.org.branches[branch],
        unit: if at_window { world.org.windows[window] } else { world.org.branches[branch] },
        staff: if random.chance(2) { Uuid::nil() } else { world.org.staff[window] },
        campaign: CAMPAIGNS[campaign],
        questionnaire: QUESTIONNAIRE,
        version,
        customer_class: random.pick(&[Uuid::nil(), CLASSES[0], CLASSES[1]]),
        channel: random.pick(&[1, 3, 6]),
        suspect: random.chance(10),
        anonymous: campaign == 1,
    };
    let start: i64 = "2026-09-20T00:00:00Z".parse::<jiff::Timestamp>().unwrap().as_microsecond();
    let year = if random.chance(4) { 365 * 86_400_000_000 } else { 0 };
    let time_us = start - year + i64::try_from(random.below(28 * 86_400)).unwrap() * 1_000_000;
    // As the survey service says it.
    let site_since_us = Some(world.view().placed_since(place.site, time_us));
    let answers = answers(version, random);
    Response { id: Uuid::now_v7(), place, time_us, site_since_us, answers }
}

fn answers(version: i32, random: &mut Random) -> Vec<(String, Answer)> {
    let grade = |low: usize, high: usize, random: &mut Random| {
        let value = i32::try_from(low + random.below(high - low + 1)).unwrap();
        Answer::Grade(Grade::new(value).unwrap())
    };
    let mut answers = vec![("q1".to_owned(), grade(1, 5, random))];
    if random.chance(5) {
        answers.push(("q2".to_owned(), random.pick(&[Answer::NotApplicable, Answer::Refused])));
    } else {
        answers.push(("q2".to_owned(), grade(1, if version == 1 { 5 } else { 7 }, random)));
    }
    if random.chance(2) {
        answers.push(("nps".to_owned(), grade(0, 10, random)));
    }
    let options = ["speed", "manner"].map(str::to_owned).to_vec();
    let chosen = options[..1 + random.below(2)].to_vec();
    answers.push(("why".to_owned(), Answer::Options(chosen)));
    answers.push(("visits".to_owned(), Answer::Number(random.below(9) as f64 - 2.5)));
    answers
}

/// The facts of a response as the feed tells them.
pub fn facts(response: &Response) -> ResponseFacts {
    let or_empty = |collection: &str, id: Uuid| {
        if id.is_nil() { String::new() } else { names::print(collection, id) }
    };
    let place = &response.place;
    let answers = response.answers.iter().map(|(item, answer)| {
        let value = match answer {
            Answer::Grade(grade) => Value::Grade(grade.value()),
            Answer::Options(ids) => Value::Options(ItemOptions { ids: ids.clone() }),
            Answer::Number(number) => Value::Number(*number),
            Answer::NotApplicable => Value::NotApplicable(true),
            Answer::Refused => Value::Refused(true),
        };
        ItemAnswer { item: item.clone(), value: Some(value) }
    });
    ResponseFacts {
        unit: names::print("units", place.unit),
        site: names::print("units", place.site),
        staff: or_empty("staff", place.staff),
        campaign: or_empty("campaigns", place.campaign),
        questionnaire: names::print("questionnaires", place.questionnaire),
        version: place.version,
        customer_class: or_empty("customerClasses", place.customer_class),
        channel: place.channel.into(),
        submit_time: Some(time::from_us(response.time_us)),
        suspect: place.suspect,
        anonymous: place.anonymous,
        answers: answers.collect(),
        site_since: time::from_us_opt(response.site_since_us),
    }
}

/// The event that replaces one state of a response by another.
pub fn change(world: &World, before: Option<&Response>, after: Option<&Response>) -> Event {
    let response = before.or(after).expect("a response");
    let change = ResponseChange {
        response: names::print("responses", response.id),
        retract: before.map(facts),
        assert: after.map(facts),
    };
    event(world, Kind::Response(change))
}

/// Responses that hold in the end, and the events that lead to them.
pub struct Told {
    pub responses: Vec<Response>,
    pub events: Vec<Event>,
}

impl Told {
    pub fn new(world: &World, random: &mut Random, length: usize) -> Self {
        let mut told = Self { responses: Vec::new(), events: version_events(world) };
        for _ in 0..length {
            let mut now = response(world, random);
            told.events.push(change(world, None, Some(&now)));
            while random.chance(4) {
                let next = Response { id: now.id, ..response(world, random) };
                told.events.push(change(world, Some(&now), Some(&next)));
                now = next;
            }
            if random.chance(10) {
                told.events.push(change(world, Some(&now), None));
            } else {
                told.responses.push(now);
            }
        }
        told
    }
}

/// Packs events into groups of random size, in their order.
pub fn groups(events: &[Event], random: &mut Random) -> Vec<EventGroup> {
    let mut groups = Vec::new();
    let mut rest = events;
    while !rest.is_empty() {
        let (now, later) = rest.split_at(rest.len().min(1 + random.below(12)));
        groups.push(group(groups.len() + 1, now));
        rest = later;
    }
    groups
}

/// One group at place `number` of the feed.
pub fn group(number: usize, events: &[Event]) -> EventGroup {
    EventGroup {
        position: format!("0.{number:x}"),
        group_id: Uuid::now_v7().to_string(),
        commit_time: Some(time::from_us(1_790_000_000_000_000 + number as i64)),
        events: Events { items: events.to_vec() }.encode_to_vec().into(),
    }
}
