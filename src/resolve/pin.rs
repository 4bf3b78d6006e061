//! Content that must have a known digest.

use crate::{
    diagnostic::{Diagnostic, Place},
    digest::Sha256Digest,
    payload::Blob,
};

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

impl PinKind {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::File, Self::OllamaManifest, Self::OllamaBlob, Self::HuggingFace, Self::Url];

    /// What the lock calls it.
    pub fn word(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::OllamaManifest => "ollama-manifest",
            Self::OllamaBlob => "ollama-blob",
            Self::HuggingFace => "hugging-face",
            Self::Url => "url",
        }
    }
}

impl Pin {
    /// Compares what was read with what the source says it is.
    pub(super) fn check(&self) -> Result<(), Diagnostic> {
        let now = self.blob.digests().sha256;
        let Some(said) = self.sha256.filter(|said| *said != now) else { return Ok(()) };
        let path = self.blob.path().unwrap_or_else(|| self.source.as_ref()).display();
        let (code, text, hint) = match self.kind {
            PinKind::OllamaBlob | PinKind::OllamaManifest => (
                "ollama.blob-digest",
                format!(
                    "blob `sha256-{said}` has SHA-256 {now}: the file was changed or the disk is failing"
                ),
                "delete it and pull again",
            ),
            PinKind::HuggingFace => (
                "hf.digest",
                format!("`{path}` in the Hugging Face cache has another SHA-256 than its name"),
                "delete it and download again",
            ),
            PinKind::File | PinKind::Url => (
                "fetch.digest",
                format!("`{}` was downloaded with SHA-256 {said}, and has {now} now", self.source),
                "`--fresh` downloads it again",
            ),
        };
        Err(Diagnostic::failed(code, text).at(self.place.clone()).hint(hint))
    }
}
