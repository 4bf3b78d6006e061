//! Repositories: folders that any web server can serve, and in which apt and dnf find packages.
//!
//! Publishing is planned as a list of steps before a byte is written: packages first, then indexes
//! under new names, the signed top file last, by rename. A client sees the old repository or the
//! new one, never a mix, and a run that was killed leaves the old one. What formats look like, and
//! what clients do with them: docs/repositories.md.

pub mod apt;
pub mod dnf;
mod key;
mod pack;
mod place;
mod state;
mod steps;

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

pub use key::Trust;
pub use place::Place;

use crate::{
    codec::Codec, container::Tap, diagnostic::Diagnostic, digest::Sha256Digest,
    format::report::Report, sign::openpgp::Identity,
};

/// What is asked for, of any kind of repository.
#[derive(Clone)]
pub struct Ask<'a> {
    /// The folder.
    pub dir: &'a Path,
    /// Packages to add, or folders with packages.
    pub files: &'a [PathBuf],
    /// Who signs; `None` leaves the repository unsigned.
    pub signer: Option<&'a Identity>,
    /// Seconds since 1970, now.
    pub now: u64,
    /// `SOURCE_DATE_EPOCH`, which is taken for all dates.
    pub fixed: Option<u64>,
    /// What the repository is called on users' machines; else as before, or like a package.
    pub name: Option<String>,
    /// Where users will find the folder.
    pub url: Option<String>,
    /// How many versions of a package are kept; all by default.
    pub keep: Option<usize>,
    /// How indexes are packed.
    pub codecs: &'a [Codec],
    /// Read every package again, also those that look unchanged.
    pub fresh: bool,
    /// The key may be another one than before.
    pub new_key: bool,
    /// Ends the run before the step of this number, as if it were killed: for tests.
    pub stop: Option<usize>,
}

impl Ask<'_> {
    /// Where the folder is found: as a user told us, else on this machine.
    fn address(&self) -> String {
        let here = || {
            let path = fs::canonicalize(self.dir).unwrap_or_else(|_| self.dir.to_owned());
            let plain = |b: u8| b.is_ascii_graphic() && !b"%\"#?<>`{}|\\^'".contains(&b);
            let escape =
                |b: &u8| if plain(*b) { char::from(*b).to_string() } else { format!("%{b:02X}") };
            let bytes = std::os::unix::ffi::OsStrExt::as_bytes(path.as_os_str());
            format!("file://{}", bytes.iter().map(escape).collect::<String>())
        };
        self.url.as_ref().map_or_else(here, |url| url.trim_end_matches('/').to_owned())
    }

    /// When signatures are made.
    fn time(&self) -> u64 {
        self.fixed.unwrap_or(self.now)
    }
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Published {
    /// Packages that are new in the index: `hello 1.0 all`.
    pub added: Vec<String>,
    /// Packages that left the index.
    pub dropped: Vec<String>,
    /// Files that nobody names any more, and that were removed.
    pub removed: Vec<String>,
    /// How many packages there are now.
    pub packages: usize,
    /// Something in the repository is different from before.
    pub changed: bool,
    /// The repository's date, seconds since 1970.
    pub date: u64,
    /// Fingerprint of the key that signed.
    pub signed_by: Option<String>,
    /// What it is called on users' machines.
    pub name: String,
    /// What a user types.
    pub commands: String,
    /// The configuration for the user's machine: its file name and its text.
    pub client: (String, String),
    /// What is unusual, but allowed.
    pub warnings: Vec<Diagnostic>,
}

/// A repository that is in a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `dists/`.
    Apt,
    /// `repodata/`.
    Dnf,
}

impl Kind {
    /// The word of the command line.
    pub fn word(self) -> &'static str {
        match self {
            Self::Apt => "apt",
            Self::Dnf => "dnf",
        }
    }
}

/// Which repositories are in a folder.
pub fn recognise(dir: &Path) -> Vec<Kind> {
    let is_apt = apt::is_there(dir);
    let is_dnf = dir.join("repodata/repomd.xml").exists();
    [(Kind::Apt, is_apt), (Kind::Dnf, is_dnf)]
        .into_iter()
        .filter_map(|(kind, is)| is.then_some(kind))
        .collect()
}

