//! From a [`Project`] to the manifest that says the same.

use std::{collections::BTreeSet, fs, path::Path};

use super::{
    Project,
    deb::{DebTable, Relation},
    metadata::Package,
    readme, relations,
    units::Registered,
};
use crate::{
    diagnostic::{Diagnostic, Diagnostics, Place},
    manifest::{Node, Spanned, Table, Value},
    package::{Libc, Os, Target, Upgrade},
};

/// The manifest, and what there is to say about it.
pub(super) fn manifest(project: &Project) -> Result<(Node, Vec<Diagnostic>), Diagnostics> {
    let mut map = Map { project, node: Node::new(Table::default()), found: Diagnostics::default() };
    map.package();
    map.targets();
    map.deb();
    let items = map.items();
    let registered = project.registered(&items, &mut map.found);
    map.services(&registered);
    map.scripts(!registered.is_empty());
    map.payload(&items, &registered);
    map.conf_files(&items);
    map.own_tables();
    let Map { node, mut found, .. } = map;
    found.sort();
    if found.is_ok() { Ok((node, found.warnings)) } else { Err(found) }
}

/// A manifest in the making.
pub(super) struct Map<'a> {
    pub(super) project: &'a Project,
    pub(super) node: Node,
    pub(super) found: Diagnostics,
}

