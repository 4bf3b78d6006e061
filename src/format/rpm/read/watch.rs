//! Passing a stream through while digests of it are computed.

use std::io::{self, Read};

use crate::digest::{Algorithm, AnyHasher, Lanes, Want};

/// Passes a stream through and computes what is asked for. SHA-256 has a thread of its own: it is
/// what every package of today is read with.
pub(super) struct Watch<R> {
    pub(super) input: R,
    sha256: Option<Lanes>,
    crc32: Option<crc32fast::Hasher>,
    hashers: Vec<(Algorithm, AnyHasher)>,
    len: u64,
}

/// What was computed of a whole stream.
pub(super) struct Seen {
    /// Length, in bytes.
    pub(super) len: u64,
    /// CRC-32, if it was asked for.
    pub(super) crc32: Option<u32>,
    digests: Vec<(Algorithm, String)>,
}

impl<R: Read> Watch<R> {
    /// Around a stream at its start.
    pub(super) fn new(input: R, algorithms: &[Algorithm]) -> Self {
        let mut watch = Self { input, sha256: None, crc32: None, hashers: Vec::new(), len: 0 };
        for &algorithm in algorithms {
            if algorithm == Algorithm::Sha256 {
                watch.sha256 = Some(Lanes::new(Want::Sha256));
            } else if !watch.hashers.iter().any(|(there, _)| *there == algorithm) {
                watch.hashers.push((algorithm, algorithm.start()));
            }
        }
        watch
    }

    /// With CRC-32 as well.
    pub(super) fn with_crc32(self) -> Self {
        Self { crc32: Some(crc32fast::Hasher::new()), ..self }
    }

    /// The digests of everything that was read, and the stream.
    pub(super) fn finish(self) -> (Seen, R) {
        let mut digests: Vec<_> = self
            .hashers
            .into_iter()
            .map(|(algorithm, hasher)| (algorithm, hasher.finish()))
            .collect();
        if let Some(mut lanes) = self.sha256 {
            digests.push((Algorithm::Sha256, lanes.finish().sha256.to_string()));
        }
        let crc32 = self.crc32.map(crc32fast::Hasher::finalize);
        (Seen { len: self.len, crc32, digests }, self.input)
    }
}

impl<R: Read> Read for Watch<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = self.input.read(out)?;
        let bytes = &out[..count];
        if let Some(lanes) = &mut self.sha256 {
            lanes.update(bytes);
        }
        if let Some(crc32) = &mut self.crc32 {
            crc32.update(bytes);
        }
        self.hashers.iter_mut().for_each(|(_, hasher)| hasher.update(bytes));
        self.len += count as u64;
        Ok(count)
    }
}

impl Seen {
    /// A digest in hex, if it was asked for.
    pub(super) fn hex(&self, algorithm: Algorithm) -> Option<&str> {
        let found = self.digests.iter().find(|(there, _)| *there == algorithm);
        found.map(|(_, hex)| hex.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_and_length_of_what_was_read() {
        let mut watch = Watch::new(&b"abc"[..], &[Algorithm::Sha1, Algorithm::Sha256]);
        io::copy(&mut watch, &mut io::sink()).unwrap();
        let (seen, _) = watch.finish();
        assert_eq!(seen.len, 3);
        assert_eq!(seen.hex(Algorithm::Sha1), Some(&*Algorithm::Sha1.hex(b"abc")));
        assert_eq!(seen.hex(Algorithm::Sha256), Some(&*Algorithm::Sha256.hex(b"abc")));
        assert_eq!((seen.hex(Algorithm::Md5), seen.crc32), (None, None));
        let mut watch = Watch::new(&b"abc"[..], &[]).with_crc32();
        io::copy(&mut watch, &mut io::sink()).unwrap();
        assert_eq!(watch.finish().0.crc32, Some(crc32fast::hash(b"abc")));
    }
}
