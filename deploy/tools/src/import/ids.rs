//! Ids that come from the source and the line alone, so that the same line is the same rating
//! however often it is imported. Pure.

use proto::device::v1::{ImportedRating, RatingMessage};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{mapping::Values, places::Place};

/// Makes the ids of one source.
#[derive(Debug)]
pub struct Ids {
    source: String,
    device: String,
    epoch: i64,
}

impl Ids {
    /// Ids of the ratings that `device` sends from `source`.
    pub fn new(source: &str, device: String) -> Self {
        let hash: [u8; 32] = Sha256::digest(format!("manyi import\n{source}")).into();
        let mut head = [0; 8];
        head.copy_from_slice(&hash[..8]);
        // One epoch a source: sequences of several files on one device never meet.
        let epoch = (i64::from_be_bytes(head) & i64::MAX).max(1);
        Self { source: source.to_owned(), device, epoch }
    }

    fn hash(&self, line: u64) -> [u8; 32] {
        Sha256::digest(format!("manyi import\n{}\n{line}", self.source)).into()
    }

    /// Place of a line in a spread, 0 to below 1. It does not depend on how many lines there
    /// are, so that a file that grew later agrees with what it was.
    pub fn fraction(&self, line: u64) -> f64 {
        let hash = self.hash(line);
        let mut tail = [0; 8];
        tail.copy_from_slice(&hash[16..24]);
        (u64::from_be_bytes(tail) >> 11) as f64 / (1u64 << 53) as f64
    }

    fn rating_id(&self, line: u64) -> Uuid {
        let mut head = [0; 16];
        head.copy_from_slice(&self.hash(line)[..16]);
        uuid::Builder::from_custom_bytes(head).into_uuid()
    }

    /// The rating of a line.
    pub fn rating(
        &self,
        line: u64,
        values: Values,
        place: Place,
        press_us: i64,
        template: &str,
    ) -> ImportedRating {
        let template = if values.template.is_empty() { template } else { &values.template };
        let time = Some(proto::time::from_us(press_us));
        let message = RatingMessage {
            rating_id: self.rating_id(line).to_string(),
            device: self.device.clone(),
            epoch: self.epoch,
            sequence: i64::try_from(line).unwrap_or(i64::MAX),
            template: template.to_owned(),
            grade: values.grade,
            reasons: values.reasons,
            comment: values.comment,
            device_time: time,
            ..RatingMessage::default()
        };
        ImportedRating {
            message: Some(message),
            unit: place.unit,
            staff: place.staff,
            business_type: values.business_type,
            press_time: time,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_line_has_one_id_and_lines_share_none() {
        let ids = Ids::new("a.csv", "devices/d".to_owned());
        let again = Ids::new("a.csv", "devices/d".to_owned());
        let other = Ids::new("b.csv", "devices/d".to_owned());
        let mut seen = HashSet::new();
        for line in 2..5_000 {
            assert_eq!(ids.rating_id(line), again.rating_id(line));
            assert!(seen.insert(ids.rating_id(line)) && seen.insert(other.rating_id(line)));
            assert!((0.0..1.0).contains(&ids.fraction(line)));
        }
        assert!(ids.epoch >= 1 && ids.epoch != other.epoch);
        let mean: f64 = (0..10_000).map(|l| ids.fraction(l)).sum::<f64>() / 10_000.0;
        assert!((mean - 0.5).abs() < 0.02, "lines are not spread evenly: {mean}");
    }
}
