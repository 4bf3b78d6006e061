//! Digests of content, those that are wanted in one read.

mod any;
mod lanes;
mod xxh64;

use std::fmt;

pub use any::{Algorithm, AnyHasher, hex};
pub use lanes::{Hashes, Lanes, Want};
pub use xxh64::Xxh64;

use md5::Md5;
use sha1::Sha1;
use sha2::{Digest as _, Sha256};

/// A digest of `N` bytes; prints as lower-case hex.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest<const N: usize>(pub [u8; N]);

/// 16 bytes.
pub type Md5Digest = Digest<16>;
/// 20 bytes.
pub type Sha1Digest = Digest<20>;
/// 32 bytes.
pub type Sha256Digest = Digest<32>;

impl<const N: usize> fmt::Display for Digest<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl<const N: usize> fmt::Debug for Digest<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<const N: usize> Digest<N> {
    /// Reads hex digits of either case.
    pub fn parse(hex: &str) -> Option<Self> {
        let digits = hex.as_bytes();
        if digits.len() != N * 2 || !hex.is_ascii() {
            return None;
        }
        let mut bytes = [0; N];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
        }
        Some(Self(bytes))
    }
}

/// What is known of a payload's content after one read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digests {
    /// Length in bytes.
    pub len: u64,
    /// For checksums, read-back and the store.
    pub sha256: Sha256Digest,
    /// For gzip and zip; combinable.
    pub crc32: u32,
}

/// Computes [`Digests`] on one thread.
#[derive(Clone, Default)]
pub struct Hasher {
    len: u64,
    sha256: Sha256,
    crc32: crc32fast::Hasher,
}

impl Hasher {
    /// Takes the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.len += bytes.len() as u64;
        self.sha256.update(bytes);
        self.crc32.update(bytes);
    }

    /// The digests of everything taken.
    pub fn finish(self) -> Digests {
        Digests {
            len: self.len,
            sha256: Digest(self.sha256.finalize().into()),
            crc32: self.crc32.finalize(),
        }
    }
}

impl Digests {
    /// Of bytes in memory.
    pub fn of(bytes: &[u8]) -> Self {
        let mut hasher = Hasher::default();
        hasher.update(bytes);
        hasher.finish()
    }
}

/// MD5 of bytes in memory.
pub fn md5(bytes: &[u8]) -> Md5Digest {
    Digest(Md5::digest(bytes).into())
}

/// SHA-1 of bytes in memory.
pub fn sha1(bytes: &[u8]) -> Sha1Digest {
    Digest(Sha1::digest(bytes).into())
}

/// SHA-256 of bytes in memory.
pub fn sha256(bytes: &[u8]) -> Sha256Digest {
    Digest(Sha256::digest(bytes).into())
}

/// The CRC-32 of `first` followed by `second`, from their CRCs and the second's length.
pub fn combine_crc32(first: u32, second: u32, second_len: u64) -> u32 {
    let mut hasher = crc32fast::Hasher::new_with_initial(first);
    hasher.combine(&crc32fast::Hasher::new_with_initial_len(second, second_len));
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_of_abc_are_the_published_ones() {
        let abc = Digests::of(b"abc");
        assert_eq!(md5(b"abc").to_string(), "900150983cd24fb0d6963f7d28e17f72");
        assert!(abc.sha256.to_string().starts_with("ba7816bf8f01cfea"));
        assert_eq!(abc.crc32, 0x3524_41c2);
        assert!(sha1(b"abc").to_string().starts_with("a9993e364706816a"));
    }

    #[test]
    fn crc_of_a_whole_is_combined_from_its_parts() {
        let whole = Digests::of(b"hello world").crc32;
        let parts = (Digests::of(b"hello ").crc32, Digests::of(b"world").crc32);
        assert_eq!(combine_crc32(parts.0, parts.1, 5), whole);
    }
}
