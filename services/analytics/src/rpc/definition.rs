//! Definitions of indices as messages of the contract.

use analytics_domain::index::{
    check::{self, Tree},
    definition::{
        ALPHA_MINIMUM_DEFAULT, Definition, Filter, Judgement, Leaf, MINIMUM_N_DEFAULT, Measure,
        Method, Node, NodeMethod, Problem, ServiceFigure, Statistic, Weighting,
    },
    weights::{self, CONSISTENCY_MAX, judged},
};
use kit::error::{Result, ServiceError};
use proto::{
    analytics::v1::{self as api, LeafStatistic, WeightMethod},
    names,
    survey::v1::ResponseChannel,
    validate::Violation,
};
use uuid::Uuid;

use super::request::channel;

/// Reads and checks a definition.
///
/// # Errors
/// INVALID_FIELD with everything that is wrong.
pub fn of_proto(message: &api::IndexDefinition) -> Result<(Definition, Tree)> {
    let mut problems = Vec::new();
    let nodes = message.nodes.iter().enumerate();
    let definition = Definition {
        title: message.title.clone(),
        nodes: nodes.map(|(index, node)| node_of(index, node, &mut problems)).collect(),
        weightings: message
            .weightings
            .iter()
            .enumerate()
            .map(|(index, weighting)| weighting_of(index, weighting, &mut problems))
            .collect(),
        class_weights: message
            .class_weights
            .iter()
            .map(|w| (parse("customerClasses", &w.customer_class), w.weight))
            .collect(),
        filter: filter_of(message.filter.as_ref(), &mut problems),
        minimum_n: match message.minimum_n {
            0 => MINIMUM_N_DEFAULT,
            n => u32::try_from(n).unwrap_or_default(),
        },
        alpha_minimum: match message.alpha_minimum {
            0.0 => ALPHA_MINIMUM_DEFAULT,
            alpha => alpha,
        },
    };
    match check::check(&definition) {
        Ok(tree) if problems.is_empty() => Ok((definition, tree)),
        Ok(_) => Err(invalid(problems)),
        Err(found) => Err(invalid(problems.into_iter().chain(found))),
    }
}

fn invalid(problems: impl IntoIterator<Item = Problem>) -> ServiceError {
    let violations = problems.into_iter().take(100).map(|problem| Violation {
        field: format!("definition.{}", problem.field),
        description: problem.text,
    });
    ServiceError::invalid_fields(violations.collect())
}

/// Nil for an empty name; the form of others was checked before.
fn parse(collection: &str, name: &str) -> Uuid {
    names::parse(collection, name).unwrap_or_default()
}

