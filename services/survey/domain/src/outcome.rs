//! What became of people after they answered, counted together: purchases after a grade, and
//! answers given twice. Nothing that is made here says whose it is.

use std::collections::{BTreeMap, HashMap, HashSet};

use uuid::Uuid;

use crate::customer::DAY_US;

/// Number of purchases that stands for itself and all above it.
pub const PURCHASES_MAX: u32 = 50;

/// An answer of a customer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Given<T> {
    /// Customer.
    pub customer: Uuid,
    /// When it was submitted.
    pub submit_us: i64,
    /// What was answered.
    pub value: T,
}

/// The first answer of each customer, in the order given; `answers` are the earliest first.
pub fn first_of_each<T>(answers: impl IntoIterator<Item = Given<T>>) -> Vec<Given<T>> {
    let mut seen = HashSet::new();
    answers.into_iter().filter(|given| seen.insert(given.customer)).collect()
}

/// A purchase with us: when, and its amount in hundredths.
pub type Bought = (i64, i64);

/// What customers are told apart by: the grade, whether they had bought before, and how often
/// they bought afterwards.
pub type Kind = (i32, bool, u32);

/// Customers of one kind.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Sums {
    /// How many.
    pub customers: i64,
    /// Amount of their purchases afterwards in hundredths.
    pub cents: i64,
    /// Sum of the squares of each one's amount, in whole units of the currency.
    pub squares: f64,
}

/// Counts of customers by what they bought before and after their answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcomes {
    days_us: i64,
    now_us: i64,
    /// By kind.
    pub counts: BTreeMap<Kind, Sums>,
    /// Customers whose days after the answer are not over.
    pub unfinished: i64,
}

impl Outcomes {
    /// Follows customers for `days` after their answer, as far as `now_us`.
    pub fn new(days: i64, now_us: i64) -> Self {
        Self { days_us: days * DAY_US, now_us, counts: BTreeMap::new(), unfinished: 0 }
    }

    /// First instant whose purchases matter to an answer, and the one after the last.
    pub fn span(&self, submit_us: i64) -> (i64, i64) {
        (submit_us - self.days_us, submit_us + self.days_us)
    }

    /// Counts a customer with all purchases that matter.
    pub fn add(&mut self, answer: &Given<i32>, bought: &[Bought]) {
        let (from, to) = self.span(answer.submit_us);
        if to > self.now_us {
            self.unfinished += 1;
            return;
        }
        let before = bought.iter().any(|(us, _)| (from..answer.submit_us).contains(us));
        let after = bought.iter().filter(|(us, _)| (answer.submit_us..to).contains(us));
        let (times, cents) = after.fold((0_u32, 0_i64), |(n, sum), (_, cents)| {
            (n.saturating_add(1), sum.saturating_add(*cents))
        });
        let kind = (answer.value, before, times.min(PURCHASES_MAX));
        let sums = self.counts.entry(kind).or_default();
        sums.customers += 1;
        sums.cents = sums.cents.saturating_add(cents);
        let units = cents as f64 / 100.0;
        sums.squares += units * units;
    }
}

/// Scores of those who answered twice.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Pairs {
    /// First and second score, sorted, so that the order tells nothing.
    pub scores: Vec<(f64, f64)>,
    /// Pairs of which a score is missing.
    pub incomplete: i64,
}

/// Of each customer the earliest answer that has another `days` (fewest and most) later, with
/// the first such; `answers` are the earliest first.
pub fn pairs(
    answers: impl IntoIterator<Item = Given<Option<f64>>>,
    (least, most): (i64, i64),
) -> Pairs {
    let mut of: HashMap<Uuid, Vec<(i64, Option<f64>)>> = HashMap::new();
    for given in answers {
        of.entry(given.customer).or_default().push((given.submit_us, given.value));
    }
    let apart = |gap: i64| (least * DAY_US..=most * DAY_US).contains(&gap);
    let mut found = Pairs::default();
    for answers in of.values() {
        let pair = answers.iter().enumerate().find_map(|(place, first)| {
            let later = answers[place + 1..].iter().find(|second| apart(second.0 - first.0));
            later.map(|second| (first.1, second.1))
        });
        match pair {
            Some((Some(first), Some(second))) => found.scores.push((first, second)),
            Some(_) => found.incomplete += 1,
            None => {}
        }
    }
    found.scores.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given<T>(customer: u128, day: i64, value: T) -> Given<T> {
        Given { customer: Uuid::from_u128(customer), submit_us: day * DAY_US, value }
    }

    #[test]
    fn customers_count_once_with_their_first_answer() {
        let answers = [given(1, 1, 5), given(2, 2, 3), given(1, 3, 1)];
        let found = first_of_each(answers);
        assert_eq!(found.iter().map(|given| given.value).collect::<Vec<_>>(), [5, 3]);
    }

    #[test]
    fn purchases_count_before_and_after_the_answer_within_the_days() {
        let mut outcomes = Outcomes::new(10, 100 * DAY_US);
        let at = |day: i64, cents: i64| (day * DAY_US, cents);
        // Eleven days before, on the tenth day after and later do not matter.
        outcomes.add(&given(1, 50, 5), &[at(39, 1), at(40, 100), at(50, 300), at(60, 7)]);
        outcomes.add(&given(2, 50, 5), &[at(59, 200), at(58, 100)]);
        outcomes.add(&given(3, 91, 5), &[at(92, 100)]);
        outcomes.add(&given(4, 50, 1), &[]);
        assert_eq!(outcomes.unfinished, 1);
        let kinds: Vec<(Kind, i64, i64)> = outcomes
            .counts
            .iter()
            .map(|(kind, sums)| (*kind, sums.customers, sums.cents))
            .collect();
        assert_eq!(kinds, [((1, false, 0), 1, 0), ((5, false, 2), 1, 300), ((5, true, 1), 1, 300)]);
        assert_eq!(outcomes.counts[&(5, true, 1)].squares, 9.0);
        let many: Vec<Bought> = (0..200).map(|n| (50 * DAY_US + n, 1)).collect();
        outcomes.add(&given(5, 50, 2), &many);
        assert_eq!(outcomes.counts[&(2, false, PURCHASES_MAX)].cents, 200);
    }

    #[test]
    fn a_pair_is_the_earliest_answer_with_another_in_time() {
        let answers = [
            given(1, 0, Some(80.0)),
            given(2, 0, Some(10.0)),
            given(3, 0, Some(50.0)),
            given(1, 3, Some(1.0)),
            given(1, 10, Some(90.0)),
            given(3, 10, None),
            given(1, 12, Some(2.0)),
            given(2, 100, Some(20.0)),
            given(2, 110, Some(30.0)),
            given(4, 110, Some(30.0)),
        ];
        let found = pairs(answers, (7, 60));
        assert_eq!(found.scores, [(20.0, 30.0), (80.0, 90.0)]);
        assert_eq!(found.incomplete, 1);
    }
}
