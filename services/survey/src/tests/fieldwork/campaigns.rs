//! The life of campaigns, and what is refused.

use proto::{
    common::v1::Reason,
    names,
    survey::v1::{self, CampaignState, FieldworkFindingKind as Finding},
};
use tonic::Code;

use super::scene::{census, scenes};
use crate::tests::world::{fields, refusal};

#[tokio::test]
async fn a_campaign_is_drafted_opened_and_closed_for_good() {
    for scene in scenes().await {
        let world = &scene.world;
        let campaign = scene.create(scene.draft()).await;
        assert_eq!(campaign.state(), CampaignState::Draft);
        assert_eq!((campaign.response_rate_target, campaign.min_responses), (0.7, 10));
        let opened = scene.open(&campaign.name).await;
        assert_eq!((opened.state(), opened.version), (CampaignState::Open, 1));
        assert_ne!(opened.open_time, None);
        // What was promised stays.
        let change = v1::UpdateCampaignRequest {
            campaign: Some(v1::Campaign {
                name: campaign.name.clone(),
                anonymous: true,
                ..Default::default()
            }),
            update_mask: None,
        };
        let broken = scene.campaigns().update_campaign(world.as_admin(change)).await;
        assert_eq!(refusal(broken), (Code::FailedPrecondition, Reason::WrongState));
        let name = v1::DeleteCampaignRequest { name: campaign.name.clone() };
        let kept = scene.campaigns().delete_campaign(world.as_admin(name)).await;
        assert_eq!(refusal(kept), (Code::FailedPrecondition, Reason::WrongState));
        let closed = scene.close(&campaign.name).await;
        assert_eq!(closed.state(), CampaignState::Closed);
        assert_eq!(scene.close(&campaign.name).await.end_time, closed.end_time);
        let again = v1::OpenCampaignRequest { name: campaign.name, etag: String::new() };
        let reopened = scene.campaigns().open_campaign(world.as_admin(again)).await;
        assert_eq!(refusal(reopened), (Code::FailedPrecondition, Reason::WrongState));
    }
}

#[tokio::test]
async fn creating_twice_with_one_request_id_creates_one() {
    for scene in scenes().await {
        let request = v1::CreateCampaignRequest {
            campaign: Some(scene.draft()),
            request_id: "r1".to_owned(),
        };
        let first = scene.campaigns().create_campaign(scene.world.as_admin(request.clone())).await;
        let again = scene.campaigns().create_campaign(scene.world.as_admin(request)).await;
        assert_eq!(first.unwrap().into_inner().name, again.unwrap().into_inner().name);
        assert_eq!(scene.world.count("campaign").await, 1);
    }
}

#[tokio::test]
async fn wrong_settings_name_their_field() {
    let scenes = scenes().await;
    let scene = &scenes[0];
    type Change = fn(&mut v1::Campaign);
    let cases: [(Change, &str); 13] = [
        (|c| c.display_name.clear(), "campaign.displayName"),
        (|c| c.questionnaire = "questionnaires/1".to_owned(), "campaign.questionnaire"),
        (|c| c.unit.clear(), "campaign.unit"),
        (|c| c.version = -1, "campaign.version"),
        (|c| c.channels = vec![4, 4], "campaign.channels[1]"),
        (|c| c.channels = vec![0], "campaign.channels[0]"),
        (|c| c.response_rate_target = 1.5, "campaign.responseRateTarget"),
        (|c| c.min_responses = -1, "campaign.minResponses"),
        (|c| c.margin_target = -0.1, "campaign.marginTarget"),
        (|c| c.quotas = vec![v1::Quota { limit: 5, ..Default::default() }], "campaign.quotas[0]"),
        (
            |c| c.reminders = vec![v1::ReminderRule { after_days: 0 }],
            "campaign.reminders[0].afterDays",
        ),
        (|c| c.sampling = Some(v1::SamplingDesign::default()), "campaign.sampling.method"),
        (|c| c.link_base = "ftp://x/".to_owned(), "campaign.linkBase"),
    ];
    for (change, field) in cases {
        let mut campaign = scene.draft();
        change(&mut campaign);
        let request =
            v1::CreateCampaignRequest { campaign: Some(campaign), request_id: String::new() };
        let refused = scene.campaigns().create_campaign(scene.world.as_admin(request)).await;
        assert_eq!(fields(refused), (Code::InvalidArgument, vec![field.to_owned()]), "{field}");
    }
}

