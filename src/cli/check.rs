//! `pkggen check`: what `build` would say, without building.

use super::{
    Outcome,
    args::Flags,
    session::Session,
    ui::{Problem, Ui, count},
};

/// Looks at everything and writes nothing.
pub(super) fn run(formats: &[String], flags: &Flags, ui: &Ui) -> Outcome {
    let prepared = Session::open(flags, ui)?.prepare(formats)?;
    ui.warnings(&prepared.found);
    for line in super::plan::left_out_lines(&prepared) {
        ui.note(&line);
    }
    ui.note(&format!("{} can be made", count(prepared.planned.len(), "artifact")));
    ui.document(&serde_json::json!({
        "left_out": super::plan::left_out(&prepared),
        "errors": [],
        "warnings": Problem::warnings(&prepared.found),
    }));
    Ok(0)
}
