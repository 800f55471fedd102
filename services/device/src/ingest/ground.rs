//! What is known before a group's transaction begins, because it never changes (templates),
//! holds for what arrives from now on (policies), or is held in memory (the unit tree).

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use device_domain::{policy::Policy, template::Template, trust::Thresholds};
use kit::{directory::OrgView, error::Result};
use uuid::Uuid;

use super::{Engine, group::Entry};

/// Of one group.
#[derive(Default)]
pub struct Ground {
    policies: HashMap<Uuid, Thresholds>,
    defaults: HashMap<Uuid, Arc<Template>>,
    templates: HashMap<(Uuid, Uuid), Arc<Template>>,
    views: HashMap<Uuid, Arc<OrgView>>,
}

impl Ground {
    /// Looks up what these messages name.
    pub async fn prepare(engine: &Engine, entries: &[Entry<'_>]) -> Result<Self> {
        let mut ground = Self::default();
        let orgs: HashSet<Uuid> = entries.iter().map(|entry| entry.batch.org).collect();
        for org in &orgs {
            let policy = engine.app.policies.of(*org).await?;
            ground.policies.insert(*org, thresholds(&policy));
            ground.views.extend(engine.app.directory.organisation(*org).map(|view| (*org, view)));
        }
        let unnamed = entries.iter().filter(|entry| entry.item.press.template.is_none());
        for org in unnamed.map(|entry| entry.batch.org).collect::<HashSet<Uuid>>() {
            ground.defaults.insert(org, engine.app.templates.default_of(org).await?);
        }
        let named: HashSet<(Uuid, Uuid)> = entries
            .iter()
            .filter_map(|entry| Some((entry.batch.org, entry.item.press.template?)))
            .collect();
        for (org, id) in named {
            if let Some(template) = engine.app.templates.get(org, id).await? {
                ground.templates.insert((org, id), template);
            }
        }
        Ok(ground)
    }

    /// Adds a template that turned out to be needed.
    pub fn add(&mut self, template: Arc<Template>) {
        self.templates.insert((template.org, template.id), template);
    }

    /// A template, if it is known.
    pub fn template(&self, org: Uuid, id: Uuid) -> Option<&Arc<Template>> {
        self.templates.get(&(org, id))
    }

    /// What devices show that have no template of their own.
    pub fn default_of(&self, org: Uuid) -> Option<&Arc<Template>> {
        self.defaults.get(&org)
    }

    /// How the organisation judges.
    pub fn thresholds(&self, org: Uuid) -> Thresholds {
        self.policies.get(&org).copied().unwrap_or_default()
    }

    /// The organisation's units.
    pub fn view(&self, org: Uuid) -> Option<&Arc<OrgView>> {
        self.views.get(&org)
    }

    /// The longest grace of any organisation of the group.
    pub fn grace_us_max(&self) -> i64 {
        self.policies.values().map(|policy| policy.encounter_grace_us).max().unwrap_or_default()
    }
}

fn thresholds(policy: &Policy) -> Thresholds {
    let minutes = |minutes: i32| i64::from(minutes) * 60_000_000;
    Thresholds {
        burst_count: usize::try_from(policy.burst_count).unwrap_or_default(),
        burst_window_us: i64::from(policy.burst_window_ms) * 1_000,
        fastest_response_ms: policy.fastest_response_ms,
        encounter_grace_us: minutes(policy.encounter_grace_min),
        opening_grace_us: minutes(policy.opening_grace_min),
    }
}
