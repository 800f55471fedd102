//! Packs are exact, small, and the same whatever came first.

use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::{
    cell::{SiteKey, What},
    time::{date_of, day_number},
};

fn counts(places: &[(usize, i64)]) -> Counts {
    let mut counts = Counts::default();
    for (place, count) in places {
        match place.checked_sub(GRADES_PER_BLOCK) {
            None => counts.grades[*place] = *count,
            Some(column) => counts.encounters[column] = *count,
        }
    }
    counts
}

#[test]
fn keys_come_back() {
    for item in ["", "speed", "\u{6ee1}\u{610f}", "a\0b"] {
        let template = Uuid::from_u128(7);
        let what = What { template, item: item.to_owned(), class: 1, block: 9 };
        assert_eq!(rating_of(&rating_key(&what)), Some(what));
    }
    assert_eq!(rating_of(b"short"), None);
    assert_eq!(answer_of(&[0; 57]), None);
}

#[test]
fn what_cancels_out_leaves_no_bytes() {
    let mut pack = Pack::default();
    pack.add(b"a", 3, &counts(&[(2, 5)]));
    pack.add(b"a", 3, &counts(&[(2, -5)]));
    assert!(pack.is_empty() && pack.encode().is_empty());
    assert_eq!(Pack::decode(&[]), Ok(Pack::default()));
}

#[test]
fn bytes_that_are_no_pack_are_refused() {
    let mut pack = Pack::default();
    pack.add(b"key", 3, &counts(&[(2, i64::MAX), (23, i64::MIN)]));
    let bytes = pack.encode();
    assert_eq!(Pack::decode(&bytes), Ok(pack));
    for end in 1..bytes.len() {
        assert!(end == 1 || Pack::decode(&bytes[..end]).is_err(), "cut after {end}");
    }
    assert_eq!(Pack::decode(&[2]), Err(Broken), "another form");
    assert_eq!(Pack::decode(&[1, 1, 0, 0, 0]), Err(Broken), "shares what was not there");
}

#[test]
fn days_are_cut_into_whole_months_and_the_rest() {
    let day = |text: &str| day_number(text.parse().unwrap());
    let month = |text: &str| month_of(day(text));
    let cut_of = |from: &str, to: &str| {
        let cut = cut((day(from), day(to) + 1));
        let rest = cut.rest.iter().map(|days| {
            let text = |day: i32| date_of(day.into()).to_string();
            (text(days.start), text(days.end - 1))
        });
        (cut.whole.end - cut.whole.start, cut.whole.start, rest.collect::<Vec<_>>())
    };
    let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
    let year = cut_of("2026-01-01", "2026-12-31");
    assert_eq!(year, (12, month("2026-01-01"), vec![]));
    let ragged = cut_of("2026-01-31", "2026-03-01");
    let ends = vec![pair("2026-01-31", "2026-01-31"), pair("2026-03-01", "2026-03-01")];
    assert_eq!(ragged, (1, month("2026-02-01"), ends));
    let within = cut_of("2026-02-03", "2026-02-28");
    assert_eq!((within.0, within.2), (0, vec![pair("2026-02-03", "2026-02-28")]));
    assert_eq!(cut_of("2024-02-01", "2024-02-29").0, 1);
    assert_eq!(cut((5, 5)).rest, Vec::<std::ops::Range<i32>>::new());
}

#[test]
fn whole_months_of_overall_items_stand_in_one_pack_a_year() {
    let day = |text: &str| day_number(text.parse().unwrap());
    let kinds = |from: &str, to: &str, overall: bool| -> Vec<(Kind, usize)> {
        let parts = parts((day(from), day(to) + 1), Grain::Month, overall);
        parts.iter().map(|p| (p.kind, p.months.clone().step_by(p.kind.months()).len())).collect()
    };
    assert_eq!(kinds("2025-12-01", "2026-11-30", true), [(Kind::Years, 2)]);
    assert_eq!(kinds("2026-01-01", "2026-12-31", true), [(Kind::Years, 1)]);
    assert_eq!(kinds("2025-12-01", "2026-11-30", false), [(Kind::Months, 12)]);
    let ragged = kinds("2025-11-30", "2026-11-30", true);
    assert_eq!(ragged, [(Kind::Years, 2), (Kind::Days, 1)]);
}

fn cell() -> impl Strategy<Value = (SiteKey, Counts)> {
    let what = (0_u128..3, 0..3_usize, 0..2_i16, 0..10_i16).prop_map(|(t, item, class, block)| {
        let item = ["", "speed", "speech"][item].to_owned();
        What { template: Uuid::from_u128(t), item, class, block }
    });
    let counts = prop::collection::vec((0..WIDTH, -9_i64..10), 0..4).prop_map(|c| counts(&c));
    (0_u128..2, -400_i32..400, what, counts).prop_map(|(site, time, what, counts)| {
        (SiteKey { org: Uuid::nil(), site: Uuid::from_u128(site), time, what }, counts)
    })
}

