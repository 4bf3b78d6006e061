//! The `[rpm]` table.

use crate::{
    compression,
    manifest::{FileName, Line, Path, Spanned},
    package::PackageName,
    table, words,
};

table! {
    /// RPM packages. Relations are lists in rpm's syntax, rich ones too.
    pub struct RpmOptions {
        /// Another package name, in rpms only.
        name: Option<Spanned<PackageName>> => "the package's",
        /// Another file name.
        file_name: Option<Spanned<FileName>> => "`{{ name }}-{{ version }}-R.{{ rpmarch }}.rpm`",
        /// Must be installed. `$auto` stands for what the programs need.
        requires: Vec<Spanned<Line>> = auto() => "`[\"$auto\"]`; a list of your own replaces it",
        /// Installed along unless the user refuses.
        recommends: Vec<Spanned<Line>>,
        /// Worth having.
        suggests: Vec<Spanned<Line>>,
        /// Installed along with these.
        supplements: Vec<Spanned<Line>>,
        /// What this package makes better.
        enhances: Vec<Spanned<Line>>,
        /// What cannot be installed next to this package.
        conflicts: Vec<Spanned<Line>>,
        /// What this package takes the place of.
        obsoletes: Vec<Spanned<Line>>,
        /// What this package is, besides its name.
        provides: Vec<Spanned<Line>>,
        /// Group, for old tools.
        group: Option<Spanned<Line>>,
        /// Put before the version when version numbers started over.
        epoch: Option<u32>,
        /// Who distributes it.
        vendor: Option<Spanned<Line>> => "the first of `authors`",
        /// Who packaged it.
        packager: Option<Spanned<Line>>,
        /// Directories the user may move it from.
        prefixes: Vec<Spanned<Path>>,
        /// Scripts that run when other packages come and go.
        triggers: Vec<Spanned<RpmTrigger>>,
        /// Scripts that run when files of other packages come and go.
        file_triggers: Vec<Spanned<RpmTrigger>>,
        /// Also write MD5 digests, for rpm before 4.14.
        legacy_md5: bool = false,
        /// How it packs.
        compression: Option<Spanned<RpmCompression>> => "zstd",
    }
}

fn auto() -> Vec<Spanned<Line>> {
    vec![Spanned { value: Line("$auto".to_owned()), place: None }]
}

table! {
    /// A script that runs when something else comes or goes.
    pub struct RpmTrigger {
        /// Packages, or path prefixes of files.
        on: Vec<Spanned<Line>>,
        /// When.
        when: RpmTriggerWhen = RpmTriggerWhen::In => "in",
        /// The script's file.
        script: Spanned<Path>,
    }
}

/// When a trigger runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // rpm's words
pub enum RpmTriggerWhen {
    PreIn,
    In,
    Un,
    PostUn,
}

words! { RpmTriggerWhen {
    PreIn = "prein": "before the other is installed",
    In = "in": "after the other was installed",
    Un = "un": "before the other is removed",
    PostUn = "postun": "after the other was removed",
} }

compression! {
    /// What rpm reads.
    pub struct RpmCompression {
        "zstd": 1, 22;
        "xz": 0, 9;
        "gzip": 1, 9;
        "none": 0, 0;
    }
}

/// What a text between `[rpm]` and the end of a manifest says, for tests.
#[cfg(test)]
pub(crate) fn sample(text: &str) -> RpmOptions {
    let text = format!("[rpm]\n{text}");
    let source = crate::diagnostic::SourceText { name: "pkggen.toml".into(), text };
    let node = crate::manifest::Node::parse(&std::sync::Arc::new(source)).expect("TOML");
    crate::manifest::decode_key(&node, "rpm").expect("a table")
}
