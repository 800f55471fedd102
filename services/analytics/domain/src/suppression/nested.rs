//! Suppression where groups lie within groups, such as branches within regions.

use super::{Group, RESPONDENTS_MIN};

/// Hides groups of fewer than [`RESPONDENTS_MIN`] respondents if any was promised anonymity, and
/// as many others as it takes that none of them, and no few of them together, can be found by
/// adding and subtracting what is shown. `parents` names for each group the smallest other group
/// that it lies in; a group may have respondents that lie in none of the groups within it.
///
/// Each group with others in it gives one equation: it is the sum of these and the rest. Where
/// every equation that holds something hidden has at least two unknowns, none of them follows,
/// since equations share unknowns only from group to group and never in a circle.
pub fn hide_nested(groups: &[Group], parents: &[Option<usize>]) -> Vec<bool> {
    let mut nest = Nest::of(groups, parents);
    loop {
        let before = nest.hidden.iter().filter(|hidden| **hidden).count();
        (0..groups.len()).for_each(|total| nest.settle(total));
        if nest.hidden.iter().filter(|hidden| **hidden).count() == before {
            return nest.hidden;
        }
    }
}

struct Nest<'a> {
    groups: &'a [Group],
    children: Vec<Vec<usize>>,
    /// Respondents of each group that lie in none of the groups within it.
    rest: Vec<u64>,
    hidden: Vec<bool>,
}

impl<'a> Nest<'a> {
    fn of(groups: &'a [Group], parents: &[Option<usize>]) -> Self {
        let mut children = vec![Vec::new(); groups.len()];
        for (group, parent) in parents.iter().enumerate() {
            if let Some(parent) = parent {
                children[*parent].push(group);
            }
        }
        let within = |group: usize| children[group].iter().map(|c| groups[*c].respondents).sum();
        let rest = (0..groups.len()).map(|g| groups[g].respondents.saturating_sub(within(g)));
        let rest = rest.collect();
        let hidden = groups.iter().map(|group| group.is_small()).collect();
        Self { groups, children, rest, hidden }
    }

    /// Hides until the equation of `total` gives nothing away. What is hidden in it is settled
    /// at once, since what stays unknown of it counts here.
    fn settle(&mut self, total: usize) {
        while let Some(more) = self.next(total) {
            self.hidden[more] = true;
            if more != total {
                self.settle(more);
            }
        }
    }

    /// What is to be hidden next, so that the equation of `total` gives nothing away.
    fn next(&self, total: usize) -> Option<usize> {
        let children = &self.children[total];
        if children.is_empty() {
            return None;
        }
        let rest = Group { respondents: self.rest[total], ..self.groups[total] };
        let within = children.iter().filter(|child| self.hidden[**child]).count();
        if within == 0 && !self.hidden[total] && !rest.is_small() {
            return None;
        }
        let unknown = within + usize::from(rest.respondents > 0) + usize::from(self.hidden[total]);
        let few = !self.hidden[total] && self.unknown(total) < RESPONDENTS_MIN;
        if unknown >= 2 && !few {
            return None;
        }
        let shown = |child: &&usize| !self.hidden[**child] && self.groups[**child].respondents > 0;
        let smallest = children
            .iter()
            .filter(shown)
            .min_by_key(|child| (self.groups[**child].respondents, **child));
        smallest.copied().or_else(|| (!self.hidden[total]).then_some(total))
    }

