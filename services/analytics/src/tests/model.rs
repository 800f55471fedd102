//! Random facts, the events that tell them, and counting them by hand.

use std::collections::BTreeMap;

use analytics_domain::{
    cell::{Counts, DayKey, Deltas, SiteKey, What},
    fact::{Change, Encounter, End, Fact, Grade, Place, Rating},
    pack::month_of,
};
use jiff::tz::TimeZone;
use prost::Message as _;
use proto::{
    common::v1::EventGroup,
    device::v1::{
        EncounterChange, EncounterFacts, EncounterState, Event, Events, ItemGrade, RatingChange,
        RatingFacts, Template, TemplateItem, event::Change as Kind,
    },
    names, time,
};
use uuid::Uuid;

use super::world::World;
use crate::store::placements;

/// A small deterministic generator; tests name its seed when they fail.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    pub fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() >> 33).unwrap() % end.max(1)
    }

    pub fn chance(&mut self, one_in: usize) -> bool {
        self.below(one_in) == 0
    }

    pub fn pick<T: Clone>(&mut self, items: &[T]) -> T {
        items[self.below(items.len())].clone()
    }

    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for end in (1..items.len()).rev() {
            items.swap(end, self.below(end + 1));
        }
    }
}

/// Templates that facts use: five grades with two items, 0 to 10, and 0 to 100.
pub const TEMPLATES: [Uuid; 3] =
    [Uuid::from_u128(0x501), Uuid::from_u128(0x502), Uuid::from_u128(0x503)];

/// Their definitions, as the device service tells them.
pub fn template_events(world: &World) -> Vec<Event> {
    let item = |code: &str| TemplateItem { code: code.to_owned(), ..Default::default() };
    let grades = |values: std::ops::RangeInclusive<i32>| {
        let (low, high) = (*values.start(), *values.end());
        values
            .map(|value| proto::device::v1::Grade {
                value,
                score_0_100: f64::from(value - low) * 100.0 / f64::from(high - low),
                satisfied: value >= high - 1,
                bad: value <= low + 1,
                ..Default::default()
            })
            .collect()
    };
    [
        (1, 5, grades(1..=5), vec![item("overall"), item("speed")]),
        (0, 10, grades(0..=10), vec![item("recommend")]),
        (0, 100, Vec::new(), vec![item("overall")]),
    ]
    .into_iter()
    .zip(TEMPLATES)
    .map(|((scale_min, scale_max, grades, items), id)| {
        let name = names::print("templates", id);
        let template = Template { name, scale_min, scale_max, grades, items, ..Default::default() };
        world.event(Kind::Template(template))
    })
    .collect()
}

/// A random fact in the weeks around changes of daylight saving time, or a year before.
pub fn fact(world: &World, random: &mut Random) -> Fact {
    let branch = random.below(2);
    let window = branch * 2 + random.below(2);
    let without_window = random.chance(8);
    let place = Place {
        org: world.org.org,
        site: if without_window && random.chance(2) {
            world.org.region
        } else {
            world.org.branches[branch]
        },
        window: if without_window { Uuid::nil() } else { world.org.windows[window] },
        staff: if random.chance(4) { Uuid::nil() } else { world.org.staff[window] },
        business_type: random.pick(&["", "loan", "card"]).to_owned(),
    };
    let start: i64 = "2026-09-20T00:00:00Z".parse::<jiff::Timestamp>().unwrap().as_microsecond();
    let year = if random.chance(3) { 365 * 86_400_000_000 } else { 0 };
    let span = 28 * 86_400 * 1000;
    let time_us = start - year + i64::try_from(random.below(span)).unwrap() * 1000 + 7;
    // As the device service says it.
    let since_us = Some(world.view().placed_since(place.site, time_us));
    let mut fact = if random.chance(3) {
        encounter(place, time_us, random)
    } else {
        rating(place, time_us, random)
    };
    match &mut fact {
        Fact::Rating(rating) => rating.site_since_us = since_us,
        Fact::Encounter(encounter) => encounter.site_since_us = since_us,
    }
    fact
}

