//! Which groups of anonymous answers must be hidden, so that nobody can be told from figures,
//! also not by subtracting one shown figure from another (guarantee T6).

mod nested;

pub use nested::hide_nested;

/// Fewest respondents of a group that is shown.
pub const RESPONDENTS_MIN: u64 = 5;

/// A group of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Group {
    /// Respondents.
    pub respondents: u64,
    /// Whether any of them was promised anonymity.
    pub anonymous: bool,
}

impl Group {
    fn is_small(self) -> bool {
        self.anonymous && self.respondents > 0 && self.respondents < RESPONDENTS_MIN
    }
}

/// What of an answer is hidden.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hidden {
    /// Each group, in the order given.
    pub groups: Vec<bool>,
    /// The total of all groups.
    pub total: bool,
}

/// Hides groups of fewer than [`RESPONDENTS_MIN`] respondents if any was promised anonymity.
/// As the total is shown, what is hidden can be found by subtraction: while the hidden groups
/// together have too few respondents, or there is only one of them, the next smallest is
/// hidden, too. Where that cannot be had, the total is hidden.
///
/// The groups must be disjoint and add up to the total.
pub fn hide(groups: &[Group], total: Group) -> Hidden {
    let mut hidden: Vec<bool> = groups.iter().map(|group| group.is_small()).collect();
    if total.is_small() {
        return Hidden { groups: vec![true; groups.len()], total: true };
    }
    if !hidden.contains(&true) {
        return Hidden { groups: hidden, total: false };
    }
    let mut order: Vec<usize> = (0..groups.len()).collect();
    order.sort_by_key(|index| (groups[*index].respondents, *index));
    for index in order {
        if is_covered(groups, &hidden) {
            break;
        }
        if !hidden[index] && groups[index].respondents > 0 {
            hidden[index] = true;
        }
    }
    let total = !is_covered(groups, &hidden);
    Hidden { groups: hidden, total }
}

/// Whether subtracting what is shown from the total tells nothing of a small group.
fn is_covered(groups: &[Group], hidden: &[bool]) -> bool {
    let among = || groups.iter().zip(hidden).filter(|(_, hidden)| **hidden);
    let respondents: u64 = among().map(|(group, _)| group.respondents).sum();
    among().count() >= 2 && respondents >= RESPONDENTS_MIN
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn groups(sizes: &[u64]) -> (Vec<Group>, Group) {
        let group = |respondents| Group { respondents, anonymous: true };
        (sizes.iter().copied().map(group).collect(), group(sizes.iter().sum()))
    }

    #[test]
    fn a_small_group_takes_the_next_smallest_with_it() {
        let (list, total) = groups(&[40, 3, 20]);
        assert_eq!(hide(&list, total), Hidden { groups: vec![false, true, true], total: false });
        let (list, total) = groups(&[40, 30, 20]);
        assert_eq!(hide(&list, total), Hidden { groups: vec![false; 3], total: false });
        let (list, total) = groups(&[3]);
        assert_eq!(hide(&list, total), Hidden { groups: vec![true], total: true });
        let (list, total) = groups(&[2, 2]);
        assert_eq!(hide(&list, total), Hidden { groups: vec![true, true], total: true });
    }

    #[test]
    fn groups_that_were_promised_nothing_are_shown() {
        let open = Group { respondents: 1, anonymous: false };
        assert_eq!(hide(&[open], open), Hidden { groups: vec![false], total: false });
    }

    proptest! {
        #[test]
        fn nothing_small_can_be_seen_or_found_by_subtraction(
            sizes in prop::collection::vec(0_u64..30, 0..12),
            open in prop::collection::vec(any::<bool>(), 12),
        ) {
            let list: Vec<Group> = sizes
                .iter()
                .zip(&open)
                .map(|(n, open)| Group { respondents: *n, anonymous: !open })
                .collect();
            let total = Group {
                respondents: sizes.iter().sum(),
                anonymous: list.iter().any(|g| g.anonymous && g.respondents > 0),
            };
            let hidden = hide(&list, total);
            let mut left = total.respondents;
            for (group, is_hidden) in list.iter().zip(&hidden.groups) {
                let small = group.anonymous && (1..RESPONDENTS_MIN).contains(&group.respondents);
                prop_assert!(*is_hidden || !small);
                if !is_hidden {
                    left -= group.respondents;
                }
            }
            if !hidden.total && hidden.groups.contains(&true) {
                prop_assert!(left >= RESPONDENTS_MIN);
                let count = hidden.groups.iter().filter(|h| **h).count();
                prop_assert!(count >= 2);
            }
        }
    }
}
