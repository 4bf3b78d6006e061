//! Globs as cargo-deb reads them: `* ? [..] [!..] **`, no braces and no escapes; only files match.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use globset::{GlobBuilder, GlobMatcher};

/// Whether a path is a glob.
pub(super) fn is_glob(path: &str) -> bool {
    path.contains(['*', '[', ']', '!', '?'])
}

/// The files that match below a directory, sorted, each with what follows the glob's fixed part.
///
/// `docs/*.md` keeps the file's name; `docs/**/*.md` what is below `docs`; `*/x.md` only `x.md`.
pub(super) fn files(base: &Path, glob: &str) -> io::Result<Vec<(PathBuf, String)>> {
    let (fixed, matcher) = (fixed_part(glob), matcher(glob)?);
    let start = base.join(&fixed);
    let mut found = Vec::new();
    if start.is_dir() {
        walk(&start, &mut |path| {
            let below = path.strip_prefix(base).unwrap_or(path).to_string_lossy().into_owned();
            if matcher.is_match(&below) && path.is_file()
                || matcher.is_match(&below) && is_link(path)
            {
                let rest = rest(glob, &below);
                found.push((path.to_owned(), rest));
            }
        })?;
    }
    found.sort();
    Ok(found)
}

fn is_link(path: &Path) -> bool {
    path.is_symlink() && !path.is_dir()
}

fn matcher(glob: &str) -> io::Result<GlobMatcher> {
    let glob = glob.trim_start_matches("./").replace('{', "[{]").replace('}', "[}]");
    let glob = GlobBuilder::new(&glob).literal_separator(true).backslash_escape(false).build();
    glob.map(|glob| glob.compile_matcher()).map_err(io::Error::other)
}

fn fixed_part(glob: &str) -> String {
    let parts = glob.trim_start_matches("./").split('/');
    parts.take_while(|part| !is_glob(part)).collect::<Vec<_>>().join("/")
}

/// What of a match is kept below the destination; empty when that is the file's name alone.
fn rest(glob: &str, path: &str) -> String {
    let parts: Vec<_> = glob.trim_start_matches("./").split('/').collect();
    let (last, above) = parts.split_last().expect("split gives a part");
    let first_glob = above.iter().position(|part| is_glob(part));
    match (is_glob(last), first_glob) {
        (true, Some(at)) => path.split('/').skip(at).collect::<Vec<_>>().join("/"),
        _ => path.rsplit('/').next().unwrap_or(path).to_owned(),
    }
}

/// Calls `each` for everything in a directory and below; links to directories are not followed.
fn walk(dir: &Path, each: &mut dyn FnMut(&Path)) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        each(&entry.path());
        if entry.file_type()?.is_dir() {
            walk(&entry.path(), each)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(glob: &str) -> Vec<String> {
        let dir = tempfile::tempdir().unwrap();
        for path in ["docs/a.md", "docs/.hidden", "docs/sub/b.md", "x/a.md", "docs/sub/deep/c.txt"]
        {
            fs::create_dir_all(dir.path().join(path).parent().unwrap()).unwrap();
            fs::write(dir.path().join(path), path).unwrap();
        }
        files(dir.path(), glob).unwrap().into_iter().map(|(_, rest)| rest).collect()
    }

    #[test]
    fn a_star_takes_the_files_of_one_folder_hidden_ones_too() {
        assert_eq!(matches("docs/*"), [".hidden", "a.md"]);
        assert_eq!(matches("./docs/*.md"), ["a.md"]);
    }

    #[test]
    fn two_stars_keep_the_folders_below() {
        assert_eq!(matches("docs/**/*"), [".hidden", "a.md", "sub/b.md", "sub/deep/c.txt"]);
    }

    #[test]
    fn a_star_above_a_name_keeps_the_name_alone() {
        assert_eq!(matches("*/a.md"), ["a.md", "a.md"]);
    }

    #[test]
    fn braces_are_only_characters() {
        assert!(matches("docs/{a,b}*").is_empty());
    }
}
