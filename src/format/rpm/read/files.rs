//! The files of a package as its header lists them: parallel arrays, one value per file.

use crate::{
    container::ReadError,
    digest::Algorithm,
    format::rpm::{
        header::{Header, Value},
        tags::{self, file},
    },
};

/// Most files of one package: rpm has the same limit for every array.
const MAX_FILES: u64 = 1 << 20;

/// What the type bits of a mode mean: stat(2).
pub(super) const TYPE: u32 = 0o170_000;
pub(super) const FIFO: u32 = 0o010_000;
pub(super) const CHAR: u32 = 0o020_000;
pub(super) const DIR: u32 = 0o040_000;
pub(super) const BLOCK: u32 = 0o060_000;
pub(super) const REGULAR: u32 = 0o100_000;
pub(super) const SYMLINK: u32 = 0o120_000;

/// A file as the header lists it; what is not put together stays there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct File<'h> {
    /// Directory and name: `/usr/bin/hello`; a source package has names alone.
    pub(super) path: Vec<u8>,
    /// Type and permission bits.
    pub(super) mode: u32,
    /// Length in bytes.
    pub(super) size: u64,
    /// Hex digits, or empty.
    pub(super) digest: &'h [u8],
    /// Target of a symbolic link.
    pub(super) link: &'h [u8],
    /// `tags::file`.
    pub(super) flags: u32,
    /// Names of owner and group.
    pub(super) owner: (&'h [u8], &'h [u8]),
    /// Seconds since 1970.
    pub(super) mtime: u64,
    /// Device number of a device file: major and minor.
    pub(super) rdevice: (u64, u64),
    /// Files with the same device and inode number are hard links.
    pub(super) inode: (u64, u64),
    /// Language, or empty.
    pub(super) lang: &'h [u8],
    /// Capabilities, or empty.
    pub(super) caps: &'h [u8],
    /// What `rpm -V` compares: `tags::verify`.
    pub(super) verify: u32,
}

impl File<'_> {
    /// Its type bits.
    pub(super) fn kind(&self) -> u32 {
        self.mode & TYPE
    }

    /// Whether it is owned, but not shipped.
    pub(super) fn is_ghost(&self) -> bool {
        self.flags & file::GHOST != 0
    }
}

/// The files and the algorithm of their digests.
#[derive(Clone, Debug)]
pub(super) struct Files<'h> {
    pub(super) rows: Vec<File<'h>>,
    pub(super) algorithm: Algorithm,
}

impl<'h> Files<'h> {
    /// From a header; arrays that do not fit together are an error.
    pub(super) fn of(header: &'h Header) -> Result<Self, ReadError> {
        let paths = paths(header)?;
        let columns = Columns { header, count: paths.len() };
        let sizes = match header.get(tags::LONGFILESIZES) {
            Some(_) => columns.numbers(tags::LONGFILESIZES)?,
            None => columns.numbers(tags::FILESIZES)?,
        };
        let modes = columns.numbers(tags::FILEMODES)?;
        let flags = columns.numbers(tags::FILEFLAGS)?;
        let mtimes = columns.numbers(tags::FILEMTIMES)?;
        let rdevices = columns.numbers(tags::FILERDEVS)?;
        let devices = columns.numbers(tags::FILEDEVICES)?;
        let inodes = columns.numbers(tags::FILEINODES)?;
        let verify = columns.numbers(tags::FILEVERIFYFLAGS)?;
        let digests = columns.texts(tags::FILEDIGESTS)?;
        let links = columns.texts(tags::FILELINKTOS)?;
        let owners = columns.texts(tags::FILEUSERNAME)?;
        let groups = columns.texts(tags::FILEGROUPNAME)?;
        let langs = columns.texts(tags::FILELANGS)?;
        let caps = columns.texts(tags::FILECAPS)?;
        // Without inode numbers every file is its own.
        let inode = |at: usize| match (devices.get(at), inodes.get(at)) {
            (Some(device), Some(inode)) => (*device, *inode),
            _ => (u64::MAX, at as u64),
        };
        let number = |column: &[u64], at: usize| column.get(at).copied().unwrap_or(0);
        let flag = |column: &[u64], at: usize| {
            u32::try_from(number(column, at)).unwrap_or(u32::MAX) // the arrays are of 32 or 16 bits
        };
        let text = |column: &[&'h [u8]], at: usize| column.get(at).copied().unwrap_or(b"");
        let row = |(at, path): (usize, Vec<u8>)| File {
            path,
            mode: flag(&modes, at),
            size: number(&sizes, at),
            digest: text(&digests, at),
            link: text(&links, at),
            flags: flag(&flags, at),
            owner: (text(&owners, at), text(&groups, at)),
            mtime: number(&mtimes, at),
            rdevice: (number(&rdevices, at) >> 8, number(&rdevices, at) & 0xff),
            inode: inode(at),
            lang: text(&langs, at),
            caps: text(&caps, at),
            verify: if verify.is_empty() { u32::MAX } else { flag(&verify, at) },
        };
        let rows = paths.into_iter().enumerate().map(row).collect();
        Ok(Self { rows, algorithm: algorithm(header)? })
    }
}

impl Files<'_> {
    /// Length of all regular files, in bytes.
    pub(super) fn len(&self) -> u64 {
        let regular = self.rows.iter().filter(|file| file.kind() == REGULAR);
        regular.fold(0, |sum, file| sum.saturating_add(file.size))
    }
}

