//! Zstandard blocks that need no history, and the one frame around them.
//!
//! Format: RFC 8878. How pieces are made with the public API: `docs/formats/compression.md`,
//! section 3.

use std::io::{self, Read, Write};

use zstd_safe::{CCtx, CParameter, InBuffer, OutBuffer, zstd_sys::ZSTD_EndDirective};

use super::{BUFFER, Sum, fill};

/// Base-2 logarithm of the window: no piece is longer, so no reference reaches further.
const WINDOW_LOG: u32 = 22;

/// The start of a frame: magic; descriptor with the checksum flag; window of 4 MiB.
pub const FRAME_HEADER: [u8; 6] = [0x28, 0xb5, 0x2f, 0xfd, 0x04, 12 << 3];

/// Closes a frame after any number of pieces: an empty raw block with the last flag. The checksum
/// follows it.
pub const LAST_BLOCK: [u8; 3] = [0x01, 0, 0];

/// The header of a raw block of at most 128 KiB that is not the last.
pub fn raw_header(len: u32) -> [u8; 3] {
    let [a, b, c, _] = (len << 3).to_le_bytes();
    [a, b, c]
}

/// The content checksum: the low four bytes of XXH64.
pub fn checksum(xxh64: u64) -> [u8; 4] {
    let [a, b, c, d, ..] = xxh64.to_le_bytes();
    [a, b, c, d]
}

/// Makes pieces: the blocks of every job after the first, which share no history with it.
pub(super) struct Packer {
    context: CCtx<'static>,
    input: Vec<u8>,
    output: Vec<u8>,
}

impl Packer {
    pub(super) fn new(level: u32) -> Self {
        let mut context = CCtx::create();
        let level = i32::try_from(level).expect("a level is small");
        for parameter in [
            CParameter::CompressionLevel(level),
            CParameter::WindowLog(WINDOW_LOG),
            CParameter::ContentSizeFlag(false),
            CParameter::ChecksumFlag(false),
            CParameter::NbWorkers(1),
            CParameter::JobSize(1 << WINDOW_LOG),
            CParameter::OverlapSizeLog(1),
        ] {
            context.set_parameter(parameter).expect("zstd is built with threads");
        }
        Self { context, input: vec![0; BUFFER], output: Vec::new() }
    }

    pub(super) fn pack(&mut self, plain: &mut dyn Read, out: &mut dyn Write) -> io::Result<Sum> {
        self.output.clear();
        let sum = self.frame(plain);
        if sum.is_err() {
            // A context keeps its threads only as long as every frame is ended.
            self.feed(0, ZSTD_EndDirective::ZSTD_e_end)?;
        }
        let sum = sum?;
        // Six bytes of frame header and one byte in a raw block of its own: job 0.
        if self.output.get(6..9) != Some(&raw_header(1)) {
            return Err(io::Error::other("zstd did not flush its first job as a raw block"));
        }
        loosen(&mut self.output, 10)?;
        out.write_all(&self.output[10..])?;
        Ok(sum)
    }

    /// A whole frame into the output buffer: one byte as a job of its own, then the content.
    fn frame(&mut self, plain: &mut dyn Read) -> io::Result<Sum> {
        self.input[0] = 0;
        self.feed(1, ZSTD_EndDirective::ZSTD_e_flush)?;
        let mut sum = Sum::default();
        loop {
            let filled = fill(plain, &mut self.input)?;
            sum = sum.and(Sum::of(&self.input[..filled]));
            if filled < self.input.len() {
                self.feed(filled, ZSTD_EndDirective::ZSTD_e_end)?;
                return Ok(sum);
            }
            self.feed(filled, ZSTD_EndDirective::ZSTD_e_continue)?;
        }
    }

    /// Takes the first `filled` bytes of the input buffer.
    fn feed(&mut self, filled: usize, directive: ZSTD_EndDirective) -> io::Result<()> {
        let mut input = InBuffer::around(&self.input[..filled]);
        loop {
            self.output.reserve(BUFFER);
            let at = self.output.len();
            let mut output = OutBuffer::around_pos(&mut self.output, at);
            let left = self
                .context
                .compress_stream2(&mut output, &mut input, directive)
                .map_err(|code| io::Error::other(zstd_safe::get_error_name(code)))?;
            let done = match directive {
                ZSTD_EndDirective::ZSTD_e_continue => true,
                _ => left == 0,
            };
            if done && input.pos() == filled {
                return Ok(());
            }
        }
    }
}

/// Walks the blocks from `at`, takes the last flag away and drops a final empty block.
fn loosen(frame: &mut Vec<u8>, mut at: usize) -> io::Result<()> {
    let broken = || io::Error::other("zstd made a frame that does not add up");
    loop {
        let header = frame.get(at..at + 3).ok_or_else(broken)?;
        let header = u32::from_le_bytes([header[0], header[1], header[2], 0]);
        let (last, kind, size) = (header & 1, header >> 1 & 3, header >> 3);
        let next = at + 3 + if kind == 1 { 1 } else { size as usize };
        if last == 1 {
            if next != frame.len() {
                return Err(broken());
            }
            if size == 0 {
                frame.truncate(at);
            } else {
                frame[at] &= !1;
            }
            return Ok(());
        }
        at = next;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(len: usize) -> Vec<u8> {
        let mut state = 1_u64;
        let step = |_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            state.to_be_bytes()[0]
        };
        (0..len).map(step).collect()
    }

    #[test]
    fn pieces_in_any_order_are_one_frame() {
        let (text, noise) = (b"all work and no play ".repeat(300_000), noise(300_000));
        let mut packer = Packer::new(3);
        let mut frame = FRAME_HEADER.to_vec();
        frame[4] = 0; // no checksum
        let mut content = Vec::new();
        for part in [&text[..], &noise, &text[7..50_000], b"", &noise[..10], &text] {
            let sum = packer.pack(&mut &*part, &mut frame).unwrap();
            assert_eq!(sum, Sum::of(part));
            content.extend_from_slice(part);
        }
        frame.extend(LAST_BLOCK);
        let mut plain = Vec::with_capacity(content.len() + 1);
        zstd_safe::decompress(&mut plain, &frame).unwrap();
        assert!(plain == content);
    }

    #[test]
    fn a_packer_works_on_after_a_failed_read() {
        struct Fails;
        impl Read for Fails {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other("no"))
            }
        }
        let mut packer = Packer::new(1);
        let mut out = Vec::new();
        assert!(packer.pack(&mut Fails, &mut out).is_err());
        assert!(out.is_empty());
        packer.pack(&mut &b"abc"[..], &mut out).unwrap();
        assert!(!out.is_empty());
    }
}
