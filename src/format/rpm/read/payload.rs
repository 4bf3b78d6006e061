//! The payload: every record of the archive against the file that the header lists.

use std::{
    collections::HashMap,
    io::{self, Read},
};

use super::files::{self, File, Files};
use crate::{
    codec::Codec,
    container::{
        ReadError,
        cpio::{Entry, Reader, Record},
        unpack::Unpack,
    },
    digest::{Algorithm, AnyHasher, Want},
    format::{
        listing::{Contents, Listing, Problems, content},
        report::{ReadEntry, ReadKind, clean, escape},
        rpm::{header::Header, tags},
    },
    tree::Text,
};

/// Longest target of a symbolic link that is read, in bytes.
const MAX_LINK: u64 = 64 << 10;

/// How a payload is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Packed {
    /// As others are, too.
    With(Codec),
    /// As some were before xz.
    Lzma,
}

impl Packed {
    /// Decodes it.
    pub(super) fn open<R: Read>(self, input: R) -> Result<Unpack<R>, ReadError> {
        match self {
            Self::With(codec) => Unpack::new(input, codec),
            Self::Lzma => Unpack::lzma(input),
        }
    }
}

/// How the payload is packed; `head` is its start.
pub(super) fn packing(header: &Header, head: &[u8]) -> Result<Packed, ReadError> {
    match header.text(tags::PAYLOADFORMAT).unwrap_or(b"cpio") {
        b"cpio" => {}
        other => {
            let what = format!("a payload of format `{}`", escape(other));
            return Err(ReadError::Unsupported { what });
        }
    }
    match header.text(tags::PAYLOADCOMPRESSOR) {
        // Nothing said is gzip, whose reader in rpm passes plain data through.
        None if head.starts_with(b"\x1f\x8b") => Ok(Packed::With(Codec::Gzip)),
        None | Some(b"none") => Ok(Packed::With(Codec::None)),
        Some(b"gzip") => Ok(Packed::With(Codec::Gzip)),
        Some(b"xz") => Ok(Packed::With(Codec::Xz)),
        Some(b"zstd") => Ok(Packed::With(Codec::Zstd)),
        Some(b"lzma") => Ok(Packed::Lzma),
        Some(other) => {
            let what = format!("a payload packed with `{}`", escape(other));
            Err(ReadError::Unsupported { what })
        }
    }
}

/// What became of a file of the list.
#[derive(Clone, Debug, Default)]
enum State {
    /// No record yet.
    #[default]
    Missing,
    /// There is a record; a file has its content.
    Found(Option<ReadKind>),
}

/// Matches records with the files of the list.
pub(super) struct Payload<'a> {
    files: &'a Files<'a>,
    /// Where a path is in the list.
    index: HashMap<&'a [u8], usize>,
    /// The files of each set of hard links, in the list's order: two or more.
    links: HashMap<(u64, u64), Vec<usize>>,
    states: Vec<State>,
    contents: Contents,
}

impl<'a> Payload<'a> {
    pub(super) fn new(files: &'a Files<'a>, want: Want) -> Self {
        // An old package's digests are the ones to be compared.
        let md5 = files.algorithm == Algorithm::Md5 || want == Want::Md5Too;
        let want = if md5 { Want::Md5Too } else { Want::Sha256 };
        let rows = || files.rows.iter().enumerate();
        let mut links: HashMap<_, Vec<usize>> = HashMap::new();
        for (at, file) in rows().filter(|(_, file)| may_be_linked(file)) {
            links.entry(file.inode).or_default().push(at);
        }
        links.retain(|_, set| set.len() > 1);
        Self {
            files,
            index: rows().map(|(at, file)| (key(&file.path), at)).collect(),
            links,
            states: vec![State::default(); files.rows.len()],
            contents: Contents::new(want),
        }
    }

    /// Reads all records.
    pub(super) fn read<R: Read>(
        &mut self,
        cpio: &mut Reader<R>,
        problems: &mut Problems,
    ) -> Result<(), ReadError> {
        while let Some(record) = cpio.next_record()? {
            match record {
                Record::Named(entry) => {
                    let Some(at) = self.index.get(key(&entry.name)).copied() else {
                        let name = clean(&entry.name);
                        problems.push(format!("payload: `{name}` is not in the list of files"));
                        continue;
                    };
                    self.check(at, &entry, problems);
                    self.record(at, u64::from(entry.size), cpio, problems)?;
                }
                Record::Indexed(index) => {
                    let at = usize::try_from(index).unwrap_or(usize::MAX);
                    let len = self.indexed(at).ok_or_else(|| {
                        let why = format!("it is of file {index}, and there are fewer");
                        ReadError::malformed("cpio record", 0, why)
                    })?;
                    cpio.content(len);
                    self.record(at, len, cpio, problems)?;
                }
            }
        }
        let cpio_problems = std::mem::take(&mut cpio.problems);
        problems.extend("payload", cpio_problems);
        Ok(())
    }

