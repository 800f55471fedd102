//! Room is given, refused and given back as promised.

use tokio::{sync::Semaphore, task::JoinHandle};
use tonic::Code;
use tower::{ServiceExt as _, util::BoxCloneSyncService};

use super::*;

/// What devices send: shed class 1.
const RATING: &str = "/manyi.device.v1.RatingService/BatchCreateRatings";
/// Figures: shed class 4.
const FIGURES: &str = "/manyi.analytics.v1.FigureService/QueryFigures";
/// Ends a session: shed class 0.
const SIGN_OUT: &str = "/manyi.auth.v1.TokenService/RevokeToken";
/// Header by which these tests tell organisations apart.
const ORG: &str = "org";
/// Header by which these tests know their calls again.
const TAG: &str = "tag";

/// A service whose handlers stand still until they are let go.
struct Hall {
    layer: AdmissionLayer,
    service: BoxCloneSyncService<Request<Body>, Response<Body>, Infallible>,
    gate: Arc<Semaphore>,
    /// Tags of the calls that came in, in that order.
    came: Arc<Mutex<Vec<u32>>>,
}

fn number(headers: &HeaderMap, name: &str) -> u32 {
    headers[name].to_str().unwrap().parse().unwrap()
}

impl Hall {
    fn new(wait_max: Duration) -> Self {
        let whose = |headers: &HeaderMap| Uuid::from_u128(number(headers, ORG).into());
        let layer = AdmissionLayer::waiting(wait_max, Arc::new(whose));
        let gate = Arc::new(Semaphore::new(0));
        let came = Arc::new(Mutex::new(Vec::new()));
        let (open, log) = (gate.clone(), came.clone());
        let handler = tower::service_fn(move |request: Request<Body>| {
            let (open, log) = (open.clone(), log.clone());
            async move {
                log.lock().unwrap().push(number(request.headers(), TAG));
                open.acquire().await.unwrap().forget();
                Ok(Response::new(Body::empty()))
            }
        });
        let service = BoxCloneSyncService::new(layer.layer(handler));
        Self { layer, service, gate, came }
    }

    fn call(&self, path: &str) -> JoinHandle<Code> {
        self.call_of(1, 0, path)
    }

    fn call_of(&self, org: u32, tag: u32, path: &str) -> JoinHandle<Code> {
        let mut request = Request::new(Body::empty());
        *request.uri_mut() = path.parse().unwrap();
        for (name, number) in [(ORG, org), (TAG, tag)] {
            request.headers_mut().insert(name, number.into());
        }
        let service = self.service.clone();
        tokio::spawn(async move {
            let response = service.oneshot(request).await.unwrap();
            let status = tonic::Status::from_header_map(response.headers());
            status.map_or(Code::Ok, |status| status.code())
        })
    }

    fn calls(&self, path: &str, count: usize) -> Vec<JoinHandle<Code>> {
        self.calls_of(1, 0, path, count)
    }

    fn calls_of(&self, org: u32, tag: u32, path: &str, count: usize) -> Vec<JoinHandle<Code>> {
        (0..count).map(|_| self.call_of(org, tag, path)).collect()
    }

    /// Lets so many calls go.
    fn let_go(&self, count: usize) {
        self.gate.add_permits(count);
    }

    fn open(&self) {
        self.let_go(1_000_000);
    }

    fn inside(&self) -> usize {
        self.came.lock().unwrap().len()
    }

