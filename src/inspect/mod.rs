//! Reading finished artifacts: which format it is, what is in it, what differs.
//!
//! Nothing is unpacked to disk, and nothing is printed: `cli` shows what these functions return.

mod compare;
mod lines;
mod models;
pub mod sums;
pub mod text;

use std::{
    fs::File,
    io::{self, Read, Seek},
    path::{Path, PathBuf},
};

pub use compare::{Change, Difference, Part, compare, diff};
pub use lines::Line;

use crate::{
    container::Tap,
    diagnostic::Diagnostic,
    digest::{Sha256Digest, Want},
    format::{
        FORMATS, Format, Signed,
        report::{ReadError, Report},
    },
    sign::openpgp::Certificate,
    splice::{self, Joined},
};

/// How much of a file is looked at to recognise its format, in bytes: enough to unpack the first
/// header of a packed tar.
const HEAD: u64 = 64 << 10;

/// Why a file cannot be inspected.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It cannot be opened or looked at.
    #[error("cannot read `{}`", path.display())]
    Open {
        /// As the user typed it.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// No format recognises it.
    #[error("`{}` is of no known format", path.display())]
    Unknown {
        /// As the user typed it.
        path: PathBuf,
    },
    /// It is damaged, hostile, or made in an unsupported way.
    #[error("`{}` is no readable {format}", path.display())]
    Unreadable {
        /// As the user typed it.
        path: PathBuf,
        /// The format that recognised it.
        format: &'static str,
        /// Why.
        source: ReadError,
    },
}

impl From<Error> for Diagnostic {
    fn from(error: Error) -> Self {
        let cause = std::error::Error::source(&error);
        let text = error.to_string();
        let diagnostic = match &error {
            Error::Open { .. } => Self::usage("inspect.missing", text),
            Error::Unknown { .. } => {
                let known: Vec<_> = FORMATS.iter().map(|format| format.name()).collect();
                Self::usage("inspect.unknown", text).hint(format!("known are {}", known.join(", ")))
            }
            Error::Unreadable { .. } => Self::failed("inspect.unreadable", text),
        };
        match cause {
            Some(cause) => diagnostic.caused_by(cause),
            None => diagnostic,
        }
    }
}

/// The format of a file that starts like this.
pub fn recognise(head: &[u8]) -> Option<&'static dyn Format> {
    FORMATS.iter().find(|format| format.recognises(head)).copied()
}

/// Reads an artifact of any known format.
pub fn inspect(path: &Path) -> Result<Report, Error> {
    let (mut file, format) = open(path)?;
    let format = format.ok_or_else(|| Error::Unknown { path: path.into() })?;
    read(path, &mut file, format)
}

/// What checking an artifact found.
#[derive(Debug, Default)]
pub struct Verdict {
    /// What is in it; `None` when no format recognises it, or it cannot be read.
    pub report: Option<Report>,
    /// SHA-256 of the file, if it could be read to the end.
    pub sha256: Option<Sha256Digest>,
    /// Why it is refused; empty for a good artifact.
    pub problems: Vec<String>,
    /// What is unusual, but allowed.
    pub notes: Vec<String>,
}

/// Checks an artifact, and that it has the digest that `SHA256SUMS` says. A file of no known format
/// is checked by its digest alone; without one it is [`Error::Unknown`].
pub fn verify(path: &Path, expected: Option<Sha256Digest>) -> Result<Verdict, Error> {
    let (mut file, format) = open(path)?;
    let mut verdict = match format {
        Some(format) => verdict(read(path, &mut file, format))?,
        None if expected.is_some() && splice::is_of_set(path) => Verdict::default(),
        None if expected.is_some() => {
            let note = "it is of no known format, only its digest is checked";
            Verdict { notes: vec![note.into()], ..Verdict::default() }
        }
        None => return Err(Error::Unknown { path: path.into() }),
    };
    if let Some(expected) = expected {
        let found = match verdict.sha256 {
            Some(found) if !splice::is_of_set(path) => found,
            // What was read is the whole, of which this is a part.
            _ => digest(path)?,
        };
        verdict.sha256 = Some(found);
        if found != expected {
            verdict.problems.push(format!("SHA256SUMS says {expected}, but it is {found}"));
        }
    }
    Ok(verdict)
}

