//! Raises alerts: once a local day is over, each branch's share of that day is compared with
//! the control limits of the days before it.

use std::{sync::Arc, time::Duration};

use analytics_domain::{
    measures::control::{
        limits::Limits,
        shares::{PChart, p_chart},
    },
    time::{date_of, local_day},
};
use kit::{
    directory::{Directory, OrgView},
    error::{Result, ServiceError},
};
use prost::Message as _;
use proto::{
    analytics::v1::{Alert, AlertRule, IndexQuestion},
    names, time,
};
use sha2::{Digest, Sha256};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    measuring::{Measuring, share},
    rpc::{comparison, index_question},
    state::App,
    store::settings::{self, Kind, Setting},
};

/// How often rules are looked at.
const PERIOD: Duration = Duration::from_secs(600);
/// Branches measured at once.
const UNITS: usize = 200;
/// Rules of an organisation that are looked at.
const RULES_MAX: u64 = 1_000;

/// Looks at all rules from time to time, until `stop`.
pub async fn watch(app: Arc<App>, directory: Directory, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(PERIOD) => {}
        }
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
        for units in units.chunks(UNITS) {
            raised += look(app, view, setting.id, &rule, units, days).await?;
        }
    }
    Ok(raised)
}

async fn look(
    app: &App,
    view: &OrgView,
    rule_id: Uuid,
    rule: &AlertRule,
    units: &[Uuid],
    days: (i32, i32),
) -> Result<usize> {
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
    let mut raised = 0;
    for (unit, values) in units.iter().zip(measured.values.chunks(length)) {
        let shares = values.iter().map(|value| match value.value {
            Some(_) => share(value),
            None => (0, 0),
        });
        let (counts, sizes): (Vec<u64>, Vec<u64>) = shares.unzip();
        let baseline = u64::try_from(length - 1).ok();
        let limits = Limits::new(rule.sigma, baseline).map_err(ServiceError::internal)?;
        let chart = p_chart(&counts, &sizes, limits, true).map_err(ServiceError::internal)?;
        let Some((low, high, center, point)) = outside(&chart, length - 1) else { continue };
        let day = date_of(i64::from(days.1) - 1).to_string();
        let alert_id = alert_id(rule_id, *unit, &day);
        let alert = Alert {
            name: names::print("alerts", alert_id),
            rule: rule.name.clone(),
            unit: names::print("units", *unit),
            day,
            share: point,
            n: i64::try_from(sizes[length - 1]).unwrap_or(i64::MAX),
            low,
            high,
            center,
            create_time: Some(time::from_us(app.clock.now_us())),
        };
        let (body, create_us) = (alert.encode_to_vec(), app.clock.now_us());
        let setting = Setting { id: alert_id, unit: *unit, body, create_us };
        let tx = app.db.begin().await?;
        raised += usize::from(settings::raise(tx.conn(), view.id, &setting).await?);
        tx.commit().await?;
    }
    metrics::counter!("analytics_alerts_raised_total")
        .increment(u64::try_from(raised).unwrap_or_default());
    Ok(raised)
}

/// Limits and value of the last point, if it is outside. Laney's limits where they are known,
/// since days of one branch differ more than chance alone.
fn outside(chart: &PChart, last: usize) -> Option<(f64, f64, f64, f64)> {
    let laney = chart.laney.as_ref().filter(|laney| laney.sigma_z.is_some());
    let (low, high) = match laney {
        // Narrower limits than chance gives would only accuse good order.
        Some(laney) if laney.sigma_z? >= 1.0 => (laney.lcl[last]?, laney.ucl[last]?),
        _ => (chart.lcl[last]?, chart.ucl[last]?),
    };
    let point = chart.p[last]?;
    (point < low || point > high).then_some((low, high, chart.center?, point))
}

fn alert_id(rule: Uuid, unit: Uuid, day: &str) -> Uuid {
    let digest = Sha256::digest([&rule.as_bytes()[..], unit.as_bytes(), day.as_bytes()].concat());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    Uuid::from_bytes(bytes)
}
