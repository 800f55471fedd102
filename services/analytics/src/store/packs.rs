//! Packed roll-ups: adding to them in the transaction of the cells, and reading them entry by
//! entry. Whoever applies a feed has locked its row of `apply_state`, and each kind of pack
//! belongs to one feed, so that nobody else changes a pack between reading and writing it.

use std::{collections::HashMap, ops::Range};

use analytics_domain::{
    cell::Counts,
    pack::{self, Broken, Entry, Grain, Kind, Pack, PackKey, Packs, Part, Reader},
};
use futures::TryStreamExt as _;
use kit::{
    db::{Dialect, WriteTx, bulk, dialect_of},
    error::{Result, ServiceError},
};
use sea_orm::{ConnectionTrait, QueryResult, StreamTrait, Value, sea_query::ArrayType};
use uuid::Uuid;

use super::{
    sql::{LIST_MAX, Values, execute, query},
    sums::Sites,
};

/// Packs of one statement on PostgreSQL, where each column is one array.
const ROWS_POSTGRES: usize = 500;
/// Packs of one statement on SQLite.
const ROWS_SQLITE: usize = 64;
/// From so many months on they are read as a range and not one by one.
const MONTHS_MAX: usize = 120;
/// After so many packs other work gets its turn.
const ROWS_YIELD: usize = 256;

const KEYS: &str = "org_id, kind, month, site_id, unit_id";

/// Adds packs to those that are there; removes what comes to nothing.
pub async fn add(conn: &impl ConnectionTrait, packs: Packs) -> Result<()> {
    let packs: Vec<(PackKey, Pack)> = packs.into_iter().collect();
    if dialect_of(conn) == Dialect::Postgres {
        for chunk in packs.chunks(ROWS_POSTGRES) {
            add_chunk(conn, chunk).await?;
        }
        return Ok(());
    }
    for chunk in bulk::chunks(&packs, ROWS_SQLITE) {
        add_chunk(conn, chunk).await?;
    }
    Ok(())
}

/// Removes all packs of these kinds.
pub async fn clear(tx: &WriteTx, kinds: &[Kind]) -> Result<()> {
    let mut values = Values::default();
    let kinds = values.list(kinds.iter().map(|kind| kind.number()));
    execute(tx.conn(), format!("DELETE FROM pack WHERE kind IN {kinds}"), values).await?;
    Ok(())
}

async fn add_chunk(conn: &impl ConnectionTrait, chunk: &[(PackKey, Pack)]) -> Result<()> {
    let keys: Vec<PackKey> = chunk.iter().map(|(key, _)| *key).collect();
    let kept = load(conn, &keys).await?;
    let (mut changed, mut gone) = (Vec::new(), Vec::new());
    for (key, more) in chunk {
        let mut sum = match kept.get(key) {
            Some(body) => Pack::decode(body).map_err(ServiceError::internal)?,
            None => Pack::default(),
        };
        sum.merge(more);
        if sum.is_empty() {
            gone.push(*key);
        } else {
            changed.push((*key, sum.encode()));
        }
    }
    put(conn, &changed).await?;
    if gone.is_empty() {
        return Ok(());
    }
    let mut values = Values::default();
    let same: Vec<String> = gone.iter().map(|key| equal(key, &mut values)).collect();
    execute(conn, format!("DELETE FROM pack WHERE {}", same.join(" OR ")), values).await?;
    Ok(())
}

/// The bodies of the packs that there are.
async fn load(conn: &impl ConnectionTrait, keys: &[PackKey]) -> Result<HashMap<PackKey, Vec<u8>>> {
    let mut values = Values::default();
    let sql = if dialect_of(conn) == Dialect::Postgres {
        // One look into the index for each, whatever the planner thinks of the table's size.
        let keys = arrays(keys, &mut values);
        format!(
            "SELECT p.* FROM UNNEST({keys}) AS k(a, b, c, d, e) CROSS JOIN LATERAL \
             (SELECT {KEYS}, body FROM pack WHERE org_id = a AND kind = b AND month = c \
             AND site_id = d AND unit_id = e LIMIT 1) p"
        )
    } else {
        let tuples: Vec<String> = keys.iter().map(|key| values.tuple(columns(key))).collect();
        format!(
            "SELECT {KEYS}, body FROM (VALUES {}) AS k CROSS JOIN pack ON org_id = k.column1 \
             AND kind = k.column2 AND month = k.column3 AND site_id = k.column4 \
             AND unit_id = k.column5",
            tuples.join(", ")
        )
    };
    let rows = query(conn, sql, values).await?;
    rows.iter().map(|row| Ok((key_of(row)?, row.try_get_by_index(5)?))).collect()
}

