//! What the manifest beside a package says of its services: the package itself does not hold it.

use std::path::{Path, PathBuf};

use crate::{
    build::Planned,
    cli::{args::Flags, session::Session, ui::Ui},
    diagnostic::Diagnostics,
    package::Service,
    tree::InstallPath,
    trial::Expected,
};

/// Of the manifest of `-m FILE`, else of the `pkggen.toml` of this folder, if there is one. One
/// that was named must be readable; of the other it is only said that it is not.
pub(super) fn expected(
    artifact: &Path,
    flags: &Flags,
    ui: &Ui,
) -> Result<Vec<Expected>, Diagnostics> {
    let here = Path::new("pkggen.toml");
    let there = || here.exists().then(|| PathBuf::from(here));
    let Some(manifest) = flags.manifest.clone().or_else(there) else { return Ok(Vec::new()) };
    let named = flags.manifest.is_some();
    let flags = Flags { manifest: Some(manifest), keep_going: true, ..flags.clone() };
    let opened = Session::open(&flags, ui).and_then(|session| session.prepare_unsigned());
    match opened {
        Ok(prepared) => Ok(services(artifact, &prepared.planned)),
        Err(found) if named => Err(found),
        Err(found) => {
            let why = found.errors.first().map_or("", |error| error.message.as_str());
            ui.note(&format!("note: the manifest of this folder is not asked: {why}"));
            Ok(Vec::new())
        }
    }
}

/// Of the package of that name; else of all packages of that format.
fn services(artifact: &Path, planned: &[Planned]) -> Vec<Expected> {
    let name = artifact.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let of_format = |one: &&Planned| name.ends_with(&format!(".{}", one.spelling));
    let exact: Vec<_> = planned.iter().filter(|one| one.file_name == name).collect();
    let all = if exact.is_empty() { planned.iter().filter(of_format).collect() } else { exact };
    let mut found: Vec<Expected> = Vec::new();
    for one in all {
        for service in &one.package.services {
            if !found.iter().any(|there| there.unit == service.unit()) {
                found.push(expect(service, starts_unless_told(service, one)));
            }
        }
    }
    found
}

/// Whether the package itself registers a service, and no preset has a say in it.
fn starts_unless_told(service: &Service, one: &Planned) -> bool {
    let unit = service.unit();
    let is_unit = |path: &InstallPath| {
        path.file_name() == unit && path.as_str().starts_with("usr/lib/systemd/")
    };
    !one.format.by_preset() && one.tree.iter().any(|(path, _)| is_unit(path))
}

fn expect(service: &Service, starts: bool) -> Expected {
    let health = service.health.as_ref();
    Expected {
        unit: service.unit(),
        health: health.map(|health| (health.url.clone(), health.within)),
        upgrade: service.upgrade,
        start: if starts { Some(service.start.unwrap_or(true)) } else { service.start },
    }
}
