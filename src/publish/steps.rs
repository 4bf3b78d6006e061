//! What publishing does, described before anything is done, then done in order.
//!
//! Every step leaves a whole file or none: it is written under another name, brought to the disk and
//! renamed. Between any two steps the repository is one that clients accept, the old one or the new.

use std::{
    fs::{self, File, FileTimes},
    io::{self, Write as _},
    path::{Path, PathBuf},
    time::SystemTime,
};

use super::{failed, place::Place};
use crate::{
    diagnostic::Diagnostic,
    digest::{Hashes, Lanes, Sha256Digest, Want},
    splice::Draft,
};

/// One step.
enum Step {
    /// A package is copied into the repository.
    Copy(Copy),
    /// A file gets this content.
    Write { to: Place, bytes: Vec<u8> },
    /// A file that nothing names any more goes.
    Remove(Place),
    /// A folder gets a twin, in which some files are other ones.
    Twin { folder: Place, files: Vec<(&'static str, Option<Vec<u8>>)> },
    /// A folder and its twin change places.
    Exchange { folder: Place, names: Vec<&'static str> },
    /// The twin, which is now the old folder, goes.
    Discard,
}

/// Where a twin is made: nobody serves it.
const TWIN: &str = ".pkggen/twin";

/// A package to be copied, and what it was when it was read.
#[derive(Clone, Debug)]
pub(super) struct Copy {
    /// Where it is.
    pub(super) from: PathBuf,
    /// Where it goes.
    pub(super) to: Place,
    /// Its digest.
    pub(super) sha256: Sha256Digest,
    /// When it was changed last; the copy says the same, so that the file is known again.
    pub(super) modified: SystemTime,
}

/// Steps in order.
#[derive(Default)]
pub(super) struct Steps(Vec<Step>);

impl Steps {
    /// Copies a package.
    pub(super) fn copy(&mut self, copy: Copy) {
        self.0.push(Step::Copy(copy));
    }

    /// Writes a file, unless it has this content already.
    pub(super) fn write(&mut self, dir: &Path, to: Place, bytes: impl Into<Vec<u8>>) {
        let bytes = bytes.into();
        if fs::read(to.below(dir)).ok().as_ref() != Some(&bytes) {
            self.0.push(Step::Write { to, bytes });
        }
    }

    /// Replaces files of a folder in one moment; without content a file goes. Where the file system
    /// cannot do that, they are replaced one after the other.
    pub(super) fn exchange(&mut self, folder: Place, files: Vec<(&'static str, Option<Vec<u8>>)>) {
        let names = files.iter().map(|(name, _)| *name).collect();
        self.0.push(Step::Twin { folder: folder.clone(), files });
        self.0.push(Step::Exchange { folder, names });
        self.0.push(Step::Discard);
    }

    /// Removes a file, if it is there.
    pub(super) fn remove(&mut self, dir: &Path, path: Place) {
        if path.below(dir).symlink_metadata().is_ok() {
            self.0.push(Step::Remove(path));
        }
    }

    /// More steps after these.
    pub(super) fn append(&mut self, mut more: Self) {
        self.0.append(&mut more.0);
    }

    /// Nothing is to be done.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Carries them out. `stop` ends the run as if it were killed before the step of that number:
    /// nothing is tidied up.
    pub(super) fn carry_out(self, dir: &Path, stop: &mut Option<usize>) -> Result<(), Diagnostic> {
        for step in self.0 {
            match stop {
                Some(0) => {
                    let text = "publishing was stopped between two steps";
                    return Err(Diagnostic::failed("repo.stopped", text));
                }
                Some(more) => *more -= 1,
                None => {}
            }
            match step {
                Step::Copy(copy) => copy_in(dir, &copy)?,
                Step::Write { to, bytes } => write(&to.below(dir), &bytes)?,
                Step::Remove(path) => remove(dir, &path)?,
                Step::Twin { folder, files } => twin(dir, &folder, &files)?,
                Step::Exchange { folder, names } => exchange(dir, &folder, &names)?,
                Step::Discard => discard(&dir.join(TWIN))?,
            }
        }
        Ok(())
    }
}

/// Gives a file its content in one rename.
fn write(to: &Path, bytes: &[u8]) -> Result<(), Diagnostic> {
    let draft = draft(to)?;
    draft.file().write_all(bytes).map_err(|error| unwritable(to, &error))?;
    Ok(draft.publish(to)?)
}

fn copy_in(dir: &Path, copy: &Copy) -> Result<(), Diagnostic> {
    let to = copy.to.below(dir);
    let draft = draft(&to)?;
    let unreadable = |error: &io::Error| failed("repo.unreadable", &copy.from, error);
    let mut from = File::open(&copy.from).map_err(|error| unreadable(&error))?;
    let mut lanes = Lanes::new(Want::Sha256);
    let mut buffer = vec![0; 1 << 20];
    loop {
        let count = io::Read::read(&mut from, &mut buffer).map_err(|error| unreadable(&error))?;
        if count == 0 {
            break;
        }
        lanes.update(&buffer[..count]);
        draft.file().write_all(&buffer[..count]).map_err(|error| unwritable(&to, &error))?;
    }
    let Hashes { sha256, .. } = lanes.finish();
    if sha256 != copy.sha256 {
        let text = format!("`{}` changed while it was being published", copy.from.display());
        return Err(Diagnostic::failed("payload.changed", text));
    }
    let times = FileTimes::new().set_modified(copy.modified);
    draft.file().set_times(times).map_err(|error| unwritable(&to, &error))?;
    Ok(draft.publish(&to)?)
}

/// Copies a folder of files, without a second copy of their content where that is possible.
fn twin(
    dir: &Path,
    folder: &Place,
    files: &[(&'static str, Option<Vec<u8>>)],
) -> Result<(), Diagnostic> {
    let (from, to) = (folder.below(dir), dir.join(TWIN));
    discard(&to)?;
    for path in [&from, &to] {
        fs::create_dir_all(path).map_err(|error| unwritable(path, &error))?;
    }
    let entries = fs::read_dir(&from).map_err(|error| unwritable(&from, &error))?;
    for entry in entries {
        let name = entry.map_err(|error| unwritable(&from, &error))?.file_name();
        if files.iter().all(|(replaced, _)| name != *replaced) {
            let (old, new) = (from.join(&name), to.join(&name));
            fs::hard_link(&old, &new)
                .or_else(|_| fs::copy(&old, &new).map(|_| ()))
                .map_err(|error| unwritable(&new, &error))?;
        }
    }
    for (name, bytes) in files {
        if let Some(bytes) = bytes {
            write(&to.join(name), bytes)?;
        }
    }
    sync(&to)
}

/// Both folders change their names in one system call.
fn exchange(dir: &Path, folder: &Place, names: &[&'static str]) -> Result<(), Diagnostic> {
    let (there, twin) = (folder.below(dir), dir.join(TWIN));
    let flags = rustix::fs::RenameFlags::EXCHANGE;
    let cwd = rustix::fs::CWD;
    if rustix::fs::renameat_with(cwd, &twin, cwd, &there, flags).is_err() {
        // Not every file system can: what is left is one rename after the other, the last one last.
        for name in names {
            let (from, to) = (twin.join(name), there.join(name));
            let moved = match fs::rename(&from, &to) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => fs::remove_file(&to),
                moved => moved,
            };
            match moved {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(unwritable(&to, &error));
                }
                _ => {}
            }
        }
    }
    sync(there.parent().unwrap_or(dir))
}

fn discard(path: &Path) -> Result<(), Diagnostic> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(unwritable(path, &error)),
        _ => Ok(()),
    }
}

/// Brings the names in a folder to the disk.
fn sync(folder: &Path) -> Result<(), Diagnostic> {
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(|error| unwritable(folder, &error))
}

/// A file without a name beside the one it will be.
fn draft(to: &Path) -> Result<Draft, Diagnostic> {
    let dir = to.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(dir).map_err(|error| unwritable(dir, &error))?;
    let draft = Draft::in_dir(dir)?;
    // Drafts are private; what is published is for everybody.
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    draft.file().set_permissions(mode).map_err(|error| unwritable(to, &error))?;
    Ok(draft)
}

/// Removes a file, and the folders that are empty without it.
fn remove(dir: &Path, path: &Place) -> Result<(), Diagnostic> {
    let file = path.below(dir);
    match fs::remove_file(&file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(unwritable(&file, &error));
        }
        _ => {}
    }
    for folder in file.ancestors().skip(1).take_while(|folder| *folder != dir) {
        if fs::remove_dir(folder).is_err() {
            break;
        }
    }
    Ok(())
}

fn unwritable(path: &Path, error: &io::Error) -> Diagnostic {
    let text = format!("cannot write `{}`", path.display());
    Diagnostic::failed("write.failed", text).caused_by(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(text: &str) -> Place {
        Place::parse(text).unwrap()
    }

    #[test]
    fn a_stop_leaves_the_steps_before_it_done_and_the_others_undone() {
        let dir = tempfile::tempdir().unwrap();
        let mut steps = Steps::default();
        steps.write(dir.path(), place("a/b"), "1");
        steps.write(dir.path(), place("c"), "2");
        let stopped = steps.carry_out(dir.path(), &mut Some(1)).unwrap_err();
        assert_eq!(stopped.code, "repo.stopped");
        assert_eq!(fs::read(dir.path().join("a/b")).unwrap(), b"1");
        assert!(!dir.path().join("c").exists());
    }

    #[test]
    fn a_file_that_is_right_already_is_no_step() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("a"), "1").unwrap();
        let mut steps = Steps::default();
        steps.write(dir.path(), place("a"), "1");
        steps.remove(dir.path(), place("not-there"));
        assert!(steps.is_empty());
    }

    #[test]
    fn folders_that_become_empty_go_with_their_last_file() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("pool/a/b")).unwrap();
        fs::write(dir.path().join("pool/a/b/c"), "").unwrap();
        let mut steps = Steps::default();
        steps.remove(dir.path(), place("pool/a/b/c"));
        steps.carry_out(dir.path(), &mut None).unwrap();
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn two_files_are_replaced_in_one_moment() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("r")).unwrap();
        for name in ["a", "a.asc", "other"] {
            fs::write(dir.path().join("r").join(name), "old").unwrap();
        }
        let read = |name: &str| fs::read_to_string(dir.path().join("r").join(name)).ok();
        for stop in 0..4 {
            let mut steps = Steps::default();
            steps.exchange(
                place("r"),
                vec![("a.asc", Some("new".into())), ("a", Some("new".into()))],
            );
            let whole = steps.carry_out(dir.path(), &mut Some(stop)).is_ok();
            assert_eq!(read("a"), read("a.asc"), "stopped before step {stop}");
            assert_eq!(read("a").unwrap() == "new", stop > 1);
            assert_eq!(read("other").unwrap(), "old");
            assert_eq!(whole, stop == 3);
        }
        assert!(!dir.path().join(TWIN).exists());
        let mut steps = Steps::default();
        steps.exchange(place("r"), vec![("a.asc", None), ("a", Some("newer".into()))]);
        steps.carry_out(dir.path(), &mut None).unwrap();
        assert_eq!((read("a").unwrap().as_str(), read("a.asc")), ("newer", None));
    }

    #[test]
    fn a_package_that_changed_since_it_was_read_is_not_published() {
        let dir = tempfile::tempdir().unwrap();
        let from = dir.path().join("x");
        fs::write(&from, "new").unwrap();
        let mut steps = Steps::default();
        let sha256 = crate::digest::sha256(b"old");
        let modified = SystemTime::UNIX_EPOCH;
        steps.copy(Copy { from, to: place("pool/x"), sha256, modified });
        let error = steps.carry_out(dir.path(), &mut None).unwrap_err();
        assert_eq!(error.code, "payload.changed");
        assert!(!dir.path().join("pool/x").exists());
    }
}
