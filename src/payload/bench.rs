//! What the work is done with.

use std::{
    env,
    fs::{self, File, Metadata},
    io::{Read, Write},
    path::{Path, PathBuf},
    process,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use rustix::fs::{FlockOperation, flock};

use super::{
    Error, Key, Packed, Progress, Silent,
    index::Index,
    store::{Failure, Store, prune},
    workers::Packers,
};
use crate::codec::Sum;

/// What the work is done with: threads, the store of packed pieces, a place for scratch files.
/// One for a whole run, whatever is built.
pub struct Bench {
    /// How many threads to use.
    pub threads: usize,
    /// Told of work that takes a while.
    pub progress: Arc<dyn Progress>,
    /// Read payloads again, whatever earlier runs found out about them.
    pub fresh: bool,
    /// Survives the run, when it can be written to.
    store: Option<(Store, Index)>,
    /// Takes what the store cannot.
    spare: Store,
    /// Where the store is, to be pruned once something was put there.
    dir: PathBuf,
    grew: AtomicBool,
    scratch: Scratch,
    notes: Mutex<Vec<String>>,
    /// The folder of a bench for tests.
    own: Option<PathBuf>,
}

impl Bench {
    /// With a folder where packed pieces survive between runs, and a folder for scratch files,
    /// which are gone after the run. A store that cannot be written to is done without.
    pub fn new(
        threads: usize,
        store: &Path,
        scratch: &Path,
        progress: Arc<dyn Progress>,
    ) -> Result<Self, Error> {
        let scratch = Scratch::new(scratch)?;
        let spare = Store::open(&scratch.dir).map_err(Error::scratch(&scratch.dir))?;
        let (mut notes, opened) = (Vec::new(), Store::open(store));
        if let Err(error) = &opened {
            notes.push(format!("the store `{}` is not used: {error}", store.display()));
        }
        let opened = opened.map(|pieces| (pieces, Index::open(store)));
        Ok(Self {
            threads: threads.max(1),
            progress,
            fresh: false,
            store: opened.ok(),
            spare,
            dir: store.to_owned(),
            grew: AtomicBool::new(false),
            scratch,
            notes: Mutex::new(notes),
            own: None,
        })
    }

    /// Two threads, nobody told, everything below a folder that is gone afterwards.
    pub fn for_tests() -> Self {
        let dir = unique(&env::temp_dir());
        let mut bench = Self::new(2, &dir.join("store"), &dir, Arc::new(Silent))
            .expect("the folder for temporary files can be written to");
        bench.own = Some(dir);
        bench
    }

    /// A folder for scratch files, gone with the bench.
    pub fn scratch(&self) -> &Path {
        &self.scratch.dir
    }

    /// What went otherwise than asked, for the user.
    pub fn notes(&self) -> Vec<String> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A packed piece: from the store, or packed from what `plain` opens.
    pub fn packed<'a>(
        &self,
        key: &Key,
        packers: &mut Packers,
        mut plain: impl FnMut() -> Result<Box<dyn Read + 'a>, Error>,
    ) -> Result<Packed, Error> {
        let stores = self.store.iter().map(|(pieces, _)| pieces).chain([&self.spare]);
        if let Some(packed) = stores.into_iter().find_map(|store| store.find(key)) {
            return Ok(packed);
        }
        if let Some((store, _)) = &self.store {
            match store.make(key, packers, &mut *plain()?) {
                Ok(packed) => {
                    self.grew.store(true, Ordering::Relaxed);
                    return Ok(packed);
                }
                Err(Failure::Content(error)) => return Err(error),
                Err(Failure::Store(error)) => self.note(&error),
            }
        }
        match self.spare.make(key, packers, &mut *plain()?) {
            Ok(packed) => Ok(packed),
            Err(Failure::Content(error) | Failure::Store(error)) => Err(error),
        }
    }

    /// Puts packed bytes that nobody will ask for again into a scratch file.
    pub fn keep(&self, packed: &[u8], content: Sum) -> Result<Packed, Error> {
        let (file, at) = self.scratch.append(packed)?;
        Ok(Packed { file, at, packed: Sum::of(packed), content })
    }

    /// What earlier runs found out about files.
    pub(super) fn index(&self) -> Option<&Index> {
        self.store.as_ref().map(|(_, index)| index)
    }

    /// Works with another's store.
    #[cfg(test)]
    pub(super) fn share_store(&mut self, other: &Self) {
        self.store.clone_from(&other.store);
    }

    /// Notes once that the store cannot take anything.
    fn note(&self, error: &Error) {
        let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        let cause = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
        let note = format!("packed pieces are not kept for the next run: {cause}");
        if !notes.contains(&note) {
            notes.push(note);
        }
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        if *self.grew.get_mut() {
            prune(&self.dir);
        }
        if let Some(dir) = &self.own {
            let _ = fs::remove_dir_all(dir);
        }
    }
}

