//! dnf repositories: packages, and `repodata/` with three indexes and the signed `repomd.xml`.
//!
//! Format: what `createrepo_c` writes and libsolv reads; there is no specification. Decisions, and
//! what dnf does: docs/repositories.md.

mod client;
mod entry;
mod package;
mod plan;
mod read;
mod repomd;
mod report;
mod xml;

use std::{
    fs::{self, File},
    path::Path,
};

pub use entry::Entry;
pub use read::{elements, primary};
pub use repomd::{Data, Repomd};

use super::{
    Ask, Place, Published, Trust, digest, failed, packages,
    state::{Found, Lock, State},
    steps::Copy,
};
use crate::{
    diagnostic::{Diagnostic, Diagnostics},
    digest::Want,
    format::{
        report::{ReadError, Report},
        rpm,
    },
};

/// The word of the command line, and the name of its state.
const KIND: &str = "dnf";

/// What is asked for of a dnf repository alone.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// What dnf shows; else its name.
    pub title: Option<String>,
}

/// A package that is to be added.
struct New {
    entry: Entry,
    /// How it gets there; nothing for one that is there.
    copy: Option<Copy>,
    /// Its own name, and what it was.
    source: String,
    found: Found,
    /// Somebody signed it.
    signed: bool,
}

/// Creates a repository, or extends one.
pub fn publish(ask: &Ask<'_>, options: &Options) -> Result<Published, Diagnostics> {
    fs::create_dir_all(ask.dir).map_err(|error| failed("repo.unreadable", ask.dir, &error))?;
    let _lock = Lock::take(ask.dir)?;
    let mut state = State::load(ask.dir, KIND);
    let old = old(ask)?;
    let known = known(ask, old.as_ref(), &mut state)?;
    let new = added(ask, &state, &known)?;
    let mut next = plan::Next::new(ask, options, old.as_ref(), known, state);
    next.add(new)?;
    next.drop_old(ask.keep);
    next.publish()
}

/// The repository as it is. What is to be extended must be sound: a signature is not put under
/// what somebody else changed.
fn old(ask: &Ask<'_>) -> Result<Option<read::Repository>, Diagnostics> {
    let certificate = super::key::ours_or_old(ask)?;
    let signed = ask.dir.join("repodata/repomd.xml.asc").exists();
    let trust = match &certificate {
        Some(certificate) if signed => Trust::Key(certificate),
        _ => Trust::Nobody,
    };
    let Some(old) = read::repository(ask.dir, trust)? else { return Ok(None) };
    let mut found = Diagnostics::default();
    for problem in &old.problems {
        found.error(super::unsound(problem));
    }
    if found.is_ok() { Ok(Some(old)) } else { Err(found) }
}

/// The packages of the old indexes, looked at again only if they seem to have changed.
fn known(
    ask: &Ask<'_>,
    old: Option<&read::Repository>,
    state: &mut State,
) -> Result<Vec<Entry>, Diagnostics> {
    let Some(old) = old else { return Ok(Vec::new()) };
    let mut found = Diagnostics::default();
    let mut all = Vec::new();
    for entry in &old.entries {
        match look(ask, entry, old.foreign, state) {
            Ok(entry) => all.push(entry),
            Err(error) => found.error(error),
        }
    }
    if found.is_ok() { Ok(all) } else { Err(found) }
}

fn look(
    ask: &Ask<'_>,
    entry: &Entry,
    foreign: bool,
    state: &mut State,
) -> Result<Entry, Diagnostic> {
    let place = entry.place();
    let path = place.below(ask.dir);
    let unreadable = |error: &std::io::Error| failed("repo.unsound", &path, error);
    let there = fs::metadata(&path).map_err(|error| unreadable(&error))?;
    let changed = || {
        let text = format!("`{}` is not what the index says", path.display());
        Diagnostic::failed("repo.unsound", text)
    };
    let again = ask.fresh || foreign || entry.xml.iter().any(String::is_empty);
    if let (false, Some(sha256)) = (again, state.sha256(ask.dir, place)) {
        let same = there.len() == entry.len && sha256 == *entry.sha256();
        return if same { Ok(entry.clone()) } else { Err(changed()) };
    }
    let sha256 = digest(&path).map_err(|error| unreadable(&error))?;
    if (there.len(), sha256) != (entry.len, *entry.sha256()) {
        return Err(changed());
    }
    let modified = there.modified().map_err(|error| unreadable(&error))?;
    state.note(place, place.file_name(), &Found { len: entry.len, modified, sha256 });
    if again {
        return Ok(read_package(&path, Some(place.clone()))?.0);
    }
    Ok(entry.clone())
}

