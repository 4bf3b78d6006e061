//! Formats: what the user asks for. One folder or file each, one line each in [`FORMATS`].

mod archive;
pub mod archive_options;
pub mod archive_read;
pub(crate) mod control;
pub mod deb;
mod documents;
mod elf;
mod installer;
pub mod later;
mod linux;
pub(crate) mod listing;
mod order;
pub mod report;
pub mod rpm;
mod tarball;
mod units;
mod zip;

use std::io::{Read, Seek};

use crate::{
    codec::Packing,
    diagnostic::{Diagnostic, Diagnostics},
    digest::Want,
    layout::Layout,
    manifest::{
        Delivery::{Embed, Fetch, Sidecar, Split},
        FormatFacts, FormatTable, Node,
    },
    package::{Os, Package, Target},
    payload::Bench,
    sign::openpgp::{Certificate, Identity, Refused, SignedBy},
    splice::Recipe,
    tree::Tree,
};
use report::Report;

/// Every format pkggen makes.
pub static FORMATS: &[&dyn Format] = &[&deb::Deb, &rpm::Rpm, &tarball::Tarball, &zip::Zip];

/// Who makes a package, what kind it is of and how it is packed holds for its parts, too; what it needs
/// and does holds for the main one alone.
const OF_PARTS: &[&str] = &[
    "compression",
    "section",
    "priority",
    "maintainer",
    "group",
    "vendor",
    "packager",
    "legacy-md5",
];

/// The manifest's tables of all formats, made or planned, with what each format is.
#[rustfmt::skip]
pub static TABLES: &[FormatTable] = &[
    FormatTable::of::<deb::options::DebOptions>("deb", &[
        FormatFacts { name: "deb", spellings: &["deb"], systems: &[Os::Linux], deliver: &[Split, Embed], of_parts: OF_PARTS },
    ]),
    FormatTable::of::<rpm::options::RpmOptions>("rpm", &[
        FormatFacts { name: "rpm", spellings: &["rpm"], systems: &[Os::Linux], deliver: &[Split, Embed], of_parts: OF_PARTS },
    ]),
    FormatTable::of::<later::AppimageOptions>("appimage", &[
        FormatFacts { name: "appimage", spellings: &["appimage"], systems: &[Os::Linux], deliver: &[Embed, Fetch], of_parts: &[] },
    ]),
    FormatTable::of::<later::AppOptions>("app", &[
        FormatFacts { name: "app", spellings: &["app"], systems: &[Os::Macos], deliver: &[Embed, Fetch], of_parts: &[] },
    ]),
    FormatTable::of::<later::DmgOptions>("dmg", &[
        FormatFacts { name: "dmg", spellings: &["dmg"], systems: &[Os::Macos], deliver: &[Embed, Fetch], of_parts: &[] },
    ]),
    FormatTable::of::<later::PkgOptions>("pkg", &[
        FormatFacts { name: "pkg", spellings: &["pkg"], systems: &[Os::Macos], deliver: &[Split, Embed], of_parts: OF_PARTS },
    ]),
    FormatTable::of::<later::NsisOptions>("nsis", &[
        FormatFacts { name: "nsis", spellings: &["nsis"], systems: &[Os::Windows], deliver: &[Embed, Sidecar, Fetch], of_parts: &[] },
    ]),
    FormatTable::of::<later::MsiOptions>("msi", &[
        FormatFacts { name: "msi", spellings: &["msi"], systems: &[Os::Windows], deliver: &[Embed, Sidecar], of_parts: &[] },
    ]),
    FormatTable::of::<archive_options::ArchiveOptions>("archive", &[
        FormatFacts { name: "tar", spellings: &["tar.gz", "tar.xz", "tar.zst"], systems: &Os::ALL, deliver: &[Embed, Fetch], of_parts: &[] },
        FormatFacts { name: "zip", spellings: &["zip"], systems: &Os::ALL, deliver: &[Embed, Fetch], of_parts: &[] },
    ]),
];

/// How a format becomes bytes: described here, carried out by `build`.
pub trait Format: Sync {
    /// The name in manifests and on the command line: `deb`, `tar`.
    fn name(&self) -> &'static str;

