//! What is in an archive, one member after another, and nothing that no honest archive has.

use std::{
    collections::HashMap,
    io::{Read, Seek},
};

use crate::{
    codec::Codec,
    container::{
        ReadError,
        tar::{self, BLOCK, EntryType},
        unpack::Unpack,
        zip::{self, S_IFDIR, S_IFLNK, S_IFMT, S_IFREG},
    },
};

/// Most members that are taken.
const MAX_MEMBERS: usize = 1_000_000;

/// Longest name and longest link, in bytes: what a system can open.
const MAX_NAME: u64 = 4095;

/// The owner's right to execute.
const OWNER_MAY_EXECUTE: u32 = 0o100;

/// A kind of archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Tar(Codec),
    Zip,
}

impl Kind {
    /// From how a file starts; else what it is instead.
    pub(super) fn of(head: &[u8]) -> Result<Self, &'static str> {
        match head {
            [0x1f, 0x8b, ..] => Ok(Self::Tar(Codec::Gzip)),
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Ok(Self::Tar(Codec::Xz)),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Ok(Self::Tar(Codec::Zstd)),
            [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => Ok(Self::Zip),
            [b'B', b'Z', b'h', ..] => Err("packed with bzip2, which is not read"),
            [b'7', b'z', 0xbc, 0xaf, ..] => Err("a 7z archive, which is not read"),
            [b'!', b'<', b'a', b'r', b'c', b'h', b'>', ..] => Err("an ar archive or a deb"),
            [] => Err("empty"),
            _ if is_tar(head) => Ok(Self::Tar(Codec::None)),
            _ => Err("no archive"),
        }
    }
}

/// Whether the first header has the checksum that it should have.
fn is_tar(head: &[u8]) -> bool {
    let Some(block) = head.first_chunk::<BLOCK>() else { return false };
    let digits = block[148..156].split(|byte| *byte == 0).next().unwrap_or_default();
    let said = str::from_utf8(digits).ok();
    let said = said.and_then(|digits| u32::from_str_radix(digits.trim(), 8).ok());
    said == Some(tar::checksum(block))
}

/// What a member is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Header {
    Dir,
    File {
        len: u64,
        executable: bool,
    },
    /// The same content as an earlier member.
    Hardlink(String),
    Symlink(String),
}

/// Why reading stops.
#[derive(Debug)]
pub(super) enum Refusal {
    Damaged(ReadError),
    Member { name: String, why: String },
}

impl From<ReadError> for Refusal {
    fn from(error: ReadError) -> Self {
        Self::Damaged(error)
    }
}

/// Reads members of either kind.
pub(super) enum Members<'a> {
    Tar(Box<tar::Reader<Unpack<Box<dyn Read + 'a>>>>),
    Zip(Box<zip::Reader<Box<dyn ReadSeek + 'a>>>),
}

/// What a zip needs.
pub(super) trait ReadSeek: Read + Seek {}
impl<T: Read + Seek> ReadSeek for T {}

impl<'a> Members<'a> {
    pub(super) fn new(file: impl ReadSeek + 'a, kind: Kind) -> Result<Self, ReadError> {
        Ok(match kind {
            Kind::Tar(codec) => {
                let plain = Unpack::new(Box::new(file) as Box<dyn Read + 'a>, codec)?;
                Self::Tar(Box::new(tar::Reader::new(plain)))
            }
            Kind::Zip => Self::Zip(Box::new(zip::Reader::new(Box::new(file) as Box<_>)?)),
        })
    }

    /// The next member that is shipped, by its path; its content can be read then.
    pub(super) fn next(&mut self, names: &mut Names) -> Result<Option<(String, Header)>, Refusal> {
        loop {
            let found = match self {
                Self::Tar(tar) => tar.next_entry()?.map(|entry| of_tar(&entry)),
                Self::Zip(zip) => {
                    let entry = zip.next_entry()?;
                    entry.map(|entry| of_zip(&entry, zip)).transpose()?
                }
            };
            let Some((name, header)) = found else { return Ok(None) };
            let refused = |why: String| {
                let name = String::from_utf8_lossy(&name).escape_debug().to_string();
                Refusal::Member { name, why }
            };
            let path = clean(&name).map_err(|why| refused(why.into()))?;
            let header = header.map_err(|why| refused(why.into()))?;
            // `./`, the archive itself.
            let Some(path) = path else { continue };
            let header = names.add(&path, header).map_err(refused)?;
            return Ok(Some((path, header)));
        }
    }
}

impl Read for Members<'_> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        match self {
            Self::Tar(tar) => tar.read(out),
            Self::Zip(zip) => zip.read(out),
        }
    }
}

