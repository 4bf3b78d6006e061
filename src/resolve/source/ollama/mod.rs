//! Models of a local Ollama store: what a manifest names, and nothing else.
//!
//! The store is the only way: there is no export, and no request of the server returns a blob. The
//! server does not check blobs when it opens them, so they are checked here: their lengths when
//! they are found, their digests when they are read.

pub(in crate::resolve) mod create;
mod find;
mod machine;
mod manifest;
mod name;
mod places;
mod server;
mod store;

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

pub use find::Located;
pub use machine::{Candidate, Machine, Refusal};
pub use manifest::{Config, Layer, Manifest};
pub use name::Name;
pub use store::Store;
pub(super) use store::listing;

use super::{Found, Item, ItemKind, Problem, Sources};
use crate::{
    digest::{Sha256Digest, sha256},
    payload::Blob,
    resolve::{Pin, PinKind},
};
use store::Blocked;

/// Largest manifest or config that is read, in bytes.
const MAX_TEXT: u64 = 4 << 20;

/// A model with all its blobs at hand.
#[derive(Clone, Debug)]
pub struct Model {
    /// Where it is.
    pub located: Located,
    /// SHA-256 of the manifest's bytes: the server's ID of the model.
    pub digest: Sha256Digest,
    /// The manifest.
    pub manifest: Manifest,
    /// What its config says.
    pub config: Config,
    /// The file of each of [`Manifest::blobs`].
    pub files: Vec<PathBuf>,
}

impl Model {
    /// Reads manifest and config, and finds all blobs: there, readable, as long as the manifest
    /// says. All problems at once.
    pub fn open(machine: &Machine, located: Located) -> Result<Self, Vec<Problem>> {
        let bytes = read(machine, &located.path).map_err(|problem| vec![problem])?;
        let manifest = Manifest::parse(&bytes);
        let manifest = manifest.map_err(|why| vec![no_manifest(&located, &why)])?;
        let (config_blob, mut problems) = blob(machine, &located, &manifest.config);
        let config = config_blob.as_ref().map(|path| config(machine, &manifest, path));
        if let Some(Ok(Config { remote_host: Some(host), .. })) = &config {
            return Err(vec![remote(&located.name, host)]);
        }
        if manifest.is_empty() {
            return Err(vec![no_manifest(&located, "it names no layers")]);
        }
        let mut files: Vec<_> = config_blob.into_iter().collect();
        for layer in &manifest.blobs()[1..] {
            let (path, more) = blob(machine, &located, layer);
            files.extend(path);
            problems.extend(more);
        }
        match config {
            Some(Ok(config)) if problems.is_empty() => {
                Ok(Self { digest: sha256(&bytes), located, manifest, config, files })
            }
            Some(Err(problem)) => {
                problems.insert(0, problem);
                Err(problems)
            }
            _ => Err(problems),
        }
    }

    /// Blobs with their files.
    pub fn blobs(&self) -> impl Iterator<Item = (&Layer, &Path)> {
        self.manifest.blobs().into_iter().zip(self.files.iter().map(PathBuf::as_path))
    }

    /// The first twelve digits of the ID, as the server lists it.
    pub fn id(&self) -> String {
        self.digest.to_string()[..12].to_owned()
    }
}

fn no_manifest(located: &Located, why: &str) -> Problem {
    let message = format!("`{}` is no manifest: {why}", located.path.display());
    let mut problem = Problem::new("ollama.manifest", message);
    problem.hint = Some(format!("`ollama pull {}` again", located.name.short()));
    problem
}

fn remote(name: &Name, host: &str) -> Problem {
    let bare = host.split_once("://").map_or(host, |(_, rest)| rest);
    let bare = bare.split(['/', ':']).next().unwrap_or(bare);
    let message = format!(
        "`{}` is a cloud model (`remote_host` = `{}`): there is nothing to package",
        name.short(),
        bare.escape_debug()
    );
    Problem::new("ollama.remote", message)
}

