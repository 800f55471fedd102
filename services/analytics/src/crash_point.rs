//! Places at which a test makes the process die, to prove that every event is counted once.
//! Without its environment variable a point costs one load.

use kit::crash_point;

/// All points of this service, in the order in which a batch of groups passes them.
pub const ALL: [&str; 4] = [
    "analytics.after_inbox",
    "analytics.after_write",
    "analytics.before_commit",
    "analytics.after_commit",
];

/// Passes a point; the process ends here if a test armed it.
pub fn pass(point: &'static str) {
    debug_assert!(ALL.contains(&point), "an unlisted crash point");
    crash_point::pass(point);
}
