//! Opening a link, beginning to answer, and keeping what was answered so far.

use std::sync::Arc;

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use kit::{
    auth::suspended,
    directory::OrgView,
    error::{Result, ServiceError},
};
use proto::{
    survey::v1::{self, FormState},
    time,
};
use survey_domain::{
    answer::{Answers, Attributes},
    campaign::Acceptance,
    invitation::State,
    questionnaire::{
        Version,
        form::{Wanted, form},
        pipe::Escape,
    },
};
use uuid::Uuid;

use super::{
    Engine, challenge, group,
    session::Session,
    submit::{closing_text, submission_id},
};
use crate::{
    fieldwork::entry::{self, Ticket},
    questionnaire::{answers::answers_to, form::to_proto},
    store::{
        response,
        response_draft::{self, Draft},
    },
    words,
};

/// What a call of a respondent begins with.
pub struct Opened {
    /// Where the link leads.
    pub ticket: Ticket,
    /// The organisation.
    pub view: Arc<OrgView>,
    /// Time of the call.
    pub now_us: i64,
}

impl Engine {
    /// Where a link leads.
    ///
    /// # Errors
    /// NOT_FOUND for what is no link of ours, and for a campaign that was never opened.
    pub async fn opened(&self, link: &str) -> Result<Opened> {
        let ticket = entry::find(&self.app, link).await?;
        let ticket = ticket.ok_or_else(|| ServiceError::not_found("link"))?;
        let view = self.app.directory.organisation(ticket.org());
        let view = view.ok_or_else(|| ServiceError::unavailable("try again in a moment"))?;
        if view.suspended {
            return Err(suspended());
        }
        Ok(Opened { ticket, view, now_us: self.app.clock.now_us() })
    }

    /// What is known of the customer of a ticket, for branching and texts.
    pub async fn attributes_of(&self, ticket: &Ticket) -> Result<Attributes> {
        let customer = ticket.invitation.as_ref().and_then(|invitation| invitation.customer);
        self.attributes(ticket.org(), customer).await
    }

    /// Reads a session of a link; an empty one is none.
    ///
    /// # Errors
    /// INVALID_ARGUMENT for one that was altered or belongs to another link.
    pub fn session(&self, link: &str, text: &str) -> Result<Option<Session>> {
        if text.is_empty() {
            return Ok(None);
        }
        let session = Session::parse(&self.sessions, link, text);
        session.map(Some).ok_or_else(|| ServiceError::invalid("session", "is none of this link"))
    }

    /// The draft that a personal link always finds again; none where anonymity was promised,
    /// since it would tie the person to the answers.
    fn own_draft(&self, ticket: &Ticket) -> Option<Uuid> {
        let invitation = ticket.noted_invitation()?;
        Some(self.response_id(ticket.campaign.id, "draft", invitation.as_bytes()))
    }
}

/// Opens a link.
pub async fn open(engine: &Engine, request: v1::OpenFormRequest) -> Result<v1::OpenedForm> {
    let opened = engine.opened(&request.link).await?;
    let ticket = &opened.ticket;
    let settings = &ticket.campaign.settings;
    let state = state_of(engine, &opened).await?;
    let version = engine.version_of(&ticket.campaign).await?;
    let language = version.definition().language(&request.language);
    let mut answer = v1::OpenedForm {
        state: state as i32,
        languages: version.definition().languages(),
        anonymous: settings.anonymous,
        open_time: settings.open_us.map(time::from_us),
        close_time: settings.close_us.map(time::from_us),
        closing_text: word_of(state, &language).to_owned(),
        ..Default::default()
    };
    if state != FormState::Open {
        return Ok(answer);
    }
    entry::hear(&engine.app, ticket, State::Opened).await?;
    let begun = begun(engine, &request.link, ticket, &request.session).await?;
    let attributes = engine.attributes_of(ticket).await?;
    let (seed, answers) = match &begun {
        Some((session, draft)) => {
            let draft = draft.as_ref();
            answer.session = session.print(&engine.sessions, &request.link);
            answer.save_time = draft.map(|draft| time::from_us(draft.save_us));
            answer.revision = draft.map_or(0, |draft| draft.revision);
            let answers = draft.map(|draft| draft.answers.clone()).unwrap_or_default();
            (session.seed, answers)
        }
        None => (0, Answers::default()),
    };
    // Who goes on in another language than before wishes it.
    let before = begun.filter(|_| request.language.is_empty()).map(|(session, _)| session.language);
    let language = before.unwrap_or(language);
    answer.form = Some(rendered(&version, &answers, &attributes, &language, seed));
    answer.answers = answers_to(&answers);
    Ok(answer)
}

/// Begins to answer.
pub async fn start(
    engine: &Engine,
    request: v1::StartResponseRequest,
) -> Result<v1::StartedResponse> {
    let opened = engine.opened(&request.link).await?;
    must_be_open(engine, &opened).await?;
    let ticket = &opened.ticket;
    entry::hear(&engine.app, ticket, State::Started).await?;
    let version = engine.version_of(&ticket.campaign).await?;
    let language = version.definition().language(&request.language);
    let begun = begun(engine, &request.link, ticket, "").await?;
    let (session, draft) = match begun {
        Some((session, draft)) => (Session { language: language.clone(), ..session }, draft),
        None => {
            let draft = engine.own_draft(ticket).unwrap_or_else(random_id);
            let session = Session {
                draft,
                version: version.number,
                seed: rand::random(),
                start_us: opened.now_us,
                language: language.clone(),
            };
            (session, None)
        }
    };
    let attributes = engine.attributes_of(ticket).await?;
    let revision = draft.as_ref().map_or(0, |draft| draft.revision);
    let answers = draft.map(|draft| draft.answers).unwrap_or_default();
    Ok(v1::StartedResponse {
        session: session.print(&engine.sessions, &request.link),
        form: Some(rendered(&version, &answers, &attributes, &language, session.seed)),
        browser_token: BASE64_URL_SAFE_NO_PAD.encode(rand::random::<[u8; 16]>()),
        revision,
    })
}

