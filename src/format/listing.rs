//! Entries of a tar as a report lists them, with the rules that all readers share.

use std::{
    collections::{BTreeSet, HashMap},
    io::{ErrorKind, Read},
    sync::Arc,
};

use super::report::{ReadEntry, ReadKind, clean, escape};
use crate::{
    container::{
        ReadError,
        tar::{Entry, EntryType},
    },
    digest::{Hashes, Lanes, Want},
    tree::Text,
};

/// Most entries of one archive.
const MAX_ENTRIES: u64 = 1 << 20;

/// Most bytes of all names and link targets together.
const MAX_NAMES: u64 = 256 << 20;

/// Most problems that are listed; the rest is counted.
const MAX_PROBLEMS: usize = 200;

/// Problems of one artifact; a hostile one may have millions.
#[derive(Clone, Debug, Default)]
pub(crate) struct Problems {
    list: Vec<String>,
    more: u64,
}

impl Problems {
    /// Adds one.
    pub(crate) fn push(&mut self, problem: impl Into<String>) {
        if self.list.len() < MAX_PROBLEMS {
            self.list.push(problem.into());
        } else {
            self.more += 1;
        }
    }

    /// Adds all of a part of the artifact, which is named in front.
    pub(crate) fn extend(&mut self, part: &str, problems: impl IntoIterator<Item = String>) {
        for problem in problems {
            self.push(format!("{part}: {problem}"));
        }
    }

    /// The list; its last line says how many are left out.
    pub(crate) fn finish(mut self) -> Vec<String> {
        if self.more > 0 {
            self.list.push(format!("{} more problems", self.more));
        }
        self.list
    }
}

/// Collects entries and what is wrong with their paths.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    /// In the archive's order.
    pub(crate) entries: Vec<ReadEntry>,
    /// What is wrong with them.
    pub(crate) problems: Problems,
    /// Where each path is in `entries`.
    seen: HashMap<Arc<[u8]>, u32>,
    /// Owners and groups, one copy of each.
    accounts: BTreeSet<Text>,
    /// Bytes of all names.
    names: u64,
}

impl Listing {
    /// Adds an entry of a tar with its content, which only a file has.
    pub(crate) fn tar(&mut self, entry: &Entry, content: ReadKind) -> Result<(), ReadError> {
        let link = || escape(&entry.link).into_owned();
        let kind = match entry.kind {
            EntryType::File => content,
            EntryType::Dir => ReadKind::Dir,
            EntryType::Fifo => ReadKind::Fifo,
            EntryType::Symlink => ReadKind::Symlink { target: link() },
            EntryType::Hardlink => ReadKind::Hardlink { target: clean(&entry.link) },
            EntryType::CharDevice | EntryType::BlockDevice => ReadKind::Device {
                block: entry.kind == EntryType::BlockDevice,
                major: entry.device.0,
                minor: entry.device.1,
            },
        };
        if entry.kind == EntryType::Hardlink {
            self.check_hard_link(entry);
        }
        let owner = self.account(&entry.owner, entry.uid);
        let group = self.account(&entry.group, entry.gid);
        if entry.kind == EntryType::Symlink && entry.link.is_empty() {
            self.problems.push(format!("`{}` is a link to nothing", clean(&entry.name)));
        }
        self.add(
            &entry.name,
            &entry.link,
            ReadEntry {
                path: clean(&entry.name).into(),
                kind,
                mode: entry.mode,
                owner,
                group,
                ids: (entry.uid, entry.gid),
                mtime: entry.mtime,
                config: false,
            },
        )
    }

    /// Adds an entry of any container.
    pub(crate) fn add(
        &mut self,
        name: &[u8],
        link: &[u8],
        entry: ReadEntry,
    ) -> Result<(), ReadError> {
        self.names += (name.len() + link.len()) as u64;
        ReadError::limit("the number of entries", self.entries.len() as u64, MAX_ENTRIES)?;
        ReadError::limit("the length of all names (bytes)", self.names, MAX_NAMES)?;
        self.check_path(name, &entry.path);
        let key = key(name);
        let at = u32::try_from(self.entries.len()).expect("at most MAX_ENTRIES");
        let shared = entry.path.as_bytes() == key;
        let key = if shared { entry.path.shared_bytes() } else { key.into() };
        if self.seen.insert(key, at).is_some() {
            self.problems.push(format!("`{}` is there twice", entry.path));
        }
        self.entries.push(entry);
        Ok(())
    }

    /// Where the entry at a name is in `entries`.
    pub(crate) fn position(&self, name: &[u8]) -> Option<usize> {
        self.seen.get(key(name)).map(|&at| at as usize)
    }

