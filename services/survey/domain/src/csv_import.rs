//! Reading CSV files (RFC 4180) that arrive in parts: the parts are decoded and scanned with a
//! state that fits into a few numbers, so that a file is checked while it arrives, and rows are
//! made of it without ever holding more than a part.

mod columns;
mod customers;
mod decode;
mod records;
mod scan;
#[cfg(test)]
mod tests;

pub use columns::{Columns, Field, FileKind};
pub use customers::{CustomerRow, Known};
pub use decode::{Decoder, Encoding};
pub use records::{InteractionRow, PurchaseRow, cents};
pub use scan::{COLUMNS_MAX, FIELD_CHARS_MAX, Nothing, Scanner, Sink};

/// A place where a file is not sound.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {text}")]
pub struct Fault {
    /// Line, from 1.
    pub line: u64,
    /// Column in characters, from 1.
    pub column: u64,
    /// What is wrong.
    pub text: String,
}

/// A row that cannot be taken in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowError {
    /// Line where the row begins, from 1.
    pub line: u64,
    /// Number of the column, from 1; 0 for the whole row.
    pub column: usize,
    /// Header of the column, or empty.
    pub header: String,
    /// What is wrong, without the value.
    pub text: String,
}

/// A row of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Line where it begins, from 1.
    pub line: u64,
    /// Its cells.
    pub cells: Vec<String>,
}

/// A sink that keeps rows until they are taken.
#[derive(Debug, Default)]
pub struct Rows {
    cells: Vec<String>,
    cell: String,
    done: Vec<Row>,
}

impl Sink for Rows {
    fn sign(&mut self, sign: char) {
        self.cell.push(sign);
    }

    fn end_field(&mut self) {
        self.cells.push(std::mem::take(&mut self.cell));
    }

    fn end_record(&mut self, line: u64) {
        self.done.push(Row { line, cells: std::mem::take(&mut self.cells) });
    }

    fn skip_record(&mut self) {
        self.cells.clear();
    }
}

/// Decoder and scanner of one file together.
#[derive(Debug)]
pub struct Reader<S> {
    decoder: Decoder,
    scanner: Scanner,
    sink: S,
    text: String,
}

impl<S: Sink> Reader<S> {
    /// Begins a file, or goes on with the saved state of one.
    pub fn new(decoder: Decoder, scanner: Scanner, sink: S) -> Self {
        Self { decoder, scanner, sink, text: String::new() }
    }

    /// Takes the next bytes.
    ///
    /// # Errors
    /// The first place that is not sound.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        self.text.clear();
        let decoded = self.decoder.feed(bytes, &mut self.text);
        self.scanner.feed(&self.text, &mut self.sink)?;
        decoded.map_err(|text| self.scanner.fault(text))
    }

    /// Ends the file.
    ///
    /// # Errors
    /// When it ends within a sign or a quoted field.
    pub fn finish(&mut self) -> Result<(), Fault> {
        self.decoder.finish().map_err(|text| self.scanner.fault(text))?;
        self.scanner.finish(&mut self.sink)
    }

    /// The state, to be saved.
    pub fn state(&self) -> (&Decoder, &Scanner) {
        (&self.decoder, &self.scanner)
    }
}

impl Reader<Rows> {
    /// The rows that are complete, the header among them.
    pub fn take(&mut self) -> Vec<Row> {
        std::mem::take(&mut self.sink.done)
    }
}
