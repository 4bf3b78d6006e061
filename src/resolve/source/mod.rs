//! Where payloads come from. Files are looked at, not read.

mod archive;
mod explain;
pub mod gguf;
pub mod huggingface;
pub mod ollama;
mod path;
mod url;

use std::{
    collections::HashMap,
    fs::Metadata,
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::{Pin, Settings, icon::Icons, lock::Lock};
use crate::{
    diagnostic::{Class, Diagnostic, Place},
    fetch::Fetcher,
    package::program::{Program, ProgramError},
    payload::{self, Blob, Origin, Stamp},
};

/// What the disk was asked for, shared by all artifacts of a build: the same file is one [`Blob`],
/// looked at once.
#[derive(Debug)]
pub struct Sources {
    /// The manifest's directory.
    dir: PathBuf,
    /// Brings what is not there.
    fetcher: Option<Fetcher>,
    /// What sources were.
    lock: Option<Lock>,
    /// Sources that the lock does not have are not brought.
    locked: bool,
    cache: Mutex<Cache>,
}

#[derive(Debug, Default)]
struct Cache {
    /// By device and inode; hard links share their content.
    blobs: HashMap<(u64, u64), Blob>,
    texts: HashMap<String, Blob>,
    found: HashMap<(PathBuf, String), Arc<Found>>,
    unpacked: HashMap<(PathBuf, String), Arc<Found>>,
    programs: HashMap<(u64, u64), Arc<Looked>>,
    icons: HashMap<(u64, u64), Result<Icons, Diagnostic>>,
    ggufs: HashMap<(u64, u64), Arc<Gguf>>,
}

/// What looking at a header found.
pub(super) type Looked = Result<Option<Program>, ProgramError>;

/// What reading a model's header found.
pub(super) type Gguf = Result<gguf::Header, gguf::Error>;

/// What a source holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Found {
    /// The source is one file, so that `dest` may name it.
    pub(super) single: bool,
    /// Another item may bring some of it, too: blobs of two models, shards.
    pub(super) shared: bool,
    /// What is in it, sorted by path.
    pub(super) items: Vec<Item>,
    /// What must have which digest.
    pub(super) pins: Vec<Pin>,
    /// Texts of licences that come with it: file name and content.
    pub(super) licenses: Vec<(String, Blob)>,
    /// A model that comes without any.
    pub(super) unlicensed: Option<String>,
    /// A model, and the oldest Ollama that can run it.
    pub(super) requires: Option<(String, String)>,
}

/// What a source is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scheme {
    /// A file, a directory, a glob.
    Path,
    /// Something to download.
    Url,
    /// `ollama:NAME`: a model of a local store.
    Ollama,
    /// `hf:ORG/REPO/FILE`: a file of the local Hugging Face cache.
    HuggingFace,
}

impl Scheme {
    /// Of a source as it is written.
    pub(super) fn of(source: &str) -> Self {
        const KINDS: &[(&str, Scheme)] = &[
            ("https://", Scheme::Url),
            ("http://", Scheme::Url),
            ("file:", Scheme::Url),
            ("ollama:", Scheme::Ollama),
            ("hf:", Scheme::HuggingFace),
        ];
        let known = KINDS.iter().find(|(start, _)| source.starts_with(start));
        known.map_or(Self::Path, |(_, scheme)| *scheme)
    }
}

/// A file, link or empty directory of a source.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Item {
    /// Path below the source; the file name of a single file.
    pub(super) below: String,
    /// What it is.
    pub(super) kind: ItemKind,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum ItemKind {
    EmptyDir,
    File { blob: Blob, executable: bool },
    Symlink(String),
}

/// Why a source cannot be used.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Problem {
    pub(super) code: &'static str,
    pub(super) message: String,
    pub(super) label: Option<String>,
    pub(super) hint: Option<String>,
    /// What kind of failure; a missing source unless it is said.
    pub(super) class: Option<Class>,
    pub(super) causes: Vec<String>,
}

impl Problem {
    pub(super) fn new(code: &'static str, message: String) -> Self {
        Self { code, message, ..Self::default() }
    }

    /// As an error, of the manifest if it has a place there.
    pub fn at(self, place: Option<&Place>) -> Diagnostic {
        let class = self.class.unwrap_or(Class::Usage);
        let mut error = Diagnostic::new(class, self.code, self.message).at(place.cloned());
        (error.label, error.hint, error.causes) = (self.label, self.hint, self.causes);
        error
    }
}

impl From<Diagnostic> for Problem {
    fn from(error: Diagnostic) -> Self {
        let Diagnostic { code, class, message, label, hint, causes, .. } = error;
        Self { code, message, label, hint, class: Some(class), causes }
    }
}

