//! What dpkg refuses, checked before a byte is written.

use std::collections::BTreeSet;

use super::options::DebOptions;
use crate::{
    codec::Packing,
    container::ar::MAX_MEMBER,
    diagnostic::{Diagnostic, Diagnostics},
    format::linux::OnMachine,
    payload::{Blob, estimate},
    tree::{InstallPath, Node, Tree},
};

/// Longest path component, in bytes: dpkg unpacks to `NAME.dpkg-new` (246 works, 247 does not with
/// dpkg 1.21.22).
const MAX_COMPONENT: usize = 246;

/// Checks a tree.
pub(super) fn check(tree: &Tree, options: &DebOptions, packing: Packing, found: &mut Diagnostics) {
    for (path, node) in tree.iter() {
        if let Some(part) = path.as_str().split('/').find(|part| part.len() > MAX_COMPONENT) {
            found.error(long_name(part, node));
        }
    }
    check_size(tree, packing, found);
    super::control::check_fields(options, found);
}

fn long_name(part: &str, node: &Node) -> Diagnostic {
    let text =
        format!("a name has {} bytes, but dpkg can unpack at most {MAX_COMPONENT}", part.len());
    Diagnostic::cannot("limit.deb-name", text).at(node.place.clone()).label(part.to_owned())
}

/// What does not shrink is stored: if that alone is too much, no payload has to be packed to know it.
/// Everything else is found when it is packed.
fn check_size(tree: &Tree, packing: Packing, found: &mut Diagnostics) {
    let blobs = tree.iter().filter_map(|(path, node)| Some((path, node, node.blob()?)));
    let blobs: Vec<(&InstallPath, &Node, &Blob)> = blobs.collect();
    if blobs.iter().map(|(.., blob)| blob.len()).sum::<u64>() <= MAX_MEMBER {
        return;
    }
    let stored = |blob: &Blob| estimate(blob, packing).is_ok_and(|len| len >= blob.len());
    let blobs: Vec<_> = blobs.into_iter().filter(|(.., blob)| stored(blob)).collect();
    let total: u64 = blobs.iter().map(|(.., blob)| blob.len()).sum();
    let Some((path, node, blob)) = blobs.iter().max_by_key(|(.., blob)| blob.len()) else { return };
    if total > MAX_MEMBER {
        let text = format!(
            "`data.tar` would hold at least {total} bytes, but ar can hold at most {MAX_MEMBER}"
        );
        found.error(
            Diagnostic::cannot("limit.ar", text)
                .at(node.place.clone())
                .label(format!("{} bytes at /{path}, which do not shrink", blob.len()))
                .hint("split large files into packages of their own"),
        );
    }
}

/// The triggers file; its lines were judged with the table. Nobody waits for a service to notice
/// new models.
pub(super) fn triggers(options: &DebOptions, machine: &OnMachine) -> String {
    let line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ") + "\n";
    let mut lines: Vec<_> = options.triggers.iter().map(|item| line(&item.value.0)).collect();
    let ours = machine.followed.iter().map(|dir| format!("interest-noawait {dir}\n"));
    lines.extend(ours);
    let mut seen = BTreeSet::new();
    lines.retain(|line| seen.insert(line.clone()));
    lines.concat()
}
