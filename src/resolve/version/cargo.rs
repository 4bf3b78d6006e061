//! `version` of Cargo.toml, or of the workspace it points to.

use std::{fs, io, path::Path, sync::Arc};

use super::parse;
use crate::{
    diagnostic::{Diagnostic, SourceText},
    manifest::Node,
    package::Version,
};

pub(super) fn version(dir: &Path) -> Result<Version, Diagnostic> {
    let Some(tree) = read(dir)? else {
        let message =
            "the version comes from Cargo, and there is no `Cargo.toml` beside the manifest";
        return Err(Diagnostic::usage("version.missing", message));
    };
    if let Some(text) = tree.find(&["package", "version"]).and_then(Node::as_str) {
        return parse(text, "`package.version` of `Cargo.toml`");
    }
    let inherits = tree.find(&["package", "version", "workspace"]).and_then(Node::as_bool);
    if inherits == Some(true) || tree.get("package").is_none() {
        for dir in dir.canonicalize().unwrap_or_else(|_| dir.to_owned()).ancestors() {
            let version = read(dir)?;
            let version = version.as_ref().and_then(|tree| {
                tree.find(&["workspace", "package", "version"]).and_then(Node::as_str)
            });
            if let Some(text) = version {
                return parse(text, "`workspace.package.version` of `Cargo.toml`");
            }
        }
    }
    Err(Diagnostic::usage("version.missing", "`Cargo.toml` has no version"))
}

fn read(dir: &Path) -> Result<Option<Node>, Diagnostic> {
    let path = dir.join("Cargo.toml");
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            let message = format!("cannot read `{}`", path.display());
            return Err(Diagnostic::usage("version.unreadable", message).caused_by(&error));
        }
    };
    let source = Arc::new(SourceText { name: path.display().to_string(), text });
    Node::parse(&source).map(Some).map_err(|mut errors| errors.errors.remove(0))
}
