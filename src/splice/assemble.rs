//! Packed parts to one gzip member, xz stream or zstd frame.

use super::{Check, Framing, Recipe, Segment};
use crate::codec::{Codec, Packing, Sum, deflate, xz, zstd};

/// A packed part.
pub(super) struct Run {
    /// Packed bytes, without any end marker of the stream.
    pub(super) body: Segment,
    /// What they unpack to.
    pub(super) content: Sum,
}

impl Codec {
    /// How it frames what it does not pack.
    pub(super) fn framing(self) -> Option<Framing> {
        match self {
            Self::None => None,
            Self::Gzip => Some(Framing::Deflate),
            Self::Xz => Some(Framing::Lzma2),
            Self::Zstd => Some(Framing::Zstd),
        }
    }
}

/// One stream of all parts; only zstd has its `check` from elsewhere.
pub(super) fn assemble(packing: Packing, runs: Vec<Run>, check: Option<Check>) -> Recipe {
    match packing.codec {
        Codec::None => {
            let mut recipe = Recipe::default();
            push_all(&mut recipe, runs);
            recipe
        }
        Codec::Gzip => gzip(runs),
        Codec::Xz => xz_stream(packing.level, runs),
        Codec::Zstd => zstd_frame(runs, check.expect("a zstd frame has a checksum")),
    }
}

fn push_all(recipe: &mut Recipe, runs: Vec<Run>) {
    for run in runs {
        recipe.push(run.body);
    }
}

fn gzip(runs: Vec<Run>) -> Recipe {
    let content = runs.iter().fold(Sum::default(), |sum, run| sum.and(run.content));
    let mut recipe = Recipe::default();
    recipe.bytes(deflate::GZIP_HEADER);
    push_all(&mut recipe, runs);
    recipe.bytes([&deflate::END[..], &deflate::gzip_trailer(content)].concat());
    recipe
}

fn zstd_frame(runs: Vec<Run>, check: Check) -> Recipe {
    let mut recipe = Recipe::default();
    recipe.bytes(zstd::FRAME_HEADER);
    push_all(&mut recipe, runs);
    if let Some(known) = check.known() {
        recipe.bytes([&zstd::LAST_BLOCK[..], &known].concat());
    } else {
        recipe.bytes(zstd::LAST_BLOCK);
        recipe.push(Segment::Check(check.into()));
    }
    recipe
}

/// Every run is a block: header, chunks, end marker, padding, check.
fn xz_stream(level: u32, runs: Vec<Run>) -> Recipe {
    let (mut recipe, mut blocks) = (Recipe::default(), Vec::with_capacity(runs.len()));
    let mut between = xz::STREAM_HEADER.to_vec();
    for Run { body, content } in runs {
        let dictionary = match &body {
            Segment::Stored { .. } => xz::STORED_DICTIONARY,
            _ => xz::dictionary(level, content.len),
        };
        let packed = body.len() + xz::END.len() as u64;
        let header = xz::block_header(packed, content.len, dictionary);
        blocks.push(xz::Block {
            unpadded: header.len() as u64 + packed + xz::CHECK,
            plain: content.len,
        });
        between.extend(header);
        recipe.bytes(std::mem::take(&mut between));
        recipe.push(body);
        between.extend(xz::END);
        between.extend(xz::block_end(packed, content));
    }
    between.extend(xz::stream_end(&blocks));
    recipe.bytes(between);
    recipe
}
