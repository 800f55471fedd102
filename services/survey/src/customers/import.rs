//! Imports of files: declared, sent in parts, checked while they arrive, and taken in by a
//! background task in groups of rows.

mod customer_rows;
mod record_rows;
mod run;
mod stream;
mod upload;
mod worker;

use kit::{
    audit,
    auth::Caller,
    clock::new_id,
    error::{Result, ServiceError},
};
use proto::{names, survey::v1, time};
use serde_json::json;
use survey_domain::{
    csv_export::{Cell, push_line},
    csv_import::{Decoder, Encoding, FileKind, RowError, Scanner},
};
use uuid::Uuid;

use super::access::unit_in_use;
use crate::{
    convert,
    personal::HashKind,
    state::App,
    store,
    store::customer_import::{Counts, Import, Settings, State},
};

pub use run::run;
pub use stream::stream;
pub use upload::upload;
pub use worker::work;

/// Largest file in bytes.
const LENGTH_MAX: i64 = 1 << 30;

/// Declares a file, or answers the import that it had before. A failed one begins anew.
pub async fn create(
    app: &App,
    caller: &Caller,
    given: v1::CustomerImport,
) -> Result<v1::CustomerImport> {
    Ok(import_to(&declare(app, caller, given).await?))
}

async fn declare(app: &App, caller: &Caller, given: v1::CustomerImport) -> Result<Import> {
    let unit = convert::id("units", "customerImport.unit", &given.unit)?;
    unit_in_use(caller, unit)?;
    let mut new = drafted(app, caller, unit, given)?;
    let tx = app.db.begin().await?;
    let found = store::customer_import::find_by_file(tx.conn(), caller.org, &new.file_key).await?;
    match found {
        None => store::customer_import::insert(tx.conn(), &new).await?,
        Some(old) if old.state == State::Failed => {
            store::customer_import::delete_parts(tx.conn(), old.id).await?;
            store::customer_import::delete_errors(tx.conn(), old.id).await?;
            new = Import {
                id: old.id,
                create_us: old.create_us,
                part_key: app.vault.new_key(old.id)?.wrapped().to_vec(),
                ..new
            };
            store::customer_import::save(tx.conn(), &old, &new).await?;
        }
        Some(old) => return Ok(old),
    }
    let detail = json!({ "kind": new.settings.kind, "contentSha256": new.sha256 });
    let name = names::print("customerImports", new.id);
    audit::record(&tx, caller, &name, Some(new.unit), detail, app.clock.as_ref()).await?;
    tx.commit().await?;
    Ok(new)
}

fn drafted(app: &App, caller: &Caller, unit: Uuid, given: v1::CustomerImport) -> Result<Import> {
    let wrong = |field: &str, text: &str| {
        Err(ServiceError::invalid(format!("customerImport.{field}"), text))
    };
    if FileKind::from_number(given.kind).is_none() {
        return wrong("kind", "is required");
    }
    if !(1..=LENGTH_MAX).contains(&given.length_bytes) {
        return wrong("lengthBytes", "is not between 1 and 1 GiB");
    }
    let is_hex = |text: &str| text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    if given.content_sha256.len() != 64 || !is_hex(&given.content_sha256) {
        return wrong("contentSha256", "is no 64 small hexadecimal digits");
    }
    let separator = match given.separator.as_str() {
        "" => ',',
        "," | ";" | "|" | "\t" => given.separator.chars().next().unwrap_or(','),
        _ => return wrong("separator", "is none of comma, semicolon, bar and tab"),
    };
    let Some(encoding) = Encoding::from_number(given.encoding) else {
        return wrong("encoding", "is not known");
    };
    let settings = Settings {
        kind: given.kind,
        encoding: encoding as i32,
        separator,
        columns: given.columns.into_iter().map(|c| (c.header, c.field)).collect(),
        dry_run: given.dry_run,
    };
    let text = serde_json::to_string(&(&settings, unit, given.length_bytes, &given.content_sha256))
        .map_err(ServiceError::internal)?;
    let id = new_id(app.clock.as_ref());
    Ok(Import {
        id,
        org: caller.org,
        unit,
        file_key: app.vault.hash(caller.org, HashKind::ImportFile, text.as_bytes()),
        settings,
        length: given.length_bytes,
        sha256: given.content_sha256,
        actor: caller.name(),
        state: State::Uploading,
        received: 0,
        scan: (Decoder::new(encoding), Scanner::new(separator)),
        counts: Counts::default(),
        failure: None,
        part_key: app.vault.new_key(id)?.wrapped().to_vec(),
        create_us: app.clock.now_us(),
        end_us: None,
    })
}

