//! `pkggen explain PATH|KEY|SERVICE`: where a file lands and why, which layer set a key, what a
//! service becomes.

use std::{collections::BTreeMap, path::Path};

use super::{Outcome, args::Flags, plan, session::Session, ui::Ui};
use crate::{
    build::{Planned, Prepared},
    diagnostic::{Diagnostic, Place},
    format::control,
    manifest::{Layered, Node, Value},
    tree::{InstallPath, Kind, Node as Entry, PayloadType},
};

/// Explains it.
pub(super) fn run(what: &str, flags: &Flags, ui: &Ui) -> Outcome {
    let session = Session::open(flags, ui)?;
    let layers = session.manifest().layers(what, None, session.sets());
    if let Ok(layers) = &layers
        && !layers.is_empty()
        && !session.dir().join(what).exists()
        && !is_service(&session, what)
    {
        key(what, layers, ui);
        return Ok(0);
    }
    let prepared = session.prepare_unsigned()?;
    let services: Vec<_> = prepared.planned.iter().filter(|plan| has_service(plan, what)).collect();
    if !services.is_empty() {
        return service(what, &services, ui);
    }
    let hits = hits(&prepared, what, session.dir());
    if !hits.is_empty() {
        files(&hits, ui);
        return Ok(0);
    }
    let known = layers.is_ok();
    Err(unknown(what, known).into())
}

fn unknown(what: &str, known: bool) -> Diagnostic {
    if known {
        let text = format!("no layer sets `{what}`; its default applies");
        return Diagnostic::usage("explain.default", text).hint("`pkggen schema` has the defaults");
    }
    let text = format!("`{what}` is no source, no installed path, no key and no service here");
    Diagnostic::usage("explain.unknown", text)
        .hint("`pkggen plan --json` lists the files, `pkggen schema` the keys")
}

fn is_service(session: &Session<'_>, what: &str) -> bool {
    session.manifest().tree.find(&["service", what]).is_some()
}

fn has_service(plan: &Planned, name: &str) -> bool {
    plan.package.services.iter().any(|service| service.name == name)
}

/// Every layer that says something, weakest first.
fn key(what: &str, layers: &[Layered], ui: &Ui) {
    let rows: Vec<_> = layers
        .iter()
        .map(|layer| {
            serde_json::json!({
                "layer": layer.name,
                "value": json(&layer.node),
                "place": layer.node.place.as_ref().map(ToString::to_string),
            })
        })
        .collect();
    ui.document(&serde_json::json!({ "key": what, "layers": rows }));
    ui.result(&format!(
        "{what}, weakest layer first; tables merge, lists append, scalars replace:"
    ));
    let wide = layers.iter().map(|layer| layer.name.len()).max().unwrap_or(0);
    for (at, layer) in layers.iter().enumerate() {
        let scalar = layer.node.as_array().is_none() && layer.node.as_table().is_none();
        let wins =
            if scalar && layers.len() > 1 && at + 1 == layers.len() { "  (wins)" } else { "" };
        ui.result(&format!(
            "  {:<wide$}  {}{}{wins}",
            layer.name,
            json(&layer.node),
            place(layer.node.place.as_ref())
        ));
    }
}

/// A value as JSON.
fn json(node: &Node) -> serde_json::Value {
    match &node.value {
        Value::String(text) | Value::Datetime(text) => text.as_str().into(),
        Value::Integer(number) => (*number).into(),
        Value::Float(number) => (*number).into(),
        Value::Bool(truth) => (*truth).into(),
        Value::Array(items) => items.iter().map(json).collect(),
        Value::Table(table) => {
            table.iter().map(|(key, node)| (key.name.clone(), json(node))).collect()
        }
    }
}

fn place(place: Option<&Place>) -> String {
    place.map(|place| format!("  ({place})")).unwrap_or_default()
}

/// An installed file and the artifact it is in.
struct Hit<'a> {
    plan: &'a Planned,
    path: &'a InstallPath,
    entry: &'a Entry,
}

