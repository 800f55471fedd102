//! What must hold, by example and at random.

use std::collections::HashMap;

use jiff::tz::TimeZone;
use proptest::prelude::*;
use uuid::Uuid;

use super::*;

fn read_as(encoding: Encoding, bytes: &[u8], part: usize) -> Result<Vec<Row>, Fault> {
    let mut reader = Reader::new(Decoder::new(encoding), Scanner::new(','), Rows::default());
    let mut rows = Vec::new();
    for part in bytes.chunks(part.max(1)) {
        reader.feed(part)?;
        rows.extend(reader.take());
        // The state survives being written down.
        let (decoder, scanner) = reader.state();
        let saved = serde_json::to_string(&(decoder, scanner)).unwrap();
        let (decoder, scanner): (Decoder, Scanner) = serde_json::from_str(&saved).unwrap();
        assert_eq!((&decoder, &scanner), reader.state());
    }
    reader.finish()?;
    rows.extend(reader.take());
    Ok(rows)
}

fn read(text: &str) -> Result<Vec<Row>, Fault> {
    read_as(Encoding::Utf8, text.as_bytes(), 7)
}

fn cells(text: &str) -> Vec<(u64, Vec<String>)> {
    let rows = read(text).unwrap_or_else(|fault| panic!("{text:?}: {fault}"));
    rows.into_iter().map(|row| (row.line, row.cells)).collect()
}

fn row(line: u64, cells: &[&str]) -> (u64, Vec<String>) {
    (line, cells.iter().map(|cell| (*cell).to_owned()).collect())
}

#[test]
fn files_are_read_as_the_standard_says() {
    assert_eq!(cells("a,b\r\n1,2\r\n"), [row(1, &["a", "b"]), row(2, &["1", "2"])]);
    assert_eq!(cells("a,b\n1,2"), [row(1, &["a", "b"]), row(2, &["1", "2"])]);
    assert_eq!(cells("a,b\n,\n"), [row(1, &["a", "b"]), row(2, &["", ""])]);
    assert_eq!(cells("a\n\"\"\n"), [row(1, &["a"]), row(2, &[""])]);
    assert_eq!(
        cells("a,b\n\"x\r\n\"\"y\"\"\",\"1,2\"\nz,3\n"),
        [row(1, &["a", "b"]), row(2, &["x\r\n\"y\"", "1,2"]), row(4, &["z", "3"])]
    );
    assert_eq!(cells("\u{feff}a\n\n\r\n1\n\n"), [row(1, &["a"]), row(4, &["1"])]);
}

#[test]
fn unsound_files_are_refused_with_line_and_column() {
    let wide = vec!["c"; 10_000].join(",");
    for (text, line, column, part) in [
        ("a,b\n1,\0\n", 2, 3, "NUL"),
        ("a,b\n1,\"2\n3,4\n", 2, 3, "no end"),
        (wide.as_str(), 1, 2_002, "1,000 columns"),
        ("a,b\n1\n", 2, 2, "fewer"),
        ("a,b\n1,2,3\n", 2, 6, "more columns"),
        ("a,b\r1,2\r", 1, 5, "CR alone"),
        ("a,b\r", 1, 5, "CR alone"),
        ("a,b\n\"1\"x,2\n", 2, 4, "follows"),
        ("a,b\n1\"1\",2\n", 2, 2, "within"),
        ("", 1, 1, "no header"),
        ("\n\n", 3, 1, "no header"),
    ] {
        let fault = read(text).expect_err(part);
        assert_eq!((fault.line, fault.column), (line, column), "{part}: {fault}");
        assert!(fault.text.contains(part), "{fault}");
    }
    let long = format!("a\n{}\n", "x".repeat(65_537));
    assert!(read(&long).unwrap_err().text.contains("longer"));
}

fn utf_16(text: &str, order: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(order).collect()
}

