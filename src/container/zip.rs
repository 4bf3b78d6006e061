//! The zip archive, with Unix modes, symlinks and zip64 where a number needs it.
//!
//! Format: PKWARE APPNOTE 6.3.10; Info-ZIP's extra fields (`proginfo/extrafld.txt`). All numbers
//! are little-endian. Byte tables: docs/formats/tar.md.

mod directory;
mod read;
mod structures;

use super::LimitError;
use crate::{
    diagnostic::Diagnostic,
    payload::{self, Bench, Blob},
    splice::{Deflated, Recipe, pack_entries},
    tree::{Kind, Mode, Node, Tree},
};
pub use read::{Entry as ReadEntry, Reader};
use structures::{End, Entry};

/// Signature of a local header.
pub const LOCAL: u32 = 0x0403_4b50;
/// Signature of an entry of the central directory.
pub const CENTRAL: u32 = 0x0201_4b50;
/// Signature of the end record.
pub const END: u32 = 0x0605_4b50;
/// Signature of the zip64 end record.
pub const END64: u32 = 0x0606_4b50;
/// Signature of the zip64 end locator.
pub const LOCATOR64: u32 = 0x0706_4b50;

/// What a 32-bit field says when the number is in the zip64 extra field.
pub const IN_EXTRA: u32 = u32::MAX;

/// Longest name, in bytes.
const MAX_NAME: u64 = 0xffff;

/// Names and comments are UTF-8 (flag bit 11).
pub const UTF8: u16 = 1 << 11;

/// Method 0: the bytes as they are.
pub const STORED: u16 = 0;
/// Method 8: deflate.
pub const DEFLATED: u16 = 8;

/// "Made by" Unix: the high half of the external attributes is `st_mode`.
pub const UNIX: u16 = 3;

/// File type bits of `st_mode`.
pub const S_IFMT: u32 = 0o170_000;
/// A directory.
pub const S_IFDIR: u32 = 0o040_000;
/// A regular file.
pub const S_IFREG: u32 = 0o100_000;
/// A symbolic link; the content is its target.
pub const S_IFLNK: u32 = 0o120_000;

/// Content as it is stored in an entry.
#[derive(Clone, Debug, Default)]
pub struct Content {
    /// The stored or deflated bytes.
    pub data: Recipe,
    /// Length before packing, in bytes.
    pub len: u64,
    /// CRC-32 before packing.
    pub crc32: u32,
    /// Whether `data` is deflated.
    pub deflated: bool,
}

impl Content {
    /// Bytes stored as they are.
    pub fn stored(bytes: &[u8]) -> Self {
        let mut data = Recipe::default();
        data.bytes(bytes);
        let crc32 = crc32fast::hash(bytes);
        Self { data, len: bytes.len() as u64, crc32, deflated: false }
    }
}

/// A payload, packed for an entry.
impl From<Deflated> for Content {
    fn from(packed: Deflated) -> Self {
        let Deflated { recipe: data, crc32, len, stored } = packed;
        Self { data, len, crc32, deflated: !stored }
    }
}

