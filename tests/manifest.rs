//! Manifests that are right, and every mistake with its message.
#![allow(clippy::unwrap_used, missing_docs)]

use std::{fs, path::PathBuf};

use pkggen::{format, manifest};

fn fixtures(kind: &str) -> Vec<PathBuf> {
    let dir = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/manifests").join(kind);
    let mut files: Vec<_> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ext| ext == "toml"))
        .collect();
    files.sort();
    assert!(!files.is_empty());
    files
}

#[test]
fn good_manifests_have_no_errors() {
    for path in fixtures("good") {
        if let Err(found) = manifest::parse("pkggen.toml", fs::read(&path).unwrap(), format::TABLES)
        {
            let errors: Vec<_> = found.errors.iter().map(ToString::to_string).collect();
            panic!("{}:\n{}", path.display(), errors.join("\n"));
        }
    }
}
