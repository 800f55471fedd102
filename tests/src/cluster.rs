//! A PostgreSQL server of a test's own, which it may kill.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::processes::signal;

/// A throw-away cluster; it ends when this is dropped.
pub struct Cluster {
    folder: PathBuf,
    url: String,
}

impl Cluster {
    /// Starts a new one whose files lie below `parent`.
    ///
    /// # Panics
    /// When the script that `make test` uses fails.
    pub fn start_in(parent: &Path) -> Self {
        let printed = script(&["start"], Some(parent));
        let value = |name: &str| {
            let line = printed.lines().find_map(|line| line.strip_prefix(name));
            line.unwrap_or_else(|| panic!("no {name} in {printed}")).trim().to_owned()
        };
        let url = value("export MANYI_TEST_POSTGRES=");
        let folder = PathBuf::from(value("export MANYI_TEST_POSTGRES_DIR="));
        Self { folder, url }
    }

    /// Rows of one column that `folder`, a copy of this cluster, holds after a reboot. Recovers
    /// it as a start of the server would.
    ///
    /// # Panics
    /// When it cannot be recovered: what it needs was not on the disk.
    pub fn rows_after_a_reboot(folder: &Path, database: &str, sql: &str) -> Vec<String> {
        // After a reboot no process has the number that stands there.
        let _ = fs::remove_file(folder.join("data/postmaster.pid"));
        let folder = folder.to_str().expect("a plain path");
        let printed = script(&["rows", folder, database, sql], None);
        printed.lines().map(str::to_owned).collect()
    }

    /// URL of the server.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Stops it at once, as a crash would.
    pub fn kill(&self) {
        self.run("kill");
    }

    /// Starts it again.
    pub fn resume(&self) {
        self.run("resume");
    }

    /// Has all its processes stand still, or go on.
    ///
    /// # Panics
    /// When it does not run.
    pub fn freeze(&self, still: bool) {
        let pid = fs::read_to_string(self.folder.join("data/postmaster.pid")).expect("it runs");
        let leader: u32 = pid.lines().next().and_then(|pid| pid.parse().ok()).expect("a number");
        let signal_children = |name| children(leader).into_iter().for_each(|p| signal(p, name));
        // The leader stands still first and goes on last: in between it makes no children, and
        // buries none, so that each one that is listed can be sent a signal.
        if still {
            signal(leader, "STOP");
            signal_children("STOP");
        } else {
            signal_children("CONT");
            signal(leader, "CONT");
        }
    }

    fn run(&self, command: &str) {
        let folder = self.folder.to_str().expect("a plain path");
        script(&[command, folder], None);
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if self.folder.exists() {
            self.run("stop");
        }
    }
}

/// Processes whose parent is `leader`.
fn children(leader: u32) -> Vec<u32> {
    let entries = fs::read_dir("/proc").expect("processes can be listed");
    let ids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let parent = |id: &u32| {
        let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
        // `id (name) state parent …`; the name may hold anything.
        stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
    };
    ids.filter(|id| parent(id) == Some(leader)).collect()
}

fn script(arguments: &[&str], parent: Option<&Path>) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/postgres.sh");
    let mut command = Command::new(path);
    command.args(arguments);
    if let Some(parent) = parent {
        command.env("TMPDIR", parent);
    }
    let output = command.output().expect("the script runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "postgres.sh {arguments:?}: {said}");
    String::from_utf8(output.stdout).expect("the script prints text")
}
