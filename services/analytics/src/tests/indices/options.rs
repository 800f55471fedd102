//! What a definition can ask for besides items and weights: scores, classes, filters, methods of
//! single nodes; and the importance matrix.

use proto::analytics::v1::{
    GradeScore, ImportanceItem, IndexClassWeight, IndexFilter, MapImportanceRequest, NodeMethod,
    Quadrant, StatedImportance, comparison_service_client::ComparisonServiceClient,
};

use super::*;
use crate::tests::survey::{CAMPAIGNS, CLASSES};

fn grade(value: i32) -> Given {
    Given::Grade(Grade::new(value).unwrap())
}

/// A response of the first branch with these grades.
fn with(world: &World, random: &mut Random, branch: usize, grades: &[(&str, i32)]) -> Response {
    let mut one = filled(world, random, branch);
    for (item, value) in grades {
        one.answers.retain(|(id, _)| id != item);
        one.answers.push(((*item).to_owned(), grade(*value)));
    }
    one
}

fn of_one_item(scores: &[(i32, f64)]) -> IndexDefinition {
    let mut leaf = question_leaf("quality1", LeafStatistic::MeanScore).unwrap();
    let score = |(grade, score): &(i32, f64)| GradeScore { grade: *grade, score_0_100: *score };
    leaf.scores = scores.iter().map(score).collect();
    IndexDefinition {
        nodes: vec![node("index", "", None), node("quality1", "index", Some(leaf))],
        weightings: vec![weighting("all", WeightMethod::Equal, &[])],
        minimum_n: 5,
        ..Default::default()
    }
}

/// Ten answers of the best grade of the first class and thirty of the worst of the second, ten of
/// these by telephone.
fn of_two_classes(world: &World) -> Vec<Response> {
    let mut random = Random::new(5);
    let one = |number: usize| {
        let first = number < 10;
        let value = if first { 10 } else { 1 };
        let mut one = with(world, &mut random, 0, &[("quality1", value)]);
        one.place.customer_class = CLASSES[usize::from(!first)];
        one.place.campaign = CAMPAIGNS[0];
        one.place.channel = if number >= 30 { 6 } else { 1 };
        one
    };
    (0..40).map(one).collect()
}

fn class_weight(class: usize, weight: f64) -> IndexClassWeight {
    IndexClassWeight { customer_class: names::print("customerClasses", CLASSES[class]), weight }
}

fn phone_only() -> Option<IndexFilter> {
    let channels = vec!["RESPONSE_CHANNEL_PHONE".to_owned()];
    Some(IndexFilter { channels, ..Default::default() })
}

fn another_campaign() -> Option<IndexFilter> {
    let campaigns = vec![names::print("campaigns", CAMPAIGNS[1])];
    Some(IndexFilter { campaigns, ..Default::default() })
}

#[tokio::test]
async fn scores_classes_and_filters_of_a_definition_decide_what_counts() {
    type Change = fn(&mut IndexDefinition);
    let cases: [(&str, Change, Option<f64>); 7] = [
        ("the version's scores", |d| d.nodes[1].leaf.as_mut().unwrap().scores.clear(), Some(25.0)),
        ("the definition's scores", |_| {}, Some(37.5)),
        (
            "classes",
            |d| d.class_weights = vec![class_weight(0, 3.0), class_weight(1, 1.0)],
            Some(72.5),
        ),
        ("one class", |d| d.class_weights = vec![class_weight(0, 0.5)], Some(90.0)),
        ("a channel", |d| d.filter = phone_only(), Some(20.0)),
        ("another campaign", |d| d.filter = another_campaign(), None),
        ("more answers than there are", |d| d.minimum_n = 41, None),
    ];
    for world in World::everywhere().await {
        tell(&world, &of_two_classes(&world)).await;
        for (what, change, wanted) in cases {
            let mut definition = of_one_item(&[(1, 20.0), (10, 90.0)]);
            change(&mut definition);
            let mut client = Client::new(&world, &MANAGER).await;
            let index = client.create(world.org.root, definition).await;
            let mut asked = question(&world);
            asked.units.truncate(1);
            let found = client.run(&index, asked).await.rows[0].value;
            let near = match (found, wanted) {
                (Some(found), Some(wanted)) => (found - wanted).abs() < 1e-9,
                (found, wanted) => found == wanted,
            };
            assert!(near, "{}, {what}: {found:?} and not {wanted:?}", world.name);
        }
    }
}

