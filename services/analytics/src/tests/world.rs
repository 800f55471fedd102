//! A service on a fresh database, with an organisation and a device service that tells what
//! the test wants.

mod dump;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use analytics_domain::fact::Fact;
use futures::{
    StreamExt as _,
    stream::{self, BoxStream},
};
use kit::{
    auth::InternalTokens,
    clock::{Clock as _, ScriptedClock, SystemClock},
    db::Db,
    directory::{Directory, OrgView},
    feed::{Consumer as _, compare_positions},
    rpc::{Chan, bearer, in_process},
    testing::{SEED, TestKeys, TestOrg, auth_layer, databases},
};
use proto::{
    analytics::v1::{
        ReconcileRequest, ReconcileResponse, maintenance_service_client::MaintenanceServiceClient,
    },
    auth::v1::{
        FormerTimeZone, Unit, UnitKind,
        event::Change as AuthChange,
        event_service_server::{EventService as AuthEvents, EventServiceServer as AuthServer},
    },
    common::v1::{EventGroup, ListEventsRequest, ListEventsResponse, WatchEventsRequest},
    device::v1::{
        CountSourceRequest, CountSourceResponse, Event, SourceCount,
        event::Change as Kind,
        event_service_server::{EventService, EventServiceServer},
        prompting_service_server::PromptingServiceServer,
    },
    names, time,
};
use sea_orm::ConnectionTrait as _;
use tokio::{sync::Notify, task::JoinHandle};
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status, service::Routes};
use uuid::Uuid;

use super::{model::state, outcomes::FakeOutcomes, survey::FakeSurvey};
use crate::{Config, Peers, Service, service::assemble};

/// Noon in Shanghai.
pub const NOW: &str = "2026-11-22T04:00:00Z";

pub struct World {
    pub name: String,
    pub service: Service,
    pub org: TestOrg,
    pub other: TestOrg,
    pub keys: TestKeys,
    pub clock: Arc<ScriptedClock>,
    pub device: FakeDevice,
    pub survey: FakeSurvey,
    pub db: Db,
}

impl World {
    /// One on each kind of database.
    pub async fn everywhere() -> Vec<World> {
        let mut worlds = Vec::new();
        for (name, db) in databases(crate::migrations).await {
            worlds.push(Self::on(name, db).await);
        }
        worlds
    }

    /// One in memory, for what does not depend on the database.
    pub async fn in_memory() -> World {
        let db = kit::db::open("sqlite::memory:", crate::migrations).await.unwrap();
        Self::on("sqlite memory".to_owned(), db).await
    }

    async fn on(name: String, db: Db) -> World {
        let now: jiff::Timestamp = NOW.parse().unwrap();
        let clock = Arc::new(ScriptedClock::new(now.as_microsecond()));
        let keys = TestKeys::default();
        let directory = Directory::open(db.clone()).await.unwrap();
        let org = TestOrg::new(&directory, &keys, clock.clone()).await;
        let other = TestOrg::new(&directory, &keys, clock.clone()).await;
        // The second branch keeps its days in a zone of half hours and quarter hours.
        let unit = Unit {
            name: names::print("units", org.branches[1]),
            parent: names::print("units", org.region),
            kind: UnitKind::Branch as i32,
            display_name: "B1".to_owned(),
            time_zone: "Australia/Lord_Howe".to_owned(),
            ..Default::default()
        };
        org.apply(vec![AuthChange::UnitChanged(unit)]).await;
        let (device, survey) = (FakeDevice::default(), FakeSurvey::default());
        let config = Config { database_url: String::new(), seed: SEED, clock: clock.clone() };
        let peers = Peers {
            auth: channel(Routes::new(AuthServer::new(NoAuth))),
            device: device.channel(),
            survey: survey.channel(),
        };
        let layer = auth_layer(&keys, &directory, clock.clone());
        let service = assemble(config, peers, db.clone(), directory, layer);
        World { name, service, org, other, keys, clock, device, survey, db }
    }

    /// The service as a client sees it.
    pub fn channel(&self) -> Chan {
        in_process(self.service.router())
    }

    /// The organisation as it is known now.
    pub fn view(&self) -> Arc<OrgView> {
        self.service.directory.organisation(self.org.org).unwrap()
    }

    /// A second region; the first branch goes to it at `move_us`, and from `zone_us` on keeps
    /// the time of Tokyo instead of the organisation's.
    pub async fn restructure(&self, move_us: i64, zone_us: i64) -> Uuid {
        self.org
            .move_branch_and(move_us, |branch| {
                branch.former_parents[0].from_time = Some(time::from_us(5));
                branch.time_zone = "Asia/Tokyo".to_owned();
                branch.time_zone_time = Some(time::from_us(zone_us));
                branch.former_time_zones = vec![FormerTimeZone::default()];
            })
            .await
    }

