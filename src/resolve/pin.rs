//! Content that must have a known digest.

use crate::{diagnostic::Place, digest::Sha256Digest, payload::Blob};

/// A payload whose content is pinned: by its source, by `pkggen.lock`, or by both.
#[derive(Clone, Debug, PartialEq)]
pub struct Pin {
    /// The content.
    pub blob: Blob,
    /// What the lock calls it: the source as it is written, with the file in it if there are several.
    pub source: String,
    /// Where it comes from.
    pub kind: PinKind,
    /// What its source says it is.
    pub sha256: Option<Sha256Digest>,
    /// The manifest's item.
    pub place: Option<Place>,
}

/// Where pinned content comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PinKind {
    /// A file beside the manifest, of type `model`.
    File,
    /// The manifest of a model in an Ollama store.
    OllamaManifest,
    /// A blob of an Ollama store.
    OllamaBlob,
    /// A file of the Hugging Face cache.
    HuggingFace,
    /// A download.
    Url,
}
