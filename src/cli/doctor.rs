//! `pkggen doctor`: tools of this host and what each adds. None is needed to build.

use std::{env, path::PathBuf};

use serde::Serialize;

use super::ui::Ui;

/// Tools and what they are good for beside pkggen.
#[rustfmt::skip]
const TOOLS: &[(&str, &str)] = &[
    ("cargo",          "builds Rust programs; `cargo metadata` describes a Cargo project without pkggen.toml"),
    ("git",            "`version = { from = \"git-tag\" }` asks it"),
    ("dpkg-deb",       "a second opinion on a .deb: `dpkg-deb --info`, `--contents`"),
    ("dpkg",           "installs a .deb here"),
    ("apt-get",        "installs a .deb with what it depends on"),
    ("lintian",        "Debian's policy checks"),
    ("rpm",            "a second opinion on an .rpm: `rpm -qpil`, `rpm -K`; installs it where rpm does"),
    ("dnf",            "installs an .rpm with what it requires"),
    ("rpmlint",        "the checks of distributions of rpm"),
    ("systemd-nspawn", "`pkggen test` boots a clean system with it"),
    ("debootstrap",    "makes that system"),
    ("systemd-analyze","`systemd-analyze verify` reads a generated unit"),
    ("bsdtar",         "a second opinion on archives"),
    ("unzip",          "a second opinion on a .zip"),
    ("man",            "`pkggen man | man -l -`"),
];

#[derive(Serialize)]
struct Tool {
    name: &'static str,
    path: Option<PathBuf>,
    adds: &'static str,
}

fn find(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    // Administrators' tools are not on everybody's PATH.
    let more = ["/usr/sbin", "/sbin"].map(PathBuf::from);
    let names = [name.to_owned(), format!("{name}{}", env::consts::EXE_SUFFIX)];
    env::split_paths(&path)
        .chain(more)
        .flat_map(|dir| names.clone().map(|name| dir.join(name)))
        .find(|file| file.is_file())
}

/// Prints the table.
pub(super) fn run(ui: &Ui) {
    let tools: Vec<_> =
        TOOLS.iter().map(|(name, adds)| Tool { name, path: find(name), adds }).collect();
    ui.document(&serde_json::json!({ "version": super::VERSION, "tools": tools }));
    ui.result(&format!("pkggen {} needs none of these to build", super::VERSION));
    for Tool { name, path, adds } in &tools {
        let state = if path.is_some() { "found" } else { "-" };
        ui.result(&format!("{name:<16} {state:<6} {adds}"));
    }
}
