//! OutcomeService: persons are joined with what they bought and answered before, and only
//! counts and pairs of scores leave.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use kit::{
    auth::open_request,
    error::{Result, ServiceError},
};
use proto::{
    common::v1::Reason,
    survey::v1::{self, outcome_service_server::OutcomeService},
    time,
};
use survey_domain::{
    answer::{CountedValue, countable},
    outcome::{Given, Kind, Outcomes, Sums, first_of_each, pairs},
    questionnaire::{Version, item::items},
};
use tonic::{Code, Request, Response, Status};
use uuid::Uuid;

use crate::{
    convert,
    state::App,
    store::{
        outcome::{self, Named, Selection},
        questionnaire,
    },
};

const DAYS_MAX: i32 = 1_830;
/// Most answers of one call.
const ANSWERS_MAX: usize = 200_000;
/// Answers and customers that are read in one go.
const BLOCK: u64 = 1_000;
/// Most versions of a questionnaire that are looked at.
const VERSIONS_MAX: u64 = 1_000;

/// The outcome service.
pub struct OutcomeHandler(pub Arc<App>);

type Answer<T> = std::result::Result<Response<T>, Status>;

#[async_trait::async_trait]
impl OutcomeService for OutcomeHandler {
    async fn count_outcomes(
        &self,
        request: Request<v1::CountOutcomesRequest>,
    ) -> Answer<v1::CountOutcomesResponse> {
        let (_, request) = open_request(request)?;
        Ok(Response::new(count(&self.0, request).await?))
    }

    async fn list_retests(
        &self,
        request: Request<v1::ListRetestsRequest>,
    ) -> Answer<v1::ListRetestsResponse> {
        let (_, request) = open_request(request)?;
        Ok(Response::new(retests(&self.0, request).await?))
    }
}

async fn count(app: &App, request: v1::CountOutcomesRequest) -> Result<v1::CountOutcomesResponse> {
    let days = request.follow_up_days;
    if !(1..=DAYS_MAX).contains(&days) {
        return Err(ServiceError::invalid("followUpDays", "is not between 1 and 1830"));
    }
    let selection = selection(app, request.answers.unwrap_or_default())?;
    let versions = versions(app, &selection).await?;
    let mut graded = Vec::new();
    each(app, &selection, |named| {
        let Some(version) = versions.get(&named.version) else { return };
        let grade = version.grades(named).remove(&request.item);
        graded.extend(grade.map(|value| of(named, value)));
    })
    .await?;
    let mut outcomes = Outcomes::new(days.into(), app.clock.now_us());
    for block in first_of_each(graded).chunks(BLOCK as usize) {
        let ids: Vec<Uuid> = block.iter().map(|given| given.customer).collect();
        let spans = block.iter().map(|given| outcomes.span(given.submit_us));
        let whole = spans.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1))).unwrap_or_default();
        let bought = outcome::bought(app.db.read(), selection.org, &ids, whole).await?;
        for given in block {
            outcomes.add(given, bought.get(&given.customer).map_or(&[], Vec::as_slice));
        }
    }
    let counts = outcomes.counts.iter().map(shown).collect();
    Ok(v1::CountOutcomesResponse { counts, unfinished: outcomes.unfinished })
}

fn shown(((grade, bought_before, purchases), sums): (&Kind, &Sums)) -> v1::OutcomeCount {
    v1::OutcomeCount {
        grade: *grade,
        bought_before: *bought_before,
        purchases: i32::try_from(*purchases).unwrap_or(i32::MAX),
        customers: sums.customers,
        amount_cents: sums.cents,
        amount_squares: sums.squares,
    }
}

async fn retests(app: &App, request: v1::ListRetestsRequest) -> Result<v1::ListRetestsResponse> {
    let days = (request.least_days, request.most_days);
    if days.0 < 1 || days.1 < days.0 || days.1 > DAYS_MAX {
        let text = "is not between leastDays and 1830, or leastDays is below 1";
        return Err(ServiceError::invalid("mostDays", text));
    }
    let selection = selection(app, request.answers.unwrap_or_default())?;
    let versions = versions(app, &selection).await?;
    let mut scored = Vec::new();
    each(app, &selection, |named| {
        let Some(version) = versions.get(&named.version) else { return };
        scored.push(of(named, version.mean_score(named, &request.items)));
    })
    .await?;
    let found = pairs(scored, (days.0.into(), days.1.into()));
    let retests = found.scores.into_iter().map(|(first, second)| v1::Retest { first, second });
    Ok(v1::ListRetestsResponse { retests: retests.collect(), incomplete: found.incomplete })
}

