//! Ratings of other systems: the sender vouches for place, person and time, within what it
//! may see.

use std::sync::Arc;

use device_domain::clock_correction::AHEAD_US_MAX;
use kit::{
    auth::{Caller, Visible},
    error::Result,
};
use proto::{
    auth::v1::UnitKind,
    common::v1::Reason,
    device::v1::{BatchImportRatingsRequest, BatchImportRatingsResponse, ImportedRating},
    names, time,
};
use tonic::Code;

use super::rating_submit::{Prepared, prepared};
use crate::ingest::{
    Ingest,
    batch::{Authority, Item, Refusal, Vouched},
    parse,
};

/// Stores imported ratings.
pub async fn import(
    ingest: &Ingest,
    caller: &Caller,
    request: BatchImportRatingsRequest,
    now_us: i64,
) -> Result<BatchImportRatingsResponse> {
    let visible = Arc::new(caller.visible()?);
    let made = request
        .ratings
        .into_iter()
        .map(|imported| {
            let rating_id =
                imported.message.as_ref().map(|m| m.rating_id.clone()).unwrap_or_default();
            (rating_id, item(&visible, imported, now_us))
        })
        .collect();
    let authority = Authority::Importer(visible);
    let Prepared { batch, open } = prepared(caller.org, authority, made, now_us);
    let answer = ingest.submit(batch).await?;
    Ok(BatchImportRatingsResponse { results: open.results(answer.verdicts) })
}

fn item(
    visible: &Visible,
    imported: ImportedRating,
    now_us: i64,
) -> std::result::Result<Item, Refusal> {
    parse::sound(&imported, "")?;
    let named = imported.message.as_ref().map(|m| m.device.as_str()).unwrap_or_default();
    let device = names::parse("devices", named)
        .ok_or_else(|| Refusal::invalid("message.device", "is required"))?;
    let press_us = imported.press_time.as_ref().map(time::to_us);
    let vouched = vouched(visible, &imported, press_us.unwrap_or(now_us))?;
    if press_us.is_some_and(|us| us < 0 || us > now_us.saturating_add(AHEAD_US_MAX)) {
        return Err(Refusal::invalid("pressTime", "is before 1970 or in the future"));
    }
    parse::import(device, imported, vouched)
}

fn vouched(
    visible: &Visible,
    imported: &ImportedRating,
    press_us: i64,
) -> std::result::Result<Vouched, Refusal> {
    let unknown = |field: &str, text: &str| {
        let refusal = Refusal::terminal(Code::NotFound, Reason::NotFound, text);
        Refusal { field: field.to_owned(), ..refusal }
    };
    let view = visible.view();
    let unit = names::parse("units", &imported.unit)
        .filter(|unit| visible.contains(*unit))
        .and_then(|unit| view.unit(unit))
        .ok_or_else(|| unknown("unit", "no such unit"))?;
    let is_window = unit.kind == UnitKind::Window;
    let staff = match imported.staff.is_empty() {
        true => None,
        false => {
            let staff = names::parse("staff", &imported.staff).and_then(|id| view.staff(id));
            let staff = staff.filter(|staff| visible.contains(staff.unit));
            Some(staff.ok_or_else(|| unknown("staff", "no such staff member"))?.id)
        }
    };
    Ok(Vouched {
        window: is_window.then_some(unit.id),
        site: Some(view.site_at(unit.id, press_us)),
        staff,
        import: true,
        ..Vouched::default()
    })
}
