//! The rounds of plans: when the next one begins, and the campaigns made for them.

use jiff::{civil::Date, tz::TimeZone};
use kit::{clock::new_id, error::Result};
use survey_domain::{
    campaign::{Campaign, Settings, State},
    plan::{Plan, calendar},
};

use super::opening;
use crate::{state::App, store::fieldwork as stored};

/// Time zone of a plan.
pub fn zone(plan: &Plan) -> TimeZone {
    TimeZone::get(&plan.time_zone).unwrap_or(TimeZone::UTC)
}

/// The next round with its first day; none when the plan was ended.
pub fn next_round(plan: &Plan, now_us: i64) -> Option<(i32, Date)> {
    if plan.retire_us.is_some() {
        return None;
    }
    plan.calendar.next(plan.round.number, calendar::day_of(now_us, &zone(plan)))
}

/// Whether the present round still waits for a campaign that the calendar makes.
fn waits(plan: &Plan, now_us: i64) -> bool {
    let today = calendar::day_of(now_us, &zone(plan));
    plan.template.is_some()
        && plan.round.campaign.is_none()
        && plan.calendar.end(plan.round.date) > today
}

/// When the calendar has something to do next.
pub fn next_us(plan: &Plan, now_us: i64) -> Option<i64> {
    let create_us = |date| plan.calendar.create_us(date, &zone(plan));
    if plan.retire_us.is_some() {
        None
    } else if waits(plan, now_us) {
        Some(create_us(plan.round.date))
    } else {
        next_round(plan, now_us).map(|(_, date)| create_us(date))
    }
}

/// Does what the calendar wants by now: makes the campaign of the present round, or begins the
/// next one. Two processes that do so at once change it once: the version decides.
pub async fn turn_of(app: &App, mut plan: Plan) -> Result<()> {
    let now_us = app.clock.now_us();
    let due = |us: Option<i64>| us.is_some_and(|us| us <= now_us);
    if !waits(&plan, now_us)
        && due(next_us(&plan, now_us))
        && let Some((number, date)) = next_round(&plan, now_us)
    {
        plan.begin(number, date);
    }
    let campaign =
        plan.template.clone().filter(|_| waits(&plan, now_us) && due(next_us(&plan, now_us)));
    let campaign = campaign.map(|template| campaign_of(app, &plan, template));
    plan.round.campaign = campaign.as_ref().map(|c| c.id).or(plan.round.campaign);
    let tx = app.db.begin().await?;
    let next_us = next_us(&plan, now_us);
    stored::plan::save(tx.conn(), &mut plan, next_us).await?;
    if let Some(campaign) = &campaign {
        let work_us = opening::work_us(campaign, now_us);
        stored::campaign::insert(tx.conn(), campaign, work_us).await?;
        let quotas = &campaign.settings.quotas;
        stored::quota::replace(tx.conn(), campaign.org, campaign.id, quotas).await?;
    }
    tx.commit().await
}

/// The campaign of the present round.
fn campaign_of(app: &App, plan: &Plan, template: Settings) -> Campaign {
    let zone = zone(plan);
    let open_us = calendar::start_us(plan.round.date, &zone);
    let close_us = calendar::start_us(plan.calendar.end(plan.round.date), &zone);
    let settings = Settings {
        display_name: format!("{} {}", template.display_name, plan.round.date),
        open_us: Some(open_us),
        close_us: Some(close_us),
        ..template
    };
    Campaign {
        id: new_id(app.clock.as_ref()),
        org: plan.org,
        unit: plan.unit,
        settings,
        state: State::Draft,
        plan: Some(plan.id),
        round: plan.round.number,
        time_zone: plan.time_zone.clone(),
        auto_open_us: plan.calendar.auto_open.then_some(open_us),
        open_problem: String::new(),
        create_us: app.clock.now_us(),
        end_us: None,
        version: 1,
    }
}
