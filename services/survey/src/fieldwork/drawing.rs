//! Drawing a campaign's sample.

use std::collections::{BTreeMap, HashSet};

use kit::{
    auth::Caller,
    clock::new_id,
    error::{Result, ServiceError},
};
use serde_json::json;
use survey_domain::{
    campaign::{Campaign, State as CampaignState, design::Design},
    invitation::{Invitation, State},
    sampling::{
        Method, StratumKind, allocation,
        draw::{self, First},
        exclusion::{self, Reason},
    },
};
use uuid::Uuid;

use super::{
    counting::{self, Tally},
    frame::{self, Member},
    opening,
};
use crate::{
    convert,
    state::App,
    store::fieldwork::{
        self as stored,
        exclusion::Exclusion,
        sample::{Sample, Stratum},
    },
};

/// What a draw comes to.
struct Drawn {
    sample: Sample,
    exclusions: Vec<Exclusion>,
    /// Drawn members with their stratum and 1 / chance.
    chosen: Vec<(Member, Option<Uuid>, f64)>,
}

/// Draws the sample of a draft and prepares its invitations; with `only_look` nothing is stored.
///
/// # Errors
/// FAILED_PRECONDITION unless it is a draft with a design and a channel for invitations.
pub async fn draw(
    app: &App,
    by: Option<&Caller>,
    campaign: &mut Campaign,
    only_look: bool,
) -> Result<(Sample, Option<i64>)> {
    if campaign.state != CampaignState::Draft {
        return Err(ServiceError::wrong_state("the campaign was opened"));
    }
    let Some(mut design) = campaign.settings.design.clone() else {
        return Err(ServiceError::wrong_state("the campaign has no sampling design"));
    };
    if !campaign.settings.channels().iter().any(|channel| channel.is_personal()) {
        return Err(ServiceError::wrong_state("the campaign has no channel for invitations"));
    }
    while design.seed == 0 {
        design.seed = rand::random::<i64>();
    }
    let absent = || ServiceError::not_found("organisation");
    let view = app.directory.organisation(campaign.org).ok_or_else(absent)?;
    let members = frame::read(app, &view, campaign).await?;
    let now_us = app.clock.now_us();
    let (eligible, exclusions) = sieve(app, campaign, &design, &members, now_us).await?;
    let drawn = choose(campaign, design, members, &eligible, exclusions)?;
    if !only_look {
        store(app, by, campaign, &drawn, now_us).await?;
    }
    Ok((drawn.sample, (!only_look).then_some(now_us)))
}

/// Indices of those who can be drawn, and the others with their reasons.
async fn sieve(
    app: &App,
    campaign: &Campaign,
    design: &Design,
    members: &[Member],
    now_us: i64,
) -> Result<(Vec<usize>, Vec<Exclusion>)> {
    let conn = app.db.read();
    let (org, id) = (campaign.org, campaign.id);
    let fatigue = campaign.settings.fatigue();
    let span = (fatigue.since_us(now_us), now_us);
    let asked = stored::invited::asked(conn, org, id, span, None).await?;
    let by_hand: HashSet<Uuid> =
        stored::invited::added_by_hand(conn, org, id).await?.into_iter().collect();
    let by_importance = design.method() == Method::Importance;
    let (mut eligible, mut exclusions) = (Vec::new(), Vec::new());
    for (index, member) in members.iter().enumerate() {
        let mut candidate = member.candidate(by_importance);
        candidate.invited = by_hand.contains(&member.id);
        candidate.asked = asked.get(&member.id).copied();
        match exclusion::reason(&candidate, &fatigue, now_us) {
            None => eligible.push(index),
            Some(reason) => exclusions.push(excluded(member.id, reason, &candidate)),
        }
    }
    Ok((eligible, exclusions))
}

/// An exclusion, with the campaign that asked last where that is the reason.
pub fn excluded(customer: Uuid, reason: Reason, candidate: &exclusion::Candidate) -> Exclusion {
    let tired = matches!(reason, Reason::AskedRecently | Reason::AskedOften);
    let last = candidate.asked.filter(|_| tired).map(|asked| (asked.campaign, asked.last_us));
    Exclusion { customer, reason, last }
}

fn choose(
    campaign: &Campaign,
    design: Design,
    members: Vec<Member>,
    eligible: &[usize],
    exclusions: Vec<Exclusion>,
) -> Result<Drawn> {
    let settings = &campaign.settings;
    let wanted = design.wanted(settings.rate_target, settings.min_responses);
    let n = wanted.of(design.method(), eligible.len() as u64);
    let mut groups: BTreeMap<Option<Uuid>, Vec<usize>> = BTreeMap::new();
    for index in eligible {
        groups.entry(stratum_of(&design, &members[*index])).or_default().push(*index);
    }
    let sizes = sizes(&design, &groups, n)?;
    let (mut strata, mut chosen) = (Vec::new(), Vec::new());
    for ((stratum, indices), size) in groups.into_iter().zip(sizes) {
        let taken = take(&design, &members, &indices, size);
        let population = indices.len() as u64;
        let equal = design.method() != Method::Importance;
        let inclusion = (population > 0).then(|| taken.len() as f64 / population as f64);
        let weights = weights(&design, &members, &indices, &taken);
        let drawn = taken.iter().zip(weights);
        chosen.extend(drawn.map(|(index, weight)| (members[*index].clone(), stratum, weight)));
        strata.push(Stratum {
            id: stratum,
            population,
            sample: taken.len() as u64,
            inclusion: inclusion.filter(|_| equal),
        });
    }
    let mut ids: Vec<Uuid> = eligible.iter().map(|index| members[*index].id).collect();
    let hash = draw::frame_hash(&mut ids);
    let mut counts: BTreeMap<i16, u64> = BTreeMap::new();
    for exclusion in &exclusions {
        *counts.entry(exclusion.reason as i16).or_default() += 1;
    }
    let sample = Sample {
        design,
        frame_size: members.len() as u64,
        excluded: counts.into_iter().collect(),
        sample_size: chosen.len() as u64,
        strata,
        frame_hash: hash.iter().map(|byte| format!("{byte:02x}")).collect(),
    };
    Ok(Drawn { sample, exclusions, chosen })
}

