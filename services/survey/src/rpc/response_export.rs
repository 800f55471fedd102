//! Exporting responses: lines of text in pieces, in constant memory, with a checksum over the
//! whole file that survives a break in the middle.

use std::{
    collections::HashMap,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures::{Stream, stream};
use kit::{
    auth::Caller,
    error::{Result, ServiceError},
};
use proto::{common::v1::Reason, survey::v1};
use survey_domain::{campaign::Campaign, questionnaire::Version};
use tonic::{Code, Status};
use uuid::Uuid;

use super::response_file::{File, Progress, Wanted};
use crate::respond::{Engine, Respond};

/// Exports of one organisation at once.
pub const AT_ONCE_MAX: usize = 3;
/// When an export that found no room shall come again.
const BUSY_RETRY: Duration = Duration::from_secs(10);

/// Pieces of an export.
pub type Pieces =
    Pin<Box<dyn Stream<Item = std::result::Result<v1::ExportResponsesResponse, Status>> + Send>>;

/// Exports that run, by organisation.
#[derive(Clone, Default)]
pub struct Exports(Arc<Mutex<HashMap<Uuid, usize>>>);

/// A place among the exports that run.
pub struct Slot {
    exports: Exports,
    org: Uuid,
}

impl Exports {
    /// Begins an export; it ends with the slot.
    ///
    /// # Errors
    /// LIMIT_REACHED for one too many.
    pub fn enter(&self, org: Uuid) -> Result<Slot> {
        let mut running = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = running.entry(org).or_default();
        if *count >= AT_ONCE_MAX {
            let text = "three exports of this organisation run already";
            return Err(ServiceError::exhausted(Reason::LimitReached, text, BUSY_RETRY));
        }
        *count += 1;
        drop(running);
        Ok(Slot { exports: self.clone(), org })
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut running = self.exports.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = running.get_mut(&self.org) {
            *count -= 1;
            if *count == 0 {
                running.remove(&self.org);
            }
        }
    }
}

struct Export {
    engine: Arc<Engine>,
    file: File,
    /// What a resume token of this export is bound to.
    bound: Vec<u8>,
    _slot: Slot,
}

/// Begins an export, or goes on with one.
///
/// # Errors
/// BAD_TOKEN for a token of another export; LIMIT_REACHED for one export too many.
pub fn export(
    respond: &Respond,
    exports: &Exports,
    caller: Caller,
    campaign: Campaign,
    version: &Version,
    request: &v1::ExportResponsesRequest,
) -> Result<Pieces> {
    let engine = respond.engine().clone();
    let slot = exports.enter(campaign.org)?;
    let (exclude_suspect, mark) = (request.exclude_suspect, request.byte_order_mark);
    let wanted = Wanted::new(caller, campaign, request.format(), exclude_suspect, mark);
    let bound = bound(&wanted);
    let progress = if request.resume_token.is_empty() {
        Progress::default()
    } else {
        let opened = engine.exports.open(&bound, &request.resume_token);
        opened.and_then(|bytes| Progress::from_bytes(&bytes)).ok_or_else(|| {
            let text = "the resume token is not one of this export";
            ServiceError::new(Code::InvalidArgument, Reason::BadToken, text)
        })?
    };
    let file = File::new(engine.clone(), wanted, version, progress);
    let export = Export { engine, file, bound, _slot: slot };
    Ok(Box::pin(stream::unfold(export, |mut export| async move {
        let piece = export.next().await?;
        Some((piece.map_err(Status::from), export))
    })))
}

fn bound(wanted: &Wanted) -> Vec<u8> {
    let flags = [wanted.json, wanted.exclude_suspect, wanted.mark].map(u8::from);
    let campaign = &wanted.campaign;
    [&campaign.org.as_bytes()[..], campaign.id.as_bytes(), &flags].concat()
}

impl Export {
    /// The next piece; nothing at the end. After an error comes the end.
    async fn next(&mut self) -> Option<Result<v1::ExportResponsesResponse>> {
        let piece = match self.file.next().await? {
            Ok(piece) => piece,
            Err(error) => return Some(Err(error)),
        };
        let progress = self.file.progress().to_bytes();
        Some(Ok(v1::ExportResponsesResponse {
            lines: piece.text,
            resume_token: self.engine.exports.close(&self.bound, &progress),
            trailer: piece.trailer,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fourth_export_waits_for_one_of_three() {
        let exports = Exports::default();
        let (org, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let mut slots: Vec<Slot> = (0..AT_ONCE_MAX).map(|_| exports.enter(org).unwrap()).collect();
        assert_eq!(exports.enter(org).err().unwrap().reason(), Reason::LimitReached);
        assert!(exports.enter(other).is_ok());
        slots.pop();
        assert!(exports.enter(org).is_ok());
    }
}
