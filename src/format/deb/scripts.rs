//! Maintainer scripts: generated fragments, then the user's script.
//!
//! Calls and their order: Debian policy, chapter 6. The fragments do what debhelper 13.11 does with
//! init-system-helpers 1.65: a disabled service stays disabled, policy-rc.d is respected, a service
//! that is stopped on upgrade is started again.

use std::{collections::BTreeMap, path::Path};

use serde::Serialize;

use super::{options::DebOptions, space};
use crate::{
    diagnostic::{Diagnostic, Diagnostics},
    format::{
        linux::{OnMachine, indented},
        units::Unit,
    },
    package::{Calling, Package, Scope, Script, ScriptEvent, Upgrade},
    template::{render, shell},
    tree::{Kind, Node, Tree},
};

macro_rules! template {
    ($name:literal) => {
        include_str!(concat!("../../../templates/deb/", $name, ".sh"))
    };
}

/// The four scripts, the user's event for each, and the one word each call is for the user. Calls are
/// `$1:` and `again` when `$2` is set; `abort-…`, `failed-upgrade` and `triggered` are no business of
/// the user's script.
#[rustfmt::skip]
const SCRIPTS: [(&str, ScriptEvent, Words); 4] = [
    ("preinst", ScriptEvent::PreInstall, &[("install:*", "install"), ("upgrade:*", "upgrade")]),
    ("postinst", ScriptEvent::PostInstall,
        &[("configure:", "install"), ("configure:again", "upgrade")]),
    ("prerm", ScriptEvent::PreRemove, &[("remove:*", "remove"), ("upgrade:*", "upgrade")]),
    ("postrm", ScriptEvent::PostRemove,
        &[("remove:*", "remove"), ("upgrade:*", "upgrade"), ("purge:*", "purge")]),
];

/// Calls, each with the word for it.
type Words = &'static [(&'static str, &'static str)];

/// Where a native script wants the generated text.
const TOKEN: &str = "#DEBHELPER#";

/// Names and texts of the scripts that are needed.
pub(super) fn scripts(
    package: &Package,
    tree: &Tree,
    units: &[Unit],
    options: &DebOptions,
    machine: &OnMachine,
) -> Result<Vec<(&'static str, String)>, Diagnostics> {
    let (mut all, mut found) = (Vec::new(), Diagnostics::default());
    for (name, event, words) in SCRIPTS {
        let fragments = match name {
            "preinst" => preinst(package, tree, units),
            "postinst" => postinst(tree, units, machine),
            "prerm" => prerm(units),
            _ => postrm(package, tree, units, options, machine),
        };
        match script(name, &fragments, package.scripts.get(&event), words) {
            Ok(text) => all.extend(text.map(|text| (name, text))),
            Err(error) => found.error(error),
        }
    }
    if found.is_ok() { Ok(all) } else { Err(found) }
}

/// One script; nothing when there is nothing to do.
fn script(
    name: &str,
    fragments: &[String],
    user: Option<&Script>,
    words: Words,
) -> Result<Option<String>, Diagnostic> {
    let generated = fragments.join("\n");
    match user {
        None if generated.is_empty() => Ok(None),
        None => Ok(Some(format!("#!/bin/sh\nset -e\n\n{generated}"))),
        Some(user) if user.calling == Calling::Native => native(name, &generated, user).map(Some),
        Some(user) => {
            let generated = fragments.iter().map(|text| text.clone() + "\n").collect::<String>();
            Ok(Some(format!("#!/bin/sh\nset -e\n\n{generated}{}", neutral(user, words))))
        }
    }
}

/// A script of the format's own kind, with the generated text where it asks for it.
fn native(name: &str, generated: &str, user: &Script) -> Result<String, Diagnostic> {
    let mut text = user.text.replace("\r\n", "\n");
    if !text.starts_with("#!") {
        text = format!("#!/bin/sh\nset -e\n\n{text}");
    }
    if !text.ends_with('\n') {
        text.push('\n');
    }
    if generated.is_empty() || text.contains(TOKEN) {
        return Ok(text.replace(TOKEN, generated.trim_end()));
    }
    let text =
        format!("the {name} script has no line `{TOKEN}`, where generated commands would go");
    Err(Diagnostic::usage("deb.script", text)
        .at(user.place.clone())
        .hint("put the line where users, directories and services may be set up"))
}

#[derive(Serialize)]
struct Row {
    call: &'static str,
    word: &'static str,
}

#[derive(Serialize)]
struct UserScript {
    name: String,
    text: String,
    interpreter: String,
    end: String,
}

