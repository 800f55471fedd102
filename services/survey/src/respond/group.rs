//! One group of submissions in one transaction: which are new, which are taken, and everything
//! that is written because of them. The invitation is used up, the response stored and the feed
//! told together or not at all.

use std::collections::{HashMap, hash_map::Entry};

use jiff::tz::TimeZone;
use kit::{
    auth::suspended,
    db::{Dialect, WriteTx, dialect_of},
    directory::OrgView,
    error::{Result, ServiceError},
};
use proto::{common::v1::Reason, survey::v1::Event};
use survey_domain::{
    campaign::Campaign,
    plan::calendar,
    response::{Decision, Marks, Response},
};
use tonic::Code;
use uuid::Uuid;

use super::{
    Engine, facts,
    stuffing::Stuffing,
    submission::{Submission, Verdict},
    trace::Hasher,
};
use crate::{
    crash_point,
    fieldwork::{
        counting::Tally,
        entry::{Answer, Consumed, consume},
        held::Held,
    },
    store::{response, response_draft},
    words,
};

const HALF_DAY_US: i64 = 12 * 3_600 * 1_000_000;

/// What became of a group.
pub struct Placed {
    /// One verdict for each submission.
    pub verdicts: Vec<Verdict>,
    /// What the feed has to say.
    pub events: Vec<Event>,
    /// Keys to remember once this is committed.
    pub hasher: Option<Hasher>,
    /// Campaigns whose invitations have to be stirred then.
    pub unstirred: Vec<Uuid>,
}

/// Places a group inside of `tx`, outbox excepted.
///
/// # Errors
/// ABORTED when another transaction was faster.
pub async fn place(engine: &Engine, tx: &WriteTx, submissions: &[&Submission]) -> Result<Placed> {
    let now_us = engine.app.clock.now_us();
    let mut sorted = Sorted::of(tx, submissions).await?;
    let fresh: Vec<&Submission> = sorted.fresh.iter().map(|i| submissions[*i]).collect();
    let mut stuffing = Stuffing::load(engine, tx, &fresh, now_us).await?;
    let mut held = Held::of(tx, fresh.iter().map(|submission| &*submission.ticket)).await?;
    let mut tally = Tally::default();
    let mut stored: Vec<Response> = Vec::with_capacity(fresh.len());
    let mut events = Vec::with_capacity(fresh.len());
    let mut drafts = Vec::new();
    for index in std::mem::take(&mut sorted.fresh) {
        let submission = submissions[index];
        let memory = (&mut stuffing, &mut held, &mut tally);
        let verdict = match take(engine, tx, memory, submission).await? {
            Ok(response) => {
                events.extend(facts::change(None, Some(&response), &submission.version));
                drafts.extend(submission.draft);
                let submit_us = response.submit_us;
                stored.push(response);
                Verdict::Stored { submit_us, duplicate: false }
            }
            Err(error) => Verdict::Refused(error),
        };
        sorted.verdicts[index] = Some(verdict);
    }
    sorted.look_again(tx, submissions).await?;
    crash_point::pass("survey.after_consume");
    words::seal(&engine.app, tx.conn(), &mut stored).await?;
    let rows: Vec<&Response> = stored.iter().collect();
    if response::insert(tx, &rows).await? != rows.len() as u64 {
        // Another process stored one of them after we looked.
        return Err(ServiceError::stale());
    }
    crash_point::pass("survey.after_insert");
    response_draft::remove(tx, &drafts).await?;
    let hasher = stuffing.save(tx, now_us).await?;
    held.write(tx).await?;
    if let Some(first) = stored.first() {
        tally.write(tx.conn(), first.id).await?;
    }
    let unstirred = unstirred(&stored);
    Ok(Placed { verdicts: sorted.finish(), events, hasher, unstirred })
}

/// Campaigns in which an invitation and an anonymous response were written by one transaction,
/// which the databases would tell.
fn unstirred(stored: &[Response]) -> Vec<Uuid> {
    let tied = stored.iter().filter(|response| response.anonymous && response.invited);
    tied.map(|response| response.campaign).collect()
}

/// Which submissions of a group are new.
struct Sorted {
    verdicts: Vec<Option<Verdict>>,
    /// New ones, in the order of their invitations.
    fresh: Vec<usize>,
    /// Submissions that repeat an earlier one of the group, with its index.
    repeats: Vec<(usize, usize)>,
}

impl Sorted {
    async fn of(tx: &WriteTx, submissions: &[&Submission]) -> Result<Self> {
        let ids: Vec<Uuid> = submissions.iter().map(|submission| submission.id).collect();
        let known = response::known(tx.conn(), &ids).await?;
        let mut sorted = Self {
            verdicts: vec![None; submissions.len()],
            fresh: Vec::with_capacity(submissions.len()),
            repeats: Vec::new(),
        };
        let mut first: HashMap<Uuid, usize> = HashMap::with_capacity(submissions.len());
        for (index, submission) in submissions.iter().enumerate() {
            if let Some(before) = known.get(&submission.id) {
                let same = before.content_hash == submission.content_hash;
                sorted.verdicts[index] = Some(repeated(same, before.submit_us));
                continue;
            }
            match first.entry(submission.id) {
                Entry::Vacant(place) => {
                    place.insert(index);
                    sorted.fresh.push(index);
                }
                Entry::Occupied(before) => sorted.repeats.push((index, *before.get())),
            }
        }
        sorted.repeats.retain(|(index, before)| {
            let same = submissions[*index].content_hash == submissions[*before].content_hash;
            if !same {
                sorted.verdicts[*index] = Some(Verdict::Refused(other_content()));
            }
            same
        });
        let invitation = |index: &usize| {
            submissions[*index].ticket.invitation.as_ref().map(|invitation| invitation.id)
        };
        sorted.fresh.sort_by_key(invitation);
        Ok(sorted)
    }

