//! What is installed: entries at their final paths, sorted, parents present.

mod entry;
mod path;
mod text;

use std::{
    collections::{BTreeMap, btree_map},
    sync::Arc,
};

pub use entry::{Kind, Mode, Node, PayloadType};
pub use path::{InstallPath, PathError};
pub use text::Text;

/// A sorted set of nodes. Directories above a node are implied, root-owned and 0755, until an
/// explicit one takes their place. Clones share what they hold.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tree {
    nodes: Arc<BTreeMap<InstallPath, Arc<Node>>>,
}

/// Two things want one path.
#[derive(Debug, thiserror::Error)]
#[error("two entries are installed as `/{path}`")]
pub struct Duplicate {
    /// The path.
    pub path: InstallPath,
    /// What was there first.
    pub first: Box<Node>,
    /// What came later.
    pub second: Box<Node>,
}

impl Tree {
    /// Adds a node and the directories above it. A directory may be added twice (the later one's
    /// attributes win over an implied one); anything else is a [`Duplicate`].
    pub fn insert(
        &mut self,
        path: InstallPath,
        node: impl Into<Arc<Node>>,
    ) -> Result<(), Duplicate> {
        let node = node.into();
        let nodes = Arc::make_mut(&mut self.nodes);
        imply(nodes, &path).map_err(|(path, first)| {
            let (first, second) = (boxed(&first), boxed(&node));
            Duplicate { path, first, second }
        })?;
        match nodes.entry(path) {
            btree_map::Entry::Vacant(vacant) => {
                vacant.insert(node);
            }
            btree_map::Entry::Occupied(mut there) => {
                let both_dirs = matches!((&there.get().kind, &node.kind), (Kind::Dir, Kind::Dir));
                if !both_dirs || !(there.get().implied || node.implied || *there.get() == node) {
                    let (path, first) = (there.key().clone(), boxed(there.get()));
                    return Err(Duplicate { path, first, second: boxed(&node) });
                }
                if !node.implied {
                    there.insert(node);
                }
            }
        }
        Ok(())
    }

    /// All nodes in path order: every directory before what is in it.
    pub fn iter(&self) -> impl Iterator<Item = (&InstallPath, &Node)> {
        self.nodes.iter().map(|(path, node)| (path, &**node))
    }

    /// The same, to be kept.
    pub fn shared(&self) -> impl Iterator<Item = (&InstallPath, &Arc<Node>)> {
        self.nodes.iter()
    }

    /// The node at a path.
    pub fn get(&self, path: &InstallPath) -> Option<&Node> {
        self.nodes.get(path).map(|node| &**node)
    }

    /// Pairs of paths that differ only in case: one file on macOS and Windows.
    pub fn case_clashes(&self) -> Vec<(&InstallPath, &InstallPath)> {
        let mut seen = BTreeMap::new();
        let mut clashes = Vec::new();
        for (path, _) in self.iter() {
            if let Some(other) = seen.insert(path.as_str().to_lowercase(), path) {
                clashes.push((other, path));
            }
        }
        clashes
    }

    /// How many nodes there are, implied directories included.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether nothing is installed.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }
}

/// Adds the directories above a path. What stands in the way of one is given back.
fn imply(
    nodes: &mut BTreeMap<InstallPath, Arc<Node>>,
    path: &InstallPath,
) -> Result<(), (InstallPath, Arc<Node>)> {
    // Where the next one is there, so are those above it.
    let is_dir = |node: &Arc<Node>| matches!(node.kind, Kind::Dir);
    if path.parent().is_none_or(|parent| nodes.get(&parent).is_some_and(is_dir)) {
        return Ok(());
    }
    for parent in path.ancestors() {
        let there = nodes.entry(parent.clone()).or_insert_with(|| Node::implied_dir().into());
        if !is_dir(there) {
            return Err((parent, there.clone()));
        }
    }
    Ok(())
}

fn boxed(node: &Node) -> Box<Node> {
    Box::new(node.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::payload::Blob;

    fn path(text: &str) -> InstallPath {
        InstallPath::parse(text).unwrap()
    }

    fn file() -> Node {
        Node::file(Blob::from_bytes("x"), Mode(0o644))
    }

    #[test]
    fn parents_are_implied_and_come_first() {
        let mut tree = Tree::default();
        tree.insert(path("usr/bin/x"), file()).unwrap();
        let paths: Vec<_> = tree.iter().map(|(path, _)| path.as_str()).collect();
        assert_eq!(paths, ["usr", "usr/bin", "usr/bin/x"]);
    }

    #[test]
    fn a_file_twice_is_refused() {
        let mut tree = Tree::default();
        tree.insert(path("a"), file()).unwrap();
        assert!(tree.insert(path("a"), file()).is_err());
        assert!(tree.insert(path("a/b"), file()).is_err());
    }

    #[test]
    fn an_explicit_directory_replaces_an_implied_one() {
        let mut tree = Tree::default();
        tree.insert(path("var/lib/x"), file()).unwrap();
        tree.insert(path("var/lib"), Node::dir(Mode(0o750))).unwrap();
        assert_eq!(tree.get(&path("var/lib")).unwrap().mode, Mode(0o750));
    }

    #[test]
    fn paths_that_differ_only_in_case_are_found() {
        let mut tree = Tree::default();
        for text in ["bin/App", "bin/app", "bin/other"] {
            tree.insert(path(text), file()).unwrap();
        }
        let (upper, lower) = (path("bin/App"), path("bin/app"));
        assert_eq!(tree.case_clashes(), [(&upper, &lower)]);
    }
}
