//! The stream that a terminal holds: it sends heartbeats, we send prompts and configuration
//! the moment there are any.

use std::{collections::HashSet, sync::Arc, time::Duration};

use device_domain::device::Device;
use kit::{
    auth::{Caller, caller},
    error::{Result, ServiceError},
    rpc::{Answers, Sending, sending},
    server::Draining,
};
use proto::{common::v1::Reason, device::v1, validate::violations};
use tokio::{sync::broadcast, time::Instant};
use tokio_util::sync::CancellationToken;
use tonic::{Code, Request, Streaming};
use uuid::Uuid;

use crate::{
    device_access::{device_of, must_work},
    heartbeat,
    nudge::{Nudge, StreamSlot},
    state::App,
};

/// Longest silence of a device on its stream.
const SILENCE: Duration = Duration::from_secs(if cfg!(test) { 3 } else { 60 });
/// How often standing and configuration are looked at without a nudge.
const LOOK: Duration = Duration::from_secs(10);

/// Opens the stream.
pub fn connect(
    app: &Arc<App>,
    request: Request<Streaming<v1::HeartbeatRequest>>,
) -> Result<Sending<v1::HeartbeatResponse>> {
    let caller = caller(&request)?;
    let draining = request.extensions().get::<Draining>().map(|draining| draining.0.clone());
    let app = app.clone();
    let messages = request.into_inner();
    Ok(sending(|answers| {
        let connection = Connection {
            caller,
            nudges: app.nudges.subscribe(),
            draining: draining.unwrap_or_default(),
            answers,
            config_etag: String::new(),
            prompts: HashSet::new(),
            app,
        };
        connection.run(messages)
    }))
}

struct Connection {
    app: Arc<App>,
    caller: Caller,
    nudges: broadcast::Receiver<Nudge>,
    draining: CancellationToken,
    answers: Answers<v1::HeartbeatResponse>,
    /// Configuration that the device has.
    config_etag: String,
    /// Prompts that were sent on this stream.
    prompts: HashSet<String>,
}

/// The device of a stream, from its first message on.
struct Known {
    name: String,
    id: Uuid,
    org: Uuid,
    window: Option<Uuid>,
    _slot: StreamSlot,
}

impl Connection {
    async fn run(mut self, mut messages: Streaming<v1::HeartbeatRequest>) -> Result<()> {
        let mut known: Option<Known> = None;
        let mut silent_at = Instant::now() + SILENCE;
        let mut look = tokio::time::interval(LOOK);
        loop {
            tokio::select! {
                message = messages.message() => {
                    let Some(message) = message? else { return Ok(()) };
                    silent_at = Instant::now() + SILENCE;
                    self.answer(&mut known, message).await?;
                }
                () = tokio::time::sleep_until(silent_at) => return Err(silent()),
                () = self.draining.clone().cancelled_owned() => {
                    return Err(ServiceError::unavailable("this server is shutting down"));
                }
                nudge = self.nudges.recv() => {
                    let concerns = match (nudge, &known) {
                        (_, None) => false,
                        (Ok(nudge), Some(known)) => known.is_meant(nudge),
                        // Too many to be told one by one: look for everything.
                        (Err(_), Some(_)) => true,
                    };
                    if concerns {
                        self.push(&mut known).await?;
                    }
                }
                _ = look.tick() => {
                    self.caller.recheck()?;
                    self.push(&mut known).await?;
                }
            }
        }
    }

    async fn answer(
        &mut self,
        known: &mut Option<Known>,
        message: v1::HeartbeatRequest,
    ) -> Result<()> {
        let found = violations(&message);
        if !found.is_empty() {
            return Err(ServiceError::invalid_fields(found));
        }
        if let Some(known) = known
            && known.name != message.name
        {
            return Err(ServiceError::invalid("name", "is not the device of this stream"));
        }
        let answer = heartbeat::beat(&self.app, &self.caller, &message).await?;
        if known.is_none() {
            *known = Some(self.begin(&message.name).await?);
        }
        self.config_etag = message.config_etag;
        self.send(answer).await;
        Ok(())
    }

    async fn begin(&self, name: &str) -> Result<Known> {
        let device = device_of(&self.app, &self.caller, "name", name).await?;
        let slot = self.app.streams.enter(device.id).ok_or_else(|| {
            let text = "this device holds two streams already";
            ServiceError::exhausted(Reason::DuplicateIdentity, text, Duration::from_secs(10))
        })?;
        let window = heartbeat::window_now(&self.app, &device).await?;
        Ok(Known { name: name.to_owned(), id: device.id, org: device.org, window, _slot: slot })
    }

    /// Sends what is new, if anything is.
    async fn push(&mut self, known: &mut Option<Known>) -> Result<()> {
        let Some(known) = known else { return Ok(()) };
        let device: Device = device_of(&self.app, &self.caller, "name", &known.name).await?;
        must_work(&device)?;
        known.window = heartbeat::window_now(&self.app, &device).await?;
        let mut news = heartbeat::standing(&self.app, &device, known.window).await?;
        news.config = news.config.filter(|config| config.etag != self.config_etag);
        news.prompts.retain(|prompt| !self.prompts.contains(&prompt.name));
        if news.config.is_some() || !news.prompts.is_empty() {
            self.send(news).await;
        }
        Ok(())
    }

    async fn send(&mut self, answer: v1::HeartbeatResponse) {
        if let Some(config) = &answer.config {
            self.config_etag.clone_from(&config.etag);
        }
        let open: HashSet<String> = answer.prompts.iter().map(|p| p.name.clone()).collect();
        self.prompts.extend(open);
        // A device that hung up is noticed by whoever runs this.
        let _ = self.answers.send(answer).await;
    }
}

impl Known {
    fn is_meant(&self, nudge: Nudge) -> bool {
        match nudge {
            Nudge::Window(window) => self.window == Some(window),
            Nudge::Device(device) => self.id == device,
            Nudge::Organisation(org) => self.org == org,
        }
    }
}

fn silent() -> ServiceError {
    let text = "nothing was heard for 60 seconds; connect again";
    ServiceError::new(Code::DeadlineExceeded, Reason::DeadlineExceeded, text)
}
