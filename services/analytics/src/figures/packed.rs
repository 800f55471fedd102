//! Reads sums of sites by local day from the packs: few rows, whatever the number of sites and
//! days.

use std::collections::HashMap;

use analytics_domain::{
    cell::{Counts, What},
    pack::{self, Grain},
    plan::Table,
    time::Bucket,
};
use kit::error::Result;
use sea_orm::{ConnectionTrait, StreamTrait};
use uuid::Uuid;

use crate::store::{
    packs::{self, SiteScan},
    sums::{self, Items, Scan, Sum},
};

/// Hands out the sums that `scan` asks for, from packs or from cells. `bucket` is that of the
/// scan.
///
/// # Errors
/// TOO_MANY_BUCKETS for too many cells, and those of `each`.
pub async fn sums(
    conn: &(impl ConnectionTrait + StreamTrait),
    scan: &Scan,
    bucket: Option<Bucket>,
    mut each: impl FnMut(&Sum) -> Result<()> + Send,
) -> Result<()> {
    if scan.table == Table::SiteDay {
        return read(conn, scan, bucket, each).await;
    }
    for sum in sums::read(conn, scan).await? {
        each(&sum)?;
    }
    Ok(())
}

/// By site and `bucket`; those of a month may come in several parts.
async fn read(
    conn: &impl StreamTrait,
    scan: &Scan,
    bucket: Option<Bucket>,
    mut each: impl FnMut(&Sum) -> Result<()> + Send,
) -> Result<()> {
    let grain = match bucket {
        None | Some(Bucket::Month) => Grain::Month,
        Some(_) => Grain::Day,
    };
    let (org, sites, days) = (scan.org, &scan.sites, (scan.from, scan.to));
    let sites = SiteScan { org, sites, days, grain, overall: scan.items == Items::Overall };
    // What keys mean, if it is asked for: the same few come in every pack.
    let mut known: HashMap<Vec<u8>, Option<What>> = HashMap::new();
    let (mut sum, mut wanted) = (nothing(), false);
    packs::of_sites(conn, &sites, |entry| {
        if !entry.repeats {
            if !known.contains_key(entry.key) {
                let what = pack::rating_of(entry.key).filter(|what| scan.wants(what));
                known.insert(entry.key.to_vec(), what);
            }
            let what = known.get(entry.key).and_then(Option::as_ref);
            wanted = what.is_some();
            if let Some(what) = what {
                sum.what.clone_from(what);
            }
        }
        if !wanted {
            return Ok(());
        }
        sum.site = entry.site;
        sum.bucket = match bucket {
            None => 0,
            Some(Bucket::Month) => entry.time,
            Some(bucket) => bucket.of_day(entry.time),
        };
        sum.counts = *entry.counts;
        each(&sum)
    })
    .await
}

fn nothing() -> Sum {
    Sum {
        site: Uuid::nil(),
        window: Uuid::nil(),
        staff: Uuid::nil(),
        business_type: String::new(),
        channel: 0,
        bucket: 0,
        what: What::encounters(),
        counts: Counts::default(),
    }
}
