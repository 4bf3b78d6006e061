//! Reading zip archives from front to back, checked against their central directory.
//!
//! Entries must follow each other without gap or overlap, so every byte belongs to one structure
//! and is read once.

use std::io::{self, Read, Seek, SeekFrom};

use flate2::{Decompress, FlushDecompress, Status};

use super::{
    DEFLATED, IN_EXTRA, LOCAL, S_IFMT, STORED, UNIX,
    directory::{Central, Common, Directory, Extra, Fields},
};
use crate::{
    container::{Input, ReadError, Tap, calendar::DosTime},
    digest::Sha256Digest,
};

/// Encrypted (bit 0), strongly (6), with a masked directory (13).
const ENCRYPTED: u16 = 1 | 1 << 6 | 1 << 13;

/// Sizes and CRC-32 follow the content (bit 3).
const DESCRIPTOR: u16 = 1 << 3;

/// An entry as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// As written: directories end in `/`.
    pub name: Vec<u8>,
    /// `st_mode`, where the archive was made on Unix.
    pub st_mode: Option<u32>,
    /// Length of the content, in bytes.
    pub len: u64,
    /// Seconds since 1970; the DOS time is taken for UTC where there is no other.
    pub mtime: i64,
}

/// Reads the entries of an archive one after another, in the order of their content.
pub struct Reader<R> {
    input: Input<Tap<R>>,
    /// Entries not read yet, the last one first.
    waiting: Vec<Central>,
    /// Where the directory starts, in bytes.
    directory_at: u64,
    current: Option<Current>,
    /// What is wrong, but can be read.
    pub problems: Vec<String>,
    /// What is unusual, but allowed.
    pub notes: Vec<String>,
}

/// The entry being read.
struct Current {
    central: Central,
    shown: String,
    /// Packed bytes not read yet.
    packed: u64,
    /// Plain bytes not made yet.
    plain: u64,
    crc32: crc32fast::Hasher,
    inflate: Option<Decompress>,
    /// Whether the deflate data has said that it ends.
    ended: bool,
    /// Whether the numbers of the descriptor have 8 bytes.
    zip64: bool,
}

impl<R: Read + Seek> Reader<R> {
    /// Reads the central directory.
    pub fn new(mut file: R) -> Result<Self, ReadError> {
        let Directory { mut entries, at, problems, notes } = Directory::read(&mut file)?;
        entries.sort_by_key(|entry| std::cmp::Reverse(entry.at));
        file.seek(SeekFrom::Start(0))?;
        let input = Input::new(Tap::new(file));
        Ok(Self { input, waiting: entries, directory_at: at, current: None, problems, notes })
    }
}

impl<R: Read> Reader<R> {
    /// The next entry; what is left of the previous one is passed over.
    pub fn next_entry(&mut self) -> Result<Option<Entry>, ReadError> {
        io::copy(self, &mut io::sink())?;
        self.end_entry()?;
        let Some(central) = self.waiting.pop() else {
            self.gap(self.directory_at)?;
            return Ok(None);
        };
        self.gap(central.at)?;
        let shown = String::from_utf8_lossy(&central.common.name).escape_debug().to_string();
        let zip64 = self.local(&central, &shown)?;
        let Common { flags, method, time, date, timestamp, name, .. } = &central.common;
        if flags & ENCRYPTED != 0 {
            let what = format!("the encrypted entry `{shown}`");
            return Err(ReadError::Unsupported { what });
        }
        let inflate = match *method {
            STORED => None,
            DEFLATED => Some(Decompress::new(false)),
            _ => {
                let what = format!("the packing of `{shown}` (method {method})");
                return Err(ReadError::Unsupported { what });
            }
        };
        let dos = DosTime { time: *time, date: *date };
        let entry = Entry {
            name: name.clone(),
            st_mode: (central.made_by >> 8 == UNIX).then_some(central.attributes >> 16),
            len: central.len,
            mtime: timestamp.map_or_else(|| dos.to_epoch(), |(_, time)| time.into()),
        };
        if entry.st_mode.is_some_and(|mode| mode & S_IFMT == 0) {
            self.notes.push(format!("`{shown}` has no file type"));
        }
        let (packed, plain) = (central.packed, central.len);
        let (crc32, ended) = (crc32fast::Hasher::new(), inflate.is_none());
        self.current =
            Some(Current { central, shown, packed, plain, crc32, inflate, ended, zip64 });
        Ok(Some(entry))
    }

