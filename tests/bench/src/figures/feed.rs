//! A device service that has only a feed: as many ratings as asked for, made when they are
//! read. Analytics follows it like the real one and builds its own roll-ups. What the ratings
//! are, a [`Story`] says.

use std::{net::SocketAddr, pin::Pin, sync::Arc};

use futures::Stream;
use prost::Message as _;
use proto::{
    common::v1::{EventGroup, ListEventsRequest, ListEventsResponse, WatchEventsRequest},
    device::v1::{
        Channel, CountSourceRequest, CountSourceResponse, Event, Events, Grade, ItemGrade,
        RatingChange, RatingFacts, Template, TemplateItem,
        event::Change,
        event_service_server::{EventService, EventServiceServer},
    },
    names,
    time::from_us,
};
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};
use uuid::Uuid;

use super::World;
use crate::error::{Error, Result};

/// Ratings of a group, as the device service commits them at full load.
const GROUP: u64 = 1_000;
/// Scores of the five grades.
pub const SCORES: [f64; 5] = [0.0, 40.0, 60.0, 80.0, 100.0];
/// Groups of an answer: a few megabytes.
const PAGE: u64 = 20;

/// Says what the ratings of a feed are.
pub trait Story: Send + Sync {
    /// `organisations/o_…`.
    fn organisation(&self) -> &str;
    /// How many.
    fn ratings(&self) -> u64;
    /// The template that all are of.
    fn template(&self) -> Template;
    /// Rating `i`, from 0.
    fn rating(&self, i: u64) -> RatingFacts;
}

/// The feed; serves until it is dropped or ended.
pub struct Feed {
    /// Where it is served.
    pub address: SocketAddr,
    stop: CancellationToken,
    serving: JoinHandle<()>,
    ratings: u64,
}

impl Feed {
    /// Serves a story on a free port. `number` tells feeds apart.
    pub async fn serve(story: Arc<dyn Story>, number: u64) -> Result<Self> {
        let ratings = story.ratings();
        let source = Source { story, number };
        let served = EventServiceServer::new(Served(Arc::new(source)));
        let routes = tonic::service::Routes::new(served);
        let failed = |e| Error::file("127.0.0.1:0", e);
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let stop = CancellationToken::new();
        let serving = tokio::spawn(kit::server::serve(
            listener,
            routes.prepare().into_axum_router(),
            kit::server::ServerLimits::default(),
            stop.clone(),
        ));
        Ok(Self { address, stop, serving, ratings })
    }

    /// Ratings before a position, and whether that is all.
    pub fn progress(&self, position: &str) -> (u64, bool) {
        let groups = groups_before(position).unwrap_or_default();
        let all = groups >= groups_of(self.ratings);
        (groups.saturating_sub(1).saturating_mul(GROUP).min(self.ratings), all)
    }

    /// Stops serving.
    pub async fn end(self) {
        self.stop.cancel();
        // It has nothing to lose: watchers are cut instead of waited for.
        self.serving.abort();
        let _ = self.serving.await;
    }
}

/// The first group holds the template.
fn groups_of(ratings: u64) -> u64 {
    1 + ratings.div_ceil(GROUP)
}

/// Positions have the form that feeds of the suite have.
fn position(groups: u64) -> String {
    format!("0.{groups:x}")
}

fn groups_before(position: &str) -> Option<u64> {
    if position.is_empty() {
        return Some(0);
    }
    position.strip_prefix("0.").and_then(|hex| u64::from_str_radix(hex, 16).ok())
}

/// The first `ratings` ratings of a world. Names are printed once, not for each rating.
pub struct OfWorld {
    world: Arc<World>,
    ratings: u64,
    text: Text,
}

impl OfWorld {
    /// Of this world.
    pub fn new(world: Arc<World>, ratings: u64) -> Self {
        Self { text: Text::of(&world), world, ratings }
    }
}

struct Text {
    organisation: String,
    template: String,
    windows: Vec<[String; 3]>,
}

impl Text {
    fn of(world: &World) -> Self {
        let window = |w: &super::Window| {
            [
                names::print("units", w.id),
                names::print("units", w.site),
                names::print("staff", w.staff),
            ]
        };
        Self {
            organisation: names::print("organisations", world.org),
            template: names::print("templates", world.template),
            windows: world.windows.iter().map(window).collect(),
        }
    }
}

struct Source {
    story: Arc<dyn Story>,
    number: u64,
}

