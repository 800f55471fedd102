//! Run rules: patterns that chance hardly makes although every point is inside.

use serde::Serialize;

/// Positions where a rule fires, from 0; each at the last point of its pattern.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Nelson {
    /// |z| > 3.
    pub rule1: Vec<usize>,
    /// Nine in a row on one side; 0 is on neither.
    pub rule2: Vec<usize>,
    /// Six in a row strictly rising or falling.
    pub rule3: Vec<usize>,
    /// Two of three beyond 2 on the same side.
    pub rule5: Vec<usize>,
    /// Four of five beyond 1 on the same side.
    pub rule6: Vec<usize>,
}

/// Nelson's rules 1, 2, 3, 5 and 6 on standardised points.
///
/// Formula: see the fields of [`Nelson`].
///
/// Source: Nelson (1984).
///
/// Edge cases: a missing point breaks every pattern.
pub fn nelson(z: &[Option<f64>]) -> Nelson {
    let ends = |length: usize, fires: &dyn Fn(&[f64]) -> bool| -> Vec<usize> {
        let runs = z.windows(length).enumerate();
        let complete = runs.filter_map(|(start, run)| {
            let run: Option<Vec<f64>> = run.iter().copied().collect();
            run.filter(|run| fires(run)).map(|_| start + length - 1)
        });
        complete.collect()
    };
    let beyond = |limit: f64, count: usize| {
        move |run: &[f64]| {
            run.iter().filter(|z| **z > limit).count() >= count
                || run.iter().filter(|z| **z < -limit).count() >= count
        }
    };
    let monotone = |run: &[f64]| {
        run.windows(2).all(|pair| pair[0] < pair[1]) || run.windows(2).all(|pair| pair[0] > pair[1])
    };
    Nelson {
        rule1: ends(1, &beyond(3.0, 1)),
        rule2: ends(9, &beyond(0.0, 9)),
        rule3: ends(6, &monotone),
        rule5: ends(3, &beyond(2.0, 2)),
        rule6: ends(5, &beyond(1.0, 4)),
    }
}
