//! `pkggen formats`: what this version makes, and what it does not make yet.

use serde::Serialize;

use super::ui::Ui;
use crate::{
    format::{FORMATS, TABLES},
    manifest::FormatFacts,
    package::Os,
};

/// What the formats of later versions are; the manifest has their tables already.
#[rustfmt::skip]
const LATER: &[(&str, &str)] = &[
    ("appimage", "one runnable file (.AppImage)"),
    ("app",      "macOS application (.app)"),
    ("dmg",      "macOS disk image (.dmg)"),
    ("pkg",      "macOS installer (.pkg)"),
    ("nsis",     "Windows installer (Setup.exe)"),
    ("msi",      "Windows Installer database (.msi)"),
];

/// Formats that the manifest knows and this version does not make.
fn laters() -> impl Iterator<Item = &'static FormatFacts> {
    let made = |name: &str| FORMATS.iter().any(|format| format.name() == name);
    TABLES.iter().flat_map(|table| table.formats).filter(move |facts| !made(facts.name))
}

/// Whether a word names a format that only a later version makes.
pub(super) fn is_later(word: &str) -> bool {
    laters().any(|facts| facts.name == word || facts.spellings.contains(&word))
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
    let about = |name| LATER.iter().find(|row| row.0 == name).map_or("", |row| row.1);
    let rest = laters().map(|facts| Row {
        name: facts.name,
        spellings: facts.spellings.to_vec(),
        about: about(facts.name),
        systems: words(facts.systems),
        available: false,
    });
    made.chain(rest).collect()
}

/// Prints the table.
pub(super) fn run(ui: &Ui) {
    ui.document(&serde_json::json!({ "formats": rows() }));
    for Row { name, spellings, about, systems, available } in rows() {
        let systems =
            if systems.len() == Os::ALL.len() { "every system".into() } else { systems.join(", ") };
        let spelt =
            if spellings.len() > 1 { format!(": {}", spellings.join(", ")) } else { String::new() };
        let note = if available { "" } else { " (not in this version)" };
        ui.result(&format!("{name:<9} {systems:<15} {about}{spelt}{note}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_format_says_what_it_is() {
        for row in rows() {
            assert!(!row.about.is_empty(), "{}", row.name);
        }
    }
}
