//! The tar archive in the GNU dialect, which dpkg reads.
//!
//! Format: tar(5), "GNU Tar Archives"; dpkg `lib/dpkg/tarfn.c`. No PAX: dpkg refuses it. Byte
//! tables: docs/formats/deb.md.

mod pax;
mod read;

use super::LimitError;
use crate::{
    bytes::Record,
    payload::Blob,
    splice::Recipe,
    tree::{InstallPath, Kind, Mode, Node, Tree},
};
pub use read::{Dialect, Entry, EntryType, Reader};

/// Everything is in units of this many bytes.
pub const BLOCK: usize = 512;

/// Largest number that eleven octal digits can say (as a size: 8 GiB - 1).
const MAX_OCTAL: u64 = (1 << 33) - 1;

/// Longest name in a header's name or link name field, in bytes; longer ones get a record.
const MAX_SHORT: usize = 100;

/// Longest owner or group name, in bytes: 32 with a NUL.
const MAX_OWNER: u64 = 31;

/// An archive being described. All entries have one modification time and belong to number 0:0
/// with the node's owner and group names.
#[derive(Clone, Debug)]
pub struct Tar {
    epoch: u64,
    recipe: Recipe,
}

impl Tar {
    /// An archive whose entries all have the modification time `epoch`, in seconds since 1970.
    pub fn new(epoch: u64) -> Self {
        Self { epoch, recipe: Recipe::default() }
    }

    /// Adds a tree in its own order, below `prefix`: `./` for Debian packages, `NAME-VERSION/` for
    /// archives. The prefix itself is the first entry. Ghosts are left out.
    pub fn tree(self, tree: &Tree, prefix: &str) -> Result<Self, LimitError> {
        self.nodes(tree.iter(), prefix)
    }

    /// Like [`Tar::tree`] in the caller's order, which must name directories before their content.
    pub fn nodes<'a>(
        mut self,
        nodes: impl IntoIterator<Item = (&'a InstallPath, &'a Node)>,
        prefix: &str,
    ) -> Result<Self, LimitError> {
        if !prefix.is_empty() {
            self = self.node(prefix, &Node::implied_dir())?;
        }
        nodes
            .into_iter()
            .try_fold(self, |tar, (path, node)| tar.node(&format!("{prefix}{path}"), node))
    }

    /// Adds a root-owned file.
    pub fn file(self, path: &str, blob: Blob, mode: Mode) -> Result<Self, LimitError> {
        self.node(path, &Node::file(blob, mode))
    }

    /// Adds one node at a full name; a directory gets its `/`. Ghosts are left out.
    pub fn node(mut self, name: &str, node: &Node) -> Result<Self, LimitError> {
        let (kind, link, blob) = match &node.kind {
            Kind::Dir => (b'5', "", None),
            Kind::File(blob) => (b'0', "", Some(blob)),
            Kind::Symlink(target) => (b'2', target.as_str(), None),
            Kind::Ghost => return Ok(self),
        };
        let slash = if kind == b'5' && !name.ends_with('/') { "/" } else { "" };
        let name = format!("{name}{slash}");
        check_owner(&name, &node.owner)?;
        check_owner(&name, &node.group)?;
        self.long(b'K', link);
        self.long(b'L', &name);
        let header = Header {
            name: name.as_bytes(),
            link: link.as_bytes(),
            mode: node.mode.0,
            size: blob.map_or(0, Blob::len),
            mtime: self.epoch,
            kind,
            owner: node.owner.as_bytes(),
            group: node.group.as_bytes(),
        };
        self.recipe.bytes(header.encode());
        if let Some(blob) = blob {
            self.recipe.blob(blob);
            self.recipe.zeros(padding(blob.len()));
        }
        Ok(self)
    }

    /// The archive, ended by two zero blocks.
    pub fn finish(mut self) -> Recipe {
        self.recipe.zeros(2 * BLOCK as u64);
        self.recipe
    }

    /// Writes a `K` or `L` record when the next header's field is too small for `text`.
    fn long(&mut self, kind: u8, text: &str) {
        if text.len() <= MAX_SHORT {
            return;
        }
        let size = text.len() as u64 + 1;
        let header = Header {
            name: b"././@LongLink",
            link: b"",
            mode: 0o644,
            size,
            mtime: 0,
            kind,
            owner: b"root",
            group: b"root",
        };
        self.recipe.bytes(header.encode());
        self.recipe.bytes([text.as_bytes(), b"\0"].concat());
        self.recipe.zeros(padding(size));
    }
}

