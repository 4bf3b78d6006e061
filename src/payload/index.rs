//! What earlier runs found out about files, so that an unchanged one is not read again.
//!
//! A file is known by its path, device, inode, length, and the times of its last change of content
//! and of status. An entry is a file of its own; a damaged one counts as missing.

use std::{
    fs::{self, File, Metadata},
    io,
    os::unix::{ffi::OsStrExt, fs::MetadataExt},
    path::{Path, PathBuf},
    process,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, SystemTime},
};

use super::{Chunk, Facts, Found, Stamp};
use crate::digest::{Digest, Digests, Sha256Digest, sha256};

/// Shorter files are read sooner than looked up, in bytes.
const WORTH: u64 = 1 << 20;

/// A file that changed this recently may change again without a new time.
const SETTLED: Duration = Duration::from_secs(2);

/// First bytes of an entry. The last one is the version of its form.
const MAGIC: &[u8; 8] = b"pkgfact\x02";

/// Length of an entry before its chunks: magic, name, length, SHA-256, CRC-32, whether MD5 is known,
/// MD5.
const HEAD: usize = 8 + 32 + 8 + 32 + 4 + 1 + 16;

/// A folder of entries.
#[derive(Clone, Debug)]
pub(super) struct Index {
    dir: PathBuf,
}

impl Index {
    /// In the folder of the store.
    pub(super) fn open(store: &Path) -> Self {
        Self { dir: store.join("facts") }
    }

    /// What is known of a file that still is as it was.
    pub(super) fn find(&self, path: &Path, metadata: &Metadata) -> Option<Found> {
        if metadata.len() < WORTH {
            return None;
        }
        let name = name(path, metadata);
        let entry = self.entry(&name);
        let found = decode(&fs::read(&entry).ok()?, &name)?;
        // Only pruning minds when this fails.
        let _ = File::open(&entry).and_then(|entry| entry.set_modified(SystemTime::now()));
        (found.facts.digests.len == metadata.len()).then_some(found)
    }

    /// Remembers what was found out. Not remembering is no failure.
    pub(super) fn keep(&self, path: &Path, metadata: &Metadata, found: &Found) {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let changed = metadata.mtime().max(metadata.ctime());
        let settled = u64::try_from(changed)
            .is_ok_and(|changed| Duration::from_secs(changed) + SETTLED < now);
        if metadata.len() >= WORTH && settled {
            let _ = self.keep_settled(path, metadata, found);
        }
    }

    /// The same, however short ago it changed.
    pub(super) fn keep_settled(
        &self,
        path: &Path,
        metadata: &Metadata,
        found: &Found,
    ) -> io::Result<()> {
        let name = name(path, metadata);
        self.write(&self.entry(&name), &encode(found, &name))
    }

    fn write(&self, entry: &Path, bytes: &[u8]) -> io::Result<()> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let new = self.dir.join(format!("new-{}-{count}", process::id()));
        fs::create_dir_all(entry.parent().expect("an entry is in a folder"))?;
        fs::write(&new, bytes)?;
        fs::rename(&new, entry).inspect_err(|_| {
            let _ = fs::remove_file(&new);
        })
    }

    fn entry(&self, name: &Sha256Digest) -> PathBuf {
        let name = name.to_string();
        self.dir.join(&name[..2]).join(name)
    }
}

/// A digest of all that tells a file from another and from what it was before.
fn name(path: &Path, metadata: &Metadata) -> Sha256Digest {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let Stamp { len, mtime, nanos, inode, device } = Stamp::of(metadata);
    let mut text = format!(
        "{len} {mtime}.{nanos} {inode} {device} {}.{} ",
        metadata.ctime(),
        metadata.ctime_nsec()
    )
    .into_bytes();
    text.extend(path.as_os_str().as_bytes());
    sha256(&text)
}

fn encode(Found { facts, md5 }: &Found, name: &Sha256Digest) -> Vec<u8> {
    let Digests { len, sha256, crc32 } = &facts.digests;
    let mut bytes = [&MAGIC[..], &name.0, &len.to_le_bytes(), &sha256.0].concat();
    bytes.extend(crc32.to_le_bytes());
    bytes.push(u8::from(md5.is_some()));
    bytes.extend(md5.map_or([0; 16], |md5| md5.0));
    for Chunk { crc32, stored } in facts.chunks() {
        bytes.extend(crc32.to_le_bytes());
        bytes.push(u8::from(stored));
    }
    let check = crc32fast::hash(&bytes);
    bytes.extend(check.to_le_bytes());
    bytes
}

fn decode(bytes: &[u8], name: &Sha256Digest) -> Option<Found> {
    let (bytes, check) = bytes.split_last_chunk::<4>()?;
    let (head, chunks) = bytes.split_first_chunk::<HEAD>()?;
    let whole = crc32fast::hash(bytes) == u32::from_le_bytes(*check);
    if !whole || head[..8] != *MAGIC || head[8..40] != name.0 {
        return None;
    }
    let digests = Digests {
        len: u64::from_le_bytes(*head[40..].first_chunk()?),
        sha256: Digest(*head[48..].first_chunk()?),
        crc32: u32::from_le_bytes(*head[80..].first_chunk()?),
    };
    let md5 = Digest(*head[85..].first_chunk()?);
    let (chunks, rest) = chunks.as_chunks::<5>();
    if !rest.is_empty() || chunks.len() as u64 != digests.len.div_ceil(super::CHUNK) {
        return None;
    }
    let chunk = |[a, b, c, d, stored]: &[u8; 5]| Chunk {
        crc32: u32::from_le_bytes([*a, *b, *c, *d]),
        stored: *stored == 1,
    };
    let facts = Facts::new(digests, chunks.iter().map(chunk).collect());
    Some(Found { facts, md5: (head[84] == 1).then_some(md5) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::payload::Blob;

    fn of(content: &[u8]) -> Found {
        Found { facts: Blob::from_bytes(content).facts().unwrap().clone(), md5: None }
    }

    #[test]
    fn an_entry_reads_back_and_a_damaged_one_counts_as_missing() {
        let name = sha256(b"name");
        let found = |md5| Found { md5, ..of(&vec![3; 2_500_000]) };
        for md5 in [None, Some(Digest([9; 16]))] {
            assert_eq!(decode(&encode(&found(md5), &name), &name), Some(found(md5)));
        }
        let mut bytes = encode(&found(None), &name);
        assert_eq!(decode(&bytes, &sha256(b"other")), None);
        for at in [0, 9, 50, bytes.len() - 1] {
            bytes[at] ^= 1;
            assert_eq!(decode(&bytes, &name), None);
            bytes[at] ^= 1;
        }
        assert_eq!(decode(&bytes[..bytes.len() - 5], &name), None);
    }

    #[test]
    fn a_file_is_known_until_it_is_touched() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("payload");
        fs::write(&path, vec![7; 1 << 20]).unwrap();
        let (index, metadata) = (Index::open(dir.path()), path.metadata().unwrap());
        let facts = of(&vec![7; 1 << 20]);
        index.keep(&path, &metadata, &facts);
        assert_eq!(index.find(&path, &metadata), None, "it changed a moment ago");
        index.keep_settled(&path, &metadata, &facts).unwrap();
        assert_eq!(index.find(&path, &metadata), Some(facts));
        File::open(&path).unwrap().set_modified(SystemTime::now()).unwrap();
        assert_eq!(index.find(&path, &path.metadata().unwrap()), None);
    }
}
