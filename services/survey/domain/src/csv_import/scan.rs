//! The state machine that finds fields and records, character by character.

use serde::{Deserialize, Serialize};

use super::Fault;

/// Most columns of a file.
pub const COLUMNS_MAX: u32 = 1_000;
/// Longest field in characters.
pub const FIELD_CHARS_MAX: u32 = 65_536;

/// Takes what the scanner finds.
pub trait Sink {
    /// A character of the present field.
    fn sign(&mut self, sign: char);
    /// The field is complete.
    fn end_field(&mut self);
    /// The record that began on this line is complete.
    fn end_record(&mut self, line: u64);
    /// What was collected was an empty line.
    fn skip_record(&mut self);
}

/// A sink that keeps nothing: for checking alone.
#[derive(Debug, Clone, Copy, Default)]
pub struct Nothing;

impl Sink for Nothing {
    fn sign(&mut self, _: char) {}
    fn end_field(&mut self) {}
    fn end_record(&mut self, _: u64) {}
    fn skip_record(&mut self) {}
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum At {
    /// Before the first character of a field.
    Start,
    /// In a field without quotes.
    Plain,
    /// In a field with quotes.
    Quoted,
    /// After a quote in a quoted field: its end, or the first of two.
    Quote,
    /// After a CR outside of quotes.
    Return,
}

/// State of the scan between two parts of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scanner {
    separator: char,
    at: At,
    line: u64,
    column: u64,
    record_line: u64,
    /// Where the present quoted field began.
    quote: (u64, u64),
    fields: u32,
    field_chars: u32,
    width: Option<u32>,
    records: u64,
}

type Step = Result<(), &'static str>;

impl Scanner {
    /// At the beginning of a file.
    pub fn new(separator: char) -> Self {
        Self {
            separator,
            at: At::Start,
            line: 1,
            column: 1,
            record_line: 1,
            quote: (0, 0),
            fields: 0,
            field_chars: 0,
            width: None,
            records: 0,
        }
    }

    /// Records so far, the header included.
    pub fn records(&self) -> u64 {
        self.records
    }

    /// A fault at the present place.
    pub fn fault(&self, text: impl Into<String>) -> Fault {
        Fault { line: self.line, column: self.column, text: text.into() }
    }

    /// Takes the next text.
    ///
    /// # Errors
    /// The first place that is not sound.
    pub fn feed(&mut self, text: &str, sink: &mut impl Sink) -> Result<(), Fault> {
        for sign in text.chars() {
            self.take(sign, sink).map_err(|text| self.fault(text))?;
            if sign == '\n' {
                self.line += 1;
                self.column = 1;
            } else {
                self.column += 1;
            }
            if self.at == At::Start && self.fields == 0 {
                self.record_line = self.line;
            }
        }
        Ok(())
    }

    /// Ends the file.
    ///
    /// # Errors
    /// When it ends within a quoted field or a line, or holds no record at all.
    pub fn finish(&mut self, sink: &mut impl Sink) -> Result<(), Fault> {
        match self.at {
            At::Quoted => {
                let (line, column) = self.quote;
                let text = "the quoted field that begins here has no end".to_owned();
                return Err(Fault { line, column, text });
            }
            At::Return => {
                return Err(self.fault("a line ends with CR alone; LF or CR LF end lines"));
            }
            At::Start if self.fields == 0 => {}
            At::Start | At::Plain | At::Quote => {
                self.end_record(sink).map_err(|text| self.fault(text))?;
            }
        }
        if self.records == 0 {
            return Err(self.fault("the file holds no header"));
        }
        Ok(())
    }

    fn take(&mut self, sign: char, sink: &mut impl Sink) -> Step {
        if sign == '\0' {
            return Err("contains a NUL character; is it UTF-16? then declare it");
        }
        match self.at {
            At::Quoted if sign == '"' => self.at = At::Quote,
            At::Quoted => return self.push(sign, sink),
            At::Quote if sign == '"' => {
                self.at = At::Quoted;
                return self.push('"', sink);
            }
            At::Return if sign == '\n' => return self.end_record(sink),
            At::Return => return Err("a line ends with CR alone; LF or CR LF end lines"),
            At::Start | At::Plain | At::Quote => return self.outside(sign, sink),
        }
        Ok(())
    }

    /// Outside of quotes.
    fn outside(&mut self, sign: char, sink: &mut impl Sink) -> Step {
        if sign == self.separator {
            self.end_field(sink)?;
            // The next field is there even when it is empty.
            self.at = At::Start;
            return Ok(());
        }
        match sign {
            '\n' => self.end_record(sink),
            '\r' => {
                // The line may be empty: `Return` keeps whether a field has begun.
                if self.at != At::Start {
                    self.field_chars = self.field_chars.max(1);
                }
                self.at = At::Return;
                Ok(())
            }
            '"' if self.at == At::Start => {
                self.quote = (self.line, self.column);
                // An empty quoted field is a field.
                self.field_chars = 1;
                self.at = At::Quoted;
                Ok(())
            }
            _ if self.at == At::Quote => Err("something follows the end of a quoted field"),
            '"' => Err("a quote stands within a field that does not begin with one"),
            _ => {
                self.at = At::Plain;
                self.push(sign, sink)
            }
        }
    }

    fn push(&mut self, sign: char, sink: &mut impl Sink) -> Step {
        self.field_chars += 1;
        if self.field_chars > FIELD_CHARS_MAX {
            return Err("the field is longer than 65,536 characters");
        }
        sink.sign(sign);
        Ok(())
    }

    fn end_field(&mut self, sink: &mut impl Sink) -> Step {
        sink.end_field();
        self.fields += 1;
        self.field_chars = 0;
        if self.fields > COLUMNS_MAX {
            return Err("the file has more than 1,000 columns");
        }
        if self.width.is_some_and(|width| self.fields > width) {
            return Err("the row has more columns than the header");
        }
        Ok(())
    }

    fn end_record(&mut self, sink: &mut impl Sink) -> Step {
        let empty = self.fields == 0 && self.field_chars == 0;
        self.end_field(sink)?;
        self.at = At::Start;
        let fields = std::mem::take(&mut self.fields);
        if empty {
            sink.skip_record();
            return Ok(());
        }
        if *self.width.get_or_insert(fields) > fields {
            return Err("the row has fewer columns than the header");
        }
        self.records += 1;
        sink.end_record(self.record_line);
        Ok(())
    }
}
