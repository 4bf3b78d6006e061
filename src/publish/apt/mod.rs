//! apt repositories: `pool/` with packages, `dists/SUITE/` with indexes and the signed `InRelease`.
//!
//! Format: <https://wiki.debian.org/DebianRepository/Format>, sources.list(5), apt-secure(8).
//! Decisions, and what apt does: docs/repositories.md.

mod client;
mod entry;
mod paragraph;
mod plan;
mod read;
mod release;
mod report;

use std::{
    collections::BTreeMap,
    fs::{self, File},
    path::Path,
};

pub use entry::Entry;
pub use paragraph::{Paragraph, parse};
pub use release::{Listed, Release};

use super::{
    Ask, Place, Published, Trust, digest, failed, packages,
    place::is_word,
    state::{Found, Lock, State},
    steps::{Copy, Steps},
};
use crate::{
    diagnostic::{Diagnostic, Diagnostics},
    digest::Want,
    format::{deb, report::Report},
};

/// The word of the command line, and the name of its state.
const KIND: &str = "apt";

/// What is asked for of an apt repository alone.
#[derive(Clone, Debug)]
pub struct Options {
    /// The suite that is changed.
    pub suite: String,
    /// The component that packages are added to.
    pub component: String,
    /// Architectures to make indexes for, besides those that packages name.
    pub architectures: Vec<String>,
    /// Who the repository is of; else as before, or its name.
    pub origin: Option<String>,
    /// Who a new repository is of.
    pub new_origin: Option<String>,
    /// What apt shows; else as before, or the origin.
    pub label: Option<String>,
    /// How many generations of indexes are kept.
    pub generations: usize,
    /// The suite is not installed from unless it is asked for.
    pub not_automatic: bool,
    /// The suite is refused this many days after it was published.
    pub valid_days: Option<u64>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            suite: "stable".into(),
            component: "main".into(),
            architectures: Vec::new(),
            origin: None,
            new_origin: None,
            label: None,
            generations: 3,
            not_automatic: false,
            valid_days: None,
        }
    }
}

/// Whether a folder holds an apt repository.
pub(super) fn is_there(dir: &Path) -> bool {
    read::suites(dir).is_ok_and(|suites| !suites.is_empty())
}

/// A package that is to be added.
struct New {
    entry: Entry,
    /// How it gets there; nothing for one that is there.
    copy: Option<Copy>,
    /// Its own name, and what it was.
    source: String,
    found: Found,
    /// When it was made, seconds since 1970.
    time: u64,
}

/// Creates a repository, or extends one.
pub fn publish(ask: &Ask<'_>, options: &Options) -> Result<Published, Diagnostics> {
    check(options)?;
    fs::create_dir_all(ask.dir).map_err(|error| failed("repo.unreadable", ask.dir, &error))?;
    let _lock = Lock::take(ask.dir)?;
    let state = State::load(ask.dir, KIND);
    let old = old(ask, options, &state)?;
    let new = added(ask, options, &state, &old)?;
    let known = unchanged(ask, &old, &state)?;
    let mut next = plan::Next::new(ask, options, &old, state);
    next.known(known);
    next.add(new)?;
    next.drop_old(ask.keep);
    next.plan()?.carry_out(ask)
}

/// Names that become folders.
fn check(options: &Options) -> Result<(), Diagnostics> {
    let mut found = Diagnostics::default();
    let words = [("suite", &options.suite), ("component", &options.component)];
    let architectures = options.architectures.iter().map(|word| ("architecture", word));
    for (what, word) in words.into_iter().chain(architectures) {
        if !is_word(word) {
            let text = format!("`{}` is no name of a {what}", word.escape_debug());
            found.error(Diagnostic::usage("repo.word", text).hint("letters, digits, + - . _ ~"));
        }
    }
    if found.is_ok() { Ok(()) } else { Err(found) }
}

/// The suites as they are. What is to be extended must be sound: a signature is not put under what
/// somebody else changed.
fn old(ask: &Ask<'_>, options: &Options, state: &State) -> Result<Vec<read::Suite>, Diagnostics> {
    let certificate = super::key::ours_or_old(ask)?;
    let mut all = Vec::new();
    let mut found = Diagnostics::default();
    for name in read::suites(ask.dir)? {
        let ours = name == options.suite;
        let signed = ask.dir.join("dists").join(&name).join("InRelease").exists();
        let trust = match &certificate {
            Some(certificate) if ours && signed => Trust::Key(certificate),
            _ => Trust::Nobody,
        };
        let Some(suite) = read::suite(ask.dir, &name, trust, &state.pending)? else { continue };
        for problem in &suite.problems {
            found.error(super::unsound(problem));
        }
        all.push(suite);
    }
    if found.is_ok() { Ok(all) } else { Err(found) }
}