    /// The name of an owner or group, its number if it has none.
    fn account(&mut self, name: &[u8], id: u64) -> Text {
        let shown = match name {
            [] => id.to_string().into(),
            name => escape(name),
        };
        if let Some(there) = self.accounts.get(&*shown) {
            return there.clone();
        }
        let account = Text::from(shown);
        self.accounts.insert(account.clone());
        account
    }

    /// What an earlier entry at that name is.
    pub(crate) fn kind(&self, name: &[u8]) -> Option<&ReadKind> {
        self.position(name).map(|at| &self.entries[at].kind)
    }

    /// The entry at a path.
    pub(crate) fn get(&self, path: &str) -> Option<&ReadEntry> {
        self.position(path.as_bytes()).map(|at| &self.entries[at])
    }

    /// The entry at a path, to be changed.
    pub(crate) fn get_mut(&mut self, path: &str) -> Option<&mut ReadEntry> {
        self.position(path.as_bytes()).map(|at| &mut self.entries[at])
    }

    fn check_path(&mut self, name: &[u8], shown: &str) {
        let path = key(name);
        if name.starts_with(b"/") {
            self.problems.push(format!("`/{shown}` is an absolute path"));
        }
        if path.split(|&byte| byte == b'/').any(|part| part == b"..") {
            self.problems.push(format!("`{shown}` leaves the package with `..`"));
        }
        if path.split(|&byte| byte == b'/').any(|part| part.is_empty() || part == b".")
            && !path.is_empty()
        {
            self.problems.push(format!("`{shown}` has an empty or `.` component"));
        }
        if name.contains(&0) {
            self.problems.push(format!("`{shown}` holds a NUL"));
        }
    }

    fn check_hard_link(&mut self, entry: &Entry) {
        if !matches!(self.kind(&entry.link), Some(ReadKind::File { .. })) {
            let (path, target) = (clean(&entry.name), clean(&entry.link));
            self.problems.push(format!("`{path}` is a hard link to `{target}`, no earlier file"));
        }
    }
}

/// A name without `./`, `/` at the start and `/` at the end: the same for all spellings of a path.
fn key(mut name: &[u8]) -> &[u8] {
    while let Some(rest) = name.strip_prefix(b"./").or_else(|| name.strip_prefix(b"/")) {
        name = rest;
    }
    while let Some(rest) = name.strip_suffix(b"/") {
        name = rest;
    }
    if name == b"." { b"" } else { name }
}

/// Reads the contents of entries one after another, in constant memory.
pub(crate) struct Contents(Lanes);

impl Contents {
    /// With these digests.
    pub(crate) fn new(want: Want) -> Self {
        Self(Lanes::new(want))
    }

    /// The rest of a reader, as a file.
    pub(crate) fn file(&mut self, input: &mut dyn Read) -> Result<ReadKind, ReadError> {
        loop {
            match self.0.read(input) {
                Ok(0) => break,
                Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error.into()),
                _ => {}
            }
        }
        let Hashes { len, sha256, md5 } = self.0.finish();
        Ok(ReadKind::File { len, md5, sha256 })
    }
}

/// The rest of a reader in memory, at most `limit` bytes.
pub(crate) fn content(input: &mut dyn Read, what: &str, limit: u64) -> Result<Vec<u8>, ReadError> {
    let mut content = Vec::new();
    input.take(limit + 1).read_to_end(&mut content)?;
    ReadError::limit(format!("{what} (bytes)"), content.len() as u64, limit)?;
    Ok(content)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(path: &str) -> ReadEntry {
        let root = || Text::from("root");
        ReadEntry {
            path: clean(path.as_bytes()).into(),
            kind: ReadKind::Dir,
            mode: 0o755,
            owner: root(),
            group: root(),
            ids: (0, 0),
            mtime: 0,
            config: false,
        }
    }

    fn problems(names: &[&str]) -> Vec<String> {
        let mut listing = Listing::default();
        for name in names {
            listing.add(name.as_bytes(), b"", entry(name)).unwrap();
        }
        listing.problems.finish()
    }

    #[test]
    fn plain_paths_are_fine() {
        assert_eq!(problems(&["./", "./usr/", "./usr/..x", "a.b"]), [""; 0]);
    }

    #[test]
    fn a_path_that_is_absolute_leaves_or_comes_twice_is_a_problem() {
        let found = problems(&["/etc/x", "./a/../b", "a//b", "./x", "x/"]);
        assert_eq!(
            found,
            [
                "`/etc/x` is an absolute path",
                "`a/../b` leaves the package with `..`",
                "`a//b` has an empty or `.` component",
                "`x` is there twice",
            ]
        );
    }

    #[test]
    fn a_million_problems_are_counted() {
        let mut problems = Problems::default();
        (0..1_000_000).for_each(|_| problems.push("x"));
        let list = problems.finish();
        assert_eq!((list.len(), list[200].as_str()), (201, "999800 more problems"));
    }
}
