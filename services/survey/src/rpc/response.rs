//! Responses as staff see them: entering, importing, reading, judging, exporting.

use kit::{
    auth::{Caller, open_request},
    db::WriteTx,
    error::{Result, ServiceError},
    listing::{self, Limits},
};
use proto::{
    common::v1::Permission,
    survey::v1::{self, response_service_server::ResponseService},
    time,
};
use survey_domain::{
    channel::Channel,
    response::{Decision, Response as Answered},
};
use tonic::{Request, Response, Status, Streaming};

use super::{
    response_convert::{decision, to_proto},
    response_download::{Body, download},
    response_enter,
    response_export::{Exports, Pieces, export},
    response_import::{self, Outcomes},
};
use crate::{
    convert,
    fieldwork::{counting::Tally, entry},
    respond::{Respond, facts},
    responses::{campaign_to_read, response_of},
    store::{
        fieldwork,
        response::{Filter, find_to_change, list, save},
    },
    words,
};

/// The response service.
pub struct Responses {
    respond: Respond,
    exports: Exports,
}

impl Responses {
    /// The handlers over the way of an answer.
    pub fn new(respond: Respond) -> Self {
        Self { respond, exports: Exports::default() }
    }

    /// A response for a caller, with the words that were written.
    async fn shown(&self, caller: &Caller, mut response: Answered) -> Result<v1::Response> {
        let app = &self.respond.engine().app;
        words::open(app, app.db.read(), std::slice::from_mut(&mut response)).await?;
        Ok(shown(caller, response))
    }
}

type Answer<T> = std::result::Result<Response<T>, Status>;

#[async_trait::async_trait]
impl ResponseService for Responses {
    async fn enter_response(
        &self,
        request: Request<v1::EnterResponseRequest>,
    ) -> Answer<v1::Response> {
        let (caller, request) = open_request(request)?;
        let stored = response_enter::enter(&self.respond, &caller, request).await?;
        Ok(Response::new(self.shown(&caller, stored).await?))
    }

    async fn import_responses(
        &self,
        request: Request<v1::ImportResponsesRequest>,
    ) -> Answer<v1::ImportResponsesResponse> {
        let (caller, request) = open_request(request)?;
        Ok(Response::new(response_import::import(&self.respond, &caller, request).await?))
    }

    type StreamImportResponsesStream = Outcomes;

    async fn stream_import_responses(
        &self,
        request: Request<Streaming<v1::ImportResponsesRequest>>,
    ) -> Answer<Self::StreamImportResponsesStream> {
        Ok(Response::new(response_import::stream(&self.respond, request)?))
    }

    async fn get_response(&self, request: Request<v1::GetResponseRequest>) -> Answer<v1::Response> {
        let (caller, request) = open_request(request)?;
        let app = &self.respond.engine().app;
        let found = response_of(app.db.read(), &caller, &request.name).await?;
        Ok(Response::new(self.shown(&caller, found).await?))
    }

    async fn list_responses(
        &self,
        request: Request<v1::ListResponsesRequest>,
    ) -> Answer<v1::ListResponsesResponse> {
        let (caller, request) = open_request(request)?;
        Ok(Response::new(page_of(&self.respond, &caller, &request).await?))
    }

    async fn review_response(
        &self,
        request: Request<v1::ReviewResponseRequest>,
    ) -> Answer<v1::Response> {
        let (caller, request) = open_request(request)?;
        let after = review(&self.respond, &caller, &request).await?;
        Ok(Response::new(self.shown(&caller, after).await?))
    }

    type ExportResponsesStream = Pieces;

    async fn export_responses(
        &self,
        request: Request<v1::ExportResponsesRequest>,
    ) -> Answer<Self::ExportResponsesStream> {
        let (caller, request) = open_request(request)?;
        let engine = self.respond.engine();
        let campaign = campaign_to_read(engine.app.db.read(), &caller, &request.campaign).await?;
        let version = engine.version_of(&campaign).await?;
        let pieces = export(&self.respond, &self.exports, caller, campaign, &version, &request)?;
        Ok(Response::new(pieces))
    }

    type DownloadResponsesStream = Body;

    async fn download_responses(
        &self,
        request: Request<v1::DownloadResponsesRequest>,
    ) -> Answer<Self::DownloadResponsesStream> {
        let (caller, request) = open_request(request)?;
        let engine = self.respond.engine();
        let campaign = campaign_to_read(engine.app.db.read(), &caller, &request.campaign).await?;
        let version = engine.version_of(&campaign).await?;
        Ok(download(engine, &self.exports, caller, campaign, &version, &request)?)
    }
}

/// A response for a caller.
fn shown(caller: &Caller, response: Answered) -> v1::Response {
    let show_customer = caller.may(Permission::CustomerRead, response.unit);
    to_proto(response, show_customer)
}

