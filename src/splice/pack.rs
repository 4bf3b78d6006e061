//! Plain recipe to one gzip member, xz stream or zstd frame with the pieces pasted in.

use std::sync::OnceLock;

use super::{
    Check, Recipe, Segment,
    assemble::{Run, assemble},
    cut::{Part, Section, cut},
};
use crate::{
    codec::{Codec, Packing, Sum},
    memory,
    payload::{self, Bench, Blob, Error, Key, Packed, Packers, Piece, spread},
};

/// Content this short is packed in memory and never kept in the store, in bytes.
const SMALL: u64 = 64 << 10;

/// Packs what a recipe describes. Pieces of larger files come from the store; the rest is packed
/// now, on all threads. The bytes depend on the content and the packing alone.
pub fn pack(plain: &Recipe, packing: Packing, bench: &Bench) -> Result<Recipe, Error> {
    if packing.codec == Codec::None {
        return Ok(plain.clone());
    }
    memory::give_back();
    let parts = cut(plain, packing);
    let zstd = packing.codec == Codec::Zstd;
    let waiting = if zstd { Check::waiting(plain, &parts) } else { None };
    let mut work: Vec<Work> = parts.into_iter().map(Work::Pack).collect();
    // The longest chain goes first, unless it waits for the writer.
    let now = (zstd && waiting.is_none()).then_some(Work::Check(plain));
    work.splice(0..0, now);
    let known = OnceLock::new();
    let runs = spread(&work, bench.threads, |packers, work| match work {
        Work::Check(plain) => {
            let _ = known.set(Check::now(plain)?); // there is one such work
            Ok(None)
        }
        Work::Pack(Part::Section(section)) => {
            pack_section(section, packing, packers, bench).map(Some)
        }
        Work::Pack(Part::Piece(blob, piece)) => {
            pack_piece(blob, *piece, packing, packers, bench).map(Some)
        }
    })?;
    drop(work);
    memory::give_back(); // what the packers had
    let check = waiting.or(known.into_inner());
    Ok(assemble(packing, runs.into_iter().flatten().collect(), check))
}

enum Work<'a> {
    /// The checksum of all the content, in order.
    Check(&'a Recipe),
    Pack(Part<'a>),
}

/// Packs headers and small files together.
fn pack_section(
    section: &Section<'_>,
    packing: Packing,
    packers: &mut Packers,
    bench: &Bench,
) -> Result<Run, Error> {
    if section.len() <= SMALL {
        let (packed, content) = packers.in_memory(packing, &mut section.reader(), section.len())?;
        return Ok(Run { body: Segment::Bytes(packed.into()), content });
    }
    let sha256 = section.reader().sha256()?;
    let key = Key { sha256, at: 0, len: section.len(), packing };
    let packed = bench.packed(&key, packers, || Ok(Box::new(section.reader())))?;
    Ok(run(packed))
}

/// A piece of a larger file: from the store, packed now, or not packed at all.
pub(super) fn pack_piece(
    blob: &Blob,
    piece: Piece,
    packing: Packing,
    packers: &mut Packers,
    bench: &Bench,
) -> Result<Run, Error> {
    let framing = packing.codec.framing();
    if let (true, Some(framing)) = (piece.stored, framing) {
        let facts = blob.facts().expect("only a payload that was ingested has pieces");
        let Piece { at, len, .. } = piece;
        let body = Segment::Stored { blob: blob.clone(), at, len, framing };
        return Ok(Run { body, content: payload::sum(facts, piece) });
    }
    Ok(run(payload::pack_piece(blob, piece, packing, packers, bench)?))
}

fn run(packed: Packed) -> Run {
    Run { content: packed.content, body: packed.into() }
}

impl From<Packed> for Segment {
    fn from(Packed { file, at, packed: Sum { len, crc32 }, .. }: Packed) -> Self {
        Self::Packed { file, at, len, crc32 }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;
    use crate::digest::Want;

    fn noise(len: usize) -> Vec<u8> {
        let mut state = 1_u64;
        let step = |_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            state.to_be_bytes()[0]
        };
        (0..len).map(step).collect()
    }

    fn unpack(codec: Codec, stream: &[u8]) -> Vec<u8> {
        let mut plain = Vec::new();
        match codec {
            Codec::None => plain.extend(stream),
            Codec::Gzip => {
                flate2::read::GzDecoder::new(stream).read_to_end(&mut plain).unwrap();
            }
            Codec::Xz => {
                liblzma::read::XzDecoder::new(stream).read_to_end(&mut plain).unwrap();
            }
            Codec::Zstd => {
                plain.reserve(64 << 20);
                zstd_safe::decompress(&mut plain, stream).unwrap();
            }
        }
        plain
    }

    fn read(recipe: &Recipe) -> Vec<u8> {
        let mut bytes = Vec::new();
        recipe.reader().read_to_end(&mut bytes).unwrap();
        bytes
    }

    /// Headers, a text file and a file that does not shrink, both large enough for pieces.
    fn sample(dir: &std::path::Path) -> (Recipe, [Blob; 2]) {
        let (text, random) = (dir.join("text"), dir.join("random"));
        std::fs::write(&text, "it was the best of times ".repeat(400_000)).unwrap();
        std::fs::write(&random, noise(3_333_333)).unwrap();
        let blobs = [Blob::open(text).unwrap(), Blob::open(random).unwrap()];
        let mut plain = Recipe::default();
        plain.bytes("header".repeat(100));
        plain.blob(&blobs[0]);
        plain.zeros(100);
        plain.bytes("header".repeat(100));
        plain.blob(&blobs[1]);
        plain.zeros(10_000);
        (plain, blobs)
    }

    #[test]
    fn every_codec_unpacks_to_what_was_described() {
        let (dir, bench) = (tempfile::tempdir().unwrap(), Bench::for_tests());
        let (plain, blobs) = sample(dir.path());
        payload::ingest(&blobs, &Codec::ALL.map(Packing::of).into(), Want::Sha256, &bench).unwrap();
        let want = read(&plain);
        for codec in Codec::ALL {
            let packed = pack(&plain, Packing::of(codec), &bench).unwrap();
            assert!(unpack(codec, &read(&packed)) == want, "{codec:?}");
        }
    }

    #[test]
    fn an_empty_recipe_is_an_empty_stream() {
        for codec in Codec::ALL {
            let packed = pack(&Recipe::default(), Packing::of(codec), &Bench::for_tests()).unwrap();
            assert!(unpack(codec, &read(&packed)).is_empty(), "{codec:?}");
        }
    }

    #[test]
    fn the_bytes_do_not_depend_on_the_number_of_threads() {
        let dir = tempfile::tempdir().unwrap();
        let packings = Codec::ALL.map(Packing::of);
        let build = |threads| {
            let (mut bench, (plain, blobs)) = (Bench::for_tests(), sample(dir.path()));
            bench.threads = threads;
            payload::ingest(&blobs, &packings.into(), Want::Sha256, &bench).unwrap();
            packings.map(|packing| read(&pack(&plain, packing, &bench).unwrap()))
        };
        assert!(build(1) == build(3));
    }
}
