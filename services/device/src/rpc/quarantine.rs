//! Presses that could not be placed: seeing, releasing and discarding them.

use std::sync::Arc;

use device_domain::rating_stored::{Cause, Fate, Quarantined};
use kit::{
    audit,
    auth::{Caller, open_request},
    error::{Result, ServiceError},
};
use proto::{
    auth::v1::UnitKind,
    device::v1::{self, quarantine_service_server::QuarantineService},
    names,
};
use tonic::{Request, Response, Status};

use super::{rating, rating_convert};
use crate::{
    convert,
    ingest::{Additions, Ingest},
    state::App,
    store::{self, quarantine::Filter, rating_lookup},
};

/// The quarantine service.
pub struct Quarantine {
    app: Arc<App>,
    ingest: Ingest,
}

impl Quarantine {
    /// The handlers.
    pub fn new(app: Arc<App>, ingest: Ingest) -> Self {
        Self { app, ingest }
    }
}

type Answer<T> = std::result::Result<Response<T>, Status>;

#[async_trait::async_trait]
impl QuarantineService for Quarantine {
    async fn list_quarantined_ratings(
        &self,
        request: Request<v1::ListQuarantinedRatingsRequest>,
    ) -> Answer<v1::ListQuarantinedRatingsResponse> {
        let (caller, request) = open_request(request)?;
        Ok(Response::new(list(&self.app, &caller, &request).await?))
    }

    async fn release_quarantined_rating(
        &self,
        request: Request<v1::ReleaseQuarantinedRatingRequest>,
    ) -> Answer<v1::Rating> {
        let (caller, request) = open_request(request)?;
        let held = find(&self.app, &caller, &request.name).await?;
        let additions = Additions {
            window: window(&caller, &request.window)?,
            template: convert::id_opt("templates", "template", &request.template)?,
        };
        let rating = self.ingest.release(&caller, &held, additions).await?;
        Ok(Response::new(rating::shown(&self.app, &rating).await?))
    }

    async fn delete_quarantined_rating(
        &self,
        request: Request<v1::DeleteQuarantinedRatingRequest>,
    ) -> Answer<v1::DeleteQuarantinedRatingResponse> {
        let (caller, request) = open_request(request)?;
        let held = find(&self.app, &caller, &request.name).await?;
        delete(&self.app, &caller, &held).await?;
        Ok(Response::new(v1::DeleteQuarantinedRatingResponse {}))
    }
}

/// A quarantined press that the caller may decide on.
async fn find(app: &App, caller: &Caller, name: &str) -> Result<Quarantined> {
    let id = convert::id("quarantinedRatings", "name", name)?;
    let held = store::quarantine::get(app.db.read(), caller.org, id).await?;
    let held = held.ok_or_else(|| ServiceError::not_found("quarantined rating"))?;
    caller.authorize_object(held.unit, "quarantined rating")?;
    Ok(held)
}

/// The window that a release names: one where the caller may decide too.
fn window(caller: &Caller, name: &str) -> Result<Option<uuid::Uuid>> {
    let Some(window) = convert::id_opt("units", "window", name)? else { return Ok(None) };
    caller.authorize(window)?;
    let view = caller.view()?;
    let kind = view.unit(window).map(|unit| unit.kind);
    if kind != Some(UnitKind::Window) {
        return Err(ServiceError::invalid("window", "is no window"));
    }
    Ok(Some(window))
}

async fn delete(app: &App, caller: &Caller, held: &Quarantined) -> Result<()> {
    let tx = app.db.begin().await?;
    // The lock under which it is released too: one of the two comes first.
    rating_lookup::lock_devices(&tx, &[held.device]).await?;
    let now = store::quarantine::get(tx.conn(), held.org, held.id).await?;
    match now.map(|press| press.fate) {
        Some(Fate::Held) => {}
        Some(Fate::Deleted) => return Ok(()),
        Some(Fate::Released) => return Err(ServiceError::wrong_state("it was released")),
        None => return Err(ServiceError::not_found("quarantined rating")),
    }
    store::quarantine::set_fate(&tx, held, Fate::Deleted).await?;
    let detail = serde_json::json!({
        "cause": held.cause as i32,
        "device": names::print("devices", held.device),
    });
    let name = names::print("quarantinedRatings", held.id);
    audit::record(&tx, caller, &name, Some(held.unit), detail, app.clock.as_ref()).await?;
    tx.commit().await
}

async fn list(
    app: &App,
    caller: &Caller,
    request: &v1::ListQuarantinedRatingsRequest,
) -> Result<v1::ListQuarantinedRatingsResponse> {
    let unit = convert::id_opt("units", "unit", &request.unit)?;
    let filter = Filter {
        units: caller.visible()?.narrowed(unit)?,
        device: convert::id_opt("devices", "device", &request.device)?,
        cause: i16::try_from(request.cause).ok().and_then(Cause::from_number),
    };
    let key =
        format!("quarantine|{}|{}|{}|{}", caller.org, request.unit, request.device, request.cause);
    let page = app.pages.open(key, request.page_size, &request.page_token)?;
    let mut found =
        store::quarantine::list(app.db.read(), caller.org, &filter, page.after, page.limit).await?;
    let next_page_token = page.close(&mut found, |held| (held.receive_us, held.id));
    let quarantined_ratings =
        found.iter().map(rating_convert::quarantined).collect::<Result<_>>()?;
    Ok(v1::ListQuarantinedRatingsResponse { quarantined_ratings, next_page_token })
}
