//! A simulated bridge: keeps what its windows report and delivers it, each thing exactly
//! once, however often the connection breaks.

use std::{
    collections::VecDeque,
    sync::{Arc, atomic::AtomicU64},
    time::{Duration, Instant},
};

use jiff::Timestamp;
use proto::device::v1::{
    BatchCreateRatingsRequest, BatchCreateRatingsResponse, BatchWriteEncounterEventsRequest,
    EncounterEvent, RatingMessage, RatingResult, ShiftEventRequest, SignInRequest, Template,
    encounter_service_client::EncounterServiceClient, shift_service_client::ShiftServiceClient,
};
use tokio::sync::mpsc;
use uuid::Uuid;

use super::{
    generator::{Event, Step, What},
    heartbeat::Heartbeats,
    messages::{self, Timeline},
    site::Branch,
    tally::{Tally, add, sub},
    upload::Uploader,
};
use crate::{
    client::Client,
    error::{Error, Result},
};

/// How often a bridge sends what it has.
const FLUSH_EVERY: Duration = Duration::from_millis(250);
/// Messages of one batch; far below the 256 allowed, so that its answer comes soon.
const BATCH_MAX: usize = 128;
/// How long a bridge tries to get rid of everything when the simulation ends.
const LAST_FLUSH_MAX: Duration = Duration::from_secs(10);
/// gRPC code of a message that was put into quarantine.
const FAILED_PRECONDITION: i32 = 9;

/// A bridge of one branch.
pub struct Bridge {
    branch: Branch,
    template: Template,
    timeline: Timeline,
    tally: Arc<Tally>,
    uploader: Uploader,
    heartbeats: Heartbeats,
    boot: String,
    epoch: i64,
    /// Last sequence of each window's device.
    sequences: Vec<i64>,
    down: bool,
    shifts: VecDeque<ShiftCall>,
    encounters: VecDeque<EncounterEvent>,
    ratings: VecDeque<RatingMessage>,
    /// The batch that was sent last: after an outage it is sent again, as by a bridge that
    /// never saw the answer.
    last_batch: Vec<RatingMessage>,
}

#[derive(Debug, Clone)]
enum ShiftCall {
    SignIn(SignInRequest),
    SignOut(ShiftEventRequest),
    Pause(ShiftEventRequest),
    Resume(ShiftEventRequest),
}

impl Bridge {
    /// A bridge that begins a new epoch of its devices.
    pub fn new(
        branch: Branch,
        template: Template,
        timeline: Timeline,
        streaming: bool,
        tally: Arc<Tally>,
    ) -> Self {
        Self {
            uploader: Uploader::new(branch.client.clone(), streaming),
            heartbeats: Heartbeats::new(branch.windows.len()),
            boot: Uuid::new_v4().simple().to_string(),
            // Counts up with every start, as a device's storage is lost with each.
            epoch: Timestamp::now().as_second().max(1),
            sequences: vec![0; branch.windows.len()],
            branch,
            template,
            timeline,
            tally,
            down: false,
            shifts: VecDeque::new(),
            encounters: VecDeque::new(),
            ratings: VecDeque::new(),
            last_batch: Vec::new(),
        }
    }

