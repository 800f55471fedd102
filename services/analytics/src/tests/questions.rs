//! Answers equal those of counting the facts one by one.

use std::collections::{BTreeMap, BTreeSet};

use analytics_domain::{
    cell::{Counts, Deltas, What},
    fact::{Change, Fact},
    figure::{Tally, figure},
    period::{Bound, Compare, Period},
    plan::Group,
    time::{date_of, day_number, timestamp},
};
use jiff::tz::TimeZone;
use kit::directory::OrgView;
use proto::common::v1::Reason;
use uuid::Uuid;

use super::{
    model::{Random, Story, TEMPLATES, groups, zone},
    world::World,
};
use crate::{
    figures::{Answer, Figures, Filter, Key, Part, Question, Slots},
    freshness::Freshness,
    store::{
        placements::{self, Tree},
        templates,
    },
};

fn figures(world: &World) -> Figures {
    Figures::new(
        world.db.clone(),
        std::sync::Arc::new(templates::Cache::default()),
        std::sync::Arc::new(placements::Cache::default()),
        Freshness::of(crate::freshness::DEVICE),
        Slots::default(),
    )
}

fn question(world: &World, random: &mut Random) -> Question {
    let org = &world.org;
    let all = [
        Group::Unit,
        Group::Window,
        Group::Staff,
        Group::BusinessType,
        Group::Channel,
        Group::Item,
        Group::Hour,
        Group::Day,
        Group::Week,
        Group::Month,
        Group::WeekdayHour,
    ];
    let mut asked = Vec::new();
    for _ in 0..random.below(4) {
        let group = random.pick(&all);
        if !asked.contains(&group) {
            asked.push(group);
        }
    }
    let units = [org.root, org.root, org.region, org.branches[0], org.branches[1], org.windows[0]];
    let (from, to) = bounds(random);
    let zones = ["", "", "", "Asia/Shanghai", "Australia/Lord_Howe", "Asia/Kathmandu"];
    let some = |random: &mut Random, of: &[Uuid]| -> Vec<Uuid> {
        if random.chance(6) { vec![random.pick(of), random.pick(of)] } else { Vec::new() }
    };
    let filter = Filter {
        windows: some(random, &org.windows),
        staff: some(random, &org.staff),
        business_types: if random.chance(8) { vec!["loan".to_owned()] } else { Vec::new() },
        channels: if random.chance(8) { vec![1, 3] } else { Vec::new() },
        templates: some(random, &TEMPLATES),
        item: random.pick(&["", "", "", "", "overall", "speed", "recommend"]).to_owned(),
        include_distrusted: random.chance(2),
        ..Filter::default()
    };
    Question {
        unit: random.pick(&units),
        from,
        to,
        time_zone: random.pick(&zones).to_owned(),
        groups: asked,
        earlier: None,
        compare: random.pick(&[None, None, Some(Compare::Previous), Some(Compare::LastYear)]),
        filter,
        confidence: 0.95,
        row_limit: 10_000,
        tree: random.pick(&[Tree::AsOfService, Tree::AsOfService, Tree::Present]),
        seen: Vec::new(),
    }
}

fn bounds(random: &mut Random) -> (Bound, Bound) {
    let day = i64::from(day_number(jiff::civil::date(2026, 9, 18)));
    let first = day + i64::try_from(random.below(20)).unwrap();
    let last = first + i64::try_from(random.below(18)).unwrap();
    if random.chance(4) {
        let quarter = |day: i64, random: &mut Random| {
            let us = day * 86_400_000_000 + i64::try_from(random.below(96)).unwrap() * 900_000_000;
            Bound::Moment(timestamp(us))
        };
        return (quarter(first, random), quarter(last + 1, random));
    }
    (Bound::Date(date_of(first)), Bound::Date(date_of(last)))
}

/// Counts by hand.
struct ByHand<'a> {
    view: &'a OrgView,
    question: &'a Question,
    zone: TimeZone,
    /// Each site counts its own days.
    own_days: bool,
}

