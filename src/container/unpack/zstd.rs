//! Zstandard frames, decoded by libzstd.

use std::io::Read;

use zstd_safe::{DCtx, DParameter, InBuffer, OutBuffer, get_error_name};

use super::{Facts, Input, MAX_HEADERS, MAX_WINDOW_LOG, ReadError, Step, unpack_error};

/// What a frame starts with.
const MAGIC: &[u8] = b"\x28\xb5\x2f\xfd";

/// The start of a frame, as far as it says how the frame was made.
///
/// | offset | size | field                                                                |
/// |-------:|-----:|----------------------------------------------------------------------|
/// |      0 |    4 | magic, `28 b5 2f fd`; `5x 2a 4d 18` is a skippable frame             |
/// |      4 |    1 | descriptor: bits 0-1 dictionary id, 2 checksum, 3 reserved, 4 unused, 5 single segment, 6-7 size of the content size |
/// |      5 |    1 | window, unless single segment: bits 3-7 exponent - 10, 0-2 mantissa  |
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameHeader {
    /// A frame without content for us.
    pub skippable: bool,
    /// Flags.
    pub descriptor: u8,
    /// Window byte; `None` for a single segment.
    pub window: Option<u8>,
}

impl FrameHeader {
    fn read(seen: &[u8]) -> Self {
        let skippable = !seen.starts_with(MAGIC);
        let descriptor = seen.get(4).copied().unwrap_or(0);
        let window = seen.get(5).copied().filter(|_| descriptor & 1 << 5 == 0);
        Self { skippable, descriptor, window }
    }

    /// Whether the content is followed by its checksum.
    pub fn has_checksum(&self) -> bool {
        self.descriptor & 1 << 2 != 0
    }
}

/// Whether a frame starts here, skippable ones included.
pub(super) fn starts_frame(seen: &[u8]) -> bool {
    let skippable = matches!(seen, [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..]);
    seen.starts_with(MAGIC) || skippable
}

pub(super) struct Zstd {
    context: DCtx<'static>,
    in_frame: bool,
}

impl Zstd {
    pub(super) fn new() -> Result<Self, ReadError> {
        let mut context = DCtx::try_create()
            .ok_or_else(|| unpack_error("zstd", 0, "there is no memory for a decoder"))?;
        context
            .set_parameter(DParameter::WindowLogMax(MAX_WINDOW_LOG))
            .map_err(|code| unpack_error("zstd", 0, get_error_name(code)))?;
        Ok(Self { context, in_frame: false })
    }

    pub(super) fn step<R: Read>(
        &mut self,
        input: &mut Input<R>,
        out: &mut [u8],
        facts: &mut Facts,
    ) -> Result<Step, ReadError> {
        let at = input.at();
        if !self.in_frame {
            let seen = input.peek(6)?;
            if !starts_frame(seen) && seen.len() >= 4 {
                return Err(unpack_error("zstd", at, "no frame starts"));
            }
            let header = FrameHeader::read(seen);
            facts.unchecked += u64::from(!header.skippable && !header.has_checksum());
            if facts.zstd.len() < MAX_HEADERS {
                facts.zstd.push(header);
            }
            self.in_frame = true;
        }
        let mut from = InBuffer::around(input.peek(1)?);
        let mut to = OutBuffer::around(out);
        let hint = self
            .context
            .decompress_stream(&mut to, &mut from)
            .map_err(|code| unpack_error("zstd", at, get_error_name(code)))?;
        let ended = hint == 0;
        self.in_frame = !ended;
        Ok(Step { taken: from.pos(), made: to.pos(), ended })
    }
}
