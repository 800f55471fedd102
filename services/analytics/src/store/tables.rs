//! The tables of cells and their columns: one place for names and order.

use analytics_domain::{
    answer::AnswerKey,
    cell::{COLUMN_NAMES, COLUMNS, DayKey, SiteKey, What},
    fact::GRADES_PER_BLOCK,
    plan::Table,
};
use sea_orm::Value;

/// Type of a key column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Uuid,
    Int,
    Small,
    Text,
}

impl Kind {
    /// Name of the type's array on PostgreSQL.
    pub fn array(self) -> &'static str {
        match self {
            Self::Uuid => "uuid[]",
            Self::Int => "int4[]",
            Self::Small => "int2[]",
            Self::Text => "text[]",
        }
    }
}

const WHAT: [(&str, Kind); 4] = [
    ("template_id", Kind::Uuid),
    ("item", Kind::Text),
    ("class", Kind::Small),
    ("block", Kind::Small),
];

/// Site first, then time: a query names its sites, and reads one range for each.
const SITE: [(&str, Kind); 7] = [
    ("org_id", Kind::Uuid),
    ("site_id", Kind::Uuid),
    ("time", Kind::Int),
    WHAT[0],
    WHAT[1],
    WHAT[2],
    WHAT[3],
];

const DAY: [(&str, Kind); 11] = [
    ("org_id", Kind::Uuid),
    ("site_id", Kind::Uuid),
    ("time", Kind::Int),
    ("window_id", Kind::Uuid),
    ("staff_id", Kind::Uuid),
    ("business_type", Kind::Text),
    ("channel", Kind::Small),
    WHAT[0],
    WHAT[1],
    WHAT[2],
    WHAT[3],
];

const ANSWERS: [(&str, Kind); 15] = [
    ("org_id", Kind::Uuid),
    ("site_id", Kind::Uuid),
    ("time", Kind::Int),
    ("questionnaire_id", Kind::Uuid),
    ("version", Kind::Int),
    ("item", Kind::Text),
    ("option_id", Kind::Text),
    ("block", Kind::Small),
    ("unit_id", Kind::Uuid),
    ("staff_id", Kind::Uuid),
    ("campaign_id", Kind::Uuid),
    ("class_id", Kind::Uuid),
    ("channel", Kind::Small),
    ("suspect", Kind::Small),
    ("anonymous", Kind::Small),
];

/// Tables of cells of ratings and encounters. Those of sites by local day are packed.
pub const RATINGS: [Table; 2] = [Table::Quarter, Table::Day];
/// Tables of cells of answers to questionnaires.
pub const OF_ANSWERS: [Table; 1] = [Table::Answers];

/// Name of a table. That of sites by local day is gone since there are packs.
pub fn name(table: Table) -> &'static str {
    match table {
        Table::Quarter => "cell_quarter",
        Table::SiteDay => "cell_site_day",
        Table::Day => "cell_day",
        Table::Answers => "cell_answer",
    }
}

/// Key columns of a table.
pub fn keys(table: Table) -> &'static [(&'static str, Kind)] {
    match table {
        Table::Quarter | Table::SiteDay => &SITE,
        Table::Day => &DAY,
        Table::Answers => &ANSWERS,
    }
}

/// Names of the columns of grades.
pub fn grade_columns() -> [String; GRADES_PER_BLOCK] {
    std::array::from_fn(|index| format!("g{index}"))
}

/// Names of the columns of encounters.
pub fn encounter_columns() -> [&'static str; COLUMNS] {
    COLUMN_NAMES
}

/// All count columns of a table, grades first.
pub fn count_columns(table: Table) -> Vec<String> {
    let encounters = COLUMN_NAMES.map(str::to_owned).into_iter();
    let encounters = encounters.filter(|_| table != Table::Answers);
    grade_columns().into_iter().chain(encounters).collect()
}

/// The key of a site's cell as values, in the order of [`keys`].
pub fn site_values(key: &SiteKey) -> Vec<Value> {
    let mut values = vec![key.org.into(), key.site.into(), key.time.into()];
    values.extend(what_values(&key.what));
    values
}

/// The key of a day's cell as values, in the order of [`keys`].
pub fn day_values(key: &DayKey) -> Vec<Value> {
    let place = &key.place;
    let mut values = vec![
        place.org.into(),
        place.site.into(),
        key.day.into(),
        place.window.into(),
        place.staff.into(),
        place.business_type.as_str().into(),
        key.channel.into(),
    ];
    values.extend(what_values(&key.what));
    values
}

/// The key of a cell of answers as values, in the order of [`keys`].
pub fn answer_values(key: &AnswerKey) -> Vec<Value> {
    let place = &key.place;
    vec![
        place.org.into(),
        place.site.into(),
        key.day.into(),
        place.questionnaire.into(),
        place.version.into(),
        key.item.as_str().into(),
        key.option.as_str().into(),
        key.block.into(),
        place.unit.into(),
        place.staff.into(),
        place.campaign.into(),
        place.customer_class.into(),
        place.channel.into(),
        i16::from(place.suspect).into(),
        i16::from(place.anonymous).into(),
    ]
}

fn what_values(what: &What) -> [Value; 4] {
    [what.template.into(), what.item.as_str().into(), what.class.into(), what.block.into()]
}
