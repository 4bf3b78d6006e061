//! What can be judged without looking at files.

use super::{Decode, Decoder, Manifest, Node, Root, expand, select::merge};
use crate::diagnostic::Diagnostics;

/// Checks the base and every layer merged over it; each mistake is reported once.
pub(super) fn all(manifest: &Manifest) -> Diagnostics {
    let base = manifest.base();
    let mut found = tree(manifest, &base);
    for layer in &manifest.layers {
        let mut merged = base.clone();
        merge(&mut merged, &layer.node, Some(&manifest.shape));
        found.append(tree(manifest, &merged));
    }
    found
}

fn tree(manifest: &Manifest, tree: &Node) -> Diagnostics {
    let mut to = Decoder::with_templates();
    let known: Vec<_> = manifest.shape.keys().map(str::to_owned).collect();
    to.unknown_keys(tree, &known);
    for table in manifest.tables {
        if let Some(node) = tree.get(table.name) {
            to.within(table.name, |to| (table.check)(node, to));
        }
    }
    Root::decode(&only_known(manifest, tree, &known), &mut to);
    to.found.append(expand::judge(tree));
    to.found
}

fn only_known(manifest: &Manifest, tree: &Node, known: &[String]) -> Node {
    let mut tree = manifest.without_formats(tree);
    if let super::Value::Table(rows) = &mut tree.value {
        let unknown: Vec<_> = rows
            .iter()
            .map(|(key, _)| key.name.clone())
            .filter(|name| !known.contains(name))
            .collect();
        unknown.iter().for_each(|name| {
            rows.remove(name);
        });
    }
    tree
}
