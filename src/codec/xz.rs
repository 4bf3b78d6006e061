//! LZMA2 pieces, and the xz stream of many blocks around them.
//!
//! Format: "The .xz File Format" 1.2.1; LZMA2 chunks: `docs/formats/compression.md`, section 4.

use std::io::{self, Read, Write};

use liblzma::stream::{Action, Filters, LzmaOptions, Status, Stream};

use super::{BUFFER, Sum, fill};

/// The start of a stream whose blocks end in a CRC-32.
pub const STREAM_HEADER: [u8; 12] = [0xfd, b'7', b'z', b'X', b'Z', 0, 0, 1, 0x69, 0x22, 0xde, 0x36];

/// Ends the LZMA2 chunks of a block.
pub const END: [u8; 1] = [0];

/// Length of the check that ends a block, in bytes.
pub const CHECK: u64 = 4;

/// What the index says of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    /// Header, packed content and check, without padding, in bytes.
    pub unpadded: u64,
    /// Length of the content, in bytes.
    pub plain: u64,
}

/// The header of a block whose LZMA2 data are `packed` bytes long, end marker included.
///
/// | size | field                                                        |
/// |-----:|--------------------------------------------------------------|
/// |    1 | length of the header / 4 - 1                                 |
/// |    1 | flags: one filter, both lengths present                      |
/// |  1-9 | packed length, varint                                        |
/// |  1-9 | plain length, varint                                         |
/// |    3 | LZMA2, one byte of properties, size of the dictionary        |
/// |  0-3 | zeros                                                        |
/// |    4 | CRC-32 of all that, little-endian                            |
pub fn block_header(packed: u64, plain: u64, dictionary: u32) -> Vec<u8> {
    let mut header = vec![0, 0xc0];
    varint(packed, &mut header);
    varint(plain, &mut header);
    header.extend([0x21, 0x01, dictionary_byte(dictionary)]);
    header.resize(header.len().next_multiple_of(4), 0);
    header[0] = u8::try_from(header.len() / 4).expect("a header is short");
    let crc = crc32fast::hash(&header);
    header.extend(crc.to_le_bytes());
    header
}

/// What follows the data of a block: padding and check.
pub fn block_end(packed: u64, content: Sum) -> Vec<u8> {
    let mut end = padding(packed);
    end.extend(content.crc32.to_le_bytes());
    end
}

/// The index and the footer that end a stream.
pub fn stream_end(blocks: &[Block]) -> Vec<u8> {
    let mut end = vec![0];
    varint(blocks.len() as u64, &mut end);
    for block in blocks {
        varint(block.unpadded, &mut end);
        varint(block.plain, &mut end);
    }
    end.extend(padding(end.len() as u64));
    let crc = crc32fast::hash(&end);
    end.extend(crc.to_le_bytes());
    let words = u32::try_from(end.len() / 4 - 1).expect("an index is shorter than 16 GiB");
    let mut footer = words.to_le_bytes().to_vec();
    footer.extend([0, 1]); // the flags of the header
    end.extend(crc32fast::hash(&footer).to_le_bytes());
    end.extend(footer);
    end.extend(*b"YZ");
    end
}

/// The header of a stored chunk of at most 64 KiB. The first one of a block resets the dictionary.
pub fn stored_header(len: u32, first: bool) -> [u8; 3] {
    let [a, b] = u16::try_from(len - 1).expect("a chunk is at most 64 KiB").to_be_bytes();
    [if first { 1 } else { 2 }, a, b]
}

/// The dictionary of a block of stored chunks, in bytes: the smallest there is.
pub const STORED_DICTIONARY: u32 = 4 << 10;

/// The dictionary for a piece of `len` bytes: the level's own, or less for a short piece.
pub fn dictionary(level: u32, len: u64) -> u32 {
    let log = [18, 20, 21, 22, 22, 23, 23, 24, 25, 26][level.min(9) as usize];
    let enough = u32::try_from(len.next_power_of_two()).unwrap_or(u32::MAX);
    enough.clamp(64 << 10, 1 << log)
}

/// Powers of two only: 4 KiB is 0, 64 KiB is 8.
fn dictionary_byte(size: u32) -> u8 {
    u8::try_from((size.trailing_zeros() - 12) * 2).expect("a logarithm is small")
}

/// Seven bits per byte, low ones first.
fn varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    out.push(value.to_le_bytes()[0]);
}