/// The whole of a small file.
fn read(machine: &Machine, path: &Path) -> Result<Vec<u8>, Problem> {
    let bytes = File::open(path).and_then(|file| {
        let mut bytes = Vec::new();
        file.take(MAX_TEXT).read_to_end(&mut bytes)?;
        Ok(bytes)
    });
    bytes.map_err(|error| unreadable(machine, path, &error))
}

fn unreadable(machine: &Machine, path: &Path, error: &io::Error) -> Problem {
    if let Some(refusal) = machine.refused(path, error) {
        let mut problem = Problem::new("ollama.denied", refusal.message());
        problem.hint = Some(refusal.hint());
        return problem;
    }
    let message = format!("cannot read `{}`: {error}", path.display());
    Problem::new("source.unreadable", message)
}

fn config(machine: &Machine, manifest: &Manifest, path: &Path) -> Result<Config, Problem> {
    let bytes = read(machine, path)?;
    let digest = sha256(&bytes);
    if digest != manifest.config.sha256 {
        return Err(changed(&manifest.config, digest));
    }
    Config::parse(&bytes).map_err(|why| {
        Problem::new("ollama.manifest", format!("`{}` is no config: {why}", path.display()))
    })
}

/// The file of a blob, or what is wrong with it.
fn blob(machine: &Machine, located: &Located, layer: &Layer) -> (Option<PathBuf>, Vec<Problem>) {
    let found = match located.store.blob(layer) {
        Ok(found) => found,
        Err(Blocked { path, error }) => return (None, vec![unreadable(machine, &path, &error)]),
    };
    let Some(path) = found else { return (None, vec![missing(located, layer)]) };
    let looked = File::open(&path).and_then(|file| file.metadata());
    let len = match looked {
        Ok(metadata) => metadata.len(),
        Err(error) => return (None, vec![unreadable(machine, &path, &error)]),
    };
    if len == layer.len {
        return (Some(path), Vec::new());
    }
    let message =
        format!("blob `{}` is {len} bytes, the manifest says {}", short(layer), layer.len);
    let mut problem = Problem::new("ollama.blob-size", message);
    let why = if len < layer.len { "truncated download: " } else { "" };
    problem.hint = Some(format!("{why}delete it and pull again"));
    problem.causes = vec![format!("it is `{}`", path.display())];
    (None, vec![problem])
}

fn missing(located: &Located, layer: &Layer) -> Problem {
    let Layer { kind, sha256, len } = layer;
    let digits = &sha256.to_string()[..DIGITS];
    let blobs = located.store.blobs();
    let message =
        format!("layer `sha256:{digits}…` ({kind}, {len} bytes) is not in `{}`", blobs.display());
    let mut problem = Problem::new("ollama.blob-missing", message);
    let again = format!("`ollama pull {}` again", located.name.short());
    let partial = located.store.partial(layer);
    problem.hint = Some(match partial {
        Some(_) => {
            format!("there is `{}-partial`: the download did not finish; {again}", short(layer))
        }
        None => again,
    });
    problem
}

/// Digits of a digest that messages show.
const DIGITS: usize = 12;

/// `sha256-4a188102020e…`
fn short(layer: &Layer) -> String {
    format!("sha256-{}…", &layer.sha256.to_string()[..DIGITS])
}

/// A blob whose content is another one than its name says.
pub fn changed(layer: &Layer, found: Sha256Digest) -> Problem {
    let digits = &found.to_string()[..DIGITS];
    let message = format!(
        "blob `{}` has SHA-256 `{digits}…`: the file was changed or the disk is failing",
        short(layer)
    );
    let mut problem = Problem::new("ollama.blob-digest", message);
    problem.hint = Some("delete it and pull again".into());
    problem
}

