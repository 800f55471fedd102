//! Imports of files.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use proto::{common::v1::Reason, survey::v1};
use tokio_util::sync::CancellationToken;
use tonic::Code;

use super::import_files::{declare, declared, ended, import, look, run, send};
use crate::tests::world::{World, fields, refusal, worlds};

const FILE: &str = "编号,姓名,电话,邮箱,生日,since,备注\r\n\
    K1,李雷,13800138000,li@example.org,1990-03-08,2020-01-05,\"a, \"\"b\"\"\"\r\n\
    K2,韩梅梅,13900139000,,--05-01,2021/2/3,\r\n\
    K3,错,12,,,,\r\n\
    K4,,,not an address,,,\r\n\
    K5,王五,,,1990-13-01,,\r\n";

fn mapped(world: &World) -> v1::CustomerImport {
    let pairs = [
        ("编号", "external_id"),
        ("姓名", "display_name"),
        ("电话", "phone"),
        ("邮箱", "email"),
        ("生日", "birthday"),
        ("since", "since"),
        ("备注", "note"),
    ];
    let columns = pairs
        .map(|(header, field)| v1::ImportColumn {
            header: header.to_owned(),
            field: field.to_owned(),
        })
        .to_vec();
    v1::CustomerImport { columns, ..declared(world, FILE.as_bytes()) }
}

fn counts(import: &v1::CustomerImport) -> (i64, i64, i64, i64, i64) {
    (
        import.row_count,
        import.created_count,
        import.updated_count,
        import.unchanged_count,
        import.error_count,
    )
}

#[tokio::test]
async fn a_file_is_checked_dry_then_taken_in_with_its_errors_named() {
    for world in worlds().await {
        let dry = v1::CustomerImport { dry_run: true, ..mapped(&world) };
        let dry = import(&world, dry, FILE.as_bytes()).await;
        assert_eq!(counts(&dry), (5, 2, 0, 0, 3), "{}", world.name);
        assert_eq!(world.count("customer").await, 0);
        let done = import(&world, mapped(&world), FILE.as_bytes()).await;
        assert_eq!(counts(&done), (5, 2, 0, 0, 3));
        assert_eq!(done.state, v1::ImportState::Done as i32);
        let request = v1::ListImportErrorsRequest {
            name: done.name.clone(),
            page_size: 2,
            ..Default::default()
        };
        let page = world.imports().list_import_errors(world.as_admin(request.clone())).await;
        let page = page.unwrap().into_inner();
        let places = |errors: &[v1::ImportRowError]| -> Vec<(i64, i32, String)> {
            errors.iter().map(|e| (e.line, e.column, e.header.clone())).collect()
        };
        assert_eq!(places(&page.errors), [(4, 3, "电话".to_owned()), (5, 4, "邮箱".to_owned())]);
        assert!(page.csv.starts_with("line,column,header,text\r\n4,3,电话,"), "{}", page.csv);
        let next = v1::ListImportErrorsRequest { page_token: page.next_page_token, ..request };
        let page = world.imports().list_import_errors(world.as_admin(next)).await.unwrap();
        assert_eq!(places(&page.into_inner().errors), [(6, 5, "生日".to_owned())]);
        let find = v1::FindCustomersRequest { external_id: "K1".to_owned(), ..Default::default() };
        let found = world.customers().find_customers(world.as_admin(find)).await.unwrap();
        let li = found.into_inner().customers.remove(0);
        assert_eq!((li.display_name.as_str(), li.note.as_str()), ("李雷", "a, \"b\""));
        assert_eq!(li.since, "2020-01-05");
        assert_eq!(world.count("import_part").await, 0, "parts are gone");
    }
}

#[tokio::test]
async fn the_same_file_is_the_same_import() {
    for world in worlds().await {
        let first = import(&world, mapped(&world), FILE.as_bytes()).await;
        let again = declare(&world, mapped(&world)).await;
        assert_eq!(again, first, "{}", world.name);
        let sent = send(&world, &again.name, 0, &FILE.as_bytes()[..50]).await.unwrap();
        assert_eq!(sent.into_inner(), first);
        assert_eq!(run(&world, &again.name).await.unwrap().into_inner(), first);
        assert_eq!(world.count("customer").await, 2);
    }
}

