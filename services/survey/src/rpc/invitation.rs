//! Invitations and links.

use std::sync::Arc;

use kit::{
    auth::{Caller, open_request},
    clock::new_id,
    error::{Result, ServiceError},
    idempotency,
};
use proto::survey::v1::{self, invitation_service_server::InvitationService};
use serde_json::json;
use survey_domain::{
    campaign::{Campaign, State as CampaignState},
    channel::Channel,
    customer::Personal,
    invitation::{Invitation, STATES, State},
};
use tonic::{Request, Response, Status};

use crate::{
    convert,
    fieldwork::{
        access, claiming, convert as shown, inviting, link::Claim, opening, qr, reporting,
    },
    state::App,
    store::{self, fieldwork as stored, fieldwork::link::Link},
};

/// The invitation service.
pub struct Invitations(pub Arc<App>);

type Answer<T> = std::result::Result<Response<T>, Status>;

/// Open links of one campaign.
const LINKS_MAX: u64 = 10_000;
/// Answers per minute and address prefix of a link when no number is given.
const MINUTE_MAX_DEFAULT: i32 = 20;

#[async_trait::async_trait]
impl InvitationService for Invitations {
    async fn create_invitations(
        &self,
        request: Request<v1::CreateInvitationsRequest>,
    ) -> Answer<v1::CreateInvitationsResponse> {
        let (caller, request) = open_request(request)?;
        Ok(Response::new(inviting::create(&self.0, &caller, request).await?))
    }

    async fn get_invitation(
        &self,
        request: Request<v1::GetInvitationRequest>,
    ) -> Answer<v1::Invitation> {
        let (caller, request) = open_request(request)?;
        let (campaign, i) = access::invitation(&self.0, &caller, "name", &request.name).await?;
        let history = stored::history::list(self.0.db.read(), campaign.org, i.id).await?;
        let now_us = self.0.clock.now_us();
        Ok(Response::new(shown::invitation::invitation(&campaign, &i, &history, now_us)))
    }

    async fn list_invitations(
        &self,
        request: Request<v1::ListInvitationsRequest>,
    ) -> Answer<v1::ListInvitationsResponse> {
        let (caller, request) = open_request(request)?;
        Ok(Response::new(list(&self.0, &caller, &request).await?))
    }

    async fn list_due_invitations(
        &self,
        request: Request<v1::ListDueInvitationsRequest>,
    ) -> Answer<v1::ListDueInvitationsResponse> {
        let (caller, request) = open_request(request)?;
        Ok(Response::new(list_due(&self.0, &caller, &request).await?))
    }

    async fn get_invitation_contact(
        &self,
        request: Request<v1::GetInvitationContactRequest>,
    ) -> Answer<v1::InvitationContact> {
        let (caller, request) = open_request(request)?;
        let (campaign, i) = access::invitation(&self.0, &caller, "name", &request.name).await?;
        let mut found = contacts(&self.0, &campaign, vec![i]).await?;
        let found = found.pop().ok_or_else(|| ServiceError::not_found("invitation"));
        Ok(Response::new(found?))
    }

    async fn batch_report_invitations(
        &self,
        request: Request<v1::BatchReportInvitationsRequest>,
    ) -> Answer<v1::BatchReportInvitationsResponse> {
        let (caller, request) = open_request(request)?;
        let results = reporting::report(&self.0, &caller, &request.reports).await?;
        Ok(Response::new(v1::BatchReportInvitationsResponse { results }))
    }

    async fn record_attempt(
        &self,
        request: Request<v1::RecordAttemptRequest>,
    ) -> Answer<v1::Invitation> {
        let (caller, request) = open_request(request)?;
        Ok(Response::new(reporting::attempt(&self.0, &caller, &request).await?))
    }

    async fn claim_invitation(
        &self,
        request: Request<v1::ClaimInvitationRequest>,
    ) -> Answer<v1::Invitation> {
        let (caller, request) = open_request(request)?;
        Ok(Response::new(claiming::claim(&self.0, &caller, &request.name).await?))
    }

