//! Byte formats that know trees but no packages: bytes in, recipe out; and strict readers for them.

pub mod ar;
mod calendar;
pub mod cpio;
mod error;
mod input;
pub mod tar;
pub mod unpack;
pub mod zip;

pub(crate) use calendar::{rfc2822, utc};
pub use error::ReadError;
pub use input::{Input, Tap};

/// Something is larger than a container can say.
///
/// ```text
/// member `data.tar` (bytes) is 10000000000, but ar can hold at most 9999999999
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} is {size}, but {container} can hold at most {limit}")]
pub struct LimitError {
    /// Which field and its unit: ``member `data.tar` (bytes)``.
    pub what: String,
    /// How large it is.
    pub size: u64,
    /// Which container: `ar`.
    pub container: &'static str,
    /// The most it can hold.
    pub limit: u64,
}

impl LimitError {
    /// Refuses a `size` above the `limit`.
    fn check(
        container: &'static str,
        limit: u64,
        size: u64,
        what: impl FnOnce() -> String,
    ) -> Result<(), Self> {
        if size > limit {
            return Err(Self { what: what(), size, container, limit });
        }
        Ok(())
    }
}
