//! Figures of one group, computed from its summed cells.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use uuid::Uuid;

use crate::{
    cell::{COLUMNS, Column, Counts, What},
    fact::Grade,
    intervals::{
        Interval, MeanDifference, MeanEstimate, NpsEstimate, ShareDifference,
        mean_interval_from_counts, newcombe_difference, nps_from_counts, welch_from_moments,
        wilson,
    },
    template::{Meaning, Template},
};

/// Definitions by template.
pub type Templates = HashMap<Uuid, Arc<Template>>;

/// Sums of the cells of one group.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tally {
    /// Ratings by template and grade.
    pub ratings: BTreeMap<(Uuid, Grade), i64>,
    /// Ratings with a trust mark, whether in `ratings` or not.
    pub distrusted: i64,
    /// Encounters, by [`Column`].
    pub encounters: [i64; COLUMNS],
}

impl Tally {
    /// Adds a row of cells. Distrusted ratings are counted apart, and in the grades only on
    /// `include_distrusted`.
    pub fn add(&mut self, what: &What, counts: &Counts, include_distrusted: bool) {
        if what.is_encounters() {
            for (sum, more) in self.encounters.iter_mut().zip(counts.encounters) {
                *sum = sum.saturating_add(more);
            }
            return;
        }
        for (index, count) in counts.grades.into_iter().enumerate().filter(|(_, c)| *c != 0) {
            let Some(grade) = Grade::at(what.block, index) else { continue };
            if what.class != 0 {
                self.distrusted = self.distrusted.saturating_add(count);
                if !include_distrusted {
                    continue;
                }
            }
            let sum = self.ratings.entry((what.template, grade)).or_default();
            *sum = sum.saturating_add(count);
        }
    }

    /// Adds another tally.
    pub fn merge(&mut self, other: &Self) {
        for (key, count) in &other.ratings {
            let sum = self.ratings.entry(*key).or_default();
            *sum = sum.saturating_add(*count);
        }
        self.distrusted = self.distrusted.saturating_add(other.distrusted);
        for (sum, more) in self.encounters.iter_mut().zip(other.encounters) {
            *sum = sum.saturating_add(more);
        }
    }

    /// Whether nothing is counted.
    pub fn is_empty(&self) -> bool {
        self.distrusted == 0
            && self.encounters.iter().all(|count| *count == 0)
            && self.ratings.values().all(|count| *count == 0)
    }

    /// One column of encounters; never below zero.
    pub fn get(&self, column: Column) -> u64 {
        natural(self.encounters[column as usize])
    }

    /// Templates of the ratings.
    pub fn templates(&self) -> impl Iterator<Item = Uuid> {
        self.ratings.keys().map(|(template, _)| *template)
    }
}

/// A share with its Wilson interval.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Share {
    /// Numerator.
    pub numerator: u64,
    /// Denominator.
    pub denominator: u64,
    /// Interval; `None` without a denominator.
    pub interval: Option<Interval>,
}

impl Share {
    fn new(numerator: u64, denominator: u64, confidence: f64) -> Self {
        let interval = wilson(numerator, denominator, confidence);
        Self { numerator, denominator, interval }
    }

    /// Numerator ÷ denominator.
    pub fn value(&self) -> Option<f64> {
        (self.denominator > 0).then(|| self.numerator as f64 / self.denominator as f64)
    }
}

/// Net promoter score and what it is made of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Nps {
    /// Score with interval; `None` without ratings.
    pub estimate: Option<NpsEstimate>,
    /// 9 and 10.
    pub promoters: u64,
    /// 7 and 8.
    pub passives: u64,
    /// 0 to 6.
    pub detractors: u64,
}

/// All figures of a group.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    /// Services given.
    pub served: u64,
    /// Customers asked.
    pub prompted: u64,
    /// Services rated.
    pub rated: u64,
    /// Ratings counted.
    pub n: u64,
    /// Rated ÷ served.
    pub coverage: Share,
    /// Prompted ÷ served.
    pub prompt_rate: Share,
    /// Ratings per grade; `None` when scales are mixed or unknown.
    pub grades: Option<Vec<(i32, u64)>>,
    /// Mean score.
    pub score: MeanEstimate,
    /// Satisfied ÷ ratings.
    pub csat: Share,
    /// (Satisfied + defaulted) ÷ (ratings + defaulted).
    pub csat_with_defaulted: Share,
    /// Of ratings on a 0-10 scale; `None` without a template of that scale.
    pub nps: Option<Nps>,
    /// Bad ÷ ratings.
    pub bad: Share,
    /// Services closed as silence.
    pub defaulted: u64,
    /// Customers who declined.
    pub skipped: u64,
    /// Questions that timed out.
    pub timed_out: u64,
    /// Ratings with a trust mark.
    pub distrusted: u64,
    /// Mean service time in seconds.
    pub service_s: Option<f64>,
    /// Mean waiting time in seconds.
    pub waiting_s: Option<f64>,
    /// Ratings without a known meaning: in `n`, in no score or share.
    pub unknown: u64,
    /// Ratings that are left out of `nps` because their scale is another.
    pub off_nps: u64,
}

