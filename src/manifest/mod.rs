//! What the user wrote, with positions. No file access beyond the manifest itself.

use crate::diagnostic::Place;

/// A TOML value with its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Where it was written; `None` for what was derived (Cargo, `--set`).
    pub place: Option<Place>,
}
