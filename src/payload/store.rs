//! Packed pieces on disk, keyed by digest, codec and level.
//!
//! A piece is a file: the packed bytes, then a [`Trailer`]. It is written under a temporary name
//! and renamed when whole, so that several runs can share a store. It is read and checked every
//! time before it is used; a damaged one is removed and made anew. A store that grows beyond
//! [`MOST`] loses what was not used for longest.

use std::{
    fmt,
    fs::{self, File},
    io::{self, Read, Write},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    process,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime},
};

use super::{Error, workers::Packers};
use crate::{
    bytes::Record,
    codec::{PIECE_VERSION, Packing, Sum},
    digest::Sha256Digest,
};

/// What a piece is found by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    /// Digest of the content it is cut from.
    pub sha256: Sha256Digest,
    /// Where in that content it starts, in bytes.
    pub at: u64,
    /// How much of it, in bytes.
    pub len: u64,
    /// How it is packed.
    pub packing: Packing,
}

/// The name of its file.
impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { sha256, at, len, packing: Packing { codec, level } } = self;
        write!(f, "{sha256}-{at:x}-{len:x}-{}-{level}-{PIECE_VERSION}", codec.word())
    }
}

/// A piece on disk.
#[derive(Clone, Debug)]
pub struct Packed {
    /// The file.
    pub file: Arc<PathBuf>,
    /// Where the packed bytes start, in bytes.
    pub at: u64,
    /// How many they are.
    pub packed: Sum,
    /// What they unpack to.
    pub content: Sum,
}

/// The end of a piece's file. Numbers are little-endian.
///
/// | offset | size | field                          |
/// |-------:|-----:|--------------------------------|
/// |      0 |    8 | magic, `pkggen\0` and 1        |
/// |      8 |    8 | length of the packed bytes     |
/// |     16 |    4 | their CRC-32                   |
/// |     20 |    8 | length of the content          |
/// |     28 |    4 | its CRC-32                     |
/// |     32 |    4 | CRC-32 of the fields above     |
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Trailer {
    packed: Sum,
    content: Sum,
}

const MAGIC: &[u8; 8] = b"pkggen\0\x01";

impl Trailer {
    const SIZE: usize = 36;

    fn encode(&self) -> [u8; Self::SIZE] {
        let fields: [u8; 32] = Record::little()
            .raw(MAGIC)
            .u64(self.packed.len)
            .u32(self.packed.crc32)
            .u64(self.content.len)
            .u32(self.content.crc32)
            .finish();
        Record::little().raw(&fields).u32(crc32fast::hash(&fields)).finish()
    }

    fn decode(bytes: &[u8; Self::SIZE]) -> Option<Self> {
        let u64_at = |at: usize| bytes[at..].first_chunk().map(|b| u64::from_le_bytes(*b));
        let u32_at = |at: usize| bytes[at..].first_chunk().map(|b| u32::from_le_bytes(*b));
        let trailer = Self {
            packed: Sum { len: u64_at(8)?, crc32: u32_at(16)? },
            content: Sum { len: u64_at(20)?, crc32: u32_at(28)? },
        };
        (trailer.encode() == *bytes).then_some(trailer)
    }
}

/// Most bytes a store keeps after a run: 16 GiB.
const MOST: u64 = 16 << 30;

/// What was used this recently stays in any case: another run may be about to paste it.
const IN_USE: Duration = Duration::from_secs(60 * 60);

/// Removes what was not used for longest until at most [`MOST`] bytes are left, and what killed
/// runs left half written.
pub(super) fn prune(store: &Path) {
    let (mut files, now) = (Vec::new(), SystemTime::now());
    for dir in ["pieces", "facts"] {
        collect(&store.join(dir), &mut files);
    }
    files.sort();
    let mut total: u64 = files.iter().map(|(_, len, _)| len).sum();
    for (used, len, path) in files {
        let idle = now.duration_since(used).is_ok_and(|idle| idle > IN_USE);
        let unfinished =
            path.file_name().is_some_and(|n| n.as_encoded_bytes().starts_with(b"new-"));
        if idle && (unfinished || total > MOST) && fs::remove_file(path).is_ok() {
            total -= len;
        }
    }
}

/// All files below a folder: last use, length, path.
fn collect(dir: &Path, files: &mut Vec<(SystemTime, u64, PathBuf)>) {
    let Ok(entries) = fs::read_dir(dir) else { return };
    for entry in entries.flatten() {
        match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => collect(&entry.path(), files),
            Ok(metadata) => {
                let used = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
                files.push((used, metadata.len(), entry.path()));
            }
            Err(_) => {}
        }
    }
}

/// A folder of pieces.
#[derive(Clone, Debug)]
pub(super) struct Store {
    dir: PathBuf,
}

/// Why a piece was not made.
pub(super) enum Failure {
    /// The store cannot be written to.
    Store(Error),
    /// The content cannot be read or packed.
    Content(Error),
}

impl Store {
    /// In a folder, which is made if need be.
    pub(super) fn open(dir: &Path) -> io::Result<Self> {
        let dir = dir.join("pieces");
        fs::create_dir_all(&dir)?;
        Ok(Self { dir })
    }

    /// A piece that is there and whole. Notes that it was used.
    pub(super) fn find(&self, key: &Key) -> Option<Packed> {
        let path = self.path(key);
        let file = File::open(&path).ok()?;
        match check(&file) {
            Ok(Some(Trailer { packed, content })) if content.len == key.len => {
                // Only pruning minds when this fails.
                let _ = file.set_modified(SystemTime::now());
                Some(Packed { file: Arc::new(path), at: 0, packed, content })
            }
            _ => {
                let _ = fs::remove_file(&path);
                None
            }
        }
    }

