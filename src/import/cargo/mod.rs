//! Cargo projects: `[package]` and `[package.metadata.deb]` as a manifest.
//!
//! Cargo is asked once ([`Project::open`]), then told what to compile ([`Project::build`]); what it
//! made is listed in a manifest that is never written ([`Project::manifest`]). cargo-deb 3.8 is the
//! model; where we differ, and why, is in `docs/cargo.md`.

mod assets;
mod compile;
#[allow(unreachable_pub)] // the tables are declared by a macro
mod deb;
mod glob;
mod map;
mod metadata;
mod payload;
mod readme;
mod relations;
mod units;
mod write;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
};

use crate::{
    diagnostic::{Diagnostic, Diagnostics, Place, SourceText},
    manifest::{Node, Value},
    package::{Arch, Libc, Os, Target},
};
use compile::Compile;
use deb::DebTable;
use metadata::{Metadata, Package};

/// What the command line and the environment say.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `$CARGO`, or `cargo` on the PATH.
    pub cargo: PathBuf,
    /// Where cargo is run.
    pub dir: PathBuf,
    /// A `Cargo.toml` other than the one found from there.
    pub manifest: Option<PathBuf>,
    /// `-p`: a member of the workspace.
    pub package: Option<String>,
    /// `[package.metadata.deb.variants.NAME]`.
    pub variant: Option<String>,
    /// Each with the triple that cargo is to be called with, if any. Never empty.
    pub targets: Vec<(Target, Option<String>)>,
    /// Cargo's profile, instead of what the tables say.
    pub profile: Option<String>,
    /// Cargo.lock must not change.
    pub locked: bool,
    /// No network.
    pub offline: bool,
    /// Whether cargo is asked to strip when the profile says nothing of symbols.
    pub strip: bool,
}

/// A Cargo package and what its tables say.
#[derive(Debug)]
pub struct Project {
    settings: Settings,
    metadata: Metadata,
    package: Package,
    toml: Node,
    /// The workspace's `Cargo.toml`, when it is another file.
    workspace: Option<Node>,
    deb: DebTable,
    compile: Compile,
    /// The package's name in Debian.
    name: String,
    warnings: Vec<Diagnostic>,
}

impl Settings {
    /// The target that a word of the command line means, and what cargo calls it.
    pub fn target(word: &str) -> Option<(Target, String)> {
        let target = Target::parse(word)?;
        let is_triple = word.split('-').count() > 2 && !word.starts_with("linux-");
        Some((target, if is_triple { word.to_owned() } else { triple(target)? }))
    }
}

/// The triple that is meant when a target is named otherwise.
fn triple(target: Target) -> Option<String> {
    let libc = if target.libc == Some(Libc::Musl) { "musl" } else { "gnu" };
    Some(match (target.os, target.arch) {
        (_, Arch::Universal) => return None,
        (Os::Linux, Arch::Armv7) => format!("armv7-unknown-linux-{libc}eabihf"),
        (Os::Linux, Arch::Riscv64) => format!("riscv64gc-unknown-linux-{libc}"),
        (Os::Linux, arch) => format!("{}-unknown-linux-{libc}", arch.word()),
        (Os::Macos, arch) => format!("{}-apple-darwin", arch.word()),
        (Os::Windows, arch) => format!("{}-pc-windows-msvc", arch.word()),
        (Os::Freebsd, arch) => format!("{}-unknown-freebsd", arch.word()),
    })
}

impl Project {
    /// Asks cargo and reads the tables.
    pub fn open(settings: Settings) -> Result<Self, Diagnostics> {
        let metadata = Metadata::ask(&settings)?;
        let package = metadata.select(settings.package.as_deref())?;
        Self::from_metadata(settings, metadata, package)
    }

    fn from_metadata(
        settings: Settings,
        metadata: Metadata,
        package: Package,
    ) -> Result<Self, Diagnostics> {
        let toml = parse(&package.manifest_path, &settings.dir)?;
        let root = metadata.workspace_root.join("Cargo.toml");
        let workspace =
            if root == package.manifest_path { None } else { Some(parse(&root, &settings.dir)?) };
        let mut found = Diagnostics::default();
        let table = toml.find(&["package", "metadata", "deb"]);
        let deb = DebTable::read(table, settings.variant.as_deref(), &mut found);
        let Some(deb) = deb.filter(|_| found.is_ok()) else { return Err(found) };
        let name = debian_name(&deb, &package.name, settings.variant.as_deref());
        let mut project = Self {
            compile: Compile::default(),
            warnings: found.warnings,
            settings,
            metadata,
            package,
            toml,
            workspace,
            deb,
            name,
        };
        project.compile = project.what_to_compile();
        project.look_at_other_tables();
        Ok(project)
    }

