//! Importing files of answers, in pieces or as a stream. Each row stands for itself; a row that
//! was imported before changes nothing, so after a break a file is simply sent again.

use std::{pin::Pin, sync::Arc};

use futures::{Stream, stream};
use kit::{
    auth::{Caller, caller},
    error::{Result, ServiceError},
};
use proto::{
    survey::v1::{self, ImportResponsesRequest, ImportResponsesResponse},
    validate::violations,
};
use survey_domain::{
    answer::{Attributes, Extent, check},
    channel::Channel,
    csv_import::{Decoder, Encoding, Fault, Reader, Row as CsvRow, Rows, Scanner},
    questionnaire::Version,
    response_import::{Mapping, Named, ROW_ID_MAX, Row},
};
use tonic::{Request, Status, Streaming};
use uuid::Uuid;

use super::{
    response_enter::has_channel,
    response_row::{Places, Wrong},
};
use crate::{
    convert, crash_point,
    fieldwork::entry::{Ticket, of_campaign},
    respond::{
        Respond, closed, judge,
        submission::{Entered, Submission, Verdict},
    },
    responses::campaign_to_enter,
    store::response,
};

/// Refused rows that an answer names.
const ERRORS_MAX: usize = 1_000;
/// Rows that are stored at once.
const ROWS_AT_ONCE: usize = 200;

/// Answers of a stream.
pub type Outcomes =
    Pin<Box<dyn Stream<Item = std::result::Result<ImportResponsesResponse, Status>> + Send>>;

/// Imports a piece that begins with its header.
pub async fn import(
    respond: &Respond,
    caller: &Caller,
    request: ImportResponsesRequest,
) -> Result<ImportResponsesResponse> {
    let mut import = Import::begin(respond, caller.clone(), &request).await?;
    let mut rows = import.feed(&request.csv)?;
    rows.extend(import.finish()?);
    import.take(rows).await
}

/// Imports a stream of pieces.
pub fn stream(
    respond: &Respond,
    request: Request<Streaming<ImportResponsesRequest>>,
) -> Result<Outcomes> {
    let caller = caller(&request)?;
    let state = State {
        respond: respond.clone(),
        caller,
        inbound: request.into_inner(),
        import: None,
        ended: false,
    };
    Ok(Box::pin(stream::unfold(state, |mut state| async move {
        let next = state.next().await?;
        Some((next.map_err(Status::from), state))
    })))
}

struct State {
    respond: Respond,
    caller: Caller,
    inbound: Streaming<ImportResponsesRequest>,
    import: Option<Import>,
    ended: bool,
}

impl State {
    /// The next answer; nothing at the end. After an error comes the end.
    async fn next(&mut self) -> Option<Result<ImportResponsesResponse>> {
        if self.ended {
            return None;
        }
        let next = self.answer().await;
        self.ended |= next.is_err();
        next.transpose()
    }

    async fn answer(&mut self) -> Result<Option<ImportResponsesResponse>> {
        let Some(piece) = self.inbound.message().await? else {
            self.ended = true;
            let Some(import) = &mut self.import else { return Ok(None) };
            let rows = import.finish()?;
            return if rows.is_empty() { Ok(None) } else { import.take(rows).await.map(Some) };
        };
        self.caller.recheck()?;
        let found = violations(&piece);
        if !found.is_empty() {
            return Err(ServiceError::invalid_fields(found));
        }
        if self.import.is_none() {
            let begun = Import::begin(&self.respond, self.caller.clone(), &piece).await?;
            self.import = Some(begun);
        }
        let Some(import) = &mut self.import else { return Ok(None) };
        let rows = import.feed(&piece.csv)?;
        import.take(rows).await.map(Some)
    }
}

/// A file on its way in.
struct Import {
    respond: Respond,
    ticket: Ticket,
    version: Arc<Version>,
    sent: v1::ResponseMapping,
    operator: String,
    places: Places,
    reader: Reader<Rows>,
    /// Known once the header was read.
    mapping: Option<Mapping>,
    next_row: i64,
    dry_run: bool,
}

