//! Names of variants and components.

use super::work::Work;
use crate::{
    diagnostic::{Diagnostic, Place},
    package::{Entry, Family, PackageName, Variant},
    payload::Blob,
    tree::{InstallPath, PayloadType},
};

/// What the package is called, and what it belongs to.
pub(super) fn find(work: &mut Work<'_>) -> (PackageName, Family) {
    let base = work.root.package.name.value.clone();
    let mut family = Family::alone(base.clone());
    let Some(mine) = work.job.variant.as_deref() else { return (base, family) };
    let (mut name, mut sisters) = (base.clone(), Vec::new());
    for (variant, table) in &work.root.variant {
        let suffix = match &table.keys.suffix {
            _ if table.keys.default => String::new(),
            Some(suffix) => suffix.value.0.clone(),
            None => format!("-{variant}"),
        };
        let place = work.tree.find(&["variant", variant]).and_then(|node| node.place.as_ref());
        match joined(&base, &suffix, place) {
            Ok(joined) if variant == mine => name = joined,
            Ok(joined) => sisters.push(joined),
            Err(error) => work.found.error(error),
        }
    }
    family.variant = Some(Variant { name: mine.to_owned(), sisters });
    (name, family)
}

/// The file that says which variant is installed.
pub(super) fn marker(family: &Family) -> Option<Entry> {
    let variant = family.variant.as_ref()?;
    let below = InstallPath::parse(Variant::MARKER).expect("it is a file name");
    let text = Blob::from_bytes(format!("{}\n", variant.name));
    Some(Entry::file(PayloadType::Data, below, text, 0o644))
}

/// A name and what is appended to it.
pub(super) fn joined(
    base: &PackageName,
    suffix: &str,
    place: Option<&Place>,
) -> Result<PackageName, Diagnostic> {
    let text = format!("{base}{suffix}");
    PackageName::parse(&text).map_err(|error| {
        let message = format!("`{text}` cannot be the name of a package: {error}");
        Diagnostic::usage("package.name", message).at(place.cloned())
    })
}