/// The algorithm of file digests: MD5 where nothing is said.
pub(super) fn algorithm(header: &Header) -> Result<Algorithm, ReadError> {
    let Some(number) = header.int(tags::FILEDIGESTALGO) else { return Ok(Algorithm::Md5) };
    Algorithm::of_openpgp(number).ok_or_else(|| {
        let what = format!("the algorithm {number} of file digests");
        ReadError::Unsupported { what }
    })
}

fn bad(why: impl Into<String>) -> ReadError {
    ReadError::malformed("header", 0, why)
}

/// Whole paths, from names and the directories that they are in.
fn paths(header: &Header) -> Result<Vec<Vec<u8>>, ReadError> {
    let old = header.texts(tags::OLDFILENAMES);
    let names = header.texts(tags::BASENAMES);
    if names.is_empty() {
        return Ok(old.into_iter().map(<[u8]>::to_vec).collect());
    }
    ReadError::limit("the number of files", names.len() as u64, MAX_FILES)?;
    let (dirs, indexes) = (header.texts(tags::DIRNAMES), header.ints(tags::DIRINDEXES));
    if indexes.len() != names.len() {
        return Err(bad(format!("{} files have {} directories", names.len(), indexes.len())));
    }
    let dir = |index: &u64| usize::try_from(*index).ok().and_then(|index| dirs.get(index));
    let path = |(name, index): (&&[u8], &u64)| match dir(index) {
        Some(dir) => Ok([dir, *name].concat()),
        None => Err(bad(format!("a file is in directory {index}, and there are {}", dirs.len()))),
    };
    names.iter().zip(&indexes).map(path).collect()
}

/// The arrays of a header, as long as there are files.
struct Columns<'a> {
    header: &'a Header,
    count: usize,
}

impl<'a> Columns<'a> {
    fn check(&self, tag: u32, count: usize) -> Result<(), ReadError> {
        if count == self.count || self.header.get(tag).is_none() {
            return Ok(());
        }
        let name = tags::row(tag).map_or("?", |row| row.name);
        Err(bad(format!("{name} has {count} values for {} files", self.count)))
    }

    /// Numbers; none if the tag is missing.
    fn numbers(&self, tag: u32) -> Result<Vec<u64>, ReadError> {
        let numbers = self.header.ints(tag);
        self.check(tag, numbers.len())?;
        Ok(numbers)
    }

    /// Texts; none if the tag is missing.
    fn texts(&self, tag: u32) -> Result<Vec<&'a [u8]>, ReadError> {
        let texts = match self.header.get(tag) {
            Some(Value::Texts(texts) | Value::I18n(texts)) => texts.iter().collect(),
            _ => self.header.texts(tag),
        };
        self.check(tag, texts.len())?;
        Ok(texts)
    }
}
