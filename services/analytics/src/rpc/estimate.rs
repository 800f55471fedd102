//! What is estimated from the answers of single responses, and not stored.

use analytics_domain::{
    answer::{Answer, Version},
    index::{definition::ALPHA_MINIMUM_DEFAULT, latent},
    measures::{
        latent::{
            bootstrap::{Bootstrap, bootstrap},
            path_model::{PathModel, path_model},
        },
        reason::{Invalid, Reason},
        reliability::{
            omega::omega,
            split_half::{Split, split_half},
        },
        resample::{Draws, Interval, Resampling},
    },
    suppression::RESPONDENTS_MIN,
};
use kit::{
    auth::Caller,
    error::{Result, ServiceError},
};
use proto::{
    analytics::v1::{
        AnswerSelection, Construct, ConstructItems, ConstructValue, EstimateLatentIndexRequest,
        EstimateLatentIndexResponse, EstimateReliabilityRequest, EstimateReliabilityResponse,
        ItemLoading, PathValue,
    },
    names,
};
use uuid::Uuid;

use super::{answer::joined, index_answer, index_question};
use crate::{
    computing,
    indices::{Block, Read, Wanted, of_items, scores},
    state::{App, id},
    store::{questionnaires, vectors::Vector},
};

const RESAMPLES_MAX: i32 = 5_000;
const INTERVAL_RESAMPLES_MAX: i32 = 1_000;
const CONFIDENCE: f64 = 0.95;

/// Reads the answers of a selection about a unit that the caller may see.
///
/// # Errors
/// NOT_FOUND or PERMISSION_DENIED for the unit, INVALID_FIELD for dates.
pub async fn read(
    app: &App,
    caller: &Caller,
    unit: &str,
    selection: Option<&AnswerSelection>,
) -> Result<(Read, Uuid)> {
    let wanted = wanted(caller, unit, selection)?;
    let view = caller.view()?;
    Ok((app.indices.read_answers(&view, &wanted).await?, wanted.questionnaire))
}

/// Which answers are meant, about a unit that the caller may see.
///
/// # Errors
/// NOT_FOUND or PERMISSION_DENIED for the unit, INVALID_FIELD for dates.
pub fn wanted(caller: &Caller, unit: &str, selection: Option<&AnswerSelection>) -> Result<Wanted> {
    let unit = id("units", "unit", unit)?;
    caller.authorize(unit)?;
    let selection = selection.cloned().unwrap_or_default();
    let questionnaire = id("questionnaires", "answers.questionnaire", &selection.questionnaire)?;
    let campaigns = selection.campaigns.iter().filter_map(|c| names::parse("campaigns", c));
    Ok(Wanted {
        unit,
        questionnaire,
        versions: selection.versions.clone(),
        days: index_question::days(&selection.from, &selection.to)?,
        campaigns: campaigns.collect(),
        include_suspect: selection.include_distrusted,
    })
}

/// The versions that are meant, ascending.
///
/// # Errors
/// If the database does not answer.
pub async fn versions(app: &App, caller: &Caller, wanted: &Wanted) -> Result<Vec<Version>> {
    let all = questionnaires::load(app.db.read(), caller.org).await?;
    let meant = |number: i32| wanted.versions.is_empty() || wanted.versions.contains(&number);
    let of = all.into_iter();
    let of = of.filter(|((of, number), _)| *of == wanted.questionnaire && meant(*number));
    Ok(of.map(|(_, version)| version).collect())
}

/// Graded items of a version that are not parts of pairs.
pub fn graded(version: &Version) -> Vec<String> {
    let of_pair = |id: &str| ["/expected", "/perceived"].iter().any(|side| id.ends_with(side));
    let graded = version.items.iter().filter(|i| i.scale.is_some() && !of_pair(&i.id));
    graded.map(|item| item.id.clone()).collect()
}

/// A reason as the contract writes it, such as `n_too_small`; empty for none.
pub fn reason(reason: Option<Reason>) -> String {
    let text = reason.and_then(|reason| serde_json::to_value(reason).ok());
    text.and_then(|text| text.as_str().map(str::to_owned)).unwrap_or_default()
}

/// Whether fewer than five complete responses include one that was promised anonymity.
pub fn is_hidden(read: &Read, rows: &[Vec<Option<f64>>]) -> bool {
    let complete = read.vectors.iter().zip(rows).filter(|(_, r)| r.iter().all(Option::is_some));
    let (n, anonymous) =
        complete.fold((0, false), |(n, any), (vector, _)| (n + 1, any || vector.anonymous));
    anonymous && n < RESPONDENTS_MIN
}

