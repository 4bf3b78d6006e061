//! `pkggen.lock`: what the sources of a manifest were when they were first seen.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
    process,
};

use super::{Pin, PinKind};
use crate::{
    diagnostic::{Diagnostic, Diagnostics, Place},
    digest::{Digest, Sha256Digest},
    manifest::{self, Spanned},
    table,
};

/// The name of the file, beside the manifest.
pub const LOCK_NAME: &str = "pkggen.lock";

/// The version of its form.
const VERSION: u32 = 1;

const HEAD: &str = "\
# What the sources of the manifest were when pkggen first saw them. Commit this file.
# `pkggen build` adds what is new; `pkggen check --update-lock` accepts what has changed.
version = 1
";

table! {
    /// The lock file.
    pub struct LockTable {
        /// The version of its form.
        version: u32,
        /// What is pinned.
        pin: Vec<Spanned<PinTable>>,
    }
}

table! {
    /// Pinned content.
    pub struct PinTable {
        /// The source as it is written in the manifest, with the file in it if there are several.
        source: Spanned<String>,
        /// What kind of source.
        kind: Spanned<String>,
        /// Its digest.
        sha256: Spanned<String>,
        /// Its length in bytes.
        size: u64,
    }
}

/// What content is found by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    source: String,
    kind: PinKind,
}

/// What content was.
#[derive(Clone, Debug, PartialEq)]
pub struct Locked {
    /// Its digest.
    pub sha256: Sha256Digest,
    /// Its length in bytes.
    pub size: u64,
    /// Where the lock says so.
    place: Option<Place>,
}

/// What was seen of one source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The source as the lock calls it.
    pub source: String,
    /// What kind of source.
    pub kind: PinKind,
    /// Its digest now.
    pub sha256: Sha256Digest,
    /// Its length now, in bytes.
    pub size: u64,
}

/// How a lock and what is there now differ.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// Sources that the lock did not have.
    pub added: Vec<Seen>,
    /// Sources that it had with another content.
    pub changed: Vec<Seen>,
}

impl Change {
    /// Whether the lock stays as it is.
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.changed.is_empty()
    }

    /// Takes over another one; what both have is there once.
    pub fn append(&mut self, other: Self) {
        for (to, from) in [(&mut self.added, other.added), (&mut self.changed, other.changed)] {
            for seen in from {
                if !to.contains(&seen) {
                    to.push(seen);
                }
            }
        }
    }
}

/// What may become of a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// Nothing: `--locked`.
    Keep,
    /// New sources are added.
    Add,
    /// Changed ones are accepted, too: `--update-lock`.
    Accept,
}

/// A lock file as it was read.
#[derive(Clone, Debug)]
pub struct Lock {
    path: PathBuf,
    /// As the user calls it.
    shown: String,
    pins: BTreeMap<Key, Locked>,
}

impl Lock {
    /// One that nothing is in and that is nowhere.
    pub fn none() -> Self {
        Self { path: PathBuf::new(), shown: LOCK_NAME.into(), pins: BTreeMap::new() }
    }

    /// The lock beside the manifest in a folder; there may be none yet.
    pub fn read(dir: &Path) -> Result<Self, Diagnostics> {
        let path = dir.join(LOCK_NAME);
        let shown = path.strip_prefix("./").unwrap_or(&path).display().to_string();
        let mut lock = Self { path, shown, pins: BTreeMap::new() };
        let bytes = match fs::read(&lock.path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(lock),
            Err(error) => {
                let text = format!("cannot read `{}`", lock.shown);
                return Err(Diagnostic::usage("lock.unreadable", text).caused_by(&error).into());
            }
        };
        let table: LockTable = manifest::decode(&manifest::read(&lock.shown, bytes)?)?;
        if table.version != VERSION {
            let text = format!(
                "`{}` has version {}, and this version of pkggen reads {VERSION}",
                lock.shown, table.version
            );
            return Err(Diagnostic::cannot("lock.version", text).into());
        }
        let mut found = Diagnostics::default();
        for pin in &table.pin {
            match row(pin) {
                Ok((key, locked)) => lock.add(key, locked, &mut found),
                Err(error) => found.error(error),
            }
        }
        if found.is_ok() { Ok(lock) } else { Err(found) }
    }

    fn add(&mut self, key: Key, locked: Locked, found: &mut Diagnostics) {
        let (source, place) = (key.source.clone(), locked.place.clone());
        if self.pins.insert(key, locked).is_some() {
            let text = format!("`{source}` is pinned twice");
            let hint = "delete the one that is not true";
            found.error(Diagnostic::usage("lock.twice", text).at(place).hint(hint));
        }
    }

    /// What a source was.
    pub fn get(&self, source: &str, kind: PinKind) -> Option<&Locked> {
        self.pins.get(&Key { source: source.to_owned(), kind })
    }

