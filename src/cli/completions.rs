//! `pkggen completions SHELL`.

use clap_complete::Shell;

use super::{Outcome, args, ui::Ui};

/// Prints the script.
pub(super) fn run(shell: Shell, ui: &Ui) -> Outcome {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut args::command(), "pkggen", &mut script);
    ui.raw(&script);
    Ok(0)
}
