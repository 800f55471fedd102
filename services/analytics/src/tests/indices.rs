//! Indices through the service's own door: definitions, runs, weightings, publications and
//! estimates, on every database.

mod definitions;
mod estimates;
mod honesty;
mod options;
mod publications;
mod runs;

use analytics_domain::{
    answer::{Answer as Given, Response},
    fact::Grade,
};
use kit::{
    error::ServiceError,
    feed::Consumer as _,
    rpc::{Chan, bearer},
};
use proto::{
    analytics::v1::{
        self as api, AnswerSelection, CompareWeightingsRequest, Construct,
        CorrectPublicationRequest, CreateIndexRequest, CreateIndexVersionRequest,
        CreatePublicationRequest, EstimateLatentIndexRequest, EstimateReliabilityRequest,
        FigureLeaf, GetIndexRequest, GetIndexRunRequest, GetPublicationRequest, Index,
        IndexDefinition, IndexLeaf, IndexNode, IndexQuestion, IndexRun, LeafStatistic,
        ListIndexRunsRequest, ListIndicesRequest, ListPublicationsRequest, NodeWeight, PeriodKind,
        PublicationState, QuestionLeaf, RatingLeaf, ReliabilityBand, RunIndexRequest,
        ServiceFigure, SignPublicationRequest, WeightMethod, Weighting,
        index_service_client::IndexServiceClient,
        publication_service_client::PublicationServiceClient,
    },
    common::v1::{Permission, Reason},
    names,
    survey::v1::{Event, Item, VersionItems, event::Change as Kind},
};
use tonic::Code;
use uuid::Uuid;

use super::{
    model::Random,
    service::{rating, served},
    survey::{QUESTIONNAIRE, change, group, response},
    world::World,
};

/// A questionnaire with a section for each construct, two items each, and a pair.
fn version(world: &World) -> Event {
    let mut items = Vec::new();
    for construct in ["expectations", "quality", "value", "satisfaction", "complaints", "loyalty"] {
        for number in 1..=2 {
            items.push((format!("{construct}{number}"), construct.to_owned()));
        }
    }
    for side in ["expected", "perceived"] {
        items.push((format!("pair/{side}"), String::new()));
    }
    let items = items.into_iter().map(|(id, section)| Item {
        id,
        section,
        grade_min: 1,
        grade_max: 10,
        scores_0_100: (0..10).map(|g| f64::from(g) * 100.0 / 9.0).collect(),
        satisfied_grades: vec![8, 9, 10],
        bad_grades: vec![1, 2, 3],
        ..Default::default()
    });
    let version = VersionItems {
        questionnaire: names::print("questionnaires", QUESTIONNAIRE),
        version: 1,
        items: items.collect(),
        hash: "six".to_owned(),
        ..Default::default()
    };
    let organisation = names::print("organisations", world.org.org);
    Event { organisation, change: Some(Kind::Version(version)) }
}

/// A response whose answers hang together, about a branch.
fn filled(world: &World, random: &mut Random, branch: usize) -> Response {
    let mut one = response(world, random);
    one.time_us = world.now_us() - 3_600_000_000;
    one.place.version = 1;
    (one.place.site, one.place.unit) = (world.org.branches[branch], world.org.branches[branch]);
    (one.place.suspect, one.place.anonymous) = (false, false);
    let mood = 2 + random.below(7);
    let mut grade = |shift: usize| {
        let value = (mood + shift + random.below(3)).clamp(1, 10);
        Given::Grade(Grade::new(i32::try_from(value).unwrap()).unwrap())
    };
    one.answers = Vec::new();
    for construct in ["expectations", "quality", "value", "satisfaction", "complaints", "loyalty"] {
        for number in 1..=2 {
            one.answers.push((format!("{construct}{number}"), grade(branch)));
        }
    }
    one.answers.push(("pair/expected".to_owned(), grade(2)));
    one.answers.push(("pair/perceived".to_owned(), grade(0)));
    one
}

pub async fn told(world: &World, count: usize) -> Vec<Response> {
    let mut random = Random::new(77);
    let responses: Vec<Response> =
        (0..count).map(|number| filled(world, &mut random, number % 2)).collect();
    tell(world, &responses).await;
    responses
}

async fn tell(world: &World, responses: &[Response]) {
    let mut events = vec![version(world)];
    events.extend(responses.iter().map(|one| change(world, None, Some(one))));
    let applier = &world.service.answers.applier;
    applier.cursor().await.unwrap();
    applier.apply(vec![group(1, &events)]).await.unwrap();
}

async fn rated(world: &World) {
    let mut events = super::model::template_events(world);
    for number in 0..40 {
        let facts = [rating(world, number % 4, 1 + (number % 5) as i32), served(world, number % 4)];
        events.extend(facts.iter().map(|f| super::model::change_event(world, None, Some(f))));
    }
    world.apply(vec![super::model::group(1, &events)]).await;
}

fn question_leaf(item: &str, statistic: LeafStatistic) -> Option<IndexLeaf> {
    let question = QuestionLeaf {
        questionnaire: names::print("questionnaires", QUESTIONNAIRE),
        item: item.to_owned(),
        statistic: statistic as i32,
    };
    Some(IndexLeaf { question: Some(question), ..Default::default() })
}

