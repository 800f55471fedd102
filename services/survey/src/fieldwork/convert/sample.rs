//! Designs and samples.

use kit::error::{Result, ServiceError};
use proto::{names, survey::v1, time};
use survey_domain::{campaign::design::Design, sampling::StratumKind};
use uuid::Uuid;

use crate::{
    convert::{id, id_opt},
    store::fieldwork::{exclusion::Exclusion, sample::Sample},
};

/// A design from a message; `prefix` is its JSON path with a dot.
pub fn design_of(given: &v1::SamplingDesign, prefix: &str) -> Result<Design> {
    let units = given.units.iter().enumerate();
    let deviations = given.deviations.iter().enumerate();
    let kind = StratumKind::from_number(given.strata).unwrap_or_default();
    Ok(Design {
        method: i16::try_from(given.method).unwrap_or_default(),
        size: given.size,
        margin: given.margin,
        confidence: if given.confidence == 0.0 { 0.95 } else { given.confidence },
        response_rate: given.response_rate,
        units: units
            .map(|(i, unit)| id("units", &format!("{prefix}units[{i}]"), unit))
            .collect::<Result<_>>()?,
        segment: id_opt("segments", &format!("{prefix}segment"), &given.segment)?,
        strata: i16::try_from(given.strata).unwrap_or_default(),
        min_per_stratum: given.min_per_stratum,
        deviations: deviations
            .map(|(i, d)| {
                let field = format!("{prefix}deviations[{i}].stratum");
                let collection = collection(kind);
                let text = || format!("is no name of {collection}, of which the strata are made");
                let stratum = names::parse(collection, &d.stratum)
                    .ok_or_else(|| ServiceError::invalid(field, text()))?;
                Ok((stratum, d.deviation))
            })
            .collect::<Result<_>>()?,
        seed: given.seed,
    })
}

fn collection(kind: StratumKind) -> &'static str {
    match kind {
        StratumKind::CustomerClass => "customerClasses",
        StratumKind::Unit => "units",
    }
}

/// Name of a stratum; empty for none.
pub fn stratum_name(design: &Design, stratum: Option<Uuid>) -> String {
    names::print_opt(collection(design.strata()), stratum)
}

/// A design as it is shown.
pub fn design(design: &Design) -> v1::SamplingDesign {
    v1::SamplingDesign {
        method: i32::from(design.method),
        size: design.size,
        margin: design.margin,
        confidence: design.confidence,
        response_rate: design.response_rate,
        units: design.units.iter().map(|unit| names::print("units", *unit)).collect(),
        segment: names::print_opt("segments", design.segment),
        strata: i32::from(design.strata),
        min_per_stratum: design.min_per_stratum,
        deviations: design
            .deviations
            .iter()
            .map(|(stratum, deviation)| v1::StratumDeviation {
                stratum: stratum_name(design, Some(*stratum)),
                deviation: *deviation,
            })
            .collect(),
        seed: design.seed,
    }
}

/// A sample as it is shown.
pub fn sample(campaign: Uuid, sample: &Sample, draw_us: Option<i64>) -> v1::Sample {
    let number = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    v1::Sample {
        campaign: names::print("campaigns", campaign),
        design: Some(design(&sample.design)),
        draw_time: draw_us.map(time::from_us),
        frame_size: number(sample.frame_size),
        excluded: sample
            .excluded
            .iter()
            .map(|(reason, count)| v1::ExclusionCount {
                reason: i32::from(*reason),
                count: number(*count),
            })
            .collect(),
        eligible_size: number(sample.eligible()),
        sample_size: number(sample.sample_size),
        strata: sample
            .strata
            .iter()
            .map(|stratum| v1::Stratum {
                stratum: stratum_name(&sample.design, stratum.id),
                population: number(stratum.population),
                sample: number(stratum.sample),
                inclusion: stratum.inclusion,
            })
            .collect(),
        frame_hash: sample.frame_hash.clone(),
        drawing: sample.is_being_drawn(),
        prepared_count: number(sample.prepared.unwrap_or(sample.sample_size)),
    }
}

/// An exclusion as it is shown.
pub fn exclusion(exclusion: &Exclusion) -> v1::SampleExclusion {
    v1::SampleExclusion {
        customer: names::print("customers", exclusion.customer),
        reason: exclusion.reason as i32,
        last_campaign: names::print_opt("campaigns", exclusion.last.map(|(id, _)| id)),
        last_time: exclusion.last.map(|(_, us)| time::from_us(us)),
    }
}
