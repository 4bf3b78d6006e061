//! What differs between two reports.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use super::lines::{self, Line};
use crate::{
    container::utc,
    format::report::{MetaFile, ReadEntry, ReadKind, Report, escape},
};

/// One thing that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Which part of the artifact.
    pub part: Part,
    /// Which one of them: a field's name, a path; empty for the artifact itself.
    pub name: String,
    /// How.
    pub change: Change,
}

/// A part of an artifact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// The artifact itself: format, size.
    Artifact,
    /// A member of the container.
    Member,
    /// A metadata field.
    Field,
    /// A metadata file: a script.
    Script,
    /// An installed file.
    File,
}

impl Part {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Artifact => "artifact",
            Self::Member => "member",
            Self::Field => "field",
            Self::Script => "script",
            Self::File => "file",
        }
    }
}

/// How something differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Only in the first; what it was.
    Removed(String),
    /// Only in the second; what it is.
    Added(String),
    /// An aspect has another value.
    Changed {
        /// `mode`, `owner`, `content`, …
        aspect: &'static str,
        /// In the first.
        from: String,
        /// In the second.
        to: String,
    },
    /// A text has other lines.
    Lines(Vec<Line>),
}

/// `file usr/bin/x: mode 0755 -> 0644`
impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let space = if self.name.is_empty() { "" } else { " " };
        write!(f, "{}{space}{}", self.part.word(), self.name)?;
        match &self.change {
            Change::Removed(was) => write!(f, ": only in the first ({was})"),
            Change::Added(is) => write!(f, ": only in the second ({is})"),
            Change::Changed { aspect, from, to } => write!(f, ": {aspect} {from} -> {to}"),
            Change::Lines(lines) => {
                write!(f, ": {} lines differ", lines.len())?;
                lines.iter().try_for_each(|line| match line {
                    Line::Removed(number, text) => {
                        write!(f, "\n  {number:>4} - {}", escape(text.as_bytes()))
                    }
                    Line::Added(number, text) => {
                        write!(f, "\n  {number:>4} + {}", escape(text.as_bytes()))
                    }
                })
            }
        }
    }
}

/// How a written artifact differs from what was planned. Fields, metadata and members are only
/// compared where something is expected.
pub fn compare(expected: &Report, found: &Report) -> Vec<Difference> {
    let mut all = Differences::default();
    all.value(Part::Artifact, "", "format", &expected.format, &found.format);
    if !expected.fields.is_empty() {
        all.fields(expected, found);
    }
    if !expected.metadata.is_empty() {
        all.metadata(expected, found);
    }
    if !expected.members.is_empty() {
        all.members(expected, found, |_| true);
    }
    if expected.packed_crc32.is_some() {
        let hex = |report: &Report| report.packed_crc32.map(|crc32| format!("{crc32:08x}"));
        let said = |report: &Report| hex(report).unwrap_or_else(|| "unknown".into());
        let (from, to) = (said(expected), said(found));
        all.value(Part::Artifact, "", "CRC-32 of the payload", &from, &to);
    }
    all.entries(expected, found, true);
    all.0
}

/// How two artifacts differ. Times are compared as a whole: they differ in every build.
pub fn diff(first: &Report, second: &Report) -> Vec<Difference> {
    let mut all = Differences::default();
    all.value(Part::Artifact, "", "format", &first.format, &second.format);
    let are_files = first.len != 0 && second.len != 0;
    if are_files {
        all.value(Part::Artifact, "", "size", &first.len, &second.len);
    }
    if !first.members.is_empty() && !second.members.is_empty() {
        // A manifest does not say who signs.
        all.members(first, second, |name| are_files || !name.starts_with("_gpg"));
    }
    all.fields(first, second);
    all.metadata(first, second);
    all.entries(first, second, false);
    all.0
}

#[derive(Default)]
struct Differences(Vec<Difference>);

impl Differences {
    fn push(&mut self, part: Part, name: &str, change: Change) {
        self.0.push(Difference { part, name: name.into(), change });
    }

    fn value<T: fmt::Display + PartialEq>(
        &mut self,
        part: Part,
        name: &str,
        aspect: &'static str,
        from: &T,
        to: &T,
    ) {
        if from != to {
            let (from, to) = (from.to_string(), to.to_string());
            self.push(part, name, Change::Changed { aspect, from, to });
        }
    }

