//! How many answers come from one network and one browser by an open link, counted in the
//! transaction that stores them.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use kit::{
    db::WriteTx,
    error::{Result, ServiceError},
};
use proto::common::v1::Reason;
use survey_domain::{
    response::{Mark, Marks},
    stuffing::Window,
};
use tonic::Code;
use uuid::Uuid;

use super::{
    Engine,
    submission::{Origin, Submission},
    trace::{Hasher, period_of},
};
use crate::store::{
    fieldwork::link::Link,
    respondent::{self, Hash},
};

/// When the next answer from a busy network may come without a challenge.
const RETRY: Duration = Duration::from_secs(60);

/// The counts that a group of submissions touches.
pub struct Stuffing {
    hasher: Option<Hasher>,
    windows: BTreeMap<Hash, Window>,
    browsers: BTreeMap<Hash, i32>,
    changed: BTreeSet<Hash>,
    more: BTreeMap<Hash, i32>,
}

impl Stuffing {
    /// Reads the counts, locked until the transaction ends.
    pub async fn load(
        engine: &Engine,
        tx: &WriteTx,
        submissions: &[&Submission],
        now_us: i64,
    ) -> Result<Self> {
        let mut found = Self {
            hasher: None,
            windows: BTreeMap::new(),
            browsers: BTreeMap::new(),
            changed: BTreeSet::new(),
            more: BTreeMap::new(),
        };
        let open: Vec<(&Link, &Origin)> = submissions.iter().filter_map(|s| of(s)).collect();
        if open.is_empty() {
            return Ok(found);
        }
        let hasher = engine.keys.hasher(tx, now_us).await?;
        let mut places = BTreeSet::new();
        let mut browsers = BTreeSet::new();
        for (link, origin) in open {
            places.extend(origin.address.and_then(|address| hasher.place(link.id, address)));
            if !origin.browser.is_empty() && link.browser_max >= 0 {
                browsers.extend(hasher.browser(link.id, &origin.browser));
            }
        }
        let places: Vec<Hash> = places.into_iter().collect();
        let browsers: Vec<Hash> = browsers.into_iter().collect();
        found.windows = respondent::windows(tx, &places).await?.into_iter().collect();
        found.browsers = respondent::browsers(tx, &browsers).await?.into_iter().collect();
        found.hasher = Some(hasher);
        Ok(found)
    }

    /// What there is to say against one more submission.
    ///
    /// # Errors
    /// CHALLENGE_REQUIRED when it is one too many and no challenge was solved for it.
    pub fn judge(&mut self, submission: &Submission) -> Result<Marks> {
        let mut marks = Marks::default();
        let Some((link, origin)) = of(submission) else { return Ok(marks) };
        let limit = u32::try_from(link.minute_max).unwrap_or_default();
        if let Some(place) = self.place(link.id, origin) {
            let window = self.windows.entry(place).or_default();
            window.advance(submission.receive_us);
            marks.set_if(Mark::AddressBurst, limit > 0 && window.total() >= limit);
        }
        let answered = self.answered(link, origin);
        marks.set_if(
            Mark::BrowserRepeated,
            link.browser_max >= 0 && answered >= i64::from(link.browser_max),
        );
        if marks.is_empty() || origin.solved { Ok(marks) } else { Err(challenge_required()) }
    }

    /// Counts a submission that is stored.
    pub fn count(&mut self, submission: &Submission) {
        let Some((link, origin)) = of(submission) else { return };
        if let Some(place) = self.place(link.id, origin) {
            let window = self.windows.entry(place.clone()).or_default();
            window.advance(submission.receive_us);
            window.count();
            self.changed.insert(place);
        }
        if let Some(browser) = self.browser(link, origin) {
            *self.more.entry(browser).or_default() += 1;
        }
    }

    /// Writes the counts down; answers the keys that are good once this is committed.
    pub async fn save(self, tx: &WriteTx, now_us: i64) -> Result<Option<Hasher>> {
        for place in &self.changed {
            if let Some(window) = self.windows.get(place) {
                respondent::save_window(tx, place, window, now_us).await?;
            }
        }
        for (browser, more) in &self.more {
            respondent::count_browser(tx, browser, period_of(now_us), *more).await?;
        }
        Ok(self.hasher)
    }

    fn place(&self, link: Uuid, origin: &Origin) -> Option<Hash> {
        self.hasher.as_ref()?.place(link, origin.address?)
    }

    fn browser(&self, link: &Link, origin: &Origin) -> Option<Hash> {
        if origin.browser.is_empty() || link.browser_max < 0 {
            return None;
        }
        self.hasher.as_ref()?.browser(link.id, &origin.browser).into_iter().next()
    }

    /// How often this browser has answered, under whatever key it was noted.
    fn answered(&self, link: &Link, origin: &Origin) -> i64 {
        if origin.browser.is_empty() {
            return 0;
        }
        let Some(hasher) = &self.hasher else { return 0 };
        let hashes = hasher.browser(link.id, &origin.browser);
        let stored = hashes.iter().filter_map(|hash| self.browsers.get(hash));
        let more = hashes.first().and_then(|hash| self.more.get(hash));
        stored.chain(more).map(|count| i64::from(*count)).sum()
    }
}

fn of(submission: &Submission) -> Option<(&Link, &Origin)> {
    submission.ticket.link.as_ref().zip(submission.origin.as_ref())
}

fn challenge_required() -> ServiceError {
    let text = "too many answers come from one place; solve a challenge, or try again later";
    ServiceError::new(Code::ResourceExhausted, Reason::ChallengeRequired, text)
        .with_retry_after(RETRY)
}