    async fn claim_next_invitation(
        &self,
        request: Request<v1::ClaimNextInvitationRequest>,
    ) -> Answer<v1::ClaimNextInvitationResponse> {
        let (caller, request) = open_request(request)?;
        Ok(Response::new(claiming::claim_next(&self.0, &caller, &request).await?))
    }

    async fn release_invitation(
        &self,
        request: Request<v1::ReleaseInvitationRequest>,
    ) -> Answer<v1::Invitation> {
        let (caller, request) = open_request(request)?;
        Ok(Response::new(claiming::release(&self.0, &caller, &request.name).await?))
    }

    async fn get_invitation_qr_code(
        &self,
        request: Request<v1::GetInvitationQrCodeRequest>,
    ) -> Answer<v1::QrCode> {
        let (caller, request) = open_request(request)?;
        let (campaign, i) = access::invitation(&self.0, &caller, "name", &request.name).await?;
        let claim = Claim::Invitation(i.id);
        let form = (request.format(), request.module_pixels);
        Ok(Response::new(qr_code(&self.0, &campaign, claim, form)?))
    }

    async fn create_link(&self, request: Request<v1::CreateLinkRequest>) -> Answer<v1::Link> {
        let (caller, request) = open_request(request)?;
        Ok(Response::new(create_link(&self.0, &caller, &request).await?))
    }

    async fn list_links(
        &self,
        request: Request<v1::ListLinksRequest>,
    ) -> Answer<v1::ListLinksResponse> {
        let (caller, request) = open_request(request)?;
        Ok(Response::new(list_links(&self.0, &caller, &request).await?))
    }

    async fn revoke_link(&self, request: Request<v1::RevokeLinkRequest>) -> Answer<v1::Link> {
        let (caller, request) = open_request(request)?;
        let (campaign, mut link) = access::link(&self.0, &caller, &request.name).await?;
        if link.revoke_us.is_none() {
            let now_us = self.0.clock.now_us();
            let tx = self.0.db.begin().await?;
            // Answers that are being stored come first.
            stored::campaign::wait_to_change(&tx, campaign.id).await?;
            stored::link::revoke(tx.conn(), &link, now_us).await?;
            let detail = json!({ "link": request.name, "revoked": true });
            opening::record(&self.0, &tx, Some(&caller), &campaign, detail).await?;
            tx.commit().await?;
            link.revoke_us = Some(now_us);
        }
        Ok(Response::new(shown::invitation::link(&self.0.links, &campaign, &link)))
    }

    async fn get_link_qr_code(
        &self,
        request: Request<v1::GetLinkQrCodeRequest>,
    ) -> Answer<v1::QrCode> {
        let (caller, request) = open_request(request)?;
        let (campaign, link) = access::link(&self.0, &caller, &request.name).await?;
        let form = (request.format(), request.module_pixels);
        Ok(Response::new(qr_code(&self.0, &campaign, Claim::Open(link.id), form)?))
    }
}

fn qr_code(
    app: &App,
    campaign: &Campaign,
    claim: Claim,
    (format, module_pixels): (v1::QrFormat, i32),
) -> Result<v1::QrCode> {
    let pixels = qr::module_pixels(module_pixels)?;
    let link = app.links.link(&campaign.settings.link_base, claim);
    let (content_type, image) = match format {
        v1::QrFormat::Png => ("image/png", qr::png(&link, pixels)?),
        v1::QrFormat::Svg | v1::QrFormat::Unspecified => ("image/svg+xml", qr::svg(&link, pixels)?),
    };
    Ok(v1::QrCode { link, content_type: content_type.to_owned(), image })
}

