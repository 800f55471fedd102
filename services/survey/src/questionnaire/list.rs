//! Lists of questionnaires.

use kit::{auth::Caller, error::Result};
use proto::survey::v1;
use survey_domain::questionnaire::record::State;

use super::{access, convert_back, ground};
use crate::{
    state::App,
    store::questionnaire::{self as store, Filter},
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
    let page = app.pages.open(key, request.page_size, &request.page_token)?;
    let mut found = store::list(app.db.read(), caller.org, &filter, page.after, page.limit).await?;
    let next_page_token = page.close(&mut found, |r| (r.create_us, r.id));
    let questionnaires = found.iter().map(convert_back::record).collect();
    Ok(v1::ListQuestionnairesResponse { questionnaires, next_page_token })
}
