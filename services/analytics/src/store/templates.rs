//! Definitions of templates. They never change once created, so the first one that arrives is
//! kept and order does not matter.

use std::{collections::HashMap, sync::Arc};

use analytics_domain::{
    figure::Templates,
    template::{Meaning, Template},
};
use kit::{
    db::{Db, WriteTx},
    error::{Result, ServiceError},
};
use sea_orm::ConnectionTrait;
use serde::{Deserialize, Serialize};
use tokio::sync::RwLock;
use uuid::Uuid;

use super::sql::{Values, execute, query};

#[derive(Serialize, Deserialize)]
struct Definition {
    items: Vec<String>,
    scale_min: i32,
    scale_max: i32,
    /// Value, score, satisfied, bad.
    grades: Vec<(i32, f64, bool, bool)>,
    satisfied_from: i32,
    bad_to: i32,
}

/// Keeps a definition, unless it is kept already.
pub async fn put(tx: &WriteTx, org: Uuid, template: &Template) -> Result<()> {
    let grade = |(value, m): &(i32, Meaning)| (*value, m.score, m.satisfied, m.bad);
    let definition = Definition {
        items: template.items.clone(),
        scale_min: template.scale_min,
        scale_max: template.scale_max,
        grades: template.grades.iter().map(grade).collect(),
        satisfied_from: template.satisfied_from,
        bad_to: template.bad_to,
    };
    let definition = serde_json::to_string(&definition).map_err(ServiceError::internal)?;
    let mut values = Values::default();
    let tuple = values.tuple([org.into(), template.id.into(), sea_orm::Value::from(definition)]);
    let sql = format!(
        "INSERT INTO template (org_id, template_id, definition) VALUES {tuple} \
         ON CONFLICT DO NOTHING"
    );
    execute(tx.conn(), sql, values).await?;
    Ok(())
}

/// All definitions of an organisation.
pub async fn load(conn: &impl ConnectionTrait, org: Uuid) -> Result<Templates> {
    let mut values = Values::default();
    let org = values.put(org);
    let sql = format!("SELECT template_id, definition FROM template WHERE org_id = {org}");
    let mut templates = Templates::new();
    for row in query(conn, sql, values).await? {
        let id: Uuid = row.try_get_by_index(0)?;
        let text: String = row.try_get_by_index(1)?;
        let read: Definition = serde_json::from_str(&text).map_err(ServiceError::internal)?;
        let grade = |(value, score, satisfied, bad)| (value, Meaning { score, satisfied, bad });
        let template = Template {
            id,
            items: read.items,
            scale_min: read.scale_min,
            scale_max: read.scale_max,
            grades: read.grades.into_iter().map(grade).collect(),
            nps: (read.scale_min, read.scale_max) == (0, 10),
            satisfied_from: read.satisfied_from,
            bad_to: read.bad_to,
        };
        templates.insert(id, Arc::new(template));
    }
    Ok(templates)
}

/// Definitions held in memory, read again when one is missing.
#[derive(Default)]
pub struct Cache(RwLock<HashMap<Uuid, Arc<Templates>>>);

impl Cache {
    /// Definitions of an organisation as they were last read.
    pub async fn get(&self, db: &Db, org: Uuid) -> Result<Arc<Templates>> {
        if let Some(found) = self.0.read().await.get(&org) {
            return Ok(found.clone());
        }
        self.reload(db, org).await
    }

    /// Reads them again.
    pub async fn reload(&self, db: &Db, org: Uuid) -> Result<Arc<Templates>> {
        let loaded = Arc::new(load(db.read(), org).await?);
        self.0.write().await.insert(org, loaded.clone());
        Ok(loaded)
    }

    /// Forgets an organisation's, because one came.
    pub async fn forget(&self, org: Uuid) {
        self.0.write().await.remove(&org);
    }
}
