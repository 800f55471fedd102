//! Answers that their client does not take. HTTP/2 gives each answer a window of its own, so
//! that a client may leave one standing for ever although its connection is well.

use std::{
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use axum::body::Body;
use bytes::Bytes;
use http::Response;
use http_body::{Body as HttpBody, Frame, SizeHint};
use tokio::time::Instant;

/// Larger pieces are handed over one by one, so that it shows when they are not taken.
const PIECE_BYTES: usize = 64 << 10;
/// So many answers are remembered before those that ended are forgotten.
const REMEMBERED: usize = 64;

/// The answers of one connection.
#[derive(Debug)]
pub(super) struct Answers {
    began: Instant,
    open: Mutex<Vec<Weak<Progress>>>,
}

/// Since when a piece waits to be taken: milliseconds of the connection's life, and 1; 0 while
/// it is the handler that is waited for.
type Progress = AtomicU64;

impl Answers {
    pub(super) fn new() -> Self {
        Self { began: Instant::now(), open: Mutex::default() }
    }

    /// Watches how an answer is taken.
    pub(super) fn watch(self: &Arc<Self>, response: Response<Body>) -> Response<Body> {
        let progress = Arc::new(AtomicU64::new(0));
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.len() >= REMEMBERED {
            open.retain(|answer| answer.strong_count() > 0);
        }
        open.push(Arc::downgrade(&progress));
        drop(open);
        let answers = self.clone();
        response.map(|body| Body::new(Watched { body, rest: Bytes::new(), progress, answers }))
    }

    /// How long no answer of the connection was taken; zero while there is none, or while one
    /// moves or waits for its handler.
    pub(super) fn stalled(&self) -> Duration {
        let now = self.now();
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let live = open.iter().filter_map(Weak::upgrade);
        let waited = live.map(|progress| match progress.load(Ordering::Relaxed) {
            0 => 0,
            since => now.saturating_sub(since),
        });
        Duration::from_millis(waited.min().unwrap_or_default())
    }

    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX - 1) + 1
    }
}

/// The body of an answer. It is asked for the next piece when the last one was taken.
struct Watched {
    body: Body,
    /// What is left of a large piece.
    rest: Bytes,
    progress: Arc<Progress>,
    answers: Arc<Answers>,
}

impl Watched {
    fn piece(&mut self, mut data: Bytes) -> Frame<Bytes> {
        self.rest = data.split_off(data.len().min(PIECE_BYTES));
        self.progress.store(self.answers.now(), Ordering::Relaxed);
        Frame::data(data)
    }
}

impl HttpBody for Watched {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        self.progress.store(0, Ordering::Relaxed);
        if !self.rest.is_empty() {
            let rest = std::mem::take(&mut self.rest);
            return Poll::Ready(Some(Ok(self.piece(rest))));
        }
        let frame = std::task::ready!(Pin::new(&mut self.body).poll_frame(cx));
        Poll::Ready(frame.map(|frame| {
            frame.map(|frame| match frame.into_data() {
                Ok(data) => self.piece(data),
                Err(trailers) => trailers,
            })
        }))
    }

    fn is_end_stream(&self) -> bool {
        // Not before the last piece was taken: an answer that is thought to be over is no
        // longer asked for anything.
        let waits = self.progress.load(Ordering::Relaxed) > 0;
        !waits && self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let mut hint = self.body.size_hint();
        let rest = self.rest.len() as u64;
        if let Some(upper) = hint.upper() {
            hint.set_upper(upper.saturating_add(rest));
        }
        hint.set_lower(hint.lower().saturating_add(rest));
        hint
    }
}
