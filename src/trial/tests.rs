//! trial tests
