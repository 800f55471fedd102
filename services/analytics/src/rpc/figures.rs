//! FigureService.

use futures::stream::BoxStream;
use kit::{auth::open_request, error::{Result, ServiceError}, page::PageTokens};
use proto::analytics::v1::{
    FigureSource, QueryFiguresRequest, QueryFiguresResponse, WatchFiguresRequest, WatchFiguresResponse,
    figure_service_server::FigureService,
};
use tonic::{Request, Response, Status};

use super::{access, answer, request, watch};
use crate::{answers::AnswerFigures, figures::Figures, live::Live};
use analytics_domain::plan::Group;

/// Answers questions and streams today's figures.
#[derive(Clone)]
pub struct FigureHandler {
    figures: Figures,
    answers: AnswerFigures,
    live: Live,
    tokens: PageTokens,
}

impl FigureHandler {
    /// Answers with `figures` and `answers`, streams from `live`; `tokens` makes resume tokens.
    pub fn new(figures: Figures, answers: AnswerFigures, live: Live, tokens: PageTokens) -> Self {
        Self { figures, answers, live, tokens }
    }

    async fn query(&self, request: Request<QueryFiguresRequest>) -> Result<QueryFiguresResponse> {
        let (caller, message) = open_request(request)?;
        // Who may not see the unit learns nothing else about the request either.
        let limited = access::limit(&caller, request::unit("unit", &message.unit)?)?;
        let mut question = request::question(&message)?;
        let view = caller.view()?;
        let by_staff = question.groups.contains(&Group::Staff);
        let asked = &question.filter.staff;
        question.filter.staff = access::check(&caller, &view, question.unit, by_staff, asked)?;
        let found = match message.source() {
            // Answers name no staff member whose own they could be.
            FigureSource::Questionnaires if limited.is_some() => {
                return Err(ServiceError::denied());
            }
            FigureSource::Questionnaires => self.answers.answer(&view, &question).await?,
            FigureSource::Unspecified | FigureSource::Ratings => {
                self.figures.answer(&view, &question).await?
            }
        };
        Ok(answer::response(&view, &found, &question))
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
