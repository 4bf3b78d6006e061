//! `cargo pkggen`: the same program under Cargo's name for it.

use std::process::ExitCode;

fn main() -> ExitCode {
    pkggen::cli::cargo_main(std::env::args_os())
}
