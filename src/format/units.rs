//! Which units a package registers: those of its services, and those it ships as they are.

use super::linux::content;
use crate::{
    diagnostic::Diagnostic,
    package::{Package, Scope, Service, Upgrade},
    tree::{Kind, PayloadType, Tree},
};

/// A unit that is enabled, started and stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Unit {
    /// With its suffix: `x.service`.
    pub name: String,
    /// System or user manager.
    pub scope: Scope,
    /// Whether something wants it (`[Install]`): otherwise there is nothing to enable.
    pub wanted: bool,
    /// Whether it starts at boot, if the manifest says so.
    pub enable: Option<bool>,
    /// Whether installing starts it, if the manifest says so.
    pub start: Option<bool>,
    /// What an upgrade does to it.
    pub upgrade: Upgrade,
    /// It serves models that come and go without this package.
    pub follows: bool,
}

/// Where units are, and whose.
const FOLDERS: [(&str, Scope); 2] =
    [("usr/lib/systemd/system/", Scope::System), ("usr/lib/systemd/user/", Scope::User)];

/// Kinds of units.
const KINDS: [&str; 7] =
    [".service", ".socket", ".timer", ".path", ".mount", ".automount", ".target"];

/// Units of services, and units that are shipped as they are and want to be enabled. Templates are
/// neither enabled nor started; units without `[Install]` are left to what starts them, unless they
/// belong to a service. A unit that is shipped as another type, `data`, is only a file.
pub(super) fn units(package: &Package, tree: &Tree) -> Result<Vec<Unit>, Diagnostic> {
    let mut units = Vec::new();
    for (folder, scope) in FOLDERS {
        for (path, node) in tree.iter() {
            let Some(name) = path.as_str().strip_prefix(folder) else { continue };
            let Kind::File(blob) = &node.kind else { continue };
            let as_unit = node.role.is_none_or(|role| role == PayloadType::Service);
            let known = KINDS.iter().any(|kind| name.ends_with(kind));
            if name.contains(['/', '@']) || !known || !as_unit {
                continue;
            }
            let wanted = has_install(&content(blob, node)?);
            let service = package.services.iter().find(|s| s.scope == scope && s.unit() == name);
            if wanted || service.is_some() {
                let follows = service.is_some_and(|service| follows(service, package));
                units.push(Unit { follows, ..unit(service, name, scope, wanted) });
            }
        }
    }
    Ok(units)
}

fn has_install(text: &[u8]) -> bool {
    String::from_utf8_lossy(text).lines().any(|line| line.trim() == "[Install]")
}

fn unit(service: Option<&Service>, name: &str, scope: Scope, wanted: bool) -> Unit {
    Unit {
        name: name.to_owned(),
        scope,
        wanted,
        enable: service.and_then(|service| service.enable),
        start: service.and_then(|service| service.start),
        upgrade: service.map_or(Upgrade::Restart, |service| service.upgrade),
        follows: false,
    }
}

/// Whether a service has to notice when models come and go: it fills a store from them, or they are
/// in packages of their own.
pub(super) fn follows(service: &Service, package: &Package) -> bool {
    let apart = !package.family.parts.is_empty() && !service.raw_unit;
    let restarts = service.scope == Scope::System && service.upgrade != Upgrade::Keep;
    restarts && (service.seed.is_some() || apart)
}
