//! Stored ratings: reading them, and the few changes that happen to them later.

use std::collections::HashMap;

use device_domain::{
    clock_correction::ClockSource,
    rating::ItemGrade,
    rating_stored::{Channel, Rating},
    trust::Marks,
};
use kit::db::newest::{Newest, Place};
use kit::db::placed::Placed;
use kit::db::sql::{Column, Sql, backend, odd};
use kit::{
    db::{Dialect, WriteTx, dialect_of},
    error::Result,
};
use sea_orm::{ConnectionTrait, EntityTrait, Statement};
use uuid::Uuid;

use super::entity::rating::{Entity, Model};

/// One rating of an organisation.
pub async fn get(conn: &impl ConnectionTrait, org: Uuid, id: Uuid) -> Result<Option<Rating>> {
    Ok(by_ids(conn, &[id]).await?.into_iter().find(|rating| rating.org == org))
}

/// Ratings by receipt, whatever organisation they are of, in no order.
pub(crate) async fn by_ids(conn: &impl ConnectionTrait, ids: &[Uuid]) -> Result<Vec<Rating>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut sql = Sql::new(dialect_of(conn));
    let which = sql.one_of("id", ids);
    fetch(conn, sql.statement(&format!("SELECT * FROM rating WHERE {which}"))).await
}

/// Content hashes of those receipts that are stored.
pub async fn hashes(conn: &impl ConnectionTrait, ids: &[Uuid]) -> Result<HashMap<Uuid, i64>> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let mut sql = Sql::new(dialect_of(conn));
    let which = sql.one_of("id", ids);
    let text = format!("SELECT id, content_hash FROM rating WHERE {which}");
    let rows = sql.query(conn, &text).await?;
    rows.iter().map(|row| Ok((row.try_get("", "id")?, row.try_get("", "content_hash")?))).collect()
}

/// Which of these (device, epoch, sequence) are taken by a stored rating.
pub async fn taken(
    conn: &impl ConnectionTrait,
    positions: &[(Uuid, i64, i64)],
) -> Result<Vec<(Uuid, i64, i64)>> {
    if positions.is_empty() {
        return Ok(Vec::new());
    }
    let mut sql = Sql::new(dialect_of(conn));
    let table = sql.table(vec![
        ("device_id", Column::Id(positions.iter().map(|p| p.0).collect())),
        ("epoch", Column::Number(positions.iter().map(|p| p.1).collect())),
        ("sequence", Column::Number(positions.iter().map(|p| p.2).collect())),
    ]);
    let text = format!(
        "{table} SELECT r.device_id, r.epoch, r.sequence FROM q JOIN rating r \
         ON r.device_id = q.device_id AND r.epoch = q.epoch AND r.sequence = q.sequence"
    );
    let rows = sql.query(conn, &text).await?;
    rows.iter()
        .map(|row| {
            let (epoch, sequence) = (row.try_get("", "epoch")?, row.try_get("", "sequence")?);
            Ok((row.try_get("", "device_id")?, epoch, sequence))
        })
        .collect()
}

/// A stored press near new ones of the same device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Neighbour {
    /// Receipt.
    pub id: Uuid,
    /// Device.
    pub device: Uuid,
    /// Epoch.
    pub epoch: i64,
    /// Sequence.
    pub sequence: i64,
    /// Corrected press time.
    pub press_us: i64,
    /// Its marks.
    pub marks: Marks,
}

