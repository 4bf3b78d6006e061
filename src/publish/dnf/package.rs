//! What the indexes say of an rpm, from its headers.
//!
//! Format: docs/repositories.md, "What dnf reads"; compared with `createrepo_c` in tests/repo.rs.

use super::{
    entry::{Entry, escaped, is_word},
    xml::Writer,
};
use crate::{
    format::rpm::{
        header::Header,
        package::Package,
        tags::{self, file as file_flags, sense, signature},
    },
    publish::Place,
};

/// Changes that are listed.
const MAX_CHANGES: usize = 10;

/// The kinds of relations: element, tags of names, flags and versions.
#[rustfmt::skip]
const RELATIONS: [(&str, u32, u32, u32); 8] = [
    ("rpm:provides",    tags::PROVIDENAME,    tags::PROVIDEFLAGS,    tags::PROVIDEVERSION),
    ("rpm:requires",    tags::REQUIRENAME,    tags::REQUIREFLAGS,    tags::REQUIREVERSION),
    ("rpm:conflicts",   tags::CONFLICTNAME,   tags::CONFLICTFLAGS,   tags::CONFLICTVERSION),
    ("rpm:obsoletes",   tags::OBSOLETENAME,   tags::OBSOLETEFLAGS,   tags::OBSOLETEVERSION),
    ("rpm:suggests",    tags::SUGGESTNAME,    tags::SUGGESTFLAGS,    tags::SUGGESTVERSION),
    ("rpm:enhances",    tags::ENHANCENAME,    tags::ENHANCEFLAGS,    tags::ENHANCEVERSION),
    ("rpm:recommends",  tags::RECOMMENDNAME,  tags::RECOMMENDFLAGS,  tags::RECOMMENDVERSION),
    ("rpm:supplements", tags::SUPPLEMENTNAME, tags::SUPPLEMENTFLAGS, tags::SUPPLEMENTVERSION),
];

/// Makes the entry of a package. The error is the reason.
pub(super) fn entry(package: &Package, place: Option<Place>) -> Result<Entry, String> {
    let header = &package.header;
    let text = |tag| utf8(header.text(tag).unwrap_or_default());
    let is_source = header.int(tags::SOURCEPACKAGE).is_some() || text(tags::SOURCERPM).is_empty();
    let arch = if is_source { "src".to_owned() } else { text(tags::ARCH) };
    let (name, version, release) = (text(tags::NAME), text(tags::VERSION), text(tags::RELEASE));
    for (what, word) in
        [("name", &name), ("version", &version), ("release", &release), ("architecture", &arch)]
    {
        if !is_word(word) {
            return Err(format!("its {what} is `{}`", word.escape_debug()));
        }
    }
    let place = place
        .unwrap_or_else(|| Place::of(format!("packages/{name}-{version}-{release}.{arch}.rpm")));
    let mut entry = Entry {
        epoch: header.int(tags::EPOCH).unwrap_or(0).to_string(),
        sha256: Some(package.sha256),
        place: Some(place),
        len: package.len,
        built: header.int(tags::BUILDTIME).unwrap_or(0),
        name,
        arch,
        version,
        release,
        xml: Default::default(),
    };
    let files = files(header);
    entry.xml =
        [primary(&entry, package, &files), filelists(&entry, &files), other(&entry, header)];
    Ok(entry)
}

/// Whether somebody signed it, whoever that is.
pub(super) fn is_signed(package: &Package) -> bool {
    const SIGNATURES: [u32; 3] = [signature::DSA, signature::RSA, signature::OPENPGP];
    SIGNATURES.iter().any(|tag| package.signature.get(*tag).is_some())
}

/// UTF-8, or Latin-1 as `createrepo_c` takes it.
fn utf8(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec())
        .unwrap_or_else(|_| bytes.iter().copied().map(char::from).collect())
}

/// A file as the indexes say it.
struct Listed {
    path: String,
    /// `dir`, `ghost` or nothing.
    kind: Option<&'static str>,
}

