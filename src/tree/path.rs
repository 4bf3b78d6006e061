//! Paths inside a package.

use std::fmt;

use super::Text;

/// A path below the root of a package: relative, `/`-separated, no empty, `.` or `..` component,
/// no NUL and no newline. Sorted so that a directory comes right before what is in it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct InstallPath(Text);

/// Why a text is no [`InstallPath`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// Nothing is left of it.
    #[error("the path is empty")]
    Empty,
    /// It would leave the package.
    #[error("`{path}` leaves the package with `..`")]
    Escapes {
        /// As written.
        path: String,
    },
    /// NUL and newline cannot be said in conffiles or md5sums.
    #[error("`{path}` holds a control character")]
    Control {
        /// As written, escaped.
        path: String,
    },
}

impl InstallPath {
    /// Parses a relative or absolute path; `.` components and doubled slashes disappear.
    pub fn parse(text: &str) -> Result<Self, PathError> {
        if text.chars().any(char::is_control) {
            return Err(PathError::Control { path: text.escape_debug().to_string() });
        }
        let parts: Vec<_> =
            text.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
        if parts.contains(&"..") {
            return Err(PathError::Escapes { path: text.to_owned() });
        }
        if parts.is_empty() {
            return Err(PathError::Empty);
        }
        Ok(Self(parts.join("/").into()))
    }

    /// Without a leading slash.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The same, to be kept.
    pub fn text(&self) -> &Text {
        &self.0
    }

    /// This path and more below it.
    pub fn join(&self, below: &str) -> Result<Self, PathError> {
        Self::parse(&format!("{}/{below}", self.0))
    }

    /// The directory it is in, unless that is the root.
    pub fn parent(&self) -> Option<Self> {
        self.0.rsplit_once('/').map(|(dir, _)| Self(dir.into()))
    }

    /// The last component.
    pub fn file_name(&self) -> &str {
        self.0.rsplit('/').next().expect("a path has a component")
    }

    /// All directories above, outermost first.
    pub fn ancestors(&self) -> impl Iterator<Item = Self> {
        self.0.match_indices('/').map(|(at, _)| Self(self.0[..at].into()))
    }

    /// Whether it is this directory or below it.
    pub fn starts_with(&self, dir: &str) -> bool {
        self.0.strip_prefix(dir).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

/// Component by component, so that `a/b` sorts before `a.b`.
impl Ord for InstallPath {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.split('/').cmp(other.0.split('/'))
    }
}

impl PartialOrd for InstallPath {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for InstallPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_cleaned() {
        assert_eq!(InstallPath::parse("//usr/./bin//x/").unwrap().as_str(), "usr/bin/x");
    }

    #[test]
    fn a_path_that_leaves_the_package_is_refused() {
        assert!(matches!(InstallPath::parse("a/../../b"), Err(PathError::Escapes { .. })));
        assert_eq!(InstallPath::parse("/"), Err(PathError::Empty));
        assert!(matches!(InstallPath::parse("a\nb"), Err(PathError::Control { .. })));
    }

    #[test]
    fn a_directory_sorts_right_before_its_content() {
        let mut paths = ["a.b", "a/b", "a"].map(|text| InstallPath::parse(text).unwrap());
        paths.sort();
        assert_eq!(paths.each_ref().map(InstallPath::as_str), ["a", "a/b", "a.b"]);
    }
}
