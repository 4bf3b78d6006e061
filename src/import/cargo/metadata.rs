//! What Cargo says about a project: `cargo metadata --no-deps`, asked once.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::Command,
};

use serde::Deserialize;

use super::Settings;
use crate::diagnostic::Diagnostic;

/// The answer, as far as packaging needs it.
#[derive(Debug, Deserialize)]
pub(super) struct Metadata {
    packages: Vec<Package>,
    workspace_members: Vec<String>,
    #[serde(default)]
    workspace_default_members: Vec<String>,
    /// `CARGO_TARGET_DIR`, `build.target-dir` or `target` beside the workspace's manifest.
    pub(super) target_directory: PathBuf,
    /// Where the workspace's `Cargo.toml` is.
    pub(super) workspace_root: PathBuf,
}

/// A package with everything it inherits filled in.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Package {
    id: String,
    pub(super) name: String,
    pub(super) version: String,
    pub(super) license: Option<String>,
    pub(super) license_file: Option<String>,
    pub(super) description: Option<String>,
    pub(super) authors: Vec<String>,
    pub(super) homepage: Option<String>,
    pub(super) documentation: Option<String>,
    pub(super) repository: Option<String>,
    pub(super) readme: Option<String>,
    /// Registries it may be published to; an empty list says none.
    pub(super) publish: Option<Vec<String>>,
    pub(super) manifest_path: PathBuf,
    pub(super) targets: Vec<CargoTarget>,
    #[serde(default)]
    pub(super) features: BTreeMap<String, Vec<String>>,
    metadata: Option<serde_json::Value>,
}

/// A program or library that a package builds.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct CargoTarget {
    pub(super) name: String,
    pub(super) kind: Vec<String>,
    pub(super) crate_types: Vec<String>,
    #[serde(default, rename = "required-features")]
    pub(super) required_features: Vec<String>,
}

impl CargoTarget {
    /// Whether it is of this kind: `bin`, `cdylib`, `example`.
    pub(super) fn is(&self, kind: &str) -> bool {
        self.kind.iter().any(|there| there == kind)
            && (kind == "example" || self.crate_types.iter().any(|there| there == kind))
    }
}

impl Package {
    /// The directory of its manifest.
    pub(super) fn dir(&self) -> &Path {
        self.manifest_path.parent().unwrap_or(Path::new("."))
    }

    fn has_table(&self, table: &str) -> bool {
        self.metadata.as_ref().is_some_and(|metadata| metadata.get(table).is_some())
    }
}

impl Metadata {
    /// Runs cargo.
    pub(super) fn ask(settings: &Settings) -> Result<Self, Diagnostic> {
        let mut command = Command::new(&settings.cargo);
        command.args(["metadata", "--no-deps", "--offline", "--format-version", "1"]);
        if let Some(manifest) = &settings.manifest {
            command.arg("--manifest-path").arg(manifest);
        }
        command.current_dir(&settings.dir);
        let cargo = settings.cargo.display();
        let output = command.output().map_err(|error| {
            Diagnostic::usage("cargo.missing", format!("`{cargo}` cannot be run"))
                .hint("install Rust, or write a pkggen.toml")
                .caused_by(&error)
        })?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            let mut error = Diagnostic::usage(
                "cargo.metadata",
                format!("`{cargo} metadata` cannot read this project"),
            );
            error.causes.extend(said.trim().strip_prefix("error: ").map(str::to_owned));
            if error.causes.is_empty() && !said.trim().is_empty() {
                error.causes.push(said.trim().to_owned());
            }
            return Err(error);
        }
        serde_json::from_slice(&output.stdout).map_err(|error| {
            Diagnostic::failed("cargo.metadata", format!("`{cargo} metadata` said something else"))
                .caused_by(&error)
        })
    }

    /// The package to make: `-p NAME`, else the one of this directory, else the only one of the
    /// workspace that has packaging tables.
    pub(super) fn select(&self, name: Option<&str>) -> Result<Package, Diagnostic> {
        if let Some(name) = name {
            let bare = name.split('@').next().unwrap_or(name);
            let found = self.packages.iter().find(|package| package.name == bare);
            return found.cloned().ok_or_else(|| {
                Diagnostic::usage("cargo.package", format!("the workspace has no package `{bare}`"))
                    .hint(format!("it has {}", self.names()))
            });
        }
        self.default_package().cloned().ok_or_else(|| {
            Diagnostic::usage(
                "cargo.package",
                "the workspace has several packages, and none of them is the main one",
            )
            .hint(format!("say which with -p: {}", self.names()))
        })
    }

    fn default_package(&self) -> Option<&Package> {
        if let [only] = &self.workspace_default_members[..] {
            return self.packages.iter().find(|package| package.id == *only);
        }
        let root = self.workspace_root.join("Cargo.toml");
        if let Some(package) = self.packages.iter().find(|package| package.manifest_path == root) {
            return Some(package);
        }
        let members = match &self.workspace_default_members[..] {
            [] => &self.workspace_members,
            some => some,
        };
        let mut with_tables = self.packages.iter().filter(|package| {
            members.contains(&package.id)
                && (package.has_table("pkggen") || package.has_table("deb"))
        });
        match (with_tables.next(), with_tables.next()) {
            (Some(package), None) => Some(package),
            _ => None,
        }
    }

    /// The packages of the workspace.
    pub(super) fn members(&self) -> impl Iterator<Item = &Package> {
        self.packages.iter().filter(|package| self.workspace_members.contains(&package.id))
    }

    fn names(&self) -> String {
        self.members().map(|package| format!("`{}`", package.name)).collect::<Vec<_>>().join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metadata(members: &[(&str, Option<&str>)], defaults: &[&str]) -> Metadata {
        let package = |(name, table): &(&str, Option<&str>)| {
            serde_json::json!({
                "id": name, "name": name, "version": "1.0.0", "authors": [], "targets": [],
                "manifest_path": format!("/w/{name}/Cargo.toml"),
                "metadata": table.map(|table| serde_json::json!({ table: {} })),
            })
        };
        let ids: Vec<_> = members.iter().map(|(name, _)| *name).collect();
        let json = serde_json::json!({
            "packages": members.iter().map(package).collect::<Vec<_>>(),
            "workspace_members": ids,
            "workspace_default_members": defaults,
            "target_directory": "/w/target",
            "workspace_root": "/w",
        });
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn a_package_is_selected_by_name_with_or_without_its_version() {
        let all = metadata(&[("a", None), ("b", None)], &[]);
        assert_eq!(all.select(Some("b")).unwrap().name, "b");
        assert_eq!(all.select(Some("b@1.0.0")).unwrap().name, "b");
    }

    #[test]
    fn an_unknown_package_is_answered_with_the_names() {
        let error = metadata(&[("a", None), ("b", None)], &[]).select(Some("c")).unwrap_err();
        assert_eq!(error.message, "the workspace has no package `c`");
        assert_eq!(error.hint.unwrap(), "it has `a`, `b`");
    }

    #[test]
    fn the_only_package_with_packaging_tables_is_the_main_one() {
        let all = metadata(&[("a", None), ("b", Some("deb"))], &[]);
        assert_eq!(all.select(None).unwrap().name, "b");
        let two = metadata(&[("a", Some("pkggen")), ("b", Some("deb"))], &[]);
        assert!(two.select(None).unwrap_err().hint.unwrap().contains("-p"));
    }

    #[test]
    fn the_package_of_the_directory_comes_first() {
        let all = metadata(&[("a", None), ("b", Some("deb"))], &["a"]);
        assert_eq!(all.select(None).unwrap().name, "a");
    }
}