    /// The package's directory: what sources are relative to.
    pub fn dir(&self) -> &Path {
        self.package.dir()
    }

    /// What there is to say about its tables.
    pub fn warnings(&self) -> &[Diagnostic] {
        &self.warnings
    }

    /// The `cargo build` that makes what is packaged.
    pub fn build(&self) -> Command {
        self.compile.command(&self.package, &self.settings)
    }

    /// Whether a source of the manifest is something that cargo builds.
    pub fn builds(&self, source: &str) -> bool {
        self.dir().join(source).starts_with(&self.metadata.target_directory)
    }

    /// What builds it, as a user would type it.
    pub fn how_to_build(&self) -> String {
        self.compile.typed(&self.settings)
    }

    /// The manifest: the package as its tables and what cargo built describe it.
    pub fn manifest(&self) -> Result<(Node, Vec<Diagnostic>), Diagnostics> {
        map::manifest(self)
    }

    /// The manifest as a file to go on with.
    pub fn init(&self) -> Result<String, Diagnostics> {
        let (mut node, _) = self.manifest()?;
        node.set(&["package", "version"], Node::table([("from", Node::new("cargo"))]));
        Ok(write::toml(&node))
    }

    /// The value of a key of `[package]`, or of `[workspace.package]` where it is inherited.
    fn package_node(&self, key: &str) -> Option<&Node> {
        let own = self.toml.find(&["package", key])?;
        let root = self.workspace.as_ref().unwrap_or(&self.toml);
        match own.get("workspace") {
            Some(_) => root.find(&["workspace", "package", key]),
            None => Some(own),
        }
    }

    /// Where a key of `[package]` is written, else where the table is.
    fn place(&self, key: &str) -> Option<Place> {
        let node = self.package_node(key).or_else(|| self.toml.get("package"));
        node.and_then(|node| node.place.clone())
    }

    /// Tables of other tools are not lost silently.
    fn look_at_other_tables(&mut self) {
        const OTHERS: [(&str, &[&str]); 6] = [
            ("cargo-generate-rpm", &["package", "metadata", "generate-rpm"]),
            ("cargo-packager", &["package", "metadata", "packager"]),
            ("cargo-bundle", &["package", "metadata", "bundle"]),
            ("cargo-wix", &["package", "metadata", "wix"]),
            ("dist", &["package", "metadata", "dist"]),
            ("dist", &["workspace", "metadata", "dist"]),
        ];
        for (tool, path) in OTHERS {
            for toml in [Some(&self.toml), self.workspace.as_ref()].into_iter().flatten() {
                if let Some(node) = toml.find(path) {
                    let message = format!(
                        "[{}], which is for {tool}, is not read by this version",
                        path.join(".")
                    );
                    let note = Diagnostic::usage("cargo.other-tool", message);
                    self.warnings.push(note.at(node.place.clone()));
                }
            }
        }
    }
}

/// Reads a `Cargo.toml`, named as it lies from where the user stands.
fn parse(path: &Path, dir: &Path) -> Result<Node, Diagnostics> {
    let name = path.strip_prefix(dir).unwrap_or(path).display().to_string();
    let text = fs::read_to_string(path).map_err(|error| {
        Diagnostic::usage("manifest.unreadable", format!("cannot read `{name}`")).caused_by(&error)
    })?;
    Node::parse(&Arc::new(SourceText { name, text }))
}

/// The name that is written; with a variant and without one, the crate's name and the variant's.
fn debian_name(deb: &DebTable, crate_name: &str, variant: Option<&str>) -> String {
    if let Some(name) = &deb.name {
        return name.value.clone();
    }
    let name = match variant {
        Some(variant) => format!("{crate_name}-{variant}"),
        None => crate_name.to_owned(),
    };
    name.to_ascii_lowercase().replace('_', "-")
}

/// Whether a `[profile.NAME]`, or one it inherits, says something of symbols.
fn says_symbols(toml: &Node, profile: &str) -> bool {
    let Some(table) = toml.find(&["profile", profile]) else { return false };
    let inherits = table.get("inherits").and_then(Node::as_str).filter(|name| *name != profile);
    table.get("strip").is_some()
        || table.get("debug").is_some_and(|debug| {
            !matches!(debug.value, Value::Bool(false) | Value::Integer(0))
                && debug.as_str() != Some("none")
        })
        || inherits.is_some_and(|parent| says_symbols(toml, parent))
}

#[cfg(test)]
mod tests;
