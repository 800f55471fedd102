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
    questionnaire::answers::{answers_of, refused},
    respond::{
        Respond, content_hash, judge,
        submission::{Entered, Submission, Verdict, Way},
    },
    responses::campaign_to_enter,
    store::{self, response},
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
    let conn = app.db.read();
    let submission_id = submission_id(&request.submission_id)?;
    let invitation = convert::id_opt("invitations", "invitation", &request.invitation)?;
    let named = convert::id_opt("units", "unit", &request.unit)?;
    let invited = match invitation {
        Some(id) => {
            let found = store::fieldwork::invitation::find(conn, caller.org, id).await?;
            Some(found.ok_or_else(|| ServiceError::not_found("invitation"))?)
        }
        None => None,
    };
    let unit = named.or(invited.as_ref().map(|invited| invited.unit));
    let (campaign, unit) = campaign_to_enter(conn, caller, &request.campaign, unit).await?;
    if invited.as_ref().is_some_and(|invited| invited.campaign != campaign.id) {
        return Err(ServiceError::not_found("invitation"));
    }
    let channel = channel_of(&campaign, request.channel)?;
    let staff = staff_of(caller, &request.staff)?;
    let now_us = app.clock.now_us();
    let answer_us = answer_time(request.answer_time.as_ref().map(time::to_us), now_us)?;
    let duration_ms = duration(request.duration_s)?;
    let version = engine.version_of(&campaign).await?;
    let customer = invited.as_ref().and_then(|invited| invited.customer);
    let attributes = engine.attributes(conn, campaign.org, customer).await?;
    let answers = answers_of(request.answers);
    let hash = content_hash(&answers, version.number);
    let checked = complete(&version, &answers, &attributes)?;
    let entered = Entered {
        invitation,
        channel,
        unit: Some(unit),
        staff,
        operator: caller.name(),
        row_id: None,
    };
    let id = engine.response_id(campaign.id, "entered", submission_id.as_bytes());
    let submission = Submission {
        org: campaign.org,
        campaign: campaign.id,
        id,
        content_hash: hash,
        way: Way::Entered(Box::new(entered)),
        language: version.definition().language(&request.language),
        version,
        seed: 0,
        marks: judge::screened(&checked),
        answers: checked.answers,
        duration_ms,
        answer_us,
        receive_us: now_us,
        draft: None,
    };
    match respond.submit(submission).await? {
        Verdict::Stored { .. } => {}
        Verdict::Refused(error) => return Err(error),
    }
    let stored = response::find(app.db.read(), campaign.org, id).await?;
    stored.ok_or_else(|| ServiceError::not_found("response"))
}

/// Reads the sender's id of a submission.
pub fn submission_id(text: &str) -> Result<Uuid> {
    let id = Uuid::try_parse(text).ok().filter(|id| !id.is_nil());
    id.ok_or_else(|| ServiceError::invalid("submissionId", "is no UUID"))
}

/// Answers that are complete and fit.
pub fn complete(version: &Version, answers: &Answers, attributes: &Attributes) -> Result<Checked> {
    check(version, answers, attributes, Extent::Complete).map_err(|found| refused(&found))
}

fn channel_of(campaign: &Campaign, number: i32) -> Result<Channel> {
    let may = |channel: &Channel| {
        matches!(
            channel,
            Channel::Phone
                | Channel::Visit
                | Channel::Meeting
                | Channel::Terminal
                | Channel::Paper
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
