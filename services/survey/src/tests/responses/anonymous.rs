//! Anonymous campaigns keep no link between a person and an answer: not in any row, not in the
//! order of rows, not in times, and not in the bytes of the database's files.

use kit::db::Dialect;
use proto::survey::v1;
use sea_orm::{ConnectionTrait, Database, Statement};
use survey_domain::invitation::State;
use uuid::Uuid;

use super::scene::{Scene, grade, scenes};

/// Tables that know persons.
const PERSONS: &str = "invitation, invitation_event, customer";
/// Tables that know answers.
const ANSWERS: &str = "response, response_draft, outbox";

struct Answered {
    people: Vec<Uuid>,
    invitations: Vec<Uuid>,
    links: Vec<String>,
    responses: Vec<Uuid>,
}

async fn answered(scene: &Scene) -> Answered {
    let mut all =
        Answered { people: vec![], invitations: vec![], links: vec![], responses: vec![] };
    for n in 0..20 {
        let person = Uuid::now_v7();
        let (invitation, link) = scene.invite(Some(person)).await;
        let mut request = scene.submission(&link).await;
        request.submission_id = Uuid::now_v7().to_string();
        let save = v1::SaveResponseRequest {
            link: link.clone(),
            session: request.session.clone(),
            answers: vec![grade("overall", "", 1 + n % 5)],
            ..Default::default()
        };
        scene.respondents().save_response(save).await.unwrap();
        let receipt = scene.submit(request).await.unwrap().into_inner();
        all.people.push(person);
        all.invitations.push(invitation);
        all.links.push(link);
        all.responses.push(proto::names::parse("responses", &receipt.receipt).unwrap());
        assert_eq!(scene.state_of(invitation).await, State::Answered);
    }
    all
}

