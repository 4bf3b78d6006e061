//! What nobody has used for long leaves the cache.

use std::{
    fs::{self, Metadata},
    path::{Path, PathBuf},
    time::Duration,
};

/// How long a download, an unpacked archive or a part of a download waits to be used: 90 days.
const MOST: Duration = Duration::from_secs(90 * 24 * 60 * 60);

/// Folders that were being filled this long ago belong to nobody who is still at it: a day.
const ABANDONED: Duration = Duration::from_secs(24 * 60 * 60);

/// How the names of folders begin that are being filled.
pub(super) const NEW: &str = "new";

/// Notes that something was used now. Only pruning minds when this fails.
pub(super) fn used(mark: &Path) {
    let _ = fs::write(mark, "");
}

/// The mark of a download.
pub(super) fn mark_of(download: &Path) -> PathBuf {
    download.with_extension("used")
}

/// Removes downloads and unpacked archives that were not used for long, and what killed runs left
/// half done.
pub(super) fn prune(cache: &Path) {
    for path in entries(&cache.join("downloads")) {
        let is_part = name(&path).starts_with("part-");
        if path.extension().is_some_and(|end| end == "used") && is_older(&path, MOST) {
            for end in ["", "stamp", "used"] {
                let _ = fs::remove_file(path.with_extension(end));
            }
        } else if is_part && is_older(&path, MOST) {
            let _ = fs::remove_file(&path);
        }
    }
    for path in entries(&cache.join("unpacked")) {
        let is_new = name(&path).starts_with(NEW);
        let (mark, most) =
            if is_new { (path.clone(), ABANDONED) } else { (path.join("used"), MOST) };
        if is_older(&mark, most) {
            let _ = fs::remove_dir_all(&path);
        }
    }
}

fn entries(dir: &Path) -> impl Iterator<Item = PathBuf> {
    fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path())
}

fn name(path: &Path) -> &str {
    path.file_name().and_then(|name| name.to_str()).unwrap_or_default()
}

fn is_older(path: &Path, than: Duration) -> bool {
    let changed = path.metadata().and_then(|metadata: Metadata| metadata.modified()).ok();
    changed.and_then(|changed| changed.elapsed().ok()).is_some_and(|age| age > than)
}

#[cfg(test)]
mod tests {
    use std::{fs::File, time::SystemTime};

    use super::*;

    #[test]
    fn only_what_was_not_used_for_long_is_removed() {
        let cache = tempfile::tempdir().unwrap();
        let path = |name: &str| cache.path().join(name);
        let old = ["downloads/a.used", "downloads/part-1", "unpacked/a/used"];
        let young = ["downloads/b.used", "downloads/part-2", "unpacked/b/used"];
        let others = ["downloads/a", "downloads/a.stamp", "downloads/b", "unpacked/a/0"];
        for name in old.iter().chain(&young).chain(&others) {
            fs::create_dir_all(path(name).parent().unwrap()).unwrap();
            fs::write(path(name), "").unwrap();
        }
        fs::create_dir(path("unpacked/new-1-1")).unwrap();
        let long_ago = SystemTime::now() - MOST - MOST;
        for name in old.iter().chain(&["unpacked/new-1-1"]) {
            File::open(path(name)).unwrap().set_modified(long_ago).unwrap();
        }
        prune(cache.path());
        let left = |dir: &str| {
            let mut names: Vec<_> =
                entries(&path(dir)).map(|path| name(&path).to_owned()).collect();
            names.sort();
            names
        };
        assert_eq!(left("downloads"), ["b", "b.used", "part-2"]);
        assert_eq!(left("unpacked"), ["b"]);
    }
}
