//! Follows the LZMA2 chunks of an xz stream, for what a decoder does not tell.
//!
//! A stored chunk may reset the dictionary (control byte 1) or not (2). Where nothing refers back,
//! both decode alike, and no checksum covers the byte. liblzma and pkggen reset the dictionary once,
//! at the start of a block.

/// The place in a stream that was checked by liblzma before: nothing here can be malformed in a way
/// that matters.
#[derive(Debug)]
pub(super) struct Chunks {
    /// Bytes to pass over before `next`.
    skip: u64,
    next: Next,
    /// Length of a block's check, in bytes.
    check: u64,
    /// Packed bytes of the block so far.
    packed: u64,
    /// Whether the block has had no chunk yet.
    first: bool,
    /// Dictionary resets after the first chunk of a block.
    pub(super) resets: u64,
}

#[derive(Debug)]
enum Next {
    /// The size of a block header, or the index.
    Block,
    /// A control byte.
    Chunk,
    /// Sizes and properties, these many bytes of them; the control byte comes first.
    Sizes(usize, Vec<u8>),
    /// Nothing more matters.
    Index,
}

impl Chunks {
    /// At the start of a stream whose flags name this kind of check.
    pub(super) fn new(check: u8) -> Self {
        const SIZES: [u64; 16] = [0, 4, 4, 4, 8, 8, 8, 16, 16, 16, 32, 32, 32, 64, 64, 64];
        let check = SIZES[usize::from(check & 15)];
        Self { skip: 12, next: Next::Block, check, packed: 0, first: true, resets: 0 }
    }

    /// Takes the next bytes of the stream.
    pub(super) fn feed(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() && !matches!(self.next, Next::Index) {
            let skip = usize::try_from(self.skip).unwrap_or(usize::MAX).min(bytes.len());
            self.skip -= skip as u64;
            bytes = &bytes[skip..];
            if let Some((&byte, rest)) = bytes.split_first() {
                self.byte(byte);
                bytes = rest;
            }
        }
    }

    fn byte(&mut self, byte: u8) {
        self.next = match std::mem::replace(&mut self.next, Next::Index) {
            Next::Block if byte == 0 => Next::Index,
            Next::Block => {
                // The real size is (byte + 1) * 4.
                (self.skip, self.packed, self.first) = (u64::from(byte) * 4 + 3, 0, true);
                Next::Chunk
            }
            Next::Chunk if byte == 0 => {
                self.packed += 1;
                self.skip = self.packed.next_multiple_of(4) - self.packed + self.check;
                Next::Block
            }
            Next::Chunk => {
                self.resets += u64::from(!self.first && (byte == 1 || byte >= 0xe0));
                self.first = false;
                let count = match byte {
                    0xc0.. => 6,
                    0x80.. => 5,
                    _ => 3,
                };
                Next::Sizes(count, vec![byte])
            }
            Next::Sizes(count, mut bytes) => {
                bytes.push(byte);
                if bytes.len() < count {
                    Next::Sizes(count, bytes)
                } else {
                    self.chunk(&bytes);
                    Next::Chunk
                }
            }
            Next::Index => Next::Index,
        }
    }

    /// A chunk's whole header: control, plain size, packed size unless it is stored, properties.
    fn chunk(&mut self, header: &[u8]) {
        let size = if header[0] < 0x80 { [header[1], header[2]] } else { [header[3], header[4]] };
        self.skip = u64::from(u16::from_be_bytes(size)) + 1;
        self.packed += header.len() as u64 + self.skip;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A stream of one block with a check of 4 bytes and these chunks; the rest does not matter.
    fn resets(chunks: &[&[u8]], step: usize) -> u64 {
        let mut data = chunks.concat();
        data.push(0);
        data.resize(data.len().next_multiple_of(4), 0);
        let block = [&[2; 12][..], &data, &[0xaa; 4]].concat();
        let stream = [&[0; 12][..], &block, &block, &[0, 1, 1, 1, 1]].concat();
        let mut followed = Chunks::new(1);
        stream.chunks(step).for_each(|bytes| followed.feed(bytes));
        assert!(matches!(followed.next, Next::Index), "it ends in the index");
        followed.resets
    }

    #[test]
    fn a_reset_after_the_first_chunk_is_counted_in_every_block() {
        let (stored, more): (&[u8], &[u8]) = (&[1, 0, 1, 9, 9], &[2, 0, 0, 9]);
        let (packed, again) = ([0xe0, 0, 9, 0, 1, 93, 9, 9], [0x80, 0, 9, 0, 0, 9]);
        for step in [1, 3, 1000] {
            assert_eq!(resets(&[stored, more, more, &again], step), 0);
            assert_eq!(resets(&[&packed, &again, more], step), 0);
            assert_eq!(resets(&[stored, more, stored], step), 2);
            assert_eq!(resets(&[&packed, stored, &packed], step), 4);
        }
    }
}
