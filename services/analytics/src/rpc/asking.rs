//! Asks a question about figures on behalf of a caller: permission, period, source.

use std::sync::Arc;

use analytics_domain::{
    calendar::{self, Calendar},
    plan::Group,
};
use kit::{
    auth::Caller,
    directory::OrgView,
    error::{Result, ServiceError},
};
use proto::analytics::v1::{Alignment, FigureSource, QueryFiguresRequest};

use super::{access, request};
use crate::{
    figures::{Answer, Question, zone},
    state::App,
    store::settings,
};

/// A question with its answer.
pub struct Asked {
    /// The organisation as it is now.
    pub view: Arc<OrgView>,
    /// The question.
    pub question: Question,
    /// The answer.
    pub answer: Answer,
}

/// Reads a request, checks who asks, and answers.
///
/// # Errors
/// NOT_FOUND or PERMISSION_DENIED for what the caller may not see, INVALID_ARGUMENT for what
/// makes no sense or is not kept.
pub async fn ask(app: &App, caller: &Caller, message: &QueryFiguresRequest) -> Result<Asked> {
    // Who may not see the unit learns nothing else about the request either.
    let limited = access::limit(caller, request::unit("unit", &message.unit)?)?;
    let mut question = request::question(message)?;
    let view = caller.view()?;
    let by_staff = question.groups.contains(&Group::Staff);
    let asked = &question.filter.staff;
    question.filter.staff = access::check(caller, &view, question.unit, by_staff, asked)?;
    question.seen = access::seen(caller, question.unit);
    align(app, &view, message, &mut question).await?;
    let answer = match message.source() {
        // Answers name no staff member whose own they could be.
        FigureSource::Questionnaires if limited.is_some() => return Err(ServiceError::denied()),
        FigureSource::Questionnaires => app.answers.answer(&view, &question).await?,
        FigureSource::Unspecified | FigureSource::Ratings => {
            app.figures.answer(&view, &question).await?
        }
    };
    Ok(Asked { view, question, answer })
}

/// Finds the earlier period that lies beside the one asked for by kind of day.
async fn align(
    app: &App,
    view: &OrgView,
    message: &QueryFiguresRequest,
    question: &mut Question,
) -> Result<()> {
    let alignment = match message.alignment() {
        Alignment::Unspecified | Alignment::Date => return Ok(()),
        Alignment::Weekday => calendar::Alignment::Weekday,
        Alignment::WorkingDay => calendar::Alignment::WorkingDay,
        Alignment::Lunar => calendar::Alignment::Lunar,
    };
    let Some(compare) = question.compare else {
        return Err(ServiceError::invalid("alignment", "needs `compareWith`"));
    };
    if question.bucket().is_some() {
        return Err(ServiceError::invalid("alignment", "goes only without groups of time"));
    }
    let period = question.period(&zone(&question.zone_name(view))?)?;
    let Some((first, end)) = period.days.filter(|(first, end)| end - first <= 400) else {
        return Err(ServiceError::invalid("alignment", "needs at most 400 whole days"));
    };
    let calendar = Calendar::new(settings::days(app.db.read(), view.id).await?);
    let days = (i64::from(first), i64::from(end));
    let earlier = calendar::earlier(days, compare, alignment, &calendar).ok_or_else(|| {
        ServiceError::invalid("alignment", "the calendar does not know the earlier period")
    })?;
    question.earlier = Some(earlier);
    Ok(())
}