/// A challenge for a submission.
pub async fn make_challenge(
    engine: &Engine,
    request: v1::CreateChallengeRequest,
) -> Result<v1::Challenge> {
    let opened = engine.opened(&request.link).await?;
    let submission = submission_id(&request.submission_id)?;
    let made = challenge::make(&engine.challenges, &request.link, submission, opened.now_us);
    Ok(v1::Challenge {
        challenge: made.text,
        difficulty_bits: i32::try_from(made.bits).unwrap_or_default(),
        expire_time: Some(time::from_us(made.expire_us)),
    })
}

/// The receipt of a submission of this link's campaign.
pub async fn receipt(engine: &Engine, request: v1::GetReceiptRequest) -> Result<v1::Receipt> {
    let opened = engine.opened(&request.link).await?;
    let submission = submission_id(&request.submission_id)?;
    let campaign = opened.ticket.campaign.id;
    let id = engine.response_id(campaign, "submitted", submission.as_bytes());
    let known = response::known(engine.app.db.read(), &[id]).await?;
    let known = known.get(&id).filter(|known| known.campaign == campaign);
    let known = known.ok_or_else(|| ServiceError::not_found("submission"))?;
    Ok(v1::Receipt {
        receipt: proto::names::print("responses", id),
        submit_time: Some(time::from_us(known.submit_us)),
        closing_text: closing_text(engine, &opened.ticket, &known.language).await?,
    })
}

/// The session and draft to go on with, if anything was begun.
async fn begun(
    engine: &Engine,
    link: &str,
    ticket: &Ticket,
    session: &str,
) -> Result<Option<(Session, Option<Draft>)>> {
    if let Some(session) = engine.session(link, session)? {
        let draft = found_draft(engine, ticket, session.draft).await?;
        return Ok(Some((session, draft)));
    }
    let Some(own) = engine.own_draft(ticket) else { return Ok(None) };
    let Some(draft) = found_draft(engine, ticket, own).await? else { return Ok(None) };
    let session = Session {
        draft: draft.id,
        version: draft.version,
        seed: draft.seed,
        start_us: draft.start_us,
        language: draft.language.clone(),
    };
    Ok(Some((session, Some(draft))))
}

async fn found_draft(engine: &Engine, ticket: &Ticket, id: Uuid) -> Result<Option<Draft>> {
    let conn = engine.app.db.read();
    let mut found = response_draft::find(conn, ticket.org(), id).await?;
    words::open_drafts(&engine.app, conn, found.as_mut_slice()).await?;
    Ok(found)
}

async fn state_of(engine: &Engine, opened: &Opened) -> Result<FormState> {
    let ticket = &opened.ticket;
    if ticket.is_used() {
        return Ok(FormState::Answered);
    }
    match ticket.accepts(opened.now_us) {
        Acceptance::NotYet => return Ok(FormState::NotYetOpen),
        Acceptance::Over => return Ok(FormState::Closed),
        Acceptance::Open => {}
    }
    if ticket.invitation.as_ref().is_some_and(|invitation| !invitation.state.is_answerable()) {
        return Ok(FormState::Closed);
    }
    let full = entry::is_full(engine.app.db.read(), &opened.view, ticket).await?;
    Ok(if full { FormState::QuotaFull } else { FormState::Open })
}

/// Whether answers are taken by a link now.
///
/// # Errors
/// As [`Engine::opened`] says of links; SURVEY_CLOSED and LINK_USED.
pub(super) async fn must_be_open(engine: &Engine, opened: &Opened) -> Result<()> {
    match state_of(engine, opened).await? {
        FormState::Open => Ok(()),
        FormState::Answered => Err(group::link_used()),
        FormState::NotYetOpen => Err(group::closed("the survey is not open yet")),
        FormState::QuotaFull => {
            Err(group::closed("enough answers of this kind have come in; thank you"))
        }
        FormState::Closed | FormState::Unspecified => Err(group::closed("the survey is closed")),
    }
}

/// A form in words, after the answers so far.
pub(super) fn rendered(
    version: &Version,
    answers: &Answers,
    attributes: &Attributes,
    language: &str,
    seed: u32,
) -> v1::Form {
    let wanted = Wanted { language, seed, escape: Escape::Plain };
    to_proto(version, seed, form(version, answers, attributes, wanted))
}

/// A word to those who cannot answer now.
fn word_of(state: FormState, language: &str) -> &'static str {
    let chinese = language.starts_with("zh");
    match (state, chinese) {
        (FormState::Open | FormState::Unspecified, _) => "",
        (FormState::NotYetOpen, true) => "调查尚未开始，请稍后再来。",
        (FormState::NotYetOpen, false) => "The survey has not begun yet. Please come back later.",
        (FormState::Closed, true) => "调查已经结束，感谢您的关注。",
        (FormState::Closed, false) => "The survey is over. Thank you for your interest.",
        (FormState::QuotaFull, true) => "我们已收到足够的答卷，感谢您的支持。",
        (FormState::QuotaFull, false) => "We have received enough answers. Thank you very much.",
        (FormState::Answered, true) => "您已完成作答，谢谢！",
        (FormState::Answered, false) => "You have answered this survey. Thank you!",
    }
}

fn random_id() -> Uuid {
    uuid::Builder::from_random_bytes(rand::random()).into_uuid()
}
