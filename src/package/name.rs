//! A package's name: parsed once, valid ever after.

use std::fmt;

/// Lower-case letters, digits, `+ - .`, at least two characters, starts with a letter or digit:
/// valid in every format as it stands.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PackageName(String);

/// Why a text is no package name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Debian wants two.
    #[error("a package name has at least two characters")]
    Short,
    /// A character that some format refuses.
    #[error(
        "`{found}` cannot be in a package name: lower-case letters, digits, `+`, `-` and `.` can"
    )]
    Character {
        /// The first such character.
        found: char,
    },
    /// It starts with `+`, `-` or `.`.
    #[error("a package name starts with a letter or a digit")]
    Start,
}

impl PackageName {
    /// Parses a name.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let fits = |c: &char| c.is_ascii_lowercase() || c.is_ascii_digit() || "+-.".contains(*c);
        if let Some(found) = text.chars().find(|c| !fits(c)) {
            return Err(NameError::Character { found });
        }
        if text.len() < 2 {
            return Err(NameError::Short);
        }
        if text.starts_with(['+', '-', '.']) {
            return Err(NameError::Start);
        }
        Ok(Self(text.to_owned()))
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PackageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_valid_in_every_format_are_accepted() {
        for name in ["ab", "libstdc++6", "7zip", "a.b-c"] {
            assert_eq!(PackageName::parse(name).unwrap().as_str(), name);
        }
    }

    #[test]
    fn other_names_say_why_not() {
        assert_eq!(PackageName::parse("a"), Err(NameError::Short));
        assert_eq!(PackageName::parse("My App"), Err(NameError::Character { found: 'M' }));
        assert_eq!(PackageName::parse("-ab"), Err(NameError::Start));
    }
}