fn rating(place: Place, time_us: i64, random: &mut Random) -> Fact {
    let which = random.below(3);
    let grade = |value: usize| Grade::new(i32::try_from(value).unwrap()).unwrap();
    let grades = match which {
        0 => {
            let mut grades = vec![("overall".to_owned(), grade(1 + random.below(5)))];
            if random.chance(2) {
                grades.push(("speed".to_owned(), grade(1 + random.below(5))));
            }
            grades
        }
        1 => vec![("recommend".to_owned(), grade(random.below(11)))],
        _ => vec![("overall".to_owned(), grade(random.below(101)))],
    };
    let channel = i16::try_from(1 + random.below(4)).unwrap();
    let (template, distrusted) = (TEMPLATES[which], random.chance(6));
    let site_since_us = None;
    Fact::Rating(Rating { place, time_us, channel, template, grades, distrusted, site_since_us })
}

fn encounter(place: Place, time_us: i64, random: &mut Random) -> Fact {
    let ms = |random: &mut Random| {
        (!random.chance(3)).then(|| i64::try_from(random.below(900_000)).unwrap())
    };
    let ends = [End::Open, End::TimedOut, End::Skipped, End::Defaulted, End::Rated, End::NoShow];
    Fact::Encounter(Encounter {
        place,
        time_us,
        served: !random.chance(5),
        prompted: random.chance(2),
        shown: random.chance(2),
        end: random.pick(&ends),
        service_ms: ms(random),
        waiting_ms: ms(random),
        site_since_us: None,
    })
}

/// Facts that hold in the end, and events that lead to them: each came, some changed, some
/// were taken back.
pub struct Story {
    pub facts: Vec<Fact>,
    pub events: Vec<Event>,
}

impl Story {
    pub fn new(world: &World, random: &mut Random, length: usize) -> Self {
        let mut story = Self { facts: Vec::new(), events: template_events(world) };
        for _ in 0..length {
            let mut now = fact(world, random);
            story.events.push(change_event(world, None, Some(&now)));
            while random.chance(3) {
                // The same kind, since a rating never becomes an encounter.
                let next = loop {
                    let next = fact(world, random);
                    if matches!(
                        (&next, &now),
                        (Fact::Rating(_), Fact::Rating(_))
                            | (Fact::Encounter(_), Fact::Encounter(_))
                    ) {
                        break next;
                    }
                };
                story.events.push(change_event(world, Some(&now), Some(&next)));
                now = next;
            }
            if random.chance(10) {
                story.events.push(change_event(world, Some(&now), None));
            } else {
                story.facts.push(now);
            }
        }
        story
    }
}

/// The event that replaces one fact by another.
pub fn change_event(world: &World, before: Option<&Fact>, after: Option<&Fact>) -> Event {
    let kind = match before.or(after).expect("a fact") {
        Fact::Rating(_) => Kind::Rating(RatingChange {
            retract: before.map(rating_facts),
            assert: after.map(rating_facts),
            ..Default::default()
        }),
        Fact::Encounter(_) => Kind::Encounter(EncounterChange {
            retract: before.map(encounter_facts),
            assert: after.map(encounter_facts),
            ..Default::default()
        }),
    };
    world.event(kind)
}

fn rating_facts(fact: &Fact) -> RatingFacts {
    let Fact::Rating(rating) = fact else { panic!("a rating") };
    let place = &rating.place;
    let grade =
        |(item, grade): &(String, Grade)| ItemGrade { item: item.clone(), grade: grade.value() };
    RatingFacts {
        window: name_or_empty("units", place.window),
        site: names::print("units", place.site),
        staff: name_or_empty("staff", place.staff),
        business_type: place.business_type.clone(),
        channel: rating.channel.into(),
        template: names::print("templates", rating.template),
        grades: rating.grades.iter().map(grade).collect(),
        press_time: Some(time::from_us(rating.time_us)),
        distrusted: rating.distrusted,
        site_since: time::from_us_opt(rating.site_since_us),
    }
}

