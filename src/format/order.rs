//! In which order packed archives hold their entries: free for dpkg and rpm, as long as directories
//! come before what is in them.
//!
//! Small packages are sorted by path. Where there is more to pack, files of one kind stand together,
//! and large files come last, so that they do not cut the small ones into several packed sections.
//!
//! Measured on 5,000 small sources and texts (100 MB) with xz -6 in blocks of 25 MiB: sorted by path
//! 18,745,712 bytes, by ending 17,293,548 (7.7 % less).

use std::path::Path;

use crate::{
    payload::Blob,
    tree::{InstallPath, Kind, Node},
};

/// Files of this length and more are packed by themselves, in bytes.
const LARGE: u64 = 1 << 20;

/// How much content of small files is worth another order than by path, in bytes.
const WORTHWHILE: u64 = 1 << 20;

/// Puts things that stand for nodes, sorted by path, in the order of the archive.
pub(super) fn sort<'a, T>(things: &mut [T], node: impl Fn(&T) -> (&'a InstallPath, &'a Node)) {
    let small: u64 = things.iter().filter_map(|thing| small(node(thing).1)).sum();
    if small >= WORTHWHILE {
        // stable: then by path
        things.sort_by_cached_key(|thing| {
            let (path, node) = node(thing);
            rank(path, node)
        });
    }
}

/// The length of a small file.
fn small(node: &Node) -> Option<u64> {
    node.blob().map(Blob::len).filter(|len| *len < LARGE)
}

/// Directories and links, small files by their ending, large files.
fn rank(path: &InstallPath, node: &Node) -> (u8, String) {
    let ending = || {
        let ending = Path::new(path.file_name()).extension().unwrap_or_default();
        ending.to_string_lossy().to_ascii_lowercase()
    };
    match (&node.kind, small(node)) {
        (Kind::File(_), Some(_)) => (1, ending()),
        (Kind::File(_), None) => (2, String::new()),
        (Kind::Dir | Kind::Symlink(_) | Kind::Ghost, _) => (0, String::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::{Mode, Tree};

    fn order(files: &[(&str, usize)]) -> Vec<String> {
        let mut tree = Tree::default();
        for (path, len) in files {
            let node = Node::file(Blob::from_bytes(vec![0; *len]), Mode(0o644));
            tree.insert(InstallPath::parse(path).unwrap(), node).unwrap();
        }
        let mut nodes: Vec<_> = tree.iter().collect();
        sort(&mut nodes, |node| *node);
        nodes.into_iter().map(|(path, _)| path.to_string()).collect()
    }

    #[test]
    fn a_small_package_is_sorted_by_path() {
        assert_eq!(
            order(&[("b/x.c", 9), ("a.h", 9), ("b/y.a", 9)]),
            ["a.h", "b", "b/x.c", "b/y.a"]
        );
    }

    #[test]
    fn files_of_one_kind_stand_together_and_large_ones_last() {
        let files = [("a/big", 1 << 20), ("a/x.h", 600_000), ("b/y.C", 9), ("c/z.H", 600_000)];
        let want = ["a", "b", "c", "b/y.C", "a/x.h", "c/z.H", "a/big"];
        assert_eq!(order(&files), want);
    }
}
