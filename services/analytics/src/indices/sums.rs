//! Sums of all rows of a run, and what adds to them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use analytics_domain::{
    cell::{Column, Counts},
    index::{definition::ServiceFigure, leaf::Moments},
};
use uuid::Uuid;

use super::{
    Asked,
    leaves::{Layout, Scores},
};

/// Counts per score, for drawing again.
type Drawn = BTreeMap<i64, i64>;

/// Sums of all rows: `row × width + place`.
pub struct Sums {
    moments: Vec<Moments>,
    width: usize,
    /// Services given and rated, by row.
    services: Vec<(i64, i64)>,
    /// Counts per score, by row and place, when answers will be drawn again.
    drawn: Option<HashMap<(usize, usize), Drawn>>,
    counted: BTreeMap<(Uuid, i32), BTreeSet<String>>,
    periods: usize,
}

impl Sums {
    /// Nothing read yet.
    pub fn new(asked: &Asked, layout: &Layout, units: usize) -> Self {
        let periods = asked.periods.days.len();
        let rows = units * periods;
        Self {
            moments: vec![Moments::default(); rows * layout.width],
            width: layout.width,
            services: vec![(0, 0); rows],
            drawn: (asked.resamples > 0).then(HashMap::new),
            counted: BTreeMap::new(),
            periods,
        }
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.services.len()
    }

    /// The sums of a row.
    pub fn of_row(&self, row: usize) -> &[Moments] {
        &self.moments[row * self.width..(row + 1) * self.width]
    }

    /// Gives back the memory of sums that nothing is drawn from, once values were made of them.
    pub fn release(&mut self) {
        if self.drawn.is_none() {
            self.moments = Vec::new();
        }
    }

    /// Rated ÷ served of a row.
    pub fn coverage(&self, row: usize) -> Option<f64> {
        let (served, rated) = self.services[row];
        (served > 0).then(|| rated as f64 / served as f64)
    }

    /// Scores with their counts, for drawing again.
    pub fn drawn(&self, row: usize, place: usize) -> Vec<(f64, i64)> {
        let found = self.drawn.as_ref().and_then(|drawn| drawn.get(&(row, place)));
        let scores = found.into_iter().flatten().filter(|(_, count)| **count > 0);
        scores.map(|(score, count)| (*score as f64 / 1e9, *count)).collect()
    }

    /// Items of questionnaires that were counted.
    pub fn counted(&self) -> &BTreeMap<(Uuid, i32), BTreeSet<String>> {
        &self.counted
    }

    /// Notes that an item of a version of a questionnaire is counted.
    pub fn note(&mut self, questionnaire: Uuid, version: i32, item: &str) {
        let items = self.counted.entry((questionnaire, version)).or_default();
        if !items.contains(item) {
            items.insert(item.to_owned());
        }
    }

    /// Adds grades to sums of units in a period.
    pub fn add_grades(
        &mut self,
        units: &[usize],
        period: usize,
        (place, scores): &(usize, Scores),
        grades: &[i64],
        anonymous: bool,
    ) {
        for unit in units {
            let row = unit * self.periods + period;
            let sums = &mut self.moments[row * self.width + place];
            for (score, count) in scores.iter().zip(grades).filter(|(_, count)| **count != 0) {
                let Some(score) = score else { continue };
                sums.add(*score, *count);
                sums.anonymous |= anonymous;
                if let Some(drawn) = &mut self.drawn {
                    *drawn.entry((row, *place)).or_default().entry(*score).or_default() += count;
                }
            }
        }
    }

    /// Adds services to units in a period.
    pub fn add_services(
        &mut self,
        units: &[usize],
        period: usize,
        counts: &Counts,
        layout: &Layout,
    ) {
        let get = |column: Column| counts.get(column);
        for unit in units {
            let row = unit * self.periods + period;
            let (served, rated) = &mut self.services[row];
            *served += get(Column::Served);
            *rated += get(Column::Rated);
            for (figure, place) in layout.figures() {
                let (part, whole) = match figure {
                    ServiceFigure::Coverage => (get(Column::Rated), get(Column::Served)),
                    ServiceFigure::PromptRate => (get(Column::Prompted), get(Column::Served)),
                    ServiceFigure::ServiceS => (get(Column::ServiceMs), get(Column::ServiceN)),
                    ServiceFigure::WaitingS => (get(Column::WaitingMs), get(Column::WaitingN)),
                    ServiceFigure::NoShow => (get(Column::NoShow), get(Column::Encounters)),
                };
                let sums = &mut self.moments[row * self.width + place];
                sums.n = sums.n.saturating_add(whole);
                sums.sum = sums.sum.saturating_add(part.into());
            }
        }
    }
}
