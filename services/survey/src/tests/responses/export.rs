//! Exports: every row once, with a checksum, through any break, and harmless in a spreadsheet.

use proto::{
    common::v1::{Permission, Reason},
    names,
    survey::v1::{self, ResponseExportFormat},
};
use sha2::{Digest, Sha256};
use tonic::Code;
use uuid::Uuid;

use super::scene::{Scene, grade, scenes, words};
use crate::{
    store::response::{PageLimit, export_page},
    tests::world::refusal,
};

async fn fill(scene: &Scene, count: usize) {
    let mut csv = String::from("no,overall\n");
    (0..count).for_each(|row| csv.push_str(&format!("{row},{}\n", 1 + row % 5)));
    let column = v1::ResponseColumn {
        column: "overall".into(),
        target: "overall".into(),
        ..Default::default()
    };
    let request = v1::ImportResponsesRequest {
        campaign: scene.name(),
        mapping: Some(v1::ResponseMapping {
            row_id_column: "no".into(),
            columns: vec![column],
            ..Default::default()
        }),
        csv,
        ..Default::default()
    };
    let done = scene.responses().import_responses(scene.world.as_admin(request)).await.unwrap();
    assert_eq!(done.into_inner().stored_count, i32::try_from(count).unwrap());
}

fn ask(scene: &Scene) -> v1::ExportResponsesRequest {
    v1::ExportResponsesRequest { campaign: scene.name(), ..Default::default() }
}

/// All pieces of an export, at most `most`.
async fn pieces(
    scene: &Scene,
    request: v1::ExportResponsesRequest,
    most: usize,
) -> Vec<v1::ExportResponsesResponse> {
    let request = scene.world.as_admin(request);
    let mut stream = scene.responses().export_responses(request).await.unwrap().into_inner();
    let mut pieces = Vec::new();
    while pieces.len() < most
        && let Some(piece) = stream.message().await.unwrap()
    {
        pieces.push(piece);
    }
    pieces
}

