//! Reading cells: sums by whatever is grouped by, made in the database so that few rows travel.

use analytics_domain::{
    cell::{COLUMNS, Counts, What},
    fact::GRADES_PER_BLOCK,
    plan::Table,
};
use kit::error::{Result, ServiceError};
use proto::common::v1::Reason;
use sea_orm::{ConnectionTrait, QueryResult};
use tonic::Code;
use uuid::Uuid;

use super::{
    sql::{LIST_MAX, Values, query},
    tables,
};

/// Most rows that one question may read.
const ROWS_MAX: usize = 400_000;

/// Sites to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sites {
    /// All of the organisation.
    All,
    /// All, in a question that is narrowed by window or staff anyway.
    Any,
    /// These.
    List(Vec<Uuid>),
}

/// Which items of templates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Items {
    /// The overall item.
    Overall,
    /// All items.
    All,
    /// The item with this code; `overall_of` are the templates whose overall item it is.
    Code {
        /// Code of the item.
        code: String,
        /// Templates whose first item has this code.
        overall_of: Vec<Uuid>,
    },
}

/// What is read.
#[derive(Debug, Clone)]
pub struct Scan {
    /// Table.
    pub table: Table,
    /// Organisation.
    pub org: Uuid,
    /// Sites.
    pub sites: Sites,
    /// First time of the table's own unit.
    pub from: i32,
    /// First time after it.
    pub to: i32,
    /// Group by site.
    pub by_site: bool,
    /// Group by window.
    pub by_window: bool,
    /// Group by staff.
    pub by_staff: bool,
    /// Group by business type.
    pub by_business_type: bool,
    /// Group by channel.
    pub by_channel: bool,
    /// Expression of the time bucket.
    pub bucket: Option<String>,
    /// Only these windows, if any is named.
    pub windows: Vec<Uuid>,
    /// Only these staff members, if any is named.
    pub staff: Vec<Uuid>,
    /// Only these business types, if any is named.
    pub business_types: Vec<String>,
    /// Only these channels, if any is named; encounters have none and are left out then.
    pub channels: Vec<i16>,
    /// Only these templates, if any is named. Encounters are read all the same.
    pub templates: Vec<Uuid>,
    /// Items.
    pub items: Items,
}

impl Scan {
    /// Overall items and encounters of all sites and times, by site.
    pub fn of_sites(table: Table, org: Uuid) -> Self {
        Self {
            table,
            org,
            sites: Sites::Any,
            from: i32::MIN,
            to: i32::MAX,
            by_site: true,
            by_window: false,
            by_staff: false,
            by_business_type: false,
            by_channel: false,
            bucket: None,
            windows: Vec::new(),
            staff: Vec::new(),
            business_types: Vec::new(),
            channels: Vec::new(),
            templates: Vec::new(),
            items: Items::Overall,
        }
    }
}

/// One row of sums. What was not grouped by is nil, empty or 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sum {
    /// Site.
    pub site: Uuid,
    /// Window.
    pub window: Uuid,
    /// Staff member.
    pub staff: Uuid,
    /// Business type.
    pub business_type: String,
    /// Channel.
    pub channel: i16,
    /// Time bucket.
    pub bucket: i64,
    /// What is counted.
    pub what: What,
    /// Counts.
    pub counts: Counts,
}

