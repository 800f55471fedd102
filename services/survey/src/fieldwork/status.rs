//! The live state of fieldwork, from counts alone.

use std::collections::BTreeMap;

use kit::error::Result;
use proto::{names, survey::v1, time};
use sea_orm::ConnectionTrait;
use survey_domain::{
    campaign::{
        Campaign,
        finding::{self, Facts, Filled, Finding},
    },
    invitation::State,
    plan::calendar,
    response_rate::{self, Disposition, Goal, Outcomes, Reached, Returned},
};

use super::{access, convert as shown};
use crate::{
    state::App,
    store::fieldwork::{
        self as stored,
        count::{Dimension, Key, measure},
    },
};

/// Most units that are shown.
const UNITS_MAX: usize = 2_000;
/// Most days that are shown, the last ones.
const DAYS_MAX: usize = 1_000;

/// Counts of a campaign with what follows from them.
pub struct Status {
    counts: BTreeMap<Key, i64>,
    quotas: Vec<stored::quota::Filled>,
    outcomes: Outcomes,
    reached: Reached,
    /// What is missing for a valid result.
    pub findings: Vec<Finding>,
}

const DISPOSITIONS: [Disposition; 6] = [
    Disposition::Complete,
    Disposition::Partial,
    Disposition::Refused,
    Disposition::NonContact,
    Disposition::Unknown,
    Disposition::Undeliverable,
];

/// Reads the state of fieldwork; days only from the day number `from_day` on.
pub async fn read(app: &App, campaign: &Campaign, from_day: Option<i32>) -> Result<Status> {
    let conn = app.db.read();
    let (org, id) = (campaign.org, campaign.id);
    let counts = stored::count::read(conn, org, id, from_day).await?;
    let quotas = stored::quota::list(conn, org, id).await?;
    let number = |dimension: Dimension, measure: i16| {
        let key = Key { dimension, item: String::new(), measure };
        u64::try_from(counts.get(&key).copied().unwrap_or(0)).unwrap_or(0)
    };
    let mut outcomes = Outcomes::default();
    for disposition in DISPOSITIONS {
        outcomes.add(disposition, number(Dimension::Disposition, disposition as i16));
    }
    let total = |measure: i16| number(Dimension::Total, measure);
    let returned = Returned {
        sent: total(measure::SENT),
        undeliverable: outcomes.undeliverable,
        returned: total(State::Answered as i16),
        suspect: total(measure::SUSPECT),
        open: total(measure::OPEN),
        open_suspect: total(measure::OPEN_SUSPECT),
    };
    let settings = &campaign.settings;
    let sample = stored::sample::find(conn, org, id).await?;
    let goal = Goal {
        rate: settings.rate_target,
        min_responses: u64::try_from(settings.min_responses).unwrap_or_default(),
        population: sample.map(|(sample, _)| sample.frame_size),
    };
    let reached = response_rate::reached(&returned, &goal);
    let invited = STATES.iter().map(|state| total(*state as i16)).sum();
    let facts = Facts {
        state: campaign.state,
        published: is_published(conn, campaign).await?,
        invited,
        has_open: returned.open > 0 || stored::link::count(conn, org, id).await? > 0,
        valid: reached.valid,
        min_responses: goal.min_responses,
        return_rate: reached.return_rate,
        rate_target: goal.rate,
        margin: reached.margin,
        margin_target: settings.margin_target,
        quotas: quotas.iter().map(filled).collect(),
    };
    let findings = finding::of_campaign(&facts);
    Ok(Status { counts, quotas, outcomes, reached, findings })
}

const STATES: [State; 10] = survey_domain::invitation::STATES;

/// Of an opened campaign the version was published, whatever became of the questionnaire.
async fn is_published(conn: &impl ConnectionTrait, campaign: &Campaign) -> Result<bool> {
    if campaign.state != survey_domain::campaign::State::Draft {
        return Ok(true);
    }
    Ok(access::published(conn, campaign.org, &campaign.settings).await?.is_some())
}

fn filled(quota: &stored::quota::Filled) -> Filled {
    Filled {
        subject: shown::group_name(quota.quota.group),
        filled: quota.filled.into(),
        limit: quota.quota.limit.into(),
    }
}

/// Counts of one group, and its answers without an invitation.
#[derive(Default)]
struct Group {
    states: v1::StateCounts,
    open: i64,
}

