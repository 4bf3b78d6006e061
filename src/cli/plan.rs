//! `pkggen plan`: what would be made, and what it does on the user's machine.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::Arc,
};

use serde::Serialize;

use super::{
    Outcome,
    args::Flags,
    session::Session,
    ui::{Problem, Ui, count, size},
};
use crate::{
    build::{Planned, Prepared, Signer},
    diagnostic::{Diagnostic, Diagnostics},
    format::control,
    package::{Embedded, Family, Fetched, Scope, Service, Upgrade},
    payload::{self, Blob},
    resolve::gguf,
    sign::openpgp::Identity,
    tree::{InstallPath, Kind, Node, PayloadType, Tree},
};

/// An artifact in `--json`.
#[derive(Serialize)]
struct Row<'a> {
    target: String,
    variant: Option<&'a str>,
    component: Option<&'a str>,
    format: &'a str,
    path: String,
    size: u64,
    estimated: bool,
    installed_size: u64,
    packing: String,
    files: Vec<FileRow<'a>>,
    services: Vec<ServiceRow<'a>>,
    signer: Option<String>,
    relations: BTreeMap<&'a str, &'a str>,
    /// Components beside it, in it and not in it.
    components: Vec<ComponentRow<'a>>,
    notes: Vec<String>,
}

#[derive(Serialize)]
pub(super) struct FileRow<'a> {
    path: String,
    #[serde(rename = "type")]
    role: Option<&'a str>,
    kind: &'a str,
    size: Option<u64>,
    target: Option<&'a str>,
    mode: String,
    owner: &'a str,
    group: &'a str,
    config: bool,
}

/// A component of an artifact.
#[derive(Serialize)]
struct ComponentRow<'a> {
    name: &'a str,
    version: String,
    deliver: &'static str,
    /// The package that it is.
    package: Option<&'a str>,
    size: Option<u64>,
}

#[derive(Serialize)]
struct ServiceRow<'a> {
    name: &'a str,
    scope: &'a str,
    user: Option<&'a str>,
    registered: bool,
    /// `null`: by the distribution's preset.
    enabled: Option<bool>,
    started: bool,
    upgrade: &'a str,
}

/// An artifact and what is found out about it for the plan alone.
struct Shown<'a> {
    plan: &'a Planned,
    /// Estimated, in bytes.
    size: u64,
    /// `Depends` and the like.
    relations: Vec<(String, String)>,
}

/// Prints the plan.
pub(super) fn run(formats: &[String], flags: &Flags, ui: &Ui) -> Outcome {
    let session = Session::open(flags, ui)?;
    let prepared = session.prepare(formats)?;
    let shown = shown(&prepared)?;
    let rows: Vec<_> = shown.iter().map(|shown| row(shown, session.out())).collect();
    ui.document(&serde_json::json!({
        "artifacts": rows,
        "left_out": left_out(&prepared),
        "warnings": Problem::warnings(&prepared.found),
    }));
    text(&shown, session.out(), ui);
    for line in left_out_lines(&prepared) {
        ui.result(&line);
    }
    ui.warnings(&prepared.found);
    Ok(0)
}

fn shown(prepared: &Prepared) -> Result<Vec<Shown<'_>>, Diagnostics> {
    let sizes = sizes(prepared)?;
    let with = |(plan, size): (&'_ Planned, u64)| {
        let relations = plan.format.relations(&plan.package, &plan.tree, &plan.context())?;
        Ok((size, relations))
    };
    let found: Result<Vec<_>, Diagnostics> = prepared.planned.iter().zip(sizes).map(with).collect();
    let rows = prepared.planned.iter().zip(found?);
    Ok(rows.map(|(plan, (size, relations))| Shown { plan, size, relations }).collect())
}

