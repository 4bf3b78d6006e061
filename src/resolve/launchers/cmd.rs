//! A launcher as a batch file for Windows.
//!
//! Quoting: <https://ss64.com/nt/syntax-esc.html>; arguments as the C runtime reads them, then each
//! character that cmd.exe cares about behind a `^`.

use std::path::Path;

use serde::Serialize;

use super::{Change, How, Plan, Try};
use crate::{
    package::moving::{self, CACHE, IMAGE, LOG, Piece, STATE},
    template::render,
};

const TEMPLATE: &str = include_str!("../../../templates/launcher/launcher.cmd");

#[derive(Serialize)]
struct Values {
    name: String,
    package: String,
    shown: String,
    up: String,
    tries: Vec<Row>,
    env: Vec<EnvRow>,
    arguments: String,
}

#[derive(Serialize)]
struct Row {
    kind: &'static str,
    name: String,
    words: String,
    tried: String,
}

#[derive(Serialize)]
struct EnvRow {
    name: String,
    kind: &'static str,
    whole: String,
    joined: String,
}

/// The batch file, or why there can be none.
pub(super) fn write(plan: &Plan) -> Result<String, String> {
    let values = Values {
        name: plan.name.clone(),
        package: plan.package.clone(),
        shown: echoed(&plan.name),
        up: plan.up.replace('/', "\\"),
        tries: plan.tries.iter().map(|item| row(item, &plan.package)).collect::<Result<_, _>>()?,
        env: plan
            .env
            .iter()
            .map(|change| env_row(change, &plan.package))
            .collect::<Result<_, _>>()?,
        arguments: arguments(&plan.arguments, &plan.package)?,
    };
    Ok(render(TEMPLATE, &values).replace('\n', "\r\n"))
}

fn row(item: &Try, package: &str) -> Result<Row, String> {
    Ok(match item {
        Try::Variable(name) => Row {
            kind: "variable",
            name: name.clone(),
            words: String::new(),
            tried: format!("%%{name}%%: not set"),
        },
        Try::Path(name) => Row {
            kind: "path",
            name: String::new(),
            words: on_path(name),
            tried: echoed(&format!("{name}: not on PATH")),
        },
        Try::File(path) => Row {
            kind: "file",
            name: String::new(),
            words: set("pkggen_program", path, package)?,
            tried: echoed(&format!("{}: no such file", moving::within(path).replace('/', "\\"))),
        },
    })
}

/// Names that PATH is searched for. A batch file is none of them: that may be this launcher.
fn on_path(name: &str) -> String {
    let name = name.replace('%', "%%");
    let end = Path::new(&name).extension();
    if end.is_some_and(|end| end.eq_ignore_ascii_case("exe") || end.eq_ignore_ascii_case("com")) {
        return format!("\"{name}\"");
    }
    format!("\"{name}.com\" \"{name}.exe\"")
}

fn env_row(change: &Change, package: &str) -> Result<EnvRow, String> {
    let Change { name, how, value } = change;
    let separator = how.separator();
    let joined = match how {
        How::Prefix(_) => statement(
            name,
            &format!("{}{}%{name}%", text(value, package)?, text(separator, package)?),
        ),
        How::Suffix(_) => statement(
            name,
            &format!("%{name}%{}{}", text(separator, package)?, text(value, package)?),
        ),
        How::Set | How::Default => String::new(),
    };
    Ok(EnvRow { name: name.clone(), kind: how.word(), whole: set(name, value, package)?, joined })
}

/// Sets a variable, whatever the value holds.
fn set(name: &str, value: &str, package: &str) -> Result<String, String> {
    let text = text(value, package)?;
    if !value.contains('"') {
        return Ok(statement(name, &text));
    }
    // unquoted, every special character by itself: a quote inside of quotes would end them
    Ok(format!("set {name}={}", careted(&text, "()^\"<>&|")))
}

fn statement(name: &str, text: &str) -> String {
    format!("set \"{name}={text}\"")
}

fn careted(text: &str, special: &str) -> String {
    let put = |c: char| if special.contains(c) { format!("^{c}") } else { c.to_string() };
    text.chars().map(put).collect()
}

/// A value with its marks replaced and `%` doubled.
fn text(value: &str, package: &str) -> Result<String, String> {
    if value.contains(['\n', '\r', '\0']) {
        return Err("a value with a line break cannot be written in a batch file".into());
    }
    let (mut all, mut path) = (String::new(), false);
    for piece in moving::pieces(value) {
        match piece {
            Piece::Mark(mark) => {
                all.push_str(&variable(mark, package));
                path = true;
            }
            Piece::Text(text) => {
                let end = text.find(';').filter(|_| path).unwrap_or(text.len());
                let (near, far) = if path { text.split_at(end) } else { ("", text) };
                all.push_str(&near.replace('/', "\\").replace('%', "%%"));
                all.push_str(&far.replace('%', "%%"));
                path = false;
            }
        }
    }
    Ok(all)
}

fn variable(mark: char, package: &str) -> String {
    match mark {
        IMAGE => "%pkggen_image%".into(),
        STATE => format!("%LOCALAPPDATA%\\{package}"),
        LOG => format!("%LOCALAPPDATA%\\{package}\\log"),
        CACHE => format!("%LOCALAPPDATA%\\{package}\\cache"),
        _ => unreachable!("a mark of `moving`"),
    }
}

/// Arguments behind the program, each with a blank before it.
fn arguments(words: &[String], package: &str) -> Result<String, String> {
    words.iter().map(|word| Ok(format!(" {}", argument(word, package)?))).collect()
}

fn argument(word: &str, package: &str) -> Result<String, String> {
    let text = text(word, package)?;
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./\\:=+@%".contains(c) || !c.is_ascii();
    if !word.is_empty() && !moving::moves(word) && text.chars().all(plain) {
        return Ok(text);
    }
    let quoted = crate::service::windows::quoted(&text);
    Ok(if word.contains('"') { careted(&quoted, "()^\"<>&|!") } else { quoted })
}

/// Text for `echo`.
fn echoed(text: &str) -> String {
    careted(&text.replace('%', "%%"), "()^\"<>&|")
}
