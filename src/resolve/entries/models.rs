//! Files of type `model`: GGUF files are whole, and a shard brings its siblings.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use super::stored;
use crate::{
    diagnostic::{Diagnostic, Place},
    manifest::{FileItem, Spanned},
    payload::Blob,
    resolve::{
        Pin, PinKind,
        source::{
            Found, Item, ItemKind, Scheme,
            gguf::{self, shards::Name},
            huggingface,
        },
        work::Work,
    },
    tree::PayloadType,
};

/// What an item of type `model` comes to: with all shards of its models, every GGUF file checked.
pub(super) fn check(
    work: &mut Work<'_>,
    item: &Spanned<FileItem>,
    found: Arc<Found>,
    place: Option<&Place>,
) -> Option<Arc<Found>> {
    if item.r#type.value != PayloadType::Model {
        return Some(found);
    }
    if let Some(name) = &item.r#as {
        return stored::store(work, item, name, &found);
    }
    let mut errors = Vec::new();
    // What was downloaded has no siblings beside it: each shard is an item.
    let alone = item.source.as_ref().is_none_or(|source| Scheme::of(source) == Scheme::Url);
    let found = if alone { found } else { with_siblings(work, found, &mut errors) };
    for content in &found.items {
        if let ItemKind::File { blob, .. } = &content.kind {
            errors.extend(whole(work, content, blob, &super::content::typed(item, &content.below)));
        }
    }
    if errors.is_empty() && !alone {
        errors.extend(groups(&found).values().filter_map(|shards| disagreement(work, shards)));
    }
    let fine = errors.is_empty();
    for error in errors {
        work.found.error(error.at(place.cloned()));
    }
    fine.then_some(found)
}

/// The same with the shards that lie beside those that were named.
fn with_siblings(work: &Work<'_>, found: Arc<Found>, errors: &mut Vec<Diagnostic>) -> Arc<Found> {
    let (mut more, mut pins, mut split) = (Vec::new(), found.pins.clone(), false);
    for shards in groups(&found).into_values() {
        let (first, name) = shards[0].clone();
        let ItemKind::File { blob, executable } = first.kind else { continue };
        let Some(dir) = blob.path().and_then(Path::parent) else { continue };
        let (mut missing, below) = (Vec::new(), first.below.rsplit_once('/'));
        for sibling in name.all() {
            let path = below.map_or_else(|| sibling.clone(), |(dir, _)| format!("{dir}/{sibling}"));
            if found.items.iter().any(|item| item.below == path) {
                continue;
            }
            match work.sources.at(&dir.join(&sibling)) {
                Some(blob) => {
                    pins.extend(sibling_pin(&found, &first.below, &sibling, &blob));
                    more.push(Item { below: path, kind: ItemKind::File { blob, executable } });
                }
                None => missing.push(format!("`{sibling}`")),
            }
        }
        split |= name.count > 1;
        if !missing.is_empty() {
            errors.push(missing_shards(&first.below, name.count, &missing));
        }
    }
    if !split {
        return found;
    }
    let items = found.items.iter().cloned().chain(more);
    let mut items: Vec<_> = items.collect();
    items.sort_by(|a, b| a.below.split('/').cmp(b.below.split('/')));
    Arc::new(Found { single: false, shared: true, items, pins, ..Found::clone(&found) })
}

/// Shards of the Hugging Face cache are pinned like the one that was named.
fn sibling_pin(found: &Found, first: &str, sibling: &str, blob: &Blob) -> Option<Pin> {
    let named = found.pins.iter().find(|pin| pin.kind == PinKind::HuggingFace)?;
    Some(huggingface::pin(named.source.replace(first, sibling), blob.path()?, blob))
}

fn missing_shards(one: &str, count: u32, missing: &[String]) -> Diagnostic {
    let one = one.rsplit('/').next().unwrap_or(one);
    let (list, verb) = (missing.join(", "), if missing.len() == 1 { "does" } else { "do" });
    let message = format!("`{one}` is one of {count} shards; {list} {verb} not exist");
    Diagnostic::usage("gguf.shard-missing", message)
}

/// A file and what its name says.
type Shard = (Item, Name);

/// The shards among the files, by directory and model.
fn groups(found: &Found) -> BTreeMap<(String, String, u32), Vec<Shard>> {
    let mut groups: BTreeMap<_, Vec<Shard>> = BTreeMap::new();
    for item in &found.items {
        let (dir, file_name) = item.below.rsplit_once('/').unwrap_or(("", &item.below));
        let name = Name::parse(file_name).filter(|_| matches!(item.kind, ItemKind::File { .. }));
        if let Some(name) = name {
            let key = (dir.to_owned(), name.prefix.clone(), name.count);
            groups.entry(key).or_default().push((item.clone(), name));
        }
    }
    groups
}

/// Whether a file that says to be GGUF, by name or by content, is whole.
fn whole(work: &Work<'_>, item: &Item, blob: &Blob, typed: &str) -> Option<Diagnostic> {
    let file_name = item.below.rsplit('/').next().unwrap_or(&item.below);
    let named = Path::new(file_name).extension().is_some_and(|e| e.eq_ignore_ascii_case("gguf"));
    let header = work.sources.gguf(blob);
    match &*header {
        Ok(header) => {
            let split = header.split.filter(|_| Name::parse(file_name).is_none())?;
            // A name by digest is refused where stores are made.
            named.then(|| misnamed(typed, file_name, split))
        }
        Err(error) if named || error.says_gguf() => Some(error.about(typed)),
        Err(_) => None,
    }
}

fn misnamed(typed: &str, file_name: &str, split: gguf::Split) -> Diagnostic {
    let (number, count) = (split.number + 1, split.count);
    let message = format!(
        "`{typed}` is shard {number} of {count}, and its name does not say so: llama.cpp finds the others by name"
    );
    let stem = file_name.rsplit_once('.').map_or(file_name, |(stem, _)| stem);
    Diagnostic::usage("gguf.shard-name", message)
        .hint(format!("name it {stem}-{number:05}-of-{count:05}.gguf"))
}

/// Shards of one model that are not parts of the same whole.
fn disagreement(work: &Work<'_>, shards: &[Shard]) -> Option<Diagnostic> {
    let mut counts = Vec::new();
    for (item, name) in shards.iter().filter(|(_, name)| name.count > 1) {
        let ItemKind::File { blob, .. } = &item.kind else { continue };
        let split = work.sources.gguf(blob).as_ref().as_ref().ok()?.split.unwrap_or_default();
        if split.count != 0 && split.number + 1 != u64::from(name.number) {
            let message = format!("`{}` is shard {} inside", item.below, split.number + 1);
            return Some(Diagnostic::usage("gguf.shard-name", message));
        }
        counts.push((name, split.count));
    }
    let (first, count) = *counts.first()?;
    let said = |name: &Name, count: u64| match count {
        0 => format!("missing in {}", ordinal(name.number)),
        count => format!("{count} in {}", ordinal(name.number)),
    };
    let about = format!("shards of `{}` disagree: `split.count` is", first.prefix);
    let other = counts.iter().find(|(_, other)| *other != count);
    let message = match other {
        Some((name, other)) => format!("{about} {} and {}", said(first, count), said(name, *other)),
        None if count != u64::from(first.count) => {
            format!("{about} {}, and their names say {}", said(first, count), first.count)
        }
        None => return None,
    };
    Some(Diagnostic::usage("gguf.shard-count", message))
}

fn ordinal(number: u32) -> String {
    match number {
        1 => "the first".into(),
        2 => "the second".into(),
        3 => "the third".into(),
        number => format!("shard {number}"),
    }
}
