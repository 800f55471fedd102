//! Invitations and links.

use proto::{names, survey::v1, time};
use survey_domain::{campaign::Campaign, invitation::Invitation};

use super::sample::stratum_name;
use crate::{
    fieldwork::link::{Claim, Links},
    store::fieldwork::{history::Entry, link::Link},
};

/// An invitation as it is shown at a time.
pub fn invitation(
    campaign: &Campaign,
    i: &Invitation,
    history: &[Entry],
    now_us: i64,
) -> v1::Invitation {
    let holder = i.holder(now_us);
    let design = campaign.settings.design.as_ref();
    let stratum = design.map(|design| stratum_name(design, i.stratum));
    let due_us = i.due_us.or(i.remind_us);
    v1::Invitation {
        name: names::print("invitations", i.id),
        campaign: names::print("campaigns", i.campaign),
        customer: names::print_opt("customers", i.customer),
        unit: names::print("units", i.unit),
        customer_class: names::print_opt("customerClasses", i.class),
        channel: i.channel as i32,
        state: i.state as i32,
        attempt: i.attempt,
        due_time: due_us.map(time::from_us),
        stratum: stratum.unwrap_or_default(),
        design_weight: i.design_weight,
        create_time: Some(time::from_us(i.create_us)),
        history: history.iter().map(entry).collect(),
        note: i.note.clone(),
        claimant: holder.map(|claim| claim.by.clone()).unwrap_or_default(),
        claim_expire_time: holder.map(|claim| time::from_us(claim.until_us)),
    }
}

fn entry(e: &Entry) -> v1::InvitationEvent {
    v1::InvitationEvent {
        state: e.state as i32,
        event_time: Some(time::from_us(e.time_us)),
        attempt: e.attempt,
        outcome: e.outcome.map_or(0, |outcome| outcome as i32),
        reporter: e.reporter.clone(),
        note: e.note.clone(),
    }
}

/// An open link as it is shown.
pub fn link(links: &Links, campaign: &Campaign, link: &Link) -> v1::Link {
    v1::Link {
        name: names::print("links", link.id),
        campaign: names::print("campaigns", link.campaign),
        unit: names::print("units", link.unit),
        display_name: link.display_name.clone(),
        channel: link.channel as i32,
        minute_max: link.minute_max,
        browser_max: link.browser_max,
        link: links.link(&campaign.settings.link_base, Claim::Open(link.id)),
        create_time: Some(time::from_us(link.create_us)),
        revoke_time: link.revoke_us.map(time::from_us),
    }
}
