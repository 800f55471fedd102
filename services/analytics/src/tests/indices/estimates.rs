//! Estimates from answers that are stored nowhere.

use super::*;

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

        let request = EstimateReliabilityRequest {
            unit,
            answers: Some(answers),
            bootstrap_resamples: 200,
            ..Default::default()
        };
        let send = bearer(request, &client.token);
        let found = client.indices.estimate_reliability(send).await.unwrap().into_inner();
        let block = found.block.unwrap();
        assert_eq!((block.items.len(), block.n), (12, 200), "pairs are left out");
        assert_eq!(block.band(), ReliabilityBand::High);
        assert!(found.omega.unwrap() > 0.8 && found.split_half.unwrap() > 0.8);
        let (omega, half) = (found.omega.unwrap(), found.split_half.unwrap());
        assert!(found.omega_low.unwrap() < omega && found.omega_high.unwrap() > omega);
        assert!(found.split_half_low.unwrap() < half && found.split_half_high.unwrap() > half);
    }
}
