//! What waits for the writer: a checked submission, and what is answered to it.

use std::{net::IpAddr, sync::Arc};

use kit::error::ServiceError;
use survey_domain::{
    answer::Answers, channel::Channel, questionnaire::Version, response::Marks,
};
use uuid::Uuid;

/// Checked answers of one form.
pub struct Submission {
    /// Organisation.
    pub org: Uuid,
    /// Campaign.
    pub campaign: Uuid,
    /// Id of the response; the same for each repetition.
    pub id: Uuid,
    /// Hash of what was sent.
    pub content_hash: i64,
    /// On which way it came.
    pub way: Way,
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

/// On which way a submission came.
#[derive(Debug, Clone)]
pub enum Way {
    /// By a personal link.
    Personal {
        /// Invitation.
        invitation: Uuid,
    },
    /// By an open link.
    Open {
        /// Link.
        link: Uuid,
        /// Where it came from.
        origin: Origin,
        /// Whether a challenge was solved for it.
        solved: bool,
    },
    /// Entered by somebody, or imported.
    Entered(Box<Entered>),
}

/// Where a submission came from.
#[derive(Debug, Clone, Default)]
pub struct Origin {
    /// Address of the client.
    pub address: Option<IpAddr>,
    /// Token of the browser; empty when none was sent.
    pub browser: String,
}

/// What is known of a response that somebody entered or imported.
#[derive(Debug, Clone)]
pub struct Entered {
    /// Invitation that it answers.
    pub invitation: Option<Uuid>,
    /// How it was asked.
    pub channel: Channel,
    /// Unit that the answers are about.
    pub unit: Option<Uuid>,
    /// Staff member that they are about.
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
