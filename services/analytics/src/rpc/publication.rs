//! PublicationService: runs that are frozen, signed off and corrected.

use std::{collections::BTreeMap, sync::Arc};

use kit::{
    audit,
    auth::{Caller, open_request},
    clock::new_id,
    error::{Result, ServiceError},
    idempotency,
};
use prost::Message as _;
use proto::{
    analytics::v1::{
        BlockReliability, CorrectPublicationRequest, Correction, CreatePublicationRequest,
        GetPublicationRequest, IndexChange, IndexQuestion, IndexRow, IndexRun,
        ListPublicationsRequest, ListPublicationsResponse, Publication, PublicationState,
        SignPublicationRequest, publication_service_server::PublicationService,
    },
    names, time,
};
use serde_json::json;
use tonic::{Request, Response, Status};

use super::{index, index_answer};
use crate::{
    state::{App, id, shown},
    store::{
        indices::{self, Version},
        publications::{self, Publication as Stored},
    },
};

const PREPARED: i16 = PublicationState::Prepared as i16;
const PUBLISHED: i16 = PublicationState::Published as i16;
const CORRECTED: i16 = PublicationState::Corrected as i16;

/// The publication service.
pub struct PublicationHandler(pub Arc<App>);

type Answer<T> = std::result::Result<Response<T>, Status>;

#[tonic::async_trait]
impl PublicationService for PublicationHandler {
    async fn create_publication(
        &self,
        request: Request<CreatePublicationRequest>,
    ) -> Answer<Publication> {
        let (caller, request) = open_request(request)?;
        Ok(Response::new(create(&self.0, &caller, request).await?))
    }

    async fn sign_publication(
        &self,
        request: Request<SignPublicationRequest>,
    ) -> Answer<Publication> {
        let (caller, request) = open_request(request)?;
        Ok(Response::new(sign(&self.0, &caller, &request).await?))
    }

    async fn correct_publication(
        &self,
        request: Request<CorrectPublicationRequest>,
    ) -> Answer<Publication> {
        let (caller, request) = open_request(request)?;
        Ok(Response::new(correct(&self.0, &caller, request).await?))
    }

    async fn get_publication(
        &self,
        request: Request<GetPublicationRequest>,
    ) -> Answer<Publication> {
        let (caller, request) = open_request(request)?;
        let stored = find(&self.0, &caller, &request.name).await?;
        let mut shown = message(&self.0, &caller, &stored, true).await?;
        if request.known_now {
            let (now, changes) = known_now(&self.0, &caller, &stored, &shown).await?;
            (shown.known_now, shown.changes) = (Some(now), changes);
        }
        Ok(Response::new(shown))
    }

    async fn list_publications(
        &self,
        request: Request<ListPublicationsRequest>,
    ) -> Answer<ListPublicationsResponse> {
        let (caller, request) = open_request(request)?;
        Ok(Response::new(list(&self.0, &caller, &request).await?))
    }
}

async fn find(app: &App, caller: &Caller, name: &str) -> Result<Stored> {
    let id = id("publications", "name", name)?;
    let found = publications::find(app.db.read(), caller.org, id).await?;
    let found = found.ok_or_else(|| ServiceError::not_found("publication"))?;
    caller.authorize_object(found.unit, "publication")?;
    Ok(found)
}

/// The version of the definition that a publication froze.
async fn version(app: &App, caller: &Caller, stored: &Stored) -> Result<(Version, indices::Run)> {
    let missing = || ServiceError::internal("a published run is gone");
    let conn = app.db.read();
    let run = indices::find_run(conn, caller.org, stored.run).await?.ok_or_else(missing)?;
    let found = indices::find(conn, caller.org, run.index, run.version).await?;
    Ok((found.ok_or_else(missing)?, run))
}

