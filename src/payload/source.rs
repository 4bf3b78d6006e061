//! Reading payloads: whole chunks at a time, each checked against what ingestion found.

use std::{
    fs::{File, Metadata},
    io::{self, BufRead, Read, Seek, SeekFrom},
    os::unix::fs::FileExt,
    path::Path,
    sync::Arc,
};

use super::{Blob, CHUNK, CHUNK_LEN, Chunk, Error, Origin, Stamp, board::Job};

/// Opens a payload for reading. A file whose stamp differs from the one it was resolved with is
/// refused, and so is a chunk whose CRC-32 differs from the one ingestion found.
pub fn open(blob: &Blob) -> Result<Source, Error> {
    let backing = match blob.origin() {
        Origin::Memory(bytes) => Backing::Memory(bytes.clone()),
        Origin::File(path, stamp) => Backing::File(open_file(path, stamp)?),
    };
    Ok(Source { backing, blob: blob.clone(), at: 0, chunk: Vec::new(), loaded: u64::MAX })
}

/// Opens a file and compares its stamp.
pub(super) fn open_file(path: &Path, stamp: &Stamp) -> Result<File, Error> {
    let file = File::open(path).map_err(Error::unreadable(path))?;
    check_stamp(&file, path, stamp)?;
    Ok(file)
}

/// Whether the open file still is what the stamp says.
pub(super) fn check_stamp(file: &File, path: &Path, stamp: &Stamp) -> Result<Metadata, Error> {
    let metadata = file.metadata().map_err(Error::unreadable(path))?;
    let now = Stamp::of(&metadata);
    if now.len != stamp.len {
        return Err(Error::Changed { path: path.to_owned(), before: stamp.len, now: now.len });
    }
    if now != *stamp {
        return Err(Error::Rewritten { path: path.to_owned() });
    }
    Ok(metadata)
}

/// An open payload.
pub struct Source {
    backing: Backing,
    blob: Blob,
    at: u64,
    chunk: Vec<u8>,
    /// Index of the chunk in memory.
    loaded: u64,
}

enum Backing {
    File(File),
    Memory(Arc<[u8]>),
}

impl Source {
    /// The chunk with this index, from memory or read and checked.
    pub fn chunk(&mut self, index: u64) -> Result<&[u8], Error> {
        let at = index * CHUNK;
        let len = self.blob.len().saturating_sub(at).min(CHUNK);
        match &self.backing {
            Backing::Memory(bytes) => {
                let inside = |at: u64| usize::try_from(at).expect("it is in memory");
                Ok(bytes.get(inside(at)..inside(at + len)).unwrap_or_default())
            }
            Backing::File(file) => {
                if self.loaded != index {
                    self.loaded = u64::MAX;
                    read_chunk(&self.blob, file, index, &mut self.chunk)?;
                    self.loaded = index;
                }
                Ok(&self.chunk)
            }
        }
    }

    /// The same into a buffer of the caller's.
    pub fn copy_chunk(&self, index: u64, buffer: &mut Vec<u8>) -> Result<(), Error> {
        match &self.backing {
            Backing::File(file) => read_chunk(&self.blob, file, index, buffer),
            Backing::Memory(bytes) => {
                buffer.clear();
                let chunk = bytes.chunks(CHUNK_LEN).nth(narrow(index)).unwrap_or_default();
                buffer.extend_from_slice(chunk);
                Ok(())
            }
        }
    }
}

/// Reads a chunk and checks that it is what ingestion found.
fn read_chunk(blob: &Blob, file: &File, index: u64, buffer: &mut Vec<u8>) -> Result<(), Error> {
    let at = index * CHUNK;
    let len = blob.len().saturating_sub(at).min(CHUNK);
    read_at(file, blob.job().expect("it is a file"), at, len, buffer)?;
    match blob.facts().and_then(|facts| facts.chunk(narrow(index))) {
        Some(Chunk { crc32, .. }) if crc32 != crc32fast::hash(buffer) => {
            let path = blob.path().expect("only files are checked").to_owned();
            Err(Error::Rewritten { path })
        }
        _ => Ok(()),
    }
}

/// The index of a chunk.
fn narrow(index: u64) -> usize {
    usize::try_from(index).expect("as many as there are chunks")
}

/// Reads exactly `len` bytes of a file into the buffer.
pub(super) fn read_at(
    file: &File,
    job: Job<'_>,
    at: u64,
    len: u64,
    buffer: &mut Vec<u8>,
) -> Result<(), Error> {
    let Job { path, stamp } = job;
    buffer.resize(usize::try_from(len).expect("a chunk fits in memory"), 0);
    match file.read_exact_at(buffer, at) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            let now = file.metadata().map_err(Error::unreadable(path))?.len();
            Err(Error::Changed { path: path.to_owned(), before: stamp.len, now })
        }
        other => other.map_err(Error::unreadable(path)),
    }
}

impl BufRead for Source {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.at >= self.blob.len() {
            return Ok(&[]);
        }
        let inside = usize::try_from(self.at % CHUNK).expect("inside a chunk");
        Ok(&self.chunk(self.at / CHUNK)?[inside..])
    }

    fn consume(&mut self, amount: usize) {
        self.at += amount as u64;
    }
}

impl Read for Source {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let ready = self.fill_buf()?;
        let len = ready.len().min(buffer.len());
        buffer[..len].copy_from_slice(&ready[..len]);
        self.consume(len);
        Ok(len)
    }
}

impl Seek for Source {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.at = sought(to, self.at, self.blob.len())?;
        Ok(self.at)
    }
}

/// Where a seek from `at` leads in `len` bytes; beyond the end is allowed, before the start is not.
pub(crate) fn sought(to: SeekFrom, at: u64, len: u64) -> io::Result<u64> {
    let at = match to {
        SeekFrom::Start(at) => Some(at),
        SeekFrom::End(by) => len.checked_add_signed(by),
        SeekFrom::Current(by) => at.checked_add_signed(by),
    };
    at.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_file_that_grew_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        fs::write(&path, "abc").unwrap();
        let blob = Blob::open(&path).unwrap();
        fs::write(&path, "abcd").unwrap();
        assert!(matches!(open(&blob), Err(Error::Changed { before: 3, now: 4, .. })));
    }

    #[test]
    fn a_chunk_that_differs_from_what_was_ingested_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        fs::write(&path, "abc").unwrap();
        let blob = Blob::open(&path).unwrap();
        blob.learn(Blob::from_bytes("abd").facts().unwrap().clone());
        assert!(matches!(open(&blob).unwrap().chunk(0), Err(Error::Rewritten { .. })));
    }

    #[test]
    fn the_start_of_a_payload_is_looked_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        fs::write(&path, "#!x").unwrap();
        let blob = Blob::open(&path).unwrap();
        assert_eq!(blob.head().unwrap(), *b"#!x\0\0");
        fs::remove_file(&path).unwrap();
        assert_eq!(blob.head().unwrap(), Blob::from_bytes("#!x").head().unwrap());
        let Origin::File(path, stamp) = blob.origin().clone() else { unreachable!() };
        assert!(Blob::from_file(path.into(), stamp).head().is_err());
    }

    #[test]
    fn a_payload_can_be_read_from_the_middle() {
        let mut source = open(&Blob::from_bytes("hello world")).unwrap();
        source.seek(SeekFrom::End(-5)).unwrap();
        let mut rest = String::new();
        source.read_to_string(&mut rest).unwrap();
        assert_eq!(rest, "world");
    }
}
