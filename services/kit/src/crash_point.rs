//! Places at which a test makes the process die, to prove that nothing acknowledged is lost.
//! Without its environment variable a point costs one load; released programs have none.

use std::sync::{
    LazyLock,
    atomic::{AtomicU64, Ordering},
};

/// Names the point and which of its passes is the last: `device.before_commit:3`.
pub const CRASH_POINT: &str = "MANYI_CRASH_POINT";

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
    let Some(armed) = ARMED.as_ref().filter(|armed| armed.point == point) else { return };
    if armed.passes_left.fetch_sub(1, Ordering::SeqCst) == 1 {
        std::process::abort();
    }
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
                .args(["--exact", &format!("crash_point::tests::{name}")])
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
