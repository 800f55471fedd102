//! Reading cells of answers: sums by whatever is grouped by, made in the database.

use analytics_domain::{fact::GRADES_PER_BLOCK, plan::Table};
use kit::error::Result;
use sea_orm::{ConnectionTrait, QueryResult};
use uuid::Uuid;

use super::{
    sql::{LIST_MAX, Values, query},
    sums::{Sites, too_many},
    tables,
};

/// Most rows that one question may read.
const ROWS_MAX: usize = 400_000;

/// What is read.
#[derive(Debug, Clone)]
pub struct Scan {
    /// Organisation.
    pub org: Uuid,
    /// Sites.
    pub sites: Sites,
    /// Only this unit: a window.
    pub unit: Option<Uuid>,
    /// First local day.
    pub from: i32,
    /// First local day after it.
    pub to: i32,
    /// Group by site.
    pub by_site: bool,
    /// Group by unit.
    pub by_unit: bool,
    /// Group by staff.
    pub by_staff: bool,
    /// Group by campaign.
    pub by_campaign: bool,
    /// Group by customer class.
    pub by_class: bool,
    /// Group by channel.
    pub by_channel: bool,
    /// Also rows of options.
    pub options: bool,
    /// Expression of the time bucket.
    pub bucket: Option<String>,
    /// Only these staff members, if any.
    pub staff: Vec<Uuid>,
    /// Only these channels, if any.
    pub channels: Vec<i16>,
    /// Only these questionnaires, if any.
    pub questionnaires: Vec<Uuid>,
    /// Only these versions, if any.
    pub versions: Vec<i32>,
    /// Only these classes, if any.
    pub classes: Vec<Uuid>,
    /// Only these campaigns, if any.
    pub campaigns: Vec<Uuid>,
    /// Only these items, if any, beside the row that counts responses.
    pub items: Vec<String>,
}

/// One row of sums. What was not grouped by is nil or 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sum {
    /// Site, as cells know it.
    pub site: Uuid,
    /// Unit.
    pub unit: Uuid,
    /// Staff member.
    pub staff: Uuid,
    /// Campaign.
    pub campaign: Uuid,
    /// Customer class.
    pub class: Uuid,
    /// Channel.
    pub channel: i16,
    /// Questionnaire.
    pub questionnaire: Uuid,
    /// Version.
    pub version: i32,
    /// Item; empty in the row that counts responses.
    pub item: String,
    /// Option; empty but in rows of choices.
    pub option: String,
    /// Which eleven grades, or the block of kinds.
    pub block: i16,
    /// Suspect responses.
    pub suspect: bool,
    /// Anonymous responses.
    pub anonymous: bool,
    /// Time bucket.
    pub bucket: i64,
    /// Counts.
    pub counts: [i64; GRADES_PER_BLOCK],
}

/// Reads the sums.
///
/// # Errors
/// TOO_MANY_BUCKETS when there are more rows than any answer could hold.
pub async fn read(conn: &impl ConnectionTrait, scan: &Scan) -> Result<Vec<Sum>> {
    let lists: Vec<Option<&[Uuid]>> = match &scan.sites {
        Sites::All | Sites::Any => vec![None],
        Sites::List(sites) => sites.chunks(LIST_MAX).map(Some).collect(),
    };
    let mut sums = Vec::new();
    for list in lists {
        let (sql, values) = statement(scan, list);
        for row in query(conn, sql, values).await? {
            sums.push(sum_of(&row, scan)?);
        }
        if sums.len() >= ROWS_MAX {
            return Err(too_many());
        }
    }
    Ok(sums)
}

