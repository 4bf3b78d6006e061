//! All relations of a package: what the user wrote, what its files need and provide, what its
//! scriptlets call, what rpm itself must be able to do.
//!
//! Tables: docs/formats/rpm.md, "relations". Sorted and without duplicates, as rpmbuild 4.18 writes
//! them.

use std::collections::BTreeSet;

use super::{
    depends,
    options::{AUTO, RpmOptions},
    relation::{Field, Relation},
    scriptlets::{self, Kind, Scriptlet},
    tags::sense::{self, EQUAL, INTERP, LESS},
    triggers::Triggers,
    users,
    version::{Facts, version},
};
use crate::{
    codec::Codec,
    diagnostic::{Diagnostic, Diagnostics},
    manifest::{Line, Spanned},
    package::{Arch, Bound, Package, Part},
    tree::{Kind as NodeKind, Tree},
};

/// The lists of a header.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Relations {
    pub requires: Vec<Relation>,
    pub provides: Vec<Relation>,
    pub conflicts: Vec<Relation>,
    pub obsoletes: Vec<Relation>,
    pub recommends: Vec<Relation>,
    pub suggests: Vec<Relation>,
    pub supplements: Vec<Relation>,
    pub enhances: Vec<Relation>,
    pub order: Vec<Relation>,
}

impl Relations {
    /// Each list with rpm's word for it, in the order people read them.
    pub(super) fn rows(&self) -> [(&'static str, &[Relation]); 9] {
        [
            ("Requires", &self.requires),
            ("Recommends", &self.recommends),
            ("Suggests", &self.suggests),
            ("Supplements", &self.supplements),
            ("Enhances", &self.enhances),
            ("Conflicts", &self.conflicts),
            ("Obsoletes", &self.obsoletes),
            ("Provides", &self.provides),
            ("OrderWithRequires", &self.order),
        ]
    }

    /// What people want to know of them: each once, without what rpm itself must be able to do and
    /// without what the package needs of itself.
    pub(super) fn shown(&self) -> Vec<(String, String)> {
        let own = |relation: &Relation| {
            self.provides.iter().any(|there| {
                there.name == relation.name
                    && (relation.version.is_empty() || there.version == relation.version)
            })
        };
        let mut rows = Vec::new();
        for (field, list) in self.rows() {
            let mut words: Vec<String> = Vec::new();
            for relation in list {
                let of_rpm = relation.name.starts_with("rpmlib(");
                let text =
                    if is_account(relation) { relation.name.clone() } else { relation.to_string() };
                let own = field == "Requires" && own(relation);
                if !(own || of_rpm || words.contains(&text)) {
                    words.push(text);
                }
            }
            if !words.is_empty() {
                rows.push((field.to_owned(), words.join(", ")));
            }
        }
        rows
    }
}

/// `user(x) = B64`: the version says how to make it.
fn is_account(relation: &Relation) -> bool {
    ["user(", "group(", "groupmember("].iter().any(|start| relation.name.starts_with(start))
}

/// What a package is made of, as far as relations go.
pub(super) struct Parts<'a> {
    pub package: &'a Package,
    pub tree: &'a Tree,
    pub options: &'a RpmOptions,
    pub facts: &'a Facts,
    /// What the payload is packed with.
    pub codec: Codec,
    pub scriptlets: &'a [Scriptlet],
    pub triggers: &'a Triggers,
}

/// All of them, and what is unusual, but allowed. All mistakes at once.
pub(super) fn relations(parts: &Parts<'_>) -> Result<(Relations, Vec<Diagnostic>), Diagnostics> {
    let mut work = Work { parts, found: Diagnostics::default(), auto: depends::Auto::default() };
    work.read_files();
    let options = parts.options;
    let mut all = Relations {
        requires: sorted(work.requires()),
        provides: sorted(work.provides()),
        conflicts: sorted(work.conflicts()),
        obsoletes: sorted(work.written(&options.obsoletes, Field::Obsoletes)),
        recommends: sorted(work.recommends()),
        suggests: sorted(work.written(&options.suggests, Field::Suggests)),
        supplements: sorted(work.written(&options.supplements, Field::Supplements)),
        enhances: sorted(work.written(&options.enhances, Field::Enhances)),
        order: sorted(work.written(&options.order_with_requires, Field::Order)),
    };
    let features = syntax_features(&all);
    all.requires = sorted(all.requires.into_iter().chain(features).collect());
    let found = work.found;
    if found.is_ok() { Ok((all, found.warnings)) } else { Err(found) }
}

/// By name, version and flags, each once.
fn sorted(relations: Vec<Relation>) -> Vec<Relation> {
    relations.into_iter().collect::<BTreeSet<_>>().into_iter().collect()
}

struct Work<'a> {
    parts: &'a Parts<'a>,
    found: Diagnostics,
    auto: depends::Auto,
}

