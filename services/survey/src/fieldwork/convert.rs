//! Between the contract's messages of fieldwork and the domain's types.

pub mod invitation;
pub mod plan;
pub mod sample;

use kit::error::{Result, ServiceError};
use proto::{names, survey::v1, time};
use survey_domain::{
    campaign::{Campaign, MIN_RESPONSES_DEFAULT, RATE_TARGET_DEFAULT, Settings, finding::Finding},
    quota::{Group, Quota},
};
use uuid::Uuid;

use crate::convert::{etag, id, id_opt};

/// What people set of a campaign, from a message; `prefix` is its JSON path with a dot.
pub fn settings_of(given: &v1::Campaign, prefix: &str) -> Result<Settings> {
    let field = |name: &str| format!("{prefix}{name}");
    let quotas = given.quotas.iter().enumerate();
    let fatigue = given.fatigue.unwrap_or_default();
    let or = |value: f64, default: f64| if value == 0.0 { default } else { value };
    let settings = Settings {
        display_name: given.display_name.clone(),
        questionnaire: id("questionnaires", &field("questionnaire"), &given.questionnaire)?,
        version: given.version,
        channels: given.channels.iter().map(|n| i16::try_from(*n).unwrap_or_default()).collect(),
        anonymous: given.anonymous,
        open_us: given.open_time.as_ref().map(time::to_us),
        close_us: given.close_time.as_ref().map(time::to_us),
        rate_target: or(given.response_rate_target, RATE_TARGET_DEFAULT),
        min_responses: if given.min_responses == 0 {
            MIN_RESPONSES_DEFAULT
        } else {
            given.min_responses
        },
        margin_target: Some(given.margin_target).filter(|margin| *margin != 0.0),
        quotas: quotas
            .map(|(i, q)| quota_of(q, &field(&format!("quotas[{i}]"))))
            .collect::<Result<_>>()?,
        reminder_days: given.reminders.iter().map(|rule| rule.after_days).collect(),
        design: given
            .sampling
            .as_ref()
            .map(|design| sample::design_of(design, &field("sampling.")))
            .transpose()?,
        fatigue: (fatigue.quiet_days, fatigue.yearly_max),
        link_base: given.link_base.clone(),
        claim_minutes: given.claim_minutes,
        attempts_max: given.attempts_max,
    };
    settings.check().map_err(|refused| crate::convert::error(refused, prefix))?;
    Ok(settings)
}

fn quota_of(given: &v1::Quota, field: &str) -> Result<Quota> {
    let class =
        id_opt("customerClasses", &format!("{field}.customerClass"), &given.customer_class)?;
    let unit = id_opt("units", &format!("{field}.unit"), &given.unit)?;
    let segment = id_opt("segments", &format!("{field}.segment"), &given.segment)?;
    let group = match (class, unit, segment) {
        (Some(id), None, None) => Group::Class(id),
        (None, Some(id), None) => Group::Unit(id),
        (None, None, Some(id)) => Group::Segment(id),
        _ => {
            let text = "names not exactly one of customerClass, unit and segment";
            return Err(ServiceError::invalid(field, text));
        }
    };
    Ok(Quota { group, limit: given.limit })
}

/// A quota with what is filled.
pub fn quota(quota: &Quota, filled: i32) -> v1::Quota {
    let mut shown = v1::Quota { limit: quota.limit, filled, ..Default::default() };
    let name = group_name(quota.group);
    match quota.group {
        Group::Class(_) => shown.customer_class = name,
        Group::Unit(_) => shown.unit = name,
        Group::Segment(_) => shown.segment = name,
    }
    shown
}

/// Name of a quota's group.
pub fn group_name(group: Group) -> String {
    match group {
        Group::Class(id) => names::print("customerClasses", id),
        Group::Unit(id) => names::print("units", id),
        Group::Segment(id) => names::print("segments", id),
    }
}

/// Settings as they are shown; quotas without what is filled.
fn settings(settings: &Settings) -> v1::Campaign {
    let fatigue =
        v1::FatigueRule { quiet_days: settings.fatigue.0, yearly_max: settings.fatigue.1 };
    v1::Campaign {
        display_name: settings.display_name.clone(),
        questionnaire: names::print("questionnaires", settings.questionnaire),
        version: settings.version,
        channels: settings.channels.iter().map(|n| i32::from(*n)).collect(),
        anonymous: settings.anonymous,
        open_time: settings.open_us.map(time::from_us),
        close_time: settings.close_us.map(time::from_us),
        response_rate_target: settings.rate_target,
        min_responses: settings.min_responses,
        margin_target: settings.margin_target.unwrap_or_default(),
        quotas: settings.quotas.iter().map(|q| quota(q, 0)).collect(),
        reminders: settings
            .reminder_days
            .iter()
            .map(|days| v1::ReminderRule { after_days: *days })
            .collect(),
        sampling: settings.design.as_ref().map(sample::design),
        fatigue: (settings.fatigue != (0, 0)).then_some(fatigue),
        link_base: settings.link_base.clone(),
        claim_minutes: settings.claim_minutes,
        attempts_max: settings.attempts_max,
        ..Default::default()
    }
}

/// A campaign as it is shown.
pub fn campaign(c: &Campaign) -> v1::Campaign {
    v1::Campaign {
        name: names::print("campaigns", c.id),
        unit: names::print("units", c.unit),
        state: c.state as i32,
        plan: names::print_opt("plans", c.plan),
        round: c.round,
        etag: etag(c.version),
        create_time: Some(time::from_us(c.create_us)),
        end_time: c.end_us.map(time::from_us),
        open_problem: c.open_problem.clone(),
        ..settings(&c.settings)
    }
}

/// The settings of a plan's campaigns as they are shown.
pub fn template(template: &Settings, unit: Uuid) -> v1::Campaign {
    v1::Campaign { unit: names::print("units", unit), ..settings(template) }
}

/// A finding as it is shown.
pub fn finding(finding: &Finding) -> v1::FieldworkFinding {
    let (zh, en) = finding.words();
    v1::FieldworkFinding {
        kind: finding.kind as i32,
        blocking: finding.kind.is_blocking(),
        step: finding.step.map_or(0, |step| step as i32),
        value: finding.value,
        required: finding.required,
        subject: finding.subject.clone(),
        text: [("zh-CN".to_owned(), zh), ("en".to_owned(), en)].into(),
    }
}