/// Checks the signature that an artifact holds.
pub fn check_signature(path: &Path, certificate: &Certificate) -> Result<Signed, Error> {
    let (mut file, format) = open(path)?;
    let format = format.ok_or_else(|| Error::Unknown { path: path.into() })?;
    format.check_signature(&mut file, certificate).map_err(|source| {
        let (path, format) = (path.into(), format.name());
        Error::Unreadable { path, format, source }
    })
}

/// An unreadable artifact is a verdict, a file that is not there is an error.
fn verdict(report: Result<Report, Error>) -> Result<Verdict, Error> {
    match report {
        Ok(report) => Ok(Verdict {
            sha256: report.sha256,
            problems: report.problems.clone(),
            notes: report.notes.clone(),
            report: Some(report),
        }),
        Err(Error::Unreadable { source, .. }) if !matches!(source, ReadError::Io(_)) => {
            Ok(Verdict { problems: vec![source.to_string()], ..Verdict::default() })
        }
        Err(error) => Err(error),
    }
}

/// The file and its format; with the first part of several files, all of them as one.
fn open(path: &Path) -> Result<(Joined, Option<&'static dyn Format>), Error> {
    let failed = |source| Error::Open { path: path.into(), source };
    let paths = splice::parts_of(path).unwrap_or_else(|| vec![path.to_owned()]);
    let files: io::Result<Vec<_>> = paths.iter().map(File::open).collect();
    let mut file = files.and_then(Joined::new).map_err(failed)?;
    let mut head = Vec::new();
    (&mut file).take(HEAD).read_to_end(&mut head).map_err(failed)?;
    Ok((file, recognise(&head)))
}

fn read(path: &Path, file: &mut Joined, format: &'static dyn Format) -> Result<Report, Error> {
    file.rewind().map_err(|source| Error::Open { path: path.into(), source })?;
    let report = format.read(file, Want::Md5Too).map_err(|source| {
        let (path, format) = (path.into(), format.name());
        Error::Unreadable { path, format, source }
    });
    report.map(|mut report| {
        models::look(&mut report);
        report
    })
}

/// SHA-256 of a file.
fn digest(path: &Path) -> Result<Sha256Digest, Error> {
    let failed = |source| Error::Open { path: path.into(), source };
    let file = File::open(path).map_err(failed)?;
    let (_, sha256) = Tap::new(file).finish().map_err(|error| failed(error.into()))?;
    Ok(sha256)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(bytes: &[u8]) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        file
    }

    fn zip() -> Vec<u8> {
        let zip = crate::container::zip::Zip::new(0).symlink("a", "b").unwrap().finish();
        crate::container::tar::tests::bytes(&zip)
    }

    #[test]
    fn an_archive_is_recognised_and_read() {
        let report = inspect(file(&zip()).path()).unwrap();
        assert_eq!((report.format.as_str(), report.entries.len()), ("zip", 1));
    }

    #[test]
    fn a_file_of_no_format_is_named() {
        let text = file(b"hello");
        let error = Diagnostic::from(inspect(text.path()).unwrap_err());
        assert!(error.message.ends_with("is of no known format"), "{error}");
        assert!(matches!(inspect(Path::new("/none")), Err(Error::Open { .. })));
    }

    #[test]
    fn a_damaged_archive_is_refused_with_its_reason() {
        let verdict = verify(file(&zip()[..20]).path(), None).unwrap();
        assert_eq!(verdict.problems, ["zip end record at byte 20: there is none"]);
    }

    #[test]
    fn the_digest_beside_it_must_match() {
        let (archive, good) = (file(&zip()), crate::digest::sha256(&zip()));
        assert_eq!(verify(archive.path(), Some(good)).unwrap().problems, [""; 0]);
        let other = crate::digest::sha256(b"other");
        let found = verify(archive.path(), Some(other)).unwrap().problems;
        assert_eq!(found, [format!("SHA256SUMS says {other}, but it is {good}")]);
        let text = file(b"hello");
        let good = crate::digest::sha256(b"hello");
        assert_eq!(verify(text.path(), Some(good)).unwrap().problems, [""; 0]);
        assert_eq!(verify(text.path(), Some(other)).unwrap().problems.len(), 1);
    }
}
