//! What holds for the sources: who may depend on whom, how large a file may grow, what the
//! contract must say. A new edge or exception is a change of this file, seen in review.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// Every dependency between crates of the workspace, development dependencies left out.
const EDGES: &[(&str, &str)] = &[
    ("all-in-one", "analytics"),
    ("all-in-one", "auth"),
    ("all-in-one", "device"),
    ("all-in-one", "gateway"),
    ("all-in-one", "kit"),
    ("all-in-one", "survey"),
    ("all-in-one", "tools"),
    ("analytics", "analytics-domain"),
    ("analytics", "kit"),
    ("analytics", "proto"),
    ("auth", "auth-domain"),
    ("auth", "kit"),
    ("auth", "proto"),
    ("bench", "analytics-domain"),
    ("bench", "kit"),
    ("bench", "proto"),
    ("bench", "tools"),
    ("device", "device-domain"),
    ("device", "kit"),
    ("device", "proto"),
    ("e2e", "all-in-one"),
    ("e2e", "analytics"),
    ("e2e", "device"),
    ("e2e", "gateway"),
    ("e2e", "kit"),
    ("e2e", "proto"),
    ("e2e", "survey"),
    ("e2e", "tools"),
    ("gateway", "kit"),
    ("gateway", "proto"),
    ("kit", "proto"),
    ("survey", "kit"),
    ("survey", "proto"),
    ("survey", "survey-domain"),
    ("tools", "kit"),
    ("tools", "proto"),
];

/// What a domain crate may never reach: it has no I/O.
const NOT_IN_DOMAINS: [&str; 6] = ["tokio", "tonic", "prost", "sea-orm", "axum", "sqlx"];

const FILE_LINES_MAX: usize = 400;
const FUNCTION_LINES_MAX: usize = 60;
const COLUMNS_MAX: usize = 100;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap()
}

fn metadata() -> serde_json::Value {
    // Only what is built here: other platforms' crates may never have been fetched.
    let host = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked", "--filter-platform", &host])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn names(packages: &serde_json::Value) -> Vec<(String, Vec<String>)> {
    let packages = packages.as_array().unwrap().iter();
    packages
        .filter(|package| package["source"].is_null())
        .map(|package| {
            let dependencies = package["dependencies"].as_array().unwrap().iter();
            let normal = dependencies.filter(|d| d["kind"].is_null());
            let names = normal.map(|d| d["name"].as_str().unwrap().to_owned()).collect();
            (package["name"].as_str().unwrap().to_owned(), names)
        })
        .collect()
}

#[test]
fn crates_depend_on_each_other_only_as_the_map_says() {
    let packages = names(&metadata()["packages"]);
    let ours: BTreeSet<&str> = packages.iter().map(|(name, _)| name.as_str()).collect();
    let found: BTreeSet<(&str, &str)> = packages
        .iter()
        .flat_map(|(from, to)| to.iter().map(move |to| (from.as_str(), to.as_str())))
        .filter(|(_, to)| ours.contains(to))
        .collect();
    let allowed: BTreeSet<(&str, &str)> = EDGES.iter().copied().collect();
    let surplus: Vec<_> = found.difference(&allowed).collect();
    let vanished: Vec<_> = allowed.difference(&found).collect();
    assert!(surplus.is_empty() && vanished.is_empty(), "new: {surplus:?}, gone: {vanished:?}");
}

#[test]
fn domains_reach_nothing_that_does_input_or_output() {
    let metadata = metadata();
    let nodes = metadata["resolve"]["nodes"].as_array().unwrap();
    let name_of = |id: &str| {
        let packages = metadata["packages"].as_array().unwrap();
        let package = packages.iter().find(|package| package["id"] == id).unwrap();
        package["name"].as_str().unwrap().to_owned()
    };
    let mut checked = 0;
    for node in nodes {
        let name = name_of(node["id"].as_str().unwrap());
        if !name.ends_with("-domain") {
            continue;
        }
        checked += 1;
        let (mut todo, mut seen) = (vec![node], BTreeSet::new());
        while let Some(node) = todo.pop() {
            for dependency in node["deps"].as_array().unwrap() {
                let kinds = dependency["dep_kinds"].as_array().unwrap();
                let id = dependency["pkg"].as_str().unwrap();
                if kinds.iter().all(|kind| !kind["kind"].is_null()) || !seen.insert(id) {
                    continue;
                }
                let reached = name_of(id);
                assert!(!NOT_IN_DOMAINS.contains(&reached.as_str()), "{name} reaches {reached}");
                todo.extend(nodes.iter().find(|n| n["id"] == id));
            }
        }
    }
    assert!(checked >= 3, "only {checked} domain crates were found");
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && !name.starts_with('.') && name != "target" && name != "data" {
            sources(&path, found);
        } else if name.ends_with(".rs") {
            found.push(path);
        }
    }
}

