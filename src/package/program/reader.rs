//! A view of a file for the `object` crate that reads on demand and never more than a limit.

use std::{
    cell::Cell,
    io::{Read, Seek},
    ops::Range,
};

use object::{ReadCache, ReadRef};

/// The most that one table may take, in bytes: symbol tables of the largest libraries take a third.
const MAX_TABLE: u64 = 64 << 20;
/// The most that is read of one file, in bytes.
const MAX_TOTAL: u64 = 256 << 20;

/// A file and how much of it may still be read.
pub(super) struct Bounded<R: Read + Seek> {
    cache: ReadCache<R>,
    left: Cell<u64>,
}

impl<R: Read + Seek> Bounded<R> {
    pub(super) fn new(file: R) -> Self {
        Self { cache: ReadCache::new(file), left: Cell::new(MAX_TOTAL) }
    }

    fn spend(&self, len: u64) -> Result<(), ()> {
        let left = self.left.get().checked_sub(len).ok_or(())?;
        self.left.set(left);
        if len > MAX_TABLE { Err(()) } else { Ok(()) }
    }
}

impl<'a, R: Read + Seek> ReadRef<'a> for &'a Bounded<R> {
    fn len(self) -> Result<u64, ()> {
        (&self.cache).len()
    }

    fn read_bytes_at(self, offset: u64, size: u64) -> Result<&'a [u8], ()> {
        self.spend(size)?;
        (&self.cache).read_bytes_at(offset, size)
    }

    fn read_bytes_at_until(self, range: Range<u64>, delimiter: u8) -> Result<&'a [u8], ()> {
        let found = (&self.cache).read_bytes_at_until(range, delimiter)?;
        self.spend(found.len() as u64 + 1)?;
        Ok(found)
    }
}
