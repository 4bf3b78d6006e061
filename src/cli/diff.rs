//! `pkggen diff A B`: two packages, or a package and what the manifest would make.

use std::path::{Path, PathBuf};

use super::{Outcome, args::Flags, session::Session, ui::Ui};
use crate::{
    build,
    diagnostic::{Diagnostic, Diagnostics},
    format::report::Report,
    inspect::{self, Change, Difference},
    publish,
};

/// Prints the differences; 1 when there are some.
pub(super) fn run(a: &Path, b: &Path, flags: &Flags, ui: &Ui) -> Outcome {
    let differences = match (is_manifest(a), is_manifest(b)) {
        (false, false) => inspect::diff(&read(a)?, &read(b)?),
        (true, false) => {
            let found = read(b)?;
            inspect::diff(&planned(a, b, &found, flags, ui)?, &found)
        }
        (false, true) => {
            let found = read(a)?;
            inspect::diff(&found, &planned(b, a, &found, flags, ui)?)
        }
        (true, true) => {
            let text = "one side at least must be a package";
            return Err(Diagnostic::usage("diff.manifests", text).into());
        }
    };
    let rows: Vec<_> = differences.iter().map(row).collect();
    ui.document(&serde_json::json!({ "differences": rows }));
    for difference in &differences {
        ui.result(&difference.to_string());
    }
    Ok(u8::from(!differences.is_empty()))
}

fn row(difference: &Difference) -> serde_json::Value {
    let Difference { part, name, change } = difference;
    let (kind, aspect, from, to) = match change {
        Change::Removed(was) => ("removed", None, Some(was.clone()), None),
        Change::Added(is) => ("added", None, None, Some(is.clone())),
        Change::Changed { aspect, from, to } => {
            ("changed", Some(*aspect), Some(from.clone()), Some(to.clone()))
        }
        Change::Lines(lines) => ("lines", None, None, Some(format!("{} lines", lines.len()))),
    };
    serde_json::json!({
        "part": part.word(), "name": name, "change": kind, "aspect": aspect,
        "from": from, "to": to, "text": difference.to_string(),
    })
}

fn is_manifest(path: &Path) -> bool {
    (path.is_dir() && publish::recognise(path).is_empty())
        || path.extension().is_some_and(|extension| extension == "toml")
}

fn read(path: &Path) -> Result<Report, Diagnostics> {
    Ok(super::inspect::read(path)?)
}

/// What the manifest would make in place of a package: the artifact of its name, else the only one
/// of its format.
fn planned(
    manifest: &Path,
    package: &Path,
    found: &Report,
    flags: &Flags,
    ui: &Ui,
) -> Result<Report, Diagnostics> {
    let flags = Flags { manifest: Some(PathBuf::from(manifest)), ..flags.clone() };
    let session = Session::open(&flags, ui)?;
    let mut prepared = session.prepare_unsigned()?;
    let name = package.file_name().and_then(|name| name.to_str());
    let named = prepared.planned.iter().position(|plan| Some(plan.file_name.as_str()) == name);
    let same = |at: &usize| prepared.planned[*at].format.name() == found.format;
    let alike: Vec<_> = (0..prepared.planned.len()).filter(same).collect();
    let at = match (named, alike.as_slice()) {
        (Some(at), _) => at,
        (None, [at]) => *at,
        (None, _) => {
            let text = format!(
                "`{}` makes {} packages of format {} and none is called `{}`",
                manifest.display(),
                alike.len(),
                found.format,
                package.display()
            );
            let hint = "`--target` chooses one; `pkggen plan` lists them";
            return Err(Diagnostic::usage("diff.which", text).hint(hint).into());
        }
    };
    let plan = prepared.planned.swap_remove(at);
    Ok(build::expected(&plan, &session.bench()?)?)
}
