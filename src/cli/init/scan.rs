//! What is in a folder, as far as a package is concerned.

use std::{
    fs::{self, File},
    io::Read,
    path::{Path, PathBuf},
};

use crate::{
    package::{Target, program::Program},
    tree::PayloadType,
};

/// A file worth shipping.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// Relative to the folder, with `/`.
    pub(super) path: String,
    /// What it looks like.
    pub(super) role: PayloadType,
    /// Why we think so.
    pub(super) why: String,
    /// The targets a program is for; empty for scripts and data.
    pub(super) targets: Vec<Target>,
}

/// How deep to look.
const DEPTH: usize = 4;
/// Folders that hold sources, dependencies or earlier results.
const SKIPPED: &[&str] = &[
    "node_modules",
    "vendor",
    "tests",
    "test",
    "testdata",
    "fixtures",
    "examples",
    "benches",
    "deps",
    "incremental",
    "CMakeFiles",
    "debug",
    "__pycache__",
    "venv",
    "dist",
];
/// Programs that build the product rather than being it.
const BUILDERS: &[&str] = &["configure", "gradlew", "mvnw", "bootstrap", "autogen", "rustup-init"];
/// Configuration of development tools rather than of the product.
const TOOLING: &[&str] = &[
    "cargo.toml",
    "pkggen.toml",
    "rustfmt.toml",
    "clippy.toml",
    "deny.toml",
    "cross.toml",
    "rust-toolchain.toml",
    "pyproject.toml",
    "poetry.toml",
    "uv.toml",
    "release.toml",
    "setup.cfg",
    "tox.ini",
    "pytest.ini",
    "docker-compose.yml",
    "docker-compose.yaml",
    "compose.yaml",
    "compose.yml",
    "mkdocs.yml",
    "codecov.yml",
    "netlify.toml",
    "book.toml",
    "typos.toml",
    "cliff.toml",
    "dist-workspace.toml",
    "pnpm-workspace.yaml",
    "taskfile.yml",
    "packager.toml",
    "nfpm.yaml",
    "snapcraft.yaml",
];

