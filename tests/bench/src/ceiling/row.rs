//! One row of the table of ratings.

use std::sync::atomic::Ordering;

use kit::clock::{Clock as _, SystemClock};
use uuid::Uuid;

use super::{DEVICES, Rows};
use crate::press::{Press, mix};

/// The columns, in the order of the fields.
pub const COLUMNS: &str = "id, org_id, device_id, epoch, sequence, rating_id, content_hash, \
     template_id, grade, item_grades, reasons, comment, window_id, site_id, staff_id, \
     encounter_id, business_type, channel, press_us, device_us, receive_us, clock_source, \
     clock_suspect, trust_marks";
/// How many there are.
pub const COLUMNS_COUNT: usize = 24;

/// A row like those that the device service writes under the load of this benchmark.
pub struct RatingRow {
    pub id: Uuid,
    pub org: Uuid,
    pub device: Uuid,
    pub epoch: i64,
    pub sequence: i64,
    pub rating_id: Uuid,
    pub content_hash: i64,
    pub template: Uuid,
    pub grade: i32,
    pub item_grades: Option<String>,
    pub reasons: Option<String>,
    pub comment: Option<String>,
    pub window: Option<Uuid>,
    pub site: Uuid,
    pub staff: Option<Uuid>,
    pub encounter: Option<Uuid>,
    pub business_type: Option<String>,
    pub channel: i16,
    pub press_us: i64,
    pub device_us: Option<i64>,
    pub receive_us: i64,
    pub clock_source: i16,
    pub clock_suspect: bool,
    pub trust_marks: i32,
}

impl Rows {
    /// `n` new rows of one device, as one batch has them.
    pub(super) fn next(&self, n: usize) -> Vec<RatingRow> {
        let count = i64::try_from(n).unwrap_or_default();
        let first = self.sequence.fetch_add(count, Ordering::Relaxed);
        let now_us = SystemClock.now_us();
        (first..first + count).map(|sequence| self.row(sequence, now_us)).collect()
    }

    fn row(&self, sequence: i64, now_us: i64) -> RatingRow {
        let number = u64::try_from(sequence).unwrap_or_default();
        let press = Press::numbered(number);
        let rating_id = Uuid::now_v7();
        // 256 ratings in a row are of one device.
        let device = u128::from(number / 256) % DEVICES + 1;
        RatingRow {
            id: scattered(rating_id, number),
            org: self.org,
            device: Uuid::from_u128(device),
            epoch: 1,
            sequence,
            rating_id,
            content_hash: i64::from_be_bytes(mix(number).to_be_bytes()),
            template: self.template,
            grade: press.grade,
            item_grades: None,
            reasons: press.reason.map(|reason| format!("[\"{reason}\"]")),
            comment: press.comment.map(str::to_owned),
            window: Some(Uuid::from_u128(device << 32)),
            site: self.site,
            staff: Some(Uuid::from_u128(device << 64)),
            encounter: None,
            business_type: None,
            channel: 1,
            press_us: now_us,
            device_us: Some(now_us),
            receive_us: now_us,
            clock_source: 1,
            clock_suspect: false,
            trust_marks: 0,
        }
    }
}

/// An id like a receipt: the time of `id`, and then no order.
fn scattered(id: Uuid, number: u64) -> Uuid {
    let mut bytes = *id.as_bytes();
    bytes[6..14].copy_from_slice(&mix(number).to_be_bytes());
    bytes[14..].copy_from_slice(&mix(!number).to_be_bytes()[..2]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}
