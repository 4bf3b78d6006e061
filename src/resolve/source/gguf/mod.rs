//! GGUF, the format of llama.cpp's models: what a file says of itself, and whether it is whole.
//!
//! Format: ggml `docs/gguf.md`. Only the header is read, never the tensors.

mod error;
mod read;
pub(crate) mod shards;
mod types;

use std::{
    fmt::Write as _,
    io::{Read, Seek},
};

use crate::payload::{self, Blob};
pub use error::{Error, Where};
pub use types::quantisation;

use read::{Reader, Tensor, Value};

/// First bytes of every file.
const MAGIC: &[u8] = b"GGUF";

/// Where tensors start when the file does not say, in bytes.
const ALIGNMENT: u64 = 32;

/// A version above this, read little-endian, is one of the other byte order.
const MAX_VERSION: u32 = 1 << 16;

/// What a header says.
///
/// | offset | size | field                                                      |
/// |-------:|-----:|------------------------------------------------------------|
/// |      0 |    4 | magic, `GGUF`                                              |
/// |      4 |    4 | version, 2 or 3                                            |
/// |      8 |    8 | number of tensors                                          |
/// |     16 |    8 | number of keys                                             |
/// |     24 |    … | keys with their values, then names, sizes and places of tensors |
/// |      … |    … | zeros up to `general.alignment`, then the data             |
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// Version of the format.
    pub version: u32,
    /// Numbers are big-endian.
    pub big_endian: bool,
    /// `general.architecture`: `llama`, `qwen2`.
    pub architecture: Option<String>,
    /// `general.name`.
    pub name: Option<String>,
    /// `general.size_label`: `3B`.
    pub size_label: Option<String>,
    /// `general.license`.
    pub license: Option<String>,
    /// `general.file_type`; [`quantisation`] has its name.
    pub file_type: Option<u32>,
    /// `general.quantization_version`.
    pub quantization_version: Option<u64>,
    /// `ARCHITECTURE.context_length`, in tokens.
    pub context_length: Option<u64>,
    /// Number of tensors in this file.
    pub tensors: u64,
    /// Elements of all tensors in this file.
    pub parameters: u64,
    /// The part of a split model that this is.
    pub split: Option<Split>,
    /// Where the last tensor ends, in bytes; `None` when a tensor's type is not known here, so that
    /// nobody can say.
    pub end: Option<u64>,
}

/// A part of a split model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Split {
    /// Which one, counted from 0.
    pub number: u64,
    /// Of how many.
    pub count: u64,
}

/// Whether a file that starts like this says to be GGUF.
pub fn recognises(start: &[u8]) -> bool {
    start.starts_with(MAGIC)
}

/// Reads a header and checks that the file is long enough for its tensors.
pub fn read<R: Read + Seek>(file: &mut R, len: u64) -> Result<Header, Error> {
    let mut reader = Reader::new(file, len)?;
    let start = reader.peek()?;
    if !recognises(start) {
        return Err(instead(start));
    }
    reader.skip(MAGIC.len() as u64)?;
    let mut header = Header { version: reader.u32()?, ..Header::default() };
    if header.version > MAX_VERSION {
        (reader.big, header.big_endian) = (true, true);
        header.version = header.version.swap_bytes();
    }
    if !(2..=3).contains(&header.version) {
        return Err(Error::Version { version: header.version });
    }
    header.tensors = reader.u64()?;
    let keys = reader.u64()?;
    let mut facts = Facts::default();
    for number in 1..=keys {
        reader.place = Where::Key(number, keys);
        let (key, value) = reader.pair()?;
        facts.take(&mut header, &key, value).map_err(|why| reader.damaged(why))?;
    }
    facts.finish(&mut header);
    let data = Data::of(&mut reader, &mut header, facts.alignment.unwrap_or(ALIGNMENT))?;
    data.check(&mut header, len)?;
    Ok(header)
}

/// What a payload says of itself, if it is a model that is whole.
pub fn of_blob(blob: &Blob) -> Option<Header> {
    read(&mut payload::open(blob).ok()?, blob.len()).ok()
}

/// What a file is that does not start like GGUF.
fn instead(start: &[u8]) -> Error {
    let lower = |len: usize| {
        let text = start.trim_ascii_start();
        text[..len.min(text.len())].to_ascii_lowercase()
    };
    if start.is_empty() {
        return Error::Empty;
    }
    if start.starts_with(b"version https://git-lfs") {
        let text = String::from_utf8_lossy(&start[..start.len().min(512)]).into_owned();
        let len = text.lines().find_map(|line| line.strip_prefix("size ")?.trim().parse().ok());
        return Error::Lfs { len };
    }
    if lower(9) == b"<!doctype" || lower(5) == b"<html" {
        return Error::Html;
    }
    match start {
        // `ggml`, `ggmf` and `ggjt` as little-endian numbers.
        [b'l' | b'f', b'm', b'g', b'g', ..] | [b't', b'j', b'g', b'g', ..] => {
            Error::Other { what: "a legacy GGML model" }
        }
        // Eight bytes of length, then JSON.
        [_, _, _, _, _, 0, 0, 0, b'{', b'"', ..] => Error::Other { what: "a safetensors file" },
        _ => Error::Magic { start: start[..start.len().min(4)].to_vec() },
    }
}

/// What keys say that means something only together with others.
#[derive(Default)]
struct Facts {
    alignment: Option<u64>,
    /// By architecture.
    contexts: Vec<(String, u64)>,
    number: Option<u64>,
    count: Option<u64>,
}

