//! Files of the local Hugging Face cache. Nothing is downloaded.
//!
//! ```text
//! hub/models--ORG--REPO/refs/main                    commit
//!                       snapshots/COMMIT/FILE        → ../../blobs/SHA256
//!                       blobs/SHA256                 (small files: their git SHA-1)
//! ```
//!
//! Format: `huggingface_hub`, "Understand caching". A cache without links has plain files instead.

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
};

use super::{
    Found, Item, ItemKind, Problem, Sources,
    ollama::{Machine, listing},
};
use crate::{
    diagnostic::similar,
    digest::Sha256Digest,
    payload::Blob,
    resolve::{Pin, PinKind},
};

/// What a source without a revision means.
const REVISION: &str = "main";

/// The most names that a hint lists.
const MAX_NAMES: usize = 6;

/// A file of a repository, as a source names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// `ORG/REPO`.
    pub repo: String,
    /// Branch, tag or commit.
    pub revision: String,
    /// Path in the repository.
    pub file: String,
}

impl Name {
    /// Reads `ORG/REPO/FILE[@REVISION]` or `ORG/REPO[@REVISION]/FILE`; why it is none.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (bare, mut revision) = match text.rsplit_once('@') {
            Some((bare, rest)) => (bare, Some(rest)),
            None => (text, None),
        };
        let mut parts: Vec<_> = bare.split('/').collect();
        if parts.len() == 2 {
            // The revision is behind the repository.
            let Some((own, file)) = revision.and_then(|rest| rest.split_once('/')) else {
                return Err("it names no file; it is `hf:ORG/REPO/FILE`".into());
            };
            revision = Some(own);
            parts.extend(file.split('/'));
        }
        let revision = revision.unwrap_or(REVISION);
        let [org, repo, file @ ..] = &parts[..] else {
            return Err("it is `hf:ORG/REPO/FILE`".into());
        };
        let hidden = |part: &&str| part.is_empty() || matches!(*part, "." | "..");
        let revisions: Vec<_> = revision.split('/').collect();
        if parts.iter().chain(&revisions).any(hidden) || text.contains('\\') {
            return Err("a part of it is empty or leaves the repository".into());
        }
        let (repo, file) = (format!("{org}/{repo}"), file.join("/"));
        Ok(Self { repo, revision: revision.to_owned(), file })
    }
}

/// As a manifest's source.
impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { repo, revision, file } = self;
        match &**revision {
            REVISION => write!(f, "hf:{repo}/{file}"),
            revision => write!(f, "hf:{repo}/{file}@{revision}"),
        }
    }
}

/// The cache of a machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cache {
    /// The folder `hub`.
    pub dir: PathBuf,
}

impl Cache {
    /// Where `huggingface_hub` keeps it.
    pub fn of(machine: &Machine) -> Option<Self> {
        let var = |name| machine.var(name).map(PathBuf::from);
        let home = || {
            let cache =
                var("XDG_CACHE_HOME").or_else(|| Some(machine.homes().first()?.join(".cache")));
            Some(cache?.join("huggingface"))
        };
        let hub = || Some(var("HF_HOME").or_else(home)?.join("hub"));
        Some(Self { dir: var("HF_HUB_CACHE").or_else(hub)? })
    }

    /// All files that are here, sorted.
    pub fn names(&self) -> Vec<Name> {
        let mut names = Vec::new();
        for dir in listing(&self.dir).unwrap_or_default() {
            let Some(repo) = dir.strip_prefix("models--") else { continue };
            let repo = repo.replacen("--", "/", 1);
            let snapshots = self.dir.join(&dir).join("snapshots");
            for commit in listing(&snapshots).unwrap_or_default() {
                let revision = self.revision_of(&dir, &commit);
                let mut files = Vec::new();
                walk(&snapshots.join(&commit), "", &mut files);
                let name = |file| Name { repo: repo.clone(), revision: revision.clone(), file };
                names.extend(files.into_iter().map(name));
            }
        }
        names
    }

