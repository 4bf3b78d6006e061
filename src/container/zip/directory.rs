//! The end records and the central directory of a zip, as they are read.

use std::io::{Read, Seek, SeekFrom};

use super::{CENTRAL, END, END64, IN_EXTRA, LOCATOR64};
use crate::container::ReadError;

/// The end record: 22 bytes and a comment of at most 65,535.
const MAX_TAIL: u64 = 22 + 0xffff;

/// Largest central directory that is read, in bytes.
const MAX_DIRECTORY: u64 = 256 << 20;

/// The central directory and what was odd about it.
#[derive(Debug, Default)]
pub(super) struct Directory {
    /// In the directory's order.
    pub(super) entries: Vec<Central>,
    /// Where the directory starts, in bytes.
    pub(super) at: u64,
    pub(super) problems: Vec<String>,
    pub(super) notes: Vec<String>,
}

/// What the central directory and a local header both say of an entry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Common {
    pub(super) version: u16,
    pub(super) flags: u16,
    pub(super) method: u16,
    pub(super) time: u16,
    pub(super) date: u16,
    pub(super) crc32: u32,
    pub(super) name: Vec<u8>,
    /// Flags and seconds since 1970 of the `UT` extra field.
    pub(super) timestamp: Option<(u8, i32)>,
}

/// An entry of the central directory.
#[derive(Clone, Debug, Default)]
pub(super) struct Central {
    pub(super) common: Common,
    pub(super) made_by: u16,
    pub(super) attributes: u32,
    pub(super) packed: u64,
    pub(super) len: u64,
    /// Where the local header is, in bytes.
    pub(super) at: u64,
}

/// Takes little-endian fields off a slice; `None` when it is too short.
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

impl<'a> Fields<'a> {
    pub(super) fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    pub(super) fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }
}

/// What the extra fields say: the numbers of the zip64 field in order, and the time.
#[derive(Default)]
pub(super) struct Extra {
    zip64: Vec<u64>,
    pub(super) timestamp: Option<(u8, i32)>,
}

impl Extra {
    /// `None` if the fields do not fill the space exactly.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let (mut extra, mut fields) = (Self::default(), Fields(bytes));
        while !fields.0.is_empty() {
            let (id, len) = (fields.u16()?, fields.u16()?);
            let mut body = Fields(fields.take(len.into())?);
            match id {
                1 => extra.zip64 = std::iter::from_fn(|| body.u64()).collect(),
                0x5455 => {
                    let flags = *body.take(1)?.first()?;
                    let time = if flags & 1 == 0 { None } else { body.u32() };
                    extra.timestamp =
                        time.map(|time| (flags, i32::from_le_bytes(time.to_le_bytes())));
                }
                _ => {} // other fields change nothing that is reported
            }
        }
        extra.zip64.reverse();
        Some(extra)
    }

    /// A 32-bit field, or the next number of the zip64 field if it says so.
    pub(super) fn long(&mut self, short: u32) -> Option<u64> {
        if short == IN_EXTRA { self.zip64.pop() } else { Some(short.into()) }
    }
}

impl Directory {
    /// Finds the end record and reads the directory.
    pub(super) fn read(file: &mut (impl Read + Seek)) -> Result<Self, ReadError> {
        let len = file.seek(SeekFrom::End(0))?;
        let tail_at = len.saturating_sub(MAX_TAIL + 76);
        let tail = read_at(file, tail_at, len - tail_at)?;
        let bad = |at: u64, why: &str| ReadError::malformed("zip end record", at, why);
        let end_at = find_end(&tail).ok_or_else(|| bad(len, "there is none"))?;
        let mut directory = Self::default();
        let end = directory
            .end(&tail, end_at)
            .ok_or_else(|| bad(tail_at + end_at as u64, "it is malformed"))?;
        let (count, size, at, before) = end;
        ReadError::limit("the central directory (bytes)", size, MAX_DIRECTORY)?;
        let last = tail_at + before as u64;
        if at.checked_add(size).is_none_or(|end| end > last) {
            return Err(bad(last, "the directory does not fit in front of it"));
        }
        if at + size != last {
            directory.problems.push(format!("{} bytes follow the directory", last - at - size));
        }
        directory.at = at;
        let bytes = read_at(file, at, size)?;
        let mut fields = Fields(&bytes);
        for number in 0..count {
            let entry = central(&mut fields, &mut directory.notes).ok_or_else(|| {
                ReadError::malformed(
                    "zip central directory",
                    at,
                    format!("entry {number} is malformed"),
                )
            })?;
            directory.entries.push(entry);
        }
        if !fields.0.is_empty() {
            directory.problems.push("the directory is longer than its entries".into());
        }
        Ok(directory)
    }

