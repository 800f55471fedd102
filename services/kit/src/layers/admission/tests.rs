//! Room is given, refused and given back as promised.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::{sync::watch, task::JoinHandle};
use tonic::Code;
use tower::{ServiceExt as _, util::BoxCloneSyncService};

use super::*;

/// What devices send: shed class 1.
const RATING: &str = "/manyi.device.v1.RatingService/BatchCreateRatings";
/// Figures: shed class 4.
const FIGURES: &str = "/manyi.analytics.v1.FigureService/QueryFigures";
/// Ends a session: shed class 0.
const SIGN_OUT: &str = "/manyi.auth.v1.TokenService/RevokeToken";

/// A service whose handlers stand still until the gate opens.
struct Hall {
    layer: AdmissionLayer,
    service: BoxCloneSyncService<Request<Body>, Response<Body>, Infallible>,
    gate: watch::Sender<bool>,
    inside: Arc<AtomicUsize>,
}

impl Hall {
    fn new(wait_max: Duration) -> Self {
        let layer = AdmissionLayer::waiting(wait_max);
        let (gate, open) = watch::channel(false);
        let inside = Arc::new(AtomicUsize::new(0));
        let count = inside.clone();
        let handler = tower::service_fn(move |_: Request<Body>| {
            let (mut open, count) = (open.clone(), count.clone());
            async move {
                count.fetch_add(1, Ordering::SeqCst);
                open.wait_for(|open| *open).await.unwrap();
                Ok(Response::new(Body::empty()))
            }
        });
        let service = BoxCloneSyncService::new(layer.layer(handler));
        Self { layer, service, gate, inside }
    }

    fn call(&self, path: &str) -> JoinHandle<Code> {
        let mut request = Request::new(Body::empty());
        *request.uri_mut() = path.parse().unwrap();
        let service = self.service.clone();
        tokio::spawn(async move {
            let response = service.oneshot(request).await.unwrap();
            let status = tonic::Status::from_header_map(response.headers());
            status.map_or(Code::Ok, |status| status.code())
        })
    }

    fn calls(&self, path: &str, count: usize) -> Vec<JoinHandle<Code>> {
        (0..count).map(|_| self.call(path)).collect()
    }

    async fn until_inside(&self, count: usize) {
        while self.inside.load(Ordering::SeqCst) < count {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

async fn codes(calls: Vec<JoinHandle<Code>>) -> Vec<Code> {
    let mut codes = Vec::new();
    for call in calls {
        codes.push(call.await.unwrap());
    }
    codes
}

fn fits(path: &str) -> usize {
    let method = &table()[path];
    (room_of(class_of(method), limit::START) / method.weight()) as usize
}

#[tokio::test]
async fn what_does_not_fit_is_refused_and_all_room_comes_back() {
    let hall = Hall::new(WAIT_MAX);
    let served = hall.calls(RATING, fits(RATING));
    hall.until_inside(fits(RATING)).await;
    let refused = codes(hall.calls(RATING, 300)).await;
    assert!(refused.iter().all(|code| *code == Code::ResourceExhausted));
    hall.gate.send_replace(true);
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
    let before = hall.inside.load(Ordering::SeqCst);
    served.extend(hall.calls(RATING, 20));
    hall.until_inside(before + 20).await;
    served.extend(hall.calls(SIGN_OUT, 3 * limit::START as usize));
    hall.until_inside(before + 20 + 3 * limit::START as usize).await;
    assert_eq!(hall.call(RATING).await.unwrap(), Code::ResourceExhausted);
    hall.gate.send_replace(true);
    assert!(codes(served).await.iter().all(|code| *code == Code::Ok));
}

#[tokio::test]
async fn a_burst_waits_for_room_instead_of_being_refused() {
    let hall = Hall::new(Duration::from_secs(60));
    let calls = hall.calls(RATING, fits(RATING) + 200);
    hall.until_inside(fits(RATING)).await;
    hall.gate.send_replace(true);
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
    hall.gate.send_replace(true);
    assert_eq!(hall.call(RATING).await.unwrap(), Code::Ok);
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
