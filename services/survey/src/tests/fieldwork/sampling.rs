//! Samples: again from their seed, in strata, and who is left out.

use std::collections::HashSet;

use proto::{
    names,
    survey::v1::{self, ExclusionReason as Reason, SamplingMethod as Method},
};
use survey_domain::{
    customer::{Consents, Hashes, Preferences, State},
    sampling::draw,
};
use tonic::Code;
use uuid::Uuid;

use super::scene::{Scene, census, customer, design, scenes};
use crate::tests::world::refusal;

async fn drawn(scene: &Scene, campaign: &str) -> HashSet<Uuid> {
    let invited = scene.invited(campaign).await;
    invited.iter().filter_map(|i| names::parse("customers", &i.customer)).collect()
}

#[tokio::test]
async fn a_sample_is_drawn_again_from_its_seed_and_by_anybody() {
    for scene in scenes().await {
        let all = scene.customers([30, 20]).await;
        let campaign = scene
            .create(v1::Campaign {
                sampling: Some(design(Method::SimpleRandom, 12)),
                ..scene.draft()
            })
            .await;
        let first = scene.draw(&campaign.name).await;
        let chosen = drawn(&scene, &campaign.name).await;
        assert_eq!((first.frame_size, first.eligible_size, first.sample_size), (50, 50, 12));
        // Whoever knows the rule, the seed and the customers finds the same ones.
        let mut order = all.clone();
        order.sort_by(|a, b| draw::number(42, *a).total_cmp(&draw::number(42, *b)));
        assert_eq!(chosen, order[..12].iter().copied().collect());
        let second = scene.draw(&campaign.name).await;
        assert_eq!(second.frame_hash, first.frame_hash);
        assert_eq!(drawn(&scene, &campaign.name).await, chosen);
        let status = scene.status(&campaign.name).await;
        assert_eq!(status.total.unwrap().prepared, 12, "{}", scene.world.name);
        let inclusion = second.strata[0].inclusion.unwrap();
        assert!((inclusion - 0.24).abs() < 1e-12);
    }
}

#[tokio::test]
async fn strata_get_their_share_and_their_weight() {
    for scene in scenes().await {
        scene.customers([30, 10]).await;
        let units = scene.world.org.branches.map(|id| names::print("units", id));
        for (method, deviations, expected) in [
            (Method::StratifiedProportional, vec![], [12, 4]),
            (Method::StratifiedOptimal, vec![(1, 3.0)], [8, 8]),
        ] {
            let deviations = deviations
                .into_iter()
                .map(|(unit, deviation): (usize, f64)| v1::StratumDeviation {
                    stratum: units[unit].clone(),
                    deviation,
                })
                .collect();
            let sampling = v1::SamplingDesign {
                strata: v1::StratumKind::Unit as i32,
                deviations,
                ..design(method, 16)
            };
            let draft = v1::Campaign { sampling: Some(sampling), ..scene.draft() };
            let campaign = scene.create(draft).await;
            let sample = scene.draw(&campaign.name).await;
            for (unit, size) in units.iter().zip(expected) {
                let stratum = sample.strata.iter().find(|s| s.stratum == *unit).unwrap();
                assert_eq!(stratum.sample, size, "{method:?}");
                let invited = scene.invited(&campaign.name).await;
                let own: Vec<_> = invited.iter().filter(|i| i.stratum == *unit).collect();
                let weights: f64 = own.iter().map(|i| i.design_weight).sum();
                assert_eq!(own.len() as i64, size);
                assert!((weights - stratum.population as f64).abs() < 1e-9);
            }
        }
    }
}

