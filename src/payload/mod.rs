//! Content, read once.

mod bench;
mod board;
mod error;
mod estimate;
mod index;
mod ingest;
mod piece;
mod probe;
mod progress;
mod source;
mod store;
mod workers;

use std::{
    fmt,
    fs::{File, Metadata},
    io::Read as _,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};

pub use bench::Bench;
pub use error::Error;
pub use estimate::estimate;
pub use ingest::ingest;
pub use piece::{Piece, has_pieces, pack_piece, pieces, sum};
pub use progress::{Progress, Silent};
pub(crate) use source::sought;
pub use source::{Source, open};
pub use store::{Key, Packed};
pub use workers::{Packers, spread};

use crate::digest::{self, Digests, Md5Digest, Want};
use board::{Found, Job};

/// Size of the chunks whose CRC-32 is remembered, in bytes. A writer that copies from a source file
/// checks every chunk it read, so a payload that changes under the build is noticed.
pub const CHUNK: u64 = CHUNK_LEN as u64;

/// The same, as the length of a buffer.
const CHUNK_LEN: usize = 1 << 20;

/// Length of what [`Blob::head`] gives, in bytes: as much as tells an ELF file and its class.
pub const HEAD: usize = 5;

/// A payload's content: a file or bytes in memory. Clones share what is known of it.
#[derive(Clone)]
pub struct Blob(Arc<Inner>);

struct Inner {
    origin: Origin,
    facts: OnceLock<Facts>,
    /// Only where somebody wanted it.
    md5: OnceLock<Md5Digest>,
    /// What a file starts with, once somebody has asked.
    head: OnceLock<[u8; HEAD]>,
}

/// Where the bytes are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A file, as long as its stamp stays the same.
    File(Box<Path>, Stamp),
    /// Bytes made by pkggen.
    Memory(Arc<[u8]>),
}

/// What tells that a file has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stamp {
    /// Length in bytes.
    pub len: u64,
    /// Modification time: seconds since 1970.
    pub mtime: i64,
    /// And nanoseconds.
    pub nanos: u32,
    /// Inode number.
    pub inode: u64,
    /// Device number.
    pub device: u64,
}

impl Stamp {
    /// Of a file that was looked at.
    pub fn of(metadata: &Metadata) -> Self {
        Self {
            len: metadata.len(),
            mtime: metadata.mtime(),
            nanos: u32::try_from(metadata.mtime_nsec()).unwrap_or_default(),
            inode: metadata.ino(),
            device: metadata.dev(),
        }
    }
}

/// What one read finds out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// Digests of the whole.
    pub digests: Digests,
    chunks: Chunks,
}

/// What is known of a [`CHUNK`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// CRC-32.
    pub crc32: u32,
    /// Packing it would not pay.
    pub stored: bool,
}

/// Most files are shorter than a chunk: theirs has the CRC-32 of the whole.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Chunks {
    None,
    One { stored: bool },
    Many(Box<[Chunk]>),
}

impl Facts {
    /// Of content with these digests, cut into these chunks.
    pub fn new(digests: Digests, chunks: Vec<Chunk>) -> Self {
        let chunks = match *chunks {
            [] => Chunks::None,
            [Chunk { crc32, stored }] if crc32 == digests.crc32 => Chunks::One { stored },
            _ => Chunks::Many(chunks.into()),
        };
        Self { digests, chunks }
    }

    /// What is known of the chunk with this index.
    pub fn chunk(&self, index: usize) -> Option<Chunk> {
        match (&self.chunks, index) {
            (Chunks::One { stored }, 0) => {
                Some(Chunk { crc32: self.digests.crc32, stored: *stored })
            }
            (Chunks::Many(chunks), index) => chunks.get(index).copied(),
            _ => None,
        }
    }

    /// All chunks in order.
    pub fn chunks(&self) -> impl Iterator<Item = Chunk> {
        (0..).map_while(|index| self.chunk(index))
    }
}

impl Blob {
    /// Bytes made by pkggen; known at once.
    pub fn from_bytes(bytes: impl Into<Vec<u8>>) -> Self {
        let bytes: Arc<[u8]> = bytes.into().into();
        let chunk = |bytes| Chunk { crc32: crc32fast::hash(bytes), stored: false };
        let facts = Facts::new(Digests::of(&bytes), bytes.chunks(CHUNK_LEN).map(chunk).collect());
        Self::new(Origin::Memory(bytes), OnceLock::from(facts))
    }