    /// Length and SHA-256 of the whole file, and everything that is wrong.
    pub fn finish(self) -> Result<(u64, Sha256Digest), ReadError> {
        self.input.into_inner().finish()
    }

    /// Passes over bytes that belong to nothing.
    fn gap(&mut self, to: u64) -> Result<(), ReadError> {
        let at = self.input.at();
        if to < at {
            return Err(ReadError::malformed("zip entry", to, "it overlaps the one before"));
        }
        if to > at {
            self.problems.push(format!("{} bytes at byte {at} belong to no entry", to - at));
            let passed = io::copy(&mut (&mut self.input).take(to - at), &mut io::sink())?;
            if passed < to - at {
                return Err(ReadError::Truncated { what: "the entries".into(), at: at + passed });
            }
        }
        Ok(())
    }

    /// Compares the local header with the directory; whether it has 64-bit sizes.
    fn local(&mut self, central: &Central, shown: &str) -> Result<bool, ReadError> {
        let at = self.input.at();
        let bad =
            |why: &str| ReadError::malformed(format!("zip local header of `{shown}`"), at, why);
        let header = self.input.array::<30>("a zip local header")?;
        let mut fields = Fields(&header);
        let parsed = (|| {
            let signature = fields.u32()?;
            let common = Common::header(&mut fields)?;
            let sizes = (fields.u32()?, fields.u32()?);
            Some((signature, common, sizes, fields.u16()?, fields.u16()?))
        })();
        let (signature, mut common, (packed, len), name_len, extra_len) =
            parsed.expect("30 bytes hold the fields");
        if signature != LOCAL {
            return Err(bad("its signature is wrong"));
        }
        common.name = self.bytes(name_len)?;
        let mut extra = Extra::parse(&self.bytes(extra_len)?)
            .ok_or_else(|| bad("its extra fields are malformed"))?;
        common.timestamp = extra.timestamp;
        let zip64 = packed == IN_EXTRA || len == IN_EXTRA;
        let sizes = (extra.long(len), extra.long(packed));
        let mut expected = central.common.clone();
        // Info-ZIP keeps access times only in local headers.
        if common.flags & DESCRIPTOR != 0 && common.crc32 == 0 {
            expected.crc32 = 0;
        } else if sizes != (Some(central.len), Some(central.packed)) {
            return Err(bad("its sizes differ from the central directory's"));
        }
        if common != expected {
            self.problems.push(format!("the two headers of `{shown}` differ"));
        }
        Ok(zip64)
    }

    fn bytes(&mut self, len: u16) -> Result<Vec<u8>, ReadError> {
        let mut bytes = Vec::new();
        (&mut self.input).take(len.into()).read_to_end(&mut bytes)?;
        if bytes.len() < usize::from(len) {
            let at = self.input.at();
            return Err(ReadError::Truncated { what: "a zip local header".into(), at });
        }
        Ok(bytes)
    }