/// Zeros up to a multiple of four.
fn padding(len: u64) -> Vec<u8> {
    let over = [0, 3, 2, 1][usize::from(len.to_le_bytes()[0] & 3)];
    vec![0; over]
}

/// Makes pieces: LZMA2 chunks without an end marker.
pub(super) struct Packer {
    level: u32,
    input: Vec<u8>,
    output: Vec<u8>,
}

impl Packer {
    pub(super) fn new(level: u32) -> Self {
        Self { level, input: vec![0; BUFFER], output: vec![0; BUFFER] }
    }

    pub(super) fn pack(
        &mut self,
        plain: &mut dyn Read,
        len: u64,
        out: &mut dyn Write,
    ) -> io::Result<Sum> {
        let mut options = LzmaOptions::new_preset(self.level)?;
        options.dict_size(dictionary(self.level, len));
        let mut stream = Stream::new_raw_encoder(Filters::new().lzma2(&options))?;
        let (mut sum, out) = (Sum::default(), &mut WithoutEnd { out, held: None });
        loop {
            let filled = fill(plain, &mut self.input)?;
            sum = sum.and(Sum::of(&self.input[..filled]));
            if filled < self.input.len() {
                self.step(&mut stream, filled, Action::Finish, out)?;
                return match out.held {
                    Some(0) => Ok(sum),
                    _ => Err(io::Error::other("liblzma did not end its chunks with a zero")),
                };
            }
            self.step(&mut stream, filled, Action::Run, out)?;
        }
    }

    /// Takes the first `filled` bytes of the input buffer and writes what comes out.
    fn step(
        &mut self,
        stream: &mut Stream,
        filled: usize,
        action: Action,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let mut taken = 0;
        loop {
            let before = (stream.total_in(), stream.total_out());
            let status = stream.process(&self.input[taken..filled], &mut self.output, action)?;
            taken += small(stream.total_in() - before.0);
            out.write_all(&self.output[..small(stream.total_out() - before.1)])?;
            let done = match action {
                Action::Finish => status == Status::StreamEnd,
                _ => taken == filled,
            };
            if done {
                return Ok(());
            }
        }
    }
}

/// Holds the last byte back: the end marker.
struct WithoutEnd<'a> {
    out: &'a mut dyn Write,
    held: Option<u8>,
}

impl Write for WithoutEnd<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Some((last, before)) = bytes.split_last() {
            if let Some(held) = self.held.replace(*last) {
                self.out.write_all(&[held])?;
            }
            self.out.write_all(before)?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// A length that is no larger than a buffer.
fn small(len: u64) -> usize {
    usize::try_from(len).expect("no longer than a buffer")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(content: &[u8], out: &mut Vec<u8>) -> Block {
        let mut packed = Vec::new();
        let len = content.len() as u64;
        let sum = Packer::new(6).pack(&mut &*content, len, &mut packed).unwrap();
        assert_eq!(sum, Sum::of(content));
        packed.extend(END);
        let header = block_header(packed.len() as u64, len, dictionary(6, len));
        let unpadded = (header.len() + packed.len() + 4) as u64;
        out.extend(header);
        out.extend(&packed);
        out.extend(block_end(packed.len() as u64, sum));
        Block { unpadded, plain: len }
    }

    #[test]
    fn blocks_with_an_index_are_one_stream() {
        let content = b"some words, and some more words; ".repeat(50_000);
        let (first, second) = content.split_at(999_999);
        let mut stream = STREAM_HEADER.to_vec();
        let blocks = [block(first, &mut stream), block(second, &mut stream)];
        stream.extend(stream_end(&blocks));
        let mut plain = Vec::new();
        liblzma::read::XzDecoder::new(&stream[..]).read_to_end(&mut plain).unwrap();
        assert!(plain == content);
    }

    #[test]
    fn a_stream_of_no_blocks_is_empty() {
        let stream = [&STREAM_HEADER[..], &stream_end(&[])].concat();
        let mut plain = Vec::new();
        liblzma::read::XzDecoder::new(&stream[..]).read_to_end(&mut plain).unwrap();
        assert!(plain.is_empty());
    }

    #[test]
    fn the_dictionary_is_no_larger_than_the_piece_needs() {
        assert_eq!(dictionary(6, 100 << 20), 8 << 20);
        assert_eq!(dictionary(6, 1 << 20), 1 << 20);
        assert_eq!(dictionary(6, 1), 64 << 10);
        assert_eq!(dictionary_byte(8 << 20), 22);
    }
}
