//! ScoreCardService: appraisal of units and staff by several shrunk measures.

use std::{collections::BTreeSet, sync::Arc};

use analytics_domain::index::ranks::ranks;
use kit::{
    audit,
    auth::{Caller, open_request},
    clock::new_id,
    directory::OrgView,
    error::{Result, ServiceError},
    idempotency,
};
use prost::Message as _;
use proto::{
    analytics::v1::{
        ComputeScoreCardRequest, ComputeScoreCardResponse, CreateScoreCardRequest,
        ListScoreCardsRequest, ListScoreCardsResponse, ScoreCard, ScoreCardRow, ScoreCardValue,
        score_card_service_server::ScoreCardService,
    },
    names,
};
use serde_json::json;
use tonic::{Request, Response, Status};
use uuid::Uuid;

use super::{comparison, definition, index_question};
use crate::{
    measuring::Measuring,
    state::{App, id, shown},
    store::settings::{self, Kind, Setting},
};

const MINIMUM_N: i32 = 10;

/// The score card service.
pub struct ScoreCardHandler(pub Arc<App>);

type Answer<T> = std::result::Result<Response<T>, Status>;

#[tonic::async_trait]
impl ScoreCardService for ScoreCardHandler {
    async fn create_score_card(
        &self,
        request: Request<CreateScoreCardRequest>,
    ) -> Answer<ScoreCard> {
        let (caller, request) = open_request(request)?;
        Ok(Response::new(create(&self.0, &caller, request).await?))
    }

    async fn list_score_cards(
        &self,
        request: Request<ListScoreCardsRequest>,
    ) -> Answer<ListScoreCardsResponse> {
        let (caller, request) = open_request(request)?;
        Ok(Response::new(list(&self.0, &caller, &request).await?))
    }

    async fn compute_score_card(
        &self,
        request: Request<ComputeScoreCardRequest>,
    ) -> Answer<ComputeScoreCardResponse> {
        let (caller, request) = open_request(request)?;
        Ok(Response::new(compute(&self.0, &caller, &request).await?))
    }
}

async fn create(app: &App, caller: &Caller, request: CreateScoreCardRequest) -> Result<ScoreCard> {
    let mut card = request.score_card.clone().unwrap_or_default();
    let unit = id("units", "scoreCard.unit", &card.unit)?;
    caller.authorize(unit)?;
    let mut ids = BTreeSet::new();
    for (index, measure) in card.measures.iter_mut().enumerate() {
        let field = format!("scoreCard.measures[{index}]");
        if !ids.insert(measure.id.clone()) {
            return Err(ServiceError::invalid(format!("{field}.id"), "is twice there"));
        }
        if !(measure.weight > 0.0 && measure.weight <= 1e9) {
            let text = "is not above 0 and at most 1e9";
            return Err(ServiceError::invalid(format!("{field}.weight"), text));
        }
        let leaf = comparison::leaf(measure.measure.as_ref(), &format!("{field}.measure"))?;
        measure.measure = Some(definition::leaf_to(&leaf));
    }
    if card.minimum_n < 0 {
        return Err(ServiceError::invalid("scoreCard.minimumN", "is negative"));
    }
    if card.minimum_n == 0 {
        card.minimum_n = MINIMUM_N;
    }
    let card_id = new_id(app.clock.as_ref());
    card.name = names::print("scoreCards", card_id);
    let setting =
        Setting { id: card_id, unit, body: card.encode_to_vec(), create_us: app.clock.now_us() };
    let tx = app.db.begin().await?;
    let key = &request.request_id;
    if let Some(answer) = idempotency::replay(&tx, caller, key, &request).await? {
        return Ok(answer);
    }
    settings::put(tx.conn(), caller.org, Kind::ScoreCard, &setting).await?;
    let detail = json!({ "title": card.title });
    let clock = app.clock.as_ref();
    audit::record(&tx, caller, &card.name, Some(unit), detail, clock).await?;
    idempotency::remember(&tx, caller, key, &request, &card, clock).await?;
    tx.commit().await?;
    Ok(card)
}

async fn list(
    app: &App,
    caller: &Caller,
    request: &ListScoreCardsRequest,
) -> Result<ListScoreCardsResponse> {
    let units = shown(caller)?;
    let key = format!("scoreCards|{}", caller.org);
    let page = app.pages.open(key, request.page_size, &request.page_token)?;
    let (conn, units) = (app.db.read(), units.as_deref());
    let mut found =
        settings::list(conn, caller.org, Kind::ScoreCard, units, page.after, page.limit).await?;
    let next_page_token = page.close(&mut found, |s| (s.create_us, s.id));
    let score_cards = found.iter().filter_map(|s| ScoreCard::decode(&s.body[..]).ok()).collect();
    Ok(ListScoreCardsResponse { score_cards, next_page_token })
}

