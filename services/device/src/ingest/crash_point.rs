//! Where a test may make this service die, and the planted bug that the test has to find.

use std::sync::LazyLock;

use kit::crash_point;

/// For the control of the fault tests only: answers are given before the commit, so that the
/// checker must find ratings that were acknowledged and lost.
pub const ACK_BEFORE_COMMIT: &str = "MANYI_TEST_ACK_BEFORE_COMMIT";

/// How long the control waits between its wrong answer and the commit.
pub const CONTROL_PAUSE: std::time::Duration = std::time::Duration::from_millis(100);

/// All points of this service, in the order in which a group passes them.
pub const ALL: [&str; 5] = [
    "device.before_begin",
    "device.after_insert",
    "device.before_commit",
    "device.after_commit",
    "device.after_answer",
];

/// Passes a point; the process ends here if a test armed it.
pub fn pass(point: &'static str) {
    debug_assert!(ALL.contains(&point), "an unlisted crash point");
    crash_point::pass(point);
}

/// Whether the planted bug is on.
pub fn ack_before_commit() -> bool {
    static ON: LazyLock<bool> = LazyLock::new(|| {
        let on = cfg!(debug_assertions)
            && std::env::var(ACK_BEFORE_COMMIT).is_ok_and(|value| value == "1");
        if on {
            tracing::error!("TEST ONLY: ratings are acknowledged before they are durable");
        }
        on
    });
    *ON
}
