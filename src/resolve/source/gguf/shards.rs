//! Split models: `PREFIX-00001-of-00003.gguf` and its siblings.
//!
//! llama.cpp rebuilds the names of the others from the first one's, so they stay together in one
//! directory, under these names.

/// The name of a shard, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Name {
    /// What all shards of the model start with.
    pub(crate) prefix: String,
    /// Which one, counted from 1.
    pub(crate) number: u32,
    /// Of how many.
    pub(crate) count: u32,
}

impl Name {
    /// Reads a file name; `None` for one that is no shard's.
    pub(crate) fn parse(file_name: &str) -> Option<Self> {
        let stem = file_name.strip_suffix(".gguf")?;
        let (rest, count) = stem.rsplit_once("-of-")?;
        let (prefix, number) = rest.rsplit_once('-')?;
        let digits = |text: &str| text.len() == 5 && text.bytes().all(|b| b.is_ascii_digit());
        if prefix.is_empty() || !digits(number) || !digits(count) {
            return None;
        }
        let (number, count) = (number.parse().ok()?, count.parse().ok()?);
        let name = Self { prefix: prefix.to_owned(), number, count };
        (1..=count).contains(&number).then_some(name)
    }

    /// The file names of all shards, in order.
    pub(crate) fn all(&self) -> impl Iterator<Item = String> + '_ {
        (1..=self.count).map(|number| self.of(number))
    }

    fn of(&self, number: u32) -> String {
        format!("{}-{number:05}-of-{:05}.gguf", self.prefix, self.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shard_names_its_siblings() {
        let name = Name::parse("m-q4-00002-of-00003.gguf").unwrap();
        assert_eq!((&*name.prefix, name.number, name.count), ("m-q4", 2, 3));
        let all: Vec<_> = name.all().collect();
        assert_eq!(all[2], "m-q4-00003-of-00003.gguf");
        for other in [
            "m.gguf",
            "m-1-of-3.gguf",
            "m-00004-of-00003.gguf",
            "-00001-of-00001.gguf",
            "m-of.gguf",
        ] {
            assert_eq!(Name::parse(other), None, "{other}");
        }
    }
}
