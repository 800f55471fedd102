//! Finding customers.

use kit::error::Result;
use sea_orm::ConnectionTrait;
use survey_domain::{customer::Customer, duplicate::Reason};
use uuid::Uuid;

use super::of_row;
use crate::store::rows::{one_of_hashes, sql};

/// Which customers.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Only of these units; nothing means all.
    pub units: Option<Vec<Uuid>>,
    /// Only of this class.
    pub class: Option<Uuid>,
    /// Only of this competitor.
    pub competitor: Option<Uuid>,
    /// Also retired ones.
    pub show_retired: bool,
    /// Also erased ones, of which nothing but counts is left.
    pub show_erased: bool,
}

/// What is looked for by its keyed hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hashed {
    /// Number in another system.
    External,
    /// Telephone number.
    Phone,
    /// E-mail address.
    Email,
    /// Name.
    Name,
    /// Name and birthday.
    NameBirthday,
    /// Month and day of the birthday.
    BirthDay,
}

impl Hashed {
    fn column(self) -> &'static str {
        match self {
            Self::External => "external_hash",
            Self::Phone => "phone_hash",
            Self::Email => "email_hash",
            Self::Name => "name_hash",
            Self::NameBirthday => "name_birthday_hash",
            Self::BirthDay => "birth_day_hash",
        }
    }
}

/// Customers that are not merged, by id, at most `limit` after `after`.
pub async fn list(
    conn: &impl ConnectionTrait,
    org: Uuid,
    filter: &Filter,
    after: Option<Uuid>,
    limit: u64,
) -> Result<Vec<Customer>> {
    let mut sql = sql(conn);
    let mut wanted = vec![format!("org_id = {}", sql.bind(org))];
    let states = match (filter.show_retired, filter.show_erased) {
        (false, _) => "state = 1",
        (true, false) => "state IN (1, 2)",
        (true, true) => "state IN (1, 2, 4)",
    };
    wanted.push(states.to_owned());
    if let Some(units) = &filter.units {
        wanted.push(sql.one_of("unit_id", units));
    }
    for (column, id) in [("class_id", filter.class), ("competitor_id", filter.competitor)] {
        if let Some(id) = id {
            wanted.push(format!("{column} = {}", sql.bind(id)));
        }
    }
    if let Some(after) = after {
        wanted.push(format!("id > {}", sql.bind(after)));
    }
    let limit = sql.bind(i64::try_from(limit).unwrap_or(i64::MAX));
    let text =
        format!("SELECT * FROM customer WHERE {} ORDER BY id LIMIT {limit}", wanted.join(" AND "));
    sql.query(conn, &text).await?.iter().map(of_row).collect()
}

/// A page of the sampling frame: active customers of the units by id. Page by page it is read in
/// constant memory, whatever its size.
pub async fn sampling_page(
    conn: &impl ConnectionTrait,
    org: Uuid,
    units: Option<Vec<Uuid>>,
    after: Option<Uuid>,
    limit: u64,
) -> Result<Vec<Customer>> {
    list(conn, org, &Filter { units, ..Filter::default() }, after, limit).await
}

/// Customers, merged ones included, with one of these hashes, by id.
pub async fn find_by_hash(
    conn: &impl ConnectionTrait,
    org: Uuid,
    hashed: Hashed,
    hashes: &[Vec<u8>],
    limit: u64,
) -> Result<Vec<Customer>> {
    if hashes.is_empty() {
        return Ok(Vec::new());
    }
    let mut sql = sql(conn);
    let org = sql.bind(org);
    let among = one_of_hashes(conn, &mut sql, hashed.column(), hashes);
    let limit = sql.bind(i64::try_from(limit).unwrap_or(i64::MAX));
    // Ordered here and not there: SQLite would read the organisation's customers in the order of
    // their ids rather than look the hashes up.
    let text = format!(
        "SELECT * FROM customer WHERE org_id = {org} AND {among} AND state <> 4 LIMIT {limit}"
    );
    let rows = sql.query(conn, &text).await?;
    let mut found = rows.iter().map(of_row).collect::<Result<Vec<Customer>>>()?;
    found.sort_unstable_by_key(|customer| customer.id);
    Ok(found)
}

/// Customers that were merged into this one, directly.
pub async fn merged_into(
    conn: &impl ConnectionTrait,
    org: Uuid,
    customer: Uuid,
) -> Result<Vec<Customer>> {
    let mut sql = sql(conn);
    let (org, customer) = (sql.bind(org), sql.bind(customer));
    let text = format!(
        "SELECT * FROM customer WHERE merged_into = {customer} AND org_id = {org} ORDER BY id"
    );
    sql.query(conn, &text).await?.iter().map(of_row).collect()
}

