//! How a payload is cut: a function of its content and the packing alone, never of the machine.

use std::io::{Read, Seek as _, SeekFrom};

use super::{Bench, Blob, CHUNK, Chunk, Error, Facts, Key, Packed, Packers, open};
use crate::codec::{Codec, Packing, Sum};

/// A range of a payload that is packed by itself or not at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Where it starts, in bytes; a multiple of [`CHUNK`].
    pub at: u64,
    /// How long it is, in bytes.
    pub len: u64,
    /// Packing would not pay.
    pub stored: bool,
}

/// Cuts a payload into runs of chunks that shrink and runs that do not; the former into pieces of
/// about equal length, so that they keep all threads busy to the end.
pub fn pieces(facts: &Facts, packing: Packing) -> Vec<Piece> {
    let stored: Vec<_> = facts.chunks().map(|chunk| chunk.stored).collect();
    let smoothed = smoothed(stored, packing);
    let (mut pieces, mut first) = (Vec::new(), 0);
    for run in smoothed.chunk_by(|one, next| one == next) {
        let stored = run[0];
        let longest = match packing.codec {
            // Readers unpack blocks in parallel, whole ones in memory.
            Codec::Xz => packing.piece() / CHUNK,
            _ if stored => u64::MAX,
            _ => packing.piece() / CHUNK,
        };
        let chunks = run.len() as u64;
        let step = chunks.div_ceil(chunks.div_ceil(longest));
        for chunk in (first..first + chunks).step_by(narrow(step)) {
            let at = chunk * CHUNK;
            let end = (chunk + step).min(first + chunks) * CHUNK;
            pieces.push(Piece { at, len: end.min(facts.digests.len) - at, stored });
        }
        first += chunks;
    }
    pieces
}

/// A count of chunks.
fn narrow(count: u64) -> usize {
    usize::try_from(count).expect("as many as there are chunks")
}

/// Shortest payload that is stored by itself when none of it shrinks, in bytes.
const STORED_ALONE: u64 = 256 << 10;

/// Whether a payload is cut into pieces of its own rather than packed with its neighbours.
pub fn has_pieces(blob: &Blob, packing: Packing) -> bool {
    let all_stored = |facts: &Facts| facts.chunks().all(|chunk| chunk.stored);
    packing.codec != Codec::None
        && blob.path().is_some()
        && blob.facts().is_some_and(|facts| {
            blob.len() >= packing.alone() || blob.len() >= STORED_ALONE && all_stored(facts)
        })
}

/// A packed piece of a payload: from the store, or packed now.
pub fn pack_piece(
    blob: &Blob,
    piece: Piece,
    packing: Packing,
    packers: &mut Packers,
    bench: &Bench,
) -> Result<Packed, Error> {
    bench.packed(&piece.key(blob, packing), packers, || {
        let mut source = open(blob)?;
        source.seek(SeekFrom::Start(piece.at)).expect("a payload can be read from anywhere");
        Ok(Box::new(source.take(piece.len)))
    })
}

impl Piece {
    /// What the store knows it by, once the payload's digests are known.
    pub(super) fn key(self, blob: &Blob, packing: Packing) -> Key {
        Key { sha256: blob.digests().sha256, at: self.at, len: self.len, packing }
    }
}

/// Short runs that do not shrink are packed with what is around them: a packer loses more by
/// starting anew than stored bytes save in time.
fn smoothed(mut smoothed: Vec<bool>, packing: Packing) -> Vec<bool> {
    let short = match packing.codec {
        Codec::Xz => 4,
        _ => 2,
    };
    let mut start = 0;
    while start < smoothed.len() {
        let run = smoothed[start..].iter().take_while(|stored| **stored == smoothed[start]).count();
        let inside = start > 0 && start + run < smoothed.len();
        if smoothed[start] && inside && run < short {
            smoothed[start..start + run].fill(false);
        }
        start += run;
    }
    smoothed
}

/// Length and CRC-32 of a range that starts and ends at chunks, from what is known.
pub fn sum(facts: &Facts, piece: Piece) -> Sum {
    let first = narrow(piece.at / CHUNK);
    let (mut sum, mut left) = (Sum::default(), piece.len);
    for index in first.. {
        let Some(Chunk { crc32, .. }) = facts.chunk(index).filter(|_| left > 0) else { break };
        let len = left.min(CHUNK);
        left -= len;
        sum = sum.and(Sum { len, crc32 });
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{digest::Digests, payload::Blob};

    fn facts(pattern: &str) -> Facts {
        let len = pattern.len() as u64 * CHUNK - 1;
        let chunk = |chunk| Chunk { crc32: 0, stored: chunk == 's' };
        Facts::new(Digests { len, ..Digests::of(b"") }, pattern.chars().map(chunk).collect())
    }

    fn cut(pattern: &str, codec: Codec) -> Vec<(u64, bool)> {
        let pieces = pieces(&facts(pattern), Packing::of(codec));
        let len: u64 = pieces.iter().map(|piece| piece.len).sum();
        assert_eq!(len, pattern.len() as u64 * CHUNK - 1);
        pieces.iter().map(|piece| (piece.at / CHUNK, piece.stored)).collect()
    }

    #[test]
    fn runs_that_do_not_shrink_are_pieces_of_their_own() {
        assert_eq!(cut("ppsssspp", Codec::Zstd), [(0, false), (2, true), (6, false)]);
        assert_eq!(cut("ssssssssssss", Codec::Gzip), [(0, true)]);
    }

    #[test]
    fn long_runs_are_cut_at_the_size_of_a_piece() {
        assert_eq!(cut("ppppppppp", Codec::Zstd), [(0, false), (3, false), (6, false)]);
        assert_eq!(cut(&"s".repeat(25), Codec::Xz), [(0, true), (13, true)]);
    }

    #[test]
    fn a_short_run_that_does_not_shrink_is_packed_with_its_neighbours() {
        assert_eq!(cut("psp", Codec::Zstd), [(0, false)]);
        assert_eq!(cut("psssp", Codec::Xz), [(0, false)]);
        assert_eq!(cut("sppp", Codec::Zstd), [(0, true), (1, false)]);
    }

    #[test]
    fn the_sum_of_a_piece_is_combined_from_its_chunks() {
        let content = vec![5; 2_500_000];
        let blob = Blob::from_bytes(content.clone());
        let piece = Piece { at: CHUNK, len: 1_451_424, stored: true };
        assert_eq!(sum(blob.facts().unwrap(), piece), Sum::of(&content[1 << 20..]));
    }
}