/// Reliability of a block.
///
/// # Errors
/// INVALID_FIELD for items that no version knows.
pub async fn reliability(
    app: &App,
    caller: &Caller,
    request: &EstimateReliabilityRequest,
) -> Result<EstimateReliabilityResponse> {
    if !(0..=INTERVAL_RESAMPLES_MAX).contains(&request.bootstrap_resamples) {
        return Err(ServiceError::invalid("bootstrapResamples", "is not between 0 and 1000"));
    }
    let (read, questionnaire) = read(app, caller, &request.unit, request.answers.as_ref()).await?;
    let items = if request.items.is_empty() {
        read.newest(questionnaire).map(graded).unwrap_or_default()
    } else {
        check_items(&read, questionnaire, request.items.iter())?;
        request.items.clone()
    };
    let rows = scores(&read.vectors, &items, &read.versions, questionnaire);
    let alpha = of_items(&read.vectors, &items, &read.versions, questionnaire, CONFIDENCE);
    let suppressed = is_hidden(&read, &rows);
    let passes = alpha.as_ref().and_then(|a| a.alpha).is_some_and(|a| a >= ALPHA_MINIMUM_DEFAULT);
    let block = Block { node: String::new(), questionnaire, items, alpha, passes };
    let mut answer = EstimateReliabilityResponse {
        block: Some(index_answer::block(&block)),
        suppressed,
        watermark: read.mark.position,
        ..Default::default()
    };
    if suppressed {
        return Ok(answer);
    }
    let count = usize::try_from(request.bootstrap_resamples).unwrap_or_default();
    let seed = request.seed.cast_unsigned();
    let how = (count > 0).then_some(Resampling { count, seed, confidence: CONFIDENCE });
    let found = computing::compute(move || {
        (omega(&rows, how).ok(), split_half(&rows, Split::OddEven, how).ok())
    });
    let (omega, split) = found.await?;
    answer.omega = omega.as_ref().and_then(|found| found.omega);
    answer.split_half = split.as_ref().and_then(|found| found.spearman_brown);
    let ends = |interval: Option<Interval>| interval.map_or((None, None), |i| (i.low, i.high));
    (answer.omega_low, answer.omega_high) = ends(omega.and_then(|found| found.omega_ci));
    (answer.split_half_low, answer.split_half_high) =
        ends(split.and_then(|found| found.spearman_brown_ci));
    Ok(answer)
}

/// Checks that items are graded items of some version.
///
/// # Errors
/// INVALID_FIELD otherwise.
pub fn check_items<'a>(
    read: &Read,
    questionnaire: Uuid,
    items: impl Iterator<Item = &'a String>,
) -> Result<()> {
    let of = |id: &String| {
        let versions = read.versions.values().filter(|v| v.questionnaire == questionnaire);
        let found = versions.filter_map(|version| version.item(id));
        found.into_iter().any(|item| item.scale.is_some())
    };
    for (index, item) in items.enumerate() {
        if !of(item) {
            let text = "is no graded item of the questionnaire";
            return Err(ServiceError::invalid(format!("items[{index}]"), text));
        }
    }
    Ok(())
}

/// The six-construct model.
///
/// # Errors
/// INVALID_FIELD for constructs without items and items that no version knows.
pub async fn latent_index(
    app: &App,
    caller: &Caller,
    request: &EstimateLatentIndexRequest,
) -> Result<EstimateLatentIndexResponse> {
    let resamples = request.bootstrap_resamples;
    if !(0..=RESAMPLES_MAX).contains(&resamples) {
        return Err(ServiceError::invalid("bootstrapResamples", "is not between 0 and 5000"));
    }
    let (read, questionnaire) = read(app, caller, &request.unit, request.answers.as_ref()).await?;
    let blocks = constructs(&read, questionnaire, &request.constructs)?;
    let items: Vec<String> = blocks.iter().flat_map(|(_, items)| items.clone()).collect();
    check_items(&read, questionnaire, items.iter())?;
    let rows = scores(&read.vectors, &items, &read.versions, questionnaire);
    let complete = rows.iter().filter(|row| row.iter().all(Option::is_some)).count();
    let mut answer = EstimateLatentIndexResponse {
        n: count(complete),
        n_dropped: count(rows.len() - complete),
        watermark: read.mark.position.clone(),
        joined_versions: read.joined(questionnaire, &items).iter().map(joined).collect(),
        suppressed: is_hidden(&read, &rows),
        ..Default::default()
    };
    if answer.suppressed {
        (answer.n, answer.n_dropped) = (0, 0);
        return Ok(answer);
    }
    let seed = request.seed.cast_unsigned();
    let fit = computing::compute(move || {
        let columns = items.into_iter().enumerate();
        let data: Vec<(String, Vec<Option<f64>>)> =
            columns.map(|(j, item)| (item, rows.iter().map(|row| row[j]).collect())).collect();
        fit(&data, blocks, usize::try_from(resamples).unwrap_or_default(), seed)
    });
    let fitted = fit.await?;
    let (blocks, model, spread) =
        fitted.map_err(|invalid| ServiceError::invalid("constructs", invalid.to_string()))?;
    describe(&mut answer, &blocks, &model, spread.as_ref());
    Ok(answer)
}

