//! Packed roll-ups: what indices read from them is what counting by hand gives, whatever the
//! ends of the time, and a pack that is wrong is found.

use analytics_domain::{
    cell::{Counts, What},
    fact::{Fact, Rating},
    index::definition::{Leaf, Measure, Statistic},
    pack::{self, Kind, Pack, PackKey, Packs, month_of},
    plan::Table,
    time::{day_number, local_day},
};
use kit::{auth::InternalTokens, rpc::bearer, testing::SEED};
use proto::analytics::v1::maintenance_service_client::MaintenanceServiceClient;
use uuid::Uuid;

use super::{
    model::{Random, Story, TEMPLATES, groups},
    world::World,
};
use crate::{
    measuring::Measuring,
    store::{
        packs,
        placements::{self, Tree},
        sums::{self, Items, Scan, Sum},
    },
};

/// Ratings of the first template that count for a unit in these days, by hand: how many, and
/// their mean score.
fn by_hand(world: &World, facts: &[Fact], unit: Uuid, days: (i32, i32)) -> (i64, Option<f64>) {
    let view = world.view();
    let counts = |rating: &&Rating| {
        let (place, us) = (&rating.place, rating.time_us);
        let day = local_day(us, &view.time_zone_at(place.site, us));
        let within = place.window == unit || view.is_within(place.site, unit);
        rating.template == TEMPLATES[0]
            && !rating.distrusted
            && within
            && (days.0..days.1).contains(&day)
    };
    let ratings = facts.iter().filter_map(|fact| match fact {
        Fact::Rating(rating) => Some(rating),
        Fact::Encounter(_) => None,
    });
    let scores: Vec<f64> =
        ratings.filter(counts).map(|r| f64::from(r.grades[0].1.value() - 1) * 25.0).collect();
    let n = scores.len();
    (n as i64, (n > 0).then(|| scores.iter().sum::<f64>() / n as f64))
}

#[tokio::test]
async fn an_index_of_any_days_is_what_counting_gives() {
    for world in World::everywhere().await {
        let mut random = Random::new(19);
        let story = Story::new(&world, &mut random, 300);
        world.apply(groups(&story.events, &mut random)).await;
        let org = &world.org;
        let units = vec![org.root, org.region, org.branches[0], org.branches[1], org.windows[0]];
        let leaf = Leaf {
            measure: Measure::Rating {
                templates: vec![TEMPLATES[0]],
                item: String::new(),
                statistic: Statistic::MeanScore,
            },
            scores: Vec::new(),
        };
        for (from, to, by_day) in [
            ("2026-09-01", "2026-10-31", false),
            ("2025-09-22", "2026-10-08", false),
            ("2026-09-25", "2026-10-03", false),
            ("2026-09-25", "2026-09-28", false),
            ("2026-10-01", "2026-10-31", false),
            ("2026-09-27", "2026-10-05", true),
        ] {
            let day = |text: &str| day_number(text.parse().unwrap());
            let days = (day(from), day(to) + 1);
            let measuring = Measuring {
                leaf: leaf.clone(),
                units: units.clone(),
                staff_of: None,
                days,
                by_day,
                include_distrusted: false,
            };
            let found = world.service.app.indices.measure(&world.view(), &measuring).await;
            let mut found = found.unwrap().values.into_iter();
            for unit in &units {
                let periods: Vec<(i32, i32)> = match by_day {
                    true => (days.0..days.1).map(|day| (day, day + 1)).collect(),
                    false => vec![days],
                };
                for period in periods {
                    let value = found.next().unwrap();
                    let (n, mean) = by_hand(&world, &story.facts, *unit, period);
                    let place = format!("{} {unit} {from} {to} {period:?}", world.name);
                    assert_eq!(value.n, n, "{place}");
                    let close = match (value.value, mean) {
                        (Some(a), Some(b)) => (a - b).abs() < 1e-9,
                        (a, b) => a == b,
                    };
                    assert!(close, "{place}: {:?} {mean:?}", value.value);
                }
            }
        }
    }
}

/// Plain cells of windows in these days, by stretch of a site.
async fn plain(world: &World, days: (i32, i32)) -> Vec<Sum> {
    let scan = Scan {
        from: days.0,
        to: days.1,
        templates: vec![TEMPLATES[0]],
        items: Items::All,
        ..Scan::of_sites(Table::Day, world.org.org)
    };
    sums::read(world.db.read(), &scan).await.unwrap()
}

