//! What reading an artifact back finds. `inspect` prints it, `verify` compares it, and so does
//! every build before the artifact gets its name.

use std::collections::BTreeMap;

use crate::digest::{Md5Digest, Sha256Digest};

/// What is in an artifact.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    /// The format's name.
    pub format: String,
    /// Metadata in the artifact's own order: control fields.
    pub fields: Vec<(String, String)>,
    /// Metadata files by name: maintainer scripts, conffiles, triggers.
    pub metadata: BTreeMap<String, MetaFile>,
    /// What it installs, in the artifact's order.
    pub entries: Vec<ReadEntry>,
    /// Members of the container, in order: `data.tar.xz`.
    pub members: Vec<Member>,
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
    /// Without leading `./` or `/`; bytes that are no UTF-8 are escaped as `\xNN`.
    pub path: String,
    /// What it is.
    pub kind: ReadKind,
    /// Permission bits.
    pub mode: u32,
    /// Owner's name, or number where there is no name.
    pub owner: String,
    /// Group's name, or number.
    pub group: String,
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
    File { len: u64, md5: Md5Digest, sha256: Sha256Digest },
    Symlink { target: String },
    Hardlink { target: String },
    Device { block: bool, major: u64, minor: u64 },
    Fifo,
}

/// Why an artifact cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file ends in the middle of something.
    #[error("the file ends at byte {at} in the middle of {what}")]
    Truncated {
        /// What is incomplete: ``member `data.tar.xz` ``.
        what: String,
        /// Offset of the end, in bytes.
        at: u64,
    },
    /// A field has a value that it cannot have.
    #[error("{what} at byte {at}: {why}")]
    Malformed {
        /// Which structure: `ar header`.
        what: String,
        /// Its offset in the file or stream named by `what`, in bytes.
        at: u64,
        /// What is wrong.
        why: String,
    },
    /// A compressed stream does not decode.
    #[error("{what} cannot be unpacked: {why}")]
    Unpack {
        /// Which stream.
        what: String,
        /// The codec's reason.
        why: String,
    },
    /// It would take more memory or time than an honest file needs.
    #[error("{what} is {size}, more than the limit of {limit}")]
    Limit {
        /// Which structure.
        what: String,
        /// Its size.
        size: u64,
        /// The most that is read.
        limit: u64,
    },
    /// The file cannot be read.
    #[error("cannot read the file")]
    Io(#[from] std::io::Error),
}