impl Scan {
    /// Whether a row that counts this is asked for, by templates and items: what the statement
    /// says, for sums that are found in packs.
    pub fn wants(&self, what: &What) -> bool {
        if what.is_encounters() {
            return self.channels.is_empty();
        }
        let template = self.templates.is_empty() || self.templates.contains(&what.template);
        template
            && match &self.items {
                Items::All => true,
                Items::Overall => what.item.is_empty(),
                Items::Code { code, overall_of } => {
                    let overall = what.item.is_empty() && overall_of.contains(&what.template);
                    what.item == *code || overall
                }
            }
    }
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

/// The first site with cells in `table`, or the first one after `site`: for going through a
/// large table by its key.
pub async fn next_site(
    conn: &impl ConnectionTrait,
    table: Table,
    org: Uuid,
    site: Option<Uuid>,
) -> Result<Option<Uuid>> {
    let mut values = Values::default();
    let mut wanted = format!("org_id = {}", values.put(org));
    if let Some(site) = site {
        wanted += &format!(" AND site_id > {}", values.put(site));
    }
    let name = tables::name(table);
    let sql = format!("SELECT site_id FROM {name} WHERE {wanted} ORDER BY site_id LIMIT 1");
    let row = query(conn, sql, values).await?.pop();
    Ok(row.map(|row| row.try_get_by_index(0)).transpose()?)
}

/// The error for answers that are too large.
pub fn too_many() -> ServiceError {
    let text = "the answer would have too many rows; ask for a shorter time or coarser groups";
    ServiceError::new(Code::InvalidArgument, Reason::TooManyBuckets, text)
}

/// The same for a run, with what was asked for and what may be.
pub fn more_than(what: &str, asked: usize, most: usize) -> ServiceError {
    let text = format!("{asked} {what} are asked for, and at most {most} are possible");
    ServiceError::new(Code::InvalidArgument, Reason::TooManyBuckets, text)
}

fn statement(scan: &Scan, sites: Option<&[Uuid]>) -> (String, Values) {
    let grouped = [
        (scan.by_site, "site_id"),
        (scan.by_window, "window_id"),
        (scan.by_staff, "staff_id"),
        (scan.by_business_type, "business_type"),
        (scan.by_channel, "channel"),
    ];
    let grouped = grouped.into_iter().filter(|(wanted, _)| *wanted);
    let mut select: Vec<String> = grouped.map(|(_, column)| column.to_owned()).collect();
    select.extend(["template_id", "item", "class", "block"].map(str::to_owned));
    if let Some(bucket) = &scan.bucket {
        select.push(format!("CAST({bucket} AS BIGINT)"));
    }
    let groups: Vec<String> = (1..=select.len()).map(|place| place.to_string()).collect();
    let sum = |column: String| format!("CAST(SUM({column}) AS BIGINT)");
    select.extend(tables::count_columns(scan.table).into_iter().map(sum));
    let (conditions, values) = conditions(scan, sites);
    let sql = format!(
        "SELECT {} FROM {} WHERE {conditions} GROUP BY {} LIMIT {ROWS_MAX}",
        select.join(", "),
        tables::name(scan.table),
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
            // Names each site, so that one range of the key is read for each.
            all.push(format!("site_id IN (SELECT site_id FROM site_zone WHERE org_id = {org})"));
        }
        (_, Some(list)) => {
            all.push(format!("site_id IN {}", values.list(list.iter().copied())));
        }
        (_, None) => {}
    }
    all.push(format!("time >= {} AND time < {}", values.put(scan.from), values.put(scan.to)));
    if !scan.windows.is_empty() {
        all.push(format!("window_id IN {}", values.list(scan.windows.iter().copied())));
    }
    if !scan.staff.is_empty() {
        all.push(format!("staff_id IN {}", values.list(scan.staff.iter().copied())));
    }
    if !scan.business_types.is_empty() {
        let list = values.list(scan.business_types.iter().map(String::as_str));
        all.push(format!("business_type IN {list}"));
    }
    if !scan.channels.is_empty() {
        all.push(format!("channel IN {}", values.list(scan.channels.iter().copied())));
    }
    all.push(what(scan, &mut values));
    (all.join(" AND "), values)
}

/// Ratings of the templates and items asked for; encounters besides, unless there is a filter
/// that they cannot meet.
fn what(scan: &Scan, values: &mut Values) -> String {
    let nil = values.put(Uuid::nil());
    let mut ratings = vec![format!("template_id <> {nil}")];
    match &scan.items {
        Items::All => {}
        Items::Overall => ratings.push("item = ''".to_owned()),
        Items::Code { code, overall_of } => {
            let code = values.put(code.as_str());
            let overall = values.list(overall_of.iter().copied());
            ratings.push(format!("(item = {code} OR (item = '' AND template_id IN {overall}))"));
        }
    }
    if !scan.templates.is_empty() {
        ratings.push(format!("template_id IN {}", values.list(scan.templates.iter().copied())));
    }
    let ratings = ratings.join(" AND ");
    if scan.channels.is_empty() { format!("(template_id = {nil} OR ({ratings}))") } else { ratings }
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
    let (site, window, staff) = (id(scan.by_site)?, id(scan.by_window)?, id(scan.by_staff)?);
    let business_type =
        if scan.by_business_type { row.try_get_by_index(next())? } else { String::new() };
    let channel = if scan.by_channel { row.try_get_by_index(next())? } else { 0 };
    let what = What {
        template: row.try_get_by_index(next())?,
        item: row.try_get_by_index(next())?,
        class: row.try_get_by_index(next())?,
        block: row.try_get_by_index(next())?,
    };
    let bucket = if scan.bucket.is_some() { row.try_get_by_index(next())? } else { 0 };
    let mut counts = Counts::default();
    for place in 0..GRADES_PER_BLOCK {
        counts.grades[place] = row.try_get_by_index(next())?;
    }
    for place in 0..COLUMNS {
        counts.encounters[place] = row.try_get_by_index(next())?;
    }
    Ok(Sum { site, window, staff, business_type, channel, bucket, what, counts })
}
