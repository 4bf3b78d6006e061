//! Packages that belong together: variants that replace each other, parts that come with the rest.

use super::{PackageName, Version};
use crate::{payload::Blob, tree::PayloadType};

/// Which member of a family a package is.
#[derive(Clone, Debug, PartialEq)]
pub struct Family {
    /// The name that all members share: that of directories, accounts and units.
    pub base: PackageName,
    /// Which variant of the package it is, if it comes in several.
    pub variant: Option<Variant>,
    /// Which component it is, if it is a package of its own beside the main one.
    pub component: Option<String>,
    /// Components that are packages of their own beside this one.
    pub parts: Vec<Part>,
    /// Components that are inside of this one.
    pub embedded: Vec<Embedded>,
    /// Components that are downloaded later.
    pub fetched: Vec<Fetched>,
}

/// One of several flavours of a package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variant {
    /// Its name in the manifest: `cuda`.
    pub name: String,
    /// The other flavours' package names: only one of them can be installed.
    pub sisters: Vec<PackageName>,
}

/// A component that is a package of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The component's name in the manifest: `model`.
    pub component: String,
    /// Its package's name.
    pub name: PackageName,
    /// Its version.
    pub version: Version,
    /// In which version it is wanted.
    pub bound: Bound,
    /// Nothing works without it.
    pub required: bool,
}

/// In which version a part is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// In any: it has a version of its own, and neither needs a new build when the other has one.
    Any,
    /// In this one: a file of it is shared.
    Same,
    /// From this very build: it has no version of its own.
    InStep,
}

/// A component that comes inside of a package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Embedded {
    /// The component's name in the manifest.
    pub component: String,
    /// Its version.
    pub version: Version,
    /// Length of its files, in bytes.
    pub len: u64,
}

/// A component that is downloaded later.
#[derive(Clone, Debug, PartialEq)]
pub struct Fetched {
    /// The component's name in the manifest.
    pub component: String,
    /// What it is, in one line.
    pub summary: String,
    /// Its version.
    pub version: Version,
    /// Nothing works without it.
    pub required: bool,
    /// Its files.
    pub files: Vec<FetchedFile>,
}

/// A file that is downloaded later.
#[derive(Clone, Debug, PartialEq)]
pub struct FetchedFile {
    /// Where it goes: a path from the root of the system or of the image.
    pub path: String,
    /// Its content.
    pub blob: Blob,
    /// Where it is found; `{{ sha256 }}` stands for the digest of the content.
    pub url: String,
}

impl Variant {
    /// The file of type `data` that says which variant is installed.
    pub const MARKER: &'static str = "variant";
}

impl Fetched {
    /// Length of its files, in bytes.
    pub fn size(&self) -> u64 {
        self.files.iter().map(|file| file.blob.len()).sum()
    }
}

impl Family {
    /// Of a package that stands alone.
    pub fn alone(name: PackageName) -> Self {
        Self {
            base: name,
            variant: None,
            component: None,
            parts: Vec::new(),
            embedded: Vec::new(),
            fetched: Vec::new(),
        }
    }

    /// The name that the directory of a type has in it: documents and licences are those of the
    /// package called `name`, everything else is the family's.
    pub fn dir_name<'a>(&'a self, role: PayloadType, name: &'a PackageName) -> &'a str {
        match role {
            PayloadType::Doc | PayloadType::License => name.as_str(),
            _ => self.base.as_str(),
        }
    }
}
