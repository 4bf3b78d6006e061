//! Scriptlets: generated fragments, then the user's script.
//!
//! Order and arguments: docs/formats/rpm.md, "scriptlets". The fragments do what systemd's macros do
//! on Fedora, written out, so that nothing depends on macros of the machine that builds: presets
//! decide what is enabled, an upgrade restarts what runs, removal stops and disables. No line of
//! ours can fail: a failing scriptlet leaves a half-installed system.

use std::{collections::BTreeMap, path::Path};

use serde::Serialize;

use super::{
    tags::{self, sense},
    users,
};
use crate::{
    diagnostic::{Diagnostic, Diagnostics},
    format::{
        linux::{OnMachine, indented},
        units::{self, Unit},
    },
    package::{Calling, Package, Scope, Script, ScriptEvent, Upgrade},
    template::{render, shell},
    tree::{Kind as NodeKind, PayloadType, Tree},
};

macro_rules! template {
    ($name:literal) => {
        include_str!(concat!("../../../templates/rpm/", $name, ".sh"))
    };
}

/// Where a scriptlet of the user's own wants the generated text.
const MARKER: &str = "#PKGGEN#";

/// A scriptlet as the header holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Scriptlet {
    pub kind: Kind,
    /// The program that runs it and its arguments: `/bin/sh`, `<lua>`.
    pub interpreter: Vec<String>,
    /// Its text; without one the interpreter is the whole command.
    pub body: Option<String>,
    /// Further programs that it cannot do without, by path.
    pub calls: Vec<String>,
}

/// When a scriptlet runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    PreTrans,
    PreIn,
    PostIn,
    PreUn,
    PostUn,
    PostTrans,
    Verify,
}

/// What a kind of scriptlet is in a header.
struct Facts {
    kind: Kind,
    /// rpm's word.
    name: &'static str,
    event: ScriptEvent,
    /// Tags of the text and of the interpreter.
    tags: (u32, u32),
    /// What a relation says that the scriptlet needs.
    sense: u32,
}

#[rustfmt::skip]
const KINDS: [Facts; 7] = [
    Facts { kind: Kind::PreTrans, name: "pretrans", event: ScriptEvent::PreTransaction,
        tags: (tags::PRETRANS, tags::PRETRANSPROG), sense: sense::PRETRANS },
    Facts { kind: Kind::PreIn, name: "pre", event: ScriptEvent::PreInstall,
        tags: (tags::PREIN, tags::PREINPROG), sense: sense::SCRIPT_PRE },
    Facts { kind: Kind::PostIn, name: "post", event: ScriptEvent::PostInstall,
        tags: (tags::POSTIN, tags::POSTINPROG), sense: sense::SCRIPT_POST },
    Facts { kind: Kind::PreUn, name: "preun", event: ScriptEvent::PreRemove,
        tags: (tags::PREUN, tags::PREUNPROG), sense: sense::SCRIPT_PREUN },
    Facts { kind: Kind::PostUn, name: "postun", event: ScriptEvent::PostRemove,
        tags: (tags::POSTUN, tags::POSTUNPROG), sense: sense::SCRIPT_POSTUN },
    Facts { kind: Kind::PostTrans, name: "posttrans", event: ScriptEvent::PostTransaction,
        tags: (tags::POSTTRANS, tags::POSTTRANSPROG), sense: sense::POSTTRANS },
    Facts { kind: Kind::Verify, name: "verify", event: ScriptEvent::Verify,
        tags: (tags::VERIFYSCRIPT, tags::VERIFYSCRIPTPROG), sense: sense::SCRIPT_VERIFY },
];

impl Kind {
    fn facts(self) -> &'static Facts {
        KINDS.iter().find(|facts| facts.kind == self).expect("KINDS is complete")
    }

    /// rpm's word: `post`.
    pub(super) fn name(self) -> &'static str {
        self.facts().name
    }

    /// Tags of the text and of the interpreter.
    pub(super) fn tags(self) -> (u32, u32) {
        self.facts().tags
    }

    /// The flag of relations that the scriptlet needs.
    pub(super) fn sense(self) -> u32 {
        self.facts().sense
    }
}

/// All scriptlets that are needed. All mistakes at once.
pub(super) fn scriptlets(
    package: &Package,
    tree: &Tree,
    machine: &OnMachine,
) -> Result<Vec<Scriptlet>, Diagnostics> {
    let work =
        Work { tree, machine, units: units::units(package, tree)?, users: users::users(tree)? };
    let (mut all, mut found) = (Vec::new(), Diagnostics::default());
    for Facts { kind, event, .. } in &KINDS {
        let fragments = work.fragments(*kind);
        let undo = if *kind == Kind::PreIn { work.resume() } else { Vec::new() };
        match scriptlet(*kind, &fragments, &undo, package.scripts.get(event)) {
            Ok(scriptlet) => all.extend(scriptlet),
            Err(error) => found.error(error),
        }
    }
    if found.is_ok() { Ok(all) } else { Err(found) }
}

