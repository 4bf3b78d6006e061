//! One pass over what a recipe describes: what is read of stored content goes to the checksum of its
//! frame, too, on another thread.

use std::{
    io::IoSlice,
    sync::Arc,
    thread::{self, Scope},
};

use sha2::{Digest as _, Sha256};

use super::{Check, Framing, Reader, Recipe, Segment, check::Beside};
use crate::{
    codec::Sum,
    digest::{Digest, Sha256Digest},
    payload::{self, Blob, CHUNK, Error},
};

/// Bytes gathered for one call of a sink.
const BATCH: usize = 1 << 20;

/// Where the bytes go, front to back.
pub(super) trait Sink: Send {
    /// Takes the next bytes.
    fn take(&mut self, slices: &mut [IoSlice<'_>]) -> Result<(), Error>;
}

/// Gives a sink everything that a recipe describes.
pub(super) fn recipe(recipe: &Recipe, sink: &mut impl Sink) -> Result<(), Error> {
    thread::scope(|scope| Pass { sink }.recipe(recipe, scope))
}

/// What is known of a file before it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digested {
    /// SHA-256.
    pub sha256: Sha256Digest,
    /// Length and CRC-32.
    pub sum: Sum,
}

/// Reads everything that a recipe describes, for its digests.
pub(super) fn digest(of: &Recipe) -> Result<Digested, Error> {
    let mut hashes = Hashes::default();
    recipe(of, &mut hashes)?;
    let Hashes { sha256, crc32 } = hashes;
    let sum = Sum { len: of.len(), crc32: crc32.finalize() };
    Ok(Digested { sha256: Digest(sha256.finalize().into()), sum })
}

#[derive(Default)]
struct Hashes {
    sha256: Sha256,
    crc32: crc32fast::Hasher,
}

impl Sink for Hashes {
    fn take(&mut self, slices: &mut [IoSlice<'_>]) -> Result<(), Error> {
        for slice in slices {
            self.sha256.update(&**slice);
            self.crc32.update(slice);
        }
        Ok(())
    }
}

/// Whether a chunk is a whole number of blocks. Deflate's 65,535 bytes go across chunks.
fn cuts_chunks(framing: Framing) -> bool {
    CHUNK.is_multiple_of(framing.block())
}

/// A pass on its way.
struct Pass<'a, S> {
    sink: &'a mut S,
}

impl<S: Sink> Pass<'_, S> {
    fn recipe<'s, 'r: 's>(
        &mut self,
        recipe: &'r Recipe,
        scope: &'s Scope<'s, '_>,
    ) -> Result<(), Error> {
        let mut beside = lone_check(recipe).map(|check| Beside::start(scope, check));
        let (mut rest, mut chunks) = (recipe.segments(), Vec::new());
        while let Some((segment, later)) = rest.split_first() {
            match segment {
                Segment::Check(_) => {
                    beside.take().map_or(Ok(()), Beside::finish)?;
                    self.segments(std::slice::from_ref(segment))?;
                    rest = later;
                }
                Segment::Stored { blob, at, len, framing } if cuts_chunks(*framing) => {
                    self.stored((blob, *at, *len), *framing, &mut chunks, beside.as_mut())?;
                    rest = later;
                }
                _ => {
                    let special = |segment: &&Segment| match segment {
                        Segment::Stored { framing, .. } => cuts_chunks(*framing),
                        segment => matches!(segment, Segment::Check(_)),
                    };
                    let count = 1 + later.iter().take_while(|segment| !special(segment)).count();
                    let (now, later) = rest.split_at(count);
                    self.segments(now)?;
                    rest = later;
                }
            }
        }
        Ok(())
    }

    /// Segments of any kind.
    fn segments(&mut self, segments: &[Segment]) -> Result<(), Error> {
        let mut reader = Reader::within(segments, 0, segments.iter().map(Segment::len).sum());
        let mut batch = Vec::with_capacity(BATCH);
        loop {
            let ready = reader.ready()?;
            let len = ready.len().min(BATCH - batch.len());
            batch.extend_from_slice(&ready[..len]);
            reader.advance(len);
            if batch.len() == BATCH || len == 0 {
                self.sink.take(&mut [IoSlice::new(&batch)])?;
                batch.clear();
            }
            if len == 0 {
                return Ok(());
            }
        }
    }

    /// Content that does not shrink, with a header before every block. What is read of it goes to
    /// the checksum, too.
    fn stored(
        &mut self,
        (blob, at, len): (&Blob, u64, u64),
        framing: Framing,
        chunks: &mut Vec<Arc<Vec<u8>>>,
        mut beside: Option<&mut Beside<'_>>,
    ) -> Result<(), Error> {
        let source = payload::open(blob)?;
        let start = beside.as_mut().map_or(0, |beside| beside.begin());
        let (mut next, end) = (at, at + len);
        while next < end {
            let chunk = unused(chunks);
            let buffer = Arc::get_mut(chunk).expect("nobody else has it");
            source.copy_chunk(next / CHUNK, buffer)?;
            let first = narrow(next % CHUNK);
            let range = first..chunk.len().min(first + narrow((end - next).min(CHUNK)));
            if let Some(beside) = &beside {
                beside.hand(start + (next - at), chunk, range.clone());
            }
            self.blocks(&chunk[range.clone()], framing, next == at)?;
            next += range.len() as u64;
        }
        Ok(())
    }

    /// Blocks of content; `first` if nothing is before them.
    fn blocks(&mut self, content: &[u8], framing: Framing, first: bool) -> Result<(), Error> {
        let blocks = content.chunks(narrow(framing.block()));
        let header = |(index, block): (usize, &[u8])| {
            let len = u32::try_from(block.len()).expect("a block is at most 128 KiB");
            framing.encode(len, first && index == 0)
        };
        let headers: Vec<_> = blocks.clone().enumerate().map(header).collect();
        let both = headers.iter().zip(blocks);
        let mut slices: Vec<_> =
            both.flat_map(|(header, block)| [IoSlice::new(header), IoSlice::new(block)]).collect();
        self.sink.take(&mut slices)
    }
}

/// The checksum that waits for the writer. Of several the first is computed on its own.
pub(super) fn lone_check(recipe: &Recipe) -> Option<&Check> {
    let checks = recipe.segments().iter().filter_map(|segment| match segment {
        Segment::Check(check) if check.waits() => Some(&**check),
        _ => None,
    });
    let checks: Vec<_> = checks.collect();
    if let [check] = checks[..] { Some(check) } else { None }
}

/// A chunk that nobody hashes any more.
fn unused(chunks: &mut Vec<Arc<Vec<u8>>>) -> &mut Arc<Vec<u8>> {
    let free = chunks.iter_mut().position(|chunk| Arc::get_mut(chunk).is_some());
    let free = free.unwrap_or_else(|| {
        chunks.push(Arc::default());
        chunks.len() - 1
    });
    &mut chunks[free]
}

/// A length inside of a chunk.
fn narrow(len: u64) -> usize {
    usize::try_from(len).expect("at most a chunk")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Digests;

    #[test]
    fn a_recipe_is_digested_as_it_reads() {
        let mut recipe = Recipe::default();
        recipe.bytes("head");
        recipe.zeros(100_000);
        recipe.bytes("tail");
        let content = [&b"head"[..], &vec![0; 100_000], b"tail"].concat();
        let (want, is) = (Digests::of(&content), digest(&recipe).unwrap());
        assert_eq!((is.sha256, is.sum.crc32, is.sum.len), (want.sha256, want.crc32, want.len));
    }
}
