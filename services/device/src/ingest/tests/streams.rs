//! Ratings as a stream.

use futures::StreamExt;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Streaming};

use super::*;
use crate::rpc::rating_stream::SILENCE;

struct Stream {
    sender: mpsc::Sender<BatchCreateRatingsRequest>,
    answers: Streaming<BatchCreateRatingsResponse>,
}

async fn open(world: &World, token: &str) -> Result<Stream, Status> {
    let (sender, receiver) = mpsc::channel(16);
    let mut client = RatingServiceClient::new(world.chan.clone());
    let request = bearer(ReceiverStream::new(receiver), token);
    let answers = client.upload_ratings(request).await?.into_inner();
    Ok(Stream { sender, answers })
}

impl Stream {
    async fn send(&self, ratings: Vec<RatingMessage>) {
        let request = BatchCreateRatingsRequest { ratings, clock: None };
        self.sender.send(request).await.unwrap();
    }

    async fn answer(&mut self) -> Result<BatchCreateRatingsResponse, Status> {
        self.answers.next().await.unwrap()
    }
}

#[tokio::test]
async fn each_batch_of_a_stream_is_answered_in_order() {
    for world in worlds().await {
        let (_, token) = world.sender().await;
        let mut stream = open(&world, &token).await.unwrap();
        let sent = messages(1..=100);
        for part in sent.chunks(10) {
            stream.send(part.to_vec()).await;
        }
        for (index, part) in sent.chunks(10).enumerate() {
            let answer = stream.answer().await.unwrap();
            assert_eq!(short(&answer.results), [NEW; 10], "{}", world.name);
            let ids: Vec<_> = answer.results.iter().map(|r| &r.rating_id).collect();
            assert_eq!(ids, part.iter().map(|m| &m.rating_id).collect::<Vec<_>>());
            let contiguous = answer.acknowledgements[0].contiguous_sequence;
            assert!(contiguous >= 10 * (index as i64 + 1));
        }
        let mut second = open(&world, &token).await.unwrap();
        second.send(sent[5..15].to_vec()).await;
        assert_eq!(short(&second.answer().await.unwrap().results), [AGAIN; 10]);
        drop(stream.sender);
        assert!(stream.answers.next().await.is_none());
        assert_eq!(world.stored().await.len(), 100);
        world.check_feed().await;
    }
}

#[tokio::test]
async fn a_third_stream_of_a_device_finds_no_room_until_one_ends() {
    let world = small_world().await;
    let (_, token) = world.sender().await;
    let first = open(&world, &token).await.unwrap();
    let _second = open(&world, &token).await.unwrap();
    let error = open(&world, &token).await.err().unwrap();
    assert_eq!(error.code(), Code::ResourceExhausted);
    drop(first);
    until("room for a stream", || async { open(&world, &token).await.is_ok() }).await;
}

#[tokio::test]
async fn a_bad_batch_ends_the_stream_after_what_was_read_is_answered() {
    let world = small_world().await;
    let (other, _) = world.sender_at(1).await;
    let (_, token) = world.sender().await;
    let mut foreign = message(9);
    foreign.device = names::print("devices", other);
    for (bad, code) in [
        (vec![], Code::InvalidArgument),
        (messages(1..=257), Code::InvalidArgument),
        (vec![foreign], Code::PermissionDenied),
    ] {
        let mut stream = open(&world, &token).await.unwrap();
        stream.send(vec![message(1)]).await;
        stream.send(bad).await;
        assert_eq!(stream.answer().await.unwrap().results.len(), 1);
        assert_eq!(stream.answer().await.unwrap_err().code(), code);
        assert!(stream.answers.next().await.is_none());
        drop(stream);
    }
}

#[tokio::test]
async fn a_silent_stream_is_ended() {
    let world = small_world().await;
    let (_, token) = world.sender().await;
    let mut stream = open(&world, &token).await.unwrap();
    stream.send(vec![message(1)]).await;
    stream.answer().await.unwrap();
    let began = tokio::time::Instant::now();
    let error = stream.answer().await.unwrap_err();
    assert_eq!(error.code(), Code::DeadlineExceeded);
    assert!(began.elapsed() >= SILENCE);
}

#[tokio::test]
async fn a_stream_ends_when_its_credential_does() {
    let world = small_world().await;
    let (_, token) = world.sender().await;
    let mut stream = open(&world, &token).await.unwrap();
    world.clock.advance(Duration::from_secs(366 * 86_400));
    stream.send(vec![message(1)]).await;
    assert_eq!(stream.answer().await.unwrap_err().code(), Code::Unauthenticated);
    assert!(world.stored().await.is_empty());
}