    /// Takes events until there are no more, then sends what is left.
    pub async fn run(mut self, mut inbox: mpsc::Receiver<Event>) {
        let mut tick = tokio::time::interval(FLUSH_EVERY);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                event = inbox.recv() => match event {
                    Some(event) => self.take(event),
                    None => break,
                },
                _ = tick.tick() => self.deliver().await,
            }
        }
        if self.down {
            let before = self.waiting();
            self.reconnect();
            add(&self.tally.waiting, self.waiting() - before);
        }
        let until = Instant::now() + LAST_FLUSH_MAX;
        while self.waiting() > 0 && Instant::now() < until {
            self.deliver().await;
            tokio::time::sleep(FLUSH_EVERY).await;
        }
    }

    fn waiting(&self) -> usize {
        self.shifts.len() + self.encounters.len() + self.ratings.len()
    }

    fn take(&mut self, event: Event) {
        let before = self.waiting();
        let at_us = event.at_us;
        let Some(window) = self.branch.windows.get(event.place.window) else { return };
        let unit = window.unit.clone();
        let timeline = self.timeline;
        match event.what {
            What::SignIn { key, staff } => {
                let Some(number) = self.branch.staff_numbers.get(staff) else { return };
                let call = timeline.sign_in(at_us, key, &unit, number);
                self.shifts.push_back(ShiftCall::SignIn(call));
            }
            What::SignOut { key } => {
                let call = timeline.shift_event(at_us, key, &unit);
                self.shifts.push_back(ShiftCall::SignOut(call));
            }
            What::Pause { key } => {
                let call = timeline.shift_event(at_us, key, &unit);
                self.shifts.push_back(ShiftCall::Pause(call));
            }
            What::Resume { key } => {
                let call = timeline.shift_event(at_us, key, &unit);
                self.shifts.push_back(ShiftCall::Resume(call));
            }
            What::Encounter { key, step, ticket, business, queued_us } => {
                let mut event = timeline.encounter(at_us, key, step, &unit);
                if step == Step::Called {
                    event = timeline.called(event, ticket, business, queued_us);
                }
                self.encounters.push_back(event);
            }
            What::Rating { key, encounter, satisfaction, reason, comment, response_ms } => {
                let mut press = timeline.press(at_us, key, encounter, &self.boot);
                press.grade = messages::grade(&self.template, satisfaction);
                press.reasons = messages::reasons(&self.template, press.grade, reason);
                if self.template.comment_allowed {
                    press.comment = comment.unwrap_or_default().to_owned();
                }
                press.response_ms = i32::try_from(response_ms).unwrap_or(i32::MAX);
                self.keep(event.place.window, press);
            }
            What::BridgeDown => {
                if !std::mem::replace(&mut self.down, true) {
                    add(&self.tally.down, 1);
                }
            }
            What::BridgeUp => self.reconnect(),
        }
        add(&self.tally.waiting, self.waiting().saturating_sub(before));
    }

    fn keep(&mut self, window: usize, mut press: RatingMessage) {
        self.sequences[window] += 1;
        press.device = self.branch.windows[window].device.clone();
        press.epoch = self.epoch;
        press.sequence = self.sequences[window];
        press.template = self.template.name.clone();
        self.ratings.push_back(press);
    }

    fn reconnect(&mut self) {
        if std::mem::replace(&mut self.down, false) {
            sub(&self.tally.down, 1);
        }
        let again = std::mem::take(&mut self.last_batch);
        for press in again.into_iter().rev() {
            self.ratings.push_front(press);
        }
    }

    /// Sends everything that waits, unless the bridge is offline. What fails stays.
    async fn deliver(&mut self) {
        if self.down {
            return;
        }
        let before = self.waiting();
        let sent = async {
            self.send_shifts().await?;
            self.send_encounters().await?;
            self.send_ratings().await?;
            let clock = self.timeline.send_clock(now_us(), &self.boot);
            let backlog = i64::try_from(self.ratings.len()).unwrap_or(i64::MAX);
            self.heartbeats.beat(&self.branch, clock, backlog).await
        };
        if let Err(error) = sent.await {
            tracing::warn!(branch = %self.branch.name, %error, "a bridge could not deliver");
        }
        sub(&self.tally.waiting, before.saturating_sub(self.waiting()));
    }

    async fn send_shifts(&mut self) -> Result<()> {
        while let Some(call) = self.shifts.front() {
            match call.send(&self.branch.client).await {
                Ok(()) => add(&self.tally.shift_events, 1),
                Err(error) if passing(&error) => return Err(error),
                Err(error) => refused(&self.tally.refused, &error.to_string()),
            }
            self.shifts.pop_front();
        }
        Ok(())
    }

    async fn send_encounters(&mut self) -> Result<()> {
        while !self.encounters.is_empty() {
            let events: Vec<_> = self.encounters.iter().take(BATCH_MAX).cloned().collect();
            let message = BatchWriteEncounterEventsRequest { events: events.clone() };
            let answer = self
                .branch
                .client
                .call("reporting encounters", message, |chan, request| async move {
                    EncounterServiceClient::new(chan).batch_write_encounter_events(request).await
                })
                .await?;
            self.encounters.drain(..events.len());
            let mut again = Vec::new();
            for (event, result) in events.into_iter().zip(answer.results) {
                match result.code {
                    0 => add(&self.tally.encounter_events, 1),
                    _ if result.retryable => again.push(event),
                    _ => refused(&self.tally.refused, &result.message),
                }
            }
            if !again.is_empty() {
                self.encounters.extend(again);
                return Ok(());
            }
        }
        Ok(())
    }

    async fn send_ratings(&mut self) -> Result<()> {
        while !self.ratings.is_empty() {
            let batch: Vec<_> = self.ratings.iter().take(BATCH_MAX).cloned().collect();
            let clock = self.timeline.send_clock(now_us(), &self.boot);
            let message = BatchCreateRatingsRequest { ratings: batch.clone(), clock: Some(clock) };
            let answer = self.uploader.send(message).await?;
            self.ratings.drain(..batch.len());
            let pause = answer.slow_down_ms;
            let again = self.account(&batch, answer);
            self.last_batch = batch;
            if let Ok(ms) = u64::try_from(pause)
                && ms > 0
            {
                tokio::time::sleep(Duration::from_millis(ms.min(10_000))).await;
            }
            if !again.is_empty() {
                self.ratings.extend(again);
                return Ok(());
            }
        }
        Ok(())
    }

    /// Counts the results of a batch; gives back what has to be sent again.
    fn account(
        &self,
        batch: &[RatingMessage],
        answer: BatchCreateRatingsResponse,
    ) -> Vec<RatingMessage> {
        let mut again = Vec::new();
        for (press, result) in batch.iter().zip(answer.results) {
            match result {
                RatingResult { code: 0, duplicate: false, .. } => add(&self.tally.stored, 1),
                RatingResult { code: 0, .. } => add(&self.tally.duplicates, 1),
                RatingResult { retryable: true, .. } => again.push(press.clone()),
                RatingResult { code: FAILED_PRECONDITION, .. } => add(&self.tally.quarantined, 1),
                other => refused(&self.tally.refused, &other.message),
            }
        }
        again
    }
}

