//! The tar archive in the GNU dialect, which dpkg reads.
//!
//! Format: tar(5), "GNU Tar Archives"; dpkg `lib/dpkg/tarfn.c`. No PAX: dpkg refuses it. Byte
//! tables: docs/formats/deb.md.

mod pax;
mod read;

use std::sync::Arc;

use super::LimitError;
use crate::{
    bytes::Record,
    payload::Blob,
    splice::{Make, Recipe},
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
        self.nodes(tree.shared().map(|(path, node)| (path.clone(), node.clone())), prefix)
    }

    /// Like [`Tar::tree`] in the caller's order, which must name directories before their content.
    pub fn nodes(
        mut self,
        nodes: impl IntoIterator<Item = (InstallPath, Arc<Node>)>,
        prefix: &str,
    ) -> Result<Self, LimitError> {
        if !prefix.is_empty() {
            self = self.node(prefix, &Node::implied_dir())?;
        }
        let mut nodes: Vec<_> = nodes.into_iter().collect();
        nodes.retain(|(_, node)| !matches!(node.kind, Kind::Ghost));
        let (epoch, prefix) = (self.epoch, prefix.to_owned());
        let heads = Arc::new(Heads { epoch, prefix, nodes });
        // A header, the content and what fills its last block; then the end of the archive.
        self.recipe.reserve(3 * heads.nodes.len() + 1);
        for (index, (path, node)) in (0..).zip(&heads.nodes) {
            let name = heads.name(path, node);
            check_owners(&name, node)?;
            self.recipe.made(heads.clone(), index, Head::of(&name, node, epoch).len());
            self.content(node);
        }
        Ok(self)
    }

    /// Adds a root-owned file.
    pub fn file(self, path: &str, blob: Blob, mode: Mode) -> Result<Self, LimitError> {
        self.node(path, &Node::file(blob, mode))
    }

    /// Adds one node at a full name; a directory gets its `/`. Ghosts are left out.
    pub fn node(mut self, name: &str, node: &Node) -> Result<Self, LimitError> {
        if matches!(node.kind, Kind::Ghost) {
            return Ok(self);
        }
        let name = with_slash(name, node);
        check_owners(&name, node)?;
        let mut head = Vec::new();
        Head::of(&name, node, self.epoch).encode(&mut head);
        self.recipe.bytes(head);
        self.content(node);
        Ok(self)
    }

    fn content(&mut self, node: &Node) {
        if let Some(blob) = node.blob() {
            self.recipe.blob(blob);
            self.recipe.zeros(padding(blob.len()));
        }
    }

    /// The archive, ended by two zero blocks.
    pub fn finish(mut self) -> Recipe {
        self.recipe.zeros(2 * BLOCK as u64);
        self.recipe
    }
}

/// What stands before the contents of many nodes. The blocks are made when they are read: they are
/// longer than everything else that is known of a small file.
#[derive(Debug)]
struct Heads {
    epoch: u64,
    prefix: String,
    nodes: Vec<(InstallPath, Arc<Node>)>,
}

impl Heads {
    fn name(&self, path: &InstallPath, node: &Node) -> String {
        with_slash(&[&self.prefix, path.as_str()].concat(), node)
    }
}

impl Make for Heads {
    fn make(&self, index: u32, out: &mut Vec<u8>) {
        let (path, node) = &self.nodes[index as usize];
        Head::of(&self.name(path, node), node, self.epoch).encode(out);
    }
}

/// The name of a directory ends in `/`.
fn with_slash(name: &str, node: &Node) -> String {
    let slash = if matches!(node.kind, Kind::Dir) && !name.ends_with('/') { "/" } else { "" };
    [name, slash].concat()
}

/// What stands before a node's content: records for what is too long for the header, the header.
struct Head<'a>(Header<'a>);

impl<'a> Head<'a> {
    fn of(name: &'a str, node: &'a Node, epoch: u64) -> Self {
        let (kind, link, size) = match &node.kind {
            Kind::Dir => (b'5', "", 0),
            Kind::File(blob) => (b'0', "", blob.len()),
            Kind::Symlink(target) => (b'2', target.as_str(), 0),
            Kind::Ghost => unreachable!("a ghost is not written"),
        };
        Self(Header {
            name: name.as_bytes(),
            link: link.as_bytes(),
            mode: node.mode.0,
            size,
            mtime: epoch,
            kind,
            owner: node.owner.as_bytes(),
            group: node.group.as_bytes(),
        })
    }

    /// How long it is, in bytes.
    fn len(&self) -> u32 {
        let record = |text: &[u8]| match text.len() {
            0..=MAX_SHORT => 0,
            len => BLOCK + (len + 1).next_multiple_of(BLOCK),
        };
        let len = record(self.0.link) + record(self.0.name) + BLOCK;
        u32::try_from(len).expect("a path is far below 4 GiB")
    }

    fn encode(&self, out: &mut Vec<u8>) {
        long(b'K', self.0.link, out);
        long(b'L', self.0.name, out);
        out.extend(self.0.encode());
    }
}

/// Writes a `K` or `L` record when the next header's field is too small for `text`.
fn long(kind: u8, text: &[u8], out: &mut Vec<u8>) {
    if text.len() <= MAX_SHORT {
        return;
    }
    let header = Header {
        name: b"././@LongLink",
        link: b"",
        mode: 0o644,
        size: text.len() as u64 + 1,
        mtime: 0,
        kind,
        owner: b"root",
        group: b"root",
    };
    out.extend(header.encode());
    out.extend_from_slice(text);
    out.resize(out.len() + (text.len() + 1).next_multiple_of(BLOCK) - text.len(), 0);
}

/// How many zeros follow content of `len` bytes.
pub fn padding(len: u64) -> u64 {
    len.next_multiple_of(BLOCK as u64) - len
}

fn check_owners(path: &str, node: &Node) -> Result<(), LimitError> {
    [&node.owner, &node.group].into_iter().try_for_each(|owner| {
        LimitError::check("tar", MAX_OWNER, owner.len() as u64, || {
            format!("owner `{owner}` of `{path}` (bytes)")
        })
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
                Segment::Made { by, index, .. } => by.make(*index, &mut out),
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
        let node = Node { owner: "o".repeat(32).into(), ..Node::dir(Mode(0o755)) };
        assert!(Tar::new(0).node("x", &node).is_err());
    }
}
