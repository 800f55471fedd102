//! Reading the lines of a CSV file, with their places, in constant memory.

use std::{fs::File, path::Path};

use csv::{ByteRecord, Reader, ReaderBuilder, StringRecord};

use super::{journal::Start, newlines::Newlines};
use crate::error::{Error, Result};

/// Why a line was not stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowError {
    /// Field, if it is about one.
    pub field: String,
    /// Reason as the suite names it.
    pub reason: String,
    /// What is wrong, for people.
    pub text: String,
}

/// The lines of a file.
pub struct Rows {
    reader: Reader<Newlines<File>>,
    headings: StringRecord,
    bytes: u64,
    raw: ByteRecord,
    text: StringRecord,
}

/// One line, or why it could not be read.
pub struct Record<'a> {
    line: u64,
    content: std::result::Result<&'a StringRecord, RowError>,
}

impl<'a> Record<'a> {
    /// Number of the line in the file, from 1.
    pub fn line(&self) -> u64 {
        self.line
    }

    /// Goes on with the fields, if they could be read.
    pub fn and_then<T>(
        self,
        f: impl FnOnce(&'a StringRecord) -> std::result::Result<T, RowError>,
    ) -> std::result::Result<T, RowError> {
        self.content.and_then(f)
    }
}

impl Rows {
    /// Opens a file and reads its header line, if it has one.
    pub fn open(path: &Path, delimiter: char, header: bool) -> Result<Self> {
        let delimiter = u8::try_from(delimiter)
            .map_err(|_| Error::Usage("the delimiter must be a plain character".to_owned()))?;
        let file = File::open(path).map_err(|e| Error::file(path, e))?;
        let meta = file.metadata().map_err(|e| Error::file(path, e))?;
        if meta.is_dir() {
            return Err(Error::Usage(format!("{} is a folder", path.display())));
        }
        let mut reader = ReaderBuilder::new()
            .delimiter(delimiter)
            .has_headers(header)
            .flexible(true)
            .from_reader(Newlines::new(file));
        let first = reader.headers().map_err(|e| {
            Error::Usage(format!("{} is no CSV file in UTF-8: {e}", path.display()))
        })?;
        // Without header line this is the first line, which is read again as a row.
        let headings = match header {
            true => first.clone(),
            false => (1..=first.len()).map(|n| format!("#{n}")).collect(),
        };
        let bytes = meta.len();
        Ok(Self { reader, headings, bytes, raw: ByteRecord::new(), text: StringRecord::new() })
    }

    /// Headings, or `#1`, `#2` … where there are none.
    pub fn headings(&self) -> &StringRecord {
        &self.headings
    }

    /// Size of the file.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// How much of the file is read.
    pub fn byte(&self) -> u64 {
        self.reader.position().byte()
    }

    /// Goes to the line after `start`; gives the number of bytes before it.
    pub fn skip_to(&mut self, start: &Start) -> Result<u64> {
        let Some(done) = start.done else { return Ok(0) };
        let mut raw = ByteRecord::new();
        // Read rather than seek: quoted line ends keep their meaning, and lines their numbers.
        while self.reader.position().byte() < done.byte {
            match self.reader.read_byte_record(&mut raw) {
                Ok(true) => {}
                Ok(false) => break,
                Err(e) if e.is_io_error() => return Err(Error::Usage(e.to_string())),
                Err(_) => {}
            }
        }
        Ok(done.byte)
    }

    /// The next line; `None` at the end.
    pub fn next_row(&mut self) -> Option<Record<'_>> {
        let before = self.reader.position().line();
        match self.reader.read_byte_record(&mut self.raw) {
            Ok(false) => return None,
            Ok(true) => {}
            Err(e) => {
                let text = e.to_string();
                let error = RowError { field: String::new(), reason: "UNREADABLE".into(), text };
                return Some(Record { line: before, content: Err(error) });
            }
        }
        // The reader stands after the record's line end; quoted line ends are lines too.
        let inside = self.raw.iter().flatten().filter(|byte| **byte == b'\n').count() as u64;
        let line = self.reader.position().line().saturating_sub(1 + inside);
        self.text.clear();
        for field in &self.raw {
            match std::str::from_utf8(field) {
                Ok(field) => self.text.push_field(field),
                Err(_) => {
                    let text = "is not UTF-8; convert the file, for example with iconv";
                    let field = self.headings.get(self.text.len()).unwrap_or_default().to_owned();
                    let reason = "INVALID_FIELD".to_owned();
                    let error = RowError { field, reason, text: text.to_owned() };
                    return Some(Record { line, content: Err(error) });
                }
            }
        }
        Some(Record { line, content: Ok(&self.text) })
    }
}

#[cfg(test)]
mod tests {
    use super::{super::journal::Position, *};

    fn file(content: &[u8]) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), content).unwrap();
        file
    }

    fn lines(rows: &mut Rows) -> Vec<(u64, String)> {
        let mut found = Vec::new();
        while let Some(record) = rows.next_row() {
            let line = record.line();
            let text = record.and_then(|r| Ok(r.iter().collect::<Vec<_>>().join("|")));
            found.push((line, text.unwrap_or_else(|e| format!("! {}", e.field))));
        }
        found
    }

    #[test]
    fn lines_keep_their_numbers_whatever_they_hold() {
        let file = file(b"\xEF\xBB\xBFa,b\r\n1,\"two\nlines\"\n\n3,\xC4\xFA\r4");
        let mut rows = Rows::open(file.path(), ',', true).unwrap();
        assert_eq!(rows.headings(), vec!["a", "b"]);
        let expected = [(2, "1|two\nlines"), (5, "! b"), (6, "4")];
        let expected: Vec<_> = expected.map(|(n, t)| (n, t.to_owned())).into();
        assert_eq!(lines(&mut rows), expected);
    }

    #[test]
    fn reading_goes_on_where_it_stopped() {
        let file = file(b"a\n1\n2\n3\n4\n");
        let mut rows = Rows::open(file.path(), ',', true).unwrap();
        rows.next_row().unwrap();
        rows.next_row().unwrap();
        let done = Position { line: 3, byte: rows.byte() };
        let mut rows = Rows::open(file.path(), ',', true).unwrap();
        rows.skip_to(&Start { done: Some(done), ..Start::default() }).unwrap();
        assert_eq!(lines(&mut rows), [(4, "3".to_owned()), (5, "4".to_owned())]);
    }

    #[test]
    fn a_file_without_header_line_loses_no_line() {
        let file = file(b"5;x\n4;y\n");
        let mut rows = Rows::open(file.path(), ';', false).unwrap();
        assert_eq!(rows.headings(), vec!["#1", "#2"]);
        assert_eq!(lines(&mut rows), [(1, "5|x".to_owned()), (2, "4|y".to_owned())]);
    }
}
