//! Paths inside a repository: what an index names must stay in it.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use crate::tree::InstallPath;

/// A path below the folder of a repository: relative, without `..`, written one way.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place(InstallPath);

impl Place {
    /// Refuses what would leave the repository, and what is written in a second way (`a//b`, `./a`):
    /// two names must not be one file. The error is the reason.
    pub fn parse(text: &str) -> Result<Self, String> {
        let path = InstallPath::parse(text).map_err(|_| refused(text))?;
        if path.as_str() == text { Ok(Self(path)) } else { Err(refused(text)) }
    }

    /// Made of parts that were checked.
    pub(super) fn of(text: impl AsRef<str>) -> Self {
        Self::parse(text.as_ref()).expect("made of names without slashes and dots alone")
    }

    /// As written.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The last component.
    pub(super) fn file_name(&self) -> &str {
        self.0.file_name()
    }

    /// On this machine.
    pub(super) fn below(&self, dir: &Path) -> PathBuf {
        dir.join(self.as_str())
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

fn refused(text: &str) -> String {
    format!("`{}` is no path inside the repository", text.escape_debug())
}

/// A word that may be a folder: a suite, a component, an architecture, a package.
pub(super) fn is_word(text: &str) -> bool {
    let inner = |b: u8| b.is_ascii_alphanumeric() || b"+-._~".contains(&b);
    text.bytes().all(inner)
        && text.len() <= 200
        && text.as_bytes().first().is_some_and(u8::is_ascii_alphanumeric)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_leaves_the_repository_is_no_place() {
        for bad in ["", "/", "/etc/passwd", "../x", "a/../../b", "a//b", "./a", "a/", "a\n", "a\0"]
        {
            assert!(Place::parse(bad).is_err(), "{bad:?}");
        }
        assert!(Place::parse("pool/main/a/a_1~rc+1_all.deb").is_ok());
    }

    #[test]
    fn words_are_folders_and_nothing_else() {
        for bad in ["", ".", "..", "-x", "a/b", "a b", "ä"] {
            assert!(!is_word(bad), "{bad}");
        }
        assert!(is_word("bookworm-backports") && is_word("amd64") && is_word("0ad"));
    }
}
