//! Which units a package registers: those of its services, and those it ships as they are.

use super::content;
use crate::{
    diagnostic::Diagnostic,
    package::{Package, Scope, Upgrade},
    tree::{Kind, Tree},
};

/// A unit that is enabled, started and stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Unit {
    /// With its suffix: `x.service`.
    pub name: String,
    /// System or user manager.
    pub scope: Scope,
    /// Whether it starts at boot.
    pub enable: bool,
    /// Whether installing starts it.
    pub start: bool,
    /// What an upgrade does to it.
    pub upgrade: Upgrade,
}

/// Where units are, and whose.
const FOLDERS: [(&str, Scope); 2] =
    [("usr/lib/systemd/system/", Scope::System), ("usr/lib/systemd/user/", Scope::User)];

/// Kinds of unit that have an `[Install]` section worth following.
const KINDS: [&str; 6] = [".service", ".socket", ".timer", ".path", ".target", ".mount"];

/// All units of a tree that have an `[Install]` section and are no template. Units without one are
/// started by others.
pub(super) fn units(package: &Package, tree: &Tree) -> Result<Vec<Unit>, Diagnostic> {
    let mut units = Vec::new();
    for (folder, scope) in FOLDERS {
        for (path, node) in tree.iter() {
            let Some(name) = path.as_str().strip_prefix(folder) else { continue };
            let Kind::File(blob) = &node.kind else { continue };
            let known = KINDS.iter().any(|kind| name.ends_with(kind));
            if name.contains(['/', '@']) || !known || !has_install(&content(blob, node)?) {
                continue;
            }
            units.push(unit(package, name, scope));
        }
    }
    Ok(units)
}

fn has_install(text: &[u8]) -> bool {
    String::from_utf8_lossy(text).lines().any(|line| line.trim() == "[Install]")
}

fn unit(package: &Package, name: &str, scope: Scope) -> Unit {
    let service = package
        .services
        .iter()
        .find(|service| service.scope == scope && name == format!("{}.service", service.name));
    Unit {
        name: name.to_owned(),
        scope,
        enable: service.is_none_or(|service| service.enable),
        start: service.is_none_or(|service| service.start),
        upgrade: service.map_or(Upgrade::Restart, |service| service.upgrade),
    }
}
