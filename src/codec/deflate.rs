//! Deflate pieces that end in a full flush, and the gzip member around them.
//!
//! Format: RFC 1951, RFC 1952.

use std::io::{self, Read, Write};

use flate2::{Compress, Compression, FlushCompress};

use super::{BUFFER, Sum, fill};
use crate::bytes::Record;

/// Ends a deflate stream after any number of pieces: an empty final block.
pub const END: [u8; 2] = [0x03, 0x00];

/// The header of a gzip member: no name, no time, no system.
pub const GZIP_HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];

/// The end of a gzip member. Numbers are little-endian.
///
/// | offset | size | field                     |
/// |-------:|-----:|---------------------------|
/// |      0 |    4 | CRC-32 of the content     |
/// |      4 |    4 | its length, modulo 2^32   |
pub fn gzip_trailer(content: Sum) -> [u8; 8] {
    // The format keeps only the low 32 bits of the length.
    let [a, b, c, d, ..] = content.len.to_le_bytes();
    Record::little().u32(content.crc32).raw(&[a, b, c, d]).finish()
}

/// Makes pieces: deflate blocks closed by a full flush.
pub(super) struct Packer {
    deflate: Compress,
    input: Vec<u8>,
    output: Vec<u8>,
}

impl Packer {
    pub(super) fn new(level: u32) -> Self {
        let deflate = Compress::new(Compression::new(level), false);
        Self { deflate, input: vec![0; BUFFER], output: vec![0; BUFFER] }
    }

    pub(super) fn pack(&mut self, plain: &mut dyn Read, out: &mut dyn Write) -> io::Result<Sum> {
        self.deflate.reset();
        let mut sum = Sum::default();
        loop {
            let filled = fill(plain, &mut self.input)?;
            sum = sum.and(Sum::of(&self.input[..filled]));
            if filled < self.input.len() {
                self.step(filled, FlushCompress::Full, out)?;
                return Ok(sum);
            }
            self.step(filled, FlushCompress::None, out)?;
        }
    }

    /// Takes the first `filled` bytes of the input buffer and writes what comes out.
    fn step(&mut self, filled: usize, flush: FlushCompress, out: &mut dyn Write) -> io::Result<()> {
        let mut taken = 0;
        loop {
            let before = (self.deflate.total_in(), self.deflate.total_out());
            self.deflate
                .compress(&self.input[taken..filled], &mut self.output, flush)
                .map_err(io::Error::other)?;
            taken += small(self.deflate.total_in() - before.0);
            let made = small(self.deflate.total_out() - before.1);
            out.write_all(&self.output[..made])?;
            if taken == filled && made < self.output.len() {
                return Ok(());
            }
        }
    }
}

/// A length that is no larger than a buffer.
fn small(len: u64) -> usize {
    usize::try_from(len).expect("no longer than a buffer")
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    fn piece(content: &[u8]) -> Vec<u8> {
        let mut packed = Vec::new();
        let sum = Packer::new(6).pack(&mut &*content, &mut packed).unwrap();
        assert_eq!(sum, Sum::of(content));
        packed
    }

    #[test]
    fn pieces_and_a_trailer_are_one_gzip_member() {
        let content = b"hello hello hello hello".repeat(100_000);
        let (first, second) = content.split_at(1_000_001);
        let whole = [&GZIP_HEADER[..], &piece(first), &piece(second), &END];
        let whole = [whole.concat(), gzip_trailer(Sum::of(&content)).to_vec()].concat();
        let mut plain = Vec::new();
        flate2::read::GzDecoder::new(&whole[..]).read_to_end(&mut plain).unwrap();
        assert!(plain == content);
    }

    #[test]
    fn a_piece_ends_on_a_byte_boundary() {
        assert!(piece(b"abc").ends_with(&[0, 0, 0xff, 0xff]));
    }

    #[test]
    fn a_packer_forgets_what_it_packed_before() {
        let mut packer = Packer::new(9);
        let mut run = |content: &[u8]| {
            let mut out = Vec::new();
            packer.pack(&mut &*content, &mut out).unwrap();
            out
        };
        let first = run(b"one piece of content");
        run(&vec![7; 100_000]);
        assert_eq!(run(b"one piece of content"), first);
    }
}
