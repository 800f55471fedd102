//! Reads packs of all units and months and folds them into sums per leaf. Packs come one by
//! one, so that memory does not grow with what is read.

use std::{collections::HashMap, ops::Range};

use analytics_domain::{
    answer::KINDS_BLOCK,
    pack::{self, AnswerHead, Grain, Kind},
    time::Bucket,
};
use kit::error::{Result, ServiceError};
use sea_orm::StreamTrait;
use uuid::Uuid;

use super::{
    Asked,
    leaves::{Layout, Scores},
    sums::Sums,
    targets::Targets,
};
use crate::store::packs::{self, Scan, SiteScan};

/// What keys of packs mean. The same few come in every pack, so each is looked up once.
struct Known<T> {
    places: HashMap<Vec<u8>, usize>,
    all: Vec<T>,
}

impl<T> Known<T> {
    fn new() -> Self {
        Self { places: HashMap::new(), all: Vec::new() }
    }

    fn place(&mut self, key: &[u8], of: impl FnOnce() -> Result<T>) -> Result<usize> {
        if let Some(place) = self.places.get(key) {
            return Ok(*place);
        }
        self.all.push(of()?);
        self.places.insert(key.to_vec(), self.all.len() - 1);
        Ok(self.all.len() - 1)
    }
}

/// What a row of a site adds to.
enum Adds {
    Services,
    Scores(Vec<(usize, Scores)>),
}

/// Folds ratings and encounters of sites into `sums`.
///
/// # Errors
/// Those of the database.
pub async fn ratings(
    conn: &impl StreamTrait,
    org: Uuid,
    asked: &Asked,
    targets: &Targets,
    layout: &Layout,
    sums: &mut Sums,
) -> Result<()> {
    let include = asked.definition.filter.include_distrusted;
    let by_day = asked.periods.bucket() == Some(Bucket::Day);
    let grain = if by_day { Grain::Day } else { Grain::Month };
    let (sites, days, overall) = (&targets.sites, asked.days, layout.is_overall());
    let scan = SiteScan { org, sites, days, grain, overall };
    let (mut known, mut current) = (Known::new(), 0);
    packs::of_sites(conn, &scan, |entry| {
        if !entry.repeats {
            current = known.place(entry.key, || adds(layout, entry.key, include))?;
        }
        let Some(period) = asked.periods.place(entry.time) else { return Ok(()) };
        let units = targets.above(entry.site);
        match &known.all[current] {
            Adds::Services => sums.add_services(units, period, entry.counts, layout),
            Adds::Scores(places) => {
                for place in places {
                    sums.add_grades(units, period, place, &entry.counts.grades, false);
                }
            }
        }
        Ok(())
    })
    .await
}

fn adds(layout: &Layout, key: &[u8], include_distrusted: bool) -> Result<Adds> {
    let what = pack::rating_of(key).ok_or_else(|| ServiceError::internal("a key of a pack"))?;
    if what.is_encounters() {
        return Ok(Adds::Services);
    }
    let counts = include_distrusted || what.class == 0;
    let places = layout.of_rating(what.template, &what.item, what.block);
    Ok(Adds::Scores(if counts { places.to_vec() } else { Vec::new() }))
}

/// What a row of answers adds to.
struct Question {
    head: AnswerHead,
    places: Vec<(usize, Scores)>,
}

/// Folds answers of whole months into `sums`.
///
/// # Errors
/// Those of the database.
pub async fn answers(
    conn: &impl StreamTrait,
    org: Uuid,
    asked: &Asked,
    months: Range<i32>,
    targets: &Targets,
    layout: &Layout,
    sums: &mut Sums,
) -> Result<()> {
    let scan = Scan { org, kind: Kind::Answers, months, sites: &targets.answer_sites };
    let (mut known, mut units) = (Known::new(), Vec::new());
    packs::each(conn, &scan, |row| {
        units.clear();
        units.extend(targets.above_answers(row.site, row.unit));
        let Some(period) = asked.periods.place(row.month.into()) else { return Ok(()) };
        if units.is_empty() {
            return Ok(());
        }
        packs::entries(&row, |entry| {
            let before = known.all.len();
            let place = known.place(entry.key, || question(asked, layout, entry.key))?;
            let question = &known.all[place];
            if before < known.all.len() && !question.places.is_empty() {
                let head = &question.head;
                sums.note(head.questionnaire, head.version, &head.item);
            }
            for place in &question.places {
                let anonymous = question.head.anonymous;
                sums.add_grades(&units, period, place, &entry.counts.grades, anonymous);
            }
            Ok(())
        })
    })
    .await
}

/// What a key of answers adds to: nothing where the filter leaves it out.
fn question(asked: &Asked, layout: &Layout, key: &[u8]) -> Result<Question> {
    let head = pack::answer_of(key).ok_or_else(|| ServiceError::internal("a key of a pack"))?;
    let filter = &asked.definition.filter;
    let wanted = head.block != KINDS_BLOCK
        && (filter.include_distrusted || !head.suspect)
        && (filter.channels.is_empty() || filter.channels.contains(&head.channel))
        && (filter.campaigns.is_empty() || filter.campaigns.contains(&head.campaign));
    let class = layout.class(head.customer_class).filter(|_| wanted);
    let found = layout.of_question(head.questionnaire, head.version, &head.item, head.block);
    let places = class
        .into_iter()
        .flat_map(|class| found.iter().map(move |(first, scores)| (first + class, *scores)));
    let places = places.collect();
    Ok(Question { head, places })
}