    /// What was refused may have been stored by another process while we waited for a row that
    /// it held: then it repeats that.
    async fn look_again(&mut self, tx: &WriteTx, submissions: &[&Submission]) -> Result<()> {
        if dialect_of(tx.conn()) == Dialect::Sqlite {
            return Ok(());
        }
        let refused = self.verdicts.iter().enumerate();
        let refused: Vec<usize> = refused
            .filter(|(_, verdict)| matches!(verdict, Some(Verdict::Refused(_))))
            .map(|(index, _)| index)
            .collect();
        let ids: Vec<Uuid> = refused.iter().map(|index| submissions[*index].id).collect();
        let known = response::known(tx.conn(), &ids).await?;
        for index in refused {
            if let Some(before) = known.get(&submissions[index].id) {
                let same = before.content_hash == submissions[index].content_hash;
                self.verdicts[index] = Some(repeated(same, before.submit_us));
            }
        }
        Ok(())
    }

    fn finish(mut self) -> Vec<Verdict> {
        for (index, before) in &self.repeats {
            self.verdicts[*index] = match &self.verdicts[*before] {
                Some(Verdict::Stored { submit_us, .. }) => Some(repeated(true, *submit_us)),
                other => other.clone(),
            };
        }
        let verdicts = self.verdicts.into_iter();
        verdicts.map(|verdict| verdict.expect("each was judged or repeats one")).collect()
    }
}

fn repeated(same: bool, submit_us: i64) -> Verdict {
    if same {
        Verdict::Stored { submit_us, duplicate: true }
    } else {
        Verdict::Refused(other_content())
    }
}

/// Counts a new submission and makes its response, or says why not; then nothing was changed.
async fn take(
    engine: &Engine,
    tx: &WriteTx,
    (stuffing, held, tally): (&mut Stuffing, &mut Held, &mut Tally),
    submission: &Submission,
) -> Result<std::result::Result<Response, ServiceError>> {
    let ticket = &submission.ticket;
    let Some(view) = engine.app.directory.organisation(ticket.org()) else {
        return Ok(Err(ServiceError::unavailable("the organisation is not known here yet")));
    };
    if view.suspended {
        return Ok(Err(suspended()));
    }
    let mut marks = submission.marks;
    match stuffing.judge(submission) {
        Ok(more) => marks = Marks(marks.0 | more.0),
        Err(error) => return Ok(Err(error)),
    }
    let answer = Answer {
        channel: ticket.channel,
        suspect: !marks.is_empty(),
        at_us: submission.receive_us,
    };
    let refusal = match consume(tx, tally, held, &view, ticket, answer).await? {
        Consumed::Taken => {
            stuffing.count(submission);
            return Ok(Ok(response_of(submission, marks, &view)));
        }
        Consumed::Used => link_used(),
        Consumed::NotYet => closed("the survey is not open yet"),
        Consumed::Closed => closed("the survey is closed"),
        Consumed::QuotaFull => closed("enough answers of this kind have come in; thank you"),
    };
    Ok(Err(refusal))
}

fn response_of(submission: &Submission, marks: Marks, view: &OrgView) -> Response {
    let ticket = &submission.ticket;
    let campaign = &ticket.campaign;
    let anonymous = campaign.settings.anonymous;
    let entered = submission.entered.as_ref();
    let submit_us = match anonymous {
        true => noon_of(campaign, submission.answer_us),
        false => submission.answer_us,
    };
    let site = view.site_at(ticket.unit, submit_us);
    Response {
        id: submission.id,
        org: campaign.org,
        campaign: campaign.id,
        questionnaire: campaign.settings.questionnaire,
        version: submission.version.number,
        unit: ticket.unit,
        site,
        site_since_us: Some(view.placed_since(site, submit_us)),
        staff: entered.and_then(|entered| entered.staff),
        customer: ticket.customer(),
        class: ticket.class,
        invitation: ticket.noted_invitation(),
        link: ticket.link.as_ref().map(|link| link.id),
        invited: ticket.invitation.is_some(),
        channel: ticket.channel,
        language: submission.language.clone(),
        submit_us,
        duration_ms: submission.duration_ms,
        seed: submission.seed,
        answers: submission.answers.clone(),
        content_hash: submission.content_hash,
        marks,
        decision: Decision::Open,
        reviewer: None,
        review_us: None,
        anonymous,
        operator: entered.map(|entered| entered.operator.clone()),
        row_id: entered.and_then(|entered| entered.row_id.clone()),
        erased: false,
        sealed: None,
    }
}

/// The noon of the day of a time: all that is kept of when somebody answered who was promised
/// anonymity.
fn noon_of(campaign: &Campaign, us: i64) -> i64 {
    let zone = TimeZone::get(&campaign.time_zone).unwrap_or(TimeZone::UTC);
    calendar::start_us(calendar::day_of(us, &zone), &zone).saturating_add(HALF_DAY_US)
}

/// FAILED_PRECONDITION because no answers are taken.
pub fn closed(text: &str) -> ServiceError {
    ServiceError::new(Code::FailedPrecondition, Reason::SurveyClosed, text)
}

/// ALREADY_EXISTS because the personal link was answered.
pub fn link_used() -> ServiceError {
    let text = "this link has been answered";
    ServiceError::new(Code::AlreadyExists, Reason::LinkUsed, text)
}

fn other_content() -> ServiceError {
    ServiceError::already_exists("this id was used with other answers; what was stored first stays")
}
