//! A question about figures, already parsed.

use analytics_domain::{
    period::{Bound, Compare, Period},
    plan::Group,
    time::Bucket,
};
use jiff::tz::TimeZone;
use kit::{
    directory::OrgView,
    error::{Result, ServiceError},
};
use uuid::Uuid;

use crate::store::placements::Tree;

/// What is counted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Only these windows, if any.
    pub windows: Vec<Uuid>,
    /// Only these staff members, if any.
    pub staff: Vec<Uuid>,
    /// Only these business types, if any.
    pub business_types: Vec<String>,
    /// Only these channels, if any.
    pub channels: Vec<i16>,
    /// Only these templates, if any.
    pub templates: Vec<Uuid>,
    /// Item code; empty for the overall item.
    pub item: String,
    /// Count ratings with trust marks, and suspect responses, in the grades.
    pub include_distrusted: bool,
    /// Only these questionnaires, if any.
    pub questionnaires: Vec<Uuid>,
    /// Only these versions, if any.
    pub versions: Vec<i32>,
    /// Only these customer classes, if any.
    pub customer_classes: Vec<Uuid>,
    /// Only these campaigns, if any.
    pub campaigns: Vec<Uuid>,
}

/// A question.
#[derive(Debug, Clone, PartialEq)]
pub struct Question {
    /// Unit at the top.
    pub unit: Uuid,
    /// From.
    pub from: Bound,
    /// To; an ending date is included.
    pub to: Bound,
    /// IANA name of the time zone; empty for the unit's.
    pub time_zone: String,
    /// Groups, at most 3, each once.
    pub groups: Vec<Group>,
    /// Comparison.
    pub compare: Option<Compare>,
    /// First local day of the earlier period and the one after its last, where it is not found
    /// by the date.
    pub earlier: Option<(i64, i64)>,
    /// Filter.
    pub filter: Filter,
    /// Confidence of intervals, within (0.5, 1).
    pub confidence: f64,
    /// Most rows.
    pub row_limit: usize,
    /// Which tree of units.
    pub tree: Tree,
    /// Units whose parts, as they are now, may be shown by name; none for all. What belonged to
    /// the unit and lies outside of these now counts for the unit itself.
    pub seen: Vec<Uuid>,
}

impl Question {
    /// The bucket of the group of time, if there is one.
    pub fn bucket(&self) -> Option<Bucket> {
        self.groups.iter().find_map(|group| group.bucket())
    }

    /// Whether the filter needs windows, staff, business types or channels.
    pub fn needs_detail(&self) -> bool {
        let filter = &self.filter;
        !(filter.windows.is_empty()
            && filter.staff.is_empty()
            && filter.business_types.is_empty()
            && filter.channels.is_empty())
    }

    /// Name of the time zone of days and hours.
    pub fn zone_name(&self, view: &OrgView) -> String {
        if self.time_zone.is_empty() {
            view.time_zone_name_of(self.unit)
        } else {
            self.time_zone.clone()
        }
    }

    /// When.
    ///
    /// # Errors
    /// INVALID_FIELD for an end before the start.
    pub fn period(&self, zone: &TimeZone) -> Result<Period> {
        Period::new(self.from, self.to, zone)
            .map_err(|error| ServiceError::invalid("to", error.to_string()))
    }

    /// The earlier period of the whole period.
    pub fn earlier_of(&self, compare: Compare, period: &Period, zone: &TimeZone) -> Period {
        match self.earlier {
            Some((first, end)) => Period::of_days(first, end, zone),
            None => compare.whole(period, zone),
        }
    }

    /// Whether both ends are dates, so that sites of several zones may each count their own.
    pub fn is_by_dates(&self) -> bool {
        matches!((self.from, self.to), (Bound::Date(_), Bound::Date(_)))
    }
}

/// A time zone by its name.
///
/// # Errors
/// INVALID_FIELD for an unknown name.
pub fn zone(name: &str) -> Result<TimeZone> {
    TimeZone::get(name).map_err(|_| {
        ServiceError::invalid("timeZone", "is no IANA time zone such as Asia/Shanghai")
    })
}
