//! Published versions, and which of them can be counted together.

use kit::{
    auth::Caller,
    error::{Result, ServiceError},
};
use proto::survey::v1;
use survey_domain::questionnaire::{
    Version,
    join::{Change, ItemJoin, join},
    record::Published,
};

use super::{convert_back, ground};
use crate::{state::App, store::questionnaire as store};

/// Versions that are compared at once.
const COMPARED_MAX: u64 = 100;

/// One version.
pub async fn get(
    app: &App,
    caller: &Caller,
    request: &v1::GetQuestionnaireVersionRequest,
) -> Result<v1::QuestionnaireVersion> {
    if request.version < 1 {
        return Err(ServiceError::invalid("version", "is less than 1"));
    }
    let record = ground::readable(app, caller, &request.name).await?;
    let conn = app.db.read();
    let found = store::find_version(conn, record.org, record.id, request.version).await?;
    let version = found.ok_or_else(|| ServiceError::not_found("version"))?;
    Ok(convert_back::published(&version))
}

/// Versions, newest first.
pub async fn list(
    app: &App,
    caller: &Caller,
    request: &v1::ListQuestionnaireVersionsRequest,
) -> Result<v1::ListQuestionnaireVersionsResponse> {
    let record = ground::readable(app, caller, &request.name).await?;
    let key = format!("questionnaireVersions|{}|{}", record.org, record.id);
    let page = app.pages.open(key, request.page_size, &request.page_token)?;
    let conn = app.db.read();
    let mut found =
        store::list_versions(conn, record.org, record.id, page.after, page.limit).await?;
    let next_page_token = page.close(&mut found, |v| v.version);
    let versions = found.iter().map(convert_back::published).collect();
    Ok(v1::ListQuestionnaireVersionsResponse { versions, next_page_token })
}

/// Which versions can be counted together, item by item.
pub async fn join_versions(
    app: &App,
    caller: &Caller,
    request: &v1::JoinQuestionnaireVersionsRequest,
) -> Result<v1::JoinQuestionnaireVersionsResponse> {
    let record = ground::readable(app, caller, &request.name).await?;
    let conn = app.db.read();
    let mut numbers = request.versions.clone();
    numbers.sort_unstable();
    numbers.dedup();
    if numbers.is_empty() {
        numbers = store::numbers(conn, record.org, record.id, COMPARED_MAX).await?;
    }
    let found = store::find_versions(conn, record.org, record.id, &numbers).await?;
    if found.len() < numbers.len() {
        return Err(ServiceError::not_found("version"));
    }
    let version = |v: Published| Version::new(v.questionnaire, v.version, v.hash, v.definition);
    let versions: Vec<Version> = found.into_iter().map(version).collect();
    let items = join(&versions).into_iter().map(item).collect();
    Ok(v1::JoinQuestionnaireVersionsResponse { versions: numbers, items })
}

fn item(item: ItemJoin) -> v1::ItemJoin {
    let change = |change: Change| v1::ItemChange {
        from_version: change.from,
        to_version: change.to,
        kind: change.kind as i32,
        joinable: change.kind.is_joinable(),
        description: change.description,
    };
    v1::ItemJoin {
        item: item.item,
        groups: item.groups.into_iter().map(|versions| v1::JoinedVersions { versions }).collect(),
        changes: item.changes.into_iter().map(change).collect(),
    }
}
