//! Cuts a plain recipe into parts that are packed by themselves. Where it cuts depends on the
//! content and the packing alone.

use std::sync::Arc;

use super::{Recipe, Segment};
use crate::{
    codec::{Codec, Packing},
    payload::{Blob, Piece, has_pieces, pieces},
};

/// A part of a packed stream.
pub(super) enum Part {
    /// Headers, padding and small files, packed together.
    Section(Recipe),
    /// A piece of a larger file.
    Piece(Blob, Piece),
}

/// The parts in order.
pub(super) fn cut(plain: &Recipe, packing: Packing) -> Vec<Part> {
    let (mut parts, mut small) = (Vec::new(), Recipe::default());
    for segment in plain.segments() {
        match segment {
            Segment::Blob { blob, at: 0, len }
                if *len == blob.len() && has_pieces(blob, packing) =>
            {
                sections(std::mem::take(&mut small), packing, &mut parts);
                let facts = blob.facts().expect("only a payload that was ingested has pieces");
                let pieces = pieces(facts, packing).into_iter();
                parts.extend(pieces.map(|piece| Part::Piece(blob.clone(), piece)));
            }
            other => small.push(other.clone()),
        }
    }
    sections(small, packing, &mut parts);
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

/// Cuts gathered content into sections of about equal length, so that they keep all threads busy.
fn sections(small: Recipe, packing: Packing, parts: &mut Vec<Part>) {
    let count = small.len().div_ceil(longest(packing));
    if count <= 1 {
        parts.extend((!small.is_empty()).then_some(Part::Section(small)));
        return;
    }
    let longest = small.len().div_ceil(count);
    let mut section = Recipe::default();
    for segment in small.segments {
        let mut rest = Some(segment);
        while let Some(segment) = rest.take() {
            let room = longest - section.len();
            let (fits, later) = split(segment, room);
            section.push(fits);
            rest = later;
            if section.len() == longest {
                parts.push(Part::Section(std::mem::take(&mut section)));
            }
        }
    }
    parts.extend((!section.is_empty()).then_some(Part::Section(section)));
}

/// The first `room` bytes of a segment of a plain recipe, and the rest of it.
fn split(segment: Segment, room: u64) -> (Segment, Option<Segment>) {
    if segment.len() <= room {
        return (segment, None);
    }
    match segment {
        Segment::Bytes(bytes) => {
            let (first, rest) =
                bytes.split_at(usize::try_from(room).expect("less than its length"));
            (Segment::Bytes(Arc::from(first)), Some(Segment::Bytes(Arc::from(rest))))
        }
        Segment::Zeros(len) => (Segment::Zeros(room), Some(Segment::Zeros(len - room))),
        Segment::Blob { blob, at, len } => (
            Segment::Blob { blob: blob.clone(), at, len: room },
            Some(Segment::Blob { blob, at: at + room, len: len - room }),
        ),
        whole @ (Segment::Stored { .. } | Segment::Packed { .. }) => (whole, None),
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