    /// The branch that a commit is the head of, or the commit.
    fn revision_of(&self, repo: &str, commit: &str) -> String {
        let refs = self.dir.join(repo).join("refs");
        let is = |name: &String| read_ref(&refs.join(name)).is_ok_and(|there| there == commit);
        let branches = listing(&refs).unwrap_or_default();
        branches.into_iter().find(is).unwrap_or_else(|| commit.to_owned())
    }

    /// Where a file is.
    pub fn locate(&self, machine: &Machine, name: &Name) -> Result<PathBuf, Box<Problem>> {
        let Name { repo, revision, file } = name;
        let dir = self.dir.join(format!("models--{}", repo.replace('/', "--")));
        let blocked = |path: &Path, error: &io::Error| -> Option<Box<Problem>> {
            let refusal = machine.refused(path, error)?;
            let mut problem = Problem::new("hf.denied", refusal.message());
            problem.hint = Some(refusal.hint());
            Some(Box::new(problem))
        };
        if let Err(error) = dir.metadata() {
            return Err(blocked(&dir, &error).unwrap_or_else(|| Box::new(self.no_repo(name))));
        }
        let branch = dir.join("refs").join(revision);
        let commit = match read_ref(&branch) {
            Ok(commit) if commit.bytes().all(|byte| byte.is_ascii_alphanumeric()) => commit,
            Ok(_) => return Err(Box::new(no_revision(&dir, name))),
            Err(error) => match blocked(&branch, &error) {
                Some(problem) => return Err(problem),
                None => revision.clone(),
            },
        };
        let snapshot = dir.join("snapshots").join(&commit);
        if !snapshot.is_dir() {
            return Err(Box::new(no_revision(&dir, name)));
        }
        let path = snapshot.join(file);
        match fs::File::open(&path).and_then(|file| file.metadata()) {
            Ok(metadata) if metadata.is_file() => Ok(path),
            Ok(_) => Err(Box::new(no_file(&snapshot, name))),
            Err(error) => {
                Err(blocked(&path, &error).unwrap_or_else(|| Box::new(no_file(&snapshot, name))))
            }
        }
    }

    fn no_repo(&self, name: &Name) -> Problem {
        let message =
            format!("`{}` is not in the Hugging Face cache `{}`", name.repo, self.dir.display());
        missing(name, message)
    }
}

fn missing(name: &Name, message: String) -> Problem {
    let mut problem = Problem::new("hf.missing", message);
    let at = match &*name.revision {
        REVISION => String::new(),
        revision => format!(" --revision {revision}"),
    };
    problem.hint = Some(format!("`hf download {} {}{at}`", name.repo, name.file));
    problem
}

fn no_revision(dir: &Path, name: &Name) -> Problem {
    let message =
        format!("`{}` is in the Hugging Face cache, but not at `{}`", name.repo, name.revision);
    let mut problem = missing(name, message);
    let mut there = listing(&dir.join("refs")).unwrap_or_default();
    there.extend(listing(&dir.join("snapshots")).unwrap_or_default());
    if !there.is_empty() {
        problem.causes = vec![format!("it has {}", listed(&there))];
    }
    problem
}

fn no_file(snapshot: &Path, name: &Name) -> Problem {
    let message = format!(
        "`{}` at `{}` is in the Hugging Face cache without `{}`",
        name.repo, name.revision, name.file
    );
    let mut problem = missing(name, message);
    let mut files = Vec::new();
    walk(snapshot, "", &mut files);
    if let Some(near) = similar(&name.file, files.iter().map(String::as_str)) {
        problem.hint = Some(format!("did you mean `{near}`?"));
    } else if !files.is_empty() {
        problem.causes = vec![format!("it has {}", listed(&files))];
    }
    problem
}

fn listed(names: &[String]) -> String {
    let shown: Vec<_> = names.iter().take(MAX_NAMES).map(|name| format!("`{name}`")).collect();
    let more = names.len() - shown.len();
    shown.join(", ") + &if more > 0 { format!(" and {more} more") } else { String::new() }
}

fn read_ref(path: &Path) -> io::Result<String> {
    fs::read_to_string(path).map(|text| text.trim().to_owned())
}

