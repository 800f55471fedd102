//! The importance matrix (重要度矩阵), from derived or stated importance.

use analytics_domain::{
    measures::{
        importance::{
            drivers::Drivers,
            quadrants::{Cut, Item, Quadrant as Place, quadrants},
            relative::{Relative, johnson},
        },
        reason::{Invalid, Reason},
    },
    suppression::RESPONDENTS_MIN,
};
use kit::{
    auth::Caller,
    error::{Result, ServiceError},
};
use proto::analytics::v1::{ImportanceItem, MapImportanceRequest, MapImportanceResponse, Quadrant};
use uuid::Uuid;

use super::estimate;
use crate::{
    indices::{Read, scores},
    state::App,
};

/// Maps importance against performance.
///
/// # Errors
/// NOT_FOUND or PERMISSION_DENIED for the unit, INVALID_FIELD for items that no version knows.
pub async fn map(
    app: &App,
    caller: &Caller,
    request: &MapImportanceRequest,
) -> Result<MapImportanceResponse> {
    if request.stated.is_empty() && request.overall.is_empty() {
        return Err(ServiceError::invalid("overall", "is required unless importance is stated"));
    }
    let (read, questionnaire) =
        estimate::read(app, caller, &request.unit, request.answers.as_ref()).await?;
    if request.stated.is_empty() {
        derived(&read, questionnaire, request)
    } else {
        stated(&read, questionnaire, request)
    }
}

fn derived(
    read: &Read,
    questionnaire: Uuid,
    request: &MapImportanceRequest,
) -> Result<MapImportanceResponse> {
    let mut items = if request.items.is_empty() {
        read.newest(questionnaire).map(estimate::graded).unwrap_or_default()
    } else {
        request.items.clone()
    };
    items.retain(|item| *item != request.overall);
    items.sort();
    items.dedup();
    let all: Vec<String> = std::iter::once(request.overall.clone()).chain(items.clone()).collect();
    estimate::check_items(read, questionnaire, all.iter())?;
    let rows = scores(&read.vectors, &all, &read.versions, questionnaire);
    if estimate::is_hidden(read, &rows) || items.is_empty() {
        let suppressed = !items.is_empty();
        return Ok(MapImportanceResponse { suppressed, ..Default::default() });
    }
    let column = |j: usize| rows.iter().map(|row| row[j]).collect::<Vec<_>>();
    let drivers = items.iter().enumerate().map(|(j, item)| (item.clone(), column(j + 1)));
    let invalid = |e: Invalid| ServiceError::invalid("items", e.to_string());
    let drivers = Drivers::new(column(0), drivers.collect()).map_err(invalid)?;
    let relative: Relative = johnson(&drivers, None).map_err(invalid)?;
    let means = means(read, &rows, all.len());
    let of = |item: &String| relative.share.as_ref().and_then(|all| all.get(item)).copied();
    let placed: Vec<Item> = items
        .iter()
        .enumerate()
        .map(|(j, item)| Item {
            id: item.clone(),
            importance: of(item),
            performance: means[j + 1].value,
        })
        .collect();
    let answer = place(&placed)?;
    Ok(MapImportanceResponse {
        n: i64::try_from(relative.n).unwrap_or(i64::MAX),
        r_squared: relative.r2,
        reason: estimate::reason(relative.reason),
        suppressed: means.iter().any(|mean| mean.hidden),
        ..answer
    })
}

fn stated(
    read: &Read,
    questionnaire: Uuid,
    request: &MapImportanceRequest,
) -> Result<MapImportanceResponse> {
    let all: Vec<String> = request
        .stated
        .iter()
        .flat_map(|pair| [pair.item.clone(), pair.importance.clone()])
        .collect();
    let checked = estimate::check_items(read, questionnaire, all.iter());
    checked.map_err(|_| {
        ServiceError::invalid("stated", "names an item that is no graded one of the questionnaire")
    })?;
    let rows = scores(&read.vectors, &all, &read.versions, questionnaire);
    let means = means(read, &rows, all.len());
    let placed: Vec<Item> = request
        .stated
        .iter()
        .enumerate()
        .map(|(j, pair)| Item {
            id: pair.item.clone(),
            importance: means[2 * j + 1].value,
            performance: means[2 * j].value,
        })
        .collect();
    let answer = place(&placed)?;
    let hidden = means.iter().any(|mean| mean.hidden);
    let complete = rows.iter().filter(|row| row.iter().all(Option::is_some)).count();
    let missing = !hidden && means.iter().any(|mean| mean.value.is_none());
    Ok(MapImportanceResponse {
        n: if hidden { 0 } else { i64::try_from(complete).unwrap_or(i64::MAX) },
        reason: estimate::reason(missing.then_some(Reason::NoData)),
        suppressed: hidden,
        ..answer
    })
}

/// Mean score of an item.
struct Mean {
    value: Option<f64>,
    /// It would tell of fewer than five people who were promised anonymity.
    hidden: bool,
}

fn means(read: &Read, rows: &[Vec<Option<f64>>], items: usize) -> Vec<Mean> {
    let mean = |j: usize| {
        let (mut n, mut sum, mut anonymous) = (0_u64, 0.0, false);
        for (vector, row) in read.vectors.iter().zip(rows) {
            if let Some(score) = row[j] {
                (n, sum, anonymous) = (n + 1, sum + score, anonymous || vector.anonymous);
            }
        }
        let hidden = anonymous && n < RESPONDENTS_MIN;
        Mean { value: (n > 0 && !hidden).then(|| sum / n as f64), hidden }
    };
    (0..items).map(mean).collect()
}

/// Places items in the matrix, by priority.
fn place(placed: &[Item]) -> Result<MapImportanceResponse> {
    let invalid = |e: Invalid| ServiceError::invalid("items", e.to_string());
    let found = quadrants(placed, Cut::Mean).map_err(invalid)?;
    let gain = |item: &Item| Some(item.importance? * (100.0 - item.performance?));
    let mut order: Vec<&Item> = placed.iter().collect();
    order.sort_by(|a, b| {
        gain(b).unwrap_or(-1.0).total_cmp(&gain(a).unwrap_or(-1.0)).then(a.id.cmp(&b.id))
    });
    let item = |(place, item): (usize, &&Item)| ImportanceItem {
        item: item.id.clone(),
        importance: item.importance,
        performance: item.performance,
        quadrant: match found.quadrants.get(&item.id).copied().flatten() {
            None => Quadrant::Unspecified,
            Some(Place::ConcentrateHere) => Quadrant::Improve,
            Some(Place::KeepUp) => Quadrant::Keep,
            Some(Place::LowPriority) => Quadrant::Later,
            Some(Place::PossibleOverkill) => Quadrant::Surplus,
        } as i32,
        priority: i32::try_from(place + 1).unwrap_or(i32::MAX),
    };
    Ok(MapImportanceResponse {
        items: order.iter().enumerate().map(item).collect(),
        importance_cut: found.cut_importance,
        performance_cut: found.cut_performance,
        ..Default::default()
    })
}
