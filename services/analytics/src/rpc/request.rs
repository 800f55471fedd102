//! Reads requests for figures.

use analytics_domain::{
    period::{Bound, Compare},
    plan::Group,
};
use kit::error::{Result, ServiceError};
use proto::{
    analytics::v1::{
        self as api, CompareWith, FigureFilter, FigureSource, GroupBy, QueryFiguresRequest,
    },
    device::v1::Channel,
    names,
    survey::v1::ResponseChannel,
    validate::Violation,
};
use uuid::Uuid;

use crate::{
    figures::{Filter, Question, ROWS_MAX},
    store::placements::Tree,
};

const ROWS_DEFAULT: usize = 1_000;
const CONFIDENCE_DEFAULT: f64 = 0.95;

/// The question that a request asks. The names in it were checked for their form before.
///
/// # Errors
/// INVALID_FIELD with all violations.
pub fn question(request: &QueryFiguresRequest) -> Result<Question> {
    let mut bad = Vec::new();
    let from = bound("from", &request.from, &mut bad);
    let to = bound("to", &request.to, &mut bad);
    let groups = groups(request, &mut bad);
    let of_answers = request.source() == FigureSource::Questionnaires;
    let filter = filter(request.filter.as_ref(), of_answers, &mut bad);
    let confidence =
        if request.confidence == 0.0 { CONFIDENCE_DEFAULT } else { request.confidence };
    if !(confidence > 0.5 && confidence < 1.0) {
        bad.push(violation("confidence", "is not between 0.5 and 1"));
    }
    let row_limit = match usize::try_from(request.row_limit) {
        Ok(0) => ROWS_DEFAULT,
        Ok(limit) if limit <= ROWS_MAX => limit,
        _ => {
            bad.push(violation("rowLimit", "is not between 1 and 10000"));
            ROWS_DEFAULT
        }
    };
    let compare = match request.compare_with() {
        CompareWith::Unspecified => None,
        CompareWith::PreviousPeriod => Some(Compare::Previous),
        CompareWith::SamePeriodLastYear => Some(Compare::LastYear),
    };
    let unit = unit("unit", &request.unit)?;
    let (Some(from), Some(to), true) = (from, to, bad.is_empty()) else {
        return Err(ServiceError::invalid_fields(bad));
    };
    let time_zone = request.time_zone.clone();
    let (earlier, seen, tree) = (None, Vec::new(), tree(request.tree()));
    Ok(Question {
        unit,
        from,
        to,
        time_zone,
        groups,
        compare,
        earlier,
        filter,
        confidence,
        row_limit,
        tree,
        seen,
    })
}

/// The tree that a request names.
pub fn tree(tree: api::Tree) -> Tree {
    match tree {
        api::Tree::Unspecified | api::Tree::AsOfService => Tree::AsOfService,
        api::Tree::Present => Tree::Present,
    }
}

/// The unit of a request.
pub fn unit(field: &str, name: &str) -> Result<Uuid> {
    kit::name::id("units", field, name)
}

/// The group of the domain.
pub fn group(group: GroupBy) -> Option<Group> {
    Some(match group {
        GroupBy::Unspecified => return None,
        GroupBy::Unit => Group::Unit,
        GroupBy::Window => Group::Window,
        GroupBy::Staff => Group::Staff,
        GroupBy::BusinessType => Group::BusinessType,
        GroupBy::Channel => Group::Channel,
        GroupBy::Item => Group::Item,
        GroupBy::Hour => Group::Hour,
        GroupBy::Day => Group::Day,
        GroupBy::Week => Group::Week,
        GroupBy::Month => Group::Month,
        GroupBy::WeekdayHour => Group::WeekdayHour,
        GroupBy::CustomerClass => Group::CustomerClass,
        GroupBy::Questionnaire => Group::Questionnaire,
        GroupBy::Version => Group::Version,
        GroupBy::Campaign => Group::Campaign,
        GroupBy::Option => Group::Choice,
    })
}

fn bound(field: &str, text: &str, bad: &mut Vec<Violation>) -> Option<Bound> {
    Bound::parse(text).map_err(|error| bad.push(violation(field, error.to_string()))).ok()
}

fn groups(request: &QueryFiguresRequest, bad: &mut Vec<Violation>) -> Vec<Group> {
    let mut groups = Vec::new();
    for (index, asked) in request.group_by().enumerate() {
        match group(asked) {
            Some(group) if !groups.contains(&group) => groups.push(group),
            Some(_) => {}
            None => bad.push(violation(format!("groupBy[{index}]"), "is not set")),
        }
    }
    groups
}

/// The number of a channel of ratings, or of answers, by its name.
pub fn channel(name: &str, of_answers: bool) -> Option<i16> {
    let number = if of_answers {
        ResponseChannel::from_str_name(name).map(|channel| channel as i32)
    } else {
        Channel::from_str_name(name).map(|channel| channel as i32)
    };
    number.filter(|number| *number != 0).and_then(|number| i16::try_from(number).ok())
}

/// Fields that only the other source knows.
fn check_source(filter: &FigureFilter, of_answers: bool, bad: &mut Vec<Violation>) {
    let fields = [
        ("filter.windows", filter.windows.is_empty(), true),
        ("filter.businessTypes", filter.business_types.is_empty(), true),
        ("filter.templates", filter.templates.is_empty(), true),
        ("filter.questionnaires", filter.questionnaires.is_empty(), false),
        ("filter.versions", filter.versions.is_empty(), false),
        ("filter.customerClasses", filter.customer_classes.is_empty(), false),
        ("filter.campaigns", filter.campaigns.is_empty(), false),
    ];
    for (field, empty, of_ratings) in fields {
        if !empty && of_ratings == of_answers {
            let source = if of_answers { "questionnaires" } else { "ratings" };
            bad.push(violation(field, format!("is no filter of {source}")));
        }
    }
    if !filter.versions.is_empty() && filter.questionnaires.len() != 1 {
        bad.push(violation("filter.versions", "needs exactly one questionnaire"));
    }
}

fn filter(filter: Option<&FigureFilter>, of_answers: bool, bad: &mut Vec<Violation>) -> Filter {
    let Some(filter) = filter else { return Filter::default() };
    check_source(filter, of_answers, bad);
    let mut channels = Vec::new();
    for (index, name) in filter.channels.iter().enumerate() {
        match channel(name, of_answers) {
            Some(channel) => channels.push(channel),
            None => {
                bad.push(violation(format!("filter.channels[{index}]"), "is no channel"));
            }
        }
    }
    let ids = |collection: &str, names: &[String]| {
        let mut ids: Vec<Uuid> =
            names.iter().filter_map(|name| names::parse(collection, name)).collect();
        ids.sort_unstable();
        ids.dedup();
        ids
    };
    Filter {
        windows: ids("units", &filter.windows),
        staff: ids("staff", &filter.staff),
        business_types: filter.business_types.clone(),
        channels,
        templates: ids("templates", &filter.templates),
        item: filter.item.clone(),
        include_distrusted: filter.include_distrusted,
        questionnaires: ids("questionnaires", &filter.questionnaires),
        versions: filter.versions.clone(),
        customer_classes: ids("customerClasses", &filter.customer_classes),
        campaigns: ids("campaigns", &filter.campaigns),
    }
}

fn violation(field: impl Into<String>, description: impl Into<String>) -> Violation {
    Violation { field: field.into(), description: description.into() }
}
