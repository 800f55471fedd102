//! SHA-256 (FIPS 180-4) that can be put aside in the middle and taken up again, for exports that
//! go on after a break. The hash crates keep their state to themselves.

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

#[rustfmt::skip]
const ROUND: [u32; 64] = [
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
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
            let block = self.open;
            compress(&mut self.state, &block);
            self.open = [0; BLOCK];
        }
        let (blocks, rest) = bytes.as_chunks::<BLOCK>();
        for block in blocks {
            compress(&mut self.state, block);
        }
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

fn compress(state: &mut [u32; 8], block: &[u8; BLOCK]) {
    let mut words = [0u32; 64];
    for (word, bytes) in words.iter_mut().zip(block.as_chunks::<4>().0) {
        *word = u32::from_be_bytes(*bytes);
    }
    for t in 16..64 {
        let (a, b) = (words[t - 15], words[t - 2]);
        let s0 = a.rotate_right(7) ^ a.rotate_right(18) ^ (a >> 3);
        let s1 = b.rotate_right(17) ^ b.rotate_right(19) ^ (b >> 10);
        words[t] = words[t - 16].wrapping_add(s0).wrapping_add(words[t - 7]).wrapping_add(s1);
    }
    let [mut a, mut b, mut c, mut d, mut e, mut f, mut g, mut h] = *state;
    for t in 0..64 {
        let s1 = e.rotate_right(6) ^ e.rotate_right(11) ^ e.rotate_right(25);
        let choice = (e & f) ^ (!e & g);
        let t1 =
            h.wrapping_add(s1).wrapping_add(choice).wrapping_add(ROUND[t]).wrapping_add(words[t]);
        let s0 = a.rotate_right(2) ^ a.rotate_right(13) ^ a.rotate_right(22);
        let t2 = s0.wrapping_add((a & b) ^ (a & c) ^ (b & c));
        (h, g, f, e) = (g, f, e, d.wrapping_add(t1));
        (d, c, b, a) = (c, b, a, t1.wrapping_add(t2));
    }
    for (old, new) in state.iter_mut().zip([a, b, c, d, e, f, g, h]) {
        *old = old.wrapping_add(new);
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
