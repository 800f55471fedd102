//! A whole file as a stream of messages.

use std::{sync::Arc, time::Duration};

use kit::{
    auth::caller,
    error::{Result, ServiceError},
};
use proto::{survey::v1, validate::violations};
use tonic::{Request, Streaming};

use super::{
    declare, import_to,
    run::start,
    upload::{decoded, take},
};
use crate::{
    state::App,
    store,
    store::customer_import::{Import, State},
};

/// How often the state of a running import is looked at.
const POLL: Duration = Duration::from_millis(100);
/// A stream on which nothing comes for this long is ended; sent again it goes on.
const SILENCE: Duration = Duration::from_secs(60);

/// Takes a file in; answers when all rows are read.
pub async fn stream(
    app: &Arc<App>,
    request: Request<Streaming<v1::ImportCustomersRequest>>,
) -> Result<v1::CustomerImport> {
    let caller = caller(&request)?;
    let mut messages = request.into_inner();
    let mut import: Option<Import> = None;
    let mut offset = 0;
    while let Some(message) = next(&mut messages).await? {
        caller.recheck()?;
        let broken = violations(&message);
        if !broken.is_empty() {
            return Err(ServiceError::invalid_fields(broken));
        }
        let current = match (import.take(), message.customer_import) {
            (None, Some(given)) => declare(app, &caller, given).await?,
            (Some(import), None) => import,
            (None, None) => {
                return Err(ServiceError::invalid("customerImport", "is required first"));
            }
            (Some(_), Some(_)) => {
                return Err(ServiceError::invalid("customerImport", "was given before"));
            }
        };
        import = Some(match message.content_base64.is_empty() {
            true => current,
            false => {
                let bytes = decoded(&message.content_base64)?;
                let taken = take(app, current, offset, &bytes).await?;
                offset += i64::try_from(bytes.len()).unwrap_or(i64::MAX);
                taken
            }
        });
    }
    let import = import.ok_or_else(|| ServiceError::invalid("customerImport", "is required"))?;
    let import = start(app, &caller, import).await?;
    loop {
        let found = store::customer_import::find(app.db.read(), import.org, import.id).await?;
        let found = found.ok_or_else(|| ServiceError::not_found("import"))?;
        if found.state != State::Running {
            return Ok(import_to(&found));
        }
        caller.recheck()?;
        tokio::time::sleep(POLL).await;
    }
}

async fn next(
    messages: &mut Streaming<v1::ImportCustomersRequest>,
) -> Result<Option<v1::ImportCustomersRequest>> {
    let broken = |text: &str| ServiceError::unavailable(text);
    match tokio::time::timeout(SILENCE, messages.message()).await {
        Ok(Ok(message)) => Ok(message),
        Ok(Err(_)) => Err(broken("the stream broke off; send it again to go on")),
        Err(_) => Err(broken("nothing came for a minute; send it again to go on")),
    }
}