impl Work<'_> {
    /// What the files need and provide; said once, where `$auto` is written.
    fn read_files(&mut self) {
        let Parts { tree, package, options, .. } = self.parts;
        match depends::auto(tree, package.target) {
            Ok(auto) => {
                let lists = [&options.requires, &options.recommends, &options.suggests];
                if let Some(item) = lists.into_iter().flatten().find(|i| *i.value.0 == *AUTO) {
                    for note in &auto.notes {
                        let warning = Diagnostic::usage("rpm.requires", note.clone());
                        self.found.warning(warning.at(item.place.clone()));
                    }
                }
                self.auto = auto;
            }
            Err(errors) => self.found.append(errors),
        }
    }

    /// What the manifest says, `$auto` replaced.
    fn written(&mut self, list: &[Spanned<Line>], field: Field) -> Vec<Relation> {
        let mut all = Vec::new();
        for item in list {
            let text = &*item.value.0;
            if text == AUTO {
                all.extend(self.auto.requires.iter().cloned());
                continue;
            }
            match Relation::parse(text, field) {
                Ok(relation) => all.push(relation),
                Err(error) => {
                    let error = Diagnostic::usage("rpm.relation", error.to_string());
                    self.found.error(error.at(item.place.clone()));
                }
            }
        }
        all
    }

    fn requires(&mut self) -> Vec<Relation> {
        let options = self.parts.options;
        let mut all = self.written(&options.requires, Field::Requires);
        for (list, flags) in [
            (&options.requires_pre, sense::SCRIPT_PRE),
            (&options.requires_post, sense::SCRIPT_POST),
            (&options.requires_preun, sense::SCRIPT_PREUN),
            (&options.requires_postun, sense::SCRIPT_POSTUN),
        ] {
            let written = self.written(list, Field::Requires);
            all.extend(written.into_iter().map(|r| Relation { flags: r.flags | flags, ..r }));
        }
        let Parts { tree, scriptlets, triggers, .. } = self.parts;
        all.extend(scriptlets.iter().flat_map(needed_by_scriptlet));
        all.extend(triggers.iter().filter_map(|trigger| interpreter(&trigger.interpreter, 0)));
        all.extend(self.needed_by_units());
        all.extend(tree.iter().flat_map(|(_, node)| users::owners(node)));
        all.extend(self.users().1);
        all.extend(config(self.parts));
        all.extend(self.parts_of_family(true));
        all.extend(self.features());
        all
    }

    fn recommends(&mut self) -> Vec<Relation> {
        let mut all = self.written(&self.parts.options.recommends, Field::Recommends);
        all.extend(self.parts_of_family(false));
        all
    }

    /// Of variants only one can be installed.
    fn conflicts(&mut self) -> Vec<Relation> {
        let mut all = self.written(&self.parts.options.conflicts, Field::Conflicts);
        let variant = &self.parts.package.family.variant;
        let sisters = variant.iter().flat_map(|variant| &variant.sisters);
        all.extend(sisters.map(|name| Relation::with_flags(name.as_str(), 0)));
        all
    }

    /// Components that are packages of their own.
    fn parts_of_family(&self, required: bool) -> Vec<Relation> {
        let parts = self.parts.package.family.parts.iter();
        let relation = |part: &Part| {
            let name = part.name.as_str();
            match part.bound {
                Bound::Any => Relation::with_flags(name, 0),
                Bound::Same => Relation::versioned(name, EQUAL, version(&part.version)),
                Bound::InStep => Relation::versioned(name, EQUAL, self.parts.facts.evr()),
            }
        };
        parts.filter(|part| part.required == required).map(relation).collect()
    }

    fn provides(&mut self) -> Vec<Relation> {
        let facts = self.parts.facts;
        let mut all = self.written(&self.parts.options.provides, Field::Provides);
        let own = |name: String| Relation::versioned(name, EQUAL, facts.evr());
        all.push(own(facts.name.clone()));
        let Package { name, family, .. } = self.parts.package;
        if family.variant.is_some() && *name != family.base {
            all.push(own(family.base.to_string()));
        }
        if !facts.is_noarch() {
            all.push(own(format!("{}({})", facts.name, isa(self.parts.package.target.arch))));
        }
        all.extend(config(self.parts));
        all.extend(self.auto.provides.iter().cloned());
        all.extend(self.users().0);
        all
    }

    fn users(&mut self) -> (Vec<Relation>, Vec<Relation>) {
        match users::users(self.parts.tree) {
            Ok(users) => {
                let both: Vec<_> = users.iter().map(users::Users::relations).collect();
                let (provides, requires): (Vec<_>, Vec<_>) = both.into_iter().unzip();
                (provides.concat(), requires.concat())
            }
            Err(error) => {
                self.found.error(error);
                Default::default()
            }
        }
    }

    /// systemd has to be there while scriptlets call it; it is what runs the units, anyway.
    fn needed_by_units(&mut self) -> Vec<Relation> {
        let Parts { package, tree, .. } = self.parts;
        let units = match crate::format::units::units(package, tree) {
            Ok(units) => units,
            Err(error) => {
                self.found.error(error);
                return Vec::new();
            }
        };
        let mut kinds = BTreeSet::new();
        if !units.is_empty() {
            kinds.extend([Kind::PostIn, Kind::PreUn, Kind::PostUn]);
        }
        if scriptlets::makes_directories(tree) {
            kinds.insert(Kind::PostIn);
        }
        if users::users(tree).is_ok_and(|users| !users.is_empty()) {
            kinds.insert(Kind::PreIn);
        }
        kinds.into_iter().map(|kind| Relation::with_flags("systemd", kind.sense())).collect()
    }

    /// What rpm itself must be able to do, but for the syntax of relations.
    fn features(&self) -> Vec<Relation> {
        let Parts { tree, codec, scriptlets, triggers, .. } = self.parts;
        let mut all = vec![
            feature("CompressedFileNames", "3.0.4-1"),
            feature("FileDigests", "4.6.0-1"),
            feature("PayloadFilesHavePrefix", "4.0-1"),
        ];
        match codec {
            Codec::Zstd => all.push(feature("PayloadIsZstd", "5.4.18-1")),
            Codec::Xz => all.push(feature("PayloadIsXz", "5.2-1")),
            Codec::Gzip | Codec::None => {}
        }
        let large = |node: &crate::tree::Node| {
            node.blob().is_some_and(|blob| blob.len() >= u64::from(u32::MAX))
        };
        if tree.iter().any(|(_, node)| large(node)) {
            all.push(feature("LargeFiles", "4.12.0-1"));
        }
        if tree.iter().any(|(_, node)| node.capabilities.is_some()) {
            all.push(feature("FileCaps", "4.6.1-1"));
        }
        if scriptlets.iter().any(|scriptlet| scriptlet.interpreter.len() > 1) {
            all.push(feature("ScriptletInterpreterArgs", "4.0.3-1"));
        }
        let programs = scriptlets.iter().filter_map(|scriptlet| scriptlet.interpreter.first());
        if programs.chain(triggers.iter().map(|t| &t.interpreter)).any(|program| program == LUA) {
            all.push(feature("BuiltinLuaScripts", "4.2.2-1"));
        }
        all
    }
}