impl ByHand<'_> {
    fn tallies(&self, facts: &[Fact], period: &Period) -> BTreeMap<Key, Tally> {
        let mut found: BTreeMap<Key, Tally> = BTreeMap::new();
        if self.question.groups.is_empty() {
            found.entry(Key::default()).or_default();
        }
        for fact in facts.iter().filter(|fact| self.wanted(fact, period)) {
            for (what, counts) in rows_of(fact) {
                if self.wanted_row(&what) {
                    let key = self.key(fact, &what);
                    let include = self.question.filter.include_distrusted;
                    found.entry(key).or_default().add(&what, &counts, include);
                }
            }
        }
        found
    }

    fn wanted(&self, fact: &Fact, period: &Period) -> bool {
        let (place, filter) = (fact.place(), &self.question.filter);
        let unit = self.question.unit;
        let in_unit = place.window == unit || self.path(fact).contains(&unit);
        let in_time = if self.own_days {
            let (first, end) = period.days.unwrap();
            let day = day_number(self.local(fact).date());
            (first..end).contains(&day)
        } else {
            (period.from_us..period.to_us).contains(&fact.time_us())
        };
        let channel = match fact {
            Fact::Rating(rating) => {
                filter.channels.is_empty() || filter.channels.contains(&rating.channel)
            }
            Fact::Encounter(_) => filter.channels.is_empty(),
        };
        let any = |list: &[Uuid], id: Uuid| list.is_empty() || list.contains(&id);
        in_unit
            && in_time
            && channel
            && any(&filter.windows, place.window)
            && any(&filter.staff, place.staff)
            && (filter.business_types.is_empty()
                || filter.business_types.contains(&place.business_type))
    }

    fn wanted_row(&self, what: &What) -> bool {
        let filter = &self.question.filter;
        if what.is_encounters() {
            return true;
        }
        let code = item_code(what);
        let item = match filter.item.as_str() {
            "" => what.item.is_empty() || self.question.groups.contains(&Group::Item),
            asked => asked == code,
        };
        item && (filter.templates.is_empty() || filter.templates.contains(&what.template))
    }

    fn local(&self, fact: &Fact) -> jiff::civil::DateTime {
        let moment = timestamp(fact.time_us());
        if self.own_days {
            self.view.time_zone_at(fact.place().site, fact.time_us()).to_datetime(moment)
        } else {
            self.zone.to_datetime(moment)
        }
    }

    fn key(&self, fact: &Fact, what: &What) -> Key {
        let place = fact.place();
        let local = self.local(fact);
        let day = i64::from(day_number(local.date()));
        let (hour, weekday) =
            (i64::from(local.hour()), i64::from(local.weekday().to_monday_zero_offset()));
        let parts = self.question.groups.iter().map(|group| match group {
            Group::Unit => Part::Unit(self.child(fact)),
            Group::Window => Part::Window(place.window),
            Group::Staff => Part::Staff(place.staff),
            Group::BusinessType => Part::BusinessType(place.business_type.clone()),
            Group::Channel => Part::Channel(match fact {
                Fact::Rating(rating) => rating.channel,
                Fact::Encounter(_) => 0,
            }),
            Group::Item => Part::Item(what.template, what.item.clone()),
            Group::Hour => Part::Time(day * 24 + hour),
            Group::Day => Part::Time(day),
            Group::Week => Part::Time((day - weekday + 3) / 7),
            Group::Month => Part::Time(i64::from(local.year()) * 12 + i64::from(local.month()) - 1),
            Group::WeekdayHour => Part::Time(weekday * 24 + hour),
            other => panic!("ratings have no {other:?}"),
        });
        Key(parts.collect())
    }

    /// The units that it counts for, the headquarters first.
    fn path(&self, fact: &Fact) -> Vec<Uuid> {
        let us = match self.question.tree {
            Tree::AsOfService => fact.time_us(),
            Tree::Present => i64::MAX,
        };
        let mut path: Vec<Uuid> = self.view.upward_at(fact.place().site, us).collect();
        path.reverse();
        path
    }

    fn child(&self, fact: &Fact) -> Uuid {
        let (unit, place) = (self.question.unit, fact.place());
        if place.site == unit && !place.window.is_nil() {
            return place.window;
        }
        let path = self.path(fact);
        let place = path.iter().position(|id| *id == unit);
        place.and_then(|place| path.get(place + 1)).copied().unwrap_or(unit)
    }
}

fn item_code(what: &What) -> &str {
    match () {
        () if !what.item.is_empty() => &what.item,
        () if what.template == TEMPLATES[1] => "recommend",
        () => "overall",
    }
}

fn rows_of(fact: &Fact) -> Vec<(What, Counts)> {
    let mut deltas = Deltas::default();
    deltas.add(&Change { fact: fact.clone(), holds: true }, &TimeZone::UTC);
    deltas.site_day.into_iter().map(|(key, counts)| (key.what, counts)).collect()
}