    /// Calls `both` for what is in both, and tells of what is in one.
    fn join<'a, T>(
        &mut self,
        part: Part,
        (first, second): (&BTreeMap<&'a str, &'a T>, &BTreeMap<&'a str, &'a T>),
        show: impl Fn(&T) -> String,
        mut both: impl FnMut(&mut Self, &str, &T, &T),
    ) {
        let names: BTreeSet<_> = first.keys().chain(second.keys()).collect();
        for name in names {
            match (first.get(name), second.get(name)) {
                (Some(from), Some(to)) => both(self, name, from, to),
                (Some(from), None) => self.push(part, name, Change::Removed(show(from))),
                (None, Some(to)) => self.push(part, name, Change::Added(show(to))),
                (None, None) => {}
            }
        }
    }

    fn members(&mut self, first: &Report, second: &Report, counts: impl Fn(&str) -> bool) {
        let names = |report: &Report| {
            let names = report.members.iter().map(|member| member.name.as_str());
            names.filter(|name| counts(name)).collect::<Vec<_>>().join(" ")
        };
        self.value(Part::Artifact, "", "members", &names(first), &names(second));
    }

    fn fields(&mut self, first: &Report, second: &Report) {
        let map = |report: &'_ Report| -> BTreeMap<String, String> {
            report.fields.iter().cloned().collect()
        };
        let (first, second) = (map(first), map(second));
        let maps = (&refs(&first), &refs(&second));
        let show = |value: &String| shown(value);
        self.join(Part::Field, maps, show, |this, name, from, to| {
            if from.contains('\n') || to.contains('\n') {
                this.text(Part::Field, name, from, to);
            } else {
                this.value(Part::Field, name, "value", &shown(from), &shown(to));
            }
        });
    }

    fn metadata(&mut self, first: &Report, second: &Report) {
        let map = |report| -> BTreeMap<&str, &MetaFile> {
            let report: &Report = report;
            report.metadata.iter().map(|(name, file)| (name.as_str(), file)).collect()
        };
        let (mut first, mut second) = (map(first), map(second));
        // Its fields are compared one by one.
        first.remove("control");
        second.remove("control");
        let show = |file: &MetaFile| format!("{} bytes", file.content.len());
        self.join(Part::Script, (&first, &second), show, |this, name, from, to| {
            this.value(Part::Script, name, "mode", &octal(from.mode), &octal(to.mode));
            match (str::from_utf8(&from.content), str::from_utf8(&to.content)) {
                (Ok(from), Ok(to)) => this.text(Part::Script, name, from, to),
                _ if from.content != to.content => {
                    let (from, to) = (from.content.len(), to.content.len());
                    this.value(Part::Script, name, "bytes", &from, &to);
                }
                _ => {}
            }
        });
    }

    fn text(&mut self, part: Part, name: &str, from: &str, to: &str) {
        if from != to {
            let lines = lines::diff(from, to);
            self.push(part, name, Change::Lines(lines));
        }
    }

    fn entries(&mut self, first: &Report, second: &Report, times: bool) {
        let map = |report| -> BTreeMap<&str, &ReadEntry> {
            let report: &Report = report;
            report.entries.iter().map(|entry| (entry.path.as_str(), entry)).collect()
        };
        let (first, second) = (map(first), map(second));
        let mut later = 0_u64;
        self.join(Part::File, (&first, &second), describe, |this, path, from, to| {
            this.entry(path, from, to);
            if from.mtime != to.mtime {
                later += 1;
                if times {
                    this.value(Part::File, path, "time", &utc(from.mtime), &utc(to.mtime));
                }
            }
        });
        if later > 0 && !times {
            let range = |entries: &BTreeMap<&str, &ReadEntry>| {
                utc(entries.values().map(|entry| entry.mtime).max().unwrap_or_default())
            };
            let (from, to) = (range(&first), range(&second));
            if from == to {
                self.push(
                    Part::Artifact,
                    "",
                    Change::Changed {
                        aspect: "times of files",
                        from: format!("{later}"),
                        to: "other times".into(),
                    },
                );
            } else {
                self.value(Part::Artifact, "", "latest time", &from, &to);
            }
        }
    }

    fn entry(&mut self, path: &str, from: &ReadEntry, to: &ReadEntry) {
        match (&from.kind, &to.kind) {
            (
                ReadKind::File { len: from, sha256: old, .. },
                ReadKind::File { len: to, sha256: new, .. },
            ) => {
                self.value(Part::File, path, "size", from, to);
                self.value(Part::File, path, "content", old, new);
            }
            (from, to) if from != to => {
                self.value(Part::File, path, "kind", &kind(from), &kind(to));
            }
            _ => {}
        }
        self.value(Part::File, path, "mode", &octal(from.mode), &octal(to.mode));
        self.value(Part::File, path, "owner", &owner(from), &owner(to));
        self.value(Part::File, path, "conffile", &from.config, &to.config);
    }
}

fn refs(map: &BTreeMap<String, String>) -> BTreeMap<&str, &String> {
    map.iter().map(|(name, value)| (name.as_str(), value)).collect()
}

/// The first line of a value.
fn shown(value: &str) -> String {
    format!("`{}`", escape(value.lines().next().unwrap_or("").as_bytes()))
}

