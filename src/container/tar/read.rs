//! Reading tar archives, entry by entry: GNU, ustar with prefix, PAX and the old V7 header.

use std::{
    io::{self, Read},
    ops::Range,
};

use super::{BLOCK, checksum, padding, pax::Pax};
use crate::container::{Input, ReadError};

/// Longest long name, link or PAX header that is read, in bytes.
const MAX_RECORD: u64 = 1 << 20;

/// Which writer's magic a header has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// `ustar  \0`.
    Gnu,
    /// `ustar\0` `00`.
    Posix,
    /// Neither: older than both.
    V7,
}

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // tar's words
pub enum EntryType {
    File,
    Hardlink,
    Symlink,
    CharDevice,
    BlockDevice,
    Dir,
    Fifo,
}

/// An entry's header as it was read, long names and PAX records applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// As written: `./usr/bin/`.
    pub name: Vec<u8>,
    /// Target of a link.
    pub link: Vec<u8>,
    /// What it is.
    pub kind: EntryType,
    /// The low twelve bits.
    pub mode: u32,
    /// User id.
    pub uid: u64,
    /// Group id.
    pub gid: u64,
    /// User name, often empty.
    pub owner: Vec<u8>,
    /// Group name, often empty.
    pub group: Vec<u8>,
    /// Length of the content, in bytes.
    pub size: u64,
    /// Seconds since 1970.
    pub mtime: i64,
    /// Device numbers.
    pub device: (u64, u64),
    /// Whose header it is.
    pub dialect: Dialect,
    /// Whether a PAX header describes it.
    pub pax: bool,
}

/// Reads the entries of an archive one after another.
pub struct Reader<R> {
    input: Input<R>,
    /// What is left of the current entry's content and of the zeros after it, in bytes.
    left: u64,
    padding: u64,
    name: String,
    global: Pax,
    /// What is wrong, but can be read.
    pub problems: Vec<String>,
}

impl<R: Read> Reader<R> {
    /// Around a plain archive.
    pub fn new(input: R) -> Self {
        let (global, name, problems) = (Pax::default(), String::new(), Vec::new());
        Self { input: Input::new(input), left: 0, padding: 0, name, global, problems }
    }

    /// The next entry's header; what is left of the previous one is passed over. `None` once the
    /// archive and everything after it was read.
    pub fn next_entry(&mut self) -> Result<Option<Entry>, ReadError> {
        let (mut name, mut link, mut pax) = (None, None, None);
        loop {
            self.skip()?;
            let at = self.input.at();
            let Some(block) = self.block()? else {
                return Ok(None);
            };
            let header = Header { block: &block, at };
            let size = header.check(&mut self.problems)?;
            match header.kind() {
                b'L' => name = Some(self.record("long name", size)?),
                b'K' => link = Some(self.record("long link name", size)?),
                b'x' => pax = Some(Pax::parse(&self.record("PAX header", size)?, at)?),
                b'g' => {
                    let more = Pax::parse(&self.record("PAX header", size)?, at)?;
                    self.global.update(more);
                }
                b'V' => (self.left, self.padding) = (size, padding(size)),
                _ => {
                    let mut records = self.global.clone();
                    let is_pax = pax.is_some();
                    records.update(pax.unwrap_or_default());
                    let mut entry = header.entry()?;
                    entry.name = name.map_or(entry.name, until_nul);
                    entry.link = link.map_or(entry.link, until_nul);
                    entry.pax = is_pax || !self.global.is_empty();
                    records.apply(&mut entry, at)?;
                    return Ok(Some(self.start(entry)));
                }
            }
        }
    }

    fn start(&mut self, mut entry: Entry) -> Entry {
        self.name = String::from_utf8_lossy(&entry.name).escape_debug().to_string();
        if entry.kind == EntryType::File && entry.name.ends_with(b"/") {
            entry.kind = EntryType::Dir; // as V7 says directories
        }
        if entry.kind != EntryType::File && entry.size > 0 {
            // Hard links of PAX archives may have content; nothing else does.
            self.problems.push(format!("`{}` is no file, but has a size", self.name));
        }
        (self.left, self.padding) = (entry.size, padding(entry.size));
        entry
    }

