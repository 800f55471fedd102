//! Asks the services that know persons and single services for counts of them.

use analytics_domain::{
    outcome::Outcome,
    time::{date_of, day_start_us},
};
use kit::{
    auth::InternalTokens,
    directory::OrgView,
    error::{Result, ServiceError},
    rpc::{Chan, bearer},
};
use proto::{
    device::v1::{
        CountPromptingRequest, PromptingCount, prompting_service_client::PromptingServiceClient,
    },
    names,
    survey::v1::{
        CountOutcomesRequest, ListRetestsRequest, OutcomeSelection,
        outcome_service_client::OutcomeServiceClient,
    },
    time,
};
use uuid::Uuid;

use crate::{indices::Wanted, service::Peers};

/// Largest answer.
const BYTES_MAX: usize = 64 * 1024 * 1024;

/// Asks. Cheap to clone.
#[derive(Clone)]
pub struct Outcomes {
    survey: OutcomeServiceClient<Chan>,
    device: PromptingServiceClient<Chan>,
    tokens: InternalTokens,
}

/// Mean scores of customers who answered twice.
pub struct Pairs {
    /// Of the first answers.
    pub first: Vec<Option<f64>>,
    /// Of the second, in the same order.
    pub second: Vec<Option<f64>>,
    /// Customers who left an item out.
    pub incomplete: i64,
}

impl Outcomes {
    /// Asks `peers`.
    pub fn new(peers: &Peers, tokens: InternalTokens) -> Self {
        let survey = OutcomeServiceClient::new(peers.survey.clone());
        let device = PromptingServiceClient::new(peers.device.clone());
        Self {
            survey: survey.max_decoding_message_size(BYTES_MAX),
            device: device.max_decoding_message_size(BYTES_MAX),
            tokens,
        }
    }

    /// What became of the customers who graded `item`, and how many are followed still.
    ///
    /// # Errors
    /// UNAVAILABLE without the survey service; what it refuses.
    pub async fn outcomes(
        &self,
        view: &OrgView,
        wanted: &Wanted,
        item: &str,
        days: i32,
    ) -> Result<(Vec<Outcome>, i64)> {
        let request = CountOutcomesRequest {
            answers: Some(selection(view, wanted)),
            item: item.to_owned(),
            follow_up_days: days,
        };
        let request = bearer(request, &self.tokens.internal());
        let found = self.survey.clone().count_outcomes(request).await?.into_inner();
        let outcome = |count: &proto::survey::v1::OutcomeCount| Outcome {
            grade: count.grade,
            bought_before: count.bought_before,
            purchases: count.purchases.unsigned_abs(),
            customers: u64::try_from(count.customers).unwrap_or_default(),
            cents: count.amount_cents,
            squares: count.amount_squares,
        };
        Ok((found.counts.iter().map(outcome).collect(), found.unfinished))
    }

    /// Scores of customers who answered twice, `days` apart.
    ///
    /// # Errors
    /// UNAVAILABLE without the survey service; what it refuses.
    pub async fn pairs(
        &self,
        view: &OrgView,
        wanted: &Wanted,
        items: Vec<String>,
        days: (i32, i32),
    ) -> Result<Pairs> {
        let answers = Some(selection(view, wanted));
        let (least_days, most_days) = days;
        let request = ListRetestsRequest { answers, items, least_days, most_days };
        let request = bearer(request, &self.tokens.internal());
        let found = self.survey.clone().list_retests(request).await?.into_inner();
        let pairs = found.retests.iter().map(|pair| (Some(pair.first), Some(pair.second)));
        let (first, second) = pairs.unzip();
        Ok(Pairs { first, second, incomplete: found.incomplete })
    }

    /// Services at a unit and how many of their customers were asked, on local days.
    ///
    /// # Errors
    /// UNAVAILABLE without the device service; what it refuses.
    pub async fn prompting(
        &self,
        view: &OrgView,
        unit: Uuid,
        days: (i32, i32),
    ) -> Result<Vec<PromptingCount>> {
        let [from, to] = moments(view, unit, days);
        let request = CountPromptingRequest {
            organisation: names::print("organisations", view.id),
            unit: names::print("units", unit),
            from: Some(time::from_us(from)),
            to: Some(time::from_us(to)),
        };
        let request = bearer(request, &self.tokens.internal());
        let found = self.device.clone().count_prompting(request).await;
        Ok(found.map_err(ServiceError::from)?.into_inner().counts)
    }
}

/// First moment of local days and the one after their end.
fn moments(view: &OrgView, unit: Uuid, days: (i32, i32)) -> [i64; 2] {
    let zone = view.time_zone_of(unit);
    [days.0, days.1].map(|day| day_start_us(date_of(day.into()), &zone))
}

fn selection(view: &OrgView, wanted: &Wanted) -> OutcomeSelection {
    let [from, to] = moments(view, wanted.unit, wanted.days);
    let campaigns = wanted.campaigns.iter();
    OutcomeSelection {
        organisation: names::print("organisations", view.id),
        unit: names::print("units", wanted.unit),
        questionnaire: names::print("questionnaires", wanted.questionnaire),
        versions: wanted.versions.clone(),
        campaigns: campaigns.map(|id| names::print("campaigns", *id)).collect(),
        from: Some(time::from_us(from)),
        to: Some(time::from_us(to)),
        include_distrusted: wanted.include_suspect,
    }
}