/// Reads a repository: its top files, its indexes, every package's digest. What does not fit is a
/// problem of the report. Without a key the repository's own `key.asc` is taken, which shows that
/// nothing was damaged, not who made it.
pub fn read(kind: Kind, dir: &Path, key: Option<&[u8]>) -> Result<Report, Diagnostic> {
    match kind {
        Kind::Apt => apt::read(dir, key),
        Kind::Dnf => dnf::read(dir, key),
    }
}

/// An error about a file.
fn failed(code: &'static str, path: &Path, error: &io::Error) -> Diagnostic {
    let text = format!("cannot read `{}`", path.display());
    Diagnostic::failed(code, text).caused_by(error)
}

/// A version that was published is published again, with another content.
fn conflict(text: String) -> Diagnostic {
    let hint = "a published version never changes; raise the version or `package.release`";
    Diagnostic::failed("repo.conflict", text).hint(hint)
}

/// Whether a version that is listed as `there` has the content it is published with now; another
/// content is an error: clients keep what they have.
fn same_version(id: &str, there: &Sha256Digest, now: &Sha256Digest) -> Result<(), Diagnostic> {
    if there == now {
        return Ok(());
    }
    Err(conflict(format!("{id} is in the repository already, with another content")))
}

/// Whether a file may be put at a path: there is none, or one with the same content, whose digest may
/// be known.
fn may_be_at(
    path: &Path,
    known: Option<Sha256Digest>,
    now: &Sha256Digest,
) -> Result<(), Diagnostic> {
    let there = match known {
        Some(known) => known,
        None if !path.exists() => return Ok(()),
        None => digest(path).map_err(|error| failed("repo.unreadable", path, &error))?,
    };
    if there == *now {
        return Ok(());
    }
    Err(conflict(format!("`{}` is there already, with another content", path.display())))
}

/// The newest `keep` entries of each group, and those that go; both from the newest on.
fn newest<T, K: Ord>(
    from_the_oldest: Vec<T>,
    keep: usize,
    group: impl Fn(&T) -> K,
) -> (Vec<T>, Vec<T>) {
    let mut seen: BTreeMap<K, usize> = BTreeMap::new();
    from_the_oldest.into_iter().rev().partition(|entry| {
        let count = seen.entry(group(entry)).or_default();
        *count += 1;
        *count <= keep
    })
}

/// What is there is not what was signed, or not whole.
fn unsound(problem: &str) -> Diagnostic {
    let text = format!("the repository is not sound: {problem}");
    let hint = "`pkggen verify DIR` lists all that is wrong; restore it from a good copy";
    Diagnostic::failed("repo.unsound", text).hint(hint)
}

/// Files as they are, and the packages of folders, sorted.
fn packages(files: &[PathBuf], ending: &str) -> Result<Vec<PathBuf>, Diagnostic> {
    let mut all = Vec::new();
    for file in files {
        if !file.is_dir() {
            all.push(file.clone());
            continue;
        }
        let unreadable = |error: &io::Error| failed("repo.unreadable", file, error);
        let mut found = Vec::new();
        for entry in fs::read_dir(file).map_err(|error| unreadable(&error))? {
            let path = entry.map_err(|error| unreadable(&error))?.path();
            if path.is_file() && path.extension().is_some_and(|it| it == ending) {
                found.push(path);
            }
        }
        if found.is_empty() {
            let text = format!("`{}` has no .{ending} files", file.display());
            return Err(Diagnostic::usage("repo.empty", text));
        }
        found.sort();
        all.extend(found);
    }
    Ok(all)
}

/// Compares a package with what an index says of it. The inner error is what differs.
fn check_file(
    dir: &Path,
    place: &Place,
    len: u64,
    sha256: &Sha256Digest,
) -> Result<Result<(), String>, Diagnostic> {
    let path = place.below(dir);
    let found = match fs::metadata(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Ok(Err("it is not there".into()));
        }
        found => found.map_err(|error| failed("repo.unreadable", &path, &error))?.len(),
    };
    if found != len {
        return Ok(Err(format!("it has {found} bytes, not {len}")));
    }
    let found = digest(&path).map_err(|error| failed("repo.unreadable", &path, &error))?;
    if found != *sha256 {
        return Ok(Err(format!("its SHA-256 is {found}, not {sha256}")));
    }
    Ok(Ok(()))
}

/// SHA-256 of a file of any length.
fn digest(path: &Path) -> io::Result<Sha256Digest> {
    let (_, sha256) = Tap::new(File::open(path)?).finish()?;
    Ok(sha256)
}