/// How many zeros follow content of `len` bytes.
pub fn padding(len: u64) -> u64 {
    len.next_multiple_of(BLOCK as u64) - len
}

fn check_owner(path: &str, owner: &str) -> Result<(), LimitError> {
    LimitError::check("tar", MAX_OWNER, owner.len() as u64, || {
        format!("owner `{owner}` of `{path}` (bytes)")
    })
}

/// A header block. Numbers are octal digits and a NUL; larger ones are base-256: a byte `0x80`, then
/// big-endian.
///
/// | offset | size  | field                                                       |
/// |-------:|------:|-------------------------------------------------------------|
/// |      0 |   100 | name; the first 100 bytes of it after an `L` record         |
/// |    100 |     8 | mode                                                        |
/// |    108 |     8 | user id, 0                                                  |
/// |    116 |     8 | group id, 0                                                 |
/// |    124 |    12 | size of the content in bytes                                |
/// |    136 |    12 | modification time, seconds                                  |
/// |    148 |     8 | checksum: six digits, NUL, space                            |
/// |    156 |     1 | type                                                        |
/// |    157 |   100 | link name; the first 100 bytes of it after a `K` record     |
/// |    257 |     8 | magic and version, `ustar  \0`                              |
/// |    265 |    32 | user name                                                   |
/// |    297 |    32 | group name                                                  |
/// |    329 |   183 | zeros: device numbers, GNU's access and change times        |
#[derive(Clone, Copy, Debug)]
struct Header<'a> {
    name: &'a [u8],
    link: &'a [u8],
    /// Permission bits.
    mode: u32,
    /// Bytes.
    size: u64,
    /// Seconds since 1970.
    mtime: u64,
    /// `0` file, `2` symlink, `5` directory, `K` and `L` long link and name.
    kind: u8,
    owner: &'a [u8],
    group: &'a [u8],
}

impl Header<'_> {
    fn encode(&self) -> [u8; BLOCK] {
        let mut block = Record::<BLOCK>::big()
            .padded(first(self.name), 100, 0)
            .raw(format!("{:07o}\0", self.mode & 0o7777).as_bytes())
            .raw(b"0000000\0")
            .raw(b"0000000\0")
            .raw(&number(self.size))
            .raw(&number(self.mtime))
            .raw(b"        ")
            .u8(self.kind)
            .padded(first(self.link), 100, 0)
            .raw(b"ustar  \0")
            .padded(self.owner, 32, 0)
            .padded(self.group, 32, 0)
            .padded(b"", 183, 0)
            .finish();
        let sum = checksum(&block);
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        block
    }
}

fn first(name: &[u8]) -> &[u8] {
    &name[..name.len().min(MAX_SHORT)]
}

/// A size or time field.
fn number(value: u64) -> [u8; 12] {
    if value <= MAX_OCTAL {
        return format!("{value:011o}\0").into_bytes().try_into().expect("eleven digits and a NUL");
    }
    Record::big().u32(0x8000_0000).u64(value).finish()
}

