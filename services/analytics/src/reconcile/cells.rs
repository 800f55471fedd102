//! What the cells and packs of an organisation count of ratings and encounters, table by table.

use std::collections::BTreeMap;

use analytics_domain::{
    cell::{Column, Counts as CellCounts, What},
    fact::Grade,
    pack::{self, Kind},
    plan::Table,
};
use kit::error::{Result, ServiceError};
use proto::{device::v1::EncounterState, names};
use sea_orm::{ConnectionTrait, StreamTrait};
use uuid::Uuid;

use crate::store::{
    packs, placements,
    sums::{self, Scan, Sites},
};

/// What is counted, comparable between source and cells.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Counted {
    /// Ratings by site, template, overall grade and trust.
    Rating(Uuid, Uuid, i32, bool),
    /// Encounters by site and final state; 0 for all.
    Encounter(Uuid, i32),
}

/// How many there are of each.
pub type Counts = BTreeMap<Counted, i64>;

/// The counts that each table of cells and each kind of packs has, with its name for people.
pub async fn count(
    conn: &(impl ConnectionTrait + StreamTrait),
    org: Uuid,
) -> Result<Vec<(&'static str, Counts)>> {
    let placed = placements::load(conn, org).await?;
    let mut found = Vec::new();
    let kinds =
        [("site day", Kind::Days), ("site month", Kind::Months), ("site year", Kind::Years)];
    for (name, kind) in kinds {
        found.push((name, count_packs(conn, org, kind, &placed).await?));
    }
    for (name, table) in [("day", Table::Day), ("quarter", Table::Quarter)] {
        found.push((name, count_table(conn, org, table, &placed).await?));
    }
    Ok(found)
}

/// Site by site, so that no statement reads all of a large table.
async fn count_table(
    conn: &impl ConnectionTrait,
    org: Uuid,
    table: Table,
    placed: &placements::Placements,
) -> Result<Counts> {
    let mut counts = Counts::new();
    let mut next = sums::next_site(conn, table, org, None).await?;
    while let Some(site) = next {
        let scan = Scan { sites: Sites::List(vec![site]), ..Scan::of_sites(table, org) };
        for sum in sums::read(conn, &scan).await? {
            add(&mut counts, placed.site(sum.site), &sum.what, &sum.counts);
        }
        next = sums::next_site(conn, table, org, Some(site)).await?;
    }
    counts.retain(|_, count| *count != 0);
    Ok(counts)
}

async fn count_packs(
    conn: &impl StreamTrait,
    org: Uuid,
    kind: Kind,
    placed: &placements::Placements,
) -> Result<Counts> {
    let all = packs::Scan { org, kind, months: i32::MIN..i32::MAX, sites: &Sites::Any };
    let mut counts = Counts::new();
    packs::each(conn, &all, |row| {
        let site = placed.site(row.site);
        packs::entries(&row, |entry| {
            let what = pack::rating_of(entry.key);
            let what = what.ok_or_else(|| ServiceError::internal("a key of a pack"))?;
            if what.item.is_empty() {
                add(&mut counts, site, &what, entry.counts);
            }
            Ok(())
        })
    })
    .await?;
    counts.retain(|_, count| *count != 0);
    Ok(counts)
}

/// Final states, which have a column of their own.
pub const STATES: [(Column, EncounterState); 5] = [
    (Column::TimedOut, EncounterState::TimedOut),
    (Column::Skipped, EncounterState::Skipped),
    (Column::Defaulted, EncounterState::Defaulted),
    (Column::Rated, EncounterState::Rated),
    (Column::NoShow, EncounterState::NoShow),
];

fn add(counts: &mut Counts, site: Uuid, what: &What, sums: &CellCounts) {
    if what.is_encounters() {
        let mut add = |state: i32, column: Column| {
            *counts.entry(Counted::Encounter(site, state)).or_default() += sums.get(column);
        };
        add(0, Column::Encounters);
        for (column, state) in STATES {
            add(state as i32, column);
        }
        return;
    }
    for (index, count) in sums.grades.iter().enumerate() {
        let Some(grade) = Grade::at(what.block, index) else { continue };
        let key = Counted::Rating(site, what.template, grade.value(), what.class != 0);
        *counts.entry(key).or_default() += count;
    }
}

/// The count for people.
pub fn describe(counted: &Counted) -> String {
    match counted {
        Counted::Rating(site, template, grade, distrusted) => {
            let (site, template) =
                (names::print("units", *site), names::print("templates", *template));
            let trust = if *distrusted { "distrusted" } else { "trusted" };
            format!("{site} {template} grade {grade} {trust}")
        }
        Counted::Encounter(site, 0) => format!("{} encounters", names::print("units", *site)),
        Counted::Encounter(site, state) => {
            let state = EncounterState::try_from(*state).unwrap_or_default().as_str_name();
            format!("{} {state}", names::print("units", *site))
        }
    }
}
