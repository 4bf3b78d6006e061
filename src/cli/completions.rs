//! `pkggen completions SHELL`.

use clap_complete::Shell;

use super::{args, ui::Ui};

/// Prints the script.
pub(super) fn run(shell: Shell, ui: &Ui) {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut args::command(), "pkggen", &mut script);
    ui.raw(&script);
}