    /// The same service as after its database was lost: all that it knew of facts is gone.
    pub async fn begun_again(self) -> Self {
        for table in
            ["cell_quarter", "cell_day", "pack", "site_zone", "template", "inbox", "feed_cursor"]
        {
            let conn = self.db.read();
            conn.execute_unprepared(&format!("DELETE FROM {table}")).await.unwrap();
        }
        let Self { name, service, org, other, keys, clock, device, survey, db } = self;
        let config = Config { database_url: String::new(), seed: SEED, clock: clock.clone() };
        let nobody = self::channel(Routes::default());
        let peers = Peers { auth: nobody.clone(), device: nobody.clone(), survey: nobody };
        let layer = auth_layer(&keys, &service.directory, clock.clone());
        let service = assemble(config, peers, db.clone(), service.directory.clone(), layer);
        World { name, service, org, other, keys, clock, device, survey, db }
    }

    /// An event of the organisation.
    pub fn event(&self, change: Kind) -> Event {
        let organisation = names::print("organisations", self.org.org);
        Event { organisation, change: Some(change) }
    }

    /// Applies groups, as the follower would.
    pub async fn apply(&self, groups: Vec<EventGroup>) {
        self.service.ratings.applier.cursor().await.unwrap();
        self.service.ratings.applier.apply(groups).await.unwrap();
    }

    /// Microseconds of now.
    pub fn now_us(&self) -> i64 {
        self.clock.now_us()
    }
}

/// A world whose service follows the feeds, with a second service on the same database that
/// follows nothing, to look into it with.
pub struct Running {
    pub world: World,
    pub channel: Chan,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl World {
    /// Has the service follow the feeds.
    pub fn start(self) -> Running {
        // Tokens of the operator are of the present, whatever the test's clock says.
        self.clock.set(SystemClock.now_us());
        let channel = self.channel();
        let Self { name, service, org, other, keys, clock, device, survey, db } = self;
        let directory = service.directory.clone();
        let config = Config { database_url: String::new(), seed: SEED, clock: clock.clone() };
        let nobody = self::channel(Routes::default());
        let peers = Peers { auth: nobody.clone(), device: nobody.clone(), survey: nobody };
        let layer = auth_layer(&keys, &directory, clock.clone());
        let looking = assemble(config, peers, db.clone(), directory, layer);
        let world = World { name, service: looking, org, other, keys, clock, device, survey, db };
        let stop = CancellationToken::new();
        let task = tokio::spawn(service.background(stop.clone()));
        Running { world, channel, stop, task }
    }
}

impl Running {
    /// Compares the cells with the sources, as the operator does.
    pub async fn reconcile(&self) -> ReconcileResponse {
        let organisation = names::print("organisations", self.world.org.org);
        let token = InternalTokens::new(&SEED).operator();
        let mut client = MaintenanceServiceClient::new(self.channel.clone());
        let request = bearer(ReconcileRequest { organisation }, &token);
        let mut answers = client.reconcile(request).await.unwrap().into_inner();
        while let Some(answer) = answers.message().await.unwrap() {
            if answer.done {
                return answer;
            }
            assert!(!answer.equal, "only the end says so");
        }
        panic!("a comparison ends with its result");
    }

    /// Stops the service and waits for its end.
    pub async fn end(self) {
        self.stop.cancel();
        let ended = tokio::time::timeout(Duration::from_secs(10), self.task).await;
        ended.expect("it ends in time").expect("it does not panic");
    }
}

pub fn channel(routes: Routes) -> Chan {
    in_process(routes.into_axum_router())
}

pub type Groups = BoxStream<'static, std::result::Result<EventGroup, Status>>;

/// A device service with a feed that the test fills.
#[derive(Clone, Default)]
pub struct FakeDevice {
    /// What it says of single services.
    pub outcomes: FakeOutcomes,
    stored: Arc<Mutex<Stored>>,
    more: Arc<Notify>,
}

/// Where a source stands still that counts slowly.
#[derive(Clone, Default)]
pub struct Gate {
    /// It has told its position and counts.
    pub reached: Arc<Notify>,
    /// It may go on.
    pub open: Arc<Notify>,
}

#[derive(Default)]
struct Stored {
    gate: Option<Gate>,
    groups: Vec<EventGroup>,
    facts: Vec<Fact>,
}

impl Stored {
    fn end(&self) -> String {
        self.groups.last().map(|group| group.position.clone()).unwrap_or_default()
    }
}

impl FakeDevice {
    fn channel(&self) -> Chan {
        let events = Routes::new(EventServiceServer::new(self.clone()));
        channel(events.add_service(PromptingServiceServer::new(self.outcomes.clone())))
    }

