//! `pkggen` alone: what is in this folder, and what to type next.

use std::path::Path;

use super::{Outcome, ui::Ui};

/// Says it.
pub(super) fn run(ui: &Ui) -> Outcome {
    let here = |name: &str| Path::new(name).is_file();
    ui.result(&format!("pkggen {}: native packages from one manifest", super::VERSION));
    let (found, next): (_, &[_]) = if here("pkggen.toml") {
        ("this folder has a pkggen.toml", MANIFEST)
    } else if here("Cargo.toml") {
        ("this folder has a Cargo.toml, which is enough to start with", CARGO)
    } else {
        ("this folder has no pkggen.toml and no Cargo.toml", NOTHING)
    };
    ui.result(found);
    ui.result("");
    for (command, about) in next.iter().chain(ALWAYS) {
        ui.result(&format!("  {:<26} {about}", command));
    }
    Ok(0)
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
