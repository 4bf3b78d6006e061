//! Sources that are plainly not there, in a manifest that has other mistakes too.

use super::source::{Scheme, Sources};
use crate::{diagnostic::Diagnostic, manifest::Node};

/// Looks for the sources of a tree nobody could check: those without templates that every artifact
/// needs. Everything else waits until the manifest is right.
pub fn missing(tree: &Node, sources: &Sources) -> Vec<Diagnostic> {
    let root = tree.find(&["payload", "root"]).map(Node::as_str);
    let items = tree.find(&["payload", "files"]).and_then(Node::as_array).unwrap_or_default();
    let unsure = ["only", "except", "optional", "unpack"];
    let needed = items.iter().filter(|item| unsure.iter().all(|key| item.get(key).is_none()));
    let plain = |text: &str| !text.contains("{{") && Scheme::of(text) == Scheme::Path;
    let look = |item: &Node| {
        let source = item.get("source")?;
        let text = source.as_str().filter(|text| plain(text))?;
        let root = match root {
            None => None,
            Some(root) => Some(root.filter(|root| plain(root))?),
        };
        let problems = sources.find(root, text).err()?;
        let missing = problems.into_iter().find(|problem| problem.code == "source.missing")?;
        Some(missing.at(source.place.as_ref()))
    };
    needed.filter_map(look).collect()
}
