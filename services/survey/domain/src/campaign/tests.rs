//! Opening, closing and changing campaigns, and the checks of their settings.

use super::*;

fn settings() -> Settings {
    Settings {
        display_name: "Spring".to_owned(),
        questionnaire: Uuid::from_u128(1),
        version: 0,
        channels: vec![Channel::Email as i16],
        anonymous: false,
        open_us: None,
        close_us: Some(1_000),
        rate_target: RATE_TARGET_DEFAULT,
        min_responses: MIN_RESPONSES_DEFAULT,
        margin_target: None,
        quotas: Vec::new(),
        reminder_days: vec![3, 7],
        design: None,
        fatigue: (0, 0),
        link_base: "https://example.com/s/".to_owned(),
        claim_minutes: 0,
        attempts_max: 0,
    }
}

fn draft() -> Campaign {
    Campaign {
        id: Uuid::from_u128(2),
        org: Uuid::from_u128(3),
        unit: Uuid::from_u128(4),
        settings: settings(),
        state: State::Draft,
        plan: None,
        round: 0,
        time_zone: "Asia/Shanghai".to_owned(),
        auto_open_us: None,
        open_problem: String::new(),
        create_us: 0,
        end_us: None,
        version: 1,
    }
}

#[test]
fn answers_are_taken_from_the_opening_to_the_closing_time() {
    let mut campaign = draft();
    assert_eq!(campaign.accepts(500), Acceptance::NotYet);
    campaign.settings.open_us = Some(100);
    campaign.open(3, 50).unwrap();
    assert_eq!(campaign.settings.version, 3);
    for (at, expected) in [
        (99, Acceptance::NotYet),
        (100, Acceptance::Open),
        (999, Acceptance::Open),
        (1_000, Acceptance::Over),
    ] {
        assert_eq!(campaign.accepts(at), expected, "{at}");
    }
    assert!(campaign.close(200).unwrap());
    assert!(!campaign.close(300).unwrap());
    assert_eq!(campaign.accepts(200), Acceptance::Over);
    assert_eq!(campaign.end_us, Some(200));
}

#[test]
fn only_a_draft_with_a_channel_and_time_left_opens() {
    assert!(draft().open(1, 1_000).is_err());
    let mut none = draft();
    none.settings.channels.clear();
    assert!(none.open(1, 0).is_err());
    let mut twice = draft();
    twice.open(1, 0).unwrap();
    assert!(twice.open(1, 0).is_err());
    assert!(draft().close(0).is_err());
}

#[test]
fn the_promise_of_anonymity_is_fixed_when_the_campaign_opens() {
    let mut campaign = draft();
    let anonymous = |c: &Campaign| Settings { anonymous: true, ..c.settings.clone() };
    let wanted = anonymous(&campaign);
    campaign.change(wanted).unwrap();
    campaign.open(1, 0).unwrap();
    let broken = Settings { anonymous: false, ..campaign.settings.clone() };
    assert!(matches!(campaign.change(broken), Err(Error::WrongState(_))));
    let later = Settings { close_us: Some(5_000), ..campaign.settings.clone() };
    campaign.change(later).unwrap();
    campaign.close(100).unwrap();
    let name = Settings { display_name: "New".to_owned(), ..campaign.settings.clone() };
    assert!(matches!(campaign.change(name), Err(Error::WrongState(_))));
}

#[test]
fn wrong_settings_are_refused_with_their_field() {
    type Change = fn(&mut Settings);
    let cases: [(Change, &str); 19] = [
        (|s| s.display_name = "  ".to_owned(), "displayName"),
        (|s| s.version = -1, "version"),
        (|s| s.channels = vec![4, 99], "channels[1]"),
        (|s| s.channels = vec![4, 4], "channels[1]"),
        (|s| s.open_us = Some(1_000), "closeTime"),
        (|s| s.rate_target = 1.01, "responseRateTarget"),
        (|s| s.rate_target = f64::NAN, "responseRateTarget"),
        (|s| s.min_responses = 0, "minResponses"),
        (|s| s.margin_target = Some(1.0), "marginTarget"),
        (|s| s.reminder_days = vec![7, 7], "reminders[1].afterDays"),
        (|s| s.reminder_days = vec![0], "reminders[0].afterDays"),
        (|s| s.claim_minutes = -1, "claimMinutes"),
        (|s| s.claim_minutes = 1_441, "claimMinutes"),
        (|s| s.fatigue = (-2, 0), "fatigue.quietDays"),
        (|s| s.link_base = "javascript:x/".to_owned(), "linkBase"),
        (|s| s.link_base = "https://example.com/s".to_owned(), "linkBase"),
        (|s| s.link_base = "https://exa mple.com/".to_owned(), "linkBase"),
        (|s| s.design = Some(design(0, 10)), "sampling.method"),
        (|s| s.design = Some(design(2, 0)), "sampling.size"),
    ];
    for (change, expected) in cases {
        let mut wrong = settings();
        change(&mut wrong);
        match wrong.check() {
            Err(Error::Invalid { field, .. }) => assert_eq!(field, expected),
            other => panic!("{expected}: {other:?}"),
        }
    }
    assert!(settings().check().is_ok());
}

fn design(method: i16, size: i32) -> Design {
    Design {
        method,
        size,
        margin: 0.0,
        confidence: 0.95,
        response_rate: 0.0,
        units: Vec::new(),
        segment: None,
        strata: 0,
        min_per_stratum: 0,
        deviations: Vec::new(),
        seed: 0,
    }
}
