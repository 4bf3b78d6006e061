//! The `[deb]` table.

use std::collections::BTreeMap;

use crate::{
    compression,
    manifest::{Line, Path, Spanned},
    table, words,
};

table! {
    /// Debian packages. Relations are lists in Debian's syntax: `libc6 (>= 2.36)`, `a | b`.
    pub struct DebOptions {
        /// Another package name, in debs only.
        name: Option<Spanned<crate::package::PackageName>> => "the package's",
        /// Another file name.
        file_name: Option<Spanned<Line>> => "`{{ name }}_{{ version }}_{{ debarch }}.deb`",
        /// Must be installed. `$auto` stands for what the programs need.
        depends: Vec<Spanned<Relation>> => "`[\"$auto\"]`",
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
        section: Option<Spanned<Line>> => "misc",
        /// How important it is.
        priority: Priority = Priority::Optional => "optional",
        /// Whether packages of other architectures are served too.
        multi_arch: Option<MultiArch>,
        /// Put before the version when version numbers started over.
        epoch: Option<u32>,
        /// `Name <mail>`.
        maintainer: Option<Spanned<Line>> => "the first of `authors`",
        /// Lines of the triggers file.
        triggers: Vec<Spanned<Line>>,
        /// Any other control field.
        fields: BTreeMap<FieldName, String>,
        /// Lintian tags that do not apply, each with a reason.
        lintian_overrides: Vec<Spanned<LintianOverride>>,
        /// Maintainer scripts of your own, by Debian's names, with Debian's arguments; what
        /// pkggen generates goes where `#DEBHELPER#` stands. Prefer `[scripts.deb]`.
        maintainer_scripts: BTreeMap<MaintainerScript, Spanned<Path>>,
        /// How it packs.
        compression: Option<Spanned<DebCompression>> => "xz",
    }
}

crate::text! {
    /// A relation in Debian's syntax, or `$auto`.
    pub struct Relation("a relation", |_| Ok(()));
}

crate::text! {
    /// The name of a control field.
    pub struct FieldName("a control field", |_| Ok(()));
}

compression! {
    /// What dpkg reads.
    pub struct DebCompression {
        "xz": 0, 9;
        "zstd": 1, 22;
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
    Config,
    Templates,
}

words! { MaintainerScript {
    Preinst = "preinst": "before unpacking",
    Postinst = "postinst": "after unpacking",
    Prerm = "prerm": "before removal",
    Postrm = "postrm": "after removal",
    Config = "config": "debconf's questions",
    Templates = "templates": "debconf's texts",
} }

crate::word_keys!(MaintainerScript, "a maintainer script");

table! {
    /// A lintian tag that does not apply.
    pub struct LintianOverride {
        /// The tag.
        tag: Spanned<Line>,
        /// What lintian says after the tag, `*` for anything.
        context: Option<Line>,
        /// Why it does not apply.
        reason: Spanned<Line>,
    }
}
