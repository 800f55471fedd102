//! The heavy statistical methods, in this process: reliability of a million answer sheets, and
//! the bootstrap of a path model beside the Python package plspm on the same data.

use std::{fmt::Write as _, fs, path::Path, process::Command, time::Instant};

use analytics_domain::measures::{self, covariance::Covariances, reliability::alpha};
use serde_json::{Value, json};

use crate::{
    error::{Error, Result},
    options::Effort,
    progress::say,
    report::{Beside, Goal, Row},
    stats::Spread,
};

/// Answer sheets and questions of the reliability.
const SHEETS: usize = 1_000_000;
const QUESTIONS: usize = 20;
/// Respondents of the path model.
const RESPONDENTS: usize = 250;
/// Resamples of our run.
const RESAMPLES: usize = 5_000;
/// Program that times the Python package, and the environment that it runs in.
const PEER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/peers/plspm_times.py");
const PEER_PYTHON: &str = "MANYI_BENCH_PYTHON";
/// Largest difference of a path coefficient between the two programs.
const SAME: f64 = 1e-4;

/// Constructs with their items, and what leads to what: the six-construct model.
const CONSTRUCTS: [(&str, usize); 6] = [
    ("expectations", 5),
    ("quality", 5),
    ("value", 4),
    ("satisfaction", 5),
    ("complaints", 4),
    ("loyalty", 4),
];
const PATHS: [(&str, &str); 9] = [
    ("expectations", "quality"),
    ("expectations", "value"),
    ("expectations", "satisfaction"),
    ("quality", "value"),
    ("quality", "satisfaction"),
    ("value", "satisfaction"),
    ("satisfaction", "complaints"),
    ("satisfaction", "loyalty"),
    ("complaints", "loyalty"),
];

/// Measures.
pub fn run(effort: &Effort, folder: &Path) -> Result<Vec<Row>> {
    Ok(vec![reliability(effort), path_model(effort, folder)?])
}

/// Numbers that look random and are the same in every run.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> f64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Near to a normal one: the sum of twelve.
    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.next()).sum::<f64>() - 6.0
    }
}

fn grade(value: f64, low: f64, high: f64) -> f64 {
    value.round().clamp(low, high)
}

fn reliability(effort: &Effort) -> Row {
    let mut numbers = Numbers(4);
    let moods: Vec<f64> = (0..SHEETS).map(|_| numbers.normal()).collect();
    let items: Vec<Vec<Option<f64>>> = (0..QUESTIONS)
        .map(|_| moods.iter().map(|m| Some(grade(3.0 + m + numbers.normal(), 1.0, 5.0))).collect())
        .collect();
    let mut seconds = Vec::new();
    for _ in 0..effort.repetitions {
        let began = Instant::now();
        let columns: Vec<&[Option<f64>]> = items.iter().map(Vec::as_slice).collect();
        let found = alpha::alpha_of(Covariances::of_columns(&columns), SHEETS, 0.95);
        seconds.push(began.elapsed().as_secs_f64());
        say(format_args!("alpha of {SHEETS} × {QUESTIONS}: {:?}", found.alpha));
    }
    Row::new(
        "S1",
        "Without a database",
        "Cronbach's α with interval and item-deleted values, 10⁶ × 20 answers",
    )
    .load("in this process, one call")
    .value(Spread::of(&seconds), "s")
}

fn path_model(effort: &Effort, folder: &Path) -> Result<Row> {
    let columns = answers();
    let ours = bootstraps(&columns, effort.repetitions)?;
    let peer_resamples = if effort.repetitions > 1 { 60 } else { 20 };
    let peer = peer(&columns, peer_resamples, folder)?;
    agree(&ours.paths, &peer["paths"])?;
    let peer_s = peer["bootstrap_s"].as_f64().unwrap_or_default() / peer_resamples as f64;
    let own: Vec<f64> = ours.seconds.iter().map(|s| s / RESAMPLES as f64).collect();
    let ratio: Vec<f64> = own.iter().map(|s| peer_s / s).collect();
    let beside = Beside {
        what: format!("plspm 0.5.7 (Python), {peer_resamples} resamples, two processes"),
        value: Spread::one(1.0 / peer_s),
        unit: "resamples/s",
        p50_ms: None,
        p99_ms: None,
    };
    let rates: Vec<f64> = own.iter().map(|s| 1.0 / s).collect();
    Ok(Row::new(
        "S2",
        "Without a database",
        "PLS path model 250 × 27, six constructs, 5,000 bootstraps",
    )
    .load("in this process, all cores")
    .value(Spread::of(&rates), "resamples/s")
    .beside(beside, Spread::of(&ratio))
    .goal(Goal::RatioAtLeast(100.0))
    .note(format!("all {RESAMPLES} in {:.2} s", Spread::of(&ours.seconds).median)))
}

