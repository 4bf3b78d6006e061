//! A store on disk: `manifests/HOST/NAMESPACE/MODEL/TAG` and `blobs/sha256-…`.
//!
//! Unchanged from Ollama 0.1.30 to 0.32.15; before that blobs were called `sha256:…`.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::{manifest::Layer, name::Name};

/// Deepest a store is: host, namespace, model, tag.
const LEVELS: usize = 4;

/// A directory with manifests and blobs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Store {
    /// Where it is.
    pub dir: PathBuf,
}

/// Where a directory or file cannot be looked at.
#[derive(Debug)]
pub(super) struct Blocked {
    pub(super) path: PathBuf,
    pub(super) error: io::Error,
}

impl Store {
    /// The store in a directory, if it is one.
    pub(super) fn open(dir: &Path) -> Result<Option<Self>, Blocked> {
        for part in ["manifests", "blobs"] {
            let path = dir.join(part);
            match path.metadata() {
                Ok(metadata) if metadata.is_dir() => return Ok(Some(Self { dir: dir.into() })),
                Ok(_) => {}
                Err(error) if is_missing(&error) => {}
                Err(error) => return Err(Blocked { path, error }),
            }
        }
        Ok(None)
    }

    /// Where its manifests are.
    pub(super) fn manifests(&self) -> PathBuf {
        self.dir.join("manifests")
    }

    /// Where its blobs are.
    pub fn blobs(&self) -> PathBuf {
        self.dir.join("blobs")
    }

    /// The manifest of a model with the spelling it has on disk; names are looked up without regard
    /// to case.
    pub(super) fn find(&self, name: &Name) -> Result<Option<(Name, PathBuf)>, Blocked> {
        let mut spelled: Vec<String> = Vec::new();
        let mut path = self.manifests();
        for part in name.parts() {
            let Some(found) = below(&path, part)? else { return Ok(None) };
            path.push(&found);
            spelled.push(found);
        }
        let Ok([host, namespace, model, tag]) = <[String; LEVELS]>::try_from(spelled) else {
            return Ok(None);
        };
        match path.metadata() {
            Ok(metadata) if metadata.is_file() => {
                Ok(Some((Name { host, namespace, model, tag }, path)))
            }
            Ok(_) => Ok(None),
            Err(error) if is_missing(&error) => Ok(None),
            Err(error) => Err(Blocked { path, error }),
        }
    }

    /// The names of all models, sorted. What is no name, or may not be looked at, is passed over.
    pub fn names(&self) -> Vec<Name> {
        let mut paths = vec![Vec::new()];
        for _ in 0..LEVELS {
            let deeper = |path: &Vec<String>| {
                let dir = self.manifests().join(path.join("/"));
                let more = move |name| path.iter().cloned().chain([name]).collect();
                listing(&dir).unwrap_or_default().into_iter().map(more).collect::<Vec<_>>()
            };
            paths = paths.iter().flat_map(deeper).collect();
        }
        let name = |path: Vec<String>| {
            let file = self.manifests().join(path.join("/"));
            let [host, namespace, model, tag] = <[String; LEVELS]>::try_from(path).ok()?;
            // Whoever reads it back must come to the same name.
            let text = format!("{host}/{namespace}/{model}:{tag}");
            Name::parse(&text).ok().filter(|name| name.to_string() == text && file.is_file())
        };
        let mut names: Vec<_> = paths.into_iter().filter_map(name).collect();
        names.sort();
        names
    }

    /// The file of a blob in its newer or older spelling.
    pub(super) fn blob(&self, layer: &Layer) -> Result<Option<PathBuf>, Blocked> {
        for name in [layer.file_name(), format!("sha256:{}", layer.sha256)] {
            let path = self.blobs().join(name);
            match path.metadata() {
                Ok(metadata) if metadata.is_file() => return Ok(Some(path)),
                Ok(_) => {}
                Err(error) if is_missing(&error) => {}
                Err(error) => return Err(Blocked { path, error }),
            }
        }
        Ok(None)
    }

    /// What is left of a download that did not finish.
    pub(super) fn partial(&self, layer: &Layer) -> Option<String> {
        let start = format!("{}-partial", layer.file_name());
        listing(&self.blobs()).ok()?.into_iter().find(|name| name.starts_with(&start))
    }
}

/// What a directory calls a name, the same spelling first.
fn below(dir: &Path, name: &str) -> Result<Option<String>, Blocked> {
    match dir.join(name).symlink_metadata() {
        Ok(_) => return Ok(Some(name.to_owned())),
        Err(error) if is_missing(&error) => {}
        Err(error) => return Err(Blocked { path: dir.join(name), error }),
    }
    match listing(dir) {
        Ok(names) => Ok(names.into_iter().find(|there| there.eq_ignore_ascii_case(name))),
        Err(error) if is_missing(&error) => Ok(None),
        Err(error) => Err(Blocked { path: dir.to_owned(), error }),
    }
}

fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// Names in a directory that are texts and can be shown, sorted.
pub(in crate::resolve) fn listing(dir: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(dir)? {
        let name = entry?.file_name().into_string();
        names.extend(name.ok().filter(|name| !name.chars().any(char::is_control)));
    }
    names.sort();
    Ok(names)
}
