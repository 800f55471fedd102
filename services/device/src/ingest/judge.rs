//! What a new press is: when it was given, where, on which template, or why that cannot be
//! said.

use std::{collections::HashMap, sync::Arc};

use device_domain::{
    clock_correction::{BootClock, ClockSource, Corrected, correct, needs_boot},
    device::{Kind, State},
    rating::check,
    rating_stored::{Cause, Channel, Fate, Quarantined, Rating},
    template::Template,
    trust::{Mark, Marks},
};
use prost::Message as _;
use proto::common::v1::Reason;
use tonic::Code;
use uuid::Uuid;

use super::{
    batch::{Refusal, Vouched},
    ground::Ground,
    group::Entry,
    parse,
};
use crate::store::rating_lookup::{Place, Sender};

/// How long before its enrolment a device's press may seem to be: clocks that nothing is known
/// of yet are minutes apart, and a partner may give whole seconds.
const ENROLMENT_GRACE_US: i64 = 10 * 60 * 1_000_000;

/// What is looked up for the new presses of a group.
pub struct Known<'a> {
    /// Devices.
    pub senders: &'a HashMap<Uuid, Sender>,
    /// Where they stood.
    pub places: HashMap<Uuid, Vec<Place>>,
    /// Clocks of earlier boots.
    pub boots: HashMap<(Uuid, String), BootClock>,
    /// The rest.
    pub ground: &'a Ground,
}

/// A press that can be counted.
pub struct Accepted {
    /// The rating, without staff and encounter.
    pub rating: Rating,
    /// Its template.
    pub template: Arc<Template>,
    /// Encounter that the sender named.
    pub encounter: Option<Uuid>,
    /// Whether nothing is to be looked up and judged.
    pub import: bool,
}

/// What is to be done with a press.
pub enum Ruling {
    /// Count it.
    Accept(Box<Accepted>),
    /// Keep it in quarantine.
    Hold(Box<Quarantined>),
    /// Refuse it.
    Refuse(Refusal),
}

/// Boots whose clock has to be looked up.
pub fn boots_needed<'a>(entries: &[Entry<'a>], fresh: &[usize]) -> Vec<(Uuid, &'a str)> {
    let mut boots: Vec<(Uuid, &str)> = fresh
        .iter()
        .map(|index| &entries[*index])
        .filter(|entry| entry.item.vouched.is_none())
        .filter(|entry| {
            let sent = entry.batch.clock.as_ref().map(|clock| clock.reading());
            needs_boot(&entry.item.press.reading(), sent.as_ref())
        })
        .map(|entry| (entry.item.device, entry.item.press.boot_id.as_str()))
        .collect();
    boots.sort_unstable();
    boots.dedup();
    boots
}