fn hash(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn file(pieces: &[v1::ExportResponsesResponse]) -> String {
    pieces.iter().map(|piece| piece.lines.as_str()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_that_broke_goes_on_and_its_checksum_is_that_of_the_whole_file() {
    for scene in scenes(|_| {}).await {
        fill(&scene, 1_234).await;
        let whole = pieces(&scene, ask(&scene), usize::MAX).await;
        let text = file(&whole);
        let trailer = whole.last().unwrap().trailer.clone().unwrap();
        assert_eq!((trailer.row_count, trailer.sha256.clone()), (1_234, hash(&text)));
        assert_eq!(text.lines().count(), 1_235);
        assert!(whole[..whole.len() - 1].iter().all(|piece| piece.trailer.is_none()));
        for broke in 1..whole.len() {
            let mut parts = pieces(&scene, ask(&scene), broke).await;
            let resume_token = parts.last().unwrap().resume_token.clone();
            let rest = v1::ExportResponsesRequest { resume_token, ..ask(&scene) };
            parts.extend(pieces(&scene, rest, usize::MAX).await);
            assert_eq!(file(&parts), text);
            let end = parts.last().unwrap().trailer.clone().unwrap();
            assert_eq!((end.row_count, end.sha256), (1_234, trailer.sha256.clone()));
        }
        let json = v1::ExportResponsesRequest {
            format: ResponseExportFormat::JsonLines as i32,
            ..ask(&scene)
        };
        let lines = pieces(&scene, json, usize::MAX).await;
        let text = file(&lines);
        assert_eq!(text.lines().count(), 1_234);
        let first: serde_json::Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
        assert_eq!(first["channel"], "IMPORT");
        let foreign = v1::ExportResponsesRequest {
            resume_token: lines[0].resume_token.clone(),
            ..ask(&scene)
        };
        let refused =
            refusal(scene.responses().export_responses(scene.world.as_admin(foreign)).await);
        assert_eq!(refused, (Code::InvalidArgument, Reason::BadToken));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_cell_is_a_formula_and_suspect_rows_can_be_left_out() {
    let all = scenes(|_| {}).await;
    let scene = &all[0];
    let (_, link) = scene.open_link(1_000, -1).await;
    for text in ["=cmd|'/c calc'!A1", "+1", "-1", "@SUM(A1)", "\t=1", "\r\n=1", "＝1", "a\"b,c"] {
        let mut request = scene.submission(&link).await;
        request.answers = vec![grade("overall", "", 1), words(text)];
        request.answers[0].comment = text.into();
        scene.submit(request).await.unwrap();
    }
    let mut request = scene.submission(&link).await;
    request.website = "robot".into();
    scene.submit(request).await.unwrap();
    let text = file(&pieces(scene, ask(scene), usize::MAX).await);
    let mut reader = csv_rows(&text);
    let header = reader.remove(0);
    assert_eq!(reader.len(), 9);
    let words_at = header.iter().position(|name| name == "words").unwrap();
    let comment_at = header.iter().position(|name| name == "overall#comment").unwrap();
    for row in &reader {
        for cell in row {
            let first = cell.trim_start().chars().next().unwrap_or('x');
            assert!(!"=+-@＝＋－＠".contains(first), "{cell:?}");
            assert!(!cell.starts_with(['\t', '\r', '\n']), "{cell:?}");
        }
    }
    let read: Vec<&str> = reader.iter().map(|row| row[words_at].as_str()).collect();
    assert!(read.contains(&"'=cmd|'/c calc'!A1") && read.contains(&"a\"b,c"));
    assert!(reader.iter().any(|row| row[comment_at] == "'＝1"));
    let sound =
        v1::ExportResponsesRequest { exclude_suspect: true, byte_order_mark: true, ..ask(scene) };
    let text = file(&pieces(scene, sound, usize::MAX).await);
    assert!(text.starts_with('\u{feff}'));
    assert_eq!(csv_rows(text.trim_start_matches('\u{feff}')).len(), 9);
}

fn csv_rows(text: &str) -> Vec<Vec<String>> {
    use survey_domain::csv_import::{Decoder, Encoding, Reader, Rows, Scanner};
    let mut reader = Reader::new(Decoder::new(Encoding::Utf8), Scanner::new(','), Rows::default());
    reader.feed(text.as_bytes()).unwrap();
    reader.finish().unwrap();
    reader.take().into_iter().map(|row| row.cells).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn three_exports_at_once_and_only_for_those_who_may() {
    let all = scenes(|_| {}).await;
    let scene = &all[0];
    let mut running = Vec::new();
    for _ in 0..3 {
        let request = scene.world.as_admin(ask(scene));
        running.push(scene.responses().export_responses(request).await.unwrap());
    }
    let request = scene.world.as_admin(ask(scene));
    let refused = refusal(scene.responses().export_responses(request).await);
    assert_eq!(refused, (Code::ResourceExhausted, Reason::LimitReached));
    running.pop();
    let request = scene.world.as_admin(ask(scene));
    scene.responses().export_responses(request).await.unwrap();
    let reader = scene.world.org.user(scene.world.org.root, &[Permission::ResponseRead]).await;
    let refused = scene.responses().export_responses(scene.bearer(ask(scene), &reader)).await;
    assert_eq!(refusal(refused).0, Code::PermissionDenied);
    let branch = scene.world.org.branches[0];
    let below = scene.world.org.user(branch, &[Permission::ResponseExport]).await;
    let refused = scene.responses().export_responses(scene.bearer(ask(scene), &below)).await;
    assert_eq!(refusal(refused), (Code::NotFound, Reason::NotFound));
    let nothing = v1::ExportResponsesRequest {
        campaign: names::print("campaigns", Uuid::now_v7()),
        ..Default::default()
    };
    let refused = scene.responses().export_responses(scene.world.as_admin(nothing)).await;
    assert_eq!(refusal(refused), (Code::NotFound, Reason::NotFound));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_ends_at_its_limits_and_nothing_is_lost_between_pages() {
    let limits = [(10, usize::MAX), (1_000, 1), (57, 1 << 20), (7, 200)];
    for scene in scenes(|_| {}).await {
        fill(&scene, 57).await;
        let conn = scene.world.app.db.bulk();
        let of = (scene.campaign.org, scene.campaign.id);
        for (rows, bytes) in limits {
            let (mut last, mut seen) = (None, Vec::new());
            loop {
                let limit = PageLimit { rows, bytes };
                let page = export_page(conn, of, false, last, limit).await.unwrap();
                assert!(page.rows.len() <= rows, "{}", scene.world.name);
                let but_one = page.rows.iter().rev().skip(1);
                assert!(but_one.map(|row| row.answers.len()).sum::<usize>() < bytes);
                seen.extend(page.rows.iter().map(|row| row.place()));
                if !page.more {
                    break;
                }
                last = seen.last().copied();
            }
            assert_eq!(seen.len(), 57, "{}: {rows} rows, {bytes} bytes", scene.world.name);
            assert!(seen.is_sorted() && seen.windows(2).all(|two| two[0] != two[1]));
        }
    }
}
