//! `pkggen inspect FILE`: what is in a package, ours or not.

use std::path::Path;

use serde::Serialize;

use super::{Outcome, model, ui::Ui};
use crate::{
    diagnostic::Diagnostic,
    format::report::{ReadEntry, ReadKind, Report},
    inspect::{self, text},
    publish,
};

/// Which parts are shown; none means all.
#[derive(Clone, Copy)]
pub(super) struct Parts {
    /// `--files`.
    pub(super) files: bool,
    /// `--scripts`.
    pub(super) scripts: bool,
    /// `--control`.
    pub(super) control: bool,
}

/// An entry in `--json`.
#[derive(Serialize)]
struct Entry<'a> {
    path: &'a str,
    kind: &'a str,
    size: Option<u64>,
    sha256: Option<String>,
    target: Option<&'a str>,
    mode: String,
    owner: &'a str,
    group: &'a str,
    mtime: i64,
    config: bool,
}

/// Prints the report; a package with problems is shown, and is no success.
pub(super) fn run(file: &Path, parts: Parts, ui: &Ui) -> Outcome {
    if model::is_one(file) {
        return model::file(file, ui);
    }
    let report = read(file)?;
    ui.document(&json(&report));
    let Parts { files, scripts, control } = parts;
    if !(files || scripts || control) {
        ui.result(text::report(&report).trim_end());
    }
    for (wanted, text) in [
        (control, text::fields(&report)),
        (control, text::metadata(&report)),
        (files, text::files(&report)),
        (scripts, text::scripts(&report)),
    ] {
        if wanted && !text.is_empty() {
            ui.result(text.trim_end());
        }
    }
    Ok(u8::from(!report.problems.is_empty()))
}

/// A package, or the repository in a folder.
pub(super) fn read(path: &Path) -> Result<Report, Diagnostic> {
    match publish::recognise(path).first() {
        Some(kind) => publish::read(*kind, path, None),
        None => Ok(inspect::inspect(path)?),
    }
}

fn json(report: &Report) -> serde_json::Value {
    let metadata = report.metadata.iter().map(|(name, file)| {
        serde_json::json!({
            "name": name,
            "mode": format!("{:04o}", file.mode),
            "text": String::from_utf8_lossy(&file.content),
        })
    });
    let fields = report.fields.iter();
    serde_json::json!({
        "format": report.format,
        "size": report.len,
        "sha256": report.sha256.map(|digest| digest.to_string()),
        "fields": fields.map(|(name, value)| serde_json::json!({ "name": name, "value": value }))
            .collect::<Vec<_>>(),
        "metadata": metadata.collect::<Vec<_>>(),
        "members": report.members.iter()
            .map(|member| serde_json::json!({ "name": member.name, "size": member.len }))
            .collect::<Vec<_>>(),
        "files": report.entries.iter().map(entry).collect::<Vec<_>>(),
        "signatures": report.signatures,
        "problems": report.problems,
        "notes": report.notes,
    })
}

fn entry(entry: &ReadEntry) -> Entry<'_> {
    let (kind, size, sha256, target) = match &entry.kind {
        ReadKind::Dir => ("dir", None, None, None),
        ReadKind::File { len, sha256, .. } => ("file", Some(*len), Some(sha256.to_string()), None),
        ReadKind::Symlink { target } => ("symlink", None, None, Some(target.as_str())),
        ReadKind::Hardlink { target } => ("hardlink", None, None, Some(target.as_str())),
        ReadKind::Device { .. } => ("device", None, None, None),
        ReadKind::Fifo => ("fifo", None, None, None),
    };
    Entry {
        path: &entry.path,
        kind,
        size,
        sha256,
        target,
        mode: format!("{:04o}", entry.mode),
        owner: &entry.owner,
        group: &entry.group,
        mtime: entry.mtime,
        config: entry.config,
    }
}
