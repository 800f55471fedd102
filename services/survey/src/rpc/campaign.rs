//! Campaigns and their samples.

use std::sync::Arc;

use kit::{
    auth::{Caller, open_change, open_request},
    clock::new_id,
    error::{Result, ServiceError},
    idempotency,
    mask::Mask,
};
use proto::survey::v1::{self, campaign_service_server::CampaignService};
use serde_json::json;
use survey_domain::{
    campaign::{Campaign, State},
    plan::calendar,
    sampling::{exclusion::Reason, size},
};
use tonic::{Request, Response, Status};

use crate::{
    convert,
    fieldwork::{access, convert as shown, drawing, opening, preparing, status},
    state::App,
    store::fieldwork as stored,
};

/// The campaign service.
pub struct Campaigns(pub Arc<App>);

type Answer<T> = std::result::Result<Response<T>, Status>;

#[async_trait::async_trait]
impl CampaignService for Campaigns {
    async fn create_campaign(
        &self,
        request: Request<v1::CreateCampaignRequest>,
    ) -> Answer<v1::Campaign> {
        let (caller, request) = open_request(request)?;
        Ok(Response::new(create(&self.0, &caller, &request).await?))
    }

    async fn get_campaign(&self, request: Request<v1::GetCampaignRequest>) -> Answer<v1::Campaign> {
        let (caller, request) = open_request(request)?;
        let campaign = access::campaign(&self.0, &caller, "name", &request.name).await?;
        Ok(Response::new(complete(&self.0, &campaign).await?))
    }

    async fn list_campaigns(
        &self,
        request: Request<v1::ListCampaignsRequest>,
    ) -> Answer<v1::ListCampaignsResponse> {
        let (caller, request) = open_request(request)?;
        Ok(Response::new(list(&self.0, &caller, &request).await?))
    }

    async fn update_campaign(
        &self,
        request: Request<v1::UpdateCampaignRequest>,
    ) -> Answer<v1::Campaign> {
        let (caller, request) = open_change(request, "campaign")?;
        Ok(Response::new(update(&self.0, &caller, request).await?))
    }

    async fn open_campaign(
        &self,
        request: Request<v1::OpenCampaignRequest>,
    ) -> Answer<v1::Campaign> {
        let (caller, request) = open_request(request)?;
        let mut campaign = access::campaign(&self.0, &caller, "name", &request.name).await?;
        convert::must_be_current(&request.etag, campaign.version)?;
        if campaign.state != State::Open {
            opening::open(&self.0, Some(&caller), &mut campaign).await?;
        }
        Ok(Response::new(complete(&self.0, &campaign).await?))
    }

    async fn close_campaign(
        &self,
        request: Request<v1::CloseCampaignRequest>,
    ) -> Answer<v1::Campaign> {
        let (caller, request) = open_request(request)?;
        let mut campaign = access::campaign(&self.0, &caller, "name", &request.name).await?;
        opening::close(&self.0, Some(&caller), &mut campaign).await?;
        Ok(Response::new(complete(&self.0, &campaign).await?))
    }

    async fn delete_campaign(
        &self,
        request: Request<v1::DeleteCampaignRequest>,
    ) -> Answer<v1::DeleteCampaignResponse> {
        let (caller, request) = open_request(request)?;
        let campaign = access::campaign(&self.0, &caller, "name", &request.name).await?;
        delete(&self.0, &caller, campaign).await?;
        Ok(Response::new(v1::DeleteCampaignResponse {}))
    }

    async fn calculate_sample_size(
        &self,
        request: Request<v1::CalculateSampleSizeRequest>,
    ) -> Answer<v1::CalculateSampleSizeResponse> {
        let (_, request) = open_request(request)?;
        Ok(Response::new(sample_size(&request)?))
    }