    /// Respondents of a hidden group, or of a shown one, that no shown group within it tells.
    fn unknown(&self, group: usize) -> u64 {
        if self.children[group].is_empty() {
            return self.groups[group].respondents;
        }
        let hidden = self.children[group].iter().filter(|child| self.hidden[**child]);
        hidden.map(|child| self.unknown(*child)).sum::<u64>() + self.rest[group]
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What a reader of the shown groups can find: whether any few respondents, some of whom
    /// were promised anonymity, follow by adding and subtracting. Tries all sets of the smallest
    /// parts.
    fn leaks(
        own: &[(u64, bool)],
        parents: &[Option<usize>],
        hidden: &[bool],
    ) -> Option<Vec<usize>> {
        let parts: Vec<usize> = (0..own.len()).filter(|part| own[*part].0 > 0).collect();
        let lies_in = |part: usize, group: usize| {
            let up = std::iter::successors(Some(part), |at| parents[*at]);
            up.into_iter().any(|at| at == group)
        };
        let shown: Vec<Vec<f64>> = (0..own.len())
            .filter(|group| !hidden[*group])
            .map(|group| parts.iter().map(|p| f64::from(u8::from(lies_in(*p, group)))).collect())
            .collect();
        let rank = rank(shown.clone());
        for set in 1..1_u32 << parts.len() {
            let of: Vec<usize> =
                (0..parts.len()).filter(|p| set >> p & 1 == 1).map(|p| parts[p]).collect();
            let n: u64 = of.iter().map(|part| own[*part].0).sum();
            if n >= RESPONDENTS_MIN || !of.iter().any(|part| own[*part].1) {
                continue;
            }
            let row = (0..parts.len()).map(|p| f64::from(set >> p & 1)).collect();
            let mut with = shown.clone();
            with.push(row);
            if self::rank(with) == rank {
                return Some(of);
            }
        }
        None
    }

    fn rank(mut rows: Vec<Vec<f64>>) -> usize {
        let (mut rank, width) = (0, rows.first().map_or(0, Vec::len));
        for column in 0..width {
            let Some(pivot) = (rank..rows.len()).find(|r| rows[*r][column].abs() > 1e-9) else {
                continue;
            };
            rows.swap(rank, pivot);
            let (done, rest) = rows.split_at_mut(rank + 1);
            for row in rest {
                let factor = row[column] / done[rank][column];
                for (to, from) in row.iter_mut().zip(&done[rank]) {
                    *to -= factor * from;
                }
            }
            rank += 1;
        }
        rank
    }

    fn groups(own: &[(u64, bool)], parents: &[Option<usize>]) -> Vec<Group> {
        let mut groups: Vec<Group> = own
            .iter()
            .map(|(respondents, anonymous)| Group {
                respondents: *respondents,
                anonymous: *anonymous && *respondents > 0,
            })
            .collect();
        // Parents come before their children.
        for group in (0..own.len()).rev() {
            if let Some(parent) = parents[group] {
                let Group { respondents, anonymous } = groups[group];
                groups[parent].respondents += respondents;
                groups[parent].anonymous |= anonymous;
            }
        }
        groups
    }

    #[test]
    fn hiding_only_the_small_ones_gives_them_away() {
        let (own, parents) =
            ([(0, true), (40, true), (3, true), (20, true)], [None, Some(0), Some(0), Some(0)]);
        let found = groups(&own, &parents);
        let only_small: Vec<bool> = found.iter().map(|group| group.is_small()).collect();
        assert_eq!(leaks(&own, &parents, &only_small), Some(vec![2]), "the total minus the others");
        let hidden = hide_nested(&found, &parents);
        assert_eq!(hidden, [false, false, true, true]);
        assert_eq!(leaks(&own, &parents, &hidden), None);
    }

    #[test]
    fn what_is_hidden_beside_a_small_group_is_hidden_within_as_well() {
        // A region of two branches, one of them small, and a region that is hidden with it.
        let parents = [None, Some(0), Some(0), Some(1), Some(1), Some(2), Some(2)];
        let own = [(0, true), (0, true), (0, true), (3, true), (0, true), (9, true), (8, true)];
        let hidden = hide_nested(&groups(&own, &parents), &parents);
        assert_eq!(hidden, [false, true, true, true, false, false, true]);
        let mut shown_within = hidden.clone();
        shown_within[6] = false;
        assert_eq!(leaks(&own, &parents, &hidden), None);
        assert!(leaks(&own, &parents, &shown_within).is_some());
    }

    #[test]
    fn few_respondents_outside_of_the_groups_within_are_not_given_away() {
        let (own, parents) = ([(2, true), (30, true), (9, true)], [None, Some(0), Some(0)]);
        assert_eq!(hide_nested(&groups(&own, &parents), &parents), [false, false, true]);
        let open = [(2, false), (30, false), (9, false)];
        assert_eq!(hide_nested(&groups(&open, &parents), &parents), [false; 3]);
    }

    /// Which earlier group a group lies in, if any.
    fn above() -> impl Strategy<Value = Option<prop::sample::Index>> {
        prop::option::weighted(0.8, any::<prop::sample::Index>())
    }

    proptest! {
        #[test]
        fn no_few_respondents_follow_from_what_is_shown(
            own in prop::collection::vec((0_u64..12, any::<bool>()), 1..9),
            above in prop::collection::vec(above(), 9),
        ) {
            let parents: Vec<Option<usize>> = (0..own.len())
                .map(|group| above[group].filter(|_| group > 0).map(|above| above.index(group)))
                .collect();
            let groups = groups(&own, &parents);
            let hidden = hide_nested(&groups, &parents);
            for (group, is_hidden) in groups.iter().zip(&hidden) {
                prop_assert!(*is_hidden || !group.is_small());
            }
            prop_assert_eq!(leaks(&own, &parents, &hidden), None);
            let open: Vec<Group> =
                groups.iter().map(|g| Group { anonymous: false, ..*g }).collect();
            prop_assert!(!hide_nested(&open, &parents).contains(&true));
        }
    }
}
