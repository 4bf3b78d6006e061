//! The header structure of rpm: tags with typed values, numbers big-endian. A package has two of
//! them, the signature header and the main header.
//!
//! Format: rpm `docs/manual/format_header.md`, `lib/header.c`. Byte tables: docs/formats/rpm.md.

pub mod read;

use std::{borrow::Cow, collections::BTreeMap};

use crate::{bytes::Record, container::LimitError, format::report::escape};

/// The magic and four reserved bytes.
pub const MAGIC: [u8; 8] = [0x8e, 0xad, 0xe8, 0x01, 0, 0, 0, 0];

/// Bytes of magic, count and length, and of one index entry.
pub const INTRO: usize = 16;

/// Most tags of a main header, the region among them (rpm `hdrchkTags`).
pub const MAX_TAGS: u64 = 0xffff;

/// Most bytes of a main header's data, 256 MiB (rpm `hdrchkData`).
pub const MAX_DATA: u64 = 0x0fff_ffff;

/// Type of a value, as the index says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
#[allow(missing_docs)] // rpm's words
pub enum Type {
    Char = 1,
    Int8 = 2,
    Int16 = 3,
    Int32 = 4,
    Int64 = 5,
    /// One text, ended by NUL.
    Text = 6,
    Bin = 7,
    /// Texts, each ended by NUL.
    Texts = 8,
    /// One text per locale of tag 100.
    I18n = 9,
}

impl Type {
    /// From the number in an index.
    pub fn parse(number: u32) -> Option<Self> {
        use Type::{Bin, Char, I18n, Int8, Int16, Int32, Int64, Text, Texts};
        let all = [Char, Int8, Int16, Int32, Int64, Text, Bin, Texts, I18n];
        all.into_iter().find(|kind| *kind as u32 == number)
    }

    /// What a value's offset in the data is a multiple of, in bytes.
    pub const fn alignment(self) -> usize {
        match self {
            Self::Int16 => 2,
            Self::Int32 => 4,
            Self::Int64 => 8,
            _ => 1,
        }
    }
}

/// What a tag says.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // the types above
pub enum Value {
    Char(Vec<u8>),
    Int8(Vec<u8>),
    Int16(Vec<u16>),
    Int32(Vec<u32>),
    Int64(Vec<u64>),
    Text(Vec<u8>),
    Bin(Vec<u8>),
    Texts(Texts),
    I18n(Texts),
}

/// Texts one after the other, each ended by NUL, as they stand in a header: a package has ten of
/// them for each of its files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Texts {
    bytes: Vec<u8>,
    count: usize,
}

impl Texts {
    /// All of them in order.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        self.bytes.split(|&byte| byte == 0).take(self.count)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The first.
    pub fn first(&self) -> Option<&[u8]> {
        self.iter().next()
    }

    /// The first `count` of some bytes, and how long they are with their ends; `None` if there are
    /// fewer.
    fn read(count: usize, bytes: &[u8]) -> Option<(Self, usize)> {
        let ends = bytes.iter().enumerate().filter(|(_, byte)| **byte == 0).map(|(at, _)| at + 1);
        let len = if count == 0 { 0 } else { ends.into_iter().nth(count - 1)? };
        Some((Self { bytes: bytes[..len].to_vec(), count }, len))
    }
}

/// A text ends at its first NUL: nothing else can be written.
impl<T: AsRef<[u8]>> FromIterator<T> for Texts {
    fn from_iter<I: IntoIterator<Item = T>>(texts: I) -> Self {
        let mut all = Self::default();
        for text in texts {
            all.bytes.extend(text.as_ref().iter().take_while(|&&byte| byte != 0));
            all.bytes.push(0);
            all.count += 1;
        }
        all.bytes.shrink_to_fit();
        all
    }
}

impl Value {
    /// A text.
    pub fn text(text: impl Into<Vec<u8>>) -> Self {
        Self::Text(text.into())
    }

    /// Several texts.
    pub fn texts<T: AsRef<[u8]>>(texts: impl IntoIterator<Item = T>) -> Self {
        Self::Texts(texts.into_iter().collect())
    }

    /// A text in the one locale we write.
    pub fn i18n(text: impl Into<Vec<u8>>) -> Self {
        Self::I18n([text.into()].iter().collect())
    }

    /// Its type.
    pub fn kind(&self) -> Type {
        match self {
            Self::Char(_) => Type::Char,
            Self::Int8(_) => Type::Int8,
            Self::Int16(_) => Type::Int16,
            Self::Int32(_) => Type::Int32,
            Self::Int64(_) => Type::Int64,
            Self::Text(_) => Type::Text,
            Self::Bin(_) => Type::Bin,
            Self::Texts(_) => Type::Texts,
            Self::I18n(_) => Type::I18n,
        }
    }

