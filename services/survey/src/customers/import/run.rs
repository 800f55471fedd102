//! Starting an import whose file is complete: its end, its hash and its columns are checked.

use kit::{
    audit,
    auth::Caller,
    error::{Result, ServiceError},
};
use proto::{names, survey::v1};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use survey_domain::csv_import::{
    Columns, Decoder, Encoding, Fault, FileKind, Nothing, Reader, Row, Rows, Scanner,
};

use super::{import_of, import_to, upload::fail};
use crate::{
    personal::PersonKey,
    state::App,
    store,
    store::customer_import::{Import, Settings, State},
};

/// Starts to take a file in.
pub async fn run(app: &App, caller: &Caller, name: &str) -> Result<v1::CustomerImport> {
    let import = import_of(app, caller, name).await?;
    Ok(import_to(&start(app, caller, import).await?))
}

/// Starts an import; one that runs or has ended is answered as it is.
pub async fn start(app: &App, caller: &Caller, import: Import) -> Result<Import> {
    match import.state {
        State::Running | State::Done => return Ok(import),
        State::Failed => {
            let text = import.failure.as_ref().map(Fault::to_string).unwrap_or_default();
            return Err(ServiceError::invalid("name", format!("the file is not sound: {text}")));
        }
        State::Uploading => {}
    }
    if import.received < import.length {
        let left = import.length - import.received;
        let text = format!("{left} bytes are missing; go on at byte {}", import.received);
        return Err(ServiceError::wrong_state(text));
    }
    if let Err(fault) = check(app, &import).await? {
        return Err(fail(app, &import, fault).await?);
    }
    let running = Import { state: State::Running, ..import.clone() };
    let tx = app.db.begin().await?;
    store::customer_import::save(tx.conn(), &import, &running).await?;
    let detail = json!({
        "kind": import.settings.kind,
        "dryRun": import.settings.dry_run,
        "contentSha256": import.sha256,
    });
    let name = names::print("customerImports", import.id);
    audit::record(&tx, caller, &name, Some(import.unit), detail, app.clock.as_ref()).await?;
    tx.commit().await?;
    app.import_wake.notify_one();
    Ok(running)
}

/// Checks end, hash and columns of the file.
async fn check(app: &App, import: &Import) -> Result<std::result::Result<(), Fault>> {
    let (decoder, scanner) = import.scan.clone();
    let mut end = Reader::new(decoder, scanner, Nothing);
    if let Err(fault) = end.finish() {
        return Ok(Err(fault));
    }
    let mut parts = Parts::open(app, import)?;
    let mut hash = Sha256::new();
    let mut reader = reader(&import.settings);
    let mut header: Option<Row> = None;
    while let Some(bytes) = parts.next(app).await? {
        hash.update(&bytes);
        if header.is_none() {
            // Each part was read before, so that it is sound.
            if let Err(fault) = reader.feed(&bytes) {
                return Ok(Err(fault));
            }
            header = reader.take().into_iter().next();
        }
    }
    if store::rows::hex(&hash.finalize()) != import.sha256 {
        let text = "the file does not have the declared SHA-256".to_owned();
        return Ok(Err(Fault { line: 1, column: 1, text }));
    }
    let header = match header {
        Some(header) => header,
        None => match reader.finish().map(|()| reader.take().into_iter().next()) {
            Ok(Some(header)) => header,
            Ok(None) => {
                let text = "the file holds no header".to_owned();
                return Ok(Err(Fault { line: 1, column: 1, text }));
            }
            Err(fault) => return Ok(Err(fault)),
        },
    };
    Ok(columns(app, import, &header).await?.map(|_| ()))
}

/// The columns of a file.
pub async fn columns(
    app: &App,
    import: &Import,
    header: &Row,
) -> Result<std::result::Result<Columns, Fault>> {
    let attributes = store::customer_schema::attributes(app.db.read(), import.org).await?;
    let kind = FileKind::from_number(import.settings.kind)
        .ok_or_else(|| ServiceError::internal("an import has no kind"))?;
    Ok(Columns::resolve(kind, header, &import.settings.columns, &attributes))
}

/// A reader at the beginning of a file.
pub fn reader(settings: &Settings) -> Reader<Rows> {
    let encoding = Encoding::from_number(settings.encoding).unwrap_or(Encoding::Utf8);
    Reader::new(Decoder::new(encoding), Scanner::new(settings.separator), Rows::default())
}

/// The parts of a file in order, one at a time.
pub struct Parts {
    id: uuid::Uuid,
    key: PersonKey,
    place: i64,
}

impl Parts {
    /// From the beginning.
    pub fn open(app: &App, import: &Import) -> Result<Self> {
        let key = app.vault.open_key(import.id, &import.part_key)?;
        Ok(Self { id: import.id, key, place: 0 })
    }

    /// The next part.
    pub async fn next(&mut self, app: &App) -> Result<Option<Vec<u8>>> {
        let found = store::customer_import::part(app.db.read(), self.id, self.place).await?;
        let Some((place, body)) = found else { return Ok(None) };
        self.place = place + 1;
        self.key.open(self.id, &body).map(Some)
    }
}
