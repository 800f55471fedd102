//! What a change of an invitation or an answer changes in the counts.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use kit::error::Result;
use proto::names;
use sea_orm::ConnectionTrait;
use survey_domain::{
    campaign::Campaign,
    channel::Channel,
    invitation::{Invitation, Standing, State},
    plan::calendar,
};
use uuid::Uuid;

use crate::store::fieldwork::count::{Changes, Dimension, day_item, measure};

/// Changes of counts of several campaigns, written together at the end of a transaction.
#[derive(Debug, Default)]
pub struct Tally(BTreeMap<(Uuid, Uuid), Changes>);

impl Tally {
    /// The changes of one campaign.
    pub fn of(&mut self, campaign: &Campaign) -> &mut Changes {
        self.0.entry((campaign.org, campaign.id)).or_default()
    }

    /// Writes them down: the last thing that a transaction does. `spread` is any id that others
    /// who count at the same time do not have.
    pub async fn write(self, conn: &impl ConnectionTrait, spread: Uuid) -> Result<()> {
        for ((org, campaign), changes) in self.0 {
            changes.write(conn, org, campaign, spread).await?;
        }
        Ok(())
    }
}

/// The day of a time in the campaign's time zone, as a day number.
pub fn day_of(campaign: &Campaign, us: i64) -> i32 {
    let zone = TimeZone::get(&campaign.time_zone).unwrap_or(TimeZone::UTC);
    calendar::day_number(calendar::day_of(us, &zone))
}

/// A time as the history of an invitation shows it: of an anonymous campaign only the day, so that
/// it cannot be matched with the times of answers.
pub fn shown_us(campaign: &Campaign, us: i64) -> i64 {
    if !campaign.settings.anonymous {
        return us;
    }
    let zone = TimeZone::get(&campaign.time_zone).unwrap_or(TimeZone::UTC);
    calendar::start_us(calendar::day_of(us, &zone), &zone)
}

/// Name of a class as an item; empty for none.
pub fn class_item(class: Option<Uuid>) -> String {
    names::print_opt("customerClasses", class)
}

/// Name of a unit as an item.
pub fn unit_item(unit: Uuid) -> String {
    names::print("units", unit)
}

/// Number of a channel as an item.
pub fn channel_item(channel: Channel) -> String {
    (channel as i16).to_string()
}

/// Invitations were prepared, or taken back.
pub fn prepared(changes: &mut Changes, unit: Uuid, class: Option<Uuid>, channel: Channel, by: i64) {
    let state = State::Prepared as i16;
    changes.add(Dimension::Total, "", state, by);
    changes.add(Dimension::Class, class_item(class), state, by);
    changes.add(Dimension::Unit, unit_item(unit), state, by);
    changes.add(Dimension::Channel, channel_item(channel), state, by);
}

/// An invitation moved on from `before`; an answer counts for the channel `by` which it came.
pub fn moved(changes: &mut Changes, i: &Invitation, before: Standing, by: Channel, day: i32) {
    let after = i.standing();
    if before == after {
        return;
    }
    put(changes, i, i.channel, before, -1);
    put(changes, i, by, after, 1);
    if before.state != after.state {
        changes.add(Dimension::Day, day_item(day), after.state as i16, 1);
    }
}

fn put(changes: &mut Changes, i: &Invitation, by: Channel, standing: Standing, sign: i64) {
    let state = standing.state as i16;
    changes.add(Dimension::Total, "", state, sign);
    changes.add(Dimension::Class, class_item(i.class), state, sign);
    changes.add(Dimension::Unit, unit_item(i.unit), state, sign);
    changes.add(Dimension::Channel, channel_item(by), state, sign);
    if let Some(disposition) = standing.disposition() {
        changes.add(Dimension::Disposition, "", disposition as i16, sign);
    }
    if standing.is_sent() {
        changes.add(Dimension::Total, "", measure::SENT, sign);
    }
}

/// An answer without an invitation came in.
pub fn open_answer(
    changes: &mut Changes,
    unit: Uuid,
    class: Option<Uuid>,
    channel: Channel,
    day: i32,
) {
    changes.add(Dimension::Total, "", measure::OPEN, 1);
    changes.add(Dimension::Class, class_item(class), measure::OPEN, 1);
    changes.add(Dimension::Unit, unit_item(unit), measure::OPEN, 1);
    changes.add(Dimension::Channel, channel_item(channel), measure::OPEN, 1);
    changes.add(Dimension::Day, day_item(day), measure::OPEN, 1);
}

/// An answer was marked as suspect, or cleared: `by` is 1 or -1.
pub fn suspect(changes: &mut Changes, invited: bool, by: i64) {
    let measure = if invited { measure::SUSPECT } else { measure::OPEN_SUSPECT };
    changes.add(Dimension::Total, "", measure, by);
}
