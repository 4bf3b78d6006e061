//! Recipe to file, front to back.

use std::{
    io::{IoSlice, Write as _},
    path::Path,
    thread,
};

use rustix::{
    fs::{FallocateFlags, fallocate},
    io::Errno,
};

use super::{
    Recipe,
    draft::{Draft, sweep},
    follow::{Following, Progress},
    pass::{self, Sink},
};
use crate::payload::{Bench, Error};

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
            pass::recipe(recipe, &mut out)?;
            assert_eq!(out.written, recipe.len(), "a recipe knows its length");
            draft.flush()
        });
        let found = read(&mut Following::new(draft.file(), recipe.len(), &progress));
        (writer.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)), found)
    });
    draft.flushes(written?);
    Ok((draft, found))
}

/// Asks for the whole of the space, so that a full disk is noticed before the work.
pub(super) fn reserve(draft: &Draft, len: u64) -> Result<(), Error> {
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

impl Sink for Out<'_> {
    fn take(&mut self, mut slices: &mut [IoSlice<'_>]) -> Result<(), Error> {
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

#[cfg(test)]
mod tests {
    use std::{fs, io::Read as _};

    use super::{super::pass::lone_check, *};
    use crate::{
        codec::{Codec, Packing},
        digest::Want,
        payload::{self, Blob},
        splice::{Framing, pack},
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

    #[test]
    fn stored_content_of_every_codec_is_as_long_as_described() {
        let (dir, from) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let bench = Bench::for_tests();
        let content: Vec<u8> = (0..2_500_000_u32).map(|at| at.to_le_bytes()[0]).collect();
        fs::write(from.path().join("x"), &content).unwrap();
        let blob = Blob::open(from.path().join("x")).unwrap();
        payload::ingest(std::slice::from_ref(&blob), &[].into(), Want::Sha256, &bench).unwrap();
        for framing in [Framing::Zstd, Framing::Lzma2, Framing::Deflate] {
            let mut recipe = Recipe::default();
            let len = blob.len();
            recipe.push(crate::splice::Segment::Stored { blob: blob.clone(), at: 0, len, framing });
            let draft = write(&recipe, dir.path(), &bench).unwrap();
            let (mut want, path) = (Vec::new(), draft.path().to_owned());
            recipe.reader().read_to_end(&mut want).unwrap();
            assert!(fs::read(path).unwrap() == want, "{framing:?}");
        }
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
