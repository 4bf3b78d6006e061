//! What is asked for, and what it comes down to.

use std::{collections::BTreeMap, path::PathBuf};

use crate::{
    fetch::Fetcher,
    manifest::{FormatFacts, Manifest, Node, Selection},
    package::Target,
};

/// What is asked for beside the manifest: the command line and the environment.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// `--target`; empty for all of the manifest.
    pub targets: Vec<Target>,
    /// Formats or spellings; empty for all of the manifest.
    pub formats: Vec<String>,
    /// `--variant`; empty for all of the manifest.
    pub variants: Vec<String>,
    /// `--set`.
    pub sets: Vec<(String, String)>,
    /// The environment.
    pub env: BTreeMap<String, String>,
    /// `--ollama-models`: this store and no other.
    pub ollama_models: Option<PathBuf>,
    /// `--offline`: no network at all.
    pub offline: bool,
    /// `--locked`: `pkggen.lock` must not change.
    pub locked: bool,
    /// `--update-lock`: what has changed is accepted.
    pub update_lock: bool,
    /// Brings what is not there.
    pub fetcher: Option<Fetcher>,
    /// Names of the formats that this version makes.
    pub made: Vec<&'static str>,
}

/// One artifact to make.
#[derive(Clone, Debug)]
pub struct Job {
    /// What it is for.
    pub target: Target,
    /// Its format: `tar`.
    pub format: &'static FormatFacts,
    /// The word it was asked for by: `tar.gz`.
    pub spelling: &'static str,
    /// Which variant, if the manifest has some.
    pub variant: Option<String>,
}

impl Job {
    /// What selectors are compared with.
    pub fn selection(&self) -> Selection<'_> {
        Selection {
            target: self.target,
            format: self.format.name,
            spelling: self.spelling,
            variant: self.variant.as_deref(),
        }
    }

    /// The format's own table in a manifest: `[archive]` for `tar`.
    pub(super) fn table<'a>(&self, manifest: &Manifest, tree: &'a Node) -> Option<&'a Node> {
        let has = |formats: &[FormatFacts]| formats.iter().any(|f| f.name == self.format.name);
        let table = manifest.tables().iter().find(|table| has(table.formats))?;
        tree.get(table.name)
    }
}

/// What is not made though it could be expected, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// `rpm for linux-x86_64`.
    pub what: String,
    /// The reason, in one sentence.
    pub why: String,
}
