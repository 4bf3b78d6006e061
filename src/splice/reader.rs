//! A recipe as a stream of bytes. Everything that comes from disk is checked on the way.

use std::{
    fs::File,
    io::{self, BufRead, Read},
    os::unix::fs::FileExt,
    path::Path,
};

use sha2::{Digest as _, Sha256};

use super::{Framing, Recipe, Segment};
use crate::{
    codec::{xz, zstd},
    digest::{Digest, Sha256Digest},
    payload::{self, CHUNK, Error, Source},
};

/// Reads the file that a recipe describes, front to back.
pub struct Reader<'a> {
    segments: std::slice::Iter<'a, Segment>,
    current: Option<Current<'a>>,
    /// Bytes to be passed over before the first.
    skip: u64,
    /// Bytes to the end.
    left: u64,
}

/// The segment that is being read, with where in it.
enum Current<'a> {
    Bytes(&'a [u8]),
    Made { bytes: Vec<u8>, taken: usize },
    Zeros(u64),
    Blob { source: Box<Source>, at: u64, end: u64 },
    Stored(Stored),
    Packed(Packed<'a>),
}

static ZEROS: [u8; 64 << 10] = [0; 64 << 10];

impl<'a> Reader<'a> {
    pub(super) fn new(recipe: &'a Recipe) -> Self {
        Self::within(&recipe.segments, 0, recipe.len)
    }

    /// Reads `len` bytes from some segments, all but the first `skip`.
    pub(super) fn within(segments: &'a [Segment], skip: u64, len: u64) -> Self {
        Self { segments: segments.iter(), current: None, skip, left: len }
    }

    /// The next bytes, as many as are at hand; empty at the end.
    pub fn ready(&mut self) -> Result<&[u8], Error> {
        while self.skip > 0 {
            let skip = self.skip;
            let Some(current) = self.current()? else { break };
            let len = match current.left() {
                Some(left) => left,
                None => current.ready()?.len() as u64,
            };
            let len = len.min(skip);
            current.advance(len);
            self.skip -= len;
        }
        let left = usize::try_from(self.left).unwrap_or(usize::MAX);
        if left == 0 {
            return Ok(&[]);
        }
        let Some(current) = self.current()? else { return Ok(&[]) };
        let ready = current.ready()?;
        Ok(&ready[..ready.len().min(left)])
    }

    /// Hands over all that is left.
    pub(super) fn each(mut self, mut take: impl FnMut(&[u8])) -> Result<(), Error> {
        loop {
            let ready = self.ready()?;
            if ready.is_empty() {
                return Ok(());
            }
            take(ready);
            let len = ready.len();
            self.advance(len);
        }
    }

    /// SHA-256 of all that is left.
    pub(super) fn sha256(self) -> Result<Sha256Digest, Error> {
        let mut hasher = Sha256::new();
        self.each(|bytes| hasher.update(bytes))?;
        Ok(Digest(hasher.finalize().into()))
    }

    /// Goes on by that many of the bytes at hand.
    pub fn advance(&mut self, amount: usize) {
        self.left -= amount as u64;
        if let Some(current) = &mut self.current {
            current.advance(amount as u64);
        }
    }

    /// Goes on by that many bytes without reading them.
    pub(super) fn skip(&mut self, amount: u64) {
        self.left -= amount;
        self.skip += amount;
    }

    /// The segment that is being read; `None` at the end.
    fn current(&mut self) -> Result<Option<&mut Current<'a>>, Error> {
        while self.current.as_ref().is_none_or(Current::is_over) {
            match self.segments.next() {
                Some(segment) => self.current = Some(Current::open(segment)?),
                None => return Ok(None),
            }
        }
        Ok(self.current.as_mut())
    }
}

