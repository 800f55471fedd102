//! What an index does not give away, how sure it is, and what is too much to ask for.

use analytics_domain::suppression::RESPONDENTS_MIN;

use super::*;

/// Responses of an anonymous campaign: so many about each branch.
async fn anonymous(world: &World, counts: [usize; 2]) -> Vec<Response> {
    let mut random = Random::new(5);
    let mut responses = Vec::new();
    for (branch, count) in counts.into_iter().enumerate() {
        for _ in 0..count {
            let mut one = filled(world, &mut random, branch);
            one.place.anonymous = true;
            responses.push(one);
        }
    }
    tell(world, &responses).await;
    responses
}

/// Two questions of one questionnaire, weighing the same.
fn pair_of_questions() -> IndexDefinition {
    let mean = LeafStatistic::MeanScore;
    IndexDefinition {
        nodes: vec![
            node("index", "", None),
            node("quality1", "index", question_leaf("quality1", mean)),
            node("quality2", "index", question_leaf("quality2", mean)),
        ],
        weightings: vec![weighting("equal", WeightMethod::Equal, &[])],
        minimum_n: 1,
        ..Default::default()
    }
}

fn of(world: &World, units: &[Uuid]) -> IndexQuestion {
    let units = units.iter().map(|unit| names::print("units", *unit)).collect();
    IndexQuestion { units, ..question(world) }
}

#[tokio::test]
async fn a_small_branch_cannot_be_found_as_its_region_minus_the_others() {
    for world in World::everywhere().await {
        let few = usize::try_from(RESPONDENTS_MIN).unwrap() - 2;
        let responses = anonymous(&world, [few, 30]).await;
        let mut client = Client::new(&world, &MANAGER).await;
        let index = client.create(world.org.root, pair_of_questions()).await;
        let [small, large] = world.org.branches;
        let is_hidden = |row: &api::IndexRow| {
            let hidden = row.flags.iter().any(|flag| flag == "suppressed");
            let nothing = row.value.is_none()
                && row.low.is_none()
                && row.n == 0
                && row.nodes.iter().all(|node| node.value.is_none() && node.n == 0);
            assert_eq!(hidden, nothing, "{}: {row:?}", world.name);
            hidden
        };
        let run = client.run(&index, of(&world, &[world.org.region, small, large])).await;
        let hidden: Vec<bool> = run.rows.iter().map(is_hidden).collect();
        assert_eq!(hidden, [false, true, true], "{}", world.name);

        // The control: beside each other, the large branch is shown. Were it shown beside the
        // region, too, the rest would be the small one, as it is here found to the last digit.
        let apart = client.run(&index, of(&world, &[small, large])).await;
        assert_eq!(apart.rows.iter().map(is_hidden).collect::<Vec<_>>(), [true, false]);
        let sum = |row: &api::IndexRow| {
            let leaf = row.nodes.iter().find(|node| node.node == "quality1").unwrap();
            (leaf.value.unwrap() * leaf.n as f64, leaf.n)
        };
        let ((all, n), (of_large, n_large)) = (sum(&run.rows[0]), sum(&apart.rows[1]));
        let found = (all - of_large) / (n - n_large) as f64;
        assert_eq!(n - n_large, few as i64);
        let truth = mean(&world, &responses, 0, "quality1");
        assert!((found - truth).abs() < 1e-6, "{}: {found} {truth}", world.name);
    }
}

#[tokio::test]
async fn a_region_with_few_more_respondents_than_its_branches_hides_a_branch_beside_it() {
    let world = World::in_memory().await;
    let mut random = Random::new(5);
    let mut responses: Vec<Response> =
        (0..60).map(|number| filled(&world, &mut random, number % 2)).collect();
    for one in &mut responses {
        one.place.anonymous = true;
    }
    // Three answers about the region itself.
    for one in responses.iter_mut().take(3) {
        (one.place.site, one.place.unit) = (world.org.region, world.org.region);
    }
    tell(&world, &responses).await;
    let mut client = Client::new(&world, &MANAGER).await;
    let index = client.create(world.org.root, pair_of_questions()).await;
    let [first, second] = world.org.branches;
    let run = client.run(&index, of(&world, &[world.org.region, first, second])).await;
    let shown: Vec<bool> = run.rows.iter().map(|row| row.value.is_some()).collect();
    assert_eq!(shown, [true, false, true], "28 and 29 of 60: the three do not follow");
    let mut of_open = client.run(&index, of(&world, &[first, second])).await.rows;
    of_open.retain(|row| row.value.is_some());
    assert_eq!(of_open.len(), 2, "without the region nothing is given away");
}

#[tokio::test]
async fn answers_of_the_same_people_are_not_taken_for_independent() {
    for world in World::everywhere().await {
        told(&world, 400).await;
        let mut client = Client::new(&world, &MANAGER).await;
        let index = client.create(world.org.root, pair_of_questions()).await;
        let mut asked = of(&world, &[world.org.region]);
        let bounded = client.run(&index, asked.clone()).await.rows.remove(0);
        assert_eq!(bounded.flags, ["dependence_bounded"], "{}", world.name);
        let error = |id: &str| {
            let node = bounded.nodes.iter().find(|node| node.node == id).unwrap();
            node.standard_error.unwrap()
        };
        let (one, two) = (error("quality1"), error("quality2"));
        assert!((error("index") - (one + two) / 2.0).abs() < 1e-9, "{}", world.name);

        (asked.bootstrap_resamples, asked.seed) = (2_000, 9);
        let drawn = client.run(&index, asked).await.rows.remove(0);
        assert!(drawn.flags.is_empty(), "{}: respondents are drawn whole", world.name);
        assert_eq!(drawn.interval_method(), api::IntervalMethod::Bootstrap);
        let width = |row: &api::IndexRow| row.high.unwrap() - row.low.unwrap();
        let independent = width(&bounded) * one.hypot(two) / (one + two);
        assert!(width(&drawn) > independent * 1.1, "both follow the mood of the same people");
        assert!(width(&drawn) < width(&bounded) * 1.05, "{}", world.name);
    }
}

#[tokio::test]
async fn too_many_groups_are_refused_with_their_number_and_what_is_possible() {
    let world = World::in_memory().await;
    let mut client = Client::new(&world, &MANAGER).await;
    let index = client.create(world.org.root, definition()).await;
    let units: Vec<Uuid> = [world.org.root, world.org.region]
        .into_iter()
        .chain(world.org.branches)
        .chain(world.org.windows)
        .collect();
    let asked = IndexQuestion {
        from: "2017-01-01".to_owned(),
        to: "2026-12-31".to_owned(),
        bootstrap_resamples: 5_000,
        ..of(&world, &units)
    };
    let request = RunIndexRequest { name: index.name, question: Some(asked), ..Default::default() };
    let refused = client.indices.run_index(bearer(request, &client.token)).await.unwrap_err();
    let error = ServiceError::from(refused);
    assert_eq!(error.reason(), Reason::TooManyBuckets);
    let draws = units.len() * 120 * 5 * 5_000;
    let text = error.message().to_owned();
    assert!(text.contains(&draws.to_string()) && text.contains("20000000"), "{text}");
}
