//! Control groups of a container on a host without systemd, where nobody else makes one: those of
//! two containers would be the same, and stay behind.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::cleanup::Cleanup;

/// How the groups of trials begin.
const PREFIX: &str = "pkggen-test-";

/// Groups of one container, one in each hierarchy that systemd uses; gone when dropped.
#[derive(Debug)]
pub(super) struct Groups {
    paths: Vec<PathBuf>,
    cleanup: Cleanup,
}

impl Groups {
    /// None where the host's systemd gives the container a group of its own.
    pub(super) fn make(name: &str, cleanup: &Cleanup) -> Self {
        let cleanup = cleanup.clone();
        if Path::new("/run/systemd/system").exists() {
            return Self { paths: Vec::new(), cleanup };
        }
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
        let own = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
        let parents = hierarchies(&mounts, &own);
        for parent in &parents {
            sweep(parent);
        }
        let groups = parents.iter().map(|parent| parent.join(format!("{PREFIX}{name}")));
        let paths: Vec<_> = groups.filter(|group| fs::create_dir(group).is_ok()).collect();
        for path in &paths {
            cleanup.group(path);
        }
        Self { paths, cleanup }
    }

    /// A script of sh that moves itself in before it becomes its arguments behind `--`.
    pub(super) fn enter(&self) -> Vec<String> {
        let script = "while [ \"$1\" != -- ]; do echo $$ >\"$1/cgroup.procs\"; shift; done; shift; exec \"$@\"";
        let groups = self.paths.iter().map(|group| group.to_string_lossy().into_owned());
        let words = ["sh", "-c", script, "sh"].map(str::to_owned);
        words.into_iter().chain(groups).chain(["--".to_owned()]).collect()
    }
}

impl Drop for Groups {
    fn drop(&mut self) {
        for group in &self.paths {
            remove(group);
            self.cleanup.leave(group);
        }
    }
}

/// Removes a group and those in it; the last process may still be on its way out.
pub(super) fn remove(group: &Path) {
    for _ in 0..100 {
        remove_empty(group);
        if !group.exists() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
}

/// Empty groups can be removed, from the innermost; others stay.
fn remove_empty(group: &Path) {
    for item in fs::read_dir(group).into_iter().flatten().flatten() {
        if item.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove_empty(&item.path());
        }
    }
    let _ = fs::remove_dir(group);
}

/// Removes what trials left that were killed.
fn sweep(parent: &Path) {
    for item in fs::read_dir(parent).into_iter().flatten().flatten() {
        let name = item.file_name().to_string_lossy().into_owned();
        let owner = name.strip_prefix(PREFIX).and_then(|rest| rest.split('-').next());
        if owner.is_some_and(|pid| !Path::new("/proc").join(pid).exists()) {
            remove_empty(&item.path());
        }
    }
}

/// This process's group in the hierarchies of systemd: version 2, and that named `systemd`.
fn hierarchies(mounts: &str, own: &str) -> Vec<PathBuf> {
    let group = |key: &str| {
        let mut lines = own.lines().filter_map(|line| line.split_once(':')?.1.split_once(':'));
        lines
            .find(|(name, _)| *name == key)
            .map(|(_, path)| path.trim_start_matches('/').to_owned())
    };
    let found = mounts.lines().filter_map(|line| {
        let (head, tail) = line.split_once(" - ")?;
        let top = Path::new(head.split(' ').nth(4)?);
        let key = match tail.split(' ').next()? {
            "cgroup2" => "",
            "cgroup" if tail.contains("name=systemd") => "name=systemd",
            _ => return None,
        };
        Some(top.join(group(key)?))
    });
    found.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hierarchies_of_systemd_are_found() {
        let mounts = "31 24 0:27 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n\
                      40 24 0:36 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd\n\
                      41 24 0:37 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";
        let own = "9:name=systemd:/\n1:cpu:/x\n0::/a/b\n";
        let found = hierarchies(mounts, own);
        let want = ["/sys/fs/cgroup/systemd/", "/sys/fs/cgroup/unified/a/b"].map(PathBuf::from);
        assert_eq!(found, want);
    }

    #[test]
    fn a_program_enters_its_groups_before_it_starts() {
        let dir = tempfile::tempdir().unwrap();
        let (group, cleanup) = (dir.path().join("x"), Cleanup::default());
        fs::create_dir(&group).unwrap();
        let groups = Groups { paths: vec![group.clone()], cleanup };
        assert_eq!(groups.enter()[3..], ["sh", group.to_str().unwrap(), "--"]);
        drop(groups);
        assert!(!group.exists());
    }
}
