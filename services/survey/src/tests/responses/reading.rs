//! Who may read which responses.

use proto::{
    common::v1::{Permission, Reason},
    names,
    survey::v1,
};
use tonic::Code;
use uuid::Uuid;

use super::scene::{grade, scenes};
use crate::tests::world::{NOW_US, refusal};

#[tokio::test(flavor = "multi_thread")]
async fn a_branch_sees_its_own_responses_and_no_others() {
    for scene in scenes(|_| {}).await {
        let branches = scene.world.org.branches;
        let mut names_of = Vec::new();
        for branch in branches {
            let request = v1::EnterResponseRequest {
                campaign: scene.name(),
                submission_id: Uuid::now_v7().to_string(),
                channel: v1::ResponseChannel::Visit as i32,
                unit: names::print("units", branch),
                answers: vec![grade("overall", "", 3)],
                ..Default::default()
            };
            let stored = scene.responses().enter_response(scene.world.as_admin(request)).await;
            names_of.push(stored.unwrap().into_inner().name);
        }
        let reader = scene.world.org.user(branches[0], &[Permission::ResponseRead]).await;
        let list = scene.bearer(v1::ListResponsesRequest::default(), &reader);
        let list = scene.responses().list_responses(list).await.unwrap().into_inner();
        let seen: Vec<&str> = list.responses.iter().map(|r| r.name.as_str()).collect();
        assert_eq!(seen, [names_of[0].as_str()]);
        let get = |name: &str| v1::GetResponseRequest { name: name.into() };
        scene.responses().get_response(scene.bearer(get(&names_of[0]), &reader)).await.unwrap();
        for name in [names_of[1].clone(), names::print("responses", Uuid::now_v7())] {
            let refused = scene.responses().get_response(scene.bearer(get(&name), &reader)).await;
            assert_eq!(refusal(refused), (Code::NotFound, Reason::NotFound));
        }
        let other = v1::ListResponsesRequest {
            unit: names::print("units", branches[1]),
            ..Default::default()
        };
        let refused = scene.responses().list_responses(scene.bearer(other, &reader)).await;
        assert_eq!(refusal(refused), (Code::NotFound, Reason::NotFound));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_follows_the_tree_that_it_is_asked_for_as_figures_do() {
    for scene in scenes(|_| {}).await {
        let org = &scene.world.org;
        let by_link = async || {
            let request = scene.submission(&scene.link).await;
            scene.submit(request).await.unwrap();
        };
        let entered = v1::EnterResponseRequest {
            campaign: scene.name(),
            submission_id: Uuid::now_v7().to_string(),
            channel: v1::ResponseChannel::Visit as i32,
            unit: names::print("units", org.branches[1]),
            answers: vec![grade("overall", "", 3)],
            ..Default::default()
        };
        scene.responses().enter_response(scene.world.as_admin(entered)).await.unwrap();
        // The first branch leaves the region in five minutes; two answers before, one after.
        let west = org.move_branch(NOW_US + 300_000_000).await;
        by_link().await;
        by_link().await;
        scene.world.pass(300);
        by_link().await;
        let count = async |token: &str, unit: Uuid, tree: v1::Tree| {
            let unit = names::print("units", unit);
            let request =
                v1::ListResponsesRequest { unit, tree: tree as i32, ..Default::default() };
            let list = scene.responses().list_responses(scene.bearer(request, token)).await;
            list.unwrap().into_inner().responses.len()
        };
        let reader = [Permission::ResponseRead];
        let all = org.user(org.root, &reader).await;
        for (unit, wanted) in
            [(org.region, [3, 1, 1]), (west, [1, 3, 3]), (org.branches[0], [3, 3, 3])]
        {
            let trees = [v1::Tree::AsOfService, v1::Tree::Present, v1::Tree::Unspecified];
            for (tree, wanted) in trees.into_iter().zip(wanted) {
                let found = count(&all, unit, tree).await;
                assert_eq!(found, wanted, "{}: {unit} {tree:?}", scene.world.name);
            }
        }
        // What has left is not shown to whoever may not see it where it stands now.
        let former = org.user(org.region, &reader).await;
        assert_eq!(count(&former, org.region, v1::Tree::AsOfService).await, 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_are_complete_ordered_and_bound_to_their_list() {
    for scene in scenes(|_| {}).await {
        let (_, link) = scene.open_link(1_000, -1).await;
        for n in 0..7 {
            let mut request = scene.submission(&link).await;
            request.website = if n % 2 == 0 { "x".into() } else { String::new() };
            scene.submit(request).await.unwrap();
        }
        let (mut token, mut seen) = (String::new(), Vec::new());
        loop {
            let request = v1::ListResponsesRequest {
                campaign: scene.name(),
                page_size: 3,
                page_token: token.clone(),
                ..Default::default()
            };
            let page = scene.responses().list_responses(scene.world.as_admin(request)).await;
            let page = page.unwrap().into_inner();
            seen.extend(page.responses);
            token = page.next_page_token;
            if token.is_empty() {
                break;
            }
            let foreign = v1::ListResponsesRequest {
                suspect_only: true,
                page_token: token.clone(),
                ..Default::default()
            };
            let refused = scene.responses().list_responses(scene.world.as_admin(foreign)).await;
            assert_eq!(refusal(refused), (Code::InvalidArgument, Reason::BadToken));
        }
        let times: Vec<_> = seen.iter().map(|r| r.submit_time.unwrap().seconds).collect();
        assert_eq!(times.len(), 7);
        assert!(times.windows(2).all(|pair| pair[0] >= pair[1]));
        let suspect = v1::ListResponsesRequest { suspect_only: true, ..Default::default() };
        let suspect = scene.responses().list_responses(scene.world.as_admin(suspect)).await;
        assert_eq!(suspect.unwrap().into_inner().responses.len(), 4);
        let from = v1::ListResponsesRequest {
            from_time: seen[2].submit_time,
            to_time: seen[0].submit_time,
            ..Default::default()
        };
        let within = scene.responses().list_responses(scene.world.as_admin(from)).await.unwrap();
        assert_eq!(within.into_inner().responses.len(), 2);
        let bad = v1::ListResponsesRequest { page_size: -1, ..Default::default() };
        let refused = scene.responses().list_responses(scene.world.as_admin(bad)).await;
        assert_eq!(refusal(refused).0, Code::InvalidArgument);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_customer_is_shown_to_those_who_may_see_customers() {
    let all = scenes(|_| {}).await;
    let scene = &all[0];
    let customer = Uuid::now_v7();
    let (_, link) = scene.invite(Some(customer)).await;
    let request = scene.submission(&link).await;
    let receipt = scene.submit(request).await.unwrap().into_inner().receipt;
    let reader = scene.world.org.user(scene.world.org.root, &[Permission::ResponseRead]).await;
    let get = v1::GetResponseRequest { name: receipt.clone() };
    let seen = scene.responses().get_response(scene.bearer(get, &reader)).await.unwrap();
    assert_eq!(seen.into_inner().customer, "");
    assert_eq!(scene.response(&receipt).await.customer, names::print("customers", customer));
}
