//! Reading a header structure with every rule that rpm enforces, and a few that all writers keep.

use std::{collections::btree_map::Entry as Place, io::Read, ops::Range};

use super::{Header, INTRO, MAGIC, MAX_DATA, MAX_TAGS, Texts, Type, Value};
use crate::{
    container::{Input, ReadError},
    format::rpm::tags::{self, Row},
};

/// Most values of one tag that is not binary (rpm `hdrchkArray`).
const MAX_COUNT: u32 = 0xf_ffff;

/// Most tags and most bytes of data of a signature header (rpm `hdrblobVerifyLengths`).
const MAX_SIGNATURE: (u64, u64) = (32, 64 << 20);

/// Tags below this one are regions (rpm `hdrchkTag`).
const FIRST_TAG: u32 = tags::HEADERI18NTABLE;

/// What rpm before 4.0.4 wrote in the trailer of a signature header's region.
const HEADERIMAGE: u32 = 61;

/// Which of a package's two headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// Digests and signatures of the other one.
    Signature,
    /// All metadata.
    Main,
}

impl Which {
    /// For messages.
    fn word(self) -> &'static str {
        match self {
            Self::Signature => "signature header",
            Self::Main => "header",
        }
    }

    /// The tag of its region.
    fn region(self) -> u32 {
        match self {
            Self::Signature => tags::HEADERSIGNATURES,
            Self::Main => tags::HEADERIMMUTABLE,
        }
    }

    fn row(self, tag: u32) -> Option<&'static Row> {
        match self {
            Self::Signature => tags::signature::row(tag),
            Self::Main => tags::row(tag),
        }
    }
}

/// A header as it was read.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// Its tags but the region's.
    pub header: Header,
    /// All of it, from the magic to the end of the data: what digests and signatures cover.
    pub bytes: Vec<u8>,
    /// What is wrong, but can be read.
    pub problems: Vec<String>,
    /// What is unusual, but allowed.
    pub notes: Vec<String>,
}

/// Reads a header. The padding after a signature header is left.
pub fn read<R: Read>(input: &mut Input<R>, which: Which) -> Result<Found, ReadError> {
    let at = input.at();
    let bad = |why: String| ReadError::malformed(which.word(), at, why);
    let intro = input.array::<INTRO>(&format!("the {}", which.word()))?;
    if intro[..8] != MAGIC {
        return Err(bad("it does not start with `8e ad e8 01 00 00 00 00`".into()));
    }
    let (count, len) = (u64::from(number(&intro[8..12])), u64::from(number(&intro[12..16])));
    let (max_count, max_len) = match which {
        Which::Signature => MAX_SIGNATURE,
        Which::Main => (MAX_TAGS, MAX_DATA),
    };
    let what = which.word();
    ReadError::limit(format!("the number of tags of the {what}"), count, max_count)?;
    ReadError::limit(format!("the data of the {what} (bytes)"), len, max_len)?;
    if count == 0 {
        return Err(bad("it has no tags".into()));
    }
    let size = count * INTRO as u64 + len;
    let mut bytes = intro.to_vec();
    if (&mut *input).take(size).read_to_end(&mut bytes)? as u64 != size {
        return Err(ReadError::Truncated { what: format!("the {what}"), at: input.at() });
    }
    let split = INTRO + usize::try_from(count).expect("below a limit") * INTRO;
    let (index, data) = (&bytes[INTRO..split], &bytes[split..]);
    let index = index.chunks_exact(INTRO).map(Row32::read).collect::<Vec<_>>();
    let mut parser = Parser { which, at, data, end: 0, found: Found::default() };
    parser.region(&index)?;
    let mut found = parser.found;
    found.bytes = bytes;
    Ok(found)
}

fn number(bytes: &[u8]) -> u32 {
    u32::from_be_bytes(bytes.try_into().expect("four bytes"))
}

/// An entry of the index: docs/formats/rpm.md.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Row32 {
    tag: u32,
    kind: u32,
    offset: u32,
    count: u32,
}

impl Row32 {
    /// From sixteen bytes.
    fn read(bytes: &[u8]) -> Self {
        let [tag, kind, offset, count] = [0, 4, 8, 12].map(|at| number(&bytes[at..at + 4]));
        Self { tag, kind, offset, count }
    }
}

/// A header while its tags are read.
struct Parser<'a> {
    which: Which,
    /// Offset of the header in the file.
    at: u64,
    data: &'a [u8],
    /// End of the last value in the data.
    end: usize,
    found: Found,
}

