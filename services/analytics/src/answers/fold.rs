//! Folds sums of cells of answers into the groups that were asked for.

use std::collections::{BTreeMap, HashMap};

use analytics_domain::{
    answer::{KINDS_BLOCK, Kind},
    fact::Grade,
    figure::Tally,
    number::Numbers,
    plan::Group,
    suppression,
};
use kit::directory::OrgView;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::Counted;
use crate::{
    figures::{AnswerCounts, Key, Part, Question, Scope},
    store::answer_sums::Sum,
};

/// What one group counts.
#[derive(Debug, Clone, Default)]
pub struct Count {
    /// Grades by item, under [`item_id`].
    pub tally: Tally,
    responses: i64,
    answered: i64,
    not_applicable: i64,
    refused: i64,
    chosen: i64,
    /// Numbers that were answered, and to which item; `None` of several ones.
    numbers: Option<Numbers>,
    of_numbers: Option<(Uuid, String)>,
    /// Whether any of it was promised anonymity.
    anonymous: bool,
    /// Whether an item was asked for, so that respondents are those who answered it.
    by_item: bool,
    /// Whether an option was asked for: then answers are those that chose it.
    by_option: bool,
}

impl Count {
    /// The counts as figures show them.
    pub fn counts(&self) -> AnswerCounts {
        let natural = |count: i64| u64::try_from(count).unwrap_or_default();
        AnswerCounts {
            responses: natural(self.respondents()),
            answers: natural(if self.by_option { self.chosen } else { self.answered }),
            not_applicable: natural(self.not_applicable),
            refused: natural(self.refused),
        }
    }

    fn respondents(&self) -> i64 {
        if self.by_item {
            self.answered + self.not_applicable + self.refused
        } else {
            self.responses
        }
    }

    /// Numbers that were answered, if all of them were asked for by the same item.
    pub fn numbers(&self) -> Option<Numbers> {
        self.numbers
    }

    fn add_numbers(&mut self, sum: &Sum) {
        if sum.counts[0] == 0 {
            return;
        }
        let first = self.of_numbers.get_or_insert_with(|| {
            self.numbers = Some(Numbers::default());
            (sum.questionnaire, sum.item.clone())
        });
        if *first != (sum.questionnaire, sum.item.clone()) {
            self.numbers = None;
        }
        if let Some(numbers) = &mut self.numbers {
            numbers.add(sum.block, &sum.counts);
        }
    }

    /// As a group that may have to be hidden.
    pub fn group(&self) -> suppression::Group {
        let respondents = u64::try_from(self.respondents()).unwrap_or_default();
        suppression::Group { respondents, anonymous: self.anonymous }
    }

    fn is_empty(&self) -> bool {
        self.tally.is_empty()
            && [self.responses, self.answered, self.not_applicable, self.refused, self.chosen]
                .iter()
                .all(|count| *count == 0)
    }

    fn add(&mut self, sum: &Sum, include_suspect: bool) {
        if sum.suspect {
            if sum.item.is_empty() {
                self.tally.distrusted += sum.counts[Kind::Response as usize];
            }
            if !include_suspect {
                return;
            }
        }
        self.anonymous |= sum.anonymous && sum.counts.iter().any(|count| *count != 0);
        if sum.block == KINDS_BLOCK {
            if sum.item.is_empty() {
                self.responses += sum.counts[Kind::Response as usize];
            } else {
                self.answered += sum.counts[Kind::Answered as usize];
                self.not_applicable += sum.counts[Kind::NotApplicable as usize];
                self.refused += sum.counts[Kind::Refused as usize];
            }
        } else if sum.block < 0 {
            self.add_numbers(sum);
        } else if !sum.option.is_empty() {
            self.chosen += sum.counts.iter().sum::<i64>();
        } else {
            let item = item_id(sum.questionnaire, sum.version, &sum.item);
            for (index, count) in sum.counts.iter().enumerate().filter(|(_, c)| **c != 0) {
                let Some(grade) = Grade::at(sum.block, index) else { continue };
                *self.tally.ratings.entry((item, grade)).or_default() += count;
            }
        }
    }
}

/// Cells of one period.
pub struct Folded {
    /// Groups in the order of their keys.
    pub groups: BTreeMap<Key, Count>,
    /// All together.
    pub total: Count,
    /// Items that were counted.
    pub counted: Counted,
}

