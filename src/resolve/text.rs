//! Small text files that end up in metadata.

use crate::{
    diagnostic::Diagnostic,
    payload::{self, Blob},
};
use std::io::Read;

/// The largest text that is read whole, in bytes: changelogs of decades are smaller.
const MAX_TEXT: u64 = 16 << 20;

/// The text of a file; `path` is what the user typed.
pub(super) fn read(blob: &Blob, path: &str) -> Result<String, Diagnostic> {
    String::from_utf8(bytes(blob, path)?)
        .map_err(|_| Diagnostic::usage("source.text", format!("`{path}` is not UTF-8 text")))
}

/// The bytes of a file.
pub(super) fn bytes(blob: &Blob, path: &str) -> Result<Vec<u8>, Diagnostic> {
    if blob.len() > MAX_TEXT {
        let message = format!("`{path}` is {} bytes, too much", blob.len());
        return Err(Diagnostic::usage("source.text", message));
    }
    let mut bytes = Vec::new();
    payload::open(blob)?.read_to_end(&mut bytes).map_err(|error| {
        let message = format!("cannot read `{path}`");
        Diagnostic::usage("source.unreadable", message).caused_by(&error)
    })?;
    Ok(bytes)
}
