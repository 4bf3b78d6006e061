//! pkggen reads one manifest and writes many native packages.
//!
//! The idea to match: **describe the whole file first, then write it once.** A format is a pure
//! description; payloads are read, hashed and packed once; one small engine does the copying.
//!
//! Modules from the top down; each may use the ones below it, never one above
//! (`tests/architecture.rs` checks that):
//!
//! | module | is for |
//! |---|---|
//! | [`cli`] | arguments, printing, the environment, exit codes |
//! | [`build`] | the verbs in order, from manifest to artifact |
//! | [`inspect`], [`publish`], [`import`], [`trial`] | reading finished artifacts; repositories; other tools' manifests; packages tried on a throw-away machine |
//! | [`format`], [`resolve`] | packages as bytes; manifests as packages |
//! | [`layout`], [`service`], [`sign`], [`template`], [`manifest`], [`fetch`] | types to paths; units; signatures; generated text; what the user wrote; downloads and unpacked archives |
//! | [`package`] | the resolved model: one target, everything found |
//! | [`container`] | ar, tar, zip: byte formats that know trees but no packages |
//! | [`tree`] | what is installed: sorted entries at their final paths |
//! | [`splice`] | recipes: a file as a list of segments, and the writer that carries them out |
//! | [`payload`] | content, read once, and the store of packed pieces |
//! | [`codec`] | packing in pieces that can be pasted |
//! | [`digest`], [`bytes`], [`diagnostic`], [`memory`] | digests, binary records, errors with a place, freed memory |

pub mod build;
pub mod bytes;
pub mod cli;
pub mod codec;
pub mod container;
pub mod diagnostic;
pub mod digest;
pub mod fetch;
pub mod format;
pub mod import;
pub mod inspect;
pub mod layout;
pub mod manifest;
pub mod memory;
pub mod package;
pub mod payload;
pub mod publish;
pub mod resolve;
pub mod service;
pub mod sign;
pub mod splice;
pub mod template;
pub mod tree;
pub mod trial;
