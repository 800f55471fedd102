//! A rating as it is kept: the press, and what the server found out about it.

use uuid::Uuid;

use crate::{clock_correction::ClockSource, rating::ItemGrade, trust::Marks};

/// Where a rating came from. The numbers are those of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Channel {
    /// Terminal at the window.
    Terminal = 1,
    /// Rating page on a tablet.
    Tablet = 2,
    /// Imported.
    Import = 3,
    /// Link or code on the customer's own phone.
    Link = 4,
}

impl Channel {
    /// By its number.
    pub fn from_number(number: i16) -> Option<Self> {
        [Self::Terminal, Self::Tablet, Self::Import, Self::Link]
            .into_iter()
            .find(|channel| *channel as i16 == number)
    }
}

impl ClockSource {
    /// By its number.
    pub fn from_number(number: i16) -> Option<Self> {
        [Self::Monotonic, Self::BootOffset, Self::Device, Self::Arrival, Self::Sender]
            .into_iter()
            .find(|source| *source as i16 == number)
    }
}

/// A stored rating (评价).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rating {
    /// Receipt.
    pub id: Uuid,
    /// Organisation.
    pub org: Uuid,
    /// Device.
    pub device: Uuid,
    /// Epoch; negative for imports, which have none.
    pub epoch: i64,
    /// Sequence; negative for imports, which have none.
    pub sequence: i64,
    /// The sender's id.
    pub rating_id: Uuid,
    /// Hash of what was sent.
    pub content_hash: i64,
    /// Template.
    pub template: Uuid,
    /// Overall grade.
    pub grade: i32,
    /// Grades of further items.
    pub item_grades: Vec<ItemGrade>,
    /// Codes of reasons.
    pub reasons: Vec<String>,
    /// Comment or empty.
    pub comment: String,
    /// Window; absent for imports that know only the branch.
    pub window: Option<Uuid>,
    /// Nearest unit that is not a window.
    pub site: Uuid,
    /// Since when, at the press, the site had stood below the same units and kept the same time
    /// zone; none in rows of releases that did not know it.
    pub site_since_us: Option<i64>,
    /// Staff.
    pub staff: Option<Uuid>,
    /// Encounter.
    pub encounter: Option<Uuid>,
    /// Business type or empty.
    pub business_type: String,
    /// Channel.
    pub channel: Channel,
    /// Corrected press time.
    pub press_us: i64,
    /// Press time by the device's clock.
    pub device_us: Option<i64>,
    /// When it arrived.
    pub receive_us: i64,
    /// How the press time was found.
    pub clock_source: ClockSource,
    /// Whether the correction was large.
    pub clock_suspect: bool,
    /// Why it is not trusted.
    pub marks: Marks,
}

impl Rating {
    /// The unit that decides who may see it.
    pub fn unit(&self) -> Uuid {
        self.window.unwrap_or(self.site)
    }
}

/// Why a press is kept in quarantine. The numbers are those of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cause {
    /// The template is unknown.
    UnknownTemplate = 1,
    /// The device was revoked or retired.
    RevokedDevice = 2,
    /// Pressed before the device was enrolled.
    BeforeEnrolment = 3,
    /// The device stood at no window then.
    NoWindow = 4,
    /// The grade is not on the template's scale.
    GradeOffScale = 5,
}

impl Cause {
    /// By its number.
    pub fn from_number(number: i16) -> Option<Self> {
        [
            Self::UnknownTemplate,
            Self::RevokedDevice,
            Self::BeforeEnrolment,
            Self::NoWindow,
            Self::GradeOffScale,
        ]
        .into_iter()
        .find(|cause| *cause as i16 == number)
    }

    /// For people.
    pub fn text(self) -> &'static str {
        match self {
            Self::UnknownTemplate => "the template is not known",
            Self::RevokedDevice => "the device was revoked",
            Self::BeforeEnrolment => "the press was before the device was enrolled",
            Self::NoWindow => "the device stood at no window at that time",
            Self::GradeOffScale => "the grade is not on the template's scale",
        }
    }
}

/// What became of a press in quarantine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It waits.
    Held = 0,
    /// It was released and is counted.
    Released = 1,
    /// It was discarded. The row stays, emptied, so that a resend is not counted after all.
    Deleted = 2,
}

/// A press that could not be placed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quarantined {
    /// Receipt.
    pub id: Uuid,
    /// Organisation.
    pub org: Uuid,
    /// Device.
    pub device: Uuid,
    /// Its epoch.
    pub epoch: i64,
    /// Its sequence.
    pub sequence: i64,
    /// The sender's id.
    pub rating_id: Uuid,
    /// Unit that manages the device.
    pub unit: Uuid,
    /// Why.
    pub cause: Cause,
    /// What was sent, encoded as in the contract; emptied when it was discarded.
    pub message: Vec<u8>,
    /// Hash of what was sent.
    pub content_hash: i64,
    /// Corrected press time.
    pub press_us: i64,
    /// How the press time was found.
    pub clock_source: ClockSource,
    /// Whether the correction was large.
    pub clock_suspect: bool,
    /// When it arrived.
    pub receive_us: i64,
    /// What became of it.
    pub fate: Fate,
}