impl Known<'_> {
    /// Judges one press.
    pub fn judge(&self, entry: &Entry<'_>) -> Ruling {
        let Some(sender) = self.senders.get(&entry.item.device) else {
            return Ruling::Refuse(Refusal::terminal(
                Code::NotFound,
                Reason::NotFound,
                "no such device",
            ));
        };
        let vouched = entry.item.vouched.as_deref();
        let time = self.time_of(entry);
        let hold = |cause| Ruling::Hold(Box::new(held(entry, sender, &time, cause)));
        let import = vouched.is_some_and(|v| v.import);
        let released = vouched.is_some_and(|v| v.release);
        if matches!(sender.state, State::Revoked | State::Retired) && !released {
            // An import carries more than quarantine can keep; its sender still has it.
            return if import { refused_import() } else { hold(Cause::RevokedDevice) };
        }
        let Some(template) = self.template_of(entry, sender, time.press_us) else {
            return if import { unknown_template() } else { hold(Cause::UnknownTemplate) };
        };
        if let Err(misfit) = check(&entry.item.press, &template) {
            let prefix = if import { "message." } else { "" };
            let field = format!("{prefix}{}", misfit.field());
            return Ruling::Refuse(Refusal::invalid(field, misfit.to_string()));
        }
        if time.press_us < sender.since_us - ENROLMENT_GRACE_US && !import && !released {
            return hold(Cause::BeforeEnrolment);
        }
        let place = match vouched {
            Some(vouched) if import => Some((vouched.window, vouched.site.unwrap_or_default())),
            _ => self.place_of(entry, vouched, time.press_us),
        };
        let Some((window, site)) = place else { return hold(Cause::NoWindow) };
        let rating = self.rating(entry, sender, &time, &template, (window, site));
        let encounter = entry.item.press.encounter;
        Ruling::Accept(Box::new(Accepted { rating, template, encounter, import }))
    }

    fn time_of(&self, entry: &Entry<'_>) -> Corrected {
        let press = &entry.item.press;
        if let Some((press_us, source, suspect)) = entry.item.vouched.as_ref().and_then(|v| v.press)
        {
            return Corrected { press_us, source: source.unwrap_or(ClockSource::Sender), suspect };
        }
        let sent = entry.batch.clock.as_ref().map(|clock| clock.reading());
        let boot = if press.boot_id.is_empty() || self.boots.is_empty() {
            None
        } else {
            self.boots.get(&(entry.item.device, press.boot_id.clone()))
        };
        correct(&press.reading(), sent.as_ref(), boot, entry.batch.receive_us)
    }

    fn template_of(&self, entry: &Entry<'_>, sender: &Sender, us: i64) -> Option<Arc<Template>> {
        let org = entry.batch.org;
        if let Some(id) = entry.item.press.template {
            return self.ground.template(org, id).cloned();
        }
        let own = sender.template.and_then(|id| self.ground.template(org, id));
        let shown = |template: &&Arc<Template>| {
            template.valid_from_us.is_none_or(|from| from <= us)
                && template.valid_to_us.is_none_or(|to| us < to)
        };
        own.filter(shown).or_else(|| self.ground.default_of(org)).cloned()
    }

    fn place_of(
        &self,
        entry: &Entry<'_>,
        vouched: Option<&Vouched>,
        press_us: i64,
    ) -> Option<(Option<Uuid>, Uuid)> {
        let stood = || {
            let places = self.places.get(&entry.item.device)?;
            let there =
                |(_, from, to): &&Place| *from <= press_us && to.is_none_or(|to| press_us < to);
            Some(places.iter().find(there)?.0)
        };
        let window = vouched.and_then(|vouched| vouched.window).or_else(stood)?;
        let view = self.ground.view(entry.batch.org);
        Some((Some(window), view.map_or(window, |view| view.site_at(window, press_us))))
    }

    fn rating(
        &self,
        entry: &Entry<'_>,
        sender: &Sender,
        time: &Corrected,
        template: &Template,
        (window, site): (Option<Uuid>, Uuid),
    ) -> Rating {
        let (item, press) = (entry.item, &entry.item.press);
        let vouched = item.vouched.as_deref();
        let mut marks = Marks::default();
        if self.ground.thresholds(entry.batch.org).too_fast(press.response_ms) {
            marks.set(Mark::TooFast);
        }
        Rating {
            id: item.receipt,
            org: entry.batch.org,
            device: item.device,
            epoch: press.epoch,
            sequence: press.sequence,
            rating_id: press.rating_id,
            content_hash: item.content_hash,
            template: template.id,
            grade: press.grade,
            item_grades: press.item_grades.clone(),
            reasons: press.reasons.clone(),
            comment: press.comment.clone(),
            window,
            site,
            site_since_us: Some(
                self.ground
                    .view(entry.batch.org)
                    .map_or(0, |view| view.placed_since(site, time.press_us)),
            ),
            staff: vouched.and_then(|v| v.staff),
            encounter: None,
            business_type: vouched.map(|v| v.business_type.clone()).unwrap_or_default(),
            channel: channel(sender.kind),
            press_us: time.press_us,
            device_us: press.device_us,
            receive_us: entry.batch.receive_us,
            clock_source: time.source,
            clock_suspect: time.suspect,
            marks,
        }
    }
}

fn channel(kind: Kind) -> Channel {
    match kind {
        Kind::ButtonTerminal | Kind::NetworkTerminal => Channel::Terminal,
        Kind::Tablet => Channel::Tablet,
        Kind::Import => Channel::Import,
    }
}

fn held(entry: &Entry<'_>, sender: &Sender, time: &Corrected, cause: Cause) -> Quarantined {
    let item = entry.item;
    Quarantined {
        id: item.receipt,
        org: entry.batch.org,
        device: item.device,
        epoch: item.press.epoch,
        sequence: item.press.sequence,
        rating_id: item.press.rating_id,
        unit: sender.unit,
        cause,
        message: parse::message(item.device, &item.press).encode_to_vec(),
        content_hash: item.content_hash,
        press_us: time.press_us,
        clock_source: time.source,
        clock_suspect: time.suspect,
        receive_us: entry.batch.receive_us,
        fate: Fate::Held,
    }
}

fn refused_import() -> Ruling {
    let text = "the import source is revoked or retired";
    Ruling::Refuse(Refusal::terminal(Code::FailedPrecondition, Reason::WrongState, text))
}

fn unknown_template() -> Ruling {
    let text = "the template is not known";
    let refusal = Refusal::terminal(Code::FailedPrecondition, Reason::UnknownTemplate, text);
    Ruling::Refuse(Refusal { field: "message.template".to_owned(), ..refusal })
}
