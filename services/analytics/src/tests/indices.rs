//! Indices through the service's own door: definitions, runs, weightings, publications and
//! estimates, on every database.

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
    let mut events = vec![version(world)];
    events.extend(responses.iter().map(|one| change(world, None, Some(one))));
    let applier = &world.service.answers.applier;
    applier.cursor().await.unwrap();
    applier.apply(vec![group(1, &events)]).await.unwrap();
    responses
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

#[tokio::test]
async fn a_run_is_the_weighted_mean_of_what_counting_by_hand_gives() {
    for world in World::everywhere().await {
        rated(&world).await;
        let responses = told(&world, 60).await;
        let mut client = Client::new(&world, &MANAGER).await;
        let index = client.create(world.org.root, definition()).await;
        assert_eq!((index.version, index.definition_hash.len()), (1, 64));
        assert_eq!(index.remarks.len(), 1, "contradicting judgements: {:?}", index.remarks);
        let run = client.run(&index, question(&world)).await;
        assert_eq!(run.rows.len(), 2);
        let row = &run.rows[1];
        let value = |id: &str| row.nodes.iter().find(|n| n.node == id).unwrap().value.unwrap();
        let of = |item: &str| mean(&world, &responses, 1, item);
        assert!((value("quality1") - of("quality1")).abs() < 1e-6, "{}", world.name);
        let survey = (3.0 * of("quality1") + of("quality2")) / 4.0;
        assert!((value("survey") - survey).abs() < 1e-6);
        let csd = (100.0 * of("pair/perceived") / of("pair/expected")).min(100.0);
        assert!((value("csd") - csd).abs() < 1e-6);
        assert_eq!(value("coverage"), 100.0, "every service was rated");
        let all = (4.0 * survey + 2.0 * csd + 3.0 * value("window") + 100.0) / 10.0;
        assert!((row.value.unwrap() - all).abs() < 1e-6, "{}", world.name);
        let leaves = ["quality1", "quality2", "csd", "window", "coverage"];
        let parts = row.nodes.iter().filter(|n| leaves.contains(&n.node.as_str()));
        let sum: f64 = parts.filter_map(|n| n.contribution).sum();
        assert!((sum - all).abs() < 1e-6);
        assert!(row.low.unwrap() < all && row.high.unwrap() > all && row.flags.is_empty());
        assert_eq!(run.reliability.len(), 1);
        assert!(run.reliability[0].alpha.unwrap() > 0.8 && run.reliability[0].passes);
        assert_eq!(run.watermark, "device=0.1 survey=0.1");
    }
}

#[tokio::test]
async fn the_same_question_gives_the_same_bytes_and_stored_runs_stay() {
    for world in World::everywhere().await {
        rated(&world).await;
        told(&world, 40).await;
        let mut client = Client::new(&world, &MANAGER).await;
        let index = client.create(world.org.root, definition()).await;
        let mut asked = question(&world);
        (asked.bootstrap_resamples, asked.seed) = (300, 42);
        let (first, second) =
            (client.run(&index, asked.clone()).await, client.run(&index, asked.clone()).await);
        assert_eq!(first.result_hash, second.result_hash, "{}", world.name);
        assert_eq!(first.rows, second.rows);
        let by = api::IntervalMethod::Bootstrap as i32;
        assert!(first.rows.iter().all(|row| row.interval_method == by));
        let name = first.name.clone();
        let stored =
            client.indices.get_index_run(bearer(GetIndexRunRequest { name }, &client.token));
        assert_eq!(stored.await.unwrap().into_inner(), first);
        asked.seed = 43;
        assert_ne!(client.run(&index, asked).await.result_hash, first.result_hash);

        let mut other = definition();
        other.minimum_n = 1_000;
        let request = CreateIndexVersionRequest {
            name: index.name.clone(),
            definition: Some(other),
            ..Default::default()
        };
        let next = client.indices.create_index_version(bearer(request, &client.token)).await;
        let next = next.unwrap().into_inner();
        assert_eq!(next.version, 2);
        assert_ne!(next.definition_hash, index.definition_hash);
        let run = client.run(&next, question(&world)).await;
        assert_eq!(run.rows[0].value, None, "nothing has a thousand answers");
        assert_eq!(run.rows[0].flags, ["few_answers", "leaves_missing"]);
        let request = GetIndexRequest { name: index.name.clone(), version: 1 };
        let old = client.indices.get_index(bearer(request, &client.token)).await.unwrap();
        assert_eq!(old.into_inner(), index, "a version never changes");
        let list = ListIndicesRequest::default();
        let list = client.indices.list_indices(bearer(list, &client.token)).await.unwrap();
        assert_eq!(list.into_inner().indices, [next]);
        let request = ListIndexRunsRequest { name: index.name, page_size: 3, ..Default::default() };
        let page = client.indices.list_index_runs(bearer(request.clone(), &client.token)).await;
        let page = page.unwrap().into_inner();
        assert_eq!((page.runs.len(), page.next_page_token.is_empty()), (3, false));
        let request = ListIndexRunsRequest { page_token: page.next_page_token, ..request };
        let page = client.indices.list_index_runs(bearer(request, &client.token)).await;
        assert_eq!(page.unwrap().into_inner().runs.len(), 1);
    }
}

