//! A file that is read while it is written.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    os::unix::fs::FileExt,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
};

use crate::payload::sought;

/// How far the writer is.
#[derive(Default)]
pub(super) struct Progress {
    reached: Mutex<Reached>,
    changed: Condvar,
}

#[derive(Clone, Copy, Default)]
struct Reached {
    /// Bytes from the start that are there.
    len: u64,
    /// Nothing more comes.
    over: bool,
}

impl Progress {
    /// That many bytes are there.
    pub(super) fn reached(&self, len: u64) {
        self.lock().len = len;
        self.changed.notify_all();
    }

    /// Says that nothing more comes as soon as what it gives is dropped, whatever the reason.
    pub(super) fn over_at_the_end(&self) -> impl Drop {
        struct Over<'a>(&'a Progress);
        impl Drop for Over<'_> {
            fn drop(&mut self) {
                self.0.lock().over = true;
                self.0.changed.notify_all();
            }
        }
        Over(self)
    }

    /// Waits until there is something behind `at`, and says how far it goes.
    fn wait(&self, at: u64) -> u64 {
        let mut reached = self.lock();
        while reached.len <= at && !reached.over {
            reached = self.changed.wait(reached).unwrap_or_else(PoisonError::into_inner);
        }
        reached.len
    }

    fn lock(&self) -> MutexGuard<'_, Reached> {
        self.reached.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads a file behind its writer.
pub struct Following<'a> {
    file: &'a File,
    at: u64,
    /// Length of the whole file, in bytes.
    len: u64,
    progress: &'a Progress,
}

impl<'a> Following<'a> {
    pub(super) fn new(file: &'a File, len: u64, progress: &'a Progress) -> Self {
        Self { file, at: 0, len, progress }
    }
}

impl Read for Following<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.at >= self.len || buffer.is_empty() {
            return Ok(0);
        }
        let there = self.progress.wait(self.at).saturating_sub(self.at);
        let len = usize::try_from(there).map_or(buffer.len(), |there| there.min(buffer.len()));
        if len == 0 {
            return Err(io::Error::other("the file was not written to its end"));
        }
        let count = self.file.read_at(&mut buffer[..len], self.at)?;
        self.at += count as u64;
        Ok(count)
    }
}

impl Seek for Following<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.at = sought(to, self.at, self.len)?;
        Ok(self.at)
    }
}

#[cfg(test)]
mod tests {
    use std::{io::Write as _, thread};

    use super::*;

    #[test]
    fn a_reader_waits_for_what_is_not_written_yet() {
        let mut file = tempfile::tempfile().unwrap();
        let progress = Progress::default();
        let other = file.try_clone().unwrap();
        thread::scope(|scope| {
            scope.spawn(|| {
                let _over = progress.over_at_the_end();
                for (at, part) in (1..=9).zip([[7; 100]; 9]) {
                    file.write_all(&part).unwrap();
                    progress.reached(at * 100);
                }
            });
            let mut following = Following::new(&other, 900, &progress);
            following.seek(SeekFrom::End(-500)).unwrap();
            let mut content = Vec::new();
            following.read_to_end(&mut content).unwrap();
            assert_eq!(content, [7; 500]);
        });
    }

    #[test]
    fn a_file_that_is_not_finished_is_an_error_for_its_reader() {
        let (file, progress) = (tempfile::tempfile().unwrap(), Progress::default());
        drop(progress.over_at_the_end());
        let mut following = Following::new(&file, 900, &progress);
        assert!(following.read(&mut [0; 10]).is_err());
    }
}
