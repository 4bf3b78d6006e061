//! The `[rpm]` table.

use std::collections::BTreeMap;

use super::relation::{Field, Relation};
use crate::{
    compression,
    diagnostic::Place,
    manifest::{Decoder, FileName, Line, Node, Path, Problem, Spanned},
    package::PackageName,
    table, words,
};

table! {
    /// RPM packages. Relations are lists in rpm's syntax, rich ones too: `bash >= 5`, `(a or b)`.
    #[check(check)]
    pub struct RpmOptions {
        /// Another package name, in rpms only.
        name: Option<Spanned<PackageName>> => "the package's",
        /// Another file name.
        file_name: Option<Spanned<FileName>> => "`{{ name }}-{{ version }}-R.{{ rpmarch }}.rpm`",
        /// Must be installed. `$auto` stands for what the programs need: libraries, and the
        /// interpreters of scripts.
        requires: Vec<Spanned<Line>> = auto() => "`[\"$auto\"]`; a list of your own replaces it",
        /// Must be installed before the scriptlet of the same name runs (`Requires(pre)`).
        requires_pre: Vec<Spanned<Line>>,
        /// The same for `post`.
        requires_post: Vec<Spanned<Line>>,
        /// The same for `preun`: removed only after it ran.
        requires_preun: Vec<Spanned<Line>>,
        /// The same for `postun`.
        requires_postun: Vec<Spanned<Line>>,
        /// Installed before this package when both are, and never because of it.
        order_with_requires: Vec<Spanned<Line>>,
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
        prefixes: Vec<Spanned<Prefix>>,
        /// Scriptlets of your own, by rpm's names, with rpm's arguments: `post = "post.sh"`. What
        /// pkggen generates goes where `#PKGGEN#` stands. The first line names the interpreter; a
        /// file that ends in `.lua` runs inside rpm. Prefer `[scripts.rpm]`.
        scriptlets: BTreeMap<RpmScriptlet, Spanned<Path>>,
        /// Scripts that run when other packages come and go.
        triggers: Vec<Spanned<RpmTrigger>>,
        /// Scripts that run when files of other packages come and go.
        file_triggers: Vec<Spanned<RpmFileTrigger>>,
        /// Also write MD5 digests, for rpm before 4.14.
        legacy_md5: bool = false,
        /// How it packs.
        compression: Option<Spanned<RpmCompression>> => "zstd",
    }
}

/// The word that stands for what the programs need.
pub const AUTO: &str = "$auto";

fn auto() -> Vec<Spanned<Line>> {
    vec![Spanned { value: Line(AUTO.to_owned()), place: None }]
}

impl RpmOptions {
    /// The relations as they were written, each list with what can stand in it, and whether `$auto`
    /// can.
    #[rustfmt::skip]
    fn relations(&self) -> [(Field, bool, &[Spanned<Line>]); 13] {
        [
            (Field::Requires,    true,  &self.requires),
            (Field::Requires,    false, &self.requires_pre),
            (Field::Requires,    false, &self.requires_post),
            (Field::Requires,    false, &self.requires_preun),
            (Field::Requires,    false, &self.requires_postun),
            (Field::Recommends,  true,  &self.recommends),
            (Field::Suggests,    true,  &self.suggests),
            (Field::Supplements, false, &self.supplements),
            (Field::Enhances,    false, &self.enhances),
            (Field::Conflicts,   false, &self.conflicts),
            (Field::Obsoletes,   false, &self.obsoletes),
            (Field::Provides,    false, &self.provides),
            (Field::Order,       false, &self.order_with_requires),
        ]
    }
}

crate::text! {
    /// A directory of the user's machine.
    pub struct Prefix("a directory", prefix);
}

fn prefix(text: &str) -> Result<(), Problem> {
    let below = text.strip_prefix('/').unwrap_or_default();
    let good = |part: &str| !matches!(part, "" | "." | "..");
    if below.split('/').all(good) && !text.chars().any(char::is_control) {
        return Ok(());
    }
    Err(Problem::new(format!("`{}` is no directory", text.escape_debug()))
        .hint("an absolute path without `/` at its end: `/opt/app`"))
}

