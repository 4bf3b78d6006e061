//! Debian packages.

pub mod depends;
pub mod options;
pub mod read;
pub mod version;
