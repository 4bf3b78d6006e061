//! What the work is done with.

use std::{
    env,
    fs::{self, File},
    io::{Read, Write},
    path::{Path, PathBuf},
    process,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use super::{
    Error, Key, Packed, Progress, Silent,
    index::Index,
    store::{Failure, Store},
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
                Ok(packed) => return Ok(packed),
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
        if let Some(dir) = &self.own {
            let _ = fs::remove_dir_all(dir);
        }
    }
}

/// A folder that is gone with the bench.
struct Scratch {
    dir: PathBuf,
    path: Arc<PathBuf>,
    /// The file that takes small things, and its length in bytes.
    file: Mutex<Option<(File, u64)>>,
}

impl Scratch {
    fn new(below: &Path) -> Result<Self, Error> {
        let dir = unique(below);
        fs::create_dir_all(&dir).map_err(Error::scratch(&dir))?;
        let path = Arc::new(dir.join("scratch"));
        Ok(Self { dir, path, file: Mutex::new(None) })
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

/// A name nobody else in this or another process uses.
fn unique(below: &Path) -> PathBuf {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    below.join(format!("pkggen-{}-{count}", process::id()))
}