#[tokio::test]
async fn weightings_stand_side_by_side_with_their_ranks() {
    let world = World::in_memory().await;
    rated(&world).await;
    told(&world, 60).await;
    let mut client = Client::new(&world, &MANAGER).await;
    let index = client.create(world.org.root, definition()).await;
    let request = CompareWeightingsRequest {
        name: index.name,
        question: Some(question(&world)),
        ..Default::default()
    };
    let found = client.indices.compare_weightings(bearer(request, &client.token)).await;
    let found = found.unwrap().into_inner();
    assert_eq!((found.weightings.len(), found.rows.len()), (5, 2));
    let rank = |row: usize| found.rows[row].values.iter().map(|v| v.rank).collect::<Vec<_>>();
    assert_eq!(rank(0)[0], 1);
    for place in 0..5 {
        let mut pair = [rank(0)[place], rank(1)[place]];
        pair.sort_unstable();
        assert_eq!(pair, [1, 2], "weighting {place}");
    }
    for weighting in &found.weightings {
        let top: f64 = weighting
            .weights
            .iter()
            .filter(|w| ["survey", "csd", "window", "coverage"].contains(&w.node.as_str()))
            .map(|w| w.weight)
            .sum();
        assert!((top - 1.0).abs() < 1e-9, "{}", weighting.id);
    }
    assert_eq!(found.agreements[0].rho, Some(1.0));
}

#[tokio::test]
async fn below_the_gate_only_an_override_with_a_reason_publishes() {
    for world in World::everywhere().await {
        rated(&world).await;
        let responses = told(&world, 40).await;
        let mut client = Client::new(&world, &MANAGER).await;
        let mut strict = definition();
        strict.alpha_minimum = 1.0;
        let index = client.create(world.org.root, strict).await;
        let run = client.run(&index, question(&world)).await;
        let request = CreatePublicationRequest {
            run: run.name.clone(),
            title: "November".to_owned(),
            ..Default::default()
        };
        let prepared = client.publications.create_publication(bearer(request, &client.token)).await;
        let prepared = prepared.unwrap().into_inner();
        assert_eq!(prepared.below_gate.len(), 1);
        let sign = |hash: &str, reason: &str| SignPublicationRequest {
            name: prepared.name.clone(),
            result_hash: hash.to_owned(),
            override_reason: reason.to_owned(),
        };
        let hash = run.result_hash.as_str();
        let own = bearer(sign(hash, "I say so"), &client.token);
        let refused = client.publications.sign_publication(own).await.unwrap_err();
        assert_eq!(refused.code(), Code::PermissionDenied, "managing is not signing");
        let permissions = [Permission::IndexPublish, Permission::AnalyticsRead];
        let signer = world.org.user(world.org.root, &permissions).await;
        for (request, code) in [
            (sign(hash, ""), Code::FailedPrecondition),
            (sign("0", "we know"), Code::InvalidArgument),
        ] {
            let refused = client.publications.sign_publication(bearer(request, &signer)).await;
            assert_eq!(refused.unwrap_err().code(), code, "{}", world.name);
        }
        let request = bearer(sign(hash, "the ministry has decided"), &signer);
        let signed = client.publications.sign_publication(request).await.unwrap().into_inner();
        assert_eq!(signed.state(), PublicationState::Published);
        assert_eq!(signed.override_reason, "the ministry has decided");
        late_answer(&world, &mut client, &signer, &signed.name, &responses).await;
        let audited = audited(&world).await;
        let of_signature = audited.iter().filter(|text| text.contains("the ministry has decided"));
        assert_eq!(of_signature.count(), 1, "the reason stands in the audit record");
    }
}

