//! The relation fields: what the user wrote, what the programs need, what generated scripts call.

use std::collections::BTreeSet;

use super::{
    control::{self, Facts, Relations},
    depends::{self, Database},
    options::{self, DebOptions},
    relation::Relation,
    scripts,
};
use crate::{
    diagnostic::{Diagnostic, Diagnostics},
    manifest::{Node, Spanned},
    package::{Bound, Package, Part},
    tree::Tree,
};

/// A field, and whether alternatives mean anything in it.
#[rustfmt::skip]
const FIELDS: [(&str, bool); 9] = [
    ("Pre-Depends", true), ("Depends", true), ("Recommends", true), ("Suggests", true),
    ("Enhances", true), ("Conflicts", false), ("Breaks", false), ("Replaces", false),
    ("Provides", false),
];

/// All relation fields in dpkg-gencontrol's order. All mistakes at once.
pub(super) fn relations(
    package: &Package,
    tree: &Tree,
    options: &DebOptions,
    facts: &Facts,
    manifest: &Node,
) -> Result<Relations, Diagnostics> {
    let (all, found) = find(package, tree, options, facts, manifest);
    if found.is_ok() { Ok(all) } else { Err(found) }
}

/// What is unusual, but allowed.
pub(super) fn warnings(
    package: &Package,
    tree: &Tree,
    options: &DebOptions,
    facts: &Facts,
    manifest: &Node,
) -> Vec<Diagnostic> {
    find(package, tree, options, facts, manifest).1.warnings
}

fn find(
    package: &Package,
    tree: &Tree,
    options: &DebOptions,
    facts: &Facts,
    manifest: &Node,
) -> (Relations, Diagnostics) {
    let mut found = Diagnostics::default();
    let mut all = Relations::new();
    for (field, alternatives) in FIELDS {
        let mut relations = Vec::new();
        for item in written(options, field) {
            if item.value.is_auto() {
                auto(package, tree, facts, item.place.as_ref(), &mut relations, &mut found);
            } else {
                parse(item, field, alternatives, &mut relations, &mut found);
            }
        }
        if field == "Depends" {
            if manifest.find(&["deb", "depends"]).is_none() {
                auto(package, tree, facts, None, &mut relations, &mut found);
            }
            relations.extend(needed_by_scripts(tree, options));
        }
        relations.extend(of_family(package, facts, field));
        all.push((field, unique(relations)));
    }
    (all, found)
}

fn written<'a>(options: &'a DebOptions, field: &str) -> &'a [Spanned<options::Relation>] {
    match field {
        "Pre-Depends" => &options.pre_depends,
        "Depends" => &options.depends,
        "Recommends" => &options.recommends,
        "Suggests" => &options.suggests,
        "Enhances" => &options.enhances,
        "Conflicts" => &options.conflicts,
        "Breaks" => &options.breaks,
        "Replaces" => &options.replaces,
        _ => &options.provides,
    }
}

/// One item may hold several relations, as in a control file.
fn parse(
    item: &Spanned<options::Relation>,
    field: &str,
    alternatives: bool,
    relations: &mut Vec<Relation>,
    found: &mut Diagnostics,
) {
    for text in item.value.0.split(',').map(str::trim).filter(|text| !text.is_empty()) {
        let error = match Relation::parse(text) {
            Ok(relation) if relation.has_alternatives() && !alternatives => {
                format!("`{text}` has alternatives, and `{field}` can have none")
            }
            Ok(relation) => {
                relations.push(relation);
                continue;
            }
            Err(error) => error.to_string(),
        };
        found.error(Diagnostic::usage("deb.relation", error).at(item.place.clone()));
    }
}

fn auto(
    package: &Package,
    tree: &Tree,
    facts: &Facts,
    place: Option<&crate::diagnostic::Place>,
    relations: &mut Vec<Relation>,
    found: &mut Diagnostics,
) {
    if facts.architecture == "all" {
        return;
    }
    match depends::auto(tree, package.target, &Database::host()) {
        Ok(auto) => {
            for note in auto.notes {
                let warning = Diagnostic::usage("deb.depends", note).at(place.cloned());
                found.warning(warning);
            }
            for text in auto.relations {
                match Relation::parse(&text) {
                    Ok(relation) => relations.push(relation),
                    Err(error) => {
                        let error = Diagnostic::failed("deb.relation", error.to_string());
                        found.error(error.at(place.cloned()));
                    }
                }
            }
        }
        Err(errors) => found.append(errors),
    }
}

/// Parts are needed or recommended. Of variants only one can be installed, and it is what others
/// know by the bare name (policy 7.6.2).
fn of_family(package: &Package, facts: &Facts, field: &str) -> Vec<Relation> {
    let family = &package.family;
    let part = |part: &Part| {
        let bound = match part.bound {
            Bound::Any => String::new(),
            Bound::Same => format!(" (= {})", control::upstream(&part.version)),
            Bound::InStep => format!(" (= {})", facts.version),
        };
        part.name.to_string() + &bound
    };
    let parts =
        |required| family.parts.iter().filter(move |part| part.required == required).map(part);
    let others = || {
        let sisters = family.variant.iter().flat_map(|variant| &variant.sisters);
        sisters.map(ToString::to_string)
    };
    let texts: Vec<String> = match (field, &family.variant) {
        ("Depends", _) => parts(true).collect(),
        ("Recommends", _) => parts(false).collect(),
        ("Conflicts" | "Replaces", Some(_)) => others().collect(),
        ("Provides", Some(_)) if package.name != family.base => {
            vec![format!("{} (= {})", family.base, facts.version)]
        }
        _ => Vec::new(),
    };
    texts.iter().map(|text| Relation::parse(text).expect("names and versions are valid")).collect()
}

/// What the generated scripts call and no Debian system is bound to have.
#[rustfmt::skip]
const TOOLS: [(&str, &str); 2] = [
    ("usr/lib/sysusers.d", "systemd | systemd-standalone-sysusers"),
    ("usr/lib/tmpfiles.d", "systemd | systemd-standalone-tmpfiles"),
];

fn needed_by_scripts(tree: &Tree, options: &DebOptions) -> Vec<Relation> {
    let ships = |dir: &str| !scripts::confs(tree, dir, true).is_empty();
    let mut texts: Vec<_> =
        TOOLS.iter().filter(|(dir, _)| ships(dir)).map(|(_, text)| *text).collect();
    if tree.iter().any(|(_, node)| node.capabilities.is_some()) {
        texts.push("libcap2-bin");
    }
    let mut own = options.depends.iter().chain(&options.pre_depends);
    if options.debconf.is_some() && !own.any(|relation| relation.value.0.contains("debconf")) {
        texts.push("debconf (>= 0.5) | debconf-2.0");
    }
    texts.into_iter().map(|text| Relation::parse(text).expect("written above")).collect()
}

/// Each once, in the order they were written.
fn unique(relations: Vec<Relation>) -> Vec<Relation> {
    let mut seen = BTreeSet::new();
    relations.into_iter().filter(|relation| seen.insert(relation.clone())).collect()
}
