//! What became of people after they answered, as other services are told it.

use kit::{auth::InternalTokens, rpc::Chan, testing::SEED};
use proto::{
    names,
    survey::v1::{
        self, customer_record_service_client::CustomerRecordServiceClient,
        customer_service_client::CustomerServiceClient,
        outcome_service_client::OutcomeServiceClient,
    },
    time,
};
use tonic::Code;
use uuid::Uuid;

use super::scene::{Scene, grade, scenes};
use crate::tests::world::{NOW_US, bearer, refusal};

const DAY_US: i64 = 86_400_000_000;

impl Scene {
    async fn customer(&self, branch: usize) -> String {
        let customer = v1::Customer {
            unit: names::print("units", self.world.org.branches[branch]),
            display_name: "Somebody".to_owned(),
            ..Default::default()
        };
        let request = v1::CreateCustomerRequest { customer: Some(customer), ..Default::default() };
        let mut client = CustomerServiceClient::new(self.world.chan.clone());
        client.create_customer(self.world.as_admin(request)).await.unwrap().into_inner().name
    }

    /// Has a customer answer so many days after the beginning.
    async fn answered(&self, customer: &str, day: i64, value: i32) {
        self.world.clock.set(NOW_US + day * DAY_US);
        let (_, code) = self.invite(names::parse("customers", customer)).await;
        let mut submission = self.submission(&code).await;
        submission.answers = vec![grade("overall", "", value)];
        self.submit(submission).await.unwrap();
    }

    async fn bought(&self, customer: &str, day: i64, cents: i64) {
        let purchase = v1::Purchase {
            item_id: Uuid::now_v7().to_string(),
            customer: customer.to_owned(),
            time: Some(time::from_us(NOW_US + day * DAY_US)),
            amount_cents: cents,
            ..Default::default()
        };
        let request = v1::BatchRecordPurchasesRequest { purchases: vec![purchase] };
        let mut client = CustomerRecordServiceClient::new(self.world.chan.clone());
        let answer = client.batch_record_purchases(self.world.as_admin(request)).await.unwrap();
        assert_eq!(answer.into_inner().results[0].code, 0);
    }

    fn outcomes(&self) -> OutcomeServiceClient<Chan> {
        OutcomeServiceClient::new(self.world.chan.clone())
    }

    fn selection(&self, unit: Uuid) -> Option<v1::OutcomeSelection> {
        let questionnaire = self.campaign.settings.questionnaire;
        Some(v1::OutcomeSelection {
            organisation: names::print("organisations", self.world.org.org),
            unit: names::print("units", unit),
            questionnaire: names::print("questionnaires", questionnaire),
            ..Default::default()
        })
    }

    async fn counted(&self, request: v1::CountOutcomesRequest) -> v1::CountOutcomesResponse {
        let token = InternalTokens::new(&SEED).internal();
        let answer = self.outcomes().count_outcomes(bearer(request, &token)).await;
        answer.unwrap().into_inner()
    }

    fn request(&self) -> v1::CountOutcomesRequest {
        v1::CountOutcomesRequest {
            answers: self.selection(self.world.org.root),
            item: "overall".to_owned(),
            follow_up_days: 10,
        }
    }
}

/// Grade, bought before, purchases afterwards, customers, amount.
fn kinds(counts: &v1::CountOutcomesResponse) -> Vec<(i32, bool, i32, i64, i64)> {
    let kind =
        |c: &v1::OutcomeCount| (c.grade, c.bought_before, c.purchases, c.customers, c.amount_cents);
    counts.counts.iter().map(kind).collect()
}

#[tokio::test]
async fn purchases_are_counted_by_grade_and_answers_given_twice_are_paired() {
    for scene in scenes(|_| {}).await {
        let mut people = Vec::new();
        for _ in 0..4 {
            people.push(scene.customer(0).await);
        }
        for (who, day, value) in [(0, 0, 5), (1, 0, 1), (2, 1, 5), (0, 12, 4), (3, 25, 5)] {
            scene.answered(&people[who], day, value).await;
        }
        scene.world.clock.set(NOW_US + 30 * DAY_US);
        for (who, day, cents) in
            [(0, -5, 900), (0, 3, 100), (0, 11, 500), (1, -1, 100), (2, 4, 200), (2, 5, 300)]
        {
            scene.bought(&people[who], day, cents).await;
        }
        let found = scene.counted(scene.request()).await;
        assert_eq!(
            kinds(&found),
            [(1, true, 0, 1, 0), (5, false, 2, 1, 500), (5, true, 1, 1, 100)],
            "{}",
            scene.world.name
        );
        assert_eq!((found.unfinished, found.counts[1].amount_squares), (1, 25.0));

        // Another branch has no answers, and a time before the first none either.
        let elsewhere = scene.selection(scene.world.org.branches[1]);
        let request = v1::CountOutcomesRequest { answers: elsewhere, ..scene.request() };
        assert!(scene.counted(request).await.counts.is_empty());
        let mut early = scene.request();
        early.answers.as_mut().unwrap().to = Some(time::from_us(NOW_US));
        assert!(scene.counted(early).await.counts.is_empty());
        let mut other = scene.request();
        other.answers.as_mut().unwrap().versions = vec![2];
        assert!(scene.counted(other).await.counts.is_empty());

        answered_twice(&scene).await;
    }
}

async fn answered_twice(scene: &Scene) {
    let request = v1::ListRetestsRequest {
        answers: scene.selection(scene.world.org.root),
        items: vec!["overall".to_owned()],
        least_days: 7,
        most_days: 60,
    };
    let token = InternalTokens::new(&SEED).internal();
    let found = scene.outcomes().list_retests(bearer(request.clone(), &token)).await;
    let found = found.unwrap().into_inner();
    assert_eq!(found.retests, [v1::Retest { first: 100.0, second: 80.0 }]);
    let both = vec!["overall".to_owned(), "nps".to_owned()];
    let request = v1::ListRetestsRequest { items: both, ..request };
    let found = scene.outcomes().list_retests(bearer(request.clone(), &token)).await;
    let found = found.unwrap().into_inner();
    assert_eq!((found.retests.len(), found.incomplete), (0, 1));
    let late = v1::ListRetestsRequest { least_days: 13, ..request };
    let found = scene.outcomes().list_retests(bearer(late.clone(), &token)).await;
    assert_eq!(found.unwrap().into_inner(), v1::ListRetestsResponse::default());
    let refused = scene.outcomes().list_retests(scene.world.as_admin(late)).await;
    assert_eq!(refusal(refused).0, Code::PermissionDenied, "for other services only");
    let refused = scene.outcomes().count_outcomes(scene.world.as_admin(scene.request())).await;
    assert_eq!(refusal(refused).0, Code::PermissionDenied);
    let none = v1::CountOutcomesRequest { follow_up_days: 0, ..scene.request() };
    let refused = scene.outcomes().count_outcomes(bearer(none, &token)).await;
    assert_eq!(refusal(refused).0, Code::InvalidArgument);
}

#[tokio::test]
async fn answers_of_anonymous_campaigns_belong_to_nobody() {
    for scene in scenes(|settings| settings.anonymous = true).await {
        let somebody = scene.customer(0).await;
        scene.answered(&somebody, 0, 5).await;
        scene.answered(&somebody, 10, 4).await;
        scene.world.clock.set(NOW_US + 30 * DAY_US);
        scene.bought(&somebody, 2, 100).await;
        let found = scene.counted(scene.request()).await;
        assert_eq!(found, v1::CountOutcomesResponse::default(), "{}", scene.world.name);
    }
}