/// Stored presses in ranges of (device, epoch, first sequence, last sequence).
pub async fn neighbours(
    conn: &impl ConnectionTrait,
    ranges: &[(Uuid, i64, i64, i64)],
) -> Result<Vec<Neighbour>> {
    if ranges.is_empty() {
        return Ok(Vec::new());
    }
    let mut sql = Sql::new(dialect_of(conn));
    let table = sql.table(vec![
        ("device_id", Column::Id(ranges.iter().map(|r| r.0).collect())),
        ("epoch", Column::Number(ranges.iter().map(|r| r.1).collect())),
        ("low", Column::Number(ranges.iter().map(|r| r.2).collect())),
        ("high", Column::Number(ranges.iter().map(|r| r.3).collect())),
    ]);
    let each = sql.each_with(
        "rating",
        "r",
        "r.device_id = q.device_id AND r.epoch = q.epoch AND r.sequence BETWEEN q.low AND q.high",
    );
    let text = format!(
        "{table} SELECT r.id, r.device_id, r.epoch, r.sequence, r.press_us, r.trust_marks \
         FROM {each}"
    );
    let rows = sql.query(conn, &text).await?;
    rows.iter()
        .map(|row| {
            Ok(Neighbour {
                id: row.try_get("", "id")?,
                device: row.try_get("", "device_id")?,
                epoch: row.try_get("", "epoch")?,
                sequence: row.try_get("", "sequence")?,
                press_us: row.try_get("", "press_us")?,
                marks: Marks(row.try_get("", "trust_marks")?),
            })
        })
        .collect()
}

/// Ratings of a window with `from_us` ≤ press < `to_us`.
pub async fn at_window(
    conn: &impl ConnectionTrait,
    org: Uuid,
    window: Uuid,
    from_us: i64,
    to_us: i64,
) -> Result<Vec<Rating>> {
    let mut sql = Sql::new(dialect_of(conn));
    let (org, from, to) = (sql.bind(org), sql.bind(from_us), sql.bind(to_us));
    let window = sql.bind(window);
    let text = format!(
        "SELECT * FROM rating WHERE org_id = {org} AND press_us >= {from} AND press_us < {to} \
         AND window_id = {window}"
    );
    fetch(conn, sql.statement(&text)).await
}

/// Writes back what may change later: staff, business type, encounter and marks.
pub async fn update(tx: &WriteTx, rating: &Rating) -> Result<()> {
    let mut sql = Sql::new(dialect_of(tx.conn()));
    let business = Some(rating.business_type.clone()).filter(|text| !text.is_empty());
    let (staff, business) = (sql.bind(rating.staff), sql.bind(business));
    let (encounter, marks) = (sql.bind(rating.encounter), sql.bind(rating.marks.0));
    let id = sql.bind(rating.id);
    let text = format!(
        "UPDATE rating SET staff_id = {staff}, business_type = {business}, \
         encounter_id = {encounter}, trust_marks = {marks} WHERE id = {id}"
    );
    sql.execute(tx.conn(), &text).await?;
    Ok(())
}

/// Which ratings a list shows.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Only at these units; `None` means anywhere in the organisation.
    pub units: Option<Vec<Uuid>>,
    /// Only what belongs to a unit by a tree.
    pub placed: Option<Placed>,
    /// Only of this staff member.
    pub staff: Option<Uuid>,
    /// Only from this device.
    pub device: Option<Uuid>,
    /// Not before.
    pub from_us: Option<i64>,
    /// Before.
    pub to_us: Option<i64>,
    /// Only these grades of these templates.
    pub grades: Option<Vec<(Uuid, Vec<i32>)>>,
    /// Only with a trust mark.
    pub marked_only: bool,
    /// Only without one.
    pub trusted_only: bool,
    /// Only at these windows, if any is named.
    pub windows: Vec<Uuid>,
    /// Only of these staff members, if any is named.
    pub staff_members: Vec<Uuid>,
    /// Only of these business types, if any is named; an empty one for those without.
    pub business_types: Vec<String>,
    /// Only through these channels, if any is named.
    pub channels: Vec<i16>,
    /// Only of these templates, if any is named.
    pub templates: Vec<Uuid>,
    /// Only with a grade of this item.
    pub item: Option<Item>,
}

/// An item.
#[derive(Debug, Clone)]
pub struct Item {
    /// Its code.
    pub code: String,
    /// Templates whose overall grade is of this item.
    pub overall_of: Vec<Uuid>,
}