/// How often plain cells count an item for a unit, as units stood at each service.
async fn counted(world: &World, cells: &[Sum], unit: Uuid, item: &str) -> i64 {
    let view = world.view();
    let placed = placements::load(world.db.read(), world.org.org).await.unwrap();
    let within = |id: Uuid| {
        let placement = placed.get(id).unwrap();
        Tree::AsOfService.upward(&view, placement).any(|above| above == unit)
    };
    let wanted = cells.iter().filter(|sum| {
        let what = &sum.what;
        what.template == TEMPLATES[0] && what.class == 0 && what.item == item && within(sum.site)
    });
    wanted.map(|sum| sum.counts.grades.iter().sum::<i64>()).sum()
}

#[tokio::test]
async fn packs_of_any_days_say_what_plain_cells_say_of_a_branch_that_moved_too() {
    for world in World::everywhere().await {
        let mut random = Random::new(29);
        let us = |text: &str| text.parse::<jiff::Timestamp>().unwrap().as_microsecond();
        let west = world.restructure(us("2026-09-28T03:00:00Z"), us("2026-10-02T09:00:00Z")).await;
        let story = Story::new(&world, &mut random, 400);
        world.apply(groups(&story.events, &mut random)).await;
        let units = vec![world.org.root, world.org.region, west, world.org.branches[0]];
        let first_day = day_number("2025-08-20".parse().unwrap());
        let mut seen = 0;
        for _ in 0..24 {
            let from = first_day + i32::try_from(random.below(460)).unwrap();
            let days = (from, from + 1 + i32::try_from(random.below(460)).unwrap());
            let cells = plain(&world, days).await;
            for item in ["", "speed"] {
                let measure = Measure::Rating {
                    templates: vec![TEMPLATES[0]],
                    item: item.to_owned(),
                    statistic: Statistic::MeanScore,
                };
                let measuring = Measuring {
                    leaf: Leaf { measure, scores: Vec::new() },
                    units: units.clone(),
                    staff_of: None,
                    days,
                    by_day: false,
                    include_distrusted: false,
                };
                let found = world.service.app.indices.measure(&world.view(), &measuring).await;
                for (unit, value) in units.iter().zip(found.unwrap().values) {
                    let wanted = counted(&world, &cells, *unit, item).await;
                    assert_eq!(value.n, wanted, "{} {unit} {item:?} {days:?}", world.name);
                    seen += wanted;
                }
            }
        }
        assert!(seen > 300, "{}: the days were not empty: {seen}", world.name);
    }
}

#[tokio::test]
async fn a_pack_that_is_wrong_is_found_and_put_right_by_a_rebuild() {
    for world in World::everywhere().await {
        let mut random = Random::new(23);
        let story = Story::new(&world, &mut random, 60);
        world.device.commit(groups(&story.events, &mut random), &story.facts);
        let running = world.start();
        assert!(running.reconcile().await.equal);
        let org = running.world.org.org;
        let what = What { template: TEMPLATES[0], item: String::new(), class: 0, block: 0 };
        for kind in [Kind::Months, Kind::Days, Kind::Years] {
            let mut counts = Counts::default();
            counts.grades[5] = 1;
            let (day, site) =
                (day_number("2026-09-25".parse().unwrap()), running.world.org.branches[0]);
            let mut pack = Pack::default();
            let (part, month) = match kind {
                Kind::Days => (25, month_of(day)),
                Kind::Years => (9, pack::january_of(month_of(day))),
                _ => (0, month_of(day)),
            };
            pack.add(&pack::rating_key(&what), part, &counts);
            let key = PackKey { org, kind: kind.number(), month, site, unit: Uuid::nil() };
            let tx = running.world.db.begin().await.unwrap();
            packs::add(tx.conn(), Packs::from([(key, pack)])).await.unwrap();
            tx.commit().await.unwrap();
        }
        let report = running.reconcile().await;
        let cells: Vec<&str> = report.mismatches.iter().map(|m| m.cell.as_str()).collect();
        assert_eq!(cells.len(), 3, "{}: {cells:?}", running.world.name);
        for (cell, pack) in cells.iter().zip(["site day:", "site month:", "site year:"]) {
            assert!(cell.starts_with(pack), "{cell}");
        }
        let token = InternalTokens::new(&SEED).operator();
        let mut client = MaintenanceServiceClient::new(running.channel.clone());
        let request = proto::analytics::v1::RebuildRequest {};
        client.rebuild(bearer(request, &token)).await.unwrap();
        assert!(running.reconcile().await.equal, "{}", running.world.name);
        running.end().await;
    }
}