fn stratum_of(design: &Design, member: &Member) -> Option<Uuid> {
    match (design.method().is_stratified(), design.strata()) {
        (false, _) => None,
        (true, StratumKind::CustomerClass) => member.class,
        (true, StratumKind::Unit) => Some(member.unit),
    }
}

/// How many of each stratum, in the order of the groups.
fn sizes(design: &Design, groups: &BTreeMap<Option<Uuid>, Vec<usize>>, n: u64) -> Result<Vec<u64>> {
    if !design.method().is_stratified() {
        return Ok(groups.values().map(|indices| n.min(indices.len() as u64)).collect());
    }
    let strata: Vec<allocation::Stratum> = groups
        .iter()
        .map(|(stratum, indices)| allocation::Stratum {
            size: indices.len() as u64,
            deviation: design.deviation(*stratum),
        })
        .collect();
    let min = u64::try_from(design.min_per_stratum).unwrap_or_default();
    allocation::allocate(&strata, n, design.rule(), min)
        .map_err(|refused| convert::error(refused.within("sampling"), "campaign."))
}

fn take(design: &Design, members: &[Member], indices: &[usize], size: u64) -> Vec<usize> {
    let by_importance = design.method() == Method::Importance;
    let mut first = First::new(usize::try_from(size).unwrap_or(usize::MAX));
    for index in indices {
        let member = &members[*index];
        let importance = by_importance.then_some(member.importance);
        if let Some(place) = draw::place(design.seed, member.id, importance) {
            first.offer(place, member.id, *index);
        }
    }
    first.into_indices()
}

/// 1 / chance of each drawn one. Of draws by importance the chance is that of a single draw times
/// the number of draws, at most 1: an approximation, good while few of many are drawn.
fn weights(design: &Design, members: &[Member], indices: &[usize], taken: &[usize]) -> Vec<f64> {
    let (all, n) = (indices.len() as f64, taken.len() as f64);
    if design.method() != Method::Importance {
        return vec![if n > 0.0 { all / n } else { 1.0 }; taken.len()];
    }
    let sum: f64 = indices.iter().map(|index| members[*index].importance).sum();
    let weight = |index: &usize| (sum / (n * members[*index].importance)).max(1.0);
    taken.iter().map(weight).collect()
}

async fn store(
    app: &App,
    by: Option<&Caller>,
    campaign: &mut Campaign,
    drawn: &Drawn,
    now_us: i64,
) -> Result<()> {
    let (org, id) = (campaign.org, campaign.id);
    let mut invitations = Vec::with_capacity(drawn.chosen.len());
    for (member, stratum, weight) in &drawn.chosen {
        let Some(channel) = member.channel else { continue };
        let mut new = prepared(new_id(app.clock.as_ref()), campaign, channel, now_us);
        new.customer = Some(member.id);
        new.unit = member.unit;
        new.class = member.class;
        new.segments = member.segments.clone();
        new.sampled = true;
        (new.stratum, new.design_weight) = (*stratum, *weight);
        invitations.push(new);
    }
    let tx = app.db.begin().await?;
    // The version decides between two who draw at once, or draw and open.
    stored::campaign::save(tx.conn(), campaign, opening::work_us(campaign, now_us)).await?;
    let mut tally = Tally::default();
    for (unit, class, channel, count) in stored::invited::sampled(tx.conn(), org, id).await? {
        counting::prepared(tally.of(campaign), unit, class, channel, -count);
    }
    stored::invited::remove_sampled(tx.conn(), org, id).await?;
    stored::invitation::insert(tx.conn(), org, &invitations).await?;
    for i in &invitations {
        counting::prepared(tally.of(campaign), i.unit, i.class, i.channel, 1);
    }
    stored::exclusion::replace(tx.conn(), org, id, &drawn.exclusions).await?;
    stored::sample::save(tx.conn(), org, id, &drawn.sample, now_us).await?;
    let detail = json!({
        "sample": drawn.sample.sample_size,
        "seed": drawn.sample.design.seed.to_string(),
        "frameHash": drawn.sample.frame_hash,
    });
    opening::record(app, &tx, by, campaign, detail).await?;
    tally.write(tx.conn(), id).await?;
    tx.commit().await
}

/// An invitation that is not due yet, of nobody in particular.
pub fn prepared(
    id: Uuid,
    campaign: &Campaign,
    channel: survey_domain::channel::Channel,
    now_us: i64,
) -> Invitation {
    Invitation {
        id,
        campaign: campaign.id,
        customer: None,
        unit: campaign.unit,
        class: None,
        segments: Vec::new(),
        channel,
        state: State::Prepared,
        reached: State::Prepared,
        tried: false,
        attempt: 0,
        handed: 0,
        due_us: None,
        remind_us: None,
        queue_us: None,
        sampled: false,
        stratum: None,
        design_weight: 1.0,
        note: String::new(),
        create_us: now_us,
        version: 1,
    }
}
