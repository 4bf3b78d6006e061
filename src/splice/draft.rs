//! A written artifact that has no name yet.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    process,
    sync::atomic::{AtomicU64, Ordering},
    thread::JoinHandle,
};

use rustix::fs::{FlockOperation, flock};

use crate::payload::Error;

/// How the names of drafts begin and end.
const PREFIX: &str = ".pkggen-";
const SUFFIX: &str = ".tmp";

/// A written artifact under a temporary name in its folder. It gets its name with
/// [`publish`](Self::publish); dropped before that, it disappears.
pub struct Draft {
    file: File,
    path: PathBuf,
    published: bool,
    flushing: Option<JoinHandle<io::Result<()>>>,
}

impl Draft {
    /// An empty one. The file is locked for as long as this process lives, which is how others
    /// know that it is not left over.
    pub(super) fn create(dir: &Path) -> Result<Self, Error> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        loop {
            let count = COUNT.fetch_add(1, Ordering::Relaxed);
            let path = dir.join(format!("{PREFIX}{}-{count}{SUFFIX}", process::id()));
            let created = OpenOptions::new().read(true).write(true).create_new(true).open(&path);
            let file = match created {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                other => other.map_err(Error::write(&path))?,
            };
            let draft = Self { file, path, published: false, flushing: None };
            let locked = flock(&draft.file, FlockOperation::NonBlockingLockExclusive);
            let links = draft.file.metadata().map_err(Error::write(&draft.path))?.nlink();
            // Someone may have taken it for left over between its creation and the lock.
            let lost = links == 0 || locked == Err(rustix::io::Errno::WOULDBLOCK);
            if !lost {
                return Ok(draft);
            }
        }
    }

    /// An empty one, in a folder that others may have left drafts in.
    pub(crate) fn in_dir(dir: &Path) -> Result<Self, Error> {
        sweep(dir);
        Self::create(dir)
    }

    /// One with these bytes, for everybody to run.
    pub(crate) fn of(dir: &Path, bytes: &[u8]) -> Result<Self, Error> {
        let mut draft = Self::in_dir(dir)?;
        let failed = || Error::write(&draft.path);
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        let written = draft.file.write_all(bytes);
        written.and_then(|()| draft.file.set_permissions(mode)).map_err(failed())?;
        Ok(draft)
    }

    /// Starts to bring the content to the disk, while it is being read back.
    pub(super) fn flush(&self) -> Result<JoinHandle<io::Result<()>>, Error> {
        let file = self.file.try_clone().map_err(Error::write(&self.path))?;
        Ok(std::thread::spawn(move || file.sync_all()))
    }

    /// Remembers that it is being brought to the disk.
    pub(super) fn flushes(&mut self, flushing: JoinHandle<io::Result<()>>) {
        self.flushing = Some(flushing);
    }

    /// The content, readable; positioned anywhere.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// The temporary name.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Gives it its name, in place of what had that name before. Once this returns the artifact
    /// survives a power cut.
    pub fn publish(mut self, to: &Path) -> Result<(), Error> {
        let flushed = match self.flushing.take().map(JoinHandle::join) {
            Some(Ok(result)) => result,
            Some(Err(_)) | None => self.file.sync_all(),
        };
        flushed.map_err(Error::write(to))?;
        fs::rename(&self.path, to).map_err(Error::write(to))?;
        self.published = true;
        let dir = to.parent().filter(|dir| !dir.as_os_str().is_empty());
        let dir = dir.unwrap_or(Path::new("."));
        File::open(dir).and_then(|dir| dir.sync_all()).map_err(Error::write(to))
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.published {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Removes the drafts of this run, which is about to end in the middle of its work.
pub fn abandon(dir: &Path) {
    let prefix = format!("{PREFIX}{}-", process::id());
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        if entry.file_name().to_str().is_some_and(|name| name.starts_with(&prefix)) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// Removes drafts of earlier runs that were killed: those nobody has locked.
pub(super) fn sweep(dir: &Path) {
    let Ok(entries) = fs::read_dir(dir) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let ours = name.to_str().is_some_and(|n| n.starts_with(PREFIX) && n.ends_with(SUFFIX));
        let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
        if let (true, true, Ok(file)) = (ours, is_file, File::open(entry.path()))
            && flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok()
        {
            let _ = fs::remove_file(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(dir: &Path) -> Vec<String> {
        let names = fs::read_dir(dir).unwrap().map(|e| e.unwrap().file_name().into_string());
        names.map(Result::unwrap).collect()
    }

    #[test]
    fn a_draft_that_is_dropped_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        drop(Draft::create(dir.path()).unwrap());
        assert!(names(dir.path()).is_empty());
    }

    #[test]
    fn a_published_draft_replaces_the_file_of_that_name() {
        let dir = tempfile::tempdir().unwrap();
        let to = dir.path().join("a.deb");
        fs::write(&to, "old").unwrap();
        let mut draft = Draft::create(dir.path()).unwrap();
        io::Write::write_all(&mut &draft.file, b"new").unwrap();
        let flushing = draft.flush().unwrap();
        draft.flushes(flushing);
        draft.publish(&to).unwrap();
        assert_eq!(names(dir.path()), ["a.deb"]);
        assert_eq!(fs::read(to).unwrap(), b"new");
    }

    #[test]
    fn drafts_of_dead_runs_are_swept_and_those_in_use_are_not() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(".pkggen-1-0.tmp"), "left over").unwrap();
        fs::write(dir.path().join("other.tmp"), "not ours").unwrap();
        let draft = Draft::create(dir.path()).unwrap();
        sweep(dir.path());
        let (mut left, mut want) = (
            names(dir.path()),
            vec![
                draft.path().file_name().unwrap().to_str().unwrap().to_owned(),
                "other.tmp".to_owned(),
            ],
        );
        left.sort();
        want.sort();
        assert_eq!(left, want);
    }
}
