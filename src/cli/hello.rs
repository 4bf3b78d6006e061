//! `pkggen` alone: what is in this folder, and what to type next.

use std::path::Path;

use super::ui::Ui;
use crate::{build, manifest::Node};

/// Says it.
pub(super) fn run(ui: &Ui) {
    let (found, next): (String, &[_]) = if Path::new("pkggen.toml").is_file() {
        (manifest(), MANIFEST)
    } else if Path::new("Cargo.toml").is_file() {
        ("this folder has a Cargo.toml, which is enough to start with".into(), CARGO)
    } else {
        ("this folder has no pkggen.toml and no Cargo.toml".into(), NOTHING)
    };
    ui.document(&serde_json::json!({
        "version": super::VERSION,
        "found": found,
        "next": next.iter().map(|row| row.0).collect::<Vec<_>>(),
    }));
    ui.result(&format!("pkggen {}: native packages from one manifest", super::VERSION));
    ui.result(&format!("{found}\n"));
    for (command, about) in next.iter().chain(ALWAYS) {
        ui.result(&format!("  {command:<26} {about}"));
    }
}

/// What the manifest here is about; its mistakes are for `check` to tell.
fn manifest() -> String {
    let Ok(loaded) = build::load(Path::new("pkggen.toml")) else {
        return "this folder has a pkggen.toml with mistakes".into();
    };
    let text = |key| loaded.manifest.tree.find(&["package", key]).and_then(Node::as_str);
    let words: Vec<_> = [text("name"), text("version")].into_iter().flatten().collect();
    format!("this folder has a pkggen.toml: {}", words.join(" "))
}

const MANIFEST: &[(&str, &str)] = &[
    ("pkggen check", "look for mistakes"),
    ("pkggen plan", "see what would be made"),
    ("pkggen build", "make it"),
];
const CARGO: &[(&str, &str)] = &[
    ("pkggen plan", "see what would be made"),
    ("pkggen deb", "make the Debian package"),
    ("pkggen init --from cargo", "write a pkggen.toml to change things"),
];
const NOTHING: &[(&str, &str)] = &[("pkggen init", "write a first pkggen.toml from these files")];
const ALWAYS: &[(&str, &str)] = &[("pkggen --help", "everything else")];