impl<'a> Current<'a> {
    fn open(segment: &'a Segment) -> Result<Self, Error> {
        Ok(match segment {
            Segment::Bytes(bytes) => Self::Bytes(bytes),
            Segment::Made { by, index, len } => {
                let mut bytes = Vec::with_capacity(*len as usize);
                by.make(*index, &mut bytes);
                assert_eq!(bytes.len(), *len as usize, "as many as the segment says");
                Self::Made { bytes, taken: 0 }
            }
            Segment::Check(check) => Self::Made { bytes: check.bytes()?.to_vec(), taken: 0 },
            Segment::Zeros(len) => Self::Zeros(*len),
            Segment::Blob { blob, at, len } => {
                Self::Blob { source: Box::new(payload::open(blob)?), at: *at, end: at + len }
            }
            Segment::Stored { blob, at, len, framing } => Self::Stored(Stored {
                source: Box::new(payload::open(blob)?),
                start: *at,
                at: *at,
                end: at + len,
                framing: *framing,
                header: Vec::new(),
                block_end: *at,
            }),
            Segment::Packed { file, at, len, crc32 } => {
                Self::Packed(Packed::open(file, *at, *len, *crc32)?)
            }
        })
    }

    /// How much is left, where that much can be passed over at once.
    fn left(&self) -> Option<u64> {
        match self {
            Self::Bytes(bytes) => Some(bytes.len() as u64),
            Self::Made { bytes, taken } => Some((bytes.len() - taken) as u64),
            Self::Zeros(len) => Some(*len),
            Self::Blob { at, end, .. } => Some(end - at),
            Self::Stored(_) | Self::Packed(_) => None,
        }
    }

    fn is_over(&self) -> bool {
        match self {
            Self::Bytes(bytes) => bytes.is_empty(),
            Self::Made { bytes, taken } => *taken == bytes.len(),
            Self::Zeros(len) => *len == 0,
            Self::Blob { at, end, .. } => at == end,
            Self::Stored(stored) => stored.at == stored.end,
            Self::Packed(packed) => packed.left == 0 && packed.taken == packed.buffer.len(),
        }
    }

    fn ready(&mut self) -> Result<&[u8], Error> {
        match self {
            Self::Bytes(bytes) => Ok(bytes),
            Self::Made { bytes, taken } => Ok(&bytes[*taken..]),
            Self::Zeros(len) => {
                let len = usize::try_from(*len).map_or(ZEROS.len(), |len| len.min(ZEROS.len()));
                Ok(&ZEROS[..len])
            }
            Self::Blob { source, at, end } => from_source(source, *at, *end),
            Self::Stored(stored) => stored.ready(),
            Self::Packed(packed) => packed.ready(),
        }
    }

    fn advance(&mut self, amount: u64) {
        let at_hand = || usize::try_from(amount).expect("it is in memory");
        match self {
            Self::Bytes(bytes) => *bytes = &bytes[at_hand()..],
            Self::Made { taken, .. } => *taken += at_hand(),
            Self::Zeros(len) => *len -= amount,
            Self::Blob { at, .. } => *at += amount,
            Self::Stored(stored) => stored.advance(at_hand()),
            Self::Packed(packed) => packed.taken += at_hand(),
        }
    }
}

/// Content from `at` to `end`, or to the end of the chunk.
fn from_source(source: &mut Source, at: u64, end: u64) -> Result<&[u8], Error> {
    let chunk = source.chunk(at / CHUNK)?;
    let inside = narrow(at % CHUNK);
    let len = chunk[inside..].len().min(narrow((end - at).min(CHUNK)));
    Ok(&chunk[inside..inside + len])
}

/// Content with a header before every block.
struct Stored {
    source: Box<Source>,
    start: u64,
    at: u64,
    end: u64,
    framing: Framing,
    /// What is left of the header.
    header: Vec<u8>,
    /// Where the next header is due.
    block_end: u64,
}

impl Stored {
    fn ready(&mut self) -> Result<&[u8], Error> {
        if self.at == self.block_end {
            let len = self.framing.block().min(self.end - self.at);
            self.block_end = self.at + len;
            let len = u32::try_from(len).expect("a block is at most 128 KiB");
            self.header = self.framing.encode(len, self.at == self.start);
        }
        if self.header.is_empty() {
            from_source(&mut self.source, self.at, self.block_end)
        } else {
            Ok(&self.header)
        }
    }

    fn advance(&mut self, amount: usize) {
        if self.header.is_empty() {
            self.at += amount as u64;
        } else {
            self.header.drain(..amount);
        }
    }
}

