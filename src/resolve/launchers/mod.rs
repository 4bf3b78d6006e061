//! `[launcher.NAME]`: small programs that find another one, set its environment and become it.
//!
//! What is written is checked here and made into a [`Plan`]; [`sh`] and [`cmd`] write it down for
//! the two families of systems.

mod cmd;
mod sh;

use std::collections::BTreeSet;

use super::work::Work;
use crate::{
    diagnostic::{Diagnostic, Place},
    manifest::{EnvName, Launcher, LauncherEnv, LauncherType, Spanned},
    package::{
        Entry, Os,
        moving::{self, IMAGE},
    },
    payload::Blob,
    tree::{InstallPath, PayloadType},
};

/// A launcher with everything decided.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Plan {
    name: String,
    package: String,
    system: Os,
    /// From its folder to the image, when something in it is relative to that: `..`.
    up: String,
    tries: Vec<Try>,
    /// Leading arguments.
    arguments: Vec<String>,
    env: Vec<Change>,
}

/// One place to look for the program.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Try {
    /// A variable that holds a path.
    Variable(String),
    /// The first of that name on PATH.
    Path(String),
    /// A file.
    File(String),
}

/// What happens to one variable.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Change {
    name: String,
    how: How,
    value: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum How {
    Set,
    Default,
    /// In front of what is there, with the separator.
    Prefix(String),
    /// Behind what is there, with the separator.
    Suffix(String),
}

impl How {
    fn word(&self) -> &'static str {
        match self {
            Self::Set => "set",
            Self::Default => "default",
            Self::Prefix(_) => "prefix",
            Self::Suffix(_) => "suffix",
        }
    }

    fn separator(&self) -> &str {
        match self {
            Self::Set | Self::Default => "",
            Self::Prefix(separator) | Self::Suffix(separator) => separator,
        }
    }
}

/// Adds the launchers of this artifact to what is installed.
pub(super) fn find(work: &mut Work<'_>, entries: &mut Vec<Entry>) {
    let programs = work.programs;
    let shipped = super::services::shipped(work, entries);
    for (name, launcher) in &programs.launcher {
        if !work.selection.uses(&launcher.only, &launcher.except) {
            continue;
        }
        let place = work.tree.find(&["launcher", name]).and_then(|node| node.place.clone());
        let plan = plan(work, name, launcher, &shipped);
        let text = match plan.system {
            Os::Windows => cmd::write(&plan).map_err(|why| {
                let message = format!("launcher `{name}`: {why}");
                work.error("launcher.windows", message, place.as_ref());
            }),
            _ => Ok(sh::write(&plan)),
        };
        let (Ok(text), Ok(path)) = (text, InstallPath::parse(&file_name(name, plan.system))) else {
            continue;
        };
        entries.push(entry(role(launcher), path, text, place));
    }
}

fn role(launcher: &Launcher) -> PayloadType {
    match launcher.r#type {
        LauncherType::Bin => PayloadType::Bin,
        LauncherType::Libexec => PayloadType::Libexec,
    }
}

fn file_name(name: &str, system: Os) -> String {
    if system == Os::Windows { format!("{name}.cmd") } else { name.to_owned() }
}

fn entry(role: PayloadType, path: InstallPath, text: String, place: Option<Place>) -> Entry {
    Entry { place, ..Entry::file(role, path, Blob::from_bytes(text), 0o755) }
}

/// Where a launcher of the manifest is installed, for services that name it.
pub(super) fn path_of(work: &Work<'_>, name: &str) -> Option<String> {
    let launcher = work.programs.launcher.iter().find(|(there, _)| there.0 == name)?.1;
    let used = work.selection.uses(&launcher.only, &launcher.except);
    let dir = work.marked_dir(role(launcher));
    used.then(|| format!("{dir}/{}", file_name(name, work.job.target.os)))
}

fn plan(work: &mut Work<'_>, name: &str, launcher: &Launcher, shipped: &BTreeSet<String>) -> Plan {
    let system = work.job.target.os;
    let mut tries: Vec<_> =
        launcher.find.iter().map(|text| found_by(work, text, shipped)).collect();
    if let Some(program) = launcher.exec.first() {
        tries.push(run_by(work, program, shipped));
    }
    let arguments = launcher.exec.iter().skip(1).map(|word| word.value.clone()).collect();
    let env = launcher.env.iter().map(|row| change(work, name, row, system)).collect();
    let mut plan = Plan {
        name: name.to_owned(),
        package: work.name().to_owned(),
        system,
        up: String::new(),
        tries,
        arguments,
        env,
    };
    if plan.moves() {
        let dir = work.dir(role(launcher));
        let depth = dir.split('/').count();
        plan.up = vec![".."; depth].join("/");
    }
    plan
}

