//! Attributes, classes, segments and competitors.

use std::collections::BTreeMap;

use kit::db::sql::odd;
use kit::error::{Result, ServiceError, is_unique_violation};
use sea_orm::{ConnectionTrait, QueryResult};
use serde::{Deserialize, Serialize};
use survey_domain::{
    attribute::{Attribute, Choice, Type},
    customer::Class,
    record::{Competitor, SavedSegment},
};
use uuid::Uuid;

use super::rows::{self, Known, sql};

type Labels = BTreeMap<String, String>;

#[derive(Serialize, Deserialize)]
struct ChoiceRow {
    code: String,
    label: Labels,
}

fn json(value: &impl Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(ServiceError::internal)
}

/// Adds an attribute.
///
/// # Errors
/// ALREADY_EXISTS when the code is taken.
pub async fn insert_attribute(conn: &impl ConnectionTrait, new: &Attribute) -> Result<()> {
    let choices: Vec<ChoiceRow> = new
        .choices
        .iter()
        .map(|choice| ChoiceRow { code: choice.code.clone(), label: choice.label.clone() })
        .collect();
    let mut sql = sql(conn);
    let values = [
        sql.bind(new.id),
        sql.bind(new.org),
        sql.bind(new.code.clone()),
        sql.bind(json(&new.label)?),
        sql.bind(new.kind as i16),
        sql.bind(json(&choices)?),
        sql.bind(new.personal),
        sql.bind(new.create_us),
    ];
    let text = format!(
        "INSERT INTO customer_attribute \
         (id, org_id, code, label, kind, choices, personal, create_us) VALUES ({})",
        values.join(", ")
    );
    match conn.execute_raw(sql.statement(&text)).await {
        Ok(_) => Ok(()),
        Err(error) if is_unique_violation(&error) => {
            Err(ServiceError::already_exists("an attribute with this code exists"))
        }
        Err(error) => Err(error.into()),
    }
}

/// All attributes by code, retired ones included.
pub async fn attributes(conn: &impl ConnectionTrait, org: Uuid) -> Result<Vec<Attribute>> {
    let mut sql = sql(conn);
    let org = sql.bind(org);
    let text = format!("SELECT * FROM customer_attribute WHERE org_id = {org} ORDER BY code");
    sql.query(conn, &text).await?.iter().map(attribute_of_row).collect()
}

fn attribute_of_row(row: &QueryResult) -> Result<Attribute> {
    let get = |column: &'static str| odd("customer_attribute", column);
    let (label, choices): (String, String) =
        (row.try_get("", "label")?, row.try_get("", "choices")?);
    let choices: Vec<ChoiceRow> = serde_json::from_str(&choices).map_err(|_| get("choices"))?;
    let kind: i16 = row.try_get("", "kind")?;
    Ok(Attribute {
        id: row.try_get("", "id")?,
        org: row.try_get("", "org_id")?,
        code: row.try_get("", "code")?,
        label: serde_json::from_str(&label).map_err(|_| get("label"))?,
        kind: Type::from_number(kind.into()).ok_or_else(|| get("kind"))?,
        choices: choices
            .into_iter()
            .map(|choice| Choice { code: choice.code, label: choice.label })
            .collect(),
        personal: row.try_get("", "personal")?,
        create_us: row.try_get("", "create_us")?,
        retire_us: row.try_get("", "retire_us")?,
    })
}

/// Retires a row of `table` unless it is; answers whether it was in use.
pub async fn retire(
    conn: &impl ConnectionTrait,
    table: &'static str,
    org: Uuid,
    id: Uuid,
    us: i64,
) -> Result<bool> {
    let mut sql = sql(conn);
    let (us, org, id) = (sql.bind(us), sql.bind(org), sql.bind(id));
    let text = format!(
        "UPDATE {table} SET retire_us = {us} \
         WHERE id = {id} AND org_id = {org} AND retire_us IS NULL"
    );
    Ok(sql.execute(conn, &text).await? == 1)
}