fn encounter_facts(fact: &Fact) -> EncounterFacts {
    let Fact::Encounter(encounter) = fact else { panic!("an encounter") };
    let place = &encounter.place;
    EncounterFacts {
        window: name_or_empty("units", place.window),
        site: names::print("units", place.site),
        staff: name_or_empty("staff", place.staff),
        business_type: place.business_type.clone(),
        time: Some(time::from_us(encounter.time_us)),
        served: encounter.served,
        prompted: encounter.prompted,
        shown: encounter.shown,
        state: state(encounter.end) as i32,
        service_ms: encounter.service_ms.unwrap_or(-1),
        waiting_ms: encounter.waiting_ms.unwrap_or(-1),
        site_since: time::from_us_opt(encounter.site_since_us),
    }
}

/// The state that leads to an end.
pub fn state(end: End) -> EncounterState {
    match end {
        End::Open => EncounterState::Finished,
        End::TimedOut => EncounterState::TimedOut,
        End::Skipped => EncounterState::Skipped,
        End::Defaulted => EncounterState::Defaulted,
        End::Rated => EncounterState::Rated,
        End::NoShow => EncounterState::NoShow,
    }
}

fn name_or_empty(collection: &str, id: Uuid) -> String {
    if id.is_nil() { String::new() } else { names::print(collection, id) }
}

/// Packs events into groups of random size, in their order.
pub fn groups(events: &[Event], random: &mut Random) -> Vec<EventGroup> {
    let mut groups = Vec::new();
    let mut rest = events;
    while !rest.is_empty() {
        let (now, later) = rest.split_at(rest.len().min(1 + random.below(12)));
        groups.push(group(groups.len() + 1, now));
        rest = later;
    }
    groups
}

/// One group at place `number` of the feed.
pub fn group(number: usize, events: &[Event]) -> EventGroup {
    EventGroup {
        position: format!("0.{number:x}"),
        group_id: Uuid::now_v7().to_string(),
        commit_time: Some(time::from_us(1_790_000_000_000_000 + number as i64)),
        events: Events { items: events.to_vec() }.encode_to_vec().into(),
    }
}

/// What the tables must hold, counted directly from the facts.
pub fn counted(world: &World, facts: &[Fact]) -> Vec<String> {
    let mut deltas = Deltas::default();
    for fact in facts {
        let (site, us) = (fact.place().site, fact.time_us());
        let change = Change { fact: fact.clone(), holds: true };
        let id = placements::id(site, world.view().placed_since(site, us));
        deltas.add_under(&change, id, &world.view().time_zone_at(site, us));
    }
    let deltas = deltas.settled();
    let site = |table: &str, (key, counts): (&SiteKey, &Counts)| {
        line(table, &format!("{} {} {}", key.org, key.site, key.time), &key.what, counts)
    };
    let day = |(key, counts): (&DayKey, &Counts)| {
        let p = &key.place;
        let key_text = format!(
            "{} {} {} {} {} {:?} {}",
            p.org, p.site, key.day, p.window, p.staff, p.business_type, key.channel
        );
        line("cell_day", &key_text, &key.what, counts)
    };
    let mut lines: Vec<String> =
        deltas.quarter.iter().map(|row| site("cell_quarter", row)).collect();
    lines.extend(deltas.site_day.iter().map(|row| site("pack_days", row)));
    let mut months: BTreeMap<SiteKey, Counts> = BTreeMap::new();
    for (key, counts) in &deltas.site_day {
        let time = month_of(key.time);
        months.entry(SiteKey { time, ..key.clone() }).or_default().add(counts);
    }
    lines.extend(months.iter().map(|row| site("pack_months", row)));
    let overall = months.iter().filter(|(key, _)| key.what.item.is_empty());
    lines.extend(overall.map(|row| site("pack_years", row)));
    lines.extend(deltas.day.iter().map(day));
    lines.sort();
    lines
}

/// One row of a table as text.
pub fn line(table: &str, key: &str, what: &What, counts: &Counts) -> String {
    format!(
        "{table} {key} {} {:?} {} {} {:?} {:?}",
        what.template, what.item, what.class, what.block, counts.grades, counts.encounters
    )
}

/// A zone by name.
pub fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).unwrap()
}