#[test]
fn declared_encodings_are_read_whatever_the_parts() {
    let text = "姓名,城市\n李雷,北京😀\n";
    let want = cells(text);
    let (gb, _, _) = encoding_rs::GB18030.encode(text);
    let marked = format!("\u{feff}{text}");
    for (encoding, bytes) in [
        (Encoding::Utf8, text.as_bytes().to_vec()),
        (Encoding::Gb18030, gb.into_owned()),
        (Encoding::Utf16Le, utf_16(text, u16::to_le_bytes)),
        (Encoding::Utf16Be, utf_16(&marked, u16::to_be_bytes)),
    ] {
        for part in 1..9 {
            let rows = read_as(encoding, &bytes, part).unwrap();
            let rows: Vec<_> = rows.into_iter().map(|row| (row.line, row.cells)).collect();
            assert_eq!(rows, want, "{encoding:?} in parts of {part}");
        }
    }
}

#[test]
fn undeclared_encodings_are_refused_with_line_and_column() {
    let (gb, _, _) = encoding_rs::GB18030.encode("a,b\n1,北京\n");
    let fault = read_as(Encoding::Utf8, &gb, 100).unwrap_err();
    assert_eq!((fault.line, fault.column), (2, 3), "{fault}");
    let marked = utf_16("\u{feff}a,b\n", u16::to_le_bytes);
    let fault = read_as(Encoding::Utf8, &marked, 100).unwrap_err();
    assert!(fault.text.contains("UTF-16") && fault.line == 1, "{fault}");
    let unmarked = utf_16("a,b\n", u16::to_le_bytes);
    assert!(read_as(Encoding::Utf8, &unmarked, 100).unwrap_err().text.contains("NUL"));
    for (encoding, bytes) in [
        (Encoding::Gb18030, b"a,b\n1,\xff\n".as_slice()),
        (Encoding::Utf16Le, b"a\0\n\0\x00\xdc\n\0".as_slice()),
    ] {
        let fault = read_as(encoding, bytes, 100).unwrap_err();
        assert_eq!(fault.line, 2, "{encoding:?} {fault}");
    }
    assert!(read_as(Encoding::Utf8, b"a\n\xe5\x8c", 100).unwrap_err().text.contains("within"));
}

fn known() -> Known {
    Known {
        units: HashMap::from([("B1".to_owned(), Uuid::from_u128(1))]),
        classes: HashMap::from([("internal".to_owned(), Uuid::from_u128(2))]),
        competitors: HashMap::from([("Rival".to_owned(), Uuid::from_u128(3))]),
        attributes: Vec::new(),
        time_zone: TimeZone::get("Asia/Shanghai").unwrap(),
    }
}

fn header(cells: &[&str]) -> Row {
    Row { line: 1, cells: cells.iter().map(|cell| (*cell).to_owned()).collect() }
}

fn resolve(kind: FileKind, cells: &[&str], mapping: &[(&str, &str)]) -> Result<Columns, Fault> {
    let mapping: Vec<(String, String)> =
        mapping.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
    Columns::resolve(kind, &header(cells), &mapping, &[])
}

#[test]
fn columns_are_matched_by_name_or_mapping() {
    let kind = FileKind::Customers;
    assert!(resolve(kind, &["phone", "other"], &[]).is_ok());
    assert!(resolve(kind, &["other"], &[]).is_err());
    assert!(resolve(kind, &["电话", "x"], &[("电话", "phone"), ("x", "")]).is_ok());
    assert!(resolve(kind, &["电话"], &[("手机", "phone")]).is_err());
    assert!(resolve(kind, &["电话"], &[("电话", "telephone")]).is_err());
    assert!(resolve(kind, &["电话"], &[("电话", "attr.none")]).is_err());
    assert!(resolve(kind, &["a", "b"], &[("a", "phone"), ("b", "phone")]).is_err());
    assert!(resolve(kind, &["phone", "phone"], &[]).is_err());
    assert!(resolve(FileKind::Purchases, &["item_id", "external_id", "time"], &[]).is_err());
}

