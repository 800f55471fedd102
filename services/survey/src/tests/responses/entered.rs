//! Answers that staff enter and import.

use proto::{
    common::v1::{Permission, Reason},
    names,
    survey::v1::{self, ResponseChannel},
};
use survey_domain::invitation::State;
use tonic::Code;
use uuid::Uuid;

use super::scene::{Scene, grade, scenes};
use crate::tests::world::{fields, refusal};

fn entered(scene: &Scene) -> v1::EnterResponseRequest {
    v1::EnterResponseRequest {
        campaign: scene.name(),
        submission_id: Uuid::now_v7().to_string(),
        channel: ResponseChannel::Phone as i32,
        answers: vec![grade("overall", "", 2)],
        ..Default::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_enters_an_interview_and_is_recorded() {
    for scene in scenes(|_| {}).await {
        let (invitation, _) = scene.invite(None).await;
        let branch = scene.world.org.branches[0];
        let operator = scene.world.org.user(branch, &[Permission::ResponseEnter]).await;
        let request = v1::EnterResponseRequest {
            invitation: names::print("invitations", invitation),
            staff: names::print("staff", scene.world.org.staff[0]),
            duration_s: Some(1),
            ..entered(&scene)
        };
        let mut client = scene.responses();
        let stored = client.enter_response(scene.bearer(request.clone(), &operator)).await;
        let stored = stored.unwrap().into_inner();
        assert!(stored.operator.starts_with("users/us_"));
        assert_eq!(stored.unit, names::print("units", branch));
        assert_eq!(stored.staff, request.staff);
        assert!(!stored.suspect, "how fast one types says nothing");
        assert_eq!(scene.state_of(invitation).await, State::Answered);
        let again = client.enter_response(scene.bearer(request.clone(), &operator)).await;
        assert_eq!(again.unwrap().into_inner().name, stored.name);
        let other = v1::EnterResponseRequest { submission_id: Uuid::now_v7().into(), ..request };
        let refused = refusal(client.enter_response(scene.bearer(other, &operator)).await);
        assert_eq!(refused, (Code::AlreadyExists, Reason::LinkUsed));
        assert_eq!(scene.world.count("response").await, 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_enters_only_where_one_may() {
    let all = scenes(|settings| settings.channels = vec![6, 7]).await;
    let scene = &all[0];
    let branches = scene.world.org.branches;
    let operator = scene.world.org.user(branches[0], &[Permission::ResponseEnter]).await;
    let mut client = scene.responses();
    let unit = |unit: Uuid| names::print("units", unit);
    let own = v1::EnterResponseRequest { unit: unit(branches[0]), ..entered(scene) };
    client.enter_response(scene.bearer(own.clone(), &operator)).await.unwrap();
    for (change, want) in [
        (v1::EnterResponseRequest { unit: unit(branches[1]), ..entered(scene) }, Code::NotFound),
        (v1::EnterResponseRequest { unit: String::new(), ..entered(scene) }, Code::NotFound),
        (v1::EnterResponseRequest { channel: 10, ..own.clone() }, Code::InvalidArgument),
        (v1::EnterResponseRequest { channel: 2, ..own.clone() }, Code::InvalidArgument),
        (v1::EnterResponseRequest { channel: 0, ..own.clone() }, Code::InvalidArgument),
        (
            v1::EnterResponseRequest {
                campaign: names::print("campaigns", Uuid::now_v7()),
                ..own.clone()
            },
            Code::NotFound,
        ),
        (
            v1::EnterResponseRequest {
                staff: names::print("staff", Uuid::now_v7()),
                ..own.clone()
            },
            Code::NotFound,
        ),
        (
            v1::EnterResponseRequest {
                answer_time: Some(proto::time::from_us(crate::tests::world::NOW_US + 999_000_000)),
                ..own.clone()
            },
            Code::InvalidArgument,
        ),
        (v1::EnterResponseRequest { duration_s: Some(-1), ..own.clone() }, Code::InvalidArgument),
    ] {
        let change = v1::EnterResponseRequest { submission_id: Uuid::now_v7().into(), ..change };
        let (code, _) = refusal(client.enter_response(scene.bearer(change, &operator)).await);
        assert_eq!(code, want);
    }
    let reader = scene.world.org.user(branches[0], &[Permission::ResponseRead]).await;
    let (code, _) = refusal(client.enter_response(scene.bearer(own, &reader)).await);
    assert_eq!(code, Code::PermissionDenied);
}

fn import(scene: &Scene, csv: &str) -> v1::ImportResponsesRequest {
    let column = |column: &str, target: &str, values: &[(&str, &str)]| v1::ResponseColumn {
        column: column.into(),
        target: target.into(),
        values: values.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect(),
    };
    v1::ImportResponsesRequest {
        campaign: scene.name(),
        mapping: Some(v1::ResponseMapping {
            row_id_column: "no".into(),
            columns: vec![
                column("overall", "overall", &[("very good", "5"), ("n/a", "@na")]),
                column("where", "place", &[]),
                column("when", "@submit_time", &[]),
                column("words", "words", &[]),
                column("staff", "@staff_number", &[]),
            ],
            channel: ResponseChannel::Paper as i32,
            ..Default::default()
        }),
        csv: csv.into(),
        ..Default::default()
    }
}

const FILE: &str = "no,overall,where,when,words,staff\n\
                    1,very good,shop,2026-10-01,\"good, \"\"very\"\"\",1001\n\
                    2,n/a,,2026-10-02,,\n\
                    3,9,,2026-10-02,,\n\
                    4,4,nowhere,2026-10-02,,\n\
                    5,4,,2099-01-01,,\n\
                    6,4,,,,9999\n\
                    2,3,,,,\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_imported_row_by_row_and_again_for_nothing() {
    for scene in scenes(|_| {}).await {
        let mut client = scene.responses();
        let request = import(&scene, FILE);
        let dry = v1::ImportResponsesRequest { dry_run: true, ..request.clone() };
        let dry = client.import_responses(scene.world.as_admin(dry)).await.unwrap().into_inner();
        assert_eq!((dry.stored_count, dry.failed_count), (3, 4));
        assert_eq!(scene.world.count("response").await, 0);
        let done = client.import_responses(scene.world.as_admin(request.clone())).await;
        let done = done.unwrap().into_inner();
        assert_eq!((done.stored_count, done.duplicate_count, done.failed_count), (2, 0, 5));
        let rows: Vec<(i64, &str)> =
            done.errors.iter().map(|error| (error.row, error.row_id.as_str())).collect();
        assert_eq!(rows, [(3, "3"), (4, "4"), (5, "5"), (6, "6"), (7, "2")]);
        let again = client.import_responses(scene.world.as_admin(request)).await;
        let again = again.unwrap().into_inner();
        assert_eq!((again.stored_count, again.duplicate_count, again.failed_count), (0, 2, 5));
        assert_eq!(scene.world.count("response").await, 2);
        let list = v1::ListResponsesRequest::default();
        let list = client.list_responses(scene.world.as_admin(list)).await.unwrap().into_inner();
        let [second, first] = &list.responses[..] else { panic!("two") };
        assert_eq!((first.row_id.as_str(), second.row_id.as_str()), ("1", "2"));
        assert_eq!(first.staff, names::print("staff", scene.world.org.staff[0]));
        assert_eq!(first.channel(), ResponseChannel::Paper);
        assert!(first.operator.starts_with("users/us_"));
        let texts: Vec<_> = first.answers.iter().filter_map(|a| a.value.clone()).collect();
        assert!(texts.contains(&v1::answer::Value::Text("good, \"very\"".into())));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_file_of_answers_is_refused_with_its_place() {
    let all = scenes(|_| {}).await;
    let scene = &all[0];
    let mut client = scene.responses();
    for (csv, field) in [
        ("no,overall,where,when,words,staff\n1\n", "csv"),
        ("no,overall,where,when,words,staff\n1,\"2,,,,\n", "csv"),
        ("no,overall,where,when,words,staff\r1,2,,,,\r", "csv"),
        ("", "csv"),
        ("no,where,when,words,staff\n", "mapping.columns[0].column"),
        ("overall,where,when,words,staff\n", "mapping.rowIdColumn"),
    ] {
        let request = scene.world.as_admin(import(scene, csv));
        let (code, found) = fields(client.import_responses(request).await);
        assert_eq!((code, found), (Code::InvalidArgument, vec![field.to_owned()]), "{csv:?}");
    }
    let wide = vec!["a"; 10_000].join(",");
    let request = scene.world.as_admin(import(scene, &wide));
    let (code, found) = fields(client.import_responses(request).await);
    assert_eq!((code, found), (Code::InvalidArgument, vec!["csv".to_owned()]));
    let mut request = import(scene, FILE);
    request.campaign = names::print("campaigns", Uuid::now_v7());
    let (code, _) = refusal(client.import_responses(scene.world.as_admin(request)).await);
    assert_eq!(code, Code::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_may_be_cut_anywhere() {
    for scene in scenes(|_| {}).await {
        let mut file = String::from("no,overall,where,when,words,staff\n");
        for row in 0..500 {
            file.push_str(&format!("{row},{},shop,,\"a\nb\",\n", 1 + row % 5));
        }
        file.push_str("last,5,,,,");
        let first = import(&scene, "");
        let pieces: Vec<v1::ImportResponsesRequest> = file
            .as_bytes()
            .chunks(997)
            .enumerate()
            .map(|(at, piece)| {
                let csv = String::from_utf8(piece.to_vec()).unwrap();
                match at {
                    0 => v1::ImportResponsesRequest { csv, ..first.clone() },
                    _ => v1::ImportResponsesRequest { csv, ..Default::default() },
                }
            })
            .collect();
        let count = pieces.len();
        let request = scene.world.as_admin(futures::stream::iter(pieces));
        let mut answers = scene.responses().stream_import_responses(request).await.unwrap();
        let (mut stored, mut messages) = (0, 0);
        while let Some(answer) = answers.get_mut().message().await.unwrap() {
            stored += answer.stored_count;
            messages += 1;
            assert_eq!(answer.failed_count, 0, "{:?}", answer.errors);
        }
        assert_eq!((stored, messages), (501, count + 1));
        assert_eq!(scene.world.count("response").await, 501);
    }
}
