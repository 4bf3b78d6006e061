//! `pkggen build`, and `pkggen FORMAT`: the artifacts, one path a line.

use serde::Serialize;

use super::{
    Outcome,
    args::Flags,
    lock,
    session::Session,
    ui::{Problem, Ui, size},
};
use crate::{
    build::{self, Made, Prepared},
    diagnostic::Diagnostics,
    resolve::Change,
};

/// An artifact in `--json`.
#[derive(Serialize)]
struct Row<'a> {
    target: String,
    variant: Option<&'a str>,
    format: &'a str,
    path: String,
    size: u64,
    sha256: String,
}

#[derive(Serialize)]
struct Event<'a> {
    reason: &'static str,
    #[serde(flatten)]
    row: Row<'a>,
}

fn row(made: &Made) -> Row<'_> {
    Row {
        target: made.target.to_string(),
        variant: None,
        format: &made.spelling,
        path: made.path.display().to_string(),
        size: made.len,
        sha256: made.sha256.to_string(),
    }
}

/// Makes everything that is asked for.
pub(super) fn run(formats: &[String], flags: &Flags, ui: &Ui) -> Outcome {
    let session = Session::compiled(flags, ui)?;
    let mut prepared = session.prepare(formats)?;
    let bench = session.bench()?;
    let planned = std::mem::take(&mut prepared.planned);
    let known = (&prepared.lock, prepared.rule);
    let built = build::make(planned, known, session.out(), flags.keep_going, &bench, &mut |made| {
        announce(made, ui);
    });
    for note in bench.notes() {
        ui.note(&format!("note: {note}"));
    }
    let mut found = prepared.found.clone();
    found.append(built.found);
    if found.is_ok() {
        lock::write(&mut prepared.lock, &built.change, ui);
    }
    report(&prepared, &built.made, &built.change, &found, ui);
    Ok(found.exit_code())
}

/// As soon as an artifact has its name; its path is its line of the result.
fn announce(made: &Made, ui: &Ui) {
    ui.event(&Event { reason: "artifact", row: row(made) });
    ui.result(&made.path.display().to_string());
    ui.detail(&format!("{} {}, sha256 {}", made.path.display(), size(made.len), made.sha256));
}

fn report(prepared: &Prepared, made: &[Made], change: &Change, found: &Diagnostics, ui: &Ui) {
    ui.problems(found);
    for line in super::plan::left_out_lines(prepared) {
        ui.note(&line);
    }
    ui.event(&serde_json::json!({ "reason": "build-finished", "success": found.is_ok() }));
    ui.document(&serde_json::json!({
        "artifacts": made.iter().map(row).collect::<Vec<_>>(),
        "left_out": super::plan::left_out(prepared),
        "lock": lock::rows(change),
        "errors": Problem::errors(found),
        "warnings": Problem::warnings(found),
    }));
}