/// A page of ratings, latest press first, after `last` (press time and receipt).
pub async fn list(
    conn: &impl ConnectionTrait,
    org: Uuid,
    filter: &Filter,
    last: Option<Place>,
    limit: u64,
) -> Result<Vec<Rating>> {
    let mut list = Newest::of(conn, "rating", "press_us", org)
        .within(filter.from_us, filter.to_us)
        .equal("staff_id", filter.staff)
        .equal("device_id", filter.device)
        .among("COALESCE(window_id, site_id)", filter.units.as_deref())
        .only(filter.marked_only, "trust_marks <> 0")
        .only(filter.trusted_only, "trust_marks = 0")
        .one_of("window_id", &filter.windows)
        .one_of("staff_id", &filter.staff_members)
        .any_of("COALESCE(business_type, '')", filter.business_types.iter().cloned())
        .any_of("channel", filter.channels.iter().copied())
        .one_of("template_id", &filter.templates)
        .placed(filter.placed.as_ref());
    if let Some(grades) = &filter.grades {
        list = list.that(|sql| graded(sql, grades));
    }
    if let Some(item) = &filter.item {
        let dialect = dialect_of(conn);
        list = list.that(|sql| of_item(sql, dialect, item));
    }
    let models = list.page::<Entity>(conn, last, limit).await?;
    models.into_iter().map(from_model).collect()
}

/// The overall grade is of the item, or one of the further grades.
fn of_item(sql: &mut Sql, dialect: Dialect, item: &Item) -> String {
    let overall = sql.one_of("template_id", &item.overall_of);
    let code = sql.bind(item.code.clone());
    let (pairs, pair) = match dialect {
        Dialect::Postgres => ("jsonb_array_elements(item_grades::jsonb)", "pair.value"),
        Dialect::Sqlite => ("json_each(item_grades)", "pair.value"),
    };
    format!("({overall} OR EXISTS (SELECT 1 FROM {pairs} pair WHERE {pair} ->> 0 = {code}))")
}

fn graded(sql: &mut Sql, grades: &[(Uuid, Vec<i32>)]) -> String {
    let templates = grades.iter().filter(|(_, grades)| !grades.is_empty());
    let either: Vec<String> = templates
        .map(|(template, grades)| {
            // Numbers of our own templates: they need no parameters.
            let grades: Vec<String> = grades.iter().map(i32::to_string).collect();
            format!("(template_id = {} AND grade IN ({}))", sql.bind(*template), grades.join(","))
        })
        .collect();
    if either.is_empty() { "1 = 0".to_owned() } else { format!("({})", either.join(" OR ")) }
}

async fn fetch(conn: &impl ConnectionTrait, statement: Statement) -> Result<Vec<Rating>> {
    debug_assert_eq!(statement.db_backend, backend(dialect_of(conn)));
    let models = Entity::find().from_raw_sql(statement).all(conn).await?;
    models.into_iter().map(from_model).collect()
}

fn from_model(model: Model) -> Result<Rating> {
    let items: Vec<(String, i32)> = parsed(model.item_grades.as_deref(), "item_grades")?;
    Ok(Rating {
        id: model.id,
        org: model.org_id,
        device: model.device_id,
        epoch: model.epoch,
        sequence: model.sequence,
        rating_id: model.rating_id,
        content_hash: model.content_hash,
        template: model.template_id,
        grade: model.grade,
        item_grades: items.into_iter().map(|(item, grade)| ItemGrade { item, grade }).collect(),
        reasons: parsed(model.reasons.as_deref(), "reasons")?,
        comment: model.comment.unwrap_or_default(),
        window: model.window_id,
        site: model.site_id,
        site_since_us: model.site_since_us,
        staff: model.staff_id,
        encounter: model.encounter_id,
        business_type: model.business_type.unwrap_or_default(),
        channel: Channel::from_number(model.channel).ok_or_else(|| odd("rating", "channel"))?,
        press_us: model.press_us,
        device_us: model.device_us,
        receive_us: model.receive_us,
        clock_source: ClockSource::from_number(model.clock_source)
            .ok_or_else(|| odd("rating", "clock_source"))?,
        clock_suspect: model.clock_suspect,
        marks: Marks(model.trust_marks),
    })
}

fn parsed<T: serde::de::DeserializeOwned + Default>(text: Option<&str>, column: &str) -> Result<T> {
    let Some(text) = text else { return Ok(T::default()) };
    serde_json::from_str(text).map_err(|_| odd("rating", column))
}
