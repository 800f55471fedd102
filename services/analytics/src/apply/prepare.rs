//! Reads a group and makes sure that its sites are known, before any transaction begins.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use kit::{
    db::Db,
    directory::{Directory, OrgView},
};
use proto::common::v1::EventGroup;
use uuid::Uuid;

use super::{FAILURES_MAX, Source, Stretch};
use crate::{
    events::{self, Contents},
    store::placements,
};

/// Pause before the second attempt; each further one is three times as long.
const PAUSE: Duration = Duration::from_millis(50);

/// A group that was read.
#[derive(Debug, PartialEq)]
pub struct Prepared {
    /// What it says.
    pub contents: Contents,
    /// When the source committed it, microseconds.
    pub commit_us: i64,
}

/// What becomes of a group.
pub enum Outcome {
    /// It can be applied.
    Ready(EventGroup, Arc<Prepared>),
    /// It cannot, and is to be parked with this error.
    Parked(EventGroup, String),
}

impl Outcome {
    /// The group.
    pub fn group(&self) -> &EventGroup {
        match self {
            Self::Ready(group, _) | Self::Parked(group, _) => group,
        }
    }

    /// How many events it has to apply.
    pub fn events(&self) -> usize {
        match self {
            Self::Ready(_, prepared) => {
                let contents = &prepared.contents;
                // A response has many answers, each of which is a cell.
                let answers = contents.responses.iter().map(|r| 1 + r.response.answers.len());
                contents.changes.len() + contents.templates.len() + answers.sum::<usize>()
            }
            Self::Parked(..) => 1,
        }
    }

    /// To be parked after all.
    pub fn into_parked(self, error: String) -> Self {
        match self {
            Self::Ready(group, _) => Self::Parked(group, error),
            parked @ Self::Parked(..) => parked,
        }
    }
}

/// Why a group cannot be applied.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It never can.
    #[error(transparent)]
    Events(#[from] events::Error),
    /// The directory does not know the site, or where it stands now, perhaps not yet.
    #[error("the site {0} is not known")]
    Site(Uuid),
    /// The database did not answer.
    #[error("{0}")]
    Database(String),
}

/// Reads a group, waiting a little for sites that are still on their way here.
pub async fn prepare(source: Source, db: &Db, directory: &Directory, group: EventGroup) -> Outcome {
    let mut pause = PAUSE;
    let mut failures = 0;
    loop {
        let error = match try_once(source, db, directory, &group).await {
            Ok(prepared) => return Outcome::Ready(group, prepared),
            Err(error) => error,
        };
        failures += 1;
        match error {
            // Reading the same bytes again cannot end otherwise.
            Error::Events(error) => return Outcome::Parked(group, error.to_string()),
            Error::Site(_) if failures >= FAILURES_MAX => {
                return Outcome::Parked(group, error.to_string());
            }
            Error::Site(_) | Error::Database(_) => {}
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 3).min(Duration::from_secs(5));
    }
}

/// Reads a group.
///
/// # Errors
/// [`Error`] if it cannot be applied now.
pub async fn try_once(
    source: Source,
    db: &Db,
    directory: &Directory,
    group: &EventGroup,
) -> Result<Arc<Prepared>, Error> {
    let contents = (source.read)(&group.events)?;
    let of_ratings = contents.changes.iter().map(|change| {
        let place = change.fact.place();
        (place.org, place.site, change.fact.site_since_us().unwrap_or_default())
    });
    let of_answers = contents.responses.iter().map(|change| {
        let place = &change.response.place;
        (place.org, place.site, change.response.site_since_us.unwrap_or_default())
    });
    let stretches: BTreeSet<Stretch> = of_ratings.chain(of_answers).collect();
    for (org, site, since_us) in stretches {
        // The source may know of a move that has not arrived here yet.
        let knows = |view: Arc<OrgView>| {
            view.unit(site).is_some() && view.placed_since(site, i64::MAX) >= since_us
        };
        if directory.organisation(org).is_some_and(knows) {
            continue;
        }
        let seen = placements::find(db.read(), org, placements::id(site, since_us)).await;
        if seen.map_err(|error| Error::Database(error.to_string()))?.is_none() {
            return Err(Error::Site(site));
        }
    }
    let commit_us = group.commit_time.as_ref().map_or(0, proto::time::to_us);
    Ok(Arc::new(Prepared { contents, commit_us }))
}
