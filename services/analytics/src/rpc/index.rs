//! IndexService: definitions, runs and what is estimated without being stored.

use std::sync::Arc;

use analytics_domain::index::{
    canonical,
    check::{self, Tree},
    definition::Definition,
};
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
        CompareWeightingsRequest, CompareWeightingsResponse, CreateIndexRequest,
        CreateIndexVersionRequest, EstimateLatentIndexRequest, EstimateLatentIndexResponse,
        EstimateReliabilityRequest, EstimateReliabilityResponse, EstimateRetestRequest,
        EstimateRetestResponse, GetIndexRequest, GetIndexRunRequest, Index, IndexQuestion,
        IndexRun, ListIndexRunsRequest, ListIndexRunsResponse, ListIndicesRequest,
        ListIndicesResponse, RunIndexRequest, index_service_server::IndexService,
    },
    names, time,
};
use serde_json::json;
use tonic::{Request, Response, Status};
use uuid::Uuid;

use super::{definition, estimate, index_answer, index_question, retest, weightings};
use crate::{
    indices::{Asked, Outcome},
    state::{App, id, shown},
    store::indices::{self, Run, Version},
};

/// The index service.
pub struct IndexHandler(pub Arc<App>);

type Answer<T> = std::result::Result<Response<T>, Status>;

#[tonic::async_trait]
impl IndexService for IndexHandler {
    async fn create_index(&self, request: Request<CreateIndexRequest>) -> Answer<Index> {
        let (caller, request) = open_request(request)?;
        Ok(Response::new(create(&self.0, &caller, request).await?))
    }

    async fn create_index_version(
        &self,
        request: Request<CreateIndexVersionRequest>,
    ) -> Answer<Index> {
        let (caller, request) = open_request(request)?;
        Ok(Response::new(create_version(&self.0, &caller, request).await?))
    }

    async fn get_index(&self, request: Request<GetIndexRequest>) -> Answer<Index> {
        let (caller, request) = open_request(request)?;
        let found = find(&self.0, &caller, &request.name, request.version).await?;
        Ok(Response::new(message(&found)?))
    }

    async fn list_indices(
        &self,
        request: Request<ListIndicesRequest>,
    ) -> Answer<ListIndicesResponse> {
        let (caller, request) = open_request(request)?;
        Ok(Response::new(list(&self.0, &caller, &request).await?))
    }

    async fn run_index(&self, request: Request<RunIndexRequest>) -> Answer<IndexRun> {
        let (caller, request) = open_request(request)?;
        Ok(Response::new(run(&self.0, &caller, request).await?))
    }

    async fn get_index_run(&self, request: Request<GetIndexRunRequest>) -> Answer<IndexRun> {
        let (caller, request) = open_request(request)?;
        let run = find_run(&self.0, &caller, &request.name).await?;
        let view = caller.view()?;
        let found = index_answer::joined_run(&view, &run.head, &run.result);
        let found = found.ok_or_else(|| ServiceError::internal("a stored run"))?;
        Ok(Response::new(found))
    }

    async fn list_index_runs(
        &self,
        request: Request<ListIndexRunsRequest>,
    ) -> Answer<ListIndexRunsResponse> {
        let (caller, request) = open_request(request)?;
        Ok(Response::new(list_runs(&self.0, &caller, &request).await?))
    }

    async fn compare_weightings(
        &self,
        request: Request<CompareWeightingsRequest>,
    ) -> Answer<CompareWeightingsResponse> {
        let (caller, request) = open_request(request)?;
        let version = find(&self.0, &caller, &request.name, request.version).await?;
        let question = request.question.unwrap_or_default();
        Ok(Response::new(weightings::compare(&self.0, &caller, version, &question).await?))
    }

    async fn estimate_latent_index(
        &self,
        request: Request<EstimateLatentIndexRequest>,
    ) -> Answer<EstimateLatentIndexResponse> {
        let (caller, request) = open_request(request)?;
        Ok(Response::new(estimate::latent_index(&self.0, &caller, &request).await?))
    }