    /// The plain stream, to be asked after [`Reader::next_entry`] found its end.
    pub fn into_inner(self) -> R {
        self.input.into_inner()
    }

    /// A header block; `None` at the end.
    fn block(&mut self) -> Result<Option<[u8; BLOCK]>, ReadError> {
        if self.input.peek(1)?.is_empty() {
            self.problems.push("the tar archive ends without two zero blocks".into());
            return Ok(None);
        }
        let block = self.input.array::<BLOCK>("a tar header")?;
        if block != [0; BLOCK] {
            return Ok(Some(block));
        }
        self.end()?;
        Ok(None)
    }

    /// Everything after the first zero block.
    fn end(&mut self) -> Result<(), ReadError> {
        let (from, mut other) = (self.input.at(), None);
        loop {
            let at = self.input.at();
            let seen = self.input.peek(1)?;
            let count = seen.len();
            let dirty = seen.iter().position(|&byte| byte != 0);
            if count == 0 {
                break;
            }
            other = other.or(dirty.map(|dirty| at + dirty as u64));
            self.input.consume(count);
        }
        let zeros = self.input.at() - from;
        if let Some(at) = other {
            self.problems.push(format!("data follows the end of the tar archive, at byte {at}"));
        }
        if zeros < BLOCK as u64 {
            self.problems.push("the tar archive ends without two zero blocks".into());
        }
        if !zeros.is_multiple_of(BLOCK as u64) {
            self.problems.push("the tar archive is not a whole number of blocks".into());
        }
        Ok(())
    }

    /// Passes over the rest of the current entry; its padding must be zeros.
    fn skip(&mut self) -> Result<(), ReadError> {
        io::copy(self, &mut io::sink())?;
        let count = usize::try_from(std::mem::take(&mut self.padding)).expect("below a block");
        let seen = self.input.peek(count)?;
        if seen.len() < count {
            return Err(self.truncated());
        }
        if seen[..count].iter().any(|&byte| byte != 0) {
            self.problems.push(format!("the padding after `{}` is not zero", self.name));
        }
        self.input.consume(count);
        Ok(())
    }

    /// The content of an `L`, `K` or PAX header.
    fn record(&mut self, what: &str, size: u64) -> Result<Vec<u8>, ReadError> {
        ReadError::limit(format!("a {what} (bytes)"), size, MAX_RECORD)?;
        (self.left, self.padding, self.name) = (size, padding(size), what.into());
        let mut content = Vec::new();
        self.read_to_end(&mut content)?;
        self.skip()?;
        Ok(content)
    }

    fn truncated(&self) -> ReadError {
        ReadError::Truncated { what: format!("`{}`", self.name), at: self.input.at() }
    }
}

/// The content of the current entry.
impl<R: Read> Read for Reader<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(out.len());
        if most == 0 {
            return Ok(0);
        }
        let count = self.input.read(&mut out[..most])?;
        self.left -= count as u64;
        if count == 0 {
            return Err(self.truncated().into());
        }
        Ok(count)
    }
}

/// A header block and its offset in the archive.
struct Header<'a> {
    block: &'a [u8; BLOCK],
    at: u64,
}

