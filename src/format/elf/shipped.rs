//! Libraries that a package ships for itself.

use std::collections::BTreeSet;

use crate::{
    package::program::Linking,
    tree::{InstallPath, Kind, Tree},
};

/// How many links are followed before giving up; the kernel's own limit is 40.
const MAX_LINKS: usize = 40;

/// The files and links of a package, by path.
pub(in crate::format) struct Shipped<'a> {
    tree: &'a Tree,
    names: BTreeSet<&'a str>,
}

impl<'a> Shipped<'a> {
    pub(in crate::format) fn of(tree: &'a Tree) -> Self {
        let plain =
            tree.iter().filter(|(_, node)| matches!(node.kind, Kind::File(_) | Kind::Symlink(_)));
        let names = plain.map(|(path, _)| path.file_name()).collect();
        Self { tree, names }
    }

    /// Whether a file of the package has this name, wherever it is.
    pub(in crate::format) fn anywhere(&self, library: &str) -> bool {
        self.names.contains(library)
    }

    /// Whether there is a file at a path, through the links of the package.
    pub(in crate::format) fn has(&self, path: &str) -> bool {
        self.file(path).is_some()
    }

    /// Whether the loader finds the library in the package, by the run path of the program at
    /// `path` or in one of the `always` searched directories.
    pub(in crate::format) fn reachable(
        &self,
        path: &InstallPath,
        linking: &Linking,
        library: &str,
        always: &[String],
    ) -> bool {
        if library.contains('/') {
            return self.file(&origin(library, path)).is_some();
        }
        if !self.anywhere(library) {
            return false;
        }
        let own = linking.search.iter().map(|dir| origin(dir, path));
        own.chain(always.iter().cloned())
            .any(|dir| self.file(&format!("{dir}/{library}")).is_some())
    }

    /// The file at a path, through the links of the package.
    fn file(&self, path: &str) -> Option<InstallPath> {
        let mut path = clean(path)?;
        for _ in 0..MAX_LINKS {
            let Some(next) = self.follow(&path) else {
                let node = self.tree.get(&path)?;
                return matches!(node.kind, Kind::File(_)).then_some(path);
            };
            path = clean(&next)?;
        }
        None
    }

    /// Where the first link in a path leads, if there is one.
    fn follow(&self, path: &InstallPath) -> Option<String> {
        path.ancestors().chain([path.clone()]).find_map(|above| {
            let Kind::Symlink(target) = &self.tree.get(&above)?.kind else { return None };
            let rest = &path.as_str()[above.as_str().len()..];
            match (target.starts_with('/'), above.parent()) {
                (false, Some(dir)) => Some(format!("{dir}/{target}{rest}")),
                _ => Some(format!("{target}{rest}")),
            }
        })
    }
}

/// `$ORIGIN` is the directory of the program: ld.so(8).
fn origin(text: &str, program: &InstallPath) -> String {
    let dir = program.parent().map_or(String::new(), |dir| dir.to_string());
    text.replace("${ORIGIN}", &dir).replace("$ORIGIN", &dir)
}

/// Resolves `..` by the letter.
fn clean(text: &str) -> Option<InstallPath> {
    let mut parts = Vec::new();
    for part in text.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    InstallPath::parse(&parts.join("/")).ok()
}
