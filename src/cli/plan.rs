//! `pkggen plan`: what would be made, and what it does on the user's machine.

use std::{collections::BTreeMap, path::Path};

use serde::Serialize;

use super::{
    Outcome,
    args::Flags,
    session::Session,
    ui::{Problem, Ui, count, size},
};
use crate::{
    build::{Planned, Prepared},
    diagnostic::{Diagnostic, Diagnostics},
    package::{Scope, Service, Upgrade},
    payload::{self, Blob},
    tree::{InstallPath, Kind, PayloadType, Tree},
};

/// An artifact in `--json`.
#[derive(Serialize)]
struct Row<'a> {
    target: String,
    variant: Option<&'a str>,
    format: &'a str,
    path: String,
    size: u64,
    estimated: bool,
    installed_size: u64,
    packing: String,
    files: Vec<FileRow<'a>>,
    services: Vec<ServiceRow<'a>>,
    signer: Option<&'a str>,
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
    component: Option<&'a str>,
}

#[derive(Serialize)]
struct ServiceRow<'a> {
    name: &'a str,
    scope: &'a str,
    user: Option<&'a str>,
    registered: bool,
    enabled: bool,
    started: bool,
    upgrade: &'a str,
}

/// Prints the plan.
pub(super) fn run(formats: &[String], flags: &Flags, ui: &Ui) -> Outcome {
    let session = Session::open(flags, ui)?;
    let prepared = session.prepare(formats)?;
    let sizes = sizes(&prepared)?;
    let out = session.out();
    if ui.is_json() {
        let rows: Vec<_> =
            prepared.planned.iter().zip(&sizes).map(|(plan, size)| row(plan, *size, out)).collect();
        ui.document(&serde_json::json!({
            "artifacts": rows,
            "left_out": left_out(&prepared),
            "warnings": Problem::warnings(&prepared.found),
        }));
    }
    text(&prepared, &sizes, out, ui);
    ui.warnings(&prepared.found);
    Ok(0)
}

fn text(prepared: &Prepared, sizes: &[u64], out: &Path, ui: &Ui) {
    if let Some(first) = prepared.planned.first() {
        let mut targets: Vec<_> = prepared.planned.iter().map(|plan| plan.target).collect();
        targets.dedup();
        ui.result(&format!(
            "{} {} · {} · {}",
            first.package.name,
            first.package.version,
            count(targets.len(), "target"),
            count(prepared.planned.len(), "artifact"),
        ));
    }
    let names = prepared.planned.iter().map(|plan| out.join(&plan.file_name).display().to_string());
    let names: Vec<_> = names.collect();
    let wide = |texts: &mut dyn Iterator<Item = usize>| texts.max().unwrap_or(0);
    let target_width = wide(&mut prepared.planned.iter().map(|p| p.target.to_string().len()));
    let name_width = wide(&mut names.iter().map(|name| name.chars().count()));
    let mut last = None;
    for ((plan, bytes), name) in prepared.planned.iter().zip(sizes).zip(&names) {
        let target =
            if last == Some(plan.target) { String::new() } else { plan.target.to_string() };
        last = Some(plan.target);
        let about = format!("~{}", size(*bytes));
        ui.result(&format!("  {target:<target_width$}  {name:<name_width$}  {about:>9}"));
        for note in notes(plan) {
            ui.result(&format!("  {:<target_width$}  {note}", ""));
        }
    }
    left_out_lines(prepared).iter().for_each(|line| ui.result(line));
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

fn row<'a>(plan: &'a Planned, size: u64, out: &Path) -> Row<'a> {
    Row {
        target: plan.target.to_string(),
        variant: None,
        format: &plan.spelling,
        path: out.join(&plan.file_name).display().to_string(),
        size,
        estimated: true,
        installed_size: plan.tree.iter().filter_map(|(_, node)| node.blob()).map(Blob::len).sum(),
        packing: plan.packing.to_string(),
        files: files(&plan.tree),
        services: plan.package.services.iter().map(|s| service_row(s, &plan.tree)).collect(),
        signer: None,
        notes: notes(plan),
    }
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
        component: None,
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

fn service_row<'a>(service: &'a Service, tree: &Tree) -> ServiceRow<'a> {
    let registered = registered(service, tree);
    ServiceRow {
        name: &service.name,
        scope: if service.scope == Scope::System { "system" } else { "user" },
        user: service.user.as_deref(),
        registered,
        enabled: registered && service.enable,
        started: registered && service.start && service.scope == Scope::System,
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
        notes.push(format!("service {}: {}", service.name, fate(service, &plan.tree)));
        if let (true, Some(user)) = (registered(service, &plan.tree), &service.user)
            && user != "root"
        {
            let note = format!("creates the user {user}");
            if !notes.contains(&note) {
                notes.push(note);
            }
        }
    }
    let bin = plan.format.layout(&plan.context()).dir(PayloadType::Bin, "", "");
    if !bin.starts_with('/') {
        notes.push(format!("can be unpacked anywhere; nothing puts {bin}/ on the PATH"));
    }
    notes
}

/// What becomes of a service.
fn fate(service: &Service, tree: &Tree) -> String {
    if !registered(service, tree) {
        return "an archive cannot register it; start it by hand, or ship a .deb too".into();
    }
    let upgraded = match service.upgrade {
        Upgrade::Restart => "restarted on upgrade",
        Upgrade::Keep => "left running on upgrade",
        Upgrade::StopFirst => "stopped before and started after an upgrade",
    };
    let installed = match (service.scope, service.enable, service.start) {
        (Scope::User, true, _) => "enabled for every user, starts at the next login",
        (Scope::User, false, _) => "installed for every user, not enabled",
        (Scope::System, true, true) => "enabled and started on install",
        (Scope::System, true, false) => "enabled, starts at the next boot",
        (Scope::System, false, true) => "started on install, not enabled",
        (Scope::System, false, false) => "installed, neither enabled nor started",
    };
    format!("{installed}, {upgraded}")
}
