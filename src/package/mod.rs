//! The resolved model: the manifest for one target and one format, with everything found.
//! Read-only from here on.

mod family;
pub mod gpu;
pub mod moving;
mod name;
pub mod program;
mod service;
mod target;
mod version;

use std::collections::BTreeMap;

pub use family::{Bound, Embedded, Family, Fetched, FetchedFile, Part, Variant};
pub use name::{NameError, PackageName};
pub use program::Program;
pub use service::{
    Dependency, Health, OnWindows, Plist, Restart, Scope, Seed, SeedMode, Service, StateDirs,
    Upgrade, WindowsHost,
};
pub use target::{Arch, Libc, Os, Target};
pub use version::{Version, VersionError};

use crate::{
    diagnostic::Place,
    payload::Blob,
    tree::{InstallPath, Kind, Mode, PayloadType, Text},
};

/// What will be shipped for one target in one format.
#[derive(Clone, Debug)]
pub struct Package {
    /// Valid in every format as it stands.
    pub name: PackageName,
    /// What it belongs to.
    pub family: Family,
    /// Display name.
    pub title: String,
    /// Reversed-domain identifier.
    pub identifier: String,
    /// The version.
    pub version: Version,
    /// Packaging revision, counted from 1.
    pub release: u32,
    /// One line, no full stop.
    pub summary: String,
    /// Paragraphs separated by an empty line.
    pub description: String,
    /// SPDX expression.
    pub license: String,
    /// Texts of the licence, in the manifest's order.
    pub license_files: Vec<(String, Blob)>,
    /// Holder line.
    pub copyright: Option<String>,
    /// `Name <mail>`, the first maintains.
    pub authors: Vec<String>,
    /// URL.
    pub homepage: Option<String>,
    /// URL of the source.
    pub repository: Option<String>,
    /// Newest first; never empty.
    pub changelog: Vec<Release>,
    /// What it is for.
    pub target: Target,
    /// Nobody asked for a target and nothing in it is machine code: it serves every architecture.
    pub any_arch: bool,
    /// Build time of every file, seconds since 1970-01-01 UTC.
    pub epoch: u64,
    /// What is installed, each at a place relative to its type.
    pub entries: Vec<Entry>,
    /// Background programs.
    pub services: Vec<Service>,
    /// The user's scripts by event: `pre-install`, `post-install`, `pre-remove`, `post-remove`.
    pub scripts: BTreeMap<ScriptEvent, Script>,
    /// Scripts of the format's triggers, by the path in its table.
    pub trigger_scripts: BTreeMap<String, Script>,
    /// Menu entry.
    pub desktop: Option<Desktop>,
}

/// A version in the changelog.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    /// As written in the changelog's heading.
    pub version: String,
    /// Seconds since 1970, when the heading has a date.
    pub date: Option<u64>,
    /// One per bullet or paragraph, without the bullet.
    pub changes: Vec<String>,
}

/// One thing to install.
#[derive(Clone, Debug)]
pub struct Entry {
    /// What it is, before a layout has a say where it goes.
    pub role: PayloadType,
    /// Where below its type's directory, or absolute.
    pub dest: Dest,
    /// File, directory, link or ghost.
    pub kind: Kind,
    /// Permission bits.
    pub mode: Mode,
    /// Name of the owner.
    pub owner: Text,
    /// Name of the group.
    pub group: Text,
    /// Linux file capabilities in `setcap` syntax.
    pub capabilities: Option<String>,
    /// The component it is a part of; `None` for the main part.
    pub component: Option<Text>,
    /// The manifest's item.
    pub place: Option<Place>,
}

impl Entry {
    /// An ordinary file of root's in the main part, below the directory of its type.
    pub fn file(role: PayloadType, below: InstallPath, content: Blob, mode: u32) -> Self {
        Self {
            role,
            dest: Dest::InType(below),
            kind: Kind::File(content),
            mode: Mode(mode),
            owner: "root".into(),
            group: "root".into(),
            capabilities: None,
            component: None,
            place: None,
        }
    }
}