async fn list(
    app: &App,
    caller: &Caller,
    request: &v1::ListInvitationsRequest,
) -> Result<v1::ListInvitationsResponse> {
    let campaign = access::campaign(app, caller, "campaign", &request.campaign).await?;
    let unit = convert::id_opt("units", "unit", &request.unit)?;
    let channel = Channel::from_number(request.channel);
    let operators = [Channel::Phone, Channel::Visit, Channel::Meeting];
    let open = STATES.into_iter().filter(|state| state.waits_for_operator());
    let now_us = app.clock.now_us();
    let wanted = State::from_number(request.state);
    let filter = stored::invitation::Filter {
        units: unit.map(|unit| caller.visible()?.narrowed(Some(unit))).transpose()?.flatten(),
        states: match wanted {
            None if request.work_list => open.collect(),
            wanted => wanted.into_iter().collect(),
        },
        channels: match channel {
            None if request.work_list => operators.to_vec(),
            channel => channel.into_iter().collect(),
        },
        unsent: false,
        due_us: request.work_list.then_some(now_us),
        attempts_max: campaign.settings.attempts_max().filter(|_| request.work_list),
        free_for: (request.work_list && !request.include_claimed).then(|| (caller.name(), now_us)),
    };
    let key = format!(
        "invitations|{}|{}|{}|{}|{}|{}|{}",
        caller.org,
        campaign.id,
        request.state,
        request.channel,
        request.unit,
        request.work_list,
        request.include_claimed
    );
    let page = app.pages.open(key, request.page_size, &request.page_token)?;
    let conn = app.db.read();
    let (org, id) = (campaign.org, campaign.id);
    let mut found =
        stored::invitation::list(conn, org, id, &filter, page.after, page.limit).await?;
    let next_page_token = page.close(&mut found, |i| (i.due_us.unwrap_or_default(), i.id));
    let shown = |i| shown::invitation::invitation(&campaign, i, &[], now_us);
    let invitations = found.iter().map(shown).collect();
    Ok(v1::ListInvitationsResponse { invitations, next_page_token })
}

async fn list_due(
    app: &App,
    caller: &Caller,
    request: &v1::ListDueInvitationsRequest,
) -> Result<v1::ListDueInvitationsResponse> {
    let campaign = access::campaign(app, caller, "campaign", &request.campaign).await?;
    let sent = [Channel::PersonalLink, Channel::Email, Channel::Sms];
    let waiting = [State::Queued, State::HandedOver, State::Opened, State::Started];
    let channel = Channel::from_number(request.channel);
    let filter = stored::invitation::Filter {
        states: waiting.to_vec(),
        channels: channel.map_or(sent.to_vec(), |channel| vec![channel]),
        unsent: true,
        ..Default::default()
    };
    let key = format!("due|{}|{}|{}", caller.org, campaign.id, request.channel);
    let page = app.pages.open(key, request.page_size, &request.page_token)?;
    let conn = app.db.read();
    let (org, id) = (campaign.org, campaign.id);
    let mut found =
        stored::invitation::list(conn, org, id, &filter, page.after, page.limit).await?;
    let next_page_token = page.close(&mut found, |i| (0, i.id));
    let invitations = contacts(app, &campaign, found).await?;
    Ok(v1::ListDueInvitationsResponse { invitations, next_page_token })
}

/// Whom invitations are for, how to reach them, and their links.
async fn contacts(
    app: &App,
    campaign: &Campaign,
    invitations: Vec<Invitation>,
) -> Result<Vec<v1::InvitationContact>> {
    let ids: Vec<uuid::Uuid> = invitations.iter().filter_map(|i| i.customer).collect();
    let customers = store::customer::find_many(app.db.read(), campaign.org, &ids).await?;
    let now_us = app.clock.now_us();
    let mut found = Vec::with_capacity(invitations.len());
    for i in &invitations {
        let customer = customers.iter().find(|customer| Some(customer.id) == i.customer);
        let personal = match customer {
            Some(customer) => app.vault.open(customer.id, &customer.sealed)?,
            None => Personal::default(),
        };
        found.push(v1::InvitationContact {
            invitation: Some(shown::invitation::invitation(campaign, i, &[], now_us)),
            display_name: personal.display_name,
            phone: personal.phone,
            email: personal.email,
            language: customer.map(|customer| customer.language.clone()).unwrap_or_default(),
            link: app.links.link(&campaign.settings.link_base, Claim::Invitation(i.id)),
            call_from_hour: customer.map_or(0, |customer| customer.preferences.from_hour),
            call_to_hour: customer.map_or(0, |customer| customer.preferences.to_hour),
        });
    }
    Ok(found)
}

