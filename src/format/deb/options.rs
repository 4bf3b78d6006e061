//! The `[deb]` table.

use std::collections::BTreeMap;

use super::relation;
use crate::{
    compression,
    manifest::{Decoder, FileName, Line, Node, Path, Problem, Spanned},
    package::PackageName,
    table, words,
};

table! {
    /// Debian packages. Relations are lists in Debian's syntax: `libc6 (>= 2.36)`, `a | b`.
    #[check(check_relations)]
    pub struct DebOptions {
        /// Another package name, in debs only.
        name: Option<Spanned<PackageName>> => "the package's",
        /// Another file name.
        file_name: Option<Spanned<FileName>> => "`{{ name }}_{{ version }}_{{ debarch }}.deb`",
        /// Must be installed. `$auto` stands for what the programs need.
        depends: Vec<Spanned<Relation>> => "`[\"$auto\"]`; a list of your own replaces it",
        /// Must be configured before this package is unpacked.
        pre_depends: Vec<Spanned<Relation>>,
        /// Installed along unless the user refuses.
        recommends: Vec<Spanned<Relation>>,
        /// Worth having.
        suggests: Vec<Spanned<Relation>>,
        /// What this package makes better.
        enhances: Vec<Spanned<Relation>>,
        /// What stops working next to this package.
        breaks: Vec<Spanned<Relation>>,
        /// What cannot be unpacked next to this package.
        conflicts: Vec<Spanned<Relation>>,
        /// Whose files this package may overwrite.
        replaces: Vec<Spanned<Relation>>,
        /// What this package is, besides its name.
        provides: Vec<Spanned<Relation>>,
        /// Section of the archive.
        section: Option<Spanned<Section>> => "misc",
        /// How important it is.
        priority: Priority = Priority::Optional => "optional",
        /// Whether packages of other architectures are served too.
        multi_arch: Option<MultiArch>,
        /// Put before the version when version numbers started over.
        epoch: Option<u32>,
        /// The part of the version after the last hyphen.
        revision: Option<Spanned<Revision>> => "`package.release` from 2 on, else none",
        /// `Name <mail>`.
        maintainer: Option<Spanned<Maintainer>> => "the first of `authors`",
        /// Lines of the triggers file.
        triggers: Vec<Spanned<Trigger>>,
        /// Any other control field.
        fields: BTreeMap<FieldName, String>,
        /// Lintian tags that do not apply, each with a reason.
        lintian_overrides: Vec<Spanned<LintianOverride>>,
        /// Maintainer scripts of your own, by Debian's names, with Debian's arguments; what
        /// pkggen generates goes where `#DEBHELPER#` stands. Prefer `[scripts.deb]`.
        maintainer_scripts: BTreeMap<MaintainerScript, Spanned<Path>>,
        /// Questions that are asked at installation, by debconf.
        debconf: Option<Debconf>,
        /// How it packs.
        compression: Option<Spanned<DebCompression>> => "xz",
    }
}

crate::text! {
    /// A relation in Debian's syntax, or `$auto`.
    pub struct Relation("a relation", relation);
}

impl Relation {
    /// It stands for what the programs need.
    pub fn is_auto(&self) -> bool {
        &**self == AUTO
    }
}

/// The word that stands for what the programs need.
const AUTO: &str = "$auto";

fn relation(text: &str) -> Result<(), Problem> {
    if text == AUTO {
        return Ok(());
    }
    if text.contains("${") {
        return Err(Problem::new(format!("`{text}` is a variable of debhelper"))
            .hint("`$auto` stands for what the programs need"));
    }
    let mut relations = text.split(',').map(str::trim).filter(|text| !text.is_empty());
    relations.try_for_each(|text| match relation::Relation::parse(text) {
        Ok(_) => Ok(()),
        Err(error) => Err(Problem::new(error.to_string())),
    })
}

fn check_relations(deb: &DebOptions, _node: &Node, to: &mut Decoder) {
    let others = [&deb.enhances, &deb.breaks, &deb.conflicts, &deb.replaces, &deb.provides];
    for relation in others.into_iter().flatten().filter(|relation| relation.is_auto()) {
        let problem = Problem::new("`$auto` cannot stand here")
            .hint("it stands for what the programs need: `depends`, `recommends`, `suggests`");
        to.problem(problem, relation.place.as_ref());
    }
}

table! {
    /// Questions that are asked at installation, by debconf.
    pub struct Debconf {
        /// The script that asks: its text.
        config: Option<Spanned<String>>,
        /// The texts of the questions.
        templates: Option<Spanned<String>>,
    }
}

crate::text! {
    /// A revision of a Debian version.
    pub struct Revision("a Debian revision", revision);
}

