//! The manifest for one target and one format, with everything found.

pub mod changelog;
mod date;
mod icon;
mod source;
mod text;
mod version;

pub use source::Sources;