    /// Packs a piece and keeps it.
    pub(super) fn make(
        &self,
        key: &Key,
        packers: &mut Packers,
        plain: &mut dyn Read,
    ) -> Result<Packed, Failure> {
        let path = self.path(key);
        let new = self.temporary();
        let made = pack(&new, key, packers, plain);
        let kept = made.and_then(|trailer| {
            let dir = path.parent().expect("a piece is in a folder");
            fs::create_dir_all(dir)
                .and_then(|()| fs::rename(&new, &path))
                .map_err(|source| Failure::Store(Error::Scratch { path: path.clone(), source }))?;
            Ok(trailer)
        });
        if kept.is_err() {
            let _ = fs::remove_file(&new);
        }
        let Trailer { packed, content } = kept?;
        Ok(Packed { file: Arc::new(path), at: 0, packed, content })
    }

    fn path(&self, key: &Key) -> PathBuf {
        let name = key.to_string();
        self.dir.join(&name[..2]).join(name)
    }

    fn temporary(&self) -> PathBuf {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        self.dir.join(format!("new-{}-{count}", process::id()))
    }
}

fn pack(
    path: &Path,
    key: &Key,
    packers: &mut Packers,
    plain: &mut dyn Read,
) -> Result<Trailer, Failure> {
    let store = |source| Failure::Store(Error::Scratch { path: path.to_owned(), source });
    let mut out = Out {
        file: File::create(path).map_err(store)?,
        buffer: Vec::with_capacity(1 << 18),
        written: Sum::default(),
        failed: None,
    };
    let content = packers.of(key.packing).pack(plain, key.len, &mut out);
    if let Some(error) = out.failed {
        return Err(store(error));
    }
    let content =
        content.map_err(|error| Failure::Content(Error::from_packer(error, key.packing)))?;
    out.flush().map_err(store)?;
    let trailer = Trailer { packed: out.written, content };
    out.file.write_all(&trailer.encode()).map_err(store)?;
    Ok(trailer)
}

/// A new piece while it is written.
struct Out {
    file: File,
    buffer: Vec<u8>,
    written: Sum,
    /// Kept apart from errors of reading.
    failed: Option<io::Error>,
}

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.buffer.len() + bytes.len() > self.buffer.capacity() {
            self.flush()?;
        }
        self.buffer.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.written = self.written.and(Sum::of(&self.buffer));
        let result = self.file.write_all(&self.buffer);
        self.buffer.clear();
        result.map_err(|error| {
            let kind = error.kind();
            self.failed = Some(error);
            kind.into()
        })
    }
}

/// The trailer, if the bytes before it are those it tells of.
fn check(file: &File) -> io::Result<Option<Trailer>> {
    let size = Trailer::SIZE as u64;
    let Some(len) = file.metadata()?.len().checked_sub(size) else { return Ok(None) };
    let mut end = [0; Trailer::SIZE];
    file.read_exact_at(&mut end, len)?;
    let Some(trailer) = Trailer::decode(&end).filter(|t| t.packed.len == len) else {
        return Ok(None);
    };
    let (mut hasher, mut buffer) = (crc32fast::Hasher::new(), vec![0; 256 << 10]);
    let mut content = file.take(len);
    loop {
        match content.read(&mut buffer)? {
            0 => break,
            read => hasher.update(&buffer[..read]),
        }
    }
    Ok((hasher.finalize() == trailer.packed.crc32).then_some(trailer))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{codec::Codec, digest::sha256};

    const CONTENT: &[u8] = b"all the world's a stage, and all the men and women merely players";

    fn key() -> Key {
        let (sha256, len) = (sha256(CONTENT), CONTENT.len() as u64);
        Key { sha256, at: 0, len, packing: Packing::of(Codec::Gzip) }
    }

    fn make(store: &Store) -> Packed {
        let made = store.make(&key(), &mut Packers::default(), &mut &*CONTENT);
        made.unwrap_or_else(|_| panic!("the store can be written to"))
    }

    #[test]
    fn a_piece_is_found_again() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        assert!(store.find(&key()).is_none());
        let made = make(&store);
        let found = store.find(&key()).unwrap();
        assert_eq!((found.file, found.packed), (made.file, made.packed));
        assert_eq!(found.content, Sum::of(CONTENT));
    }

    #[test]
    fn a_damaged_piece_is_removed() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let path = make(&store).file;
        let whole = fs::read(&*path).unwrap();
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 0x10;
            fs::write(&*path, bytes).unwrap();
            assert!(store.find(&key()).is_none(), "byte {at}");
            assert!(!path.exists());
        }
        for len in [0, 10, whole.len() - 1] {
            fs::write(&*path, &whole[..len]).unwrap();
            assert!(store.find(&key()).is_none(), "{len} bytes");
        }
    }

    #[test]
    fn only_what_was_not_used_for_long_is_pruned() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let long_ago = SystemTime::now() - Duration::from_secs(86_400);
        let file = |name: &str, len: u64, used: SystemTime| {
            let file = File::create(store.dir.join(name)).unwrap();
            file.set_len(len).unwrap();
            file.set_modified(used).unwrap();
        };
        file("oldest", MOST / 2, long_ago - Duration::from_secs(1));
        file("old", MOST / 2, long_ago);
        file("recent", MOST / 2, SystemTime::now());
        file("new-1-1", 1, long_ago);
        prune(dir.path());
        let names = fs::read_dir(&store.dir).unwrap().map(|entry| entry.unwrap().file_name());
        let mut names: Vec<_> = names.collect();
        names.sort();
        assert_eq!(names, ["old", "recent"]);
    }
}
