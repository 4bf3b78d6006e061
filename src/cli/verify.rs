//! `pkggen verify FILE|DIR…`: structure, digests and policy of packages; against SHA256SUMS and
//! the manifest when they are there.

mod manifest;
mod signature;

use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
};

use super::{Outcome, args::Flags, ui::Ui};
use crate::{
    diagnostic::{Diagnostic, Diagnostics},
    inspect::{self, Error, Verdict, sums},
    publish,
    sign::openpgp::SignedBy,
};
use manifest::Plans;

/// What was found about a file.
struct Row {
    path: PathBuf,
    verdict: Verdict,
    /// What it was compared with.
    compared: Vec<&'static str>,
    /// Whether SHA256SUMS names it.
    listed: bool,
    /// Who signed, with `--key`.
    signed_by: Option<SignedBy>,
}

/// How strictly.
#[derive(Clone, Copy)]
pub(super) struct How<'a> {
    /// What is only unusual is an error.
    pub(super) strict: bool,
    /// The key that must have signed.
    pub(super) key: Option<&'a Path>,
}

/// Checks every package.
pub(super) fn run(paths: &[PathBuf], how: How<'_>, flags: &Flags, ui: &Ui) -> Outcome {
    let key = how.key.map(read_key).transpose()?;
    let certificate = key.as_deref().map(signature::certificate).transpose()?;
    let named = flags.manifest.is_some();
    let flags = manifest::flags(flags);
    let plans = Plans::open(flags.as_ref(), named, ui)?;
    let mut files = Vec::new();
    let mut found = Diagnostics::default();
    let mut rows = Vec::new();
    for path in paths {
        let kinds = publish::recognise(path);
        for kind in &kinds {
            match repository(*kind, path, key.as_deref()) {
                Ok(row) => rows.push(row),
                Err(error) => found.error(error),
            }
        }
        if !kinds.is_empty() {
            continue;
        }
        match listed(path) {
            Ok(more) => files.extend(more),
            Err(error) => found.error(error),
        }
    }
    for file in files {
        let row = row(file, &plans).and_then(|mut row| {
            if let Some(certificate) = &certificate {
                signature::check(&mut row, certificate)?;
            }
            Ok(row)
        });
        match row {
            Ok(row) => rows.push(row),
            Err(error) => found.error(error),
        }
    }
    let is_good = |row: &Row| {
        row.verdict.problems.is_empty() && (!how.strict || row.verdict.notes.is_empty())
    };
    report(&rows, &is_good, &found, ui);
    ui.problems(&found);
    Ok(if rows.iter().all(is_good) { found.exit_code() } else { 1 })
}

fn read_key(path: &Path) -> Result<Vec<u8>, Diagnostic> {
    fs::read(path).map_err(|error| {
        let text = format!("cannot read `{}`", path.display());
        Diagnostic::usage("key.missing", text).caused_by(&error)
    })
}

/// Checks every file of a repository against its indexes, those against what was signed.
fn repository(kind: publish::Kind, path: &Path, key: Option<&[u8]>) -> Result<Row, Diagnostic> {
    let report = publish::read(kind, path, key)?;
    let verdict = Verdict {
        problems: report.problems.clone(),
        notes: report.notes.clone(),
        report: Some(report),
        ..Verdict::default()
    };
    let compared = vec!["signatures", "indexes", "packages"];
    let (listed, signed_by) = (false, None);
    Ok(Row { path: path.to_owned(), verdict, compared, listed, signed_by })
}

fn report(rows: &[Row], is_good: &dyn Fn(&Row) -> bool, found: &Diagnostics, ui: &Ui) {
    let json = |row: &Row| {
        let Row { path, verdict, compared, signed_by, .. } = row;
        serde_json::json!({
            "path": path,
            "ok": is_good(row),
            "compared": compared,
            "format": verdict.report.as_ref().map(|report| &report.format),
            "sha256": verdict.sha256.map(|digest| digest.to_string()),
            "signed_by": signed_by.as_ref().map(|by| &by.primary_fingerprint),
            "problems": verdict.problems,
            "notes": verdict.notes,
        })
    };
    ui.document(&serde_json::json!({
        "files": rows.iter().map(json).collect::<Vec<_>>(),
        "errors": super::ui::Problem::errors(found),
    }));
    for row in rows {
        let word = if is_good(row) { "ok" } else { "FAILED" };
        ui.result(&format!("{}: {word} ({})", row.path.display(), row.compared.join(", ")));
        if let Some(by) = &row.signed_by {
            ui.result(&format!("  signed by {by}"));
        }
        for problem in &row.verdict.problems {
            ui.result(&format!("  problem: {problem}"));
        }
        for note in &row.verdict.notes {
            ui.result(&format!("  note: {note}"));
        }
    }
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

/// Checks a file against itself, SHA256SUMS and the manifest.
fn row(file: Listed, plans: &Plans<'_>) -> Result<Row, Diagnostic> {
    let path = file.path;
    let expected = sums::beside(&path).map_err(|error| {
        let text = format!("cannot read `{}`", path.with_file_name(sums::NAME).display());
        Diagnostic::usage("inspect.missing", text).caused_by(&error)
    })?;
    let mut verdict = match inspect::verify(&path, expected) {
        // Listed in SHA256SUMS and gone: that is what verification is for.
        Err(Error::Open { source, .. })
            if expected.is_some() && source.kind() == io::ErrorKind::NotFound =>
        {
            let problems = vec!["SHA256SUMS names it, but it is not there".to_owned()];
            Verdict { problems, ..Verdict::default() }
        }
        other => other?,
    };
    let mut compared = Vec::new();
    if verdict.report.is_some() {
        compared.extend(["structure", "digests"]);
    }
    compared.extend(expected.map(|_| sums::NAME));
    if compared.is_empty() {
        compared.push("structure");
    }
    if with_manifest(&path, &mut verdict, plans) {
        compared.push("manifest");
    }
    Ok(Row { path, verdict, compared, listed: expected.is_some(), signed_by: None })
}

/// Whether it was compared with what the manifest would make.
fn with_manifest(path: &Path, verdict: &mut Verdict, plans: &Plans<'_>) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    let (Some(report), Some(name)) = (&verdict.report, name) else { return false };
    match plans.compare(name, report) {
        manifest::Outcome::Nothing => false,
        manifest::Outcome::Compared { problems, notes } => {
            verdict.problems.extend(problems);
            verdict.notes.extend(notes);
            true
        }
        manifest::Outcome::NotCompared(why) => {
            verdict.notes.push(format!("manifest not compared: {why}"));
            false
        }
    }
}
