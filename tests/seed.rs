//! The program that shows packaged models to a runtime, in the shells that systems have as `sh`.

#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use std::{fs, os::unix::fs::PermissionsExt};

use common::{TempDir, check, have, root};

/// The seed program, run by one shell.
fn by(shell: &str, dir: &TempDir) -> String {
    let seed = root().join("templates/seed/seed-models.sh");
    let path = dir.path().join(shell.replace(' ', "-"));
    let text = format!("#!/bin/sh\nexec {shell} {} \"$@\"\n", seed.display());
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_store_is_seeded_through_everything_that_happens_to_it() {
    for (shell, tool) in
        [("dash", "dash"), ("bash --posix", "bash"), ("busybox sh", "busybox:busybox-static")]
    {
        if have("a_store_is_seeded_through_everything_that_happens_to_it", &[tool]) {
            let dir = TempDir::new().unwrap();
            check("seed-check.sh", &[&by(shell, &dir)]);
        }
    }
}

#[test]
fn copies_and_shared_blocks_survive_the_same() {
    let dir = TempDir::new().unwrap();
    for mode in ["copy", "reflink"] {
        check("seed-check.sh", &["--copies", &by("sh", &dir), mode]);
    }
}
