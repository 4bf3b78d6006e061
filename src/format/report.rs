//! What reading an artifact back finds. `inspect` prints it, `verify` compares it, and so does
//! every build before the artifact gets its name.

use std::{borrow::Cow, collections::BTreeMap, fmt::Write as _};

pub use crate::container::ReadError;
use crate::{
    digest::{Md5Digest, Sha256Digest},
    tree::{Kind, Node, Text, Tree},
};

/// What is in an artifact.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    /// The format's name.
    pub format: String,
    /// Length of the artifact, in bytes; 0 in an expected report.
    pub len: u64,
    /// SHA-256 of the artifact; `None` in an expected report.
    pub sha256: Option<Sha256Digest>,
    /// Metadata in the artifact's own order: control fields.
    pub fields: Vec<(String, String)>,
    /// Metadata files by name: maintainer scripts, conffiles, triggers.
    pub metadata: BTreeMap<String, MetaFile>,
    /// What it installs, in the artifact's order.
    pub entries: Vec<ReadEntry>,
    /// Members of the container, in order: `data.tar.xz`.
    pub members: Vec<Member>,
    /// CRC-32 of what is packed, where it stands for digests: what a build has just planned is read
    /// back without computing them again.
    pub packed_crc32: Option<u32>,
    /// Signatures it holds, unchecked: who says to have made each, and when.
    pub signatures: Vec<String>,
    /// What is wrong with it; empty for a good artifact.
    pub problems: Vec<String>,
    /// What is unusual, but allowed.
    pub notes: Vec<String>,
}

/// A small file that describes the package.
#[derive(Clone, Debug, PartialEq)]
pub struct MetaFile {
    /// Permission bits.
    pub mode: u32,
    /// Its content.
    pub content: Vec<u8>,
}

/// A member of the container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its name.
    pub name: String,
    /// Length in bytes, as stored.
    pub len: u64,
}

/// One entry as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadEntry {
    /// Without leading `./` or `/`, and `.` for the root; bytes that are no UTF-8 and control
    /// characters are escaped as `\xNN`.
    pub path: Text,
    /// What it is.
    pub kind: ReadKind,
    /// Permission bits.
    pub mode: u32,
    /// Owner's name, or number where there is no name.
    pub owner: Text,
    /// Group's name, or number.
    pub group: Text,
    /// Owner's and group's numbers; 0:0 where the container has none.
    pub ids: (u64, u64),
    /// Seconds since 1970.
    pub mtime: i64,
    /// The package says an administrator edits it.
    pub config: bool,
}

/// What an entry is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // tar's words
pub enum ReadKind {
    Dir,
    /// MD5 only if the reader was asked for it.
    File {
        len: u64,
        md5: Option<Md5Digest>,
        sha256: Sha256Digest,
    },
    Symlink {
        target: String,
    },
    Hardlink {
        target: String,
    },
    Device {
        block: bool,
        major: u64,
        minor: u64,
    },
    Fifo,
}

impl Report {
    /// What reading back an artifact that holds this tree must find: its entries below `prefix` (as
    /// given to the container's writer), all with the time `epoch`. Payloads have been ingested.
    pub fn of_tree(format: &str, tree: &Tree, prefix: &str, epoch: u64) -> Self {
        let root = Node::implied_dir();
        let top = (!prefix.is_empty()).then(|| ReadEntry::of_node(prefix, &root, epoch));
        let below = tree
            .iter()
            .map(|(path, node)| ReadEntry::of_node(&format!("{prefix}{path}"), node, epoch));
        let entries = top.into_iter().chain(below).flatten().collect();
        Self { format: format.into(), entries, ..Self::default() }
    }

    /// For archives, which know no conffiles, and not all of them `owners`.
    pub fn for_archive(mut self, owners: bool) -> Self {
        let none = Text::from("");
        for entry in &mut self.entries {
            entry.config = false;
            if !owners {
                (entry.owner, entry.group) = (none.clone(), none.clone());
            }
        }
        self
    }

    /// As a reader finds it that was not asked for MD5.
    #[cfg(test)]
    pub(crate) fn without_md5(mut self) -> Self {
        for entry in &mut self.entries {
            if let ReadKind::File { md5, .. } = &mut entry.kind {
                *md5 = None;
            }
        }
        self
    }