fn text(shown: &[Shown<'_>], out: &Path, ui: &Ui) {
    let Some(first) = shown.first() else { return };
    let targets: BTreeSet<_> = shown.iter().map(|shown| shown.plan.target).collect();
    ui.result(&format!(
        "{} {} · {} · {}",
        first.plan.package.family.base,
        first.plan.package.version,
        count(targets.len(), "target"),
        count(shown.len(), "artifact"),
    ));
    let name = |shown: &Shown<'_>| out.join(&shown.plan.file_name).display().to_string();
    let left = targets.iter().map(|target| target.to_string().len()).max().unwrap_or(0);
    let wide = shown.iter().map(|shown| name(shown).chars().count()).max().unwrap_or(0);
    let mut last = None;
    for row in shown {
        let again = last.replace(row.plan.target) == Some(row.plan.target);
        let target = if again { String::new() } else { row.plan.target.to_string() };
        let about = format!("~{}", size(row.size));
        ui.result(&format!("  {target:<left$}  {:<wide$}  {about:>9}", name(row)));
        for (field, list) in &row.relations {
            ui.result(&format!("  {:<left$}  {field}: {list}", ""));
        }
        for note in notes(row.plan).into_iter().chain(signature(row.plan)) {
            ui.result(&format!("  {:<left$}  {note}", ""));
        }
    }
    for line in unsigned(shown) {
        ui.result(&line);
    }
}

/// What is not made, one line per reason.
pub(super) fn left_out_lines(prepared: &Prepared) -> Vec<String> {
    let mut reasons: Vec<(&str, Vec<&str>)> = Vec::new();
    for left in &prepared.left_out {
        match reasons.iter_mut().find(|(why, _)| *why == left.why) {
            Some((_, what)) => what.push(&left.what),
            None => reasons.push((&left.why, vec![&left.what])),
        }
    }
    let line = |(why, what): (&str, Vec<&str>)| format!("left out: {} ({why})", what.join(", "));
    reasons.into_iter().map(line).collect()
}

/// Estimated size of every artifact, in bytes; each payload is sampled once per packing.
fn sizes(prepared: &Prepared) -> Result<Vec<u64>, Diagnostics> {
    let mut known = BTreeMap::new();
    let mut sizes = Vec::new();
    for plan in &prepared.planned {
        let mut total = 1024;
        for (_, node) in plan.tree.iter() {
            total += 64;
            let Some(blob) = node.blob() else { continue };
            let key = (blob.path().map(Path::to_owned), plan.packing);
            if let (Some(_), Some(size)) = (blob.path(), known.get(&key)) {
                total += size;
                continue;
            }
            let size = payload::estimate(blob, plan.packing).map_err(|error| {
                let path = blob.path().unwrap_or(Path::new("")).display();
                Diagnostic::failed("payload.unreadable", format!("cannot read `{path}`"))
                    .caused_by(&error)
            })?;
            known.insert(key, size);
            total += size;
        }
        sizes.push(total);
    }
    Ok(sizes)
}

fn row<'a>(shown: &'a Shown<'a>, out: &Path) -> Row<'a> {
    let Shown { plan, size, relations } = shown;
    Row {
        target: plan.target.to_string(),
        variant: plan.package.family.variant.as_ref().map(|variant| variant.name.as_str()),
        component: plan.package.family.component.as_deref(),
        format: &plan.spelling,
        path: out.join(&plan.file_name).display().to_string(),
        size: *size,
        estimated: true,
        installed_size: plan.tree.iter().filter_map(|(_, node)| node.blob()).map(Blob::len).sum(),
        packing: plan.packing.to_string(),
        files: files(&plan.tree),
        services: plan.package.services.iter().map(|s| service_row(s, plan)).collect(),
        signer: plan.format.signs().then(|| plan.signer.identity().map(signer)).flatten(),
        relations: relations.iter().map(|(field, list)| (field.as_str(), list.as_str())).collect(),
        components: components(&plan.package.family),
        notes: notes(plan),
    }
}

fn components(family: &Family) -> Vec<ComponentRow<'_>> {
    let parts = family.parts.iter().map(|part| ComponentRow {
        name: &part.component,
        version: part.version.to_string(),
        deliver: "split",
        package: Some(part.name.as_str()),
        size: None,
    });
    let embedded = family.embedded.iter().map(|part| ComponentRow {
        name: &part.component,
        version: part.version.to_string(),
        deliver: "embed",
        package: None,
        size: Some(part.len),
    });
    let fetched = family.fetched.iter().map(|part| ComponentRow {
        name: &part.component,
        version: part.version.to_string(),
        deliver: "fetch",
        package: None,
        size: Some(part.size()),
    });
    parts.chain(embedded).chain(fetched).collect()
}

