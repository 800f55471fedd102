//! The shell lines of the README, and those that `make run` prints, do what is said of them:
//! they are taken out of the text, run by bash as they stand, and their answers are looked at.

mod shell;

use std::{
    fs::File,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use e2e::{processes::program, wait::until};
use shell::{Answer, Shell, blocks, commands, is_whole};

use super::programs::Running;

/// What a line is promised to answer.
#[derive(Debug, Clone, Copy)]
enum Promise {
    /// Sets a variable to one word that begins so.
    Value(&'static str),
    /// Prints a JSON object with this field, which is not empty.
    Json(&'static str),
    /// Prints events until it is stopped, the first of them a JSON object with this field.
    Events(&'static str),
    /// Makes this file and says so.
    File(&'static str),
}

/// A line by a part of it that no other line has, what it answers, and how to spoil it: that
/// text in it and another in its place.
struct Line {
    has: &'static str,
    promise: Promise,
    broken: (&'static str, &'static str),
}

const fn line(has: &'static str, promise: Promise, broken: (&'static str, &'static str)) -> Line {
    Line { has, promise, broken }
}

/// Lines of the README that talk to the running suite.
const README: [Line; 8] = [
    line("PASSWORD=", Promise::Value(""), ("demo-credentials", "credentials")),
    line("TOKEN=", Promise::Value("eyJ"), ("/v1/token", "/v1/tokens")),
    line("v1/units -H", Promise::Json("units"), ("/v1/units", "/v1/unitz")),
    line("UNIT=", Promise::Value("units/u_"), ("/v1/units", "/v1/unitz")),
    line("TODAY=", Promise::Value("20"), ("%F", "%D")),
    line("figures:query", Promise::Json("rows"), ("\"groupBy\"", "\"groupedBy\"")),
    line("figures:watch", Promise::Events("rows"), ("figures:watch", "figures:look")),
    line(
        "manyi admin create-organisation",
        Promise::File("city-bank-credentials"),
        ("--slug", "--slogan"),
    ),
];

/// Lines of the README that this test does not run.
const NOT_RUN: [(&str, &str); 1] =
    [("make run", "builds with cargo; what it starts is started here by the words of its recipe")];

/// Lines that the demonstration prints.
const PRINTED: [Line; 6] = [
    line("PASSWORD=", Promise::Value(""), ("\"password\"", "\"pass\"")),
    line("TOKEN=", Promise::Value("eyJ"), ("username=", "user=")),
    line("[\"GROUP_BY_UNIT\"]", Promise::Json("rows"), ("Bearer", "Basic")),
    line("figures:watch", Promise::Events("rows"), ("unit=units/", "unit=")),
    line("respond:open", Promise::Json("form"), ("respond:open", "respond:opens")),
    line("[\"GROUP_BY_ITEM\"]", Promise::Json("total"), ("\"from\"", "\"since\"")),
];

/// Longest wait for the demonstration: it makes a bank first.
const DEMO_MAX: Duration = Duration::from_secs(180);
/// Longest wait for its first customers.
const CUSTOMERS_MAX: Duration = Duration::from_secs(60);

/// The demonstration as `make run` starts it, on a free port, with its data below `folder`. Gives
/// what it printed, too.
async fn demonstration(folder: &Path) -> (Running, String) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests have a parent");
    let mut make = Command::new("make");
    for setting in ["MAKEFLAGS", "MAKEOVERRIDES", "MAKELEVEL", "DATA", "ARGS"] {
        make.env_remove(setting);
    }
    // What the recipe would run, run it or not.
    make.args(["-n", "run", "ARGS=--listen 127.0.0.1:0"]).current_dir(root);
    let recipe = make.output().expect("make is installed");
    let recipe = String::from_utf8(recipe.stdout).expect("a recipe is text");
    let started = recipe.lines().find_map(|line| line.split_once("/debug/manyi\" "));
    let (_, words) = started.unwrap_or_else(|| panic!("make run does not start it: {recipe}"));

    let [out, log] = ["printed", "log"].map(|name| folder.join(name));
    let child = Command::new(program("manyi"))
        .args(words.split_whitespace())
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(File::create(&out).expect("a file"))
        .stderr(File::create(&log).expect("a file"))
        .spawn();
    let mut running = Running(child.expect("the program starts"));
    let printed = until("the demonstration to say where to look", DEMO_MAX, || {
        let ended = running.0.try_wait().expect("the child can be asked");
        let read = |file: &Path| std::fs::read_to_string(file).unwrap_or_default();
        assert!(ended.is_none(), "it ends: {}", read(&log));
        let printed = read(&out);
        let lines = printed.split_once("\n4. ").and_then(|(_, step)| step.split_once("\n\n"));
        let whole = lines.is_some_and(|(_, lines)| lines.ends_with('\n') && is_whole(lines));
        async move { whole.then_some(printed) }
    })
    .await;
    (running, printed)
}

/// The lines that the demonstration prints for copying: those below numbered headings.
fn printed_commands(printed: &str) -> Vec<String> {
    let first = printed.find("\n1. ").expect("numbered steps");
    let lines = printed[first..].lines().filter_map(|line| line.strip_prefix("  "));
    commands(&lines.collect::<Vec<_>>().join("\n"))
}

/// What is wrong with an answer, if anything.
fn judge(promise: Promise, answer: &Answer, folder: &Path) -> Result<(), String> {
    let shown = || format!("{answer:?}").chars().take(400).collect::<String>();
    if answer.code != 0 {
        return Err(format!("it fails: {}", shown()));
    }
    let object = |text: &str, field: &str| {
        let value = serde_json::from_str::<serde_json::Value>(text).unwrap_or_default();
        let there = match &value[field] {
            serde_json::Value::Null => false,
            serde_json::Value::Array(items) => !items.is_empty(),
            serde_json::Value::Object(fields) => !fields.is_empty(),
            serde_json::Value::String(text) => !text.is_empty(),
            _ => true,
        };
        there && value["reason"].is_null()
    };
    let kept = match promise {
        Promise::Value(start) => {
            let value = answer.printed.as_str();
            value.len() > start.len() && value.starts_with(start) && !value.contains([' ', '{'])
        }
        Promise::Json(field) => object(&answer.printed, field),
        Promise::Events(field) => {
            let first = answer.printed.lines().find_map(|line| line.strip_prefix("data: "));
            first.is_some_and(|first| object(first, field))
        }
        Promise::File(name) => answer.printed.contains(name) && folder.join(name).is_file(),
    };
    if kept { Ok(()) } else { Err(format!("it does not answer {promise:?}: {}", shown())) }
}

/// Runs a line that must answer what is promised of it.
async fn run(shell: &mut Shell, command: &str, promise: Promise) -> Result<(), String> {
    let answer = match promise {
        Promise::Value(_) => shell.assign(command).await,
        Promise::Events(_) => shell.until_printed(command, "\ndata: ").await,
        Promise::Json(_) | Promise::File(_) => shell.run(command).await,
    };
    judge(promise, &answer, &shell.folder)
}

/// Runs a line until it does what is promised: the first customers may not have pressed yet.
async fn kept(shell: &mut Shell, command: &str, promise: Promise) {
    let began = Instant::now();
    while let Err(problem) = run(shell, command, promise).await {
        assert!(began.elapsed() < CUSTOMERS_MAX, "{command}\n{problem}");
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

/// Runs all lines, and each of them spoilt: that has to be noticed.
async fn keep_promises(shell: &mut Shell, found: &[String], expected: &[Line]) {
    let mut expected = expected.iter();
    for command in found {
        let line = expected.next().unwrap_or_else(|| panic!("nobody knows of {command}"));
        assert!(command.contains(line.has), "{} was expected, not {command}", line.has);
        kept(shell, command, line.promise).await;
        let (good, bad) = line.broken;
        let spoilt = command.replace(good, bad);
        assert_ne!(&spoilt, command, "nothing to spoil");
        let unnoticed = run(&mut shell.clone(), &spoilt, line.promise).await.is_ok();
        assert!(!unnoticed, "it goes unnoticed that this is wrong: {spoilt}");
    }
    assert!(expected.next().is_none(), "a line is missing");
}

#[tokio::test]
async fn the_lines_of_the_readme_and_of_the_demonstration_answer_what_they_promise() {
    let folder = tempfile::tempdir().expect("a folder");
    let (_demo, printed) = demonstration(folder.path()).await;
    let address = printed.split_whitespace().find(|word| word.starts_with("http://"));
    let address = address.expect("it prints its address").to_owned();

    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    let readme = std::fs::read_to_string(readme).expect("a README");
    let found: Vec<String> = blocks(&readme).iter().flat_map(|block| commands(block)).collect();
    let is_not_run = |command: &str| {
        let words = command.split('#').next().unwrap_or_default().trim();
        NOT_RUN.iter().any(|(known, _)| *known == words)
    };
    let (left_out, found): (Vec<String>, _) = found.into_iter().partition(|c| is_not_run(c));
    assert_eq!(left_out.len(), NOT_RUN.len(), "{left_out:?}");

    let host = address.trim_start_matches("http://");
    let found: Vec<String> = found
        .iter()
        .map(|command| command.replace("localhost:8080", host))
        .map(|command| command.replace("/var/lib/manyi/internal.seed", "data/internal.seed"))
        .collect();
    let mut shell = Shell::new(folder.path(), &address);
    keep_promises(&mut shell, &found, &README).await;

    let mut shell = Shell::new(folder.path(), &address);
    keep_promises(&mut shell, &printed_commands(&printed), &PRINTED).await;
}
