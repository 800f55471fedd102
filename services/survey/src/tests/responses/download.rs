//! Downloads: the file as it is, from any byte, with the trailer of the whole.

use prost::Message as _;
use proto::{google::HttpBody, survey::v1};
use sha2::{Digest, Sha256};
use tonic::Code;

use super::scene::{Scene, scenes};
use crate::tests::world::refusal;

const ROWS: usize = 2_345;

async fn fill(scene: &Scene) {
    let mut csv = String::from("no,overall\n");
    (0..ROWS).for_each(|row| csv.push_str(&format!("{row},{}\n", 1 + row % 5)));
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
    scene.responses().import_responses(scene.world.as_admin(request)).await.unwrap();
}

fn ask(scene: &Scene, offset_bytes: i64) -> v1::DownloadResponsesRequest {
    let byte_order_mark = true;
    let campaign = scene.name();
    v1::DownloadResponsesRequest { campaign, byte_order_mark, offset_bytes, ..Default::default() }
}

struct Downloaded {
    name: String,
    pieces: Vec<HttpBody>,
}

impl Downloaded {
    fn bytes(&self) -> Vec<u8> {
        self.pieces.iter().flat_map(|piece| piece.data.to_vec()).collect()
    }

    fn trailer(&self) -> v1::ResponseExportTrailer {
        let last = &self.pieces.last().unwrap().extensions;
        assert_eq!(last.len(), 1);
        assert!(last[0].type_url.ends_with("/manyi.survey.v1.ResponseExportTrailer"));
        v1::ResponseExportTrailer::decode(&*last[0].value).unwrap()
    }
}

async fn download(scene: &Scene, request: v1::DownloadResponsesRequest) -> Downloaded {
    let request = scene.world.as_admin(request);
    let answer = scene.responses().download_responses(request).await.unwrap();
    let name = answer.metadata().get("content-disposition").unwrap().to_str().unwrap().to_owned();
    let (mut stream, mut pieces) = (answer.into_inner(), Vec::new());
    while let Some(piece) = stream.message().await.unwrap() {
        pieces.push(piece);
    }
    Downloaded { name, pieces }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_goes_on_at_any_byte_and_its_trailer_is_that_of_the_whole_file() {
    for scene in scenes(|_| {}).await {
        fill(&scene).await;
        let whole = download(&scene, ask(&scene, 0)).await;
        assert!(whole.pieces.len() > 3, "{} comes in pieces", scene.world.name);
        assert_eq!(whole.pieces[0].content_type, "text/csv; charset=utf-8; header=present");
        assert_eq!(whole.pieces[0].extensions.len(), 1, "what the trailer will say is announced");
        assert!(whole.name.starts_with("attachment; filename=\"responses-"), "{}", whole.name);
        assert!(whole.name.ends_with(".csv\""));
        let bytes = whole.bytes();
        assert!(bytes.starts_with("\u{feff}response,questionnaire,version,".as_bytes()));
        let trailer = whole.trailer();
        let sum: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(
            (trailer.row_count, trailer.sha256),
            (i64::try_from(ROWS).unwrap(), sum.clone())
        );
        let text = String::from_utf8(bytes.clone()).unwrap();
        assert_eq!(text.lines().count(), ROWS + 1);
        for offset in [1, 3, 1_000, bytes.len() / 2, bytes.len() - 1, bytes.len()] {
            let rest = download(&scene, ask(&scene, i64::try_from(offset).unwrap())).await;
            assert_eq!(rest.bytes(), bytes[offset..], "from {offset}");
            assert_eq!(rest.trailer().sha256, sum);
            assert_eq!(rest.pieces[0].content_type, whole.pieces[0].content_type);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_offset_outside_of_the_file_is_refused() {
    for scene in scenes(|_| {}).await {
        fill(&scene).await;
        let request = scene.world.as_admin(ask(&scene, -1));
        let refused = scene.responses().download_responses(request).await;
        assert_eq!(refusal(refused).0, Code::InvalidArgument);
        let request = scene.world.as_admin(ask(&scene, 1 << 40));
        let mut stream = scene.responses().download_responses(request).await.unwrap().into_inner();
        assert_eq!(stream.message().await.unwrap_err().code(), Code::InvalidArgument);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn json_lines_are_downloaded_too() {
    for scene in scenes(|_| {}).await {
        fill(&scene).await;
        let format = v1::ResponseExportFormat::JsonLines as i32;
        let request =
            v1::DownloadResponsesRequest { format, byte_order_mark: false, ..ask(&scene, 0) };
        let file = download(&scene, request).await;
        assert_eq!(file.pieces[0].content_type, "application/x-ndjson");
        assert!(file.name.ends_with(".jsonl\""));
        let bytes = file.bytes();
        let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        let lines: Vec<serde_json::Value> =
            lines.map(|line| serde_json::from_slice(line).unwrap()).collect();
        assert_eq!(lines.len(), ROWS);
    }
}
