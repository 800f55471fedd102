//! Following another service's feed: catch up in pages, then wait for each new group, and
//! begin again from the saved cursor whenever anything fails.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use futures::{StreamExt, stream::BoxStream};
use proto::{
    auth::v1::event_service_client::EventServiceClient as AuthEvents,
    common::v1::{EventGroup, ListEventsRequest, ListEventsResponse, WatchEventsRequest},
    device::v1::event_service_client::EventServiceClient as DeviceEvents,
    survey::v1::event_service_client::EventServiceClient as SurveyEvents,
};
use tokio_util::sync::CancellationToken;
use tonic::Status;

use super::GROUPS_MAX;
use crate::{
    auth::InternalTokens,
    error::{Result, ServiceError},
    rpc::{Chan, bearer},
};

const BACKOFF_MIN: Duration = Duration::from_millis(100);
const BACKOFF_MAX: Duration = Duration::from_secs(5);
/// Largest page of groups.
const PAGE_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Takes groups in and remembers how far it is.
#[async_trait]
pub trait Consumer: Send + Sync {
    /// Applies the groups in order, and moves the cursor in the same transaction; many groups
    /// may take several. Groups that were applied before must change nothing.
    async fn apply(&self, groups: Vec<EventGroup>) -> Result<()>;
    /// Position up to which everything is applied.
    async fn cursor(&self) -> Result<String>;
}

/// A feed that can be read.
#[async_trait]
pub trait FeedSource: Send + Sync {
    /// Groups after a position.
    async fn list(&self, after: String) -> Result<ListEventsResponse>;
    /// Each group after a position, as it comes.
    async fn watch(
        &self,
        after: String,
    ) -> Result<BoxStream<'static, std::result::Result<EventGroup, Status>>>;
}

macro_rules! feed_source {
    ($(#[$doc:meta])* $name:ident, $client:ident) => {
        $(#[$doc])*
        #[derive(Clone)]
        pub struct $name {
            client: $client<Chan>,
            tokens: InternalTokens,
        }

        impl $name {
            /// Reads through `chan` with tokens of this installation.
            pub fn new(chan: Chan, tokens: InternalTokens) -> Self {
                let client = $client::new(chan).max_decoding_message_size(PAGE_BYTES_MAX);
                Self { client, tokens }
            }
        }

        #[async_trait]
        impl FeedSource for $name {
            async fn list(&self, after: String) -> Result<ListEventsResponse> {
                let page_size = i32::try_from(GROUPS_MAX).unwrap_or(i32::MAX);
                let request = ListEventsRequest { after, page_size };
                let request = bearer(request, &self.tokens.internal());
                Ok(self.client.clone().list_events(request).await?.into_inner())
            }

            async fn watch(
                &self,
                after: String,
            ) -> Result<BoxStream<'static, std::result::Result<EventGroup, Status>>> {
                let request = bearer(WatchEventsRequest { after }, &self.tokens.internal());
                Ok(self.client.clone().watch_events(request).await?.into_inner().boxed())
            }
        }
    };
}

feed_source!(
    /// The feed of the auth service.
    AuthFeed, AuthEvents
);
feed_source!(
    /// The feed of the device service.
    DeviceFeed, DeviceEvents
);

feed_source!(
    /// The feed of the survey service.
    SurveyFeed, SurveyEvents
);

/// Follows `source` until `stop`. Errors are logged and followed by a pause that grows.
pub async fn follow(
    name: &str,
    source: impl FeedSource,
    consumer: Arc<dyn Consumer>,
    stop: CancellationToken,
) {
    let mut pause = BACKOFF_MIN;
    loop {
        let result = tokio::select! {
            () = stop.cancelled() => return,
            result = run(&source, consumer.as_ref(), &mut pause) => result,
        };
        if let Err(error) = result {
            tracing::warn!(feed = name, %error, "following interrupted");
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
        pause = (pause * 2).min(BACKOFF_MAX);
    }
}

async fn run(
    source: &impl FeedSource,
    consumer: &dyn Consumer,
    pause: &mut Duration,
) -> Result<()> {
    let mut cursor = catch_up(source, consumer).await?;
    let mut stream = source.watch(cursor.clone()).await?.ready_chunks(GROUPS_MAX);
    while let Some(chunk) = stream.next().await {
        let mut groups = Vec::with_capacity(chunk.len());
        let mut broken = None;
        for item in chunk {
            match item {
                Ok(group) => groups.push(group),
                Err(status) => broken = Some(ServiceError::from(status)),
            }
        }
        if let Some(last) = groups.last() {
            cursor.clone_from(&last.position);
            consumer.apply(groups).await?;
            *pause = BACKOFF_MIN;
        }
        if let Some(error) = broken {
            return Err(error);
        }
    }
    Ok(())
}

/// Applies everything that is there now; the position reached.
pub async fn catch_up(source: &impl FeedSource, consumer: &dyn Consumer) -> Result<String> {
    let mut cursor = consumer.cursor().await?;
    loop {
        let page = source.list(cursor.clone()).await?;
        if !page.groups.is_empty() {
            consumer.apply(page.groups).await?;
        }
        cursor = page.next;
        if page.at_end {
            return Ok(cursor);
        }
    }
}
