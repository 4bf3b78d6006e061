//! The verbs in order: resolve, ingest, plan, write, read back, rename.

mod sums;

pub use sums::{NAME as SUMS, parse_line as parse_sum};

use crate::{
    codec::Packing,
    format::{Context, Format},
    manifest::Node,
    package::{Package, Target},
    tree::Tree,
};

/// An artifact that would be made, with everything decided but its packed bytes.
pub struct Planned {
    /// Its format.
    pub format: &'static dyn Format,
    /// Its spelling: `deb`, `tar.gz`.
    pub spelling: String,
    /// What it is for.
    pub target: Target,
    /// The name it gets in the output folder.
    pub file_name: String,
    /// The manifest for this artifact: merged and expanded.
    pub manifest: Node,
    /// The manifest for this artifact, with everything found.
    pub package: Package,
    /// What it installs.
    pub tree: Tree,
    /// How it packs.
    pub packing: Packing,
}

impl Planned {
    /// What the format may ask.
    pub fn context(&self) -> Context<'_> {
        Context { spelling: &self.spelling, manifest: &self.manifest }
    }
}
