//! Texts with rules of their own.

use crate::{
    codec::{Codec, Packing},
    manifest::{Decode, Decoder, Node, Problem, Shape},
    text,
};

text! {
    /// One line of text.
    pub struct Line("one line of text", one_line);
}

text! {
    /// A path of the machine that builds.
    pub struct Path("a path", path);
}

text! {
    /// An address.
    pub struct Url("a URL", url);
}

text! {
    /// A reversed-domain identifier.
    pub struct Identifier("a reversed-domain identifier", identifier);
}

text! {
    /// An SPDX licence expression.
    pub struct Licence("an SPDX expression", licence);
}

text! {
    /// The name of an environment variable.
    pub struct EnvName("an environment variable", env_name);
}

text! {
    /// An OS, target, format, spelling or variant.
    pub struct Selector("a selector", |_| Ok(()));
}

text! {
    /// Linux file capabilities as `setcap` takes them.
    pub struct Capabilities("Linux file capabilities", capabilities);
}

text! {
    /// A time span.
    pub struct Duration("a time span", duration);
}

/// Permission bits, written as an octal string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileMode(pub u32);

/// A size, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size(pub u64);

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
                let can = format!("it can be {}", super::super::either(&words));
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
        let (codec, default) = match self.codec {
            "none" => (Codec::None, 0),
            "gzip" => (Codec::Gzip, 9),
            "xz" => (Codec::Xz, 6),
            "zstd" => (Codec::Zstd, 19),
            _ => return None,
        };
        Some(Packing { codec, level: self.level.unwrap_or(default) })
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

impl Decode for FileMode {
    fn decode(node: &Node, to: &mut Decoder) -> Option<Self> {
        if let Some(number) = node.as_integer() {
            to.wrong_type(node, "an octal string");
            if let Some(error) = to.found.errors.last_mut() {
                error.hint = Some(format!("write it as a string: \"0{number}\""));
            }
            return None;
        }
        let mut mode = None;
        to.checked(node, |text| {
            let octal = text.strip_prefix("0o").unwrap_or(text);
            let digits = octal.len() >= 3 && octal.bytes().all(|b| (b'0'..=b'7').contains(&b));
            mode = u32::from_str_radix(octal, 8).ok().filter(|mode| digits && *mode <= 0o7777);
            let bad = || {
                Problem::new(format!("`{text}` is no mode"))
                    .hint("three or four octal digits: \"0755\", \"4755\"")
            };
            mode.map(|_| ()).ok_or_else(bad)
        })?;
        mode.map(Self)
    }

    fn shape() -> Shape {
        Shape::Text("an octal mode")
    }
}

impl Decode for Size {
    fn decode(node: &Node, to: &mut Decoder) -> Option<Self> {
        let mut size = None;
        to.checked(node, |text| {
            size = bytes(text);
            let hint = "a number and a unit: \"1900MiB\", \"2GB\", \"512KiB\"";
            let bad = || Problem::new(format!("`{text}` is no size")).hint(hint);
            size.map(|_| ()).ok_or_else(bad)
        })?;
        size.map(Self)
    }

    fn shape() -> Shape {
        Shape::Text("a size")
    }
}

fn bytes(text: &str) -> Option<u64> {
    let at = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let unit: u64 = match text[at..].trim_start() {
        "B" => 1,
        "kB" | "KB" => 1000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return None,
    };
    text[..at].parse::<u64>().ok()?.checked_mul(unit).filter(|size| *size > 0)
}

fn one_line(text: &str) -> Result<(), Problem> {
    if text.trim().is_empty() {
        Err(Problem::new("the text is empty"))
    } else if text.chars().any(char::is_control) {
        Err(Problem::new("the text must be one line without control characters"))
    } else if text.trim() != text {
        Err(Problem::new("the text begins or ends with a blank"))
    } else {
        Ok(())
    }
}

fn path(text: &str) -> Result<(), Problem> {
    if text.is_empty() {
        Err(Problem::new("the path is empty"))
    } else if text.chars().any(char::is_control) {
        Err(Problem::new("the path holds a control character"))
    } else if text.contains('\\') {
        Err(Problem::new("the path holds `\\`").hint("paths are written with `/` on every system"))
    } else {
        Ok(())
    }
}

fn url(text: &str) -> Result<(), Problem> {
    let host = text
        .split_once("://")
        .filter(|(scheme, _)| matches!(*scheme, "http" | "https"))
        .map(|(_, rest)| rest.split(['/', '?', '#']).next().unwrap_or_default());
    let clean = !text.chars().any(|c| c.is_control() || c.is_whitespace() || "<>\"`".contains(c));
    match host {
        Some(host) if !host.is_empty() && clean => Ok(()),
        _ => Err(Problem::new(format!("`{text}` is no URL"))
            .hint("it begins with https:// and a host, and holds no blanks")),
    }
}

fn identifier(text: &str) -> Result<(), Problem> {
    let part = |part: &str| {
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    let parts: Vec<_> = text.split('.').collect();
    if parts.len() >= 2 && parts.iter().all(|text| part(text)) && text.len() <= 155 {
        Ok(())
    } else {
        Err(Problem::new(format!("`{text}` is no reversed-domain identifier"))
            .hint("at least two words of letters, digits and `-` with dots: `com.example.app`"))
    }
}

fn licence(_text: &str) -> Result<(), Problem> {
    Ok(())
}

fn env_name(text: &str) -> Result<(), Problem> {
    let fits = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    if text.bytes().all(fits) && text.bytes().next().is_some_and(|b| !b.is_ascii_digit()) {
        Ok(())
    } else {
        Err(Problem::new(format!("`{text}` is no name of an environment variable"))
            .hint("letters, digits and `_`, no digit first"))
    }
}

fn capabilities(_text: &str) -> Result<(), Problem> {
    Ok(())
}

fn duration(text: &str) -> Result<(), Problem> {
    let at = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    if at > 0 && at < 10 && matches!(&text[at..], "ms" | "s" | "m" | "h") {
        Ok(())
    } else {
        Err(Problem::new(format!("`{text}` is no time span"))
            .hint("a number and `ms`, `s`, `m` or `h`: \"60s\""))
    }
}
