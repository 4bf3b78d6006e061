//! The version of a Git tag. Tags of the commit that is checked out are read from the repository's
//! files; only what is not there (packed tag objects, the nearest tag) is asked of `git`.
//!
//! Format: gitrepository-layout(5), git-pack-refs(1), "Git Objects" in Pro Git.

use std::{
    collections::BTreeMap,
    fs,
    io::Read,
    path::{Path, PathBuf},
    process::Command,
};

use flate2::read::ZlibDecoder;

use crate::{diagnostic::Diagnostic, package::Version};

/// The most that is read of a tag object, in bytes: its first line is what counts.
const MAX_TAG: u64 = 4096;
/// How many tags may point to tags.
const MAX_TAGS_OF_TAGS: usize = 8;

/// A version and whether it is exactly that of the commit.
#[derive(Debug)]
pub(super) struct Tagged {
    pub(super) version: Version,
    pub(super) warning: Option<Diagnostic>,
}

pub(super) fn version(dir: &Path) -> Result<Tagged, Diagnostic> {
    let dir = dir.canonicalize().unwrap_or_else(|_| dir.to_owned());
    let Some(repository) = Repository::find(&dir) else {
        let message = "the version comes from a Git tag, and this is no Git repository";
        let hint = "write it out, or take it from a file: version = { from = \"file:VERSION\" }";
        return Err(Diagnostic::usage("version.missing", message).hint(hint));
    };
    if let Some(version) = repository.at_head() {
        return Ok(Tagged { version, warning: None });
    }
    let asked = git(&dir, &["tag", "--points-at", "HEAD"]);
    if let Some(version) = asked.as_deref().and_then(|text| highest(text.lines())) {
        return Ok(Tagged { version, warning: None });
    }
    let nearest = git(&dir, &["describe", "--tags", "--abbrev=0"]);
    if let Some(version) = nearest.as_deref().and_then(|text| highest(text.lines())) {
        let message = format!("the commit has no tag of its own: `{version}` is the nearest");
        let warning = Diagnostic::usage("version.nearest", message);
        return Ok(Tagged { version, warning: Some(warning) });
    }
    let message = "the version comes from a Git tag, and no tag of this commit is a version";
    let hint = "git tag v1.2.0, or `--set package.version=1.2.0` for this build";
    Err(Diagnostic::usage("version.missing", message).hint(hint))
}

/// Asks git, if there is one.
fn git(dir: &Path, arguments: &[&str]) -> Option<String> {
    let done = Command::new("git").arg("-C").arg(dir).args(arguments).output().ok()?;
    done.status.success().then(|| String::from_utf8_lossy(&done.stdout).into_owned())
}

/// The highest of the tags that are versions.
fn highest<'a>(tags: impl Iterator<Item = &'a str>) -> Option<Version> {
    tags.filter_map(tag_version).max()
}

/// `v1.2.0`, `1.2.0`, `name-1.2.0`, `name-v1.2.0`, `name@1.2.0`, `release/1.2.0`.
fn tag_version(tag: &str) -> Option<Version> {
    let starts = tag.match_indices(['-', '@', '/', '_']).map(|(at, _)| at + 1);
    [0].into_iter().chain(starts).find_map(|at| {
        let text = &tag[at..];
        Version::parse(text.strip_prefix(['v', 'V']).unwrap_or(text)).ok()
    })
}

struct Repository {
    /// `HEAD` is here.
    dir: PathBuf,
    /// Objects and tags are here; another directory in a linked work tree.
    common: PathBuf,
}

impl Repository {
    fn find(dir: &Path) -> Option<Self> {
        let dot_git = dir.ancestors().map(|dir| dir.join(".git")).find(|path| path.exists())?;
        let dir = match fs::read_to_string(&dot_git) {
            Ok(text) => {
                let target = text.trim().strip_prefix("gitdir:")?.trim();
                dot_git.parent()?.join(target)
            }
            Err(_) => dot_git,
        };
        let common = match fs::read_to_string(dir.join("commondir")) {
            Ok(text) => dir.join(text.trim()),
            Err(_) => dir.clone(),
        };
        Some(Self { dir, common })
    }

    /// The highest version among the tags of the commit that is checked out.
    fn at_head(&self) -> Option<Version> {
        let head = self.head()?;
        let packed = self.packed();
        let mut tags = packed.tags;
        Self::loose_tags(&self.common.join("refs/tags"), "", &mut tags);
        let here = |object: &str| {
            let peeled = || packed.peeled.get(object).cloned().or_else(|| self.peel(object));
            object == head || peeled().is_some_and(|commit| commit == head)
        };
        highest(tags.iter().filter(|(_, object)| here(object)).map(|(name, _)| name.as_str()))
    }

    fn head(&self) -> Option<String> {
        let text = fs::read_to_string(self.dir.join("HEAD")).ok()?;
        let Some(name) = text.trim().strip_prefix("ref:").map(str::trim) else {
            return Some(text.trim().to_owned());
        };
        let loose = fs::read_to_string(self.common.join(name)).ok();
        loose.map(|text| text.trim().to_owned()).or_else(|| self.packed().heads.remove(name))
    }

    fn packed(&self) -> Packed {
        let text = fs::read_to_string(self.common.join("packed-refs")).unwrap_or_default();
        let mut packed = Packed::default();
        let mut last = String::new();
        for line in text.lines() {
            if let Some(commit) = line.strip_prefix('^') {
                packed.peeled.insert(last.clone(), commit.to_owned());
            } else if let Some((object, name)) = line.split_once(' ') {
                object.clone_into(&mut last);
                match name.strip_prefix("refs/tags/") {
                    Some(tag) => packed.tags.insert(tag.to_owned(), object.to_owned()),
                    None => packed.heads.insert(name.to_owned(), object.to_owned()),
                };
            }
        }
        packed
    }

