//! A package's version: one semantic version, spelled by each format in its own way.

use std::fmt;

/// A semantic version, kept as it was written.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(semver::Version);

/// Why a text is no version.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a semantic version (MAJOR.MINOR.PATCH): {why}")]
pub struct VersionError {
    /// As written.
    pub text: String,
    /// The parser's reason.
    pub why: String,
}

impl Version {
    /// Parses `1.2.3`, `1.2.3-rc.1`, `1.2.3+build.5`.
    pub fn parse(text: &str) -> Result<Self, VersionError> {
        semver::Version::parse(text)
            .map(Self)
            .map_err(|why| VersionError { text: text.to_owned(), why: why.to_string() })
    }

    /// `1.2.3`.
    pub fn core(&self) -> String {
        format!("{}.{}.{}", self.0.major, self.0.minor, self.0.patch)
    }

    /// `rc.1` of `1.2.3-rc.1`, else empty.
    pub fn pre(&self) -> &str {
        self.0.pre.as_str()
    }

    /// `build.5` of `1.2.3+build.5`, else empty.
    pub fn build(&self) -> &str {
        self.0.build.as_str()
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_of_a_version_are_known() {
        let version = Version::parse("1.2.0-rc.1+b5").unwrap();
        assert_eq!(
            (version.core().as_str(), version.pre(), version.build()),
            ("1.2.0", "rc.1", "b5")
        );
    }

    #[test]
    fn two_numbers_are_no_version() {
        assert!(Version::parse("1.2").unwrap_err().to_string().contains("MAJOR.MINOR.PATCH"));
    }
}
