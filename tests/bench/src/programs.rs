//! The suite's own programs as child processes: started on free ports of this machine, found
//! by the address they print, always stopped.

use std::{
    fs,
    net::SocketAddr,
    os::unix::process::ExitStatusExt as _,
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncBufReadExt as _, BufReader, Lines},
    process::{Child, ChildStdout, Command},
};

use crate::{
    error::{Error, Result},
    machine,
};

/// How long a program may take until it says where it listens.
const START_MAX: Duration = Duration::from_secs(60);
/// How long a program may take to end after it was asked to.
const STOP_MAX: Duration = Duration::from_secs(45);
/// Number of the signal that asks a program to end.
const SIGTERM: i32 = 15;

/// Where the programs are.
#[derive(Debug, Clone)]
pub struct Programs {
    folder: PathBuf,
}

impl Programs {
    /// In `folder`, or beside this program.
    pub fn find(folder: Option<&Path>) -> Result<Self> {
        let folder = match folder {
            Some(folder) => folder.to_path_buf(),
            None => {
                let this = std::env::current_exe().map_err(|e| Error::file("bench", e))?;
                this.parent().map(Path::to_path_buf).unwrap_or_default()
            }
        };
        let programs = Self { folder };
        for name in ["manyi", "manyi-auth", "manyi-device", "manyi-analytics", "manyi-gateway"] {
            let path = programs.folder.join(name);
            if !path.is_file() {
                let text = format!(
                    "{} is missing; build it with cargo build --workspace --bins",
                    path.display()
                );
                return Err(Error::program(name, text));
            }
        }
        Ok(programs)
    }

    /// Starts the program `name` with settings from the environment and arguments, its log in
    /// `folder`, and waits until it says where it listens.
    pub async fn start(&self, start: &Start<'_>) -> Result<Program> {
        let began = Instant::now();
        let name = start.name;
        let failed = |text: String| Error::program(name, text);
        let log = start.folder.join(format!("{}.log", start.label.unwrap_or(name)));
        let file = fs::File::create(&log).map_err(|e| Error::file(&log, e))?;
        let mut command = Command::new(self.folder.join(name));
        for (key, _) in std::env::vars().filter(|(key, _)| key.starts_with("MANYI_")) {
            // What the surroundings say must not change what is measured.
            command.env_remove(key);
        }
        command
            .args(start.arguments)
            .env("MANYI_LOG", "warn")
            .envs(start.environment.iter().map(|(key, value)| (*key, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::from(file))
            .kill_on_drop(true);
        let mut child = command.spawn().map_err(|e| failed(format!("did not start: {e}")))?;
        let stdout = child.stdout.take().ok_or_else(|| failed("has no output".to_owned()))?;
        let mut lines = BufReader::new(stdout).lines();
        let address = match tokio::time::timeout(START_MAX, listening(&mut lines)).await {
            Ok(Some(address)) => address,
            Ok(None) => return Err(failed(format!("ended at once: {}", tail(&log)))),
            Err(_) => return Err(failed(format!("does not listen: {}", tail(&log)))),
        };
        let listening_after = began.elapsed();
        // Whatever else it prints must not fill the pipe.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Ok(Program { name: name.to_owned(), child, address, log, began, listening_after })
    }
}

/// How to start a program.
pub struct Start<'a> {
    /// Name of the program.
    pub name: &'a str,
    /// Name of its log, when two of the same program run.
    pub label: Option<&'a str>,
    /// Arguments.
    pub arguments: &'a [String],
    /// Settings.
    pub environment: &'a [(&'static str, String)],
    /// Where its log goes.
    pub folder: &'a Path,
}

/// A running program. Killed when dropped; better [`Program::stop`] it.
pub struct Program {
    name: String,
    child: Child,
    address: SocketAddr,
    log: PathBuf,
    /// When it was started.
    pub began: Instant,
    /// Time until it said where it listens.
    pub listening_after: Duration,
}

impl Program {
    /// Where it listens, as a URI.
    pub fn uri(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Process id while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.child.id()
    }

    /// Resident memory in bytes: now, and the most it ever had.
    pub fn resident_bytes(&self) -> Result<(u64, u64)> {
        let found = self.pid().and_then(machine::resident_bytes);
        found.ok_or_else(|| Error::program(&self.name, "is not running any more"))
    }

    /// Fails when it ended by itself.
    pub fn check(&mut self) -> Result<()> {
        match self.child.try_wait() {
            Ok(None) => Ok(()),
            Ok(Some(status)) => {
                let text = format!("ended by itself with {status}: {}", tail(&self.log));
                Err(Error::program(&self.name, text))
            }
            Err(error) => Err(Error::program(&self.name, error)),
        }
    }

    /// Asks it to end and waits until it has.
    pub async fn stop(mut self) -> Result<()> {
        let failed = |text: String| Error::program(&self.name, text);
        let Some(pid) = self.child.id() else { return Ok(()) };
        let asked = Command::new("kill").arg("-TERM").arg(pid.to_string()).status().await;
        asked.map_err(|e| failed(format!("cannot be asked to end: {e}")))?;
        match tokio::time::timeout(STOP_MAX, self.child.wait()).await {
            // One that was only just started may not catch the signal yet.
            Ok(Ok(status)) if status.success() || status.signal() == Some(SIGTERM) => Ok(()),
            Ok(Ok(status)) => Err(failed(format!("ended with {status}: {}", tail(&self.log)))),
            Ok(Err(error)) => Err(failed(error.to_string())),
            Err(_) => Err(failed(format!("did not end in {} s", STOP_MAX.as_secs()))),
        }
    }
}

/// Reads until the line that tells the address; `None` when the output ends before.
async fn listening(lines: &mut Lines<BufReader<ChildStdout>>) -> Option<SocketAddr> {
    while let Ok(Some(line)) = lines.next_line().await {
        if let Some(address) = address_in(&line) {
            return Some(address);
        }
    }
    None
}

/// The address in a line such as `listening on 127.0.0.1:4711` or `ready at http://[::1]:4711;`.
fn address_in(line: &str) -> Option<SocketAddr> {
    let bare = |word: &str| {
        word.trim_start_matches("http://").trim_end_matches([';', ',', '/']).parse().ok()
    };
    line.split_whitespace().find_map(bare)
}

/// The last lines of a log.
fn tail(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    let last = lines[lines.len().saturating_sub(5)..].join(" | ");
    if last.is_empty() { "its log is empty".to_owned() } else { last }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_found_in_what_programs_print() {
        let address = "127.0.0.1:4711".parse().ok();
        assert_eq!(address_in("listening on 127.0.0.1:4711"), address);
        assert_eq!(address_in("Manyi is ready at http://127.0.0.1:4711; Ctrl-C ends"), address);
        assert_eq!(address_in("starting"), None);
    }
}