impl ShiftCall {
    async fn send(&self, client: &Client) -> Result<()> {
        let what = "reporting a shift";
        match self.clone() {
            Self::SignIn(message) => {
                let call = client.call(what, message, |chan, request| async move {
                    ShiftServiceClient::new(chan).sign_in(request).await
                });
                call.await.map(drop)
            }
            Self::SignOut(message) => {
                let call = client.call(what, message, |chan, request| async move {
                    ShiftServiceClient::new(chan).sign_out(request).await
                });
                call.await.map(drop)
            }
            Self::Pause(message) => {
                let call = client.call(what, message, |chan, request| async move {
                    ShiftServiceClient::new(chan).pause(request).await
                });
                call.await.map(drop)
            }
            Self::Resume(message) => {
                let call = client.call(what, message, |chan, request| async move {
                    ShiftServiceClient::new(chan).resume(request).await
                });
                call.await.map(drop)
            }
        }
    }
}

/// Whether sending again can help.
fn passing(error: &Error) -> bool {
    use tonic::Code;
    let codes = [
        Code::Unavailable,
        Code::ResourceExhausted,
        Code::DeadlineExceeded,
        Code::Aborted,
        Code::Unauthenticated,
        Code::Cancelled,
    ];
    codes.into_iter().any(|code| error.is_code(code))
}

fn refused(counter: &AtomicU64, why: &str) {
    add(counter, 1);
    tracing::warn!(why, "a message was refused");
}

fn now_us() -> i64 {
    Timestamp::now().as_microsecond()
}
