//! ComparisonService: rankings and funnels; the importance matrix and retention have files of
//! their own.

use std::sync::Arc;

use analytics_domain::{
    comparing::{Funnel, shared_ranks},
    index::{definition::Leaf, leaf::Value},
    measures::{
        change::period::PeriodMean,
        distributions::normal_critical,
        ranking::{
            means::rank_means,
            shares::{Tally, rank_shares},
        },
        reason::Invalid,
    },
};
use kit::{
    auth::{Caller, open_request},
    directory::OrgView,
    error::{Result, ServiceError},
};
use proto::{
    analytics::v1::{
        ComputeRetentionRequest, ComputeRetentionResponse, FunnelLimit, FunnelPoint, IndexLeaf,
        IndexQuestion, MapImportanceRequest, MapImportanceResponse, PlotFunnelRequest,
        PlotFunnelResponse, RankUnitsRequest, RankUnitsResponse, RankedUnit,
        comparison_service_server::ComparisonService,
    },
    names,
};
use tonic::{Request, Response, Status};
use uuid::Uuid;

use super::{definition, importance, index_question, retention};
use crate::{
    measuring::{Measured, Measuring, is_share, share},
    state::{App, id},
};

const MINIMUM_N: i64 = 10;
/// Points of the curve of a funnel.
const CURVE: u64 = 40;

/// The comparison service.
pub struct ComparisonHandler(pub Arc<App>);

type Answer<T> = std::result::Result<Response<T>, Status>;

#[tonic::async_trait]
impl ComparisonService for ComparisonHandler {
    async fn rank_units(&self, request: Request<RankUnitsRequest>) -> Answer<RankUnitsResponse> {
        let (caller, request) = open_request(request)?;
        Ok(Response::new(rank(&self.0, &caller, &request).await?))
    }

    async fn plot_funnel(&self, request: Request<PlotFunnelRequest>) -> Answer<PlotFunnelResponse> {
        let (caller, request) = open_request(request)?;
        Ok(Response::new(funnel(&self.0, &caller, &request).await?))
    }

    async fn map_importance(
        &self,
        request: Request<MapImportanceRequest>,
    ) -> Answer<MapImportanceResponse> {
        let (caller, request) = open_request(request)?;
        Ok(Response::new(importance::map(&self.0, &caller, &request).await?))
    }

    async fn compute_retention(
        &self,
        request: Request<ComputeRetentionRequest>,
    ) -> Answer<ComputeRetentionResponse> {
        let (caller, request) = open_request(request)?;
        Ok(Response::new(retention::compute(&self.0, &caller, &request).await?))
    }
}

/// Reads a measure.
///
/// # Errors
/// INVALID_FIELD for one that names nothing or too much.
pub fn leaf(measure: Option<&IndexLeaf>, field: &str) -> Result<Leaf> {
    measure.and_then(definition::leaf_of).ok_or_else(|| {
        let text = "needs exactly one of `rating`, `question` and `figure`, and what it names";
        ServiceError::invalid(field, text)
    })
}

/// Units directly below `below`, or all branches below it.
///
/// # Errors
/// NOT_FOUND or PERMISSION_DENIED as the caller may see `below`.
pub fn units_below(caller: &Caller, view: &OrgView, below: &str, sites: bool) -> Result<Vec<Uuid>> {
    let unit = id("units", "below", below)?;
    caller.authorize(unit)?;
    let question = IndexQuestion { sites, ..Default::default() };
    let mut units = index_question::units(view, unit, &question)?;
    // The unit itself is no competitor of its parts.
    units.retain(|found| *found != unit || units_is_only(view, unit));
    Ok(units)
}

fn units_is_only(view: &OrgView, unit: Uuid) -> bool {
    view.children(unit).is_empty()
}

/// Name of a unit or member of staff, for showing.
pub fn display_name(view: &OrgView, id: Uuid) -> String {
    let unit = view.unit(id).map(|unit| unit.display_name.clone());
    unit.or_else(|| view.staff(id).map(|staff| staff.display_name.clone())).unwrap_or_default()
}

