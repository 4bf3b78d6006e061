//! The common `ar` archive, as dpkg reads it.
//!
//! Format: deb(5), "FORMAT"; ar(5). Header fields are ASCII, left-aligned, space-padded. Byte
//! tables: docs/formats/deb.md.

mod read;

use super::LimitError;
use crate::{bytes::Record, splice::Recipe};
pub use read::{Member, Reader};

/// What an archive starts with.
pub const MAGIC: &[u8; 8] = b"!<arch>\n";

/// Largest member that ten decimal digits can say, in bytes.
pub const MAX_MEMBER: u64 = 9_999_999_999;

/// Longest name, in bytes: one of the 16 is left to GNU's `/`.
const MAX_NAME: u64 = 15;

/// Latest time that twelve decimal digits can say, in seconds since 1970.
const MAX_TIME: u64 = 999_999_999_999;

/// An archive being described.
#[derive(Clone, Debug)]
pub struct Ar {
    epoch: u64,
    recipe: Recipe,
}

impl Ar {
    /// An archive whose members all have the modification time `epoch`, in seconds since 1970.
    pub fn new(epoch: u64) -> Self {
        let mut recipe = Recipe::default();
        recipe.bytes(*MAGIC);
        Self { epoch, recipe }
    }

    /// Adds a member; one of odd length is followed by a newline that does not count.
    pub fn member(mut self, name: &str, content: Recipe) -> Result<Self, LimitError> {
        let len = content.len();
        self.recipe.bytes(Header { name, mtime: self.epoch, len }.encode()?);
        self.recipe.append(content);
        if len % 2 == 1 {
            self.recipe.bytes(*b"\n");
        }
        Ok(self)
    }

    /// The archive.
    pub fn finish(self) -> Recipe {
        self.recipe
    }
}

/// The header in front of every member. Owner 0:0, mode 100644.
///
/// | offset | size | field                                  |
/// |-------:|-----:|----------------------------------------|
/// |      0 |   16 | name                                   |
/// |     16 |   12 | modification time, seconds, decimal    |
/// |     28 |    6 | user id, decimal                       |
/// |     34 |    6 | group id, decimal                      |
/// |     40 |    8 | mode, octal                            |
/// |     48 |   10 | size of the member in bytes, decimal   |
/// |     58 |    2 | `` `\n ``                              |
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header<'a> {
    /// At most 15 bytes.
    pub name: &'a str,
    /// Seconds since 1970.
    pub mtime: u64,
    /// Length of the member, in bytes.
    pub len: u64,
}

/// Size of a header, in bytes.
pub const HEADER: usize = 60;

impl Header<'_> {
    /// The header, or which field is too large for it.
    pub fn encode(&self) -> Result<[u8; HEADER], LimitError> {
        let Self { name, mtime, len } = *self;
        let check = |limit, size, unit| {
            LimitError::check("ar", limit, size, || format!("member `{name}` ({unit})"))
        };
        check(MAX_NAME, name.len() as u64, "bytes of its name")?;
        check(MAX_TIME, mtime, "seconds since 1970")?;
        check(MAX_MEMBER, len, "bytes")?;
        Ok(Record::little()
            .text(name, 16)
            .text(&mtime.to_string(), 12)
            .text("0", 6)
            .text("0", 6)
            .text("100644", 8)
            .text(&len.to_string(), 10)
            .raw(b"`\n")
            .finish())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_sixty_bytes_of_padded_fields() {
        let header = Header { name: "debian-binary", mtime: 1_700_000_000, len: 4 };
        let want = b"debian-binary   1700000000  0     0     100644  4         `\n";
        assert_eq!(&header.encode().unwrap(), want);
    }

    #[test]
    fn a_member_of_odd_length_is_padded_with_a_newline() {
        let mut content = Recipe::default();
        content.bytes("odd");
        let archive = Ar::new(0).member("x", content).unwrap().finish();
        assert_eq!(archive.len(), 8 + 60 + 4);
    }

    #[test]
    fn a_member_of_ten_gigabytes_is_refused_by_name() {
        let mut content = Recipe::default();
        content.zeros(10_000_000_000);
        let error = Ar::new(0).member("data.tar", content).unwrap_err();
        assert_eq!(
            error.to_string(),
            "member `data.tar` (bytes) is 10000000000, but ar can hold at most 9999999999"
        );
        let mut content = Recipe::default();
        content.zeros(MAX_MEMBER);
        Ar::new(0).member("data.tar", content).unwrap();
    }

    #[test]
    fn a_long_name_is_refused() {
        assert!(Ar::new(0).member("sixteen-letters-", Recipe::default()).is_err());
    }
}