/// Reads the packages that are to be added, all mistakes at once.
fn added(
    ask: &Ask<'_>,
    options: &Options,
    state: &State,
    old: &[read::Suite],
) -> Result<Vec<New>, Diagnostics> {
    let mut found = Diagnostics::default();
    let mut all = Vec::new();
    for path in packages(ask.files, "deb")? {
        let known = if ask.fresh { None } else { known(&path, ask, state, old) };
        match known.map_or_else(|| read_new(&path, options), Ok) {
            Ok(new) => all.push(new),
            Err(errors) => found.append(errors),
        }
    }
    if found.is_ok() { Ok(all) } else { Err(found) }
}

/// A file that was published before, and did not change since.
fn known(path: &Path, ask: &Ask<'_>, state: &State, old: &[read::Suite]) -> Option<New> {
    let (place, sha256) = state.copied(ask.dir, path)?;
    let mut entries = old.iter().flat_map(|suite| suite.indexes.values().flatten());
    let entry = entries.find(|entry| entry.path == place && entry.sha256 == sha256)?.clone();
    let modified = fs::metadata(path).ok()?.modified().ok()?;
    let source = path.file_name()?.to_str()?.to_owned();
    let found = Found { len: entry.len, modified, sha256 };
    Some(New { entry, copy: None, source, found, time: 0 })
}

fn read_new(path: &Path, options: &Options) -> Result<New, Diagnostics> {
    let unreadable = |error: &std::io::Error| {
        let text = format!("cannot read `{}`", path.display());
        Diagnostic::usage("repo.missing", text).caused_by(error)
    };
    let before = fs::metadata(path).map_err(|error| unreadable(&error))?;
    let modified = before.modified().map_err(|error| unreadable(&error))?;
    let mut file = File::open(path).map_err(|error| unreadable(&error))?;
    let report = deb::read::read(&mut file, Want::Md5Too).map_err(|error| {
        let text = format!("`{}` is no readable deb", path.display());
        Diagnostic::failed("inspect.unreadable", text).caused_by(&error)
    })?;
    sound(path, &report)?;
    let sha256 = report.sha256.expect("a package that was read to its end has a digest");
    let entry =
        Entry::new(&report.fields, &options.component, report.len, sha256).map_err(|why| {
            Diagnostic::failed("repo.package", format!("`{}`: {why}", path.display()))
        })?;
    let found = Found { len: report.len, modified, sha256 };
    let source = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let time = report.entries.iter().filter_map(|entry| u64::try_from(entry.mtime).ok()).max();
    let copy = Copy { from: path.to_owned(), to: entry.path.clone(), sha256, modified };
    Ok(New { entry, copy: Some(copy), source, found, time: time.unwrap_or(0) })
}

/// A package that dpkg would refuse is not published.
fn sound(path: &Path, report: &Report) -> Result<(), Diagnostics> {
    let mut found = Diagnostics::default();
    for problem in &report.problems {
        let text = format!("`{}`: {problem}", path.display());
        found.error(Diagnostic::failed("repo.package", text));
    }
    if found.is_ok() { Ok(()) } else { Err(found) }
}

/// The packages of the old indexes with their digests, looked at again only if they seem to have
/// changed.
fn unchanged(
    ask: &Ask<'_>,
    old: &[read::Suite],
    state: &State,
) -> Result<BTreeMap<Place, Found>, Diagnostics> {
    let mut found = Diagnostics::default();
    let mut known = BTreeMap::new();
    for entry in old.iter().flat_map(|suite| suite.indexes.values().flatten()) {
        if known.contains_key(&entry.path) {
            continue;
        }
        match look(ask, entry, state) {
            Ok(there) => drop(known.insert(entry.path.clone(), there)),
            Err(error) => found.error(error),
        }
    }
    if found.is_ok() { Ok(known) } else { Err(found) }
}

fn look(ask: &Ask<'_>, entry: &Entry, state: &State) -> Result<Found, Diagnostic> {
    let path = entry.path.below(ask.dir);
    let unreadable = |error: &std::io::Error| failed("repo.unsound", &path, error);
    let there = fs::metadata(&path).map_err(|error| unreadable(&error))?;
    let modified = there.modified().map_err(|error| unreadable(&error))?;
    let known = if ask.fresh { None } else { state.sha256(ask.dir, &entry.path) };
    let sha256 = match known {
        Some(sha256) => sha256,
        None => digest(&path).map_err(|error| unreadable(&error))?,
    };
    if (there.len(), sha256) != (entry.len, entry.sha256) {
        let text = format!("`{}` is not what the index says", path.display());
        return Err(Diagnostic::failed("repo.unsound", text));
    }
    Ok(Found { len: entry.len, modified, sha256 })
}

/// Reads all suites and every package; see [`super::read`].
pub(super) fn read(dir: &Path, key: Option<&[u8]>) -> Result<Report, Diagnostic> {
    report::read(dir, key)
}

/// What a plan needs to be carried out.
struct Planned {
    /// Packages and their state, before anything refers to them.
    before: Steps,
    /// Everything that follows.
    after: Steps,
    published: Published,
}

impl Planned {
    fn carry_out(self, ask: &Ask<'_>) -> Result<Published, Diagnostics> {
        let mut stop = ask.stop;
        self.before.carry_out(ask.dir, &mut stop)?;
        self.after.carry_out(ask.dir, &mut stop)?;
        Ok(self.published)
    }
}
