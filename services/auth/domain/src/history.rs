//! What held before, of values that must be known for any time in the past.

/// Earlier values that are remembered.
const FORMER_MAX: usize = 100;

/// Earlier values, oldest first, each with the time since when it held, in microseconds. The
/// first one holds for all time before, too.
pub type Former<T> = Vec<(T, i64)>;

/// Notes that `value`, which held since `since_us`, holds no more from `now_us` on, or from when
/// it began if a clock says that this is later; since when its successor holds.
pub fn remember<T>(former: &mut Former<T>, value: T, since_us: i64, now_us: i64) -> i64 {
    former.push((value, since_us));
    let forgotten = former.len().saturating_sub(FORMER_MAX);
    former.drain(..forgotten);
    since_us.max(now_us)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_hundred_are_remembered_and_time_never_goes_back() {
        let mut former = Former::new();
        assert_eq!(remember(&mut former, 0, 10, 7), 10);
        for us in 11..300 {
            assert_eq!(remember(&mut former, us, us - 1, us), us);
        }
        assert_eq!(former.len(), FORMER_MAX);
        assert_eq!((former[0], former[99]), ((200, 199), (299, 298)));
    }
}