fn ids(collection: &str, names: &[String]) -> Vec<Uuid> {
    let mut ids: Vec<Uuid> = names.iter().map(|name| parse(collection, name)).collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

fn node_of(index: usize, node: &api::IndexNode, problems: &mut Vec<Problem>) -> Node {
    let leaf = node.leaf.as_ref().and_then(|leaf| {
        let found = leaf_of(leaf);
        if found.is_none() {
            let text = "needs exactly one of `rating`, `question` and `figure`, and what it names";
            problems.push(Problem::new(format!("nodes[{index}].leaf"), text));
        }
        found
    });
    let (id, parent) = (node.id.clone(), node.parent.clone());
    Node { id, parent, title: node.title.clone(), leaf }
}

/// Reads a leaf; `None` if it does not name exactly one thing to measure.
pub fn leaf_of(leaf: &api::IndexLeaf) -> Option<Leaf> {
    let measure = match (&leaf.rating, &leaf.question, &leaf.figure) {
        (Some(rating), None, None) => Measure::Rating {
            templates: ids("templates", &rating.templates),
            item: rating.item.clone(),
            statistic: statistic(rating.statistic()),
        },
        (None, Some(question), None) => Measure::Question {
            questionnaire: names::parse("questionnaires", &question.questionnaire)?,
            item: question.item.clone(),
            statistic: statistic(question.statistic()),
        },
        (None, None, Some(figure)) => Measure::Figure {
            figure: match figure.figure() {
                api::ServiceFigure::Unspecified => return None,
                api::ServiceFigure::Coverage => ServiceFigure::Coverage,
                api::ServiceFigure::PromptRate => ServiceFigure::PromptRate,
                api::ServiceFigure::ServiceS => ServiceFigure::ServiceS,
                api::ServiceFigure::WaitingS => ServiceFigure::WaitingS,
                api::ServiceFigure::NoShow => ServiceFigure::NoShow,
            },
            worst: figure.worst,
            best: figure.best,
        },
        _ => return None,
    };
    let mut scores: Vec<(i32, f64)> =
        leaf.scores.iter().map(|score| (score.grade, score.score_0_100)).collect();
    scores.sort_by_key(|(grade, _)| *grade);
    Some(Leaf { measure, scores })
}

fn statistic(statistic: LeafStatistic) -> Statistic {
    match statistic {
        LeafStatistic::Unspecified | LeafStatistic::MeanScore => Statistic::MeanScore,
        LeafStatistic::Satisfied => Statistic::Satisfied,
        LeafStatistic::NotBad => Statistic::NotBad,
        LeafStatistic::Csd => Statistic::Csd,
    }
}

fn weighting_of(
    index: usize,
    weighting: &api::Weighting,
    problems: &mut Vec<Problem>,
) -> Weighting {
    let mut method = |given: WeightMethod, field: String| match given {
        WeightMethod::Unspecified => {
            problems.push(Problem::new(format!("weightings[{index}].{field}"), "is required"));
            Method::Equal
        }
        WeightMethod::Direct => Method::Direct,
        WeightMethod::Ahp => Method::Ahp,
        WeightMethod::Entropy => Method::Entropy,
        WeightMethod::Derived => Method::Derived,
        WeightMethod::Equal => Method::Equal,
    };
    let own = weighting.node_methods.iter().enumerate().map(|(place, own)| NodeMethod {
        node: own.node.clone(),
        method: method(own.method(), format!("nodeMethods[{place}].method")),
        evidence: own.evidence.clone(),
    });
    let node_methods = own.collect();
    let judgement = |judgement: &api::AhpJudgement| Judgement {
        node: judgement.node.clone(),
        children: judgement.children.clone(),
        ratios: judgement.ratios.clone(),
    };
    Weighting {
        id: weighting.id.clone(),
        method: method(weighting.method(), "method".to_owned()),
        weights: weighting.weights.iter().map(|w| (w.node.clone(), w.weight)).collect(),
        judgements: weighting.judgements.iter().map(judgement).collect(),
        evidence: weighting.evidence.clone(),
        node_methods,
    }
}

fn filter_of(filter: Option<&api::IndexFilter>, problems: &mut Vec<Problem>) -> Filter {
    let Some(filter) = filter else { return Filter::default() };
    let mut channels = Vec::new();
    for (index, name) in filter.channels.iter().enumerate() {
        match channel(name, true) {
            Some(channel) => channels.push(channel),
            None => {
                problems.push(Problem::new(format!("filter.channels[{index}]"), "is no channel"));
            }
        }
    }
    channels.sort_unstable();
    channels.dedup();
    Filter {
        include_distrusted: filter.include_distrusted,
        channels,
        campaigns: ids("campaigns", &filter.campaigns),
    }
}

/// A checked definition with the weights that it uses.
pub fn to_proto(definition: &Definition, tree: &Tree) -> api::IndexDefinition {
    api::IndexDefinition {
        title: definition.title.clone(),
        nodes: definition.nodes.iter().map(node_to).collect(),
        weightings: definition
            .weightings
            .iter()
            .map(|weighting| weighting_to(definition, tree, weighting))
            .collect(),
        class_weights: definition
            .class_weights
            .iter()
            .map(|(class, weight)| api::IndexClassWeight {
                customer_class: name("customerClasses", *class),
                weight: *weight,
            })
            .collect(),
        filter: Some(api::IndexFilter {
            include_distrusted: definition.filter.include_distrusted,
            channels: definition
                .filter
                .channels
                .iter()
                .map(|number| {
                    let channel = ResponseChannel::try_from(i32::from(*number));
                    channel.unwrap_or_default().as_str_name().to_owned()
                })
                .collect(),
            campaigns: names_of("campaigns", &definition.filter.campaigns),
        }),
        minimum_n: i32::try_from(definition.minimum_n).unwrap_or(i32::MAX),
        alpha_minimum: definition.alpha_minimum,
    }
}

fn name(collection: &str, id: Uuid) -> String {
    if id.is_nil() { String::new() } else { names::print(collection, id) }
}

fn names_of(collection: &str, ids: &[Uuid]) -> Vec<String> {
    ids.iter().map(|id| names::print(collection, *id)).collect()
}

fn node_to(node: &Node) -> api::IndexNode {
    api::IndexNode {
        id: node.id.clone(),
        parent: node.parent.clone(),
        title: node.title.clone(),
        leaf: node.leaf.as_ref().map(leaf_to),
    }
}

/// A leaf as the contract shows it.
pub fn leaf_to(leaf: &Leaf) -> api::IndexLeaf {
    let scores = leaf.scores.iter();
    let scores =
        scores.map(|(grade, score)| api::GradeScore { grade: *grade, score_0_100: *score });
    let mut message = api::IndexLeaf { scores: scores.collect(), ..Default::default() };
    match &leaf.measure {
        Measure::Rating { templates, item, statistic } => {
            message.rating = Some(api::RatingLeaf {
                templates: names_of("templates", templates),
                item: item.clone(),
                statistic: statistic_to(*statistic) as i32,
            });
        }
        Measure::Question { questionnaire, item, statistic } => {
            message.question = Some(api::QuestionLeaf {
                questionnaire: names::print("questionnaires", *questionnaire),
                item: item.clone(),
                statistic: statistic_to(*statistic) as i32,
            });
        }
        Measure::Figure { figure, worst, best } => {
            let figure = match figure {
                ServiceFigure::Coverage => api::ServiceFigure::Coverage,
                ServiceFigure::PromptRate => api::ServiceFigure::PromptRate,
                ServiceFigure::ServiceS => api::ServiceFigure::ServiceS,
                ServiceFigure::WaitingS => api::ServiceFigure::WaitingS,
                ServiceFigure::NoShow => api::ServiceFigure::NoShow,
            };
            message.figure =
                Some(api::FigureLeaf { figure: figure as i32, worst: *worst, best: *best });
        }
    }
    message
}

fn statistic_to(statistic: Statistic) -> LeafStatistic {
    match statistic {
        Statistic::MeanScore => LeafStatistic::MeanScore,
        Statistic::Satisfied => LeafStatistic::Satisfied,
        Statistic::NotBad => LeafStatistic::NotBad,
        Statistic::Csd => LeafStatistic::Csd,
    }
}

fn method_to(method: Method) -> i32 {
    let method = match method {
        Method::Direct => WeightMethod::Direct,
        Method::Ahp => WeightMethod::Ahp,
        Method::Entropy => WeightMethod::Entropy,
        Method::Derived => WeightMethod::Derived,
        Method::Equal => WeightMethod::Equal,
    };
    method as i32
}

fn weighting_to(definition: &Definition, tree: &Tree, weighting: &Weighting) -> api::Weighting {
    let own = weighting.node_methods.iter().map(|own| api::NodeMethod {
        node: own.node.clone(),
        method: method_to(own.method),
        evidence: own.evidence.clone(),
    });
    let mut shown = Vec::new();
    for (children, used) in tree.children.iter().zip(weights::of(definition, tree, weighting)) {
        for (child, weight) in children.iter().zip(used.given().unwrap_or_default()) {
            let (node, weight) = (definition.nodes[*child].id.clone(), *weight);
            shown.push(api::NodeWeight { node, weight });
        }
    }
    api::Weighting {
        id: weighting.id.clone(),
        method: method_to(weighting.method),
        weights: shown,
        judgements: weighting.judgements.iter().map(judgement_to).collect(),
        evidence: weighting.evidence.clone(),
        node_methods: own.collect(),
    }
}

fn judgement_to(judgement: &Judgement) -> api::AhpJudgement {
    let found = judged(judgement);
    let repair = found.as_ref().and_then(|ahp| ahp.repairs.first());
    let hint = repair.map(|repair| {
        let (i, j) = (&judgement.children[repair.i], &judgement.children[repair.j]);
        format!(
            "{i} to {j} was judged {:.3}; the other judgements imply {:.3}; with {:.3} the ratio \
             of consistency would be {:.3}",
            repair.given, repair.implied, repair.suggested, repair.cr
        )
    });
    api::AhpJudgement {
        node: judgement.node.clone(),
        children: judgement.children.clone(),
        ratios: judgement.ratios.clone(),
        consistency_ratio: found.and_then(|ahp| ahp.cr).unwrap_or_default(),
        repair_hint: hint.unwrap_or_default(),
    }
}

/// What of a definition deserves attention.
pub fn remarks(message: &api::IndexDefinition) -> Vec<String> {
    let mut remarks = Vec::new();
    for weighting in &message.weightings {
        for judgement in &weighting.judgements {
            if judgement.consistency_ratio >= CONSISTENCY_MAX {
                remarks.push(format!(
                    "weighting {}: the judgements below {} have a ratio of consistency of {:.3}; \
                     below 0.1 they would agree well enough. {}",
                    weighting.id,
                    judgement.node,
                    judgement.consistency_ratio,
                    judgement.repair_hint
                ));
            }
        }
    }
    remarks
}
