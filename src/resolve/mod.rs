//! The manifest for one target and one format, with everything found.

pub mod changelog;
mod date;
mod source;

pub use source::Sources;
