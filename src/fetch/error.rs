//! Why content could not be brought.

use std::{io, path::PathBuf};

use super::http::HttpError;
use crate::{
    container::ReadError,
    diagnostic::{Class, Diagnostic},
    digest::Sha256Digest,
    payload,
};

/// Why content could not be brought.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// It is not in the cache, and nobody may be asked.
    #[error("`{url}` is not in the cache, and `--offline` allows no download")]
    Offline {
        /// What was asked for.
        url: String,
    },
    /// The server does not give it.
    #[error("cannot download `{url}`")]
    Http {
        /// What was asked for.
        url: String,
        /// Nothing is there.
        missing: bool,
        /// Why.
        why: String,
    },
    /// It goes over the network in the clear, and nothing tells whether it is the right one.
    #[error("`{url}` is not encrypted, and pkggen.lock has no digest of it")]
    Clear {
        /// What was asked for.
        url: String,
    },
    /// It is not what was pinned.
    #[error(
        "`{url}` has SHA-256 {now} ({now_len} bytes) now; pkggen.lock has {was} ({was_len} bytes)"
    )]
    Changed {
        /// What was asked for.
        url: String,
        /// What was pinned.
        was: Sha256Digest,
        /// Its length, in bytes.
        was_len: u64,
        /// What came.
        now: Sha256Digest,
        /// Its length, in bytes.
        now_len: u64,
    },
    /// It cannot be what was pinned; nothing was downloaded.
    #[error("`{url}` is {now} bytes now; pkggen.lock has {was}")]
    Length {
        /// What was asked for.
        url: String,
        /// The pinned length, in bytes.
        was: u64,
        /// What the server says, in bytes.
        now: u64,
    },
    /// A cut connection would look like the end.
    #[error("`{url}` comes without a length, so a part of it could be taken for the whole")]
    NoLength {
        /// What was asked for.
        url: String,
    },
    /// The disk is too small for it.
    #[error("`{dir}` has {free} bytes left, and {what} needs {needed}", dir = dir.display())]
    Space {
        /// The folder.
        dir: PathBuf,
        /// What does not fit.
        what: String,
        /// Bytes that are free.
        free: u64,
        /// Bytes that it needs.
        needed: u64,
    },
    /// The cache cannot be written or read.
    #[error("cannot use `{path}`", path = path.display())]
    Cache {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is no archive of a kind that is unpacked.
    #[error("`{archive}` is {what}")]
    NoArchive {
        /// As the user calls it.
        archive: String,
        /// What it is instead.
        what: String,
    },
    /// The archive does not unpack.
    #[error("`{archive}` cannot be unpacked")]
    Damaged {
        /// As the user calls it.
        archive: String,
        /// Why.
        source: ReadError,
    },
    /// A member that no honest archive has.
    #[error("`{archive}` holds `{member}`, which {why}")]
    Member {
        /// As the user calls it.
        archive: String,
        /// Its name.
        member: String,
        /// What is wrong with it.
        why: String,
    },
    /// The archive cannot be read.
    #[error(transparent)]
    Payload(#[from] payload::Error),
}

impl FetchError {
    pub(super) fn http(url: &super::Url, error: &HttpError) -> Self {
        let (url, missing, why) = (url.to_string(), error.is_missing(), error.to_string());
        Self::Http { url, missing, why }
    }

    /// For `map_err` where the cache is used.
    pub(super) fn cache(path: &std::path::Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Cache { path, source }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Offline { .. } => "fetch.offline",
            Self::Http { missing: true, .. } => "fetch.missing",
            Self::Http { .. } | Self::NoLength { .. } => "fetch.failed",
            Self::Clear { .. } => "fetch.clear",
            Self::Changed { .. } | Self::Length { .. } => "lock.changed",
            Self::Space { .. } => "limit.space",
            Self::Cache { .. } => "fetch.cache",
            Self::NoArchive { .. } => "unpack.kind",
            Self::Damaged { .. } => "unpack.damaged",
            Self::Member { .. } => "unpack.member",
            Self::Payload(_) => "payload.unreadable",
        }
    }

    fn class(&self) -> Class {
        match self {
            Self::Offline { .. } | Self::Http { .. } | Self::NoLength { .. } => Class::Network,
            Self::Space { .. } => Class::Cannot,
            Self::Cache { .. } | Self::Payload(_) => Class::Failed,
            _ => Class::Usage,
        }
    }

    fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Offline { .. } => Some("run once without `--offline`"),
            Self::Clear { .. } => {
                Some("use `https://`, or write its SHA-256 and size into pkggen.lock")
            }
            Self::Changed { .. } | Self::Length { .. } => {
                Some("`pkggen check --update-lock` accepts what is there now")
            }
            Self::NoLength { .. } => Some("with its SHA-256 in pkggen.lock it is taken"),
            Self::Space { .. } => Some("`PKGGEN_STORE` names another folder for the cache"),
            Self::NoArchive { .. } => {
                Some("`unpack` takes tar, also with gzip, xz or zstd, and zip")
            }
            _ => None,
        }
    }
}

impl From<FetchError> for Diagnostic {
    fn from(error: FetchError) -> Self {
        let mut diagnostic = Self::new(error.class(), error.code(), error.to_string());
        if let FetchError::Http { why, .. } = &error {
            diagnostic.causes.push(why.clone());
        } else if let Some(source) = std::error::Error::source(&error) {
            diagnostic = diagnostic.caused_by(source);
        }
        match error.hint() {
            Some(hint) => diagnostic.hint(hint),
            None => diagnostic,
        }
    }
}