impl Import {
    async fn begin(
        respond: &Respond,
        caller: Caller,
        request: &ImportResponsesRequest,
    ) -> Result<Self> {
        let engine = respond.engine();
        let app = &engine.app;
        let sent = request.mapping.clone().unwrap_or_default();
        let unit = convert::id_opt("units", "mapping.unit", &sent.unit)?;
        let conn = app.db.read();
        let (campaign, unit) = campaign_to_enter(conn, &caller, &request.campaign, unit).await?;
        if sent.row_id_column.is_empty() {
            return Err(ServiceError::invalid("mapping.rowIdColumn", "is required"));
        }
        let channel = match Channel::from_number(sent.channel) {
            None | Some(Channel::Import) => Channel::Import,
            Some(Channel::Paper) => Channel::Paper,
            Some(_) => {
                return Err(ServiceError::invalid("mapping.channel", "is not paper or import"));
            }
        };
        has_channel(&campaign, channel)?;
        let now_us = app.clock.now_us();
        if !request.dry_run {
            crate::respond::must_accept(&campaign, now_us)?;
        }
        if request.first_row < 0 {
            return Err(ServiceError::invalid("firstRow", "is negative"));
        }
        let delimiter = one_sign("mapping.delimiter", &sent.delimiter, ',')?;
        let ticket = of_campaign(conn, campaign.org, campaign.id, channel, Some(unit)).await?;
        let ticket = ticket.ok_or_else(|| closed("the campaign was never opened"))?;
        let version = engine.version_of(&campaign).await?;
        let operator = caller.name();
        let places = Places::new(caller, &campaign, unit, now_us)?;
        Ok(Self {
            respond: respond.clone(),
            ticket,
            version,
            operator,
            places,
            reader: Reader::new(
                Decoder::new(Encoding::Utf8),
                Scanner::new(delimiter),
                Rows::default(),
            ),
            mapping: None,
            sent,
            next_row: request.first_row.max(1),
            dry_run: request.dry_run,
        })
    }

    /// Rows that end in a piece.
    fn feed(&mut self, csv: &str) -> Result<Vec<CsvRow>> {
        self.reader.feed(csv.as_bytes()).map_err(|fault| unsound(&fault))?;
        self.rows()
    }

    /// The row that no line end closed.
    fn finish(&mut self) -> Result<Vec<CsvRow>> {
        self.reader.finish().map_err(|fault| unsound(&fault))?;
        self.rows()
    }

    fn rows(&mut self) -> Result<Vec<CsvRow>> {
        let mut rows = self.reader.take();
        if self.mapping.is_none() && !rows.is_empty() {
            let header = rows.remove(0);
            self.mapping = Some(self.map(&header.cells)?);
        }
        Ok(rows)
    }

    fn map(&self, header: &[String]) -> Result<Mapping> {
        let named: Vec<Named> = self.sent.columns.iter().map(named).collect();
        let separator = one_sign("mapping.listSeparator", &self.sent.list_separator, ';')?;
        let column = &self.sent.row_id_column;
        Mapping::new(&self.version, header, column, &named, Some(separator))
            .map_err(|error| convert::error(error, "mapping."))
    }

    /// Stores rows and says what became of each.
    async fn take(&mut self, rows: Vec<CsvRow>) -> Result<ImportResponsesResponse> {
        crash_point::pass("survey.import_begin");
        let mut answer = ImportResponsesResponse::default();
        for chunk in rows.chunks(ROWS_AT_ONCE) {
            let mut numbered = Vec::with_capacity(chunk.len());
            for row in chunk {
                let number = self.next_row;
                self.next_row += 1;
                match self.submission(&row.cells) {
                    Ok((row_id, submission)) => numbered.push((number, row_id, submission)),
                    Err(wrong) => refuse(&mut answer, number, wrong),
                }
            }
            if self.dry_run {
                self.only_look(numbered, &mut answer).await?;
            } else {
                self.store(numbered, &mut answer).await?;
                crash_point::pass("survey.import_between");
            }
        }
        crash_point::pass("survey.import_end");
        Ok(answer)
    }

