//! Models beside the manifest: the lock pins them.

use crate::{
    diagnostic::Place,
    manifest::FileItem,
    resolve::{
        Pin, PinKind,
        source::{Found, Item, ItemKind},
        work::Work,
    },
    tree::PayloadType,
};

/// Notes the files of an item of type `model`. What comes from elsewhere has pins already.
pub(super) fn note(work: &mut Work<'_>, item: &FileItem, found: &Found, place: Option<&Place>) {
    let Some(source) = item.source.as_ref().filter(|_| found.pins.is_empty()) else { return };
    if item.r#type.value != PayloadType::Model {
        return;
    }
    if item.unpack {
        // The archive is what may change; its members follow.
        let root = work.root.payload.root.as_ref().map(|root| root.0.as_str());
        if let Ok(archives) = work.sources.find(root, source) {
            files(work, &archives.items, place);
        }
    } else {
        files(work, &found.items, place);
    }
}

fn files(work: &mut Work<'_>, items: &[Item], place: Option<&Place>) {
    let dir = work.sources.dir();
    let pin = |item: &Item| {
        let ItemKind::File { blob, .. } = &item.kind else { return None };
        let path = blob.path()?;
        let source = path.strip_prefix(dir).unwrap_or(path).to_str()?.to_owned();
        let kind = PinKind::File;
        Some(Pin { blob: blob.clone(), source, kind, sha256: None, place: place.cloned() })
    };
    let pins: Vec<_> = items.iter().filter_map(pin).collect();
    work.pins.extend(pins);
}