impl Plan {
    /// Whether anything in it is relative to the image.
    fn moves(&self) -> bool {
        self.texts().any(|text| text.contains(IMAGE))
    }

    /// Everything that may hold marks.
    fn texts(&self) -> impl Iterator<Item = &str> {
        let files = self.tries.iter().filter_map(|item| match item {
            Try::File(path) => Some(path.as_str()),
            _ => None,
        });
        let values = self.env.iter().map(|change| change.value.as_str());
        files.chain(self.arguments.iter().map(String::as_str)).chain(values)
    }
}

/// An item of `find`.
fn found_by(work: &mut Work<'_>, item: &Spanned<String>, shipped: &BTreeSet<String>) -> Try {
    let place = item.place.as_ref();
    if let Some(name) = item.strip_prefix("env:") {
        if let Err(problem) = EnvName::check(name) {
            work.error("launcher.find", problem.message, place);
        }
        return Try::Variable(name.to_owned());
    }
    if let Some(name) = item.strip_prefix("path:") {
        if name.is_empty() || name.contains(['/', '\\', ':']) || name.chars().any(char::is_control)
        {
            let message = format!("`{name}` is no name that PATH could have");
            work.error("launcher.find", message, place);
        }
        return Try::Path(name.to_owned());
    }
    if !is_path(item) {
        let message = format!("`{}` is no path", item.value);
        let hint = format!(
            "a program on PATH is `path:{0}`, one of this package `{{{{ dir.libexec }}}}/{0}`",
            item.value
        );
        let error = Diagnostic::usage("launcher.find", message);
        work.found.error(error.at(place.cloned()).hint(hint));
    }
    file(work, item, shipped)
}

/// The program of `exec`: a path, or a name on PATH.
fn run_by(work: &mut Work<'_>, item: &Spanned<String>, shipped: &BTreeSet<String>) -> Try {
    if is_path(item) {
        return file(work, item, shipped);
    }
    if item.is_empty() || item.contains(['/', '\\']) || item.chars().any(char::is_control) {
        let message = format!("`{}` is neither a path nor the name of a program", item.value);
        work.error("launcher.exec", message, item.place.as_ref());
    }
    Try::Path(item.value.clone())
}

fn is_path(text: &str) -> bool {
    text.starts_with('/') || text.starts_with(IMAGE) || text.as_bytes().get(1) == Some(&b':')
}

fn file(work: &mut Work<'_>, item: &Spanned<String>, shipped: &BTreeSet<String>) -> Try {
    let path = moving::within(item);
    if !shipped.contains(&path) && super::services::in_own_dir(work, &path) {
        let message = format!("`{path}` is not in this package");
        let mut error = Diagnostic::usage("launcher.file", message).at(item.place.clone());
        error.hint = super::services::near(&path, shipped);
        work.found.error(error);
    }
    Try::File(item.value.clone())
}

fn change(
    work: &mut Work<'_>,
    launcher: &str,
    (name, env): (&EnvName, &LauncherEnv),
    system: Os,
) -> Change {
    let usual = if system == Os::Windows { ";" } else { ":" };
    let separator = |written: &Option<String>| written.clone().unwrap_or(usual.to_owned());
    let (how, value) = match env {
        LauncherEnv::Set(value) => (How::Set, value),
        LauncherEnv::Default(value) => (How::Default, value),
        LauncherEnv::Prefix(value, written) => (How::Prefix(separator(written)), value),
        LauncherEnv::Suffix(value, written) => (How::Suffix(separator(written)), value),
    };
    let joins = matches!(how, How::Prefix(_) | How::Suffix(_));
    if joins && value.is_empty() {
        let place = work.tree.find(&["launcher", launcher, "env", name]);
        let place = place.and_then(|node| node.place.clone());
        let message = format!(
            "nothing is added to `{name}`: an empty element is the working directory to many programs"
        );
        work.error("launcher.env", message, place.as_ref());
    }
    Change { name: name.to_string(), how, value: value.clone() }
}

#[cfg(test)]
mod tests;