/// One scriptlet; nothing when there is nothing to do.
fn scriptlet(
    kind: Kind,
    fragments: &[String],
    undo: &[String],
    user: Option<&Script>,
) -> Result<Option<Scriptlet>, Diagnostic> {
    let generated = fragments.join("\n");
    let sh = |body: String, calls: Vec<String>| Scriptlet {
        kind,
        interpreter: vec!["/bin/sh".to_owned()],
        body: Some(body.trim_end().to_owned()),
        calls,
    };
    match user {
        None if generated.is_empty() => Ok(None),
        None => Ok(Some(sh(generated, Vec::new()))),
        Some(user) if user.calling == Calling::Native => native(kind, &generated, user).map(Some),
        Some(user) => {
            let (own, calls) = neutral(kind, user, undo);
            let parts = fragments.iter().chain([&own]).cloned().collect::<Vec<_>>();
            Ok(Some(sh(parts.join("\n"), calls)))
        }
    }
}

/// A script's interpreter by its first line, and the rest of it.
pub(super) fn interpreter(script: &Script) -> (Vec<String>, String) {
    let text = script.text.replace("\r\n", "\n");
    let (first, rest) = text.split_once('\n').unwrap_or((&text, ""));
    let body = if first.starts_with("#!") { rest } else { &text };
    if script.extension == "lua" && script.calling == Calling::Native {
        return (vec!["<lua>".to_owned()], body.to_owned());
    }
    let words: Vec<_> = first
        .strip_prefix("#!")
        .unwrap_or("/bin/sh")
        .split_whitespace()
        .map(str::to_owned)
        .collect();
    (words, body.to_owned())
}

/// Shells that understand the generated text.
const SHELLS: [&str; 8] = [
    "/bin/sh",
    "/usr/bin/sh",
    "/bin/bash",
    "/usr/bin/bash",
    "/bin/dash",
    "/usr/bin/dash",
    "/bin/ksh",
    "/usr/bin/ksh",
];

/// A scriptlet of the format's own kind, with the generated text where it asks for it.
fn native(kind: Kind, generated: &str, user: &Script) -> Result<Scriptlet, Diagnostic> {
    let (words, body) = interpreter(user);
    let wrong = |why: String| Diagnostic::usage("rpm.scriptlet", why).at(user.place.clone());
    let name = kind.name();
    let Some(program) = words.first() else {
        return Err(wrong(format!("the `{name}` scriptlet's `#!` names no interpreter")));
    };
    if !program.starts_with(['/', '<']) {
        return Err(wrong(format!("the `{name}` scriptlet's interpreter `{program}` is no path")));
    }
    if !generated.is_empty() && !SHELLS.contains(&program.as_str()) {
        let why =
            format!("the `{name}` scriptlet is for `{program}`, and generated commands are sh");
        return Err(wrong(why).hint("write it for sh, or use [scripts.rpm]"));
    }
    if !generated.is_empty() && !body.contains(MARKER) {
        let why = format!(
            "the `{name}` scriptlet has no line `{MARKER}`, where generated commands would go"
        );
        return Err(
            wrong(why).hint("put the line where users, directories and services may be set up")
        );
    }
    let body = body.replace(MARKER, generated.trim_end());
    let body = Some(body.trim_end().to_owned()).filter(|body| !body.trim().is_empty());
    Ok(Scriptlet { kind, interpreter: words, body, calls: Vec::new() })
}

#[derive(Serialize)]
struct UserScript {
    text: String,
    interpreter: String,
    end: String,
    undo: String,
}

/// The user's script with one word, so that its `exit` does not skip what follows; and the programs
/// it needs.
fn neutral(kind: Kind, user: &Script, undo: &[String]) -> (String, Vec<String>) {
    let word = if matches!(kind, Kind::PreUn | Kind::PostUn) {
        template!("word-remove")
    } else {
        template!("word-install")
    };
    let (words, body) = interpreter(user);
    let program = words.first().map_or("/bin/sh", String::as_str);
    let is_sh = matches!(program, "/bin/sh" | "/usr/bin/sh") || words == ["/usr/bin/env", "sh"];
    let mut values = UserScript {
        text: if is_sh { &body } else { &user.text }.trim_end().replace("\r\n", "\n"),
        interpreter: words.join(" "),
        end: "PKGGEN-END".into(),
        undo: undo.join("\n").trim_end().to_owned(),
    };
    while values.text.lines().any(|line| line == values.end) {
        values.end.push('-');
    }
    if is_sh && words.get(1).is_some_and(|option| option.starts_with('-')) {
        values.text = format!("set {}\n{}", words[1..].join(" "), values.text);
    }
    let template = if is_sh { template!("user-sh") } else { template!("user-other") };
    let calls = if is_sh { Vec::new() } else { vec![program.to_owned()] };
    (format!("{word}{}", render(template, &values)), calls)
}