async fn message(
    app: &App,
    caller: &Caller,
    stored: &Stored,
    with_rows: bool,
) -> Result<Publication> {
    let (version, run) = version(app, caller, stored).await?;
    let view = caller.view()?;
    let published = index_answer::joined_run(&view, &run.head, &run.result);
    let mut published = published.ok_or_else(|| ServiceError::internal("a published run"))?;
    let below_gate = below_gate(&published);
    if !with_rows {
        published.rows.clear();
    }
    let corrections = publications::corrections(app.db.read(), caller.org, stored.id).await?;
    let corrections = corrections.iter().filter_map(|body| Correction::decode(&body[..]).ok());
    Ok(Publication {
        name: names::print("publications", stored.id),
        title: stored.title.clone(),
        unit: names::print("units", stored.unit),
        state: i32::from(stored.state),
        published: Some(published),
        index: Some(index::message(&version)?),
        below_gate,
        signer: stored.signer.clone(),
        sign_time: (stored.sign_us != 0).then(|| time::from_us(stored.sign_us)),
        override_reason: stored.override_reason.clone(),
        corrections: corrections.collect(),
        create_time: Some(time::from_us(stored.create_us)),
        known_now: None,
        changes: Vec::new(),
    })
}

/// Blocks whose reliability the gate holds back: below the minimum, or not to be computed.
fn below_gate(run: &IndexRun) -> Vec<BlockReliability> {
    run.reliability.iter().filter(|block| !block.passes).cloned().collect()
}

async fn create(
    app: &App,
    caller: &Caller,
    request: CreatePublicationRequest,
) -> Result<Publication> {
    let run = index::find_run(app, caller, &request.run).await?;
    let head = IndexRun::decode(run.head.as_slice()).map_err(ServiceError::internal)?;
    let stored = Stored {
        id: new_id(app.clock.as_ref()),
        run: run.id,
        index: run.index,
        unit: run.unit,
        title: request.title.clone(),
        state: PREPARED,
        result_hash: head.result_hash,
        signer: String::new(),
        sign_us: 0,
        override_reason: String::new(),
        create_us: app.clock.now_us(),
    };
    let answer = message(app, caller, &stored, true).await?;
    let tx = app.db.begin().await?;
    let key = &request.request_id;
    if let Some(answer) = idempotency::replay(&tx, caller, key, &request).await? {
        return Ok(answer);
    }
    publications::insert(tx.conn(), caller.org, &stored).await?;
    let detail = json!({ "run": request.run, "hash": stored.result_hash });
    let clock = app.clock.as_ref();
    audit::record(&tx, caller, &answer.name, Some(stored.unit), detail, clock).await?;
    idempotency::remember(&tx, caller, key, &request, &answer, clock).await?;
    tx.commit().await?;
    Ok(answer)
}

async fn sign(app: &App, caller: &Caller, request: &SignPublicationRequest) -> Result<Publication> {
    let mut stored = find(app, caller, &request.name).await?;
    if stored.result_hash != request.result_hash {
        let text = "is not the hash of the frozen result: what was seen is not what is signed";
        return Err(ServiceError::invalid("resultHash", text));
    }
    if stored.state != PREPARED {
        if stored.signer == caller.name() {
            return message(app, caller, &stored, true).await;
        }
        return Err(ServiceError::wrong_state("the publication is signed already"));
    }
    let held = message(app, caller, &stored, false).await?.below_gate;
    if !held.is_empty() && request.override_reason.trim().is_empty() {
        let nodes: Vec<&str> = held.iter().map(|block| block.node.as_str()).collect();
        let text = format!(
            "the reliability of {} is below what the definition asks for or could not be \
             computed; publishing needs an override with its reason",
            nodes.join(", ")
        );
        return Err(ServiceError::wrong_state(text));
    }
    stored.state = PUBLISHED;
    stored.signer = caller.name();
    stored.sign_us = app.clock.now_us();
    if !held.is_empty() {
        stored.override_reason.clone_from(&request.override_reason);
    }
    let tx = app.db.begin().await?;
    if !publications::sign(tx.conn(), caller.org, &stored, PREPARED).await? {
        return Err(ServiceError::stale());
    }
    let detail = json!({
        "hash": stored.result_hash,
        "override": stored.override_reason,
        "belowGate": held.iter().map(|block| block.node.as_str()).collect::<Vec<_>>(),
    });
    let clock = app.clock.as_ref();
    audit::record(&tx, caller, &request.name, Some(stored.unit), detail, clock).await?;
    tx.commit().await?;
    message(app, caller, &stored, true).await
}

