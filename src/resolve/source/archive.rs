//! What is in archives.

use super::{Found, Item, ItemKind, Problem, Sources};
use crate::{
    diagnostic::Diagnostic,
    fetch::{Member, MemberKind},
};

/// The members of all archives that a source stands for.
pub(super) fn find(
    sources: &Sources,
    archives: &Found,
    source: &str,
) -> Result<Found, Vec<Problem>> {
    let (mut items, mut problems) = (Vec::new(), Vec::new());
    for archive in &archives.items {
        let shown = if archives.single { source } else { &archive.below };
        match members(sources, archive, shown) {
            Ok(members) => items.extend(members),
            Err(problem) => problems.push(problem),
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    items.sort_by(|a, b| a.below.split('/').cmp(b.below.split('/')));
    Ok(Found { items, pins: archives.pins.clone(), ..Found::default() })
}

fn members(sources: &Sources, archive: &Item, shown: &str) -> Result<Vec<Item>, Problem> {
    let ItemKind::File { blob, .. } = &archive.kind else {
        let text = format!("`{shown}` is no file that could be unpacked");
        return Err(Problem::new("unpack.kind", text));
    };
    let members = sources.fetcher()?.unpack(blob, shown);
    let members = members.map_err(|error| Problem::from(Diagnostic::from(error)))?;
    let item = |Member { path, kind }| {
        let kind = match kind {
            MemberKind::EmptyDir => ItemKind::EmptyDir,
            MemberKind::Symlink(target) => ItemKind::Symlink(target),
            MemberKind::File { file, executable } => {
                ItemKind::File { blob: sources.cached(&file)?, executable }
            }
        };
        Ok(Item { below: path, kind })
    };
    members.into_iter().map(item).collect()
}
