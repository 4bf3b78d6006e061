//! A recipe as text, for golden tests.

use super::{Framing, Recipe, Segment};

/// One line per segment: offset, length, kind. Says nothing of where the bytes come from, so it is
/// the same on every machine.
///
/// ```text
///            0           30 bytes
///           30         1024 zeros
///         1054       380279 packed
/// ```
pub fn listing(recipe: &Recipe) -> String {
    let mut at = 0;
    let line = |segment: &Segment| {
        let line = format!("{at:>12} {:>12} {}\n", segment.len(), kind(segment));
        at += segment.len();
        line
    };
    recipe.segments().iter().map(line).collect()
}

fn kind(segment: &Segment) -> String {
    match segment {
        Segment::Bytes(_) | Segment::Made { .. } | Segment::Check(_) => "bytes".to_owned(),
        Segment::Zeros(_) => "zeros".to_owned(),
        Segment::Blob { at: 0, len, blob } if *len == blob.len() => "blob".to_owned(),
        Segment::Blob { at, .. } => format!("blob from {at}"),
        Segment::Stored { at, len, framing, .. } => {
            let framing = match framing {
                Framing::Zstd => "zstd",
                Framing::Lzma2 => "lzma2",
                Framing::Deflate => "deflate",
            };
            format!("stored {framing}, {len} from {at}")
        }
        Segment::Packed { .. } => "packed".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listing_has_a_line_per_segment() {
        let mut recipe = Recipe::default();
        recipe.bytes("abc");
        recipe.zeros(1021);
        let want = "           0            3 bytes\n           3         1021 zeros\n";
        assert_eq!(listing(&recipe), want);
    }
}
