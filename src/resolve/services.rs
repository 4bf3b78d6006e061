//! `[service.NAME]` and raw unit files.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use super::{launchers, text, work::Work};
use crate::{
    diagnostic::{Diagnostic, Place},
    manifest::{Path, ServiceTable, Spanned, Table, Value},
    package::{
        Dependency, Dest, Entry, Health, OnWindows, Os, Plist, Scope, Seed, Service, StateDirs,
        moving,
    },
    payload::Blob,
    tree::{InstallPath, Kind, PayloadType},
};

/// Kinds of unit files that are registered. Others (slices, drop-ins) are only shipped.
const REGISTERED: [&str; 7] =
    ["service", "socket", "timer", "path", "mount", "automount", "target"];

/// All background programs of this artifact.
pub(super) fn find(work: &mut Work<'_>, entries: &mut Vec<Entry>) -> Vec<Service> {
    let shipped = shipped(work, entries);
    let mut services = Vec::new();
    let programs = work.programs;
    for (name, table) in &programs.service {
        if !work.selection.uses(&table.only, &table.except) {
            continue;
        }
        let place = work.tree.find(&["service", name]).and_then(|node| node.place.clone());
        match &table.unit {
            Some(path) => services.extend(own_unit(work, name, table, path, entries, place)),
            None => services.push(service(work, name, table, entries, &shipped, place)),
        }
    }
    if services.iter().any(|service| service.seed.is_some()) {
        entries.push(seed_program(work));
    }
    if work.job.target.os == Os::Linux {
        for entry in entries.iter().filter(|entry| entry.role == PayloadType::Service) {
            let unit = raw_unit(work, entry);
            let new = |unit: &Service| services.iter().all(|there| there.unit() != unit.unit());
            services.extend(unit.filter(new));
        }
    }
    services
}

/// Final paths of what can be run, by the layout's rules.
pub(super) fn shipped(work: &Work<'_>, entries: &[Entry]) -> BTreeSet<String> {
    if work.programs.service.is_empty() && work.programs.launcher.is_empty() {
        return BTreeSet::new();
    }
    let mut dirs = BTreeMap::new();
    let path = |entry: &Entry| match &entry.dest {
        Dest::TypeDir => None,
        Dest::Absolute(path) => Some(format!("/{path}")),
        Dest::InType(path) => {
            let dir = dirs.entry(entry.role).or_insert_with(|| work.dir(entry.role));
            Some(format!("{dir}/{path}"))
        }
    };
    let files = entries.iter().filter(|e| matches!(e.kind, Kind::File(_) | Kind::Symlink(_)));
    files.filter_map(path).collect()
}

fn service(
    work: &mut Work<'_>,
    name: &str,
    table: &ServiceTable,
    entries: &[Entry],
    shipped: &BTreeSet<String>,
    place: Option<Place>,
) -> Service {
    let mut exec: Vec<_> = table.exec.iter().map(|word| word.value.clone()).collect();
    let launcher = exec.first().and_then(|program| launchers::path_of(work, program));
    match (exec.first_mut(), launcher) {
        (Some(program), Some(path)) => *program = path,
        _ => check_exec(work, &table.exec, shipped),
    }
    warn(work, name, table);
    let user = user(work, name, table);
    let groups: Vec<_> = table.groups.iter().map(|group| group.to_string()).collect();
    let summary = table.summary.as_ref().unwrap_or(&work.root.package.summary).to_string();
    Service {
        name: name.to_owned(),
        exec,
        env: table.env.iter().map(|(key, value)| (key.to_string(), value.clone())).collect(),
        scope: table.scope,
        gpu: computes(work, &groups, table),
        dirs: state_dirs(work, entries, user.as_deref(), table.scope),
        user,
        groups,
        after: table.after.iter().map(|name| dependency(name)).collect(),
        restart: table.restart,
        enable: table.enable,
        start: table.start,
        upgrade: table.upgrade,
        seed: seed(work, name, table),
        health: health(table),
        systemd: systemd(table),
        launchd: plist(&table.launchd.0),
        windows: OnWindows {
            display_name: table
                .windows
                .display_name
                .as_ref()
                .map_or_else(|| summary.clone(), ToString::to_string),
            host: table.windows.host,
        },
        summary,
        raw_unit: false,
        installable: true,
        place,
    }
}

