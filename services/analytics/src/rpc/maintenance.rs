//! MaintenanceService: proof and repair of the cells.

use std::sync::Arc;

use kit::{
    auth::open_request,
    error::ServiceError,
    rpc::{Answers, Sending, sending},
};
use proto::{
    analytics::v1::{
        Mismatch, RebuildRequest, RebuildResponse, ReconcileRequest, ReconcileResponse,
        maintenance_service_server::MaintenanceService,
    },
    names,
};
use tonic::{Request, Response, Status};

use crate::{
    apply::Applier,
    reconcile::{Difference, Reconciler, Report},
};

/// Reconciles and rebuilds.
#[derive(Clone)]
pub struct MaintenanceHandler {
    reconciler: Reconciler,
    appliers: Vec<Arc<Applier>>,
}

impl MaintenanceHandler {
    /// Compares with `reconciler`, rebuilds what `appliers` made.
    pub fn new(reconciler: Reconciler, appliers: Vec<Arc<Applier>>) -> Self {
        Self { reconciler, appliers }
    }
}

/// A difference as the contract shows it.
pub fn mismatch(difference: Difference) -> Mismatch {
    Mismatch { cell: difference.cell, source: difference.source, counted: difference.counted }
}

fn response(report: Report, done: bool) -> ReconcileResponse {
    let mismatches = report.differences.into_iter().map(mismatch);
    ReconcileResponse {
        equal: report.equal,
        source_ratings: report.source_ratings,
        counted_ratings: report.counted_ratings,
        source_encounters: report.source_encounters,
        counted_encounters: report.counted_encounters,
        mismatches: mismatches.collect(),
        watermark: report.position,
        source_responses: report.source_responses,
        counted_responses: report.counted_responses,
        survey_watermark: report.survey_position,
        done,
    }
}

#[tonic::async_trait]
impl MaintenanceService for MaintenanceHandler {
    type ReconcileStream = Sending<ReconcileResponse>;

    async fn reconcile(
        &self,
        request: Request<ReconcileRequest>,
    ) -> std::result::Result<Response<Self::ReconcileStream>, Status> {
        let (caller, message) = open_request(request)?;
        let org = names::parse("organisations", &message.organisation)
            .filter(|org| caller.directory().organisation(*org).is_some())
            .ok_or_else(|| ServiceError::not_found("organisation"))?;
        let reconciler = self.reconciler.clone();
        Ok(Response::new(sending(async move |answers: Answers<_>| {
            let told = |so_far: &Report| answers.tell(response(so_far.clone(), false));
            let report = reconciler.compare(org, &told).await?;
            answers.send(response(report, true)).await
        })))
    }

    async fn rebuild(
        &self,
        request: Request<RebuildRequest>,
    ) -> std::result::Result<Response<RebuildResponse>, Status> {
        let (caller, _) = open_request(request)?;
        let mut targets = Vec::new();
        for applier in &self.appliers {
            targets.push(applier.rebuild(Some(&caller)).await?);
        }
        let target = targets.into_iter().next().unwrap_or_default();
        Ok(Response::new(RebuildResponse { target }))
    }
}
