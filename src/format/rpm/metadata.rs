//! The main header but for files and payload: what the package is and needs.
//!
//! Source: rpm `include/rpm/rpmtag.h`, `build/pack.c`. Tags and decisions: docs/formats/rpm.md.

use super::{
    header::{Header, Value},
    options::RpmOptions,
    relation::Relation,
    relations::Relations,
    scriptlets::Scriptlet,
    tags,
    triggers::{Tags, Trigger, Triggers},
    version::{self, Facts},
};
use crate::{
    format::documents::wrap,
    package::{Package, Release, Version},
};

/// Widest line of a description, in characters: rpmlint's limit.
const WIDTH: usize = 79;

/// Seconds of a day.
const DAY: u64 = 86_400;

/// Noon, in seconds of a day: dates of a changelog are the same in every time zone.
const NOON: u64 = DAY / 2;

/// Who and what the package is.
pub(super) fn describe(
    header: &mut Header,
    package: &Package,
    facts: &Facts,
    options: &RpmOptions,
    time: u32,
) {
    let mut set = |tag, value| header.set(tag, value);
    let line = |line: &crate::manifest::Line| line.0.clone();
    set(tags::HEADERI18NTABLE, Value::texts(["C"]));
    set(tags::NAME, Value::text(&*facts.name));
    set(tags::VERSION, Value::text(&*facts.version));
    set(tags::RELEASE, Value::text(&*facts.release));
    if let Some(epoch) = facts.epoch {
        set(tags::EPOCH, Value::Int32(vec![epoch]));
    }
    set(tags::SUMMARY, Value::i18n(summary(package)));
    set(tags::DESCRIPTION, Value::i18n(description(package)));
    set(tags::BUILDTIME, Value::Int32(vec![time]));
    set(tags::BUILDHOST, Value::text("localhost"));
    if let Some(vendor) = vendor(package, options) {
        set(tags::VENDOR, Value::text(vendor));
    }
    set(tags::LICENSE, Value::text(&*package.license));
    if let Some(packager) = &options.packager {
        set(tags::PACKAGER, Value::text(line(&packager.value)));
    }
    let group = options.group.as_ref().map_or("Unspecified".to_owned(), |text| line(&text.value));
    set(tags::GROUP, Value::i18n(group));
    if let Some(url) = &package.homepage {
        set(tags::URL, Value::text(&**url));
    }
    set(tags::OS, Value::text("linux"));
    set(tags::ARCH, Value::text(&*facts.arch));
    set(tags::SOURCERPM, Value::text(format!("{}.src.rpm", facts.nvr())));
    let prefixes = options.prefixes.iter().map(|prefix| &*prefix.value.0);
    set(tags::PREFIXES, Value::texts(prefixes));
    set(tags::ENCODING, Value::text("utf-8"));
}

fn vendor(package: &Package, options: &RpmOptions) -> Option<String> {
    let written = options.vendor.as_ref().map(|line| line.value.0.clone());
    written.or_else(|| package.authors.first().cloned())
}

fn summary(package: &Package) -> &str {
    package.summary.trim().trim_end_matches('.').trim_end()
}

/// Paragraphs are filled; lines that are indented or begin with a bullet stay as they are.
fn description(package: &Package) -> String {
    let text = package.description.trim();
    if text.is_empty() {
        return format!("{}.", summary(package));
    }
    let (mut out, mut open) = (String::new(), String::new());
    let flush = |open: &mut String, out: &mut String| {
        if !open.is_empty() {
            out.push_str(&wrap(open, WIDTH, "", ""));
            open.clear();
        }
    };
    for line in text.lines() {
        let bullet = line.trim_start().starts_with(['-', '*', '•']);
        if line.trim().is_empty() {
            flush(&mut open, &mut out);
            out.push('\n');
        } else if bullet {
            flush(&mut open, &mut out);
            out.push_str(&wrap(line.trim(), WIDTH, "", "  "));
        } else if line.starts_with([' ', '\t']) {
            flush(&mut open, &mut out);
            out = out + line.trim_end() + "\n";
        } else {
            open = open + " " + line.trim();
        }
    }
    flush(&mut open, &mut out);
    out.trim_end().to_owned()
}