/// Adds classes that are not there; answers how many were added.
pub async fn insert_classes(conn: &impl ConnectionTrait, new: &[Class]) -> Result<u64> {
    let rows = new
        .iter()
        .map(|class| {
            Ok(vec![
                class.id.into(),
                class.org.into(),
                class.code.clone().into(),
                json(&class.label)?.into(),
                class.weight.into(),
                class.version.into(),
            ])
        })
        .collect::<Result<Vec<_>>>()?;
    let columns = ["id", "org_id", "code", "label", "weight", "version"];
    rows::insert(conn, "customer_class", &columns, &rows, Known::Keep).await
}

/// Saves label and weight of a class.
///
/// # Errors
/// ABORTED when it changed meanwhile.
pub async fn save_class(conn: &impl ConnectionTrait, class: &mut Class) -> Result<()> {
    let mut sql = sql(conn);
    let old = sql.bind(class.version);
    class.version += 1;
    let values = (sql.bind(json(&class.label)?), sql.bind(class.weight), sql.bind(class.version));
    let (label, weight, version) = values;
    let (id, org) = (sql.bind(class.id), sql.bind(class.org));
    let text = format!(
        "UPDATE customer_class SET label = {label}, weight = {weight}, version = {version} \
         WHERE id = {id} AND org_id = {org} AND version = {old}"
    );
    changed_one(sql.execute(conn, &text).await?)
}

fn changed_one(rows: u64) -> Result<()> {
    if rows == 1 { Ok(()) } else { Err(ServiceError::stale()) }
}

/// All classes by code, retired ones included.
pub async fn classes(conn: &impl ConnectionTrait, org: Uuid) -> Result<Vec<Class>> {
    let mut sql = sql(conn);
    let org = sql.bind(org);
    let text = format!("SELECT * FROM customer_class WHERE org_id = {org} ORDER BY code");
    let rows = sql.query(conn, &text).await?;
    rows.iter()
        .map(|row| {
            let label: String = row.try_get("", "label")?;
            Ok(Class {
                id: row.try_get("", "id")?,
                org: row.try_get("", "org_id")?,
                code: row.try_get("", "code")?,
                label: serde_json::from_str(&label).map_err(|_| odd("customer_class", "label"))?,
                weight: row.try_get("", "weight")?,
                version: row.try_get("", "version")?,
                retire_us: row.try_get("", "retire_us")?,
            })
        })
        .collect()
}

/// Adds a segment.
pub async fn insert_segment(conn: &impl ConnectionTrait, new: &SavedSegment) -> Result<()> {
    let columns = ["id", "org_id", "unit_id", "display_name", "filter", "version", "create_us"];
    let row = vec![
        new.id.into(),
        new.org.into(),
        new.unit.into(),
        new.display_name.clone().into(),
        new.filter.clone().into(),
        new.version.into(),
        new.create_us.into(),
    ];
    rows::insert(conn, "segment", &columns, &[row], Known::Refuse).await?;
    Ok(())
}

/// Saves name and filter of a segment.
///
/// # Errors
/// ABORTED when it changed meanwhile.
pub async fn save_segment(conn: &impl ConnectionTrait, segment: &mut SavedSegment) -> Result<()> {
    let mut sql = sql(conn);
    let old = sql.bind(segment.version);
    segment.version += 1;
    let name = sql.bind(segment.display_name.clone());
    let (filter, version) = (sql.bind(segment.filter.clone()), sql.bind(segment.version));
    let (id, org) = (sql.bind(segment.id), sql.bind(segment.org));
    let text = format!(
        "UPDATE segment SET display_name = {name}, filter = {filter}, version = {version} \
         WHERE id = {id} AND org_id = {org} AND version = {old}"
    );
    changed_one(sql.execute(conn, &text).await?)
}

/// One segment.
pub async fn segment(
    conn: &impl ConnectionTrait,
    org: Uuid,
    id: Uuid,
) -> Result<Option<SavedSegment>> {
    let mut sql = sql(conn);
    let (org, id) = (sql.bind(org), sql.bind(id));
    let text = format!("SELECT * FROM segment WHERE id = {id} AND org_id = {org}");
    sql.query(conn, &text).await?.first().map(segment_of_row).transpose()
}