type Blocks = Vec<(latent::Construct, Vec<String>)>;
type Data = [(String, Vec<Option<f64>>)];

fn fit(
    data: &Data,
    blocks: Blocks,
    resamples: usize,
    seed: u64,
) -> std::result::Result<(Blocks, PathModel, Option<Bootstrap>), Invalid> {
    let (model, options) = (latent::model(&blocks), latent::options());
    let found = path_model(data, &model, &options)?;
    let spread = if resamples > 0 && found.reason.is_none() {
        let draws = Draws::Seeded { count: resamples, seed };
        Some(bootstrap(data, &model, &options, draws, CONFIDENCE)?)
    } else {
        None
    };
    Ok((blocks, found, spread))
}

fn constructs(read: &Read, questionnaire: Uuid, given: &[ConstructItems]) -> Result<Blocks> {
    let mut blocks = Blocks::new();
    for construct in latent::Construct::ALL {
        let items: Vec<String> = if given.is_empty() {
            of_section(read, questionnaire, construct.name())
        } else {
            let wanted = to_proto(construct);
            let of = given.iter().filter(|given| given.construct() == wanted);
            of.flat_map(|given| given.items.clone()).collect()
        };
        if items.is_empty() {
            let text = format!("has no graded item for `{}`", construct.name());
            return Err(ServiceError::invalid("constructs", text));
        }
        blocks.push((construct, items));
    }
    Ok(blocks)
}

/// Graded items of a section. One that fewer than half of those answered who answered another
/// is only for some people; since respondents without an item are left out, it would leave
/// nobody but these.
fn of_section(read: &Read, questionnaire: Uuid, section: &str) -> Vec<String> {
    let items = read.newest(questionnaire).into_iter().flat_map(|v| &v.items);
    let of = items.filter(|i| i.section == section && i.scale.is_some());
    let answered = |item: &str| {
        let given = |vector: &&Vector| matches!(vector.answers.get(item), Some(Answer::Grade(_)));
        read.vectors.iter().filter(given).count()
    };
    let counted: Vec<(String, usize)> =
        of.map(|item| (item.id.clone(), answered(&item.id))).collect();
    let most = counted.iter().map(|(_, count)| *count).max().unwrap_or_default();
    counted.into_iter().filter(|(_, n)| n * 2 >= most).map(|(item, _)| item).collect()
}

fn describe(
    answer: &mut EstimateLatentIndexResponse,
    blocks: &Blocks,
    model: &PathModel,
    spread: Option<&Bootstrap>,
) {
    answer.reason = reason(model.reason);
    let index_spread = |name: &str| spread?.index.as_ref()?.get(name);
    for (construct, items) in blocks {
        let name = construct.name();
        let loading = |item: &String| ItemLoading {
            item: item.clone(),
            loading: model.loadings.as_ref().and_then(|all| all.get(item)).copied(),
            weight: model.index_weights.as_ref().and_then(|all| all.get(item)).copied().flatten(),
        };
        answer.constructs.push(ConstructValue {
            construct: to_proto(*construct) as i32,
            index: model.index.as_ref().and_then(|all| all.get(name)).copied().flatten(),
            low: index_spread(name).and_then(|spread| spread.ci_low),
            high: index_spread(name).and_then(|spread| spread.ci_high),
            r_squared: model.r2.as_ref().and_then(|all| all.get(name)).copied(),
            items: items.iter().map(loading).collect(),
        });
    }
    let construct =
        |name: &str| latent::Construct::of(name).map_or(0, |found| to_proto(found) as i32);
    for (place, path) in model.paths.iter().flatten().enumerate() {
        let spread = spread.and_then(|spread| spread.paths.as_ref()?.get(place));
        answer.paths.push(PathValue {
            from: construct(&path.from),
            to: construct(&path.to),
            coefficient: Some(path.coef),
            low: spread.and_then(|spread| spread.ci_low),
            high: spread.and_then(|spread| spread.ci_high),
        });
    }
}

fn to_proto(construct: latent::Construct) -> Construct {
    match construct {
        latent::Construct::Expectations => Construct::Expectations,
        latent::Construct::Quality => Construct::Quality,
        latent::Construct::Value => Construct::Value,
        latent::Construct::Satisfaction => Construct::Satisfaction,
        latent::Construct::Complaints => Construct::Complaints,
        latent::Construct::Loyalty => Construct::Loyalty,
    }
}

fn count(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}