/// The sum of all bytes of a header, its checksum field taken as spaces.
pub fn checksum(block: &[u8; BLOCK]) -> u32 {
    let sum = |bytes: &[u8]| bytes.iter().map(|&byte| u32::from(byte)).sum::<u32>();
    sum(&block[..148]) + 8 * u32::from(b' ') + sum(&block[156..])
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::splice::Segment;

    /// The bytes of a recipe without payload files.
    pub(crate) fn bytes(recipe: &Recipe) -> Vec<u8> {
        let mut out = Vec::new();
        for segment in recipe.segments() {
            match segment {
                Segment::Bytes(bytes) => out.extend_from_slice(bytes),
                Segment::Zeros(len) => out.resize(out.len() + usize::try_from(*len).unwrap(), 0),
                other => panic!("{other:?} is not in memory"),
            }
        }
        out
    }

    fn one(name: &str, node: &Node) -> Vec<u8> {
        bytes(&Tar::new(0o17).node(name, node).unwrap().finish())
    }

    // The same block as `tar --format=gnu --mode=0755 --mtime=@15` of GNU tar 1.34 writes.
    #[test]
    fn a_header_is_byte_for_byte_gnu() {
        let block = one("./usr/bin", &Node::dir(Mode(0o755)));
        let want: [u8; BLOCK] = Record::big()
            .padded(b"./usr/bin/", 100, 0)
            .raw(b"0000755\0")
            .raw(b"0000000\0")
            .raw(b"0000000\0")
            .raw(b"00000000000\0")
            .raw(b"00000000017\0")
            .raw(b"011243\0 ")
            .raw(b"5")
            .padded(b"", 100, 0)
            .raw(b"ustar  \0")
            .padded(b"root", 32, 0)
            .padded(b"root", 32, 0)
            .padded(b"", 183, 0)
            .finish();
        assert_eq!(block[..BLOCK], want);
        assert_eq!(block[BLOCK..], [0; 2 * BLOCK]);
    }

    #[test]
    fn content_is_padded_to_a_block() {
        let tar = one("./x", &Node::file(Blob::from_bytes("hello"), Mode(0o644)));
        assert_eq!(tar.len(), 4 * BLOCK);
        assert_eq!(&tar[124..136], b"00000000005\0");
        assert_eq!(&tar[BLOCK..BLOCK + 8], b"hello\0\0\0");
    }

    #[test]
    fn a_size_of_8_gib_is_base_256() {
        assert_eq!(&number(MAX_OCTAL), b"77777777777\0");
        assert_eq!(number(MAX_OCTAL + 1), [0x80, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0]);
    }

    #[test]
    fn a_name_of_101_bytes_gets_an_l_record() {
        assert_eq!(one(&"a".repeat(100), &Node::symlink("t")).len(), 3 * BLOCK);
        let name = "a".repeat(101);
        let tar = one(&name, &Node::symlink("t"));
        assert_eq!(tar.len(), 5 * BLOCK);
        assert_eq!((&tar[..13], tar[156]), (&b"././@LongLink"[..], b'L'));
        assert_eq!(&tar[124..136], b"00000000146\0");
        assert_eq!(&tar[BLOCK..BLOCK + 102], format!("{name}\0").as_bytes());
        assert_eq!(&tar[2 * BLOCK..2 * BLOCK + 100], &name.as_bytes()[..100]);
    }

    #[test]
    fn a_link_of_101_bytes_gets_a_k_record_before_the_name() {
        let tar = one(&"n".repeat(150), &Node::symlink("t".repeat(101)));
        assert_eq!((tar[156], tar[2 * BLOCK + 156], tar[4 * BLOCK + 156]), (b'K', b'L', b'2'));
    }

    #[test]
    fn a_tree_starts_with_its_prefix_and_leaves_ghosts_out() {
        let mut tree = Tree::default();
        tree.insert(InstallPath::parse("a/b").unwrap(), Node::ghost(Mode(0o644))).unwrap();
        let tar = bytes(&Tar::new(0).tree(&tree, "./").unwrap().finish());
        assert_eq!((&tar[..3], &tar[BLOCK..BLOCK + 5]), (&b"./\0"[..], &b"./a/\0"[..]));
        assert_eq!(tar.len(), 4 * BLOCK);
    }

    #[test]
    fn an_owner_of_32_bytes_is_refused() {
        let node = Node { owner: "o".repeat(32), ..Node::dir(Mode(0o755)) };
        assert!(Tar::new(0).node("x", &node).is_err());
    }
}