fn statement(scan: &Scan, sites: Option<&[Uuid]>) -> (String, Values) {
    let grouped = [
        (scan.by_site, "site_id"),
        (scan.by_unit, "unit_id"),
        (scan.by_staff, "staff_id"),
        (scan.by_campaign, "campaign_id"),
        (scan.by_class, "class_id"),
        (scan.by_channel, "channel"),
    ];
    let grouped = grouped.into_iter().filter(|(wanted, _)| *wanted);
    let mut select: Vec<String> = grouped.map(|(_, column)| column.to_owned()).collect();
    let what =
        ["questionnaire_id", "version", "item", "option_id", "block", "suspect", "anonymous"];
    select.extend(what.map(str::to_owned));
    if let Some(bucket) = &scan.bucket {
        select.push(format!("CAST({bucket} AS BIGINT)"));
    }
    let groups: Vec<String> = (1..=select.len()).map(|place| place.to_string()).collect();
    let sums = tables::count_columns(Table::Answers).into_iter();
    select.extend(sums.map(|column| format!("CAST(SUM({column}) AS BIGINT)")));
    let (conditions, values) = conditions(scan, sites);
    let sql = format!(
        "SELECT {} FROM {} WHERE {conditions} GROUP BY {} LIMIT {ROWS_MAX}",
        select.join(", "),
        tables::name(Table::Answers),
        groups.join(", "),
    );
    (sql, values)
}

fn conditions(scan: &Scan, sites: Option<&[Uuid]>) -> (String, Values) {
    let mut values = Values::default();
    let org = values.put(scan.org);
    let mut all = vec![format!("org_id = {org}")];
    match (&scan.sites, sites) {
        (Sites::All, _) => {
            all.push(format!("site_id IN (SELECT site_id FROM site_zone WHERE org_id = {org})"));
        }
        (_, Some(list)) => {
            all.push(format!("site_id IN {}", values.list(list.iter().copied())));
        }
        (_, None) => {}
    }
    all.push(format!("time >= {} AND time < {}", values.put(scan.from), values.put(scan.to)));
    if let Some(unit) = scan.unit {
        all.push(format!("unit_id = {}", values.put(unit)));
    }
    for (column, ids) in [
        ("staff_id", &scan.staff),
        ("questionnaire_id", &scan.questionnaires),
        ("class_id", &scan.classes),
        ("campaign_id", &scan.campaigns),
    ] {
        if !ids.is_empty() {
            all.push(format!("{column} IN {}", values.list(ids.iter().copied())));
        }
    }
    if !scan.channels.is_empty() {
        all.push(format!("channel IN {}", values.list(scan.channels.iter().copied())));
    }
    if !scan.versions.is_empty() {
        all.push(format!("version IN {}", values.list(scan.versions.iter().copied())));
    }
    if !scan.items.is_empty() {
        let items = scan.items.iter().map(String::as_str).chain([""]);
        all.push(format!("item IN {}", values.list(items)));
    }
    if !scan.options {
        all.push("option_id = ''".to_owned());
    }
    (all.join(" AND "), values)
}

fn sum_of(row: &QueryResult, scan: &Scan) -> Result<Sum> {
    let mut index = 0;
    let mut next = || {
        index += 1;
        index - 1
    };
    let mut id = |wanted: bool| -> Result<Uuid> {
        if wanted { Ok(row.try_get_by_index(next())?) } else { Ok(Uuid::nil()) }
    };
    let (site, unit, staff) = (id(scan.by_site)?, id(scan.by_unit)?, id(scan.by_staff)?);
    let (campaign, class) = (id(scan.by_campaign)?, id(scan.by_class)?);
    let channel = if scan.by_channel { row.try_get_by_index(next())? } else { 0 };
    let questionnaire = row.try_get_by_index(next())?;
    let version = row.try_get_by_index(next())?;
    let item = row.try_get_by_index(next())?;
    let option = row.try_get_by_index(next())?;
    let block = row.try_get_by_index(next())?;
    let suspect: i16 = row.try_get_by_index(next())?;
    let anonymous: i16 = row.try_get_by_index(next())?;
    let bucket = if scan.bucket.is_some() { row.try_get_by_index(next())? } else { 0 };
    let mut counts = [0; GRADES_PER_BLOCK];
    for count in &mut counts {
        *count = row.try_get_by_index(next())?;
    }
    let (suspect, anonymous) = (suspect != 0, anonymous != 0);
    Ok(Sum {
        site,
        unit,
        staff,
        campaign,
        class,
        channel,
        questionnaire,
        version,
        item,
        option,
        block,
        suspect,
        anonymous,
        bucket,
        counts,
    })
}
