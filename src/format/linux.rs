//! What packages of every Linux distribution add to their tree: units, users, directories that are
//! made on the user's machine, the menu entry.

use std::{collections::BTreeSet, io::Read as _};

use serde::Serialize;

use super::units;
use crate::{
    diagnostic::{Diagnostic, Diagnostics},
    layout::{Layout, duplicate},
    package::{Desktop, Dest, Entry, Package, Scope, Service, StateDirs, Variant},
    payload::{self, Blob},
    service::systemd::{self, OwnedDir, Site},
    template,
    tree::{InstallPath, Kind, Mode, Node, PathError, PayloadType, Tree},
};

/// Largest generated or rewritten document, in bytes: man pages, licences, units.
const MAX_DOCUMENT: u64 = 16 << 20;

const DESKTOP: &str = include_str!("../../templates/desktop/app.desktop");

/// Directories of the system: never removed with a package, whatever a manifest says.
#[rustfmt::skip]
const STANDARD: &[&str] = &[
    "/bin", "/boot", "/dev", "/etc", "/home", "/lib", "/opt", "/proc", "/root", "/run", "/sbin",
    "/srv", "/sys", "/tmp", "/usr", "/usr/bin", "/usr/lib", "/usr/share", "/var", "/var/backups",
    "/var/cache", "/var/lib", "/var/local", "/var/log", "/var/mail", "/var/opt", "/var/spool",
    "/var/tmp", "/var/www", "/etc/opt", "/usr/local",
];

/// What a package makes and owns on the user's machine besides its files.
#[derive(Clone, Debug, Default)]
pub(super) struct OnMachine {
    /// What units need to know.
    pub site: Site,
    /// Made from tmpfiles.d.
    pub dirs: Vec<OwnedDir>,
    /// State, logs and caches: absolute paths that go when the package is purged.
    pub purged: BTreeSet<String>,
    /// The directory of models, when services have to notice what comes and goes there.
    pub followed: Option<String>,
    /// Of a package in variants: which one it is, and the file that tells.
    pub variant: Option<Marker>,
}

/// A file that all variants of a package have: the one that is installed is written in it.
#[derive(Clone, Debug)]
pub(super) struct Marker {
    /// The variant's name.
    pub variant: String,
    /// Absolute.
    pub path: String,
}

impl OnMachine {
    /// From a package in a layout.
    pub(super) fn of(package: &Package, layout: &dyn Layout) -> Self {
        let site = site(package, layout);
        let mut dirs = BTreeSet::new();
        let mut purged = BTreeSet::new();
        let (mut made, mut homes) = (BTreeSet::new(), BTreeSet::new());
        for service in &package.services {
            let managed = systemd::managed_dirs(service, &site);
            if systemd::has_raw(service, "DynamicUser") {
                purged.extend(managed.iter().filter_map(|dir| private_dir(dir)));
            }
            made.extend(managed);
            homes.extend(homely(service, &site));
            dirs.extend(systemd::unmanaged(service, &site));
        }
        made.extend(dirs.iter().map(|dir: &OwnedDir| dir.path.clone()));
        let asked = package.entries.iter().filter(|e| is_state(e.role) && e.kind == Kind::Dir);
        for entry in asked {
            let path = absolute(entry, package, layout);
            if !made.contains(&path) && !homes.contains(&path) {
                dirs.insert(owned(entry, path.clone()));
                purged.insert(path);
            }
        }
        purged.extend(made);
        purged.retain(|path| !STANDARD.contains(&path.as_str()));
        let variant = package.family.variant.as_ref().map(|variant| Marker {
            variant: variant.name.clone(),
            path: format!(
                "{}/{}",
                layout.dir(PayloadType::Data, package.family.base.as_str(), &package.title),
                Variant::MARKER
            ),
        });
        let follows = package.services.iter().any(|service| units::follows(service, package));
        let followed = follows
            .then(|| layout.dir(PayloadType::Model, package.family.base.as_str(), &package.title));
        Self { site, dirs: dirs.into_iter().collect(), purged, followed, variant }
    }
}

fn site(package: &Package, layout: &dyn Layout) -> Site {
    let dir = |role| layout.dir(role, package.family.base.as_str(), &package.title);
    let capable = |entry: &Entry| {
        let capabilities = entry.capabilities.clone()?;
        Some((absolute(entry, package, layout), capabilities))
    };
    Site {
        name: package.family.base.to_string(),
        homepage: package.homepage.clone(),
        state: dir(PayloadType::State),
        log: dir(PayloadType::Log),
        cache: dir(PayloadType::Cache),
        config: dir(PayloadType::Config),
        capabilities: package.entries.iter().filter_map(capable).collect(),
    }
}

fn is_state(role: PayloadType) -> bool {
    matches!(role, PayloadType::State | PayloadType::Log | PayloadType::Cache)
}

/// Directories that a service of users has in every home: none is made for the system.
fn homely(service: &Service, site: &Site) -> Vec<String> {
    let StateDirs { state, log, cache } = &service.dirs;
    let of_users = service.scope == Scope::User;
    let dirs = [(state, &site.state), (log, &site.log), (cache, &site.cache)];
    let theirs = dirs.into_iter().filter(|(dir, _)| of_users && dir.is_some());
    theirs.map(|(_, path)| path.clone()).collect()
}

/// Under `DynamicUser` the real directory is one below `private`.
fn private_dir(dir: &str) -> Option<String> {
    let (base, name) = dir.rsplit_once('/')?;
    Some(format!("{base}/private/{name}"))
}

fn absolute(entry: &Entry, package: &Package, layout: &dyn Layout) -> String {
    let dir =
        layout.dir(entry.role, package.family.dir_name(entry.role, &package.name), &package.title);
    match &entry.dest {
        Dest::TypeDir => dir,
        Dest::InType(below) => format!("{dir}/{below}"),
        Dest::Absolute(path) => format!("/{path}"),
    }
}

