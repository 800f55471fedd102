//! Sending ratings, by the stream or by single calls.

use std::time::Duration;

use proto::device::v1::{
    BatchCreateRatingsRequest, BatchCreateRatingsResponse,
    rating_service_client::RatingServiceClient,
};
use tokio::{sync::mpsc, time::timeout};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status, Streaming};

use crate::{
    client::Client,
    error::{Error, Result},
};

/// How long a batch may take to be answered.
const ANSWER_MAX: Duration = Duration::from_secs(30);
const WHAT: &str = "sending ratings";

/// The way of ratings to the suite.
pub struct Uploader {
    client: Client,
    streaming: bool,
    open: Option<Open>,
}

struct Open {
    batches: mpsc::Sender<BatchCreateRatingsRequest>,
    answers: Streaming<BatchCreateRatingsResponse>,
}

impl Uploader {
    /// Sends as `client`, over a stream or not.
    pub fn new(client: Client, streaming: bool) -> Self {
        Self { client, streaming, open: None }
    }

    /// Sends a batch of at most 256 ratings and waits for its answer. After an error nobody
    /// knows what was stored: send it again.
    pub async fn send(
        &mut self,
        batch: BatchCreateRatingsRequest,
    ) -> Result<BatchCreateRatingsResponse> {
        if !self.streaming {
            return self
                .client
                .call(WHAT, batch, |chan, request| async move {
                    RatingServiceClient::new(chan).batch_create_ratings(request).await
                })
                .await;
        }
        // A stream ends with the token that opened it; a new one goes on where it ended.
        let mut renewed = false;
        loop {
            let answer = timeout(ANSWER_MAX, self.send_on_stream(batch.clone())).await;
            let late = || Err(Status::deadline_exceeded("no answer in time"));
            let status = match answer.unwrap_or_else(|_| late()) {
                Ok(answer) => return Ok(answer),
                Err(status) => status,
            };
            self.open = None;
            let expired = status.code() == Code::Unauthenticated;
            if expired {
                self.client.forget_token().await;
            }
            if renewed || !expired {
                return Err(Error::call(WHAT, status));
            }
            renewed = true;
        }
    }

    async fn send_on_stream(
        &mut self,
        batch: BatchCreateRatingsRequest,
    ) -> std::result::Result<BatchCreateRatingsResponse, Status> {
        let open = match self.open.take() {
            Some(open) if open.batches.send(batch.clone()).await.is_ok() => open,
            _ => self.begin(batch).await?,
        };
        let open = self.open.insert(open);
        match open.answers.message().await? {
            Some(answer) => Ok(answer),
            None => Err(Status::unavailable("the suite ended the stream")),
        }
    }

    /// Opens the stream with its first batch: the suite may answer only after it.
    async fn begin(&self, first: BatchCreateRatingsRequest) -> std::result::Result<Open, Status> {
        let (batches, outgoing) = mpsc::channel(2);
        batches.try_send(first).map_err(|e| Status::internal(e.to_string()))?;
        let request = self.client.request(ReceiverStream::new(outgoing)).await;
        let request = request.map_err(|e| Status::unavailable(e.to_string()))?;
        let answer = RatingServiceClient::new(self.client.chan()).upload_ratings(request).await?;
        Ok(Open { batches, answers: answer.into_inner() })
    }
}
