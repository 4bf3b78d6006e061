//! `[service.NAME]` and raw unit files.

use std::collections::{BTreeMap, BTreeSet};

use super::{text, work::Work};
use crate::{
    diagnostic::{Diagnostic, Place},
    manifest::{Account, Path, ServiceTable, Spanned},
    package::{Dependency, Dest, Entry, Os, Restart, Scope, Service, StateDirs, Upgrade},
    payload::Blob,
    tree::{InstallPath, Kind, Mode, PayloadType},
};

/// Kinds of unit files that are registered. Others (slices, drop-ins) are only shipped.
const REGISTERED: [&str; 7] =
    ["service", "socket", "timer", "path", "mount", "automount", "target"];

/// All background programs of this artifact.
pub(super) fn find(work: &mut Work<'_>, entries: &mut Vec<Entry>) -> Vec<Service> {
    let shipped = shipped(work, entries);
    let mut services = Vec::new();
    let root = work.root;
    for (name, table) in &root.service {
        if !work.selection.uses(&table.only, &table.except) {
            continue;
        }
        let place = work.tree.find(&["service", name]).and_then(|node| node.place.clone());
        match &table.unit {
            Some(path) => services.extend(own_unit(work, name, table, path, entries, place)),
            None => services.extend(service(work, name, table, entries, &shipped, place)),
        }
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
fn shipped(work: &Work<'_>, entries: &[Entry]) -> BTreeSet<String> {
    if work.root.service.is_empty() {
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
) -> Option<Service> {
    check_exec(work, &table.exec, shipped);
    let user = user(work, name, table, place.as_ref());
    let groups = table.groups.iter().map(|group| group.to_string()).collect();
    Some(Service {
        name: name.to_owned(),
        summary: table.summary.as_ref().unwrap_or(&work.root.package.summary).to_string(),
        exec: table.exec.iter().map(|word| word.value.clone()).collect(),
        env: table.env.iter().map(|(key, value)| (key.to_string(), value.clone())).collect(),
        scope: table.scope,
        dirs: state_dirs(work, entries, user.as_deref(), table.scope),
        user,
        groups,
        after: table.after.iter().map(|name| dependency(name)).collect(),
        restart: table.restart,
        enable: table.enable.unwrap_or(true),
        start: table.start.unwrap_or(true),
        upgrade: table.upgrade,
        systemd: systemd(table),
        raw_unit: false,
        installable: true,
        place,
    })
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

/// The first word is absolute, or something that this package ships; never a shell line.
fn check_exec(
    work: &mut Work<'_>,
    exec: &Spanned<Vec<Spanned<String>>>,
    shipped: &BTreeSet<String>,
) {
    let Some(program) = exec.first() else { return };
    let text = program.value.as_str();
    if shipped.contains(text) {
        return;
    }
    let (message, hint) = if text.starts_with('/') {
        let Some(role) = private_dir_of(work, text) else { return };
        let dir = work.dir(role);
        let there: Vec<_> = shipped.iter().filter(|path| path.starts_with(&dir)).collect();
        let name = text.rsplit('/').next().unwrap_or(text);
        let near = crate::diagnostic::similar(
            name,
            there.iter().filter_map(|path| path.rsplit('/').next()),
        );
        (
            format!("the service runs `{text}`, which this package does not ship"),
            near.map(|near| format!("it ships `{near}`")),
        )
    } else {
        let name = text.rsplit('/').next().unwrap_or(text);
        let message = format!("the service runs `{text}`, which is no absolute path");
        let bin = shipped.contains(&format!("{}/{name}", work.dir(PayloadType::Bin)));
        let dir = if bin { "bin" } else { "libexec" };
        let hint = text
            .contains(' ')
            .then(|| "`exec` is a list: the program, then each argument by itself".to_owned());
        (message, hint.or_else(|| Some(format!("\"{{{{ dir.{dir} }}}}/{name}\""))))
    };
    let mut error = Diagnostic::usage("service.exec", message).at(program.place.clone());
    error.hint = hint;
    work.found.error(error);
}

/// The type whose directory, one that only this package uses, a path is in.
fn private_dir_of(work: &Work<'_>, path: &str) -> Option<PayloadType> {
    [PayloadType::Libexec, PayloadType::Lib, PayloadType::Data, PayloadType::Bin].into_iter().find(
        |role| {
            let dir = work.dir(*role);
            let own = dir.split('/').any(|part| part == work.name() || part == work.title());
            own && path.strip_prefix(dir.as_str()).is_some_and(|rest| rest.starts_with('/'))
        },
    )
}

fn user(
    work: &mut Work<'_>,
    name: &str,
    table: &ServiceTable,
    place: Option<&Place>,
) -> Option<String> {
    match (table.scope, &table.user) {
        (Scope::User, None) => None,
        (Scope::User, Some(user)) => {
            let message = format!("service `{name}` runs as whoever is logged in: no `user` there");
            let error = Diagnostic::usage("service.user", message).at(user.place.clone());
            work.found.error(error.hint("scope = \"system\" runs it as a user of its own"));
            None
        }
        (Scope::System, Some(user)) => Some(user.to_string()),
        (Scope::System, None) => {
            let own = work.name();
            if Account::check(own).is_err() {
                let message = format!("the package's name `{own}` cannot be the name of a user");
                let error = Diagnostic::usage("service.user", message).at(place.cloned());
                work.found.error(error.hint(format!("user = … in [service.{name}] says another")));
                return None;
            }
            Some(own.to_owned())
        }
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
    let blob = match work.sources.file(path) {
        Ok(blob) => blob,
        Err(problems) => {
            let at = path.place.as_ref();
            problems.into_iter().for_each(|problem| work.found.error(problem.at(at)));
            return None;
        }
    };
    let service = Service {
        enable: table.enable.unwrap_or(true),
        start: table.start.unwrap_or(true),
        upgrade: table.upgrade,
        scope: table.scope,
        place,
        ..unit_of(work, &blob, name, path.place.as_ref())?
    };
    let dir = if table.scope == Scope::User { "user/" } else { "" };
    let dest = InstallPath::parse(&format!("{dir}{}", service.unit())).ok()?;
    entries.push(Entry {
        role: PayloadType::Service,
        dest: Dest::InType(dest),
        kind: Kind::File(blob),
        mode: Mode(0o644),
        owner: "root".into(),
        group: "root".into(),
        capabilities: None,
        place: path.place.clone(),
    });
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
        name: name.to_owned(),
        summary: work.root.package.summary.to_string(),
        exec: Vec::new(),
        env: BTreeMap::new(),
        scope: Scope::System,
        user: None,
        groups: Vec::new(),
        after: Vec::new(),
        restart: Restart::No,
        enable: true,
        start: true,
        upgrade: Upgrade::Restart,
        dirs: StateDirs::default(),
        systemd: BTreeMap::new(),
        raw_unit: true,
        installable: unit.lines().any(|line| line.trim() == "[Install]"),
        place: place.cloned(),
    })
}
