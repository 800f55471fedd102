//! Rows of cells, packs and vectors equal those of counting by hand, in whatever order and
//! however often answers come.

use super::*;

/// All rows of cells and vectors as text.
pub async fn dump(world: &World) -> Vec<String> {
    let conn = world.db.read();
    let mut lines = Vec::new();
    let rows = |sql: &str| Statement::from_string(conn.get_database_backend(), sql.to_owned());
    for row in conn.query_all_raw(rows("SELECT * FROM cell_answer")).await.unwrap() {
        let id = |index: usize| row.try_get_by_index::<Uuid>(index).unwrap();
        let small = |index: usize| row.try_get_by_index::<i16>(index).unwrap();
        let int = |index: usize| row.try_get_by_index::<i32>(index).unwrap();
        let text = |index: usize| row.try_get_by_index::<String>(index).unwrap();
        let key = AnswerKey {
            place: answer::AnswerPlace {
                org: id(0),
                site: id(1),
                questionnaire: id(3),
                version: int(4),
                unit: id(8),
                staff: id(9),
                campaign: id(10),
                customer_class: id(11),
                channel: small(12),
                suspect: small(13) != 0,
                anonymous: small(14) != 0,
            },
            day: int(2),
            item: text(5),
            option: text(6),
            block: small(7),
        };
        let counts: Vec<i64> =
            (0..11).map(|index| row.try_get_by_index(15 + index).unwrap()).collect();
        lines.push(format!("{key:?} {counts:?}"));
    }
    let sql = "SELECT response_id, holds, day, answers FROM answer_vector";
    for row in conn.query_all_raw(rows(sql)).await.unwrap() {
        let id: Uuid = row.try_get_by_index(0).unwrap();
        let (holds, day): (i32, i32) =
            (row.try_get_by_index(1).unwrap(), row.try_get_by_index(2).unwrap());
        let answers: String = row.try_get_by_index(3).unwrap();
        lines.push(format!("vector {id} {holds} {day} {}", answers.len()));
    }
    lines.extend(packed(world).await);
    lines.sort();
    lines
}

/// All entries of packs of answers as text.
async fn packed(world: &World) -> Vec<String> {
    let conn = world.db.read();
    let sql = "SELECT month, site_id, unit_id, body FROM pack WHERE kind = 3".to_owned();
    let statement = Statement::from_string(conn.get_database_backend(), sql);
    let mut lines = Vec::new();
    for row in conn.query_all_raw(statement).await.unwrap() {
        let month: i32 = row.try_get_by_index(0).unwrap();
        let id = |index: usize| row.try_get_by_index::<Uuid>(index).unwrap();
        let body: Vec<u8> = row.try_get_by_index(3).unwrap();
        let pack = Pack::decode(&body).unwrap();
        assert!(!pack.is_empty() && pack.encode() == body, "the only form");
        lines.extend(pack_lines((month, id(1), id(2)), &pack));
    }
    lines
}

fn pack_lines(key: (i32, Uuid, Uuid), pack: &Pack) -> Vec<String> {
    let line = |(entry, _, counts): (&[u8], u8, &Counts)| {
        let head = pack::answer_of(entry).unwrap();
        format!("pack {key:?} {head:?} {:?}", counts.grades)
    };
    pack.entries().map(line).collect()
}

/// The same, counted from the responses.
pub fn by_hand(world: &World, responses: &[Response]) -> Vec<String> {
    let mut cells: BTreeMap<AnswerKey, Counts> = BTreeMap::new();
    let mut lines = Vec::new();
    for response in responses {
        let zone = world.view().time_zone_at(response.place.site, response.time_us);
        let change = ResponseChange { response: response.clone(), holds: true };
        answer::add_cells(&mut cells, &change, &zone);
        let length = stored_length(response);
        let day = local_day(response.time_us, &zone);
        lines.push(format!("vector {} 1 {day} {length}", response.id));
    }
    lines.extend(cells.iter().map(|(key, counts)| format!("{key:?} {:?}", counts.grades.to_vec())));
    for (key, pack) in pack::of_answers(&cells) {
        lines.extend(pack_lines((key.month, key.site, key.unit), &pack));
    }
    lines.sort();
    lines
}

/// Length of the stored answers: written out here by hand.
fn stored_length(response: &Response) -> usize {
    let one = |(item, given): &(String, Given)| {
        let value = match given {
            Given::Grade(grade) => grade.value().to_string(),
            Given::Options(options) => format!("[{}]", {
                options.iter().map(|o| format!("\"{o}\"")).collect::<Vec<_>>().join(",")
            }),
            Given::Number(number) => format!("{{\"n\":{number}}}"),
            Given::NotApplicable => "\"na\"".to_owned(),
            Given::Refused => "\"refused\"".to_owned(),
        };
        item.len() + 3 + value.len()
    };
    2 + response.answers.iter().map(one).sum::<usize>() + response.answers.len() - 1
}

#[tokio::test]
async fn any_order_and_repetition_of_answers_leave_the_rows_that_counting_gives() {
    for world in World::everywhere().await {
        let mut random = Random::new(3);
        let told = Told::new(&world, &mut random, 120);
        let mut events = told.events.clone();
        random.shuffle(&mut events);
        let mut feed = groups(&events, &mut random);
        for group in feed.clone() {
            for _ in 0..random.below(3) {
                feed.push(group.clone());
            }
        }
        random.shuffle(&mut feed);
        let mut rest = feed.as_slice();
        while !rest.is_empty() {
            let (batch, later) = rest.split_at(rest.len().min(1 + random.below(15)));
            apply(&world, batch.to_vec()).await;
            rest = later;
        }
        assert_eq!(dump(&world).await, by_hand(&world, &told.responses), "{}", world.name);
        assert!(world.dump().await.is_empty(), "{}: cells of ratings are untouched", world.name);
    }
}