/// rpm's own interpreter.
const LUA: &str = "<lua>";

fn interpreter(program: &str, flags: u32) -> Option<Relation> {
    (program != LUA).then(|| Relation::with_flags(program, flags | INTERP))
}

fn needed_by_scriptlet(scriptlet: &Scriptlet) -> Vec<Relation> {
    let flags = scriptlet.kind.sense();
    let program = scriptlet.interpreter.first().and_then(|program| interpreter(program, flags));
    let calls = scriptlet.calls.iter().map(|program| Relation::with_flags(program, flags));
    program.into_iter().chain(calls).collect()
}

/// `config(N) = EVR`, of packages with configuration files.
fn config(parts: &Parts<'_>) -> Option<Relation> {
    let has = parts.tree.iter().any(|(_, node)| {
        node.config && matches!(node.kind, NodeKind::File(_) | NodeKind::Symlink(_))
    });
    let Facts { name, .. } = parts.facts;
    has.then(|| {
        let flags = sense::CONFIG | EQUAL;
        Relation::versioned(format!("config({name})"), flags, parts.facts.evr())
    })
}

fn feature(name: &str, version: &str) -> Relation {
    Relation::versioned(format!("rpmlib({name})"), sense::RPMLIB | LESS | EQUAL, version)
}

/// What rpm must understand to read the relations themselves.
fn syntax_features(all: &Relations) -> Vec<Relation> {
    let every = || all.rows().into_iter().flat_map(|(_, list)| list);
    let mut features = Vec::new();
    if every().any(|relation| relation.version.contains('~')) {
        features.push(feature("TildeInVersions", "4.10.0-1"));
    }
    if every().any(|relation| relation.version.contains('^')) {
        features.push(feature("CaretInVersions", "4.15.0-1"));
    }
    if every().any(Relation::is_rich) {
        features.push(feature("RichDependencies", "4.12.0-1"));
    }
    features
}

/// What tells packages of several architectures apart: rpm's `installplatform`.
fn isa(arch: Arch) -> &'static str {
    match arch {
        Arch::X86_64 => "x86-64",
        Arch::Aarch64 => "aarch-64",
        Arch::Armv7 => "armv7hl-32",
        Arch::I686 => "x86-32",
        Arch::Riscv64 => "riscv-64",
        Arch::Powerpc64le => "ppc-64",
        Arch::S390x => "s390-64",
        Arch::Loongarch64 | Arch::Universal => "loongarch-64",
    }
}

#[cfg(test)]
mod tests;