fn octal(mode: u32) -> String {
    format!("{mode:04o}")
}

fn owner(entry: &ReadEntry) -> String {
    format!("{}:{}", entry.owner, entry.group)
}

fn describe(entry: &ReadEntry) -> String {
    format!("{}, {}", kind(&entry.kind), octal(entry.mode))
}

fn kind(kind: &ReadKind) -> String {
    match kind {
        ReadKind::Dir => "directory".into(),
        ReadKind::File { len, .. } => format!("{len} bytes"),
        ReadKind::Symlink { target } => format!("link to `{target}`"),
        ReadKind::Hardlink { target } => format!("hard link to `{target}`"),
        ReadKind::Device { block: true, major, minor } => format!("block device {major}:{minor}"),
        ReadKind::Device { major, minor, .. } => format!("character device {major}:{minor}"),
        ReadKind::Fifo => "fifo".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        payload::Blob,
        tree::{InstallPath, Mode, Node, Tree},
    };

    fn report(content: &str, mode: u32) -> Report {
        let mut tree = Tree::default();
        let mut add =
            |path: &str, node| tree.insert(InstallPath::parse(path).unwrap(), node).unwrap();
        add("a", Node::file(Blob::from_bytes(content), Mode(mode)));
        add("b", Node::symlink(content));
        let mut report = Report::of_tree("deb", &tree, "", 7);
        report.fields =
            vec![("Version".into(), "1".into()), ("Description".into(), "x\n y".into())];
        let script = MetaFile { mode: 0o755, content: b"#!/bin/sh\nset -e\n".to_vec() };
        report.metadata.insert("postinst".into(), script);
        report
    }

    fn told(differences: &[Difference]) -> Vec<String> {
        differences.iter().map(Difference::to_string).collect()
    }

    #[test]
    fn equal_reports_do_not_differ() {
        assert_eq!(compare(&report("x", 0o644), &report("x", 0o644)), []);
        assert_eq!(diff(&report("x", 0o644), &report("x", 0o644)), []);
    }

    #[test]
    fn files_differ_in_content_mode_and_target() {
        let digest = |text: &str| crate::digest::sha256(text.as_bytes());
        assert_eq!(
            told(&diff(&report("x", 0o644), &report("yz", 0o755))),
            [
                "file a: size 1 -> 2".to_owned(),
                format!("file a: content {} -> {}", digest("x"), digest("yz")),
                "file a: mode 0644 -> 0755".into(),
                "file b: kind link to `x` -> link to `yz`".into(),
            ]
        );
    }

    #[test]
    fn fields_and_scripts_are_compared_line_by_line() {
        let (first, mut second) = (report("x", 0o644), report("x", 0o644));
        second.fields = vec![("Version".into(), "2".into()), ("Depends".into(), "c".into())];
        second.metadata.get_mut("postinst").unwrap().content = b"#!/bin/sh\nset -eu\n".to_vec();
        assert_eq!(
            told(&diff(&first, &second)),
            [
                "field Depends: only in the second (`c`)",
                "field Description: only in the first (`x`)",
                "field Version: value `1` -> `2`",
                "script postinst: 2 lines differ\n     2 - set -e\n     2 + set -eu",
            ]
        );
    }

    #[test]
    fn only_what_is_expected_is_compared_with_a_plan() {
        let mut expected = report("x", 0o644);
        expected.fields.clear();
        expected.metadata.clear();
        let mut found = report("x", 0o644);
        found.entries.pop();
        found.entries[0].mtime = 8;
        assert_eq!(
            told(&compare(&expected, &found)),
            [
                "file a: time 1970-01-01 00:00:07 -> 1970-01-01 00:00:08",
                "file b: only in the first (link to `x`, 0777)",
            ]
        );
    }

    #[test]
    fn a_payload_that_is_not_the_planned_one_is_told_by_its_crc32() {
        let [expected, mut found] =
            [1, 1].map(|crc32| Report { packed_crc32: Some(crc32), ..report("x", 0o644) });
        assert_eq!(compare(&expected, &found), []);
        found.packed_crc32 = Some(2);
        let rows = told(&compare(&expected, &found));
        assert_eq!(rows, ["artifact: CRC-32 of the payload 00000001 -> 00000002"]);
        found.packed_crc32 = None;
        assert_eq!(compare(&expected, &found).len(), 1);
    }

    #[test]
    fn times_are_told_once_for_all_files() {
        let (first, mut second) = (report("x", 0o644), report("x", 0o644));
        second.entries.iter_mut().for_each(|entry| entry.mtime = 9);
        let want = "artifact: latest time 1970-01-01 00:00:07 -> 1970-01-01 00:00:09";
        assert_eq!(told(&diff(&first, &second)), [want]);
    }
}
