//! Hides values of few respondents who were promised anonymity, and what would give them away
//! (guarantee T6). All units of a period are looked at together: a region minus its other
//! branches is the branch that is left.

use analytics_domain::{
    index::leaf::Moments,
    suppression::{self, Group},
};

use super::targets::Nesting;

/// The respondents behind sums of classes.
pub fn group(classes: &[Moments]) -> Group {
    let respondents: i64 = classes.iter().map(|sums| sums.n).sum();
    Group {
        respondents: u64::try_from(respondents).unwrap_or_default(),
        anonymous: classes.iter().any(|sums| sums.anonymous && sums.n > 0),
    }
}

/// Which of `rows` rows, by unit and then period, have to be hidden. `None` when nobody was
/// promised anonymity.
pub fn hide(
    rows: usize,
    periods: usize,
    nesting: &Nesting,
    group: impl Fn(usize) -> Group,
) -> Option<Vec<bool>> {
    let mut hidden = None;
    for period in 0..periods {
        let groups: Vec<Group> = (period..rows).step_by(periods).map(&group).collect();
        if !groups.iter().any(|group| group.anonymous) {
            continue;
        }
        let of_period = match nesting {
            Nesting::Nested(parents) => suppression::hide_nested(&groups, parents),
            // Without those that hold others, what is shown has nothing in common.
            Nesting::Mixed(upper) => {
                let small = suppression::hide_nested(&groups, &vec![None; groups.len()]);
                let held = groups.iter().zip(upper).map(|(group, upper)| group.anonymous && *upper);
                small.iter().zip(held).map(|(small, held)| *small || held).collect()
            }
        };
        let all = hidden.get_or_insert_with(|| vec![false; rows]);
        for (unit, is_hidden) in of_period.into_iter().enumerate() {
            all[unit * periods + period] = is_hidden;
        }
    }
    hidden
}
