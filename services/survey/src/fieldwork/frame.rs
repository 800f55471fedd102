//! The customers that a sample is drawn from.

use kit::{directory::OrgView, error::Result};
use survey_domain::{
    campaign::{Campaign, Settings},
    channel::Channel,
    customer::{Customer, Purpose, State},
    invitation::{Reach, channel_for},
    quota::Group,
    sampling::exclusion::Candidate,
};
use uuid::Uuid;

use crate::{
    customers::segments::{self, Matcher},
    state::App,
    store::{self, customer_schema},
};

/// Customers that are read in one go.
const BLOCK: u64 = 1_000;

/// A customer as a sample needs to know it.
#[derive(Debug, Clone, PartialEq)]
pub struct Member {
    /// Customer.
    pub id: Uuid,
    /// Unit that looks after it.
    pub unit: Uuid,
    /// Class.
    pub class: Option<Uuid>,
    /// Importance.
    pub importance: f64,
    /// Channel by which it would be invited.
    pub channel: Option<Channel>,
    /// Whether it agreed to be asked.
    pub consents: bool,
    /// Whether it is no longer a customer.
    pub retired: bool,
    /// Segments with a quota that it belongs to.
    pub segments: Vec<Uuid>,
}

impl Member {
    /// What the rules of exclusion look at, besides earlier invitations.
    pub fn candidate(&self, by_importance: bool) -> Candidate {
        Candidate {
            retired: self.retired,
            consents: self.consents,
            reachable: self.channel.is_some(),
            invited: false,
            importance: by_importance.then_some(self.importance),
            asked: None,
        }
    }
}

/// Turns customers into members.
pub struct Reader {
    channels: Vec<Channel>,
    quotas: Vec<(Uuid, Matcher)>,
}

impl Reader {
    /// For customers that may be invited by `channels`.
    pub async fn new(
        app: &App,
        org: Uuid,
        settings: &Settings,
        channels: Vec<Channel>,
    ) -> Result<Self> {
        let mut quotas = Vec::new();
        for quota in &settings.quotas {
            if let Group::Segment(id) = quota.group
                && let Some(matcher) = matcher(app, org, id).await?
            {
                quotas.push((id, matcher));
            }
        }
        Ok(Self { channels, quotas })
    }

    /// A customer as a member.
    pub fn member(&self, customer: &Customer) -> Member {
        let preferences = &customer.preferences;
        let blocked = preferences.blocked.iter();
        let reach = Reach {
            email: customer.hashes.email.is_some(),
            phone: customer.hashes.phone.is_some(),
            preferred: Channel::from_number(preferences.preferred),
            blocked: blocked.filter_map(|number| Channel::from_number(*number)).collect(),
        };
        let fits = self.quotas.iter().filter(|(_, matcher)| matcher.matches(customer));
        Member {
            id: customer.id,
            unit: customer.unit,
            class: Some(customer.class),
            importance: customer.importance,
            channel: channel_for(&self.channels, &reach),
            consents: customer.consents.given(Purpose::Survey) && !preferences.do_not_contact,
            retired: customer.state != State::Active,
            segments: fits.map(|(id, _)| *id).collect(),
        }
    }
}

async fn matcher(app: &App, org: Uuid, segment: Uuid) -> Result<Option<Matcher>> {
    let found = customer_schema::segment(app.db.read(), org, segment).await?;
    let Some(found) = found else { return Ok(None) };
    segments::matcher(app, org, "segment", &found.filter).await.map(Some)
}

/// Our own customers that a campaign's design is about, by id. Customers of competitors are not
/// among them.
pub async fn read(app: &App, view: &OrgView, campaign: &Campaign) -> Result<Vec<Member>> {
    let org = campaign.org;
    let design = campaign.settings.design.as_ref();
    let named = design.map(|design| design.units.clone()).filter(|units| !units.is_empty());
    let mut units: Vec<Uuid> = named
        .unwrap_or_else(|| vec![campaign.unit])
        .into_iter()
        .flat_map(|unit| view.subtree(unit))
        .collect();
    units.sort_unstable();
    units.dedup();
    let wanted = match design.and_then(|design| design.segment) {
        Some(segment) => matcher(app, org, segment).await?,
        None => None,
    };
    let reader = Reader::new(app, org, &campaign.settings, campaign.settings.channels()).await?;
    let (mut members, mut after) = (Vec::new(), None);
    loop {
        let conn = app.db.read();
        let page =
            store::customer::sampling_page(conn, org, Some(units.clone()), after, BLOCK).await?;
        after = page.last().map(|customer| customer.id);
        let ours = page.iter().filter(|customer| customer.competitor.is_none());
        let meant = ours.filter(|c| wanted.as_ref().is_none_or(|wanted| wanted.matches(c)));
        members.extend(meant.map(|customer| reader.member(customer)));
        if (page.len() as u64) < BLOCK {
            return Ok(members);
        }
    }
}