fn systemd(table: &ServiceTable) -> BTreeMap<String, Vec<(String, String)>> {
    let section = |(name, keys): (&String, &BTreeMap<String, crate::manifest::UnitValue>)| {
        let lines = keys.iter().flat_map(|(key, values)| {
            values.0.iter().map(move |value| (key.clone(), value.clone()))
        });
        (name.clone(), lines.collect())
    };
    table.systemd.iter().map(section).collect()
}

/// What works on the packager's machine and not on others.
fn warn(work: &mut Work<'_>, name: &str, table: &ServiceTable) {
    let mut found = Vec::new();
    let words = table.exec.iter().map(|word| ("exec", word.value.as_str()));
    let values = table.env.iter().map(|(key, value)| (&**key, value.as_str()));
    let raw = table.systemd.get("Service").is_some_and(|keys| keys.contains_key("ProtectHome"));
    for (key, value) in words.chain(values) {
        let at_home = ["/home/", "/root/"].iter().any(|home| value.contains(home));
        if at_home && table.scope == Scope::System && !raw {
            let message = format!("service `{name}` names `{value}`, and does not see any home");
            found.push((key.to_owned(), Diagnostic::usage("service.home", message).hint(
                "put it into {{ dir.state }} or {{ dir.model }}, or set systemd.Service.ProtectHome",
            )));
        }
        if key == "OLLAMA_HOST" && value.ends_with(":11434") {
            let message = format!(
                "service `{name}` takes port 11434, which is that of the user's own Ollama"
            );
            let hint = "another port: OLLAMA_HOST = \"127.0.0.1:11435\"";
            found.push((key.to_owned(), Diagnostic::usage("service.port", message).hint(hint)));
        }
    }
    for (key, warning) in found {
        let path: &[&str] = if key == "exec" {
            &["service", name, "exec"]
        } else {
            &["service", name, "env", &key]
        };
        let place = work.tree.find(path).and_then(|node| node.place.clone());
        work.found.warning(warning.at(place));
    }
}

/// The program that fills a store from the packaged models.
const SEED: &str = include_str!("../../templates/seed/seed-models.sh");
/// Its name in the directory of type `libexec`.
const SEED_NAME: &str = "seed-models";

fn seed(work: &mut Work<'_>, name: &str, table: &ServiceTable) -> Option<Seed> {
    let store = table.seed.as_ref()?;
    let to = store.trim_end_matches('/').to_owned();
    let models = work.marked_dir(PayloadType::Model);
    if to == models || !(to.starts_with('/') || moving::moves(&to)) {
        let message = format!("service `{name}` cannot fill a store at `{}`", moving::within(&to));
        let error = Diagnostic::usage("service.seed", message).at(store.place.clone());
        let hint = "a directory it may write to: seed = \"{{ dir.state }}/models\"";
        work.found.error(error.hint(hint));
        return None;
    }
    let program = format!("{}/{SEED_NAME}", work.marked_dir(PayloadType::Libexec));
    Some(Seed { from: models, to, mode: table.seed_mode, program })
}

fn seed_program(work: &Work<'_>) -> Entry {
    let seeds = |table: &&ServiceTable| table.seed.is_some();
    let place = work.root.service.values().find(seeds).and_then(|table| table.seed.as_ref());
    let below = InstallPath::parse(SEED_NAME).expect("a file name");
    Entry {
        place: place.and_then(|seed| seed.place.clone()),
        ..Entry::file(PayloadType::Libexec, below, Blob::from_bytes(SEED), 0o755)
    }
}