    /// Spellings the manifest may use instead, one artifact each: `tar.gz`, `tar.xz`, `tar.zst`.
    /// A format with one spelling has its name alone.
    fn spellings(&self) -> &'static [&'static str];

    /// One line for `pkggen formats`.
    fn about(&self) -> &'static str;

    /// Systems it exists for.
    fn systems(&self) -> &'static [Os];

    /// Directory of each type, for `{{ dir.X }}`: absolute where the system has an absolute path.
    fn layout(&self, cx: &Context<'_>) -> &'static dyn Layout;

    /// The file name users of this format expect.
    fn file_name(&self, package: &Package, cx: &Context<'_>) -> Result<String, Diagnostic>;

    /// Whether the distribution decides which services start, unless the manifest does: its
    /// presets.
    fn by_preset(&self) -> bool {
        false
    }

    /// How it packs, so that payloads are packed while they are read.
    fn packing(&self, package: &Package, cx: &Context<'_>) -> Result<Packing, Diagnostic>;

    /// Which digests of payloads it asks for.
    fn digests(&self) -> Want {
        Want::Sha256
    }

    /// What it installs, at final paths, generated files included. Reads no payload; every limit
    /// and rule of the format is checked here, all errors at once.
    fn tree(&self, package: &Package, cx: &Context<'_>) -> Result<Tree, Diagnostics>;

    /// What else it needs or excludes on the user's machine, for `pkggen plan`:
    /// `Depends`, `libc6 (>= 2.34)`.
    fn relations(
        &self,
        _package: &Package,
        _tree: &Tree,
        _cx: &Context<'_>,
    ) -> Result<Vec<(String, String)>, Diagnostics> {
        Ok(Vec::new())
    }

    /// What is unusual about it, but allowed: files that no dependencies are taken from.
    fn warnings(
        &self,
        _package: &Package,
        _tree: &Tree,
        _cx: &Context<'_>,
    ) -> Result<Vec<Diagnostic>, Diagnostics> {
        Ok(Vec::new())
    }

    /// Scripts that run on the user's machine, by name, for `pkggen explain`.
    fn scripts(
        &self,
        _package: &Package,
        _tree: &Tree,
        _cx: &Context<'_>,
    ) -> Result<Vec<(String, String)>, Diagnostics> {
        Ok(Vec::new())
    }

    /// Most bytes of one file: a longer artifact is written as parts.
    fn split(&self, _cx: &Context<'_>) -> Option<u64> {
        None
    }

    /// Describes the artifact. Writes nothing but packed pieces. Payloads have been ingested, and
    /// what is installed is in the tree alone: the package's entries of plain files are gone.
    fn plan(
        &self,
        package: &Package,
        tree: Tree,
        cx: &Context<'_>,
        bench: &Bench,
    ) -> Result<Plan, Diagnostic>;

    /// Whether its artifacts hold an OpenPGP signature of their own.
    fn signs(&self) -> bool {
        false
    }

    /// Whether a file that starts like this is of this format.
    fn recognises(&self, head: &[u8]) -> bool;

    /// Checks the signature that an artifact holds. Formats that [`Format::signs`] have one to check.
    fn check_signature(
        &self,
        _file: &mut dyn ReadSeek,
        _certificate: &Certificate,
    ) -> Result<Signed, report::ReadError> {
        Ok(Signed::Nowhere)
    }

    /// Reads an artifact of this format back, ours or not. Every byte is looked at.
    fn read(&self, file: &mut dyn ReadSeek, want: Want) -> Result<Report, report::ReadError>;
}

/// What a format may ask about the artifact being built.
pub struct Context<'a> {
    /// The spelling that was asked for: `deb`, `tar.gz`.
    pub spelling: &'a str,
    /// The merged and expanded manifest for this artifact, for the format's own tables.
    pub manifest: &'a Node,
    /// What it is for.
    pub target: Target,
    /// Who signs it, if anybody does.
    pub signer: Option<&'a Identity>,
}

/// What became of checking an artifact's own signature.
#[derive(Debug)]
pub enum Signed {
    /// It is good.
    By(SignedBy),
    /// It is not accepted.
    Refused(Refused),
    /// There is none.
    Not,
    /// The format holds none.
    Nowhere,
}

/// Of several errors the first; they were all reported when the tree was made.
fn first(mut found: Diagnostics) -> Diagnostic {
    if found.errors.is_empty() {
        return Diagnostic::failed("format", "the package cannot be described");
    }
    found.errors.remove(0)
}

/// What a reader needs.
pub trait ReadSeek: Read + Seek {}
impl<T: Read + Seek> ReadSeek for T {}

/// An artifact, described.
pub struct Plan {
    /// Its bytes.
    pub recipe: Recipe,
    /// What reading it back must find, besides what the reader checks by itself.
    pub expected: Report,
}
