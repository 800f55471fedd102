//! What waits for the writer: a checked submission, and what is answered to it.

use std::{net::IpAddr, sync::Arc};

use kit::error::ServiceError;
use survey_domain::{answer::Answers, questionnaire::Version, response::Marks};
use uuid::Uuid;

use crate::fieldwork::entry::Ticket;

/// Checked answers of one form.
pub struct Submission {
    /// Id of the response; the same for each repetition.
    pub id: Uuid,
    /// Hash of what was sent.
    pub content_hash: i64,
    /// Where it comes from.
    pub ticket: Box<Ticket>,
    /// What is known of the place that it was sent from; of open links only.
    pub origin: Option<Origin>,
    /// What is known of whoever entered or imported it.
    pub entered: Option<Entered>,
    /// Version that was shown.
    pub version: Arc<Version>,
    /// Language that was shown.
    pub language: String,
    /// Seed of the order.
    pub seed: u32,
    /// The answers that are kept.
    pub answers: Answers,
    /// From the start to the submission.
    pub duration_ms: Option<i64>,
    /// When it was answered.
    pub answer_us: i64,
    /// When it arrived.
    pub receive_us: i64,
    /// Why it is suspect, as far as the answers alone tell.
    pub marks: Marks,
    /// Draft that it takes the place of.
    pub draft: Option<Uuid>,
}

/// Where a submission by an open link came from.
#[derive(Debug, Clone, Default)]
pub struct Origin {
    /// Address of the client.
    pub address: Option<IpAddr>,
    /// Token of the browser; empty when none was sent.
    pub browser: String,
    /// Whether a challenge was solved for it.
    pub solved: bool,
}

/// Who entered or imported a response, and what was said of it.
#[derive(Debug, Clone)]
pub struct Entered {
    /// Staff member that the answers are about.
    pub staff: Option<Uuid>,
    /// Who entered it.
    pub operator: String,
    /// Row of the imported file.
    pub row_id: Option<String>,
}

/// What became of a submission.
#[derive(Debug, Clone)]
pub enum Verdict {
    /// Stored, now or before.
    Stored {
        /// When it was submitted.
        submit_us: i64,
        /// Whether it was stored before.
        duplicate: bool,
    },
    /// Not stored.
    Refused(ServiceError),
}