#[tokio::test]
async fn rows_change_customers_that_are_known_by_number_or_contact() {
    for world in worlds().await {
        import(&world, mapped(&world), FILE.as_bytes()).await;
        let file = "external_id,display_name,phone,importance\n\
            K1,李雷,,5\n\
            ,,+86 139 0013 9000,7\n\
            K9,新,13900139000,1\n\
            K2,韩梅梅,,\n";
        let done = import(&world, declared(&world, file.as_bytes()), file.as_bytes()).await;
        // The third has the telephone number of another number's customer: it is somebody else.
        assert_eq!(counts(&done), (4, 1, 2, 1, 0), "{}", world.name);
        let find = v1::FindCustomersRequest { external_id: "K2".to_owned(), ..Default::default() };
        let found = world.customers().find_customers(world.as_admin(find)).await.unwrap();
        assert_eq!(found.into_inner().customers[0].importance, 7.0);
        let duplicates = v1::ListDuplicatesRequest::default();
        let found = world.customers().list_duplicates(world.as_admin(duplicates)).await.unwrap();
        assert_eq!(found.into_inner().groups.len(), 1);
    }
}

#[tokio::test]
async fn unsound_files_are_refused_with_line_and_column_and_may_come_again() {
    for world in worlds().await {
        let wide = format!("phone{}\n", ",c".repeat(9_999));
        for (file, place) in [
            (&b"phone,email\n1,\0\n"[..], "line 2, column 3"),
            (b"phone,email\n13800138000\n", "line 2, column 12"),
            (b"phone,email\r1,2\r", "line 1, column 13"),
            (b"phone,email\n1,\xb1\xb1\n", "line 2, column 3"),
            (b"\xff\xfep\0h\0", "line 1, column 1"),
            (wide.as_bytes(), "line 1, column 2"),
        ] {
            let name = declare(&world, declared(&world, file)).await.name;
            let refused = send(&world, &name, 0, file).await;
            let text = refused.as_ref().unwrap_err().message().to_owned();
            assert!(text.contains(place), "{}: {text}", world.name);
            assert_eq!(fields(refused), (Code::InvalidArgument, vec!["contentBase64".to_owned()]));
            let failed = look(&world, &name).await;
            assert_eq!(failed.state, v1::ImportState::Failed as i32);
            assert!(failed.failure.is_some());
            let anew = declare(&world, declared(&world, file)).await;
            assert_eq!((anew.name, anew.state), (name, v1::ImportState::Uploading as i32));
        }
        let open = b"phone,email\n1,\"2\n".as_slice();
        let name = declare(&world, declared(&world, open)).await.name;
        send(&world, &name, 0, open).await.unwrap();
        let refused = run(&world, &name).await;
        assert!(refused.unwrap_err().message().contains("line 2, column 3"));
        let other = v1::CustomerImport {
            content_sha256: "0".repeat(64),
            ..declared(&world, b"phone\n13800138000\n")
        };
        let name = declare(&world, other).await.name;
        send(&world, &name, 0, b"phone\n13800138000\n").await.unwrap();
        assert!(run(&world, &name).await.unwrap_err().message().contains("SHA-256"));
        let unmapped = b"telephone\n13800138000\n".as_slice();
        let name = declare(&world, declared(&world, unmapped)).await.name;
        send(&world, &name, 0, unmapped).await.unwrap();
        assert!(run(&world, &name).await.unwrap_err().message().contains("no column"));
        assert_eq!(world.count("import_part").await, 0);
        assert_eq!(world.count("customer").await, 0);
    }
}

#[tokio::test]
async fn parts_come_in_order_and_repeated_ones_are_harmless() {
    for world in worlds().await {
        let file = b"phone\n13800138000\n13900139000\n".as_slice();
        let name = declare(&world, declared(&world, file)).await.name;
        let gap = send(&world, &name, 5, &file[5..10]).await;
        assert_eq!(refusal(gap), (Code::FailedPrecondition, Reason::WrongState));
        let early = run(&world, &name).await;
        assert_eq!(refusal(early).1, Reason::WrongState);
        send(&world, &name, 0, &file[..10]).await.unwrap();
        send(&world, &name, 0, &file[..10]).await.unwrap();
        let overlap = send(&world, &name, 4, &file[4..20]).await.unwrap().into_inner();
        assert_eq!(overlap.received_bytes, 20, "{}", world.name);
        let beyond = send(&world, &name, 20, &[b'x'; 100]).await;
        assert_eq!(fields(beyond).1, ["offsetBytes"]);
        send(&world, &name, 20, &file[20..]).await.unwrap();
        let stop = CancellationToken::new();
        let worker = world.work(&stop);
        run(&world, &name).await.unwrap();
        assert_eq!(ended(&world, &name).await.created_count, 2);
        stop.cancel();
        worker.await.unwrap();
        for wrong in [
            v1::CustomerImport { kind: 0, ..declared(&world, file) },
            v1::CustomerImport { length_bytes: 0, ..declared(&world, file) },
            v1::CustomerImport { content_sha256: "x".to_owned(), ..declared(&world, file) },
            v1::CustomerImport { separator: "x".to_owned(), ..declared(&world, file) },
        ] {
            let request = v1::CreateCustomerImportRequest { customer_import: Some(wrong) };
            let refused = world.imports().create_customer_import(world.as_admin(request)).await;
            assert_eq!(refusal(refused).0, Code::InvalidArgument);
        }
    }
}

