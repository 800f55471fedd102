//! Places at which a test makes the process die, to prove that nothing acknowledged is lost.
//! Without its environment variable a point costs one load.

use std::sync::{
    LazyLock,
    atomic::{AtomicU64, Ordering},
};

/// Names the point and which of its passes is the last: `survey.before_commit:3`.
pub const CRASH_POINT: &str = "MANYI_CRASH_POINT";

/// All points of this service, in the order in which a group of submissions passes them, then
/// those of an import.
pub const ALL: [&str; 9] = [
    "survey.before_begin",
    "survey.after_consume",
    "survey.after_insert",
    "survey.before_commit",
    "survey.after_commit",
    "survey.after_answer",
    "survey.import_begin",
    "survey.import_between",
    "survey.import_end",
];

struct Armed {
    point: String,
    passes_left: AtomicU64,
}

static ARMED: LazyLock<Option<Armed>> = LazyLock::new(|| {
    if cfg!(not(debug_assertions)) {
        return None; // released programs have no such switch
    }
    let setting = std::env::var(CRASH_POINT).ok()?;
    let (point, nth) = setting.split_once(':').unwrap_or((setting.as_str(), "1"));
    let passes: u64 = nth.parse().unwrap_or(1);
    tracing::error!(point, passes, "this process will kill itself: a crash point is set");
    Some(Armed { point: point.to_owned(), passes_left: AtomicU64::new(passes.max(1)) })
});

/// Passes a point; the process ends here without any clean-up if the point is armed and this
/// is the pass.
pub fn pass(point: &'static str) {
    debug_assert!(ALL.contains(&point), "an unlisted crash point");
    let Some(armed) = ARMED.as_ref().filter(|armed| armed.point == point) else { return };
    if armed.passes_left.fetch_sub(1, Ordering::SeqCst) == 1 {
        std::process::abort();
    }
}
