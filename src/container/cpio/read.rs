//! Reading cpio archives, record by record: newc, newc with checksums, and rpm's records by index.

use std::io::{self, Read};

use super::{HEADER, INDEX_HEADER, MAGIC, MAGIC_CRC, MAGIC_INDEX, TRAILER};
use crate::container::{Input, ReadError};

/// Longest name that is read, with its NUL, in bytes; rpm reads no longer one.
const MAX_NAME: u64 = 4096;

/// Records, names and contents begin at multiples of this, in bytes.
const ALIGN: u64 = 4;

/// GNU cpio fills its last block of this length with zeros, in bytes.
const BLOCK: u64 = 512;

/// What stands in front of a content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// Everything about the file.
    Named(Entry),
    /// Only which file of a list it is, counted from 0: the list has the rest, and
    /// [`Reader::content`] takes the length from there.
    Indexed(u32),
}

/// A record's header and name as they were read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// As written: `./usr/bin/hello`.
    pub name: Vec<u8>,
    /// Inode number: hard links share one.
    pub inode: u32,
    /// File type and permission bits.
    pub mode: u32,
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
    /// Number of hard links.
    pub nlink: u32,
    /// Seconds since 1970.
    pub mtime: u32,
    /// Length of the content, in bytes.
    pub size: u32,
    /// Device that the inode number belongs to: major, minor.
    pub device: (u32, u32),
    /// Device that a device file stands for: major, minor.
    pub rdevice: (u32, u32),
    /// Sum of the content's bytes, where the record has one.
    pub sum: Option<u32>,
}

/// Reads the records of an archive one after another, in constant memory.
pub struct Reader<R> {
    input: Input<R>,
    /// What is left of the current content, in bytes.
    left: u64,
    /// What it is called, for messages.
    name: String,
    /// Sum of its bytes so far, and what it must be.
    sum: u32,
    expected: Option<u32>,
    done: bool,
    /// What is wrong, but can be read.
    pub problems: Vec<String>,
}

impl<R: Read> Reader<R> {
    /// Around a plain archive.
    pub fn new(input: R) -> Self {
        Self {
            input: Input::new(input),
            left: 0,
            name: String::new(),
            sum: 0,
            expected: None,
            done: false,
            problems: Vec::new(),
        }
    }

    /// The next record; what is left of the previous content is passed over. `None` once the
    /// trailer and everything after it was read.
    pub fn next_record(&mut self) -> Result<Option<Record>, ReadError> {
        if self.done {
            return Ok(None);
        }
        self.skip()?;
        let at = self.input.at();
        let seen = self.input.peek(MAGIC.len())?;
        if seen.starts_with(MAGIC_INDEX) {
            return self.indexed(at).map(Some);
        }
        let summed = seen.starts_with(MAGIC_CRC);
        if !summed && !seen.starts_with(MAGIC) && seen.len() >= MAGIC.len() {
            return Err(ReadError::malformed("cpio record", at, "it starts with no known magic"));
        }
        let entry = self.entry(at, summed)?;
        if entry.name == TRAILER {
            self.trailer(&entry)?;
            return Ok(None);
        }
        self.content(u64::from(entry.size));
        self.expected = entry.sum;
        Ok(Some(Record::Named(entry)))
    }

    /// Says how long the content of a [`Record::Indexed`] is, before it is read.
    pub fn content(&mut self, len: u64) {
        (self.left, self.sum, self.expected) = (len, 0, None);
    }

    /// The plain stream, to be asked after [`Reader::next_record`] found its end.
    pub fn into_inner(self) -> R {
        self.input.into_inner()
    }

    fn indexed(&mut self, at: u64) -> Result<Record, ReadError> {
        let header = self.input.array::<INDEX_HEADER>("a cpio record")?;
        let index = Header { bytes: &header, at }.number("index", 0)?;
        self.name = format!("file {index}");
        self.padding("header")?;
        self.content(0);
        Ok(Record::Indexed(index))
    }

    fn entry(&mut self, at: u64, summed: bool) -> Result<Entry, ReadError> {
        let bytes = self.input.array::<HEADER>("a cpio record")?;
        let header = Header { bytes: &bytes, at };
        let number = |what, field| header.number(what, field);
        let entry = Entry {
            inode: number("inode number", 0)?,
            mode: number("mode", 1)?,
            uid: number("user id", 2)?,
            gid: number("group id", 3)?,
            nlink: number("number of links", 4)?,
            mtime: number("modification time", 5)?,
            size: number("size", 6)?,
            device: (number("device", 7)?, number("device", 8)?),
            rdevice: (number("device", 9)?, number("device", 10)?),
            sum: Some(number("checksum", 12)?).filter(|_| summed),
            name: self.name(at, number("name length", 11)?)?,
        };
        if !summed && number("checksum", 12)? != 0 {
            self.problems.push(format!("`{}` has a checksum without saying so", self.name));
        }
        Ok(entry)
    }

