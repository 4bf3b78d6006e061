//! What dpkg refuses, checked before a byte is written.

use super::options::DebOptions;
use crate::{
    codec::{Codec, Packing},
    container::ar::MAX_MEMBER,
    diagnostic::{Diagnostic, Diagnostics},
    tree::{InstallPath, Kind, Node, Tree},
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
    if packing.codec == Codec::None {
        check_size(tree, found);
    }
    super::control::check_fields(options, found);
}

fn long_name(part: &str, node: &Node) -> Diagnostic {
    let text =
        format!("a name has {} bytes, but dpkg can unpack at most {MAX_COMPONENT}", part.len());
    Diagnostic::cannot("limit.deb-name", text).at(node.place.clone()).label(part.to_owned())
}

/// Unpacked, the size of data.tar is known at once; otherwise the writer checks it.
fn check_size(tree: &Tree, found: &mut Diagnostics) {
    let block = |len: u64| 512 + len.next_multiple_of(512);
    let sizes = tree.iter().filter_map(|(path, node)| match &node.kind {
        Kind::File(blob) => Some((block(blob.len()), path, node)),
        _ => None,
    });
    let sizes: Vec<(u64, &InstallPath, &Node)> = sizes.collect();
    let total: u64 = sizes.iter().map(|(size, ..)| size).sum();
    if let (true, Some((_, path, node))) =
        (total > MAX_MEMBER, sizes.iter().max_by_key(|(size, ..)| *size))
    {
        let text =
            format!("`data.tar` would hold {total} bytes, but ar can hold at most {MAX_MEMBER}");
        found.error(
            Diagnostic::cannot("limit.ar", text)
                .at(node.place.clone())
                .label(format!("the largest file is /{path}"))
                .hint("split large files into packages of their own"),
        );
    }
}

/// The triggers file; its lines were judged with the table.
pub(super) fn triggers(options: &DebOptions) -> String {
    let line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ") + "\n";
    options.triggers.iter().map(|item| line(&item.value.0)).collect()
}