#[tokio::test]
async fn ranks_change_where_weightings_disagree() {
    let world = World::in_memory().await;
    let mut random = Random::new(6);
    let grades: [&[(&str, i32)]; 2] =
        [&[("quality1", 10), ("quality2", 1)], &[("quality1", 1), ("quality2", 9)]];
    let responses: Vec<Response> =
        (0..40).map(|n| with(&world, &mut random, n % 2, grades[n % 2])).collect();
    tell(&world, &responses).await;
    let leaf = |item: &str| question_leaf(item, LeafStatistic::MeanScore);
    let weights = |first: f64, second: f64| [("quality1", first), ("quality2", second)];
    let definition = IndexDefinition {
        nodes: vec![
            node("index", "", None),
            node("quality1", "index", leaf("quality1")),
            node("quality2", "index", leaf("quality2")),
        ],
        weightings: vec![
            weighting("board", WeightMethod::Direct, &weights(3.0, 1.0)),
            weighting("equal", WeightMethod::Equal, &[]),
            weighting("customers", WeightMethod::Direct, &weights(1.0, 3.0)),
        ],
        minimum_n: 5,
        ..Default::default()
    };
    let mut client = Client::new(&world, &MANAGER).await;
    let index = client.create(world.org.root, definition).await;
    let request = CompareWeightingsRequest {
        name: index.name,
        question: Some(question(&world)),
        ..Default::default()
    };
    let found = client.indices.compare_weightings(bearer(request, &client.token)).await;
    let found = found.unwrap().into_inner();
    let first = names::print("units", world.org.branches[0]);
    assert_eq!(found.rows[0].unit, first);
    let of = |row: usize| {
        found.rows[row].values.iter().map(|v| (v.rank, v.rank_change)).collect::<Vec<_>>()
    };
    assert_eq!(of(0), [(1, 0), (1, 0), (2, -1)]);
    assert_eq!(of(1), [(2, 0), (2, 0), (1, 1)]);
    let values: Vec<f64> = found.rows[0].values.iter().map(|v| v.value.unwrap()).collect();
    for (value, wanted) in values.iter().zip([75.0, 50.0, 25.0]) {
        assert!((value - wanted).abs() < 1e-9, "{values:?}");
    }
    let agreements: Vec<(Option<f64>, i32)> =
        found.agreements.iter().map(|a| (a.rho, a.largest_change)).collect();
    assert_eq!(agreements, [(Some(1.0), 0), (Some(1.0), 0), (Some(-1.0), 1)]);
}

#[tokio::test]
async fn a_node_can_be_weighted_by_another_method_than_the_rest() {
    let world = World::in_memory().await;
    let own = |node: &str, method: WeightMethod| NodeMethod {
        node: node.to_owned(),
        method: method as i32,
        evidence: "minutes of 3 March".to_owned(),
    };
    let mut mixed = definition();
    let weights = [("quality1", 3.0), ("quality2", 1.0)];
    mixed.weightings[1] = weighting("equal", WeightMethod::Equal, &weights);
    mixed.weightings[1].node_methods = vec![own("survey", WeightMethod::Direct)];
    let mut client = Client::new(&world, &MANAGER).await;
    let index = client.create(world.org.root, mixed.clone()).await;
    let plain = Client::new(&world, &MANAGER).await.create(world.org.root, definition()).await;
    assert_ne!(index.definition_hash, plain.definition_hash);
    let shown = &index.definition.as_ref().unwrap().weightings[1];
    assert_eq!(shown.node_methods, mixed.weightings[1].node_methods, "with its evidence");
    let weight = |id: &str| shown.weights.iter().find(|w| w.node == id).unwrap().weight;
    assert_eq!((weight("quality1"), weight("survey")), (0.75, 0.25));
    mixed.weightings[1].node_methods[0].method = WeightMethod::Unspecified as i32;
    let request = CreateIndexRequest {
        unit: names::print("units", world.org.root),
        definition: Some(mixed),
        ..Default::default()
    };
    let refused = client.indices.create_index(bearer(request, &client.token)).await.unwrap_err();
    let fields = ServiceError::from(refused);
    let wanted = "definition.weightings[1].nodeMethods[0].method";
    assert!(fields.violations().iter().any(|v| v.field == wanted), "{fields:?}");
}

