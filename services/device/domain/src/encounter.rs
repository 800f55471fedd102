//! Encounters: what is known of one service, merged from events in any order.

use uuid::Uuid;

/// State of an encounter; the numbers are those of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// Ticket called.
    Called = 1,
    /// Service started.
    Started = 2,
    /// Service finished.
    Finished = 3,
    /// Customer asked.
    Prompted = 4,
    /// Question shown.
    Shown = 5,
    /// Question timed out.
    TimedOut = 6,
    /// Customer declined.
    Skipped = 7,
    /// Silence counted by policy.
    Defaulted = 8,
    /// Rated.
    Rated = 9,
    /// Customer did not come.
    NoShow = 10,
}

impl State {
    /// By its number.
    pub fn from_number(number: i32) -> Option<Self> {
        const ALL: [State; 10] = [
            State::Called,
            State::Started,
            State::Finished,
            State::Prompted,
            State::Shown,
            State::TimedOut,
            State::Skipped,
            State::Defaulted,
            State::Rated,
            State::NoShow,
        ];
        ALL.into_iter().find(|state| *state as i32 == number)
    }
}

/// Kind of an event; the numbers are those of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Ticket called.
    Called = 1,
    /// Service started.
    Started = 2,
    /// Service finished.
    Finished = 3,
    /// The customer shall be asked.
    Prompted = 4,
    /// Question shown.
    Shown = 5,
    /// Customer declined.
    Skipped = 6,
    /// Question timed out.
    TimedOut = 7,
    /// Customer did not come.
    NoShow = 8,
}

impl Kind {
    /// By its number.
    pub fn from_number(number: i32) -> Option<Self> {
        const ALL: [Kind; 8] = [
            Kind::Called,
            Kind::Started,
            Kind::Finished,
            Kind::Prompted,
            Kind::Shown,
            Kind::Skipped,
            Kind::TimedOut,
            Kind::NoShow,
        ];
        ALL.into_iter().find(|kind| *kind as i32 == number)
    }

    /// Whether it answers the question that the terminal shows or shall show.
    pub fn closes_prompt(self) -> bool {
        matches!(self, Self::Shown | Self::Skipped | Self::TimedOut | Self::NoShow)
    }
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// What.
    pub kind: Kind,
    /// When.
    pub event_us: i64,
    /// Ticket number or empty.
    pub ticket: String,
    /// Business type or empty.
    pub business_type: String,
    /// When the ticket was drawn.
    pub queue_us: Option<i64>,
}

/// One service given (一次服务), rated or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encounter {
    /// The sender's id.
    pub id: Uuid,
    /// Window.
    pub window: Uuid,
    /// Nearest unit that is not a window.
    pub site: Uuid,
    /// Since when, at its time, the site had stood below the same units and kept the same time
    /// zone; none in rows of releases that did not know it.
    pub site_since_us: Option<i64>,
    /// Who served.
    pub staff: Option<Uuid>,
    /// Ticket number or empty.
    pub ticket: String,
    /// Time of the event that named the ticket, 0 without.
    pub ticket_us: i64,
    /// Business type or empty.
    pub business_type: String,
    /// Time of the event that named the business type, 0 without.
    pub business_us: i64,
    /// Ticket drawn.
    pub queue_us: Option<i64>,
    /// Called.
    pub call_us: Option<i64>,
    /// Service began.
    pub start_us: Option<i64>,
    /// Service ended.
    pub finish_us: Option<i64>,
    /// Customer asked.
    pub prompt_us: Option<i64>,
    /// Question shown.
    pub shown_us: Option<i64>,
    /// Question timed out.
    pub timeout_us: Option<i64>,
    /// Customer declined.
    pub skip_us: Option<i64>,
    /// Customer did not come.
    pub no_show_us: Option<i64>,
    /// Silence counted by policy.
    pub default_us: Option<i64>,
    /// Press of its rating.
    pub rate_us: Option<i64>,
    /// Its rating.
    pub rating: Option<Uuid>,
    /// Number of its rating's channel, 0 without.
    pub rating_channel: i32,
    /// Version of the stored row; 0 while it is not stored.
    pub version: i64,
}

/// The event, merged into what is known. Any order of the same events, with any of them
/// repeated, gives the same encounter.
pub fn merge(encounter: &Encounter, event: &Event) -> Encounter {
    let mut merged = encounter.clone();
    merged.apply(event);
    merged
}

impl Encounter {
    /// Nothing known yet but where it is.
    pub fn new(id: Uuid, window: Uuid, site: Uuid) -> Self {
        Self {
            id,
            window,
            site,
            site_since_us: None,
            staff: None,
            ticket: String::new(),
            ticket_us: 0,
            business_type: String::new(),
            business_us: 0,
            queue_us: None,
            call_us: None,
            start_us: None,
            finish_us: None,
            prompt_us: None,
            shown_us: None,
            timeout_us: None,
            skip_us: None,
            no_show_us: None,
            default_us: None,
            rate_us: None,
            rating: None,
            rating_channel: 0,
            version: 0,
        }
    }

