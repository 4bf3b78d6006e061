//! Digests of one content after another, each kind on a thread of its own: hashing takes longer
//! than reading and unpacking.

use std::{
    io::{self, Read},
    mem,
    sync::{
        Arc,
        mpsc::{self, Receiver, Sender},
    },
    thread,
};

use md5::Md5;
use sha2::{
    Digest as Hash, Sha256,
    digest::{FixedOutputReset, Output},
};

use super::{Digest, Md5Digest, Sha256Digest};

/// Length of a buffer, in bytes. Content that fits in one is hashed where it is read.
const BUFFER: usize = 256 << 10;

/// Buffers of one [`Lanes`]: one is filled, the others wait or are being hashed.
const BUFFERS: usize = 6;

/// A buffer with less room than this is full, so that reads stay large, in bytes.
const ROOM: usize = 64 << 10;

/// Which digests are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Want {
    /// SHA-256 alone.
    Sha256,
    /// MD5 as well, which takes three times as long.
    Md5Too,
}

/// What [`Lanes`] computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hashes {
    /// Length of the content, in bytes.
    pub len: u64,
    /// Always.
    pub sha256: Sha256Digest,
    /// If wanted.
    pub md5: Option<Md5Digest>,
}

/// Takes content and hashes it behind the caller's back, in constant memory.
pub struct Lanes {
    want: Want,
    /// What was taken, but not sent yet: the first `filled` bytes.
    buffer: Vec<u8>,
    filled: usize,
    /// Length of the content so far, in bytes.
    len: u64,
    /// Threads, once there is work for them.
    threads: Option<Threads>,
}

impl Lanes {
    /// Before the first byte of the first content.
    pub fn new(want: Want) -> Self {
        Self { want, buffer: vec![0; BUFFER], filled: 0, len: 0, threads: None }
    }

    /// Takes the next bytes.
    pub fn update(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let room = &mut self.buffer[self.filled..];
            let count = room.len().min(bytes.len());
            room[..count].copy_from_slice(&bytes[..count]);
            bytes = &bytes[count..];
            self.took(count);
        }
    }

    /// Takes what one read gives; 0 at the end.
    pub fn read(&mut self, input: &mut dyn Read) -> io::Result<usize> {
        let count = input.read(&mut self.buffer[self.filled..])?;
        self.took(count);
        Ok(count)
    }

    /// The digests of everything taken; the next byte begins another content.
    pub fn finish(&mut self) -> Hashes {
        let len = mem::take(&mut self.len);
        if len == self.filled as u64 {
            let bytes = &self.buffer[..mem::take(&mut self.filled)];
            let md5 = (self.want == Want::Md5Too).then(|| Digest(Md5::digest(bytes).into()));
            return Hashes { len, sha256: Digest(Sha256::digest(bytes).into()), md5 };
        }
        self.send();
        let threads = self.threads.as_ref().expect("they have the start of it");
        let (sha256, md5) = (threads.sha256.finish(), threads.md5.as_ref().map(Lane::finish));
        Hashes { len, sha256, md5 }
    }

    fn took(&mut self, count: usize) {
        self.filled += count;
        self.len += count as u64;
        if BUFFER - self.filled < ROOM {
            self.send();
        }
    }

    fn send(&mut self) {
        let threads = self.threads.get_or_insert_with(|| Threads::start(self.want));
        let next = threads.empty_buffer();
        threads.send(mem::replace(&mut self.buffer, next), mem::take(&mut self.filled));
    }
}

/// The threads of [`Lanes`] and the buffers that they share. They end when it is dropped.
struct Threads {
    sha256: Lane<32>,
    md5: Option<Lane<16>>,
    /// Buffers that all of them are done with, and how many there are in all.
    empty: Receiver<Vec<u8>>,
    buffers: usize,
}

impl Threads {
    fn start(want: Want) -> Self {
        let (done, empty) = mpsc::channel();
        let md5 = (want == Want::Md5Too).then(|| Lane::start::<Md5>(done.clone()));
        Self { sha256: Lane::start::<Sha256>(done), md5, empty, buffers: 1 }
    }

    /// A new buffer, or once there are enough, the next that is done with.
    fn empty_buffer(&mut self) -> Vec<u8> {
        match self.empty.try_recv() {
            Ok(buffer) => buffer,
            Err(_) if self.buffers < BUFFERS => {
                self.buffers += 1;
                vec![0; BUFFER]
            }
            Err(_) => self.empty.recv().expect("a lane lives as long as its owner"),
        }
    }

    fn send(&self, bytes: Vec<u8>, len: usize) {
        let bytes = Arc::new(bytes);
        if let Some(md5) = &self.md5 {
            md5.send(Work::Bytes(Arc::clone(&bytes), len));
        }
        // The last to be done with a buffer gives it back, and that is never this thread.
        self.sha256.send(Work::Bytes(bytes, len));
    }
}

enum Work {
    /// The first bytes of a buffer.
    Bytes(Arc<Vec<u8>>, usize),
    /// The content ends.
    End,
}

/// A thread that computes one kind of digest.
struct Lane<const N: usize> {
    work: Sender<Work>,
    digests: Receiver<Digest<N>>,
}

impl<const N: usize> Lane<N> {
    fn start<H>(empty: Sender<Vec<u8>>) -> Self
    where
        H: Hash + FixedOutputReset,
        Output<H>: Into<[u8; N]>,
    {
        let ((work, to_do), (done, digests)) = (mpsc::channel(), mpsc::channel());
        // Results that nobody waits for any more are of no use.
        thread::spawn(move || {
            let mut hash = H::new();
            for work in to_do {
                match work {
                    Work::Bytes(bytes, len) => {
                        Hash::update(&mut hash, &bytes[..len]);
                        let _ = Arc::into_inner(bytes).map(|buffer| empty.send(buffer));
                    }
                    Work::End => {
                        let _ = done.send(Digest(hash.finalize_reset().into()));
                    }
                }
            }
        });
        Self { work, digests }
    }

    fn send(&self, work: Work) {
        self.work.send(work).expect("a lane lives as long as its owner");
    }

    fn finish(&self) -> Digest<N> {
        self.send(Work::End);
        self.digests.recv().expect("a lane lives as long as its owner")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Digests;

    fn content(len: usize) -> Vec<u8> {
        (0..len).map(|at| (at % 251).to_le_bytes()[0]).collect()
    }

    #[test]
    fn one_content_after_another_has_its_own_digests() {
        let mut lanes = Lanes::new(Want::Md5Too);
        for len in [0, 1, BUFFER - ROOM, BUFFER, 9 * BUFFER + 7, 3, 20 * BUFFER] {
            let content = content(len);
            let want = Digests::of(&content);
            let (start, mut rest) = content.split_at(len / 3);
            lanes.update(start);
            while lanes.read(&mut rest).unwrap() > 0 {}
            let (md5, len) = (Some(crate::digest::md5(&content)), want.len);
            assert_eq!(lanes.finish(), Hashes { len, sha256: want.sha256, md5 });
        }
        assert!(lanes.threads.is_some_and(|threads| threads.buffers <= BUFFERS));
    }

    #[test]
    fn content_of_one_buffer_needs_no_thread() {
        let mut lanes = Lanes::new(Want::Sha256);
        lanes.update(&content(BUFFER - ROOM));
        assert_eq!((lanes.finish().md5, lanes.threads.is_none()), (None, true));
    }
}