async fn put(conn: &impl ConnectionTrait, packs: &[(PackKey, Vec<u8>)]) -> Result<()> {
    if packs.is_empty() {
        return Ok(());
    }
    let mut values = Values::default();
    let source = if dialect_of(conn) == Dialect::Postgres {
        let keys: Vec<PackKey> = packs.iter().map(|(key, _)| *key).collect();
        let keys = arrays(&keys, &mut values);
        let bodies = packs.iter().map(|(_, body)| Value::from(body.clone())).collect();
        let bodies = values.put(Value::Array(ArrayType::Bytes, Some(Box::new(bodies))));
        format!("SELECT * FROM UNNEST({keys}, {bodies}::bytea[])")
    } else {
        let tuple = |(key, body): &(PackKey, Vec<u8>), values: &mut Values| {
            values.tuple(columns(key).into_iter().chain([Value::from(body.clone())]))
        };
        let tuples: Vec<String> = packs.iter().map(|pack| tuple(pack, &mut values)).collect();
        format!("VALUES {}", tuples.join(", "))
    };
    let sql = format!(
        "INSERT INTO pack ({KEYS}, body) {source} ON CONFLICT ({KEYS}) \
         DO UPDATE SET body = excluded.body"
    );
    execute(conn, sql, values).await?;
    Ok(())
}

fn columns(key: &PackKey) -> [Value; 5] {
    [key.org.into(), key.kind.into(), key.month.into(), key.site.into(), key.unit.into()]
}

fn arrays(keys: &[PackKey], values: &mut Values) -> String {
    let kinds = [
        (ArrayType::Uuid, "uuid[]"),
        (ArrayType::SmallInt, "int2[]"),
        (ArrayType::Int, "int4[]"),
        (ArrayType::Uuid, "uuid[]"),
        (ArrayType::Uuid, "uuid[]"),
    ];
    let mut parts = Vec::with_capacity(kinds.len());
    for (index, (element, name)) in kinds.into_iter().enumerate() {
        let column = keys.iter().map(|key| columns(key)[index].clone()).collect();
        let parameter = values.put(Value::Array(element, Some(Box::new(column))));
        parts.push(format!("{parameter}::{name}"));
    }
    parts.join(", ")
}

fn equal(key: &PackKey, values: &mut Values) -> String {
    let names = KEYS.split(", ").zip(columns(key));
    let parts: Vec<String> =
        names.map(|(name, value)| format!("{name} = {}", values.put(value))).collect();
    format!("({})", parts.join(" AND "))
}

fn key_of(row: &QueryResult) -> Result<PackKey> {
    Ok(PackKey {
        org: row.try_get_by_index(0)?,
        kind: row.try_get_by_index(1)?,
        month: row.try_get_by_index(2)?,
        site: row.try_get_by_index(3)?,
        unit: row.try_get_by_index(4)?,
    })
}

/// Which packs.
#[derive(Debug, Clone)]
pub struct Scan<'a> {
    /// Organisation.
    pub org: Uuid,
    /// What they hold.
    pub kind: Kind,
    /// Local months, the end not included; of years from a January on.
    pub months: Range<i32>,
    /// Sites.
    pub sites: &'a Sites,
}

/// A pack as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Month.
    pub month: i32,
    /// Site.
    pub site: Uuid,
    /// Unit that answers are about; nil in packs of ratings.
    pub unit: Uuid,
    /// Its bytes.
    pub body: Vec<u8>,
}

