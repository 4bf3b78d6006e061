//! The matrix: which targets, in which formats.

mod detect;
mod formats;
mod variants;

use std::collections::BTreeMap;

use super::{Job, LeftOut, Settings, source::Sources};
use crate::{
    diagnostic::{Class, Diagnostic, Diagnostics, Place},
    manifest::{Manifest, Platform, Spanned, Targets, decode_key},
    package::{Libc, Os, Target},
};
use formats::{Formats, Wanted};

/// Everything that is to be made, and what is not.
#[derive(Clone, Debug, Default)]
pub struct Matrix {
    /// In the manifest's order: systems, architectures, formats.
    pub jobs: Vec<Job>,
    /// What could be expected and is not made.
    pub left_out: Vec<LeftOut>,
    /// What is asked for and cannot be made, while all of `jobs` can.
    pub errors: Vec<Diagnostic>,
    /// What is unusual, but allowed.
    pub warnings: Vec<Diagnostic>,
}

/// A target and where it was written.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    target: Target,
    place: Option<Place>,
    /// Formats as written; empty for the defaults of the system.
    formats: Vec<Spanned<String>>,
}

/// What is to be made of a manifest. All errors at once; those of formats that cannot be made stop
/// only themselves.
pub fn matrix(
    manifest: &Manifest,
    settings: &Settings,
    sources: &Sources,
) -> Result<Matrix, Diagnostics> {
    let mut work =
        Work { manifest, settings, sources, out: Matrix::default(), found: Diagnostics::default() };
    let variants = variants::of(&mut work);
    let formats = Formats::of(manifest);
    let asked = formats.asked(&settings.formats, &mut work.found);
    let candidates = work.candidates();
    let mut wanted = Vec::new();
    for candidate in &candidates {
        let rows = formats.of_candidate(candidate, &asked, settings, &mut work);
        wanted.extend(variants::spread(&variants, candidate.target, &rows, &mut work));
    }
    variants::nothing_for(&variants, &candidates, settings, &mut work.found);
    formats::nothing_for(&asked, &candidates, settings, &mut work.found);
    work.one_file_name_each(&mut wanted);
    work.jobs(wanted)
}

pub(super) struct Work<'a> {
    manifest: &'a Manifest,
    settings: &'a Settings,
    sources: &'a Sources,
    out: Matrix,
    found: Diagnostics,
}

