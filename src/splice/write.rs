//! Recipe to file, front to back.

use std::{io::Write as _, path::Path};

use rustix::{
    fs::{FallocateFlags, fallocate},
    io::Errno,
};

use super::{
    Recipe,
    draft::{Draft, sweep},
};
use crate::payload::{Bench, Error};

/// Bytes gathered for one write.
const BATCH: usize = 1 << 20;

/// Writes the file under a temporary name into `dir`. Everything that comes from payloads or from
/// the store is checked on the way; on any error nothing is left behind. Progress advances by every
/// byte; the caller starts it.
pub fn write(recipe: &Recipe, dir: &Path, bench: &Bench) -> Result<Draft, Error> {
    sweep(dir);
    let mut draft = Draft::create(dir)?;
    reserve(&draft, recipe.len())?;
    copy(recipe, &draft, bench)?;
    draft.flush()?;
    Ok(draft)
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

fn copy(recipe: &Recipe, draft: &Draft, bench: &Bench) -> Result<(), Error> {
    let mut reader = recipe.reader();
    let mut batch = Vec::with_capacity(BATCH);
    let mut written = 0;
    loop {
        let ready = reader.ready()?;
        let len = ready.len().min(BATCH - batch.len());
        batch.extend_from_slice(&ready[..len]);
        reader.advance(len);
        if batch.len() == BATCH || len == 0 {
            draft.file().write_all(&batch).map_err(Error::write(draft.path()))?;
            bench.progress.advance(batch.len() as u64);
            written += batch.len() as u64;
            batch.clear();
        }
        if len == 0 {
            assert_eq!(written, recipe.len(), "a recipe knows its length");
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, io::Read as _};

    use super::*;
    use crate::payload::Blob;

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
