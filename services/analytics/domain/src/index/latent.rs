//! The six-construct model of customer satisfaction (ACSI) as a path model.

use crate::measures::latent::{
    model::{Latent, Mode, Model},
    path_model::{Options, Scale, Scheme},
};

/// Constructs in the order of the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Construct {
    /// Customer expectations.
    Expectations,
    /// Perceived quality.
    Quality,
    /// Perceived value.
    Value,
    /// Customer satisfaction.
    Satisfaction,
    /// Complaints.
    Complaints,
    /// Loyalty.
    Loyalty,
}

impl Construct {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Expectations,
        Self::Quality,
        Self::Value,
        Self::Satisfaction,
        Self::Complaints,
        Self::Loyalty,
    ];

    /// Its name, and that of the section of a questionnaire whose items belong to it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Expectations => "expectations",
            Self::Quality => "quality",
            Self::Value => "value",
            Self::Satisfaction => "satisfaction",
            Self::Complaints => "complaints",
            Self::Loyalty => "loyalty",
        }
    }

    /// The construct of that name.
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|construct| construct.name() == name)
    }
}

/// Paths of the model (Fornell et al. 1996).
const PATHS: [(Construct, Construct); 9] = [
    (Construct::Expectations, Construct::Quality),
    (Construct::Expectations, Construct::Value),
    (Construct::Expectations, Construct::Satisfaction),
    (Construct::Quality, Construct::Value),
    (Construct::Quality, Construct::Satisfaction),
    (Construct::Value, Construct::Satisfaction),
    (Construct::Satisfaction, Construct::Complaints),
    (Construct::Satisfaction, Construct::Loyalty),
    (Construct::Complaints, Construct::Loyalty),
];

/// The model with the items of each construct, all reflective.
pub fn model(items: &[(Construct, Vec<String>)]) -> Model {
    let latents = items.iter().map(|(construct, items)| Latent {
        id: construct.name().to_owned(),
        mode: Mode::A,
        items: items.clone(),
    });
    let paths = PATHS.iter().map(|(from, to)| (from.name().to_owned(), to.name().to_owned()));
    Model { latents: latents.collect(), paths: paths.collect() }
}

/// How it is fitted: items standardised, path weighting, scores from 0 to 100.
pub fn options() -> Options {
    Options { scheme: Scheme::Path, standardize: true, scale: Some(Scale { min: 0.0, max: 100.0 }) }
}