async fn rank(app: &App, caller: &Caller, request: &RankUnitsRequest) -> Result<RankUnitsResponse> {
    let view = caller.view()?;
    let units = units_below(caller, &view, &request.below, request.sites)?;
    let leaf = leaf(request.measure.as_ref(), "measure")?;
    let confidence = index_question::confidence(request.confidence)?;
    let minimum = match request.minimum_n {
        0 => MINIMUM_N,
        n if n > 0 => i64::from(n),
        _ => return Err(ServiceError::invalid("minimumN", "is negative")),
    };
    let measuring = Measuring {
        leaf,
        units,
        staff_of: None,
        days: index_question::days(&request.from, &request.to)?,
        by_day: false,
        include_distrusted: request.include_distrusted,
    };
    let measured = app.indices.measure(&view, &measuring).await?;
    let ranking = shrunk(&measuring.leaf, &measured.values, minimum, confidence)?;
    Ok(answer(&view, &measuring.units, &measured, ranking, confidence))
}

/// A shrunk value with its interval, in points.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shrunk {
    /// Shrunk towards the mean of all.
    pub value: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// Values shrunk towards their mean, for those with enough answers.
pub struct Ranking {
    /// In the order given.
    pub units: Vec<Option<Shrunk>>,
    mean: Option<f64>,
    between: Option<f64>,
    method: &'static str,
}

/// Shrinks the values of units with at least `minimum` answers.
///
/// # Errors
/// INTERNAL for numbers that cannot be.
pub fn shrunk(leaf: &Leaf, values: &[Value], minimum: i64, confidence: f64) -> Result<Ranking> {
    let enough: Vec<usize> = (0..values.len())
        .filter(|place| values[*place].n >= minimum.max(1) && values[*place].value.is_some())
        .collect();
    let mut units = vec![None; values.len()];
    let internal = |invalid: Invalid| ServiceError::internal(invalid);
    if is_share(leaf) {
        let tallies: Vec<Tally> = enough
            .iter()
            .map(|place| {
                let (successes, n) = share(&values[*place]);
                Tally::new(n, successes)
            })
            .collect::<std::result::Result<_, _>>()
            .map_err(internal)?;
        let found = rank_shares(&tallies, confidence).map_err(internal)?;
        for (place, one) in enough.iter().zip(found.branches.iter().flatten()) {
            let [value, low, high] = [one.shrunk, one.low, one.high].map(|v| v * 100.0);
            units[*place] = Some(Shrunk { value, low, high });
        }
        let between = found.tau2.zip(found.mean).map(|(tau2, m)| tau2 / (m * (1.0 - m)));
        let between = between.filter(|b| b.is_finite()).map(|b| b.clamp(0.0, 1.0));
        let mean = found.mean.map(|mean| mean * 100.0);
        return Ok(Ranking { units, mean, between, method: "eb_share, holm" });
    }
    let means: Vec<PeriodMean> = enough
        .iter()
        .map(|place| {
            let value = &values[*place];
            let n = u64::try_from(value.n).unwrap_or_default();
            let sd = value.variance.map(|variance| (variance * value.n as f64).sqrt());
            PeriodMean::new(n, value.value, sd.or((n > 1).then_some(0.0)))
        })
        .collect::<std::result::Result<_, _>>()
        .map_err(internal)?;
    let found = rank_means(&means, confidence).map_err(internal)?;
    for (place, one) in enough.iter().zip(found.branches.iter().flatten()) {
        let clip = |v: f64| v.clamp(0.0, 100.0);
        let (low, high) = (clip(one.low), clip(one.high));
        units[*place] = Some(Shrunk { value: clip(one.shrunk), low, high });
    }
    // Values that do not vary within units are known exactly.
    if found.branches.is_none() {
        for place in &enough {
            let value = values[*place].value.unwrap_or_default();
            units[*place] = Some(Shrunk { value, low: value, high: value });
        }
    }
    let total = found.tau2.zip(found.within_var);
    let between = total.map(|(tau2, within)| tau2 / (tau2 + within)).filter(|b| b.is_finite());
    Ok(Ranking { units, mean: found.grand_mean, between, method: "eb_mean, holm" })
}

