//! Packed roll-ups: the sums of a whole month or year of one site in one value, so that wide
//! questions read few rows. A pack maps keys and days to counts; its bytes depend on nothing but
//! these sums, so that the same facts give the same bytes in whatever order they came.
//!
//! Form: a byte 1, then one entry after the other in ascending order of key and day (in packs
//! of years: month): bytes shared with the key before, further bytes of the key, these bytes,
//! the day, a mask of the counts that are not 0, and these counts, all numbers as LEB128, counts
//! with their sign in the lowest bit. An empty pack has no bytes.

mod key;
mod reading;
mod sums;

use std::collections::BTreeMap;

use crate::cell::{COLUMNS, Counts};
use crate::fact::GRADES_PER_BLOCK;

pub use key::{AnswerHead, answer_key, answer_of, is_overall, rating_key, rating_of};
pub use reading::{Grain, Part, parts};
pub use sums::{
    Kind, MonthCut, PackKey, Packs, cut, day_of, january_of, month_in, month_of, of_answers,
    of_sites,
};

/// First byte of a pack that is not empty.
const FORM: u8 = 1;
/// Counts of an entry: grades, then encounters.
const WIDTH: usize = GRADES_PER_BLOCK + COLUMNS;

/// The bytes are no pack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a packed roll-up cannot be read")]
pub struct Broken;

/// Sums by key and day of the month, or month of the year; 0 in packs that tell neither apart.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Pack(BTreeMap<(Vec<u8>, u8), Counts>);

impl Pack {
    /// Adds counts.
    pub fn add(&mut self, key: &[u8], day: u8, counts: &Counts) {
        self.0.entry((key.to_vec(), day)).or_default().add(counts);
    }

    /// Adds all of another pack.
    pub fn merge(&mut self, other: &Self) {
        for ((key, day), counts) in &other.0 {
            self.add(key, *day, counts);
        }
    }

    /// Keys and days with counts that are not all 0, in order.
    pub fn entries(&self) -> impl Iterator<Item = (&[u8], u8, &Counts)> {
        let held = self.0.iter().filter(|(_, counts)| !counts.is_zero());
        held.map(|((key, day), counts)| (key.as_slice(), *day, counts))
    }

    /// Whether it comes to nothing.
    pub fn is_empty(&self) -> bool {
        self.entries().next().is_none()
    }

    /// Its bytes; none when it comes to nothing.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let mut before: &[u8] = &[];
        for (key, day, counts) in self.entries() {
            if out.is_empty() {
                out.push(FORM);
            }
            let shared = key.iter().zip(before).take_while(|(a, b)| a == b).count();
            put(&mut out, shared as u64);
            put(&mut out, (key.len() - shared) as u64);
            out.extend_from_slice(&key[shared..]);
            out.push(day);
            put_counts(&mut out, counts);
            before = key;
        }
        out
    }

    /// The pack of these bytes.
    ///
    /// # Errors
    /// [`Broken`] for bytes that are none.
    pub fn decode(bytes: &[u8]) -> Result<Self, Broken> {
        let mut pack = Self::default();
        let mut reader = Reader::new(bytes)?;
        while let Some(entry) = reader.read()? {
            pack.add(entry.key, entry.day, entry.counts);
        }
        Ok(pack)
    }
}

/// An entry of a pack.
#[derive(Debug, PartialEq, Eq)]
pub struct Entry<'r> {
    /// Its key.
    pub key: &'r [u8],
    /// Whether the entry before had the same key.
    pub repeats: bool,
    /// Day of the month, or month of the year; 0 in packs that tell neither apart.
    pub day: u8,
    /// Its counts.
    pub counts: &'r Counts,
}

/// Reads a pack entry by entry, without building it.
pub struct Reader<'b> {
    rest: &'b [u8],
    key: Vec<u8>,
    counts: Counts,
}

impl<'b> Reader<'b> {
    /// Of the bytes of a pack.
    ///
    /// # Errors
    /// [`Broken`] for another form.
    pub fn new(bytes: &'b [u8]) -> Result<Self, Broken> {
        let rest = match bytes.split_first() {
            None => bytes,
            Some((&FORM, rest)) => rest,
            Some(_) => return Err(Broken),
        };
        Ok(Self { rest, key: Vec::new(), counts: Counts::default() })
    }

    /// The next entry; `None` at the end.
    ///
    /// # Errors
    /// [`Broken`] for bytes that are no entry.
    pub fn read(&mut self) -> Result<Option<Entry<'_>>, Broken> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let shared = self.length()?;
        let more = self.length()?;
        let (suffix, rest) = self.rest.split_at_checked(more).ok_or(Broken)?;
        if shared > self.key.len() {
            return Err(Broken);
        }
        let repeats = more == 0 && shared == self.key.len() && shared > 0;
        self.key.truncate(shared);
        self.key.extend_from_slice(suffix);
        let (day, rest) = rest.split_first().ok_or(Broken)?;
        self.rest = rest;
        self.read_counts()?;
        Ok(Some(Entry { key: &self.key, repeats, day: *day, counts: &self.counts }))
    }

    fn read_counts(&mut self) -> Result<(), Broken> {
        let mask = self.number()?;
        if mask >> WIDTH != 0 {
            return Err(Broken);
        }
        self.counts = Counts::default();
        let mut left = mask;
        while left != 0 {
            let place = left.trailing_zeros() as usize;
            left &= left - 1;
            let coded = self.number()?;
            let count = (coded >> 1).cast_signed() ^ -((coded & 1).cast_signed());
            match place.checked_sub(GRADES_PER_BLOCK) {
                None => self.counts.grades[place] = count,
                Some(column) => self.counts.encounters[column] = count,
            }
        }
        Ok(())
    }

    fn length(&mut self) -> Result<usize, Broken> {
        usize::try_from(self.number()?).map_err(|_| Broken)
    }

    fn number(&mut self) -> Result<u64, Broken> {
        let (mut value, mut shift) = (0_u64, 0);
        loop {
            let (byte, rest) = self.rest.split_first().ok_or(Broken)?;
            self.rest = rest;
            let low = u64::from(byte & 0x7f);
            if shift > 63 || (shift == 63 && low > 1) {
                return Err(Broken);
            }
            value |= low << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
            shift += 7;
        }
    }
}

fn put(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value as u8) | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn put_counts(out: &mut Vec<u8>, counts: &Counts) {
    let all = || counts.grades.iter().chain(&counts.encounters);
    let mask = all().enumerate().filter(|(_, count)| **count != 0);
    put(out, mask.map(|(place, _)| 1_u64 << place).sum());
    for count in all().filter(|count| **count != 0) {
        put(out, ((count << 1) ^ (count >> 63)).cast_unsigned());
    }
}

#[cfg(test)]
mod tests;
