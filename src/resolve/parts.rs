//! Components: what stays in the package, what becomes a package of its own, what is downloaded.

use super::{PartPackage, family, work::Work};
use crate::{
    diagnostic::{Diagnostic, Place},
    manifest::{ArchRule, Component, Delivery, Node, Value},
    package::{
        Bound, Dest, Embedded, Entry, Family, Fetched, FetchedFile, Package, Part, Release, Version,
    },
    payload::Blob,
    tree::{Kind, PayloadType, Text},
};

/// Takes the components out of a package that do not stay in it.
pub(super) fn split(work: &mut Work<'_>, package: &mut Package) -> Vec<PartPackage> {
    let mut packages = Vec::new();
    for (name, component) in &work.root.component {
        let place = work.tree.find(&["component", name]).and_then(|node| node.place.clone());
        let is_its = |entry: &Entry| entry.component.as_ref().is_some_and(|its| *its == **name);
        if !package.entries.iter().any(is_its) {
            continue;
        }
        let its = Its { name, component, place: place.as_ref() };
        match delivery(work, component) {
            Delivery::Embed => {
                let its_len = |entry: &Entry| match &entry.kind {
                    Kind::File(blob) if is_its(entry) => blob.len(),
                    _ => 0,
                };
                let len = package.entries.iter().map(its_len).sum();
                let (component, version) = (name.clone(), its.version(package));
                package.family.embedded.push(Embedded { component, version, len });
            }
            Delivery::Split => {
                let entries = package.entries.extract_if(.., |entry| is_its(entry)).collect();
                packages.extend(its.package(work, package, entries));
            }
            Delivery::Fetch => {
                let entries = package.entries.extract_if(.., |entry| is_its(entry)).collect();
                if let Some(fetched) = its.fetched(work, package, entries) {
                    package.family.fetched.push(fetched);
                }
            }
            Delivery::Sidecar => {
                let error = super::later::later("`sidecar`", its.place);
                work.found.error(error);
            }
        }
    }
    lean(work, package, &mut packages);
    packages
}

/// Two models may share a blob, which is shipped once: the one that does not have it needs the other.
fn lean(work: &Work<'_>, main: &mut Package, packages: &mut [PartPackage]) {
    let part_of = |main: &Package, component: &Option<Text>| {
        let component = component.as_ref()?;
        main.family.parts.iter().position(|part| *component == *part.component)
    };
    for (who, on) in &work.leans {
        match (part_of(main, who), part_of(main, on)) {
            (None, Some(on)) => main.family.parts[on].required = true,
            (Some(who), on) => {
                let part = match on.map(|on| main.family.parts[on].clone()) {
                    Some(part) if part.bound == Bound::Any => {
                        Part { bound: Bound::Same, required: true, ..part }
                    }
                    Some(part) => Part { required: true, ..part },
                    None => Part {
                        component: String::new(),
                        name: main.family.base.clone(),
                        version: main.version.clone(),
                        bound: Bound::Any,
                        required: true,
                    },
                };
                let name = &main.family.parts[who].name;
                let its = packages.iter_mut().find(|package| package.package.name == *name);
                its.expect("every part has its package").package.family.parts.push(part);
            }
            (None, None) => {}
        }
    }
}

/// How a component reaches the user in this artifact.
fn delivery(work: &Work<'_>, component: &Component) -> Delivery {
    let said = |word: &str| component.deliver.get(word).map(|way| way.value);
    let default = work.job.format.deliver.first().copied().unwrap_or(Delivery::Embed);
    said(work.job.spelling).or_else(|| said(work.job.format.name)).unwrap_or(default)
}

/// A component.
struct Its<'a> {
    name: &'a str,
    component: &'a Component,
    place: Option<&'a Place>,
}

