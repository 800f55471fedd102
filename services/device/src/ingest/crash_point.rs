//! Places at which a test makes the process die, to prove that nothing acknowledged is lost.
//! Without its environment variable a point costs one load.

use std::sync::{
    LazyLock,
    atomic::{AtomicU64, Ordering},
};

/// Names the point and which of its passes is the last: `device.before_commit:3`.
pub const CRASH_POINT: &str = "MANYI_CRASH_POINT";
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

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    /// Runs itself as a child process with a point armed.
    #[test]
    fn an_armed_point_ends_the_process_at_the_named_pass() {
        const PASSES: &str = "MANYI_TEST_PASSES";
        if let Ok(passes) = std::env::var(PASSES) {
            for _ in 0..passes.parse().unwrap() {
                pass("device.before_commit");
                pass("device.after_commit");
            }
            return;
        }
        let survives = |passes: &str| {
            let name = "an_armed_point_ends_the_process_at_the_named_pass";
            let status = Command::new(std::env::current_exe().unwrap())
                .args(["--exact", &format!("ingest::crash_point::tests::{name}")])
                .env(CRASH_POINT, "device.before_commit:3")
                .env(PASSES, passes)
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status();
            status.unwrap().success()
        };
        assert!(survives("2"));
        assert!(!survives("3"));
    }
}
