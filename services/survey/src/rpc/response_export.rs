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
use proto::{
    common::v1::Reason,
    survey::v1::{self, ResponseExportFormat},
    time,
};
use survey_domain::{
    campaign::Campaign,
    checksum::{Checksum, STATE_BYTES},
    questionnaire::Version,
};
use tonic::{Code, Status};
use uuid::Uuid;

use super::response_lines::{Lines, json_line};
use crate::{
    respond::{Engine, Respond},
    store::response::{Place, export_page},
};

/// Exports of one organisation at once.
pub const AT_ONCE_MAX: usize = 3;
/// Responses of one piece.
const PIECE: u64 = 500;
/// When an export that found no room shall come again.
const BUSY_RETRY: Duration = Duration::from_secs(10);

/// Pieces of an export.
pub type Pieces =
    Pin<Box<dyn Stream<Item = std::result::Result<v1::ExportResponsesResponse, Status>> + Send>>;

/// Exports that run, by organisation.
#[derive(Clone, Default)]
pub struct Exports(Arc<Mutex<HashMap<Uuid, usize>>>);

struct Slot {
    exports: Exports,
    org: Uuid,
}

impl Exports {
    fn enter(&self, org: Uuid) -> Result<Slot> {
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

/// How far an export is.
#[derive(Debug, Clone, Default, PartialEq)]
struct Progress {
    last: Option<Place>,
    rows: i64,
    checksum: Checksum,
    /// Whether the header was sent.
    begun: bool,
}

const PROGRESS_BYTES: usize = 1 + 8 + 16 + 8 + STATE_BYTES;

impl Progress {
    fn to_bytes(&self) -> Vec<u8> {
        let (us, id) = self.last.unwrap_or_default();
        let mut bytes = Vec::with_capacity(PROGRESS_BYTES);
        bytes.push(u8::from(self.last.is_some()));
        bytes.extend_from_slice(&us.to_be_bytes());
        bytes.extend_from_slice(id.as_bytes());
        bytes.extend_from_slice(&self.rows.to_be_bytes());
        bytes.extend_from_slice(&self.checksum.to_bytes());
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (has_last, rest) = bytes.split_first()?;
        let (us, rest) = rest.split_first_chunk::<8>()?;
        let (id, rest) = rest.split_first_chunk::<16>()?;
        let (rows, checksum) = rest.split_first_chunk::<8>()?;
        let last = (i64::from_be_bytes(*us), Uuid::from_bytes(*id));
        Some(Self {
            last: (*has_last == 1).then_some(last),
            rows: i64::from_be_bytes(*rows),
            checksum: Checksum::from_bytes(checksum.try_into().ok()?),
            begun: true,
        })
    }
}

struct Export {
    engine: Arc<Engine>,
    caller: Caller,
    campaign: Campaign,
    /// Lays responses out as lines; absent for JSON.
    lines: Option<Lines>,
    exclude_suspect: bool,
    mark: bool,
    show_customer: bool,
    /// What a resume token of this export is bound to.
    bound: Vec<u8>,
    progress: Progress,
    ended: bool,
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
    let json = request.format() == ResponseExportFormat::JsonLines;
    let bound = bound(&campaign, request, json);
    let progress = if request.resume_token.is_empty() {
        Progress::default()
    } else {
        let opened = engine.exports.open(&bound, &request.resume_token);
        opened.and_then(|bytes| Progress::from_bytes(&bytes)).ok_or_else(|| {
            let text = "the resume token is not one of this export";
            ServiceError::new(Code::InvalidArgument, Reason::BadToken, text)
        })?
    };
    let show_customer = caller.may(proto::common::v1::Permission::CustomerRead, campaign.unit);
    let export = Export {
        engine,
        caller,
        lines: (!json).then(|| Lines::new(version.definition())),
        campaign,
        exclude_suspect: request.exclude_suspect,
        mark: request.byte_order_mark,
        show_customer,
        bound,
        progress,
        ended: false,
        _slot: slot,
    };
    Ok(Box::pin(stream::unfold(export, |mut export| async move {
        let piece = export.next().await?;
        Some((piece.map_err(Status::from), export))
    })))
}

fn bound(campaign: &Campaign, request: &v1::ExportResponsesRequest, json: bool) -> Vec<u8> {
    let flags = [json, request.exclude_suspect, request.byte_order_mark].map(u8::from);
    [&campaign.org.as_bytes()[..], campaign.id.as_bytes(), &flags].concat()
}

impl Export {
    /// The next piece; nothing at the end. After an error comes the end.
    async fn next(&mut self) -> Option<Result<v1::ExportResponsesResponse>> {
        if self.ended {
            return None;
        }
        let piece = self.piece().await;
        self.ended |= piece.is_err();
        Some(piece)
    }

    async fn piece(&mut self) -> Result<v1::ExportResponsesResponse> {
        // Rights may be withdrawn while a long export runs.
        self.caller.recheck()?;
        let (org, campaign) = (self.campaign.org, self.campaign.id);
        let app = self.engine.app.clone();
        let page = export_page(
            app.db.read(),
            org,
            campaign,
            self.exclude_suspect,
            self.progress.last,
            PIECE,
        )
        .await?;
        let mut lines = String::with_capacity(page.len() * 200);
        if !self.progress.begun {
            self.head(&mut lines);
        }
        let count = page.len() as u64;
        for mut response in page {
            self.progress.last = Some((response.submit_us, response.id));
            self.progress.rows += 1;
            response.customer = response.customer.filter(|_| self.show_customer);
            match &self.lines {
                Some(layout) => layout.push(&mut lines, &response),
                None => json_line(&mut lines, &response),
            }
        }
        self.progress.checksum.update(lines.as_bytes());
        self.ended = count < PIECE;
        let trailer = self.ended.then(|| v1::ResponseExportTrailer {
            row_count: self.progress.rows,
            sha256: self.progress.checksum.hex(),
            read_time: Some(time::from_us(app.clock.now_us())),
        });
        let resume_token = self.engine.exports.close(&self.bound, &self.progress.to_bytes());
        Ok(v1::ExportResponsesResponse { lines, resume_token, trailer })
    }

    fn head(&mut self, lines: &mut String) {
        self.progress.begun = true;
        if self.mark {
            lines.push('\u{feff}');
        }
        if let Some(layout) = &self.lines {
            layout.push_header(lines);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_is_read_again() {
        let mut progress = Progress { begun: true, ..Progress::default() };
        assert_eq!(Progress::from_bytes(&progress.to_bytes()), Some(progress.clone()));
        progress.last = Some((5, Uuid::from_u128(7)));
        progress.rows = 9;
        progress.checksum.update(b"some lines");
        assert_eq!(Progress::from_bytes(&progress.to_bytes()), Some(progress.clone()));
        assert_eq!(progress.to_bytes().len(), PROGRESS_BYTES);
        assert_eq!(Progress::from_bytes(b"short"), None);
    }

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
