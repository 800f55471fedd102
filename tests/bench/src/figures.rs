//! Many ratings whose every figure is known: one formula says what each rating is, the fake
//! feed, the raw table and the expectation all follow it.

pub mod feed;
pub mod raw;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use jiff::{ToSpan as _, civil::Date, tz::TimeZone};
use proto::{auth::v1::UnitKind, names};
use uuid::Uuid;

use crate::{
    error::{Error, Result},
    press::grade_of,
    site::Site,
};

/// Regions of the organisation.
const REGIONS: usize = 5;
/// Branches of each region.
pub const BRANCHES: usize = 40;
/// Windows of each branch.
const WINDOWS: usize = 10;
/// Days over which the ratings are spread.
const DAYS: u64 = 90;
/// First day of the month that is asked for, counted from the first day.
const MONTH_FROM: u64 = 30;
/// Its length.
const MONTH_DAYS: u64 = 31;
/// Time zone of the organisation, without changes of its offset.
const ZONE: &str = "Asia/Shanghai";
/// Seconds after local midnight at which halls open.
const OPEN_S: u64 = 9 * 3_600;
/// How long they are open.
const OPEN_FOR_S: u64 = 8 * 3_600;

/// The organisation's tree and the time that the ratings are of.
pub struct World {
    /// The organisation.
    pub org: Uuid,
    /// Regions, each with [`BRANCHES`] branches.
    pub regions: Vec<Region>,
    /// All windows, in the order of their numbers.
    pub windows: Vec<Window>,
    /// The only template.
    pub template: Uuid,
    /// First day.
    first: Date,
    /// Its local midnight in microseconds since 1970 UTC.
    pub first_us: i64,
}

/// A region.
pub struct Region {
    /// Its name.
    pub unit: String,
    /// Its branches.
    pub branches: Vec<Branch>,
}

/// A branch.
#[derive(Clone)]
pub struct Branch {
    /// Its name.
    pub unit: String,
    /// Its id.
    pub id: Uuid,
}

/// A window with the one who serves there.
pub struct Window {
    /// Its id.
    pub id: Uuid,
    /// Id of its branch.
    pub site: Uuid,
    /// The staff member.
    pub staff: Uuid,
}

/// What a rating is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fact {
    /// Number of its window.
    pub window: usize,
    /// Day, counted from the first.
    pub day: u64,
    /// Seconds after local midnight.
    pub second: u64,
    /// 1 to 5.
    pub grade: i32,
}

/// Rating `i` of `n`, in the order of time. [`raw::fill`] says the same in SQL.
pub fn fact(i: u64, n: u64, windows: u64) -> Fact {
    let scattered = i * 2_654_435_761 % 4_294_967_291;
    Fact {
        window: usize::try_from(scattered / 7 % windows).unwrap_or_default(),
        day: i * DAYS / n,
        second: OPEN_S + i * DAYS % n * OPEN_FOR_S / n,
        grade: grade_of(scattered / 31 % 100),
    }
}

impl World {
    /// Creates the units of the organisation.
    pub async fn build(site: &Site) -> Result<Self> {
        let unsound = |error: jiff::Error| Error::Unsound(format!("no date: {error}"));
        let zone = TimeZone::get(ZONE).map_err(unsound)?;
        let today = jiff::Timestamp::now().to_zoned(zone.clone()).date();
        let first = today.checked_sub(100.days()).map_err(unsound)?;
        let midnight = first.to_zoned(zone).map_err(unsound)?;
        let org = parse("organisations", &site.organisation)?;
        let mut world = Self {
            org,
            regions: Vec::new(),
            windows: Vec::new(),
            template: Uuid::now_v7(),
            first,
            first_us: midnight.timestamp().as_microsecond(),
        };
        for number in 0..REGIONS {
            let region = region(site, number).await?;
            world.add_windows(site, &region).await?;
            world.regions.push(region);
        }
        Ok(world)
    }

    async fn add_windows(&mut self, site: &Site, region: &Region) -> Result<()> {
        let all = region.branches.iter().flat_map(|b| (0..WINDOWS).map(move |w| (b.clone(), w)));
        let made = stream::iter(all).map(|(branch, number)| async move {
            let name = format!("Window {number}");
            let unit = site.unit(&branch.unit, UnitKind::Window, &name).await?;
            let id = parse("units", &unit)?;
            Result::Ok(Window { id, site: branch.id, staff: Uuid::now_v7() })
        });
        // A few at a time: more would only wait for the database.
        let made: Vec<Window> = made.buffered(4).try_collect().await?;
        self.windows.extend(made);
        Ok(())
    }

    /// Rating `i` of `n`.
    pub fn fact(&self, i: u64, n: u64) -> Fact {
        fact(i, n, self.windows.len() as u64)
    }

    /// When it was given, microseconds since 1970 UTC.
    pub fn press_us(&self, fact: Fact) -> i64 {
        self.first_us + i64::try_from((fact.day * 86_400 + fact.second) * 1_000_000).unwrap_or(0)
    }

    /// First and last day of the month that is asked for.
    pub fn month(&self) -> (Date, Date) {
        let day = |n: u64| self.first + i64::try_from(n).unwrap_or_default().days();
        (day(MONTH_FROM), day(MONTH_FROM + MONTH_DAYS - 1))
    }

    /// The same as microseconds since 1970 UTC, the end not included.
    pub fn month_us(&self) -> (i64, i64) {
        let midnight = |day| self.press_us(Fact { window: 0, day, second: 0, grade: 1 });
        (midnight(MONTH_FROM), midnight(MONTH_FROM + MONTH_DAYS))
    }

    /// Ratings of the month in each branch, in the order of regions and branches.
    pub fn expected(&self, n: u64) -> Vec<u64> {
        let mut counts = vec![0; self.windows.len() / WINDOWS];
        for i in n * MONTH_FROM / DAYS..=(n * (MONTH_FROM + MONTH_DAYS) / DAYS).min(n - 1) {
            let fact = self.fact(i, n);
            if (MONTH_FROM..MONTH_FROM + MONTH_DAYS).contains(&fact.day) {
                counts[fact.window / WINDOWS] += 1;
            }
        }
        counts
    }
}

async fn region(site: &Site, number: usize) -> Result<Region> {
    let name = format!("Region {number}");
    let unit = site.unit(&site.headquarters, UnitKind::Region, &name).await?;
    let mut branches = Vec::with_capacity(BRANCHES);
    for number in 0..BRANCHES {
        let branch = site.unit(&unit, UnitKind::Branch, &format!("Branch {number}")).await?;
        branches.push(Branch { id: parse("units", &branch)?, unit: branch });
    }
    Ok(Region { unit, branches })
}

fn parse(collection: &str, name: &str) -> Result<Uuid> {
    names::parse(collection, name).ok_or_else(|| Error::Unsound(format!("{name} is no name")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratings_come_in_the_order_of_time_and_fill_all_days_and_windows() {
        let n = 100_000;
        let mut windows = vec![0_u32; 2_000];
        let mut last = (0, 0);
        let mut days = [0_u32; DAYS as usize];
        for i in 0..n {
            let fact = fact(i, n, 2_000);
            assert!((fact.day, fact.second) >= last);
            last = (fact.day, fact.second);
            windows[fact.window] += 1;
            days[usize::try_from(fact.day).unwrap()] += 1;
        }
        assert!(windows.iter().all(|count| (20..=90).contains(count)));
        assert!(days.iter().all(|count| (1_100..=1_112).contains(count)));
        assert!(last.1 < OPEN_S + OPEN_FOR_S);
    }
}