    /// How many values it has, as the index counts: bytes of a `Bin`, 1 for a text.
    pub fn count(&self) -> usize {
        match self {
            Self::Char(bytes) | Self::Int8(bytes) | Self::Bin(bytes) => bytes.len(),
            Self::Int16(values) => values.len(),
            Self::Int32(values) => values.len(),
            Self::Int64(values) => values.len(),
            Self::Text(_) => 1,
            Self::Texts(texts) | Self::I18n(texts) => texts.len(),
        }
    }

    fn append(&self, data: &mut Vec<u8>) {
        match self {
            Self::Char(bytes) | Self::Int8(bytes) | Self::Bin(bytes) => data.extend(bytes),
            Self::Int16(values) => values.iter().for_each(|v| data.extend(v.to_be_bytes())),
            Self::Int32(values) => values.iter().for_each(|v| data.extend(v.to_be_bytes())),
            Self::Int64(values) => values.iter().for_each(|v| data.extend(v.to_be_bytes())),
            Self::Text(text) => {
                data.extend(text);
                data.push(0);
            }
            Self::Texts(texts) | Self::I18n(texts) => data.extend(&texts.bytes),
        }
    }
}

/// Tags and their values. Which of the two headers it is, is said when it is encoded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Header {
    rows: BTreeMap<u32, Value>,
}

impl Header {
    /// Sets a tag. An empty array is left out, for rpm refuses a count of 0.
    pub fn set(&mut self, tag: u32, value: Value) {
        if value.count() > 0 {
            self.rows.insert(tag, value);
        }
    }