/// Entries that come from a source, or are installed at a path.
fn hits<'a>(prepared: &'a Prepared, what: &str, dir: &Path) -> Vec<Hit<'a>> {
    let source = dir.join(what.trim_start_matches("//"));
    let source = source.canonicalize().ok();
    let is_source = |entry: &Entry| {
        let path = entry.blob().and_then(|blob| blob.path()?.canonicalize().ok());
        let written = || {
            let place = entry.place.as_ref()?;
            Some(place.source.text.get(place.span.clone())?.trim_matches(['"', '\'']))
        };
        (path.is_some() && path == source) || written() == Some(what)
    };
    let rows =
        prepared.planned.iter().flat_map(|plan| plan.tree.iter().map(move |row| (plan, row)));
    rows.filter(|(_, (path, entry))| path.as_str() == what.trim_matches('/') || is_source(entry))
        .map(|(plan, (path, entry))| Hit { plan, path, entry })
        .collect()
}

fn files(hits: &[Hit<'_>], ui: &Ui) {
    let rows: Vec<_> = hits
        .iter()
        .map(|hit| {
            serde_json::json!({
                "target": hit.plan.target.to_string(),
                "format": hit.plan.spelling,
                "path": hit.path.to_string(),
                "type": hit.entry.role.map(PayloadType::word),
                "mode": hit.entry.mode.to_string(),
                "owner": hit.entry.owner,
                "group": hit.entry.group,
                "config": hit.entry.config,
                "place": hit.entry.place.as_ref().map(ToString::to_string),
            })
        })
        .collect();
    ui.document(&serde_json::json!({ "files": rows }));
    let wide = hits.iter().map(|hit| hit.plan.spelling.len()).max().unwrap_or(0);
    for Hit { plan, path, entry } in hits {
        let root = if is_system(plan) { "/" } else { "" };
        ui.result(&format!(
            "{:<wide$} {}: {root}{path}  {}{}",
            plan.spelling,
            plan.target,
            attributes(entry),
            place(entry.place.as_ref())
        ));
    }
}

/// Installed into a system rather than unpacked somewhere.
fn is_system(plan: &Planned) -> bool {
    let layout = plan.format.layout(&plan.context());
    layout.dir(PayloadType::Bin, "", "").starts_with('/')
}

fn attributes(entry: &Entry) -> String {
    let mut words = Vec::new();
    match entry.role {
        Some(role) => words.push(format!("type {}", role.word())),
        None => words.push("generated".to_owned()),
    }
    match &entry.kind {
        Kind::Symlink(target) => words.push(format!("link to {target}")),
        Kind::Dir => words.push("directory".to_owned()),
        Kind::Ghost => words.push("owned, not shipped".to_owned()),
        Kind::File(_) => {}
    }
    words.push(format!("{} {}:{}", entry.mode, entry.owner, entry.group));
    if entry.config {
        words.push("edited copies are kept on upgrade".to_owned());
    }
    words.join(", ")
}

/// Its fate, its unit, and the scripts that handle it.
fn service(name: &str, plans: &[&Planned], ui: &Ui) -> Outcome {
    let mut rows = Vec::new();
    for plan in plans {
        let unit = plan::unit(name, &plan.tree);
        let scripts = plan.format.scripts(&plan.package, &plan.tree, &plan.context())?;
        ui.result(&format!("{} {}:", plan.spelling, plan.target));
        for note in plan::notes(plan) {
            ui.result(&format!("  {note}"));
        }
        if let Some((path, text)) = &unit {
            ui.result(&indented(&format!("/{path}"), text));
        }
        let ours = plan.package.services.iter().find(|service| service.name == name);
        let told = ours.filter(|_| unit.is_none()).and_then(|s| control::told(s, &plan.package));
        if let Some((title, text)) = &told {
            ui.result(&indented(&format!("{title}, made when it is installed"), text));
        }
        for (script, text) in &scripts {
            ui.result(&indented(script, text));
        }
        rows.push(serde_json::json!({
            "target": plan.target.to_string(),
            "format": plan.spelling,
            "notes": plan::notes(plan),
            "unit": unit.map(|(path, text)| serde_json::json!({ "path": path, "text": text })),
            "made_on_install":
                told.map(|(name, text)| serde_json::json!({ "name": name, "text": text })),
            "scripts": scripts.into_iter().collect::<BTreeMap<_, _>>(),
        }));
    }
    ui.document(&serde_json::json!({ "service": name, "artifacts": rows }));
    Ok(0)
}

fn indented(title: &str, text: &str) -> String {
    let lines = text.lines().map(|line| format!("    {line}").trim_end().to_owned());
    format!("  {title}:\n{}", lines.collect::<Vec<_>>().join("\n"))
}
