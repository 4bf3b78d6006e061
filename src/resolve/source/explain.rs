//! Why a source is not there, and what may have been meant.

use std::{
    fs, io,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
};

use super::Problem;
use crate::diagnostic::similar;

/// The most names that a hint lists.
const MAX_NAMES: usize = 3;

/// A source that cannot be looked at.
pub(super) fn missing(root: &Path, source: &str, error: &io::Error) -> Problem {
    let path = root.join(source);
    if error.kind() == io::ErrorKind::PermissionDenied {
        return refused(source, &path);
    }
    if path.symlink_metadata().is_ok_and(|metadata| metadata.is_symlink()) {
        let target = fs::read_link(&path).unwrap_or_default();
        let message =
            format!("payload `{source}` is a link to `{}`, which does not exist", target.display());
        return Problem::new("source.missing", message);
    }
    if error.kind() == io::ErrorKind::NotFound || error.kind() == io::ErrorKind::NotADirectory {
        let mut problem =
            Problem::new("source.missing", format!("payload `{source}` does not exist"));
        problem.label = Some(looked_in(root));
        problem.hint = near(root, source);
        return problem;
    }
    let message = format!("payload `{source}` cannot be looked at: {error}");
    Problem::new("source.unreadable", message)
}

/// A glob that nothing matches.
pub(super) fn no_match(root: &Path, source: &str, base: &Path) -> Problem {
    let mut problem = Problem::new("source.missing", format!("nothing matches `{source}`"));
    problem.label = Some(looked_in(root));
    let names = names_in(base);
    problem.hint = (1..=MAX_NAMES).contains(&names.len()).then(|| {
        let dir = base.strip_prefix(root).unwrap_or(base);
        has(&dir.to_string_lossy(), &names)
    });
    problem
}

/// A file or directory that is there, but may not be read.
pub(super) fn unreadable(shown: &str, path: &Path, error: &io::Error) -> Problem {
    if error.kind() != io::ErrorKind::PermissionDenied {
        let message = format!("payload `{shown}` cannot be read: {error}");
        return Problem::new("source.unreadable", message);
    }
    if refusing_dir(path).is_some() {
        return refused(shown, path);
    }
    let mut problem =
        Problem::new("source.unreadable", format!("payload `{shown}` may not be read"));
    problem.hint = rights(path);
    problem
}

/// A folder that may not be entered is not "missing": names the one that refuses.
fn refused(source: &str, path: &Path) -> Problem {
    let dir = refusing_dir(path);
    let message = match &dir {
        Some(dir) => {
            format!("payload `{source}` cannot be reached: `{}` may not be entered", dir.display())
        }
        None => format!("payload `{source}` may not be read"),
    };
    let mut problem = Problem::new("source.refused", message);
    problem.hint = dir.as_deref().and_then(rights);
    problem
}

/// The outermost directory above a path that may not be entered.
pub(super) fn refusing_dir(path: &Path) -> Option<PathBuf> {
    first_refusing(path, may_enter)
}

/// The same, by any rule.
fn first_refusing(path: &Path, may_enter: impl Fn(&Path) -> bool) -> Option<PathBuf> {
    let mut dirs: Vec<_> =
        path.ancestors().skip(1).filter(|dir| !dir.as_os_str().is_empty()).collect();
    dirs.reverse();
    dirs.into_iter().find(|dir| !may_enter(dir)).map(Path::to_owned)
}

/// Directories that cannot even be looked at count as entered: one above them refuses.
fn may_enter(dir: &Path) -> bool {
    rustix::fs::access(dir, rustix::fs::Access::EXEC_OK).is_ok_and(|()| true) || !dir.is_dir()
}

/// The whole path: nobody needs to guess where `.` is.
fn looked_in(root: &Path) -> String {
    let root = std::path::absolute(root).unwrap_or_else(|_| root.to_owned());
    let plain: PathBuf = root.components().collect();
    format!("looked in {}", plain.display())
}

fn rights(path: &Path) -> Option<String> {
    let metadata = path.metadata().ok()?;
    let (mode, owner) = (metadata.permissions().mode() & 0o7777, metadata.uid());
    Some(format!("`{}` has mode {mode:04o} and belongs to user {owner}", path.display()))
}

/// `models/ has qwen2.5-3b.gguf`: what is where the source should be.
fn near(root: &Path, source: &str) -> Option<String> {
    let parts: Vec<_> = source.split('/').collect();
    // The outermost part that does not exist, and the directory that should have it.
    let there = (0..parts.len()).rev().find(|at| root.join(parts[..*at].join("/")).is_dir())?;
    let wanted = parts.get(there)?;
    let dir = parts[..there].join("/");
    let names = names_in(&root.join(&dir));
    let lower: Vec<_> = names.iter().map(|name| name.to_lowercase()).collect();
    let near = similar(wanted, lower.iter().map(String::as_str));
    if let Some(at) = near.and_then(|near| lower.iter().position(|name| name == near)) {
        return Some(has(&dir, &names[at..=at]));
    }
    let extension = Path::new(wanted).extension()?;
    let alike: Vec<_> = names
        .into_iter()
        .filter(|name| Path::new(name).extension() == Some(extension))
        .take(MAX_NAMES + 1)
        .collect();
    (1..=MAX_NAMES).contains(&alike.len()).then(|| has(&dir, &alike))
}

fn has(dir: &str, names: &[String]) -> String {
    let dir = if dir.is_empty() { "the directory" } else { &format!("{dir}/") };
    format!("{dir} has {}", names.join(", "))
}

fn names_in(dir: &Path) -> Vec<String> {
    let listing = fs::read_dir(dir).into_iter().flatten().filter_map(Result::ok);
    let mut names: Vec<_> =
        listing.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hint(files: &[&str], source: &str) -> Option<String> {
        let dir = tempfile::tempdir().unwrap();
        for file in files {
            let path = dir.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        near(dir.path(), source)
    }

    #[test]
    fn a_missing_file_names_what_is_there_instead() {
        let files = ["models/qwen2.5-3b.gguf", "models/readme.md"];
        assert_eq!(hint(&files, "models/qwen-3b.gguf").unwrap(), "models/ has qwen2.5-3b.gguf");
        assert_eq!(hint(&files, "models/llama.gguf").unwrap(), "models/ has qwen2.5-3b.gguf");
        assert_eq!(hint(&files, "model/x.gguf").unwrap(), "the directory has models");
        assert_eq!(hint(&files, "nothing/like/it"), None);
    }

    #[test]
    fn the_outermost_directory_that_refuses_is_named() {
        let refuses = |dir: &Path| !dir.ends_with("private") && !dir.ends_with("inner");
        let found = first_refusing(Path::new("/srv/private/inner/file"), refuses);
        assert_eq!(found.as_deref(), Some(Path::new("/srv/private")));
        assert_eq!(first_refusing(Path::new("/srv/file"), refuses), None);
    }
}
