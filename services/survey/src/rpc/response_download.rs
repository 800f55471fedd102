//! Downloading responses: the file of an export as it is, for browsers and programs that save it.

use std::{pin::Pin, sync::Arc};

use futures::{Stream, stream};
use kit::{
    auth::Caller,
    error::{Result, ServiceError},
};
use prost::Message as _;
use proto::{
    google::HttpBody,
    names,
    survey::v1::{self, ResponseExportTrailer},
};
use survey_domain::{campaign::Campaign, questionnaire::Version};
use tonic::{Status, metadata::MetadataValue};

use super::{
    response_export::{Exports, Slot},
    response_file::{File, Piece, Progress, Wanted},
};
use crate::respond::Engine;

const CSV: &str = "text/csv; charset=utf-8; header=present";
const JSON_LINES: &str = "application/x-ndjson";
const TRAILER: &str = "type.googleapis.com/manyi.survey.v1.ResponseExportTrailer";

/// Pieces of a file.
pub type Body = Pin<Box<dyn Stream<Item = std::result::Result<HttpBody, Status>> + Send>>;

struct Download {
    file: File,
    /// Bytes that the caller has.
    skip: u64,
    /// Says what the file is; with the first piece only.
    kind: Option<&'static str>,
    _slot: Slot,
}

/// Begins a download. A file that is taken up again is written again from its beginning, so that
/// its checksum is that of the whole; what the caller has is not sent.
///
/// # Errors
/// LIMIT_REACHED for one export too many; INVALID_ARGUMENT for a negative offset, and with the
/// first piece for one beyond the end.
pub fn download(
    engine: &Arc<Engine>,
    exports: &Exports,
    caller: Caller,
    campaign: Campaign,
    version: &Version,
    request: &v1::DownloadResponsesRequest,
) -> Result<tonic::Response<Body>> {
    let skip = u64::try_from(request.offset_bytes)
        .map_err(|_| ServiceError::invalid("offsetBytes", "is below 0"))?;
    let slot = exports.enter(campaign.org)?;
    let (exclude_suspect, mark) = (request.exclude_suspect, request.byte_order_mark);
    let wanted = Wanted::new(caller, campaign, request.format(), exclude_suspect, mark);
    let name = file_name(&wanted);
    let kind = Some(if wanted.json { JSON_LINES } else { CSV });
    let file = File::new(engine.clone(), wanted, version, Progress::default());
    let download = Download { file, skip, kind, _slot: slot };
    let body: Body = Box::pin(stream::unfold(download, |mut download| async move {
        let piece = download.next().await?;
        Some((piece.map_err(Status::from), download))
    }));
    let mut response = tonic::Response::new(body);
    let value = format!("attachment; filename=\"{name}\"");
    if let Ok(value) = MetadataValue::try_from(value) {
        response.metadata_mut().insert("content-disposition", value);
    }
    Ok(response)
}

/// A name of our own making: nothing in it needs quoting.
fn file_name(wanted: &Wanted) -> String {
    let name = names::print("campaigns", wanted.campaign.id);
    let id = name.rsplit('/').next().unwrap_or_default();
    format!("responses-{id}.{}", if wanted.json { "jsonl" } else { "csv" })
}

impl Download {
    /// The next piece that holds anything, or is the last.
    async fn next(&mut self) -> Option<Result<HttpBody>> {
        loop {
            let Piece { text, trailer } = match self.file.next().await? {
                Ok(piece) => piece,
                Err(error) => return Some(Err(error)),
            };
            let known = usize::try_from(self.skip).unwrap_or(usize::MAX).min(text.len());
            self.skip -= known as u64;
            if self.skip > 0 && trailer.is_some() {
                let text = "is beyond the end of the file";
                return Some(Err(ServiceError::invalid("offsetBytes", text)));
            }
            if known == text.len() && trailer.is_none() {
                continue;
            }
            return Some(Ok(self.body(text.into_bytes().split_off(known), trailer)));
        }
    }

    fn body(&mut self, data: Vec<u8>, trailer: Option<ResponseExportTrailer>) -> HttpBody {
        let kind = self.kind.take();
        // The first piece announces what the last one fills in.
        let told = trailer.or_else(|| kind.map(|_| ResponseExportTrailer::default()));
        let extension = |trailer: ResponseExportTrailer| prost_types::Any {
            type_url: TRAILER.to_owned(),
            value: trailer.encode_to_vec(),
        };
        HttpBody {
            content_type: kind.unwrap_or_default().to_owned(),
            data: data.into(),
            extensions: told.map(extension).into_iter().collect(),
        }
    }
}