    async fn store(
        &self,
        rows: Vec<(i64, String, Submission)>,
        answer: &mut ImportResponsesResponse,
    ) -> Result<()> {
        let mut names = Vec::with_capacity(rows.len());
        let mut submissions = Vec::with_capacity(rows.len());
        for (number, row_id, submission) in rows {
            names.push((number, row_id));
            submissions.push(submission);
        }
        let verdicts = self.respond.submit_all(submissions).await?;
        for ((number, row_id), verdict) in names.into_iter().zip(verdicts) {
            match verdict {
                Verdict::Stored { duplicate: false, .. } => answer.stored_count += 1,
                Verdict::Stored { duplicate: true, .. } => answer.duplicate_count += 1,
                Verdict::Refused(error) => {
                    let wrong = Wrong { row_id, column: String::new(), text: text_of(&error) };
                    refuse(answer, number, wrong);
                }
            }
        }
        Ok(())
    }

    async fn only_look(
        &self,
        rows: Vec<(i64, String, Submission)>,
        answer: &mut ImportResponsesResponse,
    ) -> Result<()> {
        let app = &self.respond.engine().app;
        let ids: Vec<Uuid> = rows.iter().map(|(_, _, submission)| submission.id).collect();
        let known = response::known(app.db.read(), &ids).await?;
        for (number, row_id, submission) in rows {
            match known.get(&submission.id) {
                None => answer.stored_count += 1,
                Some(before) if before.content_hash == submission.content_hash => {
                    answer.duplicate_count += 1;
                }
                Some(_) => {
                    let text = "was imported before with other content".to_owned();
                    refuse(answer, number, Wrong { row_id, column: String::new(), text });
                }
            }
        }
        Ok(())
    }

    fn submission(&mut self, cells: &[String]) -> std::result::Result<(String, Submission), Wrong> {
        let Some(mapping) = &self.mapping else {
            return Err(Wrong::default());
        };
        let row: Row = mapping.read(&self.version, cells)?;
        let place = self.places.read(&row)?;
        let checked = check(&self.version, &row.answers, &Attributes::new(), Extent::Complete);
        let checked = checked.map_err(|problems| Wrong::of(&row, &problems))?;
        let engine = self.respond.engine();
        let entered = Entered {
            staff: place.staff,
            operator: self.operator.clone(),
            row_id: Some(row.row_id.clone()),
        };
        let ticket = Ticket { unit: place.unit, ..self.ticket.clone() };
        let wanted = place.language.as_deref().unwrap_or(&self.sent.language);
        let submission = Submission {
            id: engine.response_id(self.ticket.campaign.id, "row", row.row_id.as_bytes()),
            content_hash: content_hash(&row, self.version.number),
            ticket: Box::new(ticket),
            origin: None,
            entered: Some(entered),
            version: self.version.clone(),
            language: self.version.definition().language(wanted),
            seed: 0,
            marks: judge::screened(&checked),
            answers: checked.answers,
            duration_ms: place.duration_ms,
            answer_us: place.answer_us.unwrap_or(self.places.now_us),
            receive_us: self.places.now_us,
            draft: None,
        };
        Ok((row.row_id, submission))
    }
}

/// Hash of everything that a row says.
fn content_hash(row: &Row, version: i32) -> i64 {
    let others: Vec<(String, &String)> =
        row.others.iter().map(|(target, text)| (format!("{target:?}"), text)).collect();
    crate::respond::hash_of(&serde_json::json!([version, row.answers, others]))
}

fn named(column: &v1::ResponseColumn) -> Named {
    Named {
        column: column.column.clone(),
        target: column.target.clone(),
        values: column.values.clone(),
    }
}

fn one_sign(field: &str, text: &str, default: char) -> Result<char> {
    let Some(sign) = text.chars().next() else { return Ok(default) };
    if matches!(sign, '"' | '\r' | '\n') || sign.is_alphanumeric() {
        return Err(ServiceError::invalid(field, "cannot stand between columns"));
    }
    Ok(sign)
}

fn unsound(fault: &Fault) -> ServiceError {
    ServiceError::invalid("csv", fault.to_string())
}

fn text_of(error: &ServiceError) -> String {
    error.message().to_owned()
}

fn refuse(answer: &mut ImportResponsesResponse, row: i64, wrong: Wrong) {
    answer.failed_count += 1;
    if answer.errors.len() < ERRORS_MAX {
        answer.errors.push(v1::ResponseRowError {
            row,
            row_id: wrong.row_id.chars().take(ROW_ID_MAX).collect(),
            column: wrong.column,
            description: wrong.text,
        });
    }
}
