//! What models a machine holds: Ollama stores, the Hugging Face cache, GGUF files.

use std::path::{Path, PathBuf};

use super::{
    Settings,
    gguf::{self, Header},
    huggingface::{self, Cache},
    ollama::{self, Machine, Model},
    source::Problem,
};
use crate::{
    diagnostic::Diagnostic,
    digest::Sha256Digest,
    payload::{self, Blob},
};

/// Endings of files of the Hugging Face cache that hold weights.
const WEIGHTS: &[&str] = &["gguf", "safetensors"];

/// Models of a machine.
pub struct Catalogue {
    machine: Machine,
}

/// A model, as far as it can be looked at.
#[derive(Debug)]
pub struct Listed {
    /// What a manifest's `source` would be.
    pub source: String,
    /// The store or cache it is in; the folder of a file.
    pub place: PathBuf,
    /// What is in it, or what is wrong with it.
    pub content: Result<Content, Vec<Diagnostic>>,
}

/// What is in a model.
#[derive(Debug)]
pub struct Content {
    /// The manifest of a store.
    pub manifest: Option<(PathBuf, Sha256Digest)>,
    /// Its files.
    pub files: Vec<File>,
    /// What its weights say of themselves.
    pub header: Option<Header>,
    /// The oldest Ollama that can run it.
    pub requires: Option<String>,
}

/// A file of a model.
#[derive(Debug)]
pub struct File {
    /// What it is: `model`, `template`, `license`; `file` outside of stores.
    pub kind: String,
    /// Where it is.
    pub path: PathBuf,
    /// Length in bytes.
    pub len: u64,
    /// What its name or manifest says it is.
    pub sha256: Option<Sha256Digest>,
    /// Where the digest comes from: a store, or the Hugging Face cache.
    of_store: bool,
}

impl Content {
    /// Length of all files, in bytes.
    pub fn len(&self) -> u64 {
        self.files.iter().map(|file| file.len).sum()
    }

    /// Whether there are no files.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }
}

impl File {
    /// Compares the digest of the content with the one it must have.
    pub fn check(&self, found: Sha256Digest) -> Result<(), Diagnostic> {
        let Some(said) = self.sha256.filter(|said| *said != found) else { return Ok(()) };
        let problem = if self.of_store {
            let layer = ollama::Layer { kind: self.kind.clone(), sha256: said, len: self.len };
            ollama::changed(&layer, found)
        } else {
            huggingface::changed(&self.path)
        };
        Err(Diagnostic { class: crate::diagnostic::Class::Failed, ..problem.at(None) })
    }
}

impl Catalogue {
    /// Of this machine, as the command line and the environment say.
    pub fn new(settings: &Settings) -> Self {
        Self { machine: Machine::new(settings) }
    }

    /// All models of all stores that may be read, then those of the Hugging Face cache.
    pub fn all(&self) -> Vec<Listed> {
        let mut all = Vec::new();
        for store in self.machine.stores() {
            for name in store.names() {
                let content = self.of_store(&name);
                let source = format!("ollama:{}", name.short());
                // The same name further back is never taken.
                if !all.iter().any(|known: &Listed| known.source == source) {
                    all.push(Listed { source, place: store.dir.clone(), content });
                }
            }
        }
        if self.machine.only.is_none()
            && let Some(cache) = Cache::of(&self.machine)
        {
            let names = cache.names().into_iter().filter(|name| is_weights(&name.file));
            all.extend(names.map(|name| self.of_cache(&cache, &name)));
        }
        all
    }