#[tokio::test]
async fn one_node_finds_its_weights_in_the_values_of_the_run_beside_others_given_theirs() {
    for world in World::everywhere().await {
        let mut random = Random::new(7);
        // The branches differ in the first question and not in the second.
        let grades: [&[(&str, i32)]; 2] = [
            &[("quality1", 10), ("quality2", 4), ("value1", 1)],
            &[("quality1", 1), ("quality2", 4), ("value1", 1)],
        ];
        let responses: Vec<Response> =
            (0..40).map(|n| with(&world, &mut random, n % 2, grades[n % 2])).collect();
        tell(&world, &responses).await;
        let leaf = |item: &str| question_leaf(item, LeafStatistic::MeanScore);
        let weights = [("quality", 3.0), ("value1", 1.0)];
        let mut board = weighting("board", WeightMethod::Direct, &weights);
        board.node_methods = vec![NodeMethod {
            node: "quality".to_owned(),
            method: WeightMethod::Entropy as i32,
            evidence: "what tells branches apart".to_owned(),
        }];
        let definition = IndexDefinition {
            nodes: vec![
                node("index", "", None),
                node("quality", "index", None),
                node("quality1", "quality", leaf("quality1")),
                node("quality2", "quality", leaf("quality2")),
                node("value1", "index", leaf("value1")),
            ],
            weightings: vec![board],
            minimum_n: 5,
            ..Default::default()
        };
        let mut client = Client::new(&world, &MANAGER).await;
        let index = client.create(world.org.root, definition).await;
        let shown = &index.definition.as_ref().unwrap().weightings[0].weights;
        assert_eq!(shown.len(), 2, "those of the question block are known after a run");
        let run = client.run(&index, question(&world)).await;
        let weights: Vec<(&str, f64)> =
            run.weights.iter().map(|w| (w.node.as_str(), w.weight)).collect();
        let of = |id: &str| weights.iter().find(|(node, _)| *node == id).unwrap().1;
        assert!((of("quality1") - 1.0).abs() < 1e-9, "{}: {weights:?}", world.name);
        assert_eq!((of("quality"), of("value1")), (0.75, 0.25));
        let values: Vec<f64> = run.rows.iter().map(|row| row.value.unwrap()).collect();
        for (value, wanted) in values.iter().zip([75.0, 0.0]) {
            assert!((value - wanted).abs() < 1e-9, "{}: {values:?}", world.name);
        }
    }
}

#[tokio::test]
async fn an_item_that_only_a_minority_was_asked_costs_nobody_the_six_constructs() {
    let world = World::in_memory().await;
    let mut random = Random::new(8);
    let responses: Vec<Response> = (0..100)
        .map(|number| {
            let mut one = filled(&world, &mut random, 0);
            if number % 4 > 0 {
                one.answers.retain(|(id, _)| id != "complaints2");
            }
            one
        })
        .collect();
    tell(&world, &responses).await;
    let mut client = Client::new(&world, &[Permission::AnalyticsRead]).await;
    let request = EstimateLatentIndexRequest {
        unit: names::print("units", world.org.root),
        answers: answers_of_november(),
        ..Default::default()
    };
    let found = client.indices.estimate_latent_index(bearer(request, &client.token)).await;
    let found = found.unwrap().into_inner();
    assert_eq!((found.n, found.n_dropped, found.reason.as_str()), (100, 0, ""));
    let complaints = &found.constructs[4];
    assert_eq!(complaints.construct(), Construct::Complaints);
    assert_eq!(complaints.items.len(), 1);
    assert_eq!(complaints.items[0].item, "complaints1");
}

fn answers_of_november() -> Option<AnswerSelection> {
    Some(AnswerSelection {
        questionnaire: names::print("questionnaires", QUESTIONNAIRE),
        from: "2026-11-01".to_owned(),
        to: "2026-11-30".to_owned(),
        ..Default::default()
    })
}

/// Two items that make up the overall grade, one of them low and one high, and two that have
/// nothing to do with it.
fn four_corners(world: &World) -> Vec<Response> {
    let mut random = Random::new(9);
    (0..200)
        .map(|_| {
            let mut below = |end: usize| i32::try_from(random.below(end)).unwrap();
            let (a, b, c, d) = (below(5), below(5), below(4), below(4));
            let grades = [
                ("quality1", 1 + a),
                ("value1", 6 + b),
                ("satisfaction1", 1 + a + b),
                ("loyalty1", 1 + c),
                ("complaints1", 7 + d),
                ("expectations1", 10),
                ("expectations2", 9),
                ("value2", 2),
                ("quality2", 3),
            ];
            with(world, &mut random, 0, &grades)
        })
        .collect()
}