/// Newest first. Entries without a date have that of the one above them, the first the package's.
pub(super) fn changelog(
    header: &mut Header,
    package: &Package,
    facts: &Facts,
    options: &RpmOptions,
    time: u32,
) {
    let who = options.packager.as_ref().map(|line| line.value.0.clone());
    let who = who.or_else(|| package.authors.first().cloned()).unwrap_or(package.title.clone());
    let current = package.version.to_string();
    let known = package.changelog.first().is_some_and(|newest| newest.version == current);
    let missing = Release { version: current.clone(), date: None, changes: Vec::new() };
    let releases = (!known).then_some(&missing).into_iter().chain(&package.changelog);
    let (mut times, mut names, mut texts) = (Vec::new(), Vec::new(), Vec::new());
    let mut before = noon(time.into());
    for release in releases {
        let evr = if release.version == current {
            facts.evr()
        } else {
            let Ok(version) = Version::parse(&release.version) else { continue };
            Facts { version: version::version(&version), release: "1".into(), ..facts.clone() }
                .evr()
        };
        before = release.date.map_or(before, noon);
        times.push(u32::try_from(before).unwrap_or(time));
        names.push(format!("{who} - {evr}"));
        texts.push(changes(release, package));
    }
    header.set(tags::CHANGELOGTIME, Value::Int32(times));
    header.set(tags::CHANGELOGNAME, Value::texts(names));
    header.set(tags::CHANGELOGTEXT, Value::texts(texts));
}

fn noon(time: u64) -> u64 {
    time / DAY * DAY + NOON
}

fn changes(release: &Release, package: &Package) -> String {
    let lines: Vec<_> =
        release.changes.iter().map(|change| wrap(change, WIDTH, "- ", "  ")).collect();
    if lines.is_empty() {
        return format!("- {} {}", package.title, release.version);
    }
    lines.concat().trim_end().to_owned()
}

/// Names, flags and versions of every kind of relation.
pub(super) fn relations(header: &mut Header, all: &Relations) {
    #[rustfmt::skip]
    let kinds = [
        (&all.provides,    tags::PROVIDENAME,    tags::PROVIDEFLAGS,    tags::PROVIDEVERSION),
        (&all.requires,    tags::REQUIRENAME,    tags::REQUIREFLAGS,    tags::REQUIREVERSION),
        (&all.conflicts,   tags::CONFLICTNAME,   tags::CONFLICTFLAGS,   tags::CONFLICTVERSION),
        (&all.obsoletes,   tags::OBSOLETENAME,   tags::OBSOLETEFLAGS,   tags::OBSOLETEVERSION),
        (&all.order,       tags::ORDERNAME,      tags::ORDERFLAGS,      tags::ORDERVERSION),
        (&all.recommends,  tags::RECOMMENDNAME,  tags::RECOMMENDFLAGS,  tags::RECOMMENDVERSION),
        (&all.suggests,    tags::SUGGESTNAME,    tags::SUGGESTFLAGS,    tags::SUGGESTVERSION),
        (&all.supplements, tags::SUPPLEMENTNAME, tags::SUPPLEMENTFLAGS, tags::SUPPLEMENTVERSION),
        (&all.enhances,    tags::ENHANCENAME,    tags::ENHANCEFLAGS,    tags::ENHANCEVERSION),
    ];
    for (list, names, flags, versions) in kinds {
        rows(header, list.iter(), names, flags, versions);
    }
}

fn rows<'a>(
    header: &mut Header,
    list: impl Iterator<Item = &'a Relation> + Clone,
    names: u32,
    flags: u32,
    versions: u32,
) {
    header.set(names, Value::texts(list.clone().map(|relation| &*relation.name)));
    header.set(flags, Value::Int32(list.clone().map(|relation| relation.flags).collect()));
    header.set(versions, Value::texts(list.map(|relation| &*relation.version)));
}

/// Texts and interpreters: one word is a text, with arguments it is a list.
pub(super) fn scriptlets(header: &mut Header, all: &[Scriptlet]) {
    for scriptlet in all {
        let (body, interpreter) = scriptlet.kind.tags();
        if let Some(text) = &scriptlet.body {
            header.set(body, Value::text(&**text));
        }
        let words = &scriptlet.interpreter;
        header.set(
            interpreter,
            match words.as_slice() {
                [word] => Value::text(&**word),
                words => Value::texts(words.iter().map(|word| &**word)),
            },
        );
    }
}

