//! Room on the user's disk: asked for before anything is unpacked, by packages for which it matters.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::{
    package::Package,
    template::{render, shell},
    tree::{Kind, Tree},
};

/// Packages that need less than this in one place do not ask, in bytes.
const WORTH: u64 = 256 << 20;

#[derive(Serialize)]
struct Dir {
    path: String,
    /// KiB.
    needed: u64,
    message: String,
}

/// The part of `preinst` that asks, if it is worth it.
pub(super) fn check(package: &Package, tree: &Tree) -> Option<String> {
    let mut sizes: BTreeMap<&str, u64> = BTreeMap::new();
    for (path, node) in tree.iter() {
        if let Kind::File(blob) = &node.kind {
            let top = path.as_str().split('/').next().unwrap_or_default();
            *sizes.entry(top).or_default() += blob.len();
        }
    }
    let large = sizes.into_iter().filter(|(_, size)| *size >= WORTH);
    let dirs: Vec<_> = large.map(|(top, size)| dir(package, top, size)).collect();
    (!dirs.is_empty()).then(|| {
        let values = BTreeMap::from([("dirs", dirs)]);
        render(include_str!("../../../templates/deb/space.sh"), &values)
    })
}

fn dir(package: &Package, top: &str, size: u64) -> Dir {
    let megabytes = size.div_ceil(1_000_000);
    Dir {
        path: shell(&format!("/{top}")),
        needed: size.div_ceil(1024),
        message: shell(&format!("{} needs {megabytes} MB in /{top};", package.name)),
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, process::Command};

    use super::*;
    use crate::{
        package::sample,
        payload::{Blob, Stamp},
        tree::{InstallPath, Mode, Node},
    };

    /// A package with a file of this length that is nowhere.
    fn script(len: u64) -> Option<String> {
        let stamp = Stamp { len, mtime: 0, nanos: 0, inode: 1, device: 1 };
        let node = Node::file(Blob::from_file("model".into(), stamp), Mode(0o644));
        let mut tree = Tree::default();
        tree.insert(InstallPath::parse("usr/share/sample/models/m").unwrap(), node).unwrap();
        check(&sample(), &tree)
    }

    /// Runs it where `df` says that so many KiB are left; the exit code and what was said.
    fn run(text: &str, free: &str) -> (Option<i32>, String) {
        let bin = tempfile::tempdir().unwrap();
        let df = bin.path().join("df");
        let answer = format!("#!/bin/sh\necho Filesystem\necho /dev/x 9 9 {free} 9% /usr\n");
        fs::write(&df, answer).unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(&df, mode).unwrap();
        let path = format!("{}:{}", bin.path().display(), std::env::var("PATH").unwrap());
        let mut command = Command::new("sh");
        let output = command.args(["-ec", text, "preinst", "install"]).env("PATH", path).output();
        let output = output.unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    }

    #[test]
    fn a_small_package_does_not_ask() {
        assert_eq!(script(WORTH - 1), None);
    }

    #[test]
    fn a_large_package_that_does_not_fit_is_refused_before_it_is_unpacked() {
        let text = script(2_000_000_000).unwrap();
        let said = "sample needs 2000 MB in /usr; 1953 MB are left\n";
        assert_eq!(run(&text, "1953124"), (Some(1), said.to_owned()));
        assert_eq!(run(&text, "1953125"), (Some(0), String::new()));
    }

    #[test]
    fn what_nobody_knows_refuses_nothing() {
        let text = script(2_000_000_000).unwrap();
        assert_eq!(run(&text, "-").0, Some(0));
    }
}
