//! Where sites stood, and in which time zone they kept their days: one row for each stretch of
//! time in which neither changed. Cells and vectors carry the id of such a row in the place of
//! their site, so that each counts for the units above it at the time of the service, and stays
//! on its day. The source of a fact says to which stretch it belongs, so a fact that is taken
//! back is looked for where it was counted, and a rebuild counts it there again.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use kit::{
    db::WriteTx,
    directory::OrgView,
    error::{Result, ServiceError},
};
use sea_orm::{ConnectionTrait, QueryResult};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::sql::{Values, execute, query};

/// A stretch of time of a site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placement {
    /// Id in cells: the site's own for the first stretch.
    pub id: Uuid,
    /// The site.
    pub site: Uuid,
    /// Beginning, microseconds; 0 for ever.
    pub since_us: i64,
    /// Beginning of the next stretch that is known.
    pub until_us: i64,
    /// Zone of its days.
    pub zone: String,
}

/// Id of the stretch of `site` that began at `since_us`.
pub fn id(site: Uuid, since_us: i64) -> Uuid {
    if since_us <= 0 {
        return site;
    }
    let digest = Sha256::digest([&site.as_bytes()[..], &since_us.to_be_bytes()].concat());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

/// All stretches of an organisation that anything was counted in.
#[derive(Debug, Default)]
pub struct Placements {
    all: Vec<Placement>,
    by_id: HashMap<Uuid, usize>,
}

impl Placements {
    fn of(mut all: Vec<Placement>) -> Self {
        all.sort_unstable_by_key(|placement| (placement.site, placement.since_us));
        for later in 1..all.len() {
            if all[later].site == all[later - 1].site {
                all[later - 1].until_us = all[later].since_us;
            }
        }
        let by_id = all.iter().enumerate().map(|(place, found)| (found.id, place)).collect();
        Self { all, by_id }
    }

    /// All, by site and time.
    pub fn iter(&self) -> impl Iterator<Item = &Placement> {
        self.all.iter()
    }

    /// By the id in cells.
    pub fn get(&self, id: Uuid) -> Option<&Placement> {
        self.by_id.get(&id).map(|place| &self.all[*place])
    }

    /// The site of cells.
    pub fn site(&self, id: Uuid) -> Uuid {
        self.get(id).map_or(id, |found| found.site)
    }
}

/// Which tree of units decides what belongs to a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Tree {
    /// As it was at the time of each service.
    #[default]
    AsOfService,
    /// As it is now.
    Present,
}

impl Tree {
    /// The units that a stretch counts for: its site, and upwards those above it.
    pub fn upward(self, view: &OrgView, placement: &Placement) -> impl Iterator<Item = Uuid> {
        let us = match self {
            Self::AsOfService => placement.since_us,
            Self::Present => i64::MAX,
        };
        view.upward_at(placement.site, us)
    }
}

const COLUMNS: &str = "site_id, COALESCE(unit_id, site_id), since_us, zone";

/// One stretch.
pub async fn find(conn: &impl ConnectionTrait, org: Uuid, id: Uuid) -> Result<Option<Placement>> {
    let mut values = Values::default();
    let (org, id) = (values.put(org), values.put(id));
    let sql = format!("SELECT {COLUMNS} FROM site_zone WHERE org_id = {org} AND site_id = {id}");
    query(conn, sql, values).await?.first().map(of_row).transpose()
}

/// Remembers a stretch, unless it is there already: its zone never changes.
pub async fn fix(tx: &WriteTx, org: Uuid, placement: &Placement) -> Result<()> {
    let mut values = Values::default();
    let tuple = values.tuple([
        org.into(),
        placement.id.into(),
        placement.site.into(),
        placement.since_us.into(),
        placement.zone.as_str().into(),
    ]);
    let sql = format!(
        "INSERT INTO site_zone (org_id, site_id, unit_id, since_us, zone) VALUES {tuple} \
         ON CONFLICT DO NOTHING"
    );
    execute(tx.conn(), sql, values).await?;
    Ok(())
}

/// All stretches of an organisation.
pub async fn load(conn: &impl ConnectionTrait, org: Uuid) -> Result<Placements> {
    let mut values = Values::default();
    let sql = format!("SELECT {COLUMNS} FROM site_zone WHERE org_id = {}", values.put(org));
    let rows = query(conn, sql, values).await?;
    Ok(Placements::of(rows.iter().map(of_row).collect::<Result<_>>()?))
}

fn of_row(row: &QueryResult) -> Result<Placement> {
    Ok(Placement {
        id: row.try_get_by_index(0)?,
        site: row.try_get_by_index(1)?,
        since_us: row.try_get_by_index(2)?,
        until_us: i64::MAX,
        zone: row.try_get_by_index(3)?,
    })
}

/// The stretches of each organisation, held as long as none was added.
#[derive(Default)]
pub struct Cache(Mutex<HashMap<Uuid, (i64, Arc<Placements>)>>);

impl Cache {
    /// As [`load`]. Rows are added and never changed, so their number tells whether what is held
    /// is all.
    pub async fn get(&self, conn: &impl ConnectionTrait, org: Uuid) -> Result<Arc<Placements>> {
        let mut values = Values::default();
        let sql = format!(
            "SELECT CAST(COUNT(*) AS BIGINT) FROM site_zone WHERE org_id = {}",
            values.put(org)
        );
        let rows = query(conn, sql, values).await?;
        let row = rows.first().ok_or_else(|| ServiceError::internal("nothing counted"))?;
        let count: i64 = row.try_get_by_index(0)?;
        let held = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&org).cloned();
        if let Some((known, placements)) = held
            && known == count
        {
            return Ok(placements);
        }
        let loaded = Arc::new(load(conn, org).await?);
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(org, (count, loaded.clone()));
        Ok(loaded)
    }
}
