//! What the feed says of responses: countable answers and where they belong, no texts and no
//! persons.

use kit::{db::WriteTx, error::Result};
use prost::Message as _;
use proto::{
    names,
    survey::v1::{Event, Events, ResponseChange, ResponseFacts, event::Change},
    time,
};
use survey_domain::{answer::countable, questionnaire::Version, response::Response};

use crate::{questionnaire::events::item_answer, state::App};

/// Writes changes into the feed, as one group; answers whether there were any. Wake the feed's
/// readers after the commit.
pub async fn append(app: &App, tx: &WriteTx, changes: Vec<Event>) -> Result<bool> {
    if changes.is_empty() {
        return Ok(false);
    }
    app.outbox.append(tx, Events { items: changes }.encode_to_vec()).await?;
    Ok(true)
}

/// That a response's facts changed from `before` (absent: it is new) to `after` (absent: it is
/// gone). Nothing when figures would not differ.
pub fn change(
    before: Option<&Response>,
    after: Option<&Response>,
    version: &Version,
) -> Option<Event> {
    let retract = before.map(|response| facts(response, version));
    let assert = after.map(|response| facts(response, version));
    if retract == assert {
        return None;
    }
    let of = after.or(before)?;
    let change = ResponseChange { response: names::print("responses", of.id), retract, assert };
    Some(Event {
        organisation: names::print("organisations", of.org),
        change: Some(Change::Response(change)),
    })
}

/// What figures need of a response.
pub fn facts(response: &Response, version: &Version) -> ResponseFacts {
    let answers = countable(version, &response.answers);
    ResponseFacts {
        unit: names::print("units", response.unit),
        site: names::print("units", response.site),
        staff: names::print_opt("staff", response.staff),
        campaign: names::print("campaigns", response.campaign),
        questionnaire: names::print("questionnaires", response.questionnaire),
        version: response.version,
        customer_class: names::print_opt("customerClasses", response.class),
        channel: response.channel as i32,
        submit_time: Some(time::from_us(response.submit_us)),
        suspect: response.is_suspect(),
        anonymous: response.anonymous,
        answers: answers.into_iter().map(item_answer).collect(),
        site_since: time::from_us_opt(response.site_since_us),
    }
}
