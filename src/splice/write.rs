//! Recipe to file, front to back.

use std::{
    io::{IoSlice, Write as _},
    path::Path,
    sync::Arc,
    thread::{self, Scope},
};

use rustix::{
    fs::{FallocateFlags, fallocate},
    io::Errno,
};

use super::{
    Check, Framing, Reader, Recipe, Segment,
    check::Beside,
    draft::{Draft, sweep},
    follow::{Following, Progress},
};
use crate::{
    codec::zstd,
    payload::{self, Bench, Blob, CHUNK, Error},
};

/// Bytes gathered for one write.
const BATCH: usize = 1 << 20;

/// Writes the file under a temporary name into `dir`. Everything that comes from payloads or from
/// the store is checked on the way; on any error nothing is left behind. Progress advances by every
/// byte; the caller starts it.
pub fn write(recipe: &Recipe, dir: &Path, bench: &Bench) -> Result<Draft, Error> {
    write_beside(recipe, dir, bench, |_| ()).map(|(draft, ())| draft)
}

/// The same while `read` reads the file: it gets what is written, and waits for what is not. It is
/// asked in any case; what it found of a file that could not be written is dropped.
pub fn write_beside<R>(
    recipe: &Recipe,
    dir: &Path,
    bench: &Bench,
    read: impl FnOnce(&mut Following<'_>) -> R,
) -> Result<(Draft, R), Error> {
    sweep(dir);
    let mut draft = Draft::create(dir)?;
    reserve(&draft, recipe.len())?;
    let progress = Progress::default();
    let (written, found) = thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut out = Out { draft: &draft, bench, progress: &progress, written: 0 };
            let _over = progress.over_at_the_end();
            out.recipe(recipe, scope)?;
            draft.flush()
        });
        let found = read(&mut Following::new(draft.file(), recipe.len(), &progress));
        (writer.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)), found)
    });
    draft.flushes(written?);
    Ok((draft, found))
}

/// Asks for the whole of the space, so that a full disk is noticed before the work.
fn reserve(draft: &Draft, len: u64) -> Result<(), Error> {
    if len == 0 {
        return Ok(());
    }
    match fallocate(draft.file(), FallocateFlags::empty(), 0, len) {
        // Not every file system can; then it is noticed while writing.
        Ok(()) | Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => Ok(()),
        Err(error) => Err(Error::write(draft.path())(error.into())),
    }
}

/// The file while it is written.
struct Out<'a> {
    draft: &'a Draft,
    bench: &'a Bench,
    progress: &'a Progress,
    written: u64,
}

