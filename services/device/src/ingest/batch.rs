//! What waits for the writer: checked messages with their sender, and what is answered.

use std::sync::Arc;

use device_domain::{
    clock_correction::{ClockSource, Reading},
    rating::Press,
    rating_stored::Cause,
    sequence::Range,
};
use kit::auth::Visible;
use proto::common::v1::Reason;
use tonic::Code;
use uuid::Uuid;

/// Messages of one call, all of one organisation.
pub struct Batch {
    /// Organisation of the caller.
    pub org: Uuid,
    /// For which devices the caller may speak.
    pub authority: Authority,
    /// The sender's clock when it sent.
    pub clock: Option<SentClock>,
    /// When the batch arrived.
    pub receive_us: i64,
    /// The messages.
    pub items: Vec<Item>,
}

/// For which devices a caller may speak.
#[derive(Clone)]
pub enum Authority {
    /// For itself.
    Device(Uuid),
    /// For devices whose unit it may see, except import sources.
    Bridge(Arc<Visible>),
    /// For import sources whose unit it may see.
    Importer(Arc<Visible>),
    /// For any device: an administrator whose right was checked before.
    Administrator,
}

/// Clock readings at sending.
#[derive(Debug, Clone, Default)]
pub struct SentClock {
    /// Wall clock.
    pub device_us: Option<i64>,
    /// Monotonic clock.
    pub monotonic_ms: i64,
    /// Boot.
    pub boot_id: String,
}

impl SentClock {
    /// For the correction.
    pub fn reading(&self) -> Reading<'_> {
        Reading {
            device_us: self.device_us,
            monotonic_ms: self.monotonic_ms,
            boot_id: &self.boot_id,
        }
    }
}

/// One message.
#[derive(Debug, Clone)]
pub struct Item {
    /// Device that it is of.
    pub device: Uuid,
    /// Receipt.
    pub receipt: Uuid,
    /// Hash of everything that was sent.
    pub content_hash: i64,
    /// What was sent.
    pub press: Press,
    /// What somebody vouches for, so that the server does not look it up.
    pub vouched: Option<Box<Vouched>>,
}

/// What the sender of an import, or the administrator who releases a press, vouches for.
#[derive(Debug, Clone, Default)]
pub struct Vouched {
    /// Window.
    pub window: Option<Uuid>,
    /// Site; of an import.
    pub site: Option<Uuid>,
    /// Staff; of an import.
    pub staff: Option<Uuid>,
    /// Business type; of an import.
    pub business_type: String,
    /// Press time with its source and whether the correction was large.
    pub press: Option<(i64, Option<ClockSource>, bool)>,
    /// Whether it is an import: nothing is looked up, nothing judged.
    pub import: bool,
    /// Whether it is released from quarantine: its device's state and enrolment are no
    /// obstacle any more.
    pub release: bool,
}

/// What became of one message.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// Stored, now or before.
    Stored {
        /// Whether it was stored before.
        duplicate: bool,
    },
    /// Kept in quarantine, now or before.
    Quarantined(Cause),
    /// Not stored.
    Refused(Refusal),
}

/// Why a message was not stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Refusal {
    /// gRPC code.
    pub code: Code,
    /// Reason.
    pub reason: Reason,
    /// For people.
    pub text: String,
    /// Field that is wrong.
    pub field: String,
    /// Whether sending it again can help.
    pub retryable: bool,
}

impl Refusal {
    /// Something is wrong with the message for ever.
    pub fn terminal(code: Code, reason: Reason, text: impl Into<String>) -> Self {
        Self { code, reason, text: text.into(), field: String::new(), retryable: false }
    }

    /// A field is wrong.
    pub fn invalid(field: impl Into<String>, text: impl Into<String>) -> Self {
        let refusal = Self::terminal(Code::InvalidArgument, Reason::InvalidField, text);
        Self { field: field.into(), ..refusal }
    }

    /// Sending it again can help.
    pub fn retryable(code: Code, reason: Reason, text: impl Into<String>) -> Self {
        Self { retryable: true, ..Self::terminal(code, reason, text) }
    }
}

/// How far one epoch of a device is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// Device.
    pub device: Uuid,
    /// Epoch.
    pub epoch: i64,
    /// All sequences up to this one are stored or in quarantine.
    pub contiguous: i64,
    /// Gaps below the highest sequence seen.
    pub missing: Vec<Range>,
}

/// Answer to a batch.
#[derive(Debug, Clone, Default)]
pub struct Answer {
    /// One verdict for each message, in order.
    pub verdicts: Vec<Verdict>,
    /// How far each device and epoch of the batch is stored.
    pub progress: Vec<Progress>,
    /// Where the feed tells of it; nothing when it tells nothing new.
    pub position: Option<String>,
}