    /// One model: a file, a name as in `source`, or the name of an Ollama model.
    pub fn one(&self, what: &str) -> Result<Listed, Diagnostic> {
        let path = Path::new(what);
        let named = what.starts_with("ollama:") || what.starts_with("hf:");
        if !named && (path.is_file() || is_weights(what)) {
            return Ok(Listed::of_file(path));
        }
        if let Some(text) = what.strip_prefix("hf:") {
            let name = huggingface::parse(text).map_err(|problem| problem.at(None))?;
            let cache = Cache::of(&self.machine);
            let cache = cache.ok_or_else(|| huggingface::homeless().at(None))?;
            return Ok(self.of_cache(&cache, &name));
        }
        let text = what.strip_prefix("ollama:").unwrap_or(what);
        let name = ollama::parse(text).map_err(|problem| problem.at(None))?;
        let located = self.machine.locate(&name).map_err(|problem| problem.at(None))?;
        let (source, place) =
            (format!("ollama:{}", located.name.short()), located.store.dir.clone());
        Ok(Listed { source, place, content: self.open(located) })
    }

    fn of_store(&self, name: &ollama::Name) -> Result<Content, Vec<Diagnostic>> {
        let located = self.machine.locate(name).map_err(|problem| vec![problem.at(None)])?;
        self.open(located)
    }

    fn open(&self, located: ollama::Located) -> Result<Content, Vec<Diagnostic>> {
        let model = Model::open(&self.machine, located).map_err(plain)?;
        let file = |(layer, path): (&ollama::Layer, &Path)| File {
            kind: layer.kind.clone(),
            path: path.to_owned(),
            len: layer.len,
            sha256: Some(layer.sha256),
            of_store: true,
        };
        let files: Vec<_> = model.blobs().map(file).collect();
        let gguf = model.config.model_format.as_deref().is_none_or(|format| format == "gguf");
        let weights = files.iter().find(|file| file.kind == "model").filter(|_| gguf);
        let header = weights.map(|file| header(&file.path)).transpose().map_err(|e| vec![e])?;
        let manifest = Some((model.located.path.clone(), model.digest));
        Ok(Content { manifest, files, header, requires: model.config.requires.clone() })
    }

    fn of_cache(&self, cache: &Cache, name: &huggingface::Name) -> Listed {
        let content = match cache.locate(&self.machine, name) {
            Ok(path) => content(&path, huggingface::digest_of(&path)),
            Err(problem) => Err(vec![problem.at(None)]),
        };
        Listed { source: name.to_string(), place: cache.dir.clone(), content }
    }
}

fn plain(problems: Vec<Problem>) -> Vec<Diagnostic> {
    problems.into_iter().map(|problem| problem.at(None)).collect()
}

fn is_weights(name: &str) -> bool {
    let ending = Path::new(name).extension().and_then(|ending| ending.to_str());
    ending.is_some_and(|ending| WEIGHTS.contains(&&*ending.to_lowercase()))
}

impl Listed {
    /// A model that is a file.
    pub fn of_file(path: &Path) -> Self {
        let place = path.parent().filter(|dir| !dir.as_os_str().is_empty());
        let place = place.unwrap_or(Path::new(".")).to_owned();
        Self { source: path.display().to_string(), place, content: content(path, None) }
    }
}

/// A file that is a model by itself.
fn content(path: &Path, sha256: Option<Sha256Digest>) -> Result<Content, Vec<Diagnostic>> {
    let failed = |error: payload::Error| vec![Diagnostic::from(error)];
    let len = Blob::open(path).map_err(failed)?.len();
    let other = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("safetensors"));
    let header = if other { None } else { Some(header(path).map_err(|error| vec![error])?) };
    let kind = "file".to_owned();
    let file = File { kind, path: path.to_owned(), len, sha256, of_store: false };
    Ok(Content { manifest: None, files: vec![file], header, requires: None })
}

/// What the header of a GGUF file says.
fn header(path: &Path) -> Result<Header, Diagnostic> {
    let name = path.display().to_string();
    let mut file = std::fs::File::open(path).map_err(payload::Error::unreadable(path))?;
    let len = file.metadata().map_err(payload::Error::unreadable(path))?.len();
    gguf::read(&mut file, len).map_err(|error| error.about(&name))
}
