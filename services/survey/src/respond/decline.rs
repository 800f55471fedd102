//! Saying no to an invitation, and to all surveys to come.

use kit::error::{Result, ServiceError};
use proto::survey::v1;
use survey_domain::invitation::State;

use super::Engine;
use crate::{customers::change::leave_alone, fieldwork::entry};

/// Declines an invitation.
pub async fn decline(
    engine: &Engine,
    request: v1::DeclineInvitationRequest,
) -> Result<v1::DeclinedInvitation> {
    let opened = engine.opened(&request.link).await?;
    let ticket = &opened.ticket;
    let Some(invitation) = &ticket.invitation else {
        return Err(ServiceError::invalid("link", "is no personal link"));
    };
    entry::hear(&engine.app, ticket, State::Refused).await?;
    let mut left_alone = false;
    if let Some(customer) = invitation.customer.filter(|_| request.leave_alone) {
        leave_alone(&engine.app, ticket.org(), customer).await?;
        left_alone = true;
    }
    let version = engine.version_of(&ticket.campaign).await?;
    let language = version.definition().language(&request.language);
    let words = match (left_alone, language.starts_with("zh")) {
        (true, true) => "好的，我们不会再邀请您参加调查。",
        (true, false) => "We will not invite you to surveys any more.",
        (false, true) => "好的，我们不会再就本次调查打扰您。",
        (false, false) => "We will not remind you of this survey. Thank you for telling us.",
    };
    Ok(v1::DeclinedInvitation { leave_alone: left_alone, closing_text: words.to_owned() })
}
