//! Letting a press out of quarantine: it goes the ordinary way, with what an administrator
//! vouches for, and keeps its receipt.

use device_domain::rating_stored::{Fate, Quarantined, Rating};
use kit::{
    audit,
    auth::Caller,
    error::{Result, ServiceError},
};
use prost::Message as _;
use proto::{device::v1::RatingMessage, names};
use tonic::Code;
use uuid::Uuid;

use super::{
    Ingest,
    batch::{Authority, Batch, Item, Refusal, Verdict, Vouched},
    ground::Ground,
    group::{Entry, Trouble, place},
    parse,
};
use crate::{
    events,
    store::{quarantine, rating},
};

/// How often a release that lost against another transaction is tried.
const TRIES: usize = 4;

/// What an administrator adds.
#[derive(Debug, Clone, Copy, Default)]
pub struct Additions {
    /// Window, where none was known.
    pub window: Option<Uuid>,
    /// Template, where the named one is unknown.
    pub template: Option<Uuid>,
}

impl Ingest {
    /// Counts a press after all. Doing so again gives the same rating.
    ///
    /// # Errors
    /// FAILED_PRECONDITION when the cause of the quarantine still stands or the press was
    /// deleted, INVALID_ARGUMENT when it does not fit its template.
    pub async fn release(
        &self,
        caller: &Caller,
        held: &Quarantined,
        additions: Additions,
    ) -> Result<Rating> {
        if held.fate == Fate::Deleted {
            return Err(ServiceError::wrong_state("it was deleted"));
        }
        let batch = batch(held, additions)?;
        for _ in 0..TRIES {
            match self.try_release(caller, held, additions, &batch).await {
                Ok(rating) => return Ok(rating),
                Err(Trouble::Again | Trouble::LookCloser) => {}
                Err(Trouble::Failed(error)) => return Err(error),
            }
        }
        Err(ServiceError::unavailable("too many changes at once; try again"))
    }

    async fn try_release(
        &self,
        caller: &Caller,
        held: &Quarantined,
        additions: Additions,
        batch: &Batch,
    ) -> std::result::Result<Rating, Trouble> {
        let engine = &self.shared.engine;
        let entries = [Entry { batch, item: &batch.items[0] }];
        let mut ground = Ground::prepare(engine, &entries).await?;
        let tx = engine.app.db.begin().await?;
        let placed = Box::pin(place(engine, &mut ground, &tx, &entries, true)).await?;
        // Read under the lock of its device: whoever was faster is seen.
        let now = quarantine::get(tx.conn(), held.org, held.id).await?;
        match now.map(|press| press.fate) {
            Some(Fate::Held | Fate::Released) => {}
            Some(Fate::Deleted) => return Err(ServiceError::wrong_state("it was deleted").into()),
            None => return Err(ServiceError::not_found("quarantined rating").into()),
        }
        match &placed.verdicts[0] {
            Verdict::Stored { .. } => {}
            Verdict::Quarantined(cause) => {
                let text = format!("it cannot be counted: {}", cause.text());
                return Err(ServiceError::wrong_state(text).into());
            }
            Verdict::Refused(refusal) => return Err(refused(refusal).into()),
        }
        if !placed.events.is_empty() {
            quarantine::set_fate(&tx, held, Fate::Released).await?;
            let detail = serde_json::json!({
                "cause": held.cause as i32,
                "window": names::print_opt("units", additions.window),
                "template": names::print_opt("templates", additions.template),
            });
            let name = names::print("quarantinedRatings", held.id);
            let clock = engine.app.clock.as_ref();
            audit::record(&tx, caller, &name, Some(held.unit), detail, clock).await?;
            engine.app.outbox.append(&tx, events::pack(placed.events)).await?;
        }
        let stored = rating::get(tx.conn(), held.org, held.id).await?;
        tx.commit().await?;
        engine.app.outbox.committed();
        stored.ok_or_else(|| ServiceError::internal("a released rating is not stored").into())
    }
}

fn batch(held: &Quarantined, additions: Additions) -> Result<Batch> {
    let message = RatingMessage::decode(held.message.as_slice())
        .map_err(|error| ServiceError::internal(format!("quarantined message: {error}")))?;
    let item = parse::item(held.device, message).map_err(|refusal| refused(&refusal))?;
    let mut press = item.press;
    press.template = additions.template.or(press.template);
    let vouched = Vouched {
        window: additions.window,
        press: Some((held.press_us, Some(held.clock_source), held.clock_suspect)),
        release: true,
        ..Vouched::default()
    };
    let item = Item {
        device: held.device,
        receipt: held.id,
        content_hash: held.content_hash,
        press,
        vouched: Some(Box::new(vouched)),
    };
    Ok(Batch {
        org: held.org,
        authority: Authority::Administrator,
        clock: None,
        receive_us: held.receive_us,
        items: vec![item],
    })
}

fn refused(refusal: &Refusal) -> ServiceError {
    match refusal.code {
        Code::InvalidArgument => ServiceError::invalid(refusal.field.clone(), refusal.text.clone()),
        _ => ServiceError::new(refusal.code, refusal.reason, refusal.text.clone()),
    }
}