    /// A file that was looked at, but not read.
    pub fn from_file(path: PathBuf, stamp: Stamp) -> Self {
        let origin = Origin::File(path.into(), stamp);
        Self::new(origin, OnceLock::new())
    }

    fn new(origin: Origin, facts: OnceLock<Facts>) -> Self {
        Self(Arc::new(Inner { origin, facts, md5: OnceLock::new(), head: OnceLock::new() }))
    }

    /// A file; looks at it, but does not read it.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, Error> {
        let path = path.into();
        let metadata = path.metadata().map_err(Error::unreadable(&path))?;
        Ok(Self::from_file(path, Stamp::of(&metadata)))
    }

    /// Length in bytes.
    pub fn len(&self) -> u64 {
        match &self.0.origin {
            Origin::File(_, stamp) => stamp.len,
            Origin::Memory(bytes) => bytes.len() as u64,
        }
    }

    /// Whether there are no bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Where the bytes are.
    pub fn origin(&self) -> &Origin {
        &self.0.origin
    }

    /// The file on disk and what it was when it was looked at.
    fn job(&self) -> Option<Job<'_>> {
        match &self.0.origin {
            Origin::File(path, stamp) => Some(Job { path, stamp }),
            Origin::Memory(_) => None,
        }
    }

    /// The file on disk, if it is one.
    pub fn path(&self) -> Option<&Path> {
        match &self.0.origin {
            Origin::File(path, _) => Some(path),
            Origin::Memory(_) => None,
        }
    }

    /// The bytes, if they are in memory.
    pub fn bytes(&self) -> Option<&[u8]> {
        match &self.0.origin {
            Origin::File(..) => None,
            Origin::Memory(bytes) => Some(bytes),
        }
    }

    /// The first [`HEAD`] bytes, then zeros. Looks at a file once, for it is asked of every file.
    pub fn head(&self) -> Result<[u8; HEAD], Error> {
        if let Some(head) = self.0.head.get() {
            return Ok(*head);
        }
        let mut head = [0; HEAD];
        let len = usize::try_from(self.len()).map_or(HEAD, |len| len.min(HEAD));
        match &self.0.origin {
            Origin::Memory(bytes) => head[..len].copy_from_slice(&bytes[..len]),
            Origin::File(path, _) => {
                let read = File::open(path).and_then(|mut file| file.read_exact(&mut head[..len]));
                read.map_err(Error::unreadable(path))?;
            }
        }
        Ok(*self.0.head.get_or_init(|| head))
    }

    /// What ingestion found; `None` before it.
    pub fn facts(&self) -> Option<&Facts> {
        self.0.facts.get()
    }

    /// Digests of the whole. Only after ingestion.
    pub fn digests(&self) -> &Digests {
        &self.facts().expect("payloads are ingested before a format plans").digests
    }

    /// MD5 of the whole. Only after an ingestion that wanted it, unless the bytes are in memory.
    pub fn md5(&self) -> Md5Digest {
        let wanted = || digest::md5(self.bytes().expect("a format says that it wants MD5"));
        *self.0.md5.get_or_init(wanted)
    }

    /// What is known, if that is everything that is wanted.
    fn found(&self, want: Want) -> Option<Found> {
        let (facts, md5) = (self.facts()?.clone(), self.0.md5.get().copied());
        (want == Want::Sha256 || md5.is_some()).then_some(Found { facts, md5 })
    }

    /// Remembers what a read found out; the first answer stays.
    pub fn learn(&self, facts: Facts) {
        let _ = self.0.facts.set(facts);
    }

    /// The same, with what only some want.
    fn learn_all(&self, found: &Found) {
        if self.facts().is_none() {
            self.learn(found.facts.clone());
        }
        if let Some(md5) = found.md5 {
            let _ = self.0.md5.set(md5);
        }
    }
}

/// The same content object, or the same bytes in memory.
impl PartialEq for Blob {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0.origin == other.0.origin
    }
}

impl fmt::Debug for Blob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.origin {
            Origin::File(path, _) => write!(f, "Blob({}, {} bytes)", path.display(), self.len()),
            Origin::Memory(_) => write!(f, "Blob({} bytes in memory)", self.len()),
        }
    }
}