    /// Commits groups, after which the stored rows are those of `facts`.
    pub fn commit(&self, groups: impl IntoIterator<Item = EventGroup>, facts: &[Fact]) {
        let mut stored = self.stored.lock().unwrap();
        stored.groups.extend(groups);
        stored.facts = facts.to_vec();
        self.more.notify_waiters();
    }

    /// Has the next counts wait at a gate.
    pub fn count_slowly(&self) -> Gate {
        self.stored.lock().unwrap().gate.insert(Gate::default()).clone()
    }

    /// Position of the last group.
    pub fn end(&self) -> String {
        self.stored.lock().unwrap().end()
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

/// What the device service sends: the position, then the counts in two messages.
fn count<'a>(
    position: String,
    facts: impl Iterator<Item = &'a Fact>,
) -> impl Iterator<Item = CountSourceResponse> {
    let mut ratings: BTreeMap<(Uuid, Uuid, i32, bool), i64> = BTreeMap::new();
    let mut encounters: BTreeMap<(Uuid, i32), i64> = BTreeMap::new();
    for fact in facts {
        match fact {
            Fact::Rating(r) => {
                let key = (r.place.site, r.template, r.grades[0].1.value(), r.distrusted);
                *ratings.entry(key).or_default() += 1;
            }
            Fact::Encounter(e) => {
                *encounters.entry((e.place.site, state(e.end) as i32)).or_default() += 1;
            }
        }
    }
    let ratings = ratings.into_iter().map(|((site, template, key, distrusted), count)| {
        let (site, template) = (names::print("units", site), names::print("templates", template));
        SourceCount { site, template, key, distrusted, count }
    });
    let encounters = encounters.into_iter().map(|((site, key), count)| SourceCount {
        site: names::print("units", site),
        key,
        count,
        ..Default::default()
    });
    let first = CountSourceResponse { position, ..Default::default() };
    let ratings = CountSourceResponse { ratings: ratings.collect(), ..Default::default() };
    let encounters = CountSourceResponse { encounters: encounters.collect(), ..Default::default() };
    [first, ratings, encounters].into_iter()
}

#[tonic::async_trait]
impl EventService for FakeDevice {
    async fn list_events(
        &self,
        request: Request<ListEventsRequest>,
    ) -> std::result::Result<Response<ListEventsResponse>, Status> {
        let request = request.into_inner();
        let (groups, at_end) = self.after(&request.after, request.page_size as usize);
        let next = groups.last().map_or(request.after, |group| group.position.clone());
        Ok(Response::new(ListEventsResponse { groups, next, at_end }))
    }

    type WatchEventsStream = Groups;

    async fn watch_events(
        &self,
        request: Request<WatchEventsRequest>,
    ) -> std::result::Result<Response<Groups>, Status> {
        let state = (self.clone(), request.into_inner().after);
        let groups = futures::stream::unfold(state, |(device, after)| async move {
            loop {
                let more = device.more.notified();
                if let Some(group) = device.after(&after, 1).0.pop() {
                    let position = group.position.clone();
                    return Some((Ok(group), (device.clone(), position)));
                }
                more.await;
            }
        });
        Ok(Response::new(groups.boxed()))
    }

    type CountSourceStream = BoxStream<'static, std::result::Result<CountSourceResponse, Status>>;

    async fn count_source(
        &self,
        request: Request<CountSourceRequest>,
    ) -> std::result::Result<Response<Self::CountSourceStream>, Status> {
        let org = names::parse("organisations", &request.into_inner().organisation);
        let stored = self.stored.lock().unwrap();
        let of_org = stored.facts.iter().filter(|fact| Some(fact.place().org) == org);
        let mut counts = count(stored.end(), of_org);
        let first = stream::iter(counts.next());
        let rest: Vec<_> = counts.collect();
        let gate = stored.gate.clone();
        let rest = stream::once(async move {
            if let Some(gate) = gate {
                gate.reached.notify_one();
                gate.open.notified().await;
            }
            stream::iter(rest)
        });
        Ok(Response::new(first.chain(rest.flatten()).map(Ok).boxed()))
    }
}

/// An auth service without news: the directory is filled by hand.
#[derive(Clone)]
struct NoAuth;

#[tonic::async_trait]
impl AuthEvents for NoAuth {
    async fn list_events(
        &self,
        _: Request<ListEventsRequest>,
    ) -> std::result::Result<Response<ListEventsResponse>, Status> {
        Ok(Response::new(ListEventsResponse { at_end: true, ..Default::default() }))
    }

    type WatchEventsStream = Groups;

    async fn watch_events(
        &self,
        _: Request<WatchEventsRequest>,
    ) -> std::result::Result<Response<Groups>, Status> {
        Ok(Response::new(futures::stream::pending().boxed()))
    }
}
