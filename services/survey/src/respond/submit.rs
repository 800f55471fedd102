//! Submitting a form by its link.

use kit::error::{Result, ServiceError};
use proto::{names, survey::v1, time};
use survey_domain::{
    answer::{Answers, Extent, check},
    campaign::Acceptance,
    questionnaire::{
        form::{Wanted, form},
        pipe::Escape,
    },
};
use uuid::Uuid;

use super::{
    Engine, Respond, challenge, content_hash,
    form::Opened,
    group,
    judge::{self, Signs},
    session::Session,
    submission::{Origin, Submission, Verdict},
};
use crate::{
    fieldwork::entry::Ticket,
    questionnaire::answers::{answers_of, refused},
    store::response,
};

/// Reads the sender's id of a submission.
///
/// # Errors
/// INVALID_ARGUMENT.
pub fn submission_id(text: &str) -> Result<Uuid> {
    let id = Uuid::try_parse(text).ok().filter(|id| !id.is_nil());
    id.ok_or_else(|| ServiceError::invalid("submissionId", "is no UUID"))
}

/// Submits a form.
pub async fn submit(
    respond: &Respond,
    request: v1::SubmitResponseRequest,
    origin: Origin,
) -> Result<v1::Receipt> {
    let engine = respond.engine();
    let sent = submission_id(&request.submission_id)?;
    let opened = engine.opened(&request.link).await?;
    let session = engine.session(&request.link, &request.session)?;
    let id = engine.response_id(opened.ticket.campaign.id, "submitted", sent.as_bytes());
    must_be_worth_checking(engine, &opened, id).await?;
    let language = wanted_language(&request, session.as_ref());
    let submission = prepare(engine, &opened, request, session, origin, (id, sent)).await?;
    let answers = submission.answers.clone();
    let submit_us = match respond.submit(submission).await? {
        Verdict::Stored { submit_us, .. } => submit_us,
        Verdict::Refused(error) => return Err(error),
    };
    let thanks = thanks(engine, &opened.ticket, &language, &answers).await?;
    Ok(v1::Receipt {
        receipt: names::print("responses", id),
        submit_time: Some(time::from_us(submit_us)),
        closing_text: thanks,
    })
}

/// Says at once what the writer would say anyway, before the answers are looked at: who comes
/// too late is told so, whatever is wrong with the answers. What is stored already goes on, to
/// get its receipt again.
async fn must_be_worth_checking(engine: &Engine, opened: &Opened, id: Uuid) -> Result<()> {
    let refusal = match opened.ticket.accepts(opened.now_us) {
        _ if opened.ticket.is_used() => group::link_used(),
        Acceptance::Open => return Ok(()),
        Acceptance::NotYet => group::closed("the survey is not open yet"),
        Acceptance::Over => group::closed("the survey is closed"),
    };
    let known = response::known(engine.app.db.read(), &[id]).await?;
    if known.is_empty() { Err(refusal) } else { Ok(()) }
}

fn wanted_language(request: &v1::SubmitResponseRequest, session: Option<&Session>) -> String {
    match session {
        Some(session) if request.language.is_empty() => session.language.clone(),
        _ => request.language.clone(),
    }
}

async fn prepare(
    engine: &Engine,
    opened: &Opened,
    request: v1::SubmitResponseRequest,
    session: Option<Session>,
    mut origin: Origin,
    (id, sent): (Uuid, Uuid),
) -> Result<Submission> {
    let ticket = &opened.ticket;
    let version = engine.version_of(&ticket.campaign).await?;
    let shown = session.as_ref().map(|session| session.version);
    for number in [shown, Some(request.version).filter(|number| *number != 0)] {
        if number.is_some_and(|number| number != version.number) {
            return Err(ServiceError::invalid("version", "is not the one that was shown"));
        }
    }
    let attributes = engine.attributes_of(ticket).await?;
    let language = version.definition().language(&wanted_language(&request, session.as_ref()));
    let answers = answers_of(request.answers);
    let hash = content_hash(&answers, version.number);
    let checked = check(&version, &answers, &attributes, Extent::Complete)
        .map_err(|problems| refused(&problems))?;
    let now_us = opened.now_us;
    let duration_ms = session.as_ref().map(|s| now_us.saturating_sub(s.start_us).max(0) / 1_000);
    let signs =
        Signs { honeypot: !request.website.is_empty(), page_view: session.is_some(), duration_ms };
    if !request.challenge.is_empty() {
        let (text, solution) = (&request.challenge, &request.solution);
        let seal = &engine.challenges;
        origin.solved = challenge::is_met(seal, &request.link, sent, text, solution, now_us);
    }
    origin.browser = request.browser_token;
    Ok(Submission {
        id,
        content_hash: hash,
        origin: Some(origin).filter(|_| ticket.link.is_some()),
        ticket: Box::new(ticket.clone()),
        entered: None,
        marks: judge::marks(&version, &checked, signs),
        version,
        language,
        seed: session.as_ref().map(|session| session.seed).unwrap_or_default(),
        answers: checked.answers,
        duration_ms,
        answer_us: now_us,
        receive_us: now_us,
        draft: session.map(|session| session.draft),
    })
}

/// The words at the end that these answers lead to.
async fn thanks(
    engine: &Engine,
    ticket: &Ticket,
    language: &str,
    answers: &Answers,
) -> Result<String> {
    let version = engine.version_of(&ticket.campaign).await?;
    if version.definition().endings.is_empty() {
        return Ok(String::new());
    }
    let attributes = engine.attributes_of(ticket).await?;
    let wanted = Wanted { language, seed: 0, escape: Escape::Plain };
    Ok(form(&version, answers, &attributes, wanted).ending.text)
}

/// The words at the plain end.
pub async fn closing_text(engine: &Engine, ticket: &Ticket, language: &str) -> Result<String> {
    thanks(engine, ticket, language, &Answers::default()).await
}
