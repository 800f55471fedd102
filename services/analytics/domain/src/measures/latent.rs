//! Latent index: constructs such as quality, value and satisfaction behind the items of a
//! questionnaire, and the paths between them (ACSI, ECSI) by PLS path modelling.

pub mod bootstrap;
mod docs;
mod estimate;
pub mod index;
pub mod model;
pub mod path_model;

use serde_json::Value;

use self::model::{Latent, Mode, Model};
use self::path_model::{Options, Scale, Scheme};
use super::Method;
use super::input::Input;
use super::reason::{Invalid, Result};
use super::resample::{Draws, RESAMPLES_MAX};

/// Resamples unless told otherwise.
const RESAMPLES: usize = 2000;

/// The methods of this family.
pub(super) const METHODS: &[Method] = &[
    Method {
        name: "pls.path_model",
        description: "PLS path model: paths, weights, loadings, quality and indices of 0 to 100",
        doc: docs::PATH_MODEL,
        compute: |input| {
            let (model, options) = (model(input)?, options(input)?);
            super::reply(&path_model::path_model(&input.columns("data")?, &model, &options)?)
        },
    },
    Method {
        name: "pls.bootstrap",
        description: "Bootstrap errors and intervals of the paths and indices of a PLS model",
        doc: docs::SPREAD,
        compute: bootstrap,
    },
    Method {
        name: "acsi.index",
        description: "Index of 0 to 100 from given weights of the items",
        doc: docs::ACSI,
        compute: acsi,
    },
];

fn model(input: &Input) -> Result<Model> {
    let model = input.object("model", &["latents", "paths"])?;
    let latent = |latent: &Input| {
        Ok(Latent {
            id: latent.text("id")?.to_owned(),
            mode: latent.choice("mode", &[("A", Mode::A), ("B", Mode::B)], Some(Mode::A))?,
            items: latent.texts("items")?.into_iter().map(str::to_owned).collect(),
        })
    };
    let path = |path: &Input| Ok((path.text("from")?.to_owned(), path.text("to")?.to_owned()));
    let latents = model.objects("latents", &["id", "mode", "items"])?;
    let paths = model.objects("paths", &["from", "to"])?;
    Ok(Model {
        latents: latents.iter().map(latent).collect::<Result<_>>()?,
        paths: paths.iter().map(path).collect::<Result<_>>()?,
    })
}

fn options(input: &Input) -> Result<Options> {
    let schemes =
        [("path", Scheme::Path), ("centroid", Scheme::Centroid), ("factorial", Scheme::Factorial)];
    let scale = input.optional_object("scale", &["min", "max"])?;
    let scale =
        scale.map(|scale| Ok(Scale { min: scale.number("min")?, max: scale.number("max")? }));
    Ok(Options {
        scheme: input.choice("scheme", &schemes, Some(Scheme::Path))?,
        standardize: input.flag("standardize", true)?,
        scale: scale.transpose()?,
    })
}

fn bootstrap(input: &Input) -> Result<Value> {
    let (model, options, data) = (model(input)?, options(input)?, input.columns("data")?);
    let draws = draws(input)?;
    let confidence = input.confidence()?;
    super::reply(&bootstrap::bootstrap(&data, &model, &options, draws, confidence)?)
}

fn draws(input: &Input) -> Result<Draws> {
    let asked = input.resampling()?;
    let seed = input.optional_count("seed")?;
    let Some(given) = input.optional_count_lists("resamples")? else {
        let count = asked.map_or(RESAMPLES, |how| how.count);
        return Ok(Draws::Seeded { count, seed: seed.unwrap_or(0) });
    };
    if asked.is_some() || seed.is_some() {
        return Err(input.invalid("resamples", "must not be given beside n_resamples or seed"));
    }
    if given.is_empty() || given.len() > RESAMPLES_MAX {
        let problem = format!("must have 1 to {RESAMPLES_MAX} entries");
        return Err(Invalid::new("resamples", problem));
    }
    let list = |list: Vec<u64>| list.into_iter().map(|row| row as usize).collect();
    Ok(Draws::Given(given.into_iter().map(list).collect()))
}

fn acsi(input: &Input) -> Result<Value> {
    let items = input.objects("items", &["values", "weight"])?;
    let item = |item: &Input| {
        Ok(index::Item { values: item.values("values")?, weight: item.number("weight")? })
    };
    let items = items.iter().map(item).collect::<Result<Vec<_>>>()?;
    let scale = Scale { min: input.number("scale_min")?, max: input.number("scale_max")? };
    super::reply(&index::index(&items, scale)?)
}