/// Active customers whose anniversary is one of these days (101 to 1231), by id.
pub async fn with_anniversary(
    conn: &impl ConnectionTrait,
    org: Uuid,
    units: Option<&[Uuid]>,
    days: &[i16],
    limit: u64,
) -> Result<Vec<Customer>> {
    let mut sql = sql(conn);
    let mut wanted = vec![format!("org_id = {}", sql.bind(org)), "state = 1".to_owned()];
    let days: Vec<String> = days.iter().map(i16::to_string).collect();
    wanted.push(format!("anniversary IN ({})", days.join(", ")));
    if let Some(units) = units {
        wanted.push(sql.one_of("unit_id", units));
    }
    let limit = sql.bind(i64::try_from(limit).unwrap_or(i64::MAX));
    let text =
        format!("SELECT * FROM customer WHERE {} ORDER BY id LIMIT {limit}", wanted.join(" AND "));
    sql.query(conn, &text).await?.iter().map(of_row).collect()
}

/// Active customers whose regular contact is due before `before_us`, earliest first.
pub async fn with_contact_due(
    conn: &impl ConnectionTrait,
    org: Uuid,
    units: Option<&[Uuid]>,
    before_us: i64,
    limit: u64,
) -> Result<Vec<Customer>> {
    let mut sql = sql(conn);
    let mut wanted = vec![format!("org_id = {}", sql.bind(org)), "state = 1".to_owned()];
    wanted.push(format!("next_contact_us < {}", sql.bind(before_us)));
    if let Some(units) = units {
        wanted.push(sql.one_of("unit_id", units));
    }
    let limit = sql.bind(i64::try_from(limit).unwrap_or(i64::MAX));
    let text = format!(
        "SELECT * FROM customer WHERE {} ORDER BY next_contact_us, id LIMIT {limit}",
        wanted.join(" AND ")
    );
    sql.query(conn, &text).await?.iter().map(of_row).collect()
}

/// Hashes that several active customers share, with the ids of these customers, at most `limit`
/// hashes after `after`.
pub async fn duplicates(
    conn: &impl ConnectionTrait,
    org: Uuid,
    units: Option<&[Uuid]>,
    reason: Reason,
    after: Option<Vec<u8>>,
    limit: u64,
) -> Result<Vec<(Vec<u8>, Vec<Uuid>)>> {
    let column = match reason {
        Reason::Phone => "phone_hash",
        Reason::Email => "email_hash",
        Reason::NameAndBirthday => "name_birthday_hash",
    };
    let mut groups = sql(conn);
    let mut wanted = vec![format!("org_id = {}", groups.bind(org)), "state = 1".to_owned()];
    wanted.push(format!("{column} IS NOT NULL"));
    if let Some(units) = units {
        wanted.push(groups.one_of("unit_id", units));
    }
    if let Some(after) = after {
        wanted.push(format!("{column} > {}", groups.bind(after)));
    }
    let limit = groups.bind(i64::try_from(limit).unwrap_or(i64::MAX));
    let text = format!(
        "SELECT {column} AS hash FROM customer WHERE {} GROUP BY {column} \
         HAVING COUNT(*) > 1 ORDER BY {column} LIMIT {limit}",
        wanted.join(" AND ")
    );
    let mut found: Vec<(Vec<u8>, Vec<Uuid>)> = Vec::new();
    for row in groups.query(conn, &text).await? {
        found.push((row.try_get("", "hash")?, Vec::new()));
    }
    let hashes: Vec<Vec<u8>> = found.iter().map(|(hash, _)| hash.clone()).collect();
    let mut members = sql(conn);
    let mut wanted = vec![format!("org_id = {}", members.bind(org)), "state = 1".to_owned()];
    wanted.push(one_of_hashes(conn, &mut members, column, &hashes));
    if let Some(units) = units {
        wanted.push(members.one_of("unit_id", units));
    }
    let text = format!(
        "SELECT id, {column} AS hash FROM customer WHERE {} ORDER BY {column}, id",
        wanted.join(" AND ")
    );
    for row in members.query(conn, &text).await? {
        let hash: Vec<u8> = row.try_get("", "hash")?;
        if let Some((_, ids)) = found.iter_mut().find(|(known, _)| *known == hash) {
            ids.push(row.try_get("", "id")?);
        }
    }
    Ok(found)
}
