//! RPM packages, version 4: a lead, a signature header, a header with all metadata, a packed cpio
//! of the files.
//!
//! Format: rpm `docs/manual/format_v4.md`. Byte tables and decisions: docs/formats/rpm.md.

pub mod depends;
pub mod header;
pub mod options;
pub mod package;
pub mod read;
pub mod relation;
mod relations;
mod scriptlets;
pub mod tags;
mod triggers;
mod users;
pub mod version;
