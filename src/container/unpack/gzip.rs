//! Gzip members: RFC 1952.

use std::io::Read;

use flate2::{Decompress, FlushDecompress, Status};

use super::{Facts, Input, MAX_HEADERS, ReadError, Step, unpack_error};

/// What a member starts with: the magic and method 8, deflate.
pub(super) const MAGIC: &[u8] = b"\x1f\x8b\x08";

/// Longest name, comment or extra field that is read, in bytes.
const MAX_FIELD: u64 = 64 << 10;

// Flags.
const HAS_CRC: u8 = 1 << 1;
const HAS_EXTRA: u8 = 1 << 2;
const HAS_NAME: u8 = 1 << 3;
const HAS_COMMENT: u8 = 1 << 4;
const RESERVED: u8 = 0b1110_0000;

/// The header of a member. Numbers are little-endian.
///
/// | offset | size | field                                                              |
/// |-------:|-----:|--------------------------------------------------------------------|
/// |      0 |    3 | magic and method, `1f 8b 08`                                       |
/// |      3 |    1 | flags: 1 text, 2 header CRC, 4 extra, 8 name, 16 comment           |
/// |      4 |    4 | modification time, seconds since 1970                              |
/// |      8 |    1 | extra flags: 2 best, 4 fastest                                     |
/// |      9 |    1 | operating system: 3 Unix, 255 unknown                              |
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GzipHeader {
    /// Which optional fields follow.
    pub flags: u8,
    /// Seconds since 1970; 0 for none.
    pub mtime: u32,
    /// How hard the encoder tried.
    pub extra_flags: u8,
    /// Where it ran.
    pub system: u8,
}

/// The decoder: header, deflate data, trailer.
pub(super) struct Gzip {
    inflate: Decompress,
    crc32: crc32fast::Hasher,
    len: u64,
    in_member: bool,
}

impl Default for Gzip {
    fn default() -> Self {
        let crc32 = crc32fast::Hasher::new();
        Self { inflate: Decompress::new(false), crc32, len: 0, in_member: false }
    }
}

impl Gzip {
    pub(super) fn step<R: Read>(
        &mut self,
        input: &mut Input<R>,
        out: &mut [u8],
        facts: &mut Facts,
    ) -> Result<Step, ReadError> {
        if !self.in_member {
            let header = read_header(input)?;
            if facts.gzip.len() < MAX_HEADERS {
                facts.gzip.push(header);
            }
            *self = Self { in_member: true, ..Self::default() };
        }
        let at = input.at();
        let (before_in, before_out) = (self.inflate.total_in(), self.inflate.total_out());
        let status = self
            .inflate
            .decompress(input.peek(1)?, out, FlushDecompress::None)
            .map_err(|error| unpack_error("gzip", at, error))?;
        let taken = count(self.inflate.total_in() - before_in);
        let made = count(self.inflate.total_out() - before_out);
        self.crc32.update(&out[..made]);
        self.len += made as u64;
        if status != Status::StreamEnd {
            return Ok(Step { taken, made, ended: false });
        }
        input.consume(taken);
        self.trailer(input)?;
        Ok(Step { taken: 0, made, ended: true })
    }

    /// CRC-32 and length modulo 2^32 of the content.
    fn trailer<R: Read>(&mut self, input: &mut Input<R>) -> Result<(), ReadError> {
        let at = input.at();
        let crc32 = u32::from_le_bytes(input.array("the gzip trailer")?);
        let len = u32::from_le_bytes(input.array("the gzip trailer")?);
        self.in_member = false;
        if crc32 != std::mem::take(&mut self.crc32).finalize() {
            return Err(unpack_error("gzip", at, "the CRC-32 of the content is wrong"));
        }
        if u64::from(len) != self.len & u64::from(u32::MAX) {
            return Err(unpack_error("gzip", at, "the length of the content is wrong"));
        }
        Ok(())
    }
}

fn count(bytes: u64) -> usize {
    usize::try_from(bytes).expect("no more than a buffer")
}

fn read_header<R: Read>(input: &mut Input<R>) -> Result<GzipHeader, ReadError> {
    let at = input.at();
    let bad = |why: &str| ReadError::malformed("gzip header", at, why);
    let mut taken = Header { input, bytes: Vec::new() };
    if taken.take::<3>()? != MAGIC {
        return Err(bad("it does not start with `1f 8b 08`"));
    }
    let [flags] = taken.take()?;
    let mtime = u32::from_le_bytes(taken.take()?);
    let [extra_flags, system] = taken.take()?;
    if flags & RESERVED != 0 {
        return Err(bad("reserved flags are set"));
    }
    if flags & HAS_EXTRA != 0 {
        let len = u16::from_le_bytes(taken.take()?);
        for _ in 0..len {
            taken.take::<1>()?;
        }
    }
    for flag in [HAS_NAME, HAS_COMMENT] {
        while flags & flag != 0 && taken.take::<1>()? != [0] {
            ReadError::limit("a gzip header (bytes)", taken.bytes.len() as u64, 3 * MAX_FIELD)?;
        }
    }
    if flags & HAS_CRC != 0 {
        let [low, high, ..] = crc32fast::hash(&taken.bytes).to_le_bytes();
        if taken.take()? != [low, high] {
            return Err(bad("its CRC is wrong"));
        }
    }
    Ok(GzipHeader { flags, mtime, extra_flags, system })
}

/// A header being read; its bytes are kept for its CRC.
struct Header<'a, R> {
    input: &'a mut Input<R>,
    bytes: Vec<u8>,
}

impl<R: Read> Header<'_, R> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], ReadError> {
        let taken = self.input.array("a gzip header")?;
        self.bytes.extend(taken);
        Ok(taken)
    }
}