/// A name as written, and what it names or why that is refused.
type Named = (Vec<u8>, Result<Header, &'static str>);

fn of_tar(entry: &tar::Entry) -> Named {
    let executable = entry.mode & OWNER_MAY_EXECUTE != 0;
    let link = || text(&entry.link);
    let header = match entry.kind {
        EntryType::File => Ok(Header::File { len: entry.size, executable }),
        EntryType::Dir => Ok(Header::Dir),
        EntryType::Symlink => link().map(Header::Symlink),
        EntryType::Hardlink => link().map(Header::Hardlink),
        EntryType::CharDevice | EntryType::BlockDevice => Err("is a device"),
        EntryType::Fifo => Err("is a named pipe"),
    };
    (entry.name.clone(), header)
}

fn of_zip(entry: &zip::ReadEntry, content: &mut dyn Read) -> Result<Named, ReadError> {
    let is_dir = entry.name.ends_with(b"/");
    let mode = entry.st_mode.unwrap_or(0);
    let executable = mode & OWNER_MAY_EXECUTE != 0;
    let header = match entry.st_mode.map(|mode| mode & S_IFMT) {
        Some(S_IFLNK) => {
            ReadError::limit("a link target (bytes)", entry.len, MAX_NAME)?;
            let mut target = Vec::new();
            content.take(MAX_NAME + 1).read_to_end(&mut target)?;
            text(&target).map(Header::Symlink)
        }
        Some(S_IFDIR) => Ok(Header::Dir),
        Some(S_IFREG | 0) | None if is_dir => Ok(Header::Dir),
        Some(S_IFREG | 0) | None if entry.name.contains(&b'\\') && entry.st_mode.is_none() => {
            Err("has backslashes in its name, which are no separators in a zip")
        }
        Some(S_IFREG | 0) | None => Ok(Header::File { len: entry.len, executable }),
        Some(_) => Err("is neither a file nor a folder nor a link"),
    };
    Ok((entry.name.clone(), header))
}

fn text(bytes: &[u8]) -> Result<String, &'static str> {
    match str::from_utf8(bytes) {
        Err(_) => Err("is not UTF-8"),
        Ok(text) if text.chars().any(char::is_control) => Err("holds a control character"),
        Ok(text) if text.len() as u64 > MAX_NAME => Err("is longer than any system allows"),
        Ok(text) => Ok(text.to_owned()),
    }
}

/// A member's path without `.` and doubled slashes; nothing is left of the archive itself.
fn clean(name: &[u8]) -> Result<Option<String>, &'static str> {
    let text = text(name)?;
    if text.starts_with('/') {
        return Err("is an absolute path");
    }
    let parts: Vec<_> = text.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    if parts.contains(&"..") {
        return Err("leaves the archive with `..`");
    }
    Ok((!parts.is_empty()).then(|| parts.join("/")))
}

/// Whether a link's target is outside of what the link is in.
pub(crate) fn leaves(below: &str, target: &str) -> bool {
    let mut depth = below.matches('/').count();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." if depth == 0 => return true,
            ".." => depth -= 1,
            _ => depth += 1,
        }
    }
    false
}

/// Paths that are taken, and whether by a folder.
#[derive(Default)]
pub(super) struct Names(HashMap<String, Taken>);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Taken {
    Dir,
    File,
    Link,
}

impl Names {
    /// Takes a path; the header with its link resolved.
    fn add(&mut self, path: &str, header: Header) -> Result<Header, String> {
        if self.0.len() >= MAX_MEMBERS {
            return Err(format!("is one of more than {MAX_MEMBERS}"));
        }
        for (at, _) in path.match_indices('/') {
            let above = &path[..at];
            if *self.0.entry(above.to_owned()).or_insert(Taken::Dir) != Taken::Dir {
                return Err(format!("is below `{above}`, which is no folder"));
            }
        }
        let taken = match &header {
            Header::Dir => Taken::Dir,
            Header::File { .. } | Header::Hardlink(_) => Taken::File,
            Header::Symlink(_) => Taken::Link,
        };
        let header = self.link(path, header)?;
        match self.0.insert(path.to_owned(), taken) {
            None => Ok(header),
            Some(Taken::Dir) if taken == Taken::Dir => Ok(header),
            Some(_) => Err("is there twice".into()),
        }
    }

    fn link(&self, path: &str, header: Header) -> Result<Header, String> {
        match header {
            Header::Symlink(target) if target.starts_with('/') => {
                Err(format!("is a link to `{target}`, an absolute path"))
            }
            Header::Symlink(target) if target.is_empty() => Err("is a link to nothing".into()),
            Header::Symlink(target) if leaves(path, &target) => {
                Err(format!("is a link to `{target}`, outside of the archive"))
            }
            Header::Hardlink(target) => {
                let earlier = clean(target.as_bytes())?.unwrap_or_default();
                if self.0.get(&earlier) == Some(&Taken::File) {
                    return Ok(Header::Hardlink(earlier));
                }
                Err(format!("is a hard link to `{target}`, which is no file before it"))
            }
            header => Ok(header),
        }
    }
}

/// A reader that tells how far it is.
pub(super) struct Told<'a, R> {
    pub(super) inner: R,
    pub(super) told: &'a dyn Fn(u64),
}

impl<R: Read> Read for Told<'_, R> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let count = self.inner.read(out)?;
        (self.told)(count as u64);
        Ok(count)
    }
}

impl<R: Seek> Seek for Told<'_, R> {
    fn seek(&mut self, to: std::io::SeekFrom) -> std::io::Result<u64> {
        self.inner.seek(to)
    }
}