fn owned(entry: &Entry, path: String) -> OwnedDir {
    let (owner, group) = (entry.owner.to_string(), entry.group.to_string());
    OwnedDir { path, mode: entry.mode.0, owner, group }
}

/// Adds units, sysusers.d, tmpfiles.d and the menu entry.
pub(super) fn add(
    tree: &mut Tree,
    package: &Package,
    machine: &OnMachine,
) -> Result<(), Diagnostics> {
    let mut found = Diagnostics::default();
    for service in package.services.iter().filter(|service| !service.raw_unit) {
        match systemd::unit(service, &machine.site) {
            Ok(text) => {
                let path = unit_path(service.scope, &format!("{}.service", service.name));
                put(tree, &path, Node { place: service.place.clone(), ..file(text) }, &mut found);
            }
            Err(error) => found.error(error),
        }
    }
    let name = &package.family.base;
    let generated: Vec<_> =
        package.services.iter().filter(|service| !service.raw_unit).cloned().collect();
    if let Some(text) = systemd::sysusers(&generated, &machine.site) {
        put(tree, &format!("usr/lib/sysusers.d/{name}.conf"), file(text), &mut found);
    }
    if let Some(text) = systemd::tmpfiles(&machine.dirs) {
        put(tree, &format!("usr/lib/tmpfiles.d/{name}.conf"), file(text), &mut found);
    }
    if let Some(desktop) = &package.desktop {
        let path = format!("usr/share/applications/{name}.desktop");
        put(tree, &path, file(desktop_entry(desktop, package)), &mut found);
    }
    if found.is_ok() { Ok(()) } else { Err(found) }
}

/// Lines of a script inside of a block.
pub(super) fn indented(text: &str, by: usize) -> String {
    let line = |line: &str| match line {
        "" => String::new(),
        line => format!("{:by$}{line}", ""),
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

/// Where a unit is installed.
pub(super) fn unit_path(scope: Scope, unit: &str) -> String {
    match scope {
        Scope::System => format!("usr/lib/systemd/system/{unit}"),
        Scope::User => format!("usr/lib/systemd/user/{unit}"),
    }
}

/// A generated file: root's, 0644.
pub(super) fn file(content: impl Into<Vec<u8>>) -> Node {
    Node::file(Blob::from_bytes(content), Mode(0o644))
}

/// Adds a generated node; a collision with one of the user's is noted.
pub(super) fn put(tree: &mut Tree, path: &str, node: Node, found: &mut Diagnostics) {
    match InstallPath::parse(path) {
        Ok(path) => {
            if let Err(twice) = tree.insert(path, node) {
                found.error(duplicate(&twice));
            }
        }
        Err(why) => found.error(bad_path(&why)),
    }
}

fn bad_path(why: &PathError) -> Diagnostic {
    Diagnostic::usage("path.invalid", why.to_string())
}

/// A small file's bytes: documents that are rewritten, units that are looked at.
pub(super) fn content(blob: &Blob, node: &Node) -> Result<Vec<u8>, Diagnostic> {
    if blob.len() > MAX_DOCUMENT {
        let text = format!("a document has {} bytes, more than {MAX_DOCUMENT}", blob.len());
        return Err(Diagnostic::usage("document.size", text).at(node.place.clone()));
    }
    if let Some(bytes) = blob.bytes() {
        return Ok(bytes.to_vec());
    }
    let mut bytes = Vec::new();
    let mut source = payload::open(blob)?;
    source.read_to_end(&mut bytes).map_err(|error| {
        Diagnostic::failed("payload.unreadable", "cannot read a document")
            .at(node.place.clone())
            .caused_by(&error)
    })?;
    Ok(bytes)
}

#[derive(Serialize)]
struct Values {
    title: String,
    comment: String,
    exec: String,
    icon: Option<String>,
    terminal: bool,
    categories: String,
    keywords: String,
    mime_types: String,
}

/// Format: Desktop Entry Specification 1.5.
fn desktop_entry(desktop: &Desktop, package: &Package) -> String {
    let schemes = desktop.url_schemes.iter().map(|scheme| format!("x-scheme-handler/{scheme}"));
    let mime_types: Vec<_> = desktop.mime_types.iter().cloned().chain(schemes).collect();
    let values = Values {
        title: template::desktop(&desktop.title),
        comment: template::desktop(&desktop.comment),
        exec: desktop.exec.clone(),
        icon: desktop.icon.then(|| package.family.base.to_string()),
        terminal: desktop.terminal,
        categories: template::desktop_list(&desktop.categories),
        keywords: template::desktop_list(&desktop.keywords),
        mime_types: template::desktop_list(&mime_types),
    };
    template::render(DESKTOP, &values).trim_end().to_owned() + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::package::sample;

    #[test]
    fn a_menu_entry_has_only_the_keys_it_needs() {
        let desktop = Desktop {
            exec: "sample %U".into(),
            title: "O'Brien & \"Söhne\" 100% $HOME \\n".into(),
            comment: "greets".into(),
            categories: vec!["Utility".into()],
            keywords: Vec::new(),
            mime_types: Vec::new(),
            url_schemes: vec!["sample".into()],
            terminal: false,
            icon: true,
        };
        let want = "[Desktop Entry]\nType=Application\nVersion=1.5\n\
                    Name=O'Brien & \"Söhne\" 100% $HOME \\\\n\nComment=greets\nExec=sample %U\n\
                    Icon=sample\nTerminal=false\nCategories=Utility;\n\
                    MimeType=x-scheme-handler/sample;\n";
        assert_eq!(desktop_entry(&desktop, &sample()), want);
    }
}
