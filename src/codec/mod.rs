//! Packing in pieces that can be pasted.
//!
//! A piece is a run of content packed so that nothing before it is needed. Which layouts the
//! readers of each format accept is in `docs/formats/compression.md`.

pub mod deflate;
pub mod xz;
pub mod zstd;

use std::{
    fmt,
    io::{self, Read, Write},
};

use crate::digest::combine_crc32;

/// Version of the form of pieces: part of the store's keys, raised whenever the bytes of a piece
/// change for the same content.
pub const PIECE_VERSION: u32 = 1;

/// A compression codec.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Codec {
    /// The bytes as they are.
    None,
    /// Deflate pieces that end in a full flush; also zip entries.
    Gzip,
    /// LZMA2 pieces that begin with a dictionary reset.
    Xz,
    /// Blocks without history.
    Zstd,
}

impl Codec {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::None, Self::Gzip, Self::Xz, Self::Zstd];

    /// The manifest's word.
    pub fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Gzip => "gzip",
            Self::Xz => "xz",
            Self::Zstd => "zstd",
        }
    }

    /// The level that is used when none is given.
    pub fn default_level(self) -> u32 {
        match self {
            Self::None => 0,
            Self::Gzip => 9,
            Self::Xz => 6,
            Self::Zstd => 3,
        }
    }

    /// The levels there are; the last one is `max`.
    pub fn levels(self) -> std::ops::RangeInclusive<u32> {
        match self {
            Self::None => 0..=0,
            Self::Gzip => 1..=9,
            Self::Xz => 0..=9,
            Self::Zstd => 1..=19,
        }
    }
}

/// A codec and its level: what `compression = "zstd:19"` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Packing {
    /// How.
    pub codec: Codec,
    /// How hard, in the codec's own scale; 0 for none.
    pub level: u32,
}

impl Packing {
    /// Nothing is packed.
    pub const NONE: Self = Self { codec: Codec::None, level: 0 };

    /// A codec at its default level.
    pub fn of(codec: Codec) -> Self {
        Self { codec, level: codec.default_level() }
    }

    /// Reads `CODEC`, `CODEC:LEVEL` or `CODEC:max`; the error is the message for the user.
    pub fn parse(text: &str, allowed: &[Codec]) -> Result<Self, String> {
        let (word, level) = match text.split_once(':') {
            Some((word, level)) => (word, Some(level)),
            None => (text, None),
        };
        let Some(codec) = allowed.iter().copied().find(|codec| codec.word() == word) else {
            let words: Vec<_> = allowed.iter().map(|codec| format!("`{}`", codec.word())).collect();
            return Err(format!("`{word}` is no compression here: use {}", words.join(", ")));
        };
        match level {
            None => Ok(Self::of(codec)),
            Some(level) => Self::with_level(codec, level),
        }
    }

    fn with_level(codec: Codec, level: &str) -> Result<Self, String> {
        let (first, last) = (*codec.levels().start(), *codec.levels().end());
        if codec == Codec::None {
            return Err("`none` has no levels".to_owned());
        }
        if level == "max" {
            return Ok(Self { codec, level: last });
        }
        let word = codec.word();
        match level.parse() {
            Ok(level) if codec.levels().contains(&level) => Ok(Self { codec, level }),
            _ => Err(format!("`{level}` is no level of {word}: use {first} to {last}, or `max`")),
        }
    }

    /// Most plain bytes in a piece.
    pub fn piece(self) -> u64 {
        match self.codec {
            Codec::None => u64::MAX,
            Codec::Gzip | Codec::Zstd => 4 << 20,
            // Three dictionaries of level 6, as in xz's own threaded mode.
            Codec::Xz => 24 << 20,
        }
    }

    /// Files of this length and more have pieces of their own; smaller ones share a piece with
    /// their neighbours.
    pub fn alone(self) -> u64 {
        match self.codec {
            Codec::None => 0,
            Codec::Gzip | Codec::Zstd => 1 << 20,
            Codec::Xz => 8 << 20,
        }
    }
}

impl fmt::Display for Packing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.codec {
            Codec::None => f.write_str("none"),
            codec => write!(f, "{}:{}", codec.word(), self.level),
        }
    }
}

/// Length and CRC-32 of a run of content.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    /// Length in bytes.
    pub len: u64,
    /// CRC-32.
    pub crc32: u32,
}

impl Sum {
    /// Of bytes in memory.
    pub fn of(bytes: &[u8]) -> Self {
        Self { len: bytes.len() as u64, crc32: crc32fast::hash(bytes) }
    }

    /// Of this run followed by another.
    pub fn and(self, next: Self) -> Self {
        Self { len: self.len + next.len, crc32: combine_crc32(self.crc32, next.crc32, next.len) }
    }
}

/// Packs pieces, one after the other, on one thread.
pub struct Packer(Kind);

enum Kind {
    Deflate(deflate::Packer),
    Xz(xz::Packer),
    Zstd(zstd::Packer),
}

impl Packer {
    /// For a codec that packs; panics on `none`.
    pub fn new(packing: Packing) -> Self {
        Self(match packing.codec {
            Codec::None => panic!("nothing packs pieces for `none`"),
            Codec::Gzip => Kind::Deflate(deflate::Packer::new(packing.level)),
            Codec::Xz => Kind::Xz(xz::Packer::new(packing.level)),
            Codec::Zstd => Kind::Zstd(zstd::Packer::new(packing.level)),
        })
    }

    /// Packs all of `plain`, which is `len` bytes, and says what it read. The bytes do not depend
    /// on what was packed before.
    pub fn pack(&mut self, plain: &mut dyn Read, len: u64, out: &mut dyn Write) -> io::Result<Sum> {
        match &mut self.0 {
            Kind::Deflate(packer) => packer.pack(plain, out),
            Kind::Xz(packer) => packer.pack(plain, len, out),
            Kind::Zstd(packer) => packer.pack(plain, out),
        }
    }
}

/// Reads until the buffer is full or the content ends.
fn fill(plain: &mut dyn Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match plain.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// Input and output buffers of the packers, in bytes.
const BUFFER: usize = 256 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_compression_is_a_codec_with_or_without_a_level() {
        let parse = |text| Packing::parse(text, &Codec::ALL);
        assert_eq!(parse("xz"), Ok(Packing { codec: Codec::Xz, level: 6 }));
        assert_eq!(parse("zstd:max"), Ok(Packing { codec: Codec::Zstd, level: 19 }));
        assert_eq!(parse("gzip:1").map(|packing| packing.to_string()), Ok("gzip:1".into()));
        assert!(parse("zstd:20").unwrap_err().contains("1 to 19"));
        assert!(parse("none:1").is_err());
        assert!(Packing::parse("gzip", &[Codec::Xz]).unwrap_err().contains("`xz`"));
    }

    #[test]
    fn sums_add_up() {
        assert_eq!(Sum::of(b"ab").and(Sum::of(b"cde")), Sum::of(b"abcde"));
    }
}
