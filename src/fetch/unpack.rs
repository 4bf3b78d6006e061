//! Archives, unpacked once.
//!
//! A member's content is a file with a number for a name, so that no name of an archive is ever
//! opened; links and empty folders are in the list alone.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    fs::{self, File, Metadata},
    io::{self, Read, Write},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{
    FetchError, Fetcher, Inner, RESERVE,
    archive::{Header, Kind, Members, Names, Refusal, Told},
    download::hash,
    free_space,
    prune::{NEW, prune, used},
    unique,
};
use crate::{
    container::ReadError,
    digest::{Digest, Sha256Digest, Want},
    payload::{self, Bench, Blob},
};

/// How many bytes tell what a file is.
const HEAD: u64 = 512;

/// A member of an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its path in the archive.
    pub path: String,
    /// What it is.
    pub kind: MemberKind,
}

/// What a member is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // the words say it
pub enum MemberKind {
    EmptyDir,
    File { file: PathBuf, executable: bool },
    Symlink(String),
}

/// The list of an unpacked archive: its version, and the members in the order of the archive.
#[derive(Debug, Serialize, Deserialize)]
struct List {
    version: u32,
    members: Vec<Row>,
}

/// The version of the list and of what is taken for a member.
const VERSION: u32 = 1;

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Row {
    path: String,
    #[serde(flatten)]
    kind: RowKind,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum RowKind {
    Dir,
    Link(String),
    File(Content),
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Content {
    number: usize,
    executable: bool,
    len: u64,
    sha256: String,
    mtime: (i64, i64),
}

impl Fetcher {
    /// The members of an archive, sorted by path, from the cache if they are there as they were
    /// unpacked. `shown` is what the user calls the archive.
    pub fn unpack(&self, archive: &Blob, shown: &str) -> Result<Vec<Member>, FetchError> {
        let path = archive.path().expect("archives are files");
        let kind = kind(path, shown)?;
        let sha256 = self.digest(archive)?;
        let all = self.0.dir.join("unpacked");
        let dir = all.join(sha256.to_string());
        if let Some(list) = self.known(&dir) {
            used(&dir.join("used"));
            return Ok(members(list, &dir));
        }
        let new = all.join(unique(NEW));
        fs::create_dir_all(&new).map_err(FetchError::cache(&new))?;
        prune(&self.0.dir);
        let unpacked = self.fill(path, archive.len(), kind, shown, &new);
        let kept = unpacked.and_then(|list| {
            let text = serde_json::to_string(&list).unwrap_or_default();
            let file = new.join("list");
            fs::write(&file, text).map_err(FetchError::cache(&file))?;
            used(&new.join("used"));
            // What is there is damaged, or another run was faster: then ours is as good.
            let _ = fs::remove_dir_all(&dir);
            fs::rename(&new, &dir).map_err(FetchError::cache(&dir))?;
            Ok(list)
        });
        if kept.is_err() {
            let _ = fs::remove_dir_all(&new);
        }
        Ok(members(kept?, &dir))
    }

    /// SHA-256 of a file, remembered as that of a payload.
    fn digest(&self, archive: &Blob) -> Result<Sha256Digest, FetchError> {
        if archive.facts().is_none() {
            let Inner { dir, threads, progress, fresh, .. } = &*self.0;
            let mut bench = Bench::new(*threads, dir, dir, progress.clone())?;
            bench.fresh = *fresh;
            let none = BTreeSet::new();
            payload::ingest(std::slice::from_ref(archive), &none, Want::Sha256, &bench)?;
        }
        Ok(archive.digests().sha256)
    }

    /// The list of a folder whose files are as they were unpacked.
    fn known(&self, dir: &Path) -> Option<List> {
        let list: List = serde_json::from_str(&fs::read_to_string(dir.join("list")).ok()?).ok()?;
        let whole = list.members.iter().all(|row| match &row.kind {
            RowKind::File(content) => self.is_whole(dir, content),
            _ => true,
        });
        (list.version == VERSION && whole).then_some(list)
    }

    fn is_whole(&self, dir: &Path, content: &Content) -> bool {
        let path = numbered(dir, content.number);
        let Ok(metadata) = path.metadata() else { return false };
        if metadata.len() != content.len {
            return false;
        }
        if mtime(&metadata) == content.mtime && !self.0.fresh {
            return true;
        }
        let mut sha256 = Sha256::new();
        let hashed = File::open(&path).and_then(|mut file| hash(&mut file, &mut sha256));
        let sha256: Sha256Digest = Digest(sha256.finalize().into());
        hashed.is_ok() && sha256.to_string() == content.sha256
    }

    fn fill(
        &self,
        archive: &Path,
        len: u64,
        kind: Kind,
        shown: &str,
        dir: &Path,
    ) -> Result<List, FetchError> {
        let progress = &self.0.progress;
        let file = File::open(archive).map_err(payload::Error::unreadable(archive))?;
        let told = |bytes| progress.advance(bytes);
        progress.start(&format!("unpacking {}", shown.rsplit('/').next().unwrap_or(shown)), len);
        let mut filling = Filling { dir, shown, rows: Vec::new(), contents: HashMap::new() };
        let filled = filling.all(Told { inner: file, told: &told }, kind);
        progress.finish();
        filled?;
        Ok(List { version: VERSION, members: filling.rows })
    }
}

/// A folder while it is filled.
struct Filling<'a> {
    dir: &'a Path,
    shown: &'a str,
    rows: Vec<Row>,
    /// Files by path, for hard links.
    contents: HashMap<String, Content>,
}

impl Filling<'_> {
    fn all(&mut self, file: Told<'_, File>, kind: Kind) -> Result<(), FetchError> {
        let damaged = |source| FetchError::Damaged { archive: self.shown.to_owned(), source };
        let mut members = Members::new(file, kind).map_err(damaged)?;
        let mut names = Names::default();
        loop {
            let next = members.next(&mut names).map_err(|refusal| self.refused(refusal))?;
            let Some((path, header)) = next else { return Ok(()) };
            let kind = match header {
                Header::Dir => RowKind::Dir,
                Header::Symlink(target) => RowKind::Link(target),
                Header::Hardlink(earlier) => {
                    let content = self.contents.get(&earlier).expect("names know only files");
                    RowKind::File(content.clone())
                }
                Header::File { len, executable } => {
                    RowKind::File(self.file(&path, &mut members, len, executable)?)
                }
            };
            if let RowKind::File(content) = &kind {
                self.contents.insert(path.clone(), content.clone());
            }
            self.rows.push(Row { path, kind });
        }
    }

    fn refused(&self, refusal: Refusal) -> FetchError {
        let archive = self.shown.to_owned();
        match refusal {
            Refusal::Damaged(source) => FetchError::Damaged { archive, source },
            Refusal::Member { name, why } => FetchError::Member { archive, member: name, why },
        }
    }

    fn file(
        &self,
        member: &str,
        content: &mut dyn Read,
        len: u64,
        executable: bool,
    ) -> Result<Content, FetchError> {
        self.check_space(member, len)?;
        let number = self.contents.len();
        let path = numbered(self.dir, number);
        let mut out = File::create_new(&path).map_err(FetchError::cache(&path))?;
        let (mut buffer, mut sha256, mut written) = (vec![0; 256 << 10], Sha256::new(), 0);
        loop {
            let count = match content.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(self.refused(ReadError::from(error).into())),
            };
            sha256.update(&buffer[..count]);
            out.write_all(&buffer[..count]).map_err(FetchError::cache(&path))?;
            written += count as u64;
        }
        assert_eq!(written, len, "the readers give what the header says");
        let metadata = out.metadata().map_err(FetchError::cache(&path))?;
        let sha256: Sha256Digest = Digest(sha256.finalize().into());
        let (sha256, mtime) = (sha256.to_string(), mtime(&metadata));
        Ok(Content { number, executable, len, sha256, mtime })
    }

    /// What a member says it needs must be there before it is unpacked.
    fn check_space(&self, member: &str, len: u64) -> Result<(), FetchError> {
        match free_space(self.dir) {
            Some(free) if free < len.saturating_add(RESERVE) => Err(FetchError::Space {
                dir: self.dir.to_owned(),
                what: format!("`{member}` in `{}`", self.shown),
                free,
                needed: len,
            }),
            _ => Ok(()),
        }
    }
}

