//! Parts of a file: checked as they come, kept encrypted until the file is taken in.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use kit::{
    auth::Caller,
    error::{Result, ServiceError},
};
use proto::survey::v1;
use survey_domain::csv_import::{Fault, Nothing, Reader};

use super::{import_of, import_to};
use crate::{
    state::App,
    store,
    store::customer_import::{Import, State},
};

/// Longest part in bytes.
const PART_BYTES_MAX: usize = 512 << 10;

/// Takes the next part.
pub async fn upload(
    app: &App,
    caller: &Caller,
    request: &v1::UploadImportPartRequest,
) -> Result<v1::CustomerImport> {
    let import = import_of(app, caller, &request.name).await?;
    let bytes = decoded(&request.content_base64)?;
    let import = take(app, import, request.offset_bytes, &bytes).await?;
    Ok(import_to(&import))
}

/// The bytes of a part.
pub fn decoded(text: &str) -> Result<Vec<u8>> {
    let bytes = BASE64_STANDARD
        .decode(text)
        .map_err(|_| ServiceError::invalid("contentBase64", "is no base64 with padding"))?;
    match bytes.len() {
        0 => Err(ServiceError::invalid("contentBase64", "is required")),
        length if length > PART_BYTES_MAX => {
            Err(ServiceError::invalid("contentBase64", "is longer than 512 KiB"))
        }
        _ => Ok(bytes),
    }
}

/// Takes bytes that begin at `offset`; those that are there are passed over.
pub async fn take(app: &App, import: Import, offset: i64, bytes: &[u8]) -> Result<Import> {
    let length = i64::try_from(bytes.len()).unwrap_or(i64::MAX);
    let end = offset.saturating_add(length);
    if offset < 0 || end > import.length {
        return Err(ServiceError::invalid("offsetBytes", "leads beyond the declared length"));
    }
    if end <= import.received {
        return Ok(import);
    }
    if offset > import.received {
        let text = format!("a part is missing; go on at byte {}", import.received);
        return Err(ServiceError::wrong_state(text)
            .with_metadata("receivedBytes", import.received.to_string()));
    }
    if import.state != State::Uploading {
        return Err(ServiceError::wrong_state("the import takes no more parts"));
    }
    let known = usize::try_from(import.received - offset).unwrap_or_default();
    let fresh = bytes.get(known..).unwrap_or_default();
    let mut changed = import.clone();
    let (decoder, scanner) = import.scan.clone();
    let mut reader = Reader::new(decoder, scanner, Nothing);
    if let Err(fault) = reader.feed(fresh) {
        return Err(fail(app, &import, fault).await?);
    }
    let (decoder, scanner) = reader.state();
    changed.scan = (decoder.clone(), scanner.clone());
    changed.received = end;
    let body = app.vault.open_key(import.id, &import.part_key)?.seal(import.id, fresh)?;
    let tx = app.db.begin().await?;
    store::customer_import::save(tx.conn(), &import, &changed).await?;
    store::customer_import::insert_part(tx.conn(), &import, import.received, body).await?;
    tx.commit().await?;
    Ok(changed)
}

/// Ends an import whose file is not sound; answers what the caller is told.
pub async fn fail(app: &App, import: &Import, fault: Fault) -> Result<ServiceError> {
    let told = ServiceError::invalid("contentBase64", fault.to_string())
        .with_metadata("line", fault.line.to_string())
        .with_metadata("column", fault.column.to_string());
    let failed = Import {
        state: State::Failed,
        failure: Some(fault),
        part_key: Vec::new(),
        end_us: Some(app.clock.now_us()),
        ..import.clone()
    };
    let tx = app.db.begin().await?;
    store::customer_import::save(tx.conn(), import, &failed).await?;
    store::customer_import::delete_parts(tx.conn(), import.id).await?;
    tx.commit().await?;
    Ok(told)
}
