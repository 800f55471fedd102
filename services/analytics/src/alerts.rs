//! Raises alerts: once a local day is over, each branch's share of that day is compared with
//! the control limits of the days before it. The first day that is within them again clears what
//! was raised before. Both are told in the feed, in the transaction that stores them.

use std::{collections::HashMap, sync::Arc, time::Duration};

use analytics_domain::{
    measures::control::{
        limits::Limits,
        shares::{PChart, p_chart},
    },
    time::{date_of, local_day},
};
use kit::{
    db::WriteTx,
    directory::{Directory, OrgView},
    error::{Result, ServiceError},
    lease::Lease,
};
use prost::Message as _;
use proto::{
    analytics::v1::{Alert, AlertRule, Event, Events, IndexQuestion, event::Change},
    names, time,
};
use sha2::{Digest, Sha256};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    measuring::{Measuring, share},
    rpc::{comparison, index_question},
    state::App,
    store::{
        alerts,
        settings::{self, Kind, Setting},
    },
};

/// How often rules are looked at.
const PERIOD: Duration = Duration::from_secs(600);
/// Branches measured at once.
const UNITS: usize = 200;
/// Rules of an organisation that are looked at.
const RULES_MAX: u64 = 1_000;
/// Open alerts of a rule that are looked at.
const OPEN_MAX: u64 = 100_000;

/// Looks at all rules from time to time while the lease is held, until `stop`.
pub async fn watch(app: Arc<App>, directory: Directory, lease: Lease, stop: CancellationToken) {
    while lease.next_turn(PERIOD, &stop).await {
        for org in directory.organisations() {
            let Some(view) = directory.organisation(org) else { continue };
            if let Err(error) = evaluate(&app, &view).await {
                tracing::warn!(%error, "alert rules wait");
            }
        }
    }
}

/// Looks at all rules of an organisation for the last local day that is over; how many alerts
/// are new.
///
/// # Errors
/// If the database does not answer.
pub async fn evaluate(app: &App, view: &OrgView) -> Result<usize> {
    let conn = app.db.read();
    let rules = settings::list(conn, view.id, Kind::AlertRule, None, None, RULES_MAX).await?;
    let mut raised = 0;
    for setting in &rules {
        let rule = AlertRule::decode(&setting.body[..]).map_err(ServiceError::internal)?;
        let question = IndexQuestion { sites: true, ..Default::default() };
        let Ok(units) = index_question::units(view, setting.unit, &question) else { continue };
        let today = local_day(app.clock.now_us(), &view.time_zone_of(setting.unit));
        let days = (today - 1 - rule.baseline_days, today);
        let mut open: HashMap<Uuid, Vec<Setting>> = HashMap::new();
        for alert in alerts::open(conn, view.id, setting.id, OPEN_MAX).await? {
            open.entry(alert.unit).or_default().push(alert);
        }
        for units in units.chunks(UNITS) {
            let found = look(app, view, &rule, units, days).await?;
            raised += tell(app, view.id, setting.id, &rule, days, found, &mut open).await?;
        }
    }
    metrics::counter!("analytics_alerts_raised_total")
        .increment(u64::try_from(raised).unwrap_or_default());
    Ok(raised)
}

/// What the last day of a branch was.
enum Day {
    /// Outside of the limits: low, high, centre, share and size.
    Outside([f64; 4], u64),
    /// Within them.
    Inside,
}

/// The last day of each branch that was rated on it.
async fn look(
    app: &App,
    view: &OrgView,
    rule: &AlertRule,
    units: &[Uuid],
    days: (i32, i32),
) -> Result<Vec<(Uuid, Day)>> {
    let measuring = Measuring {
        leaf: comparison::leaf(rule.measure.as_ref(), "measure")?,
        units: units.to_vec(),
        staff_of: None,
        days,
        by_day: true,
        include_distrusted: false,
    };
    let measured = app.indices.measure(view, &measuring).await?;
    let length = usize::try_from(days.1 - days.0).unwrap_or_default();
    let mut found = Vec::new();
    for (unit, values) in units.iter().zip(measured.values.chunks(length)) {
        let shares = values.iter().map(|value| match value.value {
            Some(_) => share(value),
            None => (0, 0),
        });
        let (counts, sizes): (Vec<u64>, Vec<u64>) = shares.unzip();
        let baseline = u64::try_from(length - 1).ok();
        let limits = Limits::new(rule.sigma, baseline).map_err(ServiceError::internal)?;
        let chart = p_chart(&counts, &sizes, limits, true).map_err(ServiceError::internal)?;
        let Some([low, high, center, point]) = last_point(&chart, length - 1) else { continue };
        let outside = point < low || point > high;
        let n = sizes[length - 1];
        let day = if outside { Day::Outside([low, high, center, point], n) } else { Day::Inside };
        found.push((*unit, day));
    }
    Ok(found)
}