    /// All tags, ascending.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &Value)> {
        self.rows.iter().map(|(tag, value)| (*tag, value))
    }

    /// What a tag says.
    pub fn get(&self, tag: u32) -> Option<&Value> {
        self.rows.get(&tag)
    }

    /// How many tags there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether it says nothing.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// A text, or the first of several; `None` for other types.
    pub fn text(&self, tag: u32) -> Option<&[u8]> {
        match self.get(tag)? {
            Value::Text(text) => Some(text),
            Value::Texts(texts) | Value::I18n(texts) => texts.first(),
            _ => None,
        }
    }

    /// [`Header::text`], ready to be shown.
    pub fn shown(&self, tag: u32) -> Option<Cow<'_, str>> {
        self.text(tag).map(escape)
    }

    /// All texts of a tag, none if it is missing or of another type.
    pub fn texts(&self, tag: u32) -> Vec<&[u8]> {
        match self.get(tag) {
            Some(Value::Text(text)) => vec![text],
            Some(Value::Texts(texts) | Value::I18n(texts)) => texts.iter().collect(),
            _ => Vec::new(),
        }
    }

    /// A number, or the first of several.
    pub fn int(&self, tag: u32) -> Option<u64> {
        match self.get(tag)? {
            Value::Char(values) | Value::Int8(values) => values.first().copied().map(u64::from),
            Value::Int16(values) => values.first().copied().map(u64::from),
            Value::Int32(values) => values.first().copied().map(u64::from),
            Value::Int64(values) => values.first().copied(),
            _ => None,
        }
    }

    /// All numbers of a tag, none if it is missing or of another type.
    pub fn ints(&self, tag: u32) -> Vec<u64> {
        match self.get(tag) {
            Some(Value::Char(values) | Value::Int8(values)) => {
                values.iter().copied().map(u64::from).collect()
            }
            Some(Value::Int16(values)) => values.iter().copied().map(u64::from).collect(),
            Some(Value::Int32(values)) => values.iter().copied().map(u64::from).collect(),
            Some(Value::Int64(values)) => values.clone(),
            _ => Vec::new(),
        }
    }

    /// Bytes.
    pub fn bin(&self, tag: u32) -> Option<&[u8]> {
        match self.get(tag)? {
            Value::Bin(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// The header with everything in the region `region` (62 signature header, 63 main header).
    ///
    /// | offset | size | field                                                       |
    /// |-------:|-----:|-------------------------------------------------------------|
    /// |      0 |    8 | magic                                                       |
    /// |      8 |    4 | number of index entries n, the region's among them          |
    /// |     12 |    4 | length of the data in bytes                                 |
    /// |     16 | 16·n | index                                                       |
    /// |        |      | data; its last 16 bytes are the region's trailer            |
    pub fn encode(&self, region: u32) -> Result<Vec<u8>, LimitError> {
        let mut data = Vec::new();
        let mut index = Vec::with_capacity(INTRO * (self.rows.len() + 1));
        for (tag, value) in &self.rows {
            let kind = value.kind();
            data.resize(data.len().next_multiple_of(kind.alignment()), 0);
            let (at, count) = (number(data.len())?, number(value.count())?);
            index.extend(entry(*tag, kind, at, count));
            value.append(&mut data);
        }
        let entries = number(self.rows.len() + 1)?;
        limit("tags", MAX_TAGS, entries.into())?;
        let trailer_at = number(data.len())?;
        data.extend(trailer(region, entries));
        let len = number(data.len())?;
        let mut out = Vec::with_capacity(2 * INTRO + index.len() + data.len());
        out.extend(Record::<INTRO>::big().raw(&MAGIC).u32(entries).u32(len).finish());
        out.extend(entry(region, Type::Bin, trailer_at, 16));
        out.append(&mut index);
        out.append(&mut data);
        Ok(out)
    }
}

/// An entry of the index.
///
/// | offset | size | field                        |
/// |-------:|-----:|------------------------------|
/// |      0 |    4 | tag                          |
/// |      4 |    4 | type                         |
/// |      8 |    4 | offset in the data, in bytes |
/// |     12 |    4 | number of values             |
fn entry(tag: u32, kind: Type, at: u32, count: u32) -> [u8; INTRO] {
    Record::big().u32(tag).u32(kind as u32).u32(at).u32(count).finish()
}

/// The end of a region: an index entry whose offset is the length of the index, negated.
fn trailer(region: u32, entries: u32) -> [u8; INTRO] {
    entry(region, Type::Bin, 0u32.wrapping_sub(entries * 16), 16)
}

/// An offset or a count in the data, at most [`MAX_DATA`].
fn number(value: usize) -> Result<u32, LimitError> {
    limit("data (bytes)", MAX_DATA, value as u64)?;
    Ok(u32::try_from(value).expect("the limit is below 2^32"))
}

fn limit(what: &str, limit: u64, size: u64) -> Result<(), LimitError> {
    if size > limit {
        let what = format!("header's {what}");
        return Err(LimitError { what, size, container: "rpm", limit });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(rows: &[(u32, Value)]) -> Header {
        let mut header = Header::default();
        for (tag, value) in rows {
            header.set(*tag, value.clone());
        }
        header
    }

    #[test]
    fn a_header_is_intro_index_data_and_the_trailer_of_its_region() {
        let rows = [(1000, Value::text("hi")), (1003, Value::Int32(vec![7]))];
        let got = header(&rows).encode(63).unwrap();
        #[rustfmt::skip]
        let want = [
            &[0x8e, 0xad, 0xe8, 1, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 24][..],
            &[0, 0, 0, 63, 0, 0, 0, 7, 0, 0, 0, 8, 0, 0, 0, 16],
            &[0, 0, 3, 0xe8, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0, 1],
            &[0, 0, 3, 0xeb, 0, 0, 0, 4, 0, 0, 0, 4, 0, 0, 0, 1],
            b"hi\0\0\0\0\0\x07",
            &[0, 0, 0, 63, 0, 0, 0, 7, 0xff, 0xff, 0xff, 0xd0, 0, 0, 0, 16],
        ].concat();
        assert_eq!(got, want);
    }

    #[test]
    fn values_are_aligned_to_their_type() {
        let rows = [
            (1, Value::text("a")),
            (2, Value::Int16(vec![1])),
            (3, Value::Int64(vec![1])),
            (4, Value::Bin(vec![1])),
            (5, Value::Int32(vec![1])),
        ];
        let bytes = header(&rows).encode(63).unwrap();
        let offset = |row: usize| bytes[INTRO * (2 + row) + 11];
        assert_eq!([0, 1, 2, 3, 4].map(offset), [0, 2, 8, 16, 20]);
    }

    #[test]
    fn an_empty_array_is_left_out() {
        let header = header(&[(1117, Value::Texts(Texts::default())), (1000, Value::text(""))]);
        assert_eq!(header.iter().map(|(tag, _)| tag).collect::<Vec<_>>(), [1000]);
    }

    #[test]
    fn texts_are_read_as_they_were_written() {
        let texts: Texts = ["a", "", "bc"].iter().collect();
        assert_eq!(texts.iter().collect::<Vec<_>>(), [&b"a"[..], b"", b"bc"]);
        assert_eq!(Texts::read(3, b"a\0\0bc\0d\0"), Some((texts, 6)));
        assert_eq!(Texts::read(2, b"a\0bc"), None);
        assert_eq!(["a\0b"].iter().collect::<Texts>().iter().collect::<Vec<_>>(), [b"a"]);
    }

    #[test]
    fn values_are_asked_for_by_type() {
        let header = header(&[
            (1, Value::text("a")),
            (2, Value::texts(["b", "c"])),
            (3, Value::Int16(vec![4, 5])),
            (4, Value::Bin(vec![6])),
        ]);
        assert_eq!((header.text(1), header.text(2)), (Some(&b"a"[..]), Some(&b"b"[..])));
        assert_eq!(header.texts(2), [b"b", b"c"]);
        assert_eq!((header.int(3), header.ints(3)), (Some(4), vec![4, 5]));
        assert_eq!((header.bin(4), header.int(1), header.text(9)), (Some(&[6][..]), None, None));
    }

    #[test]
    fn more_data_than_rpm_reads_is_refused() {
        let error = number(1 << 28).unwrap_err().to_string();
        let want = "header's data (bytes) is 268435456, but rpm can hold at most 268435455";
        assert_eq!(error, want);
    }
}