    async fn estimate_reliability(
        &self,
        request: Request<EstimateReliabilityRequest>,
    ) -> Answer<EstimateReliabilityResponse> {
        let (caller, request) = open_request(request)?;
        Ok(Response::new(estimate::reliability(&self.0, &caller, &request).await?))
    }

    async fn estimate_retest(
        &self,
        request: Request<EstimateRetestRequest>,
    ) -> Answer<EstimateRetestResponse> {
        let (caller, request) = open_request(request)?;
        Ok(Response::new(retest::estimate(&self.0, &caller, &request).await?))
    }
}

/// A version that the caller may see with the rule's permission.
pub async fn find(app: &App, caller: &Caller, name: &str, version: i32) -> Result<Version> {
    let id = id("indices", "name", name)?;
    if version < 0 {
        return Err(ServiceError::invalid("version", "is negative"));
    }
    let found = indices::find(app.db.read(), caller.org, id, version).await?;
    let found = found.ok_or_else(|| ServiceError::not_found("index"))?;
    caller.authorize_object(found.unit, "index")?;
    Ok(found)
}

/// A run that the caller may see with the rule's permission.
pub async fn find_run(app: &App, caller: &Caller, name: &str) -> Result<Run> {
    let id = id("indexRuns", "name", name)?;
    let found = indices::find_run(app.db.read(), caller.org, id).await?;
    let found = found.ok_or_else(|| ServiceError::not_found("index run"))?;
    caller.authorize_object(found.unit, "index run")?;
    Ok(found)
}

/// The tree of a stored definition.
pub fn tree(definition: &Definition) -> Result<Tree> {
    check::check(definition).map_err(|_| ServiceError::internal("a stored definition"))
}

/// A version as the contract shows it.
pub fn message(version: &Version) -> Result<Index> {
    let shown = definition::to_proto(&version.definition, &tree(&version.definition)?);
    Ok(Index {
        name: names::print("indices", version.id),
        unit: names::print("units", version.unit),
        version: version.version,
        remarks: definition::remarks(&shown),
        definition: Some(shown),
        definition_hash: version.hash.clone(),
        create_time: Some(time::from_us(version.create_us)),
        creator: version.creator.clone(),
    })
}

async fn create(app: &App, caller: &Caller, request: CreateIndexRequest) -> Result<Index> {
    let unit = id("units", "unit", &request.unit)?;
    caller.authorize(unit)?;
    if caller.view()?.unit(unit).is_none() {
        return Err(ServiceError::not_found("unit"));
    }
    let wanted = request.definition.clone().unwrap_or_default();
    let (definition, _) = definition::of_proto(&wanted)?;
    let version = Version {
        id: new_id(app.clock.as_ref()),
        version: 1,
        unit,
        hash: index_answer::hash(canonical::text(&definition).as_bytes()),
        definition,
        creator: caller.name(),
        create_us: app.clock.now_us(),
    };
    let key = request.request_id.clone();
    keep(app, caller, &key, &request, &version).await
}

async fn create_version(
    app: &App,
    caller: &Caller,
    request: CreateIndexVersionRequest,
) -> Result<Index> {
    let newest = find(app, caller, &request.name, 0).await?;
    let wanted = request.definition.clone().unwrap_or_default();
    let (definition, _) = definition::of_proto(&wanted)?;
    let version = Version {
        version: newest.version + 1,
        hash: index_answer::hash(canonical::text(&definition).as_bytes()),
        definition,
        creator: caller.name(),
        create_us: app.clock.now_us(),
        ..newest
    };
    let key = request.request_id.clone();
    keep(app, caller, &key, &request, &version).await
}

async fn keep(
    app: &App,
    caller: &Caller,
    key: &str,
    request: &impl prost::Message,
    version: &Version,
) -> Result<Index> {
    let tx = app.db.begin().await?;
    if let Some(answer) = idempotency::replay(&tx, caller, key, request).await? {
        return Ok(answer);
    }
    indices::insert(tx.conn(), caller.org, version).await?;
    let answer = message(version)?;
    let detail = json!({ "version": version.version, "hash": version.hash });
    let clock = app.clock.as_ref();
    audit::record(&tx, caller, &answer.name, Some(version.unit), detail, clock).await?;
    idempotency::remember(&tx, caller, key, request, &answer, clock).await?;
    tx.commit().await?;
    Ok(answer)
}

