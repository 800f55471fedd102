//! FigureService.

use std::sync::Arc;

use futures::stream::BoxStream;
use kit::{auth::open_request, error::Result};
use proto::analytics::v1::{
    QueryFiguresRequest, QueryFiguresResponse, WatchFiguresRequest, WatchFiguresResponse,
    figure_service_server::FigureService,
};
use tonic::{Request, Response, Status};

use super::{answer, asking, watch};
use crate::{live::Live, state::App};

/// Answers questions and streams today's figures.
#[derive(Clone)]
pub struct FigureHandler {
    app: Arc<App>,
    live: Live,
}

impl FigureHandler {
    /// Answers with the parts of `app`, streams from `live`.
    pub fn new(app: Arc<App>, live: Live) -> Self {
        Self { app, live }
    }

    async fn query(&self, request: Request<QueryFiguresRequest>) -> Result<QueryFiguresResponse> {
        let (caller, message) = open_request(request)?;
        let asked = asking::ask(&self.app, &caller, &message).await?;
        Ok(answer::response(&asked.view, &asked.answer, &asked.question))
    }
}

#[tonic::async_trait]
impl FigureService for FigureHandler {
    async fn query_figures(
        &self,
        request: Request<QueryFiguresRequest>,
    ) -> std::result::Result<Response<QueryFiguresResponse>, Status> {
        Ok(Response::new(self.query(request).await?))
    }

    type WatchFiguresStream = BoxStream<'static, std::result::Result<WatchFiguresResponse, Status>>;

    async fn watch_figures(
        &self,
        request: Request<WatchFiguresRequest>,
    ) -> std::result::Result<Response<Self::WatchFiguresStream>, Status> {
        let (caller, message) = open_request(request)?;
        let watcher = watch::Watcher::open(&self.live, &self.app.pages, caller, &message)?;
        Ok(Response::new(watcher.stream()))
    }
}
