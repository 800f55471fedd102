//! Programs that share no code with the suite use it as a partner's would: Python over gRPC,
//! curl over REST, a browser on the live stream. What they need comes from
//! `tests/scripts/foreign.sh install`; a test fails when it is missing.

mod browser;
mod openapi;
mod relay;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use e2e::{Org, Shape, World, rest::text};
use tokio::process::Command;

/// Longest run of a foreign program.
const PROGRAM_MAX: Duration = Duration::from_secs(600);
const STAFF_NUMBER: &str = "1001";

/// A branch with a window, in an organisation of its own.
struct Place {
    world: World,
    org: Org,
    branch: String,
    window: String,
    template: String,
}

impl Place {
    async fn new() -> Self {
        Self::within(World::start(Shape::OneOnSqlite).await).await
    }

    async fn within(world: World) -> Self {
        let org = world.organisation().await;
        let template = org.five_grades().await;
        let branch = org.unit(&org.headquarters, "BRANCH", "人民路支行").await;
        let window = org.unit(&branch, "WINDOW", "1 号窗口").await;
        org.staff(STAFF_NUMBER, &branch).await;
        Self { world, org, branch, window, template }
    }

    /// Runs a program that gets to know the place by its environment.
    async fn run(&self, program: &Path, script: &str) {
        let mut command = Command::new(program);
        command
            .arg(foreign_file(script))
            .env("MANYI_ADDRESS", &self.world.address)
            .env("MANYI_ORGANISATION", &self.org.sign_in.organisation)
            .env("MANYI_LOGIN", &self.org.sign_in.login)
            .env("MANYI_PASSWORD", &self.org.sign_in.password)
            .env("MANYI_BRANCH", &self.branch)
            .env("MANYI_WINDOW", &self.window)
            .env("MANYI_TEMPLATE", &self.template)
            .env("MANYI_STAFF_NUMBER", STAFF_NUMBER);
        to_its_end(command).await;
    }
}

/// Runs a foreign program to its good end and gives what it printed.
///
/// # Panics
/// When it cannot be started, takes too long or ends badly; its output is part of the message.
async fn to_its_end(command: Command) -> String {
    to_an_end(command).await.unwrap_or_else(|printed| panic!("{printed}"))
}

/// Runs a foreign program and gives what it printed: as an error when it ended badly.
///
/// # Panics
/// When it cannot be started or takes too long.
async fn to_an_end(mut command: Command) -> Result<String, String> {
    let what = command.as_std().get_args().next().expect("a script").to_owned();
    let what = what.display();
    let output = tokio::time::timeout(PROGRAM_MAX, command.kill_on_drop(true).output()).await;
    let output = output
        .unwrap_or_else(|_| panic!("{what} runs for more than {PROGRAM_MAX:?}"))
        .unwrap_or_else(|e| panic!("{what} cannot be started: {e}"));
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(printed);
    }
    let errors = String::from_utf8_lossy(&output.stderr);
    Err(format!("{what} ended with {}:\n{printed}{errors}", output.status))
}

/// A file that a foreign program runs.
pub fn foreign_file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("foreign").join(name)
}

/// A program that must be on this machine.
fn installed(name: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|folder| folder.join(name)).find(|p| p.is_file());
    found.unwrap_or_else(|| panic!("{name} is missing: run `tests/scripts/foreign.sh install`"))
}

/// Python with the libraries of these tests, in the folder that this one was built into.
pub fn python() -> PathBuf {
    let test = std::env::current_exe().expect("a test knows where it is");
    let target = test.ancestors().nth(3).expect("target/debug/deps/it-…");
    let python = target.join("foreign-venv/bin/python");
    assert!(
        python.is_file(),
        "{} is missing: run `tests/scripts/foreign.sh install`",
        python.display()
    );
    python
}

/// Live figures are of today: a test of them does not run into tomorrow.
async fn not_around_midnight() {
    let zone = jiff::tz::TimeZone::get("Asia/Shanghai").expect("a known zone");
    let now = jiff::Timestamp::now().to_zoned(zone);
    let tomorrow = now.tomorrow().and_then(|day| day.start_of_day()).expect("dates are in range");
    let left = now.duration_until(&tomorrow).unsigned_abs();
    if left < Duration::from_secs(60) {
        tokio::time::sleep(left + Duration::from_secs(1)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_python_client_that_knows_the_contract_by_reflection_streams_ratings() {
    let python = python();
    let place = Place::new().await;
    place.run(&python, "client.py").await;
    let device = &place.org.rest.get("/v1/devices").await["devices"][0];
    assert_eq!(text(&device["serialNumber"]), "PY-0001", "{device}");
    place.world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shell_script_with_curl_rates_and_resumes_the_live_stream() {
    for needed in ["curl", "python3"] {
        installed(needed);
    }
    not_around_midnight().await;
    let place = Place::new().await;
    place.run(&installed("bash"), "client.sh").await;
    place.world.stop().await;
}