/// What fragments are made from.
struct Work<'a> {
    tree: &'a Tree,
    machine: &'a OnMachine,
    units: Vec<Unit>,
    users: Vec<users::Users>,
}

#[derive(Serialize)]
struct Values {
    /// One, or several separated by blanks.
    unit: String,
    units: String,
    /// `--global ` for units of users.
    user: &'static str,
    /// Left to the distribution.
    preset: bool,
    message: String,
    mark: String,
}

impl Work<'_> {
    fn fragments(&self, kind: Kind) -> Vec<String> {
        match kind {
            Kind::PreIn => self.pre(),
            Kind::PostIn => self.post(),
            Kind::PreUn => self.preun(),
            Kind::PostUn => self.postun(),
            Kind::PostTrans => self.resume(),
            Kind::PreTrans | Kind::Verify => Vec::new(),
        }
    }

    fn system(&self) -> impl Iterator<Item = &Unit> {
        self.units.iter().filter(|unit| unit.scope == Scope::System)
    }

    fn stopped_first(&self) -> impl Iterator<Item = &Unit> {
        self.system().filter(|unit| unit.upgrade == Upgrade::StopFirst)
    }

    fn pre(&self) -> Vec<String> {
        let users = self.users.iter().filter_map(make_users);
        let stopped = self.stopped_first().map(|unit| render(template!("stop-first"), &one(unit)));
        users.chain(stopped).collect()
    }

    fn post(&self) -> Vec<String> {
        let mut all = Vec::new();
        let dirs = confs(self.tree, "usr/lib/tmpfiles.d");
        if !dirs.is_empty() {
            all.push(render(template!("directories"), &BTreeMap::from([("conf", dirs)])));
        }
        if has_public_libraries(self.tree) {
            all.push(template!("ldconfig").to_owned());
        }
        for scope in [Scope::System, Scope::User] {
            let new = |written: Option<bool>| {
                self.wanted(scope).filter(move |unit| unit.enable == written)
            };
            all.extend(list(new(None), scope).map(|v| render(template!("preset"), &v)));
            all.extend(list(new(Some(true)), scope).map(|v| render(template!("enable"), &v)));
        }
        for unit in self.system() {
            all.push(render(template!("shadowed"), &one(unit)));
            if unit.start == Some(true) {
                all.push(render(template!("start"), &one(unit)));
            }
        }
        all
    }

    fn wanted(&self, scope: Scope) -> impl Iterator<Item = &Unit> {
        self.units.iter().filter(move |unit| unit.scope == scope && unit.wanted)
    }

    fn preun(&self) -> Vec<String> {
        let mut all = Vec::new();
        for scope in [Scope::System, Scope::User] {
            let removed = list(self.wanted(scope), scope);
            all.extend(removed.map(|values| render(template!("remove"), &values)));
        }
        let unwanted = list(self.system().filter(|unit| !unit.wanted), Scope::System);
        all.extend(unwanted.map(|values| render(template!("stop"), &values)));
        self.shared(all)
    }

    /// Of a package in variants, what only the last of them may do. The one that takes over is
    /// installed before the other one is erased.
    fn shared(&self, last: Vec<String>) -> Vec<String> {
        let Some(marker) = self.machine.variant.as_ref().filter(|_| !last.is_empty()) else {
            return last;
        };
        let values = [
            ("marker", shell(&marker.path)),
            ("variant", shell(&marker.variant)),
            ("body", indented(&last.join("\n"), 2)),
        ];
        vec![render(template!("shared"), &BTreeMap::from(values))]
    }

    /// What ran the old variant runs the new one.
    fn taken_over(&self) -> Option<String> {
        let marker = self.machine.variant.as_ref()?;
        let units = list(self.system(), Scope::System)?.units;
        let values = [("marker", shell(&marker.path)), ("units", units)];
        Some(render(template!("taken-over"), &BTreeMap::from(values)))
    }

    fn postun(&self) -> Vec<String> {
        let mut all = Vec::new();
        if has_public_libraries(self.tree) {
            all.push(template!("ldconfig").to_owned());
        }
        if self.system().next().is_some() || has_units(self.tree) {
            let restarted = self.system().filter(|unit| unit.upgrade == Upgrade::Restart);
            let none = || values("", Scope::System);
            let values = list(restarted, Scope::System).unwrap_or_else(none);
            all.push(render(template!("restart"), &values));
        }
        all.extend(self.taken_over());
        if !self.machine.purged.is_empty() {
            let kept = render(template!("kept"), &BTreeMap::from([("dirs", self.kept())]));
            all.extend(self.shared(vec![kept]));
        }
        all
    }

    fn kept(&self) -> Vec<BTreeMap<&'static str, String>> {
        let dir = |path: &String| {
            let message =
                shell(&format!("{path} is kept; remove it when nobody needs it any more"));
            BTreeMap::from([("path", shell(path)), ("message", message)])
        };
        self.machine.purged.iter().map(dir).collect()
    }

    /// What `stop-first` stopped is started again.
    fn resume(&self) -> Vec<String> {
        self.stopped_first().map(|unit| render(template!("resume"), &one(unit))).collect()
    }
}

