//! The audit record.

use std::sync::Arc;

use auth_domain::audit::{DETAIL_LEN_MAX, Hash, Head, Record, Verdict, Verifier};
use kit::{
    auth::open_request,
    error::{Result, ServiceError},
};
use proto::{
    auth::v1::{
        AppendAuditRecordRequest, AppendAuditRecordResponse, AuditRecord, ListAuditRecordsRequest,
        ListAuditRecordsResponse, VerifyAuditChainRequest, VerifyAuditChainResponse,
        audit_service_server::AuditService,
    },
    names, time,
};
use tonic::{Request, Response};
use uuid::Uuid;

use super::{Answer, id_of, optional_id, scan};
use crate::{
    core::Core,
    store::{
        audit::{self, Filter, Kept},
        organisations,
    },
    work::Work,
};

/// Records read at once while a chain is verified.
const CHUNK: u64 = 1_000;
/// Longest text of a record of another service.
const TEXT_LEN_MAX: usize = 200;

/// Handlers of the audit service.
pub struct Audits(pub Arc<Core>);

#[tonic::async_trait]
impl AuditService for Audits {
    async fn list_audit_records(
        &self,
        request: Request<ListAuditRecordsRequest>,
    ) -> Answer<ListAuditRecordsResponse> {
        Ok(self.list(request).await?)
    }

    async fn verify_audit_chain(
        &self,
        request: Request<VerifyAuditChainRequest>,
    ) -> Answer<VerifyAuditChainResponse> {
        Ok(self.verify(request).await?)
    }

    async fn append_audit_record(
        &self,
        request: Request<AppendAuditRecordRequest>,
    ) -> Answer<AppendAuditRecordResponse> {
        Ok(self.append(request).await?)
    }
}

impl Audits {
    async fn list(
        &self,
        request: Request<ListAuditRecordsRequest>,
    ) -> Result<Response<ListAuditRecordsResponse>> {
        let (caller, message) = open_request(request)?;
        let visible = caller.visible()?;
        let filter = Filter {
            from_us: time::to_us_opt(message.from.as_ref()),
            to_us: time::to_us_opt(message.to.as_ref()),
            actor: message.actor,
            action: message.action,
            object: message.object,
        };
        let listed = format!("audit|{}|{filter:?}", caller.org);
        let page = self.0.pages.open(listed, message.page_size, &message.page_token)?;
        let fetch = |before: Option<i64>, limit| {
            let (conn, filter) = (self.0.db.read().clone(), filter.clone());
            let org = caller.org;
            async move { audit::list(&conn, org, &filter, before, limit).await }
        };
        // What belongs to no unit concerns the organisation as a whole.
        let all = visible.is_all();
        let keep = |kept: &Kept| all || kept.record.unit.is_some_and(|unit| visible.contains(unit));
        let place = |kept: &Kept| kept.record.number;
        let (rows, next_page_token) = scan::fill(page, fetch, place, keep).await?;
        Ok(Response::new(ListAuditRecordsResponse {
            records: rows.into_iter().map(print).collect(),
            next_page_token,
        }))
    }

    async fn verify(
        &self,
        request: Request<VerifyAuditChainRequest>,
    ) -> Result<Response<VerifyAuditChainResponse>> {
        let (caller, message) = open_request(request)?;
        caller.authorize_organisation()?;
        let checkpoint = checkpoint(message.checkpoint_number, &message.checkpoint_hash)?;
        let verdict = self.walk(caller.org, checkpoint).await?;
        Ok(Response::new(VerifyAuditChainResponse {
            intact: verdict.first_broken.is_none(),
            checked: verdict.checked,
            first_broken: verdict.first_broken.unwrap_or_default(),
            last_number: verdict.last.number,
            last_hash: hex(&verdict.last.hash),
        }))
    }

    /// Recomputes a chain while it may grow.
    async fn walk(&self, org: Uuid, checkpoint: Option<Head>) -> Result<Verdict> {
        let conn = self.0.db.read();
        let mut verifier = Verifier::new(org, checkpoint);
        let (mut last, mut promised) = (i64::MIN, 0);
        loop {
            let some = audit::following(conn, org, last, CHUNK).await?;
            for kept in &some {
                verifier.push(&kept.record, &kept.hash);
                last = kept.record.number;
            }
            if some.len() as u64 == CHUNK {
                continue;
            }
            let head = audit::head(conn, org).await?;
            // Records may have been added since the last ones were read; those that the end
            // spoke of before must have come by now.
            let behind = last.max(0) < head.number;
            if behind && last.max(0) >= promised {
                promised = head.number;
                continue;
            }
            return Ok(verifier.finish(head));
        }
    }

    async fn append(
        &self,
        request: Request<AppendAuditRecordRequest>,
    ) -> Result<Response<AppendAuditRecordResponse>> {
        let core = &self.0;
        let (_, message) = open_request(request)?;
        let org = id_of("organisations", "organisation", &message.organisation)?;
        if organisations::find(core.db.read(), org).await?.is_none() {
            return Err(ServiceError::not_found("organisation"));
        }
        let given = message.record.unwrap_or_default();
        let record = read(core.new_id(), core.now_us(), given)?;
        let mut work = Work::begin(core, org).await?;
        if let Some(number) = audit::find_source(work.conn(), org, &message.id).await? {
            return Ok(Response::new(AppendAuditRecordResponse { number }));
        }
        let number = work.take(record, message.id);
        work.commit().await?;
        Ok(Response::new(AppendAuditRecordResponse { number }))
    }
}

fn read(id: Uuid, now_us: i64, given: AuditRecord) -> Result<Record> {
    let texts = [
        ("record.actor", &given.actor),
        ("record.action", &given.action),
        ("record.object", &given.object),
        ("record.outcome", &given.outcome),
    ];
    for (field, text) in texts {
        if text.len() > TEXT_LEN_MAX || text.contains('\0') {
            return Err(ServiceError::invalid(field, "is too long or contains NUL"));
        }
    }
    if given.detail.len() > DETAIL_LEN_MAX || given.detail.contains('\0') {
        return Err(ServiceError::invalid("record.detail", "is too long or contains NUL"));
    }
    Ok(Record {
        id,
        number: 0,
        time_us: given.time.as_ref().map_or(now_us, time::to_us),
        unit: optional_id("units", "record.unit", &given.unit)?,
        actor: given.actor,
        action: given.action,
        object: given.object,
        outcome: given.outcome,
        detail: given.detail,
    })
}

fn print(kept: Kept) -> AuditRecord {
    let record = kept.record;
    AuditRecord {
        name: names::print("auditRecords", record.id),
        number: record.number,
        time: Some(time::from_us(record.time_us)),
        actor: record.actor,
        action: record.action,
        object: record.object,
        unit: names::print_opt("units", record.unit),
        outcome: record.outcome,
        detail: record.detail,
        hash: hex(&kept.hash),
    }
}

fn checkpoint(number: i64, hash: &str) -> Result<Option<Head>> {
    if number == 0 && hash.is_empty() {
        return Ok(None);
    }
    if number < 1 {
        return Err(ServiceError::invalid("checkpointNumber", "is not the number of a record"));
    }
    let hash = unhex(hash)
        .ok_or_else(|| ServiceError::invalid("checkpointHash", "is not 64 hexadecimal digits"))?;
    Ok(Some(Head { number, hash }))
}

fn hex(hash: &Hash) -> String {
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<Hash> {
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    let mut hash = Hash::default();
    for (i, byte) in hash.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * i..2 * i + 2)?, 16).ok()?;
    }
    Some(hash)
}
