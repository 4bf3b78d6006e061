//! The file system before and after: what came, went and changed.

use std::{
    collections::BTreeMap,
    fs, io,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::Path,
};

/// Every path of a system, without what [`IGNORED`] names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Snapshot(BTreeMap<String, Mark>);

/// What a change of an entry shows in.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Mark {
    /// Type and permission bits.
    mode: u32,
    /// Owner and group.
    ids: (u32, u32),
    /// Length in bytes and time of change in nanoseconds; of directories both are 0.
    content: (u64, i128),
    /// Where a link points.
    target: Option<String>,
}

/// Paths that a system changes by itself, and those of package managers; with all below them.
#[rustfmt::skip]
const IGNORED: &[&str] = &[
    // no files, or nobody's
    "dev", "proc", "run", "sys", "tmp", "var/tmp", "root",
    // the packages of the trial
    "srv/pkggen",
    // package managers
    "var/lib/apt", "var/lib/dnf", "var/lib/dpkg", "var/lib/rpm", "usr/lib/sysimage", "var/cache/apt", "var/cache/dnf",
    "var/cache/libdnf5", "var/cache/debconf", "var/log/apt", "var/log/dpkg.log", "var/log/alternatives.log",
    "var/log/dnf.log", "var/log/dnf.rpm.log", "var/log/dnf.librepo.log", "var/log/hawkey.log", "var/log/dnf5.log",
    // accounts stay by policy; the trial says which
    "etc/passwd", "etc/passwd-", "etc/group", "etc/group-", "etc/shadow", "etc/shadow-", "etc/gshadow", "etc/gshadow-",
    "etc/subuid", "etc/subuid-", "etc/subgid", "etc/subgid-", "etc/.pwd.lock",
    // made anew whenever packages come and go
    "etc/ld.so.cache", "var/cache/ldconfig", "var/cache/man", "usr/share/mime", "usr/share/applications/mimeinfo.cache",
    "usr/share/icons/hicolor/icon-theme.cache", "usr/share/info/dir", "usr/share/glib-2.0/schemas/gschemas.compiled",
    // the running system
    "var/log/journal", "var/log/wtmp", "var/log/btmp", "var/log/lastlog", "var/log/private", "var/cache/private",
    "var/lib/private", "var/lib/dbus", "etc/machine-id", "etc/resolv.conf", "etc/mtab", "etc/.updated", "var/.updated",
    "var/lib/systemd/catalog", "var/lib/systemd/coredump", "var/lib/systemd/credential.secret", "var/lib/systemd/linger",
    "var/lib/systemd/random-seed", "var/lib/systemd/timers", "var/lib/systemd/timesync", "var/lib/systemd/rfkill",
    "var/lib/systemd/backlight", "var/lib/systemd/pstore", "var/lib/systemd/ephemeral-trees",
];

/// What is different.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Changes {
    /// Absolute paths, sorted.
    pub(super) added: Vec<String>,
    pub(super) removed: Vec<String>,
    pub(super) changed: Vec<String>,
}

impl Snapshot {
    /// Looks at everything below `root`; nothing is followed.
    pub(super) fn take(root: &Path) -> io::Result<Self> {
        let mut all = BTreeMap::new();
        walk(root, "", &mut all)?;
        Ok(Self(all))
    }

    pub(super) fn has(&self, path: &str) -> bool {
        self.0.contains_key(path.trim_start_matches('/'))
    }

    pub(super) fn changes(&self, after: &Self) -> Changes {
        let absolute = |path: &String| format!("/{path}");
        let without = |one: &Self, other: &Self| {
            let paths = one.0.keys().filter(|path| !other.0.contains_key(*path));
            paths.map(absolute).collect()
        };
        let differs = |path: &&String| after.0.get(*path).is_some_and(|now| now != &self.0[*path]);
        Changes {
            added: without(after, self),
            removed: without(self, after),
            changed: self.0.keys().filter(differs).map(absolute).collect(),
        }
    }

    /// A system with these files and nothing else.
    #[cfg(test)]
    pub(super) fn of(paths: &[&str]) -> Self {
        let mark = || Mark { mode: 0o100_644, ids: (0, 0), content: (0, 0), target: None };
        Self(paths.iter().map(|path| (path.trim_start_matches('/').to_owned(), mark())).collect())
    }
}

fn walk(root: &Path, below: &str, all: &mut BTreeMap<String, Mark>) -> io::Result<()> {
    let items = match fs::read_dir(root.join(below)) {
        // gone since it was listed
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        items => items?,
    };
    for item in items {
        let item = item?;
        let name = item.file_name();
        let name = name.to_string_lossy();
        let path = if below.is_empty() { name.into_owned() } else { format!("{below}/{name}") };
        if IGNORED.contains(&path.as_str()) || path.ends_with("/__pycache__") {
            continue;
        }
        let found = match item.metadata() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            found => found?,
        };
        if found.is_dir() {
            walk(root, &path, all)?;
        }
        all.insert(path, mark(&item.path(), &found));
    }
    Ok(())
}

fn mark(path: &Path, found: &fs::Metadata) -> Mark {
    let time = i128::from(found.mtime()) * 1_000_000_000 + i128::from(found.mtime_nsec());
    Mark {
        mode: found.permissions().mode(),
        ids: (found.uid(), found.gid()),
        // a directory changes whenever something in it comes and goes
        content: if found.is_dir() { (0, 0) } else { (found.len(), time) },
        target: fs::read_link(path).ok().map(|target| target.to_string_lossy().into_owned()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn what_comes_goes_and_changes_is_found() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        for folder in ["etc", "usr/bin", "var/lib/dpkg"] {
            fs::create_dir_all(root.join(folder)).unwrap();
        }
        for file in ["etc/a", "etc/b", "usr/bin/c"] {
            fs::write(root.join(file), "1").unwrap();
        }
        symlink("a", root.join("etc/link")).unwrap();
        let before = Snapshot::take(root).unwrap();
        fs::write(root.join("etc/a"), "12").unwrap();
        fs::remove_file(root.join("etc/b")).unwrap();
        fs::create_dir(root.join("etc/d")).unwrap();
        fs::write(root.join("var/lib/dpkg/status"), "").unwrap();
        fs::remove_file(root.join("etc/link")).unwrap();
        symlink("b", root.join("etc/link")).unwrap();
        let changes = before.changes(&Snapshot::take(root).unwrap());
        assert_eq!(changes.added, ["/etc/d"]);
        assert_eq!(changes.removed, ["/etc/b"]);
        assert_eq!(changes.changed, ["/etc/a", "/etc/link"]);
    }

    #[test]
    fn mode_and_owner_are_looked_at_and_times_of_directories_are_not() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("etc/d")).unwrap();
        let before = Snapshot::take(dir.path()).unwrap();
        fs::write(dir.path().join("etc/d/x"), "").unwrap();
        fs::remove_file(dir.path().join("etc/d/x")).unwrap();
        assert_eq!(before.changes(&Snapshot::take(dir.path()).unwrap()), Changes::default());
        fs::set_permissions(dir.path().join("etc/d"), fs::Permissions::from_mode(0o700)).unwrap();
        assert_eq!(before.changes(&Snapshot::take(dir.path()).unwrap()).changed, ["/etc/d"]);
    }

    #[test]
    fn a_link_out_of_the_system_is_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        symlink("/", dir.path().join("out")).unwrap();
        let snapshot = Snapshot::take(dir.path()).unwrap();
        assert_eq!(snapshot.0.keys().collect::<Vec<_>>(), ["out"]);
    }
}