async fn create_link(
    app: &App,
    caller: &Caller,
    request: &v1::CreateLinkRequest,
) -> Result<v1::Link> {
    let campaign = access::campaign(app, caller, "campaign", &request.campaign).await?;
    let link = new_link(app, caller, &campaign, &request.link.clone().unwrap_or_default())?;
    let tx = app.db.begin().await?;
    let key = &request.request_id;
    if let Some(answer) = idempotency::replay(&tx, caller, key, request).await? {
        return Ok(answer);
    }
    let count = stored::link::count(tx.conn(), campaign.org, campaign.id).await?;
    if count >= LINKS_MAX {
        return Err(ServiceError::wrong_state("the campaign has as many links as it may have"));
    }
    stored::link::insert(tx.conn(), &link).await?;
    let answer = shown::invitation::link(&app.links, &campaign, &link);
    let detail = json!({ "link": answer.name, "displayName": link.display_name });
    opening::record(app, &tx, Some(caller), &campaign, detail).await?;
    idempotency::remember(&tx, caller, key, request, &answer, app.clock.as_ref()).await?;
    tx.commit().await?;
    Ok(answer)
}

fn new_link(app: &App, caller: &Caller, campaign: &Campaign, given: &v1::Link) -> Result<Link> {
    if campaign.state == CampaignState::Closed {
        return Err(ServiceError::wrong_state("the campaign is closed"));
    }
    let channel = Channel::from_number(given.channel).filter(|channel| channel.is_open());
    let Some(channel) = channel else {
        let text = "is neither RESPONSE_CHANNEL_OPEN_LINK nor RESPONSE_CHANNEL_QR_CODE";
        return Err(ServiceError::invalid("link.channel", text));
    };
    if !campaign.settings.channels().contains(&channel) {
        return Err(ServiceError::invalid("link.channel", "is none of the campaign's channels"));
    }
    let unit = match convert::id_opt("units", "link.unit", &given.unit)? {
        None => campaign.unit,
        Some(unit) => {
            access::unit_in_use(caller, unit, "link.unit")?;
            if !caller.view()?.is_within(unit, campaign.unit) {
                let text = "is not within the campaign's unit";
                return Err(ServiceError::invalid("link.unit", text));
            }
            unit
        }
    };
    if !(0..=10_000).contains(&given.minute_max) {
        return Err(ServiceError::invalid("link.minuteMax", "is not between 0 and 10000"));
    }
    if !(-1..=1_000).contains(&given.browser_max) {
        return Err(ServiceError::invalid("link.browserMax", "is not between -1 and 1000"));
    }
    let or = |value: i32, default: i32| if value == 0 { default } else { value };
    Ok(Link {
        id: new_id(app.clock.as_ref()),
        org: campaign.org,
        campaign: campaign.id,
        unit,
        display_name: given.display_name.clone(),
        channel,
        minute_max: or(given.minute_max, MINUTE_MAX_DEFAULT),
        browser_max: or(given.browser_max, 1),
        create_us: app.clock.now_us(),
        revoke_us: None,
    })
}

async fn list_links(
    app: &App,
    caller: &Caller,
    request: &v1::ListLinksRequest,
) -> Result<v1::ListLinksResponse> {
    let campaign = access::campaign(app, caller, "campaign", &request.campaign).await?;
    let key = format!("links|{}|{}", caller.org, campaign.id);
    let page = app.pages.open(key, request.page_size, &request.page_token)?;
    let conn = app.db.read();
    let mut found =
        stored::link::list(conn, campaign.org, campaign.id, page.after, page.limit).await?;
    let next_page_token = page.close(&mut found, |link| link.id);
    let links =
        found.iter().map(|link| shown::invitation::link(&app.links, &campaign, link)).collect();
    Ok(v1::ListLinksResponse { links, next_page_token })
}