async fn correct(
    app: &App,
    caller: &Caller,
    request: CorrectPublicationRequest,
) -> Result<Publication> {
    let mut stored = find(app, caller, &request.name).await?;
    if stored.state == PREPARED {
        return Err(ServiceError::wrong_state("it is not published yet; prepare another one"));
    }
    let published = message(app, caller, &stored, true).await?;
    let (now, changes) = known_now(app, caller, &stored, &published).await?;
    let correction = Correction {
        notice: request.notice.clone(),
        author: caller.name(),
        create_time: Some(time::from_us(app.clock.now_us())),
        changes,
        watermark: now.watermark,
        result_hash: now.result_hash,
    };
    let tx = app.db.begin().await?;
    let key = &request.request_id;
    if let Some(answer) = idempotency::replay(&tx, caller, key, &request).await? {
        return Ok(answer);
    }
    stored.state = CORRECTED;
    let body = correction.encode_to_vec();
    publications::correct(tx.conn(), caller.org, stored.id, CORRECTED, body).await?;
    let mut answer = published;
    answer.state = i32::from(CORRECTED);
    answer.corrections.push(correction);
    let detail = json!({ "notice": request.notice });
    let clock = app.clock.as_ref();
    audit::record(&tx, caller, &request.name, Some(stored.unit), detail, clock).await?;
    idempotency::remember(&tx, caller, key, &request, &answer, clock).await?;
    tx.commit().await?;
    Ok(answer)
}

/// The frozen question answered now, and the rows that differ.
async fn known_now(
    app: &App,
    caller: &Caller,
    stored: &Stored,
    published: &Publication,
) -> Result<(IndexRun, Vec<IndexChange>)> {
    let (version, _) = version(app, caller, stored).await?;
    let then = published.published.as_ref();
    let mut question: IndexQuestion = then.and_then(|run| run.question.clone()).unwrap_or_default();
    // The units of then, even where the tree has changed since.
    let view = caller.view()?;
    let exists = |unit: &str| names::parse("units", unit).is_some_and(|u| view.unit(u).is_some());
    let mut units: Vec<String> = Vec::new();
    for row in then.iter().flat_map(|run| &run.rows) {
        if units.last() != Some(&row.unit) && exists(&row.unit) {
            units.push(row.unit.clone());
        }
    }
    question.units = units;
    let (head, result) = index::compute(app, caller, &version, &question).await?;
    let now = index_answer::joined_run(&view, &head.encode_to_vec(), &result)
        .ok_or_else(|| ServiceError::internal("a fresh run"))?;
    let changes = then.map_or_else(Vec::new, |then| changes(&then.rows, &now.rows));
    Ok((now, changes))
}

fn changes(then: &[IndexRow], now: &[IndexRow]) -> Vec<IndexChange> {
    let now: BTreeMap<(&str, &str), &IndexRow> =
        now.iter().map(|row| ((row.unit.as_str(), row.from.as_str()), row)).collect();
    let differ = |row: &&IndexRow| {
        let found = now.get(&(row.unit.as_str(), row.from.as_str()));
        found.is_none_or(|found| found.value != row.value || found.n != row.n)
    };
    then.iter()
        .filter(differ)
        .map(|row| {
            let found = now.get(&(row.unit.as_str(), row.from.as_str()));
            IndexChange {
                unit: row.unit.clone(),
                from: row.from.clone(),
                published: row.value,
                known_now: found.and_then(|found| found.value),
                published_n: row.n,
                known_now_n: found.map_or(0, |found| found.n),
            }
        })
        .collect()
}

async fn list(
    app: &App,
    caller: &Caller,
    request: &ListPublicationsRequest,
) -> Result<ListPublicationsResponse> {
    let units = shown(caller)?;
    let index = names::parse("indices", &request.index);
    let key = format!("publications|{}|{}", caller.org, request.index);
    let page = app.pages.open(key, request.page_size, &request.page_token)?;
    let (conn, units) = (app.db.read(), units.as_deref());
    let mut found =
        publications::list(conn, caller.org, units, index, page.after, page.limit).await?;
    let next_page_token = page.close(&mut found, |p| (p.create_us, p.id));
    let mut publications = Vec::with_capacity(found.len());
    for stored in &found {
        publications.push(message(app, caller, stored, false).await?);
    }
    Ok(ListPublicationsResponse { publications, next_page_token })
}