    /// Merges an event; see [`merge`].
    pub fn apply(&mut self, event: &Event) {
        let us = event.event_us;
        match event.kind {
            // A service that is taken up again has ended when it ended last.
            Kind::Finished => self.finish_us = self.finish_us.max(Some(us)),
            Kind::Called => earliest(&mut self.call_us, us),
            Kind::Started => earliest(&mut self.start_us, us),
            Kind::Prompted => earliest(&mut self.prompt_us, us),
            Kind::Shown => earliest(&mut self.shown_us, us),
            Kind::Skipped => earliest(&mut self.skip_us, us),
            Kind::TimedOut => earliest(&mut self.timeout_us, us),
            Kind::NoShow => earliest(&mut self.no_show_us, us),
        }
        if let Some(queue_us) = event.queue_us {
            earliest(&mut self.queue_us, queue_us);
        }
        latest(&mut self.ticket, &mut self.ticket_us, &event.ticket, us);
        latest(&mut self.business_type, &mut self.business_us, &event.business_type, us);
    }

    /// Notes its rating. Of several the earliest press counts, whatever order they come in.
    /// True if this rating is now the one that counts.
    pub fn rate(&mut self, rating: Uuid, channel: i32, press_us: i64) -> bool {
        let new = (press_us, rating);
        let known = self.rate_us.zip(self.rating);
        if known.is_some_and(|known| known <= new) {
            return known == Some(new);
        }
        self.rate_us = Some(press_us);
        self.rating = Some(rating);
        self.rating_channel = channel;
        true
    }

    /// Counts its silence.
    pub fn count_silence(&mut self, us: i64) {
        earliest(&mut self.default_us, us);
    }

    /// State: the latest that any known fact stands for. That the customer did not come is
    /// overruled by a service that was given nevertheless.
    pub fn state(&self) -> State {
        let facts = [
            (self.rating.is_some(), State::Rated),
            (self.no_show_us.is_some() && !self.served(), State::NoShow),
            (self.default_us.is_some(), State::Defaulted),
            (self.skip_us.is_some(), State::Skipped),
            (self.timeout_us.is_some(), State::TimedOut),
            (self.shown_us.is_some(), State::Shown),
            (self.prompt_us.is_some(), State::Prompted),
            (self.finish_us.is_some(), State::Finished),
            (self.start_us.is_some(), State::Started),
        ];
        facts.into_iter().find(|(known, _)| *known).map_or(State::Called, |(_, state)| state)
    }

    /// Time that places it: start of service, or the first time known.
    pub fn time_us(&self) -> i64 {
        let others = [
            self.call_us,
            self.finish_us,
            self.prompt_us,
            self.shown_us,
            self.timeout_us,
            self.skip_us,
            self.no_show_us,
            self.rate_us,
        ];
        let first = || others.into_iter().flatten().min();
        self.start_us.or_else(first).or(self.queue_us).unwrap_or_default()
    }

    /// Whether service was given.
    pub fn served(&self) -> bool {
        self.start_us.is_some() || self.finish_us.is_some()
    }

    /// Whether the customer was asked, be it that only the answer was reported.
    pub fn prompted(&self) -> bool {
        self.prompt_us.is_some() || self.shown()
    }

    /// Whether the question was shown.
    pub fn shown(&self) -> bool {
        self.shown_us.is_some() || self.timeout_us.is_some() || self.skip_us.is_some()
    }

    /// Service time in milliseconds, if known.
    pub fn service_ms(&self) -> Option<i64> {
        between_ms(self.start_us, self.finish_us)
    }

    /// Time from the ticket to the call, or to the start if no call was reported, in
    /// milliseconds, if known.
    pub fn waiting_ms(&self) -> Option<i64> {
        between_ms(self.queue_us, self.call_us.or(self.start_us))
    }

    /// Whether its silence may be counted: finished, asked, neither answered nor declined.
    pub fn is_silent(&self) -> bool {
        let asked = matches!(self.state(), State::Prompted | State::Shown | State::TimedOut);
        asked && self.finish_us.is_some()
    }
}

fn earliest(known: &mut Option<i64>, us: i64) {
    *known = Some(known.map_or(us, |known| known.min(us)));
}

/// The text of the latest event wins; of two at the same instant the greater text, so that
/// their order does not matter.
fn latest(known: &mut String, known_us: &mut i64, text: &str, us: i64) {
    if text.is_empty() {
        return;
    }
    if known.is_empty() || (us, text) > (*known_us, known.as_str()) {
        text.clone_into(known);
        *known_us = us;
    }
}

fn between_ms(from: Option<i64>, to: Option<i64>) -> Option<i64> {
    let ms = to?.checked_sub(from?)? / 1_000;
    (ms >= 0).then_some(ms)
}

#[cfg(test)]
mod tests;
