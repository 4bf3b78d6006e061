//! The program that registers a package's services where the format itself cannot: archives, and
//! images that are only mounted or copied.
//!
//! It holds the units, jobs or descriptions of [`crate::service`] with the place of the image left
//! open, and fills that in when it is run: `NAME-service install`.

mod windows;

use serde::Serialize;

use super::linux::put;
use crate::{
    diagnostic::{Diagnostic, Diagnostics},
    layout::Layout,
    package::{
        Os, Package, Scope, Service, StateDirs,
        moving::{self, CACHE, IMAGE, LOG, Piece, STATE},
    },
    payload::Blob,
    service::{launchd, systemd},
    template::{render, shell},
    tree::{Mode, Node, PayloadType, Tree},
};

const PROGRAM: &str = include_str!("../../templates/control/control.sh");
const LINUX: &str = include_str!("../../templates/control/linux.sh");
const MACOS: &str = include_str!("../../templates/control/macos.sh");

/// Mode of directories that nobody gave one.
const DIR_MODE: u32 = 0o750;

/// Its name, where there is one: on systems whose service manager it knows, for services that are
/// no unit files of the user's own.
pub(crate) fn name(package: &Package) -> Option<String> {
    let known = matches!(package.target.os, Os::Linux | Os::Macos | Os::Windows);
    let any = services(package).next().is_some();
    (known && any).then(|| format!("{}-service", package.family.base))
}

fn services(package: &Package) -> impl Iterator<Item = &Service> {
    package.services.iter().filter(|service| !service.raw_unit)
}

/// Adds it to what is in the image.
pub(super) fn add(
    tree: &mut Tree,
    package: &Package,
    layout: &dyn Layout,
) -> Result<(), Diagnostics> {
    let Some(name) = name(package) else { return Ok(()) };
    let mut found = Diagnostics::default();
    let bin = layout.dir(PayloadType::Bin, package.family.base.as_str(), &package.title);
    let files = match package.target.os {
        Os::Windows => Ok(windows::files(package, &name)),
        _ => script(package, &name, &bin).map(|text| vec![(name, text)]),
    };
    match files {
        Ok(files) => {
            for (name, text) in files {
                let node = Node::file(Blob::from_bytes(text), Mode(0o755));
                put(tree, &format!("{bin}/{name}"), node, &mut found);
            }
        }
        Err(error) => found.error(error),
    }
    if found.is_ok() { Ok(()) } else { Err(found) }
}

#[derive(Serialize)]
struct Values {
    program: String,
    package: String,
    title: String,
    up: String,
    names: String,
    scope: &'static str,
    scopes: &'static str,
    /// Whether any service is meant for the machine.
    system: bool,
    services: Vec<Row>,
    body: String,
}

#[derive(Serialize)]
struct Row {
    name: String,
    label: String,
    enable: &'static str,
    start: &'static str,
    /// User, home and groups as words of the shell; empty without a user to be made.
    account: String,
    units: Vec<Unit>,
}

#[derive(Serialize)]
struct Unit {
    scope: &'static str,
    text: String,
}

/// The script for Linux or macOS.
fn script(package: &Package, name: &str, bin: &str) -> Result<String, Diagnostic> {
    let system = services(package).any(|service| service.scope == Scope::System);
    let names: Vec<_> = services(package).map(|service| service.name.as_str()).collect();
    let mut values = Values {
        program: name.to_owned(),
        package: package.family.base.to_string(),
        title: quoted(&package.title),
        up: vec![".."; bin.split('/').count()].join("/"),
        names: names.join(" "),
        scope: if system { "system" } else { "user" },
        scopes: if system { "--system|--user" } else { "" },
        system,
        services: services(package)
            .map(|service| row(service, package))
            .collect::<Result<_, _>>()?,
        body: String::new(),
    };
    let body = if package.target.os == Os::Macos { MACOS } else { LINUX };
    let body = render(body, &values);
    values.body.push_str(body.trim_end());
    Ok(render(PROGRAM, &values).replace(" []", ""))
}

fn row(service: &Service, package: &Package) -> Result<Row, Diagnostic> {
    let word = |truth: Option<bool>| if truth == Some(false) { "no" } else { "yes" };
    let mac = package.target.os == Os::Macos;
    let mut units = Vec::new();
    for scope in [Scope::System, Scope::User] {
        if scope == Scope::System && service.scope == Scope::User {
            continue;
        }
        let service = meant_for(service, scope, package);
        let text = if mac {
            launchd::plist(&service, &job_site(package))?
        } else {
            systemd::unit(&service, &unit_site(package))?
        };
        let scope = if scope == Scope::System { "system" } else { "user" };
        units.push(Unit { scope, text: here_document(text.trim_end()) });
    }
    Ok(Row {
        name: service.name.clone(),
        label: launchd::label(service, &job_site(package)),
        enable: word(service.enable),
        start: word(service.start),
        account: account(service, package).unwrap_or_default(),
        units,
    })
}

