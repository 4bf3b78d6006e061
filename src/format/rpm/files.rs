//! The files of a package: parallel arrays in the header, and the cpio.
//!
//! Format: rpm `build/files.c`, `lib/rpmfi.c`. Decisions: docs/formats/rpm.md, "Files".

use std::collections::BTreeMap;

use super::{
    header::{Header, Value},
    owned, tags,
};
use crate::{
    container::{
        LimitError,
        cpio::{Content, Cpio, Entry},
    },
    format::order,
    payload::{self, Blob},
    splice::Recipe,
    tree::{InstallPath, Kind, Node, PayloadType, Tree},
};

/// A size from which on 32 bits are not used: rpm takes the largest number for "look elsewhere".
pub(super) const LARGE: u64 = u32::MAX as u64;

/// `st_mode` of a regular file, a directory, a link.
const S_IFREG: u32 = 0o100_000;
const S_IFDIR: u32 = 0o040_000;
const S_IFLNK: u32 = 0o120_000;

/// What a package owns, in the order of the header: by the bytes of the path.
pub(super) struct Files<'a> {
    list: Vec<File<'a>>,
}

/// One of them.
#[derive(Clone, Copy)]
pub(super) struct File<'a> {
    /// From the root, without `/`.
    pub path: &'a InstallPath,
    /// What it is.
    pub node: &'a Node,
    /// Its place in the header's arrays, counted from 0.
    index: u32,
}

impl<'a> Files<'a> {
    /// Everything in a tree that belongs to the package.
    pub(super) fn of(tree: &'a Tree) -> Self {
        let mut nodes: Vec<_> =
            tree.iter().filter(|(path, node)| owned::is_owned(path, node)).collect();
        nodes.sort_by_key(|(path, _)| path.as_str());
        let file = |(index, (path, node))| File { path, node, index };
        Self { list: (0..).zip(nodes).map(file).collect() }
    }