fn check(rpm: &RpmOptions, _node: &Node, to: &mut Decoder) {
    for (field, takes_auto, list) in rpm.relations() {
        for item in list {
            if let Err(problem) = relation(&item.value.0, field, takes_auto) {
                to.problem(problem, item.place.as_ref());
            }
        }
    }
    for trigger in &rpm.triggers {
        package_trigger(trigger, to);
    }
    for trigger in &rpm.file_triggers {
        file_trigger(trigger, to);
    }
}

fn relation(text: &str, field: Field, takes_auto: bool) -> Result<(), Problem> {
    if text == AUTO {
        let hint = "it stands for what the programs need: `requires`, `recommends`, `suggests`";
        let problem = || Problem::new("`$auto` cannot stand here").hint(hint);
        return if takes_auto { Ok(()) } else { Err(problem()) };
    }
    Relation::parse(text, field).map(|_| ()).map_err(|error| Problem::new(error.to_string()))
}

fn package_trigger(trigger: &Spanned<RpmTrigger>, to: &mut Decoder) {
    nonempty(&trigger.on, trigger.place.as_ref(), to);
    for item in &trigger.on {
        // a condition is a name, perhaps with a version
        if let Err(error) = Relation::parse(&item.value.0, Field::Order) {
            to.problem(Problem::new(error.to_string()), item.place.as_ref());
        }
    }
}

fn file_trigger(trigger: &Spanned<RpmFileTrigger>, to: &mut Decoder) {
    nonempty(&trigger.on, trigger.place.as_ref(), to);
    for item in trigger.on.iter().filter(|item| !item.value.0.starts_with('/')) {
        let problem = Problem::new(format!("`{}` is no absolute path", item.value.0))
            .hint("a file trigger waits for files below a path");
        to.problem(problem, item.place.as_ref());
    }
}

fn nonempty(on: &[Spanned<Line>], place: Option<&Place>, to: &mut Decoder) {
    if on.is_empty() {
        to.problem(Problem::new("the trigger waits for nothing: `on` is empty"), place);
    }
}

/// A scriptlet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)] // rpm's words
pub enum RpmScriptlet {
    Pre,
    Post,
    Preun,
    Postun,
    Pretrans,
    Posttrans,
    Verify,
}

words! { RpmScriptlet {
    Pre = "pre": "before files are installed",
    Post = "post": "after files were installed",
    Preun = "preun": "before files are removed",
    Postun = "postun": "after files were removed",
    Pretrans = "pretrans": "before the whole transaction",
    Posttrans = "posttrans": "after the whole transaction",
    Verify = "verify": "when `rpm -V` looks at the package",
} }

crate::word_keys!(RpmScriptlet, "a scriptlet");

table! {
    /// A script that runs when another package comes or goes.
    pub struct RpmTrigger {
        /// Packages, perhaps with a version: `bash >= 5`.
        on: Vec<Spanned<Line>>,
        /// When.
        when: RpmTriggerWhen = RpmTriggerWhen::In => "in",
        /// The script's file. Its first line names the interpreter; a file that ends in `.lua` runs
        /// inside rpm.
        script: Spanned<Path>,
    }
}

table! {
    /// A script that runs when files of other packages come or go.
    pub struct RpmFileTrigger {
        /// Paths that the files are below.
        on: Vec<Spanned<Line>>,
        /// When.
        when: RpmFileTriggerWhen = RpmFileTriggerWhen::In => "in",
        /// The script's file, as of a trigger. It reads the files' names, one per line.
        script: Spanned<Path>,
        /// Higher ones run first; from 10000 on before `post` and `postun`.
        priority: Option<u32> => "1000000",
        /// Once per transaction, at its end, instead of once per package.
        transaction: bool = false,
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

/// When a file trigger runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // rpm's words
pub enum RpmFileTriggerWhen {
    In,
    Un,
    PostUn,
}

words! { RpmFileTriggerWhen {
    In = "in": "after the files were installed",
    Un = "un": "before the files are removed",
    PostUn = "postun": "after the files were removed",
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
    let node = Node::parse(&std::sync::Arc::new(source)).expect("TOML");
    crate::manifest::decode_key(&node, "rpm").expect("a table")
}