fn answer(
    view: &OrgView,
    units: &[Uuid],
    measured: &Measured,
    ranking: Ranking,
    confidence: f64,
) -> RankUnitsResponse {
    let mut order: Vec<(usize, Shrunk)> = ranking
        .units
        .iter()
        .enumerate()
        .filter_map(|(place, unit)| unit.map(|unit| (place, unit)))
        .collect();
    order.sort_by(|a, b| b.1.value.total_cmp(&a.1.value).then(units[a.0].cmp(&units[b.0])));
    let z = normal_critical(confidence);
    let sorted: Vec<(f64, f64)> =
        order.iter().map(|(_, s)| (s.value, (s.high - s.low) / 2.0 / z)).collect();
    let ranks = shared_ranks(&sorted, 1.0 - confidence);
    let row = |place: usize, rank: usize, shrunk: Option<Shrunk>| RankedUnit {
        unit: names::print("units", units[place]),
        display_name: display_name(view, units[place]),
        rank: i32::try_from(rank).unwrap_or(i32::MAX),
        raw: measured.values[place].value,
        shrunk: shrunk.map(|s| s.value),
        low: shrunk.map(|s| s.low),
        high: shrunk.map(|s| s.high),
        n: measured.values[place].n,
    };
    let rows = order.iter().zip(ranks).map(|((place, s), rank)| row(*place, rank, Some(*s)));
    let excluded = (0..units.len()).filter(|place| ranking.units[*place].is_none());
    RankUnitsResponse {
        rows: rows.collect(),
        excluded: excluded
            .map(|place| {
                // Few answers show no value: it would be read as a rank all the same.
                RankedUnit { raw: None, ..row(place, 0, None) }
            })
            .collect(),
        mean: ranking.mean,
        between_share: ranking.between,
        method: ranking.method.to_owned(),
        watermark: measured.watermark.clone(),
    }
}

async fn funnel(
    app: &App,
    caller: &Caller,
    request: &PlotFunnelRequest,
) -> Result<PlotFunnelResponse> {
    let view = caller.view()?;
    let units = units_below(caller, &view, &request.below, request.sites)?;
    let leaf = leaf(request.measure.as_ref(), "measure")?;
    if !is_share(&leaf) {
        return Err(ServiceError::invalid("measure", "is no share; a funnel needs one"));
    }
    let measuring = Measuring {
        leaf,
        units,
        staff_of: None,
        days: index_question::days(&request.from, &request.to)?,
        by_day: false,
        include_distrusted: false,
    };
    let measured = app.indices.measure(&view, &measuring).await?;
    let shares: Vec<(u64, u64)> = measured
        .values
        .iter()
        .map(|value| if value.value.is_some() { share(value) } else { (0, 0) })
        .collect();
    let watermark = measured.watermark;
    let Some(funnel) = Funnel::of(&shares) else {
        return Ok(PlotFunnelResponse { watermark, ..Default::default() });
    };
    let int = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    let points = measuring.units.iter().zip(&shares).filter(|(_, (_, n))| *n > 0);
    let largest = shares.iter().map(|(_, n)| *n).max().unwrap_or(1);
    let mut sizes: Vec<u64> = (1..=CURVE).map(|step| (largest * step).div_ceil(CURVE)).collect();
    sizes.dedup();
    let limit = |n: &u64| {
        let ((low_95, high_95), (low_998, high_998)) =
            (funnel.limits(*n, 0.95), funnel.limits(*n, 0.998));
        FunnelLimit { n: int(*n), low_95, high_95, low_998, high_998 }
    };
    Ok(PlotFunnelResponse {
        center: Some(funnel.center),
        overdispersion: Some(funnel.overdispersion),
        points: points
            .map(|(unit, (x, n))| FunnelPoint {
                unit: names::print("units", *unit),
                display_name: display_name(&view, *unit),
                n: int(*n),
                share: *x as f64 / *n as f64,
                z: funnel.z(*x, *n).unwrap_or(0.0),
                signal: funnel.signal(*x, *n),
            })
            .collect(),
        curve: sizes.iter().map(limit).collect(),
        watermark,
    })
}
