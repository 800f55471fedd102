//! The file that an export writes: piece by piece in constant memory, with a checksum over the
//! whole of it. The next page is read while the present one is laid out, so there are two pages
//! and one piece at any time, whatever the number of responses; each of them ends with the row
//! that reaches its limit. Nothing is read ahead of a caller who does not take the pieces.

use std::{sync::Arc, vec};

use kit::{
    auth::Caller,
    error::{Result, ServiceError},
};
use proto::{common::v1::Permission, survey::v1, time};
use survey_domain::{
    campaign::Campaign,
    checksum::{Checksum, STATE_BYTES},
    questionnaire::Version,
};
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::response_lines::{Lines, json_line};
use crate::{
    respond::Engine,
    store::response::{ExportPage, ExportRow, PageLimit, Place, export_page},
    words,
};

/// What is read in one go.
const PAGE: PageLimit = PageLimit { rows: 1_000, bytes: 1 << 20 };
/// Responses of one piece.
const PIECE_ROWS: usize = 500;
/// A piece ends with the row that makes it longer than this.
const PIECE_BYTES: usize = 256 << 10;

/// How far a file is.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Progress {
    /// The last response in it.
    pub last: Option<Place>,
    /// Responses in it.
    pub rows: i64,
    /// Checksum of it.
    pub checksum: Checksum,
    /// Whether it has its header.
    pub begun: bool,
}

const PROGRESS_BYTES: usize = 1 + 8 + 16 + 8 + STATE_BYTES;

impl Progress {
    /// As bytes, of a file that was begun.
    pub fn to_bytes(&self) -> Vec<u8> {
        let (us, id) = self.last.unwrap_or_default();
        let mut bytes = Vec::with_capacity(PROGRESS_BYTES);
        bytes.push(u8::from(self.last.is_some()));
        bytes.extend_from_slice(&us.to_be_bytes());
        bytes.extend_from_slice(id.as_bytes());
        bytes.extend_from_slice(&self.rows.to_be_bytes());
        bytes.extend_from_slice(&self.checksum.to_bytes());
        bytes
    }

    /// Reads what [`Progress::to_bytes`] wrote.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
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

/// Which file.
pub struct Wanted {
    /// Who wants it.
    pub caller: Caller,
    /// Of which campaign.
    pub campaign: Campaign,
    /// JSON lines, not comma-separated values.
    pub json: bool,
    /// Without suspect responses.
    pub exclude_suspect: bool,
    /// With a byte order mark.
    pub mark: bool,
}

impl Wanted {
    /// The file that a request asks for.
    pub fn new(
        caller: Caller,
        campaign: Campaign,
        format: v1::ResponseExportFormat,
        exclude_suspect: bool,
        mark: bool,
    ) -> Self {
        let json = format == v1::ResponseExportFormat::JsonLines;
        Self { caller, campaign, json, exclude_suspect, mark }
    }
}

/// A piece of a file.
pub struct Piece {
    /// Whole lines.
    pub text: String,
    /// With the last piece.
    pub trailer: Option<v1::ResponseExportTrailer>,
}

/// A page that is being read; nobody waits for it in vain.
struct Reading(JoinHandle<Result<ExportPage>>);

impl Drop for Reading {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A file in the making.
pub struct File {
    engine: Arc<Engine>,
    wanted: Wanted,
    /// Lays responses out as lines; absent for JSON.
    lines: Option<Lines>,
    show_customer: bool,
    progress: Progress,
    rows: vec::IntoIter<ExportRow>,
    reading: Option<Reading>,
    /// After which response the next page begins.
    place: Option<Place>,
    read_all: bool,
    ended: bool,
}

impl File {
    /// A file that is that far.
    pub fn new(engine: Arc<Engine>, wanted: Wanted, version: &Version, progress: Progress) -> Self {
        let campaign = &wanted.campaign;
        Self {
            show_customer: wanted.caller.may(Permission::CustomerRead, campaign.unit),
            lines: (!wanted.json).then(|| Lines::new(version.definition())),
            place: progress.last,
            engine,
            wanted,
            progress,
            rows: Vec::new().into_iter(),
            reading: None,
            read_all: false,
            ended: false,
        }
    }

    /// How far it is.
    pub fn progress(&self) -> &Progress {
        &self.progress
    }

    /// The next piece; nothing after the last one, and after an error.
    pub async fn next(&mut self) -> Option<Result<Piece>> {
        if self.ended {
            return None;
        }
        let piece = self.piece().await;
        self.ended |= piece.is_err();
        Some(piece)
    }

    async fn piece(&mut self) -> Result<Piece> {
        // Rights may be withdrawn while a long export runs.
        self.wanted.caller.recheck()?;
        let mut text = String::with_capacity(PIECE_BYTES + 4_096);
        if !self.progress.begun {
            self.head(&mut text);
        }
        let mut count = 0;
        while count < PIECE_ROWS && text.len() < PIECE_BYTES {
            let Some(mut row) = self.row().await? else {
                self.ended = true;
                break;
            };
            count += 1;
            self.progress.last = Some(row.place());
            self.progress.rows += 1;
            row.customer = row.customer.filter(|_| self.show_customer);
            match &mut self.lines {
                Some(layout) => layout.push(&mut text, &row)?,
                None => json_line(&mut text, &row)?,
            }
        }
        self.progress.checksum.update(text.as_bytes());
        let trailer = self.ended.then(|| v1::ResponseExportTrailer {
            row_count: self.progress.rows,
            sha256: self.progress.checksum.hex(),
            read_time: Some(time::from_us(self.engine.app.clock.now_us())),
        });
        Ok(Piece { text, trailer })
    }

    fn head(&mut self, text: &mut String) {
        self.progress.begun = true;
        if self.wanted.mark {
            text.push('\u{feff}');
        }
        if let Some(layout) = &self.lines {
            layout.push_header(text);
        }
    }

    /// The next response.
    async fn row(&mut self) -> Result<Option<ExportRow>> {
        if let Some(row) = self.rows.next() {
            return Ok(Some(row));
        }
        let mut reading = match self.reading.take() {
            Some(reading) => reading,
            None if self.read_all => return Ok(None),
            None => self.read(),
        };
        let page = (&mut reading.0).await.map_err(ServiceError::internal)??;
        self.read_all = !page.more;
        if page.more {
            self.place = page.rows.last().map(ExportRow::place);
            self.reading = Some(self.read());
        }
        self.rows = page.rows.into_iter();
        Ok(self.rows.next())
    }

    fn read(&self) -> Reading {
        let (app, place) = (self.engine.app.clone(), self.place);
        let (org, campaign) = (self.wanted.campaign.org, self.wanted.campaign.id);
        let exclude_suspect = self.wanted.exclude_suspect;
        Reading(tokio::spawn(async move {
            let conn = app.db.bulk();
            let of = (org, campaign);
            let mut page = export_page(conn, of, exclude_suspect, place, PAGE).await?;
            words::open_rows(&app, conn, org, &mut page.rows).await?;
            Ok(page)
        }))
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
}
