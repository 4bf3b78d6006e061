//! The manifest for one target and one format, with everything found.
//!
//! [`matrix`] says what is to be made; [`resolve`] finds everything for one artifact of it. Files
//! are looked at here, and only headers, icons and texts for metadata are read.

pub mod catalogue;
pub mod changelog;
mod date;
mod desktop;
mod entries;
mod family;
mod icon;
mod identity;
mod job;
mod later;
mod launchers;
mod lock;
mod matrix;
mod missing;
mod names;
mod parts;
mod pin;
mod program;
mod scripts;
mod services;
mod source;
mod text;
mod version;
mod work;

pub(crate) use date::rfc2822;
pub use job::{Job, LeftOut, Settings};
pub use lock::{Change, LOCK_NAME, Lock, LockTable, Locked, PinTable, Rule, Seen};
pub use matrix::{Matrix, matrix};
pub use missing::missing;
pub use pin::{Pin, PinKind};
pub use source::{Problem, Sources, gguf, huggingface, ollama};
pub use work::resolve;

use crate::{diagnostic::Diagnostic, manifest::Node, package::Package, payload::Blob};

/// One artifact with everything found.
#[derive(Clone, Debug)]
pub struct Resolved {
    /// What will be shipped.
    pub package: Package,
    /// The manifest for this artifact: merged and expanded.
    pub manifest: Node,
    /// Components that are packages of their own.
    pub parts: Vec<PartPackage>,
    /// What is unusual, but allowed.
    pub warnings: Vec<Diagnostic>,
    /// Optional sources that are not there, as typed.
    pub absent: Vec<String>,
    /// Content that must have a known digest.
    pub pins: Vec<Pin>,
    /// Content that must be read before all of this is right: resolve again once it is.
    pub unread: Vec<Blob>,
}

/// A component that is a package of its own.
#[derive(Clone, Debug)]
pub struct PartPackage {
    /// What will be shipped.
    pub package: Package,
    /// The manifest for it.
    pub manifest: Node,
}

#[cfg(test)]
mod file_tests;
#[cfg(test)]
mod tests;