/// The user's script with one word, so that its `exit` does not skip what follows.
fn neutral(user: &Script, words: Words) -> String {
    let rows: Vec<_> = words.iter().map(|&(call, word)| Row { call, word }).collect();
    let word = render(template!("word"), &BTreeMap::from([("rows", rows)]));
    let text = user.text.replace("\r\n", "\n");
    let (interpreter, body) = match text.strip_prefix("#!").and_then(|rest| rest.split_once('\n')) {
        Some((interpreter, body)) => (interpreter.trim().to_owned(), body.to_owned()),
        None => ("/bin/sh".to_owned(), text.clone()),
    };
    let (program, options) = interpreter.split_once(' ').unwrap_or((&interpreter, ""));
    let is_sh = matches!(program, "/bin/sh" | "/usr/bin/sh") || interpreter == "/usr/bin/env sh";
    let mut values = UserScript {
        name: "the package's own script".into(),
        text: if is_sh { body } else { text.clone() }.trim_end().to_owned(),
        interpreter: interpreter.clone(),
        end: "PKGGEN-END".into(),
    };
    while text.lines().any(|line| line == values.end) {
        values.end.push('-');
    }
    let template = if is_sh { template!("user-sh") } else { template!("user-other") };
    if is_sh && options.starts_with('-') {
        values.text = format!("set {options}\n{}", values.text);
    }
    format!("{word}{}", render(template, &values))
}

#[derive(Serialize)]
struct UnitValues {
    unit: String,
    /// `--user ` for units of users.
    user: &'static str,
    /// On a first installation.
    first: &'static str,
    /// On every other.
    again: &'static str,
    message: String,
}

fn values(unit: &Unit) -> UnitValues {
    let (first, again) = match (unit.start.unwrap_or(true), unit.upgrade) {
        (true, Upgrade::Restart) => ("start", "restart"),
        // no effect on what runs
        (true, Upgrade::Keep | Upgrade::StopFirst) => ("start", "start"),
        (false, Upgrade::Restart) => ("", "try-restart"),
        (false, Upgrade::StopFirst) => ("", "start"),
        (false, Upgrade::Keep) => ("", ""),
    };
    let message = format!(
        "note: /etc/systemd/system/{} is used instead of the unit of this package",
        unit.name
    );
    UnitValues {
        unit: shell(&unit.name),
        user: if unit.scope == Scope::User { "--user " } else { "" },
        first,
        again,
        message: shell(&message),
    }
}

fn system(units: &[Unit]) -> impl Iterator<Item = &Unit> {
    units.iter().filter(|unit| unit.scope == Scope::System)
}

fn preinst(package: &Package, tree: &Tree, units: &[Unit]) -> Vec<String> {
    let stopped = system(units).filter(|unit| unit.upgrade == Upgrade::StopFirst);
    let stopped = stopped.map(|unit| render(template!("stop-first"), &values(unit)));
    space::check(package, tree).into_iter().chain(stopped).collect()
}

fn prerm(units: &[Unit]) -> Vec<String> {
    system(units).map(|unit| render(template!("stop"), &values(unit))).collect()
}

fn postinst(tree: &Tree, units: &[Unit], machine: &OnMachine) -> Vec<String> {
    let mut all = Vec::new();
    let users = confs(tree, "usr/lib/sysusers.d", true);
    if !users.is_empty() {
        all.push(render(template!("users"), &BTreeMap::from([("conf", users)])));
    }
    let dirs = confs(tree, "usr/lib/tmpfiles.d", !machine.dirs.is_empty());
    if !dirs.is_empty() {
        all.push(render(template!("directories"), &BTreeMap::from([("conf", dirs)])));
    }
    all.extend(owners(tree));
    all.extend(capabilities(tree));
    for unit in units.iter().filter(|unit| unit.wanted) {
        let template =
            if unit.enable.unwrap_or(true) { template!("enable") } else { template!("register") };
        all.push(render(template, &values(unit)));
    }
    for unit in system(units) {
        all.push(render(template!("shadowed"), &values(unit)));
        all.push(render(template!("start"), &values(unit)));
    }
    let follow: Vec<_> =
        units.iter().filter(|unit| unit.follows).map(|unit| shell(&unit.name)).collect();
    if !follow.is_empty() {
        all.push(render(template!("follow"), &BTreeMap::from([("units", follow.join(" "))])));
    }
    all
}

