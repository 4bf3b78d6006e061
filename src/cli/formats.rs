//! `pkggen formats`: what this version makes, and what it does not make yet.

use serde::Serialize;

use super::{Outcome, ui::Ui};
use crate::{format::FORMATS, package::Os};

/// A format of a later version.
pub(super) struct Later {
    /// Its word on the command line and in the manifest.
    pub(super) name: &'static str,
    about: &'static str,
    systems: &'static [Os],
}

/// Formats the manifest may name already.
#[rustfmt::skip]
const LATER: &[Later] = &[
    Later { name: "rpm",      about: "Fedora, RHEL and openSUSE package (.rpm)", systems: &[Os::Linux] },
    Later { name: "appimage", about: "one runnable file (.AppImage)",            systems: &[Os::Linux] },
    Later { name: "app",      about: "macOS application (.app)",                 systems: &[Os::Macos] },
    Later { name: "dmg",      about: "macOS disk image (.dmg)",                  systems: &[Os::Macos] },
    Later { name: "pkg",      about: "macOS installer (.pkg)",                   systems: &[Os::Macos] },
    Later { name: "nsis",     about: "Windows installer (Setup.exe)",            systems: &[Os::Windows] },
    Later { name: "msi",      about: "Windows Installer database (.msi)",        systems: &[Os::Windows] },
];

/// The format of that name, if only a later version makes it.
pub(super) fn later(name: &str) -> Option<&'static Later> {
    LATER.iter().find(|later| {
        later.name == name && !FORMATS.iter().any(|format| format.name() == later.name)
    })
}

/// A row of the table.
#[derive(Serialize)]
struct Row {
    name: &'static str,
    spellings: Vec<&'static str>,
    about: &'static str,
    systems: Vec<&'static str>,
    available: bool,
}

fn words(systems: &[Os]) -> Vec<&'static str> {
    systems.iter().map(|os| os.word()).collect()
}

fn rows() -> Vec<Row> {
    let made = FORMATS.iter().map(|format| Row {
        name: format.name(),
        spellings: format.spellings().to_vec(),
        about: format.about(),
        systems: words(format.systems()),
        available: true,
    });
    let rest = LATER.iter().filter(|row| later(row.name).is_some()).map(|later| Row {
        name: later.name,
        spellings: vec![later.name],
        about: later.about,
        systems: words(later.systems),
        available: false,
    });
    made.chain(rest).collect()
}

/// Prints the table.
pub(super) fn run(ui: &Ui) -> Outcome {
    ui.document(&serde_json::json!({ "formats": rows() }));
    for Row { name, spellings, about, systems, available } in rows() {
        let systems =
            if systems.len() == Os::ALL.len() { "every system".into() } else { systems.join(", ") };
        let spelt =
            if spellings.len() > 1 { format!(": {}", spellings.join(", ")) } else { String::new() };
        let note = if available { "" } else { " (not in this version)" };
        ui.result(&format!("{name:<9} {systems:<15} {about}{spelt}{note}"));
    }
    Ok(0)
}