impl Out<'_> {
    fn recipe<'s, 'r: 's>(
        &mut self,
        recipe: &'r Recipe,
        scope: &'s Scope<'s, '_>,
    ) -> Result<(), Error> {
        let mut beside = lone_check(recipe).map(|check| Beside::start(scope, check));
        let (mut rest, mut chunks) = (recipe.segments(), Vec::new());
        while let Some((segment, later)) = rest.split_first() {
            match (segment, &mut beside) {
                (Segment::Check(_), found) => {
                    found.take().map_or(Ok(()), Beside::finish)?;
                    self.segments(std::slice::from_ref(segment))?;
                    rest = later;
                }
                (Segment::Stored { blob, at, len, framing: Framing::Zstd }, Some(beside)) => {
                    self.stored(blob, *at, *len, &mut chunks, beside)?;
                    rest = later;
                }
                _ => {
                    let special = |segment: &&Segment| {
                        matches!(segment, Segment::Check(_) | Segment::Stored { .. })
                    };
                    let count = 1 + later.iter().take_while(|segment| !special(segment)).count();
                    let (now, later) = rest.split_at(count);
                    self.segments(now)?;
                    rest = later;
                }
            }
        }
        assert_eq!(self.written, recipe.len(), "a recipe knows its length");
        Ok(())
    }

    /// Segments of any kind.
    fn segments(&mut self, segments: &[Segment]) -> Result<(), Error> {
        let mut reader = Reader::within(segments, 0, segments.iter().map(Segment::len).sum());
        let mut batch = Vec::with_capacity(BATCH);
        loop {
            let ready = reader.ready()?;
            let len = ready.len().min(BATCH - batch.len());
            batch.extend_from_slice(&ready[..len]);
            reader.advance(len);
            if batch.len() == BATCH || len == 0 {
                self.write(&mut [IoSlice::new(&batch)])?;
                batch.clear();
            }
            if len == 0 {
                return Ok(());
            }
        }
    }

    /// Content that does not shrink, with a header before every block. What is read of it goes to
    /// the checksum, too.
    fn stored(
        &mut self,
        blob: &Blob,
        at: u64,
        len: u64,
        chunks: &mut Vec<Arc<Vec<u8>>>,
        beside: &mut Beside<'_>,
    ) -> Result<(), Error> {
        let (source, start) = (payload::open(blob)?, beside.begin());
        let (mut next, end) = (at, at + len);
        while next < end {
            let chunk = unused(chunks);
            let buffer = Arc::get_mut(chunk).expect("nobody else has it");
            source.copy_chunk(next / CHUNK, buffer)?;
            let first = narrow(next % CHUNK);
            let range = first..chunk.len().min(first + narrow((end - next).min(CHUNK)));
            beside.hand(start + (next - at), chunk, range.clone());
            self.blocks(&chunk[range.clone()])?;
            next += range.len() as u64;
        }
        Ok(())
    }

    /// Raw blocks of zstd.
    fn blocks(&mut self, content: &[u8]) -> Result<(), Error> {
        let blocks = content.chunks(narrow(Framing::Zstd.block()));
        let header = |block: &[u8]| {
            zstd::raw_header(u32::try_from(block.len()).expect("a block is at most 128 KiB"))
        };
        let headers: Vec<_> = blocks.clone().map(header).collect();
        let both = headers.iter().zip(blocks);
        let mut slices: Vec<_> =
            both.flat_map(|(header, block)| [IoSlice::new(header), IoSlice::new(block)]).collect();
        self.write(&mut slices)
    }

    fn write(&mut self, mut slices: &mut [IoSlice<'_>]) -> Result<(), Error> {
        IoSlice::advance_slices(&mut slices, 0); // leaves empty ones out
        while !slices.is_empty() {
            let written = match self.draft.file().write_vectored(slices) {
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Ok(0) => Err(std::io::ErrorKind::WriteZero.into()),
                written => written,
            };
            let written = written.map_err(Error::write(self.draft.path()))?;
            IoSlice::advance_slices(&mut slices, written);
            self.written += written as u64;
            self.progress.reached(self.written);
            self.bench.progress.advance(written as u64);
        }
        Ok(())
    }
}

/// The checksum that waits for the writer. Of several the first is computed on its own.
fn lone_check(recipe: &Recipe) -> Option<&Check> {
    let checks = recipe.segments().iter().filter_map(|segment| match segment {
        Segment::Check(check) if check.waits() => Some(&**check),
        _ => None,
    });
    let checks: Vec<_> = checks.collect();
    if let [check] = checks[..] { Some(check) } else { None }
}

/// A chunk that nobody hashes any more.
fn unused(chunks: &mut Vec<Arc<Vec<u8>>>) -> &mut Arc<Vec<u8>> {
    let free = chunks.iter_mut().position(|chunk| Arc::get_mut(chunk).is_some());
    let free = free.unwrap_or_else(|| {
        chunks.push(Arc::default());
        chunks.len() - 1
    });
    &mut chunks[free]
}

/// A length inside of a chunk.
fn narrow(len: u64) -> usize {
    usize::try_from(len).expect("at most a chunk")
}

#[cfg(test)]
mod tests {
    use std::{fs, io::Read as _};

    use super::*;
    use crate::{
        codec::{Codec, Packing},
        digest::Want,
        splice::pack,
    };