/// A folder that is gone with the bench.
struct Scratch {
    dir: PathBuf,
    path: Arc<PathBuf>,
    /// Locked as long as this process lives.
    _lock: File,
    /// The file that takes small things, and its length in bytes.
    file: Mutex<Option<(File, u64)>>,
}

impl Scratch {
    fn new(below: &Path) -> Result<Self, Error> {
        sweep(below);
        let dir = unique(below);
        fs::create_dir_all(&dir).map_err(Error::scratch(&dir))?;
        let path = Arc::new(dir.join("scratch"));
        let lock = File::create(dir.join(LOCK)).map_err(Error::scratch(&dir))?;
        // Without locks the folder of a killed run stays where it is.
        let _ = flock(&lock, FlockOperation::NonBlockingLockExclusive);
        Ok(Self { dir, path, _lock: lock, file: Mutex::new(None) })
    }

    /// Where the bytes are from now on.
    fn append(&self, bytes: &[u8]) -> Result<(Arc<PathBuf>, u64), Error> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let (file, len) = match &mut *file {
            Some(open) => open,
            none => {
                none.insert((File::create(&*self.path).map_err(Error::scratch(&self.path))?, 0))
            }
        };
        let at = *len;
        file.write_all(bytes).map_err(Error::scratch(&self.path))?;
        *len += bytes.len() as u64;
        Ok((self.path.clone(), at))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.dir);
    }
}

/// Tells whether a scratch folder is in use.
const LOCK: &str = "lock";

/// Removes scratch folders of earlier runs that were killed: those nobody has locked.
fn sweep(below: &Path) {
    let Ok(entries) = fs::read_dir(below) else { return };
    for entry in entries.flatten() {
        let ours = entry.file_name().as_encoded_bytes().starts_with(PREFIX.as_bytes());
        if let (true, Ok(lock)) = (ours, File::open(entry.path().join(LOCK)))
            && lock.metadata().is_ok_and(|lock| is_older(&lock, JUST_MADE))
            && flock(&lock, FlockOperation::NonBlockingLockExclusive).is_ok()
        {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// A folder this new may be about to be locked.
const JUST_MADE: Duration = Duration::from_secs(60);

fn is_older(metadata: &Metadata, than: Duration) -> bool {
    let made = metadata.modified().ok();
    made.and_then(|made| made.elapsed().ok()).is_some_and(|age| age > than)
}

/// How the names of scratch folders begin.
const PREFIX: &str = "pkggen-scratch-";

/// A name nobody else in this or another process uses.
fn unique(below: &Path) -> PathBuf {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    below.join(format!("{PREFIX}{}-{count}", process::id()))
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;
    use crate::{
        codec::{Codec, Packing},
        digest::sha256,
    };

    fn bench(store: &Path, scratch: &Path) -> Bench {
        Bench::new(1, store, scratch, Arc::new(Silent)).unwrap()
    }

    #[test]
    fn scratch_folders_go_with_the_bench_and_those_of_killed_runs_with_the_next() {
        let dir = tempfile::tempdir().unwrap();
        let left_over = dir.path().join("pkggen-scratch-1-1");
        fs::create_dir(&left_over).unwrap();
        let lock = File::create(left_over.join(LOCK)).unwrap();
        lock.set_modified(SystemTime::now() - JUST_MADE * 2).unwrap();
        let first = bench(&dir.path().join("store"), dir.path());
        let second = bench(&dir.path().join("store"), dir.path());
        assert!(!left_over.exists() && first.scratch().exists());
        let path = second.scratch().to_owned();
        drop(second);
        assert!(!path.exists());
    }

    #[test]
    fn a_store_that_cannot_be_written_is_done_without() {
        let dir = tempfile::tempdir().unwrap();
        let no_folder = dir.path().join("file");
        fs::write(&no_folder, "").unwrap();
        let bench = bench(&no_folder, dir.path());
        let packing = Packing::of(Codec::Gzip);
        let key = Key { sha256: sha256(b"abc"), at: 0, len: 3, packing };
        let mut packers = Packers::default();
        let packed = bench.packed(&key, &mut packers, || Ok(Box::new(&b"abc"[..]))).unwrap();
        assert!(packed.file.starts_with(bench.scratch()));
        assert_eq!(bench.notes().len(), 1);
    }

    #[test]
    fn a_store_that_breaks_under_the_build_is_noted_once() {
        let dir = tempfile::tempdir().unwrap();
        let bench = bench(&dir.path().join("store"), dir.path());
        fs::remove_dir_all(dir.path().join("store")).unwrap();
        let packing = Packing::of(Codec::Gzip);
        for content in [b"abc", b"def"] {
            let key = Key { sha256: sha256(content), at: 0, len: 3, packing };
            let open = || Ok(Box::new(&content[..]) as Box<dyn Read>);
            let packed = bench.packed(&key, &mut Packers::default(), open).unwrap();
            assert!(packed.file.starts_with(bench.scratch()));
        }
        assert_eq!(bench.notes().len(), 1);
    }
}