fn files(header: &Header) -> Vec<Listed> {
    /// `S_IFMT` and `S_IFDIR`.
    const KIND: u64 = 0o170_000;
    const DIR: u64 = 0o040_000;
    let (modes, flags) = (header.ints(tags::FILEMODES), header.ints(tags::FILEFLAGS));
    let kind = |at: usize| match (modes.get(at), flags.get(at)) {
        (Some(mode), _) if mode & KIND == DIR => Some("dir"),
        (_, Some(flags)) if flags & u64::from(file_flags::GHOST) != 0 => Some("ghost"),
        _ => None,
    };
    let (dirs, names) = (header.texts(tags::DIRNAMES), header.texts(tags::BASENAMES));
    let paths: Vec<Vec<u8>> = if names.is_empty() {
        header.texts(tags::OLDFILENAMES).into_iter().map(<[u8]>::to_vec).collect()
    } else {
        let dir = |index: u64| usize::try_from(index).ok().and_then(|at| dirs.get(at).copied());
        let indexes = header.ints(tags::DIRINDEXES).into_iter();
        let pairs = indexes.zip(names);
        pairs.map(|(index, name)| [dir(index).unwrap_or_default(), name].concat()).collect()
    };
    paths.iter().enumerate().map(|(at, path)| Listed { path: utf8(path), kind: kind(at) }).collect()
}

/// Files that primary.xml has, so that most clients need not read filelists.xml.
fn is_primary(path: &str) -> bool {
    path.contains("bin/") || path.starts_with("/etc/") || path == "/usr/lib/sendmail"
}

fn list(xml: &mut Writer, file: &Listed) {
    let kind = file.kind.map(|kind| ("type", kind));
    xml.text("file", kind.as_slice(), &file.path);
}

fn primary(entry: &Entry, package: &Package, files: &[Listed]) -> String {
    let header = &package.header;
    let text = |tag| utf8(header.text(tag).unwrap_or_default());
    let mut xml = Writer::default();
    xml.open("package", &[("type", "rpm")]);
    xml.text("name", &[], &entry.name);
    xml.text("arch", &[], &entry.arch);
    entry.version_in(&mut xml);
    let sum = entry.sha256().to_string();
    xml.text("checksum", &[("type", "sha256"), ("pkgid", "YES")], &sum);
    xml.text("summary", &[], &text(tags::SUMMARY));
    xml.text("description", &[], &text(tags::DESCRIPTION));
    xml.text("packager", &[], &text(tags::PACKAGER));
    xml.text("url", &[], &text(tags::URL));
    let built = entry.built.to_string();
    xml.empty("time", &[("file", &built), ("build", &built)]);
    let installed = header.int(tags::LONGSIZE).or(header.int(tags::SIZE)).unwrap_or(0).to_string();
    let archive = package.archive_len.unwrap_or(0).to_string();
    let len = entry.len.to_string();
    xml.empty("size", &[("package", &len), ("installed", &installed), ("archive", &archive)]);
    xml.empty("location", &[("href", &escaped(entry.place().as_str()))]);
    xml.open("format", &[]);
    xml.text("rpm:license", &[], &text(tags::LICENSE));
    xml.text("rpm:vendor", &[], &text(tags::VENDOR));
    xml.text("rpm:group", &[], &text(tags::GROUP));
    xml.text("rpm:buildhost", &[], &text(tags::BUILDHOST));
    xml.text("rpm:sourcerpm", &[], &text(tags::SOURCERPM));
    let (start, end) =
        (package.header_range.start.to_string(), package.header_range.end.to_string());
    xml.empty("rpm:header-range", &[("start", &start), ("end", &end)]);
    for (element, names, flags, versions) in RELATIONS {
        relations(&mut xml, element, &rows(header, names, flags, versions), header, files);
    }
    for file in files.iter().filter(|file| is_primary(&file.path)) {
        list(&mut xml, file);
    }
    xml.close();
    xml.close();
    xml.finish()
}

/// A relation as the header has it.
#[derive(Clone, PartialEq, Eq)]
struct Row {
    name: String,
    /// LT, GT, EQ and what it is needed for.
    flags: u64,
    version: String,
}

const LESS: u64 = sense::LESS as u64;
const GREATER: u64 = sense::GREATER as u64;
const EQUAL: u64 = sense::EQUAL as u64;
const BEFORE: u64 = (sense::PREREQ | sense::SCRIPT_PRE | sense::SCRIPT_POST) as u64;