fn check(by_hand: &ByHand<'_>, facts: &[Fact], answer: &Answer, place: &str) {
    let question = by_hand.question;
    let expected = by_hand.tallies(facts, &answer.period);
    let keys: BTreeSet<&Key> = answer.rows.iter().map(|row| &row.key).collect();
    assert_eq!(keys, expected.keys().collect(), "{place}");
    let bucket = question.bucket();
    let earlier = question.compare.map(|compare| {
        let period = match bucket {
            Some(bucket) => compare.by_bucket(&answer.period, bucket, &by_hand.zone),
            None => compare.whole(&answer.period, &by_hand.zone),
        };
        (compare, by_hand.tallies(facts, &period))
    });
    for row in &answer.rows {
        let figure = |tally: &Tally| figure(tally, &answer.templates, 0.95);
        assert_eq!(row.figure, figure(&expected[&row.key]), "{place} {:?}", row.key);
        if let Some((compare, then)) = &earlier {
            let nothing = Tally::default();
            let tally = then.get(&row.key.earlier(*compare, bucket)).unwrap_or(&nothing);
            let found = &row.earlier.as_ref().unwrap().figure;
            assert_eq!(found, &figure(tally), "{place} earlier {:?}", row.key);
        }
    }
    let ungrouped = Question { groups: Vec::new(), ..question.clone() };
    let whole = ByHand { question: &ungrouped, zone: by_hand.zone.clone(), ..*by_hand };
    let total = |period: &Period| {
        let tallies = whole.tallies(facts, period);
        figure(&tallies[&Key::default()], &answer.templates, 0.95)
    };
    assert_eq!(answer.total.figure, total(&answer.period), "{place} total");
    if let Some(compare) = question.compare {
        let then = &answer.total.earlier.as_ref().unwrap().figure;
        assert_eq!(then, &total(&compare.whole(&answer.period, &by_hand.zone)), "{place} total");
    }
}

#[tokio::test]
async fn answers_equal_counting_by_hand() {
    for world in World::everywhere().await {
        by_hand(&world, 23, &[]).await;
    }
}

#[tokio::test]
async fn answers_equal_counting_by_hand_also_after_a_branch_was_moved_and_changed_its_zone() {
    let us = |text: &str| text.parse::<jiff::Timestamp>().unwrap().as_microsecond();
    for world in World::everywhere().await {
        // Both in the midst of a day and of a quarter of an hour.
        let (moved, zoned) = (us("2026-09-30T03:07:00Z"), us("2026-10-08T15:37:10Z"));
        let west = world.restructure(moved, zoned).await;
        by_hand(&world, 31, &[west, world.org.region, world.org.region]).await;
    }
}

/// Asks questions about a random story, also about `units`.
async fn by_hand(world: &World, seed: u64, units: &[Uuid]) {
    let mut random = Random::new(seed);
    let story = Story::new(world, &mut random, 600);
    world.apply(groups(&story.events, &mut random)).await;
    let view = world.service.directory.organisation(world.org.org).unwrap();
    let figures = figures(world);
    let mut answered = 0;
    for round in 0..300 {
        let mut question = question(world, &mut random);
        if !units.is_empty() && random.chance(2) {
            question.unit = random.pick(units);
        }
        let place = format!("{} round {round} {question:?}", world.name);
        let answer = match figures.answer(&view, &question).await {
            Ok(answer) => answer,
            Err(error) => {
                assert_eq!(error.reason(), Reason::GroupingNotSupported, "{place}: {error}");
                continue;
            }
        };
        answered += 1;
        let name = question.zone_name(&view);
        let by_hand = ByHand {
            view: &view,
            question: &question,
            zone: zone(&name),
            own_days: answer.zone.is_empty(),
        };
        check(&by_hand, &story.facts, &answer, &place);
    }
    assert!(answered > 100, "{}: only {answered} questions could be answered", world.name);
}

#[tokio::test]
async fn day_buckets_over_a_change_of_daylight_saving_time_sum_to_the_whole() {
    let world = World::in_memory().await;
    let mut random = Random::new(29);
    let story = Story::new(&world, &mut random, 300);
    world.apply(groups(&story.events, &mut random)).await;
    let view = world.service.directory.organisation(world.org.org).unwrap();
    let ask = |groups: Vec<Group>| Question {
        unit: world.org.branches[1],
        from: Bound::parse("2026-09-20").unwrap(),
        to: Bound::parse("2026-10-20").unwrap(),
        time_zone: String::new(),
        groups,
        earlier: None,
        compare: None,
        filter: Filter::default(),
        confidence: 0.95,
        row_limit: 10_000,
        tree: Tree::AsOfService,
        seen: Vec::new(),
    };
    let mut sums = BTreeSet::new();
    for groups in [
        vec![],
        vec![Group::Day],
        vec![Group::Hour],
        vec![Group::Week],
        vec![Group::Month],
        vec![Group::WeekdayHour],
        vec![Group::Unit],
    ] {
        let answer = figures(&world).answer(&view, &ask(groups)).await.unwrap();
        sums.insert(answer.rows.iter().map(|row| row.figure.n).sum::<u64>());
        sums.insert(answer.total.figure.n);
    }
    assert_eq!(sums.len(), 1, "{sums:?}");
}
