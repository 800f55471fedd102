//! Reads how many customers each member of staff served and asked, by branch, business type
//! and day.

use std::collections::BTreeMap;

use analytics_domain::{
    cell::Column,
    plan::Table,
    time::{date_of, day_start_us, timestamp},
};
use kit::{db::Db, directory::OrgView, error::Result};
use uuid::Uuid;

use crate::{
    freshness::Freshness,
    indices::Targets,
    store::{
        buckets::TIME,
        placements::{self, Tree},
        snapshot,
        sums::{self, Items, Scan},
    },
};

/// Branch, business type and day.
type Work = (u128, String, i64);

/// Served and asked, by work and member of staff.
pub type Counts = BTreeMap<(Work, u128), (u64, u64)>;

/// What was read.
pub struct Read {
    /// Served and asked, by work and member of staff.
    pub counts: Counts,
    /// Position of the feed.
    pub position: String,
}

/// First moment of local days in the unit's zone and the one after their end, for lists.
pub fn moments(view: &OrgView, unit: Uuid, days: (i32, i32)) -> [String; 2] {
    let zone = view.time_zone_of(unit);
    let moment = |day: i32| timestamp(day_start_us(date_of(day.into()), &zone)).to_string();
    [moment(days.0), moment(days.1)]
}

/// Reads the counts of a unit and everything below it.
///
/// # Errors
/// TOO_MANY_BUCKETS when they are too many.
pub async fn read(
    db: &Db,
    freshness: &Freshness,
    view: &OrgView,
    unit: Uuid,
    days: (i32, i32),
) -> Result<Read> {
    let snapshot = snapshot(db).await?;
    let placed = placements::load(snapshot.conn(), view.id).await?;
    let targets = Targets::of(view, &placed, Tree::AsOfService, &[unit], days);
    let position = freshness.mark(snapshot.conn()).await?.position;
    let scan = Scan {
        table: Table::Day,
        org: view.id,
        sites: targets.answer_sites.clone(),
        from: days.0,
        to: days.1,
        by_site: true,
        by_window: false,
        by_staff: true,
        by_business_type: true,
        by_channel: false,
        bucket: Some(TIME.to_owned()),
        windows: targets.windows.clone(),
        staff: Vec::new(),
        business_types: Vec::new(),
        channels: Vec::new(),
        // No template has this id, so that only services are read.
        templates: vec![Uuid::max()],
        items: Items::Overall,
    };
    let natural = |count: i64| u64::try_from(count).unwrap_or_default();
    let mut counts = Counts::new();
    for sum in sums::read(snapshot.conn(), &scan).await? {
        let served = natural(sum.counts.get(Column::Served));
        if sum.staff.is_nil() || served == 0 {
            continue;
        }
        let prompted = natural(sum.counts.get(Column::Prompted)).min(served);
        let work = (sum.site.as_u128(), sum.business_type, sum.bucket);
        let entry = counts.entry((work, sum.staff.as_u128())).or_default();
        *entry = (entry.0 + served, entry.1 + prompted);
    }
    snapshot.end().await?;
    Ok(Read { counts, position })
}