    fn loose_tags(dir: &Path, prefix: &str, tags: &mut BTreeMap<String, String>) {
        for entry in fs::read_dir(dir).into_iter().flatten().filter_map(Result::ok) {
            let Ok(name) = entry.file_name().into_string() else { continue };
            let name = format!("{prefix}{name}");
            if entry.path().is_dir() {
                Self::loose_tags(&entry.path(), &format!("{name}/"), tags);
            } else if let Ok(object) = fs::read_to_string(entry.path()) {
                tags.insert(name, object.trim().to_owned());
            }
        }
    }

    /// The commit of an annotated tag whose objects are files of their own.
    fn peel(&self, object: &str) -> Option<String> {
        let mut object = object.to_owned();
        for _ in 0..MAX_TAGS_OF_TAGS {
            let path = self.common.join("objects").join(object.get(..2)?).join(object.get(2..)?);
            let mut head = Vec::new();
            let packed = fs::File::open(path).ok()?;
            ZlibDecoder::new(packed).take(MAX_TAG).read_to_end(&mut head).ok()?;
            let text = String::from_utf8_lossy(&head);
            // `tag SIZE`, NUL, then lines: `object ID`, `type commit`.
            let (header, body) = text.split_once('\0')?;
            if !header.starts_with("tag ") {
                return Some(object);
            }
            body.lines().next()?.strip_prefix("object ")?.clone_into(&mut object);
        }
        None
    }
}

/// What `packed-refs` says.
#[derive(Default)]
struct Packed {
    heads: BTreeMap<String, String>,
    tags: BTreeMap<String, String>,
    /// Commits of annotated tags, by the tag object.
    peeled: BTreeMap<String, String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A repository with one commit; `None` where git is not installed.
    fn repository() -> Option<tempfile::TempDir> {
        let dir = tempfile::tempdir().unwrap();
        let done = Command::new("git").arg("-C").arg(dir.path()).args(["init", "-q"]).status();
        if done.is_err() {
            println!("skipped: git is not installed");
            return None;
        }
        commit(&dir, "first");
        Some(dir)
    }

    fn run(dir: &tempfile::TempDir, arguments: &[&str]) {
        let who = ["-c", "user.name=x", "-c", "user.email=x@example.com"];
        let mut git = Command::new("git");
        git.arg("-C").arg(dir.path()).args(who).args(["-c", "tag.gpgsign=false"]).args(arguments);
        assert!(git.output().unwrap().status.success(), "{arguments:?}");
    }

    fn commit(dir: &tempfile::TempDir, message: &str) {
        run(dir, &["-c", "commit.gpgsign=false", "commit", "-q", "--allow-empty", "-m", message]);
    }

    fn at_head(dir: &tempfile::TempDir) -> Option<String> {
        Repository::find(dir.path()).unwrap().at_head().map(|version| version.to_string())
    }

    #[test]
    fn the_highest_tag_of_the_commit_wins() {
        let Some(dir) = repository() else { return };
        for tag in ["v1.0.0", "demo-v1.2.0", "latest", "group/1.1.0"] {
            run(&dir, &["tag", tag]);
        }
        assert_eq!(at_head(&dir).as_deref(), Some("1.2.0"));
        run(&dir, &["pack-refs", "--all"]);
        assert_eq!(at_head(&dir).as_deref(), Some("1.2.0"));
    }

    #[test]
    fn annotated_tags_are_followed_to_their_commit() {
        let Some(dir) = repository() else { return };
        run(&dir, &["tag", "-a", "v2.0.0", "-m", "two"]);
        assert_eq!(at_head(&dir).as_deref(), Some("2.0.0"));
        run(&dir, &["pack-refs", "--all"]);
        assert_eq!(at_head(&dir).as_deref(), Some("2.0.0"));
        run(&dir, &["gc", "-q"]);
        assert_eq!(version(dir.path()).unwrap().version.to_string(), "2.0.0");
    }

    #[test]
    fn the_nearest_tag_comes_with_a_warning() {
        let Some(dir) = repository() else { return };
        run(&dir, &["tag", "v1.0.0"]);
        commit(&dir, "second");
        let tagged = version(dir.path()).unwrap();
        assert_eq!(tagged.version.to_string(), "1.0.0");
        assert!(tagged.warning.unwrap().message.contains("`1.0.0` is the nearest"));
    }

    #[test]
    fn without_a_tag_or_a_repository_there_is_a_hint() {
        let Some(dir) = repository() else { return };
        assert!(version(dir.path()).unwrap_err().hint.unwrap().starts_with("git tag"));
        let empty = tempfile::tempdir().unwrap();
        assert!(version(empty.path()).unwrap_err().message.contains("no Git repository"));
    }

    #[test]
    fn a_version_is_found_in_a_tag() {
        for (tag, want) in [
            ("v1.2.3", Some("1.2.3")),
            ("name-1.2.3-rc.1", Some("1.2.3-rc.1")),
            ("crate@1.2.3", Some("1.2.3")),
            ("nightly", None),
        ] {
            let found = tag_version(tag).map(|version| version.to_string());
            assert_eq!(found.as_deref(), want, "{tag}");
        }
    }
}
