//! Reading a header: front to back, every length compared with what is left of the file before
//! anything is allocated, nothing kept that nobody asks for.

use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};

use super::{Error, Where, types};

/// Longest text that is kept, in bytes; longer ones are passed over.
const MAX_TEXT: u64 = 1 << 10;

/// Longest name of a key or tensor, in bytes: the format's limit for keys.
const MAX_NAME: u64 = (1 << 16) - 1;

/// Most dimensions of a tensor (`GGML_MAX_DIMS`).
const MAX_DIMS: u32 = 4;

/// A value that may be asked for.
#[derive(Debug)]
pub(super) enum Value {
    Number(u64),
    Text(String),
    /// An array, a fraction, a long text.
    Other,
}

/// What is said of a tensor.
#[derive(Debug)]
pub(super) struct Tensor {
    pub(super) name: String,
    pub(super) elements: u64,
    pub(super) kind: u32,
    /// From the start of the data, in bytes.
    pub(super) offset: u64,
}

/// A header on the way to being read.
pub(super) struct Reader<'a, R: Read + Seek> {
    file: BufReader<&'a mut R>,
    /// Length of the file, in bytes.
    len: u64,
    /// How far it was read, in bytes.
    pub(super) at: u64,
    /// What is being read, for messages.
    pub(super) place: Where,
    pub(super) big: bool,
}

impl<'a, R: Read + Seek> Reader<'a, R> {
    pub(super) fn new(file: &'a mut R, len: u64) -> io::Result<Self> {
        file.seek(SeekFrom::Start(0))?;
        let file = BufReader::with_capacity(1 << 16, file);
        Ok(Self { file, len, at: 0, place: Where::Start, big: false })
    }

    /// What a file starts with, as far as it can be looked at without moving on.
    pub(super) fn peek(&mut self) -> io::Result<&[u8]> {
        self.file.fill_buf()
    }

    pub(super) fn pair(&mut self) -> Result<(String, Value), Error> {
        let key = self.name()?;
        let kind = self.u32()?;
        Ok((key, self.value(kind)?))
    }

    fn value(&mut self, kind: u32) -> Result<Value, Error> {
        match kind {
            types::STRING => {
                let len = self.u64()?;
                if len > MAX_TEXT {
                    self.skip(len)?;
                    return Ok(Value::Other);
                }
                Ok(Value::Text(self.text(len)?))
            }
            types::ARRAY => self.array(),
            0 => Ok(Value::Number(self.bytes::<1>()?[0].into())),
            2 => Ok(Value::Number(self.u16()?.into())),
            4 => Ok(Value::Number(self.u32()?.into())),
            10 => self.u64().map(Value::Number),
            // Counts are stored as signed numbers by some writers; none is negative.
            5 => self.u32().map(|number| match i32::try_from(number) {
                Ok(number) => Value::Number(u64::from(number.unsigned_abs())),
                Err(_) => Value::Other,
            }),
            kind => match types::value_len(kind) {
                Some(len) => self.skip(len).map(|()| Value::Other),
                None => Err(self.damaged(format!("a value of type {kind}"))),
            },
        }
    }

    fn array(&mut self) -> Result<Value, Error> {
        let (kind, count) = (self.u32()?, self.u64()?);
        if kind == types::STRING {
            for _ in 0..count {
                let len = self.u64()?;
                self.skip(len)?;
            }
            return Ok(Value::Other);
        }
        // llama.cpp refuses arrays of arrays, too.
        let Some(each) = types::value_len(kind) else {
            return Err(self.damaged(format!("an array of values of type {kind}")));
        };
        match count.checked_mul(each) {
            Some(len) => self.skip(len).map(|()| Value::Other),
            None => Err(self.ends()),
        }
    }

    pub(super) fn tensor(&mut self) -> Result<Tensor, Error> {
        let name = self.name()?;
        let dims = self.u32()?;
        if dims > MAX_DIMS {
            return Err(self.damaged(format!("{dims} dimensions")));
        }
        let mut elements = 1_u64;
        for _ in 0..dims {
            let dim = self.u64()?;
            elements = match elements.checked_mul(dim) {
                Some(elements) => elements,
                None => return Err(self.damaged("more elements than there can be".into())),
            };
        }
        Ok(Tensor { name, elements, kind: self.u32()?, offset: self.u64()? })
    }

    fn name(&mut self) -> Result<String, Error> {
        let len = self.u64()?;
        if len > self.left() {
            return Err(self.ends());
        }
        if len > MAX_NAME {
            return Err(self.damaged(format!("a name of {len} bytes")));
        }
        self.text(len)
    }

    /// A text that is known to be short.
    fn text(&mut self, len: u64) -> Result<String, Error> {
        if len > self.left() {
            return Err(self.ends());
        }
        let mut bytes = vec![0; usize::try_from(len).expect("it is short")];
        self.exact(&mut bytes)?;
        let text = String::from_utf8_lossy(&bytes);
        // It is shown on terminals.
        Ok(text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect())
    }

    fn u16(&mut self) -> Result<u16, Error> {
        let bytes = self.bytes()?;
        Ok(if self.big { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) })
    }

    pub(super) fn u32(&mut self) -> Result<u32, Error> {
        let bytes = self.bytes()?;
        Ok(if self.big { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) })
    }

    pub(super) fn u64(&mut self) -> Result<u64, Error> {
        let bytes = self.bytes()?;
        Ok(if self.big { u64::from_be_bytes(bytes) } else { u64::from_le_bytes(bytes) })
    }

    fn bytes<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let mut bytes = [0; N];
        self.exact(&mut bytes)?;
        Ok(bytes)
    }

    fn exact(&mut self, buffer: &mut [u8]) -> Result<(), Error> {
        if buffer.len() as u64 > self.left() {
            return Err(self.ends());
        }
        match self.file.read_exact(buffer) {
            // The file became shorter since it was looked at.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Err(self.ends()),
            Err(error) => Err(error.into()),
            Ok(()) => {
                self.at += buffer.len() as u64;
                Ok(())
            }
        }
    }

    pub(super) fn skip(&mut self, len: u64) -> Result<(), Error> {
        if len > self.left() {
            return Err(self.ends());
        }
        self.file.seek_relative(i64::try_from(len).map_err(|_| self.ends())?)?;
        self.at += len;
        Ok(())
    }

    fn left(&self) -> u64 {
        self.len.saturating_sub(self.at)
    }

    fn ends(&self) -> Error {
        Error::Ends { at: self.place }
    }

    pub(super) fn damaged(&self, why: String) -> Error {
        Error::Damaged { at: self.place, why }
    }
}
