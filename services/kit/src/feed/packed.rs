//! How a group is kept in the outbox: compressed, because its events repeat the same names
//! over and over. A commit then writes a fraction of the bytes, and so does replication.

use crate::error::{Result, ServiceError};

/// First byte of a compressed group; no encoded message begins with it.
const LZ4: u8 = 0;
/// Below this nothing is gained.
const SMALL: usize = 256;
/// Largest group that is believed when it is read back.
const BYTES_MAX: usize = 256 * 1024 * 1024;

/// The form that is stored of an encoded `Events` message.
pub fn pack(events: Vec<u8>) -> Vec<u8> {
    if events.len() < SMALL {
        return events;
    }
    let mut packed = vec![LZ4];
    packed.extend(lz4_flex::compress_prepend_size(&events));
    packed
}

/// The encoded `Events` message of a stored form.
///
/// # Errors
/// INTERNAL when the row is damaged.
pub fn unpack(stored: Vec<u8>) -> Result<Vec<u8>> {
    let Some((&LZ4, packed)) = stored.split_first() else { return Ok(stored) };
    let damaged = |why: String| ServiceError::internal(format!("an outbox row is damaged: {why}"));
    let (size, body) =
        lz4_flex::block::uncompressed_size(packed).map_err(|error| damaged(error.to_string()))?;
    if size > BYTES_MAX {
        return Err(damaged(format!("it claims {size} bytes")));
    }
    lz4_flex::decompress(body, size).map_err(|error| damaged(error.to_string()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_packed_comes_back(word in any::<Vec<u8>>(), times in 1..200_usize) {
            // Encoded messages never begin with a zero.
            let events: Vec<u8> = [vec![10], word.repeat(times)].concat();
            prop_assert_eq!(unpack(pack(events.clone())).unwrap(), events);
        }

        #[test]
        fn damaged_rows_are_errors(bytes in any::<Vec<u8>>()) {
            let _ = unpack([vec![LZ4], bytes].concat());
        }
    }

    #[test]
    fn names_that_repeat_cost_little() {
        let events = b"\n\x22units/u_0123456789abcdef0123456789abcdef".repeat(1_000);
        assert!(pack(events.clone()).len() * 20 < events.len());
        assert_eq!(pack(vec![10, 0]), [10, 0]);
    }
}