#[tokio::test]
async fn everybody_who_is_left_out_has_a_reason() {
    for scene in scenes().await {
        let world = &scene.world;
        let new = |change: fn(&mut survey_domain::customer::Customer)| {
            let mut customer = customer(world, 0, "external");
            change(&mut customer);
            customer
        };
        let asked = new(|_| ());
        let silent = new(|c| c.consents = Consents::default());
        let shy = new(|c| {
            c.preferences = Preferences { do_not_contact: true, ..Preferences::default() };
        });
        let unreachable = new(|c| c.hashes = Hashes::default());
        let unimportant = new(|c| c.importance = 0.0);
        let fine = new(|_| ());
        let retired = new(|c| c.state = State::Retired);
        let all = [
            asked.clone(),
            silent.clone(),
            shy.clone(),
            unreachable.clone(),
            unimportant.clone(),
            fine.clone(),
            retired,
        ];
        scene.add(&all).await;
        let former = scene.create(scene.draft()).await;
        scene.open(&former.name).await;
        let invite = v1::CreateInvitationsRequest {
            campaign: former.name.clone(),
            customers: vec![names::print("customers", asked.id)],
            channel: v1::ResponseChannel::Email as i32,
            ..Default::default()
        };
        scene.invitations().create_invitations(world.as_admin(invite)).await.unwrap();

        let draft = v1::Campaign { sampling: Some(design(Method::Importance, 5)), ..scene.draft() };
        let campaign = scene.create(draft).await;
        let sample = scene.draw(&campaign.name).await;
        // Who is no customer any more is in no frame.
        assert_eq!((sample.frame_size, sample.sample_size), (6, 1));
        assert_eq!(drawn(&scene, &campaign.name).await, [fine.id].into());
        let request =
            v1::ListSampleExclusionsRequest { name: campaign.name.clone(), ..Default::default() };
        let listed = scene.campaigns().list_sample_exclusions(world.as_admin(request)).await;
        let listed = listed.unwrap().into_inner().exclusions;
        let reason = |id: Uuid| {
            let name = names::print("customers", id);
            listed.iter().find(|e| e.customer == name).map(|e| e.reason()).unwrap()
        };
        assert_eq!(listed.len(), 5);
        assert_eq!(reason(asked.id), Reason::AskedRecently);
        assert_eq!(reason(silent.id), Reason::NoConsent);
        assert_eq!(reason(shy.id), Reason::NoConsent);
        assert_eq!(reason(unreachable.id), Reason::NoContact);
        assert_eq!(reason(unimportant.id), Reason::NoImportance);
        let tired = listed.iter().find(|e| e.reason() == Reason::AskedRecently).unwrap();
        assert_eq!(tired.last_campaign, former.name);
        // After the quiet days the customer is asked again.
        world.pass(91 * 86_400);
        let sample = scene.draw(&campaign.name).await;
        assert_eq!(sample.sample_size, 2);
    }
}

#[tokio::test]
async fn a_look_at_a_sample_stores_nothing() {
    for scene in scenes().await {
        scene.customers([5, 0]).await;
        let draft = v1::Campaign { sampling: Some(census()), ..scene.draft() };
        let campaign = scene.create(draft).await;
        let look = v1::DrawSampleRequest { name: campaign.name.clone(), validate_only: true };
        let sample = scene.campaigns().draw_sample(scene.world.as_admin(look)).await.unwrap();
        assert_eq!(sample.into_inner().sample_size, 5);
        assert_eq!(scene.world.count("invitation").await, 0);
        let request = v1::GetSampleRequest { name: campaign.name };
        let none = scene.campaigns().get_sample(scene.world.as_admin(request)).await;
        assert_eq!(refusal(none).0, Code::NotFound);
    }
}

#[tokio::test]
async fn the_size_of_a_sample_is_computed() {
    let scenes = scenes().await;
    let ask = |request: v1::CalculateSampleSizeRequest| {
        let (world, mut campaigns) = (&scenes[0].world, scenes[0].campaigns());
        async move {
            let answer = campaigns.calculate_sample_size(world.as_admin(request)).await;
            answer.map(tonic::Response::into_inner)
        }
    };
    let finite = v1::CalculateSampleSizeRequest {
        margin: 0.05,
        population: Some(1200),
        response_rate: 0.7,
        ..Default::default()
    };
    let size = ask(finite).await.unwrap();
    assert_eq!((size.responses, size.invitations), (292, 418));
    assert!(size.margin.unwrap() <= 0.05);
    let mean = v1::CalculateSampleSizeRequest {
        deviation: Some(18.0),
        margin: 2.5,
        population: Some(900),
        ..finite
    };
    assert_eq!(ask(mean).await.unwrap().responses, 164);
    for bad in [
        v1::CalculateSampleSizeRequest { margin: 0.0, ..finite },
        v1::CalculateSampleSizeRequest { margin: -1.0, ..finite },
        v1::CalculateSampleSizeRequest { proportion: Some(2.0), ..finite },
        v1::CalculateSampleSizeRequest { population: Some(-1), ..finite },
        v1::CalculateSampleSizeRequest { confidence: 1.0, ..finite },
        v1::CalculateSampleSizeRequest { response_rate: 1.5, ..finite },
        v1::CalculateSampleSizeRequest { min_responses: -1, ..finite },
        v1::CalculateSampleSizeRequest { margin: f64::NAN, ..finite },
    ] {
        assert_eq!(ask(bad).await.unwrap_err().code(), Code::InvalidArgument, "{bad:?}");
    }
}