impl Group {
    fn add(&mut self, measure: i16, count: i64) {
        if measure == measure::OPEN {
            self.open += count;
        }
        let s = &mut self.states;
        let field = match State::from_number(measure.into()) {
            Some(State::Prepared) => &mut s.prepared,
            Some(State::Queued) => &mut s.queued,
            Some(State::HandedOver) => &mut s.handed_over,
            Some(State::Opened) => &mut s.opened,
            Some(State::Started) => &mut s.started,
            Some(State::Answered) => &mut s.answered,
            Some(State::Refused) => &mut s.refused,
            Some(State::Bounced) => &mut s.bounced,
            Some(State::Expired) => &mut s.expired,
            Some(State::Ineligible) => &mut s.ineligible,
            None => return,
        };
        *field += count;
    }
}

impl Status {
    fn groups(&self, dimension: Dimension) -> BTreeMap<&str, Group> {
        let mut groups: BTreeMap<&str, Group> = BTreeMap::new();
        for (key, count) in self.counts.iter().filter(|(key, _)| key.dimension == dimension) {
            groups.entry(&key.item).or_default().add(key.measure, *count);
        }
        groups
    }

    fn total(&self, measure: i16) -> i64 {
        let key = Key { dimension: Dimension::Total, item: String::new(), measure };
        self.counts.get(&key).copied().unwrap_or(0)
    }

    fn named(&self, dimension: Dimension, most: usize) -> Vec<v1::GroupCounts> {
        let groups = self.groups(dimension).into_iter().take(most);
        groups
            .map(|(name, group)| v1::GroupCounts {
                group: name.to_owned(),
                counts: Some(group.states),
                open_responses: group.open,
            })
            .collect()
    }

    fn channels(&self) -> Vec<v1::ChannelCounts> {
        let mut channels: Vec<v1::ChannelCounts> = self
            .groups(Dimension::Channel)
            .into_iter()
            .map(|(number, group)| v1::ChannelCounts {
                channel: number.parse().unwrap_or_default(),
                counts: Some(group.states),
                open_responses: group.open,
            })
            .collect();
        channels.sort_by_key(|channel| channel.channel);
        channels
    }

    fn days(&self) -> Vec<v1::DayCounts> {
        let groups = self.groups(Dimension::Day);
        let skipped = groups.len().saturating_sub(DAYS_MAX);
        groups
            .into_iter()
            .skip(skipped)
            .map(|(day, group)| v1::DayCounts {
                date: calendar::date_of(day.parse().unwrap_or_default()).to_string(),
                counts: Some(group.states),
                open_responses: group.open,
            })
            .collect()
    }

    fn rates(&self) -> v1::ResponseRates {
        let (o, reached) = (&self.outcomes, &self.reached);
        let number = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
        v1::ResponseRates {
            rr1: o.rr1(),
            rr2: o.rr2(),
            rr5: o.rr5(),
            cooperation: o.cooperation(),
            refusal: o.refusal(),
            return_rate: reached.return_rate,
            valid_rate: reached.valid_rate,
            meets_target: reached.meets_rate,
            valid_responses: number(reached.valid),
            meets_minimum: reached.meets_minimum,
            margin: reached.margin,
            complete: number(o.complete),
            partial: number(o.partial),
            refused: number(o.refused),
            non_contact: number(o.non_contact),
            unknown: number(o.unknown),
            undeliverable: number(o.undeliverable),
        }
    }

    /// As it is shown.
    pub fn shown(&self, campaign: &Campaign, now_us: i64) -> v1::FieldworkStatus {
        let mut total = Group::default();
        for (key, count) in self.counts.iter().filter(|(k, _)| k.dimension == Dimension::Total) {
            total.add(key.measure, *count);
        }
        v1::FieldworkStatus {
            campaign: names::print("campaigns", campaign.id),
            open_responses: total.open,
            total: Some(total.states),
            suspect_responses: self.total(measure::SUSPECT) + self.total(measure::OPEN_SUSPECT),
            classes: self.named(Dimension::Class, UNITS_MAX),
            units: self.named(Dimension::Unit, UNITS_MAX),
            channels: self.channels(),
            days: self.days(),
            quotas: self.quotas.iter().map(|q| shown::quota(&q.quota, q.filled)).collect(),
            rates: Some(self.rates()),
            findings: self.findings.iter().map(shown::finding).collect(),
            read_time: Some(time::from_us(now_us)),
        }
    }
}