impl Map<'_> {
    fn set(&mut self, path: &[&str], text: &str, place: Option<Place>) {
        self.node.set(path, Node::new(escaped(text)).at(place));
    }

    fn set_spanned(&mut self, path: &[&str], text: Option<&Spanned<String>>) {
        if let Some(text) = text {
            self.set(path, text.trim(), text.place.clone());
        }
    }

    /// `[package]`.
    fn package(&mut self) {
        let Project { package, deb, .. } = self.project;
        let at = |key| self.project.place(key);
        let name_place = deb.name.as_ref().map_or_else(|| at("name"), |name| name.place.clone());
        self.set(&["package", "name"], &self.project.name.clone(), name_place);
        self.set(&["package", "version"], &package.version, at("version"));
        self.describe();
        self.license();
        self.set_spanned(&["package", "changelog"], deb.changelog.as_ref());
        self.set_spanned(&["package", "copyright"], deb.copyright.as_ref());
        if !package.authors.is_empty() {
            let authors = package.authors.iter();
            let authors = authors.map(|author| Node::new(escaped(author)).at(at("authors")));
            let authors = Node::new(Value::Array(authors.collect())).at(at("authors"));
            self.node.set(&["package", "authors"], authors);
        }
        let Package { homepage, documentation, repository, .. } = package;
        let pages =
            [("homepage", homepage), ("documentation", documentation), ("repository", repository)];
        if let Some((key, Some(url))) = pages.into_iter().find(|(_, url)| url.is_some()) {
            self.set(&["package", "homepage"], url, at(key));
        }
        if let Some(url) = repository {
            self.set(&["package", "repository"], url, at("repository"));
        }
    }

    /// The first line is the summary; the extended description, or what the readme begins with, is
    /// the description.
    fn describe(&mut self) {
        let Project { package, deb, .. } = self.project;
        let place = self.project.place("description");
        let whole = package.description.as_deref().map(one_line).filter(|text| !text.is_empty());
        if whole.is_none() {
            let message = "`package.description` is missing; the name stands in for it";
            self.found.warning(Diagnostic::usage("cargo.description", message).at(place.clone()));
        }
        let whole = whole.unwrap_or_else(|| package.name.clone());
        let summary = summary(&whole);
        self.set(&["package", "summary"], summary, place.clone());
        let long = self.extended_description(deb);
        let start = (summary != whole).then_some(whole.as_str());
        let parts: Vec<_> = start.into_iter().chain(long.as_ref().map(|l| l.0.as_str())).collect();
        if !parts.is_empty() {
            let place = long.as_ref().map_or(place, |long| long.1.clone());
            self.set(&["package", "description"], &parts.join("\n\n"), place);
        }
    }

    fn extended_description(&mut self, deb: &DebTable) -> Option<(String, Option<Place>)> {
        let dir = self.project.dir();
        if let Some(file) = &deb.extended_description_file {
            return match fs::read_to_string(dir.join(&file.value)) {
                Ok(text) => Some((text.trim().to_owned(), file.place.clone())),
                Err(error) => {
                    let error = missing(&file.value, dir, file.place.clone()).caused_by(&error);
                    self.found.error(error);
                    None
                }
            };
        }
        if let Some(text) = &deb.extended_description {
            return Some((text.trim().to_owned(), text.place.clone()))
                .filter(|(text, _)| !text.is_empty());
        }
        let readme = self.project.package.readme.as_ref()?;
        let text = fs::read_to_string(dir.join(readme)).ok()?;
        Some((readme::first_paragraph(&text)?, self.project.place("readme")))
    }

    fn license(&mut self) {
        let Project { package, deb, .. } = self.project;
        let place = self.project.place("license");
        let file = deb.license_file.as_ref().map(|file| file.path.clone()).or_else(|| {
            let value = package.license_file.clone()?;
            Some(Spanned { value, place: self.project.place("license-file") })
        });
        match (&package.license, &package.publish) {
            (Some(license), _) => self.set(&["package", "license"], license, place),
            (None, Some(registries)) if registries.is_empty() => {
                self.set(&["package", "license"], "LicenseRef-UNLICENSED", place);
            }
            (None, _) => {
                if file.is_none() {
                    let message = "`package.license` is missing";
                    let warning = Diagnostic::usage("cargo.license", message).at(place.clone());
                    self.found.warning(warning.hint("an SPDX expression: \"MIT OR Apache-2.0\""));
                }
                self.set(&["package", "license"], "LicenseRef-Unknown", place);
            }
        }
        let files = match file {
            Some(file) => vec![file],
            None => self.license_texts(),
        };
        // A file in Debian's own form is installed as it stands.
        let debian = |file: &&Spanned<String>| {
            let text = fs::read_to_string(self.project.dir().join(&file.value)).unwrap_or_default();
            is_debian_copyright(&text)
        };
        if files.iter().any(|file| debian(&file)) {
            return;
        }
        if !files.is_empty() {
            let files = files.iter().map(|file| path_node(&file.value, file.place.clone()));
            let files = Node::new(Value::Array(files.collect()));
            self.node.set(&["package", "license-files"], files);
        }
    }

    /// Texts of the licence that lie beside the manifest.
    fn license_texts(&self) -> Vec<Spanned<String>> {
        let names = fs::read_dir(self.project.dir()).into_iter().flatten().flatten();
        let is_text = |name: &String| {
            let upper = name.to_ascii_uppercase();
            let stem = upper.split(['.', '-']).next().unwrap_or_default().to_owned();
            let source =
                Path::new(name).extension().is_some_and(|end| end == "rs" || end == "toml");
            ["LICENSE", "LICENCE", "COPYING", "UNLICENSE"].contains(&stem.as_str()) && !source
        };
        let files = names.filter(|entry| entry.path().is_file());
        let names: BTreeSet<_> = files
            .filter_map(|entry| entry.file_name().into_string().ok())
            .filter(is_text)
            .collect();
        names.into_iter().map(|value| Spanned { value, place: None }).collect()
    }

    /// Exactly the targets that were asked for.
    fn targets(&mut self) {
        for os in Os::ALL {
            let targets = self.project.settings.targets.iter().map(|(target, _)| target);
            let arches: Vec<_> =
                targets.filter(|target| target.os == os).copied().map(arch_word).collect();
            if arches.is_empty() {
                continue;
            }
            let formats = match os {
                Os::Linux => vec!["deb", "tar.gz"],
                Os::Windows => vec!["zip"],
                Os::Macos | Os::Freebsd => vec!["tar.gz"],
            };
            let platform = Node::table([("arch", Node::new(arches)), ("formats", formats.into())]);
            self.node.set(&["targets", os.word()], platform);
        }
    }

    /// `[deb]`.
    fn deb(&mut self) {
        let deb = &self.project.deb;
        self.set_spanned(&["deb", "maintainer"], deb.maintainer.as_ref());
        self.section(deb.section.as_ref());
        self.set_spanned(&["deb", "priority"], deb.priority.as_ref());
        match &deb.revision {
            Some(revision) if matches!(revision.value.as_str(), "" | "0") => {}
            Some(revision) => self.set_spanned(&["deb", "revision"], Some(revision)),
            None => self.set(&["deb", "revision"], "1", None),
        }
        #[rustfmt::skip]
        let relations = [
            ("depends", &deb.depends), ("pre-depends", &deb.pre_depends),
            ("recommends", &deb.recommends), ("suggests", &deb.suggests),
            ("enhances", &deb.enhances), ("conflicts", &deb.conflicts), ("breaks", &deb.breaks),
            ("replaces", &deb.replaces), ("provides", &deb.provides),
        ];
        for (key, relation) in relations {
            if let Some(relation) = relation {
                self.relation(key, relation);
            }
        }
        self.triggers();
        self.debug_symbols();
    }

    /// Debian's sections are lower case.
    fn section(&mut self, section: Option<&Spanned<String>>) {
        let Some(section) = section else { return };
        let lower = section.to_lowercase();
        if lower != section.value {
            let message = format!("the section `{}` is written `{lower}`", section.value);
            let warning = Diagnostic::usage("cargo.section", message);
            self.found.warning(warning.at(section.place.clone()));
        }
        self.set(&["deb", "section"], lower.trim(), section.place.clone());
    }

    /// Relations that hold for some architectures only are theirs.
    fn relation(&mut self, key: &str, relation: &Relation) {
        let limited = relations::limited(relation, &mut self.found);
        let node = |text: &str, place: &Option<Place>| Node::new(escaped(text)).at(place.clone());
        let everywhere = limited.iter().filter(|one| one.arches.is_none());
        let list: Vec<_> = everywhere.map(|one| node(&one.text, &one.place)).collect();
        self.node.set(&["deb", key], Node::new(Value::Array(list)));
        for os_target in Target::all().filter(|target| target.os == Os::Linux) {
            let here = limited.iter().filter(|one| {
                one.arches.as_ref().is_some_and(|arches| arches.contains(&os_target.arch))
            });
            let list: Vec<_> = here.map(|one| node(&one.text, &one.place)).collect();
            if !list.is_empty() {
                let path = ["override", &os_target.to_string(), "deb", key];
                self.node.set(&path, Node::new(Value::Array(list)));
            }
        }
    }

    fn triggers(&mut self) {
        let Some(file) = &self.project.deb.triggers_file else { return };
        match fs::read_to_string(self.project.dir().join(&file.value)) {
            Ok(text) => {
                let lines = text.lines().map(|line| line.split('#').next().unwrap_or("").trim());
                let lines = lines.filter(|line| !line.is_empty());
                let lines = lines.map(|line| Node::new(escaped(line)).at(file.place.clone()));
                self.node.set(&["deb", "triggers"], Node::new(Value::Array(lines.collect())));
            }
            Err(error) => {
                let dir = self.project.dir();
                self.found.error(missing(file, dir, file.place.clone()).caused_by(&error));
            }
        }
    }

    fn debug_symbols(&mut self) {
        let DebTable { separate_debug_symbols, dbgsym, compress_debug_symbols, .. } =
            &self.project.deb;
        let keys = [
            ("separate-debug-symbols", separate_debug_symbols),
            ("dbgsym", dbgsym),
            ("compress-debug-symbols", compress_debug_symbols),
        ];
        for (key, value) in keys {
            if let Some(value) = value.as_ref().filter(|value| value.value) {
                let message = format!(
                    "`{key}` is not read by this version: debug symbols stay where Cargo put them"
                );
                let warning = Diagnostic::usage("cargo.debug-symbols", message);
                self.found.warning(warning.at(value.place.clone()));
            }
        }
    }

    /// `[service.NAME]`.
    fn services(&mut self, registered: &[Registered]) {
        for unit in registered {
            let name = unit.unit.strip_suffix(".service").unwrap_or(&unit.unit);
            let upgrade = match unit.upgrade {
                Upgrade::Restart => "restart",
                Upgrade::Keep => "keep",
                Upgrade::StopFirst => "stop-first",
            };
            let rows = [
                ("unit", path_node(&self.shown(&unit.source), unit.place.clone())),
                ("enable", Node::new(unit.enable)),
                ("start", Node::new(unit.start)),
                ("upgrade", Node::new(upgrade)),
            ];
            let node = Node::table(rows).at(unit.place.clone());
            self.node.set(&["service", name], node);
        }
    }

    /// `[deb]` maintainer-scripts and debconf.
    fn scripts(&mut self, generated: bool) {
        let scripts = self.project.scripts(generated, &mut self.found);
        let place = self.project.deb.maintainer_scripts.as_ref().and_then(|dir| dir.place.clone());
        for (name, path) in &scripts.files {
            let path = path_node(&self.shown(path), place.clone());
            self.node.set(&["deb", "maintainer-scripts", name], path);
        }
        for (name, text) in &scripts.debconf {
            self.set(&["deb", "debconf", name], text, place.clone());
        }
    }

    /// `[workspace.metadata.pkggen]` and `[package.metadata.pkggen]` win over all of this.
    fn own_tables(&mut self) {
        let Project { toml, workspace, .. } = self.project;
        let root = workspace.as_ref().unwrap_or(toml);
        let tables = [
            root.find(&["workspace", "metadata", "pkggen"]),
            toml.find(&["package", "metadata", "pkggen"]),
        ];
        tables.into_iter().flatten().for_each(|table| lay_over(&mut self.node, table));
    }
}

