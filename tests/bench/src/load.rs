//! Load on the suite: streams of ratings, and single calls.

pub mod calls;
pub mod stream;

use std::{sync::Arc, time::Duration};

use kit::rpc::{Chan, connect};
use tokio::time::Instant;

use crate::{
    error::{During as _, Result},
    press::Source,
    site::Device,
    stats::{Latencies, rate},
};

/// HTTP/2 connections that the load shares.
pub const CONNECTIONS: usize = 4;

/// A device under load.
#[derive(Clone)]
pub struct Sender {
    /// The way to the service or gateway.
    pub chan: Chan,
    /// A fresh access token.
    pub token: String,
    /// What it sends.
    pub source: Arc<Source>,
}

/// A device and what it has sent so far.
#[derive(Clone)]
pub struct Terminal {
    device: Device,
    source: Arc<Source>,
}

impl Terminal {
    /// All of these devices.
    pub fn all(devices: Vec<Device>) -> Vec<Self> {
        let numbered = devices.into_iter().zip(0..);
        numbered.map(|(device, number)| Self::new(device, number)).collect()
    }

    /// One device; `number` decides what is pressed there.
    pub fn new(device: Device, number: u64) -> Self {
        Self { device, source: Arc::new(Source::new(number)) }
    }

    /// How many ratings of all were acknowledged so far.
    pub fn acknowledged(all: &[Self]) -> u64 {
        all.iter().map(|terminal| terminal.source.acknowledged()).sum()
    }
}

/// The devices with fresh tokens and [`CONNECTIONS`] new connections to `uri`.
pub async fn senders(uri: &str, terminals: &[Terminal]) -> Result<Vec<Sender>> {
    let chans: Vec<Chan> = (0..CONNECTIONS)
        .map(|_| connect(uri))
        .collect::<kit::error::Result<_>>()
        .during("connecting")?;
    let mut senders = Vec::with_capacity(terminals.len());
    for (terminal, chan) in terminals.iter().zip(chans.iter().cycle()) {
        // A token's ten minutes shall not end in the middle of a slice.
        terminal.device.client.forget_token().await;
        senders.push(Sender {
            chan: chan.clone(),
            token: terminal.device.client.token().await?,
            source: terminal.source.clone(),
        });
    }
    Ok(senders)
}

/// When to measure.
#[derive(Debug, Clone, Copy)]
pub struct Slice {
    /// When load begins.
    pub begin: Instant,
    /// What is answered from here on is measured.
    pub from: Instant,
    /// What is answered from here on is not, and nothing more is sent.
    pub until: Instant,
}

impl Slice {
    /// A slice that begins now.
    pub fn now(warm_up: Duration, length: Duration) -> Self {
        let begin = Instant::now();
        Self { begin, from: begin + warm_up, until: begin + warm_up + length }
    }

    /// Whether an answer at `at` counts.
    pub fn holds(&self, at: Instant) -> bool {
        (self.from..self.until).contains(&at)
    }

    /// Length of what is measured.
    pub fn length(&self) -> Duration {
        self.until - self.from
    }
}

/// What a load did.
#[derive(Clone, Default)]
pub struct Outcome {
    /// Ratings or calls acknowledged in the measured time.
    pub measured: u64,
    /// Ratings acknowledged in all, warm-up and end included.
    pub acknowledged: u64,
    /// Ratings that were not stored.
    pub refused: u64,
    /// Why the first of them was not.
    pub refusal: Option<String>,
    /// Time that senders were told to wait, all together.
    pub slowed: Duration,
    /// Latency of each batch or call answered in the measured time.
    pub latencies: Latencies,
    /// When each rating was acknowledged, if asked for.
    pub acknowledged_at: Vec<Instant>,
    /// Measured time.
    pub time: Duration,
}

impl Outcome {
    /// Acknowledged per second of the measured time.
    pub fn rate(&self) -> f64 {
        rate(self.measured, self.time)
    }

    /// Adds what another sender did in the same slice.
    pub fn add(&mut self, other: Self) {
        self.measured += other.measured;
        self.acknowledged += other.acknowledged;
        self.refused += other.refused;
        self.refusal = self.refusal.take().or(other.refusal);
        self.slowed += other.slowed;
        self.latencies.add(&other.latencies);
        self.acknowledged_at.extend(other.acknowledged_at);
        self.time = self.time.max(other.time);
    }

    /// A remark when not everything went smoothly.
    pub fn remark(&self) -> Option<String> {
        let refused = self.refusal.as_ref().map(|why| {
            format!("{} ratings were not stored, the first because: {why}", self.refused)
        });
        let slowed = (!self.slowed.is_zero()).then(|| {
            format!("senders were told to wait {:.1} s in all", self.slowed.as_secs_f64())
        });
        match (refused, slowed) {
            (Some(one), Some(two)) => Some(format!("{one}; {two}")),
            (one, two) => one.or(two),
        }
    }
}
