//! What a header says of the package as a whole, as fields: names as spec files spell them.

use std::collections::BTreeMap;

use super::files;
use crate::{
    container::utc,
    format::{
        report::escape,
        rpm::{
            header::{Header, Value},
            relation::{COMPARISON, Relation},
            tags::{self, sense},
        },
    },
};

/// Tags of one value, in the order in which they are shown.
#[rustfmt::skip]
const PLAIN: &[(u32, &str)] = &[
    (tags::NAME, "Name"), (tags::EPOCH, "Epoch"), (tags::VERSION, "Version"),
    (tags::RELEASE, "Release"), (tags::ARCH, "Architecture"), (tags::OS, "OS"),
    (tags::SUMMARY, "Summary"), (tags::LICENSE, "License"), (tags::GROUP, "Group"),
    (tags::VENDOR, "Vendor"), (tags::PACKAGER, "Packager"), (tags::URL, "URL"),
    (tags::BUGURL, "BugURL"), (tags::VCS, "VCS"), (tags::DISTRIBUTION, "Distribution"),
    (tags::SOURCERPM, "SourceRPM"), (tags::BUILDHOST, "BuildHost"),
];

/// Relations: the tags of names, flags and versions.
#[rustfmt::skip]
const RELATIONS: &[(&str, [u32; 3])] = &[
    ("Provides", [tags::PROVIDENAME, tags::PROVIDEFLAGS, tags::PROVIDEVERSION]),
    ("Requires", [tags::REQUIRENAME, tags::REQUIREFLAGS, tags::REQUIREVERSION]),
    ("Conflicts", [tags::CONFLICTNAME, tags::CONFLICTFLAGS, tags::CONFLICTVERSION]),
    ("Obsoletes", [tags::OBSOLETENAME, tags::OBSOLETEFLAGS, tags::OBSOLETEVERSION]),
    ("Recommends", [tags::RECOMMENDNAME, tags::RECOMMENDFLAGS, tags::RECOMMENDVERSION]),
    ("Suggests", [tags::SUGGESTNAME, tags::SUGGESTFLAGS, tags::SUGGESTVERSION]),
    ("Supplements", [tags::SUPPLEMENTNAME, tags::SUPPLEMENTFLAGS, tags::SUPPLEMENTVERSION]),
    ("Enhances", [tags::ENHANCENAME, tags::ENHANCEFLAGS, tags::ENHANCEVERSION]),
    ("OrderWithRequires", [tags::ORDERNAME, tags::ORDERFLAGS, tags::ORDERVERSION]),
];

/// What a relation is for, as rpm's `:deptype` says it.
#[rustfmt::skip]
const QUALIFIERS: &[(u32, &str)] = &[
    (sense::SCRIPT_PRE, "pre"), (sense::SCRIPT_POST, "post"), (sense::SCRIPT_PREUN, "preun"),
    (sense::SCRIPT_POSTUN, "postun"), (sense::SCRIPT_VERIFY, "verify"), (sense::INTERP, "interp"),
    (sense::RPMLIB, "rpmlib"), (sense::FIND_REQUIRES | sense::FIND_PROVIDES, "auto"),
    (sense::PREREQ, "prereq"), (sense::PRETRANS, "pretrans"), (sense::POSTTRANS, "posttrans"),
    (sense::CONFIG, "config"), (sense::MISSINGOK, "missingok"), (sense::META, "meta"),
];

/// Tags of one value that stand in a field of their own, belong to the payload's, or are digests
/// and sizes, which the reader compares.
#[rustfmt::skip]
const ELSEWHERE: &[u32] = &[
    tags::BUILDTIME, tags::DESCRIPTION, tags::FILEDIGESTALGO, tags::HEADERI18NTABLE,
    tags::LONGSIZE, tags::PAYLOADCOMPRESSOR, tags::PAYLOADDIGEST, tags::PAYLOADDIGESTALGO,
    tags::PAYLOADDIGESTALT, tags::PAYLOADFLAGS, tags::PAYLOADFORMAT, tags::PAYLOADSHA3_256,
    tags::PAYLOADSHA3_256ALT, tags::PAYLOADSHA512, tags::PAYLOADSHA512ALT, tags::PAYLOADSIZE,
    tags::PAYLOADSIZEALT, tags::SIZE,
];

/// The fields of a header. The same header gives the same fields, so that a plan can be compared
/// with what was read back.
pub fn fields(header: &Header) -> Vec<(String, String)> {
    let mut out = Vec::new();
    for (tag, name) in PLAIN {
        texts(header, *tag, name, &mut out);
    }
    if let Some(time) = header.int(tags::BUILDTIME) {
        let time = utc(i64::try_from(time).unwrap_or(i64::MAX));
        out.push(("BuildTime".into(), time));
    }
    if let Some(size) = header.int(tags::LONGSIZE).or_else(|| header.int(tags::SIZE)) {
        out.push(("Size".into(), size.to_string()));
    }
    out.push(("Payload".into(), payload(header)));
    if let Ok(algorithm) = files::algorithm(header) {
        out.push(("FileDigests".into(), algorithm.to_string()));
    }
    out.extend(rest(header));
    out.extend(RELATIONS.iter().flat_map(|(name, tags)| relations(header, name, *tags)));
    texts(header, tags::DESCRIPTION, "Description", &mut out);
    out
}