    #[test]
    fn a_file_is_written_as_described() {
        let dir = tempfile::tempdir().unwrap();
        let mut recipe = Recipe::default();
        recipe.bytes("head");
        recipe.zeros(3 << 20);
        recipe.bytes("tail");
        let draft = write(&recipe, dir.path(), &Bench::for_tests()).unwrap();
        draft.publish(&dir.path().join("out")).unwrap();
        let (mut want, written) = (Vec::new(), fs::read(dir.path().join("out")).unwrap());
        recipe.reader().read_to_end(&mut want).unwrap();
        assert!(written == want);
    }

    /// A frame with text, content that does not shrink, and more text; and what it unpacks to.
    fn frame(dir: &Path, bench: &Bench) -> (Recipe, Vec<u8>) {
        let mut state = 1_u64;
        let noise = std::iter::repeat_with(|| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            state.to_be_bytes()[0]
        });
        let contents = ["words ".repeat(500_000).into_bytes(), noise.take(3_333_333).collect()];
        let (mut plain, mut blobs, mut content) = (Recipe::default(), Vec::new(), Vec::new());
        for (name, bytes) in ["text", "noise"].into_iter().zip(&contents) {
            fs::write(dir.join(name), bytes).unwrap();
            blobs.push(Blob::open(dir.join(name)).unwrap());
        }
        let packing = Packing::of(Codec::Zstd);
        payload::ingest(&blobs, &[packing].into(), Want::Sha256, bench).unwrap();
        for index in [0, 1, 0, 1] {
            plain.bytes("head");
            content.extend(b"head");
            plain.blob(&blobs[index]);
            content.extend(&contents[index]);
        }
        (pack(&plain, packing, bench).unwrap(), content)
    }

    #[test]
    fn the_checksum_of_stored_content_is_computed_while_it_is_written() {
        let (dir, from) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let bench = Bench::for_tests();
        let (recipe, content) = frame(from.path(), &bench);
        let check = lone_check(&recipe).unwrap();
        let mut seen = Vec::new();
        let (draft, count) =
            write_beside(&recipe, dir.path(), &bench, |file| file.read_to_end(&mut seen).unwrap())
                .unwrap();
        assert!(check.known().is_some());
        draft.publish(&dir.path().join("out")).unwrap();
        assert!(count as u64 == recipe.len() && seen == fs::read(dir.path().join("out")).unwrap());
        let mut plain = Vec::with_capacity(content.len() + 1);
        zstd_safe::decompress(&mut plain, &seen).unwrap();
        assert!(plain == content);
        let mut read = Vec::new();
        recipe.reader().read_to_end(&mut read).unwrap();
        assert!(read == seen);
    }

    #[test]
    fn a_stored_payload_that_changes_under_the_writer_leaves_nothing_behind() {
        let (dir, from) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let bench = Bench::for_tests();
        let (recipe, _) = frame(from.path(), &bench);
        let file = fs::OpenOptions::new().write(true).open(from.path().join("noise")).unwrap();
        let times = file.metadata().unwrap().modified().unwrap();
        std::os::unix::fs::FileExt::write_all_at(&file, b"other", 2_000_000).unwrap();
        file.set_modified(times).unwrap();
        let result =
            write_beside(&recipe, dir.path(), &bench, |file| file.read_to_end(&mut Vec::new()));
        assert!(matches!(result.err(), Some(Error::Rewritten { .. })));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_payload_that_changes_before_it_is_written_leaves_nothing_behind() {
        let (dir, from) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let path = from.path().join("payload");
        fs::write(&path, "before").unwrap();
        let mut recipe = Recipe::default();
        recipe.blob(&Blob::open(&path).unwrap());
        fs::write(&path, "after it").unwrap();
        let result = write(&recipe, dir.path(), &Bench::for_tests());
        assert!(matches!(result.err(), Some(Error::Changed { .. })));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
