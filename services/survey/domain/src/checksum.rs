//! SHA-256 (FIPS 180-4) that can be put aside in the middle and taken up again, for exports that
//! go on after a break. Hashers keep their state to themselves; only whole blocks are left to one.

use sha2_blocks::block_api::compress256;

/// Bytes of a printed state.
pub const STATE_BYTES: usize = 32 + 8 + BLOCK;
const BLOCK: usize = 64;

const START: [u32; 8] = [
    0x6a09_e667,
    0xbb67_ae85,
    0x3c6e_f372,
    0xa54f_f53a,
    0x510e_527f,
    0x9b05_688c,
    0x1f83_d9ab,
    0x5be0_cd19,
];

/// A running checksum.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checksum {
    state: [u32; 8],
    length: u64,
    /// Bytes of the block that is not full yet; the rest is zero.
    open: [u8; BLOCK],
}

impl Default for Checksum {
    fn default() -> Self {
        Self { state: START, length: 0, open: [0; BLOCK] }
    }
}

impl Checksum {
    /// Adds bytes.
    pub fn update(&mut self, mut bytes: &[u8]) {
        let filled = self.filled();
        self.length = self.length.wrapping_add(bytes.len() as u64);
        if filled > 0 {
            let (head, rest) = bytes.split_at(bytes.len().min(BLOCK - filled));
            self.open[filled..filled + head.len()].copy_from_slice(head);
            bytes = rest;
            if filled + head.len() < BLOCK {
                return;
            }
            compress256(&mut self.state, &[self.open]);
            self.open = [0; BLOCK];
        }
        let (blocks, rest) = bytes.as_chunks::<BLOCK>();
        compress256(&mut self.state, blocks);
        self.open[..rest.len()].copy_from_slice(rest);
    }

    /// The checksum of everything so far, hexadecimal.
    pub fn hex(&self) -> String {
        let mut last = self.clone();
        let bits = self.length.wrapping_mul(8).to_be_bytes();
        let zeros = (BLOCK * 2 - 9 - self.filled()) % BLOCK;
        last.update(&[0x80]);
        last.update(&[0; BLOCK][..zeros]);
        last.update(&bits);
        last.state.iter().map(|word| format!("{word:08x}")).collect()
    }

    /// The state, to go on later.
    pub fn to_bytes(&self) -> [u8; STATE_BYTES] {
        let mut bytes = [0; STATE_BYTES];
        for (place, word) in bytes.chunks_exact_mut(4).zip(self.state) {
            place.copy_from_slice(&word.to_be_bytes());
        }
        bytes[32..40].copy_from_slice(&self.length.to_be_bytes());
        bytes[40..].copy_from_slice(&self.open);
        bytes
    }

    /// Takes up a state.
    pub fn from_bytes(bytes: &[u8; STATE_BYTES]) -> Self {
        let mut checksum = Self::default();
        for (word, place) in checksum.state.iter_mut().zip(bytes.as_chunks::<4>().0) {
            *word = u32::from_be_bytes(*place);
        }
        let (words, open) = bytes.split_at(40);
        checksum.open.copy_from_slice(open);
        let length = words.last_chunk::<8>().copied().unwrap_or_default();
        checksum.length = u64::from_be_bytes(length);
        checksum
    }

    fn filled(&self) -> usize {
        (self.length % BLOCK as u64) as usize
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use sha2::{Digest, Sha256};

    use super::*;

    fn reference(bytes: &[u8]) -> String {
        Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn the_published_example_holds() {
        let mut checksum = Checksum::default();
        checksum.update(b"abc");
        let want = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(checksum.hex(), want);
    }

    #[test]
    fn every_length_around_the_blocks_is_right() {
        for length in 0..200 {
            let bytes = vec![length as u8; length];
            let mut checksum = Checksum::default();
            checksum.update(&bytes);
            assert_eq!(checksum.hex(), reference(&bytes), "{length}");
        }
    }

    proptest! {
        #[test]
        fn pieces_and_breaks_do_not_change_the_sum(
            pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..150), 0..8),
        ) {
            let mut checksum = Checksum::default();
            for piece in &pieces {
                checksum.update(piece);
                checksum = Checksum::from_bytes(&checksum.to_bytes());
            }
            prop_assert_eq!(checksum.hex(), reference(&pieces.concat()));
        }
    }
}
