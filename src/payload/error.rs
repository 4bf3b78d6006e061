//! What goes wrong with payloads and files.

use std::{
    io,
    path::{Path, PathBuf},
};

use crate::{codec::Packing, diagnostic::Diagnostic};

/// What goes wrong with payloads and files.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A payload changed its length under the build.
    #[error("`{path}` was {before} bytes when it was looked at, and is {now} now", path = path.display())]
    Changed {
        /// The payload.
        path: PathBuf,
        /// Length when the manifest was resolved, in bytes.
        before: u64,
        /// Length now, in bytes.
        now: u64,
    },
    /// A payload was written to under the build, and is as long as before.
    #[error("`{path}` was written to while it was being packaged", path = path.display())]
    Rewritten {
        /// The payload.
        path: PathBuf,
    },
    /// A payload cannot be opened or read.
    #[error("cannot read `{path}`", path = path.display())]
    Unreadable {
        /// The payload.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A stored piece is not what was put there.
    #[error("the stored piece `{path}` is damaged", path = path.display())]
    Damaged {
        /// The piece.
        path: PathBuf,
    },
    /// Packed pieces cannot be kept anywhere.
    #[error("cannot keep packed pieces in `{path}`", path = path.display())]
    Scratch {
        /// The folder or file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// An artifact cannot be written.
    #[error("cannot write `{path}`", path = path.display())]
    Write {
        /// The artifact, or the folder it should be in.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A codec refused to pack.
    #[error("cannot pack with {codec}")]
    Pack {
        /// The codec and its level.
        codec: String,
        /// Why.
        source: io::Error,
    },
}

impl Error {
    /// For `map_err` where a payload is read.
    pub fn unreadable(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Unreadable { path, source }
    }

    /// For `map_err` where scratch files are used.
    pub fn scratch(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Scratch { path, source }
    }

    /// For `map_err` where an artifact is written.
    pub fn write(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Write { path, source }
    }

    /// The error of reading that a packer passed through, or the packer's own.
    pub(super) fn from_packer(error: io::Error, packing: Packing) -> Self {
        let codec = packing.to_string();
        error.downcast::<Self>().unwrap_or_else(|source| Self::Pack { codec, source })
    }

    /// Stable, for scripts.
    fn code(&self) -> &'static str {
        match self {
            Self::Changed { .. } | Self::Rewritten { .. } => "payload.changed",
            Self::Unreadable { .. } => "payload.unreadable",
            Self::Damaged { .. } => "store.damaged",
            Self::Scratch { .. } => "store.failed",
            Self::Write { .. } => "write.failed",
            Self::Pack { .. } => "pack.failed",
        }
    }

    fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Changed { .. } | Self::Rewritten { .. } => {
                Some("build again once nothing writes to it")
            }
            Self::Damaged { .. } => {
                Some("build again: the piece was removed and will be made anew")
            }
            Self::Write { source, .. } | Self::Scratch { source, .. }
                if source.kind() == io::ErrorKind::StorageFull =>
            {
                Some("the disk is full; nothing was left behind")
            }
            _ => None,
        }
    }
}

/// So that packers, which know only of `io`, can pass it through.
impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        Self::other(error)
    }
}

impl From<Error> for Diagnostic {
    fn from(error: Error) -> Self {
        let mut diagnostic = Self::failed(error.code(), error.to_string());
        if let Some(source) = std::error::Error::source(&error) {
            diagnostic = diagnostic.caused_by(source);
        }
        match error.hint() {
            Some(hint) => diagnostic.hint(hint),
            None => diagnostic,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_has_a_hint() {
        let error = Error::write(Path::new("dist"))(io::ErrorKind::StorageFull.into());
        let diagnostic = Diagnostic::from(error);
        assert_eq!(diagnostic.code, "write.failed");
        assert!(diagnostic.hint.unwrap().contains("disk is full"));
        assert_eq!(diagnostic.causes.len(), 1);
    }
}
