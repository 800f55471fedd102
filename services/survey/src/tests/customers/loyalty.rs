//! Loyalty, leave warnings, reminders and referrals.

use proto::{names, survey::v1, time};

use crate::tests::world::{NOW_US, World, refusal, worlds};

const DAY_US: i64 = 86_400_000_000;

async fn buy(world: &World, customer: &str, days_ago: i64, cents: i64, competitor: &str) {
    let purchase = v1::Purchase {
        item_id: format!("{customer}|{days_ago}|{competitor}"),
        customer: customer.to_owned(),
        time: Some(time::from_us(NOW_US - days_ago * DAY_US)),
        amount_cents: cents,
        competitor: competitor.to_owned(),
        ..Default::default()
    };
    let request = v1::BatchRecordPurchasesRequest { purchases: vec![purchase] };
    let answer = world.records().batch_record_purchases(world.as_admin(request)).await;
    assert_eq!(answer.unwrap().into_inner().results[0].code, 0);
}

async fn rival(world: &World) -> String {
    let competitor = v1::Competitor { display_name: "Rival".to_owned(), ..Default::default() };
    let request =
        v1::CreateCompetitorRequest { competitor: Some(competitor), ..Default::default() };
    world.competitors().create_competitor(world.as_admin(request)).await.unwrap().into_inner().name
}

#[tokio::test]
async fn loyalty_is_measured_over_a_period_and_the_one_before() {
    for world in worlds().await {
        let rival = rival(&world).await;
        let [a, b, c] = ["A", "B", "C"].map(|name| world.person(name));
        let (a, b, c) = (world.add(a).await, world.add(b).await, world.add(c).await);
        // The period is the 30 days before 2 November, the one before it 2 September on.
        buy(&world, &a.name, 40, 100, "").await;
        buy(&world, &a.name, 10, 300, "").await;
        buy(&world, &b.name, 45, 100, "").await;
        buy(&world, &c.name, 5, 200, "").await;
        buy(&world, &c.name, 6, 600, &rival).await;
        let referral = v1::CreateReferralRequest {
            referral: Some(v1::Referral { referrer: a.name.clone(), ..Default::default() }),
            ..Default::default()
        };
        world.clock.set(NOW_US - DAY_US);
        world.care().create_referral(world.as_admin(referral)).await.unwrap();
        world.clock.set(NOW_US);
        let request = v1::QueryLoyaltyRequest {
            from: "2026-10-03".to_owned(),
            to: "2026-11-02".to_owned(),
            ..Default::default()
        };
        let found = world.loyalty().query_loyalty(world.as_admin(request.clone())).await.unwrap();
        let found = found.into_inner();
        assert_eq!((found.customer_count, found.buyer_count), (3, 2), "{}", world.name);
        assert_eq!((found.purchase_count, found.amount_cents), (2, 500));
        assert_eq!((found.earlier_buyer_count, found.retained_count), (2, 1));
        assert_eq!((found.retention, found.churn), (Some(0.5), Some(0.5)));
        assert_eq!((found.wallet_customer_count, found.share_of_wallet), (1, Some(0.25)));
        assert_eq!((found.referral_count, found.recommendation), (1, Some(1.0 / 3.0)));
        let frequency = found.frequency_per_year.unwrap();
        assert!((frequency - 365.0 / 30.0).abs() < 1e-9, "{frequency}");
        for (from, to) in
            [("2026-11-02", "2026-11-02"), ("x", "2026-11-02"), ("2000-01-01", "2026-01-01")]
        {
            let request = v1::QueryLoyaltyRequest {
                from: from.to_owned(),
                to: to.to_owned(),
                ..request.clone()
            };
            let refused = world.loyalty().query_loyalty(world.as_admin(request)).await;
            assert_eq!(refusal(refused).0, tonic::Code::InvalidArgument);
        }
    }
}

#[tokio::test]
async fn customers_about_to_leave_are_listed_strongest_first_with_reasons() {
    for world in worlds().await {
        let rival = rival(&world).await;
        let loyal = world.add(world.person("loyal")).await.name;
        let silent = world.add(world.person("silent")).await.name;
        let straying = world.add(world.person("straying")).await.name;
        for days_ago in [30, 20, 10] {
            buy(&world, &loyal, days_ago, 100, "").await;
        }
        for days_ago in [230, 220, 210] {
            buy(&world, &silent, days_ago, 100, "").await;
        }
        buy(&world, &straying, 10, 100, "").await;
        buy(&world, &straying, 9, 300, &rival).await;
        let mut request = v1::ListLeaveWarningsRequest { page_size: 1, ..Default::default() };
        let mut found = Vec::new();
        loop {
            let page = world.loyalty().list_leave_warnings(world.as_admin(request.clone())).await;
            let page = page.unwrap().into_inner();
            found.extend(page.warnings);
            if page.next_page_token.is_empty() {
                break;
            }
            request.page_token = page.next_page_token;
        }
        assert_eq!(found.len(), 2, "{}", world.name);
        assert_eq!((found[0].customer.as_str(), found[0].points), (silent.as_str(), 70));
        assert_eq!(
            found[0].reasons.iter().map(|r| r.kind).collect::<Vec<_>>(),
            [v1::LeaveReasonKind::Overdue as i32, v1::LeaveReasonKind::FallingAmount as i32]
        );
        assert_eq!((found[1].customer.as_str(), found[1].points), (straying.as_str(), 20));
        assert_eq!(found[1].reasons[0].value, 0.75);
    }
}