    /// Count, size and offset of the directory, and where in the tail the end records start.
    fn end(&mut self, tail: &[u8], at: usize) -> Option<(u64, u64, u64, usize)> {
        let mut end = Fields(tail.get(at + 4..)?);
        let (disks, here, count) = (end.u32()?, end.u16()?, end.u16()?);
        let (size, offset, comment) = (end.u32()?, end.u32()?, end.u16()?);
        if disks != 0 || here != count {
            return None;
        }
        if comment > 0 {
            self.notes.push(format!("the archive has a comment of {comment} bytes"));
        }
        let locator =
            at.checked_sub(20).filter(|&at| tail[at..].starts_with(&LOCATOR64.to_le_bytes()));
        let long = count == u16::MAX || size == IN_EXTRA || offset == IN_EXTRA;
        let Some(locator) = locator.filter(|_| long) else {
            return Some((count.into(), size.into(), offset.into(), at));
        };
        let end64 = locator.checked_sub(56)?;
        let mut fields = Fields(&tail[end64..]);
        if fields.u32()? != END64 || fields.u64()? != 44 {
            return None;
        }
        let (_versions, disks) = (fields.u32()?, fields.u64()?);
        let (here, count64) = (fields.u64()?, fields.u64()?);
        let (size64, offset64) = (fields.u64()?, fields.u64()?);
        let mut fields = Fields(&tail[locator + 4..]);
        let (disk, end64_at, all) = (fields.u32()?, fields.u64()?, fields.u32()?);
        let agrees = |short: u64, mark: u64, long: u64| short == mark || short == long;
        let fine = (disks, disk, all, here) == (0, 0, 1, count64)
            && Some(end64_at) == offset64.checked_add(size64)
            && agrees(count.into(), u16::MAX.into(), count64)
            && agrees(size.into(), IN_EXTRA.into(), size64)
            && agrees(offset.into(), IN_EXTRA.into(), offset64);
        fine.then_some((count64, size64, offset64, end64))
    }
}

fn read_at(file: &mut (impl Read + Seek), at: u64, len: u64) -> Result<Vec<u8>, ReadError> {
    file.seek(SeekFrom::Start(at))?;
    let mut bytes = Vec::new();
    file.take(len).read_to_end(&mut bytes)?;
    if bytes.len() as u64 != len {
        let what = "the zip directory".into();
        return Err(ReadError::Truncated { what, at: at + bytes.len() as u64 });
    }
    Ok(bytes)
}

/// Where the last end record is whose comment reaches exactly to the end of the file.
fn find_end(tail: &[u8]) -> Option<usize> {
    (0..=tail.len().checked_sub(22)?).rev().find(|&at| {
        let comment = usize::from(u16::from_le_bytes([tail[at + 20], tail[at + 21]]));
        tail[at..].starts_with(&END.to_le_bytes()) && at + 22 + comment == tail.len()
    })
}

fn central(fields: &mut Fields<'_>, notes: &mut Vec<String>) -> Option<Central> {
    if fields.u32()? != CENTRAL {
        return None;
    }
    let made_by = fields.u16()?;
    let mut common = Common::header(fields)?;
    let (packed, len) = (fields.u32()?, fields.u32()?);
    let [name, extra, comment] = [fields.u16()?, fields.u16()?, fields.u16()?].map(usize::from);
    let (disk, _internal) = (fields.u16()?, fields.u16()?);
    let (attributes, at) = (fields.u32()?, fields.u32()?);
    common.name = fields.take(name)?.to_vec();
    let mut extra = Extra::parse(fields.take(extra)?)?;
    if !fields.take(comment)?.is_empty() && notes.len() < 100 {
        notes.push(format!(
            "`{}` has a comment",
            String::from_utf8_lossy(&common.name).escape_debug()
        ));
    }
    if disk != 0 {
        return None;
    }
    common.timestamp = extra.timestamp;
    let (len, packed, at) = (extra.long(len)?, extra.long(packed)?, extra.long(at)?);
    Some(Central { common, made_by, attributes, packed, len, at })
}

impl Common {
    /// The 14 bytes that both headers have; name and time come later.
    pub(super) fn header(fields: &mut Fields<'_>) -> Option<Self> {
        Some(Self {
            version: fields.u16()?,
            flags: fields.u16()?,
            method: fields.u16()?,
            time: fields.u16()?,
            date: fields.u16()?,
            crc32: fields.u32()?,
            ..Self::default()
        })
    }
}
