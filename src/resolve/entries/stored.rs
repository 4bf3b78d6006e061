//! `as = "ollama:NAME"`: a bare GGUF file laid out as a complete Ollama store.

use std::sync::Arc;

use crate::{
    diagnostic::{Diagnostic, Place},
    digest::{Digest, Sha256Digest},
    manifest::{FileItem, Spanned},
    payload::{self, Blob},
    resolve::{
        source::{
            Found, ItemKind,
            gguf::shards::Name as Shard,
            ollama::{
                self,
                create::{Weights, create},
            },
        },
        work::Work,
    },
};

/// Stands for a digest until the file is read.
const UNREAD: Sha256Digest = Digest([0; 32]);

/// The store that the item's file becomes.
pub(super) fn store(
    work: &mut Work<'_>,
    item: &Spanned<FileItem>,
    name: &Spanned<String>,
    found: &Found,
) -> Option<Arc<Found>> {
    let place = item.source.as_ref().and_then(|source| source.place.as_ref());
    let text = name.strip_prefix("ollama:").unwrap_or(name);
    let parsed = ollama::parse(text);
    let parsed = parsed.map_err(|problem| work.found.error(problem.at(name.place.as_ref()))).ok();
    let [only] = &found.items[..] else {
        let message =
            format!("`as` is for one GGUF file, and the source has {}", found.items.len());
        work.error("ollama.as", message, place);
        return None;
    };
    let ItemKind::File { blob, .. } = &only.kind else { return None };
    let header = work.sources.gguf(blob);
    let header = match &*header {
        Ok(header) => header,
        Err(error) => {
            let about = error.about(&super::content::typed(item, &only.below));
            work.found.error(about.at(place.cloned()));
            return None;
        }
    };
    let by_name = Shard::parse(&only.below).map(|shard| u64::from(shard.count));
    let shards = header.split.map(|split| split.count).or(by_name).filter(|count| *count > 1);
    if let Some(count) = shards {
        work.found.error(split(count, place));
        return None;
    }
    let sha256 = digest(work, blob);
    let store = create(&parsed?, &Weights { blob, sha256, header }, licenses(work));
    Some(Arc::new(Found { pins: found.pins.clone(), ..store }))
}

fn split(count: u64, place: Option<&Place>) -> Diagnostic {
    let message = format!("a split GGUF ({count} shards) cannot be put into an Ollama store");
    let hint = "ship the shards as files, or merge them with `llama-gguf-split --merge`";
    Diagnostic::usage("ollama.split", message).at(place.cloned()).hint(hint)
}

/// What was read of the file; it is read before the package is resolved for good.
fn digest(work: &mut Work<'_>, blob: &Blob) -> Sha256Digest {
    let known = blob.facts().map(|facts| facts.digests.sha256);
    known.unwrap_or_else(|| {
        work.unread.push(blob.clone());
        UNREAD
    })
}

/// The texts that `license-files` names; a missing one is reported where they are read.
fn licenses(work: &Work<'_>) -> Vec<Vec<u8>> {
    let read = |path: &str| {
        let blob = work.sources.file(path).ok()?;
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut payload::open(&blob).ok()?, &mut bytes).ok()?;
        Some(bytes)
    };
    work.root.package.license_files.iter().filter_map(|path| read(path)).collect()
}
