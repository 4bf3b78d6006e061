//! `pkggen check`: what `build` would say, without building.

use std::collections::BTreeSet;

use super::{
    Outcome,
    args::Flags,
    session::Session,
    ui::{Problem, Ui, count},
};
use crate::build::{Planned, Prepared, Signer};

/// Looks at everything and writes nothing.
pub(super) fn run(formats: &[String], flags: &Flags, ui: &Ui) -> Outcome {
    let prepared = Session::open(flags, ui)?.prepare(formats)?;
    ui.warnings(&prepared.found);
    for line in super::plan::left_out_lines(&prepared) {
        ui.note(&line);
    }
    for line in signers(&prepared) {
        ui.note(&line);
    }
    ui.note(&format!("{} can be made", count(prepared.planned.len(), "artifact")));
    ui.document(&serde_json::json!({
        "left_out": super::plan::left_out(&prepared),
        "signers": signers(&prepared),
        "errors": [],
        "warnings": Problem::warnings(&prepared.found),
    }));
    Ok(0)
}

/// Whether the key is there, each answer once.
fn signers(prepared: &Prepared) -> BTreeSet<String> {
    let line = |plan: &Planned| match &plan.signer {
        Signer::By(identity) => format!("signed by gpg: {}", identity.fingerprint()),
        Signer::Nobody(why) => format!("unsigned: {why}"),
    };
    prepared.planned.iter().map(line).collect()
}