/// Stores and tells what is new; how many alerts were raised.
async fn tell(
    app: &App,
    org: Uuid,
    rule_id: Uuid,
    rule: &AlertRule,
    days: (i32, i32),
    found: Vec<(Uuid, Day)>,
    open: &mut HashMap<Uuid, Vec<Setting>>,
) -> Result<usize> {
    let now_us = app.clock.now_us();
    let day = date_of(i64::from(days.1) - 1).to_string();
    let tx = app.db.begin().await?;
    let (mut raised, mut changes) = (0, Vec::new());
    for (unit, judged) in found {
        let Day::Outside([low, high, center, share], n) = judged else {
            changes.extend(clear(&tx, org, open.remove(&unit).unwrap_or_default(), now_us).await?);
            continue;
        };
        let id = alert_id(rule_id, unit, &day);
        let alert = Alert {
            name: names::print("alerts", id),
            rule: rule.name.clone(),
            unit: names::print("units", unit),
            day: day.clone(),
            share,
            n: i64::try_from(n).unwrap_or(i64::MAX),
            low,
            high,
            center,
            create_time: Some(time::from_us(now_us)),
            clear_time: None,
        };
        let setting = Setting { id, unit, body: alert.encode_to_vec(), create_us: now_us };
        if alerts::raise(tx.conn(), org, rule_id, &setting).await? {
            raised += 1;
            changes.push(Change::AlertRaised(alert));
        }
    }
    let told = append(app, &tx, org, changes).await?;
    tx.commit().await?;
    if told {
        app.outbox.committed();
    }
    Ok(raised)
}

/// Clears alerts; the events that say so.
///
/// # Errors
/// If the database does not answer.
pub async fn clear(
    tx: &WriteTx,
    org: Uuid,
    open: Vec<Setting>,
    now_us: i64,
) -> Result<Vec<Change>> {
    let mut changes = Vec::new();
    for setting in open {
        let mut alert = Alert::decode(&setting.body[..]).map_err(ServiceError::internal)?;
        alert.clear_time = Some(time::from_us(now_us));
        let cleared = Setting { body: alert.encode_to_vec(), ..setting };
        if alerts::clear(tx.conn(), org, &cleared, now_us).await? {
            changes.push(Change::AlertCleared(alert));
        }
    }
    Ok(changes)
}

/// Clears all alerts of a rule that is no more; whether the feed has to be woken after commit.
///
/// # Errors
/// If the database does not answer.
pub async fn clear_rule(app: &App, tx: &WriteTx, org: Uuid, rule: Uuid) -> Result<bool> {
    let open = alerts::open(tx.conn(), org, rule, OPEN_MAX).await?;
    let changes = clear(tx, org, open, app.clock.now_us()).await?;
    append(app, tx, org, changes).await
}

/// Writes events into the feed as one group; whether there were any.
async fn append(app: &App, tx: &WriteTx, org: Uuid, changes: Vec<Change>) -> Result<bool> {
    if changes.is_empty() {
        return Ok(false);
    }
    let organisation = names::print("organisations", org);
    let event = |change| Event { organisation: organisation.clone(), change: Some(change) };
    let events = Events { items: changes.into_iter().map(event).collect() };
    app.outbox.append(tx, events.encode_to_vec()).await?;
    Ok(true)
}

/// Limits, centre and value of the last point, if there is one. Laney's limits where they are
/// known, since days of one branch differ more than chance alone.
fn last_point(chart: &PChart, last: usize) -> Option<[f64; 4]> {
    let laney = chart.laney.as_ref().filter(|laney| laney.sigma_z.is_some());
    let (low, high) = match laney {
        // Narrower limits than chance gives would only accuse good order.
        Some(laney) if laney.sigma_z? >= 1.0 => (laney.lcl[last]?, laney.ucl[last]?),
        _ => (chart.lcl[last]?, chart.ucl[last]?),
    };
    Some([low, high, chart.center?, chart.p[last]?])
}

fn alert_id(rule: Uuid, unit: Uuid, day: &str) -> Uuid {
    let digest = Sha256::digest([&rule.as_bytes()[..], unit.as_bytes(), day.as_bytes()].concat());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    Uuid::from_bytes(bytes)
}
