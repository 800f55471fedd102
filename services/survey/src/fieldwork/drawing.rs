//! Drawing a campaign's sample.

use std::collections::{BTreeMap, HashSet};

use kit::error::{Result, ServiceError};
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

use super::frame::{self, Member};
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
pub struct Drawn {
    /// The sample.
    pub sample: Sample,
    /// Who is left out, and why.
    pub exclusions: Vec<Exclusion>,
    /// Drawn members with their stratum and 1 / chance.
    pub chosen: Vec<(Member, Option<Uuid>, f64)>,
}

/// The design of a draft, with its seed.
///
/// # Errors
/// FAILED_PRECONDITION unless it is a draft with a design and a channel for invitations.
pub fn design_of(campaign: &Campaign) -> Result<Design> {
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
    Ok(design)
}

/// What a draw would come to now; nothing is stored.
///
/// # Errors
/// As [`design_of`].
pub async fn look(app: &App, campaign: &Campaign) -> Result<Sample> {
    let design = design_of(campaign)?;
    Ok(compute(app, campaign, design, app.clock.now_us()).await?.sample)
}

/// Draws by a design.
pub async fn compute(app: &App, campaign: &Campaign, design: Design, now_us: i64) -> Result<Drawn> {
    let absent = || ServiceError::not_found("organisation");
    let view = app.directory.organisation(campaign.org).ok_or_else(absent)?;
    let members = frame::read(app, &view, campaign).await?;
    let (eligible, exclusions) = sieve(app, campaign, &design, &members, now_us).await?;
    choose(campaign, design, members, &eligible, exclusions)
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
        let (taken, left_out) = take(&design, &members, &indices, size);
        let population = indices.len() as u64;
        let equal = design.method() != Method::Importance;
        let inclusion = (population > 0).then(|| taken.len() as f64 / population as f64);
        let weights = weights(&members, (&taken, indices.len()), left_out.filter(|_| !equal));
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
        prepared: None,
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

/// The drawn ones, and the place of the first one that was left out.
fn take(
    design: &Design,
    members: &[Member],
    indices: &[usize],
    size: u64,
) -> (Vec<usize>, Option<f64>) {
    let by_importance = design.method() == Method::Importance;
    let mut first = First::new(usize::try_from(size).unwrap_or(usize::MAX));
    for index in indices {
        let member = &members[*index];
        let importance = by_importance.then_some(member.importance);
        if let Some(place) = draw::place(design.seed, member.id, importance) {
            first.offer(place, member.id, *index);
        }
    }
    first.into_drawn()
}

/// 1 / chance of each drawn one: of so many with the same chance, or, where `left_out` is the
/// place of the first one that was not drawn by importance, its own.
fn weights(members: &[Member], (taken, of): (&[usize], usize), left_out: Option<f64>) -> Vec<f64> {
    match left_out {
        Some(left_out) => {
            let chance = |index: &usize| draw::chance(members[*index].importance, left_out);
            taken.iter().map(|index| 1.0 / chance(index)).collect()
        }
        None if taken.is_empty() => Vec::new(),
        None => vec![of as f64 / taken.len() as f64; taken.len()],
    }
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
        occasion: Uuid::nil(),
        claim: None,
    }
}
