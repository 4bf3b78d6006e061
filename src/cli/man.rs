//! `pkggen man`: the manual pages, made from the arguments.

use std::{fs, path::Path};

use clap::Command;
use clap_mangen::Man;

use super::{Outcome, args, ui::Ui};
use crate::diagnostic::Diagnostic;

/// Prints `pkggen.1`, or writes it and a page per verb into `out`.
pub(super) fn run(out: Option<&Path>, ui: &Ui) -> Outcome {
    let command = args::command();
    let Some(dir) = out else {
        ui.raw(&page(command, "pkggen"));
        return Ok(0);
    };
    write(dir, command, ui).map_err(|error| {
        let text = format!("cannot write manual pages into `{}`", dir.display());
        Diagnostic::failed("write.failed", text).caused_by(&error).into()
    })
}

fn write(dir: &Path, command: Command, ui: &Ui) -> std::io::Result<u8> {
    fs::create_dir_all(dir)?;
    let verbs = command.get_subcommands().filter(|verb| !verb.is_hide_set());
    let pages = verbs.map(|verb| (format!("pkggen-{}", verb.get_name()), verb.clone()));
    for (name, command) in pages.collect::<Vec<_>>().into_iter().chain([("pkggen".into(), command)])
    {
        let path = dir.join(format!("{name}.1"));
        fs::write(&path, page(command, &name))?;
        ui.result(&path.display().to_string());
    }
    Ok(0)
}

fn page(command: Command, name: &str) -> Vec<u8> {
    let mut text = Vec::new();
    let man = Man::new(command).title(name).source(format!("pkggen {}", super::VERSION));
    man.render(&mut text).expect("memory takes every write");
    text
}