impl Sources {
    /// Sources of a manifest in this directory.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        let (fetcher, lock, locked) = (None, None, false);
        Self { dir: dir.into(), fetcher, lock, locked, cache: Mutex::default() }
    }

    /// With somebody who brings what is not there, as the lock says. `locked` means that nothing is
    /// brought that it does not have.
    pub fn with(self, fetcher: Option<Fetcher>, lock: Option<Lock>, locked: bool) -> Self {
        Self { fetcher, lock, locked, ..self }
    }

    /// The manifest's directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Where a path of the manifest is: `//path` from the manifest's directory, others from `root`
    /// below it.
    pub(super) fn locate(&self, root: Option<&str>, source: &str) -> (PathBuf, String) {
        if let Some(rest) = source.strip_prefix("//") {
            return (self.dir.clone(), rest.trim_start_matches('/').to_owned());
        }
        let root = root.map(|root| self.dir.join(root.strip_prefix("//").unwrap_or(root)));
        (root.unwrap_or_else(|| self.dir.clone()), source.to_owned())
    }

    /// Everything a path or glob stands for. All problems at once.
    pub(super) fn find(
        &self,
        root: Option<&str>,
        source: &str,
    ) -> Result<Arc<Found>, Vec<Problem>> {
        let key = self.locate(root, source);
        if let Some(found) = self.lock().found.get(&key) {
            return Ok(found.clone());
        }
        let found = if Scheme::of(source) == Scheme::Url {
            url::find(self, source).map_err(|problem| vec![problem])?
        } else {
            path::find(self, &key.0, &key.1)?
        };
        let found = Arc::new(found);
        self.lock().found.insert(key, found.clone());
        Ok(found)
    }

    /// A model of a local Ollama store. All problems at once.
    pub(super) fn ollama(
        &self,
        source: &str,
        settings: &Settings,
    ) -> Result<Arc<Found>, Vec<Problem>> {
        self.once(source, || ollama::take(self, &ollama::Machine::new(settings), source))
    }

    /// A file of the local Hugging Face cache.
    pub(super) fn hugging_face(
        &self,
        source: &str,
        settings: &Settings,
    ) -> Result<Arc<Found>, Vec<Problem>> {
        self.once(source, || huggingface::take(self, &ollama::Machine::new(settings), source))
    }

    /// What does not depend on a directory is looked for once.
    fn once(
        &self,
        source: &str,
        find: impl FnOnce() -> Result<Found, Vec<Problem>>,
    ) -> Result<Arc<Found>, Vec<Problem>> {
        let key = (PathBuf::new(), source.to_owned());
        if let Some(found) = self.lock().found.get(&key) {
            return Ok(found.clone());
        }
        let found = Arc::new(find()?);
        self.lock().found.insert(key, found.clone());
        Ok(found)
    }

    /// The members of the archives that a path, glob or URL stands for.
    pub(super) fn unpacked(
        &self,
        root: Option<&str>,
        source: &str,
    ) -> Result<Arc<Found>, Vec<Problem>> {
        let key = self.locate(root, source);
        if let Some(found) = self.lock().unpacked.get(&key) {
            return Ok(found.clone());
        }
        let found = Arc::new(archive::find(self, &*self.find(root, source)?, source)?);
        self.lock().unpacked.insert(key, found.clone());
        Ok(found)
    }

    /// Who brings what is not there.
    fn fetcher(&self) -> Result<&Fetcher, Problem> {
        self.fetcher.as_ref().ok_or_else(|| {
            let text = "there is no cache for what is downloaded or unpacked";
            Problem::new("fetch.cache", text.into())
        })
    }

    /// One file, by a path of the manifest that is relative to its directory.
    pub(super) fn file(&self, source: &str) -> Result<Blob, Vec<Problem>> {
        let (dir, path) = self.locate(None, source);
        path::file(self, &dir, &path).map_err(|problem| vec![problem])
    }

    /// Content made from a text.
    pub(super) fn text(&self, text: &str) -> Blob {
        let mut cache = self.lock();
        cache.texts.entry(text.to_owned()).or_insert_with(|| Blob::from_bytes(text)).clone()
    }

    /// The content of a file that was looked at; one and the same for all who use it.
    fn blob(&self, path: &Path, metadata: &Metadata) -> Blob {
        let stamp = Stamp::of(metadata);
        let mut cache = self.lock();
        let key = (stamp.device, stamp.inode);
        let known = cache.blobs.get(&key).filter(|blob| stamp_of(blob) == Some(stamp));
        if let Some(blob) = known {
            return blob.clone();
        }
        let blob = Blob::from_file(path.to_owned(), stamp);
        cache.blobs.insert(key, blob.clone());
        blob
    }

    /// What the header of a file says.
    pub(super) fn program(&self, blob: &Blob) -> Arc<Looked> {
        let Some(stamp) = stamp_of(blob) else { return Arc::new(Program::of_blob(blob)) };
        let key = (stamp.device, stamp.inode);
        if let Some(known) = self.lock().programs.get(&key) {
            return known.clone();
        }
        let looked = Arc::new(Program::of_blob(blob));
        self.lock().programs.insert(key, looked.clone());
        looked
    }

    /// What the header of a model says.
    pub(super) fn gguf(&self, blob: &Blob) -> Arc<Gguf> {
        let key = stamp_of(blob).map(|stamp| (stamp.device, stamp.inode));
        if let Some(known) = key.and_then(|key| self.lock().ggufs.get(&key).cloned()) {
            return known;
        }
        let read = || gguf::read(&mut payload::open(blob).map_err(io::Error::from)?, blob.len());
        let read = Arc::new(read());
        if let Some(key) = key {
            self.lock().ggufs.insert(key, read.clone());
        }
        read
    }

    /// A file by its path, if it is one and may be read.
    pub(super) fn at(&self, path: &Path) -> Option<Blob> {
        let metadata = path.metadata().ok().filter(Metadata::is_file)?;
        rustix::fs::access(path, rustix::fs::Access::READ_OK).ok()?;
        Some(self.blob(path, &metadata))
    }

    /// The icons derived from a picture.
    pub(super) fn icons(
        &self,
        blob: &Blob,
        derive: impl FnOnce() -> Result<Icons, Diagnostic>,
    ) -> Result<Icons, Diagnostic> {
        let Some(stamp) = stamp_of(blob) else { return derive() };
        let key = (stamp.device, stamp.inode);
        if let Some(known) = self.lock().icons.get(&key) {
            return known.clone();
        }
        let icons = derive();
        self.lock().icons.insert(key, icons.clone());
        icons
    }

    fn lock(&self) -> MutexGuard<'_, Cache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn stamp_of(blob: &Blob) -> Option<Stamp> {
    match blob.origin() {
        Origin::File(_, stamp) => Some(*stamp),
        Origin::Memory(_) => None,
    }
}
