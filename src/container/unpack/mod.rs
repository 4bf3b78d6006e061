//! Strict streaming decoders for gzip, xz, zstd and, of old, lzma.
//!
//! All members, streams or frames are decoded one after another, and counted: dpkg stops after the
//! first xz stream or zstd frame, so more than one is a problem there. Memory is bounded whatever
//! the stream asks for.
//!
//! Formats: RFC 1952; "The .xz File Format" 1.2.1; RFC 8878. Byte tables: docs/formats/compression.md.

mod gzip;
mod lzma2;
mod xz;
mod zstd;

use std::io::{self, Read};

use super::{Input, ReadError};
use crate::codec::Codec;
pub use gzip::GzipHeader;
pub use zstd::FrameHeader;

/// Most memory that an xz stream may ask for, in bytes: `xz -9` needs 65 MiB.
const MAX_MEMORY: u64 = 256 << 20;

/// Largest zstd window as a power of two, dpkg's and zstd's default: 128 MiB.
const MAX_WINDOW_LOG: u32 = 27;

/// Plain bytes that are always allowed: 64 GiB.
const MAX_PLAIN: u64 = 64 << 30;

/// Above [`MAX_PLAIN`] plain bytes, this many for every packed one.
const MAX_RATIO: u64 = 1000;

/// What was found about a packed stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// Gzip members, xz streams or zstd frames.
    pub streams: u64,
    /// Plain length, in bytes.
    pub plain: u64,
    /// Bytes after the last stream, which belong to nothing.
    pub trailing: u64,
    /// Streams that carry no checksum of their content.
    pub unchecked: u64,
    /// Dictionary resets of LZMA2 after the first chunk of a block.
    pub resets: u64,
    /// Headers of gzip members, the first few.
    pub gzip: Vec<GzipHeader>,
    /// Headers of zstd frames, the first few.
    pub zstd: Vec<FrameHeader>,
}

/// Most headers that [`Facts`] keeps.
const MAX_HEADERS: usize = 16;

/// Decodes a stream while it is read.
pub struct Unpack<R> {
    input: Input<R>,
    state: State,
    facts: Facts,
    /// Steps in a row that did nothing.
    stalled: u32,
}

/// Most of them: liblzma tells of the end of its input at the second one.
const MAX_STALLED: u32 = 4;

enum State {
    /// The bytes as they are.
    Plain,
    Gzip(Box<gzip::Gzip>),
    Xz(Box<xz::Xz>),
    Zstd(Box<zstd::Zstd>),
    /// Everything was decoded.
    Done,
}

/// What a decoder did.
struct Step {
    /// Bytes taken.
    taken: usize,
    /// Bytes made.
    made: usize,
    /// Whether the stream ended.
    ended: bool,
}

impl<R: Read> Unpack<R> {
    /// Decodes `codec`; nothing is read yet.
    pub fn new(input: R, codec: Codec) -> Result<Self, ReadError> {
        let state = match codec {
            Codec::None => State::Plain,
            Codec::Gzip => State::Gzip(Box::default()),
            Codec::Xz => State::Xz(Box::new(xz::Xz::new()?)),
            Codec::Zstd => State::Zstd(Box::new(zstd::Zstd::new()?)),
        };
        Ok(Self::with(input, state))
    }

    /// Decodes an `.lzma` stream, which nobody writes any more.
    pub fn lzma(input: R) -> Result<Self, ReadError> {
        Ok(Self::with(input, State::Xz(Box::new(xz::Xz::alone()?))))
    }

    fn with(input: R, state: State) -> Self {
        Self { input: Input::new(input), state, facts: Facts::default(), stalled: 0 }
    }

    /// Decodes what has not been read yet, and says what was found.
    pub fn finish(mut self) -> Result<Facts, ReadError> {
        io::copy(&mut self, &mut io::sink())?;
        Ok(self.facts)
    }

    fn step(&mut self, out: &mut [u8]) -> Result<Option<usize>, ReadError> {
        let Step { taken, made, ended } = match &mut self.state {
            State::Done => return Ok(Some(0)),
            State::Plain => return self.plain(out),
            State::Gzip(gzip) => gzip.step(&mut self.input, out, &mut self.facts)?,
            State::Xz(xz) => xz.step(&mut self.input, out, &mut self.facts)?,
            State::Zstd(zstd) => zstd.step(&mut self.input, out, &mut self.facts)?,
        };
        self.input.consume(taken);
        self.facts.plain += made as u64;
        if self.facts.plain > MAX_PLAIN {
            let limit = MAX_PLAIN.max(self.input.at().saturating_mul(MAX_RATIO));
            ReadError::limit("the unpacked size (bytes)", self.facts.plain, limit)?;
        }
        if ended {
            self.facts.streams += 1;
            self.next_stream()?;
        } else if taken == 0 && made == 0 {
            self.stall()?;
        } else {
            self.stalled = 0;
        }
        Ok(if made > 0 { Some(made) } else { None })
    }

    /// Nothing was taken or made: the stream is cut off, or the decoder is at its wit's end.
    fn stall(&mut self) -> Result<(), ReadError> {
        let (word, at) = (self.word(), self.input.at());
        if self.input.peek(1)?.is_empty() {
            return Err(ReadError::Truncated { what: format!("the {word} stream"), at });
        }
        self.stalled += 1;
        if self.stalled > MAX_STALLED {
            return Err(unpack_error(word, at, "the decoder does not go on"));
        }
        Ok(())
    }

    fn plain(&mut self, out: &mut [u8]) -> Result<Option<usize>, ReadError> {
        let count = self.input.read(out)?;
        self.facts.plain += count as u64;
        self.facts.streams = 1;
        Ok(Some(count))
    }

    fn word(&self) -> &'static str {
        match &self.state {
            State::Plain => "plain",
            State::Gzip(_) => "gzip",
            State::Xz(xz) => xz.word(),
            State::Zstd(_) => "zstd",
            State::Done => "packed",
        }
    }

    /// Goes on with another stream if one follows; what is none is counted as trailing.
    fn next_stream(&mut self) -> Result<(), ReadError> {
        let seen = self.input.peek(6)?;
        let follows = match &mut self.state {
            State::Gzip(_) => seen.starts_with(gzip::MAGIC),
            State::Xz(xz) if xz.word() == "xz" && seen.starts_with(xz::MAGIC) => {
                **xz = xz::Xz::new()?;
                true
            }
            State::Zstd(_) => zstd::starts_frame(seen),
            _ => false,
        };
        if !follows {
            self.facts.trailing = self.input.drain()?;
            self.state = State::Done;
        }
        Ok(())
    }
}

impl<R: Read> Read for Unpack<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        loop {
            if let Some(made) = self.step(out)? {
                return Ok(made);
            }
        }
    }
}

/// A stream that does not decode.
fn unpack_error(codec: &str, at: u64, why: impl std::fmt::Display) -> ReadError {
    ReadError::Unpack { what: format!("the {codec} stream"), why: format!("{why} near byte {at}") }
}

#[cfg(test)]
pub(crate) mod tests;
