//! FigureService.

use futures::stream::BoxStream;
use kit::{auth::open_request, error::Result, page::PageTokens};
use proto::analytics::v1::{
    QueryFiguresRequest, QueryFiguresResponse, WatchFiguresRequest, WatchFiguresResponse,
    figure_service_server::FigureService,
};
use tonic::{Request, Response, Status};

use super::{access, answer, request, watch};
use crate::{figures::Figures, live::Live};
use analytics_domain::plan::Group;

/// Answers questions and streams today's figures.
#[derive(Clone)]
pub struct FigureHandler {
    figures: Figures,
    live: Live,
    tokens: PageTokens,
}

impl FigureHandler {
    /// Answers with `figures`, streams from `live`; `tokens` makes resume tokens.
    pub fn new(figures: Figures, live: Live, tokens: PageTokens) -> Self {
        Self { figures, live, tokens }
    }

    async fn query(&self, request: Request<QueryFiguresRequest>) -> Result<QueryFiguresResponse> {
        let (caller, message) = open_request(request)?;
        // Who may not see the unit learns nothing else about the request either.
        caller.authorize(request::unit("unit", &message.unit)?)?;
        let mut question = request::question(&message)?;
        let view = caller.view()?;
        let by_staff = question.groups.contains(&Group::Staff);
        let asked = &question.filter.staff;
        question.filter.staff = access::check(&caller, &view, question.unit, by_staff, asked)?;
        let found = self.figures.answer(&view, &question).await?;
        let include_distrusted = question.filter.include_distrusted;
        Ok(answer::response(&view, &found, question.bucket(), include_distrusted))
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
        let watcher = watch::Watcher::open(&self.live, &self.tokens, caller, &message)?;
        Ok(Response::new(watcher.stream()))
    }
}
