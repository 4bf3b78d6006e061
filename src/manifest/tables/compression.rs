//! How a format packs: a codec, or `codec:LEVEL`.

use crate::{
    codec::{Codec, Packing},
    manifest::{Decoder, Node, Problem, either},
};

/// A codec and how hard it works, before a format says what it can do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compression {
    /// The codec's word.
    pub codec: &'static str,
    /// Its level, if one was written; `max` is the codec's highest.
    pub level: Option<u32>,
}

impl Compression {
    /// Reads `zstd`, `zstd:19` or `zstd:max`; `codecs` are the words with their levels.
    pub fn decode(
        node: &Node,
        to: &mut Decoder,
        codecs: &[(&'static str, u32, u32)],
    ) -> Option<Self> {
        let mut value = None;
        to.checked(node, |text| {
            let (word, level) = text.split_once(':').map_or((text, None), |(w, l)| (w, Some(l)));
            let Some(&(codec, min, max)) = codecs.iter().find(|(name, ..)| *name == word) else {
                let words: Vec<_> = codecs.iter().map(|(word, ..)| *word).collect();
                let can = format!("it can be {}", either(&words));
                return Err(
                    Problem::new(format!("there is no compression `{word}` here")).hint(can)
                );
            };
            let level = level.map(|level| level_of(level, min, max)).transpose()?;
            value = Some(Self { codec, level });
            Ok(())
        })?;
        value
    }

    /// As a packing of our own codecs, at the level written or else a good default.
    pub fn packing(&self) -> Option<Packing> {
        let codec = match self.codec {
            "none" => Codec::None,
            "gzip" => Codec::Gzip,
            "xz" => Codec::Xz,
            "zstd" => Codec::Zstd,
            _ => return None,
        };
        Some(Packing { codec, level: self.level.unwrap_or(codec.default_level()) })
    }
}

/// Reads a level between two numbers, or `max`.
pub fn level_of(text: &str, min: u32, max: u32) -> Result<u32, Problem> {
    if min == max {
        return Err(Problem::new("this codec has no levels"));
    }
    if text == "max" {
        return Ok(max);
    }
    let number = text.parse().ok().filter(|level| (min..=max).contains(level));
    number.ok_or_else(|| {
        Problem::new(format!("`{text}` is no level of this codec"))
            .hint(format!("levels are {min} to {max}, or `max`"))
    })
}

/// Declares the compressions of a format: their words with lowest and highest level.
#[macro_export]
macro_rules! compression {
    ($(#[doc = $doc:literal])* pub struct $name:ident { $($word:literal : $min:literal, $max:literal;)* }) => {
        $(#[doc = $doc])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $name(pub $crate::manifest::Compression);

        impl $crate::manifest::Decode for $name {
            fn decode(
                node: &$crate::manifest::Node,
                to: &mut $crate::manifest::Decoder,
            ) -> Option<Self> {
                let codecs = &[$(($word, $min, $max)),*];
                $crate::manifest::Compression::decode(node, to, codecs).map(Self)
            }

            fn shape() -> $crate::manifest::Shape {
                $crate::manifest::Shape::Codec(vec![$(($word, $min, $max)),*])
            }
        }
    };
}
