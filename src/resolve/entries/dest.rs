//! Where an item goes.

use super::Common;
use crate::{
    diagnostic::{Diagnostic, Place},
    manifest::{Dest as Written, Selector, Spanned},
    package::{Dest, Os, Target},
    resolve::work::Work,
    tree::InstallPath,
};

/// Where a file of an item goes.
pub(super) fn dest(
    work: &mut Work<'_>,
    common: &Common<'_>,
    written: Option<&Spanned<Written>>,
    below: &str,
    single: bool,
) -> Option<Dest> {
    let Some(written) = written else {
        return in_type(work, below, common.place);
    };
    if !written.ends_with('/') && !single {
        let message = format!(
            "`dest` is `{}`, the name of one file, and the source is several",
            written.value
        );
        let hint = format!("a directory to put them in ends in `/`: \"{}/\"", **written);
        let error = Diagnostic::usage("payload.dest", message).at(written.place.clone());
        work.found.error(error.hint(hint));
        return None;
    }
    let full =
        if written.ends_with('/') { format!("{}{below}", **written) } else { written.to_string() };
    full_dest(work, common, written, &full)
}

/// A destination that is written out.
pub(super) fn exact(
    work: &mut Work<'_>,
    common: &Common<'_>,
    written: &Spanned<Written>,
) -> Option<Dest> {
    full_dest(work, common, written, written)
}

fn full_dest(
    work: &mut Work<'_>,
    common: &Common<'_>,
    written: &Spanned<Written>,
    full: &str,
) -> Option<Dest> {
    let place = written.place.as_ref();
    if !written.is_absolute() {
        return in_type(work, full, place);
    }
    if one_os(work, common.only).is_none() {
        let message = format!("`{}` is an absolute path, which exists on one OS only", **written);
        let hint = "add `only = [\"linux\"]`, or give a path relative to the directory of the type";
        let error = Diagnostic::usage("payload.dest", message).at(place.cloned());
        work.found.error(error.hint(hint));
        return None;
    }
    parsed(work, full, place).map(Dest::Absolute)
}

fn in_type(work: &mut Work<'_>, path: &str, place: Option<&Place>) -> Option<Dest> {
    parsed(work, path, place).map(Dest::InType)
}

fn parsed(work: &mut Work<'_>, path: &str, place: Option<&Place>) -> Option<InstallPath> {
    InstallPath::parse(path).map_err(|why| work.error("path.invalid", why.to_string(), place)).ok()
}

/// The one OS that all selectors of `only` belong to.
fn one_os(work: &Work<'_>, only: &[Spanned<Selector>]) -> Option<Os> {
    let formats = work.manifest.tables().iter().flat_map(|table| table.formats);
    let formats: Vec<_> = formats.collect();
    let of = |selector: &str| {
        let os = Os::ALL.into_iter().find(|os| os.word() == selector);
        let target = || Target::all().find(|target| target.to_string() == selector);
        let format = || {
            let format = formats.iter().find(|f| f.name == selector)?;
            if let [os] = format.systems { Some(*os) } else { None }
        };
        os.or_else(|| target().map(|target| target.os)).or_else(format)
    };
    let mut systems = only.iter().map(|selector| of(selector));
    let first = systems.next()??;
    systems.all(|os| os == Some(first)).then_some(first)
}