async fn list(
    app: &App,
    caller: &Caller,
    request: &ListIndicesRequest,
) -> Result<ListIndicesResponse> {
    let units = shown(caller)?;
    let key = format!("indices|{}", caller.org);
    let page = app.pages.open(key, request.page_size, &request.page_token)?;
    let conn = app.db.read();
    let mut found =
        indices::list(conn, caller.org, units.as_deref(), page.after, page.limit).await?;
    let next_page_token = page.close(&mut found, |v| (v.create_us, v.id));
    let indices = found.iter().map(message).collect::<Result<_>>()?;
    Ok(ListIndicesResponse { indices, next_page_token })
}

/// Computes an index; the question, the outcome and the result's bytes.
pub async fn compute(
    app: &App,
    caller: &Caller,
    version: &Version,
    question: &IndexQuestion,
) -> Result<(IndexRun, Vec<u8>)> {
    let view = caller.view()?;
    let tree = tree(&version.definition)?;
    let definition = version.definition.clone();
    let asked: Asked = index_question::asked(&view, version.unit, definition, tree, question)?;
    let outcome: Outcome = app.indices.run(&view, &asked).await?;
    let result = index_answer::result(&asked, question, &outcome).encode_to_vec();
    let hash = index_answer::hash(&result);
    let mut head = index_answer::head(&outcome, question, &version.hash, hash);
    head.index = names::print("indices", version.id);
    head.version = version.version;
    Ok((head, result))
}

async fn run(app: &App, caller: &Caller, request: RunIndexRequest) -> Result<IndexRun> {
    let version = find(app, caller, &request.name, request.version).await?;
    let view = caller.view()?;
    let key = &request.request_id;
    // A repeated call shall not compute again, so its answer is looked for first.
    let tx = app.db.begin().await?;
    let earlier: Option<IndexRun> = idempotency::replay(&tx, caller, key, &request).await?;
    drop(tx);
    if let Some(earlier) = earlier {
        let run = find_run(app, caller, &earlier.name).await?;
        return index_answer::joined_run(&view, &run.head, &run.result)
            .ok_or_else(|| ServiceError::internal("a stored run"));
    }
    let question = request.question.clone().unwrap_or_default();
    let (mut head, result) = compute(app, caller, &version, &question).await?;
    let run_id = new_id(app.clock.as_ref());
    head.name = names::print("indexRuns", run_id);
    head.creator = caller.name();
    head.create_time = Some(time::from_us(app.clock.now_us()));
    let run = Run {
        id: run_id,
        index: version.id,
        version: version.version,
        unit: version.unit,
        head: head.encode_to_vec(),
        result,
        create_us: app.clock.now_us(),
    };
    let tx = app.db.begin().await?;
    indices::insert_run(tx.conn(), caller.org, &run).await?;
    let detail = json!({ "index": head.index, "version": head.version, "hash": head.result_hash });
    let clock = app.clock.as_ref();
    audit::record(&tx, caller, &head.name, Some(version.unit), detail, clock).await?;
    idempotency::remember(&tx, caller, key, &request, &head, clock).await?;
    tx.commit().await?;
    index_answer::joined_run(&view, &run.head, &run.result)
        .ok_or_else(|| ServiceError::internal("a fresh run"))
}

async fn list_runs(
    app: &App,
    caller: &Caller,
    request: &ListIndexRunsRequest,
) -> Result<ListIndexRunsResponse> {
    let index: Uuid = find(app, caller, &request.name, 0).await?.id;
    let key = format!("indexRuns|{}|{index}", caller.org);
    let page = app.pages.open(key, request.page_size, &request.page_token)?;
    let conn = app.db.read();
    let mut found = indices::list_runs(conn, caller.org, index, page.after, page.limit).await?;
    let next_page_token = page.close(&mut found, |run| (run.create_us, run.id));
    let runs = found.iter().filter_map(|run| IndexRun::decode(run.head.as_slice()).ok());
    Ok(ListIndexRunsResponse { runs: runs.collect(), next_page_token })
}