/// Segments of these units by id, at most `limit` after `after`.
pub async fn segments(
    conn: &impl ConnectionTrait,
    org: Uuid,
    units: Option<&[Uuid]>,
    show_retired: bool,
    after: Option<Uuid>,
    limit: u64,
) -> Result<Vec<SavedSegment>> {
    let mut sql = sql(conn);
    let mut wanted = vec![format!("org_id = {}", sql.bind(org))];
    if !show_retired {
        wanted.push("retire_us IS NULL".to_owned());
    }
    if let Some(units) = units {
        wanted.push(sql.one_of("unit_id", units));
    }
    if let Some(after) = after {
        wanted.push(format!("id > {}", sql.bind(after)));
    }
    let limit = sql.bind(i64::try_from(limit).unwrap_or(i64::MAX));
    let text =
        format!("SELECT * FROM segment WHERE {} ORDER BY id LIMIT {limit}", wanted.join(" AND "));
    sql.query(conn, &text).await?.iter().map(segment_of_row).collect()
}

fn segment_of_row(row: &QueryResult) -> Result<SavedSegment> {
    Ok(SavedSegment {
        id: row.try_get("", "id")?,
        org: row.try_get("", "org_id")?,
        unit: row.try_get("", "unit_id")?,
        display_name: row.try_get("", "display_name")?,
        filter: row.try_get("", "filter")?,
        version: row.try_get("", "version")?,
        create_us: row.try_get("", "create_us")?,
        retire_us: row.try_get("", "retire_us")?,
    })
}

/// Adds a competitor.
pub async fn insert_competitor(conn: &impl ConnectionTrait, new: &Competitor) -> Result<()> {
    let columns = ["id", "org_id", "display_name", "note", "products", "version", "create_us"];
    let row = vec![
        new.id.into(),
        new.org.into(),
        new.display_name.clone().into(),
        new.note.clone().into(),
        json(&new.products)?.into(),
        new.version.into(),
        new.create_us.into(),
    ];
    rows::insert(conn, "competitor", &columns, &[row], Known::Refuse).await?;
    Ok(())
}

/// Saves a competitor.
///
/// # Errors
/// ABORTED when it changed meanwhile.
pub async fn save_competitor(conn: &impl ConnectionTrait, changed: &mut Competitor) -> Result<()> {
    let mut sql = sql(conn);
    let old = sql.bind(changed.version);
    changed.version += 1;
    let (name, note) = (sql.bind(changed.display_name.clone()), sql.bind(changed.note.clone()));
    let (products, version) = (sql.bind(json(&changed.products)?), sql.bind(changed.version));
    let (id, org) = (sql.bind(changed.id), sql.bind(changed.org));
    let text = format!(
        "UPDATE competitor SET display_name = {name}, note = {note}, products = {products}, \
         version = {version} WHERE id = {id} AND org_id = {org} AND version = {old}"
    );
    changed_one(sql.execute(conn, &text).await?)
}

/// Competitors, newest first, retired ones included, at most `limit`; or one by its id. Each
/// with the number of its known customers.
pub async fn competitors(
    conn: &impl ConnectionTrait,
    org: Uuid,
    id: Option<Uuid>,
    limit: u64,
) -> Result<Vec<(Competitor, i64)>> {
    let mut sql = sql(conn);
    let mut wanted = vec![format!("c.org_id = {}", sql.bind(org))];
    if let Some(id) = id {
        wanted.push(format!("c.id = {}", sql.bind(id)));
    }
    let limit = sql.bind(i64::try_from(limit).unwrap_or(i64::MAX));
    let text = format!(
        "SELECT c.*, (SELECT COUNT(*) FROM customer p WHERE p.org_id = c.org_id \
         AND p.competitor_id = c.id AND p.state IN (1, 2)) AS customers \
         FROM competitor c WHERE {} ORDER BY c.id DESC LIMIT {limit}",
        wanted.join(" AND ")
    );
    let rows = sql.query(conn, &text).await?;
    rows.iter()
        .map(|row| {
            let products: String = row.try_get("", "products")?;
            let competitor = Competitor {
                id: row.try_get("", "id")?,
                org: row.try_get("", "org_id")?,
                display_name: row.try_get("", "display_name")?,
                note: row.try_get("", "note")?,
                products: serde_json::from_str(&products)
                    .map_err(|_| odd("competitor", "products"))?,
                version: row.try_get("", "version")?,
                create_us: row.try_get("", "create_us")?,
                retire_us: row.try_get("", "retire_us")?,
            };
            Ok((competitor, row.try_get("", "customers")?))
        })
        .collect()
}
