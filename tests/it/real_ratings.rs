//! Real ratings: 73,421 that students gave to 1,128 lecturers of 14 departments are imported as
//! an operator would, and what figures say of each department and each member of staff is what
//! counting the file gives.

use std::{collections::BTreeMap, fs, process::Command};

use e2e::{
    Org, Shape, World,
    rest::{int, text},
    until,
};
use serde_json::{Value, json};
use tools::import::Summary;

use crate::{
    foreign::{foreign_file, python},
    import::{options, run},
};

/// Ratings of the file.
const RATINGS: i64 = 73_421;
/// Longest wait for the figures to be complete after the import.
const COUNTING_MAX: std::time::Duration = std::time::Duration::from_secs(120);

/// How often each grade was given, by whoever it was given to.
type Counts = BTreeMap<String, BTreeMap<i64, i64>>;

/// The file, as the package of a foreign language has it.
fn file() -> String {
    let output = Command::new(python()).arg(foreign_file("real_ratings.py")).output();
    let output = output.expect("python can be started");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "the ratings cannot be read: {said}");
    String::from_utf8(output.stdout).expect("text")
}

/// Grades by staff and by department, counted here.
fn counted(file: &str) -> (Counts, Counts) {
    let (mut staff, mut departments) = (Counts::new(), Counts::new());
    for line in file.lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        let [member, department, grade] = cells[..] else { panic!("{line}") };
        let grade = grade.parse().expect("a grade");
        for (counts, who) in [(&mut staff, member), (&mut departments, department)] {
            *counts.entry(who.to_owned()).or_default().entry(grade).or_default() += 1;
        }
    }
    (staff, departments)
}

/// Grades by the key of each row; a name is replaced by what `spelt` says of it.
fn of_rows(figures: &Value, spelt: impl Fn(&Value) -> String) -> Counts {
    let grades = |row: &Value| {
        let grades = row["grades"].as_array().expect("grades").iter();
        let grades = grades.map(|g| (int(&g["grade"]), int(&g["count"])));
        grades.filter(|(_, count)| *count > 0).collect::<BTreeMap<i64, i64>>()
    };
    let rows = figures["rows"].as_array().expect("rows");
    let counts: Counts = rows.iter().map(|row| (spelt(&row["key"]), grades(row))).collect();
    assert_eq!(counts.len(), rows.len(), "two rows have the same key");
    counts
}

/// The number of each member of staff by its name.
async fn numbers(org: &Org) -> BTreeMap<String, String> {
    let (mut numbers, mut page) = (BTreeMap::new(), String::new());
    loop {
        let list = org.rest.get(&format!("/v1/staff?pageSize=1000&pageToken={page}")).await;
        for member in list["staff"].as_array().expect("staff") {
            let of = |field: &str| text(&member[field]).to_owned();
            numbers.insert(of("name"), of("staffNumber"));
        }
        match list["nextPageToken"].as_str().unwrap_or_default() {
            "" => return numbers,
            next => page = next.to_owned(),
        }
    }
}

async fn figures(org: &Org, group: &str) -> Value {
    let question = json!({
        "unit": org.headquarters, "from": "2026-01-01", "to": "2026-06-30", "groupBy": [group],
        "rowLimit": 10_000,
    });
    org.rest.post("/v1/figures:query", question).await
}

#[tokio::test(flavor = "multi_thread")]
async fn real_ratings_give_the_figures_that_counting_the_file_gives() {
    let file = file();
    let (staff, departments) = counted(&file);
    let lines = file.lines().count() as i64 - 1;
    assert_eq!((lines, staff.len(), departments.len()), (RATINGS, 1_128, 14));
    let world = World::start(Shape::OneOnSqlite).await;
    let org = world.organisation().await;
    org.five_grades().await;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("lectures.csv");
    fs::write(&path, &file).expect("the file is written");
    let map = ["--map", "grade=grade,staff=staff,unit=department"];
    let time = ["--spread", "2026-01-01..2026-06-30"];
    let create = ["--create-units-under", &org.headquarters, "--create-staff"];
    let args = options(&world, &org, &path, &[&map[..], &time, &create].concat());
    let done = run(&args).await;
    let all = RATINGS as u64;
    assert_eq!(done, Summary { read: all, stored: all, ..Summary::default() });

    let by_department = until("every rating to be counted", COUNTING_MAX, || async {
        let figures = figures(&org, "GROUP_BY_UNIT").await;
        (int(&figures["total"]["n"]) == RATINGS).then_some(figures)
    })
    .await;
    assert_eq!(of_rows(&by_department, |key| text(&key["displayName"]).to_owned()), departments);
    let numbers = numbers(&org).await;
    let by_staff = figures(&org, "GROUP_BY_STAFF").await;
    assert_eq!(of_rows(&by_staff, |key| numbers[text(&key["staff"])].clone()), staff);
    world.stop().await;
}
