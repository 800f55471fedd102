//! Counts what is stored, for comparing with the roll-ups: at one moment, piece by piece.

use std::{collections::BTreeMap, sync::Arc};

use kit::{error::Result, rpc::Answers};
use proto::{
    device::v1::{CountSourceResponse, SourceCount},
    names,
};
use sea_orm::ConnectionTrait;
use tokio::time::Instant;
use uuid::Uuid;

use crate::{
    state::App,
    store::count::{Kind, Rows},
};

/// Counts of one message.
const COUNTS_MAX: usize = 5_000;

/// Counts the rows of an organisation in `[from_us, to_us)` and sends `answers`.
///
/// # Errors
/// UNAVAILABLE when the feed has no position now that holds exactly what is stored.
pub async fn count(
    app: Arc<App>,
    org: Uuid,
    range: (i64, i64),
    answers: Answers<CountSourceResponse>,
) -> Result<()> {
    let (tx, position) = app.outbox.moment().await?;
    answers.send(CountSourceResponse { position, ..Default::default() }).await?;
    let mut so_far = CountSourceResponse::default();
    let ratings = sums(&tx, Rows::Ratings, org, range, |counted| {
        so_far.ratings_so_far = counted;
        answers.tell(so_far.clone());
    });
    let ratings = ratings.await?;
    let encounters = sums(&tx, Rows::Encounters, org, range, |counted| {
        so_far.encounters_so_far = counted;
        answers.tell(so_far.clone());
    });
    let encounters = encounters.await?;
    tx.commit().await?;
    for ratings in shown(&ratings) {
        answers.send(CountSourceResponse { ratings, ..so_far.clone() }).await?;
    }
    for encounters in shown(&encounters) {
        answers.send(CountSourceResponse { encounters, ..so_far.clone() }).await?;
    }
    Ok(())
}

type Sums = BTreeMap<Kind, i64>;

/// Rows of each kind; `told` hears after each piece how many have been counted.
async fn sums(
    conn: &impl ConnectionTrait,
    rows: Rows,
    org: Uuid,
    range: (i64, i64),
    mut told: impl FnMut(i64) + Send,
) -> Result<Sums> {
    let mut pieces = rows.pieces(conn, org, range).await?;
    let (mut sums, mut counted) = (Sums::new(), 0);
    while let Some(piece) = pieces.cut() {
        let began = Instant::now();
        for (kind, n) in rows.count(conn, org, piece).await? {
            *sums.entry(kind).or_default() += n;
            counted += n;
        }
        pieces.took(began.elapsed());
        told(counted);
    }
    Ok(sums)
}

fn shown(sums: &Sums) -> Vec<Vec<SourceCount>> {
    let shown = |(kind, count): (&Kind, &i64)| SourceCount {
        site: names::print("units", kind.site),
        template: names::print_opt("templates", kind.template),
        key: kind.key,
        distrusted: kind.distrusted,
        count: *count,
    };
    let all: Vec<_> = sums.iter().map(shown).collect();
    all.chunks(COUNTS_MAX).map(<[_]>::to_vec).collect()
}
