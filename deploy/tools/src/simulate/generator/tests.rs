//! What holds for every simulated town.

use std::collections::HashMap;

use proptest::prelude::*;

use super::*;

fn options(seed: u64) -> Options {
    Options { seed, rate: 30.0, start_hour: 9.0, outage_every_min: 30.0 }
}

fn town(branches: usize, windows: usize, staff: usize) -> Shape {
    Shape { branches: vec![BranchShape { windows, staff }; branches] }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn the_same_seed_gives_the_same_stream(
        seed: u64, branches in 1usize..4, windows in 1usize..5, staff in 1usize..7,
    ) {
        let shape = town(branches, windows, staff);
        let one: Vec<Event> = Generator::new(&shape, options(seed)).take(3_000).collect();
        let two: Vec<Event> = Generator::new(&shape, options(seed)).take(3_000).collect();
        prop_assert_eq!(one, two);
    }

    #[test]
    fn time_never_runs_backwards_and_nobody_serves_twice_at_once(seed: u64) {
        let shape = town(2, 4, 5);
        let mut last_us = 0;
        let mut at: HashMap<(usize, usize), usize> = HashMap::new();
        let mut serving: HashMap<Place, usize> = HashMap::new();
        for event in Generator::new(&shape, options(seed)).take(20_000) {
            prop_assert!(event.at_us >= last_us);
            last_us = event.at_us;
            match event.what {
                What::SignIn { staff, .. } => {
                    let who = (event.place.branch, staff);
                    prop_assert!(at.insert(who, event.place.window).is_none());
                    prop_assert!(serving.insert(event.place, staff).is_none());
                }
                What::SignOut { .. } => {
                    let staff = serving.remove(&event.place);
                    prop_assert!(staff.is_some());
                    at.remove(&(event.place.branch, staff.unwrap()));
                }
                What::Encounter { .. } | What::Rating { .. } => {
                    prop_assert!(serving.contains_key(&event.place));
                }
                _ => {}
            }
        }
    }
}

#[test]
fn another_seed_gives_another_stream() {
    let shape = town(2, 3, 4);
    let stream = |seed| Generator::new(&shape, options(seed)).take(200).collect::<Vec<_>>();
    assert_ne!(stream(1), stream(2));
}

#[test]
fn a_day_has_everything_that_the_suite_must_tell_apart() {
    let mut steps: HashMap<String, u64> = HashMap::new();
    let (mut ratings, mut bad, mut ids) = (0u64, 0u64, std::collections::HashSet::new());
    let generator = Generator::new(&town(3, 4, 6), options(5));
    for event in generator.take_while(|e| e.at_us < 24 * HOUR_US) {
        let name = match &event.what {
            What::Encounter { step, .. } => format!("{step:?}"),
            What::Rating { key, satisfaction, .. } => {
                ratings += 1;
                bad += u64::from(*satisfaction < 50);
                assert!(ids.insert(key.entropy), "an id came twice");
                "Rating".to_owned()
            }
            other => format!("{other:?}").split(' ').next().unwrap_or_default().to_owned(),
        };
        *steps.entry(name).or_default() += 1;
    }
    for name in [
        "SignIn",
        "SignOut",
        "Pause",
        "Resume",
        "Called",
        "NoShow",
        "Started",
        "Finished",
        "Prompted",
        "Shown",
        "Skipped",
        "TimedOut",
        "Rating",
        "BridgeDown",
        "BridgeUp",
    ] {
        assert!(steps.get(name).is_some_and(|n| *n > 3), "{name}: {steps:?}");
    }
    // 30 a minute are 43,200 a day; breaks and no-shows take some.
    assert!((25_000..45_000).contains(&steps["Started"]), "{steps:?}");
    assert!(ratings > steps["Started"] / 3, "{steps:?}");
    assert!(bad > 0 && bad < ratings / 10, "{bad} of {ratings} are bad");
}

#[test]
fn a_town_without_windows_is_silent() {
    assert_eq!(Generator::new(&town(2, 0, 3), options(1)).next(), None);
}
