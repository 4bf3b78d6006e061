//! Why an archive cannot be read.

use std::io;

/// Why an artifact cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file ends in the middle of something.
    #[error("the file ends at byte {at} in the middle of {what}")]
    Truncated {
        /// What is incomplete: ``member `data.tar.xz` ``.
        what: String,
        /// Offset of the end, in bytes.
        at: u64,
    },
    /// A field has a value that it cannot have.
    #[error("{what} at byte {at}: {why}")]
    Malformed {
        /// Which structure: `ar header`.
        what: String,
        /// Its offset in the file or stream named by `what`, in bytes.
        at: u64,
        /// What is wrong.
        why: String,
    },
    /// A compressed stream does not decode.
    #[error("{what} cannot be unpacked: {why}")]
    Unpack {
        /// Which stream.
        what: String,
        /// The codec's reason.
        why: String,
    },
    /// It would take more memory or time than an honest file needs.
    #[error("{what} is {size}, more than the limit of {limit}")]
    Limit {
        /// Which structure.
        what: String,
        /// Its size.
        size: u64,
        /// The most that is read.
        limit: u64,
    },
    /// It is made in a way that pkggen does not read: encryption, sparse files, bzip2.
    #[error("{what} is not supported")]
    Unsupported {
        /// What is not supported, and where.
        what: String,
    },
    /// The file cannot be read.
    #[error("cannot read the file")]
    Io(#[source] io::Error),
}

impl ReadError {
    /// A field with a value that it cannot have.
    pub(crate) fn malformed(what: impl Into<String>, at: u64, why: impl Into<String>) -> Self {
        Self::Malformed { what: what.into(), at, why: why.into() }
    }

    /// Refuses a `size` above the `limit`.
    pub(crate) fn limit(what: impl Into<String>, size: u64, limit: u64) -> Result<(), Self> {
        if size > limit {
            return Err(Self::Limit { what: what.into(), size, limit });
        }
        Ok(())
    }
}

/// Readers are stacked with `std::io::Read`, whose errors carry ours through.
impl From<ReadError> for io::Error {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Io(error) => error,
            error => Self::new(io::ErrorKind::InvalidData, error),
        }
    }
}

/// Takes out the [`ReadError`] that another reader put in.
impl From<io::Error> for ReadError {
    fn from(error: io::Error) -> Self {
        error.downcast::<Self>().unwrap_or_else(Self::Io)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_survives_a_stack_of_readers() {
        let inner = ReadError::malformed("tar header", 512, "the checksum is wrong");
        let text = inner.to_string();
        assert_eq!(ReadError::from(io::Error::from(inner)).to_string(), text);
        let plain = io::Error::from(io::ErrorKind::PermissionDenied);
        assert!(matches!(ReadError::from(plain), ReadError::Io(_)));
    }
}
