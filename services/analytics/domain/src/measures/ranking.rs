//! League tables of branches. Small branches are drawn towards the rest, so that three happy
//! customers of three do not top the table.

mod docs;
pub mod means;
pub mod order;
pub mod shares;

use serde::Serialize;
use serde_json::Value;

use self::shares::Tally;
use super::Method;
use super::change::period_mean;
use super::input::Input;
use super::reason::Result;

/// The methods of this family.
pub(super) const METHODS: &[Method] = &[
    Method {
        name: "ranking.eb_proportion",
        description: "Shares of branches shrunk by empirical Bayes, with intervals and ranks",
        doc: docs::EB_PROPORTION,
        compute: proportions,
    },
    Method {
        name: "ranking.eb_mean",
        description: "Means of branches shrunk by empirical Bayes, with intervals and ranks",
        doc: docs::EB_MEAN,
        compute: means,
    },
];

/// A branch of the output with the name it had in the input.
#[derive(Serialize)]
struct WithId<'a, T> {
    id: &'a str,
    #[serde(flatten)]
    branch: &'a T,
}

/// The output of a ranking with the names of the branches.
fn named<T: Serialize, R: Serialize>(
    ids: &[&str],
    branches: Option<Vec<T>>,
    rest: &R,
) -> Result<Value> {
    let mut output = super::reply(rest)?;
    let branches = branches.as_ref().map(|branches| {
        let each = ids.iter().zip(branches);
        each.map(|(id, branch)| WithId { id, branch }).collect::<Vec<_>>()
    });
    output["branches"] = super::reply(&branches)?;
    Ok(output)
}

fn proportions(input: &Input) -> Result<Value> {
    let branches = input.objects("branches", &["id", "n", "successes"])?;
    let ids = branches.iter().map(|b| b.text("id")).collect::<Result<Vec<_>>>()?;
    let tallies = branches.iter().map(|branch| {
        Tally::new(branch.count("n")?, branch.count("successes")?)
            .map_err(|error| branch.invalid(&error.field, error.problem))
    });
    let tallies = tallies.collect::<Result<Vec<_>>>()?;
    let mut ranking = shares::rank_shares(&tallies, input.confidence()?)?;
    let branches = ranking.branches.take();
    named(&ids, branches, &ranking)
}

fn means(input: &Input) -> Result<Value> {
    let branches = input.objects("branches", &["id", "n", "mean", "sd"])?;
    let ids = branches.iter().map(|b| b.text("id")).collect::<Result<Vec<_>>>()?;
    let values = branches.iter().map(period_mean).collect::<Result<Vec<_>>>()?;
    let mut ranking = means::rank_means(&values, input.confidence()?)?;
    let branches = ranking.branches.take();
    named(&ids, branches, &ranking)
}