impl Parser<'_> {
    fn bad(&self, why: impl Into<String>) -> ReadError {
        ReadError::malformed(self.which.word(), self.at, why)
    }

    /// Checks the region, then reads what is in it and what follows.
    fn region(&mut self, index: &[Row32]) -> Result<(), ReadError> {
        let (region, first) = (self.which.region(), index[0]);
        if first.tag != region {
            // Packages of rpm 3, which rpm reads to this day.
            self.found.notes.push(format!("the {} has no region", self.which.word()));
            return self.rest(index);
        }
        if (first.kind, first.count) != (Type::Bin as u32, 16) {
            return Err(self.bad("its region tag is no 16 bytes"));
        }
        let trailer_at = usize::try_from(first.offset).unwrap_or(usize::MAX);
        let trailer = self.data.get(trailer_at..).and_then(|rest| rest.get(..INTRO));
        let trailer = trailer
            .map(Row32::read)
            .ok_or_else(|| self.bad(format!("its region ends at {trailer_at}, beyond the data")))?;
        let of_old = self.which == Which::Signature && trailer.tag == HEADERIMAGE;
        let tag = if of_old { region } else { trailer.tag };
        if (tag, trailer.kind, trailer.count) != (region, first.kind, first.count) {
            return Err(self.bad("the trailer of its region is wrong"));
        }
        let entries = 0u32.wrapping_sub(trailer.offset);
        let inside = usize::try_from(entries / 16).unwrap_or(usize::MAX);
        if !entries.is_multiple_of(16) || inside == 0 || inside > index.len() {
            return Err(self.bad(format!("its region has {entries} bytes of index")));
        }
        let region_end = trailer_at + INTRO;
        let whole = (inside, region_end) == (index.len(), self.data.len());
        if !whole && self.which == Which::Main {
            return Err(self.bad("its region is not all of it"));
        }
        self.rows(&index[1..inside], trailer_at)?;
        self.gap(trailer_at, 1);
        self.end = region_end;
        if !whole {
            // rpm before 4.14 added signatures behind the region.
            self.found.notes.push(format!("the {} has tags after its region", self.which.word()));
            self.rest(&index[inside..])?;
        }
        Ok(())
    }

    /// Tags up to the end of the data.
    fn rest(&mut self, index: &[Row32]) -> Result<(), ReadError> {
        self.rows(index, self.data.len())?;
        self.gap(self.data.len(), 1);
        Ok(())
    }

    /// Tags whose values end before `limit`.
    fn rows(&mut self, rows: &[Row32], limit: usize) -> Result<(), ReadError> {
        for row in rows {
            let value = self.value(*row, limit)?;
            // In any order: rpm 4.9 wrote them as they came.
            match self.found.header.rows.entry(row.tag) {
                Place::Vacant(place) => {
                    place.insert(value);
                }
                Place::Occupied(_) => {
                    return Err(self.bad(format!("tag {} is there twice", row.tag)));
                }
            }
        }
        Ok(())
    }

    /// A value, checked as rpm's `hdrblobVerifyInfo` does.
    fn value(&mut self, row: Row32, limit: usize) -> Result<Value, ReadError> {
        let Row32 { tag, kind, offset, count } = row;
        let bad = |why: &str| self.bad(format!("tag {tag}: {why}"));
        if tag < FIRST_TAG {
            return Err(bad("this is no tag"));
        }
        let kind = Type::parse(kind).ok_or_else(|| bad(&format!("its type {kind} is unknown")))?;
        if count == 0 || (kind != Type::Bin && count > MAX_COUNT) {
            return Err(bad(&format!("it has {count} values")));
        }
        if let Some(row) = self.which.row(tag)
            && !is_alike(row.kind, kind)
        {
            return Err(bad(&format!("its type is {kind:?}, not {:?}", row.kind)));
        }
        let offset = usize::try_from(offset).unwrap_or(usize::MAX);
        if offset < self.end {
            return Err(bad("its value overlaps the one before"));
        }
        if !offset.is_multiple_of(kind.alignment()) {
            return Err(bad(&format!("its value is at {offset}, which is no place for its type")));
        }
        let (value, len) = self
            .data
            .get(offset..limit)
            .and_then(|data| decode(kind, count, data))
            .ok_or_else(|| bad("its value goes beyond the data"))?;
        self.gap(offset, kind.alignment());
        self.end = offset + len;
        Ok(value)
    }

    /// The bytes between the last value and the next are zeros, no more than it takes.
    fn gap(&mut self, to: usize, alignment: usize) {
        let Range { start, end } = self.end..to;
        let unread = &self.data[start..end];
        if unread.len() >= alignment || unread.iter().any(|&byte| byte != 0) {
            let why =
                format!("the {} bytes at {start} of its data belong to nothing", unread.len());
            if !unread.is_empty() {
                self.found.problems.push(format!("{}: {why}", self.which.word()));
            }
        }
    }
}

/// Texts of all kinds are told apart by none of rpm's readers.
fn is_alike(known: Type, kind: Type) -> bool {
    let is_text = |kind| matches!(kind, Type::Text | Type::Texts | Type::I18n);
    known == kind || is_text(known) && is_text(kind)
}

/// A value at the start of `data`, and how many bytes it is; `None` if it is longer.
fn decode(kind: Type, count: u32, data: &[u8]) -> Option<(Value, usize)> {
    let count = usize::try_from(count).ok()?;
    let bytes = |size: usize| data.get(..count.checked_mul(size)?);
    let value = match kind {
        Type::Char => Value::Char(bytes(1)?.to_vec()),
        Type::Int8 => Value::Int8(bytes(1)?.to_vec()),
        Type::Bin => Value::Bin(bytes(1)?.to_vec()),
        Type::Int16 => Value::Int16(numbers(bytes(2)?, u16::from_be_bytes)),
        Type::Int32 => Value::Int32(numbers(bytes(4)?, u32::from_be_bytes)),
        Type::Int64 => Value::Int64(numbers(bytes(8)?, u64::from_be_bytes)),
        Type::Text | Type::Texts | Type::I18n => return texts(kind, count, data),
    };
    Some((value, count * kind.alignment()))
}

fn numbers<const N: usize, T>(bytes: &[u8], number: fn([u8; N]) -> T) -> Vec<T> {
    let (chunks, _) = bytes.as_chunks::<N>();
    chunks.iter().copied().map(number).collect()
}

/// Texts, each ended by NUL.
fn texts(kind: Type, count: usize, data: &[u8]) -> Option<(Value, usize)> {
    if kind == Type::Text && count != 1 || count > data.len() {
        return None;
    }
    let (texts, len) = Texts::read(count, data)?;
    let value = match kind {
        Type::Text => Value::Text(texts.first()?.to_vec()),
        Type::Texts => Value::Texts(texts),
        _ => Value::I18n(texts),
    };
    Some((value, len))
}

#[cfg(test)]
#[path = "read_tests.rs"]
mod tests;
