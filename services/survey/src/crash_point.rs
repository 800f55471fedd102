//! Places at which a test makes the process die, to prove that nothing acknowledged is lost.
//! Without its environment variable a point costs one load.

use kit::crash_point;

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

/// Passes a point; the process ends here if a test armed it.
pub fn pass(point: &'static str) {
    debug_assert!(ALL.contains(&point), "an unlisted crash point");
    crash_point::pass(point);
}
