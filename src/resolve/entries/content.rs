//! What an item holds.

use std::sync::Arc;

use super::requires;
use crate::{
    diagnostic::{Diagnostic, Place},
    manifest::{FileItem, Spanned},
    package::{Dest, Entry},
    payload::Blob,
    resolve::{
        Pin,
        source::{Found, Item, ItemKind, Problem, Scheme},
        work::Work,
    },
    tree::{InstallPath, Kind, PayloadType},
};

/// Codes of sources that are not there.
const MISSING: &[&str] =
    &["source.missing", "ollama.no-store", "ollama.no-tag", "hf.missing", "fetch.missing"];

/// What an item's source or text holds; `None` when that is an error or optional and missing.
pub(super) fn content(work: &mut Work<'_>, item: &Spanned<FileItem>) -> Option<Arc<Found>> {
    match (&item.source, &item.text) {
        (Some(source), None) => {
            let problems = match find(work, source, item.unpack) {
                Ok(found) => return Some(found),
                Err(problems) => problems,
            };
            let missing = problems.iter().all(|problem| MISSING.contains(&problem.code));
            if item.optional && missing {
                work.absent.push(source.to_string());
            } else {
                let place = source.place.as_ref().or(item.place.as_ref());
                work.problems(problems, place);
            }
            None
        }
        (None, Some(text)) => {
            let dest = item.dest.as_ref().map_or("", |dest| dest);
            let below = dest.rsplit('/').next().unwrap_or(dest).to_owned();
            let blob = work.sources.text(text);
            let kind = ItemKind::File { blob, executable: false };
            let items = vec![Item { below, kind }];
            Some(Arc::new(Found { single: true, items, ..Found::default() }))
        }
        // Both or neither is refused where the manifest is read.
        _ => None,
    }
}

fn find(work: &Work<'_>, source: &str, unpack: bool) -> Result<Arc<Found>, Vec<Problem>> {
    match Scheme::of(source) {
        Scheme::Ollama if unpack => {
            let text = format!("`{source}` is no archive, so `unpack` means nothing");
            Err(vec![Problem::new("unpack.kind", text)])
        }
        Scheme::Ollama => work.sources.ollama(source, work.settings),
        Scheme::HuggingFace => work.sources.hugging_face(source, work.settings),
        Scheme::Path | Scheme::Url => {
            let root = work.root.payload.root.as_ref().map(|root| root.0.as_str());
            if unpack {
                work.sources.unpacked(root, source)
            } else {
                work.sources.find(root, source)
            }
        }
    }
}

/// What comes with the content: pins, and the texts of licences, which are entries of their own
/// beside those of the `model`.
pub(super) fn beside(
    work: &mut Work<'_>,
    found: &Found,
    model: &Entry,
    place: Option<&Place>,
) -> Vec<Entry> {
    for pin in &found.pins {
        work.pins.push(Pin { place: place.cloned(), ..pin.clone() });
    }
    if let Some(name) =
        found.unlicensed.as_ref().filter(|_| work.root.package.license_files.is_empty())
    {
        let message = format!("`{name}` comes without the text of its licence");
        let warning = Diagnostic::usage("ollama.license", message).at(place.cloned());
        work.found.warning(warning.hint("name the text in `license-files`"));
    }
    if let Some((name, oldest)) = &found.requires {
        requires::check(work, name, oldest, place);
    }
    let entry = |(name, blob): &(String, Blob)| {
        let dest = Dest::InType(InstallPath::parse(name).ok()?);
        let kind = Kind::File(blob.clone());
        let (role, place) = (PayloadType::License, place.cloned());
        Some(Entry { role, dest, kind, place, ..model.clone() })
    };
    found.licenses.iter().filter_map(entry).collect()
}

/// A file of an item as the user would type it.
pub(super) fn typed(item: &FileItem, below: &str) -> String {
    let Some(source) = &item.source else { return below.to_owned() };
    let trimmed = source.trim_end_matches('/');
    let name = trimmed.rsplit('/').next().unwrap_or(trimmed);
    if name == below {
        return trimmed.to_owned();
    }
    let fixed = trimmed.split('/').take_while(|part| !part.contains(['*', '?', '[', '{']));
    let fixed = fixed.collect::<Vec<_>>().join("/");
    if fixed.is_empty() { below.to_owned() } else { format!("{fixed}/{below}") }
}
