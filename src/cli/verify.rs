//! `pkggen verify FILE|DIR…`: structure, digests and policy of packages.

use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
};

use super::ui::Ui;
use crate::{
    diagnostic::{Diagnostic, Diagnostics},
    inspect::{self, Error, Verdict, sums},
};

/// Checks every package; what is only unusual is an error if `strict`.
pub(super) fn run(paths: &[PathBuf], strict: bool, ui: &Ui) -> u8 {
    let mut files = Vec::new();
    let mut found = Diagnostics::default();
    for path in paths {
        match listed(path) {
            Ok(more) => files.extend(more),
            Err(error) => found.error(error),
        }
    }
    let mut rows = Vec::new();
    for file in files {
        match verdict(&file) {
            Ok(verdict) => rows.push((file.path, verdict)),
            Err(error) => found.error(error),
        }
    }
    let is_good =
        |verdict: &Verdict| verdict.problems.is_empty() && (!strict || verdict.notes.is_empty());
    ui.document(&serde_json::json!({
        "files": rows.iter().map(|(path, verdict)| serde_json::json!({
            "path": path,
            "ok": is_good(verdict),
            "format": verdict.report.as_ref().map(|report| &report.format),
            "sha256": verdict.sha256.map(|digest| digest.to_string()),
            "problems": verdict.problems,
            "notes": verdict.notes,
        })).collect::<Vec<_>>(),
        "errors": super::ui::Problem::errors(&found),
    }));
    for (path, verdict) in &rows {
        let word = if is_good(verdict) { "ok" } else { "FAILED" };
        ui.result(&format!("{}: {word}", path.display()));
        for problem in &verdict.problems {
            ui.result(&format!("  problem: {problem}"));
        }
        for note in &verdict.notes {
            ui.result(&format!("  note: {note}"));
        }
    }
    ui.problems(&found);
    let failed = rows.iter().any(|(_, verdict)| !is_good(verdict));
    if failed { 1 } else { found.exit_code() }
}

/// A file to check.
struct Listed {
    path: PathBuf,
    /// Found by looking through a folder: what is no package is passed over.
    guessed: bool,
}

/// A file itself; in a folder the files of SHA256SUMS and every package.
fn listed(path: &Path) -> Result<Vec<Listed>, Diagnostic> {
    if !path.is_dir() {
        return Ok(vec![Listed { path: path.to_owned(), guessed: false }]);
    }
    let failed = |error: io::Error| {
        let text = format!("cannot read `{}`", path.display());
        Diagnostic::usage("inspect.missing", text).caused_by(&error)
    };
    let mut names = BTreeSet::new();
    let text = match fs::read_to_string(path.join(sums::NAME)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        text => text.map_err(failed)?,
    };
    let (listed, malformed) = sums::parse(&text);
    if let Some(line) = malformed.first() {
        let text = format!("`{}` has a line that is no checksum", path.join(sums::NAME).display());
        return Err(Diagnostic::failed("verify.sums", text).label((*line).to_owned()));
    }
    for item in fs::read_dir(path).map_err(failed)? {
        let item = item.map_err(failed)?;
        if let (true, Ok(name)) = (item.path().is_file(), item.file_name().into_string()) {
            names.insert(name);
        }
    }
    names.remove(sums::NAME);
    names.extend(listed.keys().cloned());
    let row = |name: String| Listed { guessed: !listed.contains_key(&name), path: path.join(name) };
    let files: Vec<_> = names.into_iter().map(row).filter(|file| !is_other(file)).collect();
    if files.is_empty() {
        let text = format!("`{}` has no packages", path.display());
        return Err(Diagnostic::usage("verify.empty", text));
    }
    Ok(files)
}

/// A file of a folder that is neither listed nor a package.
fn is_other(file: &Listed) -> bool {
    use std::io::Read as _;
    let mut head = Vec::new();
    let read =
        fs::File::open(&file.path).and_then(|file| file.take(64 << 10).read_to_end(&mut head));
    file.guessed && read.is_ok() && inspect::recognise(&head).is_none()
}

fn verdict(file: &Listed) -> Result<Verdict, Diagnostic> {
    let path = &file.path;
    let expected = sums::beside(path).map_err(|error| {
        let text = format!("cannot read `{}`", path.with_file_name(sums::NAME).display());
        Diagnostic::usage("inspect.missing", text).caused_by(&error)
    })?;
    match inspect::verify(path, expected) {
        // Listed in SHA256SUMS and gone: that is what verification is for.
        Err(Error::Open { source, .. })
            if expected.is_some() && source.kind() == io::ErrorKind::NotFound =>
        {
            let problems = vec!["SHA256SUMS names it, but it is not there".to_owned()];
            Ok(Verdict { problems, ..Verdict::default() })
        }
        other => Ok(other?),
    }
}