    /// A name, its NUL and the zeros after it; the record began at `at`.
    fn name(&mut self, at: u64, len: u32) -> Result<Vec<u8>, ReadError> {
        ReadError::limit("a name in a cpio archive (bytes)", u64::from(len), MAX_NAME)?;
        let (len, start) = (usize::try_from(len).expect("below a limit"), self.input.at());
        let seen = self.input.peek(len)?;
        if seen.len() < len {
            let at = start + seen.len() as u64;
            return Err(ReadError::Truncated { what: "a name in a cpio archive".into(), at });
        }
        let bad = |why| Err(ReadError::malformed("cpio record", at, why));
        let name = match seen[..len].split_last() {
            Some((0, name)) if name.contains(&0) => return bad("its name holds a NUL"),
            Some((0, name)) => name.to_vec(),
            _ => return bad("its name does not end in a NUL"),
        };
        self.input.consume(len);
        self.name = String::from_utf8_lossy(&name).escape_debug().to_string();
        self.padding("name")?;
        Ok(name)
    }

    /// The zeros after a header, name or content.
    fn padding(&mut self, what: &str) -> Result<(), ReadError> {
        let at = self.input.at();
        let count = usize::try_from(at.next_multiple_of(ALIGN) - at).expect("below four");
        let seen = self.input.peek(count)?;
        if seen.len() < count {
            return Err(self.truncated());
        }
        if seen[..count].iter().any(|&byte| byte != 0) {
            self.problems
                .push(format!("the padding after the {what} of `{}` is not zero", self.name));
        }
        self.input.consume(count);
        Ok(())
    }

    /// Passes over the rest of the current content and its padding, and compares its sum.
    fn skip(&mut self) -> Result<(), ReadError> {
        io::copy(self, &mut io::sink())?;
        self.padding("content")?;
        if let Some(expected) = self.expected.take()
            && expected != self.sum
        {
            self.problems.push(format!(
                "the checksum of `{}` should be {expected:08x}, and is {:08x}",
                self.name, self.sum
            ));
        }
        Ok(())
    }

    /// The last record holds nothing but its name, and zeros may fill the block.
    fn trailer(&mut self, entry: &Entry) -> Result<(), ReadError> {
        let (name, nlink, sum) = (TRAILER.to_vec(), entry.nlink, entry.sum.map(|_| 0));
        if *entry != (Entry { name, nlink, sum, ..Entry::default() }) {
            self.problems.push("the trailer of the cpio archive is not empty".into());
        }
        self.done = true;
        let (at, mut other) = (self.input.at(), false);
        loop {
            let seen = self.input.peek(1)?;
            let count = seen.len();
            other |= seen.iter().any(|&byte| byte != 0);
            if count == 0 {
                break;
            }
            self.input.consume(count);
        }
        let after = self.input.at() - at;
        if other || after >= BLOCK {
            self.problems.push(format!("{after} bytes follow the trailer of the cpio archive"));
        }
        Ok(())
    }

    fn truncated(&self) -> ReadError {
        ReadError::Truncated { what: format!("`{}`", self.name), at: self.input.at() }
    }
}

/// The content of the current record.
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
        if self.expected.is_some() {
            let add = |sum: u32, &byte: &u8| sum.wrapping_add(u32::from(byte));
            self.sum = out[..count].iter().fold(self.sum, add);
        }
        Ok(count)
    }
}

/// A header and its offset in the archive.
struct Header<'a> {
    bytes: &'a [u8],
    at: u64,
}

impl Header<'_> {
    /// Eight hex digits of either case: those of field `field`, counted from the magic.
    fn number(&self, what: &str, field: usize) -> Result<u32, ReadError> {
        let from = MAGIC.len() + field * 8;
        let digits = &self.bytes[from..from + 8];
        let text = str::from_utf8(digits).ok().filter(|_| digits.iter().all(u8::is_ascii_hexdigit));
        text.and_then(|text| u32::from_str_radix(text, 16).ok()).ok_or_else(|| {
            let why = format!("its {what} is `{}`", digits.escape_ascii());
            ReadError::malformed("cpio record", self.at, why)
        })
    }
}

#[cfg(test)]
#[path = "read_tests.rs"]
mod tests;