impl Row {
    /// `EQ`, if it names a version.
    fn comparison(&self) -> Option<&'static str> {
        match self.flags & (LESS | GREATER | EQUAL) {
            LESS => Some("LT"),
            GREATER => Some("GT"),
            EQUAL => Some("EQ"),
            both if both == LESS | EQUAL => Some("LE"),
            both if both == GREATER | EQUAL => Some("GE"),
            _ => None,
        }
    }

    fn same(&self, other: &Self) -> bool {
        let what = |row: &Self| (row.comparison(), row.version.clone());
        self.name == other.name && what(self) == what(other)
    }
}

fn rows(header: &Header, names: u32, flags: u32, versions: u32) -> Vec<Row> {
    let (flags, versions) = (header.ints(flags), header.texts(versions));
    let row = |(at, name): (usize, &[u8])| Row {
        name: utf8(name),
        flags: flags.get(at).copied().unwrap_or(0),
        version: utf8(versions.get(at).copied().unwrap_or_default()),
    };
    header.texts(names).into_iter().enumerate().map(row).collect()
}

fn relations(
    xml: &mut Writer,
    element: &'static str,
    all: &[Row],
    header: &Header,
    files: &[Listed],
) {
    let requires = element == "rpm:requires";
    let provided = if requires {
        rows(header, tags::PROVIDENAME, tags::PROVIDEFLAGS, tags::PROVIDEVERSION)
    } else {
        Vec::new()
    };
    let is_own = |row: &Row| {
        let file = files.iter().any(|file| file.path == row.name);
        row.name.starts_with("rpmlib(")
            || (is_primary(&row.name) && row.name.starts_with('/') && file)
            || provided.iter().any(|there| {
                there.same(row) || (there.name == row.name && row.comparison().is_none())
            })
    };
    let mut seen: Vec<(&Row, bool)> = Vec::new();
    for row in all.iter().filter(|row| !requires || !is_own(row)) {
        let before = requires && row.flags & BEFORE != 0;
        if !seen.iter().any(|(there, when)| *when == before && there.same(row)) {
            seen.push((row, before));
        }
    }
    if seen.is_empty() {
        return;
    }
    xml.open(element, &[]);
    for (row, before) in seen {
        relation(xml, row, before);
    }
    xml.close();
}

fn relation(xml: &mut Writer, row: &Row, before: bool) {
    let (epoch, rest) = row.version.split_once(':').unwrap_or(("0", &row.version));
    let (version, release) = match rest.split_once('-') {
        Some((version, release)) => (version, Some(release)),
        None => (rest, None),
    };
    let mut attributes = vec![("name", row.name.as_str())];
    if let Some(flags) = row.comparison() {
        attributes.extend([("flags", flags), ("epoch", epoch), ("ver", version)]);
        attributes.extend(release.map(|release| ("rel", release)));
    }
    if before {
        attributes.push(("pre", "1"));
    }
    xml.empty("rpm:entry", &attributes);
}

fn filelists(entry: &Entry, files: &[Listed]) -> String {
    let mut xml = Writer::default();
    entry.open(&mut xml);
    for file in files {
        list(&mut xml, file);
    }
    xml.close();
    xml.finish()
}

/// The newest changes, oldest first; each has a time of its own, for clients sort by it.
fn other(entry: &Entry, header: &Header) -> String {
    let mut xml = Writer::default();
    entry.open(&mut xml);
    let (authors, texts) = (header.texts(tags::CHANGELOGNAME), header.texts(tags::CHANGELOGTEXT));
    let times = header.ints(tags::CHANGELOGTIME);
    let changes: Vec<_> = times.iter().zip(authors).zip(texts).take(MAX_CHANGES).collect();
    let mut last: Option<(u64, u64)> = None;
    for ((time, author), text) in changes.into_iter().rev() {
        let said = match last {
            Some((original, said)) if original == *time => said + 1,
            _ => *time,
        };
        last = Some((*time, said));
        let date = said.to_string();
        xml.text("changelog", &[("author", &utf8(author)), ("date", &date)], &utf8(text));
    }
    xml.close();
    xml.finish()
}
