//! Debian packages.

pub mod options;
