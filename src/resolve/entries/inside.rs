//! What happens inside of a source: new names, links that lead nowhere.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    diagnostic::{Diagnostic, Place},
    manifest::FileItem,
    resolve::{
        source::{Found, ItemKind},
        work::Work,
    },
};

/// New names for paths inside a source.
pub(super) struct Renames<'a> {
    table: &'a BTreeMap<String, String>,
    used: BTreeSet<&'a str>,
}

impl<'a> Renames<'a> {
    pub(super) fn of(item: &'a FileItem) -> Self {
        Self { table: &item.rename, used: BTreeSet::new() }
    }

    /// An exact name wins over a prefix, a longer prefix over a shorter one.
    pub(super) fn apply(&mut self, below: &str) -> String {
        if let Some((from, to)) = self.table.get_key_value(below) {
            self.used.insert(from);
            return to.clone();
        }
        let prefix = self
            .table
            .iter()
            .filter(|(from, _)| from.ends_with('/') && below.starts_with(from.as_str()))
            .max_by_key(|(from, _)| from.len());
        let Some((from, to)) = prefix else { return below.to_owned() };
        self.used.insert(from);
        let rest = &below[from.len()..];
        match to.trim_end_matches('/') {
            "" => rest.to_owned(),
            to => format!("{to}/{rest}"),
        }
    }

    pub(super) fn complain(&self, work: &mut Work<'_>, place: Option<&Place>) {
        for from in self.table.keys().filter(|from| !self.used.contains(from.as_str())) {
            let message = format!("`rename` names `{from}`, which is not in the source");
            let warning = Diagnostic::usage("payload.rename", message).at(place.cloned());
            work.found.warning(warning);
        }
    }
}

/// Links that lead to nothing of their own source are worth a warning.
pub(super) fn dangling(work: &mut Work<'_>, found: &Found, place: Option<&Place>) {
    let links: Vec<_> = found
        .items
        .iter()
        .filter_map(|item| match &item.kind {
            ItemKind::Symlink(target) => Some((&item.below, target)),
            _ => None,
        })
        .collect();
    if links.is_empty() {
        return;
    }
    let mut there = BTreeSet::new();
    for item in &found.items {
        there.insert(item.below.as_str());
        there.extend(item.below.match_indices('/').map(|(at, _)| &item.below[..at]));
    }
    for (below, target) in links {
        let at = resolved(below, target);
        let through_link = at.match_indices('/').any(|(end, _)| {
            found
                .items
                .iter()
                .any(|item| item.below == at[..end] && matches!(item.kind, ItemKind::Symlink(_)))
        });
        if !at.is_empty() && !there.contains(at.as_str()) && !through_link {
            let message =
                format!("the link `{below}` leads to `{target}`, which is not in its source");
            let warning = Diagnostic::usage("source.dangling", message).at(place.cloned());
            work.found.warning(warning);
        }
    }
}

/// What a link means from the top of its source.
fn resolved(below: &str, target: &str) -> String {
    let mut parts: Vec<_> = below.split('/').collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}
