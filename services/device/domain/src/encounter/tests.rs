//! Tests of the merging of events.

use proptest::prelude::*;

use super::*;

fn event(kind: Kind, event_us: i64) -> Event {
    Event { kind, event_us, ticket: String::new(), business_type: String::new(), queue_us: None }
}

fn blank() -> Encounter {
    Encounter::new(Uuid::from_u128(1), Uuid::from_u128(2), Uuid::from_u128(3))
}

fn of(events: &[Event]) -> Encounter {
    events.iter().fold(blank(), |known, event| merge(&known, event))
}

#[test]
fn the_latest_known_state_wins_over_the_latest_arrival() {
    let shown_first = of(&[event(Kind::Shown, 50), event(Kind::Started, 10)]);
    assert_eq!(shown_first.state(), State::Shown);
    assert_eq!(shown_first.time_us(), 10);
    let returned = of(&[event(Kind::NoShow, 5), event(Kind::Started, 10)]);
    assert_eq!(returned.state(), State::Started);
    assert_eq!(of(&[event(Kind::NoShow, 5), event(Kind::Called, 1)]).state(), State::NoShow);
}

#[test]
fn times_give_service_and_waiting() {
    let mut called = event(Kind::Called, 5_000_000);
    called.queue_us = Some(1_000_000);
    let all = [called, event(Kind::Started, 6_000_000), event(Kind::Finished, 9_500_000)];
    let encounter = of(&all);
    assert_eq!(encounter.service_ms(), Some(3_500));
    assert_eq!(encounter.waiting_ms(), Some(4_000));
    let backwards = [event(Kind::Started, 9_000), event(Kind::Finished, 1_000)];
    assert_eq!(of(&backwards).service_ms(), None);
}

#[test]
fn silence_is_neither_a_grade_nor_a_refusal() {
    let asked = [event(Kind::Finished, 10), event(Kind::Prompted, 11)];
    assert!(of(&asked).is_silent());
    assert!(!of(&asked[1..]).is_silent());
    let mut declined = of(&asked);
    declined.apply(&event(Kind::Skipped, 12));
    assert!(!declined.is_silent());
    let mut counted = of(&asked);
    counted.count_silence(99);
    assert_eq!(counted.state(), State::Defaulted);
    assert!(!counted.is_silent());
    counted.rate(Uuid::from_u128(9), 1, 200);
    assert_eq!(counted.state(), State::Rated);
}

fn any_event() -> impl Strategy<Value = Event> {
    (1..9_i32, 0..40_i64, "[ab]?", "[xy]?", proptest::option::of(0..9_i64)).prop_map(
        |(kind, event_us, ticket, business_type, queue_us)| {
            let kind = Kind::from_number(kind).unwrap();
            Event { kind, event_us, ticket, business_type, queue_us }
        },
    )
}

proptest! {
    #[test]
    fn any_order_of_the_same_events_gives_the_same_encounter(
        (events, shuffled) in proptest::collection::vec(any_event(), 0..20)
            .prop_flat_map(|events| (Just(events.clone()), Just(events).prop_shuffle())),
        ratings in proptest::collection::vec((1..4_u128, 0..5_i64), 0..4),
        repeated in 1..3_usize,
    ) {
        let mut one = of(&events);
        let mut other = blank();
        for (rating, press_us) in ratings.iter().rev() {
            other.rate(Uuid::from_u128(*rating), 1, *press_us);
        }
        for _ in 0..repeated {
            shuffled.iter().for_each(|event| other.apply(event));
        }
        for (rating, press_us) in &ratings {
            one.rate(Uuid::from_u128(*rating), 1, *press_us);
        }
        prop_assert_eq!(&one, &other);
        prop_assert_eq!((one.state(), one.time_us()), (other.state(), other.time_us()));
    }
}
