//! Importing ratings of another system from a CSV file.

use std::{collections::BTreeMap, fmt::Write as _, fs, path::Path};

use clap::Parser;
use e2e::{
    Org, Shape, World, patiently,
    rest::{int, text},
};
use serde_json::json;
use tokio_util::sync::CancellationToken;
use tools::import::{self, Args, Summary};

#[derive(Parser)]
struct Program {
    #[command(flatten)]
    args: Args,
}

/// The program's options for a file of an organisation.
pub fn options(world: &World, org: &Org, file: &Path, more: &[&str]) -> Args {
    let credentials = file.with_extension("credentials");
    if !credentials.exists() {
        org.sign_in.write_new(&credentials).expect("credentials are written");
    }
    let (file, credentials) = (file.to_string_lossy(), credentials.to_string_lossy());
    let mut words = vec!["import", &file, "--gateway", &world.address];
    words.extend(["--credentials", &credentials]);
    words.extend(more);
    Program::try_parse_from(words).unwrap_or_else(|e| panic!("{e}")).args
}

/// Runs the program to its end.
pub async fn run(args: &Args) -> Summary {
    import::ratings(args, CancellationToken::new()).await.unwrap_or_else(|e| panic!("{e}"))
}

/// Ratings of 7 departments and 40 staff, some of them without meaning.
fn ratings_file(path: &Path) -> BTreeMap<String, BTreeMap<i64, i64>> {
    let mut text = "﻿科室,工号,评分\r\n".to_owned();
    let mut expected: BTreeMap<String, BTreeMap<i64, i64>> = BTreeMap::new();
    for n in 0..1_500_i64 {
        let (department, staff) = (format!("科室 {}", n * n % 7), 2_000 + n % 40);
        let grade = 1 + (n * 7 + n / 11) % 5;
        match n {
            700 => text.push_str("科室 0,2001,很好\r\n"),
            900 => text.push_str("科室 0,2001\r\n"),
            _ => {
                let _ = write!(text, "{department},{staff},{grade}\r\n");
                *expected.entry(department).or_default().entry(grade).or_default() += 1;
            }
        }
    }
    fs::write(path, text).expect("the file is written");
    expected
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_imported_twice_is_counted_once_and_exactly() {
    let world = World::start(Shape::OneOnSqlite).await;
    let org = world.organisation().await;
    org.five_grades().await;
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("ratings.csv");
    let expected = ratings_file(&file);
    let head = org.headquarters.clone();
    let args = options(
        &world,
        &org,
        &file,
        &[
            "--map",
            "grade=评分,staff=工号,unit=科室",
            "--spread",
            "2026-03-01..2026-03-31",
            "--create-units-under",
            &head,
            "--create-staff",
        ],
    );
    let first = run(&args).await;
    assert_eq!(first, Summary { read: 1_500, stored: 1_498, refused: 2, ..Summary::default() });
    let errors = fs::read_to_string(folder.path().join("ratings.csv.errors.csv")).expect("errors");
    let lines: Vec<&str> = errors.lines().map(|l| l.split(',').next().unwrap_or("")).collect();
    assert_eq!(lines, ["line", "702", "902"], "{errors}");

    let second = run(&args).await;
    assert_eq!(second, Summary { read: 1_500, present: 1_498, refused: 2, ..Summary::default() });

    let query = json!({
        "unit": org.headquarters, "from": "2026-03-01", "to": "2026-03-31",
        "groupBy": ["GROUP_BY_UNIT"],
    });
    let figures = patiently("everything to be counted", || async {
        let figures = org.rest.post("/v1/figures:query", query.clone()).await;
        (int(&figures["total"]["n"]) == 1_498).then_some(figures)
    })
    .await;
    let mut counted = BTreeMap::new();
    for row in figures["rows"].as_array().expect("rows") {
        let grades = row["grades"].as_array().expect("grades").iter();
        let grades: BTreeMap<i64, i64> = grades
            .map(|g| (int(&g["grade"]), int(&g["count"])))
            .filter(|(_, count)| *count > 0)
            .collect();
        counted.insert(text(&row["key"]["displayName"]).to_owned(), grades);
    }
    assert_eq!(counted, expected);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_import_goes_on_where_it_stopped() {
    let world = World::start(Shape::OneOnSqlite).await;
    let org = world.organisation().await;
    org.five_grades().await;
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("ratings.csv");
    ratings_file(&file);
    let head = org.headquarters.clone();
    let args = options(
        &world,
        &org,
        &file,
        &[
            "--map",
            "grade=评分,unit=科室",
            "--press-time",
            "2026-03-05T10:00",
            "--create-units-under",
            &head,
            "--unit-kind",
            "department",
        ],
    );
    let stop = CancellationToken::new();
    stop.cancel();
    // Stopped before its first line, then after some of them by a file that ends early.
    let nothing = import::ratings(&args, stop).await.unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(nothing, Summary::default());
    let whole = fs::read(&file).expect("the file");
    fs::write(&file, &whole[..whole.len() / 3]).expect("a shorter file");
    run(&args).await;
    fs::write(&file, &whole).expect("the whole file");
    let rest = run(&args).await;
    assert_eq!(rest.stored + rest.present, 1_498);
    assert!(rest.present > 300, "{rest:?}");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_that_name_nobody_known_are_listed_and_the_others_stored() {
    let world = World::start(Shape::OneOnSqlite).await;
    let org = world.organisation().await;
    org.five_grades().await;
    org.unit(&org.headquarters, "BRANCH", "城东支行").await;
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("r.csv");
    let lines = "网点,评分,时间\n城东支行,5,2026-03-01 09:00\n无名支行,4,2026-03-01 09:00\n\
                 城东支行,9,2026-03-01 09:00\n城东支行,3,soon\n";
    fs::write(&file, lines).expect("the file is written");
    let args = options(&world, &org, &file, &["--map", "grade=评分,unit=网点,time=时间"]);
    let summary = run(&args).await;
    assert_eq!((summary.read, summary.stored), (4, 1), "{summary:?}");
    assert_eq!(summary.refused + summary.quarantined, 3, "{summary:?}");
    let errors = fs::read_to_string(folder.path().join("r.csv.errors.csv")).expect("errors");
    for line in ["3,unit,", "4,", "5,time,"] {
        assert!(errors.lines().any(|l| l.starts_with(line)), "{line} is missing:\n{errors}");
    }
    world.stop().await;
}
