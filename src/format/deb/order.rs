//! In which order `data.tar` holds its entries.

use crate::tree::{InstallPath, Node, Tree};

/// Sorted by path, parents first. The order is free for dpkg.
pub(super) fn data(tree: &Tree) -> Vec<(&InstallPath, &Node)> {
    tree.iter().collect()
}