#[tokio::test]
async fn birthdays_anniversaries_and_contacts_are_reminded_of_until_seen_to() {
    for world in worlds().await {
        let mut born = world.person("born");
        born.birthday = "1990-11-03".to_owned();
        let born = world.add(born).await.name;
        let mut old = world.person("old");
        old.since = "2021-11-02".to_owned();
        let old = world.add(old).await.name;
        let mut regular = world.person("regular");
        regular.contact_every_days = 2;
        let regular = world.add(regular).await.name;
        let mut quiet = world.person("quiet");
        quiet.birthday = "--11-03".to_owned();
        quiet.preferences =
            Some(v1::ContactPreferences { do_not_contact: true, ..Default::default() });
        world.add(quiet).await;
        let request = v1::ListRemindersRequest::default();
        let found = world.care().list_reminders(world.as_admin(request.clone())).await.unwrap();
        let found = found.into_inner().reminders;
        let seen: Vec<(&str, &str, i32)> =
            found.iter().map(|r| (r.date.as_str(), r.customer.as_str(), r.years)).collect();
        assert_eq!(
            seen,
            [
                ("2026-11-02", old.as_str(), 5),
                ("2026-11-03", born.as_str(), 0),
                ("2026-11-04", regular.as_str(), 0),
            ],
            "{}",
            world.name
        );
        for reminder in &found {
            let done = v1::CompleteReminderRequest {
                customer: reminder.customer.clone(),
                kind: reminder.kind,
                date: reminder.date.clone(),
            };
            world.care().complete_reminder(world.as_admin(done)).await.unwrap();
        }
        world.pass(86_400);
        let left = world.care().list_reminders(world.as_admin(request)).await.unwrap();
        let left = left.into_inner().reminders;
        assert_eq!(left.len(), 1, "the contact is due again in two days");
        assert_eq!(
            (left[0].date.as_str(), left[0].customer.as_str()),
            ("2026-11-04", regular.as_str())
        );
        for days in [-1, 32] {
            let request = v1::ListRemindersRequest { days, ..Default::default() };
            let refused = world.care().list_reminders(world.as_admin(request)).await;
            assert_eq!(refusal(refused).0, tonic::Code::InvalidArgument);
        }
    }
}

#[tokio::test]
async fn a_referral_goes_from_word_to_reward() {
    for world in worlds().await {
        let a = world.add(world.person("A")).await.name;
        let b = world.add(world.person("B")).await.name;
        let create = v1::CreateReferralRequest {
            referral: Some(v1::Referral { referrer: a.clone(), ..Default::default() }),
            request_id: "r".to_owned(),
        };
        let made = world.care().create_referral(world.as_admin(create.clone())).await.unwrap();
        let made = made.into_inner();
        let again = world.care().create_referral(world.as_admin(create)).await.unwrap();
        assert_eq!(again.into_inner().name, made.name);
        assert_eq!(world.look(&a).await.activity.unwrap().referral_count, 1, "{}", world.name);
        let change = |state: v1::ReferralState, referred: &str| v1::UpdateReferralRequest {
            referral: Some(v1::Referral {
                name: made.name.clone(),
                state: state as i32,
                referred: referred.to_owned(),
                reward: "gift".to_owned(),
                ..Default::default()
            }),
            update_mask: None,
        };
        let early = change(v1::ReferralState::Rewarded, &b);
        let early = world.care().update_referral(world.as_admin(early)).await;
        assert_eq!(refusal(early).0, tonic::Code::FailedPrecondition);
        let itself = change(v1::ReferralState::Converted, &a);
        let itself = world.care().update_referral(world.as_admin(itself)).await;
        assert_eq!(refusal(itself).0, tonic::Code::InvalidArgument);
        for state in [v1::ReferralState::Converted, v1::ReferralState::Rewarded] {
            let request = change(state, &b);
            world.care().update_referral(world.as_admin(request)).await.unwrap();
        }
        let list = v1::ListReferralsRequest { referrer: a, ..Default::default() };
        let listed = world.care().list_referrals(world.as_admin(list)).await.unwrap();
        let listed = listed.into_inner().referrals;
        assert_eq!(listed.len(), 1);
        assert!(listed[0].reward_time.is_some());
        assert_eq!(listed[0].referred, b);
        let nobody = names::print("referrals", uuid::Uuid::now_v7());
        let missing = v1::UpdateReferralRequest {
            referral: Some(v1::Referral { name: nobody, ..Default::default() }),
            update_mask: None,
        };
        let missing = world.care().update_referral(world.as_admin(missing)).await;
        assert_eq!(refusal(missing).0, tonic::Code::NotFound);
    }
}