fn kind(path: &Path, shown: &str) -> Result<Kind, FetchError> {
    let mut head = Vec::new();
    let file = File::open(path).map_err(payload::Error::unreadable(path))?;
    file.take(HEAD).read_to_end(&mut head).map_err(payload::Error::unreadable(path))?;
    Kind::of(&head)
        .map_err(|what| FetchError::NoArchive { archive: shown.to_owned(), what: what.to_owned() })
}

fn numbered(dir: &Path, number: usize) -> PathBuf {
    dir.join(number.to_string())
}

fn mtime(metadata: &Metadata) -> (i64, i64) {
    (metadata.mtime(), metadata.mtime_nsec())
}

/// What a package holds of an archive: folders only where nothing is in them.
fn members(list: List, dir: &Path) -> Vec<Member> {
    let mut filled = HashSet::new();
    for row in &list.members {
        filled.extend(row.path.match_indices('/').map(|(at, _)| row.path[..at].to_owned()));
    }
    let mut seen = HashSet::new();
    let mut members: Vec<_> = list
        .members
        .into_iter()
        .filter(|row| !matches!(row.kind, RowKind::Dir) || !filled.contains(&row.path))
        .filter(|row| seen.insert(row.path.clone()))
        .map(|row| {
            let kind = match row.kind {
                RowKind::Dir => MemberKind::EmptyDir,
                RowKind::Link(target) => MemberKind::Symlink(target),
                RowKind::File(Content { number, executable, .. }) => {
                    MemberKind::File { file: numbered(dir, number), executable }
                }
            };
            Member { path: row.path, kind }
        })
        .collect();
    members.sort_by(|a, b| a.path.split('/').cmp(b.path.split('/')));
    members
}

#[cfg(test)]
#[path = "unpack_tests.rs"]
mod tests;
