//! Install scripts in archives: what is in the tree, as shell.

use serde::Serialize;

use super::control;
use crate::{
    package::{Os, Package, Scope, Upgrade},
    payload::Blob,
    template,
    tree::{Duplicate, InstallPath, Kind, Mode, Node, PayloadType, Tree},
};

const INSTALL: &str = include_str!("../../templates/archive/install.sh");
const UNINSTALL: &str = include_str!("../../templates/archive/uninstall.sh");

/// What both templates ask for. Values are words of a shell, except in comments and help.
#[derive(Debug, Default, Serialize)]
struct Script {
    comment: String,
    plain: String,
    name: String,
    version: String,
    need: u64,
    service: String,
    /// Whether services are meant for the machine; `--user` is known then.
    machine: &'static str,
    services: Vec<Registered>,
    dirs: Vec<Row>,
    files: Vec<Row>,
    configs: Vec<Row>,
    symlinks: Vec<Link>,
    programs: Vec<String>,
    states: Vec<String>,
    machine_states: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Row {
    mode: String,
    path: String,
}

#[derive(Debug, Serialize)]
struct Registered {
    name: String,
    upgrade: &'static str,
}

#[derive(Debug, Serialize)]
struct Link {
    path: String,
    target: String,
}

/// Adds `install.sh` and `uninstall.sh`, which know everything else in the tree.
pub(super) fn add(package: &Package, tree: &mut Tree) -> Result<(), Duplicate> {
    let script = script(package, tree);
    for (name, template) in [("install.sh", INSTALL), ("uninstall.sh", UNINSTALL)] {
        let text = template::render(template, &script);
        let path = InstallPath::parse(name).expect("the name is a path");
        tree.insert(path, Node::file(Blob::from_bytes(text), Mode(0o755)))?;
    }
    Ok(())
}

fn script(package: &Package, tree: &Tree) -> Script {
    let Package { name, version, title, .. } = package;
    let control = control::name(package).map(|name| format!("bin/{name}"));
    let word = |upgrade: Upgrade| match upgrade {
        Upgrade::Restart => "restart",
        Upgrade::Keep => "keep",
        Upgrade::StopFirst => "stop-first",
    };
    let services = package.services.iter().filter(|service| !service.raw_unit);
    let services: Vec<_> = services.collect();
    let for_machine = services.iter().any(|service| service.scope == Scope::System);
    let mut script = Script {
        comment: format!("{title} {version}"),
        plain: name.to_string(),
        name: template::shell(name.as_str()),
        version: template::shell(&version.to_string()),
        service: template::shell(&control.unwrap_or_default()),
        machine: if for_machine { "yes" } else { "no" },
        services: services
            .iter()
            .map(|service| Registered {
                name: template::shell(&service.name),
                upgrade: word(service.upgrade),
            })
            .collect(),
        states: states(package),
        machine_states: machine_states(package),
        ..Script::default()
    };
    let mut bytes = 0;
    for (path, node) in tree.iter() {
        let word = template::shell(path.as_str());
        let mode = format!("{:04o}", node.mode.0);
        match &node.kind {
            Kind::Dir => script.dirs.push(Row { mode, path: word }),
            Kind::Symlink(target) => {
                script.symlinks.push(Link { path: word, target: template::shell(target) });
            }
            Kind::File(blob) => {
                bytes += blob.len().next_multiple_of(4096);
                let config = node.role == Some(PayloadType::Config);
                let rows = if config { &mut script.configs } else { &mut script.files };
                rows.push(Row { mode, path: word });
            }
            Kind::Ghost => {}
        }
        if let (Some(program), false) =
            (path.as_str().strip_prefix("bin/"), matches!(node.kind, Kind::Dir | Kind::Ghost))
            && !program.contains('/')
        {
            script.programs.push(template::shell(program));
        }
    }
    script.need = bytes / 1024 + 64;
    script
}

/// Where services of the machine write: the places of the control program.
fn machine_states(package: &Package) -> Vec<String> {
    let base = package.family.base.as_str();
    let all = match package.target.os {
        Os::Macos => ["/Library/Application Support", "/Library/Logs", "/Library/Caches"],
        _ => ["/var/lib", "/var/log", "/var/cache"],
    };
    let name = if package.target.os == Os::Macos { package.title.as_str() } else { base };
    all.iter().map(|dir| template::shell(&format!("{dir}/{name}"))).collect()
}

/// Where the program writes for one user: words of the shell. Services write everywhere.
fn states(package: &Package) -> Vec<String> {
    let has = |role| package.entries.iter().any(|entry| entry.role == role);
    let any = package.services.iter().any(|service| !service.raw_unit);
    let name = template::shell(package.family.base.as_str());
    let mut states = Vec::new();
    if any || has(PayloadType::State) || has(PayloadType::Log) {
        states.push(format!("\"${{XDG_STATE_HOME:-$HOME/.local/state}}\"/{name}"));
    }
    if any || has(PayloadType::Cache) {
        states.push(format!("\"${{XDG_CACHE_HOME:-$HOME/.cache}}\"/{name}"));
    }
    states
}