async fn page_of(
    respond: &Respond,
    caller: &Caller,
    request: &v1::ListResponsesRequest,
) -> Result<v1::ListResponsesResponse> {
    let app = &respond.engine().app;
    let unit = convert::id_opt("units", "unit", &request.unit)?;
    let Limits { units, placed } = listing::limits(caller, unit, tree(request.tree()))?;
    let questionnaire = convert::id_opt("questionnaires", "questionnaire", &request.questionnaire)?;
    let filter = Filter {
        units,
        placed,
        campaign: convert::id_opt("campaigns", "campaign", &request.campaign)?,
        questionnaire,
        channel: Channel::from_number(request.channel),
        suspect_only: request.suspect_only,
        sound_only: request.sound_only,
        staff_members: convert::ids("staff", "staffMembers", &request.staff_members)?,
        channels: channels(&request.channels)?,
        questionnaires: convert::ids("questionnaires", "questionnaires", &request.questionnaires)?,
        versions: request.versions.clone(),
        customer_classes: convert::ids(
            "customerClasses",
            "customerClasses",
            &request.customer_classes,
        )?,
        campaigns: convert::ids("campaigns", "campaigns", &request.campaigns)?,
        from_us: request.from_time.as_ref().map(time::to_us),
        to_us: request.to_time.as_ref().map(time::to_us),
    };
    let asked =
        v1::ListResponsesRequest { page_size: 0, page_token: String::new(), ..request.clone() };
    let key = format!("responses|{}|{asked:?}", caller.org);
    let page = app.pages.open(key, request.page_size, &request.page_token)?;
    let mut found = list(app.db.read(), caller.org, &filter, page.after, page.limit).await?;
    let next_page_token = page.close(&mut found, |r| (r.submit_us, r.id));
    words::open(app, app.db.read(), &mut found).await?;
    let responses = found.into_iter().map(|response| shown(caller, response)).collect();
    Ok(v1::ListResponsesResponse { responses, next_page_token })
}

/// The tree of the contract.
fn tree(tree: v1::Tree) -> listing::Tree {
    match tree {
        v1::Tree::Unspecified => listing::Tree::Unspecified,
        v1::Tree::AsOfService => listing::Tree::AsOfService,
        v1::Tree::Present => listing::Tree::Present,
    }
}

fn channels(given: &[i32]) -> Result<Vec<Channel>> {
    let channel = |(index, number): (usize, &i32)| {
        let known = Channel::from_number(*number);
        known.ok_or_else(|| ServiceError::invalid(format!("channels[{index}]"), "is no channel"))
    };
    given.iter().enumerate().map(channel).collect()
}

/// Keeps the counts of fieldwork right when a response becomes suspect or is cleared.
async fn recount(tx: &WriteTx, before: &Answered, after: &Answered) -> Result<()> {
    let by = i64::from(after.is_suspect()) - i64::from(before.is_suspect());
    if by == 0 {
        return Ok(());
    }
    let found = fieldwork::campaign::find(tx.conn(), after.org, after.campaign).await?;
    let Some(campaign) = found else { return Ok(()) };
    let mut tally = Tally::default();
    entry::mark(&mut tally, &campaign, after.invited, by);
    tally.write(tx.conn(), after.id).await
}

async fn review(
    respond: &Respond,
    caller: &Caller,
    request: &v1::ReviewResponseRequest,
) -> Result<Answered> {
    let engine = respond.engine();
    let app = &engine.app;
    let found = response_of(app.db.read(), caller, &request.name).await?;
    let version = engine.version(found.org, found.questionnaire, found.version).await?;
    let tx = app.db.begin().await?;
    let before = find_to_change(&tx, found.org, found.id).await?;
    let before = before.ok_or_else(|| ServiceError::not_found("response"))?;
    let mut after = before.clone();
    let now_us = app.clock.now_us();
    after
        .review(decision(request.decision), &caller.name(), now_us)
        .map_err(|error| convert::error(error, ""))?;
    if after == before {
        return Ok(after);
    }
    save(&tx, &after).await?;
    recount(&tx, &before, &after).await?;
    let detail = serde_json::json!({
        "decision": match after.decision {
            Decision::Open => "",
            Decision::Released => "released",
            Decision::Confirmed => "confirmed",
        },
        "note": request.note,
    });
    kit::audit::record(&tx, caller, &request.name, Some(after.unit), detail, &*app.clock).await?;
    let changes: Vec<_> =
        facts::change(Some(&before), Some(&after), &version).into_iter().collect();
    facts::append(app, &tx, changes).await?;
    tx.commit().await?;
    app.outbox.committed();
    Ok(after)
}
