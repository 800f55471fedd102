//! Loyalty figures and leave warnings, block by block over the customers.

use kit::{
    auth::Caller,
    error::{Result, ServiceError},
};
use proto::{names, survey::v1};
use survey_domain::{
    customer::DAY_US,
    loyalty::{Loyalty, Warning, warning},
};
use uuid::Uuid;

use super::{convert::date, segments};
use crate::{convert, state::App, store, store::loyalty::Period};

/// Customers that are read in one go.
const BLOCK: u64 = 1_000;
/// Longest period in days.
const PERIOD_DAYS_MAX: i64 = 3_660;

/// Loyalty of a period.
pub async fn query(
    app: &App,
    caller: &Caller,
    request: &v1::QueryLoyaltyRequest,
) -> Result<v1::LoyaltyFigures> {
    let unit = convert::id_opt("units", "unit", &request.unit)?;
    let visible = caller.visible()?;
    let units = visible.narrowed(unit)?;
    let period = period(&visible, unit, request)?;
    let matcher = segments::matcher_of(app, caller, &request.segment).await?;
    let filter = store::customer::Filter {
        units,
        class: convert::id_opt("customerClasses", "customerClass", &request.customer_class)?,
        show_retired: true,
        show_erased: true,
        ..Default::default()
    };
    let mut loyalty = Loyalty::of_period(period.to_us - period.from_us);
    let mut after = None;
    loop {
        let conn = app.db.read();
        let block = store::customer::list(conn, caller.org, &filter, after, BLOCK).await?;
        let ended = (block.len() as u64) < BLOCK;
        after = block.last().map(|customer| customer.id);
        let meant = block.iter().filter(|c| matcher.as_ref().is_none_or(|m| m.matches(c)));
        let ids: Vec<Uuid> = meant.map(|customer| customer.id).collect();
        let counts = store::loyalty::counts(conn, caller.org, &ids, period).await?;
        for id in &ids {
            loyalty.add(&counts.get(id).copied().unwrap_or_default());
        }
        if ended {
            return Ok(figures(&loyalty));
        }
    }
}

fn period(
    visible: &kit::auth::Visible,
    unit: Option<Uuid>,
    request: &v1::QueryLoyaltyRequest,
) -> Result<Period> {
    let view = visible.view();
    let zone = match unit.or(view.root()) {
        Some(unit) => view.time_zone_of(unit),
        None => jiff::tz::TimeZone::UTC,
    };
    let instant = |field: &str, text: &str| {
        let day = date(field, text)?.to_zoned(zone.clone());
        let outside = |_| ServiceError::invalid(field, "is outside of the calendar");
        Ok::<_, ServiceError>(day.map_err(outside)?.timestamp().as_microsecond())
    };
    let (from_us, to_us) = (instant("from", &request.from)?, instant("to", &request.to)?);
    if to_us <= from_us {
        return Err(ServiceError::invalid("to", "is not after from"));
    }
    if to_us - from_us > PERIOD_DAYS_MAX * DAY_US {
        return Err(ServiceError::invalid("to", "is more than ten years after from"));
    }
    Ok(Period { from_us, to_us })
}

fn figures(loyalty: &Loyalty) -> v1::LoyaltyFigures {
    v1::LoyaltyFigures {
        customer_count: loyalty.customers,
        buyer_count: loyalty.buyers,
        purchase_count: loyalty.purchases,
        amount_cents: loyalty.cents,
        frequency_per_year: loyalty.frequency_per_year(),
        amount_cents_per_purchase: loyalty.cents_per_purchase(),
        amount_cents_per_buyer: loyalty.cents_per_buyer(),
        earlier_buyer_count: loyalty.earlier_buyers,
        retained_count: loyalty.retained,
        retention: loyalty.retention(),
        churn: loyalty.churn(),
        wallet_customer_count: loyalty.wallet_customers,
        share_of_wallet: loyalty.share_of_wallet(),
        referral_count: loyalty.referrals,
        recommender_count: loyalty.recommenders,
        recommendation: loyalty.recommendation(),
        converted_referral_count: loyalty.converted,
    }
}

/// A warning with its place: strongest first, then by id.
type Placed = (i32, Uuid, Warning);

/// Customers who are likely to leave.
pub async fn warnings(
    app: &App,
    caller: &Caller,
    request: &v1::ListLeaveWarningsRequest,
) -> Result<v1::ListLeaveWarningsResponse> {
    let unit = convert::id_opt("units", "unit", &request.unit)?;
    let units = caller.visible()?.narrowed(unit)?;
    let matcher = segments::matcher_of(app, caller, &request.segment).await?;
    let filter = store::customer::Filter { units, ..Default::default() };
    let key = format!("leave|{}|{}|{}", caller.org, request.unit, request.segment);
    let page = app.pages.open::<(i64, Uuid)>(key, request.page_size, &request.page_token)?;
    let mut found: Vec<Placed> = Vec::new();
    let (now_us, mut after) = (app.clock.now_us(), None);
    loop {
        let conn = app.db.read();
        let mut block = store::customer::list(conn, caller.org, &filter, after, BLOCK).await?;
        let ended = (block.len() as u64) < BLOCK;
        after = block.last().map(|customer| customer.id);
        block.retain(|customer| matcher.as_ref().is_none_or(|m| m.matches(customer)));
        let facts = store::loyalty::facts(conn, caller.org, &block, now_us).await?;
        for (id, facts) in &facts {
            let Some(warning) = warning(facts, now_us) else { continue };
            let place = (-warning.points, *id);
            let shown_before = page
                .after
                .is_some_and(|(points, id)| (i64::from(place.0), place.1) <= (points, id));
            if !shown_before {
                found.push((place.0, place.1, warning));
            }
        }
        // No more than a page is ever kept.
        found.sort_by_key(|(points, id, _)| (*points, *id));
        found.truncate(page.size() + 1);
        if ended {
            break;
        }
    }
    let next_page_token = page.close(&mut found, |last| (last.0.into(), last.1));
    let warnings = found.into_iter().map(|(_, id, warning)| warning_to(id, &warning)).collect();
    Ok(v1::ListLeaveWarningsResponse { warnings, next_page_token })
}

fn warning_to(customer: Uuid, warning: &Warning) -> v1::LeaveWarning {
    let reasons = warning.reasons.iter().map(|reason| v1::LeaveReason {
        kind: reason.kind as i32,
        value: reason.value,
        usual: reason.usual,
    });
    v1::LeaveWarning {
        customer: names::print("customers", customer),
        points: warning.points,
        reasons: reasons.collect(),
    }
}
