//! Plans.

use kit::error::{Result, ServiceError};
use proto::{names, survey::v1, time};
use survey_domain::plan::{
    Outcome, Plan, Round,
    calendar::{self, Cadence, Calendar, OPEN_DAYS_DEFAULT},
    step::{Step, Steps},
};

use crate::{
    convert::{error, etag, id_opt},
    fieldwork::planning,
};

/// A calendar from a message; `prefix` is its JSON path with a dot.
pub fn calendar_of(given: &v1::PlanCalendar, prefix: &str) -> Result<Calendar> {
    let field = |name: &str| format!("{prefix}{name}");
    let Some(cadence) = Cadence::from_number(given.cadence) else {
        return Err(ServiceError::invalid(field("cadence"), "is required"));
    };
    let date = |name: &str, text: &str| {
        calendar::parse_date(&field(name), text).map_err(|refused| error(refused, ""))
    };
    let last = Some(&given.last_date).filter(|text| !text.is_empty());
    let calendar = Calendar {
        cadence,
        first: date("firstDate", &given.first_date)?,
        last: last.map(|text| date("lastDate", text)).transpose()?,
        open_days: if given.open_days == 0 { OPEN_DAYS_DEFAULT } else { given.open_days },
        lead_days: given.lead_days,
        auto_open: given.auto_open,
    };
    calendar.check().map_err(|refused| error(refused, prefix))?;
    Ok(calendar)
}

fn calendar(calendar: &Calendar) -> v1::PlanCalendar {
    v1::PlanCalendar {
        cadence: calendar.cadence as i32,
        first_date: calendar.first.to_string(),
        last_date: calendar.last.map(|date| date.to_string()).unwrap_or_default(),
        open_days: calendar.open_days,
        lead_days: calendar.lead_days,
        auto_open: calendar.auto_open,
    }
}

fn steps(steps: &Steps, date: jiff::civil::Date) -> Vec<v1::PlanStep> {
    let shown = |step: &Step| v1::PlanStep {
        kind: step.kind as i32,
        state: step.state as i32,
        owner: names::print_opt("staff", step.owner),
        offset_days: Some(step.offset_days),
        due_date: step.due(date).to_string(),
        begin_time: step.begin_us.map(time::from_us),
        end_time: step.end_us.map(time::from_us),
        note: step.note.clone(),
    };
    steps.iter().map(shown).collect()
}

/// Results from a message, in place of those of `before` where they are set.
pub fn outcome_of(given: &v1::PlanResult, before: &Outcome) -> Result<Outcome> {
    if given.alpha.is_some_and(|alpha| alpha > 1.0) {
        return Err(ServiceError::invalid("result.alpha", "is above 1"));
    }
    if given.index.is_some_and(|index| !(0.0..=100.0).contains(&index)) {
        return Err(ServiceError::invalid("result.index", "is not between 0 and 100"));
    }
    let run = id_opt("indexRuns", "result.indexRun", &given.index_run)?;
    let publication = id_opt("publications", "result.publication", &given.publication)?;
    Ok(Outcome {
        alpha: given.alpha.or(before.alpha),
        index: given.index.or(before.index),
        index_run: run.or(before.index_run),
        publication: publication.or(before.publication),
    })
}

fn outcome(outcome: &Outcome) -> v1::PlanResult {
    v1::PlanResult {
        alpha: outcome.alpha,
        index: outcome.index,
        index_run: names::print_opt("indexRuns", outcome.index_run),
        publication: names::print_opt("publications", outcome.publication),
    }
}

/// A plan as it is shown.
pub fn plan(p: &Plan, now_us: i64) -> v1::Plan {
    let next = planning::next_round(p, now_us).map(|(_, date)| date.to_string());
    v1::Plan {
        name: names::print("plans", p.id),
        unit: names::print("units", p.unit),
        display_name: p.display_name.clone(),
        calendar: Some(calendar(&p.calendar)),
        campaign_template: p.template.as_ref().map(|t| super::template(t, p.unit)),
        steps: steps(&p.round.steps, p.round.date),
        round: p.round.number,
        campaign: names::print_opt("campaigns", p.round.campaign),
        next_date: next.unwrap_or_default(),
        result: Some(outcome(&p.round.outcome)),
        etag: etag(p.version),
        create_time: Some(time::from_us(p.create_us)),
        retire_time: p.retire_us.map(time::from_us),
    }
}

/// A round as it is shown.
pub fn round(round: &Round) -> v1::PlanRound {
    v1::PlanRound {
        round: round.number,
        date: round.date.to_string(),
        campaign: names::print_opt("campaigns", round.campaign),
        steps: steps(&round.steps, round.date),
        result: Some(outcome(&round.outcome)),
    }
}
