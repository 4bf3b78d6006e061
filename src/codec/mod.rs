//! Packing in pieces that can be pasted.
//!
//! A piece is a run of content packed so that nothing before it is needed. Which layouts the
//! readers of each format accept is in `docs/formats/compression.md`.

use std::fmt;

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
    /// The manifest's word.
    pub fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Gzip => "gzip",
            Self::Xz => "xz",
            Self::Zstd => "zstd",
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
}

impl fmt::Display for Packing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.codec {
            Codec::None => f.write_str("none"),
            codec => write!(f, "{}:{}", codec.word(), self.level),
        }
    }
}