/// Computes the figures of a group.
pub fn figure(tally: &Tally, templates: &Templates, confidence: f64) -> Figure {
    let judged = Judged::of(tally, templates);
    let share = |part, whole| Share::new(part, whole, confidence);
    let served = tally.get(Column::Served);
    let (prompted, rated) = (tally.get(Column::Prompted), tally.get(Column::Rated));
    let defaulted = tally.get(Column::Defaulted);
    let seconds = |sum, n| {
        let n = tally.get(n);
        (n > 0).then(|| tally.get(sum) as f64 / n as f64 / 1000.0)
    };
    let nps = judged.nps.map(|[detractors, passives, promoters]| Nps {
        estimate: nps_from_counts(promoters, passives, detractors, confidence),
        promoters,
        passives,
        detractors,
    });
    Figure {
        served,
        prompted,
        rated,
        n: judged.n,
        coverage: share(rated, served),
        prompt_rate: share(prompted, served),
        grades: judged.distribution(tally, templates),
        score: on_the_scale(mean_interval_from_counts(&judged.scores, confidence)),
        csat: share(judged.satisfied, judged.known),
        csat_with_defaulted: share(judged.satisfied + defaulted, judged.known + defaulted),
        nps,
        bad: share(judged.bad, judged.known),
        defaulted,
        skipped: tally.get(Column::Skipped),
        timed_out: tally.get(Column::TimedOut),
        distrusted: natural(tally.distrusted),
        service_s: seconds(Column::ServiceMs, Column::ServiceN),
        waiting_s: seconds(Column::WaitingMs, Column::WaitingN),
        unknown: judged.n - judged.known,
        off_nps: nps.map_or(0, |nps| judged.n - nps.promoters - nps.passives - nps.detractors),
    }
}

/// The mean score with an interval that ends where the scale of scores does, at 0 and 100: the
/// t interval of few ratings may reach beyond, where no mean can be.
fn on_the_scale(score: MeanEstimate) -> MeanEstimate {
    let cut = |ends: Interval| Interval { low: ends.low.max(0.0), high: ends.high.min(100.0) };
    MeanEstimate { interval: score.interval.map(cut), ..score }
}

/// How two figures differ, the first minus the second.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Differences {
    /// Of CSAT; `None` when a side is empty.
    pub csat: Option<ShareDifference>,
    /// Of the mean score; `None` when a side is empty.
    pub score: Option<MeanDifference>,
}

/// Compares figures now with figures then.
pub fn differences(now: &Figure, then: &Figure, confidence: f64) -> Differences {
    let (a, b) = (&now.csat, &then.csat);
    let csat =
        newcombe_difference(a.numerator, a.denominator, b.numerator, b.denominator, confidence);
    let variance = |mean: &MeanEstimate| mean.sd.map_or(0.0, |sd| sd * sd);
    let score = match (now.score.mean, then.score.mean) {
        (Some(mean_now), Some(mean_then)) => welch_from_moments(
            now.score.n,
            mean_now,
            variance(&now.score),
            then.score.n,
            mean_then,
            variance(&then.score),
            confidence,
        ),
        _ => None,
    };
    Differences { csat, score }
}

/// Ratings of a tally by what their grades mean.
#[derive(Default)]
struct Judged {
    n: u64,
    known: u64,
    satisfied: u64,
    bad: u64,
    scores: Vec<(f64, u64)>,
    nps: Option<[u64; 3]>,
}

impl Judged {
    fn of(tally: &Tally, templates: &Templates) -> Self {
        let mut judged = Self::default();
        for ((template, grade), count) in &tally.ratings {
            let count = natural(*count);
            judged.n += count;
            let Some(template) = templates.get(template) else { continue };
            let Some(meaning) = template.meaning(*grade) else { continue };
            judged.add(meaning, count);
            if template.is_nps() {
                let place = match grade.value() {
                    0..=6 => 0,
                    7 | 8 => 1,
                    _ => 2,
                };
                judged.nps.get_or_insert_default()[place] += count;
            }
        }
        judged
    }

    fn add(&mut self, meaning: Meaning, count: u64) {
        self.known += count;
        if meaning.satisfied {
            self.satisfied += count;
        }
        if meaning.bad {
            self.bad += count;
        }
        self.scores.push((meaning.score, count));
    }

    /// Counts per grade if there is one scale; small scales without holes.
    fn distribution(&self, tally: &Tally, templates: &Templates) -> Option<Vec<(i32, u64)>> {
        if self.n != self.known {
            return None;
        }
        let (mut scale, mut last) = (None, None);
        let mut counts: BTreeMap<i32, u64> = BTreeMap::new();
        for ((id, grade), count) in tally.ratings.iter().filter(|(_, count)| **count > 0) {
            // Grades of a template come together.
            if last.replace(*id) != Some(*id) {
                let template = templates.get(id)?;
                if *scale.get_or_insert(template.scale()) != template.scale() {
                    return None;
                }
                for value in template.values() {
                    counts.entry(value).or_default();
                }
            }
            *counts.entry(grade.value()).or_default() += natural(*count);
        }
        Some(counts.into_iter().collect())
    }
}

/// A count; below zero only while an event is missing that will come.
fn natural(count: i64) -> u64 {
    u64::try_from(count).unwrap_or(0)
}

#[cfg(test)]
mod tests;