fn many(rows: usize) -> String {
    let rows: String = (0..rows).map(|row| format!("R{row},Person {row},139{row:08}\n")).collect();
    format!("external_id,display_name,phone\n{rows}")
}

#[tokio::test]
async fn a_worker_that_dies_between_groups_loses_and_repeats_nothing() {
    for world in worlds().await {
        let file = many(2_600);
        let name = declare(&world, declared(&world, file.as_bytes())).await.name;
        send(&world, &name, 0, file.as_bytes()).await.unwrap();
        run(&world, &name).await.unwrap();
        let mut deaths = 0;
        while look(&world, &name).await.end_time.is_none() && deaths < 200 {
            let worker = world.work(&CancellationToken::new());
            tokio::time::sleep(std::time::Duration::from_millis(40 + deaths % 7 * 30)).await;
            worker.abort();
            let _ = worker.await;
            deaths += 1;
            // Its lease runs out.
            world.pass(31);
        }
        let done = ended(&world, &name).await;
        assert_eq!(counts(&done), (2_600, 2_600, 0, 0, 0), "{}", world.name);
        assert_eq!(world.count("customer").await, 2_600);
    }
}

#[tokio::test]
async fn a_stream_takes_a_whole_file_in() {
    for world in worlds().await {
        let file = many(700);
        let stop = CancellationToken::new();
        let worker = world.work(&stop);
        for _ in 0..2 {
            let first = v1::ImportCustomersRequest {
                customer_import: Some(declared(&world, file.as_bytes())),
                ..Default::default()
            };
            let parts = file.as_bytes().chunks(9_000).map(|part| v1::ImportCustomersRequest {
                content_base64: BASE64_STANDARD.encode(part),
                ..Default::default()
            });
            let messages: Vec<_> = std::iter::once(first).chain(parts).collect();
            let request = world.as_admin(futures::stream::iter(messages));
            let done = world.imports().import_customers(request).await.unwrap().into_inner();
            assert_eq!(counts(&done), (700, 700, 0, 0, 0), "{}", world.name);
        }
        let request =
            world.as_admin(futures::stream::iter(vec![v1::ImportCustomersRequest::default()]));
        let refused = world.imports().import_customers(request).await;
        assert_eq!(fields(refused).1, ["customerImport"]);
        stop.cancel();
        worker.await.unwrap();
    }
}

#[tokio::test]
async fn purchases_and_interactions_come_as_files_too() {
    for world in worlds().await {
        import(&world, mapped(&world), FILE.as_bytes()).await;
        let file = "item_id,external_id,time,amount,product\n\
            1,K1,2026-01-05 08:00,12.50,X1\n\
            2,K1,2026-02-05,7,\n\
            1,K1,2026-01-05 08:00,12.50,X1\n\
            3,K77,2026-02-05,7,\n\
            2,K1,2026-02-05,8,\n";
        let given = v1::CustomerImport {
            kind: v1::ImportKind::Purchases as i32,
            ..declared(&world, file.as_bytes())
        };
        let done = import(&world, given, file.as_bytes()).await;
        assert_eq!(counts(&done), (5, 2, 0, 1, 2), "{}", world.name);
        let file = "item_id,external_id,kind,time,note\n\
            a,K1,complaint,2026-01-05 08:00,late\n\
            b,K2,party,2026-01-05 08:00,\n";
        let given = v1::CustomerImport {
            kind: v1::ImportKind::Interactions as i32,
            ..declared(&world, file.as_bytes())
        };
        let done = import(&world, given, file.as_bytes()).await;
        assert_eq!(counts(&done), (2, 1, 0, 0, 1));
        let find = v1::FindCustomersRequest { external_id: "K1".to_owned(), ..Default::default() };
        let found = world.customers().find_customers(world.as_admin(find)).await.unwrap();
        let activity = found.into_inner().customers[0].activity.unwrap();
        assert_eq!((activity.purchase_count, activity.purchase_cents), (2, 1_950));
        assert_eq!(activity.complaint_count, 1);
    }
}
