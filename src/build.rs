//! The verbs in order: resolve, ingest, plan, write, read back, rename.

mod sums;
