//! Keeping what was answered so far. Saves of one page may overtake each other on their way here:
//! each has a number, and an older one never takes the place of a newer one.

use kit::{
    db::WriteTx,
    error::{Result, ServiceError},
};
use proto::{common::v1::Reason, survey::v1, time};
use survey_domain::answer::{Extent, check};
use tonic::Code;
use uuid::Uuid;

use super::{
    Engine,
    form::{Opened, must_be_open, rendered},
    session::Session,
    submission::Origin,
};
use crate::{
    fieldwork::entry::Ticket,
    questionnaire::answers::{answers_of, answers_to, refused},
    store::{
        respondent, response,
        response_draft::{self, Draft, Saved},
    },
    words,
};

/// Largest unfinished answer in bytes.
const DRAFT_BYTES_MAX: usize = 64 * 1024;
/// How long an unfinished answer is kept.
const DRAFT_US: i64 = 30 * 86_400_000_000;
/// New drafts from one network by an open link, as a multiple of the answers it may send.
const DRAFTS_PER_ANSWER: u32 = 5;
/// Greatest number of a save: programs that know floating-point numbers only count that far.
const REVISION_MAX: i64 = 1 << 53;

/// Keeps an unfinished answer.
pub async fn save(
    engine: &Engine,
    request: v1::SaveResponseRequest,
    origin: &Origin,
) -> Result<v1::SavedResponse> {
    let opened = engine.opened(&request.link).await?;
    must_be_open(engine, &opened).await?;
    let session = engine.session(&request.link, &request.session)?;
    let session = session.ok_or_else(|| ServiceError::invalid("session", "is required"))?;
    if !(0..=REVISION_MAX).contains(&request.revision) {
        return Err(ServiceError::invalid("revision", "is not between 0 and 2^53"));
    }
    let version = engine.version_of(&opened.ticket.campaign).await?;
    let attributes = engine.attributes_of(&opened.ticket).await?;
    let draft = draft(&opened, &session, request);
    if response::print_answers(&draft.answers, None).len() > DRAFT_BYTES_MAX {
        let text = "an unfinished answer has at most 64 KiB";
        return Err(ServiceError::new(Code::ResourceExhausted, Reason::TooLarge, text));
    }
    let checked = check(&version, &draft.answers, &attributes, Extent::Partial);
    checked.map_err(|problems| refused(&problems))?;
    let (stands, superseded) = keep(engine, &opened, draft, origin).await?;
    let of = &stands.answers;
    let form = rendered(&version, of, &attributes, &session.language, session.seed);
    Ok(v1::SavedResponse {
        save_time: Some(time::from_us(stands.save_us)),
        expire_time: Some(time::from_us(stands.expire_us)),
        form: Some(form),
        revision: stands.revision,
        superseded,
        answers: if superseded { answers_to(of) } else { Vec::new() },
    })
}

fn draft(opened: &Opened, session: &Session, request: v1::SaveResponseRequest) -> Draft {
    let ticket = &opened.ticket;
    Draft {
        id: session.draft,
        org: ticket.org(),
        campaign: ticket.campaign.id,
        invitation: ticket.noted_invitation(),
        customer: ticket.customer(),
        version: session.version,
        language: session.language.clone(),
        seed: session.seed,
        start_us: session.start_us,
        answers: answers_of(request.answers),
        save_us: opened.now_us,
        expire_us: opened.now_us.saturating_add(DRAFT_US),
        sealed: None,
        revision: request.revision,
    }
}

/// Stores a draft unless a newer one is there; answers what stands then, and whether it is
/// another one. A save that is repeated stands already.
async fn keep(
    engine: &Engine,
    opened: &Opened,
    mut draft: Draft,
    origin: &Origin,
) -> Result<(Draft, bool)> {
    let app = &engine.app;
    words::seal_draft(app, app.db.read(), &mut draft).await?;
    let tx = app.db.begin().await?;
    let saved = response_draft::save(&tx, &draft).await?;
    match saved {
        Saved::New => {
            bound_drafts(engine, &tx, &opened.ticket, origin, opened.now_us).await?;
            draft.revision = draft.revision.max(1);
        }
        Saved::Replaced if draft.revision > 0 => {}
        Saved::Replaced | Saved::Overtaken => {
            let found = response_draft::find(tx.conn(), draft.org, draft.id).await?;
            // Submitted at this very moment.
            let mut found = found.ok_or_else(ServiceError::stale)?;
            words::open_drafts(app, tx.conn(), std::slice::from_mut(&mut found)).await?;
            let repeated = found.revision == draft.revision && found.answers == draft.answers;
            let superseded = saved == Saved::Overtaken && !repeated;
            tx.commit().await?;
            return Ok((found, superseded));
        }
    }
    tx.commit().await?;
    Ok((draft, false))
}

/// Bounds how many drafts one network may begin by an open link.
async fn bound_drafts(
    engine: &Engine,
    tx: &WriteTx,
    ticket: &Ticket,
    origin: &Origin,
    now_us: i64,
) -> Result<()> {
    let (Some(link), Some(address)) = (&ticket.link, origin.address) else { return Ok(()) };
    let hasher = engine.keys.hasher(tx, now_us).await?;
    // A place of its own beside that of finished answers.
    let own = Uuid::from_u128(!link.id.as_u128());
    let Some(place) = hasher.place(own, address) else { return Ok(()) };
    let known = respondent::windows(tx, std::slice::from_ref(&place)).await?;
    let mut window = known.get(&place).copied().unwrap_or_default();
    let limit = u32::try_from(link.minute_max).unwrap_or_default();
    if !window.admit(now_us, limit.saturating_mul(DRAFTS_PER_ANSWER)) {
        let text = "too many answers are begun from one place";
        let retry = std::time::Duration::from_secs(60);
        return Err(ServiceError::exhausted(Reason::QuotaExceeded, text, retry));
    }
    respondent::save_window(tx, &place, &window, now_us).await
}