#[tokio::test]
async fn what_a_campaign_names_must_exist() {
    let scenes = scenes().await;
    let scene = &scenes[0];
    let id = uuid::Uuid::now_v7();
    let group = |quota: v1::Quota| vec![v1::Quota { limit: 5, ..quota }];
    let unit = names::print("units", id);
    let class = names::print("customerClasses", id);
    let segment = names::print("segments", id);
    for campaign in [
        v1::Campaign { questionnaire: names::print("questionnaires", id), ..scene.draft() },
        v1::Campaign { unit: unit.clone(), ..scene.draft() },
        v1::Campaign { quotas: group(v1::Quota { unit, ..Default::default() }), ..scene.draft() },
        v1::Campaign {
            quotas: group(v1::Quota { customer_class: class, ..Default::default() }),
            ..scene.draft()
        },
        v1::Campaign {
            sampling: Some(v1::SamplingDesign { segment, ..census() }),
            ..scene.draft()
        },
    ] {
        let request =
            v1::CreateCampaignRequest { campaign: Some(campaign), request_id: String::new() };
        let refused = scene.campaigns().create_campaign(scene.world.as_admin(request)).await;
        assert_eq!(refusal(refused), (Code::NotFound, Reason::NotFound));
    }
}

#[tokio::test]
async fn a_stale_version_changes_nothing_and_lists_come_in_pages() {
    for scene in scenes().await {
        let world = &scene.world;
        let mut made = Vec::new();
        for n in 0..5 {
            world.pass(1);
            let draft = v1::Campaign { display_name: format!("C{n}"), ..scene.draft() };
            made.push(scene.create(draft).await);
        }
        let rename = |etag: &str| v1::UpdateCampaignRequest {
            campaign: Some(v1::Campaign {
                name: made[0].name.clone(),
                display_name: "New".to_owned(),
                etag: etag.to_owned(),
                ..Default::default()
            }),
            update_mask: None,
        };
        let etag = made[0].etag.clone();
        scene.campaigns().update_campaign(world.as_admin(rename(&etag))).await.unwrap();
        let stale = scene.campaigns().update_campaign(world.as_admin(rename(&etag))).await;
        assert_eq!(refusal(stale), (Code::Aborted, Reason::StaleVersion));
        let (mut token, mut seen) = (String::new(), Vec::new());
        loop {
            let request =
                v1::ListCampaignsRequest { page_size: 2, page_token: token, ..Default::default() };
            let page = scene.campaigns().list_campaigns(world.as_admin(request)).await;
            let page = page.unwrap().into_inner();
            seen.extend(page.campaigns.into_iter().map(|c| c.name));
            token = page.next_page_token;
            if token.is_empty() {
                break;
            }
        }
        let expected: Vec<String> = made.iter().rev().map(|c| c.name.clone()).collect();
        assert_eq!(seen, expected);
    }
}

#[tokio::test]
async fn what_is_missing_for_a_valid_result_is_said() {
    for scene in scenes().await {
        let campaign = scene.create(scene.draft()).await;
        let kinds = |status: &v1::FieldworkStatus| -> Vec<Finding> {
            status.findings.iter().map(|finding| finding.kind()).collect()
        };
        let status = scene.status(&campaign.name).await;
        let expected = [Finding::NoSample, Finding::FieldworkOpen, Finding::SampleTooSmall];
        assert_eq!(kinds(&status), expected);
        assert!(status.findings[2].text["zh-CN"].contains("10"));
        scene.open(&campaign.name).await;
        scene.close(&campaign.name).await;
        let status = scene.status(&campaign.name).await;
        assert_eq!(kinds(&status), [Finding::NoSample, Finding::SampleTooSmall]);
        assert_eq!(status.rates.unwrap().rr1, None);
    }
}

#[tokio::test]
async fn other_organisations_and_other_branches_see_nothing() {
    use proto::common::v1::Permission;
    for scene in scenes().await {
        let world = &scene.world;
        let campaign = scene.create(scene.draft()).await;
        let branch = world.org.branches[0];
        let local = world.org.user(branch, &[Permission::CampaignRead]).await;
        let reader = world.org.user(world.org.region, &[Permission::CampaignRead]).await;
        let get = || v1::GetCampaignRequest { name: campaign.name.clone() };
        let hidden = scene.campaigns().get_campaign(kit::rpc::bearer(get(), &local)).await;
        assert_eq!(refusal(hidden), (Code::NotFound, Reason::NotFound));
        scene.campaigns().get_campaign(kit::rpc::bearer(get(), &reader)).await.unwrap();
        let close = v1::CloseCampaignRequest { name: campaign.name.clone() };
        let denied = scene.campaigns().close_campaign(kit::rpc::bearer(close, &reader)).await;
        assert_eq!(refusal(denied), (Code::PermissionDenied, Reason::PermissionDenied));
    }
}
