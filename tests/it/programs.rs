//! The program `manyi` as people start it: serving, administration, exit codes.

use std::{
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Command, Output, Stdio},
};

use e2e::processes::{program, terminate};

/// A running `manyi`, killed when the test ends early.
pub struct Running(pub Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Runs `manyi` with these words in `folder`, without any setting of the environment.
fn manyi(folder: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(program("manyi"));
    let settings =
        std::env::vars_os().filter(|(key, _)| key.to_string_lossy().starts_with("MANYI_"));
    for (key, _) in settings {
        command.env_remove(key);
    }
    command.args(words).current_dir(folder).stdin(Stdio::null());
    command
}

fn output(folder: &Path, words: &[&str]) -> (i32, String) {
    let Output { status, stdout, stderr } =
        manyi(folder, words).output().expect("the program starts");
    let text = String::from_utf8_lossy(&stdout) + String::from_utf8_lossy(&stderr);
    (status.code().unwrap_or(-1), text.into_owned())
}

/// Starts a server and gives the address that it prints.
fn serve(folder: &Path, words: &[&str]) -> (Running, String) {
    let mut child = manyi(folder, words)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program starts");
    let out = BufReader::new(child.stdout.take().expect("a pipe"));
    let running = Running(child);
    let address = out.lines().map_while(Result::ok).find_map(|line| {
        let at = line.find("http://127.0.0.1:")?;
        line[at..].split([' ', ';']).next().map(str::to_owned)
    });
    (running, address.expect("the program prints its address"))
}

fn stop(mut running: Running) -> Option<i32> {
    terminate(&running.0);
    running.0.wait().expect("the program ends").code()
}

#[test]
fn an_installation_is_served_administered_and_stopped() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    // Without a command it serves.
    let (server, address) = serve(folder, &["--listen", "127.0.0.1:0"]);
    let gateway = ["--gateway", &address];
    let admin = |words: &[&str]| output(folder, &[&["admin"], words, &gateway].concat());

    let (code, text) = output(folder, &["--listen", "127.0.0.1:0"]);
    assert_eq!(code, 2, "a second program on the same data is refused: {text}");

    let words = ["create-organisation", "--slug", "bank", "--name", "城市银行"];
    let (code, text) = admin(&words);
    assert_eq!(code, 0, "{text}");
    let organisation = text.split_whitespace().find(|w| w.starts_with("organisations/"));
    let organisation = organisation.expect("the organisation's name is printed").to_owned();
    assert!(folder.join("bank-credentials").exists(), "{text}");
    let (code, text) = admin(&[&words[..], &["--credentials", "again"]].concat());
    assert_eq!(code, 4, "the same organisation again is refused: {text}");
    assert!(!folder.join("again").exists(), "no credentials stay behind");

    let credentials = ["--credentials", "bank-credentials"];
    let verify = [&["audit", "verify", "--checkpoint", "check"], &credentials[..]].concat();
    for _ in 0..2 {
        let (code, text) = admin(&verify);
        assert_eq!((code, text.starts_with("intact")), (0, true), "{text}");
    }
    let other = format!(r#"{{"number": 1, "hash": "{}"}}"#, "0".repeat(64));
    std::fs::write(folder.join("check"), other).expect("written");
    let (code, text) = admin(&verify);
    assert_eq!(code, 1, "a record that is not as it was is found: {text}");

    let by_name = ["reconcile", &organisation];
    let by_person = [&["reconcile"], &credentials[..]].concat();
    for words in [&["rotate-keys"][..], &by_name, &by_person] {
        let (code, text) = admin(words);
        assert_eq!(code, 0, "{text}");
    }
    let (code, text) = admin(&["rotate-keys", "--seed-file", "elsewhere"]);
    assert_eq!(code, 2, "{text}");
    let foreign = format!("{}=", "A".repeat(43));
    std::fs::write(folder.join("foreign.seed"), foreign).expect("written");
    let (code, text) = admin(&["rotate-keys", "--seed-file", "foreign.seed"]);
    assert_eq!(code, 2, "{text}");
    assert!(text.contains("not that of this installation"), "{text}");

    assert_eq!(stop(server), Some(0));
    let (code, text) = admin(&["rotate-keys"]);
    assert_eq!(code, 3, "nobody answers any more: {text}");
    assert!(text.contains(&address), "where nobody answers is said: {text}");
}

#[test]
fn the_demonstration_says_where_to_look_and_ends_when_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let words = ["demo", "--listen", "127.0.0.1:0", "--data", "d", "--no-simulation"];
    let (demo, address) = serve(folder.path(), &words);
    let words = ["simulate", "--gateway", &address, "--credentials", "d/demo-credentials"];
    let (code, text) = output(folder.path(), &[&words[..], &["--duration", "2s"]].concat());
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("12 branches, 60 windows"), "{text}");
    assert_eq!(stop(demo), Some(0));
}

#[test]
fn wrong_words_are_explained() {
    let folder = tempfile::tempdir().expect("a folder");
    for (words, says) in [
        (&["serve", "--listen", "here"][..], "--listen"),
        (&["serve", "--listen", "8080"], "127.0.0.1:8080"),
        (&["admin", "reconcile"], "ORGANISATION"),
        (&["import", "ratings", "missing.csv", "--map", "grade=g,unit=u"], "missing.csv"),
        (&["import", "ratings", "x.csv", "--map", "colour=g"], "colour"),
        (&["simulate", "--rate", "0"], "--rate"),
        (&["simulate"], "--credentials"),
        (&["admin", "audit", "verify", "--user", "u"], "MANYI_PASSWORD"),
    ] {
        let (code, text) = output(folder.path(), words);
        assert_eq!(code, 2, "{words:?}: {text}");
        assert!(text.contains(says), "{words:?}: {text}");
    }
    assert_eq!(output(folder.path(), &["--help"]).0, 0);
}
