//! The request body of a unary call: one message and no more. tonic ignores further messages,
//! so that a caller that sends two would believe both to be done.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use proto::common::v1::Reason;
use tonic::{Code, Status, body::Body};

use crate::{
    error::{self, ServiceError},
    memory::{self, Held},
};

const PREFIX_BYTES: u64 = 5;
/// No message of the contract may be larger.
const HELD_MAX: u64 = 64 * 1024 * 1024;

/// Passes the bytes of one message and fails at the first byte after it.
pub(super) struct OneMessage {
    body: Body,
    /// The length prefix as far as it came.
    prefix: Vec<u8>,
    /// Bytes seen, prefix included.
    seen: u64,
    /// Room for the message, from the moment at which its length is known.
    room: Option<Held>,
}

impl OneMessage {
    pub(super) fn new(body: Body) -> Self {
        Self { body, prefix: Vec::with_capacity(5), seen: 0, room: None }
    }

    /// Counts `data`.
    ///
    /// # Errors
    /// When it goes beyond the message, or the message is more than there is room for.
    fn take(&mut self, data: &Bytes) -> error::Result<()> {
        let missing = (PREFIX_BYTES as usize).saturating_sub(self.prefix.len());
        self.prefix.extend_from_slice(&data[..missing.min(data.len())]);
        self.seen += data.len() as u64;
        let Ok([_, length @ ..]) = <[u8; 5]>::try_from(self.prefix.as_slice()) else {
            return Ok(());
        };
        let length = u64::from(u32::from_be_bytes(length));
        if self.seen > PREFIX_BYTES + length {
            return Err(ServiceError::new(
                Code::InvalidArgument,
                Reason::MalformedMessage,
                "a unary call has exactly one message",
            ));
        }
        // What is larger than any message may be is refused by whoever decodes it.
        if self.room.is_none() && length <= HELD_MAX {
            self.room = Some(memory::hold(length)?);
        }
        Ok(())
    }
}

impl HttpBody for OneMessage {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        if let Poll::Ready(Some(Ok(frame))) = &polled
            && let Some(data) = frame.data_ref()
            && let Err(error) = self.take(data)
        {
            return Poll::Ready(Some(Err(error.into())));
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
