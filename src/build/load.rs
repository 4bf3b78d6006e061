//! Where the manifest is.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use crate::{
    diagnostic::{Diagnostic, Diagnostics},
    format::TABLES,
    manifest::{self, Manifest, Node},
    resolve::{self, Sources},
};

/// A manifest and the folder its paths are relative to.
pub struct Loaded {
    /// The manifest.
    pub manifest: Manifest,
    /// Its folder.
    pub dir: PathBuf,
}

/// Reads the manifest of that name, or the `pkggen.toml` of that folder.
pub fn load(file: &Path) -> Result<Loaded, Diagnostics> {
    let file = if file.is_dir() { file.join("pkggen.toml") } else { file.to_owned() };
    let name = file.display().to_string();
    let bytes = fs::read(&file).map_err(|error| unreadable(&name, &error))?;
    let dir = file.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let tree = manifest::read(&name, bytes)?;
    let manifest =
        Manifest::new(tree.clone(), TABLES).map_err(|found| with_missing(found, &tree, dir))?;
    Ok(Loaded { manifest, dir: dir.to_owned() })
}

/// Nothing can be resolved with such a manifest, but what is plainly not there is said in one pass.
fn with_missing(mut found: Diagnostics, tree: &Node, dir: &Path) -> Diagnostics {
    let missing = resolve::missing(tree, &Sources::new(dir));
    for error in missing {
        found.error(error);
    }
    found.sort();
    found
}

fn unreadable(name: &str, error: &io::Error) -> Diagnostic {
    if error.kind() != io::ErrorKind::NotFound {
        let text = format!("cannot read `{name}`");
        return Diagnostic::usage("manifest.unreadable", text).caused_by(error);
    }
    Diagnostic::usage("manifest.missing", format!("there is no `{name}` here"))
        .hint("`pkggen init` writes a first one; `-m FILE` names another")
}
