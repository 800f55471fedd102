//! The parts of a run. Each starts what it needs on fresh databases, measures, and stops it.

mod check;
pub mod figures;
pub mod follow;
pub mod indices;
pub mod ingest;
mod live;
pub mod memory;
mod shapes;
mod single;
pub mod statistics;
pub mod survey;

use crate::{error::Result, load::Terminal, options::Effort, site::Site, suite::Plan};

/// What every part is given.
pub struct Context<'a> {
    /// Programs, database, folder and secret.
    pub plan: Plan<'a>,
    /// How long and how often.
    pub effort: Effort,
}

impl Context<'_> {
    /// Name of the database.
    fn database(&self) -> &'static str {
        self.plan.engine.name()
    }
}

/// Devices that send at the same time.
pub const DEVICES: usize = 16;

/// An organisation with one branch and [`DEVICES`] windows, and a device at each.
async fn hall(site: &Site) -> Result<Vec<Terminal>> {
    let branch = site.unit(&site.headquarters, proto::auth::v1::UnitKind::Branch, "Hall").await?;
    let mut devices = Vec::with_capacity(DEVICES);
    for number in 1..=DEVICES {
        devices.push(site.place(&branch, number).await?);
    }
    Ok(Terminal::all(devices))
}
