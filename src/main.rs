//! Parse arguments, run, print the error, exit; nothing else.

fn main() {}
