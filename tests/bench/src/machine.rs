//! Facts about the machine, without which no figure means anything.

use std::{fs, path::Path, process::Command};

use serde::Serialize;

/// What the figures were taken on.
#[derive(Debug, Clone, Serialize)]
pub struct Machine {
    /// Processors that this program may use.
    pub cores: usize,
    /// Name of the processor.
    pub processor: String,
    /// Memory in MiB.
    pub memory_mib: u64,
    /// Kernel release.
    pub kernel: String,
    /// Compiler found on the path.
    pub rustc: String,
    /// `release` or `dev`; figures of a dev build say nothing.
    pub profile: &'static str,
    /// File system of the databases, such as `ext4`.
    pub file_system: String,
    /// Commit of the sources, with `-dirty` when they differ from it.
    pub commit: String,
    /// Load averages of 1, 5 and 15 minutes before the run.
    pub load_before: String,
    /// The same after the run.
    pub load_after: String,
    /// When the run began, RFC 3339.
    pub started: String,
}

impl Machine {
    /// Looks around; `work` is where the databases will be.
    pub fn look(work: &Path) -> Self {
        Self {
            cores: std::thread::available_parallelism().map_or(0, usize::from),
            processor: field("/proc/cpuinfo", "model name"),
            memory_mib: kib(&field("/proc/meminfo", "MemTotal")) / 1024,
            kernel: read("/proc/sys/kernel/osrelease"),
            rustc: output("rustc", &["--version"]),
            profile: if cfg!(debug_assertions) { "dev" } else { "release" },
            file_system: file_system(work),
            commit: output("git", &["describe", "--always", "--dirty"]),
            load_before: load_average(),
            load_after: String::new(),
            started: jiff::Timestamp::now().to_string(),
        }
    }
}

/// Load averages of 1, 5 and 15 minutes.
pub fn load_average() -> String {
    let text = read("/proc/loadavg");
    text.split_whitespace().take(3).collect::<Vec<_>>().join(" ")
}

/// Resident memory of a process in bytes: now, and the most it ever had.
pub fn resident_bytes(pid: u32) -> Option<(u64, u64)> {
    let path = format!("/proc/{pid}/status");
    let now = kib(&field(&path, "VmRSS"));
    let most = kib(&field(&path, "VmHWM"));
    (now > 0).then_some((now * 1024, most * 1024))
}

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default().trim().to_owned()
}

fn field(path: &str, name: &str) -> String {
    let text = read(path);
    let line = text.lines().find(|line| line.starts_with(name));
    line.and_then(|line| line.split_once(':'))
        .map_or_else(String::new, |(_, value)| value.trim().to_owned())
}

fn kib(text: &str) -> u64 {
    text.split_whitespace().next().and_then(|number| number.parse().ok()).unwrap_or_default()
}

fn output(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    let text = output.map(|o| String::from_utf8_lossy(&o.stdout).trim().to_owned());
    text.unwrap_or_default()
}

/// The kind of the file system that holds `path`: the mount with the longest matching name.
fn file_system(path: &Path) -> String {
    let path = path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
    let mounts = read("/proc/mounts");
    let fields = mounts.lines().map(|line| line.split(' ').collect::<Vec<_>>());
    let holding = fields.filter(|f| f.len() > 2 && path.starts_with(f[1]));
    holding.max_by_key(|f| f[1].len()).map_or_else(String::new, |f| f[2].to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_a_size() {
        let (now, most) = resident_bytes(std::process::id()).unwrap();
        assert!(now > 1 << 20 && most >= now);
        assert!(resident_bytes(u32::MAX).is_none());
    }

    #[test]
    fn the_root_has_a_file_system() {
        assert!(!file_system(Path::new("/")).is_empty());
    }
}