    /// All of them.
    pub(super) fn iter(&self) -> impl Iterator<Item = &File<'a>> {
        self.list.iter()
    }

    /// Whether a single file needs the long sizes and records by index.
    pub(super) fn large(&self) -> bool {
        self.list.iter().any(|file| file.len() >= LARGE)
    }

    /// What they hold together, in bytes.
    fn total(&self) -> u64 {
        self.list.iter().map(File::len).sum()
    }

    /// At least that many bytes of the header describe them.
    pub(super) fn described(&self) -> u64 {
        let texts = |file: &File<'_>| {
            let name = file.path.file_name().len() + file.node.owner.len() + file.node.group.len();
            name as u64 + 6
        };
        self.list.iter().map(|file| 40 + texts(file) + 64 * u64::from(file.blob().is_some())).sum()
    }

    /// Sets the arrays. Payloads have been ingested.
    pub(super) fn describe(&self, header: &mut Header, mtime: u32) -> Result<(), payload::Error> {
        self.sizes(header);
        self.names(header);
        let all = |value: u32| Value::Int32(vec![value; self.list.len()]);
        header.set(tags::FILEMODES, Value::Int16(self.each(File::mode16)));
        header.set(tags::FILERDEVS, Value::Int16(vec![0; self.list.len()]));
        header.set(tags::FILEMTIMES, all(mtime));
        header.set(tags::FILEDIGESTS, self.texts(File::digest));
        header.set(tags::FILELINKTOS, self.texts(|file| file.target().to_owned()));
        header.set(tags::FILEFLAGS, Value::Int32(self.each(File::flags)));
        header.set(tags::FILEUSERNAME, self.texts(|file| file.node.owner.to_string()));
        header.set(tags::FILEGROUPNAME, self.texts(|file| file.node.group.to_string()));
        header.set(tags::FILEVERIFYFLAGS, Value::Int32(self.each(File::verify)));
        header.set(tags::FILEDEVICES, all(1));
        header.set(tags::FILEINODES, Value::Int32(self.each(File::inode)));
        header.set(tags::FILELANGS, self.texts(|file| file.language().to_owned()));
        let colors: Result<Vec<u32>, _> = self.list.iter().map(File::color).collect();
        header.set(tags::FILECOLORS, Value::Int32(colors?));
        if self.list.iter().any(|file| file.node.capabilities.is_some()) {
            let caps = |file: &File<'_>| file.node.capabilities.clone().unwrap_or_default();
            header.set(tags::FILECAPS, self.texts(caps));
        }
        if !self.list.is_empty() {
            header.set(tags::FILEDIGESTALGO, Value::Int32(vec![super::SHA256]));
        }
        Ok(())
    }

    fn sizes(&self, header: &mut Header) {
        let short = |len: u64| u32::try_from(len).expect("it is below the threshold");
        if self.large() {
            header.set(tags::LONGFILESIZES, Value::Int64(self.each(File::len)));
        } else {
            header.set(tags::FILESIZES, Value::Int32(self.each(|file| short(file.len()))));
        }
        match self.total() {
            total if total >= LARGE => header.set(tags::LONGSIZE, Value::Int64(vec![total])),
            total => header.set(tags::SIZE, Value::Int32(vec![short(total)])),
        }
    }

    /// A name is an index into the directories and the rest.
    fn names(&self, header: &mut Header) {
        let (mut known, mut dirs) = (BTreeMap::new(), Vec::new());
        let mut indexes = Vec::with_capacity(self.list.len());
        for file in &self.list {
            let path = file.path.as_str();
            let dir = path.rsplit_once('/').map_or("", |(dir, _)| dir);
            let next = u32::try_from(dirs.len()).expect("the header's limit is below 2^32");
            let index = *known.entry(dir).or_insert(next);
            if index == next {
                dirs.push(if dir.is_empty() { "/".to_owned() } else { format!("/{dir}/") });
            }
            indexes.push(index);
        }
        header.set(tags::DIRINDEXES, Value::Int32(indexes));
        header.set(tags::BASENAMES, self.texts(|file| file.path.file_name().to_owned()));
        header.set(tags::DIRNAMES, Value::texts(dirs));
    }

    fn each<T>(&self, what: impl Fn(&File<'a>) -> T) -> Vec<T> {
        self.list.iter().map(what).collect()
    }

    fn texts(&self, what: impl Fn(&File<'a>) -> String) -> Value {
        Value::texts(self.list.iter().map(what))
    }

    /// The archive: everything but ghosts.
    pub(super) fn cpio(&self, mtime: u32) -> Result<Recipe, LimitError> {
        let shipped = self.list.iter().filter(|file| file.node.kind != Kind::Ghost);
        let mut shipped: Vec<_> = shipped.copied().collect();
        order::sort(&mut shipped, |file| (file.path, file.node));
        let large = self.large();
        let mut cpio = Cpio::default();
        for file in shipped {
            cpio = if large {
                cpio.indexed(file.index, file.content())
            } else {
                cpio.named(&file.entry(mtime), file.content())?
            };
        }
        Ok(cpio.finish())
    }
}

impl<'a> File<'a> {
    fn blob(&self) -> Option<&'a Blob> {
        self.node.blob()
    }

    /// Bytes in the archive: a link's are its target.
    pub(super) fn len(&self) -> u64 {
        self.content().len()
    }

    fn content(&self) -> Content<'a> {
        match &self.node.kind {
            Kind::Dir | Kind::Ghost => Content::Empty,
            Kind::File(blob) => Content::Blob(blob),
            Kind::Symlink(target) => Content::Text(target),
        }
    }

    fn entry(&self, mtime: u32) -> Entry {
        Entry {
            name: format!("./{}", self.path).into_bytes(),
            inode: self.inode(),
            mode: self.mode(),
            nlink: 1,
            mtime,
            ..Entry::default()
        }
    }

    fn inode(&self) -> u32 {
        self.index + 1
    }

    /// Type and permissions.
    fn mode(&self) -> u32 {
        let kind = match self.node.kind {
            Kind::Dir => S_IFDIR,
            Kind::File(_) | Kind::Ghost => S_IFREG,
            Kind::Symlink(_) => S_IFLNK,
        };
        kind | self.node.mode.0
    }

    fn mode16(&self) -> u16 {
        u16::try_from(self.mode()).expect("a mode has sixteen bits")
    }

    fn digest(&self) -> String {
        self.blob().map(|blob| blob.digests().sha256.to_string()).unwrap_or_default()
    }

    fn target(&self) -> &'a str {
        match &self.node.kind {
            Kind::Symlink(target) => target,
            _ => "",
        }
    }

    pub(super) fn flags(&self) -> u32 {
        let (path, node) = (self.path, self.node);
        if node.kind == Kind::Ghost {
            return tags::file::GHOST;
        }
        if node.kind == Kind::Dir {
            return 0;
        }
        let documents = ["usr/share/doc", "usr/share/man", "usr/share/info"];
        let mut flags = 0;
        if node.config {
            flags |= tags::file::CONFIG | tags::file::NO_REPLACE;
        }
        if node.role == Some(PayloadType::License) || path.starts_with("usr/share/licenses") {
            flags |= tags::file::LICENSE;
        } else if matches!(node.role, Some(PayloadType::Doc | PayloadType::Man))
            || documents.iter().any(|dir| path.starts_with(dir))
        {
            flags |= tags::file::DOC;
        }
        flags
    }

    fn verify(&self) -> u32 {
        match self.node.kind {
            Kind::Ghost => tags::verify::GHOST,
            _ => tags::verify::ALL,
        }
    }

    /// The language of a translation, for `%_install_langs`: `usr/share/locale/de/LC_MESSAGES/x.mo`,
    /// `usr/share/man/de/man1/x.1`.
    fn language(&self) -> &'a str {
        let path = self.path.as_str();
        let below = |dir: &str| path.strip_prefix(dir)?.split_once('/');
        let found = match (below("usr/share/locale/"), below("usr/share/man/")) {
            (Some((language, rest)), _) if rest.starts_with("LC_") => Some(language),
            (_, Some((language, rest))) if rest.starts_with("man") => Some(language),
            _ => None,
        };
        found.filter(|_| self.node.kind != Kind::Dir).unwrap_or_default()
    }

    /// 1 for ELF files of 32 bits, 2 for those of 64.
    fn color(&self) -> Result<u32, payload::Error> {
        let Some(blob) = self.blob() else { return Ok(0) };
        Ok(match &blob.head()? {
            b"\x7fELF\x01" => 1,
            b"\x7fELF\x02" => 2,
            _ => 0,
        })
    }
}

#[cfg(test)]
mod tests;
