//! Answers of single responses for statistics that need to know which belong together.

use std::collections::{BTreeMap, BTreeSet};

use analytics_domain::answer::{self, Joined};
use kit::{directory::OrgView, error::Result};
use uuid::Uuid;

use super::{Indices, targets::Targets};
use crate::{
    freshness::Mark,
    store::{
        placements::Tree,
        questionnaires::{self, Versions},
        snapshot,
        vectors::{self, Selection, Vector},
    },
};

/// Which answers.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// About this unit and everything below it.
    pub unit: Uuid,
    /// Questionnaire.
    pub questionnaire: Uuid,
    /// Only these versions, if any.
    pub versions: Vec<i32>,
    /// First local day and the one after the last.
    pub days: (i32, i32),
    /// Only these campaigns, if any.
    pub campaigns: Vec<Uuid>,
    /// Also suspect responses.
    pub include_suspect: bool,
}

/// Answers as they were read.
pub struct Read {
    /// Responses in the order of their ids.
    pub vectors: Vec<Vector>,
    /// What items mean.
    pub versions: Versions,
    /// How far the feed is counted.
    pub mark: Mark,
}

impl Indices {
    /// Reads answers.
    ///
    /// # Errors
    /// TOO_MANY_BUCKETS for more responses than are read at once, OVERLOADED when too much is
    /// asked at once.
    pub async fn read_answers(&self, view: &OrgView, wanted: &Wanted) -> Result<Read> {
        let _slot = self.slots.enter().await?;
        let snapshot = snapshot(&self.db).await?;
        let conn = snapshot.conn();
        let placed = self.placements.get(conn, view.id).await?;
        let targets = Targets::of(view, &placed, Tree::AsOfService, &[wanted.unit], wanted.days);
        let mark = self.answers.mark(conn).await?;
        let selection = Selection {
            org: view.id,
            questionnaire: wanted.questionnaire,
            versions: wanted.versions.clone(),
            sites: targets.answer_sites.clone(),
            unit: None,
            days: wanted.days,
            campaigns: wanted.campaigns.clone(),
            channels: Vec::new(),
            include_suspect: wanted.include_suspect,
        };
        let mut vectors = vectors::read(conn, &selection).await?;
        vectors.retain(|vector| targets.counts(vector.site, vector.unit));
        let versions = questionnaires::load(conn, view.id).await?;
        snapshot.end().await?;
        Ok(Read { vectors, versions, mark })
    }
}

impl Read {
    /// Versions that were counted together, as far as these items go.
    pub fn joined(&self, questionnaire: Uuid, items: &[String]) -> Vec<Joined> {
        let mut counted: BTreeMap<(Uuid, i32), BTreeSet<String>> = BTreeMap::new();
        for vector in &self.vectors {
            let key = (questionnaire, vector.version);
            counted.entry(key).or_insert_with(|| items.iter().cloned().collect());
        }
        answer::joined(&counted, |of, version| self.versions.get(&(of, version)))
    }

    /// Newest version that was answered, else the newest known.
    pub fn newest(&self, questionnaire: Uuid) -> Option<&analytics_domain::answer::Version> {
        let answered = self.vectors.iter().map(|vector| vector.version).max();
        let known = || {
            let of = self.versions.values().filter(|v| v.questionnaire == questionnaire);
            of.map(|version| version.version).max()
        };
        self.versions.get(&(questionnaire, answered.or_else(known)?))
    }
}