/// Hands out packs one by one, so that they are never in memory all at once.
///
/// # Errors
/// Those of the database and of `each`.
pub async fn each(
    conn: &impl StreamTrait,
    scan: &Scan<'_>,
    mut each: impl FnMut(Row) -> Result<()> + Send,
) -> Result<()> {
    if scan.months.is_empty() {
        return Ok(());
    }
    let lists: Vec<Option<&[Uuid]>> = match scan.sites {
        Sites::All | Sites::Any => vec![None],
        Sites::List(sites) => sites.chunks(LIST_MAX).map(Some).collect(),
    };
    let mut seen = 0_usize;
    for list in lists {
        let (sql, values) = statement(scan, list);
        let statement = values.into_statement(conn.get_database_backend(), sql);
        let mut rows = std::pin::pin!(conn.stream_raw(statement).await?);
        while let Some(row) = rows.try_next().await? {
            each(Row {
                month: row.try_get_by_index(0)?,
                site: row.try_get_by_index(1)?,
                unit: row.try_get_by_index(2)?,
                body: row.try_get_by_index(3)?,
            })?;
            seen += 1;
            if seen.is_multiple_of(ROWS_YIELD) {
                tokio::task::yield_now().await;
            }
        }
    }
    Ok(())
}

fn statement(scan: &Scan<'_>, sites: Option<&[Uuid]>) -> (String, Values) {
    let mut values = Values::default();
    let mut all = vec![
        format!("org_id = {}", values.put(scan.org)),
        format!("kind = {}", values.put(scan.kind.number())),
    ];
    // Months one by one, so that the sites narrow what is read of each.
    let months = scan.months.clone().step_by(scan.kind.months());
    if months.len() <= MONTHS_MAX {
        all.push(format!("month IN {}", values.list(months)));
    } else {
        let (from, to) = (values.put(scan.months.start), values.put(scan.months.end));
        all.push(format!("month >= {from} AND month < {to}"));
    }
    if let Some(list) = sites {
        all.push(format!("site_id IN {}", values.list(list.iter().copied())));
    }
    let sql = format!("SELECT month, site_id, unit_id, body FROM pack WHERE {}", all.join(" AND "));
    (sql, values)
}

/// Hands out the entries of a pack.
///
/// # Errors
/// INTERNAL for bytes that are no pack, and those of `each`.
pub fn entries(row: &Row, mut each: impl FnMut(&Entry<'_>) -> Result<()>) -> Result<()> {
    let broken = |error: Broken| ServiceError::internal(error);
    let mut reader = Reader::new(&row.body).map_err(broken)?;
    while let Some(entry) = reader.read().map_err(broken)? {
        each(&entry)?;
    }
    Ok(())
}

/// Ratings and encounters of sites.
#[derive(Debug, Clone)]
pub struct SiteScan<'a> {
    /// Organisation.
    pub org: Uuid,
    /// Sites.
    pub sites: &'a Sites,
    /// First local day and the one after the last.
    pub days: (i32, i32),
    /// How finely.
    pub grain: Grain,
    /// Only overall items and encounters, which are read from fewer packs.
    pub overall: bool,
}

/// Sums of a site in a day or month.
#[derive(Debug)]
pub struct SiteEntry<'e> {
    /// Site.
    pub site: Uuid,
    /// Local day or month, as the scan asks.
    pub time: i64,
    /// What is counted, as [`pack::rating_key`] writes it.
    pub key: &'e [u8],
    /// Whether the entry before counted the same at the same site.
    pub repeats: bool,
    /// The sums. A month that is read by days comes in several.
    pub counts: &'e Counts,
}

/// Hands out the sums of sites. What is read depends on sites × months × items and on nothing
/// else.
///
/// # Errors
/// Those of the database and of `each`.
pub async fn of_sites(
    conn: &impl StreamTrait,
    scan: &SiteScan<'_>,
    mut each: impl FnMut(&SiteEntry<'_>) -> Result<()> + Send,
) -> Result<()> {
    for part in pack::parts(scan.days, scan.grain, scan.overall) {
        let (kind, months) = (part.kind, part.months.clone());
        let packs = Scan { org: scan.org, kind, months, sites: scan.sites };
        self::each(conn, &packs, |row| one(&row, &part, &mut each)).await?;
    }
    Ok(())
}

fn one(row: &Row, part: &Part, each: &mut impl FnMut(&SiteEntry<'_>) -> Result<()>) -> Result<()> {
    // An entry that does not count is not handed out, so what follows does not repeat it.
    let mut left_out = false;
    entries(row, |entry| {
        let repeats = entry.repeats && !left_out;
        let time = part.time(row.month, entry.key, entry.day);
        left_out = time.is_none();
        let Some(time) = time else { return Ok(()) };
        let (key, counts) = (entry.key, entry.counts);
        each(&SiteEntry { site: row.site, time: time.into(), key, repeats, counts })
    })
}