async fn audited(world: &World) -> Vec<String> {
    use prost::Message as _;
    use sea_orm::{ConnectionTrait, Statement};
    let conn = world.db.read();
    let sql = Statement::from_string(conn.get_database_backend(), "SELECT body FROM audit_queue");
    let rows = conn.query_all_raw(sql).await.unwrap();
    rows.iter()
        .map(|row| {
            let body: Vec<u8> = row.try_get_by_index(0).unwrap();
            let request = proto::auth::v1::AppendAuditRecordRequest::decode(&body[..]).unwrap();
            request.record.unwrap().detail
        })
        .collect()
}

/// What comes later changes what is known, not what was published.
async fn late_answer(
    world: &World,
    client: &mut Client,
    signer: &str,
    name: &str,
    responses: &[Response],
) {
    let get = |known_now| GetPublicationRequest { name: name.to_owned(), known_now };
    let before = client.publications.get_publication(bearer(get(true), signer)).await;
    let before = before.unwrap().into_inner();
    assert!(before.changes.is_empty());
    let now = before.known_now.unwrap();
    assert_eq!(now.result_hash, before.published.as_ref().unwrap().result_hash);

    let gone = change(world, Some(&responses[0]), None);
    world.service.answers.applier.cursor().await.unwrap();
    world.service.answers.applier.apply(vec![group(2, &[gone])]).await.unwrap();
    let after = client.publications.get_publication(bearer(get(true), signer)).await;
    let after = after.unwrap().into_inner();
    assert_eq!(after.published, before.published, "{}", world.name);
    assert_eq!(after.changes.len(), 1);
    assert_ne!(after.known_now.unwrap().result_hash, now.result_hash);

    let request = CorrectPublicationRequest {
        name: name.to_owned(),
        notice: "a response was withdrawn".to_owned(),
        ..Default::default()
    };
    client.publications.correct_publication(bearer(request, signer)).await.unwrap();
    let shown = client.publications.get_publication(bearer(get(false), signer)).await;
    let shown = shown.unwrap().into_inner();
    assert_eq!(shown.state(), PublicationState::Corrected);
    assert_eq!((shown.corrections.len(), shown.corrections[0].changes.len()), (1, 1));
    let list = ListPublicationsRequest::default();
    let list = client.publications.list_publications(bearer(list, signer)).await.unwrap();
    let list = list.into_inner().publications;
    assert!(list.len() == 1 && list[0].published.as_ref().unwrap().rows.is_empty());
}

#[tokio::test]
async fn the_six_constructs_come_out_of_answers_as_indices() {
    for world in World::everywhere().await {
        told(&world, 200).await;
        let mut client = Client::new(&world, &[Permission::AnalyticsRead]).await;
        let answers = AnswerSelection {
            questionnaire: names::print("questionnaires", QUESTIONNAIRE),
            from: "2026-11-01".to_owned(),
            to: "2026-11-30".to_owned(),
            ..Default::default()
        };
        let unit = names::print("units", world.org.root);
        let request = EstimateLatentIndexRequest {
            unit: unit.clone(),
            answers: Some(answers.clone()),
            bootstrap_resamples: 100,
            seed: 5,
            ..Default::default()
        };
        let send = bearer(request.clone(), &client.token);
        let found = client.indices.estimate_latent_index(send).await.unwrap().into_inner();
        assert_eq!((found.n, found.reason.as_str(), found.paths.len()), (200, "", 9));
        assert_eq!(found.constructs.len(), 6);
        for construct in &found.constructs {
            let index = construct.index.unwrap();
            assert!((0.0..=100.0).contains(&index), "{:?}", construct.construct());
            assert!(construct.low.unwrap() <= index && construct.high.unwrap() >= index);
            assert!(construct.items.iter().all(|item| item.loading.unwrap() > 0.5));
        }
        assert_eq!(found.constructs[0].construct(), Construct::Expectations);
        let again = client.indices.estimate_latent_index(bearer(request, &client.token)).await;
        assert_eq!(again.unwrap().into_inner(), found, "the seed decides");

        let request =
            EstimateReliabilityRequest { unit, answers: Some(answers), items: Vec::new() };
        let send = bearer(request, &client.token);
        let found = client.indices.estimate_reliability(send).await.unwrap().into_inner();
        let block = found.block.unwrap();
        assert_eq!((block.items.len(), block.n), (12, 200), "pairs are left out");
        assert_eq!(block.band(), ReliabilityBand::High);
        assert!(found.omega.unwrap() > 0.8 && found.split_half.unwrap() > 0.8);
    }
}

