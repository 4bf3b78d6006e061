//! What is known from the last run: which packages were put into the repository and what they were,
//! so that none is read twice; which files of older generations may go.
//!
//! It is kept in `.pkggen/` in the repository. Without it everything is read once more, and nothing
//! else changes: all that clients rely on is in the repository itself.

use std::{
    collections::BTreeMap,
    fs::{self, File, Metadata, OpenOptions},
    path::Path,
    time::{SystemTime, UNIX_EPOCH},
};

use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};

use super::place::Place;
use crate::{
    diagnostic::Diagnostic,
    digest::{Digest, Sha256Digest},
};

/// The folder for it.
const FOLDER: &str = ".pkggen";

/// Raised when older files are to be forgotten.
const VERSION: u32 = 1;

/// What is known from the last run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct State {
    version: u32,
    /// What the repository is called on users' machines.
    pub(super) name: Option<String>,
    /// Packages that were put there.
    files: BTreeMap<String, Known>,
    /// Per suite, newest first: index files of each generation.
    pub(super) generations: BTreeMap<String, Vec<Vec<String>>>,
    /// Files that an update in progress is about to replace, and their new digests.
    pub(super) pending: BTreeMap<String, String>,
}

/// A package as it was when it was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Known {
    /// The name it had outside of the repository.
    source: String,
    len: u64,
    /// Nanoseconds since 1970.
    modified: u64,
    sha256: String,
}

impl State {
    /// Reads it; one that cannot be read is forgotten.
    pub(super) fn load(dir: &Path, kind: &str) -> Self {
        let text = fs::read(dir.join(FOLDER).join(format!("{kind}.json"))).unwrap_or_default();
        let state: Self = serde_json::from_slice(&text).unwrap_or_default();
        if state.version == VERSION { state } else { Self { version: VERSION, ..Self::default() } }
    }

    /// Where it is kept, and its text.
    pub(super) fn file(&self, kind: &str) -> (Place, Vec<u8>) {
        let mut text = serde_json::to_vec_pretty(self).expect("texts and numbers are JSON");
        text.push(b'\n');
        (Place::of(format!("{FOLDER}/{kind}.json")), text)
    }

    /// The digest of a file in the repository, if it is what it was.
    pub(super) fn sha256(&self, dir: &Path, place: &Place) -> Option<Sha256Digest> {
        let known = self.files.get(place.as_str())?;
        let found = fs::metadata(place.below(dir)).ok()?;
        known.is(&found).then(|| Digest::parse(&known.sha256))?
    }

    /// The file in the repository that this one was copied to, if both are what they were.
    pub(super) fn copied(&self, dir: &Path, from: &Path) -> Option<(Place, Sha256Digest)> {
        let (name, found) = (from.file_name()?.to_str()?, fs::metadata(from).ok()?);
        let mut same = self.files.iter().filter(|(_, file)| file.source == name && file.is(&found));
        let (path, _) = same.next()?;
        let place = Place::parse(path).ok()?;
        Some((place.clone(), self.sha256(dir, &place)?))
    }

    /// Notes a package that is, or will be, in the repository.
    pub(super) fn note(&mut self, place: &Place, source: &str, found: &Found) {
        let Found { len, modified, sha256 } = found;
        let known = Known {
            source: source.to_owned(),
            len: *len,
            modified: nanoseconds(*modified),
            sha256: sha256.to_string(),
        };
        self.files.insert(place.to_string(), known);
    }

    /// Forgets a package, or says that it never was one of ours.
    pub(super) fn forget(&mut self, place: &Place) -> bool {
        self.files.remove(place.as_str()).is_some()
    }

    /// All packages that were put there.
    pub(super) fn places(&self) -> Vec<Place> {
        self.files.keys().filter_map(|path| Place::parse(path).ok()).collect()
    }
}

/// A package as it was found.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) len: u64,
    pub(super) modified: SystemTime,
    pub(super) sha256: Sha256Digest,
}