    async fn draw_sample(&self, request: Request<v1::DrawSampleRequest>) -> Answer<v1::Sample> {
        let (caller, request) = open_request(request)?;
        let campaign = access::campaign(&self.0, &caller, "name", &request.name).await?;
        let id = campaign.id;
        if request.validate_only {
            let sample = drawing::look(&self.0, &campaign).await?;
            return Ok(Response::new(shown::sample::sample(id, &sample, None)));
        }
        let (sample, draw_us) = preparing::draw(&self.0, &caller, campaign).await?;
        Ok(Response::new(shown::sample::sample(id, &sample, Some(draw_us))))
    }

    async fn get_sample(&self, request: Request<v1::GetSampleRequest>) -> Answer<v1::Sample> {
        let (caller, request) = open_request(request)?;
        let campaign = access::campaign(&self.0, &caller, "name", &request.name).await?;
        let conn = self.0.db.read();
        let found = stored::sample::find(conn, campaign.org, campaign.id).await?;
        let (sample, draw_us) = found.ok_or_else(|| ServiceError::not_found("sample"))?;
        Ok(Response::new(shown::sample::sample(campaign.id, &sample, Some(draw_us))))
    }

    async fn list_sample_exclusions(
        &self,
        request: Request<v1::ListSampleExclusionsRequest>,
    ) -> Answer<v1::ListSampleExclusionsResponse> {
        let (caller, request) = open_request(request)?;
        Ok(Response::new(list_exclusions(&self.0, &caller, &request).await?))
    }

    async fn get_fieldwork_status(
        &self,
        request: Request<v1::GetFieldworkStatusRequest>,
    ) -> Answer<v1::FieldworkStatus> {
        let (caller, request) = open_request(request)?;
        let campaign = access::campaign(&self.0, &caller, "name", &request.name).await?;
        let from = match request.from_date.as_str() {
            "" => None,
            text => {
                let date = calendar::parse_date("fromDate", text);
                Some(calendar::day_number(date.map_err(|refused| convert::error(refused, ""))?))
            }
        };
        let status = status::read(&self.0, &campaign, from).await?;
        Ok(Response::new(status.shown(&campaign, self.0.clock.now_us())))
    }
}

/// A campaign with what is filled of its quotas.
async fn complete(app: &App, campaign: &Campaign) -> Result<v1::Campaign> {
    let mut answer = shown::campaign(campaign);
    if !campaign.settings.quotas.is_empty() {
        let filled = stored::quota::list(app.db.read(), campaign.org, campaign.id).await?;
        answer.quotas = filled.iter().map(|q| shown::quota(&q.quota, q.filled)).collect();
    }
    Ok(answer)
}

async fn create(
    app: &App,
    caller: &Caller,
    request: &v1::CreateCampaignRequest,
) -> Result<v1::Campaign> {
    let given = request.campaign.clone().unwrap_or_default();
    let unit = convert::id("units", "campaign.unit", &given.unit)?;
    access::unit_in_use(caller, unit, "campaign.unit")?;
    let settings = shown::settings_of(&given, "campaign.")?;
    access::check_settings(app, caller, unit, &settings, "campaign.").await?;
    let campaign = Campaign {
        id: new_id(app.clock.as_ref()),
        org: caller.org,
        unit,
        settings,
        state: State::Draft,
        plan: None,
        round: 0,
        time_zone: caller.view()?.time_zone_name_of(unit),
        auto_open_us: None,
        open_problem: String::new(),
        create_us: app.clock.now_us(),
        end_us: None,
        version: 1,
    };
    let tx = app.db.begin().await?;
    let key = &request.request_id;
    if let Some(answer) = idempotency::replay(&tx, caller, key, request).await? {
        return Ok(answer);
    }
    stored::campaign::insert(tx.conn(), &campaign, None).await?;
    let (org, id) = (campaign.org, campaign.id);
    stored::quota::replace(tx.conn(), org, id, &campaign.settings.quotas).await?;
    let detail = json!({ "displayName": campaign.settings.display_name });
    opening::record(app, &tx, Some(caller), &campaign, detail).await?;
    let answer = shown::campaign(&campaign);
    idempotency::remember(&tx, caller, key, request, &answer, app.clock.as_ref()).await?;
    tx.commit().await?;
    Ok(answer)
}

