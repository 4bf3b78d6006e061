//! Readers that know where they are.

use std::io::{self, Read};

use super::ReadError;
use crate::digest::{Hashes, Lanes, Sha256Digest, Want};

/// Passes a file through and computes length and SHA-256 of all that was read, on another thread.
pub struct Tap<R> {
    input: R,
    lanes: Lanes,
}

impl<R: Read> Tap<R> {
    /// Around a file at its start.
    pub fn new(input: R) -> Self {
        Self { input, lanes: Lanes::new(Want::Sha256) }
    }

    /// Reads to the end; length in bytes and digest of the whole file.
    pub fn finish(mut self) -> Result<(u64, Sha256Digest), ReadError> {
        io::copy(&mut self, &mut io::sink())?;
        let Hashes { len, sha256, .. } = self.lanes.finish();
        Ok((len, sha256))
    }
}

impl<R: Read> Read for Tap<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = self.input.read(out)?;
        self.lanes.update(&out[..count]);
        Ok(count)
    }
}

/// Size of an [`Input`]'s buffer, in bytes: most blocks of a zstd frame are in it as a whole, which
/// saves the decoder a copy.
const BUFFER: usize = 256 << 10;

/// A read as large as this goes past an empty buffer, in bytes.
const DIRECT: usize = 64 << 10;

/// A buffered reader that can look ahead and knows its offset.
pub struct Input<R> {
    stream: R,
    buffer: Vec<u8>,
    /// The bytes not taken yet are `buffer[start..end]`.
    start: usize,
    end: usize,
    /// Offset of `start` in the stream, in bytes.
    at: u64,
}

impl<R: Read> Input<R> {
    /// Around a stream at its start.
    pub fn new(stream: R) -> Self {
        Self { stream, buffer: vec![0; BUFFER], start: 0, end: 0, at: 0 }
    }

    /// The stream; bytes that were looked at, but not taken, are lost.
    pub fn into_inner(self) -> R {
        self.stream
    }

    /// Offset of the next byte.
    pub fn at(&self) -> u64 {
        self.at
    }

    /// The next bytes: at least `least`, unless the stream ends before.
    pub fn peek(&mut self, least: usize) -> io::Result<&[u8]> {
        if self.start == self.end || self.start + least > BUFFER {
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        while self.end - self.start < least {
            let count = match self.stream.read(&mut self.buffer[self.end..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                count => count?,
            };
            if count == 0 {
                break;
            }
            self.end += count;
        }
        Ok(&self.buffer[self.start..self.end])
    }

    /// Takes bytes that [`Input::peek`] showed.
    pub fn consume(&mut self, count: usize) {
        self.start += count;
        self.at += count as u64;
        assert!(self.start <= self.end, "only bytes that were seen are taken");
    }

    /// Takes exactly `N` bytes of `what`.
    pub fn array<const N: usize>(&mut self, what: &str) -> Result<[u8; N], ReadError> {
        let start = self.at;
        let seen = self.peek(N)?;
        let Some(bytes) = seen.first_chunk::<N>().copied() else {
            let at = start + seen.len() as u64;
            return Err(ReadError::Truncated { what: what.into(), at });
        };
        self.consume(N);
        Ok(bytes)
    }

    /// Takes the rest; how many bytes it was.
    pub fn drain(&mut self) -> io::Result<u64> {
        let from = self.at;
        loop {
            let count = self.peek(1)?.len();
            if count == 0 {
                return Ok(self.at - from);
            }
            self.consume(count);
        }
    }
}

impl<R: Read> Read for Input<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.start == self.end && out.len() >= DIRECT {
            // Nothing to look back at: large reads need no copy.
            let count = self.stream.read(out)?;
            self.at += count as u64;
            return Ok(count);
        }
        let seen = self.peek(1)?;
        let count = seen.len().min(out.len());
        out[..count].copy_from_slice(&seen[..count]);
        self.consume(count);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tap_hashes_what_nobody_asked_for() {
        let mut tap = Tap::new(&b"abc"[..]);
        tap.read_exact(&mut [0]).unwrap();
        assert_eq!(tap.finish().unwrap(), (3, crate::digest::sha256(b"abc")));
    }

    #[test]
    fn looking_ahead_takes_nothing() {
        let mut input = Input::new(&b"abcdef"[..]);
        assert_eq!(input.peek(3).unwrap(), b"abcdef");
        assert_eq!(&input.array::<2>("x").unwrap(), b"ab");
        assert_eq!((input.at(), input.peek(9).unwrap()), (2, &b"cdef"[..]));
        let error = input.array::<5>("a header").unwrap_err();
        assert_eq!(error.to_string(), "the file ends at byte 6 in the middle of a header");
    }
}
