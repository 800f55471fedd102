//! Answers of single respondents, for drawing them whole: what one person says of one thing goes
//! together with what they say of another, which counts do not tell.

use std::collections::{BTreeMap, HashMap};

use analytics_domain::{
    answer::Answer,
    index::{
        bootstrap::{Sheet, Sheets},
        definition::{Measure, Statistic},
    },
    pack::month_of,
    time::Bucket,
};
use kit::error::Result;
use sea_orm::ConnectionTrait;
use uuid::Uuid;

use super::{Asked, leaves::Layout, targets::Targets};
use crate::store::vectors::{self, Selection, Vector};

/// Most responses of a questionnaire that are drawn whole. Of more, counts say enough: the
/// interval is narrow anyway.
const RESPONSES_MAX: u64 = 100_000;
/// Streams of respondents lie beyond those of leaves.
const STREAMS_FROM: u64 = 1 << 32;

/// A questionnaire whose respondents are known.
struct Known {
    /// Sums of the leaves that its columns belong to, by their places.
    columns: Vec<usize>,
    /// Respondents of each row, by class.
    rows: HashMap<usize, Vec<Vec<Sheet>>>,
}

/// Respondents of all rows.
#[derive(Default)]
pub struct Respondents(Vec<Known>);

impl Respondents {
    /// Reads the respondents of each questionnaire that several leaves come from; of none where
    /// nothing is drawn again.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn read(
        conn: &impl ConnectionTrait,
        org: Uuid,
        asked: &Asked,
        targets: &Targets,
        layout: &Layout,
    ) -> Result<Self> {
        let mut found = Self::default();
        if asked.resamples == 0 || targets.is_staff {
            return Ok(found);
        }
        for (questionnaire, columns) in questionnaires(layout) {
            let selection = selection(org, asked, targets, questionnaire);
            if columns.len() < 2 || vectors::count(conn, &selection).await? > RESPONSES_MAX {
                continue;
            }
            let vectors = vectors::read(conn, &selection).await?;
            let places = columns.iter().map(|(place, _)| *place).collect();
            let rows = rows(&vectors, asked, targets, layout, &columns, questionnaire);
            found.0.push(Known { columns: places, rows });
        }
        Ok(found)
    }

    /// Which respondents and which of their columns add to the sum at `place`.
    pub fn column(&self, place: usize) -> Option<(usize, usize)> {
        self.0.iter().enumerate().find_map(|(sheets, known)| {
            Some((sheets, known.columns.iter().position(|column| *column == place)?))
        })
    }

    /// The respondents of a row, with the weights of their classes.
    pub fn of_row(&self, row: usize, weights: &[f64]) -> Vec<Sheets> {
        let of = |(number, known): (usize, &Known)| {
            let classes = known.rows.get(&row).cloned().unwrap_or_default();
            let classes = weights.iter().copied().zip(classes).collect();
            Sheets::new(classes, known.columns.len(), STREAMS_FROM + number as u64)
        };
        self.0.iter().enumerate().map(of).collect()
    }
}

/// Columns of each questionnaire: places of sums with their items.
fn questionnaires(layout: &Layout) -> BTreeMap<Uuid, Vec<(usize, String)>> {
    let mut found: BTreeMap<Uuid, Vec<(usize, String)>> = BTreeMap::new();
    let per_side = layout.class_weights().len();
    for placed in &layout.leaves {
        let Measure::Question { questionnaire, item, statistic } = &placed.leaf.measure else {
            continue;
        };
        let columns = found.entry(*questionnaire).or_default();
        if *statistic == Statistic::Csd {
            columns.push((placed.first, format!("{item}/perceived")));
            columns.push((placed.first + per_side, format!("{item}/expected")));
        } else {
            columns.push((placed.first, item.clone()));
        }
    }
    found
}

/// The responses that the definition's filter counts.
pub fn selection(org: Uuid, asked: &Asked, targets: &Targets, questionnaire: Uuid) -> Selection {
    let filter = &asked.definition.filter;
    Selection {
        org,
        questionnaire,
        versions: Vec::new(),
        sites: targets.answer_sites.clone(),
        unit: None,
        days: asked.days,
        campaigns: filter.campaigns.clone(),
        channels: filter.channels.clone(),
        include_suspect: filter.include_distrusted,
    }
}

fn rows(
    vectors: &[Vector],
    asked: &Asked,
    targets: &Targets,
    layout: &Layout,
    columns: &[(usize, String)],
    questionnaire: Uuid,
) -> HashMap<usize, Vec<Vec<Sheet>>> {
    let (classes, periods) = (layout.class_weights().len(), asked.periods.days.len());
    let mut rows: HashMap<usize, Vec<Vec<Sheet>>> = HashMap::new();
    for vector in vectors {
        let time = match asked.periods.bucket() {
            Some(Bucket::Day) => vector.day,
            _ => month_of(vector.day),
        };
        let Some(period) = asked.periods.place(time.into()) else { continue };
        let Some(class) = layout.class(vector.customer_class) else { continue };
        let score = |(place, item): &(usize, String)| {
            let Some(Answer::Grade(grade)) = vector.answers.get(item) else { return None };
            let version = vector.version;
            let found = layout.of_question(questionnaire, version, item, grade.block());
            found.iter().find(|(first, _)| first == place)?.1[grade.index()]
        };
        let sheet: Sheet = columns.iter().map(score).collect();
        if sheet.iter().all(Option::is_none) {
            continue;
        }
        for unit in targets.above_answers(vector.site, vector.unit) {
            let row = rows.entry(unit * periods + period);
            row.or_insert_with(|| vec![Vec::new(); classes])[class].push(sheet.clone());
        }
    }
    rows
}
