//! Satisfaction and what came after it: retention by grade, and whether better grades go with
//! more purchases.

use std::collections::BTreeMap;

use crate::{
    intervals::{Interval, wilson},
    measures::{
        distributions::student_critical,
        importance::correlation::correlation,
        loyalty::{
            retention::{ExpectedRetention, TABLE, by_satisfaction},
            risk::logistic,
        },
        reason::{Reason, Result},
        sample::ranks,
    },
    suppression::{Group, hide},
};

/// Customers of one kind.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Outcome {
    /// Grade that they gave.
    pub grade: i32,
    /// Had bought in the time before.
    pub bought_before: bool,
    /// Purchases in the time after.
    pub purchases: u32,
    /// How many customers.
    pub customers: u64,
    /// Amount of these purchases of all of them, in hundredths.
    pub cents: i64,
    /// Sum of the squares of each customer's amount, in whole units of the currency.
    pub squares: f64,
}

/// What became of those who gave a grade.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct OfGrade {
    /// Customers.
    pub customers: u64,
    /// Of these, who had bought before.
    pub earlier_buyers: u64,
    /// Of these, who bought again.
    pub retained: u64,
    /// Who bought afterwards, whether before or not.
    pub later_buyers: u64,
    /// Purchases afterwards.
    pub purchases: u64,
    /// Amount of these, in hundredths.
    pub cents: i64,
    squares: f64,
}

impl OfGrade {
    fn add(&mut self, one: &Outcome) {
        let n = one.customers;
        self.customers += n;
        self.earlier_buyers += if one.bought_before { n } else { 0 };
        self.retained += if one.bought_before && one.purchases > 0 { n } else { 0 };
        self.later_buyers += if one.purchases > 0 { n } else { 0 };
        self.purchases += n * u64::from(one.purchases);
        self.cents = self.cents.saturating_add(one.cents);
        self.squares += one.squares;
    }

    /// retained ÷ earlier buyers with Wilson's interval; `None` without earlier buyers.
    pub fn retention(&self, confidence: f64) -> Option<(f64, Interval)> {
        let interval = wilson(self.retained, self.earlier_buyers, confidence)?;
        Some((self.retained as f64 / self.earlier_buyers as f64, interval))
    }

    /// Purchases afterwards per customer.
    pub fn purchases_per_customer(&self) -> Option<f64> {
        (self.customers > 0).then(|| self.purchases as f64 / self.customers as f64)
    }

    /// Amount afterwards per customer in hundredths, and its t interval; the interval is `None`
    /// with one customer.
    pub fn amount(&self, confidence: f64) -> Option<(f64, Option<Interval>)> {
        let n = self.customers as f64;
        if self.customers == 0 {
            return None;
        }
        let mean = self.cents as f64 / n;
        let units = mean / 100.0;
        let interval = (self.customers > 1).then(|| {
            let variance = ((self.squares - n * units * units) / (n - 1.0)).max(0.0);
            let half = student_critical(confidence, n - 1.0) * (variance / n).sqrt() * 100.0;
            Interval::around(mean, half)
        });
        Some((mean, interval))
    }
}

/// Outcomes by grade, and all together.
pub fn by_grade(outcomes: &[Outcome]) -> (BTreeMap<i32, OfGrade>, OfGrade) {
    let (mut grades, mut total) = (BTreeMap::<i32, OfGrade>::new(), OfGrade::default());
    for one in outcomes.iter().filter(|one| one.customers > 0) {
        grades.entry(one.grade).or_default().add(one);
        total.add(one);
    }
    (grades, total)
}

/// Which grades must be hidden, in their order, and whether the total must: what happened to
/// few people would tell of single ones.
pub fn hidden(grades: &BTreeMap<i32, OfGrade>, total: &OfGrade) -> (Vec<bool>, bool) {
    let group = |of: &OfGrade| Group { respondents: of.customers, anonymous: true };
    let groups: Vec<Group> = grades.values().map(group).collect();
    let hidden = hide(&groups, group(total));
    (hidden.groups, hidden.total)
}

