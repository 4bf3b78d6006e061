//! What the manifest would make in place of a package.

use std::path::{Path, PathBuf};

use crate::{
    build::{self, Prepared},
    cli::{args::Flags, session::Session, ui::Ui},
    diagnostic::{Diagnostic, Diagnostics},
    format::report::Report,
    inspect::{self, Change, Difference, Part},
};

/// What came of comparing a package with the manifest.
pub(super) enum Outcome {
    /// There is no manifest, or it makes no package of this name.
    Nothing,
    /// It was compared.
    Compared {
        /// Where they do not agree.
        problems: Vec<String>,
        /// What is unusual, but allowed.
        notes: Vec<String>,
    },
    /// It could not be, and why.
    NotCompared(String),
}

/// The manifest that packages are compared with, and all that it would make.
pub(super) struct Plans<'a>(Option<Result<(Session<'a>, Prepared), Diagnostics>>);

/// Flags that find the manifest: the named one, else the `pkggen.toml` of this folder, if there is
/// one. What cannot be made does not keep the others from being compared.
pub(super) fn flags(flags: &Flags) -> Option<Flags> {
    let here = Path::new("pkggen.toml");
    let there = || here.exists().then(|| PathBuf::from(here));
    let manifest = flags.manifest.clone().or_else(there)?;
    Some(Flags { manifest: Some(manifest), keep_going: true, ..flags.clone() })
}

impl<'a> Plans<'a> {
    /// Decides what the manifest would make; without flags there is none. One that was `named` must
    /// be readable.
    pub(super) fn open(
        flags: Option<&'a Flags>,
        named: bool,
        ui: &'a Ui,
    ) -> Result<Self, Diagnostics> {
        let Some(flags) = flags else { return Ok(Self(None)) };
        let plans = match Session::open(flags, ui) {
            Err(errors) if named => return Err(errors),
            Err(errors) => Err(errors),
            Ok(session) => session.prepare_unsigned().map(|prepared| (session, prepared)),
        };
        Ok(Self(Some(plans)))
    }

    /// Compares a package of this name.
    pub(super) fn compare(&self, name: &str, found: &Report) -> Outcome {
        let Some(plans) = &self.0 else { return Outcome::Nothing };
        let compared = plans.as_ref().map_err(Clone::clone).and_then(|(session, prepared)| {
            let Some(planned) = planned(session, prepared, name)? else { return Ok(None) };
            let differences = inspect::diff(&planned, found);
            if differences.iter().any(is_time)
                && let Some(time) = latest(found)
                && let Some(planned) = planned_at(session, time, name)
                && inspect::diff(&planned, found).is_empty()
            {
                let note = format!("made with SOURCE_DATE_EPOCH={time}, else as the manifest says");
                return Ok(Some((Vec::new(), vec![note])));
            }
            Ok(Some((differences.iter().map(problem).collect(), Vec::new())))
        });
        match compared {
            Ok(None) => Outcome::Nothing,
            Ok(Some((problems, notes))) => Outcome::Compared { problems, notes },
            Err(errors) => Outcome::NotCompared(reason(&errors)),
        }
    }
}

/// What the package of this name would hold, if one is planned.
fn planned(
    session: &Session<'_>,
    prepared: &Prepared,
    name: &str,
) -> Result<Option<Report>, Diagnostics> {
    if let Some(plan) = prepared.planned.iter().find(|plan| plan.file_name == name) {
        return Ok(Some(build::expected(plan, &session.bench()?)?));
    }
    // It may be one of those that are not planned; what no version here makes is none of them.
    let mut found = prepared.found.clone();
    found.errors.retain(|error| error.code != "format.later");
    if found.is_ok() { Ok(None) } else { Err(found) }
}

fn planned_at(session: &Session<'_>, time: u64, name: &str) -> Option<Report> {
    planned(session, &session.prepare_at(time).ok()?, name).ok()?
}

fn reason(found: &Diagnostics) -> String {
    let line = |error: &Diagnostic| match &error.place {
        Some(place) => format!("{} ({place})", error.message),
        None => error.message.clone(),
    };
    found.errors.first().map_or_else(|| "it makes nothing".to_owned(), line)
}

fn is_time(difference: &Difference) -> bool {
    let time = |aspect: &str| aspect.contains("time");
    difference.part == Part::Artifact
        && matches!(difference.change, Change::Changed { aspect, .. } if time(aspect))
}

/// Every entry of a package has one time; seconds since 1970.
fn latest(found: &Report) -> Option<u64> {
    let latest = found.entries.iter().map(|entry| entry.mtime).max()?;
    u64::try_from(latest).ok()
}

fn problem(difference: &Difference) -> String {
    let Difference { part, name, change } = difference;
    match change {
        Change::Removed(what) => {
            format!("{} {name}: the manifest has it, the package has not ({what})", part.word())
        }
        Change::Added(what) => {
            format!("{} {name}: the package has it, the manifest has not ({what})", part.word())
        }
        _ => format!("not as the manifest says: {difference}"),
    }
}