/// A row per script and a row per condition, which names its script by number.
pub(super) fn triggers(header: &mut Header, all: &Triggers) {
    for (tags, list) in all.kinds() {
        let Tags { scripts, interpreters, names, versions, flags, indexes, priorities } = *tags;
        header.set(scripts, Value::texts(list.iter().map(|trigger| &*trigger.body)));
        header.set(interpreters, Value::texts(list.iter().map(|trigger| &*trigger.interpreter)));
        let conditions = list.iter().flat_map(|trigger| &trigger.conditions);
        rows(header, conditions, names, flags, versions);
        header.set(indexes, Value::Int32(numbers(list)));
        if let Some(priorities) = priorities {
            let all = list.iter().map(|trigger| trigger.priority).collect();
            header.set(priorities, Value::Int32(all));
        }
    }
}

/// The number of its script for every condition.
fn numbers(list: &[Trigger]) -> Vec<u32> {
    let of = |(number, trigger): (u32, &Trigger)| vec![number; trigger.conditions.len()];
    (0..).zip(list).flat_map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::{super::options, *};
    use crate::package::sample;

    fn header(package: &Package, table: &str) -> Header {
        let options = options::sample(table);
        let facts = Facts::of(package, &options).unwrap();
        let mut header = Header::default();
        describe(&mut header, package, &facts, &options, 315_532_800);
        changelog(&mut header, package, &facts, &options, 315_532_800);
        header
    }

    #[test]
    fn the_first_author_is_the_vendor_unless_there_is_one() {
        let vendor = |table| header(&sample(), table).shown(tags::VENDOR).unwrap().into_owned();
        assert_eq!(vendor(""), "Ana Example <ana@example.org>");
        assert_eq!(vendor("vendor = \"Example Ltd\""), "Example Ltd");
    }

    #[test]
    fn an_epoch_of_zero_is_none() {
        assert_eq!(header(&sample(), "epoch = 0").get(tags::EPOCH), None);
        assert_eq!(header(&sample(), "epoch = 7").int(tags::EPOCH), Some(7));
    }

    #[test]
    fn a_changelog_is_newest_first_at_noon() {
        let release = |version: &str, date, change: &str| Release {
            version: version.into(),
            date,
            changes: vec![change.into()],
        };
        let changelog = vec![
            release("1.2.0", Some(86_400 * 10 + 5), "new"),
            release("unreleased", None, "x"),
            release("1.1.0-rc.1", None, "old"),
        ];
        let header = header(&Package { changelog, release: 2, ..sample() }, "epoch = 1");
        let noon = 86_400 * 10 + 43_200;
        assert_eq!(header.ints(tags::CHANGELOGTIME), [noon, noon]);
        let names = header.texts(tags::CHANGELOGNAME);
        assert_eq!(names[0], b"Ana Example <ana@example.org> - 1:1.2.0-2");
        assert_eq!(names[1], b"Ana Example <ana@example.org> - 1:1.1.0~rc.1-1");
        assert_eq!(header.texts(tags::CHANGELOGTEXT), [&b"- new"[..], b"- old"]);
    }

    #[test]
    fn a_description_is_filled_and_its_lists_are_kept() {
        let description = "word ".repeat(20) + "\nend.\n\n- one\n  verbatim\nafter";
        let text = super::description(&Package { description, ..sample() });
        let first = "word ".repeat(16);
        let want =
            format!("{}\nword word word word end.\n\n- one\n  verbatim\nafter", first.trim());
        assert_eq!(text, want);
    }

    #[test]
    fn an_interpreter_alone_is_a_text_and_with_arguments_a_list() {
        use super::super::scriptlets::Kind;
        let scriptlet = |kind, words: &[&str], body: Option<&str>| Scriptlet {
            kind,
            interpreter: words.iter().map(|word| (*word).to_owned()).collect(),
            body: body.map(str::to_owned),
            calls: Vec::new(),
        };
        let mut header = Header::default();
        let all = [
            scriptlet(Kind::PreIn, &["/bin/sh"], Some("true")),
            scriptlet(Kind::PostIn, &["/bin/bash", "-e"], Some("true")),
            scriptlet(Kind::PostUn, &["/sbin/ldconfig"], None),
        ];
        scriptlets(&mut header, &all);
        assert_eq!(header.get(tags::PREINPROG), Some(&Value::text("/bin/sh")));
        assert_eq!(header.get(tags::POSTINPROG), Some(&Value::texts(["/bin/bash", "-e"])));
        assert_eq!(header.get(tags::POSTUN), None);
    }
}