    /// Compares what was read with what is pinned, all at once.
    pub fn compare(&self, pins: &[Pin], rule: Rule) -> Result<Change, Diagnostics> {
        let (mut change, mut found) = (Change::default(), Diagnostics::default());
        for pin in pins {
            if let Err(error) = pin.check() {
                found.error(error);
                continue;
            }
            let now = Seen::of(pin);
            match self.get(&pin.source, pin.kind) {
                Some(was) if was.sha256 == now.sha256 => {}
                Some(_) if rule == Rule::Accept => change.changed.push(now),
                Some(was) => found.error(changed(was, &now, pin)),
                None if rule == Rule::Keep => found.error(self.missing(pin)),
                None => change.added.push(now),
            }
        }
        let mut once = Change::default();
        once.append(change);
        if found.is_ok() { Ok(once) } else { Err(found) }
    }

    fn missing(&self, pin: &Pin) -> Diagnostic {
        missing(&self.shown, &pin.source).at(pin.place.clone())
    }

    /// Writes what has changed: the whole file or nothing.
    pub fn write(&mut self, change: &Change) -> io::Result<()> {
        if change.is_empty() {
            return Ok(());
        }
        for Seen { source, kind, sha256, size } in change.added.iter().chain(&change.changed) {
            let key = Key { source: source.clone(), kind: *kind };
            self.pins.insert(key, Locked { sha256: *sha256, size: *size, place: None });
        }
        let draft = self.path.with_file_name(format!(".{LOCK_NAME}.{}", process::id()));
        let written = File::create(&draft)
            .and_then(|mut file| {
                file.write_all(self.to_string().as_bytes()).and_then(|()| file.sync_all())
            })
            .and_then(|()| fs::rename(&draft, &self.path));
        if written.is_err() {
            // What stopped the write is the error to report.
            let _ = fs::remove_file(&draft);
        }
        written
    }

    /// As the user calls it.
    pub fn shown(&self) -> &str {
        &self.shown
    }
}

impl std::fmt::Display for Lock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(HEAD)?;
        for (Key { source, kind }, Locked { sha256, size, .. }) in &self.pins {
            write!(f, "\n[[pin]]\nsource = {}\nkind = \"{}\"\n", quoted(source), kind.word())?;
            write!(f, "sha256 = \"{sha256}\"\nsize = {size}\n")?;
        }
        Ok(())
    }
}

impl Seen {
    fn of(pin: &Pin) -> Self {
        let Pin { blob, source, kind, .. } = pin;
        let sha256 = blob.digests().sha256;
        Self { source: source.clone(), kind: *kind, sha256, size: blob.len() }
    }
}

/// A source that is not what it was.
fn changed(was: &Locked, now: &Seen, pin: &Pin) -> Diagnostic {
    let Seen { source, sha256, size, .. } = now;
    let text = format!(
        "`{source}` has SHA-256 {sha256} ({size} bytes) now; {LOCK_NAME} has {} ({} bytes)",
        was.sha256, was.size
    );
    let error = Diagnostic::usage("lock.changed", text).at(pin.place.clone());
    let error = match &was.place {
        Some(place) => error.label(format!("pinned at {place}")),
        None => error,
    };
    error.hint("`pkggen check --update-lock` accepts what is there now")
}

/// `--locked`, and a source that the lock does not have.
pub(super) fn missing(lock: &str, source: &str) -> Diagnostic {
    let text = format!("`{source}` is not in `{lock}`, and `--locked` allows no addition");
    let hint = "`pkggen build` without `--locked` adds it";
    Diagnostic::usage("lock.missing", text).hint(hint)
}

fn row(pin: &Spanned<PinTable>) -> Result<(Key, Locked), Diagnostic> {
    let PinTable { source, kind, sha256, size } = &pin.value;
    let known = PinKind::ALL.into_iter().find(|known| known.word() == kind.value);
    let known = known.ok_or_else(|| {
        let words: Vec<_> = PinKind::ALL.iter().map(|kind| kind.word()).collect();
        Diagnostic::usage("lock.kind", format!("`{}` is no kind of source", kind.value))
            .at(kind.place.clone())
            .hint(format!("it can be {}", manifest::either(&words)))
    })?;
    let digest = Digest::parse(&sha256.value).ok_or_else(|| {
        let text = format!("`{}` is no SHA-256: 64 hex digits", sha256.value);
        Diagnostic::usage("lock.sha256", text).at(sha256.place.clone())
    })?;
    let key = Key { source: source.value.clone(), kind: known };
    Ok((key, Locked { sha256: digest, size: *size, place: pin.place.clone() }))
}

/// A basic string of TOML.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => {
                let _ = write!(quoted, "\\u{:04X}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
#[path = "lock_tests.rs"]
mod tests;