impl Its<'_> {
    /// Its own version, or that of the package.
    fn version(&self, main: &Package) -> Version {
        let own = self.component.version.as_ref().map(|version| version.value.clone());
        own.unwrap_or_else(|| main.version.clone())
    }

    /// The component as a package of its own, and what the main one has to know of it. Nothing in it
    /// depends on the main part's version: the same content is the same package.
    fn package(
        &self,
        work: &mut Work<'_>,
        main: &mut Package,
        mut entries: Vec<Entry>,
    ) -> Option<PartPackage> {
        let base = &main.family.base;
        let name = match family::joined(base, &format!("-{}", self.name), self.place) {
            Ok(name) => name,
            Err(error) => {
                work.found.error(error);
                return None;
            }
        };
        self.check_arch(work, &entries);
        entries.extend(licenses(main));
        let version = self.version(main);
        let required = self.component.required;
        let (component, summary) = (self.name.to_owned(), self.component.summary.to_string());
        main.family.parts.push(Part {
            component: component.clone(),
            name: name.clone(),
            version: version.clone(),
            bound: if self.component.version.is_some() { Bound::Any } else { Bound::InStep },
            required,
        });
        let changes = Release { version: version.to_string(), date: None, changes: Vec::new() };
        let family = Family { component: Some(component), ..Family::alone(base.clone()) };
        let package = Package {
            name,
            family,
            release: if self.component.version.is_some() { 1 } else { main.release },
            version,
            description: summary.clone(),
            summary,
            changelog: vec![changes],
            any_arch: self.component.arch == Some(ArchRule::Any) || main.any_arch,
            entries,
            services: Vec::new(),
            scripts: [].into(),
            trigger_scripts: [].into(),
            desktop: None,
            ..main.clone()
        };
        Some(PartPackage { package, manifest: of_part(work, self.component.version.is_none()) })
    }

    /// A component for all architectures has no machine code.
    fn check_arch(&self, work: &mut Work<'_>, entries: &[Entry]) {
        if self.component.arch != Some(ArchRule::Any) {
            return;
        }
        for entry in entries {
            let Kind::File(blob) = &entry.kind else { continue };
            if blob.path().is_some() && !matches!(&*work.sources.program(blob), Ok(None)) {
                let path = blob.path().unwrap_or(std::path::Path::new("")).display().to_string();
                let message = format!(
                    "component `{}` is for all architectures, and `{path}` is machine code",
                    self.name
                );
                let hint = "without `arch = \"any\"` it is built for each target";
                let error = Diagnostic::usage("component.arch", message).hint(hint);
                work.found.error(error.at(entry.place.clone()));
            }
        }
    }

    /// The component as what is downloaded later.
    fn fetched(&self, work: &mut Work<'_>, main: &Package, entries: Vec<Entry>) -> Option<Fetched> {
        let url = self.component.url.as_ref();
        let mut files = Vec::new();
        for entry in entries {
            match &entry.kind {
                Kind::File(blob) => files.push(self.file(work, main, &entry, blob)?),
                Kind::Dir => {}
                Kind::Symlink(_) | Kind::Ghost => {
                    let message = format!(
                        "component `{}` is downloaded, and a link or a ghost cannot be",
                        self.name
                    );
                    work.error("component.fetch", message, entry.place.as_ref());
                    return None;
                }
            }
        }
        let several = files.len() > 1 && url.is_some_and(|url| !url.contains("sha256"));
        if several {
            let message =
                format!("component `{}` is {} files at one `url`", self.name, files.len());
            let hint = "`{{ sha256 }}` in the address tells them apart";
            let error = Diagnostic::usage("component.url", message).hint(hint);
            work.found.error(error.at(url.and_then(|url| url.place.clone())));
        }
        Some(Fetched {
            component: self.name.to_owned(),
            summary: self.component.summary.to_string(),
            version: self.version(main),
            required: self.component.required,
            files,
        })
    }

    fn file(
        &self,
        work: &mut Work<'_>,
        main: &Package,
        entry: &Entry,
        blob: &Blob,
    ) -> Option<FetchedFile> {
        let Some(url) = &self.component.url else {
            let message = format!("component `{}` is to be downloaded and has no `url`", self.name);
            work.error("component.url", message, self.place);
            return None;
        };
        let dir = work.layout.dir(entry.role, main.family.base.as_str(), &main.title);
        let path = match &entry.dest {
            Dest::TypeDir => dir,
            Dest::InType(below) => format!("{dir}/{below}"),
            Dest::Absolute(path) => format!("/{path}"),
        };
        Some(FetchedFile { path, blob: blob.clone(), url: url.to_string() })
    }
}

/// The texts of the licence, which every package brings along.
fn licenses(main: &Package) -> Vec<Entry> {
    let is_one = |blob: &Blob| main.license_files.iter().any(|(_, text)| text == blob);
    let mine = main.entries.iter().filter(|entry| entry.role == PayloadType::License);
    mine.filter(|entry| matches!(&entry.kind, Kind::File(blob) if is_one(blob))).cloned().collect()
}

/// What tells builds of one version apart.
const OF_VERSION: [&str; 2] = ["epoch", "revision"];

/// The manifest of a part: of the format's own table only what holds for every package of a project,
/// and what belongs to the version of one that goes `in_step` with the main one.
fn of_part(work: &Work<'_>, in_step: bool) -> Node {
    let mut tree = work.tree.clone();
    let Value::Table(tables) = &mut tree.value else { return tree };
    let has = |name: &str| {
        let table = work.manifest.tables().iter().find(|table| table.name == name);
        table.is_some_and(|table| table.formats.iter().any(|f| f.name == work.job.format.name))
    };
    let names: Vec<_> = tables.iter().map(|(key, _)| key.clone()).collect();
    for key in names.into_iter().filter(|key| has(&key.name)) {
        let Some(mut node) = tables.remove(&key.name) else { continue };
        if let Value::Table(rows) = &mut node.value {
            rows.retain(|row| {
                let key = row.name.as_str();
                let of_version = in_step && OF_VERSION.contains(&key);
                of_version || work.job.format.of_parts.contains(&key)
            });
        }
        tables.insert(key, node);
    }
    tree
}
