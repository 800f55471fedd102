//! Shell lines out of a text, and bash to run them.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use e2e::processes::{program, signal};
use tokio::{io::AsyncReadExt as _, process::Command, time::timeout};

/// Longest run of a line.
const LINE_MAX: Duration = Duration::from_secs(60);

/// The blocks of shell lines of a Markdown text, without their indentation.
pub fn blocks(markdown: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut lines = markdown.lines();
    while let Some(line) = lines.next() {
        let Some(indentation) = line.strip_suffix("```sh").filter(|i| i.trim().is_empty()) else {
            continue;
        };
        let block = lines.by_ref().take_while(|line| line.trim() != "```");
        let block = block.map(|line| line.strip_prefix(indentation).unwrap_or(line));
        blocks.push(block.collect::<Vec<_>>().join("\n"));
    }
    blocks
}

/// Whether bash sees whole commands, and none of which more has to come.
pub fn is_whole(text: &str) -> bool {
    let checked = std::process::Command::new("bash").args(["-n", "-c", text]).output();
    let checked = checked.expect("bash is installed");
    // A backslash at the end stands for a line that comes; bash does not mind.
    checked.status.success() && checked.stderr.is_empty() && !text.trim_end().ends_with('\\')
}

/// The commands of a block; one may go over several lines.
///
/// # Panics
/// When the last one is not whole.
pub fn commands(block: &str) -> Vec<String> {
    let (mut commands, mut open) = (Vec::new(), String::new());
    for line in block.lines().filter(|line| !line.trim().is_empty()) {
        open += line;
        if is_whole(&open) {
            commands.push(std::mem::take(&mut open));
        } else {
            open.push('\n');
        }
    }
    assert!(open.is_empty(), "bash misses the end of {open}");
    commands
}

/// What came of a command.
#[derive(Debug)]
pub struct Answer {
    /// Its exit status; that of a command which was stopped counts as 0.
    pub code: i32,
    /// What it printed, and the value of a variable that was set.
    pub printed: String,
    /// What it complained of.
    #[expect(dead_code, reason = "shown when a test fails")]
    pub complaints: String,
}

/// Bash, with the variables that were set so far.
#[derive(Clone)]
pub struct Shell {
    /// Where it runs.
    pub folder: PathBuf,
    address: String,
    variables: BTreeMap<String, String>,
}

impl Shell {
    /// In `folder`, with the programs of the suite, which call the gateway at `address`.
    pub fn new(folder: &Path, address: &str) -> Self {
        let (folder, address) = (folder.to_owned(), address.to_owned());
        Self { folder, address, variables: BTreeMap::new() }
    }

    fn bash(&self, script: &str) -> Command {
        let mut bash = Command::new("bash");
        for (key, _) in std::env::vars_os() {
            if key.to_string_lossy().starts_with("MANYI_") {
                bash.env_remove(key);
            }
        }
        let programs = program("manyi").parent().expect("it lies in a folder").to_owned();
        let path = std::env::var_os("PATH").unwrap_or_default();
        let path = std::iter::once(programs).chain(std::env::split_paths(&path));
        bash.env("PATH", std::env::join_paths(path).expect("plain folders"))
            .env("MANYI_GATEWAY", &self.address)
            .env("NO_PROXY", "*")
            .envs(&self.variables)
            .args(["-o", "pipefail", "-c", script])
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        bash
    }

    /// Runs a command to its end.
    ///
    /// # Panics
    /// When it has none.
    pub async fn run(&self, command: &str) -> Answer {
        let output = timeout(LINE_MAX, self.bash(command).output()).await;
        let output = output.unwrap_or_else(|_| panic!("no end within {LINE_MAX:?}: {command}"));
        let output = output.expect("bash is installed");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Answer {
            code: output.status.code().unwrap_or(-1),
            printed: text(&output.stdout),
            complaints: text(&output.stderr),
        }
    }

    /// Runs a command that sets a variable, which later commands see.
    pub async fn assign(&mut self, command: &str) -> Answer {
        let (name, _) = command.split_once('=').unwrap_or_default();
        let script = format!("{command}\ncode=$?; printf %s \"${name}\"; exit $code");
        let answer = self.run(&script).await;
        self.variables.insert(name.to_owned(), answer.printed.clone());
        answer
    }

    /// Runs a command until it has printed `word` and the rest of that line, and stops it as
    /// Ctrl-C does; or until it ends by itself, which is not what it was run for.
    pub async fn until_printed(&self, command: &str, word: &str) -> Answer {
        // In place of bash: what is stopped is what the line is about.
        let mut child = self.bash(&format!("exec {command}")).spawn().expect("bash is installed");
        let mut out = child.stdout.take().expect("a pipe");
        let mut printed = Vec::new();
        let reading = async {
            loop {
                let text = String::from_utf8_lossy(&printed);
                if text.split_once(word).is_some_and(|(_, rest)| rest.contains('\n')) {
                    return true;
                }
                if !matches!(out.read_buf(&mut printed).await, Ok(1..)) {
                    return false;
                }
            }
        };
        let came = timeout(LINE_MAX, reading).await.unwrap_or(false);
        if let (true, Some(process)) = (came, child.id()) {
            signal(process, "INT");
        }
        let output = timeout(LINE_MAX, child.wait_with_output()).await;
        let complaints = output.ok().and_then(Result::ok).map(|output| output.stderr);
        Answer {
            code: if came { 0 } else { -1 },
            printed: String::from_utf8_lossy(&printed).into_owned(),
            complaints: String::from_utf8_lossy(&complaints.unwrap_or_default()).into_owned(),
        }
    }
}
