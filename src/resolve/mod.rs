//! The manifest for one target and one format, with everything found.
