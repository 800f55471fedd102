//! Answers of a stream that a task beside the call makes.

use std::{pin::Pin, result::Result as StdResult};

use futures::Stream;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;

use crate::error::{Result, ServiceError};

/// Messages that may wait for the caller.
const WAITING_MAX: usize = 8;

/// Messages of a stream.
pub type Sending<T> = Pin<Box<dyn Stream<Item = StdResult<T, Status>> + Send>>;

/// Where the task puts its messages.
pub struct Answers<T>(mpsc::Sender<StdResult<T, Status>>);

impl<T> Answers<T> {
    /// Sends a message, as soon as the caller takes it.
    ///
    /// # Errors
    /// CANCELLED when nobody listens any more.
    pub async fn send(&self, message: T) -> Result<()> {
        let gone = |_| ServiceError::from(Status::cancelled("nobody listens any more"));
        self.0.send(Ok(message)).await.map_err(gone)
    }

    /// Sends a message that may be left out, unless the caller has enough to read.
    pub fn tell(&self, message: T) {
        let _ = self.0.try_send(Ok(message));
    }
}

/// A stream of what `work` sends. The work ends when the caller does not listen any more; its
/// error is the end of the stream.
pub fn sending<T, F>(work: impl FnOnce(Answers<T>) -> F) -> Sending<T>
where
    T: Send + 'static,
    F: Future<Output = Result<()>> + Send + 'static,
{
    let (sender, receiver) = mpsc::channel(WAITING_MAX);
    let working = work(Answers(sender.clone()));
    tokio::spawn(async move {
        let ended = tokio::select! {
            () = sender.closed() => return,
            ended = working => ended,
        };
        if let Err(error) = ended {
            let _ = sender.send(Err(error.into())).await;
        }
    });
    Box::pin(ReceiverStream::new(receiver))
}