fn of<T>(named: &Named, value: T) -> Given<T> {
    Given { customer: named.customer, submit_us: named.submit_us, value }
}

fn selection(app: &App, wanted: v1::OutcomeSelection) -> Result<Selection> {
    let org = convert::id("organisations", "answers.organisation", &wanted.organisation)?;
    let view = app.directory.organisation(org);
    let view = view.ok_or_else(|| ServiceError::not_found("organisation"))?;
    let unit = convert::id("units", "answers.unit", &wanted.unit)?;
    let campaigns = wanted.campaigns.iter();
    let campaigns = campaigns.map(|name| convert::id("campaigns", "answers.campaigns", name));
    Ok(Selection {
        org,
        units: (view.root() != Some(unit)).then(|| view.subtree(unit)),
        questionnaire: convert::id(
            "questionnaires",
            "answers.questionnaire",
            &wanted.questionnaire,
        )?,
        versions: wanted.versions,
        campaigns: campaigns.collect::<Result<_>>()?,
        range: (
            wanted.from.as_ref().map_or(i64::MIN, time::to_us),
            wanted.to.as_ref().map_or(i64::MAX, time::to_us),
        ),
        include_suspect: wanted.include_distrusted,
    })
}

/// What is needed of a version.
struct Scored {
    version: Version,
    scores: HashMap<String, (i32, Vec<f64>)>,
}

impl Scored {
    /// Grades that were given, by item.
    fn grades(&self, named: &Named) -> BTreeMap<String, i32> {
        let answers = countable(&self.version, &named.answers).into_iter();
        let grade = |value: &CountedValue| match value {
            CountedValue::Grade(grade) => Some(*grade),
            _ => None,
        };
        answers.filter_map(|answer| Some((answer.item, grade(&answer.value)?))).collect()
    }

    /// Mean score of items; `None` when one was not answered.
    fn mean_score(&self, named: &Named, items: &[String]) -> Option<f64> {
        let grades = self.grades(named);
        let score = |item: &String| {
            let (lowest, scores) = self.scores.get(item)?;
            scores.get(usize::try_from(grades.get(item)? - lowest).ok()?).copied()
        };
        let scores: Option<Vec<f64>> = items.iter().map(score).collect();
        scores.filter(|all| !all.is_empty()).map(|all| all.iter().sum::<f64>() / all.len() as f64)
    }
}

async fn versions(app: &App, selection: &Selection) -> Result<HashMap<i32, Scored>> {
    let (conn, org, of) = (app.db.read(), selection.org, selection.questionnaire);
    let numbers = if selection.versions.is_empty() {
        questionnaire::numbers(conn, org, of, VERSIONS_MAX).await?
    } else {
        selection.versions.clone()
    };
    let found = questionnaire::find_versions(conn, org, of, &numbers).await?;
    let scored = found.into_iter().map(|published| {
        let items = items(&published.definition).into_iter();
        let scores = items.filter_map(|item| Some((item.id, (item.grades?.0, item.scores))));
        let scores = scores.collect();
        let number = published.version;
        let version = Version::new(of, number, published.hash, published.definition);
        (number, Scored { version, scores })
    });
    Ok(scored.collect())
}

/// Reads the answers, earliest first.
async fn each(app: &App, selection: &Selection, mut take: impl FnMut(&Named)) -> Result<()> {
    let (mut last, mut read) = (None, 0);
    loop {
        let block = outcome::page(app.db.read(), selection, last, BLOCK).await?;
        read += block.len();
        if read > ANSWERS_MAX {
            let text = "there are more than 200,000 answers; ask for a shorter time or fewer units";
            return Err(ServiceError::new(Code::InvalidArgument, Reason::TooManyBuckets, text));
        }
        block.iter().for_each(&mut take);
        last = block.last().map(|named| (named.submit_us, named.id));
        if (block.len() as u64) < BLOCK {
            return Ok(());
        }
    }
}