/// Files below a snapshot, links followed to files only.
fn walk(dir: &Path, below: &str, files: &mut Vec<String>) {
    for name in listing(dir).unwrap_or_default() {
        let path = dir.join(&name);
        let below = if below.is_empty() { name } else { format!("{below}/{name}") };
        let is_dir = path.symlink_metadata().is_ok_and(|metadata| metadata.is_dir());
        if is_dir {
            walk(&path, &below, files);
        } else if path.is_file() {
            files.push(below);
        }
    }
}

/// The digest that a blob's name says, once links are followed; small files are named otherwise.
pub fn digest_of(path: &Path) -> Option<Sha256Digest> {
    let blob = path.canonicalize().ok()?;
    if blob.parent()?.file_name()? != "blobs" {
        return None;
    }
    Sha256Digest::parse(blob.file_name()?.to_str()?)
}

/// Everything that `hf:…` stands for: one file, under its own name.
pub(super) fn take(
    sources: &Sources,
    machine: &Machine,
    source: &str,
) -> Result<Found, Vec<Problem>> {
    let text = source.strip_prefix("hf:").unwrap_or(source);
    let name = parse(text).map_err(|problem| vec![problem])?;
    let cache = Cache::of(machine).ok_or_else(|| vec![homeless()])?;
    let path = cache.locate(machine, &name).map_err(|problem| vec![*problem])?;
    let Some(blob) = sources.at(&path) else {
        let message = format!("cannot read `{}`", path.display());
        return Err(vec![Problem::new("source.unreadable", message)]);
    };
    let below = name.file.rsplit('/').next().unwrap_or(&name.file).to_owned();
    let pins = vec![pin(source.to_owned(), &path, &blob)];
    let items = vec![Item { below, kind: ItemKind::File { blob, executable: false } }];
    Ok(Found { single: true, items, pins, ..Found::default() })
}

/// Reads a name, or says why it is none.
pub fn parse(text: &str) -> Result<Name, Problem> {
    Name::parse(text).map_err(|why| {
        let message = format!("`hf:{}` is no file of a repository: {why}", text.escape_debug());
        Problem::new("hf.name", message)
    })
}

/// Nobody says where the cache is.
pub fn homeless() -> Problem {
    let message = "there is no home to look for a Hugging Face cache in".into();
    let mut problem = Problem::new("hf.missing", message);
    problem.hint = Some("`HF_HUB_CACHE` names the folder".into());
    problem
}

/// A file whose content is another one than its name says.
pub fn changed(path: &Path) -> Problem {
    let message =
        format!("`{}` in the Hugging Face cache has another SHA-256 than its name", path.display());
    let mut problem = Problem::new("hf.digest", message);
    problem.hint = Some("delete it and download again".into());
    problem
}

/// What is known of the content of a file in the cache.
pub(in crate::resolve) fn pin(source: String, path: &Path, blob: &Blob) -> Pin {
    let (kind, sha256) = (PinKind::HuggingFace, digest_of(path));
    Pin { blob: blob.clone(), source, kind, sha256, place: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_spellings_of_a_revision_are_read() {
        for (text, want) in [
            ("org/repo/x.gguf", ("org/repo", "main", "x.gguf")),
            ("org/repo/x.gguf@v1", ("org/repo", "v1", "x.gguf")),
            ("org/repo@v1/x.gguf", ("org/repo", "v1", "x.gguf")),
            ("org/repo@v1/q4/x.gguf", ("org/repo", "v1", "q4/x.gguf")),
            ("org/repo/q4/x.gguf@refs/pr/1", ("org/repo", "refs/pr/1", "q4/x.gguf")),
        ] {
            let Name { repo, revision, file } = Name::parse(text).unwrap();
            assert_eq!((&*repo, &*revision, &*file), want, "{text}");
        }
    }

    #[test]
    fn what_is_no_file_of_a_repository_says_why() {
        for text in
            ["org", "org/repo", "org/repo@v1", "org/repo/../x", "org//x", "org/repo/x@..", "a/b/"]
        {
            assert!(Name::parse(text).is_err(), "{text}");
        }
    }
}