/// Answers on a scale from 1 to 10, by item.
fn answers() -> Vec<(String, Vec<f64>)> {
    let mut numbers = Numbers(27);
    let mut latent: Vec<[f64; 6]> = Vec::new();
    for _ in 0..RESPONDENTS {
        let mut n = || numbers.normal();
        let expectations = n();
        let quality = 0.6 * expectations + 0.8 * n();
        let value = 0.5 * quality + 0.2 * expectations + 0.8 * n();
        let satisfaction = 0.5 * quality + 0.4 * value + 0.6 * n();
        let complaints = 0.8f64.mul_add(n(), -0.5 * satisfaction);
        let loyalty = 0.7 * satisfaction + 0.6 * n();
        latent.push([expectations, quality, value, satisfaction, complaints, loyalty]);
    }
    let mut columns = Vec::new();
    for (k, (construct, items)) in CONSTRUCTS.iter().enumerate() {
        for item in 1..=*items {
            let answer =
                |l: &[f64; 6]| grade(6.0 + 1.5 * (l[k] + 0.6 * numbers.normal()), 1.0, 10.0);
            columns.push((format!("{construct}_{item}"), latent.iter().map(answer).collect()));
        }
    }
    columns
}

struct Ours {
    seconds: Vec<f64>,
    paths: Value,
}

fn bootstraps(columns: &[(String, Vec<f64>)], repetitions: usize) -> Result<Ours> {
    let latents: Vec<Value> = CONSTRUCTS
        .iter()
        .map(|(construct, items)| {
            let names: Vec<String> = (1..=*items).map(|i| format!("{construct}_{i}")).collect();
            json!({"id": construct, "mode": "A", "items": names})
        })
        .collect();
    let paths: Vec<Value> =
        PATHS.iter().map(|(from, to)| json!({"from": from, "to": to})).collect();
    let data: serde_json::Map<String, Value> =
        columns.iter().map(|(name, values)| (name.clone(), json!(values))).collect();
    let input = json!({
        "data": data, "model": {"latents": latents, "paths": paths}, "scheme": "path",
        "standardize": true, "n_resamples": RESAMPLES, "seed": 1,
    });
    let method = measures::find("pls.bootstrap")
        .ok_or_else(|| Error::Unsound("there is no pls.bootstrap".to_owned()))?;
    let mut ours = Ours { seconds: Vec::new(), paths: Value::Null };
    for _ in 0..repetitions {
        let began = Instant::now();
        let found = method.compute(&input).map_err(|e| Error::Unsound(e.to_string()))?;
        ours.seconds.push(began.elapsed().as_secs_f64());
        ours.paths = found["paths"].clone();
    }
    Ok(ours)
}

/// The Python package on the same answers.
fn peer(columns: &[(String, Vec<f64>)], resamples: usize, folder: &Path) -> Result<Value> {
    let python = std::env::var(PEER_PYTHON).map_err(|_| {
        let text = format!("{PEER_PYTHON} names no Python with plspm; start with `make bench`");
        Error::program("plspm", text)
    })?;
    let mut csv: Vec<&str> = columns.iter().map(|(name, _)| name.as_str()).collect();
    let mut text = csv.join(",") + "\n";
    csv.clear();
    for row in 0..RESPONDENTS {
        let cells: Vec<String> =
            columns.iter().map(|(_, values)| values[row].to_string()).collect();
        let _ = writeln!(text, "{}", cells.join(","));
    }
    let file = folder.join("items.csv");
    fs::write(&file, text).map_err(|e| Error::file(&file, e))?;
    let output = Command::new(python)
        .arg(PEER)
        .arg(&file)
        .arg(resamples.to_string())
        .output()
        .map_err(|e| Error::program("plspm", e))?;
    if !output.status.success() {
        return Err(Error::program("plspm", String::from_utf8_lossy(&output.stderr)));
    }
    let last = String::from_utf8_lossy(&output.stdout);
    let last = last.lines().last().unwrap_or_default();
    serde_json::from_str(last).map_err(|e| Error::program("plspm", e))
}

/// Whether both programs found the same coefficients: otherwise the times compare nothing.
fn agree(ours: &Value, peers: &Value) -> Result<()> {
    for path in ours.as_array().into_iter().flatten() {
        let name = format!(
            "{}>{}",
            path["from"].as_str().unwrap_or_default(),
            path["to"].as_str().unwrap_or_default()
        );
        let (own, peer) = (path["coef"].as_f64(), peers[&name].as_f64());
        match (own, peer) {
            // A construct that is turned round changes the sign in one program alone.
            (Some(own), Some(peer)) if (own.abs() - peer.abs()).abs() < SAME => {}
            _ => return Err(Error::Unsound(format!("{name}: {own:?} here, {peer:?} in plspm"))),
        }
    }
    Ok(())
}
