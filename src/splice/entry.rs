//! A payload as the data of a zip entry.

use super::{Recipe, pack::pack_piece};
use crate::{
    codec::{Codec, Packing, deflate},
    payload::{Bench, Blob, Error, Packers, has_pieces, open, pieces, spread},
};

/// Packed bytes this short stay in memory, longer ones go to disk, in bytes.
const IN_MEMORY: usize = 1 << 10;

/// The data of a zip entry.
#[derive(Clone, Debug)]
pub struct Deflated {
    /// The data as it stands in the archive.
    pub recipe: Recipe,
    /// CRC-32 of the content.
    pub crc32: u32,
    /// Length of the content, in bytes.
    pub len: u64,
    /// Method 0 rather than 8: packing would not pay.
    pub stored: bool,
}

/// Packs one payload. Pieces are shared with gzip streams of the same level; level 0 only stores.
pub fn pack_entry(blob: &Blob, level: u32, bench: &Bench) -> Result<Deflated, Error> {
    entry(blob, level, &mut Packers::default(), bench)
}

/// Packs many payloads on all threads.
pub fn pack_entries(blobs: &[Blob], level: u32, bench: &Bench) -> Result<Vec<Deflated>, Error> {
    spread(blobs, bench.threads, |packers, blob| entry(blob, level, packers, bench))
}

fn entry(blob: &Blob, level: u32, packers: &mut Packers, bench: &Bench) -> Result<Deflated, Error> {
    let packing = Packing { codec: Codec::Gzip, level };
    let packed = match level {
        0 => None,
        _ if has_pieces(blob, packing) => by_piece(blob, packing, packers, bench)?,
        _ => whole(blob, packing, packers, bench)?,
    };
    let mut stored = Recipe::default();
    stored.blob(blob);
    let (recipe, stored) = match packed {
        Some(recipe) if recipe.len() < blob.len() => (recipe, false),
        _ => (stored, true),
    };
    Ok(Deflated { recipe, crc32: blob.digests().crc32, len: blob.len(), stored })
}

/// `None` if no piece shrinks.
fn by_piece(
    blob: &Blob,
    packing: Packing,
    packers: &mut Packers,
    bench: &Bench,
) -> Result<Option<Recipe>, Error> {
    let pieces = pieces(blob.facts().expect("it has pieces"), packing);
    if pieces.iter().all(|piece| piece.stored) {
        return Ok(None);
    }
    let mut recipe = Recipe::default();
    for piece in pieces {
        recipe.push(pack_piece(blob, piece, packing, packers, bench)?.body);
    }
    recipe.bytes(deflate::END);
    Ok(Some(recipe))
}

/// A small file in one go.
fn whole(
    blob: &Blob,
    packing: Packing,
    packers: &mut Packers,
    bench: &Bench,
) -> Result<Option<Recipe>, Error> {
    let mut source = open(blob)?;
    let (mut packed, content) = packers.in_memory(packing, &mut source, blob.len())?;
    packed.extend(deflate::END);
    if packed.len() as u64 >= blob.len() {
        return Ok(None);
    }
    let mut recipe = Recipe::default();
    if packed.len() <= IN_MEMORY {
        recipe.bytes(packed);
    } else {
        recipe.push(bench.keep(&packed, content)?.into());
    }
    Ok(Some(recipe))
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn an_entry_is_one_deflate_stream() {
        let content = b"to be or not to be ".repeat(10_000);
        let blob = Blob::from_bytes(content.clone());
        let entry = pack_entry(&blob, 9, &Bench::for_tests()).unwrap();
        let (mut packed, mut plain) = (Vec::new(), Vec::new());
        entry.recipe.reader().read_to_end(&mut packed).unwrap();
        flate2::read::DeflateDecoder::new(&packed[..]).read_to_end(&mut plain).unwrap();
        assert!(plain == content && !entry.stored);
        assert_eq!((entry.len, entry.crc32), (content.len() as u64, crc32fast::hash(&content)));
    }

    #[test]
    fn what_does_not_shrink_is_stored() {
        let bench = Bench::for_tests();
        let entry = pack_entry(&Blob::from_bytes("a"), 9, &bench).unwrap();
        assert!(entry.stored && entry.recipe.len() == 1);
        assert!(pack_entry(&Blob::from_bytes([0; 100]), 0, &bench).unwrap().stored);
    }
}