    /// Length of the content of a record that does not say it: of hard links the last one has it.
    fn indexed(&self, at: usize) -> Option<u64> {
        let file = self.files.rows.get(at)?;
        let is_last = |set: &Vec<usize>| set.last() == Some(&at);
        Some(match file.kind() {
            files::REGULAR if self.links.get(&file.inode).is_none_or(is_last) => file.size,
            files::SYMLINK => file.size,
            _ => 0,
        })
    }

    /// What readers without the header would make of a record is what the header says.
    fn check(&self, at: usize, entry: &Entry, problems: &mut Problems) {
        let file = &self.files.rows[at];
        if entry.mode != file.mode {
            let (path, said, found) = (clean(&file.path), file.mode, entry.mode);
            problems.push(format!(
                "payload: `{path}` has mode {found:o}, and {said:o} in the list of files"
            ));
        }
    }

    /// The record of file `at`, whose content is `len` bytes.
    fn record<R: Read>(
        &mut self,
        at: usize,
        len: u64,
        cpio: &mut Reader<R>,
        problems: &mut Problems,
    ) -> Result<(), ReadError> {
        let file = &self.files.rows[at];
        let path = || clean(&file.path);
        if !matches!(self.states[at], State::Missing) {
            problems.push(format!("payload: `{}` is there twice", path()));
        }
        if file.is_ghost() {
            problems.push(format!("payload: `{}` is a ghost, and there all the same", path()));
            return Ok(());
        }
        let mut found = None;
        match file.kind() {
            files::REGULAR => found = self.content(at, len, cpio, problems)?,
            files::SYMLINK => {
                let target = content(cpio, "the target of a link", MAX_LINK)?;
                if target != file.link {
                    let (said, target) = (escape(file.link), escape(&target));
                    problems.push(format!(
                        "`{}` leads to `{target}`, and to `{said}` in the list of files",
                        path()
                    ));
                }
            }
            _ if len > 0 => {
                problems.push(format!("payload: `{}` is no file, but has content", path()));
            }
            _ => {}
        }
        self.states[at] = State::Found(found);
        Ok(())
    }

    /// A file's content, compared with its size and digest; `None` for a hard link without.
    fn content<R: Read>(
        &mut self,
        at: usize,
        len: u64,
        cpio: &mut Reader<R>,
        problems: &mut Problems,
    ) -> Result<Option<ReadKind>, ReadError> {
        let file = &self.files.rows[at];
        if len == 0 && self.links.contains_key(&file.inode) {
            return Ok(None);
        }
        let mut other = Other::of(self.files.algorithm);
        let found = self.contents.file(&mut Both { input: cpio, other: &mut other })?;
        let ReadKind::File { len, md5, sha256 } = &found else { return Ok(None) };
        let path = clean(&file.path);
        if *len != file.size {
            problems.push(format!("`{path}` should be {} bytes, and is {len}", file.size));
        }
        let digest = match self.files.algorithm {
            Algorithm::Sha256 => sha256.to_string(),
            Algorithm::Md5 => md5.map(|md5| md5.to_string()).unwrap_or_default(),
            _ => other.finish(),
        };
        if digest.as_bytes() != file.digest {
            let (algorithm, said) = (self.files.algorithm, escape(file.digest));
            problems.push(format!("{algorithm} of `{path}` should be {said}, and is {digest}"));
        }
        Ok(Some(found))
    }