fn one(unit: &Unit) -> Values {
    values(&unit.name, unit.scope).of(unit)
}

fn values(unit: &str, scope: Scope) -> Values {
    Values {
        units: if unit.is_empty() { String::new() } else { shell(unit) },
        unit: shell(unit),
        user: if scope == Scope::User { "--global " } else { "" },
        preset: true,
        message: String::new(),
        mark: String::new(),
    }
}

impl Values {
    fn of(mut self, unit: &Unit) -> Self {
        self.preset = unit.enable.is_none() && unit.wanted;
        self.message = shell(&format!(
            "note: /etc/systemd/system/{} is used instead of the unit of this package",
            unit.name
        ));
        self.mark = shell(&format!("/run/{}.stopped-for-upgrade", unit.name));
        self
    }
}

/// Several units in one command, so that a socket does not start its service while that is stopped.
fn list<'a>(units: impl Iterator<Item = &'a Unit>, scope: Scope) -> Option<Values> {
    let names: Vec<_> = units.map(|unit| shell(&unit.name)).collect();
    let all = names.join(" ");
    (!names.is_empty()).then(|| Values { units: all, ..values("", scope) })
}

#[derive(Serialize)]
struct MakeUsers {
    conf: String,
    text: String,
    end: String,
    groups: Vec<users::Account>,
    users: Vec<users::Account>,
}

fn make_users(users: &users::Users) -> Option<String> {
    let mut values = MakeUsers {
        conf: shell(&format!("/usr/lib/sysusers.d/{}", users.conf)),
        text: users.text.clone(),
        end: "PKGGEN-END".into(),
        groups: users.groups(),
        users: users.users(),
    };
    while values.text.lines().any(|line| line == values.end) {
        values.end.push('-');
    }
    let any = !(values.groups.is_empty() && values.users.is_empty());
    any.then(|| render(template!("users"), &values))
}

/// The `.conf` files of a directory, as arguments.
fn confs(tree: &Tree, dir: &str) -> String {
    let there = tree.iter().filter(|(path, node)| {
        let is_conf = Path::new(path.file_name()).extension().is_some_and(|end| end == "conf");
        let in_dir = path.parent().is_some_and(|parent| parent.as_str() == dir);
        in_dir && is_conf && matches!(node.kind, NodeKind::File(_))
    });
    there.map(|(path, _)| shell(path.file_name())).collect::<Vec<_>>().join(" ")
}

/// Whether the package makes directories by `tmpfiles.d`.
pub(super) fn makes_directories(tree: &Tree) -> bool {
    !confs(tree, "usr/lib/tmpfiles.d").is_empty()
}

/// Whether units of the system are shipped, enabled or not.
fn has_units(tree: &Tree) -> bool {
    tree.iter().any(|(path, node)| {
        path.starts_with("usr/lib/systemd/system") && matches!(node.kind, NodeKind::File(_))
    })
}

/// Libraries where every program finds them: the loader's cache has to know.
fn has_public_libraries(tree: &Tree) -> bool {
    tree.iter().any(|(path, node)| {
        let dir = path.parent();
        let public =
            dir.as_ref().is_some_and(|dir| matches!(dir.as_str(), "usr/lib" | "usr/lib64"));
        let searched = dir.as_ref().is_some_and(|dir| dir.as_str() == "etc/ld.so.conf.d");
        let library = public && path.file_name().contains(".so");
        let file = matches!(node.kind, NodeKind::File(_));
        file && (library || searched) && node.role != Some(PayloadType::Doc)
    })
}

#[cfg(test)]
mod tests;