    /// Checks what is known at the end of an entry's content.
    fn end_entry(&mut self) -> Result<(), ReadError> {
        let Some(current) = self.current.take() else {
            return Ok(());
        };
        let Current { central, shown, packed, crc32, ended, zip64, .. } = current;
        let at = self.input.at();
        let bad = |why: &str| ReadError::malformed(format!("zip entry `{shown}`"), at, why);
        if packed != 0 || !ended {
            return Err(bad("its packed content ends early or late"));
        }
        if crc32.finalize() != central.common.crc32 {
            return Err(bad("the CRC-32 of its content is wrong"));
        }
        if central.common.flags & DESCRIPTOR == 0 {
            return Ok(());
        }
        // APPNOTE 4.3.9: the signature may be missing.
        let signed = self.input.peek(4)?.starts_with(b"PK\x07\x08");
        self.input.consume(if signed { 4 } else { 0 });
        let mut numbers = [0; 3];
        numbers[0] = u32::from_le_bytes(self.input.array("a zip data descriptor")?).into();
        for number in &mut numbers[1..] {
            *number = if zip64 {
                u64::from_le_bytes(self.input.array("a zip data descriptor")?)
            } else {
                u32::from_le_bytes(self.input.array("a zip data descriptor")?).into()
            };
        }
        if numbers != [central.common.crc32.into(), central.packed, central.len] {
            return Err(bad("its data descriptor differs from the central directory"));
        }
        Ok(())
    }
}

/// The content of the current entry.
impl<R: Read> Read for Reader<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let Some(current) = &mut self.current else {
            return Ok(0);
        };
        if out.is_empty() || (current.plain == 0 && current.packed == 0 && current.ended) {
            return Ok(0);
        }
        let made = match &mut current.inflate {
            None => stored(&mut self.input, current.packed, out)?,
            Some(inflate) => {
                let (taken, made, ended) =
                    inflated(&mut self.input, inflate, current.packed, out, &current.shown)?;
                current.packed -= taken;
                current.ended = ended;
                made
            }
        };
        if current.inflate.is_none() {
            current.packed -= made as u64;
        }
        let shown = &current.shown;
        current.plain = current.plain.checked_sub(made as u64).ok_or_else(|| {
            let why = "it unpacks to more than its size";
            ReadError::malformed(format!("zip entry `{shown}`"), self.input.at(), why)
        })?;
        current.crc32.update(&out[..made]);
        if made == 0 && current.plain > 0 {
            let why = "it unpacks to less than its size";
            return Err(
                ReadError::malformed(format!("zip entry `{shown}`"), self.input.at(), why).into()
            );
        }
        Ok(made)
    }
}

fn stored<R: Read>(input: &mut Input<R>, left: u64, out: &mut [u8]) -> io::Result<usize> {
    let most = usize::try_from(left).unwrap_or(usize::MAX).min(out.len());
    let count = input.read(&mut out[..most])?;
    if count == 0 && most > 0 {
        let at = input.at();
        return Err(ReadError::Truncated { what: "a zip entry".into(), at }.into());
    }
    Ok(count)
}

/// Packed bytes taken, plain bytes made, and whether the deflate data ended.
fn inflated<R: Read>(
    input: &mut Input<R>,
    inflate: &mut Decompress,
    left: u64,
    out: &mut [u8],
    shown: &str,
) -> io::Result<(u64, usize, bool)> {
    let unpack = |why: String| ReadError::Unpack { what: format!("zip entry `{shown}`"), why };
    let mut taken = 0;
    loop {
        let (before_in, before_out) = (inflate.total_in(), inflate.total_out());
        let seen = input.peek(1)?;
        let most = usize::try_from(left - taken).unwrap_or(usize::MAX).min(seen.len());
        let status = inflate
            .decompress(&seen[..most], out, FlushDecompress::None)
            .map_err(|error| unpack(error.to_string()))?;
        let step = inflate.total_in() - before_in;
        input.consume(usize::try_from(step).expect("no more than a buffer"));
        taken += step;
        let made =
            usize::try_from(inflate.total_out() - before_out).expect("no more than a buffer");
        if made > 0 || status == Status::StreamEnd {
            return Ok((taken, made, status == Status::StreamEnd));
        }
        if step == 0 {
            return Err(unpack("its packed content is cut off".into()).into());
        }
    }
}

#[cfg(test)]
#[path = "read_tests.rs"]
mod tests;
