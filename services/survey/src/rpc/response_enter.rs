//! Entering an answer for somebody: telephone interviews, visits, meetings, terminals, paper.

use kit::{
    auth::Caller,
    error::{Result, ServiceError},
};
use proto::{survey::v1, time};
use survey_domain::{
    answer::{Answers, Attributes, Checked, Extent, check},
    campaign::Campaign,
    channel::Channel,
    questionnaire::Version,
    response::Response,
};
use uuid::Uuid;

use crate::{
    convert,
    fieldwork::entry::{Ticket, of_campaign, of_invitation},
    questionnaire::answers::{answers_of, refused},
    respond::{
        Respond, closed, content_hash, judge, must_accept,
        submission::{Entered, Submission, Verdict},
        submit::submission_id,
    },
    responses::campaign_to_enter,
    state::App,
    store::response,
};

/// Longest time that an answer may have taken, in seconds.
const DURATION_MAX_S: i32 = 30 * 86_400;
/// How far a clock may be ahead of ours.
const AHEAD_MAX_US: i64 = 5 * 60 * 1_000_000;

/// Enters an answer; the same submission again answers what is stored.
pub async fn enter(
    respond: &Respond,
    caller: &Caller,
    request: v1::EnterResponseRequest,
) -> Result<Response> {
    let engine = respond.engine();
    let app = &engine.app;
    let sent = submission_id(&request.submission_id)?;
    let ticket = ticket_of(app, caller, &request).await?;
    let campaign = &ticket.campaign;
    let id = engine.response_id(campaign.id, "entered", sent.as_bytes());
    let now_us = app.clock.now_us();
    if response::known(app.db.read(), &[id]).await?.is_empty() {
        must_accept(campaign, now_us)?;
    }
    let staff = staff_of(caller, &request.staff)?;
    let answer_us = answer_time(request.answer_time.as_ref().map(time::to_us), now_us)?;
    let version = engine.version_of(campaign).await?;
    let attributes = engine.attributes_of(&ticket).await?;
    let answers = answers_of(request.answers);
    let hash = content_hash(&answers, version.number);
    let checked = complete(&version, &answers, &attributes)?;
    let org = campaign.org;
    let submission = Submission {
        id,
        content_hash: hash,
        origin: None,
        entered: Some(Entered { staff, operator: caller.name(), row_id: None }),
        language: version.definition().language(&request.language),
        version,
        seed: 0,
        marks: judge::screened(&checked),
        answers: checked.answers,
        duration_ms: duration(request.duration_s)?,
        answer_us,
        receive_us: now_us,
        draft: None,
        ticket: Box::new(ticket),
    };
    match respond.submit(submission).await? {
        Verdict::Stored { .. } => {}
        Verdict::Refused(error) => return Err(error),
    }
    let stored = response::find(app.db.read(), org, id).await?;
    stored.ok_or_else(|| ServiceError::not_found("response"))
}

/// What is answered: an invitation, or the campaign without one.
async fn ticket_of(
    app: &App,
    caller: &Caller,
    request: &v1::EnterResponseRequest,
) -> Result<Ticket> {
    let conn = app.db.read();
    let named = convert::id_opt("units", "unit", &request.unit)?;
    let invitation = convert::id_opt("invitations", "invitation", &request.invitation)?;
    let invited = match invitation {
        Some(id) => {
            let found = of_invitation(conn, caller.org, id).await?;
            Some(found.ok_or_else(|| ServiceError::not_found("invitation"))?)
        }
        None => None,
    };
    let unit = named.or(invited.as_ref().map(|ticket| ticket.unit));
    let (campaign, unit) = campaign_to_enter(conn, caller, &request.campaign, unit).await?;
    let channel = channel_of(&campaign, request.channel)?;
    let ticket = match invited {
        Some(ticket) if ticket.campaign.id == campaign.id => Some(ticket),
        Some(_) => return Err(ServiceError::not_found("invitation")),
        None => of_campaign(conn, campaign.org, campaign.id, channel, Some(unit)).await?,
    };
    let ticket = ticket.ok_or_else(|| closed("the campaign was never opened"))?;
    Ok(Ticket { unit, channel, ..ticket })
}

/// Answers that are complete and fit.
pub fn complete(version: &Version, answers: &Answers, attributes: &Attributes) -> Result<Checked> {
    check(version, answers, attributes, Extent::Complete).map_err(|found| refused(&found))
}

fn channel_of(campaign: &Campaign, number: i32) -> Result<Channel> {
    let may = |channel: &Channel| {
        matches!(
            channel,
            Channel::Phone | Channel::Visit | Channel::Meeting | Channel::Terminal | Channel::Paper
        )
    };
    let channel = Channel::from_number(number).filter(may).ok_or_else(|| {
        ServiceError::invalid("channel", "is not phone, visit, meeting, terminal or paper")
    })?;
    has_channel(campaign, channel)?;
    Ok(channel)
}

/// Refuses a channel that the campaign does not have.
pub fn has_channel(campaign: &Campaign, channel: Channel) -> Result<()> {
    if campaign.settings.channels().contains(&channel) {
        return Ok(());
    }
    Err(ServiceError::invalid("channel", "is not one of the campaign's"))
}

fn staff_of(caller: &Caller, name: &str) -> Result<Option<Uuid>> {
    let Some(id) = convert::id_opt("staff", "staff", name)? else { return Ok(None) };
    let view = caller.view()?;
    let known = view.staff(id).ok_or_else(|| ServiceError::not_found("staff member"))?;
    Ok(Some(known.id))
}

fn answer_time(named_us: Option<i64>, now_us: i64) -> Result<i64> {
    match named_us {
        None => Ok(now_us),
        Some(us) if us > now_us + AHEAD_MAX_US => {
            Err(ServiceError::invalid("answerTime", "is in the future"))
        }
        Some(us) if us < 0 => Err(ServiceError::invalid("answerTime", "is before 1970")),
        Some(us) => Ok(us.min(now_us)),
    }
}

fn duration(seconds: Option<i32>) -> Result<Option<i64>> {
    match seconds {
        Some(s) if !(0..=DURATION_MAX_S).contains(&s) => {
            Err(ServiceError::invalid("durationS", "is not between 0 and 2592000"))
        }
        other => Ok(other.map(|s| i64::from(s) * 1_000)),
    }
}