/// Everything worth shipping, sorted by path.
pub(super) fn scan(root: &Path) -> Vec<Found> {
    let mut found = Vec::new();
    walk(root, "", 0, &mut found);
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

fn walk(dir: &Path, prefix: &str, depth: usize, found: &mut Vec<Found>) {
    // A folder that may not be read has nothing for us.
    for item in fs::read_dir(dir).into_iter().flatten().flatten() {
        let Ok(name) = item.file_name().into_string() else { continue };
        let Ok(kind) = item.file_type() else { continue };
        if name.starts_with('.') || kind.is_symlink() {
            continue;
        }
        let path = format!("{prefix}{name}");
        if kind.is_file() {
            found.extend(classify(&item.path(), path));
        } else if depth < DEPTH && !SKIPPED.contains(&name.as_str()) {
            walk(&item.path(), &format!("{path}/"), depth + 1, found);
        }
    }
}

/// What a file is, from its name and its first bytes.
fn classify(file: &Path, path: String) -> Option<Found> {
    let (role, why, targets) = by_name(&path).or_else(|| program(file, &path))?;
    Some(Found { path, role, why, targets })
}

type Guess = (PayloadType, String, Vec<Target>);

fn by_name(path: &str) -> Option<Guess> {
    let (dir, name) = path.rsplit_once('/').unwrap_or(("", path));
    let lower = name.to_lowercase();
    let (stem, extension) = lower.rsplit_once('.').unwrap_or((&lower, ""));
    let top = !path.contains('/');
    let in_dir = |names: &[&str]| dir.split('/').any(|part| names.contains(&part));
    let plain = |role, why: &str| Some((role, why.to_owned(), Vec::new()));
    match extension {
        _ if in_dir(&["src"]) => None,
        "service" => plain(PayloadType::Service, "systemd unit"),
        "gguf" | "onnx" | "safetensors" => plain(PayloadType::Model, "model weights"),
        "1" | "2" | "3" | "4" | "5" | "6" | "7" | "8" if !stem.contains(".so") => {
            plain(PayloadType::Man, "manual page")
        }
        "bash" | "fish" | "zsh" if in_dir(&["completions", "completion"]) => {
            plain(PayloadType::Completion, "shell completion")
        }
        _ if top && stem == "readme" => plain(PayloadType::Doc, "documentation"),
        "toml" | "conf" | "ini" | "yaml" | "yml" | "cfg"
            if (top || in_dir(&["config", "conf", "etc"]))
                && !TOOLING.contains(&lower.as_str()) =>
        {
            plain(PayloadType::Config, "kept when the administrator edits it")
        }
        _ => None,
    }
}

fn program(file: &Path, path: &str) -> Option<Guess> {
    let name = path.rsplit('/').next().unwrap_or(path);
    let stem = name.strip_suffix(".sh").unwrap_or(name);
    let helper = ["build", "install", "uninstall", "test", "run-tests", "release", "ci", "setup"];
    if BUILDERS.contains(&name) || (name != stem && helper.contains(&stem)) || is_library(name) {
        return None;
    }
    let mut opened = File::open(file).ok()?;
    if let Ok(Some(program)) = Program::read(&mut opened) {
        let targets: Vec<_> = Target::all().filter(|target| program.fits(*target)).collect();
        let words = program.machines.iter().map(|m| m.words.as_str()).collect::<Vec<_>>();
        let runs =
            is_executable(file) || Path::new(name).extension().is_some_and(|end| end == "exe");
        return runs.then(|| (PayloadType::Bin, format!("program, {}", words.join(", ")), targets));
    }
    let mut head = [0; 2];
    let mut opened = File::open(file).ok()?;
    opened.read_exact(&mut head).ok()?;
    let script = head == *b"#!" && is_executable(file);
    script.then(|| (PayloadType::Bin, "executable script".to_owned(), Vec::new()))
}

fn is_library(name: &str) -> bool {
    let ends = |extension| Path::new(name).extension().is_some_and(|there| there == extension);
    ["so", "dylib", "dll", "o", "a", "rlib"].into_iter().any(ends) || name.contains(".so.")
}

#[cfg(unix)]
fn is_executable(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(file).is_ok_and(|meta| meta.permissions().mode() & 0o100 != 0)
}

#[cfg(not(unix))]
fn is_executable(_: &Path) -> bool {
    true
}

/// The first file of the folder whose name starts like one of these, whatever its case.
pub(super) fn named(root: &Path, starts: &[&str]) -> Option<String> {
    let mut names: Vec<_> = fs::read_dir(root)
        .into_iter()
        .flatten()
        .flatten()
        .filter(|item| item.file_type().is_ok_and(|kind| kind.is_file()))
        .filter_map(|item| item.file_name().into_string().ok())
        .filter(|name| starts.iter().any(|start| name.to_lowercase().starts_with(start)))
        .collect();
    names.sort();
    names.into_iter().next()
}

/// All licence texts of the folder.
pub(super) fn licences(root: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(root)
        .into_iter()
        .flatten()
        .flatten()
        .filter(|item| item.file_type().is_ok_and(|kind| kind.is_file()))
        .filter(|item| {
            let name = item.file_name().to_string_lossy().to_lowercase();
            ["licen", "copying", "unlicense"].iter().any(|start| name.starts_with(start))
        })
        .map(|item| item.path())
        .collect();
    files.sort();
    files
}

/// The SPDX identifier of a licence text, for the common ones.
pub(super) fn spdx(text: &str) -> Option<&'static str> {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let has = |part: &str| text.contains(part);
    let marks: [(&'static str, bool); 11] = [
        ("Apache-2.0", has("Apache License") && has("Version 2.0")),
        ("AGPL-3.0-or-later", has("GNU AFFERO GENERAL PUBLIC LICENSE")),
        ("LGPL-3.0-or-later", has("GNU LESSER GENERAL PUBLIC LICENSE Version 3")),
        ("LGPL-2.1-or-later", has("GNU LESSER GENERAL PUBLIC LICENSE Version 2.1")),
        ("GPL-3.0-or-later", has("GNU GENERAL PUBLIC LICENSE Version 3")),
        ("GPL-2.0-or-later", has("GNU GENERAL PUBLIC LICENSE Version 2")),
        ("MPL-2.0", has("Mozilla Public License") && has("2.0")),
        (
            "MIT",
            has("Permission is hereby granted, free of charge, to any person obtaining a copy"),
        ),
        (
            "BSD-3-Clause",
            has("Redistribution and use in source and binary") && has("Neither the name"),
        ),
        ("BSD-2-Clause", has("Redistribution and use in source and binary")),
        ("ISC", has("Permission to use, copy, modify, and/or distribute this software")),
    ];
    marks.into_iter().find(|(_, fits)| *fits).map(|(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_known_by_their_names() {
        for (path, role) in [
            ("app.toml", Some(PayloadType::Config)),
            ("Cargo.toml", None),
            ("etc/x/app.conf", Some(PayloadType::Config)),
            ("docs/app.1", Some(PayloadType::Man)),
            ("README.md", Some(PayloadType::Doc)),
            ("docs/readme.md", None),
            ("app.service", Some(PayloadType::Service)),
            ("completions/app.fish", Some(PayloadType::Completion)),
            ("m/x.gguf", Some(PayloadType::Model)),
        ] {
            assert_eq!(by_name(path).map(|guess| guess.0), role, "{path}");
        }
    }

    #[test]
    fn common_licences_are_recognised() {
        assert_eq!(spdx(include_str!("../../../LICENSE-MIT")), Some("MIT"));
        assert_eq!(spdx(include_str!("../../../LICENSE-APACHE")), Some("Apache-2.0"));
        assert_eq!(spdx("all rights reserved"), None);
    }
}