impl Facts {
    fn take(&mut self, header: &mut Header, key: &str, value: Value) -> Result<(), String> {
        match (key, value) {
            ("general.architecture", Value::Text(text)) => header.architecture = Some(text),
            ("general.name", Value::Text(text)) => header.name = Some(text),
            ("general.size_label", Value::Text(text)) => header.size_label = Some(text),
            ("general.license", Value::Text(text)) => header.license = Some(text),
            ("general.file_type", Value::Number(kind)) => {
                header.file_type = u32::try_from(kind).ok();
            }
            ("general.quantization_version", Value::Number(version)) => {
                header.quantization_version = Some(version);
            }
            ("general.alignment", Value::Number(alignment)) => {
                if !alignment.is_power_of_two() || alignment > 1 << 30 {
                    return Err(format!("an alignment of {alignment} bytes"));
                }
                self.alignment = Some(alignment);
            }
            ("split.no", Value::Number(number)) => self.number = Some(number),
            ("split.count", Value::Number(count)) => self.count = Some(count),
            (key, Value::Number(context)) if self.contexts.len() < 16 => {
                if let Some(architecture) = key.strip_suffix(".context_length") {
                    self.contexts.push((architecture.to_owned(), context));
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn finish(&mut self, header: &mut Header) {
        let own = self.contexts.iter().find(|(name, _)| Some(name) == header.architecture.as_ref());
        header.context_length = own.map(|(_, context)| *context);
        let count = self.count.filter(|count| *count > 1);
        header.split = count.map(|count| Split { number: self.number.unwrap_or(0), count });
    }
}

/// Where the data is.
struct Data {
    /// Of its first byte, in bytes.
    start: u64,
    /// Of the last tensor, from the start: name and end.
    last: Option<(String, u64)>,
    /// A tensor is of a type that is not known here.
    unknown: bool,
}

impl Data {
    fn of<R: Read + Seek>(
        reader: &mut Reader<'_, R>,
        header: &mut Header,
        alignment: u64,
    ) -> Result<Self, Error> {
        let mut data = Self { start: 0, last: None, unknown: false };
        for number in 1..=header.tensors {
            reader.place = Where::Tensor(number, header.tensors);
            let tensor = reader.tensor()?;
            header.parameters = header.parameters.saturating_add(tensor.elements);
            data.add(tensor).map_err(|why| reader.damaged(why))?;
        }
        data.start = reader.at.next_multiple_of(alignment);
        Ok(data)
    }

    fn add(&mut self, tensor: Tensor) -> Result<(), String> {
        let Some((elements, bytes)) = types::block(tensor.kind) else {
            self.unknown = true;
            return Ok(());
        };
        let len = tensor.elements.div_ceil(elements).checked_mul(bytes);
        let end = len.and_then(|len| len.checked_add(tensor.offset));
        // Room for the start, whatever that will be.
        let end = end.filter(|end| *end < u64::MAX >> 1);
        let end = end.ok_or_else(|| format!("tensor `{}` ends nowhere", tensor.name))?;
        if self.last.as_ref().is_none_or(|(_, last)| end > *last) {
            self.last = Some((tensor.name, end));
        }
        Ok(())
    }

    fn check(self, header: &mut Header, len: u64) -> Result<(), Error> {
        let Self { start, last, unknown } = self;
        let (tensor, end) = match last {
            Some((tensor, end)) => (tensor, start.saturating_add(end)),
            None => (String::new(), start.min(len)),
        };
        if end > len {
            return Err(Error::Truncated { len, tensor, end });
        }
        header.end = (!unknown).then_some(end);
        Ok(())
    }
}

impl Header {
    /// In one line: `llama 0.1M, F32, context 256, 98816 parameters in 21 tensors`.
    pub fn describe(&self) -> String {
        let mut text = self.architecture.clone().unwrap_or_else(|| "no architecture".into());
        if let Some(label) = &self.size_label {
            let _ = write!(text, " {label}");
        }
        if let Some(kind) = self.file_type {
            let _ = write!(text, ", {}", quantisation(kind));
        }
        if let Some(context) = self.context_length {
            let _ = write!(text, ", context {context}");
        }
        let plural = if self.tensors == 1 { "" } else { "s" };
        let _ = write!(
            text,
            ", {} parameters in {} tensor{plural}",
            short(self.parameters),
            self.tensors
        );
        if let Some(Split { number, count }) = self.split {
            let _ = write!(text, ", shard {} of {count}", number + 1);
        }
        text
    }
}

/// A number as models are named, rounded as Ollama does: `3.1B`, `494.03M`, `12K`.
pub fn short(number: u64) -> String {
    const BILLION: u64 = 1_000_000_000;
    const MILLION: u64 = 1_000_000;
    const THOUSAND: u64 = 1_000;
    // So many of a part of the unit.
    let rounded = |unit: u64, parts: u64| {
        let unit = u128::from(unit);
        (u128::from(number) * u128::from(parts) + unit / 2) / unit
    };
    match number {
        BILLION.. if number.is_multiple_of(BILLION) => format!("{}B", number / BILLION),
        BILLION.. => {
            let tenths = rounded(BILLION, 10);
            format!("{}.{}B", tenths / 10, tenths % 10)
        }
        MILLION.. if number.is_multiple_of(MILLION) => format!("{}M", number / MILLION),
        MILLION.. => {
            let hundredths = rounded(MILLION, 100);
            format!("{}.{:02}M", hundredths / 100, hundredths % 100)
        }
        THOUSAND.. => format!("{}K", rounded(THOUSAND, 1)),
        _ => number.to_string(),
    }
}

#[cfg(test)]
#[path = "../../../../tests/common/gguf.rs"]
pub(crate) mod sample;
#[cfg(test)]
mod tests;