/// Reads the packages that are to be added, all mistakes at once.
fn added(ask: &Ask<'_>, state: &State, old: &[Entry]) -> Result<Vec<New>, Diagnostics> {
    let mut found = Diagnostics::default();
    let mut all = Vec::new();
    for path in packages(ask.files, "rpm")? {
        let known = if ask.fresh { None } else { published(&path, ask, state, old) };
        match known.map_or_else(|| read_new(&path), Ok) {
            Ok(new) => all.push(new),
            Err(error) => found.error(error),
        }
    }
    if found.is_ok() { Ok(all) } else { Err(found) }
}

/// A file that was published before, and did not change since.
fn published(path: &Path, ask: &Ask<'_>, state: &State, old: &[Entry]) -> Option<New> {
    let (place, sha256) = state.copied(ask.dir, path)?;
    let entry = old.iter().find(|entry| *entry.place() == place && *entry.sha256() == sha256)?;
    let modified = fs::metadata(path).ok()?.modified().ok()?;
    let source = path.file_name()?.to_str()?.to_owned();
    let found = Found { len: entry.len, modified, sha256 };
    Some(New { entry: entry.clone(), copy: None, source, found, signed: true })
}

fn read_new(path: &Path) -> Result<New, Diagnostic> {
    let unreadable = |error: &std::io::Error| {
        let text = format!("cannot read `{}`", path.display());
        Diagnostic::usage("repo.missing", text).caused_by(error)
    };
    let before = fs::metadata(path).map_err(|error| unreadable(&error))?;
    let modified = before.modified().map_err(|error| unreadable(&error))?;
    let (entry, signed) = read_package(path, None)?;
    let found = Found { len: entry.len, modified, sha256: *entry.sha256() };
    let source = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let (from, to) = (path.to_owned(), entry.place().clone());
    let copy = Copy { from, to, sha256: found.sha256, modified };
    Ok(New { entry, copy: Some(copy), source, found, signed })
}

/// The entry of a package and whether it is signed; one that rpm would refuse is not published.
fn read_package(path: &Path, place: Option<Place>) -> Result<(Entry, bool), Diagnostic> {
    let mut file = File::open(path).map_err(|error| {
        let text = format!("cannot read `{}`", path.display());
        Diagnostic::usage("repo.missing", text).caused_by(&error)
    })?;
    let unreadable = |error: &ReadError| {
        let text = format!("`{}` is no readable rpm", path.display());
        Diagnostic::failed("inspect.unreadable", text).caused_by(error)
    };
    let package = rpm::package::read(&mut file).map_err(|error| unreadable(&error))?;
    let bad =
        |why: &str| Diagnostic::failed("repo.package", format!("`{}`: {why}", path.display()));
    // a package that is there already was read when it came
    let report = match place {
        None => rpm::read::read(&mut file, Want::Md5Too).map_err(|error| unreadable(&error))?,
        Some(_) => Report::default(),
    };
    if let Some(problem) = package.problems.iter().chain(&report.problems).next() {
        return Err(bad(problem));
    }
    let entry = package::entry(&package, place).map_err(|why| bad(&why))?;
    Ok((entry, package::is_signed(&package)))
}

/// Reads the indexes and every package; see [`super::read`].
pub(super) fn read(dir: &Path, key: Option<&[u8]>) -> Result<Report, Diagnostic> {
    report::read(dir, key)
}