impl Known {
    fn is(&self, found: &Metadata) -> bool {
        let modified = found.modified().map(nanoseconds);
        found.is_file() && self.len == found.len() && modified.is_ok_and(|it| it == self.modified)
    }
}

/// Since 1970; 0 for what is earlier.
fn nanoseconds(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).ok();
    since.and_then(|since| u64::try_from(since.as_nanos()).ok()).unwrap_or(0)
}

/// Held while a repository is being changed.
pub(super) struct Lock(#[allow(dead_code)] File); // released when it is closed

impl Lock {
    /// Makes the folder if it is not there; fails when another run holds the lock.
    pub(super) fn take(dir: &Path) -> Result<Self, Diagnostic> {
        let folder = dir.join(FOLDER);
        let path = folder.join("lock");
        let failed = |error: std::io::Error| {
            let text = format!("cannot write `{}`", path.display());
            Diagnostic::failed("write.failed", text).caused_by(&error)
        };
        fs::create_dir_all(&folder).map_err(failed)?;
        let file = OpenOptions::new().create(true).append(true).open(&path).map_err(failed)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Self(file)),
            Err(rustix::io::Errno::WOULDBLOCK) => {
                let text = format!("another run is publishing to `{}`", dir.display());
                Err(Diagnostic::failed("repo.locked", text).hint("try again when it is done"))
            }
            Err(error) => Err(failed(error.into())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noted(dir: &Path) -> State {
        fs::write(dir.join("x.deb"), "abc").unwrap();
        fs::create_dir_all(dir.join("pool")).unwrap();
        fs::copy(dir.join("x.deb"), dir.join("pool/x_1.deb")).unwrap();
        let modified = fs::metadata(dir.join("x.deb")).unwrap().modified().unwrap();
        let copy = File::options().append(true).open(dir.join("pool/x_1.deb")).unwrap();
        copy.set_modified(modified).unwrap();
        let mut state = State { version: VERSION, ..State::default() };
        let found = Found { len: 3, modified, sha256: crate::digest::sha256(b"abc") };
        state.note(&Place::of("pool/x_1.deb"), "x.deb", &found);
        state
    }

    #[test]
    fn a_file_is_known_while_size_and_time_are_the_same() {
        let dir = tempfile::tempdir().unwrap();
        let state = noted(dir.path());
        let place = Place::of("pool/x_1.deb");
        let sha256 = crate::digest::sha256(b"abc");
        assert_eq!(state.sha256(dir.path(), &place), Some(sha256));
        assert_eq!(
            state.copied(dir.path(), &dir.path().join("x.deb")),
            Some((place.clone(), sha256))
        );
        fs::write(dir.path().join("pool/x_1.deb"), "abd").unwrap();
        assert_eq!(state.sha256(dir.path(), &place), None);
        assert_eq!(state.copied(dir.path(), &dir.path().join("x.deb")), None);
    }

    #[test]
    fn it_survives_between_runs_and_a_broken_one_is_forgotten() {
        let dir = tempfile::tempdir().unwrap();
        let state = noted(dir.path());
        let (place, text) = state.file("apt");
        fs::create_dir_all(dir.path().join(FOLDER)).unwrap();
        fs::write(place.below(dir.path()), text).unwrap();
        assert_eq!(State::load(dir.path(), "apt"), state);
        fs::write(place.below(dir.path()), "{").unwrap();
        assert!(State::load(dir.path(), "apt").places().is_empty());
    }

    #[test]
    fn two_runs_cannot_hold_the_lock() {
        let dir = tempfile::tempdir().unwrap();
        let first = Lock::take(dir.path()).unwrap();
        assert_eq!(Lock::take(dir.path()).err().map(|error| error.code), Some("repo.locked"));
        drop(first);
        assert!(Lock::take(dir.path()).is_ok());
    }
}
