//! Lists of questionnaires.

use kit::{
    auth::Caller,
    error::{Result, ServiceError},
    page,
};
use proto::survey::v1;
use survey_domain::questionnaire::record::State;
use uuid::Uuid;

use super::{access, convert_back, ground};
use crate::{
    state::App,
    store::questionnaire::{self as store, Filter, Place},
};

/// Questionnaires that the caller may see, newest first.
pub async fn list(
    app: &App,
    caller: &Caller,
    request: &v1::ListQuestionnairesRequest,
) -> Result<v1::ListQuestionnairesResponse> {
    let unit = match request.unit.as_str() {
        "" => None,
        name => Some(ground::unit("unit", name)?),
    };
    let filter = Filter {
        units: access::listed(caller, unit)?,
        state: State::from_number(request.state),
        query: request.query.clone(),
    };
    let key = format!(
        "questionnaires|{}|{}|{}|{}",
        caller.org, request.unit, request.state, request.query
    );
    let last = app.pages.decode(&key, &request.page_token)?;
    let last = last.as_deref().map(place).transpose()?;
    let size = page::size(request.page_size)?;
    let mut found = store::list(app.db.read(), caller.org, &filter, last, size + 1).await?;
    let more = found.len() as u64 > size;
    found.truncate(usize::try_from(size).unwrap_or(usize::MAX));
    let last = found.last().filter(|_| more);
    let next_page_token = last
        .map(|r| app.pages.encode(&key, &format!("{}.{}", r.create_us, r.id.simple())))
        .unwrap_or_default();
    let questionnaires = found.iter().map(convert_back::record).collect();
    Ok(v1::ListQuestionnairesResponse { questionnaires, next_page_token })
}

/// Reads a place of a page token; the token was checked, so anything else is a defect.
fn place(text: &str) -> Result<Place> {
    let parsed = text
        .split_once('.')
        .and_then(|(us, id)| Some((us.parse().ok()?, Uuid::try_parse(id).ok()?)));
    parsed.ok_or_else(|| ServiceError::internal("a page token holds no place"))
}
