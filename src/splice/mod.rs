//! Recipes: a file as a list of segments. Its length is known before a byte of it is written.

mod assemble;
mod check;
mod cut;
mod draft;
mod entry;
mod follow;
mod listing;
mod pack;
mod parts;
mod pass;
mod reader;
mod write;

use std::{fmt, path::PathBuf, sync::Arc};

pub use check::Check;
pub use draft::{Draft, abandon};
pub use entry::{Deflated, pack_entries, pack_entry};
pub use follow::Following;
pub use listing::listing;
pub use pack::pack;
pub use parts::{Joined, MAX_PARTS, Part, is_of_set, part_name, parts_of, write_parts};
pub use pass::Digested;
pub use reader::Reader;
pub use write::{write, write_beside};

use crate::payload::{self, Blob, Origin};

/// A file, described.
#[derive(Clone, Debug, Default)]
pub struct Recipe {
    segments: Vec<Segment>,
    len: u64,
}

/// Makes bytes when they are needed: always the same ones, as many as the segment says.
pub trait Make: fmt::Debug + Send + Sync {
    /// Adds those with this index.
    fn make(&self, index: u32, out: &mut Vec<u8>);
}

/// A part of a file.
#[derive(Clone, Debug)]
pub enum Segment {
    /// These bytes.
    Bytes(Arc<[u8]>),
    /// Bytes that are made whenever they are read, so that nobody keeps them: headers.
    Made {
        /// What makes them.
        by: Arc<dyn Make>,
        /// Which of those it makes.
        index: u32,
        /// How many they are.
        len: u32,
    },
    /// That many zeros.
    Zeros(u64),
    /// The checksum of what a zstd frame unpacks to.
    Check(Arc<Check>),
    /// A range of a payload, as it is.
    Blob {
        /// The payload.
        blob: Blob,
        /// Where the range starts, in bytes.
        at: u64,
        /// How long it is, in bytes.
        len: u64,
    },
    /// A range of a payload that does not shrink, in the codec's stored framing; headers are made
    /// while it is written.
    Stored {
        /// The payload.
        blob: Blob,
        /// Where the range starts, in bytes.
        at: u64,
        /// How long it is before framing, in bytes.
        len: u64,
        /// Whose stored blocks.
        framing: Framing,
    },
    /// Packed bytes on disk, in the store or a scratch file.
    Packed {
        /// The file.
        file: Arc<PathBuf>,
        /// Where they start, in bytes.
        at: u64,
        /// How many they are.
        len: u64,
        /// CRC-32 of the packed bytes, checked while they are copied.
        crc32: u32,
    },
}

/// How a codec frames content it does not pack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// Raw blocks: 3 bytes and at most 128 KiB.
    Zstd,
    /// LZMA2 chunks: 3 bytes and at most 64 KiB.
    Lzma2,
    /// Stored blocks: 5 bytes and at most 65,535.
    Deflate,
}

impl Framing {
    /// Bytes of a header.
    pub const fn header(self) -> u64 {
        match self {
            Self::Zstd | Self::Lzma2 => 3,
            Self::Deflate => 5,
        }
    }

    /// Most content behind one header, in bytes.
    pub const fn block(self) -> u64 {
        match self {
            Self::Zstd => 128 << 10,
            Self::Lzma2 => 64 << 10,
            Self::Deflate => 65_535,
        }
    }

    /// Length of `len` bytes of content once framed.
    pub const fn framed(self, len: u64) -> u64 {
        len + len.div_ceil(self.block()) * self.header()
    }
}

impl Segment {
    /// Length in the file, in bytes.
    pub fn len(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Made { len, .. } => u64::from(*len),
            Self::Check(_) => Check::LEN as u64,
            Self::Zeros(len) | Self::Blob { len, .. } | Self::Packed { len, .. } => *len,
            Self::Stored { len, framing, .. } => framing.framed(*len),
        }
    }

    /// Whether it adds nothing.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Recipe {
    /// Adds a segment; empty ones are dropped, neighbouring zeros joined.
    pub fn push(&mut self, segment: Segment) {
        if segment.is_empty() {
            return;
        }
        self.len += segment.len();
        match (self.segments.last_mut(), segment) {
            (Some(Segment::Zeros(there)), Segment::Zeros(more)) => *there += more,
            (_, segment) => self.segments.push(segment),
        }
    }

    /// Adds bytes.
    pub fn bytes(&mut self, bytes: impl Into<Vec<u8>>) {
        self.push(Segment::Bytes(bytes.into().into()));
    }

    /// Makes room for that many segments.
    pub fn reserve(&mut self, segments: usize) {
        self.segments.reserve_exact(segments);
    }

    /// Adds bytes that are made when they are needed.
    pub fn made(&mut self, by: Arc<dyn Make>, index: u32, len: u32) {
        self.push(Segment::Made { by, index, len });
    }

    /// Adds zeros.
    pub fn zeros(&mut self, len: u64) {
        self.push(Segment::Zeros(len));
    }

    /// Adds the whole of a payload.
    pub fn blob(&mut self, blob: &Blob) {
        match blob.origin() {
            Origin::Memory(bytes) => self.push(Segment::Bytes(bytes.clone())),
            Origin::File(..) => {
                self.push(Segment::Blob { blob: blob.clone(), at: 0, len: blob.len() });
            }
        }
    }

    /// Adds another recipe.
    pub fn append(&mut self, other: Self) {
        other.segments.into_iter().for_each(|segment| self.push(segment));
    }

    /// Length of the file, in bytes.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether the file is empty.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Hands over the bytes of the file that is described, front to back.
    pub fn each(&self, take: impl FnMut(&[u8])) -> Result<(), payload::Error> {
        self.reader().each(take)
    }

    /// Digests of the file that is described; reads it.
    pub fn digest(&self) -> Result<Digested, payload::Error> {
        pass::digest(self)
    }

    /// Reads the file that is described, front to back.
    pub fn reader(&self) -> Reader<'_> {
        Reader::new(self)
    }

    /// The parts in order.
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_of_a_recipe_is_the_sum_of_its_segments() {
        let mut recipe = Recipe::default();
        recipe.bytes("abc");
        recipe.zeros(5);
        recipe.zeros(4);
        assert_eq!((recipe.len(), recipe.segments().len()), (12, 2));
    }

    #[test]
    fn framing_adds_a_header_per_block() {
        assert_eq!(Framing::Zstd.framed(128 << 10), (128 << 10) + 3);
        assert_eq!(Framing::Lzma2.framed((64 << 10) + 1), (64 << 10) + 7);
        assert_eq!(Framing::Deflate.framed(0), 0);
    }
}
