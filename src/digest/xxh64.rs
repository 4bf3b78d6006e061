//! XXH64 with seed 0: the content checksum of a zstd frame.
//!
//! Format: "xxHash fast digest algorithm" 0.1.1, section "XXH64 Algorithm".

const PRIMES: [u64; 5] = [
    0x9e37_79b1_85eb_ca87,
    0xc2b2_ae3d_27d4_eb4f,
    0x1656_67b1_9e37_79f9,
    0x85eb_ca77_c2b2_ae63,
    0x27d4_eb2f_1656_67c5,
];

/// Bytes taken at a time: four lanes of eight.
const STRIPE: usize = 32;

/// Computes XXH64 over content that comes in parts.
#[derive(Clone)]
pub struct Xxh64 {
    lanes: [u64; 4],
    len: u64,
    /// The last incomplete stripe.
    rest: [u8; STRIPE],
    held: usize,
}

impl Default for Xxh64 {
    fn default() -> Self {
        let lanes =
            [PRIMES[0].wrapping_add(PRIMES[1]), PRIMES[1], 0, 0_u64.wrapping_sub(PRIMES[0])];
        Self { lanes, len: 0, rest: [0; STRIPE], held: 0 }
    }
}

impl Xxh64 {
    /// Takes the next bytes.
    pub fn update(&mut self, mut bytes: &[u8]) {
        self.len += bytes.len() as u64;
        if self.held > 0 {
            let (more, later) = bytes.split_at(bytes.len().min(STRIPE - self.held));
            self.rest[self.held..self.held + more.len()].copy_from_slice(more);
            self.held += more.len();
            bytes = later;
            if self.held < STRIPE {
                return;
            }
            let rest = self.rest;
            stripes(&mut self.lanes, &rest);
        }
        let (whole, rest) = bytes.split_at(bytes.len() / STRIPE * STRIPE);
        stripes(&mut self.lanes, whole);
        self.rest[..rest.len()].copy_from_slice(rest);
        self.held = rest.len();
    }

    /// The digest of everything taken.
    pub fn finish(&self) -> u64 {
        let mut hash = if self.len < STRIPE as u64 { PRIMES[4] } else { converge(self.lanes) };
        hash = hash.wrapping_add(self.len);
        let (words, rest) = self.rest[..self.held].as_chunks::<8>();
        for word in words {
            hash ^= round(0, u64::from_le_bytes(*word));
            hash = hash.rotate_left(27).wrapping_mul(PRIMES[0]).wrapping_add(PRIMES[3]);
        }
        let (halves, rest) = rest.as_chunks::<4>();
        for half in halves {
            hash ^= u64::from(u32::from_le_bytes(*half)).wrapping_mul(PRIMES[0]);
            hash = hash.rotate_left(23).wrapping_mul(PRIMES[1]).wrapping_add(PRIMES[2]);
        }
        for byte in rest {
            hash ^= u64::from(*byte).wrapping_mul(PRIMES[4]);
            hash = hash.rotate_left(11).wrapping_mul(PRIMES[0]);
        }
        hash = (hash ^ hash >> 33).wrapping_mul(PRIMES[1]);
        hash = (hash ^ hash >> 29).wrapping_mul(PRIMES[2]);
        hash ^ hash >> 32
    }
}

fn round(lane: u64, input: u64) -> u64 {
    lane.wrapping_add(input.wrapping_mul(PRIMES[1])).rotate_left(31).wrapping_mul(PRIMES[0])
}

fn stripes(lanes: &mut [u64; 4], bytes: &[u8]) {
    let mut state = *lanes;
    for stripe in bytes.as_chunks::<8>().0.as_chunks::<4>().0 {
        for (lane, word) in state.iter_mut().zip(stripe) {
            *lane = round(*lane, u64::from_le_bytes(*word));
        }
    }
    *lanes = state;
}

fn converge(lanes: [u64; 4]) -> u64 {
    let turns = [1, 7, 12, 18];
    let sum = lanes.iter().zip(turns).map(|(lane, turn)| lane.rotate_left(turn));
    let hash = sum.fold(0, u64::wrapping_add);
    lanes.iter().fold(hash, |hash, lane| {
        (hash ^ round(0, *lane)).wrapping_mul(PRIMES[0]).wrapping_add(PRIMES[3])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn xxh64(bytes: &[u8]) -> u64 {
        let mut hasher = Xxh64::default();
        hasher.update(bytes);
        hasher.finish()
    }

    #[test]
    fn digests_are_the_published_ones() {
        assert_eq!(xxh64(b""), 0xef46_db37_51d8_e999);
        assert_eq!(xxh64(b"a"), 0xd24e_c4f1_a98c_6e5b);
        assert_eq!(xxh64(b"abc"), 0x44bc_2cf5_ad77_0999);
    }

    #[test]
    fn parts_of_any_length_give_the_digest_of_the_whole() {
        let bytes: Vec<u8> = (0..1000_u32).map(|at| (at * at).to_le_bytes()[0]).collect();
        for step in [1, 7, 31, 32, 33, 100] {
            let mut hasher = Xxh64::default();
            bytes.chunks(step).for_each(|part| hasher.update(part));
            assert_eq!(hasher.finish(), xxh64(&bytes), "in parts of {step}");
        }
    }
}