/// Where an entry goes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Dest {
    /// The directory of its type itself (`dirs` without `dest`).
    TypeDir,
    /// Below the directory of its type.
    InType(InstallPath),
    /// From the root of the system.
    Absolute(InstallPath),
}

/// When a user's script runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)] // the words are the manifest's: docs/manifest.md, "scripts"
pub enum ScriptEvent {
    PreInstall,
    PostInstall,
    PreRemove,
    PostRemove,
    /// rpm's own: before the whole transaction.
    PreTransaction,
    /// rpm's own: after the whole transaction.
    PostTransaction,
    /// rpm's own: when an installed package is looked at.
    Verify,
}

impl ScriptEvent {
    /// Those that every format has, in the order they run, with the manifest's word.
    pub const ALL: [(Self, &'static str); 4] = [
        (Self::PreInstall, "pre-install"),
        (Self::PostInstall, "post-install"),
        (Self::PreRemove, "pre-remove"),
        (Self::PostRemove, "post-remove"),
    ];
}

/// A user's script.
#[derive(Clone, Debug, PartialEq)]
pub struct Script {
    /// Its text.
    pub text: String,
    /// How it is called.
    pub calling: Calling,
    /// The extension of its file: some formats know an interpreter by it.
    pub extension: String,
    /// The manifest's key.
    pub place: Option<Place>,
}

/// How a user's script is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Calling {
    /// One argument, the same word in every format: `install`, `upgrade`, `remove` or `purge`.
    Neutral,
    /// The format's own arguments; generated text goes where the format's marker stands.
    Native,
}

/// A menu entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Desktop {
    /// File name of the program in the `bin` directory, with arguments.
    pub exec: String,
    /// `Name=`.
    pub title: String,
    /// `Comment=`.
    pub comment: String,
    /// `Categories=`.
    pub categories: Vec<String>,
    /// `Keywords=`.
    pub keywords: Vec<String>,
    /// `MimeType=`.
    pub mime_types: Vec<String>,
    /// `x-scheme-handler/…`.
    pub url_schemes: Vec<String>,
    /// `Terminal=`.
    pub terminal: bool,
    /// Whether hicolor icons named like the package are installed.
    pub icon: bool,
}

/// A package for tests: a name, a version, nothing to install.
#[cfg(test)]
pub(crate) fn sample() -> Package {
    Package {
        name: PackageName::parse("sample").expect("a name"),
        family: Family::alone(PackageName::parse("sample").expect("a name")),
        title: "Sample".into(),
        identifier: "org.example.sample".into(),
        version: Version::parse("1.2.0").expect("a version"),
        release: 1,
        summary: "prints a greeting".into(),
        description: "prints a greeting".into(),
        license: "MIT".into(),
        license_files: Vec::new(),
        copyright: None,
        authors: vec!["Ana Example <ana@example.org>".into()],
        homepage: Some("https://example.org".into()),
        repository: None,
        changelog: vec![Release { version: "1.2.0".into(), date: None, changes: Vec::new() }],
        target: Target::new(Os::Linux, Arch::X86_64),
        any_arch: false,
        epoch: 315_532_800,
        entries: Vec::new(),
        services: Vec::new(),
        scripts: BTreeMap::new(),
        trigger_scripts: BTreeMap::new(),
        desktop: None,
    }
}

/// A file of root's for tests, executable if it is a program.
#[cfg(test)]
pub(crate) fn sample_entry(role: PayloadType, below: &str, content: &str) -> Entry {
    let below = InstallPath::parse(below).expect("a path");
    let mode = if role == PayloadType::Bin { 0o755 } else { 0o644 };
    Entry::file(role, below, Blob::from_bytes(content), mode)
}

/// A service for tests: `/usr/bin/NAME`, run as a user like it.
#[cfg(test)]
pub(crate) fn sample_service(name: &str) -> Service {
    Service {
        exec: vec![format!("/usr/bin/{name}")],
        user: Some(name.into()),
        restart: Restart::OnFailure,
        ..Service::described(name, "greets all day")
    }
}