fn node(id: &str, parent: &str, leaf: Option<IndexLeaf>) -> IndexNode {
    IndexNode { id: id.to_owned(), parent: parent.to_owned(), leaf, ..Default::default() }
}

fn weighting(id: &str, method: WeightMethod, weights: &[(&str, f64)]) -> Weighting {
    let weights = weights.iter();
    Weighting {
        id: id.to_owned(),
        method: method as i32,
        weights: weights
            .map(|(node, weight)| NodeWeight { node: (*node).to_owned(), weight: *weight })
            .collect(),
        ..Default::default()
    }
}

fn definition() -> IndexDefinition {
    let mean = LeafStatistic::MeanScore;
    let rating = RatingLeaf::default();
    let figure = FigureLeaf { figure: ServiceFigure::Coverage as i32, worst: 0.0, best: 100.0 };
    IndexDefinition {
        nodes: vec![
            node("index", "", None),
            node("survey", "index", None),
            node("quality1", "survey", question_leaf("quality1", mean)),
            node("quality2", "survey", question_leaf("quality2", mean)),
            node("csd", "index", question_leaf("pair", LeafStatistic::Csd)),
            node("window", "index", Some(IndexLeaf { rating: Some(rating), ..Default::default() })),
            node(
                "coverage",
                "index",
                Some(IndexLeaf { figure: Some(figure), ..Default::default() }),
            ),
        ],
        weightings: vec![
            weighting(
                "board",
                WeightMethod::Direct,
                &[
                    ("survey", 4.0),
                    ("quality1", 3.0),
                    ("quality2", 1.0),
                    ("csd", 2.0),
                    ("window", 3.0),
                    ("coverage", 1.0),
                ],
            ),
            weighting("equal", WeightMethod::Equal, &[]),
            weighting("entropy", WeightMethod::Entropy, &[]),
            weighting("derived", WeightMethod::Derived, &[]),
            ahp(),
        ],
        minimum_n: 5,
        ..Default::default()
    }
}

fn ahp() -> Weighting {
    let judgement = |node: &str, children: &[&str], ratios: &[f64]| api::AhpJudgement {
        node: node.to_owned(),
        children: children.iter().map(|c| (*c).to_owned()).collect(),
        ratios: ratios.to_vec(),
        ..Default::default()
    };
    let all = ["survey", "csd", "window", "coverage"];
    Weighting {
        id: "experts".to_owned(),
        method: WeightMethod::Ahp as i32,
        // The last judgement contradicts the others.
        judgements: vec![
            judgement("index", &all, &[2.0, 4.0, 8.0, 2.0, 4.0, 1.0 / 9.0]),
            judgement("survey", &["quality1", "quality2"], &[3.0]),
        ],
        ..Default::default()
    }
}

fn question(world: &World) -> IndexQuestion {
    IndexQuestion {
        units: world.org.branches.map(|unit| names::print("units", unit)).into(),
        from: "2026-11-01".to_owned(),
        to: "2026-11-30".to_owned(),
        period: PeriodKind::Month as i32,
        nodes: true,
        ..Default::default()
    }
}

struct Client {
    indices: IndexServiceClient<Chan>,
    publications: PublicationServiceClient<Chan>,
    token: String,
}

impl Client {
    async fn new(world: &World, permissions: &[Permission]) -> Self {
        let channel = world.channel();
        Self {
            indices: IndexServiceClient::new(channel.clone()),
            publications: PublicationServiceClient::new(channel),
            token: world.org.user(world.org.root, permissions).await,
        }
    }

    async fn create(&mut self, unit: Uuid, definition: IndexDefinition) -> Index {
        let request = CreateIndexRequest {
            unit: names::print("units", unit),
            definition: Some(definition),
            request_id: "once".to_owned(),
        };
        let again = self.indices.create_index(bearer(request.clone(), &self.token)).await;
        let first = self.indices.create_index(bearer(request, &self.token)).await;
        assert_eq!(again.unwrap().into_inner(), first.as_ref().unwrap().get_ref().clone());
        first.unwrap().into_inner()
    }

    async fn run(&mut self, index: &Index, question: IndexQuestion) -> IndexRun {
        let request = RunIndexRequest {
            name: index.name.clone(),
            question: Some(question),
            ..Default::default()
        };
        self.indices.run_index(bearer(request, &self.token)).await.unwrap().into_inner()
    }
}

const MANAGER: [Permission; 2] = [Permission::IndexManage, Permission::AnalyticsRead];

/// Mean score of an item at a branch, by hand.
fn mean(world: &World, responses: &[Response], branch: usize, item: &str) -> f64 {
    let scores: Vec<f64> = responses
        .iter()
        .filter(|r| r.place.site == world.org.branches[branch])
        .flat_map(|r| &r.answers)
        .filter_map(|(id, given)| match given {
            Given::Grade(grade) if id == item => Some(f64::from(grade.value() - 1) * 100.0 / 9.0),
            _ => None,
        })
        .collect();
    scores.iter().sum::<f64>() / scores.len() as f64
}
