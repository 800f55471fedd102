//! FreshnessService.

use kit::{auth::open_request, db::Db, error::Result, feed::Inbox};
use proto::{
    analytics::v1::{
        GetFreshnessRequest, GetFreshnessResponse, SourceFreshness,
        freshness_service_server::FreshnessService,
    },
    time,
};
use tonic::{Request, Response, Status};

use crate::{
    freshness::{AUTH, Freshness},
    store::parked,
};

/// Says how far each feed is applied.
#[derive(Clone)]
pub struct FreshnessHandler {
    db: Db,
    feeds: Vec<Freshness>,
}

impl FreshnessHandler {
    /// Reads from `db` how far `feeds` are applied.
    pub fn new(db: Db, feeds: Vec<Freshness>) -> Self {
        Self { db, feeds }
    }

    async fn sources(&self) -> Result<GetFreshnessResponse> {
        let conn = self.db.read();
        let mut sources = Vec::new();
        for feed in &self.feeds {
            let mark = feed.mark(conn).await?;
            sources.push(SourceFreshness {
                source: feed.source().to_owned(),
                position: mark.position,
                as_of: Some(time::from_us(mark.as_of_us)),
                parked: parked::count(conn, feed.source()).await?,
            });
        }
        let (position, commit_us) = Inbox::freshness(conn, AUTH).await?.unwrap_or_default();
        let as_of = Some(time::from_us(commit_us));
        sources.push(SourceFreshness { source: AUTH.to_owned(), position, as_of, parked: 0 });
        Ok(GetFreshnessResponse { sources })
    }
}

#[tonic::async_trait]
impl FreshnessService for FreshnessHandler {
    async fn get_freshness(
        &self,
        request: Request<GetFreshnessRequest>,
    ) -> std::result::Result<Response<GetFreshnessResponse>, Status> {
        open_request(request)?;
        Ok(Response::new(self.sources().await?))
    }
}