#[test]
fn a_wrong_cell_is_named_by_line_column_and_header() {
    let columns = resolve(FileKind::Customers, &["phone", "since", "unit"], &[]).unwrap();
    let of = |cells: &[&str]| {
        let row = Row { line: 9, ..header(cells) };
        CustomerRow::read(&columns, &row, &known())
    };
    let good = of(&["1", "2026/1/5", "B1"]).unwrap();
    assert_eq!(good.since, Some(jiff::civil::date(2026, 1, 5)));
    assert_eq!(good.unit, Some(Uuid::from_u128(1)));
    let wrong = of(&["1", "5.1.2026", ""]).unwrap_err();
    assert_eq!((wrong.line, wrong.column, wrong.header.as_str()), (9, 2, "since"));
    assert!(!wrong.text.contains("5.1"), "the value is not repeated");
    assert_eq!(of(&["1", "", "B2"]).unwrap_err().column, 3);
}

#[test]
fn purchases_and_interactions_are_read_in_the_units_time_zone() {
    let names = ["item_id", "external_id", "time", "amount", "competitor"];
    let columns = resolve(FileKind::Purchases, &names, &[]).unwrap();
    let of = |cells: &[&str]| PurchaseRow::read(&columns, &header(cells), &known());
    let made = of(&["1", "A7", "2026-01-05 08:00", "12.5", "Rival"]).unwrap();
    assert_eq!(made.cents, 1_250);
    assert_eq!(made.time_us, 1_767_571_200_000_000);
    assert_eq!(of(&["1", "A7", "2026-01-05T00:00:00Z", "1", ""]).unwrap().time_us, made.time_us);
    assert_eq!(of(&["1", "A7", "", "1", ""]).unwrap_err().header, "time");
    for amount in ["1,5", "-1", "1.234", ".5", "99999999999999"] {
        assert_eq!(of(&["1", "A7", "2026-01-05", amount, ""]).unwrap_err().column, 4, "{amount}");
    }
    let names = ["item_id", "external_id", "kind", "time", "end_time"];
    let columns = resolve(FileKind::Interactions, &names, &[]).unwrap();
    let of = |cells: &[&str]| InteractionRow::read(&columns, &header(cells), &known());
    assert_eq!(of(&["1", "A7", "Service_Visit", "2026-01-05", ""]).unwrap().kind, 4);
    assert_eq!(of(&["1", "A7", "party", "2026-01-05", ""]).unwrap_err().column, 3);
}

proptest! {
    #[test]
    fn what_was_written_is_read_whatever_the_parts(
        rows in prop::collection::vec(prop::collection::vec("[a,\"\r\n😀北 ]{0,5}", 3), 1..6),
        part in 1..20_usize,
    ) {
        let quoted = |cell: &String| format!("\"{}\"", cell.replace('"', "\"\""));
        let text: String = rows
            .iter()
            .map(|row| row.iter().map(quoted).collect::<Vec<_>>().join(",") + "\r\n")
            .collect();
        let read = read_as(Encoding::Utf8, text.as_bytes(), part).unwrap();
        let read: Vec<Vec<String>> = read.into_iter().map(|row| row.cells).collect();
        prop_assert_eq!(read, rows);
    }

    #[test]
    fn no_bytes_make_reading_panic_and_parts_do_not_matter(
        bytes in prop::collection::vec(
            prop_oneof![
                prop::sample::select(b",\"\r\na1\0\xff\xfe\x81\x30\xd8".to_vec()),
                any::<u8>(),
            ],
            0..60,
        ),
        part in 1..9_usize,
        number in 1..=4_i32,
    ) {
        let encoding = Encoding::from_number(number).unwrap();
        prop_assert_eq!(read_as(encoding, &bytes, part), read_as(encoding, &bytes, 1_000));
    }
}