fn revision(text: &str) -> Result<(), Problem> {
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"+.~".contains(&b)) {
        Ok(())
    } else {
        Err(Problem::new(format!("`{text}` is no revision"))
            .hint("letters, digits, `+`, `.` and `~`"))
    }
}

crate::text! {
    /// A section of the archive: `science`, `contrib/net`.
    pub struct Section("a section", section);
}

crate::text! {
    /// A line of the triggers file.
    pub struct Trigger("a trigger", trigger);
}

crate::text! {
    /// `Name <mail>`.
    pub struct Maintainer("`Name <mail>`", maintainer);
}

crate::text! {
    /// A lintian tag.
    pub struct LintianTag("a lintian tag", lintian_tag);
}

crate::text! {
    /// The name of a control field.
    pub struct FieldName("a control field", field_name);
}

fn field_name(text: &str) -> Result<(), Problem> {
    let fits = |b: u8| b.is_ascii_graphic() && b != b':';
    if text.is_empty() || !text.bytes().all(fits) || text.starts_with(['#', '-']) {
        return Err(Problem::new(format!("`{text}` cannot be the name of a control field")));
    }
    Ok(())
}

fn section(text: &str) -> Result<(), Problem> {
    let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    let part = |part: &str| !part.is_empty() && part.bytes().all(fits);
    if text.split('/').count() <= 2 && text.split('/').all(part) {
        Ok(())
    } else {
        Err(Problem::new(format!("`{text}` is no section"))
            .hint("`misc`, `science`, `contrib/net`"))
    }
}

/// The directives of deb-triggers(5).
const DIRECTIVES: &[&str] = &[
    "interest",
    "interest-await",
    "interest-noawait",
    "activate",
    "activate-await",
    "activate-noawait",
];

fn trigger(text: &str) -> Result<(), Problem> {
    match text.split_whitespace().collect::<Vec<_>>().as_slice() {
        [directive, _] if DIRECTIVES.contains(directive) => Ok(()),
        _ => Err(Problem::new(format!("`{text}` is no trigger"))
            .hint("a directive and a name: `interest-noawait /usr/share/models`")),
    }
}

fn maintainer(text: &str) -> Result<(), Problem> {
    let mail = text.strip_suffix('>').and_then(|text| text.split_once('<'));
    let good = mail.is_some_and(|(name, mail)| {
        !name.trim().is_empty()
            && mail.split_once('@').is_some_and(|(who, host)| !who.is_empty() && !host.is_empty())
            && !mail.contains(char::is_whitespace)
    });
    if good && !text.chars().any(char::is_control) {
        Ok(())
    } else {
        Err(Problem::new(format!("`{}` is no maintainer", text.escape_debug()))
            .hint("a name and an address: `Ana Lima <ana@example.org>`"))
    }
}

fn lintian_tag(text: &str) -> Result<(), Problem> {
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.+/".contains(&b)) {
        Ok(())
    } else {
        Err(Problem::new(format!("`{text}` is no lintian tag"))
            .hint("what follows goes to `context`"))
    }
}

compression! {
    /// What dpkg reads.
    pub struct DebCompression {
        "xz": 0, 9;
        "zstd": 1, 19;
        "gzip": 1, 9;
        "none": 0, 0;
    }
}

/// How important a package is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // Debian's words
pub enum Priority {
    Required,
    Important,
    Standard,
    Optional,
    Extra,
}

words! { Priority {
    Required = "required": "the system does not work without it",
    Important = "important": "expected on every system",
    Standard = "standard": "on every system by default",
    Optional = "optional": "all others",
    Extra = "extra": "the old word for `optional`",
} }

/// Whether packages of other architectures are served too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // Debian's words
pub enum MultiArch {
    No,
    Same,
    Foreign,
    Allowed,
}

words! { MultiArch {
    No = "no": "no",
    Same = "same": "may be installed for several architectures at once",
    Foreign = "foreign": "serves packages of every architecture",
    Allowed = "allowed": "serves those that ask for it",
} }

/// A maintainer script.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)] // Debian's words
pub enum MaintainerScript {
    Preinst,
    Postinst,
    Prerm,
    Postrm,
}

words! { MaintainerScript {
    Preinst = "preinst": "before unpacking",
    Postinst = "postinst": "after unpacking",
    Prerm = "prerm": "before removal",
    Postrm = "postrm": "after removal",
} }

crate::word_keys!(MaintainerScript, "a maintainer script");

table! {
    /// A lintian tag that does not apply.
    pub struct LintianOverride {
        /// The tag.
        tag: Spanned<LintianTag>,
        /// What lintian says after the tag, `*` for anything.
        context: Option<Line>,
        /// Why it does not apply.
        reason: Spanned<Line>,
    }
}
