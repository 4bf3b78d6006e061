//! Is this program for this target?

use super::work::Work;
use crate::{
    diagnostic::{Diagnostic, Place},
    package::{Entry, Libc, gpu, program::ProgramError},
    payload::Blob,
    tree::{Kind, PayloadType},
};

/// Types whose files are run or loaded on the target.
fn runs(role: PayloadType) -> bool {
    matches!(role, PayloadType::Bin | PayloadType::Libexec | PayloadType::Lib)
}

/// Whether one package serves every architecture: neither the manifest nor the command line names
/// targets, and no file is machine code.
pub(super) fn any_arch(work: &Work<'_>, entries: &[Entry]) -> bool {
    let free = work.settings.targets.is_empty() && work.manifest.tree.get("targets").is_none();
    let machine = |entry: &Entry| match &entry.kind {
        Kind::File(blob) if blob.path().is_some() => {
            !matches!(&*work.sources.program(blob), Ok(None))
        }
        _ => false,
    };
    free && !entries.iter().any(machine)
}

/// A library of a driver fits one kernel module: the one the user has is the right one.
pub(super) fn driver(work: &mut Work<'_>, below: &str, place: Option<&Place>) {
    let name = below.rsplit('/').next().unwrap_or(below);
    if !gpu::is_driver(name) {
        return;
    }
    let message = format!("`{name}` belongs to the graphics driver, and no package may bring it");
    let hint = "it must fit the kernel's module on the user's machine: leave it out, and depend on the driver if nothing works without it";
    work.found.error(Diagnostic::usage("payload.driver", message).at(place.cloned()).hint(hint));
}

/// A program of the wrong architecture or OS is an error; scripts and data are fine.
pub(super) fn check(
    work: &mut Work<'_>,
    role: PayloadType,
    blob: &Blob,
    typed: &str,
    place: Option<&Place>,
) {
    if !runs(role) {
        return;
    }
    let target = work.job.target;
    let looked = work.sources.program(blob);
    match &*looked {
        Ok(None) => {}
        Ok(Some(program)) if !program.fits(target) => {
            let message = format!("`{typed}` is a {program}, but this package is for {target}");
            let hint = "ship it for its own target only (`only`, or a name with `{{ target }}`), or as `data` if nothing runs it here";
            work.found
                .error(Diagnostic::usage("program.target", message).at(place.cloned()).hint(hint));
        }
        Ok(Some(program)) => {
            if target.libc == Some(Libc::Musl) && program.libc() == Some(Libc::Gnu) {
                let message =
                    format!("`{typed}` is linked with glibc, but this package is for {target}");
                work.found.warning(Diagnostic::usage("program.libc", message).at(place.cloned()));
            }
        }
        Err(error @ ProgramError::Malformed { .. }) => {
            let message = format!("`{typed}` starts like a program, but {error}");
            work.error("program.damaged", message, place);
        }
        Err(error @ ProgramError::Io(_)) => {
            let message = format!("cannot read `{typed}`");
            let error = Diagnostic::usage("source.unreadable", message).caused_by(error);
            work.found.error(error.at(place.cloned()));
        }
    }
}