/// Everything that `ollama:NAME` stands for.
pub(super) fn take(
    sources: &Sources,
    machine: &Machine,
    source: &str,
) -> Result<Found, Vec<Problem>> {
    let text = source.strip_prefix("ollama:").unwrap_or(source);
    let name = parse(text).map_err(|problem| vec![problem])?;
    let located = machine.locate(&name).map_err(|problem| vec![*problem])?;
    let model = Model::open(machine, located)?;
    let mut found = Found { shared: true, ..Found::default() };
    let mut problems = Vec::new();
    let manifest = format!("manifests/{}", model.located.name.parts().join("/"));
    let path = &model.located.path;
    let manifest_pin = (source.to_owned(), PinKind::OllamaManifest, model.digest);
    add(sources, &mut found, path, &manifest, manifest_pin, &mut problems);
    for (layer, path) in model.blobs() {
        let below = format!("blobs/{}", layer.file_name());
        let pin = (format!("{source}/{below}"), PinKind::OllamaBlob, layer.sha256);
        let blob = add(sources, &mut found, path, &below, pin, &mut problems);
        if let Some(blob) = blob {
            check(sources, &model, layer, &blob, &mut problems);
        }
    }
    licenses(sources, &model, &mut found);
    found.requires =
        model.config.requires.clone().map(|oldest| (model.located.name.short(), oldest));
    if problems.is_empty() { Ok(found) } else { Err(problems) }
}

/// Reads a name, or says why it is none.
pub fn parse(text: &str) -> Result<Name, Problem> {
    Name::parse(text).map_err(|why| {
        let message = format!("`{}` is no model name: {why}", text.escape_debug());
        Problem::new("ollama.name", message)
    })
}

fn add(
    sources: &Sources,
    found: &mut Found,
    path: &Path,
    below: &str,
    (source, kind, sha256): (String, PinKind, Sha256Digest),
    problems: &mut Vec<Problem>,
) -> Option<Blob> {
    let blob = match path.metadata() {
        Ok(metadata) => sources.blob(path, &metadata),
        Err(error) => {
            let message = format!("cannot read `{}`: {error}", path.display());
            problems.push(Problem::new("source.unreadable", message));
            return None;
        }
    };
    let kind_of = ItemKind::File { blob: blob.clone(), executable: false };
    found.items.push(Item { below: below.to_owned(), kind: kind_of });
    let pin = Pin { blob: blob.clone(), source, kind, sha256: Some(sha256), place: None };
    found.pins.push(pin);
    Some(blob)
}

/// Weights in GGUF are whole.
fn check(
    sources: &Sources,
    model: &Model,
    layer: &Layer,
    blob: &Blob,
    problems: &mut Vec<Problem>,
) {
    let weights = matches!(&*layer.kind, "model" | "projector" | "adapter");
    let format = model.config.model_format.as_deref().unwrap_or("gguf");
    if !weights || format != "gguf" {
        return;
    }
    if let Err(error) = &*sources.gguf(blob) {
        let about = error.about(&short(layer));
        let mut problem = Problem::new(about.code, about.message);
        (problem.hint, problem.causes) = (about.hint, about.causes);
        problems.push(problem);
    }
}

/// Texts of the model's licences, each under a name that says whose they are.
fn licenses(sources: &Sources, model: &Model, found: &mut Found) {
    let Name { model: name, tag, .. } = &model.located.name;
    for (number, (layer, path)) in
        model.blobs().filter(|(layer, _)| layer.kind == "license").enumerate()
    {
        let Ok(metadata) = path.metadata() else { continue };
        debug_assert_eq!(metadata.len(), layer.len);
        let more = if number == 0 { String::new() } else { format!("-{}", number + 1) };
        let file_name = format!("LICENSE.{name}-{tag}{more}");
        found.licenses.push((file_name, sources.blob(path, &metadata)));
    }
    if found.licenses.is_empty() {
        found.unlicensed = Some(model.located.name.short());
    }
}