/// Everything that is installed, directories that are only implied left out.
pub(super) fn files(tree: &Tree) -> Vec<FileRow<'_>> {
    let rows = tree.iter().filter(|(_, node)| !node.implied);
    rows.map(|(path, node)| FileRow {
        path: path.to_string(),
        role: node.role.map(PayloadType::word),
        kind: match node.kind {
            Kind::Dir => "dir",
            Kind::File(_) => "file",
            Kind::Symlink(_) => "symlink",
            Kind::Ghost => "ghost",
        },
        size: node.blob().map(Blob::len),
        target: match &node.kind {
            Kind::Symlink(target) => Some(target),
            _ => None,
        },
        mode: node.mode.to_string(),
        owner: &node.owner,
        group: &node.group,
        config: node.config,
    })
    .collect()
}

/// What is not made, in `--json`.
pub(super) fn left_out(prepared: &Prepared) -> Vec<serde_json::Value> {
    let rows = prepared.left_out.iter();
    rows.map(|left| serde_json::json!({ "what": left.what, "reason": left.why })).collect()
}

/// Path and text of a service's unit, when it is among what is installed.
pub(super) fn unit(service: &str, tree: &Tree) -> Option<(String, String)> {
    let unit = format!("{service}.service");
    let is_unit =
        |path: &InstallPath| path.file_name() == unit && path.as_str().contains("systemd/");
    let (path, node) = tree.iter().find(|(path, _)| is_unit(path))?;
    let bytes = match node.blob()?.bytes() {
        Some(bytes) => bytes.to_vec(),
        // A unit of the user's that went away since is reported when it is packaged.
        None => std::fs::read(node.blob()?.path()?).unwrap_or_default(),
    };
    Some((path.to_string(), String::from_utf8_lossy(&bytes).into_owned()))
}

fn registered(service: &Service, tree: &Tree) -> bool {
    unit(&service.name, tree).is_some()
}

fn service_row<'a>(service: &'a Service, plan: &Planned) -> ServiceRow<'a> {
    let registered = registered(service, &plan.tree);
    let (enabled, started) = decided(service, plan);
    ServiceRow {
        name: &service.name,
        scope: if service.scope == Scope::System { "system" } else { "user" },
        user: service.user.as_deref(),
        registered,
        enabled: enabled.map(|enabled| registered && enabled),
        started: registered && started && service.scope == Scope::System,
        upgrade: match service.upgrade {
            Upgrade::Restart => "restart",
            Upgrade::Keep => "keep",
            Upgrade::StopFirst => "stop-first",
        },
    }
}

/// What the package does on the user's machine, a sentence each.
pub(super) fn notes(plan: &Planned) -> Vec<String> {
    let mut notes = Vec::new();
    for service in &plan.package.services {
        notes.push(format!("service {}: {}", service.name, fate(service, plan)));
        if let (true, Some(user)) = (registered(service, &plan.tree), &service.user)
            && user != "root"
        {
            let note = format!("creates the user {user}");
            if !notes.contains(&note) {
                notes.push(note);
            }
        }
    }
    let family = &plan.package.family;
    notes.extend(family.embedded.iter().map(embedded));
    notes.extend(family.fetched.iter().map(fetched));
    notes.extend(models(&plan.tree));
    let bin = plan.format.layout(&plan.context()).dir(PayloadType::Bin, "", "");
    let is_script = |(path, _): (&InstallPath, _)| path.as_str() == "install.sh";
    if plan.tree.iter().any(is_script) {
        let name = &plan.package.name;
        notes.push(format!(
            "install.sh puts it into /opt/{name}, or without root into ~/.local/opt/{name}, with links to \
             its programs; uninstall.sh takes it away"
        ));
    } else if !bin.starts_with('/') {
        notes.push(format!("can be unpacked anywhere; nothing puts {bin}/ on the PATH"));
    }
    if let Some(most) = plan.format.split(&plan.context()) {
        let name = &plan.file_name;
        notes.push(format!(
            "if it is longer than {}: {name}.001, .002 … of that size, and {name}.join.sh",
            size(most)
        ));
    }
    notes
}

