//! One thing that gets installed.

use std::fmt;

use super::Text;
use crate::{diagnostic::Place, payload::Blob};

/// Permission bits, at most 0o7777.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mode(pub u32);

/// Four octal digits.
impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04o}", self.0)
    }
}

/// What an entry is.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// A directory.
    Dir,
    /// A regular file with its content.
    File(Blob),
    /// A symbolic link and the text of its target.
    Symlink(String),
    /// A path that is owned but not shipped.
    Ghost,
}

/// What a payload entry is, before a layout says where it goes. The manifest's `type =`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs)] // the words are the manifest's: docs/manifest.md, "types"
pub enum PayloadType {
    Bin,
    Libexec,
    Lib,
    Config,
    Data,
    Model,
    State,
    Log,
    Cache,
    Service,
    Icon,
    Doc,
    Man,
    License,
    Completion,
}

impl PayloadType {
    /// All of them with the manifest's word.
    #[rustfmt::skip]
    pub const ALL: &'static [(Self, &'static str)] = &[
        (Self::Bin, "bin"), (Self::Libexec, "libexec"), (Self::Lib, "lib"),
        (Self::Config, "config"), (Self::Data, "data"), (Self::Model, "model"),
        (Self::State, "state"), (Self::Log, "log"), (Self::Cache, "cache"),
        (Self::Service, "service"), (Self::Icon, "icon"), (Self::Doc, "doc"),
        (Self::Man, "man"), (Self::License, "license"), (Self::Completion, "completion"),
    ];

    /// The manifest's word.
    pub fn word(self) -> &'static str {
        Self::ALL.iter().find(|(this, _)| *this == self).expect("ALL is complete").1
    }

    /// From the manifest's word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, name)| *name == word).map(|(this, _)| *this)
    }
}

/// An entry at its final place, as a container writes it.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// What it is.
    pub kind: Kind,
    /// Permission bits.
    pub mode: Mode,
    /// Name of the owner.
    pub owner: Text,
    /// Name of the group.
    pub group: Text,
    /// The type it came from; `None` for what a format adds itself.
    pub role: Option<PayloadType>,
    /// The administrator edits it: conffile, `%config(noreplace)`.
    pub config: bool,
    /// Linux file capabilities in `setcap` syntax.
    pub capabilities: Option<String>,
    /// A directory nobody asked for, which is there because something is in it.
    pub implied: bool,
    /// The manifest's item.
    pub place: Option<Place>,
}

impl Node {
    fn new(kind: Kind, mode: Mode) -> Self {
        Self {
            kind,
            mode,
            owner: "root".into(),
            group: "root".into(),
            role: None,
            config: false,
            capabilities: None,
            implied: false,
            place: None,
        }
    }

    /// A root-owned file.
    pub fn file(blob: Blob, mode: Mode) -> Self {
        Self::new(Kind::File(blob), mode)
    }

    /// A root-owned directory that was asked for.
    pub fn dir(mode: Mode) -> Self {
        Self::new(Kind::Dir, mode)
    }

    /// A symbolic link.
    pub fn symlink(target: impl Into<String>) -> Self {
        Self::new(Kind::Symlink(target.into()), Mode(0o777))
    }

    /// A path that is owned but not shipped.
    pub fn ghost(mode: Mode) -> Self {
        Self::new(Kind::Ghost, mode)
    }

    /// A directory above something.
    pub fn implied_dir() -> Self {
        Self { implied: true, ..Self::dir(Mode(0o755)) }
    }

    /// The content, if it is a file.
    pub fn blob(&self) -> Option<&Blob> {
        match &self.kind {
            Kind::File(blob) => Some(blob),
            _ => None,
        }
    }
}