/// Groups that own GPUs.
const GPU_GROUPS: [&str; 2] = ["render", "video"];
/// Words in the names of variants that compute on a GPU.
const GPU_WORDS: [&str; 8] = ["cuda", "rocm", "hip", "vulkan", "opencl", "sycl", "oneapi", "gpu"];

/// Words in the names of devices that are GPUs.
const GPU_DEVICES: [&str; 5] = ["nvidia", "drm", "dri", "kfd", "dxg"];

/// Whether a service computes on a GPU, by its groups, by the devices it asks for or by the variant.
fn computes(work: &Work<'_>, groups: &[String], table: &ServiceTable) -> bool {
    let words = |variant: &String| {
        let variant = variant.to_ascii_lowercase();
        GPU_WORDS.iter().any(|word| variant.contains(word))
    };
    let raw = table.systemd.get("Service").and_then(|keys| keys.get("DeviceAllow"));
    let mut devices = raw.iter().flat_map(|values| &values.0);
    groups.iter().any(|group| GPU_GROUPS.contains(&group.as_str()))
        || devices.any(|device| GPU_DEVICES.iter().any(|word| device.contains(word)))
        || work.job.variant.as_ref().is_some_and(words)
}

/// For how long a service may not answer, unless the manifest says otherwise.
const WITHIN: Duration = Duration::from_secs(30);

fn health(table: &ServiceTable) -> Option<Health> {
    let health = table.health.as_ref()?;
    let within = health.within.as_ref().map_or(WITHIN, crate::manifest::Duration::span);
    Some(Health { url: health.http.to_string(), within })
}

fn plist(table: &Table) -> Vec<(String, Plist)> {
    table.iter().map(|(key, node)| (key.name.clone(), plist_value(&node.value))).collect()
}

fn plist_value(value: &Value) -> Plist {
    match value {
        Value::String(text) => Plist::Text(text.clone()),
        Value::Integer(number) => Plist::Integer(*number),
        Value::Float(number) => Plist::Real(*number),
        Value::Bool(truth) => Plist::Bool(*truth),
        Value::Datetime(text) => Plist::Date(text.clone()),
        Value::Array(items) => {
            Plist::Array(items.iter().map(|node| plist_value(&node.value)).collect())
        }
        Value::Table(table) => Plist::Dict(plist(table)),
    }
}

/// The first word is absolute, or something that this package ships; never a shell line.
fn check_exec(
    work: &mut Work<'_>,
    exec: &Spanned<Vec<Spanned<String>>>,
    shipped: &BTreeSet<String>,
) {
    let Some(program) = exec.first() else { return };
    let text = moving::within(program);
    let text = text.as_str();
    if shipped.contains(text) {
        return;
    }
    let absolute = text.starts_with('/') || text.as_bytes().get(1) == Some(&b':');
    if absolute && !in_own_dir(work, text) {
        return;
    }
    let message = format!("the service runs `{text}`, which this package does not ship");
    let mut error = Diagnostic::usage("service.exec", message).at(program.place.clone());
    error.hint = if text.contains(' ') {
        Some("`exec` is a list: the program, then each argument by itself".to_owned())
    } else {
        near(text, shipped)
    };
    work.found.error(error);
}

/// What is shipped under a similar name.
pub(super) fn near(path: &str, shipped: &BTreeSet<String>) -> Option<String> {
    let file = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
    let names: Vec<_> = shipped.iter().map(|path| file(path)).collect();
    let near = crate::diagnostic::similar(&file(path), names.iter().map(String::as_str));
    near.map(|near| format!("it ships `{near}`"))
}

/// Whether a path is in a directory that only this package uses.
pub(super) fn in_own_dir(work: &Work<'_>, path: &str) -> bool {
    use PayloadType::{Bin, Data, Lib, Libexec};
    [Bin, Libexec, Lib, Data].into_iter().any(|role| {
        let dir = work.dir(role);
        let own = !dir.starts_with('/')
            || dir.split('/').any(|part| part == work.name() || part == work.title());
        own && path.strip_prefix(dir.as_str()).is_some_and(|rest| rest.starts_with('/'))
    })
}