/// Keys of the second tree take the place of the first one's; tables are merged.
fn lay_over(base: &mut Node, over: &Node) {
    match (&mut base.value, &over.value) {
        (Value::Table(rows), Value::Table(others)) => {
            for (key, node) in others.iter() {
                match rows.get_mut(&key.name) {
                    Some(there) => lay_over(there, node),
                    None => rows.insert(key.clone(), node.clone()),
                }
            }
        }
        _ => *base = over.clone(),
    }
}

fn arch_word(target: Target) -> String {
    let musl = if target.libc == Some(Libc::Musl) { "-musl" } else { "" };
    format!("{}{musl}", target.arch.word())
}

pub(super) fn path_node(path: &str, place: Option<Place>) -> Node {
    Node::new(escaped(path)).at(place)
}

/// Braces that would be templates.
pub(super) fn escaped(text: &str) -> String {
    let mut out = text.replace("{{", "\u{1}{\u{1}");
    for tag in ["{%", "{#"] {
        out = out.replace(tag, &format!("{{{{ \"{tag}\" }}}}"));
    }
    out.replace("\u{1}{\u{1}", "{{ \"{{\" }}")
}

fn one_line(text: &str) -> String {
    let paragraph = text.trim().split("\n\n").next().unwrap_or_default();
    paragraph.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// All of it; of a long text its first sentence, or as many words as fit.
fn summary(text: &str) -> &str {
    /// What a terminal's line and lintian put up with.
    const MAX: usize = 80;
    let fits = |text: &&str| text.chars().count() <= MAX;
    let sentence = text.split(". ").next().unwrap_or(text);
    let words = || {
        let ends = text.match_indices(' ').map(|(at, _)| &text[..at]);
        ends.take_while(fits).last().unwrap_or(text)
    };
    let start = [text, sentence].into_iter().find(fits).unwrap_or_else(words);
    start.trim_end_matches(['.', ',']).trim_end()
}

/// What a line at the top of Debian's copyright files looks like.
pub(super) fn is_debian_copyright(text: &str) -> bool {
    text.lines()
        .take(10)
        .any(|line| line.starts_with("Format: ") || line.starts_with("Upstream-Name: "))
}

fn missing(file: &str, dir: &Path, place: Option<Place>) -> Diagnostic {
    Diagnostic::usage("source.missing", format!("`{file}` cannot be read"))
        .at(place)
        .label(format!("looked in {}", dir.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_of_a_long_text_is_its_first_sentence() {
        assert_eq!(summary("Says hi."), "Says hi");
        assert_eq!(summary(&format!("Says hi. {}", "Much more. ".repeat(9))), "Says hi");
    }

    #[test]
    fn the_summary_of_a_long_sentence_is_its_first_words() {
        let text = "word ".repeat(40);
        assert_eq!(summary(text.trim()), "word ".repeat(16).trim());
    }

    #[test]
    fn braces_are_no_templates() {
        assert_eq!(escaped("a {{ b }} {% c"), "a {{ \"{{\" }} b }} {{ \"{%\" }} c");
    }
}