impl Work<'_> {
    fn leave_out(&mut self, what: impl Into<String>, why: impl Into<String>) {
        let row = LeftOut { what: what.into(), why: why.into() };
        if !self.out.left_out.contains(&row) {
            self.out.left_out.push(row);
        }
    }

    /// Targets in the manifest's order, narrowed to those asked for.
    fn candidates(&mut self) -> Vec<Candidate> {
        let targets = match decode_key::<Option<Targets>>(&self.manifest.tree, "targets") {
            Ok(targets) => targets,
            Err(errors) => {
                self.found.append(errors);
                return Vec::new();
            }
        };
        let Some(targets) = targets else {
            if self.settings.targets.is_empty() {
                return detect::all(self);
            }
            let plain = |target| Candidate { target, place: None, formats: Vec::new() };
            return self.settings.targets.iter().copied().map(plain).collect();
        };
        let platforms = [
            (Os::Linux, &targets.linux),
            (Os::Macos, &targets.macos),
            (Os::Windows, &targets.windows),
            (Os::Freebsd, &targets.freebsd),
        ];
        let mut listed = Vec::new();
        for (os, platform) in platforms {
            if let Some(platform) = platform {
                listed.extend(self.platform(os, platform));
            }
        }
        self.narrow(listed)
    }

    fn platform(&mut self, os: Os, platform: &Spanned<Platform>) -> Vec<Candidate> {
        if platform.arch.is_empty() {
            let found = detect::of_os(self, os);
            if found.is_empty() {
                let message = format!("no architecture of {} has all its `bin` sources", os.word());
                let error = Diagnostic::usage("target.none", message).at(platform.place.clone());
                self.found.error(error.hint("list them: arch = [\"x86_64\"]"));
            }
            let formats = &platform.formats;
            return found
                .into_iter()
                .map(|c| Candidate { formats: formats.clone(), ..c })
                .collect();
        }
        // Words that name no target are refused where the manifest is read.
        let listed = platform.arch.iter().filter_map(|arch| {
            let canonical = format!("{}-{}", os.word(), arch.value);
            let target = Target::all().find(|target| target.to_string() == canonical)?;
            let formats = platform.formats.clone();
            Some(Candidate { target, place: arch.place.clone(), formats })
        });
        listed.collect()
    }

    /// Keeps what `--target` asks for; what it asks for and is not listed is an error.
    fn narrow(&mut self, listed: Vec<Candidate>) -> Vec<Candidate> {
        let asked = &self.settings.targets;
        for target in asked {
            if listed.iter().all(|there| there.target != *target) && self.found.is_ok() {
                let message = format!("`{target}` is asked for, and [targets] does not list it");
                let listed: Vec<_> = listed.iter().map(|there| there.target.to_string()).collect();
                let hint = format!("it lists {}", crate::manifest::list(&listed));
                self.found.error(Diagnostic::usage("target.unlisted", message).hint(hint));
            }
        }
        let keep = |there: &Candidate| asked.is_empty() || asked.contains(&there.target);
        listed.into_iter().filter(keep).collect()
    }

    /// Of glibc and musl builds of one architecture, packages of Linux alone have the same name.
    fn one_file_name_each(&mut self, wanted: &mut Vec<Wanted>) {
        let mut gnu = BTreeMap::new();
        for row in wanted.iter().filter(|row| row.target.libc == Some(Libc::Gnu)) {
            gnu.insert((row.target.arch, row.spelling, row.variant.clone()), row.target);
        }
        let clash = |row: &Wanted| {
            let linux_only = row.format.systems == [Os::Linux];
            let musl = linux_only && row.target.libc == Some(Libc::Musl);
            let key = (row.target.arch, row.spelling, row.variant.clone());
            gnu.get(&key).copied().filter(|_| musl)
        };
        wanted.retain(|row| {
            let Some(other) = clash(row) else { return true };
            let what = format!("{} for {}", row.spelling, row.target);
            if row.place.is_none() {
                self.leave_out(what, format!("it has the file name of the one for {other}"));
            } else {
                let message = format!("{what} and for {other} have the same file name");
                let hint = format!("make it in a build of its own: `--target {}`", row.target);
                let error = Diagnostic::usage("target.libc", message).at(row.place.clone());
                self.found.error(error.hint(hint));
            }
            false
        });
    }

    fn jobs(mut self, wanted: Vec<Wanted>) -> Result<Matrix, Diagnostics> {
        if wanted.is_empty() && self.found.is_ok() {
            let why = self.out.left_out.iter().map(|row| format!("{}: {}", row.what, row.why));
            let why: Vec<_> = why.collect();
            let mut error = Diagnostic::cannot("matrix.empty", "nothing is left to be made");
            error.hint = (!why.is_empty()).then(|| why.join("\n"));
            self.found.error(error);
        }
        self.found.sort();
        let is_mistake = |error: &Diagnostic| error.class != Class::Cannot;
        if wanted.is_empty() || self.found.errors.iter().any(is_mistake) {
            return Err(self.found);
        }
        let job = |row: Wanted| {
            let Wanted { target, format, spelling, variant, .. } = row;
            Job { target, format, spelling, variant }
        };
        self.out.jobs = wanted.into_iter().map(job).collect();
        self.out.errors = self.found.errors;
        self.out.warnings = self.found.warnings;
        Ok(self.out)
    }
}

#[cfg(test)]
mod tests;
