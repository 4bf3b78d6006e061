//! Cuts a plain recipe into parts that are packed by themselves. Where it cuts depends on the
//! content and the packing alone.

use super::{Reader, Recipe, Segment};
use crate::{
    codec::{Codec, Packing},
    payload::{Blob, Piece, has_pieces, pieces},
};

/// A part of a packed stream.
pub(super) enum Part<'a> {
    /// Headers, padding and small files, packed together.
    Section(Section<'a>),
    /// A piece of a larger file.
    Piece(Blob, Piece),
}

impl Part<'_> {
    /// How long it is before it is packed, in bytes.
    pub(super) fn len(&self) -> u64 {
        match self {
            Self::Section(section) => section.len,
            Self::Piece(_, piece) => piece.len,
        }
    }
}

/// A range of a plain recipe.
pub(super) struct Section<'a> {
    /// The segments from the first one that is in it.
    segments: &'a [Segment],
    /// How much of the first one is not, in bytes.
    skip: u64,
    /// How long it is, in bytes.
    len: u64,
}

impl Section<'_> {
    /// How long it is, in bytes.
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// Reads it from its start.
    pub(super) fn reader(&self) -> Reader<'_> {
        Reader::within(self.segments, self.skip, self.len)
    }
}

/// The parts in order.
pub(super) fn cut(plain: &Recipe, packing: Packing) -> Vec<Part<'_>> {
    let (mut parts, mut first, segments) = (Vec::new(), 0, plain.segments());
    for (index, segment) in segments.iter().enumerate() {
        if let Segment::Blob { blob, at: 0, len } = segment
            && *len == blob.len()
            && has_pieces(blob, packing)
        {
            sections(&segments[first..index], packing, &mut parts);
            let facts = blob.facts().expect("only a payload that was ingested has pieces");
            let pieces = pieces(facts, packing).into_iter();
            parts.extend(pieces.map(|piece| Part::Piece(blob.clone(), piece)));
            first = index + 1;
        }
    }
    sections(&segments[first..], packing, &mut parts);
    parts
}

/// Most plain bytes in a section.
fn longest(packing: Packing) -> u64 {
    match packing.codec {
        // Longer than a piece: nobody else shares it, and a dictionary is built up less often.
        Codec::Xz => 32 << 20,
        _ => packing.piece(),
    }
}

/// Cuts what lies between larger files into sections of about equal length, so that they keep all
/// threads busy.
fn sections<'a>(mut segments: &'a [Segment], packing: Packing, parts: &mut Vec<Part<'a>>) {
    let mut left: u64 = segments.iter().map(Segment::len).sum();
    let longest = left.div_ceil(left.div_ceil(longest(packing)).max(1));
    let mut skip = 0;
    while left > 0 {
        let len = longest.min(left);
        parts.push(Part::Section(Section { segments, skip, len }));
        left -= len;
        skip += len;
        while let Some((first, rest)) = segments.split_first()
            && first.len() <= skip
        {
            skip -= first.len();
            segments = rest;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_are_of_about_equal_length_and_miss_nothing() {
        let mut plain = Recipe::default();
        plain.bytes(vec![1; 5_000_000]);
        plain.zeros(3_000_000);
        plain.push(Segment::Blob { blob: Blob::from_bytes([2; 900]), at: 100, len: 800 });
        plain.bytes("end");
        let parts = cut(&plain, Packing::of(Codec::Zstd));
        let lens: Vec<_> = parts
            .iter()
            .map(|part| match part {
                Part::Section(section) => section.len(),
                Part::Piece(..) => panic!("no piece is asked for"),
            })
            .collect();
        assert_eq!(lens, [4_000_402, 4_000_401]);
    }
}
