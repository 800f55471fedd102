//! Folds sums of cells into the groups that were asked for.

use std::collections::{BTreeMap, HashMap};

use analytics_domain::{figure::Tally, period::Compare, plan::Group, time::Bucket};
use kit::{directory::OrgView, error::Result};
use uuid::Uuid;

use super::{question::Question, scope::Scope};
use crate::store::sums::{Sum, too_many};

/// Groups from which on an answer is given up while it is being read. More than may be shown,
/// since what comes to nothing is taken out at the end.
const GROUPS_MAX: usize = 4 * super::ROWS_MAX;

/// One part of a key. Nil ids and empty texts stand for "none".
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// Unit directly below.
    Unit(Uuid),
    /// Window.
    Window(Uuid),
    /// Staff member.
    Staff(Uuid),
    /// Business type.
    BusinessType(String),
    /// Channel; 0 for encounters.
    Channel(i16),
    /// Template and item code; nil for encounters, an empty code for the overall item.
    Item(Uuid, String),
    /// Number of the bucket of time.
    Time(i64),
    /// Questionnaire and item; the same item in all versions.
    Question(Uuid, String),
    /// Questionnaire, item and chosen option.
    Choice(Uuid, String, String),
    /// Class of the customer.
    CustomerClass(Uuid),
    /// Questionnaire.
    Questionnaire(Uuid),
    /// Questionnaire and version.
    Version(Uuid, i32),
    /// Campaign.
    Campaign(Uuid),
}

/// Key of a group: its parts in the order that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Key(pub Vec<Part>);

impl Key {
    /// Number of the bucket of time.
    pub fn bucket(&self) -> Option<i64> {
        self.0.iter().find_map(|part| match part {
            Part::Time(number) => Some(*number),
            _ => None,
        })
    }

    /// The key of the item of an option's key.
    #[must_use]
    pub fn without_option(&self) -> Self {
        let part = |part: &Part| match part {
            Part::Choice(of, item, _) => Part::Choice(*of, item.clone(), String::new()),
            other => other.clone(),
        };
        Self(self.0.iter().map(part).collect())
    }

    /// Key of the group that this one is compared with.
    pub fn earlier(&self, compare: Compare, bucket: Option<Bucket>) -> Self {
        let Some(bucket) = bucket else { return self.clone() };
        let part = |part: &Part| match part {
            Part::Time(number) => Part::Time(compare.bucket(bucket, *number)),
            other => other.clone(),
        };
        Self(self.0.iter().map(part).collect())
    }
}

/// Collects sums.
pub struct Fold<'a> {
    view: &'a OrgView,
    question: &'a Question,
    scope: &'a Scope,
    timed: bool,
    children: HashMap<Uuid, Uuid>,
    groups: HashMap<Key, Tally>,
    total: Tally,
}

impl<'a> Fold<'a> {
    /// Nothing collected yet. `timed` when sums come by bucket of time.
    pub fn new(view: &'a OrgView, question: &'a Question, scope: &'a Scope, timed: bool) -> Self {
        let (children, groups) = (HashMap::new(), HashMap::new());
        Self { view, question, scope, timed, children, groups, total: Tally::default() }
    }

    /// Adds a sum.
    ///
    /// # Errors
    /// TOO_MANY_BUCKETS for more groups than any answer may have.
    pub fn add(&mut self, sum: &Sum) -> Result<()> {
        let include = self.question.filter.include_distrusted;
        // With all items in one answer, the total is that of the overall items: else each
        // rating would count as often as its template has items.
        if sum.what.item.is_empty() || !self.question.filter.item.is_empty() {
            self.total.add(&sum.what, &sum.counts, include);
        }
        let question = self.question;
        let parts = question.groups.iter().filter_map(|group| self.part(*group, sum)).collect();
        self.groups.entry(Key(parts)).or_default().add(&sum.what, &sum.counts, include);
        if self.groups.len() > GROUPS_MAX { Err(too_many()) } else { Ok(()) }
    }

    /// Groups that are not empty, in the order of their keys, and the total.
    pub fn end(mut self) -> (BTreeMap<Key, Tally>, Tally) {
        // Without groups there is one row, even of nothing.
        if self.question.groups.is_empty() {
            self.groups.entry(Key::default()).or_default();
        } else {
            self.groups.retain(|_, tally| !tally.is_empty());
        }
        (self.groups.into_iter().collect(), self.total)
    }

    fn part(&mut self, group: Group, sum: &Sum) -> Option<Part> {
        Some(match group {
            Group::Unit => Part::Unit(self.child(sum)),
            Group::Window if self.scope.is_foreign(sum.site) => Part::Window(Uuid::nil()),
            Group::Window => Part::Window(sum.window),
            Group::Staff => Part::Staff(sum.staff),
            Group::BusinessType => Part::BusinessType(sum.business_type.clone()),
            Group::Channel => Part::Channel(sum.channel),
            Group::Item => Part::Item(sum.what.template, sum.what.item.clone()),
            Group::Hour | Group::Day | Group::Week | Group::Month | Group::WeekdayHour => {
                return self.timed.then_some(Part::Time(sum.bucket));
            }
            // Refused before: ratings know nothing of these.
            Group::CustomerClass
            | Group::Questionnaire
            | Group::Version
            | Group::Campaign
            | Group::Choice => return None,
        })
    }

    /// The unit directly below the one asked for that a cell belongs to. Found once for each
    /// site: only its own cells are told apart by their windows.
    fn child(&mut self, sum: &Sum) -> Uuid {
        let (view, question, scope) = (self.view, self.question, self.scope);
        let find = || scope.child(view, question, sum.site, Uuid::nil());
        let child = *self.children.entry(sum.site).or_insert_with(find);
        if child == question.unit && !sum.window.is_nil() {
            return scope.child(view, question, sum.site, sum.window);
        }
        child
    }
}
