//! A province whose every grade is known: one formula says what each rating is, for the feed and
//! for the expectation.

use futures::{StreamExt as _, TryStreamExt as _, stream};
use jiff::{ToSpan as _, civil::Date, tz::TimeZone};
use proto::{
    analytics::v1::{IndexDefinition, IndexLeaf, IndexNode, RatingLeaf, WeightMethod, Weighting},
    auth::v1::UnitKind,
    device::v1::{Channel, ItemGrade, RatingFacts, Template},
    names,
    time::from_us,
};
use uuid::Uuid;

use crate::{
    error::{Error, Result},
    figures::feed::{SCORES, Story, five_grades},
    site::Site,
};

/// Indicators: items of the template.
pub const INDICATORS: usize = 40;
/// Indicators of each node above them.
const BLOCK: usize = 5;
/// Ratings of a branch in a month.
const RATINGS: u64 = 12;
/// Branches of each region.
const REGION: usize = 100;
/// Time zone of the organisation.
const ZONE: &str = "Asia/Shanghai";

/// Branches and months.
pub struct Province {
    organisation: String,
    template: String,
    items: Vec<String>,
    /// Names of the branches.
    pub branches: Vec<String>,
    /// First day of each month.
    months: Vec<Date>,
    /// Its moment at which all ratings of the month are given, microseconds since 1970 UTC.
    presses_us: Vec<i64>,
}

impl Province {
    /// Creates the units of the organisation.
    pub async fn build(site: &Site, branches: usize, months: usize) -> Result<Self> {
        let unsound = |error: jiff::Error| Error::Unsound(format!("no date: {error}"));
        let zone = TimeZone::get(ZONE).map_err(unsound)?;
        let now = jiff::Timestamp::now().to_zoned(zone.clone()).date().first_of_month();
        let mut found = Self {
            organisation: site.organisation.clone(),
            template: names::print("templates", Uuid::now_v7()),
            items: (1..=INDICATORS).map(|item| format!("item{item:02}")).collect(),
            branches: Vec::with_capacity(branches),
            months: Vec::with_capacity(months),
            presses_us: Vec::with_capacity(months),
        };
        for back in (1..=i64::try_from(months).unwrap_or_default()).rev() {
            let month = now.checked_sub(back.months()).map_err(unsound)?;
            let press = month.at(10, 0, 0, 0).to_zoned(zone.clone()).map_err(unsound)?;
            found.presses_us.push(press.timestamp().as_microsecond());
            found.months.push(month);
        }
        for (region, first) in (0..branches).step_by(REGION).enumerate() {
            let name = format!("Region {region}");
            let region = site.unit(&site.headquarters, UnitKind::Region, &name).await?;
            let last = (first + REGION).min(branches);
            let made = stream::iter(first..last).map(|number| {
                let (site, region) = (site.clone(), region.clone());
                async move {
                    let name = format!("Branch {number}");
                    site.unit(&region, UnitKind::Branch, &name).await
                }
            });
            // A few at a time: more would only wait for the database.
            found.branches.extend(made.buffered(4).try_collect::<Vec<_>>().await?);
        }
        Ok(found)
    }

    /// First and last day of all months.
    pub fn days(&self) -> Result<(String, String)> {
        let missing = || Error::Unsound("a province without months".to_owned());
        let first = self.months.first().ok_or_else(missing)?;
        let last = self.months.last().ok_or_else(missing)?;
        Ok((first.to_string(), last.last_of_month().to_string()))
    }

    /// First and last day of the last month.
    pub fn last_month(&self) -> Result<(String, String)> {
        let last = self.months.last();
        let last = last.ok_or_else(|| Error::Unsound("a province without months".to_owned()))?;
        Ok((last.to_string(), last.last_of_month().to_string()))
    }

    /// Number of months.
    pub fn months(&self) -> usize {
        self.months.len()
    }

    /// The index: all indicators in blocks, weighing the same.
    pub fn definition(&self) -> IndexDefinition {
        let node = |id: &str, parent: &str, leaf: Option<IndexLeaf>| IndexNode {
            id: id.to_owned(),
            parent: parent.to_owned(),
            leaf,
            ..IndexNode::default()
        };
        let mut nodes = vec![node("index", "", None)];
        for (number, items) in self.items.chunks(BLOCK).enumerate() {
            let block = format!("block{number}");
            nodes.push(node(&block, "index", None));
            nodes.extend(items.iter().map(|item| node(item, &block, Some(leaf(item)))));
        }
        let equal = Weighting {
            id: "equal".to_owned(),
            method: WeightMethod::Equal.into(),
            ..Weighting::default()
        };
        IndexDefinition { nodes, weightings: vec![equal], ..IndexDefinition::default() }
    }

    /// The index of a branch in a month, by the formula.
    pub fn expected(&self, branch: usize, month: usize) -> f64 {
        let scores = (0..INDICATORS).flat_map(|item| {
            (0..RATINGS).map(move |rating| SCORES[place(branch, month, item, rating)])
        });
        #[expect(clippy::cast_precision_loss, reason = "some hundreds")]
        let count = (INDICATORS as u64 * RATINGS) as f64;
        scores.sum::<f64>() / count
    }
}

/// A leaf that measures an item.
pub fn leaf(item: &str) -> IndexLeaf {
    let rating = RatingLeaf { item: item.to_owned(), ..RatingLeaf::default() };
    IndexLeaf { rating: Some(rating), ..IndexLeaf::default() }
}

/// Place of a grade among the five.
fn place(branch: usize, month: usize, item: usize, rating: u64) -> usize {
    let rating = usize::try_from(rating).unwrap_or_default();
    let mixed = branch * 7_919 + month * 104_729 + item * 31 + rating * rating * 17;
    // Branches differ, so that there is something to rank.
    (mixed % 7 + branch % 3).min(4)
}

impl Story for Province {
    fn organisation(&self) -> &str {
        &self.organisation
    }

    fn ratings(&self) -> u64 {
        self.branches.len() as u64 * self.months.len() as u64 * RATINGS
    }

    fn template(&self) -> Template {
        let first = self.presses_us.first().copied().unwrap_or_default();
        five_grades(&self.template, &self.items, first)
    }

    /// Month by month, branch by branch, so that ratings of a branch come together.
    fn rating(&self, i: u64) -> RatingFacts {
        let number = usize::try_from(i / RATINGS).unwrap_or_default();
        let (month, branch) = (number / self.branches.len(), number % self.branches.len());
        let grade = |(item, code): (usize, &String)| ItemGrade {
            item: code.clone(),
            grade: i32::try_from(place(branch, month, item, i % RATINGS) + 1).unwrap_or_default(),
        };
        RatingFacts {
            site: self.branches[branch].clone(),
            channel: Channel::Terminal.into(),
            template: self.template.clone(),
            grades: self.items.iter().enumerate().map(grade).collect(),
            press_time: Some(from_us(self.presses_us[month])),
            site_since: Some(from_us(0)),
            ..RatingFacts::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grades_are_on_the_scale_and_branches_differ() {
        let mut sums = [0; 3];
        for branch in 0..300 {
            for item in 0..INDICATORS {
                for rating in 0..RATINGS {
                    let place = place(branch, 5, item, rating);
                    assert!(place < SCORES.len());
                    sums[branch % 3] += place;
                }
            }
        }
        assert!(sums[0] < sums[1] && sums[1] < sums[2]);
    }
}
