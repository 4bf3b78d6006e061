//! Parse arguments, run, print the error, exit; nothing else.

use std::process::ExitCode;

fn main() -> ExitCode {
    pkggen::cli::main(std::env::args_os(), "pkggen")
}
