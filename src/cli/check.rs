//! `pkggen check`: what `build` would say, without building. It alone accepts what has changed.

use std::collections::BTreeSet;

use super::{
    Outcome,
    args::Flags,
    lock,
    session::Session,
    ui::{Problem, Ui, count},
};
use crate::{
    build::{self, Planned, Prepared, Signer},
    diagnostic::Diagnostics,
    resolve::Change,
};

/// Looks at everything, reads what is pinned, and writes nothing but the lock if that is asked for.
pub(super) fn run(formats: &[String], flags: &Flags, ui: &Ui) -> Outcome {
    let session = Session::open(flags, ui)?;
    let mut prepared = session.prepare(formats)?;
    let change = pins(&session, &prepared)?;
    if flags.update_lock {
        lock::write(&mut prepared.lock, &change, ui);
    } else {
        lock::tell(&prepared.lock, &change, ui);
    }
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
        "lock": lock::rows(&change),
        "errors": [],
        "warnings": Problem::warnings(&prepared.found),
    }));
    Ok(0)
}

/// What the lock would get. Without pinned content nothing is opened for it.
fn pins(session: &Session<'_>, prepared: &Prepared) -> Result<Change, Diagnostics> {
    if prepared.planned.iter().all(|plan| plan.pins.is_empty()) {
        return Ok(Change::default());
    }
    build::check(&prepared.planned, (&prepared.lock, prepared.rule), &session.bench()?)
}

/// Whether the key is there, each answer once.
fn signers(prepared: &Prepared) -> BTreeSet<String> {
    let line = |plan: &Planned| match &plan.signer {
        Signer::By(identity) => format!("signed by gpg: {}", identity.fingerprint()),
        Signer::Nobody(why) => format!("unsigned: {why}"),
    };
    prepared.planned.iter().map(line).collect()
}