fn is_test(path: &Path) -> bool {
    let text = path.to_string_lossy();
    text.contains("/tests/") || text.ends_with("tests.rs")
}

/// Lines before the tests of a file.
fn product_lines(text: &str) -> Vec<&str> {
    text.lines().take_while(|line| !line.starts_with("#[cfg(test)]")).collect()
}

/// Functions that are too long, by their first line.
fn long_functions(lines: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let code = line.trim_start();
        let head = code.split('(').next().unwrap_or_default();
        if !head.split(' ').any(|word| word == "fn") || code.starts_with("//") {
            continue;
        }
        let opened = lines[start..].iter().find(|line| line.ends_with([';', '{', '}']));
        if opened.is_none_or(|line| !line.ends_with('{')) {
            continue; // a declaration, or all on one line
        }
        let indent = " ".repeat(line.len() - code.len());
        let close = format!("{indent}}}");
        let length = lines[start..].iter().position(|line| *line == close).unwrap_or(0) + 1;
        if length > FUNCTION_LINES_MAX {
            found.push(format!("line {}: {length} lines", start + 1));
        }
    }
    found
}

#[test]
fn files_and_functions_stay_small_and_say_what_they_are_for() {
    let (mut files, mut problems) = (Vec::new(), Vec::new());
    sources(&root(), &mut files);
    assert!(files.len() > 100);
    for path in files {
        let text = fs::read_to_string(&path).unwrap();
        let name = path.strip_prefix(root()).unwrap().display().to_string();
        if !text.starts_with("//!") {
            problems.push(format!("{name}: does not open with what it is for"));
        }
        if name.ends_with("/mod.rs") {
            problems.push(format!("{name}: write store.rs beside store/"));
        }
        for (number, line) in text.lines().enumerate() {
            if line.chars().count() > COLUMNS_MAX {
                problems.push(format!("{name}:{}: over {COLUMNS_MAX} columns", number + 1));
            }
        }
        if is_test(&path) {
            continue;
        }
        let lines = product_lines(&text);
        if lines.len() > FILE_LINES_MAX {
            problems.push(format!("{name}: {} lines", lines.len()));
        }
        problems.extend(long_functions(&lines).iter().map(|text| format!("{name}: {text}")));
    }
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}

#[test]
fn the_long_function_finder_finds_one() {
    let mut lines = vec!["    pub async fn long() {"];
    lines.extend(vec!["        step();"; FUNCTION_LINES_MAX]);
    lines.push("    }");
    assert_eq!(long_functions(&lines).len(), 1);
    assert!(long_functions(&["fn short() {", "}"]).is_empty());
}

#[test]
fn the_top_level_holds_only_the_agreed_folders() {
    let allowed = ["proto", "services", "gateway", "tests", "deploy", "target", "data"];
    for entry in fs::read_dir(root()).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().to_string_lossy().into_owned();
        let fine = !entry.path().is_dir() || name.starts_with('.') || allowed.contains(&&*name);
        assert!(fine, "{name} has no place at the top level");
    }
}

#[test]
#[expect(clippy::print_stdout, reason = "an untested promise has to be seen")]
fn every_promise_of_the_readme_names_tests_that_exist() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let (mut files, mut code) = (Vec::new(), String::new());
    sources(&root(), &mut files);
    for path in files {
        code.push_str(&fs::read_to_string(path).unwrap());
    }
    let mut promises = 0;
    for line in readme.lines() {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let [_, id, _, tests, _] = cells[..] else { continue };
        let number = id.strip_prefix(|c: char| c.is_ascii_uppercase()).unwrap_or_default();
        let named = number.parse::<u32>().is_ok();
        if !named {
            continue;
        }
        let tests: Vec<&str> = tests.split('`').skip(1).step_by(2).collect();
        for test in &tests {
            assert!(code.contains(&format!("fn {test}(")), "{id}: no test {test}");
        }
        println!("guarantee {id}: {} checks", tests.len());
        assert!(!tests.is_empty(), "{id} is promised and not tested");
        promises += 1;
    }
    assert!(promises >= 20, "only {promises} promises were found");
}
