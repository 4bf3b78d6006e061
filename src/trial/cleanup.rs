//! What must be gone when a trial is over, however it ends.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};

/// Processes to end and folders to remove. A clone is the same list, for a signal handler.
#[derive(Clone, Debug, Default)]
pub struct Cleanup(Arc<Mutex<Vec<Mess>>>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Mess {
    Process(Pid),
    Folder(PathBuf),
    /// Control groups below, too.
    Group(PathBuf),
}

impl Cleanup {
    /// Ends all processes and removes all folders, the newest first.
    pub fn now(&self) {
        loop {
            // not held while waiting: the owner may be forgetting what it cleaned up itself
            let Some(mess) = self.list().pop() else { return };
            match mess {
                Mess::Process(pid) => end(pid),
                Mess::Folder(path) => remove(&path),
                Mess::Group(path) => super::cgroup::remove(&path),
            }
        }
    }

    pub(super) fn process(&self, pid: Pid) {
        self.list().push(Mess::Process(pid));
    }

    pub(super) fn folder(&self, path: &Path) {
        self.list().push(Mess::Folder(path.to_owned()));
    }

    pub(super) fn group(&self, path: &Path) {
        self.list().push(Mess::Group(path.to_owned()));
    }

    /// A process that has been waited for.
    pub(super) fn forget(&self, pid: Pid) {
        self.list().retain(|mess| *mess != Mess::Process(pid));
    }

    /// A folder or group that is gone, or stays.
    pub(super) fn leave(&self, path: &Path) {
        self.list()
            .retain(|mess| !matches!(mess, Mess::Folder(one) | Mess::Group(one) if one == path));
    }

    fn list(&self) -> std::sync::MutexGuard<'_, Vec<Mess>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ends a process and waits until it does nothing any more.
pub(super) fn end(pid: Pid) {
    let _ = kill_process(pid, Signal::KILL);
    for _ in 0..500 {
        if !is_alive(pid) {
            return;
        }
        thread::sleep(Duration::from_millis(10));
    }
}

/// Whether it runs; a process that only waits to be waited for does not.
pub(super) fn is_alive(pid: Pid) -> bool {
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero()));
    let state = stat.ok().and_then(|text| text.rsplit_once(") ")?.1.chars().next());
    !matches!(state, None | Some('Z' | 'X'))
}

/// A process that is just ending may still be writing.
pub(super) fn remove(path: &Path) {
    for _ in 0..20 {
        if fs::remove_dir_all(path).is_ok() || !path.exists() {
            return;
        }
        thread::sleep(Duration::from_millis(50));
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn processes_end_and_folders_go_the_newest_first() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("run");
        fs::create_dir(&folder).unwrap();
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let cleanup = Cleanup::default();
        cleanup.folder(&folder);
        cleanup.process(Pid::from_child(&child));
        cleanup.clone().now();
        assert!(!folder.exists());
        assert!(!child.wait().unwrap().success());
    }

    #[test]
    fn what_was_forgotten_stays() {
        let dir = tempfile::tempdir().unwrap();
        let cleanup = Cleanup::default();
        cleanup.folder(dir.path());
        cleanup.leave(dir.path());
        cleanup.now();
        assert!(dir.path().exists());
    }
}
