//! Digests whose algorithm is only known when a file is read.

use std::fmt;

use md5::Md5;
use sha1::Sha1;
use sha2::{Digest as _, Sha224, Sha256, Sha384, Sha512};
use sha3::Sha3_256;

/// A digest algorithm of other people's packages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // their own names
pub enum Algorithm {
    Md5,
    Sha1,
    Sha224,
    Sha256,
    Sha384,
    Sha512,
    Sha3_256,
}

impl Algorithm {
    /// From OpenPGP's number (RFC 9580, section 9.5), if it is one of ours.
    pub fn of_openpgp(number: u64) -> Option<Self> {
        match number {
            1 => Some(Self::Md5),
            2 => Some(Self::Sha1),
            8 => Some(Self::Sha256),
            9 => Some(Self::Sha384),
            10 => Some(Self::Sha512),
            11 => Some(Self::Sha224),
            12 => Some(Self::Sha3_256),
            _ => None,
        }
    }

    /// Before the first byte.
    pub fn start(self) -> AnyHasher {
        match self {
            Self::Md5 => AnyHasher::Md5(Md5::new()),
            Self::Sha1 => AnyHasher::Sha1(Sha1::new()),
            Self::Sha224 => AnyHasher::Sha224(Sha224::new()),
            Self::Sha256 => AnyHasher::Sha256(Sha256::new()),
            Self::Sha384 => AnyHasher::Sha384(Sha384::new()),
            Self::Sha512 => AnyHasher::Sha512(Sha512::new()),
            Self::Sha3_256 => AnyHasher::Sha3_256(sha3::Digest::new()),
        }
    }

    /// The digest of bytes in memory, in lower-case hex.
    pub fn hex(self, bytes: &[u8]) -> String {
        let mut hasher = self.start();
        hasher.update(bytes);
        hasher.finish()
    }
}

/// `SHA-256`
impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Md5 => "MD5",
            Self::Sha1 => "SHA-1",
            Self::Sha224 => "SHA-224",
            Self::Sha256 => "SHA-256",
            Self::Sha384 => "SHA-384",
            Self::Sha512 => "SHA-512",
            Self::Sha3_256 => "SHA3-256",
        })
    }
}

/// Computes a digest of any [`Algorithm`].
#[derive(Clone)]
#[allow(missing_docs)] // as above
pub enum AnyHasher {
    Md5(Md5),
    Sha1(Sha1),
    Sha224(Sha224),
    Sha256(Sha256),
    Sha384(Sha384),
    Sha512(Sha512),
    Sha3_256(Sha3_256),
}

impl AnyHasher {
    /// Takes the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Md5(hash) => hash.update(bytes),
            Self::Sha1(hash) => hash.update(bytes),
            Self::Sha224(hash) => hash.update(bytes),
            Self::Sha256(hash) => hash.update(bytes),
            Self::Sha384(hash) => hash.update(bytes),
            Self::Sha512(hash) => hash.update(bytes),
            Self::Sha3_256(hash) => sha3::Digest::update(hash, bytes),
        }
    }

    /// The digest of everything taken, in lower-case hex.
    pub fn finish(self) -> String {
        match self {
            Self::Md5(hash) => hex(&hash.finalize()),
            Self::Sha1(hash) => hex(&hash.finalize()),
            Self::Sha224(hash) => hex(&hash.finalize()),
            Self::Sha256(hash) => hex(&hash.finalize()),
            Self::Sha384(hash) => hex(&hash.finalize()),
            Self::Sha512(hash) => hex(&hash.finalize()),
            Self::Sha3_256(hash) => hex(&sha3::Digest::finalize(hash)),
        }
    }
}

/// Bytes as lower-case hex digits.
pub fn hex(bytes: &[u8]) -> String {
    use fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut out, byte| {
        write!(out, "{byte:02x}").expect("a string takes everything");
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_of_abc_are_the_published_ones() {
        let all = [
            (1, "900150983cd24fb0d6963f7d28e17f72"),
            (2, "a9993e364706816aba3e25717850c26c9cd0d89d"),
            (8, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
            (9, "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded163"),
            (10, "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea2"),
            (12, "3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532"),
            (11, "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7"),
        ];
        for (number, want) in all {
            let algorithm = Algorithm::of_openpgp(number).unwrap();
            assert!(algorithm.hex(b"abc").starts_with(want), "{algorithm}");
        }
        assert_eq!(Algorithm::of_openpgp(3), None);
    }
}