/// Retention to expect from the grades by the guideline's table; `None` unless all lie within
/// 1 to 5, or without customers.
pub fn expected(grades: &BTreeMap<i32, OfGrade>) -> Option<ExpectedRetention> {
    let mut counts = [0; 5];
    for (grade, of) in grades {
        let place = usize::try_from(*grade - 1).ok()?;
        *counts.get_mut(place)? += of.customers;
    }
    by_satisfaction(&counts, &TABLE).ok().filter(|found| found.expected.is_some())
}

/// Whether satisfaction goes with later purchases.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Link {
    /// Customers.
    pub n: u64,
    /// Spearman's ρ of the grade and the number of later purchases.
    pub rho: Option<f64>,
    /// Its two-sided p-value.
    pub rho_p: Option<f64>,
    /// Earlier buyers.
    pub n_earlier_buyers: u64,
    /// Odds ratio of being retained per grade, with the ends of its interval.
    pub odds: Option<(f64, Option<f64>, Option<f64>)>,
    /// Its two-sided p-value.
    pub odds_p: Option<f64>,
    /// Why something is missing.
    pub reason: Option<Reason>,
}

/// The link of grades with later purchases.
///
/// Formula: Spearman's ρ with p from t = ρ√((n-2)/(1-ρ²)) with n - 2 degrees of freedom;
/// logistic regression of being retained on the grade among earlier buyers, Wald's interval.
///
/// Source: Spearman (1904); Cox (1958).
///
/// Edge cases: as [`correlation`] and [`logistic`]; the reason of the first that is missing.
///
/// Errors: more customers than [`logistic`] takes.
pub fn link(outcomes: &[Outcome], confidence: f64) -> Result<Link> {
    let each = |only_buyers: bool| {
        let wanted = outcomes.iter().filter(move |one| one.bought_before || !only_buyers);
        wanted.flat_map(|one| {
            let times = usize::try_from(one.customers).unwrap_or_default();
            std::iter::repeat_n((f64::from(one.grade), one.purchases), times)
        })
    };
    let ranked = |values: Vec<f64>| ranks(&values).0.into_iter().map(Some).collect::<Vec<_>>();
    let purchases = ranked(each(false).map(|(_, purchases)| f64::from(purchases)).collect());
    let grades = ranked(each(false).map(|(grade, _)| grade).collect());
    let name = || "grade".to_owned();
    let found = correlation(&purchases, &[(name(), grades)], confidence)?;
    let retained: Vec<Option<bool>> = each(true).map(|(_, bought)| Some(bought > 0)).collect();
    let of_buyers = each(true).map(|(grade, _)| Some(grade)).collect();
    let risk = logistic(&retained, &[(name(), of_buyers)], confidence)?;
    let number = |values: &Option<crate::measures::named::Named<Option<f64>>>| {
        values.as_ref().and_then(|values| values.get("grade").copied().flatten())
    };
    let ends = (number(&risk.or_low), number(&risk.or_high));
    Ok(Link {
        n: found.n as u64,
        rho: found.pearson.get("grade").copied().flatten(),
        rho_p: found.p.get("grade").copied().flatten(),
        n_earlier_buyers: risk.n as u64,
        odds: number(&risk.odds_ratio).map(|odds| (odds, ends.0, ends.1)),
        odds_p: risk.p.as_ref().and_then(|p| p.get("grade").copied()),
        reason: found.reason.or(risk.reason),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn some(grade: i32, before: bool, purchases: u32, customers: u64) -> Outcome {
        let cents = i64::try_from(u64::from(purchases) * customers * 1_000).unwrap();
        let squares = f64::from(purchases * 10).powi(2) * customers as f64;
        Outcome { grade, bought_before: before, purchases, customers, cents, squares }
    }

    fn example() -> Vec<Outcome> {
        vec![
            some(1, true, 0, 8),
            some(1, true, 1, 2),
            some(1, false, 0, 5),
            some(5, true, 0, 1),
            some(5, true, 2, 9),
            some(5, false, 1, 4),
        ]
    }

    #[test]
    fn retention_is_of_those_who_had_bought_before() {
        let (grades, total) = by_grade(&example());
        let (low, high) = (&grades[&1], &grades[&5]);
        assert_eq!((low.customers, low.earlier_buyers, low.retained), (15, 10, 2));
        assert_eq!(low.retention(0.95).unwrap().0, 0.2);
        assert_eq!(high.retention(0.95).unwrap().0, 0.9);
        assert_eq!((high.later_buyers, high.purchases), (13, 22));
        assert_eq!(total.retention(0.95).unwrap().0, 0.55);
        assert_eq!(OfGrade::default().retention(0.95), None);
        // Nine of 20.00, four of 10.00 and one of nothing.
        let (mean, interval) = high.amount(0.95).unwrap();
        assert!((mean - 22_000.0 / 14.0).abs() < 1e-9);
        let mut amounts = vec![2_000.0; 9];
        amounts.extend([1_000.0, 1_000.0, 1_000.0, 1_000.0, 0.0]);
        let variance = amounts.iter().map(|a| (a - mean) * (a - mean)).sum::<f64>() / 13.0;
        let half = student_critical(0.95, 13.0) * (variance / 14.0).sqrt();
        assert!((interval.unwrap().low - (mean - half)).abs() < 1e-6);
    }

    #[test]
    fn better_grades_go_with_more_purchases_where_they_do() {
        let found = link(&example(), 0.95).unwrap();
        assert_eq!((found.n, found.n_earlier_buyers, found.reason), (29, 20, None));
        assert!(found.rho.unwrap() > 0.5 && found.rho_p.unwrap() < 0.01);
        // Two grades: the odds ratio of four steps is that of the table, (9/1)/(2/8) = 36.
        let (odds, low, high) = found.odds.unwrap();
        assert!((odds.powi(4) - 36.0).abs() < 1e-6, "{odds}");
        assert!(low.unwrap() > 1.0 && high.unwrap() > odds);
        let alike = [some(1, true, 0, 5), some(1, true, 1, 5), some(3, true, 0, 5)];
        let same = link(&[alike[0], alike[1], some(3, true, 0, 5), some(3, true, 1, 5)], 0.95);
        assert!(same.unwrap().rho.unwrap().abs() < 1e-9);
        let constant = link(&alike[..2], 0.95).unwrap();
        assert_eq!((constant.rho, constant.reason), (None, Some(Reason::ZeroVariance)));
        assert_eq!(link(&[], 0.95).unwrap().reason, Some(Reason::NoData));
    }

    #[test]
    fn what_happened_to_few_is_hidden_and_grades_outside_of_the_table_expect_nothing() {
        let few = [some(1, true, 0, 3), some(3, true, 1, 6), some(5, true, 1, 40)];
        let (grades, total) = by_grade(&few);
        assert_eq!(hidden(&grades, &total), (vec![true, true, false], false));
        let found = expected(&grades).unwrap();
        let by_hand = (3.0 * 0.025 + 6.0 * 0.625 + 40.0 * 0.945) / 49.0;
        assert!((found.expected.unwrap() - by_hand).abs() < 1e-12);
        assert_eq!(expected(&by_grade(&[some(7, true, 0, 9)]).0), None);
        assert_eq!(expected(&by_grade(&[some(0, true, 0, 9)]).0), None);
    }

    proptest! {
        #[test]
        fn the_link_does_not_depend_on_how_customers_are_put_together(
            rows in prop::collection::vec((1..=5_i32, any::<bool>(), 0..4_u32, 1..4_u64), 1..12),
        ) {
            let joined: Vec<Outcome> =
                rows.iter().map(|(g, before, p, n)| some(*g, *before, *p, *n)).collect();
            let single: Vec<Outcome> = rows
                .iter()
                .rev()
                .flat_map(|(g, before, p, n)| (0..*n).map(|_| some(*g, *before, *p, 1)))
                .collect();
            let (a, b) = (link(&joined, 0.95).unwrap(), link(&single, 0.95).unwrap());
            prop_assert_eq!((a.n, a.n_earlier_buyers), (b.n, b.n_earlier_buyers));
            let near = |a: Option<f64>, b: Option<f64>| match (a, b) {
                (Some(a), Some(b)) => (a - b).abs() < 1e-6 * a.abs().max(1.0),
                (a, b) => a.is_none() == b.is_none(),
            };
            prop_assert!(near(a.rho, b.rho), "{a:?} {b:?}");
            let (of_joined, total) = by_grade(&joined);
            let sum: u64 = of_joined.values().map(|of| of.retained).sum();
            prop_assert_eq!(sum, total.retained);
            prop_assert!(total.retained <= total.earlier_buyers);
            prop_assert!(total.retained <= total.later_buyers);
        }
    }
}