impl Framing {
    /// The header of a block of `len` bytes.
    pub(super) fn encode(self, len: u32, first: bool) -> Vec<u8> {
        match self {
            Self::Zstd => zstd::raw_header(len).to_vec(),
            Self::Lzma2 => xz::stored_header(len, first).to_vec(),
            Self::Deflate => {
                let len = u16::try_from(len).expect("a stored block is at most 65,535 bytes");
                let [[a, b], [c, d]] = [len.to_le_bytes(), (!len).to_le_bytes()];
                vec![0, a, b, c, d]
            }
        }
    }
}

/// Packed bytes on disk.
struct Packed<'a> {
    file: File,
    path: &'a Path,
    at: u64,
    /// Not read yet.
    left: u64,
    buffer: Vec<u8>,
    taken: usize,
    hasher: crc32fast::Hasher,
    crc32: u32,
}

impl<'a> Packed<'a> {
    fn open(path: &'a Path, at: u64, len: u64, crc32: u32) -> Result<Self, Error> {
        let file = File::open(path).map_err(Error::scratch(path))?;
        let (buffer, hasher) = (Vec::new(), crc32fast::Hasher::new());
        Ok(Self { file, path, at, left: len, buffer, taken: 0, hasher, crc32 })
    }

    fn ready(&mut self) -> Result<&[u8], Error> {
        if self.taken == self.buffer.len() {
            let len = self.left.min(CHUNK);
            self.buffer.resize(narrow(len), 0);
            self.taken = 0;
            self.file.read_exact_at(&mut self.buffer, self.at).map_err(|error| {
                match error.kind() {
                    io::ErrorKind::UnexpectedEof => Error::Damaged { path: self.path.to_owned() },
                    _ => Error::Scratch { path: self.path.to_owned(), source: error },
                }
            })?;
            self.hasher.update(&self.buffer);
            (self.at, self.left) = (self.at + len, self.left - len);
            if self.left == 0 && self.hasher.clone().finalize() != self.crc32 {
                return Err(Error::Damaged { path: self.path.to_owned() });
            }
        }
        Ok(&self.buffer[self.taken..])
    }
}

/// A length of at most a chunk.
fn narrow(len: u64) -> usize {
    usize::try_from(len).expect("at most a chunk")
}

impl BufRead for Reader<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        Ok(self.ready()?)
    }

    fn consume(&mut self, amount: usize) {
        self.advance(amount);
    }
}

impl Read for Reader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let ready = self.ready()?;
        let len = ready.len().min(buffer.len());
        buffer[..len].copy_from_slice(&ready[..len]);
        self.advance(len);
        Ok(len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::payload::Blob;

    fn read(recipe: &Recipe) -> Vec<u8> {
        let mut bytes = Vec::new();
        recipe.reader().read_to_end(&mut bytes).unwrap();
        assert_eq!(bytes.len() as u64, recipe.len());
        bytes
    }

    #[test]
    fn every_stored_block_has_its_header() {
        let content: Vec<u8> = (0..140_000_u32).map(|at| at.to_le_bytes()[0]).collect();
        let blob = Blob::from_bytes(content.clone());
        let mut recipe = Recipe::default();
        let (at, len) = (0, blob.len());
        recipe.push(Segment::Stored { blob, at, len, framing: Framing::Lzma2 });
        let bytes = read(&recipe);
        assert_eq!(bytes[..3], [1, 0xff, 0xff]);
        assert_eq!(bytes[3..3 + 65_536], content[..65_536]);
        assert_eq!(bytes[3 + 65_536..6 + 65_536], [2, 0xff, 0xff]);
        assert_eq!(bytes[bytes.len() - 5..], content[content.len() - 5..]);
    }

    #[test]
    fn a_recipe_reads_as_its_segments_one_after_the_other() {
        let mut recipe = Recipe::default();
        recipe.bytes("ab");
        recipe.zeros(100_000);
        recipe.push(Segment::Blob { blob: Blob::from_bytes("hello"), at: 1, len: 3 });
        let bytes = read(&recipe);
        assert_eq!((&bytes[..3], &bytes[100_002..]), (&b"ab\0"[..], &b"ell"[..]));
    }
}