/// An import that the caller may see and act on.
async fn import_of(app: &App, caller: &Caller, name: &str) -> Result<Import> {
    let id = convert::id("customerImports", "name", name)?;
    let found = store::customer_import::find(app.db.read(), caller.org, id).await?;
    let import = found.ok_or_else(|| ServiceError::not_found("import"))?;
    caller.authorize_object(import.unit, "import")?;
    Ok(import)
}

/// An import as the contract shows it.
fn import_to(import: &Import) -> v1::CustomerImport {
    let (settings, counts) = (&import.settings, &import.counts);
    let line = |line: u64| i64::try_from(line).unwrap_or(i64::MAX);
    let columns = settings
        .columns
        .iter()
        .map(|(header, field)| v1::ImportColumn { header: header.clone(), field: field.clone() });
    v1::CustomerImport {
        name: names::print("customerImports", import.id),
        unit: names::print("units", import.unit),
        kind: settings.kind,
        length_bytes: import.length,
        content_sha256: import.sha256.clone(),
        encoding: settings.encoding,
        separator: settings.separator.to_string(),
        columns: columns.collect(),
        dry_run: settings.dry_run,
        state: import.state as i32,
        received_bytes: import.received,
        row_count: counts.rows,
        created_count: counts.created,
        updated_count: counts.updated,
        unchanged_count: counts.unchanged,
        error_count: counts.errors,
        failure: import.failure.as_ref().map(|fault| v1::ImportFailure {
            line: line(fault.line),
            column: line(fault.column),
            text: fault.text.clone(),
        }),
        create_time: Some(time::from_us(import.create_us)),
        end_time: time::from_us_opt(import.end_us),
    }
}

/// How far an import is.
pub async fn get(app: &App, caller: &Caller, name: &str) -> Result<v1::CustomerImport> {
    Ok(import_to(&import_of(app, caller, name).await?))
}

/// Imports, newest first.
pub async fn list(
    app: &App,
    caller: &Caller,
    request: &v1::ListCustomerImportsRequest,
) -> Result<v1::ListCustomerImportsResponse> {
    let unit = convert::id_opt("units", "unit", &request.unit)?;
    let units = caller.visible()?.narrowed(unit)?;
    let key = format!("imports|{}|{}", caller.org, request.unit);
    let page = app.pages.open(key, request.page_size, &request.page_token)?;
    let (conn, units) = (app.db.read(), units.as_deref());
    let mut found =
        store::customer_import::list(conn, caller.org, units, page.after, page.limit).await?;
    let next_page_token = page.close(&mut found, |last| (last.create_us, last.id));
    let customer_imports = found.iter().map(import_to).collect();
    Ok(v1::ListCustomerImportsResponse { customer_imports, next_page_token })
}

/// Refused rows in the order of the file.
pub async fn errors(
    app: &App,
    caller: &Caller,
    request: &v1::ListImportErrorsRequest,
) -> Result<v1::ListImportErrorsResponse> {
    let import = import_of(app, caller, &request.name).await?;
    let key = format!("importErrors|{}|{}", caller.org, import.id);
    let page = app.pages.open(key, request.page_size, &request.page_token)?;
    let (conn, after) = (app.db.read(), page.after.unwrap_or(-1));
    let mut found = store::customer_import::errors(conn, import.id, after, page.limit).await?;
    let next_page_token = page.close(&mut found, |(place, _)| *place);
    let mut csv = String::new();
    push_line(&mut csv, ["line", "column", "header", "text"].map(Cell::Plain));
    for (_, error) in &found {
        let (line, column) = (error.line.to_string(), error.column.to_string());
        let cells = [
            Cell::Plain(&line),
            Cell::Plain(&column),
            Cell::Text(&error.header),
            Cell::Text(&error.text),
        ];
        push_line(&mut csv, cells);
    }
    let errors = found.into_iter().map(|(_, error)| error_to(error)).collect();
    Ok(v1::ListImportErrorsResponse { errors, next_page_token, csv })
}

fn error_to(error: RowError) -> v1::ImportRowError {
    v1::ImportRowError {
        line: i64::try_from(error.line).unwrap_or(i64::MAX),
        column: i32::try_from(error.column).unwrap_or(i32::MAX),
        header: error.header,
        text: error.text,
    }
}
