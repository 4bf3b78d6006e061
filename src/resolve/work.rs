//! What everything that resolves a part of a manifest works with.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Job, Pin, Resolved, Settings, desktop, entries, family, identity, later, launchers, names,
    parts, program, scripts, services,
    source::{Problem, Sources},
    text,
};
use crate::{
    diagnostic::{Diagnostic, Diagnostics, Place},
    layout::Layout,
    manifest::{
        Launcher, Manifest, Node, Root, Selection, ServiceName, ServiceTable, decode_key, expand,
    },
    package::{Package, moving},
    payload::Blob,
    tree::{PayloadType, Text},
};

/// One artifact on the way to being resolved.
pub(super) struct Work<'a> {
    pub(super) manifest: &'a Manifest,
    pub(super) job: &'a Job,
    pub(super) selection: Selection<'a>,
    /// Merged and expanded.
    pub(super) tree: &'a Node,
    /// The same as types.
    pub(super) root: &'a Root,
    /// Services and launchers; in an image that can be moved their directories are marks.
    pub(super) programs: &'a Programs,
    pub(super) settings: &'a Settings,
    pub(super) sources: &'a Sources,
    pub(super) layout: &'a dyn Layout,
    pub(super) found: Diagnostics,
    /// Optional sources that are not there.
    pub(super) absent: Vec<String>,
    /// Content that must have a known digest.
    pub(super) pins: Vec<Pin>,
    /// Components that do without a file because another one has it: who, and on whom.
    pub(super) leans: BTreeSet<(Option<Text>, Option<Text>)>,
    /// Content whose digest has to be known before everything is decided.
    pub(super) unread: Vec<Blob>,
}

/// What runs on the user's machine.
pub(super) struct Programs {
    pub(super) service: BTreeMap<ServiceName, ServiceTable>,
    pub(super) launcher: BTreeMap<ServiceName, Launcher>,
}

impl Programs {
    fn of(merged: &Node, root: &Root, known: &names::Known) -> Result<Self, Diagnostics> {
        let Some(names) = &known.marked else {
            return Ok(Self { service: root.service.clone(), launcher: root.launcher.clone() });
        };
        let tree = expand(merged, names)?;
        let service = decode_key(&tree, "service")?;
        Ok(Self { service, launcher: decode_key(&tree, "launcher")? })
    }
}

impl Work<'_> {
    pub(super) fn error(&mut self, code: &'static str, message: String, place: Option<&Place>) {
        self.found.error(Diagnostic::usage(code, message).at(place.cloned()));
    }

    /// Notes what is wrong with a source.
    pub(super) fn problems(&mut self, problems: Vec<Problem>, place: Option<&Place>) {
        for problem in problems {
            self.found.error(problem.at(place));
        }
    }

    /// A file that the manifest names outside of `[payload]`.
    pub(super) fn file(&mut self, path: &str, place: Option<&Place>) -> Option<Blob> {
        self.sources.file(path).map_err(|problems| self.problems(problems, place)).ok()
    }

    /// The text of such a file.
    pub(super) fn text(&mut self, path: &str, place: Option<&Place>) -> Option<String> {
        let blob = self.file(path, place)?;
        let text = text::read(&blob, path);
        text.map_err(|error| self.found.error(error.at(place.cloned()))).ok()
    }

    /// The package's name.
    pub(super) fn name(&self) -> &str {
        self.root.package.name.as_str()
    }

    /// The display name.
    pub(super) fn title(&self) -> &str {
        self.root.package.title.as_ref().map_or(self.name(), |title| title)
    }

    /// The directory of a type in this artifact.
    pub(super) fn dir(&self, role: PayloadType) -> String {
        self.layout.dir(role, self.name(), self.title())
    }

    /// The same with a mark in front when it is relative to an image.
    pub(super) fn marked_dir(&self, role: PayloadType) -> String {
        let dir = self.dir(role);
        if dir.starts_with('/') { dir } else { format!("{}/{dir}", moving::IMAGE) }
    }
}

/// Finds everything of one artifact. All errors at once.
pub fn resolve(
    manifest: &Manifest,
    job: &Job,
    settings: &Settings,
    sources: &Sources,
    layout: &dyn Layout,
) -> Result<Resolved, Diagnostics> {
    let mut found = Diagnostics::default();
    let selection = job.selection();
    let merged = manifest.select(&selection, &settings.sets)?;
    let known = names::find(&merged, job, settings, sources, Some(layout), &mut found);
    let Some(known) = known else { return Err(found) };
    let tree = expand(&merged, &known.names)?;
    let root = manifest.root(&tree)?;
    let programs = Programs::of(&merged, &root, &known)?;
    let mut work = Work {
        manifest,
        job,
        selection,
        tree: &tree,
        root: &root,
        programs: &programs,
        settings,
        sources,
        layout,
        found,
        absent: Vec::new(),
        pins: Vec::new(),
        leans: BTreeSet::new(),
        unread: Vec::new(),
    };
    later::check(&mut work);
    let mut package = package(&mut work, known);
    let parts = parts::split(&mut work, &mut package);
    let Work { mut found, absent, pins, unread, .. } = work;
    later::without_consequences(&mut found);
    found.sort();
    if found.is_ok() {
        let warnings = found.warnings;
        Ok(Resolved { package, manifest: tree, parts, warnings, absent, pins, unread })
    } else {
        Err(found)
    }
}

fn package(work: &mut Work<'_>, known: names::Known) -> Package {
    let (name, family) = family::find(work);
    let identity = identity::find(work);
    let mut entries = entries::find(work);
    entries.extend(family::marker(&family));
    let any_arch = program::any_arch(work, &entries);
    launchers::find(work, &mut entries);
    let services = services::find(work, &mut entries);
    let desktop = desktop::find(work, &mut entries);
    let scripts = scripts::find(work);
    let trigger_scripts = scripts::of_triggers(work);
    let table = &work.root.package;
    let text = |text: &Option<crate::manifest::Line>| text.as_ref().map(ToString::to_string);
    Package {
        name,
        family,
        title: work.title().to_owned(),
        identifier: known.identifier,
        changelog: identity.changelog(&known.version),
        version: known.version,
        release: table.release,
        summary: table.summary.to_string(),
        description: table.description.clone().unwrap_or_else(|| table.summary.to_string()),
        license: table.license.to_string(),
        license_files: identity.license_files,
        copyright: text(&table.copyright),
        authors: table.authors.iter().map(|author| author.to_string()).collect(),
        homepage: table.homepage.as_ref().map(|url| url.to_string()),
        repository: table.repository.as_ref().map(|url| url.to_string()),
        target: work.job.target,
        any_arch,
        epoch: identity.epoch,
        entries,
        services,
        scripts,
        trigger_scripts,
        desktop,
    }
}
