//! What a manifest may say already and a later version will do. Asked for, each is one clear error.

use super::work::Work;
use crate::{
    diagnostic::{Diagnostic, Diagnostics, Place},
    package::Os,
};

/// Notes everything that is asked for in this artifact and not done yet.
pub(super) fn check(work: &mut Work<'_>) {
    for service in work.root.service.values() {
        let used = work.selection.uses(&service.only, &service.except);
        let on_windows = work.job.target.os == Os::Windows;
        if let Some(seed) = service.seed.as_ref().filter(|_| used && on_windows) {
            work.found.error(later("`seed` on Windows", seed.place.as_ref()));
        }
    }
}

/// What is not done yet hides files: that a source named after a variant is not there, or that a
/// service's program comes out of an archive, says nothing.
pub(super) fn without_consequences(found: &mut Diagnostics) {
    let later = |error: &Diagnostic| error.code == "feature.later";
    let hides = |error: &Diagnostic| {
        let text = error.place.as_ref().and_then(|p| p.source.text.get(p.span.clone()));
        ["service.exec", "launcher.file"].contains(&error.code)
            || text.is_some_and(|text| text.contains("{{ variant"))
    };
    if found.errors.iter().any(later) {
        found.errors.retain(|error| later(error) || !hides(error));
    }
    // What could not be brought says nothing either of the programs that come with it.
    let brought = |error: &Diagnostic| {
        ["fetch.", "unpack."].iter().any(|start| error.code.starts_with(start))
    };
    if found.errors.iter().any(brought) {
        found.errors.retain(|error| !["service.exec", "launcher.file"].contains(&error.code));
    }
}

pub(super) fn later(what: &str, place: Option<&Place>) -> Diagnostic {
    let are = if what.ends_with('s') && !what.contains(' ') { "are" } else { "is" };
    let message = format!("{what} {are} planned, and not yet done by this version of pkggen");
    Diagnostic::cannot("feature.later", message).at(place.cloned())
}