proptest! {
    #[test]
    fn packs_are_the_sums_of_the_cells_of_days_whatever_came_first(
        cells in prop::collection::vec((cell(), any::<bool>()), 0..40),
        order in any::<prop::sample::Index>(),
    ) {
        // Each fact by itself, some taken back, in one order and in another.
        let mut facts: Vec<(SiteKey, Counts)> = Vec::new();
        for ((key, counts), taken_back) in cells {
            if taken_back {
                let mut less = counts;
                less.grades.iter_mut().chain(&mut less.encounters).for_each(|c| *c = -*c);
                facts.push((key.clone(), less));
            }
            facts.push((key, counts));
        }
        let pack = |facts: &[(SiteKey, Counts)]| {
            let mut kept: BTreeMap<PackKey, Vec<u8>> = BTreeMap::new();
            for (key, counts) in facts {
                let one = of_sites(&[(key.clone(), *counts)].into());
                for (key, more) in one {
                    let mut sum = Pack::decode(kept.get(&key).map_or(&[][..], Vec::as_slice))
                        .unwrap();
                    sum.merge(&more);
                    kept.insert(key, sum.encode());
                }
            }
            kept.retain(|_, bytes| !bytes.is_empty());
            kept
        };
        let found = pack(&facts);
        let mut cells: BTreeMap<SiteKey, Counts> = BTreeMap::new();
        for (key, counts) in &facts {
            cells.entry(key.clone()).or_default().add(counts);
        }
        let at = order.index(facts.len().max(1)).min(facts.len());
        facts.rotate_left(at);
        facts.reverse();
        prop_assert_eq!(&pack(&facts), &found);
        let summed = of_sites(&cells);
        prop_assert_eq!(summed.len(), found.len());
        for (key, sum) in summed {
            prop_assert_eq!(Some(&sum.encode()), found.get(&key));
        }
        // Every cell of a day stands in the pack of its days, and months are their sums.
        for (key, counts) in cells.iter().filter(|(_, counts)| !counts.is_zero()) {
            let month = month_of(key.time);
            let pack = |kind: Kind| {
                let (org, site, kind) = (key.org, key.site, kind.number());
                let key = PackKey { org, kind, month, site, unit: Uuid::nil() };
                Pack::decode(found.get(&key).map_or(&[][..], Vec::as_slice)).unwrap()
            };
            let bytes = rating_key(&key.what);
            let days = pack(Kind::Days);
            let mut of_day = days.entries().filter(|(k, day, _)| {
                *k == bytes && day_of(month, *day) == key.time
            });
            prop_assert_eq!(of_day.next().map(|(_, _, found)| *found), Some(*counts));
            let mut sum = Counts::default();
            days.entries().filter(|(k, ..)| *k == bytes).for_each(|(_, _, c)| sum.add(c));
            let months = pack(Kind::Months);
            let of_month = months.entries().find(|(k, ..)| *k == bytes);
            prop_assert_eq!(of_month.map_or(Counts::default(), |(_, _, c)| *c), sum);
        }
    }

    #[test]
    fn what_is_read_of_any_days_is_what_the_cells_of_these_days_hold(
        cells in prop::collection::vec(cell(), 0..40),
        (from, length) in (-450_i32..450, 0_i32..900),
        by_day in any::<bool>(),
        overall in any::<bool>(),
    ) {
        let mut sums: BTreeMap<SiteKey, Counts> = BTreeMap::new();
        for (key, counts) in &cells {
            sums.entry(key.clone()).or_default().add(counts);
        }
        let days = (from, from + length);
        let grain = if by_day { Grain::Day } else { Grain::Month };
        let time = |day: i32| if by_day { day } else { month_of(day) };
        let mut wanted: BTreeMap<SiteKey, Counts> = BTreeMap::new();
        for (key, counts) in &sums {
            let item = !overall || key.what.item.is_empty();
            if item && (days.0..days.1).contains(&key.time) {
                let time = time(key.time);
                wanted.entry(SiteKey { time, ..key.clone() }).or_default().add(counts);
            }
        }
        let packs = of_sites(&sums);
        let mut found: BTreeMap<SiteKey, Counts> = BTreeMap::new();
        for part in parts(days, grain, overall) {
            let of_part = packs.iter().filter(|(key, _)| {
                let first = (key.month - part.months.start).rem_euclid(part.kind.months() as i32);
                key.kind == part.kind.number() && part.months.contains(&key.month) && first == 0
            });
            for (place, pack) in of_part {
                for (key, day, counts) in pack.entries() {
                    let Some(time) = part.time(place.month, key, day) else { continue };
                    let what = rating_of(key).unwrap();
                    let key = SiteKey { org: place.org, site: place.site, time, what };
                    found.entry(key).or_default().add(counts);
                }
            }
        }
        for sums in [&mut wanted, &mut found] {
            sums.retain(|_, counts| !counts.is_zero());
        }
        prop_assert_eq!(found, wanted);
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        if let Ok(pack) = Pack::decode(&bytes) {
            prop_assert_eq!(Pack::decode(&pack.encode()), Ok(pack.clone_without_zeros()));
        }
    }
}

impl Pack {
    fn clone_without_zeros(&self) -> Self {
        let mut pack = Self::default();
        self.entries().for_each(|(key, day, counts)| pack.add(key, day, counts));
        pack
    }
}