/// A service for the machine or for a user, with the directories that it names.
fn meant_for(service: &Service, scope: Scope, package: &Package) -> Service {
    let mut service = service.clone();
    if scope == Scope::User {
        (service.scope, service.user, service.groups) = (scope, None, Vec::new());
        service.dirs = StateDirs::default();
        return service;
    }
    let texts: String = service.exec.iter().chain(service.env.values()).cloned().collect();
    let dir = || (package.family.base.to_string(), DIR_MODE);
    for (mark, to) in [(LOG, &mut service.dirs.log), (CACHE, &mut service.dirs.cache)] {
        if texts.contains(mark) {
            to.get_or_insert_with(dir);
        }
    }
    service
}

fn unit_site(package: &Package) -> systemd::Site {
    let name = &package.family.base;
    systemd::Site {
        name: name.to_string(),
        homepage: package.homepage.clone(),
        state: format!("/var/lib/{name}"),
        log: format!("/var/log/{name}"),
        cache: format!("/var/cache/{name}"),
        config: format!("{IMAGE}/etc"),
        ..systemd::Site::default()
    }
}

fn job_site(package: &Package) -> launchd::Site {
    launchd::Site {
        name: package.family.base.to_string(),
        identifier: package.identifier.clone(),
        state: STATE.to_string(),
        log: LOG.to_string(),
    }
}

/// Words for the script's `account`; on macOS the name alone.
fn account(service: &Service, package: &Package) -> Option<String> {
    if service.scope == Scope::User || systemd::has_raw(service, "DynamicUser") {
        return None;
    }
    if package.target.os == Os::Macos {
        return launchd::account(service).filter(|user| user != "root").map(|user| shell(&user));
    }
    let user = service.user.as_ref().filter(|user| *user != "root")?;
    let home = format!("/var/lib/{}", package.family.base);
    let groups = service.groups.iter().filter(|group| *group != "root" && *group != user);
    let words = [user.clone(), home].into_iter().chain(groups.cloned());
    Some(words.map(|word| shell(&word)).collect::<Vec<_>>().join(" "))
}

/// Text of a here-document in which marks are variables of the script.
fn here_document(text: &str) -> String {
    let piece = |piece: &Piece<'_>| match piece {
        Piece::Text(text) => text.replace('\\', r"\\").replace('$', r"\$").replace('`', r"\`"),
        Piece::Mark(IMAGE) => "${in_image}".into(),
        Piece::Mark(STATE) => "${in_state}".into(),
        Piece::Mark(LOG) => "${in_log}".into(),
        Piece::Mark(_) => "${in_cache}".into(),
    };
    moving::pieces(text).iter().map(piece).collect()
}

/// What the program tells the service manager about a service: the name of the file or list, and
/// the text, in which places that are not known yet are written `$FOLDER`, `$STATE`, `$LOG`, `$CACHE`.
pub(crate) fn told(service: &Service, package: &Package) -> Option<(String, String)> {
    name(package).filter(|_| !service.raw_unit)?;
    let ours = meant_for(service, service.scope, package);
    let (title, text) = match package.target.os {
        Os::Windows => (format!("Windows service {}", service.name), windows::told(service)),
        Os::Macos => {
            let site = job_site(package);
            (
                format!("{}.plist", launchd::label(service, &site)),
                launchd::plist(&ours, &site).ok()?,
            )
        }
        _ => (service.unit(), systemd::unit(&ours, &unit_site(package)).ok()?),
    };
    let piece = |piece: &Piece<'_>| match piece {
        Piece::Text(text) => (*text).to_owned(),
        Piece::Mark(IMAGE) => "$FOLDER".into(),
        Piece::Mark(STATE) => "$STATE".into(),
        Piece::Mark(LOG) => "$LOG".into(),
        Piece::Mark(_) => "$CACHE".into(),
    };
    Some((title, moving::pieces(&text).iter().map(piece).collect()))
}

/// What may stand between double quotes of a shell.
fn quoted(text: &str) -> String {
    let special = |c: char| matches!(c, '"' | '\\' | '$' | '`');
    text.chars().fold(String::new(), |mut all, c| {
        if special(c) {
            all.push('\\');
        }
        all.push(c);
        all
    })
}

#[cfg(test)]
mod tests;