#[tokio::test]
async fn items_stand_in_the_corner_of_the_matrix_where_they_belong() {
    let world = World::in_memory().await;
    tell(&world, &four_corners(&world)).await;
    let token = world.org.user(world.org.root, &[Permission::AnalyticsRead]).await;
    let mut client = ComparisonServiceClient::new(world.channel());
    let request = MapImportanceRequest {
        unit: names::print("units", world.org.root),
        answers: answers_of_november(),
        overall: "satisfaction1".to_owned(),
        items: ["quality1", "value1", "loyalty1", "complaints1"].map(str::to_owned).into(),
        ..Default::default()
    };
    let found = client.map_importance(bearer(request.clone(), &token)).await.unwrap().into_inner();
    let corner = |items: &[ImportanceItem], id: &str| {
        items.iter().find(|item| item.item == id).unwrap().quadrant()
    };
    let corners = [
        ("quality1", Quadrant::Improve),
        ("value1", Quadrant::Keep),
        ("loyalty1", Quadrant::Later),
        ("complaints1", Quadrant::Surplus),
    ];
    for (item, wanted) in corners {
        assert_eq!(corner(&found.items, item), wanted, "{item}: {:?}", found.items);
    }
    assert_eq!((found.items[0].item.as_str(), found.items[0].priority), ("quality1", 1));
    assert_eq!((found.items[1].item.as_str(), found.items[1].priority), ("value1", 2));
    assert!(found.r_squared.unwrap() > 0.99, "two items make up the grade");

    let stated = |item: &str, importance: &str| StatedImportance {
        item: item.to_owned(),
        importance: importance.to_owned(),
    };
    let request = MapImportanceRequest {
        overall: String::new(),
        items: Vec::new(),
        stated: vec![
            stated("complaints1", "quality2"),
            stated("loyalty1", "value2"),
            stated("value1", "expectations2"),
            stated("quality1", "expectations1"),
        ],
        ..request
    };
    let found = client.map_importance(bearer(request.clone(), &token)).await.unwrap().into_inner();
    for (item, wanted) in corners {
        assert_eq!(corner(&found.items, item), wanted, "{item}: {:?}", found.items);
    }
    let order: Vec<&str> = found.items.iter().map(|item| item.item.as_str()).collect();
    assert_eq!(order, ["quality1", "value1", "loyalty1", "complaints1"]);
    assert_eq!((found.n, found.items[0].importance, found.r_squared), (200, Some(100.0), None));
    for (change, field) in [
        (MapImportanceRequest { stated: Vec::new(), ..request.clone() }, "overall"),
        (MapImportanceRequest { stated: vec![stated("quality1", "nobody")], ..request }, "stated"),
    ] {
        let refused = client.map_importance(bearer(change, &token)).await.unwrap_err();
        assert_eq!(ServiceError::from(refused).violations()[0].field, field);
    }
}

#[tokio::test]
async fn the_matrix_shows_no_mean_of_few_anonymous_people() {
    let world = World::in_memory().await;
    let mut random = Random::new(10);
    // Nobody has answered all of it, so that there is no complete response to count.
    let responses: Vec<Response> = (0..4)
        .map(|_| {
            let mut one = filled(&world, &mut random, 0);
            one.place.anonymous = true;
            one.answers.retain(|(id, _)| id != "value1");
            one
        })
        .collect();
    tell(&world, &responses).await;
    let token = world.org.user(world.org.root, &[Permission::AnalyticsRead]).await;
    let mut client = ComparisonServiceClient::new(world.channel());
    let request = MapImportanceRequest {
        unit: names::print("units", world.org.root),
        answers: answers_of_november(),
        overall: "satisfaction1".to_owned(),
        items: ["quality1", "value1"].map(str::to_owned).into(),
        ..Default::default()
    };
    let found = client.map_importance(bearer(request, &token)).await.unwrap().into_inner();
    assert!(found.suppressed);
    assert!(found.items.iter().all(|item| item.performance.is_none()), "{:?}", found.items);
}