impl Header<'_> {
    fn bad(&self, why: impl Into<String>) -> ReadError {
        ReadError::malformed("tar header", self.at, why)
    }

    fn kind(&self) -> u8 {
        self.block[156]
    }

    /// Checks the checksum; the size of what follows, in bytes.
    fn check(&self, problems: &mut Vec<String>) -> Result<u64, ReadError> {
        let sum = checksum(self.block);
        if self.number("checksum", 148..156)? != i128::from(sum) {
            return Err(self.bad("its checksum is wrong"));
        }
        // Six digits, NUL and space is what GNU tar and dpkg-deb write; others say the same number
        // with blanks or more digits.
        if self.block[148..156] != *format!("{sum:06o}\0 ").as_bytes() {
            let at = self.at;
            problems.push(format!("the checksum of the tar header at byte {at} is written oddly"));
        }
        self.unsigned("size", 124..136)
    }

    fn entry(&self) -> Result<Entry, ReadError> {
        let kind = match self.kind() {
            b'0' | 0 | b'7' => EntryType::File,
            b'1' => EntryType::Hardlink,
            b'2' => EntryType::Symlink,
            b'3' => EntryType::CharDevice,
            b'4' => EntryType::BlockDevice,
            b'5' => EntryType::Dir,
            b'6' => EntryType::Fifo,
            b'S' => return Err(ReadError::Unsupported { what: "a sparse file in a tar".into() }),
            other => {
                return Err(self.bad(format!("its type is `{}`", other.escape_ascii())));
            }
        };
        let dialect = match &self.block[257..265] {
            b"ustar  \0" => Dialect::Gnu,
            magic if magic.starts_with(b"ustar\0") => Dialect::Posix,
            _ => Dialect::V7,
        };
        let (owner, group, device) = if dialect == Dialect::V7 {
            (Vec::new(), Vec::new(), (0, 0))
        } else {
            let device = (self.unsigned("major", 329..337)?, self.unsigned("minor", 337..345)?);
            (self.text(265..297), self.text(297..329), device)
        };
        let mtime = self.number("modification time", 136..148)?;
        Ok(Entry {
            name: self.name(dialect),
            link: self.text(157..257),
            kind,
            mode: u32::try_from(self.unsigned("mode", 100..108)? & 0o7777).expect("twelve bits"),
            uid: self.unsigned("user id", 108..116)?,
            gid: self.unsigned("group id", 116..124)?,
            owner,
            group,
            size: self.unsigned("size", 124..136)?,
            mtime: i64::try_from(mtime).map_err(|_| self.bad("its time is out of range"))?,
            device,
            dialect,
            pax: false,
        })
    }

    fn name(&self, dialect: Dialect) -> Vec<u8> {
        let (name, prefix) = (self.text(0..100), self.text(345..500));
        if dialect == Dialect::Posix && !prefix.is_empty() {
            return [&prefix, &b"/"[..], &name].concat();
        }
        name
    }

    fn text(&self, range: Range<usize>) -> Vec<u8> {
        until_nul(self.block[range].to_vec())
    }

    fn unsigned(&self, what: &str, range: Range<usize>) -> Result<u64, ReadError> {
        let number = self.number(what, range)?;
        u64::try_from(number).map_err(|_| self.bad(format!("its {what} is out of range")))
    }

    /// Octal digits between blanks and NULs, or base-256; an empty field is 0.
    fn number(&self, what: &str, range: Range<usize>) -> Result<i128, ReadError> {
        let field = &self.block[range];
        let bad = || self.bad(format!("its {what} is `{}`", field.escape_ascii()));
        if field[0] & 0x80 != 0 {
            return base_256(field).ok_or_else(bad);
        }
        let end = field.iter().position(|&byte| byte == 0).unwrap_or(field.len());
        let digits = str::from_utf8(field[..end].trim_ascii()).map_err(|_| bad())?;
        let rest = &field[end..];
        if digits.starts_with('+') || rest.iter().any(|byte| !matches!(byte, 0 | b' ')) {
            return Err(bad());
        }
        if digits.is_empty() {
            return Ok(0);
        }
        u64::from_str_radix(digits, 8).map(i128::from).map_err(|_| bad())
    }
}

/// A big-endian number behind the byte `0x80`, or a negative one that starts with `0xff`.
fn base_256(field: &[u8]) -> Option<i128> {
    let start = if field[0] == 0xff { -1 } else { i128::from(field[0] & 0x7f) };
    field[1..].iter().try_fold(start, |value, &byte| {
        value.checked_mul(256).and_then(|value| value.checked_add(i128::from(byte)))
    })
}

fn until_nul(mut bytes: Vec<u8>) -> Vec<u8> {
    let end = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
    bytes.truncate(end);
    bytes
}

#[cfg(test)]
#[path = "read_tests.rs"]
mod tests;