/// The `.conf` files of a directory, as arguments: the user's, and the generated one if `ours`.
pub(super) fn confs(tree: &Tree, dir: &str, ours: bool) -> String {
    let there = tree.iter().filter(|(path, node)| {
        let is_conf = Path::new(path.file_name()).extension().is_some_and(|end| end == "conf");
        let in_dir = path.parent().is_some_and(|parent| parent.as_str() == dir);
        in_dir && is_conf && (ours || node.role.is_some())
    });
    there.map(|(path, _)| shell(path.file_name())).collect::<Vec<_>>().join(" ")
}

#[derive(Serialize)]
struct Owned {
    path: String,
    owner: String,
    mode: String,
    capabilities: String,
    warning: String,
}

fn owned(path: &str, node: &Node) -> Owned {
    let capabilities = node.capabilities.clone().unwrap_or_default();
    let warning = format!("warning: /{path} did not get the capabilities {capabilities}");
    Owned {
        path: shell(&format!("/{path}")),
        owner: shell(&format!("{}:{}", node.owner, node.group)),
        mode: node.mode.to_string(),
        capabilities: shell(&capabilities),
        warning: shell(&warning),
    }
}

fn files(template: &str, files: Vec<Owned>) -> Option<String> {
    let values = BTreeMap::from([("files", files)]);
    (!values["files"].is_empty()).then(|| render(template, &values))
}

/// Files and directories that belong to a service's user.
fn owners(tree: &Tree) -> Option<String> {
    let theirs = tree.iter().filter(|(_, node)| {
        (node.owner != "root" || node.group != "root")
            && matches!(node.kind, Kind::File(_) | Kind::Dir)
    });
    let theirs = theirs.map(|(path, node)| owned(path.as_str(), node)).collect();
    files(template!("owners"), theirs)
}

fn capabilities(tree: &Tree) -> Option<String> {
    let capable = tree.iter().filter(|(_, node)| node.capabilities.is_some());
    let capable = capable.map(|(path, node)| owned(path.as_str(), node)).collect();
    files(template!("capabilities"), capable)
}

#[derive(Serialize)]
struct Purged {
    dirs: Vec<String>,
    files: Vec<String>,
    parents: Vec<String>,
}

fn postrm(
    package: &Package,
    tree: &Tree,
    units: &[Unit],
    options: &DebOptions,
    machine: &OnMachine,
) -> Vec<String> {
    let mut all = Vec::new();
    if system(units).next().is_some() || has_units(tree) {
        all.push(template!("reload").to_owned());
    }
    let wanted = units.iter().filter(|unit| unit.wanted);
    let mut last: Vec<_> = wanted.map(|unit| render(template!("forget"), &values(unit))).collect();
    let purged = purged(package, tree, machine);
    if !(purged.dirs.is_empty() && purged.files.is_empty()) {
        last.push(render(template!("purge"), &purged));
    }
    all.extend(shared(last, machine));
    if options.debconf.is_some() && !forgets_answers(package) {
        all.push(template!("answers").to_owned());
    }
    all
}

/// Of a package in variants, what only the last of them may do.
fn shared(last: Vec<String>, machine: &OnMachine) -> Vec<String> {
    match &machine.variant {
        Some(marker) if !last.is_empty() => {
            let values = [("marker", shell(&marker.path)), ("body", indented(&last.join("\n"), 2))];
            vec![render(template!("shared"), &BTreeMap::from(values))]
        }
        _ => last,
    }
}

/// Whether the user's own script drops debconf's answers.
fn forgets_answers(package: &Package) -> bool {
    let own = package.scripts.get(&ScriptEvent::PostRemove);
    own.is_some_and(|script| script.text.contains("db_purge"))
}

/// Whether units of the system are shipped, enabled or not.
fn has_units(tree: &Tree) -> bool {
    tree.iter().any(|(path, node)| {
        path.starts_with("usr/lib/systemd/system") && matches!(node.kind, Kind::File(_))
    })
}

/// State, logs, caches and ghosts; and the package's own directories that only ghosts were in, because
/// dpkg removes empty directories before it calls `postrm purge`.
fn purged(package: &Package, tree: &Tree, machine: &OnMachine) -> Purged {
    let ghosts = || tree.iter().filter(|(_, node)| matches!(node.kind, Kind::Ghost));
    let own = |dir: &str| dir.split('/').any(|part| part == package.family.base.as_str());
    let mut parents: Vec<_> = ghosts()
        .filter_map(|(path, _)| path.parent())
        .filter(|dir| own(dir.as_str()))
        .map(|dir| shell(&format!("/{dir}")))
        .collect();
    parents.dedup();
    Purged {
        dirs: machine.purged.iter().map(|path| shell(path)).collect(),
        files: ghosts().map(|(path, _)| shell(&format!("/{path}"))).collect(),
        parents,
    }
}
