//! `cargo pkggen`: the same program under Cargo's name for it.

fn main() {}