/// What comes along.
fn embedded(part: &Embedded) -> String {
    format!("component {} {} is in it: {}", part.component, part.version, size(part.len))
}

/// What is downloaded later.
fn fetched(part: &Fetched) -> String {
    format!(
        "component {} {} is not in it: {} to download, listed in components.json",
        part.component,
        part.version,
        size(part.size())
    )
}

/// What the models say of themselves.
fn models(tree: &Tree) -> Vec<String> {
    let files = tree.iter().filter(|(_, node)| node.role == Some(PayloadType::Model));
    let line = |(path, node): (&InstallPath, &Node)| {
        let header = gguf::of_blob(node.blob()?)?;
        // Of a blob in a store the digest says enough when it is short.
        let (name, digits) = (path.file_name(), "sha256-".len() + 12);
        let short = name.starts_with("sha256-").then(|| name.get(..digits)).flatten();
        let name = short.map_or_else(|| name.to_owned(), |short| format!("{short}…"));
        Some(format!("model {name}: {}", header.describe()))
    };
    files.filter_map(line).collect()
}

/// Whether a service is enabled, `None` where the distribution decides, and whether it is started.
fn decided(service: &Service, plan: &Planned) -> (Option<bool>, bool) {
    let by_package = !plan.format.by_preset();
    (service.enable.or(by_package.then_some(true)), service.start.unwrap_or(by_package))
}

/// `gpg: 97E6AB1C…`
fn signer(identity: &Arc<Identity>) -> String {
    format!("gpg: {}", identity.fingerprint())
}

/// Who signs.
fn signature(plan: &Planned) -> Option<String> {
    let identity = plan.signer.identity()?;
    let user = identity.user_id().map(|user| format!(" ({user})")).unwrap_or_default();
    let by = if plan.format.signs() { "" } else { ", by SHA256SUMS.asc" };
    Some(signer(identity) + &user + by)
}

/// Why nobody signs, each reason once.
fn unsigned(shown: &[Shown<'_>]) -> BTreeSet<String> {
    let signs = |row: &Shown<'_>| row.plan.signer.identity().is_some();
    let what = if shown.iter().any(signs) { "the others are unsigned" } else { "unsigned" };
    let reason = |row: &Shown<'_>| match &row.plan.signer {
        Signer::By(_) => None,
        Signer::Nobody(why) => Some(format!("{what}: {why}")),
    };
    shown.iter().filter_map(reason).collect()
}

/// What becomes of a service.
fn fate(service: &Service, plan: &Planned) -> String {
    if !registered(service, &plan.tree) {
        let for_whom = match service.scope {
            Scope::System => "for the whole machine, or for one user with --user",
            Scope::User => "for the user who runs it",
        };
        return match control::name(&plan.package).filter(|_| !service.raw_unit) {
            Some(name) => format!("an archive cannot register it; {name} install does, {for_whom}"),
            None => "an archive cannot register it; start it by hand, or ship a .deb too".into(),
        };
    }
    let upgraded = match service.upgrade {
        Upgrade::Restart => "restarted on upgrade",
        Upgrade::Keep => "left running on upgrade",
        Upgrade::StopFirst => "stopped before and started after an upgrade",
    };
    let (enabled, started) = decided(service, plan);
    let installed = match (service.scope, enabled, started) {
        (Scope::User, None, _) => "enabled for every user if the distribution's preset says so",
        (Scope::User, Some(true), _) => "enabled for every user, starts at the next login",
        (Scope::User, Some(false), _) => "installed for every user, not enabled",
        (Scope::System, None, true) => {
            "enabled and started on install if the distribution's preset says so"
        }
        (Scope::System, None, false) => "enabled if the distribution's preset says so, not started",
        (Scope::System, Some(true), true) => "enabled and started on install",
        (Scope::System, Some(true), false) => "enabled, starts at the next boot",
        (Scope::System, Some(false), true) => "started on install, not enabled",
        (Scope::System, Some(false), false) => "installed, neither enabled nor started",
    };
    format!("{installed}, {upgraded}")
}