impl Source {
    fn group(&self, number: u64) -> EventGroup {
        let items = match number.checked_sub(1) {
            None => vec![self.event(Change::Template(self.story.template()))],
            Some(before) => {
                let from = before * GROUP;
                let to = (from + GROUP).min(self.story.ratings());
                (from..to).map(|i| self.event(Change::Rating(self.rating(i)))).collect()
            }
        };
        EventGroup {
            position: position(number + 1),
            group_id: Uuid::from_u64_pair(self.number, number + 1).to_string(),
            commit_time: Some(jiff_now()),
            events: Events { items }.encode_to_vec().into(),
        }
    }

    fn event(&self, change: Change) -> Event {
        Event { organisation: self.story.organisation().to_owned(), change: Some(change) }
    }

    fn rating(&self, i: u64) -> RatingChange {
        RatingChange {
            rating: names::print("ratings", Uuid::from_u64_pair(i << 16, self.number)),
            retract: None,
            assert: Some(self.story.rating(i)),
        }
    }
}

impl Story for OfWorld {
    fn organisation(&self) -> &str {
        &self.text.organisation
    }

    fn ratings(&self) -> u64 {
        self.ratings
    }

    fn template(&self) -> Template {
        five_grades(&self.text.template, &["overall".to_owned()], self.world.first_us)
    }

    fn rating(&self, i: u64) -> RatingFacts {
        let fact = self.world.fact(i, self.ratings);
        let [window, site, staff] = &self.text.windows[fact.window];
        RatingFacts {
            window: window.clone(),
            site: site.clone(),
            staff: staff.clone(),
            channel: Channel::Terminal.into(),
            template: self.text.template.clone(),
            grades: vec![ItemGrade { item: "overall".to_owned(), grade: fact.grade }],
            press_time: Some(from_us(self.world.press_us(fact))),
            site_since: Some(from_us(0)),
            ..RatingFacts::default()
        }
    }
}

/// A template of five grades for these items.
pub fn five_grades(name: &str, items: &[String], create_us: i64) -> Template {
    let grades = SCORES.into_iter().zip(1..).map(|(score_0_100, value)| Grade {
        value,
        score_0_100,
        satisfied: value >= 4,
        bad: value <= 2,
        ..Grade::default()
    });
    let item = |code: &String| TemplateItem { code: code.clone(), text: None };
    Template {
        name: name.to_owned(),
        display_name: "Five grades".to_owned(),
        items: items.iter().map(item).collect(),
        grades: grades.collect(),
        scale_min: 1,
        scale_max: 5,
        default_template: true,
        create_time: Some(from_us(create_us)),
        ..Template::default()
    }
}

fn jiff_now() -> prost_types::Timestamp {
    from_us(jiff::Timestamp::now().as_microsecond())
}

/// The source as a service.
struct Served(Arc<Source>);

#[tonic::async_trait]
impl EventService for Served {
    async fn list_events(
        &self,
        request: Request<ListEventsRequest>,
    ) -> std::result::Result<Response<ListEventsResponse>, Status> {
        let request = request.into_inner();
        let from = groups_before(&request.after)
            .ok_or_else(|| Status::invalid_argument("no position of this feed"))?;
        let most = u64::try_from(request.page_size).unwrap_or_default().clamp(1, PAGE);
        let to = (from + most).min(groups_of(self.0.story.ratings()));
        let source = self.0.clone();
        let made = tokio::task::spawn_blocking(move || {
            (from..to).map(|number| source.group(number)).collect::<Vec<_>>()
        });
        let groups = made.await.map_err(|e| Status::internal(e.to_string()))?;
        let at_end = to == groups_of(self.0.story.ratings());
        Ok(Response::new(ListEventsResponse { groups, next: position(to), at_end }))
    }

    type WatchEventsStream =
        Pin<Box<dyn Stream<Item = std::result::Result<EventGroup, Status>> + Send>>;

    async fn watch_events(
        &self,
        _: Request<WatchEventsRequest>,
    ) -> std::result::Result<Response<Self::WatchEventsStream>, Status> {
        // All that there is, is listed.
        Ok(Response::new(Box::pin(futures::stream::pending())))
    }

    type CountSourceStream =
        Pin<Box<dyn Stream<Item = std::result::Result<CountSourceResponse, Status>> + Send>>;

    async fn count_source(
        &self,
        _: Request<CountSourceRequest>,
    ) -> std::result::Result<Response<Self::CountSourceStream>, Status> {
        Err(Status::unimplemented("this feed is only followed"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_can_be_read_back() {
        for groups in [1, 15, 16, 10_001] {
            assert_eq!(groups_before(&position(groups)), Some(groups));
        }
        assert_eq!(groups_before(""), Some(0));
        assert_eq!(groups_before("1.2"), None);
    }
}