    /// The entries in the list's order, without ghosts; what has no record is a problem.
    pub(super) fn entries(mut self, problems: &mut Problems) -> Result<Vec<ReadEntry>, ReadError> {
        let (mut listing, mut names) = (Listing::default(), HashMap::new());
        for (at, file) in self.files.rows.iter().enumerate().filter(|(_, file)| !file.is_ghost()) {
            let path = clean(&file.path);
            let state = std::mem::take(&mut self.states[at]);
            if matches!(state, State::Missing) {
                problems.push(format!("payload: `{path}` is missing"));
            }
            let Some(kind) = self.kind(at, &path, state, problems) else { continue };
            // In the list paths begin with `/`, except in source packages.
            let name = file.path.strip_prefix(b"/").unwrap_or(&file.path);
            listing.add(name, file.link, entry(file, path, kind, &mut names))?;
        }
        problems.extend("files", listing.problems.finish());
        Ok(listing.entries)
    }

    fn kind(
        &mut self,
        at: usize,
        path: &str,
        state: State,
        problems: &mut Problems,
    ) -> Option<ReadKind> {
        let file = &self.files.rows[at];
        let (major, minor) = file.rdevice;
        Some(match file.kind() {
            files::REGULAR => return self.file(at, path, state, problems),
            files::DIR => ReadKind::Dir,
            files::SYMLINK => ReadKind::Symlink { target: escape(file.link).into_owned() },
            files::CHAR => ReadKind::Device { block: false, major, minor },
            files::BLOCK => ReadKind::Device { block: true, major, minor },
            files::FIFO => ReadKind::Fifo,
            _ => {
                problems.push(format!("files: `{path}` has mode {:o}", file.mode));
                return None;
            }
        })
    }

    /// The first of a set of hard links stands for all of them, whichever record has the content.
    fn file(
        &mut self,
        at: usize,
        path: &str,
        state: State,
        problems: &mut Problems,
    ) -> Option<ReadKind> {
        let mut found = match state {
            State::Found(found) => found,
            State::Missing => return None,
        };
        if let Some(set) = self.links.get(&self.files.rows[at].inode) {
            let first = set[0];
            if first != at {
                return Some(ReadKind::Hardlink { target: clean(&self.files.rows[first].path) });
            }
            for &other in &set[1..] {
                if let State::Found(Some(kind)) = &self.states[other] {
                    found = found.or_else(|| Some(kind.clone()));
                }
                let (one, two) = (&self.files.rows[first], &self.files.rows[other]);
                if (one.size, &one.digest) != (two.size, &two.digest) {
                    let other = clean(&two.path);
                    problems
                        .push(format!("files: `{other}` is a hard link to `{path}`, and differs"));
                }
            }
            if found.is_none() {
                problems.push(format!("payload: no hard link to `{path}` has its content"));
            }
        }
        found
    }
}

/// Hard links are files of the payload that are not empty (rpm `rpmfilesBuildNLink`).
fn may_be_linked(file: &File<'_>) -> bool {
    file.kind() == files::REGULAR && !file.is_ghost() && file.size > 0
}

/// A path without `./` or `/` in front: the same for a record and for the list.
fn key(path: &[u8]) -> &[u8] {
    path.strip_prefix(b"./").or_else(|| path.strip_prefix(b"/")).unwrap_or(path)
}

/// Owners and groups: there is one copy of each.
type Names<'a> = HashMap<&'a [u8], Text>;

fn entry<'a>(file: &File<'a>, path: String, kind: ReadKind, names: &mut Names<'a>) -> ReadEntry {
    let mut name =
        |name: &'a [u8]| names.entry(name).or_insert_with(|| escape(name).into()).clone();
    ReadEntry {
        path: path.into(),
        kind,
        mode: file.mode & 0o7777,
        owner: name(file.owner.0),
        group: name(file.owner.1),
        ids: (0, 0),
        mtime: i64::try_from(file.mtime).unwrap_or(i64::MAX),
        config: file.flags & tags::file::CONFIG != 0,
    }
}

/// A digest that is neither MD5 nor SHA-256.
struct Other(Option<AnyHasher>);

impl Other {
    fn of(algorithm: Algorithm) -> Self {
        let is_common = matches!(algorithm, Algorithm::Md5 | Algorithm::Sha256);
        Self((!is_common).then(|| algorithm.start()))
    }

    fn finish(self) -> String {
        self.0.map(AnyHasher::finish).unwrap_or_default()
    }
}

/// Reads on, and hashes what was read.
struct Both<'a, R> {
    input: &'a mut Reader<R>,
    other: &'a mut Other,
}

impl<R: Read> Read for Both<'_, R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = self.input.read(out)?;
        if let Some(hasher) = &mut self.other.0 {
            hasher.update(&out[..count]);
        }
        Ok(count)
    }
}