#[tokio::test]
async fn broken_definitions_are_told_where() {
    let world = World::in_memory().await;
    let mut client = Client::new(&world, &MANAGER).await;
    type Spoil = fn(&mut IndexDefinition);
    let spoils: [(Spoil, &str); 14] = [
        (|d| d.nodes[1].parent = "survey".to_owned(), "definition.nodes[1].parent"),
        (|d| d.nodes[1].parent = "nobody".to_owned(), "definition.nodes[1].parent"),
        (|d| d.nodes[1].parent.clear(), "definition.nodes"),
        (|d| d.nodes[2].id = "csd".to_owned(), "definition.nodes[4].id"),
        (|d| d.nodes[2].leaf = None, "definition.nodes[2].leaf"),
        (|d| d.nodes[1].leaf = d.nodes[2].leaf.clone(), "definition.nodes[1].leaf"),
        (
            |d| d.nodes[2].leaf.as_mut().unwrap().rating = Some(RatingLeaf::default()),
            "definition.nodes[2].leaf",
        ),
        (
            |d| d.weightings[0].weights.iter_mut().for_each(|w| w.weight = 0.0),
            "definition.weightings[0].weights",
        ),
        (
            |d| d.weightings[0].weights[0].weight = -1.0,
            "definition.weightings[0].weights[0].weight",
        ),
        (|d| d.weightings[1].method = 0, "definition.weightings[1].method"),
        (
            |d| d.weightings[4].judgements[0].ratios[1] = 10.0,
            "definition.weightings[4].judgements[0].ratios[1]",
        ),
        (|d| d.weightings[4].judgements.truncate(1), "definition.weightings[4].judgements"),
        (|d| d.alpha_minimum = 2.0, "definition.alphaMinimum"),
        (|d| d.minimum_n = -1, "definition.minimumN"),
    ];
    for (spoil, field) in spoils {
        let mut spoiled = definition();
        spoil(&mut spoiled);
        let request = CreateIndexRequest {
            unit: names::print("units", world.org.root),
            definition: Some(spoiled),
            ..Default::default()
        };
        let refused = client.indices.create_index(bearer(request, &client.token)).await;
        let error = ServiceError::from(refused.unwrap_err());
        let fields: Vec<&str> = error.violations().iter().map(|v| v.field.as_str()).collect();
        assert!(fields.contains(&field), "{field}: {fields:?}");
    }
    let list = ListIndicesRequest::default();
    let list = client.indices.list_indices(bearer(list, &client.token)).await.unwrap();
    assert!(list.into_inner().indices.is_empty(), "nothing is half written");
}

#[tokio::test]
async fn indices_of_other_branches_and_organisations_do_not_exist() {
    let world = World::in_memory().await;
    let mut client = Client::new(&world, &MANAGER).await;
    let index = client.create(world.org.branches[0], definition()).await;
    let neighbour = world.org.user(world.org.branches[1], &MANAGER).await;
    let stranger = world.other.user(world.other.root, &MANAGER).await;
    let nobody = names::print("indices", Uuid::now_v7());
    let mut texts = Vec::new();
    for (name, token) in
        [(&index.name, &neighbour), (&index.name, &stranger), (&nobody, &neighbour)]
    {
        let request = GetIndexRequest { name: name.clone(), version: 0 };
        let refused = client.indices.get_index(bearer(request, token)).await.unwrap_err();
        assert_eq!(refused.code(), Code::NotFound);
        texts.push(refused.message().to_owned());
    }
    texts.dedup();
    assert_eq!(texts.len(), 1, "all look the same");
    let mut outside = question(&world);
    outside.units = vec![names::print("units", world.org.branches[1])];
    let request =
        RunIndexRequest { name: index.name.clone(), question: Some(outside), ..Default::default() };
    let refused = client.indices.run_index(bearer(request, &client.token)).await.unwrap_err();
    assert_eq!(refused.code(), Code::NotFound, "units outside of the index's unit");
    let mut many = question(&world);
    many.units.truncate(1);
    many.from = "1990-01-01".to_owned();
    let request = RunIndexRequest { name: index.name, question: Some(many), ..Default::default() };
    let refused = client.indices.run_index(bearer(request, &client.token)).await.unwrap_err();
    assert_eq!(ServiceError::from(refused).reason(), Reason::TooManyBuckets);
}
