//! The `cpio` archive of rpm payloads: "newc" records, and rpm's own `07070X` ones.
//!
//! Format: cpio(5), "New ASCII Format" and "New CRC Format"; rpm's lib/cpio.c. Numbers are eight hex
//! digits. Byte tables: docs/formats/rpm.md, "Payload".

mod read;

use super::LimitError;
use crate::{bytes, payload::Blob, splice::Recipe};
pub use read::{Entry, Reader, Record};

/// What a record starts with.
pub const MAGIC: &[u8; 6] = b"070701";

/// What a record with a checksum of its content starts with.
pub const MAGIC_CRC: &[u8; 6] = b"070702";

/// What a record starts with that has an index in place of a name and of everything else.
pub const MAGIC_INDEX: &[u8; 6] = b"07070X";

/// Length of a record up to its name, in bytes: the magic and thirteen numbers.
pub const HEADER: usize = 110;

/// Length of a record that has an index, in bytes, without padding.
pub const INDEX_HEADER: usize = 14;

/// The name of the last record.
pub const TRAILER: &[u8] = b"TRAILER!!!";

/// Content begins and ends at multiples of this, in bytes.
const ALIGN: u64 = 4;

/// The largest content that a newc record can announce, in bytes (4 GiB - 1).
pub const MAX_CONTENT: u64 = u32::MAX as u64;

/// What follows a record's header.
#[derive(Clone, Copy, Debug)]
pub enum Content<'a> {
    /// Nothing: directories, and all but the last of several hard links.
    Empty,
    /// A symbolic link's target.
    Text(&'a str),
    /// A file's bytes.
    Blob(&'a Blob),
}

impl Content<'_> {
    /// Length in bytes.
    pub fn len(self) -> u64 {
        match self {
            Self::Empty => 0,
            Self::Text(text) => text.len() as u64,
            Self::Blob(blob) => blob.len(),
        }
    }

    /// Whether nothing follows.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }
}

/// An archive being described. Hard links would be records of one inode number one after another,
/// `nlink` times, the last with the content; trees have none.
#[derive(Clone, Debug, Default)]
pub struct Cpio {
    recipe: Recipe,
}

impl Cpio {
    /// Adds a newc record. Its size is that of the content, whatever the entry says.
    pub fn named(mut self, entry: &Entry, content: Content<'_>) -> Result<Self, LimitError> {
        let what = || format!("`{}` (bytes)", String::from_utf8_lossy(&entry.name));
        LimitError::check("cpio", MAX_CONTENT, content.len(), what)?;
        let size = u32::try_from(content.len()).expect("the limit is below 2^32");
        self.recipe.bytes(encode(&Entry { size, ..entry.clone() }));
        self.content(content);
        Ok(self)
    }

    /// Adds a `07070X` record: the file's number in a list that has everything else, counted from 0.
    ///
    /// | offset | size | field                      |
    /// |-------:|-----:|----------------------------|
    /// |      0 |    6 | magic, `07070X`            |
    /// |      6 |    8 | number of the file, in hex |
    /// |     14 |    2 | zeros                      |
    pub fn indexed(mut self, index: u32, content: Content<'_>) -> Self {
        let number = format!("{index:08x}");
        let record = bytes::Record::<16>::big();
        let record = record.raw(MAGIC_INDEX).raw(number.as_bytes()).u16(0);
        self.recipe.bytes(record.finish());
        self.content(content);
        self
    }

    /// The archive, ended by its trailer. Nothing is padded to blocks.
    pub fn finish(mut self) -> Recipe {
        let trailer = Entry { name: TRAILER.to_vec(), nlink: 1, ..Entry::default() };
        self.recipe.bytes(encode(&trailer));
        self.recipe
    }

    fn content(&mut self, content: Content<'_>) {
        match content {
            Content::Empty => {}
            Content::Text(text) => self.recipe.bytes(text),
            Content::Blob(blob) => self.recipe.blob(blob),
        }
        self.recipe.zeros(content.len().next_multiple_of(ALIGN) - content.len());
    }
}

/// The header of a newc record, its name and the padding after it.
///
/// | offset | size  | field                             |
/// |-------:|------:|-----------------------------------|
/// |      0 |     6 | magic, `070701`                   |
/// |      6 |     8 | inode                             |
/// |     14 |     8 | mode: type and permission bits    |
/// |     22 | 8 + 8 | user id, group id                 |
/// |     38 |     8 | number of hard links              |
/// |     46 |     8 | modification time, seconds        |
/// |     54 |     8 | length of the content in bytes    |
/// |     62 | 4 × 8 | device, rdevice: major, minor     |
/// |     94 |     8 | length of the name with its NUL   |
/// |    102 |     8 | checksum, 0                       |
/// |    110 |       | name, NUL, zeros to a multiple of 4 |
fn encode(entry: &Entry) -> Vec<u8> {
    let name = u32::try_from(entry.name.len() + 1).expect("names are shorter than 4 GiB");
    let (device, rdevice) = (entry.device, entry.rdevice);
    let numbers = [
        entry.inode,
        entry.mode,
        entry.uid,
        entry.gid,
        entry.nlink,
        entry.mtime,
        entry.size,
        device.0,
        device.1,
        rdevice.0,
        rdevice.1,
        name,
        0,
    ];
    let mut out = MAGIC.to_vec();
    for number in numbers {
        out.extend(format!("{number:08x}").bytes());
    }
    out.extend(&entry.name);
    out.push(0);
    out.resize(out.len().next_multiple_of(4), 0);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::container::tar::tests::bytes;

    fn entry(name: &str, mode: u32) -> Entry {
        Entry { name: name.into(), mode, inode: 1, nlink: 1, mtime: 15, ..Entry::default() }
    }

    #[test]
    fn a_record_is_header_name_and_content_padded_to_four() {
        let blob = Blob::from_bytes("hello");
        let cpio = Cpio::default().named(&entry("./x", 0o100_644), Content::Blob(&blob)).unwrap();
        let want = "070701\
            00000001000081a400000000000000000000000100\
            00000f0000000500000000000000000000000000000000\
            0000000400000000./x\0\0\0hello\0\0\0";
        let trailer = "070701\
            00000000000000000000000000000000000000010000000000000000\
            00000000000000000000000000000000\
            0000000b00000000TRAILER!!!\0\0\0\0";
        assert_eq!(String::from_utf8(bytes(&cpio.finish())).unwrap(), format!("{want}{trailer}"));
    }

    #[test]
    fn a_record_by_index_is_sixteen_bytes_and_its_content() {
        let cpio = Cpio::default().indexed(0x1f, Content::Text("abc"));
        assert_eq!(bytes(&cpio.recipe), b"07070X0000001f\0\0abc\0");
    }

    #[test]
    fn a_link_has_its_target_as_content() {
        let cpio = Cpio::default().named(&entry("./y", 0o120_777), Content::Text("x")).unwrap();
        let bytes = bytes(&cpio.recipe);
        assert_eq!((&bytes[54..62], &bytes[116..]), (&b"00000001"[..], &b"x\0\0\0"[..]));
    }

    #[test]
    fn content_that_eight_digits_cannot_say_is_refused() {
        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().set_len(1 << 32).unwrap();
        let blob = Blob::open(file.path()).unwrap();
        let error = Cpio::default().named(&entry("./x", 0), Content::Blob(&blob)).unwrap_err();
        let want = "`./x` (bytes) is 4294967296, but cpio can hold at most 4294967295";
        assert_eq!(error.to_string(), want);
        assert_eq!(Cpio::default().indexed(0, Content::Blob(&blob)).recipe.len(), (1 << 32) + 16);
    }
}