/// A value; of a text in several languages every one, the language in brackets.
fn texts(header: &Header, tag: u32, name: &str, out: &mut Vec<(String, String)>) {
    let value = match header.get(tag) {
        Some(Value::I18n(texts) | Value::Texts(texts)) if texts.len() > 1 => {
            let locales = header.texts(tags::HEADERI18NTABLE);
            for (at, text) in texts.iter().enumerate() {
                let locale = locales.get(at).map_or_else(|| at.to_string(), |l| escape(l).into());
                let name = if at == 0 { name.into() } else { format!("{name}({locale})") };
                out.push((name, folded(text)));
            }
            return;
        }
        Some(Value::Text(text)) => folded(text),
        Some(Value::I18n(texts) | Value::Texts(texts)) => {
            texts.first().map_or_else(String::new, folded)
        }
        Some(_) => header.int(tag).map_or_else(String::new, |number| number.to_string()),
        None => return,
    };
    out.push((name.into(), value));
}

/// Lines after the first are indented, and an empty one stays empty.
fn folded(text: &[u8]) -> String {
    let lines: Vec<_> = text.split(|&byte| byte == b'\n').map(escape).collect();
    match lines.as_slice() {
        [line] => line.to_string(),
        lines => lines.iter().fold(String::new(), |mut out, line| {
            out.push_str(if line.is_empty() { "\n" } else { "\n " });
            out.push_str(line);
            out
        }),
    }
}

/// `cpio, zstd 19`
fn payload(header: &Header) -> String {
    let text = |tag| header.shown(tag).unwrap_or_default();
    let format = header.shown(tags::PAYLOADFORMAT).unwrap_or("cpio".into());
    let (compressor, level) = (text(tags::PAYLOADCOMPRESSOR), text(tags::PAYLOADFLAGS));
    match (&*compressor, &*level) {
        ("", _) => format.into(),
        (compressor, "") => format!("{format}, {compressor}"),
        (compressor, level) => format!("{format}, {compressor} {level}"),
    }
}

/// Other tags of one value, by rpm's name: `Platform`, `COOKIE`.
fn rest(header: &Header) -> Vec<(String, String)> {
    let mut out = Vec::new();
    for (tag, value) in header.iter() {
        let is_known = ELSEWHERE.contains(&tag) || PLAIN.iter().any(|(known, _)| *known == tag);
        let is_script = super::scripts::has(tag);
        if is_known || is_script || value.count() != 1 || matches!(value, Value::Bin(_)) {
            continue;
        }
        let name = tags::row(tag).map_or_else(|| format!("Tag {tag}"), |row| row.name.into());
        if !is_array(tag) {
            texts(header, tag, &name, &mut out);
        }
    }
    out
}

/// Arrays have one value if there is one file, one relation, one change.
fn is_array(tag: u32) -> bool {
    RELATIONS.iter().any(|(_, tags)| tags.contains(&tag)) || super::scripts::LISTS.contains(&tag)
}

/// Relations of one kind, one field for each use of them: `Requires`, `Requires(post)`.
fn relations(
    header: &Header,
    name: &str,
    [names, flags, versions]: [u32; 3],
) -> Vec<(String, String)> {
    let (flags, versions) = (header.ints(flags), header.texts(versions));
    let mut groups: BTreeMap<String, String> = BTreeMap::new();
    for (at, relation) in header.texts(names).into_iter().enumerate() {
        let flags = flags.get(at).and_then(|flags| u32::try_from(*flags).ok()).unwrap_or(0);
        let version = versions.get(at).copied().unwrap_or(b"");
        let relation = shown(relation, flags, version);
        let group = groups.entry(qualified(name, flags)).or_default();
        group.push_str("\n ");
        group.push_str(&relation);
    }
    groups.into_iter().collect()
}

/// A relation of a header as rpm prints it.
pub(super) fn shown(name: &[u8], flags: u32, version: &[u8]) -> String {
    let (name, version) = (escape(name).into_owned(), escape(version).into_owned());
    Relation { name, flags: flags & COMPARISON, version }.to_string()
}

fn qualified(name: &str, flags: u32) -> String {
    let words = QUALIFIERS.iter().filter(|(bits, _)| flags & bits != 0).map(|(_, word)| *word);
    let words: Vec<_> = words.collect();
    if words.is_empty() { name.into() } else { format!("{name}({})", words.join(",")) }
}
