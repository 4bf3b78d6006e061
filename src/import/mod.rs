//! Other tools' tables as manifests.

pub mod cargo;