const CHANGEABLE: [&str; 17] = [
    "display_name",
    "questionnaire",
    "version",
    "channels",
    "anonymous",
    "open_time",
    "close_time",
    "response_rate_target",
    "min_responses",
    "margin_target",
    "quotas",
    "reminders",
    "sampling",
    "fatigue",
    "link_base",
    "claim_minutes",
    "attempts_max",
];

/// The campaign as it is shown, with the given fields in place of its own.
fn merged(now: &Campaign, given: v1::Campaign, mask: &Mask) -> v1::Campaign {
    let mut new = shown::campaign(now);
    mask.take("display_name", given.display_name, &mut new.display_name);
    mask.take("questionnaire", given.questionnaire, &mut new.questionnaire);
    mask.take("version", given.version, &mut new.version);
    mask.take("channels", given.channels, &mut new.channels);
    mask.take("anonymous", given.anonymous, &mut new.anonymous);
    mask.take("open_time", given.open_time, &mut new.open_time);
    mask.take("close_time", given.close_time, &mut new.close_time);
    let rate = given.response_rate_target;
    mask.take("response_rate_target", rate, &mut new.response_rate_target);
    mask.take("min_responses", given.min_responses, &mut new.min_responses);
    mask.take("margin_target", given.margin_target, &mut new.margin_target);
    mask.take("quotas", given.quotas, &mut new.quotas);
    mask.take("reminders", given.reminders, &mut new.reminders);
    mask.take("sampling", given.sampling, &mut new.sampling);
    mask.take("fatigue", given.fatigue, &mut new.fatigue);
    mask.take("link_base", given.link_base, &mut new.link_base);
    mask.take("claim_minutes", given.claim_minutes, &mut new.claim_minutes);
    mask.take("attempts_max", given.attempts_max, &mut new.attempts_max);
    new
}

async fn update(
    app: &App,
    caller: &Caller,
    request: v1::UpdateCampaignRequest,
) -> Result<v1::Campaign> {
    let given = request.campaign.unwrap_or_default();
    let mut campaign = access::campaign(app, caller, "campaign.name", &given.name).await?;
    convert::must_be_current(&given.etag, campaign.version)?;
    let mask = Mask::read(request.update_mask.as_ref(), &CHANGEABLE)?;
    let settings = shown::settings_of(&merged(&campaign, given, &mask), "campaign.")?;
    let unit = campaign.unit;
    access::check_settings(app, caller, unit, &settings, "campaign.").await?;
    let refused = |refused| convert::error(refused, "campaign.");
    campaign.change(settings).map_err(refused)?;
    let now_us = app.clock.now_us();
    let tx = app.db.begin().await?;
    stored::campaign::wait_to_change(&tx, campaign.id).await?;
    let (org, id) = (campaign.org, campaign.id);
    // A draw that this change stops begins again.
    let sample = stored::sample::find(tx.conn(), org, id).await?;
    let draws = sample.is_some_and(|(sample, _)| sample.is_being_drawn());
    let work_us = if draws { Some(now_us) } else { opening::work_us(&campaign, now_us) };
    stored::campaign::save(tx.conn(), &mut campaign, work_us).await?;
    stored::quota::replace(tx.conn(), org, id, &campaign.settings.quotas).await?;
    let detail = json!({ "displayName": campaign.settings.display_name });
    opening::record(app, &tx, Some(caller), &campaign, detail).await?;
    tx.commit().await?;
    complete(app, &campaign).await
}

async fn delete(app: &App, caller: &Caller, mut campaign: Campaign) -> Result<()> {
    if campaign.state != State::Draft {
        return Err(ServiceError::wrong_state("the campaign was opened"));
    }
    let tx = app.db.begin().await?;
    // Somebody may be opening it.
    stored::campaign::save(tx.conn(), &mut campaign, None).await?;
    stored::campaign::delete(tx.conn(), campaign.org, campaign.id).await?;
    let detail = json!({ "deleted": true });
    opening::record(app, &tx, Some(caller), &campaign, detail).await?;
    tx.commit().await
}

