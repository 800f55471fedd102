//! What makes a repeated rating recognisable: the receipt, made from the sender's own id, and
//! the hash of what was sent. Both depend on nothing but the message, so every replica finds
//! the same ones at any time later.

use sha2::{Digest, Sha256};
use uuid::Uuid;

/// Receipt of a rating: the same for the same device and sender's id, for ever. Its first 48
/// bits are those of `rating_id`, so that receipts of version 7 ids sort by time of press,
/// which keeps the key's index dense.
pub fn receipt(device: Uuid, rating_id: Uuid) -> Uuid {
    let mut hash = Sha256::new();
    hash.update(device.as_bytes());
    hash.update(rating_id.as_bytes());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash.finalize()[..16]);
    bytes[..6].copy_from_slice(&rating_id.as_bytes()[..6]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

/// Epoch and sequence of an imported rating, which has neither: made from its receipt, both
/// negative, so that they never meet those of a device.
pub fn import_position(receipt: Uuid) -> (i64, i64) {
    let (high, low) = receipt.as_u64_pair();
    let negative = |bits: u64| i64::from_be_bytes((bits | 1 << 63).to_be_bytes());
    (negative(high), negative(low))
}

/// Collects the parts of a message into a hash. Each part carries its length, so that
/// moving a letter from one field to the next makes another hash.
#[derive(Clone)]
pub struct ContentHash(Sha256);

impl ContentHash {
    /// An empty one. `kind` separates kinds of message.
    pub fn new(kind: u8) -> Self {
        Self(Sha256::new_with_prefix([kind]))
    }

    /// Adds a number.
    pub fn number(&mut self, value: i64) -> &mut Self {
        self.0.update(value.to_be_bytes());
        self
    }

    /// Adds a number that may be absent.
    pub fn number_opt(&mut self, value: Option<i64>) -> &mut Self {
        self.0.update([u8::from(value.is_some())]);
        self.number(value.unwrap_or_default())
    }

    /// Adds a text.
    pub fn text(&mut self, value: &str) -> &mut Self {
        self.0.update((value.len() as u64).to_be_bytes());
        self.0.update(value.as_bytes());
        self
    }

    /// Adds an id that may be absent; the nil id stands for absence.
    pub fn id(&mut self, value: Option<Uuid>) -> &mut Self {
        self.0.update(value.unwrap_or_default().as_bytes());
        self
    }

    /// The hash, 64 bits: enough to tell a repetition from an accident, and nobody gains by
    /// forging a collision with their own message.
    pub fn finish(self) -> i64 {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&self.0.finalize()[..8]);
        i64::from_be_bytes(bytes)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_receipt_keeps_the_time_and_differs_between_devices(
            device: [u8; 16], other: [u8; 16], id: [u8; 16],
        ) {
            let (device, other) = (Uuid::from_bytes(device), Uuid::from_bytes(other));
            let id = Uuid::from_bytes(id);
            let first = receipt(device, id);
            prop_assert_eq!(first, receipt(device, id));
            prop_assert_eq!(&first.as_bytes()[..6], &id.as_bytes()[..6]);
            prop_assert_eq!(first.get_version_num(), 8);
            prop_assert_eq!(first == receipt(other, id), device == other);
            let (epoch, sequence) = import_position(first);
            prop_assert!(epoch < 0 && sequence < 0);
        }
    }

    #[test]
    fn moving_a_letter_to_the_next_field_makes_another_hash() {
        let hash = |a: &str, b: &str| {
            let mut hash = ContentHash::new(1);
            hash.text(a).text(b);
            hash.finish()
        };
        assert_eq!(hash("ab", "c"), hash("ab", "c"));
        assert_ne!(hash("ab", "c"), hash("a", "bc"));
    }
}
