//! Pinned content is read, and compared with what its source and the lock say.

use std::collections::BTreeSet;

use super::Planned;
use crate::{
    diagnostic::{Diagnostic, Diagnostics},
    digest::Want,
    payload::{self, Bench, Blob},
    resolve::{Change, Lock, Pin, Rule},
};

/// Reads all pinned content of these artifacts, or remembers what it was; what the lock would get.
pub fn check(
    planned: &[Planned],
    (lock, rule): (&Lock, Rule),
    bench: &Bench,
) -> Result<Change, Diagnostics> {
    let pins: Vec<Pin> =
        planned.iter().flat_map(|artifact| artifact.pins.iter().cloned()).collect();
    let blobs = pins.iter().map(|pin| &pin.blob).filter(|blob| blob.path().is_some());
    let blobs: Vec<Blob> = blobs.cloned().collect();
    let none = BTreeSet::new();
    payload::ingest(&blobs, &none, Want::Sha256, bench).map_err(Diagnostic::from)?;
    lock.compare(&pins, rule)
}
