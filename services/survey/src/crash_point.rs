//! Places at which a test makes the process die, to prove that nothing acknowledged is lost.
//! Without its environment variable a point costs one load.

use kit::crash_point;

/// Points that a group of submissions passes, in this order, then those of an import of answers.
pub const ANSWERS: [&str; 9] = [
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

/// Points of an import of customers and their history, in the order in which it passes them.
pub const CUSTOMERS: [&str; 5] = [
    "survey.customers_begin",
    "survey.customers_rows",
    "survey.customers_counted",
    "survey.customers_commit",
    "survey.customers_finish",
];

/// Points of inviting those whom triggers called for.
pub const TRIGGERS: [&str; 4] = [
    "survey.trigger_taken",
    "survey.trigger_settled",
    "survey.trigger_invited",
    "survey.trigger_commit",
];

/// Passes a point; the process ends here if a test armed it.
pub fn pass(point: &'static str) {
    let listed = |all: &[&str]| all.contains(&point);
    debug_assert!(
        listed(&ANSWERS) || listed(&CUSTOMERS) || listed(&TRIGGERS),
        "an unlisted crash point"
    );
    crash_point::pass(point);
}
