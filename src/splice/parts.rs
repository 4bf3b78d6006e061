//! A recipe as several files, and several files as one.

use std::{
    fs::File,
    io::{self, BufWriter, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use sha2::{Digest as _, Sha256};

use super::{
    Reader, Recipe,
    draft::{Draft, sweep},
    write::reserve,
};
use crate::{
    digest::{Digest, Sha256Digest},
    payload::{Bench, Error},
};

/// Most parts of one file: their numbers have three digits.
pub const MAX_PARTS: u16 = 999;

/// Bytes gathered for one write.
const BATCH: usize = 1 << 20;

/// A written part that has no name yet.
pub struct Part {
    /// The file.
    pub draft: Draft,
    /// Its length in bytes.
    pub len: u64,
    /// Its digest.
    pub sha256: Sha256Digest,
}

/// The name of a part, counted from 1: `x.tar.gz.001`, which 7-Zip and its like open by themselves.
pub fn part_name(name: &str, number: u16) -> String {
    format!("{name}.{number:03}")
}

/// The parts of a file whose first part this is, as many as are there.
pub fn parts_of(first: &Path) -> Option<Vec<PathBuf>> {
    let name = first.file_name()?.to_str()?.strip_suffix(".001")?;
    let path = |number| first.with_file_name(part_name(name, number));
    let parts = (1..=MAX_PARTS).map(path).take_while(|part| part.is_file());
    Some(parts.collect()).filter(|parts: &Vec<_>| !parts.is_empty())
}

/// Whether a file is one of several that belong together: `x.zip.002`, `x.zip.join.sh`.
pub fn is_of_set(path: &Path) -> bool {
    let Some(name) = path.file_name().and_then(|name| name.to_str()) else { return false };
    let numbered = name.rsplit_once('.').is_some_and(|(_, number)| {
        number.len() == 3 && number.bytes().all(|digit| digit.is_ascii_digit())
    });
    numbered || name.ends_with(".join.sh")
}

/// Writes the file as parts of at most `size` bytes into `dir`, front to back. Everything that comes
/// from payloads or from the store is checked on the way; on any error nothing is left behind.
pub fn write_parts(
    recipe: &Recipe,
    dir: &Path,
    size: u64,
    bench: &Bench,
) -> Result<Vec<Part>, Error> {
    sweep(dir);
    let (mut reader, mut left, mut parts) = (recipe.reader(), recipe.len(), Vec::new());
    while left > 0 {
        let len = left.min(size);
        parts.push(part(&mut reader, dir, len, bench)?);
        left -= len;
    }
    Ok(parts)
}

fn part(reader: &mut Reader<'_>, dir: &Path, len: u64, bench: &Bench) -> Result<Part, Error> {
    let draft = Draft::create(dir)?;
    reserve(&draft, len)?;
    let failed = || Error::write(draft.path());
    let mut out = BufWriter::with_capacity(BATCH, draft.file());
    let (mut sha256, mut left) = (Sha256::new(), len);
    while left > 0 {
        let ready = reader.ready()?;
        assert!(!ready.is_empty(), "a recipe knows its length");
        let count = ready.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        out.write_all(&ready[..count]).map_err(failed())?;
        sha256.update(&ready[..count]);
        reader.advance(count);
        left -= count as u64;
        bench.progress.advance(count as u64);
    }
    out.flush().map_err(failed())?;
    drop(out);
    Ok(Part { draft, len, sha256: Digest(sha256.finalize().into()) })
}

/// Files, read as if they were one.
pub struct Joined {
    /// Each with where it ends in the whole, in bytes.
    files: Vec<(File, u64)>,
    at: u64,
}

impl Joined {
    /// In this order.
    pub fn new(files: impl IntoIterator<Item = File>) -> io::Result<Self> {
        let mut end = 0;
        let with_end = |file: File| {
            end += file.metadata()?.len();
            Ok((file, end))
        };
        let files: io::Result<Vec<_>> = files.into_iter().map(with_end).collect();
        Ok(Self { files: files?, at: 0 })
    }

    fn len(&self) -> u64 {
        self.files.last().map_or(0, |(_, end)| *end)
    }
}

impl Read for Joined {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let index = self.files.partition_point(|(_, end)| *end <= self.at);
        let before = if index == 0 { 0 } else { self.files[index - 1].1 };
        let Some((file, end)) = self.files.get(index) else { return Ok(0) };
        let most = usize::try_from(end - self.at).unwrap_or(usize::MAX).min(out.len());
        let count = std::os::unix::fs::FileExt::read_at(file, &mut out[..most], self.at - before)?;
        self.at += count as u64;
        Ok(count)
    }
}

impl Seek for Joined {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let (from, by) = match to {
            SeekFrom::Start(at) => (at, 0),
            SeekFrom::End(by) => (self.len(), by),
            SeekFrom::Current(by) => (self.at, by),
        };
        let at = from.checked_add_signed(by);
        self.at = at.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        Ok(self.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::sha256;

    #[test]
    fn parts_make_up_the_whole_and_are_read_as_one() {
        let (dir, bench) = (tempfile::tempdir().unwrap(), Bench::for_tests());
        let mut recipe = Recipe::default();
        recipe.bytes("abcdefg");
        recipe.zeros(6);
        recipe.bytes("hij");
        let whole = b"abcdefg\0\0\0\0\0\0hij";
        let parts = write_parts(&recipe, dir.path(), 5, &bench).unwrap();
        let lens: Vec<_> = parts.iter().map(|part| part.len).collect();
        assert_eq!(lens, [5, 5, 5, 1]);
        assert_eq!(parts[0].sha256, sha256(b"abcde"));
        for (number, part) in (1..).zip(parts) {
            part.draft.publish(&dir.path().join(part_name("x", number))).unwrap();
        }
        let paths = parts_of(&dir.path().join("x.001")).unwrap();
        let mut joined = Joined::new(paths.iter().map(|path| File::open(path).unwrap())).unwrap();
        let mut read = Vec::new();
        joined.read_to_end(&mut read).unwrap();
        assert_eq!(read, whole);
        assert_eq!(joined.seek(SeekFrom::End(-4)).unwrap(), 12);
        let mut four = [0; 4];
        joined.read_exact(&mut four).unwrap();
        assert_eq!(four, whole[12..]);
        assert!(joined.seek(SeekFrom::Current(-99)).is_err());
    }

    #[test]
    fn only_numbered_files_and_joiners_are_of_a_set() {
        let of = |name: &str| is_of_set(Path::new(name));
        assert!(of("d/x.tar.gz.001") && of("x.zip.999") && of("x.zip.join.sh"));
        assert!(!of("x.zip") && !of("x.1000") && !of("x.sh") && !of("x.0a1"));
        assert_eq!(parts_of(Path::new("x.zip.002")), None);
    }
}