async fn anonymous_scenes() -> Vec<Scene> {
    scenes(|settings| settings.anonymous = true).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_anonymous_answer_names_nobody_and_only_its_day() {
    for scene in anonymous_scenes().await {
        let all = answered(&scene).await;
        let mut times = Vec::new();
        for id in &all.responses {
            let stored = scene.response(&proto::names::print("responses", *id)).await;
            assert!(stored.anonymous && stored.customer.is_empty());
            times.push(stored.submit_time.unwrap().seconds);
        }
        times.dedup();
        // Noon in China of the day on which the clock of the test stands.
        assert_eq!(times, [1_793_592_000]);
        let mut sorted = all.responses.clone();
        sorted.sort_unstable();
        assert_ne!(sorted, all.responses, "ids tell no order");
        assert_eq!(count(&scene, "invitation_event").await, 0, "no history of answering");
    }
}

async fn count(scene: &Scene, table: &str) -> i64 {
    scene.world.count(table).await
}

fn holds(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

/// Whether bytes hold an id, be it as bytes or as text in any usual form.
fn holds_id(bytes: &[u8], id: Uuid) -> bool {
    holds(bytes, id.as_bytes())
        || holds(bytes, id.simple().to_string().as_bytes())
        || holds(bytes, id.hyphenated().to_string().as_bytes())
}

/// The bytes of a copy of the database without some tables.
async fn file_without(scene: &Scene, tables: &str) -> Vec<u8> {
    let folder = tempfile_folder();
    let path = format!("{folder}/{}.db", Uuid::now_v7().simple());
    let conn = scene.world.app.db.read();
    let vacuum =
        Statement::from_string(conn.get_database_backend(), format!("VACUUM INTO '{path}'"));
    conn.execute_raw(vacuum).await.unwrap();
    assert!(std::fs::exists(&path).unwrap(), "{}: {path}", scene.world.name);
    let copy = Database::connect(format!("sqlite://{path}")).await.unwrap();
    copy.execute_unprepared("PRAGMA foreign_keys = OFF").await.unwrap();
    for table in tables.split(", ") {
        copy.execute_unprepared(&format!("DROP TABLE {table}")).await.unwrap();
    }
    copy.execute_unprepared("VACUUM").await.unwrap();
    copy.close().await.unwrap();
    let bytes = std::fs::read(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    bytes
}

fn tempfile_folder() -> String {
    std::env::temp_dir().display().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_files_of_the_database_tie_nobody_to_an_answer() {
    let mut looked = 0;
    for scene in anonymous_scenes().await {
        // A database in memory writes its copies into memory too.
        let memory = scene.world.name.contains("memory");
        if scene.world.app.db.dialect() != Dialect::Sqlite || memory {
            continue;
        }
        let all = answered(&scene).await;
        let answers = file_without(&scene, PERSONS).await;
        for id in all.people.iter().chain(&all.invitations) {
            assert!(!holds_id(&answers, *id), "a person stands beside the answers");
        }
        for link in &all.links {
            assert!(!holds(&answers, link.as_bytes()));
        }
        // The control: a look that finds nothing anywhere proves nothing.
        assert!(all.responses.iter().all(|id| holds_id(&answers, *id)));
        let persons = file_without(&scene, ANSWERS).await;
        assert!(all.responses.iter().all(|id| !holds_id(&persons, *id)));
        assert!(all.invitations.iter().all(|id| holds_id(&persons, *id)));
        let conn = scene.world.app.db.read();
        let order = conn.execute_unprepared("SELECT rowid FROM response").await;
        assert!(order.is_err(), "rows of responses have no number of arrival");
        looked += 1;
    }
    assert_eq!(looked, 1);
}

/// Path of the database; none for one in memory or on a server.
async fn path_of(scene: &Scene) -> Option<String> {
    if scene.world.app.db.dialect() != Dialect::Sqlite {
        return None;
    }
    let conn = scene.world.app.db.read();
    let query = Statement::from_string(conn.get_database_backend(), "PRAGMA database_list");
    let row = conn.query_one_raw(query).await.unwrap().unwrap();
    let path: String = row.try_get("", "file").unwrap();
    Some(path).filter(|path| !path.is_empty())
}

/// The pages that each transaction of a log wrote, oldest first.
fn transactions(log: &[u8]) -> Vec<&[u8]> {
    let word = |at: usize| u32::from_be_bytes(log[at..at + 4].try_into().unwrap());
    let page = word(8) as usize;
    let (mut found, mut begin, mut at) = (Vec::new(), 32, 32);
    while at + 24 + page <= log.len() {
        // The size of the file stands in the last page of a transaction only.
        let last = word(at + 4) != 0;
        at += 24 + page;
        if last {
            found.push(&log[begin..at]);
            begin = at;
        }
    }
    found
}

/// Answers of which a log tells in which transaction they came, and that this transaction wrote
/// invitations as well: whoever compares its pages with those before sees which one it was.
fn tied(log: &[u8], all: &Answered) -> usize {
    let mut known = std::collections::HashSet::new();
    let mut count = 0;
    for transaction in transactions(log) {
        let new: Vec<&Uuid> = all
            .responses
            .iter()
            .filter(|id| !known.contains(*id) && holds(transaction, id.as_bytes()))
            .collect();
        known.extend(new.iter().copied().copied());
        let invitations = all.invitations.iter().any(|id| holds(transaction, id.as_bytes()));
        count += usize::from(new.len() == 1 && invitations);
    }
    count
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_of_pages_does_not_keep_what_was_written_together() {
    let mut looked = 0;
    for scene in anonymous_scenes().await {
        let Some(path) = path_of(&scene).await else { continue };
        let engine = scene.world.respond().engine().clone();
        crate::respond::sweep::once(&engine).await.unwrap();
        let all = answered(&scene).await;
        let log = || std::fs::read(format!("{path}-wal")).unwrap_or_default();
        let before = tied(&log(), &all);
        assert!(before > 10, "the control: a log that was not emptied tells {before} of 20");
        crate::respond::sweep::once(&engine).await.unwrap();
        assert_eq!(log().len(), 0, "{}", scene.world.name);
        // Answers by open links, and sweeps without news, empty nothing.
        let request = scene.submission(&scene.link).await;
        scene.submit(request).await.unwrap();
        crate::respond::sweep::once(&engine).await.unwrap();
        assert!(!log().is_empty());
        looked += 1;
    }
    assert_eq!(looked, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_in_the_way_only_delays_the_emptying_of_the_log() {
    use sea_orm::TransactionTrait as _;
    for scene in anonymous_scenes().await {
        let Some(path) = path_of(&scene).await else { continue };
        let engine = scene.world.respond().engine().clone();
        crate::respond::sweep::once(&engine).await.unwrap();
        answered(&scene).await;
        let reader = scene.world.app.db.read().begin().await.unwrap();
        let query = "SELECT COUNT(*) FROM response";
        let query = Statement::from_string(reader.get_database_backend(), query);
        reader.query_one_raw(query).await.unwrap();
        let request = scene.submission(&scene.link).await;
        scene.submit(request).await.unwrap();
        crate::respond::sweep::once(&engine).await.unwrap();
        let log = || std::fs::metadata(format!("{path}-wal")).map_or(0, |log| log.len());
        assert!(log() > 0, "the reader still needs it");
        reader.rollback().await.unwrap();
        crate::respond::sweep::once(&engine).await.unwrap();
        assert_eq!(log(), 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_raw_file_and_its_log_hold_no_row_with_both() {
    let mut looked = 0;
    for scene in anonymous_scenes().await {
        let Some(path) = path_of(&scene).await else { continue };
        let all = answered(&scene).await;
        for file in [path.clone(), format!("{path}-wal")] {
            let bytes = std::fs::read(&file).unwrap_or_default();
            for (person, response) in all.people.iter().zip(&all.responses) {
                // A row is shorter than this: nothing of the person stands near the answer.
                let places = places_of(&bytes, response.as_bytes());
                looked += places.len();
                for place in places {
                    let near = &bytes[place.saturating_sub(300)..(place + 300).min(bytes.len())];
                    assert!(!holds(near, person.as_bytes()), "{file}");
                }
            }
        }
    }
    assert!(looked >= 20, "every answer was found somewhere: {looked}");
}

fn places_of(bytes: &[u8], needle: &[u8]) -> Vec<usize> {
    let windows = bytes.windows(needle.len()).enumerate();
    windows.filter(|(_, window)| *window == needle).map(|(place, _)| place).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tables_of_postgres_tie_nobody_to_an_answer() {
    for scene in anonymous_scenes().await {
        if scene.world.app.db.dialect() != Dialect::Postgres {
            continue;
        }
        let all = answered(&scene).await;
        let tied = "SELECT count(*) AS n FROM invitation i JOIN response r ON i.xmin = r.xmin";
        assert!(number(&scene, tied).await > 0, "the control: one transaction writes both");
        let engine = scene.world.respond().engine().clone();
        crate::respond::sweep::once(&engine).await.unwrap();
        for table in ["response", "outbox", "fieldwork_count"] {
            let tied =
                format!("SELECT count(*) AS n FROM invitation i JOIN {table} r ON i.xmin = r.xmin");
            assert_eq!(number(&scene, &tied).await, 0, "{table}");
        }
        let tables = rows(
            &scene,
            "SELECT table_name::text AS t FROM information_schema.tables \
             WHERE table_schema = 'public' AND table_type = 'BASE TABLE'",
        )
        .await;
        for table in tables {
            for row in rows(&scene, &format!("SELECT x::text AS t FROM \"{table}\" x")).await {
                let answer = all.responses.iter().any(|id| mentions(&row, *id));
                let persons = all.people.iter().chain(&all.invitations);
                let person = persons.into_iter().any(|id| mentions(&row, *id));
                assert!(!(answer && person), "{table}: {row}");
            }
        }
    }
}

fn mentions(row: &str, id: Uuid) -> bool {
    row.contains(&id.to_string()) || row.contains(&id.simple().to_string())
}

async fn rows(scene: &Scene, sql: &str) -> Vec<String> {
    let conn = scene.world.app.db.read();
    let query = Statement::from_string(conn.get_database_backend(), sql);
    let rows = conn.query_all_raw(query).await.unwrap();
    rows.iter().map(|row| row.try_get("", "t").unwrap()).collect()
}

async fn number(scene: &Scene, sql: &str) -> i64 {
    let conn = scene.world.app.db.read();
    let query = Statement::from_string(conn.get_database_backend(), sql);
    conn.query_one_raw(query).await.unwrap().unwrap().try_get("", "n").unwrap()
}
