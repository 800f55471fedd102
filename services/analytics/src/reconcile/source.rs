//! What the device service counts of its stored rows, while it counts.

use kit::error::{Result, ServiceError};
use proto::{device::v1::CountSourceResponse, names};
use tonic::Streaming;

use super::cells::{Counted, Counts, STATES};

/// Reads the counts to their end; `told` hears of ratings and encounters counted so far.
pub async fn read(
    mut counting: Streaming<CountSourceResponse>,
    mut told: impl FnMut(i64, i64) + Send,
) -> Result<Counts> {
    let mut counts = Counts::new();
    while let Some(message) = counting.message().await? {
        told(message.ratings_so_far, message.encounters_so_far);
        add(&mut counts, &message)?;
    }
    counts.retain(|_, count| *count != 0);
    Ok(counts)
}

fn add(counts: &mut Counts, source: &CountSourceResponse) -> Result<()> {
    let bad = |name: &str| ServiceError::internal(format!("the source counts for {name}"));
    for row in &source.ratings {
        let site = names::parse("units", &row.site).ok_or_else(|| bad(&row.site))?;
        let template =
            names::parse("templates", &row.template).ok_or_else(|| bad(&row.template))?;
        let key = Counted::Rating(site, template, row.key, row.distrusted);
        *counts.entry(key).or_default() += row.count;
    }
    for row in &source.encounters {
        let site = names::parse("units", &row.site).ok_or_else(|| bad(&row.site))?;
        *counts.entry(Counted::Encounter(site, 0)).or_default() += row.count;
        if STATES.iter().any(|(_, state)| *state as i32 == row.key) {
            *counts.entry(Counted::Encounter(site, row.key)).or_default() += row.count;
        }
    }
    Ok(())
}
