//! The `cpio` archive of rpm payloads: "newc" records, and rpm's own `07070X` ones.
//!
//! Format: cpio(5), "New ASCII Format" and "New CRC Format"; rpm's lib/cpio.c. Numbers are eight hex
//! digits. Byte tables: docs/formats/rpm.md, "Payload".

mod read;

pub use read::{Entry, Reader, Record};

/// What a record starts with.
pub const MAGIC: &[u8; 6] = b"070701";

/// What a record with a checksum of its content starts with.
pub const MAGIC_CRC: &[u8; 6] = b"070702";

/// What a record starts with that has an index in place of a name and of everything else.
pub const MAGIC_INDEX: &[u8; 6] = b"07070X";

/// Length of a record up to its name, in bytes: the magic and thirteen numbers.
pub const HEADER: usize = 110;

/// Length of a record that has an index, in bytes, without padding.
pub const INDEX_HEADER: usize = 14;

/// The name of the last record.
pub const TRAILER: &[u8] = b"TRAILER!!!";