    async fn until_inside(&self, count: usize) {
        while self.inside() < count {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    async fn until_waiting(&self, count: usize) {
        let waiting = || self.layer.shared.state().waiting.iter().map(Queue::len).sum::<usize>();
        while waiting() < count {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// Fills all room for ratings: organisation 1 what one may have, organisation 2 the rest.
    async fn fill(&self) -> Vec<JoinHandle<Code>> {
        let before = self.inside();
        let mut calls = self.calls_of(1, 1, RATING, fits(RATING));
        self.until_inside(before + fits(RATING)).await;
        let all = room(RATING) / table()[RATING].weight() as usize;
        calls.extend(self.calls_of(2, 2, RATING, all - fits(RATING)));
        self.until_inside(before + all).await;
        calls
    }
}

async fn codes(calls: Vec<JoinHandle<Code>>) -> Vec<Code> {
    let mut codes = Vec::new();
    for call in calls {
        codes.push(call.await.unwrap());
    }
    codes
}

fn room(path: &str) -> usize {
    room_of(class_of(&table()[path]), limit::START) as usize
}

/// Calls of one organisation that fit.
fn fits(path: &str) -> usize {
    (room(path) - room(path) / 8) / table()[path].weight() as usize
}

#[tokio::test]
async fn what_does_not_fit_is_refused_and_all_room_comes_back() {
    let hall = Hall::new(WAIT_MAX);
    let served = hall.calls(RATING, fits(RATING));
    hall.until_inside(fits(RATING)).await;
    let refused = codes(hall.calls(RATING, 300)).await;
    assert!(refused.iter().all(|code| *code == Code::ResourceExhausted));
    hall.open();
    assert!(codes(served).await.iter().all(|code| *code == Code::Ok));
    assert_eq!(hall.layer.shared.state().in_flight, 0);
    assert_eq!(codes(hall.calls(RATING, 10)).await, [Code::Ok; 10]);
}

#[tokio::test]
async fn reading_is_refused_before_ratings_and_signing_out_never() {
    let hall = Hall::new(WAIT_MAX);
    let mut served = hall.calls(FIGURES, fits(FIGURES));
    hall.until_inside(fits(FIGURES)).await;
    assert_eq!(hall.call(FIGURES).await.unwrap(), Code::ResourceExhausted);
    let before = hall.inside();
    served.extend(hall.calls(RATING, 20));
    hall.until_inside(before + 20).await;
    served.extend(hall.calls(SIGN_OUT, 3 * limit::START as usize));
    hall.until_inside(before + 20 + 3 * limit::START as usize).await;
    assert_eq!(hall.call(RATING).await.unwrap(), Code::ResourceExhausted);
    hall.open();
    assert!(codes(served).await.iter().all(|code| *code == Code::Ok));
}

#[tokio::test]
async fn a_burst_waits_for_room_instead_of_being_refused() {
    let hall = Hall::new(Duration::from_secs(60));
    let calls = hall.calls(RATING, fits(RATING) + 200);
    hall.until_inside(fits(RATING)).await;
    hall.open();
    assert!(codes(calls).await.iter().all(|code| *code == Code::Ok));
}

#[tokio::test]
async fn callers_that_give_up_leave_no_room_taken() {
    let hall = Hall::new(Duration::from_secs(60));
    let calls = hall.calls(RATING, fits(RATING) + 200);
    hall.until_inside(fits(RATING)).await;
    calls.iter().for_each(JoinHandle::abort);
    for call in calls {
        let _ = call.await;
    }
    assert_eq!(hall.layer.shared.state().in_flight, 0);
    hall.open();
    assert_eq!(hall.call(RATING).await.unwrap(), Code::Ok);
}

#[tokio::test]
async fn one_that_asks_for_twenty_times_its_share_makes_nobody_else_wait_for_its_line() {
    const QUIET: usize = 20;
    const NOISY: usize = 20 * QUIET;
    // The second time the quiet one is no organisation of its own: then it does wait.
    for (org, tells_apart) in [(3, true), (1, false)] {
        let hall = Hall::new(Duration::from_secs(60));
        let mut calls = hall.fill().await;
        let full = hall.inside();
        calls.extend(hall.calls_of(1, 1, RATING, NOISY));
        hall.until_waiting(NOISY).await;
        let quiet = hall.calls_of(org, 3, RATING, QUIET);
        hall.until_waiting(NOISY + QUIET).await;
        for gone in 1..=3 * QUIET {
            hall.let_go(1);
            hall.until_inside(full + gone).await;
        }
        let came = hall.came.lock().unwrap()[full..].to_vec();
        let places: Vec<usize> =
            (1..).zip(&came).filter(|(_, tag)| **tag == 3).map(|(place, _)| place).collect();
        if tells_apart {
            // Alone it would have had the places 1 to 20; sharing with one other, every second.
            // A turn of four cheap calls is what may come on top.
            assert_eq!(places.len(), QUIET, "{came:?}");
            assert!(places[QUIET / 2 - 1] <= QUIET + 4, "{came:?}");
            assert!(places[QUIET - 1] <= 2 * QUIET + 4, "{came:?}");
        } else {
            assert!(places.is_empty(), "{came:?}");
        }
        hall.open();
        assert!(codes(quiet).await.iter().all(|code| *code == Code::Ok));
        assert!(codes(calls).await.iter().all(|code| *code == Code::Ok));
        assert!(hall.layer.shared.state().by_whose.is_empty());
    }
}

#[tokio::test]
async fn one_organisation_never_fills_all_of_a_class() {
    let hall = Hall::new(WAIT_MAX);
    let served = hall.calls(RATING, fits(RATING));
    hall.until_inside(fits(RATING)).await;
    assert_eq!(hall.call(RATING).await.unwrap(), Code::ResourceExhausted);
    let other = hall.call_of(2, 2, RATING);
    hall.until_inside(fits(RATING) + 1).await;
    hall.open();
    assert_eq!(other.await.unwrap(), Code::Ok);
    assert!(codes(served).await.iter().all(|code| *code == Code::Ok));
}

#[tokio::test]
async fn a_long_line_takes_nobody_else_the_place_to_wait() {
    let hall = Hall::new(Duration::from_secs(60));
    let mut calls = hall.fill().await;
    let noisy = hall.calls_of(1, 1, RATING, WAITING_MAX + 100);
    hall.until_waiting(WAITING_MAX).await;
    let quiet = hall.calls_of(3, 3, RATING, 50);
    while hall.layer.shared.state().waiting[1].len_of(Uuid::from_u128(3)) < 50 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    hall.open();
    assert!(codes(quiet).await.iter().all(|code| *code == Code::Ok));
    calls.extend(noisy);
    let refused = codes(calls).await.into_iter().filter(|code| *code != Code::Ok).count();
    assert_eq!(refused, 150, "those who did not fit, and those who made place");
}

#[tokio::test]
async fn reads_that_wait_make_place_for_ratings() {
    let hall = Hall::new(Duration::from_secs(60));
    let mut calls = hall.fill().await;
    let reads = hall.calls(FIGURES, WAITING_MAX);
    hall.until_waiting(WAITING_MAX).await;
    let ratings = hall.calls_of(3, 3, RATING, 50);
    while hall.layer.shared.state().waiting[1].len() < 50 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    hall.open();
    calls.extend(ratings);
    assert!(codes(calls).await.iter().all(|code| *code == Code::Ok));
    let refused = codes(reads).await.into_iter().filter(|code| *code != Code::Ok).count();
    assert_eq!(refused, 50);
}

/// Notes a second's worth of calls of one length; the limit after it.
fn second(limit: &mut Limit, now: &mut Instant, took: Duration) -> u32 {
    for _ in 0..100 {
        *now += Duration::from_millis(10);
        let in_flight = limit.cost();
        limit.note(1, took, in_flight, *now);
    }
    limit.cost()
}

#[test]
fn the_limit_follows_what_calls_take() {
    let (mut limit, mut now) = (Limit::default(), Instant::now());
    for _ in 0..100 {
        second(&mut limit, &mut now, Duration::from_secs(1));
    }
    let low = limit.cost();
    assert!(low < limit::START / 8, "{low}");
    let high = second(&mut limit, &mut now, Duration::from_millis(5));
    assert!(high > low, "{low} → {high}");
}

#[test]
fn a_quiet_process_keeps_its_limit() {
    let (mut limit, mut now) = (Limit::default(), Instant::now());
    for _ in 0..1_000 {
        now += Duration::from_millis(10);
        limit.note(4, Duration::from_secs(9), 16, now);
    }
    assert_eq!(limit.cost(), limit::START);
}
