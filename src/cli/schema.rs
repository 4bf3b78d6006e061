//! `pkggen schema`: the JSON Schema of the manifest.

use super::ui::Ui;
use crate::{format::TABLES, manifest};

/// Prints it.
pub(super) fn run(ui: &Ui) {
    let schema = manifest::schema(TABLES);
    let mut text = serde_json::to_vec_pretty(&schema).expect("texts and numbers are JSON");
    text.push(b'\n');
    ui.raw(&text);
}