/// Collects sums.
pub struct Fold<'a> {
    view: &'a OrgView,
    question: &'a Question,
    scope: &'a Scope,
    timed: bool,
    by_item: bool,
    by_option: bool,
    /// How many answered the item of an option, under the key with an empty option.
    bases: BTreeMap<Key, Count>,
    children: HashMap<(Uuid, Uuid), Uuid>,
    folded: Folded,
}

impl<'a> Fold<'a> {
    /// Nothing collected yet. `timed` when sums come by bucket of time.
    pub fn new(view: &'a OrgView, question: &'a Question, scope: &'a Scope, timed: bool) -> Self {
        let has = |group| question.groups.contains(&group);
        let by_option = has(Group::Choice);
        let by_item = has(Group::Item) || by_option || !question.filter.item.is_empty();
        let total = Count { by_item: !question.filter.item.is_empty(), ..Count::default() };
        let folded = Folded { groups: BTreeMap::new(), total, counted: Counted::new() };
        let (bases, children) = (BTreeMap::new(), HashMap::new());
        Self { view, question, scope, timed, by_item, by_option, bases, children, folded }
    }

    /// Adds a sum.
    pub fn add(&mut self, sum: &Sum) {
        let include = self.question.filter.include_distrusted;
        if !sum.item.is_empty() && (include || !sum.suspect) {
            let key = (sum.questionnaire, sum.version);
            let items = self.folded.counted.entry(key).or_default();
            if !items.contains(&sum.item) {
                items.insert(sum.item.clone());
            }
        }
        // A choice counts once as an answer, not once more for each of its options.
        if sum.option.is_empty() {
            self.folded.total.add(sum, include);
        }
        let of_item = self.question.groups.contains(&Group::Item) || self.by_option;
        if of_item && sum.item.is_empty() {
            return;
        }
        let question = self.question;
        let parts = question.groups.iter().filter_map(|group| self.part(*group, sum)).collect();
        let is_base = self.by_option && sum.option.is_empty();
        let into = if is_base { &mut self.bases } else { &mut self.folded.groups };
        let count = into.entry(Key(parts)).or_default();
        (count.by_item, count.by_option) = (self.by_item, self.by_option);
        count.add(sum, include);
    }

    /// Groups that are not empty, and the total.
    pub fn end(mut self) -> Folded {
        if self.question.groups.is_empty() {
            self.folded.groups.entry(Key::default()).or_default();
        } else {
            self.folded.groups.retain(|_, count| !count.is_empty());
        }
        for (key, count) in self.folded.groups.iter_mut().filter(|_| self.by_option) {
            let Some(base) = self.bases.get(&key.without_option()) else { continue };
            count.answered = base.answered;
            count.not_applicable = base.not_applicable;
            count.refused = base.refused;
        }
        self.folded
    }

    fn part(&mut self, group: Group, sum: &Sum) -> Option<Part> {
        Some(match group {
            Group::Unit => Part::Unit(self.child(sum)),
            Group::Staff => Part::Staff(sum.staff),
            Group::Channel => Part::Channel(sum.channel),
            Group::Item => Part::Question(sum.questionnaire, sum.item.clone()),
            Group::Choice => Part::Choice(sum.questionnaire, sum.item.clone(), sum.option.clone()),
            Group::CustomerClass => Part::CustomerClass(sum.class),
            Group::Questionnaire => Part::Questionnaire(sum.questionnaire),
            Group::Version => Part::Version(sum.questionnaire, sum.version),
            Group::Campaign => Part::Campaign(sum.campaign),
            Group::Day | Group::Week | Group::Month => {
                return self.timed.then_some(Part::Time(sum.bucket));
            }
            Group::Window | Group::BusinessType | Group::Hour | Group::WeekdayHour => {
                return None;
            }
        })
    }

    /// The unit directly below the one asked for that the answers' unit belongs to.
    fn child(&mut self, sum: &Sum) -> Uuid {
        let (view, question, scope) = (self.view, self.question, self.scope);
        let find = || scope.child(view, question, sum.site, sum.unit);
        *self.children.entry((sum.site, sum.unit)).or_insert_with(find)
    }
}

/// Id under which the grades of an item of a version are counted.
pub fn item_id(questionnaire: Uuid, version: i32, item: &str) -> Uuid {
    let mut digest = Sha256::new();
    digest.update(questionnaire.as_bytes());
    digest.update(version.to_be_bytes());
    digest.update(item.as_bytes());
    let digest = digest.finalize();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    Uuid::from_bytes(bytes)
}
