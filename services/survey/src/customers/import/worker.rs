//! Takes rows in, group by group: rows, their counts and their errors in one transaction, so that
//! a crash between two groups loses and repeats nothing.

use std::{collections::HashMap, sync::Arc, time::Duration};

use kit::{db::WriteTx, error::Result};
use survey_domain::csv_import::{Columns, FileKind, Known, Row, RowError};
use tokio_util::sync::CancellationToken;

use super::{
    customer_rows, record_rows,
    run::{Parts, columns, reader},
};
use crate::{
    crash_point,
    customers::{classes, record::Triggers},
    state::App,
    store,
    store::customer_import::{Counts, Import, State},
};

/// Rows of a group.
const GROUP: usize = 1_000;
/// Refused rows that are kept of an import.
const ERRORS_KEPT_MAX: i64 = 10_000;
/// How long an import stays with the process that works on it, after its last group.
const LEASE_US: i64 = 10_000_000;
/// How often others' imports are looked for.
const POLL: Duration = Duration::from_secs(1);

/// Works on running imports until `stop`.
pub async fn work(app: Arc<App>, stop: CancellationToken) {
    loop {
        let pause = match one(&app, &stop).await {
            Ok(true) => Duration::ZERO,
            Ok(false) => POLL,
            Err(error) => {
                tracing::warn!(%error, "an import waits");
                POLL
            }
        };
        tokio::select! {
            () = stop.cancelled() => return,
            () = app.import_wake.notified(), if !pause.is_zero() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// Works on one import; answers whether there was one.
async fn one(app: &App, stop: &CancellationToken) -> Result<bool> {
    // Leases are in real time of the installation's clock.
    let now_us = app.clock.now_us();
    let tx = app.db.begin().await?;
    let claimed = store::customer_import::claim(tx.conn(), now_us, now_us + LEASE_US).await?;
    tx.commit().await?;
    let Some(import) = claimed else { return Ok(false) };
    let id = import.id;
    let result = take_in(app, import, stop).await;
    if result.is_err() {
        // Somebody goes on at once, here or elsewhere.
        let tx = app.db.begin().await?;
        store::customer_import::extend(tx.conn(), id, 0).await?;
        tx.commit().await?;
    }
    result.map(|()| true)
}

/// What all groups of an import need.
pub struct Work {
    /// The import as it was last saved.
    pub import: Import,
    /// What it holds.
    pub kind: FileKind,
    /// Its columns.
    pub columns: Columns,
    /// What rows are read against.
    pub known: Known,
}

/// What became of a group.
#[derive(Debug, Default)]
pub struct Taken {
    /// Counts of this group.
    pub counts: Counts,
    /// Refused rows.
    pub errors: Vec<RowError>,
}

async fn take_in(app: &App, import: Import, stop: &CancellationToken) -> Result<()> {
    let mut parts = Parts::open(app, &import)?;
    let mut reader = reader(&import.settings);
    let mut work: Option<Work> = None;
    let mut skip = import.counts.rows;
    let mut waiting: Vec<Row> = Vec::new();
    loop {
        let part = parts.next(app).await?;
        let ended = part.is_none();
        let fed = match &part {
            Some(bytes) => reader.feed(bytes),
            None => reader.finish(),
        };
        fed.map_err(kit::error::ServiceError::internal)?;
        let mut rows = reader.take().into_iter();
        if work.is_none()
            && let Some(header) = rows.next()
        {
            work = Some(prepare(app, import.clone(), &header).await?);
        }
        waiting.extend(rows);
        if let Some(work) = &mut work {
            let passed = usize::try_from(skip).unwrap_or_default().min(waiting.len());
            waiting.drain(..passed);
            skip -= i64::try_from(passed).unwrap_or_default();
            while waiting.len() >= GROUP || (ended && !waiting.is_empty()) {
                if stop.is_cancelled() {
                    return Ok(());
                }
                let rest = waiting.split_off(waiting.len().min(GROUP));
                group(app, work, std::mem::replace(&mut waiting, rest)).await?;
            }
        }
        if ended {
            return finish(app, work.map_or(import, |work| work.import)).await;
        }
    }
}

async fn prepare(app: &App, import: Import, header: &Row) -> Result<Work> {
    let found = columns(app, &import, header).await?;
    let columns = found.map_err(kit::error::ServiceError::internal)?;
    let kind = FileKind::from_number(import.settings.kind)
        .ok_or_else(|| kit::error::ServiceError::internal("an import has no kind"))?;
    let view = app.directory.organisation(import.org);
    let mut units = HashMap::new();
    let mut time_zone = jiff::tz::TimeZone::UTC;
    if let Some(view) = view {
        for id in view.subtree(import.unit) {
            let unit = view.unit(id).filter(|unit| unit.valid_to_us.is_none());
            if let Some(unit) = unit.filter(|unit| !unit.code.is_empty()) {
                units.insert(unit.code.clone(), id);
            }
        }
        time_zone = view.time_zone_of(import.unit);
    }
    let conn = app.db.read();
    let classes = classes::all(app, import.org).await?;
    let competitors = store::customer_schema::competitors(conn, import.org, None, 1_000).await?;
    let known = Known {
        units,
        classes: classes
            .into_iter()
            .filter(|class| class.retire_us.is_none())
            .map(|class| (class.code, class.id))
            .collect(),
        competitors: competitors
            .into_iter()
            .filter(|(competitor, _)| competitor.retire_us.is_none())
            .map(|(competitor, _)| (competitor.display_name, competitor.id))
            .collect(),
        attributes: store::customer_schema::attributes(conn, import.org).await?,
        time_zone,
    };
    Ok(Work { import, kind, columns, known })
}

/// Takes one group in.
async fn group(app: &App, work: &mut Work, rows: Vec<Row>) -> Result<()> {
    let triggers = match work.kind {
        FileKind::Interactions => Some(Triggers::read(app, work.import.org).await?),
        FileKind::Customers | FileKind::Purchases => None,
    };
    crash_point::pass("survey.customers_begin");
    let tx = app.db.begin().await?;
    let mut taken = match (work.kind, &triggers) {
        (FileKind::Interactions, Some(triggers)) => {
            record_rows::interactions(app, &tx, work, triggers, &rows).await?
        }
        (FileKind::Purchases, _) => record_rows::purchases(app, &tx, work, &rows).await?,
        _ => customer_rows::take(app, &tx, work, &rows).await?,
    };
    crash_point::pass("survey.customers_rows");
    taken.counts.rows = i64::try_from(rows.len()).unwrap_or(i64::MAX);
    taken.counts.errors = i64::try_from(taken.errors.len()).unwrap_or(i64::MAX);
    let tx = match work.import.settings.dry_run {
        false => tx,
        // What the group would change is undone; its counts and errors are kept.
        true => {
            drop(tx);
            app.db.begin().await?
        }
    };
    let next = counted(&work.import, &taken.counts);
    keep(app, &tx, &work.import, &next, taken.errors).await?;
    crash_point::pass("survey.customers_counted");
    tx.commit().await?;
    crash_point::pass("survey.customers_commit");
    app.outbox.committed();
    work.import = next;
    Ok(())
}

fn counted(import: &Import, more: &Counts) -> Import {
    let old = &import.counts;
    let counts = Counts {
        rows: old.rows + more.rows,
        created: old.created + more.created,
        updated: old.updated + more.updated,
        unchanged: old.unchanged + more.unchanged,
        errors: old.errors + more.errors,
    };
    Import { counts, ..import.clone() }
}

/// Saves counts and errors, unless another process works on the import.
async fn keep(
    app: &App,
    tx: &WriteTx,
    old: &Import,
    new: &Import,
    errors: Vec<RowError>,
) -> Result<()> {
    store::customer_import::save(tx.conn(), old, new).await?;
    let until_us = app.clock.now_us() + LEASE_US;
    store::customer_import::extend(tx.conn(), new.id, until_us).await?;
    let places = old.counts.errors..ERRORS_KEPT_MAX.max(old.counts.errors);
    let errors: Vec<(i64, RowError)> = places.zip(errors).collect();
    store::customer_import::insert_errors(tx.conn(), new, &errors).await
}

/// Ends an import: its parts and their key are destroyed.
async fn finish(app: &App, import: Import) -> Result<()> {
    store::erasure::prepare(&app.db).await?;
    let done = Import {
        state: State::Done,
        part_key: Vec::new(),
        end_us: Some(app.clock.now_us()),
        ..import.clone()
    };
    let tx = app.db.begin().await?;
    store::customer_import::save(tx.conn(), &import, &done).await?;
    store::customer_import::delete_parts(tx.conn(), import.id).await?;
    crash_point::pass("survey.customers_finish");
    tx.commit().await
}
