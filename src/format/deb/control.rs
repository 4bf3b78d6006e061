//! The `control` file.
//!
//! Format: deb-control(5); Debian policy, chapter 5. Order of the fields as dpkg-gencontrol writes
//! them.

use super::{
    options::{DebOptions, MultiArch, Priority},
    relation::Relation,
};
use crate::{
    diagnostic::{Diagnostic, Diagnostics},
    format::documents::wrap,
    package::{Package, Version},
    tree::{Kind, Tree},
};

/// Widest line of a description, in characters with its leading blank.
const WIDTH: usize = 79;

/// What name, version and architecture are in Debian's spelling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Facts {
    /// `Package`.
    pub name: String,
    /// `Version`.
    pub version: String,
    /// `Architecture`.
    pub architecture: String,
    /// `Maintainer`.
    pub maintainer: Option<String>,
}

/// Relations by field, in the order they are written.
pub(super) type Relations = Vec<(&'static str, Vec<Relation>)>;

impl Facts {
    /// From the package and the `[deb]` table.
    pub(super) fn of(package: &Package, options: &DebOptions) -> Result<Self, Diagnostic> {
        let name = options.name.as_ref().map_or(&package.name, |name| &name.value);
        Ok(Self {
            name: name.to_string(),
            version: version(package, options),
            architecture: architecture(package, options)?,
            maintainer: maintainer(package, options),
        })
    }

    /// `N_V_ARCH.deb`, without the epoch.
    pub(super) fn file_name(&self) -> String {
        let version = self.version.split_once(':').map_or(&*self.version, |(_, rest)| rest);
        format!("{}_{version}_{}.deb", self.name, self.architecture)
    }
}

fn maintainer(package: &Package, options: &DebOptions) -> Option<String> {
    let written = options.maintainer.as_ref().map(|line| line.value.0.clone());
    written.or_else(|| package.authors.first().cloned())
}

/// The one generated field that `[deb] fields` may set: there is no other way to ask for `all`.
const ARCHITECTURE: &str = "Architecture";

fn architecture(package: &Package, options: &DebOptions) -> Result<String, Diagnostic> {
    let asked = options.fields.iter().find(|(name, _)| name.0.eq_ignore_ascii_case(ARCHITECTURE));
    if let Some((_, value)) = asked {
        if value == "all" {
            return Ok(value.clone());
        }
        let text = format!("`Architecture` is the target's or `all`, not `{value}`");
        return Err(Diagnostic::usage("deb.fields", text));
    }
    match package.target.arch.debarch() {
        _ if package.any_arch => Ok("all".to_owned()),
        "" => {
            let text = format!("Debian has no architecture for {}", package.target);
            Err(Diagnostic::cannot("deb.architecture", text))
        }
        name => Ok(name.to_owned()),
    }
}

/// `[epoch:]upstream[-revision]`; the release is the revision from the second one on.
fn version(package: &Package, options: &DebOptions) -> String {
    let epoch = options.epoch.filter(|epoch| *epoch > 0).map(|epoch| format!("{epoch}:"));
    let revision = match &options.revision {
        Some(revision) => format!("-{}", revision.value.0),
        None if package.release > 1 => format!("-{}", package.release),
        None => String::new(),
    };
    epoch.unwrap_or_default() + &upstream(&package.version) + &revision
}

/// `1.2.0-alpha-2+b-1` → `1.2.0~alpha.2+b.1`: a tilde sorts before the end, and dpkg would take what
/// follows the last hyphen for a revision.
pub(super) fn upstream(version: &Version) -> String {
    let part = |mark: &str, text: &str| match text {
        "" => String::new(),
        text => format!("{mark}{}", text.replace('-', ".")),
    };
    version.core() + &part("~", version.pre()) + &part("+", version.build())
}

/// The whole file.
pub(super) fn text(fields: &[(String, String)]) -> String {
    fields.iter().map(|(name, value)| [name, ": ", value, "\n"].concat()).collect()
}

/// Names and values, continuation lines in the value.
pub(super) fn fields(
    package: &Package,
    options: &DebOptions,
    facts: &Facts,
    relations: &Relations,
    tree: &Tree,
) -> Vec<(String, String)> {
    let mut fields: Vec<(String, String)> = Vec::new();
    let mut push = |name: &str, value: String| fields.push((name.to_owned(), value));
    push("Package", facts.name.clone());
    push("Version", facts.version.clone());
    push(ARCHITECTURE, facts.architecture.clone());
    if let Some(maintainer) = &facts.maintainer {
        push("Maintainer", maintainer.clone());
    }
    push("Installed-Size", installed_size(tree).to_string());
    for (name, relations) in relations.iter().filter(|(_, relations)| !relations.is_empty()) {
        let all: Vec<_> = relations.iter().map(Relation::to_string).collect();
        push(name, all.join(", "));
    }
    push("Section", options.section.as_ref().map_or("misc".into(), |line| line.value.0.clone()));
    push("Priority", word(Priority::WORDS, options.priority).to_owned());
    if let Some(multi_arch) = options.multi_arch {
        push("Multi-Arch", word(MultiArch::WORDS, multi_arch).to_owned());
    }
    if let Some(homepage) = &package.homepage {
        push("Homepage", homepage.clone());
    }
    for (name, value) in options.fields.iter().filter(|(name, _)| name.0 != ARCHITECTURE) {
        push(&name.0, fold_field(value));
    }
    push("Description", description(package));
    fields
}

fn word<T: Copy + PartialEq>(words: &[(T, &'static str, &str)], value: T) -> &'static str {
    words.iter().find(|(this, ..)| *this == value).expect("every value has its word").1
}

/// Fields that pkggen writes itself, and where to say what goes into them.
#[rustfmt::skip]
const OWN: &[(&str, &str)] = &[
    ("Package", "deb.name"), ("Version", "package.version"), ("Maintainer", "deb.maintainer"),
    ("Depends", "deb.depends"), ("Pre-Depends", "deb.pre-depends"),
    ("Recommends", "deb.recommends"), ("Suggests", "deb.suggests"),
    ("Enhances", "deb.enhances"), ("Breaks", "deb.breaks"), ("Conflicts", "deb.conflicts"),
    ("Replaces", "deb.replaces"), ("Provides", "deb.provides"), ("Section", "deb.section"),
    ("Priority", "deb.priority"), ("Multi-Arch", "deb.multi-arch"),
    ("Homepage", "package.homepage"), ("Description", "package.description"),
    ("Installed-Size", ""),
];

/// Names in `[deb] fields` that pkggen writes itself.
pub(super) fn check_fields(options: &DebOptions, found: &mut Diagnostics) {
    for name in options.fields.keys().map(|name| &name.0) {
        if let Some((_, key)) = OWN.iter().find(|(own, _)| own.eq_ignore_ascii_case(name)) {
            let error = Diagnostic::usage("deb.fields", format!("pkggen writes `{name}` itself"));
            found.error(match *key {
                "" => error,
                key => error.hint(format!("it comes from `{key}`")),
            });
        }
    }
}

/// Lines after the first begin with a blank; an empty one is a full stop.
fn fold_field(value: &str) -> String {
    let mut lines = value.trim_end().lines();
    let first = lines.next().unwrap_or("").to_owned();
    lines.fold(first, |all, line| {
        let line = line.trim();
        all + "\n " + if line.is_empty() { "." } else { line }
    })
}

/// KiB, rounded up per file; everything without content counts one, the root directory included.
/// dpkg-gencontrol's rule since 1.18.
pub(super) fn installed_size(tree: &Tree) -> u64 {
    let size = |kind: &Kind| match kind {
        Kind::File(blob) => blob.len().div_ceil(1024),
        Kind::Symlink(target) => (target.len() as u64).div_ceil(1024),
        Kind::Dir => 1,
        Kind::Ghost => 0,
    };
    1 + tree.iter().map(|(_, node)| size(&node.kind)).sum::<u64>()
}

/// The summary, then the description with one leading blank per line.
fn description(package: &Package) -> String {
    let summary = package.summary.trim().trim_end_matches('.').trim_end();
    let text = package.description.trim();
    if text.is_empty() || text.trim_end_matches('.') == summary {
        // lintian calls a missing extended description an error
        let from = package.homepage.as_ref().or(package.repository.as_ref());
        let from = from.map_or(String::new(), |url| format!(", from {url}"));
        let text = format!("This package holds {} {}{from}.", package.title, package.version);
        return format!("{summary}\n{}", extended(&text));
    }
    format!("{summary}\n{}", extended(text))
}

/// Paragraphs are filled; lines that are indented or begin with a bullet stay as they are.
fn extended(text: &str) -> String {
    let mut out = String::new();
    let mut open = String::new();
    let flush = |open: &mut String, out: &mut String| {
        if !open.is_empty() {
            out.push_str(&wrap(open, WIDTH, " ", " "));
            open.clear();
        }
    };
    for line in text.lines() {
        let bullet = line.trim_start().starts_with(['-', '*', '•']);
        if line.trim().is_empty() {
            flush(&mut open, &mut out);
            out.push_str(" .\n");
        } else if line.starts_with([' ', '\t']) || bullet {
            flush(&mut open, &mut out);
            let line = line.replace('\t', "    ");
            out.push_str(&if bullet {
                wrap(line.trim(), WIDTH, "  ", "    ")
            } else {
                ["  ", line.trim_end(), "\n"].concat()
            });
        } else {
            open = open + " " + line.trim();
        }
    }
    flush(&mut open, &mut out);
    out.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        manifest::{Node, decode},
        package::sample,
        payload::Blob,
        tree::{InstallPath, Mode, Node as TreeNode},
    };

    #[test]
    fn a_semantic_version_is_spelled_as_debian_sorts_it() {
        for (text, release, deb, want) in [
            ("1.2.0", 1, "", "1.2.0"),
            ("1.2.0", 3, "", "1.2.0-3"),
            ("1.2.0-rc.1", 1, "", "1.2.0~rc.1"),
            ("1.2.0+build.5", 1, "epoch = 2", "2:1.2.0+build.5"),
            ("1.2.0-alpha-2", 1, "epoch = 0", "1.2.0~alpha.2"),
            ("1.2.0-alpha-2", 2, "", "1.2.0~alpha.2-2"),
            ("1.2.0", 2, "revision = \"1~x\"", "1.2.0-1~x"),
        ] {
            let options = decode(&Node::sample(deb)).unwrap();
            let version = Version::parse(text).unwrap();
            let package = Package { version, release, ..sample() };
            assert_eq!(super::version(&package, &options), want);
        }
    }

    #[test]
    fn the_file_name_has_no_epoch() {
        let facts = Facts {
            name: "x1".into(),
            version: "2:1.0-3".into(),
            architecture: "all".into(),
            maintainer: None,
        };
        assert_eq!(facts.file_name(), "x1_1.0-3_all.deb");
    }

    #[test]
    fn installed_size_rounds_up_per_file() {
        let mut tree = Tree::default();
        for (path, len) in [("usr/a", 1), ("usr/b", 1025)] {
            let blob = Blob::from_bytes(vec![0; len]);
            tree.insert(InstallPath::parse(path).unwrap(), TreeNode::file(blob, Mode(0o644)))
                .unwrap();
        }
        let ghost = InstallPath::parse("usr/c").unwrap();
        tree.insert(ghost, TreeNode::ghost(Mode(0o644))).unwrap();
        assert_eq!(installed_size(&tree), 1 + 1 + 1 + 2); // ./ usr a b
    }

    #[test]
    fn a_description_is_filled_and_its_lists_are_kept() {
        let description = format!("{}\nend.\n\n- one\n  verbatim\nafter", "word ".repeat(20));
        let package = Package { summary: "says hello.".into(), description, ..sample() };
        let first = " word".repeat(15);
        let want = format!(
            "says hello\n{first}\n word word word word word end.\n .\n  - one\n    verbatim\n after"
        );
        assert_eq!(super::description(&package), want);
    }

    #[test]
    fn a_description_that_repeats_the_summary_is_replaced() {
        let want = "prints a greeting\n This package holds Sample 1.2.0, from https://example.org.";
        assert_eq!(description(&sample()), want);
    }
}
