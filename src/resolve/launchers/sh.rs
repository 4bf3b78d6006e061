//! A launcher as a POSIX shell script.
//!
//! Nothing beyond POSIX but `readlink`, which every system with a shell has. A library path is
//! written down beside its old value, so that a launcher that is started below can put it back.

use serde::Serialize;

use super::{Change, Plan, Try};
use crate::{
    package::{
        Os,
        moving::{self, CACHE, IMAGE, LOG, Piece, STATE},
    },
    template::{render, shell},
};

const TEMPLATE: &str = include_str!("../../../templates/launcher/launcher.sh");

/// Variables that make the loader read other libraries: right for one program, wrong for those it
/// starts.
const LIBRARIES: [&str; 2] = ["LD_LIBRARY_PATH", "LD_PRELOAD"];
/// The same on macOS.
const LIBRARIES_OF_MACOS: [&str; 4] = [
    "DYLD_LIBRARY_PATH",
    "DYLD_FALLBACK_LIBRARY_PATH",
    "DYLD_FRAMEWORK_PATH",
    "DYLD_INSERT_LIBRARIES",
];

#[derive(Serialize)]
struct Values {
    name: String,
    package: String,
    shown: String,
    libraries: String,
    up: String,
    /// Directories of the user that are named, and what they are.
    dirs: Vec<(&'static str, String)>,
    by_variable: bool,
    by_path: bool,
    by_file: bool,
    tries: Vec<Row>,
    env: Vec<EnvRow>,
    arguments: String,
}

#[derive(Serialize)]
struct Row {
    kind: &'static str,
    words: String,
}

#[derive(Serialize)]
struct EnvRow {
    name: String,
    kind: &'static str,
    value: String,
    separator: String,
    /// What it holds: `${X-}`.
    now: String,
    /// Something if it is set: `${X+x}`.
    there: String,
    library: bool,
}

/// The script.
pub(super) fn write(plan: &Plan) -> String {
    let has = |kind: fn(&Try) -> bool| plan.tries.iter().any(kind);
    let libraries: &[&str] =
        if plan.system == Os::Macos { &LIBRARIES_OF_MACOS } else { &LIBRARIES };
    let values = Values {
        name: plan.name.clone(),
        package: plan.package.clone(),
        shown: shell(&plan.name),
        libraries: libraries.join(" "),
        up: plan.up.clone(),
        dirs: dirs(plan),
        by_variable: has(|t| matches!(t, Try::Variable(_))),
        by_path: has(|t| matches!(t, Try::Path(_))),
        by_file: has(|t| matches!(t, Try::File(_))),
        tries: plan.tries.iter().map(row).collect(),
        env: plan.env.iter().map(|change| env_row(change, libraries)).collect(),
        arguments: plan.arguments.iter().flat_map(|word| [" ".to_owned(), words(word)]).collect(),
    };
    render(TEMPLATE, &values)
}

/// By the XDG base directory specification.
fn dirs(plan: &Plan) -> Vec<(&'static str, String)> {
    let name = &plan.package;
    let state = format!("${{XDG_STATE_HOME:-${{HOME-}}/.local/state}}/{name}");
    let all = [
        (STATE, "pkggen_state", state.clone()),
        (LOG, "pkggen_log", format!("{state}/log")),
        (CACHE, "pkggen_cache", format!("${{XDG_CACHE_HOME:-${{HOME-}}/.cache}}/{name}")),
    ];
    let named = |mark: &char| plan.texts().any(|text| text.contains(*mark));
    all.into_iter().filter(|(mark, ..)| named(mark)).map(|(_, name, dir)| (name, dir)).collect()
}

fn row(item: &Try) -> Row {
    match item {
        Try::Variable(name) => Row { kind: "variable", words: format!("{name} \"${{{name}-}}\"") },
        Try::Path(name) => Row { kind: "path", words: shell(name) },
        Try::File(path) => Row { kind: "file", words: words(path) },
    }
}

fn env_row(change: &Change, libraries: &[&str]) -> EnvRow {
    let name = &change.name;
    EnvRow {
        kind: change.how.word(),
        value: words(&change.value),
        separator: if change.how.separator().is_empty() {
            String::new()
        } else {
            shell(change.how.separator())
        },
        now: format!("${{{name}-}}"),
        there: format!("${{{name}+x}}"),
        library: libraries.contains(&name.as_str()),
        name: name.clone(),
    }
}

/// One word of the shell; marks become what they stand for when the script runs.
fn words(text: &str) -> String {
    let pieces = moving::pieces(text);
    if pieces.is_empty() {
        return shell("");
    }
    let piece = |piece: &Piece<'_>| match piece {
        Piece::Text(text) => shell(text),
        Piece::Mark(mark) => variable(*mark).to_owned(),
    };
    pieces.iter().map(piece).collect()
}

fn variable(mark: char) -> &'static str {
    match mark {
        IMAGE => "\"$pkggen_image\"",
        STATE => "\"$pkggen_state\"",
        LOG => "\"$pkggen_log\"",
        CACHE => "\"$pkggen_cache\"",
        _ => unreachable!("a mark of `moving`"),
    }
}
