//! Read models of the survey service: countable items of published versions, and customer
//! classes.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use analytics_domain::{
    answer::{Item, Version},
    template::Meaning,
};
use kit::{
    db::{Db, WriteTx},
    error::{Result, ServiceError},
};
use sea_orm::{ConnectionTrait, Value};
use serde::{Deserialize, Serialize};
use tokio::sync::RwLock;
use uuid::Uuid;

use super::sql::{Values, execute, query};

/// Versions of an organisation's questionnaires.
pub type Versions = BTreeMap<(Uuid, i32), Version>;

/// A customer class as the survey service told it.
#[derive(Debug, Clone, PartialEq)]
pub struct Class {
    /// Its id.
    pub id: Uuid,
    /// Names by language tag.
    pub name: BTreeMap<String, String>,
    /// Weight for indices.
    pub weight: f64,
}

impl Class {
    /// Its name in Chinese, else in the first language that it has.
    pub fn shown(&self) -> Option<String> {
        self.name.get("zh-CN").or_else(|| self.name.values().next()).cloned()
    }
}

#[derive(Serialize, Deserialize)]
struct Definition {
    hash: String,
    items: Vec<StoredItem>,
}

#[derive(Serialize, Deserialize)]
struct StoredItem {
    id: String,
    scale: Option<(i32, i32)>,
    /// Value, score, satisfied, bad.
    grades: Vec<(i32, f64, bool, bool)>,
    nps: bool,
    options: Vec<String>,
    section: String,
}

/// Keeps a version, unless it is kept already.
pub async fn put_version(tx: &WriteTx, org: Uuid, version: &Version) -> Result<()> {
    let grade = |(value, m): &(i32, Meaning)| (*value, m.score, m.satisfied, m.bad);
    let item = |item: &Item| StoredItem {
        id: item.id.clone(),
        scale: item.scale,
        grades: item.grades.iter().map(grade).collect(),
        nps: item.nps,
        options: item.options.clone(),
        section: item.section.clone(),
    };
    let definition =
        Definition { hash: version.hash.clone(), items: version.items.iter().map(item).collect() };
    let definition = serde_json::to_string(&definition).map_err(ServiceError::internal)?;
    let mut values = Values::default();
    let tuple = values.tuple([
        org.into(),
        version.questionnaire.into(),
        version.version.into(),
        Value::from(definition),
    ]);
    let sql = format!(
        "INSERT INTO questionnaire_version (org_id, questionnaire_id, version, definition) \
         VALUES {tuple} ON CONFLICT DO NOTHING"
    );
    execute(tx.conn(), sql, values).await?;
    Ok(())
}

/// Keeps a class as it was told at `commit_us`, unless something newer is known.
pub async fn put_class(tx: &WriteTx, org: Uuid, class: &Class, commit_us: i64) -> Result<()> {
    let name = serde_json::to_string(&class.name).map_err(ServiceError::internal)?;
    let mut values = Values::default();
    let tuple = values.tuple([
        org.into(),
        class.id.into(),
        Value::from(name),
        class.weight.into(),
        commit_us.into(),
    ]);
    let sql = format!(
        "INSERT INTO customer_class (org_id, class_id, name, weight, commit_us) VALUES {tuple} \
         ON CONFLICT (org_id, class_id) DO UPDATE SET name = excluded.name, \
         weight = excluded.weight, commit_us = excluded.commit_us \
         WHERE customer_class.commit_us <= excluded.commit_us"
    );
    execute(tx.conn(), sql, values).await?;
    Ok(())
}

/// Customer classes of an organisation.
pub async fn classes(conn: &impl ConnectionTrait, org: Uuid) -> Result<Vec<Class>> {
    let mut values = Values::default();
    let org = values.put(org);
    let sql = format!("SELECT class_id, name, weight FROM customer_class WHERE org_id = {org}");
    let rows = query(conn, sql, values).await?;
    rows.iter()
        .map(|row| {
            let name: String = row.try_get_by_index(1)?;
            let name = serde_json::from_str(&name).map_err(ServiceError::internal)?;
            Ok(Class { id: row.try_get_by_index(0)?, name, weight: row.try_get_by_index(2)? })
        })
        .collect()
}

/// Versions of all questionnaires of an organisation.
pub async fn load(conn: &impl ConnectionTrait, org: Uuid) -> Result<Versions> {
    let mut values = Values::default();
    let org = values.put(org);
    let sql = format!(
        "SELECT questionnaire_id, version, definition FROM questionnaire_version \
         WHERE org_id = {org}"
    );
    let mut versions = Versions::new();
    for row in query(conn, sql, values).await? {
        let (questionnaire, version): (Uuid, i32) =
            (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
        let text: String = row.try_get_by_index(2)?;
        let read: Definition = serde_json::from_str(&text).map_err(ServiceError::internal)?;
        let grade = |(value, score, satisfied, bad)| (value, Meaning { score, satisfied, bad });
        let item = |item: StoredItem| Item {
            id: item.id,
            scale: item.scale,
            grades: item.grades.into_iter().map(grade).collect(),
            nps: item.nps,
            options: item.options,
            section: item.section,
        };
        let items = read.items.into_iter().map(item).collect();
        let definition = Version { questionnaire, version, items, hash: read.hash };
        versions.insert((questionnaire, version), definition);
    }
    Ok(versions)
}

/// Definitions held in memory, read again when one is missing.
#[derive(Default)]
pub struct Cache(RwLock<HashMap<Uuid, Arc<Versions>>>);

impl Cache {
    /// Definitions of an organisation that hold all of `needed`, if they are known at all.
    pub async fn with(
        &self,
        db: &Db,
        org: Uuid,
        mut needed: impl Iterator<Item = (Uuid, i32)>,
    ) -> Result<Arc<Versions>> {
        if let Some(found) = self.0.read().await.get(&org)
            && needed.all(|key| found.contains_key(&key))
        {
            return Ok(found.clone());
        }
        let loaded = Arc::new(load(db.read(), org).await?);
        self.0.write().await.insert(org, loaded.clone());
        Ok(loaded)
    }
}
