//! Samples that are written in several steps: whole in the end, whatever comes between.

use std::collections::BTreeSet;

use proto::{
    names,
    survey::v1::{self, SamplingMethod as Method},
};
use survey_domain::customer::{Consents, Customer};
use tonic::Code;

use super::scene::{Scene, census, customer, design, scenes};
use crate::{
    fieldwork::{drawing, preparing},
    store::fieldwork as stored,
    tests::world::refusal,
};

async fn chosen(scene: &Scene, campaign: &str) -> BTreeSet<String> {
    scene.invited(campaign).await.into_iter().map(|i| i.customer).collect()
}

async fn sample(scene: &Scene, campaign: &str) -> v1::Sample {
    let request = v1::GetSampleRequest { name: campaign.to_owned() };
    let answer = scene.campaigns().get_sample(scene.world.as_admin(request)).await;
    answer.unwrap().into_inner()
}

#[tokio::test]
async fn a_sample_of_several_steps_is_whole_and_replaced_as_a_whole() {
    for scene in scenes().await {
        scene.customers([2_150, 0]).await;
        let silent = (0..1_100).map(|_| Customer {
            consents: Consents::default(),
            ..customer(&scene.world, 0, "external")
        });
        scene.add(&silent.collect::<Vec<_>>()).await;
        let draft = v1::Campaign { sampling: Some(census()), ..scene.draft() };
        let campaign = scene.create(draft).await.name;
        for _ in 0..2 {
            let drawn = scene.draw(&campaign).await;
            assert!(!drawn.drawing, "{}", scene.world.name);
            assert_eq!((drawn.sample_size, drawn.prepared_count), (2_150, 2_150));
            assert_eq!(scene.status(&campaign).await.total.unwrap().prepared, 2_150);
            assert_eq!(scene.world.count("invitation").await, 2_150);
            assert_eq!(scene.world.count("sample_exclusion").await, 1_100);
        }
    }
}

#[tokio::test]
async fn a_sample_that_was_left_half_drawn_cannot_be_opened_and_is_drawn_on() {
    for scene in scenes().await {
        scene.customers([30, 0]).await;
        let sampling = Some(design(Method::SimpleRandom, 12));
        let campaign = scene.create(v1::Campaign { sampling, ..scene.draft() }).await.name;
        scene.draw(&campaign).await;
        let first = chosen(&scene, &campaign).await;
        // A process notes that it draws, and dies.
        let (app, org) = (&scene.world.app, scene.world.org.org);
        let id = names::parse("campaigns", &campaign).unwrap();
        let found = stored::campaign::find(app.db.read(), org, id).await.unwrap();
        let mut begun = found.unwrap();
        let wanted = drawing::design_of(&begun).unwrap();
        preparing::begin(app, None, &mut begun, wanted).await.unwrap();
        let half = sample(&scene, &campaign).await;
        assert_eq!((half.drawing, half.prepared_count), (true, 0), "{}", scene.world.name);
        let open = v1::OpenCampaignRequest { name: campaign.clone(), etag: String::new() };
        let refused = scene.campaigns().open_campaign(scene.world.as_admin(open)).await;
        assert_eq!(refusal(refused).0, Code::FailedPrecondition);
        scene.sweep().await;
        assert!(sample(&scene, &campaign).await.drawing, "it may still be at work");
        scene.world.pass(u64::try_from(preparing::PATIENCE_US / 1_000_000).unwrap() + 1);
        scene.sweep().await;
        let whole = sample(&scene, &campaign).await;
        assert_eq!((whole.drawing, whole.prepared_count, whole.sample_size), (false, 12, 12));
        assert_eq!(chosen(&scene, &campaign).await, first, "the same seed, the same sample");
        assert_eq!(scene.status(&campaign).await.total.unwrap().prepared, 12);
        scene.open(&campaign).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_who_draw_at_once_one_sample_stays() {
    for scene in scenes().await {
        scene.customers([40, 0]).await;
        let sampling = Some(v1::SamplingDesign { seed: 0, ..design(Method::SimpleRandom, 15) });
        let campaign = scene.create(v1::Campaign { sampling, ..scene.draft() }).await.name;
        let request = || v1::DrawSampleRequest { name: campaign.clone(), validate_only: false };
        let draw = || async {
            let request = scene.world.as_admin(request());
            scene.campaigns().draw_sample(request).await.map(|answer| answer.into_inner())
        };
        let both = tokio::join!(draw(), draw());
        let mut done = 0;
        for answer in [both.0, both.1] {
            match answer {
                Ok(_) => done += 1,
                Err(refused) => assert_eq!(refused.code(), Code::Aborted, "{refused}"),
            }
        }
        assert!(done > 0, "{}: nobody drew", scene.world.name);
        let stays = sample(&scene, &campaign).await;
        assert_eq!((stays.drawing, stays.prepared_count), (false, 15));
        assert_eq!(chosen(&scene, &campaign).await.len(), 15);
        assert_eq!(scene.status(&campaign).await.total.unwrap().prepared, 15);
    }
}

#[tokio::test]
async fn a_draw_that_fails_leaves_no_sample() {
    for scene in scenes().await {
        scene.customers([3, 3]).await;
        let sampling = v1::SamplingDesign {
            strata: v1::StratumKind::Unit as i32,
            min_per_stratum: 5,
            ..design(Method::StratifiedProportional, 4)
        };
        let draft = v1::Campaign { sampling: Some(sampling), ..scene.draft() };
        let campaign = scene.create(draft).await.name;
        let request = v1::DrawSampleRequest { name: campaign.clone(), validate_only: false };
        let refused = scene.campaigns().draw_sample(scene.world.as_admin(request)).await;
        assert_eq!(refusal(refused).0, Code::InvalidArgument, "{}", scene.world.name);
        let request = v1::GetSampleRequest { name: campaign.clone() };
        let none = scene.campaigns().get_sample(scene.world.as_admin(request)).await;
        assert_eq!(refusal(none).0, Code::NotFound);
        assert_eq!(scene.world.count("invitation").await, 0);
    }
}