async fn compute(
    app: &App,
    caller: &Caller,
    request: &ComputeScoreCardRequest,
) -> Result<ComputeScoreCardResponse> {
    let card_id = id("scoreCards", "name", &request.name)?;
    let found = settings::find(app.db.read(), caller.org, Kind::ScoreCard, card_id).await?;
    let found = found.ok_or_else(|| ServiceError::not_found("score card"))?;
    caller.authorize_object(found.unit, "score card")?;
    let card = ScoreCard::decode(&found.body[..]).map_err(ServiceError::internal)?;
    let view = caller.view()?;
    let below = if request.below.is_empty() { card.unit.clone() } else { request.below.clone() };
    let top = id("units", "below", &below)?;
    if !view.is_within(top, found.unit) {
        return Err(ServiceError::not_found("unit"));
    }
    let units = if request.staff {
        caller.authorize(top)?;
        staff_within(&view, top)
    } else {
        comparison::units_below(caller, &view, &below, false)?
    };
    let days = index_question::days(&request.from, &request.to)?;
    let subjects = Subjects { units, staff_of: request.staff.then_some(top), days };
    fill_in(app, &view, &card, subjects).await
}

/// Staff of a unit and everything below it.
fn staff_within(view: &OrgView, top: Uuid) -> Vec<Uuid> {
    let within = |unit: Uuid| view.is_within(unit, top);
    let mut staff: Vec<Uuid> =
        view.all_staff().filter(|staff| within(staff.unit)).map(|staff| staff.id).collect();
    staff.sort_unstable();
    staff
}

/// Who is judged, and over what time.
struct Subjects {
    units: Vec<Uuid>,
    staff_of: Option<Uuid>,
    days: (i32, i32),
}

async fn fill_in(
    app: &App,
    view: &OrgView,
    card: &ScoreCard,
    subjects: Subjects,
) -> Result<ComputeScoreCardResponse> {
    let Subjects { units, staff_of, days } = subjects;
    let mut rows: Vec<ScoreCardRow> =
        units.iter().map(|unit| empty_row(*unit, staff_of.is_some())).collect();
    let mut sums = vec![(0.0, 0.0); units.len()];
    let mut watermark = String::new();
    for measure in &card.measures {
        let leaf = comparison::leaf(measure.measure.as_ref(), "measure")?;
        let measuring = Measuring {
            leaf,
            units: units.clone(),
            staff_of,
            days,
            by_day: false,
            include_distrusted: false,
        };
        let measured = app.indices.measure(view, &measuring).await?;
        let shrunk = comparison::shrunk(&measuring.leaf, &measured.values, 1, 0.95)?;
        for (place, row) in rows.iter_mut().enumerate() {
            let (value, drawn) = (measured.values[place], shrunk.units[place]);
            if let Some(drawn) = drawn {
                sums[place].0 += measure.weight * drawn.value;
                sums[place].1 += measure.weight;
            }
            row.n += value.n;
            row.values.push(ScoreCardValue {
                id: measure.id.clone(),
                raw: value.value,
                shrunk: drawn.map(|drawn| drawn.value),
                n: value.n,
            });
        }
        watermark = measured.watermark;
    }
    for (row, (sum, weight)) in rows.iter_mut().zip(sums) {
        row.display_name = comparison::display_name(view, subject(row));
        let enough = row.n >= i64::from(card.minimum_n) && weight > 0.0;
        row.score = enough.then(|| sum / weight);
    }
    let found = ranks(&rows.iter().map(|row| row.score).collect::<Vec<_>>());
    for (row, rank) in rows.iter_mut().zip(found) {
        row.rank = rank.map_or(0, |rank| i32::try_from(rank).unwrap_or(i32::MAX));
    }
    rows.sort_by_key(|row| (row.rank == 0, row.rank, subject(row)));
    Ok(ComputeScoreCardResponse { rows, watermark })
}

fn empty_row(id: Uuid, staff: bool) -> ScoreCardRow {
    if staff {
        ScoreCardRow { staff: names::print("staff", id), ..Default::default() }
    } else {
        ScoreCardRow { unit: names::print("units", id), ..Default::default() }
    }
}

fn subject(row: &ScoreCardRow) -> Uuid {
    names::parse("units", &row.unit)
        .or_else(|| names::parse("staff", &row.staff))
        .unwrap_or_default()
}
