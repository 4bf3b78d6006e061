//! The same for several variants: cpu, cuda, rocm.

use super::{Candidate, Wanted, Work};
use crate::{
    diagnostic::{Diagnostic, Diagnostics},
    manifest::{Manifest, Node, Variant, advice, decode, list},
    package::Target,
    resolve::Settings,
};

/// A variant of the manifest that is asked for.
pub(super) struct Flavour {
    name: String,
    /// Words of systems and targets; empty for all.
    only: Vec<String>,
}

impl Flavour {
    fn is_for(&self, target: Target) -> bool {
        let fits = |word: &String| *word == target.os.word() || *word == target.to_string();
        self.only.is_empty() || self.only.iter().any(fits)
    }
}

/// All variants of a manifest, in its order.
fn all(manifest: &Manifest) -> Result<Vec<(String, Variant)>, Diagnostics> {
    let rows = manifest.tree.get("variant").into_iter().flat_map(Node::rows);
    rows.map(|(key, node)| Ok((key.name.clone(), decode::<Variant>(node)?))).collect()
}

/// The one that takes the bare name.
pub(super) fn default(manifest: &Manifest) -> Option<String> {
    let all = all(manifest).ok()?;
    all.into_iter().find(|(_, variant)| variant.keys.default).map(|(name, _)| name)
}

/// Those that are asked for; one that is not there is an error.
pub(super) fn of(work: &mut Work<'_>) -> Vec<Flavour> {
    let there = match all(work.manifest) {
        Ok(there) => there,
        Err(errors) => {
            work.found.append(errors);
            return Vec::new();
        }
    };
    let asked = &work.settings.variants;
    for word in asked.iter().filter(|word| there.iter().all(|(name, _)| name != *word)) {
        let message = format!("the manifest has no variant `{word}`");
        let mut error = Diagnostic::usage("variant.unknown", message);
        error.hint = advice(word, there.iter().map(|(name, _)| name.as_str()));
        work.found.error(error);
    }
    let wanted = there.into_iter().filter(|(name, _)| asked.is_empty() || asked.contains(name));
    let flavour = |(name, variant): (String, Variant)| {
        let only = variant.keys.only.iter().map(|word| word.value.0.clone()).collect();
        Flavour { name, only }
    };
    wanted.map(flavour).collect()
}

/// What is wanted of one target, once for every variant that is made for it.
pub(super) fn spread(
    flavours: &[Flavour],
    target: Target,
    rows: &[Wanted],
    work: &mut Work<'_>,
) -> Vec<Wanted> {
    if flavours.is_empty() {
        return rows.to_vec();
    }
    let mut spread = Vec::new();
    for flavour in flavours {
        if flavour.is_for(target) {
            let variant = Some(flavour.name.clone());
            spread
                .extend(rows.iter().cloned().map(|row| Wanted { variant: variant.clone(), ..row }));
        } else if !rows.is_empty() {
            let what = format!("variant {} for {target}", flavour.name);
            work.leave_out(what, format!("it is only for {}", list(&flavour.only)));
        }
    }
    spread
}

/// A variant that was asked for and that no target has.
pub(super) fn nothing_for(
    flavours: &[Flavour],
    candidates: &[Candidate],
    settings: &Settings,
    found: &mut Diagnostics,
) {
    let asked = flavours.iter().filter(|flavour| settings.variants.contains(&flavour.name));
    let nowhere = |flavour: &&Flavour| !candidates.iter().any(|there| flavour.is_for(there.target));
    for flavour in asked.filter(nowhere).filter(|_| !candidates.is_empty()) {
        let targets: Vec<_> = candidates.iter().map(|there| there.target.to_string()).collect();
        let message = format!(
            "variant `{}` is asked for, and it is only for {}, not for {}",
            flavour.name,
            list(&flavour.only),
            list(&targets)
        );
        found.error(Diagnostic::cannot("variant.target", message));
    }
}