/// Why a tree cannot be described as a zip.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Something is larger than a zip can say.
    #[error(transparent)]
    Limit(#[from] LimitError),
    /// A payload cannot be packed.
    #[error(transparent)]
    Payload(#[from] payload::Error),
}

impl From<Error> for Diagnostic {
    fn from(error: Error) -> Self {
        match error {
            Error::Limit(limit) => Self::cannot("limit.zip", limit.to_string()),
            Error::Payload(error) => error.into(),
        }
    }
}

/// An archive being described.
#[derive(Clone, Debug)]
pub struct Zip {
    epoch: u64,
    recipe: Recipe,
    directory: Vec<u8>,
    count: u64,
}

impl Zip {
    /// An archive whose entries all have the modification time `epoch`, in seconds since 1970.
    pub fn new(epoch: u64) -> Self {
        Self { epoch, recipe: Recipe::default(), directory: Vec::new(), count: 0 }
    }

    /// Adds a tree in its own order, below `prefix` (`NAME-VERSION/`), which is the first entry.
    /// Files are packed at `level`; 0 stores them. Ghosts are left out.
    pub fn tree(
        mut self,
        tree: &Tree,
        prefix: &str,
        level: u32,
        bench: &Bench,
    ) -> Result<Self, Error> {
        let blobs: Vec<Blob> = tree.iter().filter_map(|(_, node)| node.blob().cloned()).collect();
        let mut packed = pack_entries(&blobs, level, bench)?.into_iter();
        if !prefix.is_empty() {
            self = self.dir(prefix, Mode(0o755))?;
        }
        for (path, node) in tree.iter() {
            let content = match node.blob() {
                Some(_) => packed.next().expect("one for every file").into(),
                None => Content::default(),
            };
            self = self.node(&format!("{prefix}{path}"), node, content)?;
        }
        Ok(self)
    }

    /// Adds a directory; its `/` is added when missing.
    pub fn dir(self, name: &str, mode: Mode) -> Result<Self, LimitError> {
        let slash = if name.ends_with('/') { "" } else { "/" };
        self.entry(&format!("{name}{slash}"), S_IFDIR | mode.0, Content::default())
    }

    /// Adds a file.
    pub fn file(self, name: &str, mode: Mode, content: Content) -> Result<Self, LimitError> {
        self.entry(name, S_IFREG | mode.0, content)
    }

    /// Adds a symbolic link.
    pub fn symlink(self, name: &str, target: &str) -> Result<Self, LimitError> {
        self.entry(name, S_IFLNK | 0o777, Content::stored(target.as_bytes()))
    }

    /// Adds a node at a full name; `content` is that of a file. Ghosts are left out.
    pub fn node(self, name: &str, node: &Node, content: Content) -> Result<Self, LimitError> {
        match &node.kind {
            Kind::Dir => self.dir(name, node.mode),
            Kind::File(_) => self.file(name, node.mode, content),
            Kind::Symlink(target) => self.symlink(name, target),
            Kind::Ghost => Ok(self),
        }
    }

    fn entry(mut self, name: &str, st_mode: u32, content: Content) -> Result<Self, LimitError> {
        LimitError::check("zip", MAX_NAME, name.len() as u64, || {
            format!("the name of `{name}` (bytes)")
        })?;
        let entry = Entry {
            name,
            st_mode,
            epoch: self.epoch,
            method: if content.deflated { DEFLATED } else { STORED },
            crc32: content.crc32,
            packed: content.data.len(),
            len: content.len,
            at: self.recipe.len(),
        };
        self.recipe.bytes(entry.local());
        self.recipe.append(content.data);
        self.directory.extend(entry.central());
        self.count += 1;
        Ok(self)
    }

    /// The archive: entries, central directory, end records.
    pub fn finish(self) -> Recipe {
        let Self { mut recipe, directory, count, .. } = self;
        let end = End { count, len: directory.len() as u64, at: recipe.len() };
        recipe.bytes(directory);
        recipe.bytes(end.encode());
        recipe
    }
}

#[cfg(test)]
mod tests {
    use super::{
        structures::{MAX_ENTRIES, MAX_SHORT},
        *,
    };
    use crate::bytes::Record;
    use crate::splice::Segment;

    fn bytes(recipe: &Recipe) -> Vec<u8> {
        let mut out = Vec::new();
        for segment in recipe.segments() {
            let Segment::Bytes(bytes) = segment else { panic!("{segment:?} is not bytes") };
            out.extend_from_slice(bytes);
        }
        out
    }

    const EPOCH: u64 = 1_700_000_000; // 2023-11-14 22:13:20

    #[test]
    fn an_archive_of_one_file_is_byte_for_byte_the_specification() {
        let zip = Zip::new(EPOCH).file("a", Mode(0o644), Content::stored(b"hi")).unwrap().finish();
        let common: [u8; 14] = Record::little()
            .u16(10)
            .u16(0x800)
            .u16(0)
            .u16(0xb1aa)
            .u16(0x576e)
            .u32(crc32fast::hash(b"hi"))
            .finish();
        let extra: [u8; 9] = Record::little().raw(b"UT\x05\0\x01").u32(1_700_000_000).finish();
        let want: [u8; 42 + 56 + 22] = Record::little()
            .raw(b"PK\x03\x04")
            .raw(&common)
            .u32(2)
            .u32(2)
            .u16(1)
            .u16(9)
            .raw(b"a")
            .raw(&extra)
            .raw(b"hi")
            .raw(b"PK\x01\x02")
            .u16(0x031e)
            .raw(&common)
            .u32(2)
            .u32(2)
            .u16(1)
            .u16(9)
            .raw(&[0; 6])
            .u32(0o100_644 << 16)
            .u32(0)
            .raw(b"a")
            .raw(&extra)
            .raw(b"PK\x05\x06\0\0\0\0\x01\0\x01\0")
            .u32(56)
            .u32(42)
            .u16(0)
            .finish();
        assert_eq!(bytes(&zip), want);
    }

    #[test]
    fn a_directory_ends_in_a_slash_and_has_the_dos_bit() {
        let zip = bytes(&Zip::new(0).dir("d", Mode(0o755)).unwrap().finish());
        let central = zip.windows(4).position(|w| w == b"PK\x01\x02").unwrap();
        assert_eq!(zip[central + 38..central + 42], (0o040_755_u32 << 16 | 0x10).to_le_bytes());
        assert_eq!(&zip[central + 46..central + 48], b"d/");
    }

    #[test]
    fn a_symlink_holds_its_target() {
        let zip = bytes(&Zip::new(0).symlink("l", "target").unwrap().finish());
        assert_eq!(&zip[40..46], b"target");
    }

    /// Stored content of that many zeros; the CRC does not matter here.
    fn zeros(len: u64) -> Content {
        let mut data = Recipe::default();
        data.zeros(len);
        Content { data, len, crc32: 0, deflated: false }
    }

    #[test]
    fn zip64_appears_at_4_gib_and_not_before() {
        let file = |len| Zip::new(u64::MAX).file("a", Mode(0o644), zeros(len)).unwrap();
        assert_eq!(file(MAX_SHORT).recipe.len(), 30 + 1 + MAX_SHORT);
        assert_eq!(file(MAX_SHORT).directory.len(), 46 + 1);
        assert_eq!(file(MAX_SHORT + 1).recipe.len(), 30 + 1 + 20 + MAX_SHORT + 1);
        assert_eq!(file(MAX_SHORT + 1).directory.len(), 46 + 1 + 20);
        let after = file(MAX_SHORT + 1).symlink("b", "a").unwrap();
        assert_eq!(after.directory.len(), 46 + 1 + 20 + 46 + 1 + 12);
        assert_eq!(&after.directory[after.directory.len() - 12..][..4], [1, 0, 8, 0]);
    }

    #[test]
    fn the_end_record_is_zip64_from_65535_entries_on() {
        assert_eq!(End { count: MAX_ENTRIES, len: 1, at: 1 }.encode().len(), 22);
        let end = End { count: MAX_ENTRIES + 1, len: 3, at: 4 }.encode();
        assert_eq!(end.len(), 56 + 20 + 22);
        assert_eq!(&end[..4], b"PK\x06\x06");
        assert_eq!(&end[56..60], b"PK\x06\x07");
        assert_eq!(end[64..72], 7_u64.to_le_bytes());
        assert_eq!(end[76 + 8..76 + 12], [0xff; 4]);
    }
}
