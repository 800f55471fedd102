//! Runs: what they compute, that they repeat, and weightings side by side.

use super::*;

#[tokio::test]
async fn a_run_is_the_weighted_mean_of_what_counting_by_hand_gives() {
    for world in World::everywhere().await {
        rated(&world).await;
        let responses = told(&world, 60).await;
        let mut client = Client::new(&world, &MANAGER).await;
        let index = client.create(world.org.root, definition()).await;
        assert_eq!((index.version, index.definition_hash.len()), (1, 64));
        let (given, _) = crate::rpc::definition::of_proto(&definition()).unwrap();
        let text = analytics_domain::index::canonical::text(&given);
        let digest = <sha2::Sha256 as sha2::Digest>::digest(text.as_bytes());
        let hash: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(index.definition_hash, hash, "SHA-256 of the canonical form");
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
        assert_eq!(row.coverage, Some(1.0), "{}", world.name);
        let n = |id: &str| row.nodes.iter().find(|n| n.node == id).unwrap().n;
        // Thirty of sixty responses, twenty of forty ratings and services.
        assert_eq!((n("quality1"), n("survey"), n("window"), n("coverage")), (30, 60, 20, 20));
        assert_eq!(row.n, n("survey") + n("csd") + n("window") + n("coverage"));
        let all = (4.0 * survey + 2.0 * csd + 3.0 * value("window") + 100.0) / 10.0;
        assert!((row.value.unwrap() - all).abs() < 1e-6, "{}", world.name);
        let leaves = ["quality1", "quality2", "csd", "window", "coverage"];
        let parts = row.nodes.iter().filter(|n| leaves.contains(&n.node.as_str()));
        let sum: f64 = parts.filter_map(|n| n.contribution).sum();
        assert!((sum - all).abs() < 1e-6);
        assert!(row.low.unwrap() < all && row.high.unwrap() > all);
        assert_eq!(row.flags, ["dependence_bounded"], "questions to the same people");
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
