//! What is said of `pkggen.lock`, and when it is written.

use serde::Serialize;

use super::ui::{Ui, size};
use crate::resolve::{Change, Lock, PinKind, Seen};

/// A source in `--json`.
#[derive(Serialize)]
pub(super) struct Row<'a> {
    change: &'static str,
    source: &'a str,
    kind: &'static str,
    sha256: String,
    size: u64,
}

#[derive(Serialize)]
struct Event<'a> {
    reason: &'static str,
    #[serde(flatten)]
    row: &'a Row<'a>,
}

/// What is new and what has changed.
pub(super) fn rows(change: &Change) -> Vec<Row<'_>> {
    let added = change.added.iter().map(|seen| row("added", seen));
    added.chain(change.changed.iter().map(|seen| row("changed", seen))).collect()
}

fn row<'a>(change: &'static str, seen: &'a Seen) -> Row<'a> {
    let Seen { source, kind, sha256, size } = seen;
    Row { change, source, kind: kind.word(), sha256: sha256.to_string(), size: *size }
}

/// Blobs of a model follow from its manifest.
fn is_said(row: &Row<'_>) -> bool {
    row.kind != PinKind::OllamaBlob.word()
}

/// Writes what is new, and says so. A folder that cannot be written to does not undo what was made:
/// the next run sees the same sources for the first time again.
pub(super) fn write(lock: &mut Lock, change: &Change, ui: &Ui) {
    if change.is_empty() {
        return;
    }
    if let Err(error) = lock.write(change) {
        ui.note(&format!("note: `{}` cannot be written, nothing is pinned: {error}", lock.shown()));
        return;
    }
    for row in rows(change) {
        ui.event(&Event { reason: "lock", row: &row });
        if !is_said(&row) {
            continue;
        }
        let Row { change, source, sha256, size: bytes, .. } = row;
        let verb = if change == "added" { "pinned" } else { "accepted" };
        let (file, digest) = (lock.shown(), &sha256[..12]);
        ui.note(&format!("note: {verb} `{source}` in `{file}`: sha256 {digest}…, {}", size(bytes)));
    }
}

/// Says what a build would write.
pub(super) fn tell(lock: &Lock, change: &Change, ui: &Ui) {
    for seen in change.added.iter().filter(|seen| is_said(&row("added", seen))) {
        let (source, file) = (&seen.source, lock.shown());
        ui.note(&format!("note: `{source}` is not in `{file}` yet; `pkggen build` adds it"));
    }
}
