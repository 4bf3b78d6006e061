//! The system a package is tried in: `debian:12`, or a folder that holds one.

use std::{
    fmt, fs,
    path::{Path, PathBuf},
};

use crate::diagnostic::Diagnostic;

/// A system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Image {
    /// Made by debootstrap.
    Release {
        /// `debian`, `ubuntu`.
        distribution: &'static str,
        /// `bookworm`.
        suite: String,
        /// `12`; empty when it has no number.
        number: String,
    },
    /// A root file system that is there already; it is not changed.
    Folder(PathBuf),
}

/// Releases by number: distribution, number, suite.
#[rustfmt::skip]
const RELEASES: &[(&str, &str, &str)] = &[
    ("debian", "11",    "bullseye"),
    ("debian", "12",    "bookworm"),
    ("debian", "13",    "trixie"),
    ("debian", "14",    "forky"),
    ("debian", "",      "sid"),
    ("ubuntu", "22.04", "jammy"),
    ("ubuntu", "24.04", "noble"),
    ("ubuntu", "26.04", "resolute"),
];

impl Image {
    /// `debian:12`, `debian:bookworm`, or the path of a folder.
    pub fn parse(text: &str) -> Result<Self, Diagnostic> {
        if let Some(image) = release(text) {
            return Ok(image);
        }
        let folder = Path::new(text);
        if !text.contains('/') {
            return Err(unknown(text));
        }
        if !folder.join("usr").is_dir() || !folder.join("etc").is_dir() {
            let message =
                format!("`{text}` is no folder with a root file system: no usr/ and etc/");
            return Err(Diagnostic::usage("trial.image", message));
        }
        let absolute = fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
        Ok(Self::Folder(absolute))
    }

    /// The release that this host runs, if it is one of them.
    pub(super) fn of_host() -> Option<Self> {
        let text = fs::read_to_string("/etc/os-release").ok()?;
        let (distribution, suite) = os_release(&text)?;
        release(&format!("{distribution}:{suite}"))
    }
}

/// Distribution and suite.
pub(super) fn os_release(text: &str) -> Option<(String, String)> {
    let value = |key: &str| {
        let mut lines = text.lines().filter_map(|line| line.strip_prefix(key));
        lines.next().map(|value| value.trim_matches('"').to_owned())
    };
    Some((value("ID=")?, value("VERSION_CODENAME=")?))
}

fn release(text: &str) -> Option<Image> {
    let (distribution, word) = text.split_once(':')?;
    let found = RELEASES.iter().find(|(name, number, suite)| {
        *name == distribution && (*suite == word || (*number == word && !number.is_empty()))
    });
    found.map(|(distribution, number, suite)| Image::Release {
        distribution,
        suite: (*suite).to_owned(),
        number: (*number).to_owned(),
    })
}

fn unknown(text: &str) -> Diagnostic {
    let names: Vec<_> = RELEASES
        .iter()
        .map(|(name, number, suite)| {
            format!("{name}:{}", if number.is_empty() { suite } else { number })
        })
        .collect();
    let hint = format!(
        "known are {}; any other system as a folder with its root: --image ./fedora",
        names.join(", ")
    );
    Diagnostic::usage("trial.image", format!("`{text}` is no image that can be made")).hint(hint)
}

impl fmt::Display for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Release { distribution, suite, number } => {
                let word = if number.is_empty() { suite } else { number };
                write!(f, "{distribution}:{word}")
            }
            Self::Folder(path) => write!(f, "{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_is_known_by_number_and_by_name() {
        for text in ["debian:12", "debian:bookworm"] {
            let image = Image::parse(text).unwrap();
            assert_eq!(image.to_string(), "debian:12");
            assert!(matches!(image, Image::Release { suite, .. } if suite == "bookworm"));
        }
        assert_eq!(Image::parse("debian:sid").unwrap().to_string(), "debian:sid");
    }

    #[test]
    fn an_unknown_image_is_refused_with_those_that_are_known() {
        let error = Image::parse("fedora:41").unwrap_err();
        assert_eq!(error.message, "`fedora:41` is no image that can be made");
        assert!(error.hint.unwrap().contains("debian:12"));
    }

    #[test]
    fn a_folder_must_hold_a_root() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().to_str().unwrap();
        assert!(Image::parse(path).is_err());
        fs::create_dir(dir.path().join("usr")).unwrap();
        fs::create_dir(dir.path().join("etc")).unwrap();
        assert!(matches!(Image::parse(path), Ok(Image::Folder(_))));
    }

    #[test]
    fn the_release_of_the_host_is_read_from_os_release() {
        let text = "PRETTY_NAME=\"x\"\nVERSION_CODENAME=bookworm\nID=debian\n";
        assert_eq!(os_release(text), Some(("debian".into(), "bookworm".into())));
        assert_eq!(os_release("ID=alpine\n"), None);
    }
}
