//! What a row of an imported file says besides its answers: about which unit and staff member,
//! when, and in which language.

use std::collections::HashMap;

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use kit::{auth::Caller, error::Result};
use survey_domain::{
    answer::Problem,
    campaign::Campaign,
    response_import::{Fault, Row, Target},
};
use uuid::Uuid;

/// What is wrong with a row.
#[derive(Debug, Clone, Default)]
pub struct Wrong {
    /// Its id.
    pub row_id: String,
    /// Column at fault, or empty.
    pub column: String,
    /// What is wrong.
    pub text: String,
}

impl From<Fault> for Wrong {
    fn from(fault: Fault) -> Self {
        Self { row_id: fault.row_id, column: fault.column, text: fault.description }
    }
}

impl Wrong {
    /// The first thing that the check of the answers found.
    pub fn of(row: &Row, problems: &[Problem]) -> Self {
        let text = problems.first().map(|problem| match problem.part.as_str() {
            "" => format!("{}: {}", problem.question, problem.description),
            part => format!("{}/{part}: {}", problem.question, problem.description),
        });
        Self { row_id: row.row_id.clone(), column: String::new(), text: text.unwrap_or_default() }
    }
}

/// What a row says of its place and time.
#[derive(Debug, Clone)]
pub struct Place {
    /// Unit that the answers are about.
    pub unit: Uuid,
    /// Staff member that they are about.
    pub staff: Option<Uuid>,
    /// When it was answered.
    pub answer_us: Option<i64>,
    /// How long it took.
    pub duration_ms: Option<i64>,
    /// Language of the form.
    pub language: Option<String>,
}

/// Longest time that an answer may have taken, in seconds.
const DURATION_MAX_S: i64 = 30 * 86_400;

/// Finds units and staff for rows, and whether the caller may enter answers about them.
pub struct Places {
    /// When the import began.
    pub now_us: i64,
    caller: Caller,
    campaign_unit: Uuid,
    unit: Uuid,
    zone: TimeZone,
    codes: HashMap<String, Uuid>,
    allowed: HashMap<Uuid, bool>,
}

impl Places {
    /// For a campaign; rows without a unit are about `unit`.
    pub fn new(caller: Caller, campaign: &Campaign, unit: Uuid, now_us: i64) -> Result<Self> {
        let view = caller.view()?;
        let codes = view.units().filter(|unit| !unit.code.is_empty());
        let codes = codes.map(|unit| (unit.code.clone(), unit.id)).collect();
        let zone = TimeZone::get(&campaign.time_zone).unwrap_or(TimeZone::UTC);
        let allowed = HashMap::from([(unit, true)]);
        let campaign_unit = campaign.unit;
        Ok(Self { now_us, caller, campaign_unit, unit, zone, codes, allowed })
    }

    /// Reads what is no answer.
    ///
    /// # Errors
    /// The first thing that makes no sense.
    pub fn read(&mut self, row: &Row) -> std::result::Result<Place, Wrong> {
        let mut place = Place {
            unit: self.unit,
            staff: None,
            answer_us: None,
            duration_ms: None,
            language: None,
        };
        for (target, text) in &row.others {
            let taken = match target {
                Target::Unit => {
                    let id = proto::names::parse("units", text);
                    self.unit(id).map(|unit| place.unit = unit)
                }
                Target::UnitCode => {
                    let id = self.codes.get(text).copied();
                    self.unit(id).map(|unit| place.unit = unit)
                }
                Target::StaffNumber => self.staff(text).map(|staff| place.staff = Some(staff)),
                Target::SubmitTime => self.time(text).map(|us| place.answer_us = Some(us)),
                Target::Duration => duration(text).map(|ms| place.duration_ms = Some(ms)),
                Target::Language => {
                    place.language = Some(text.clone());
                    Ok(())
                }
                Target::Answer { .. } | Target::Comment { .. } | Target::Reasons { .. } => Ok(()),
            };
            taken.map_err(|text| Wrong {
                row_id: row.row_id.clone(),
                column: String::new(),
                text: text.to_owned(),
            })?;
        }
        Ok(place)
    }

    /// A unit, if it is one of the campaign's about which the caller may enter answers. What
    /// the caller may not know of is answered like what does not exist.
    fn unit(&mut self, id: Option<Uuid>) -> std::result::Result<Uuid, &'static str> {
        let unknown = "there is no such unit in this campaign";
        let id = id.ok_or(unknown)?;
        let allowed = match self.allowed.get(&id) {
            Some(allowed) => *allowed,
            None => {
                let view = self.caller.view().map_err(|_| unknown)?;
                let allowed =
                    view.is_within(id, self.campaign_unit) && self.caller.authorize(id).is_ok();
                self.allowed.insert(id, allowed);
                allowed
            }
        };
        if allowed { Ok(id) } else { Err(unknown) }
    }

    fn staff(&self, number: &str) -> std::result::Result<Uuid, &'static str> {
        let unknown = "there is no staff member with this number";
        let view = self.caller.view().map_err(|_| unknown)?;
        view.staff_by_number(number).map(|staff| staff.id).ok_or(unknown)
    }

    fn time(&self, text: &str) -> std::result::Result<i64, &'static str> {
        let us = match text.parse::<Timestamp>() {
            Ok(time) => time.as_microsecond(),
            Err(_) => {
                let day: Date = text.parse().map_err(|_| "is no time as 2026-01-31T10:00:00Z")?;
                let noon = day.at(12, 0, 0, 0).to_zoned(self.zone.clone());
                noon.map_err(|_| "is no time")?.timestamp().as_microsecond()
            }
        };
        // A day that has not reached its noon is no future.
        match us {
            us if us < 0 => Err("is a time before 1970"),
            us if us > self.now_us + 86_400_000_000 => Err("is a time in the future"),
            us => Ok(us.min(self.now_us)),
        }
    }
}

fn duration(text: &str) -> std::result::Result<i64, &'static str> {
    let seconds = text.parse().ok().filter(|s| (0..=DURATION_MAX_S).contains(s));
    seconds.map(|s: i64| s * 1_000).ok_or("is no duration of 0 to 2592000 seconds")
}
