//! Signatures: OpenPGP for packages, repositories and checksums.
//!
//! Keys come from files, the environment or commands, never from the manifest. What is secret is
//! not printed: not in errors, not in `Debug`, not in `--json`.

pub mod openpgp;
mod secret;

pub use secret::{Secret, Source};
