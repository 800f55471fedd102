//! Samples as they were drawn.

use kit::{db::dialect_of, error::Result};
use sea_orm::ConnectionTrait;
use serde::{Deserialize, Serialize};
use survey_domain::campaign::design::Design;
use uuid::Uuid;

use super::{parsed, printed};
use kit::db::sql::Sql;

/// A sample, with everything that is needed to draw it again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// The design with everything filled in.
    pub design: Design,
    /// Customers that the design is about.
    pub frame_size: u64,
    /// Customers left out: number of the reason, and how many.
    pub excluded: Vec<(i16, u64)>,
    /// Customers drawn.
    pub sample_size: u64,
    /// Strata in order.
    pub strata: Vec<Stratum>,
    /// SHA-256 over the sorted ids of those who could be drawn, hexadecimal.
    pub frame_hash: String,
    /// While it is being drawn, how many invitations are prepared.
    #[serde(default)]
    pub prepared: Option<u64>,
}

/// A stratum.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stratum {
    /// Class or unit.
    pub id: Option<Uuid>,
    /// Customers that could be drawn.
    pub population: u64,
    /// Customers drawn.
    pub sample: u64,
    /// Chance of each to be drawn; `None` where chances differ.
    pub inclusion: Option<f64>,
}

impl Sample {
    /// One that is to be drawn by a design.
    pub fn begun(design: Design) -> Self {
        Self {
            design,
            frame_size: 0,
            excluded: Vec::new(),
            sample_size: 0,
            strata: Vec::new(),
            frame_hash: String::new(),
            prepared: Some(0),
        }
    }

    /// Whether it is not complete yet.
    pub fn is_being_drawn(&self) -> bool {
        self.prepared.is_some()
    }

    /// Customers that could be drawn.
    pub fn eligible(&self) -> u64 {
        self.frame_size - self.excluded.iter().map(|(_, count)| count).sum::<u64>()
    }
}

/// Notes a sample in place of a former one.
pub async fn save(
    conn: &impl ConnectionTrait,
    org: Uuid,
    campaign: Uuid,
    sample: &Sample,
    draw_us: i64,
) -> Result<()> {
    let mut sql = Sql::new(dialect_of(conn));
    let values = [
        sql.bind(campaign),
        sql.bind(org),
        sql.bind(printed("sample.body", sample)?),
        sql.bind(draw_us),
    ];
    let text = format!(
        "INSERT INTO sample (campaign_id, org_id, body, draw_us) VALUES ({}) \
         ON CONFLICT (campaign_id) DO UPDATE SET body = excluded.body, draw_us = excluded.draw_us",
        values.join(", ")
    );
    sql.execute(conn, &text).await?;
    Ok(())
}

/// The sample of a campaign, and when it was drawn.
pub async fn find(
    conn: &impl ConnectionTrait,
    org: Uuid,
    campaign: Uuid,
) -> Result<Option<(Sample, i64)>> {
    let mut sql = Sql::new(dialect_of(conn));
    let (org, campaign) = (sql.bind(org), sql.bind(campaign));
    let text = format!(
        "SELECT body, draw_us FROM sample WHERE org_id = {org} AND campaign_id = {campaign}"
    );
    let rows = sql.query(conn, &text).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let body: String = row.try_get("", "body")?;
    Ok(Some((parsed("sample.body", &body)?, row.try_get("", "draw_us")?)))
}

/// Forgets the sample of a campaign.
pub async fn remove(conn: &impl ConnectionTrait, org: Uuid, campaign: Uuid) -> Result<()> {
    let mut sql = Sql::new(dialect_of(conn));
    let (org, campaign) = (sql.bind(org), sql.bind(campaign));
    let text = format!("DELETE FROM sample WHERE org_id = {org} AND campaign_id = {campaign}");
    sql.execute(conn, &text).await?;
    Ok(())
}