fn user(work: &mut Work<'_>, name: &str, table: &ServiceTable) -> Option<String> {
    match (table.scope, &table.user) {
        (Scope::User, None) => None,
        (Scope::User, Some(user)) => {
            let message = format!("service `{name}` runs as whoever is logged in: no `user` there");
            let error = Diagnostic::usage("service.user", message).at(user.place.clone());
            work.found.error(error.hint("scope = \"system\" runs it as a user of its own"));
            None
        }
        (Scope::System, Some(user)) => Some(user.to_string()),
        (Scope::System, None) => Some(work.name().to_owned()),
    }
}

fn dependency(name: &str) -> Dependency {
    match name {
        "network-online" | "network-online.target" => Dependency::NetworkOnline,
        name => Dependency::Unit(name.to_owned()),
    }
}

/// The package's own state, log and cache directories, for the service that owns them.
fn state_dirs(work: &Work<'_>, entries: &[Entry], user: Option<&str>, scope: Scope) -> StateDirs {
    let of = |role: PayloadType| {
        let owned = |entry: &&Entry| {
            entry.role == role
                && matches!((&entry.kind, &entry.dest), (Kind::Dir, Dest::TypeDir))
                && (scope == Scope::User
                    || entry.owner == "root"
                    || Some(entry.owner.as_str()) == user)
        };
        entries.iter().find(owned).map(|entry| (work.name().to_owned(), entry.mode.0))
    };
    StateDirs {
        state: of(PayloadType::State),
        log: of(PayloadType::Log),
        cache: of(PayloadType::Cache),
    }
}

/// `[service.NAME] unit`: a unit file of the user's own, with our rules for starting it.
fn own_unit(
    work: &mut Work<'_>,
    name: &str,
    table: &ServiceTable,
    path: &Spanned<Path>,
    entries: &mut Vec<Entry>,
    place: Option<Place>,
) -> Option<Service> {
    let blob = work.file(path, path.place.as_ref())?;
    let service = Service {
        enable: table.enable,
        start: table.start,
        upgrade: table.upgrade,
        scope: table.scope,
        health: health(table),
        place,
        ..unit_of(work, &blob, name, path.place.as_ref())?
    };
    let dir = if table.scope == Scope::User { "user/" } else { "" };
    let dest = InstallPath::parse(&format!("{dir}{}", service.unit())).ok()?;
    let entry = Entry::file(PayloadType::Service, dest, blob, 0o644);
    entries.push(Entry { place: path.place.clone(), ..entry });
    Some(service)
}

/// An item of type `service`: a unit file that is registered.
fn raw_unit(work: &mut Work<'_>, entry: &Entry) -> Option<Service> {
    let (Kind::File(blob), Dest::InType(path)) = (&entry.kind, &entry.dest) else { return None };
    let (dir, file) = path.as_str().rsplit_once('/').unwrap_or(("", path.as_str()));
    let (stem, kind) = file.rsplit_once('.')?;
    // Templates and drop-ins are shipped, never registered.
    if !REGISTERED.contains(&kind) || stem.contains('@') || !matches!(dir, "" | "system" | "user") {
        return None;
    }
    let name = if kind == "service" { stem } else { file };
    let scope = if dir == "user" { Scope::User } else { Scope::System };
    Some(Service { scope, ..unit_of(work, blob, name, entry.place.as_ref())? })
}

/// A unit file as a service: nothing is generated for it.
fn unit_of(work: &mut Work<'_>, blob: &Blob, name: &str, place: Option<&Place>) -> Option<Service> {
    let unit = match text::read(blob, name) {
        Ok(unit) => unit,
        Err(error) => {
            work.found.error(error.at(place.cloned()));
            return None;
        }
    };
    Some(Service {
        raw_unit: true,
        installable: unit.lines().any(|line| line.trim() == "[Install]"),
        place: place.cloned(),
        ..Service::described(name, work.root.package.summary.to_string())
    })
}
