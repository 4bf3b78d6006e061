//! Where a version comes from.

mod cargo;
mod git;

use std::collections::BTreeMap;

use super::source::Sources;
use crate::{
    diagnostic::{Diagnostic, Diagnostics, Place},
    manifest::VersionSource,
    package::Version,
    payload::Blob,
};

/// The largest file a version is read from, in bytes.
const MAX_FILE: u64 = 64 << 10;

/// Finds the version. Warns when it is not exactly that of what is packed.
pub(super) fn find(
    from: &VersionSource,
    place: Option<&Place>,
    sources: &Sources,
    env: &BTreeMap<String, String>,
    found: &mut Diagnostics,
) -> Option<Version> {
    let result = match from {
        VersionSource::Literal(version) => return Some(version.clone()),
        VersionSource::Cargo => cargo::version(sources.dir()),
        VersionSource::GitTag => git::version(sources.dir()).map(|tagged| {
            if let Some(warning) = tagged.warning {
                found.warning(warning.at(place.cloned()));
            }
            tagged.version
        }),
        VersionSource::File(path) => file(sources, path),
        VersionSource::Env(name) => variable(env, name),
    };
    result.map_err(|error| found.error(error.at(place.cloned()))).ok()
}

fn parse(text: &str, whose: &str) -> Result<Version, Diagnostic> {
    let text = text.trim();
    let bare = text.strip_prefix(['v', 'V']).unwrap_or(text);
    Version::parse(bare)
        .map_err(|error| Diagnostic::usage("version.invalid", format!("{whose}: {error}")))
}

fn file(sources: &Sources, path: &str) -> Result<Version, Diagnostic> {
    let blob = sources.file(path).map_err(|mut problems| problems.remove(0).at(None))?;
    let text = text_of(&blob, path)?;
    let line = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    parse(line, &format!("the first line of `{path}`"))
}

fn text_of(blob: &Blob, path: &str) -> Result<String, Diagnostic> {
    if blob.len() > MAX_FILE {
        let message = format!("`{path}` is {} bytes, too much for a version", blob.len());
        return Err(Diagnostic::usage("version.invalid", message));
    }
    super::text::read(blob, path)
}

fn variable(env: &BTreeMap<String, String>, name: &str) -> Result<Version, Diagnostic> {
    if let Some(value) = env.get(name) {
        return parse(value, &format!("the variable `{name}`"));
    }
    let message = format!("the version comes from the variable `{name}`, which is not set");
    let hint = format!("set it: {name}=1.2.0 pkggen …");
    Err(Diagnostic::usage("version.missing", message).hint(hint))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn found(
        from: &VersionSource,
        files: &[(&str, &str)],
        env: &[(&str, &str)],
    ) -> Result<String, String> {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let env = env.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let mut found = Diagnostics::default();
        match find(from, None, &Sources::new(dir.path()), &env, &mut found) {
            Some(version) => Ok(version.to_string()),
            None => Err(found.errors.remove(0).message),
        }
    }

    #[test]
    fn a_file_and_a_variable_may_begin_with_v() {
        let file = VersionSource::File("VERSION".into());
        assert_eq!(found(&file, &[("VERSION", "\nv1.2.3\nmore")], &[]).unwrap(), "1.2.3");
        assert!(found(&file, &[], &[]).unwrap_err().contains("`VERSION` does not exist"));
        assert!(found(&file, &[("VERSION", "one")], &[]).unwrap_err().contains("first line of"));
        let env = VersionSource::Env("V".into());
        assert_eq!(found(&env, &[], &[("V", "2.0.0")]).unwrap(), "2.0.0");
        assert!(found(&env, &[], &[]).unwrap_err().contains("which is not set"));
    }

    #[test]
    fn cargo_says_it_in_the_package_or_in_the_workspace() {
        let own = [("Cargo.toml", "[package]\nname = \"x\"\nversion = \"1.2.3\"\n")];
        assert_eq!(found(&VersionSource::Cargo, &own, &[]).unwrap(), "1.2.3");
        let shared =
            "[package]\nversion.workspace = true\n[workspace.package]\nversion = \"4.5.6\"";
        assert_eq!(found(&VersionSource::Cargo, &[("Cargo.toml", shared)], &[]).unwrap(), "4.5.6");
        let root = [("Cargo.toml", "[workspace.package]\nversion = \"7.0.0\"")];
        assert_eq!(found(&VersionSource::Cargo, &root, &[]).unwrap(), "7.0.0");
        assert!(found(&VersionSource::Cargo, &[], &[]).unwrap_err().contains("no `Cargo.toml`"));
        let none = [("Cargo.toml", "[package]\nname = \"x\"")];
        assert!(found(&VersionSource::Cargo, &none, &[]).unwrap_err().contains("has no version"));
    }
}