    /// The value of a metadata field; names are compared without case.
    pub fn field(&self, name: &str) -> Option<&str> {
        let found = self.fields.iter().find(|(field, _)| field.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// The entry at a path.
    pub fn entry(&self, path: &str) -> Option<&ReadEntry> {
        self.entries.iter().find(|entry| entry.path == path)
    }
}

impl ReadEntry {
    /// What reading back this node must find; nothing for a ghost.
    pub fn of_node(name: &str, node: &Node, epoch: u64) -> Option<Self> {
        Self::of_path(clean(name.as_bytes()).into(), node, epoch)
    }

    /// The same, at a path as reports say it.
    pub fn of_path(path: Text, node: &Node, epoch: u64) -> Option<Self> {
        let kind = match &node.kind {
            Kind::Ghost => return None,
            Kind::Dir => ReadKind::Dir,
            Kind::Symlink(target) => ReadKind::Symlink { target: escape(target.as_bytes()).into() },
            Kind::File(blob) => {
                ReadKind::File { len: blob.len(), md5: None, sha256: blob.digests().sha256 }
            }
        };
        Some(Self {
            path,
            kind,
            mode: node.mode.0,
            owner: node.owner.clone(),
            group: node.group.clone(),
            ids: (0, 0),
            mtime: i64::try_from(epoch).unwrap_or(i64::MAX),
            config: node.config,
        })
    }

    /// Length of a file's content, in bytes; 0 for everything else.
    pub fn len(&self) -> u64 {
        match self.kind {
            ReadKind::File { len, .. } => len,
            _ => 0,
        }
    }

    /// Whether it has no content.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A path as reports say it: without leading `./` and `/`, without a trailing `/`, `.` for the
/// root, unprintable bytes escaped.
pub fn clean(mut path: &[u8]) -> String {
    while let Some(rest) = path.strip_prefix(b"./").or_else(|| path.strip_prefix(b"/")) {
        path = rest;
    }
    while let Some(rest) = path.strip_suffix(b"/") {
        path = rest;
    }
    if path.is_empty() { ".".into() } else { escape(path).into_owned() }
}

/// Text as it is; bytes that are no UTF-8 and control characters as `\xNN`.
pub fn escape(bytes: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = str::from_utf8(bytes)
        && !text.chars().any(char::is_control)
    {
        return Cow::Borrowed(text);
    }
    let mut out = String::new();
    for chunk in bytes.utf8_chunks() {
        for char in chunk.valid().chars() {
            if char.is_control() {
                char.to_string().bytes().for_each(|byte| escape_byte(&mut out, byte));
            } else {
                out.push(char);
            }
        }
        chunk.invalid().iter().for_each(|&byte| escape_byte(&mut out, byte));
    }
    Cow::Owned(out)
}

fn escape_byte(out: &mut String, byte: u8) {
    write!(out, "\\x{byte:02x}").expect("a string takes everything");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        payload::Blob,
        tree::{InstallPath, Mode},
    };

    #[test]
    fn a_path_is_shown_without_its_prefix() {
        let shown = ["./", "./usr/bin/", "/etc", "a/b", ".", ""].map(|path| clean(path.as_bytes()));
        assert_eq!(shown, [".", "usr/bin", "etc", "a/b", ".", "."]);
    }

    #[test]
    fn bytes_that_are_no_text_are_escaped() {
        assert_eq!(escape("grün".as_bytes()), "grün");
        assert_eq!(escape(b"a\xffb\n\xc3\xbc"), "a\\xffb\\x0aü");
    }

    #[test]
    fn a_tree_is_expected_below_its_prefix_without_ghosts() {
        let mut tree = Tree::default();
        let path = |text| InstallPath::parse(text).unwrap();
        tree.insert(path("a/x"), Node::file(Blob::from_bytes("abc"), Mode(0o644))).unwrap();
        tree.insert(path("a/y"), Node::ghost(Mode(0o644))).unwrap();
        let report = Report::of_tree("tar", &tree, "top/", 7);
        let paths: Vec<_> = report.entries.iter().map(|entry| entry.path.as_str()).collect();
        assert_eq!(paths, ["top", "top/a", "top/a/x"]);
        assert_eq!((report.entries[2].len(), report.entries[2].mtime), (3, 7));
    }
}