async fn list(
    app: &App,
    caller: &Caller,
    request: &v1::ListCampaignsRequest,
) -> Result<v1::ListCampaignsResponse> {
    let unit = convert::id_opt("units", "unit", &request.unit)?;
    let filter = stored::campaign::Filter {
        units: caller.visible()?.narrowed(unit)?,
        state: State::from_number(request.state),
        plan: convert::id_opt("plans", "plan", &request.plan)?,
        questionnaire: convert::id_opt("questionnaires", "questionnaire", &request.questionnaire)?,
    };
    let key = format!(
        "campaigns|{}|{}|{}|{}|{}",
        caller.org, request.unit, request.state, request.plan, request.questionnaire
    );
    let page = app.pages.open(key, request.page_size, &request.page_token)?;
    let conn = app.db.read();
    let mut found =
        stored::campaign::list(conn, caller.org, &filter, page.after, page.limit).await?;
    let next_page_token = page.close(&mut found, |c| (c.create_us, c.id));
    let campaigns = found.iter().map(shown::campaign).collect();
    Ok(v1::ListCampaignsResponse { campaigns, next_page_token })
}

async fn list_exclusions(
    app: &App,
    caller: &Caller,
    request: &v1::ListSampleExclusionsRequest,
) -> Result<v1::ListSampleExclusionsResponse> {
    let campaign = access::campaign(app, caller, "name", &request.name).await?;
    let key = format!("exclusions|{}|{}|{}", caller.org, campaign.id, request.reason);
    let page = app.pages.open(key, request.page_size, &request.page_token)?;
    let conn = app.db.read();
    let reason = Reason::from_number(request.reason);
    let (org, id) = (campaign.org, campaign.id);
    let mut found = stored::exclusion::list(conn, org, id, reason, page.after, page.limit).await?;
    let next_page_token = page.close(&mut found, |e| e.customer);
    let exclusions = found.iter().map(shown::sample::exclusion).collect();
    Ok(v1::ListSampleExclusionsResponse { exclusions, next_page_token })
}

fn sample_size(
    request: &v1::CalculateSampleSizeRequest,
) -> Result<v1::CalculateSampleSizeResponse> {
    let or = |value: f64, default: f64| if value == 0.0 { default } else { value };
    let refused = |refused| convert::error(refused, "");
    let population = request.population.map(u64::try_from).transpose();
    let population = population.map_err(|_| ServiceError::invalid("population", "is negative"))?;
    let min = u64::try_from(request.min_responses);
    let min = min.map_err(|_| ServiceError::invalid("minResponses", "is negative"))?;
    let min = if min == 0 { 10 } else { min };
    let rate = or(request.response_rate, 0.7);
    size::check_rate("responseRate", rate).map_err(refused)?;
    let confidence = or(request.confidence, 0.95);
    let proportion = request.proportion.unwrap_or(0.5);
    let sized = match request.deviation {
        Some(deviation) => size::for_mean(&size::Mean {
            margin: request.margin,
            deviation,
            population,
            confidence,
            min,
        }),
        None => size::for_share(&size::Share {
            margin: request.margin,
            proportion,
            population,
            confidence,
            design_effect: or(request.design_effect, 1.0),
            min,
        }),
    };
    let sized = sized.map_err(refused)?;
    let margin = size::margin(sized.n, proportion, population, confidence);
    let number = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    Ok(v1::CalculateSampleSizeResponse {
        unbounded: sized.unbounded,
        exact: sized.exact,
        responses: number(sized.n),
        invitations: number(size::invitations(sized.n, rate)),
        margin: margin.filter(|margin| *margin > 0.0 && request.deviation.is_none()),
    })
}
