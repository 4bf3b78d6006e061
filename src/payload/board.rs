//! The board of work that threads take from while payloads are read.
//!
//! A file's SHA-256 and, where it is wanted, MD5 are chains: each takes the chunks in order, on one thread at a time,
//! beside everything else. Longest files come first, chains before packing, so that the longest
//! chain never waits and packing fills what is left. Memory is a few chunks per thread.

use std::{
    collections::{BTreeMap, VecDeque},
    fs::{File, Metadata},
    path::Path,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
};

use md5::Md5;
use sha2::{Digest as _, Sha256};

use super::{CHUNK, Chunk, Error, Facts, Stamp, probe::Probe, source, workers::Packers};
use crate::{
    codec::Sum,
    digest::{self, Digest, Digests, Md5Digest, Want},
};

/// A file to read.
#[derive(Clone, Copy)]
pub(super) struct Job<'a> {
    /// The file.
    pub(super) path: &'a Path,
    /// What it was when it was looked at.
    pub(super) stamp: &'a Stamp,
}

/// What to do with the results.
pub(super) trait Desk: Sync {
    /// A task that is no part of reading: a piece to pack.
    type Extra: Send;

    /// The file with this index was read. Gives what follows from it.
    fn learned(&self, index: usize, found: Found, metadata: &Metadata) -> Vec<Self::Extra>;

    /// Does what followed.
    fn extra(&self, extra: Self::Extra, packers: &mut Packers) -> Result<(), Error>;

    /// That many bytes were read and hashed.
    fn advance(&self, bytes: u64);
}

/// What was found out about a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// Always.
    pub(super) facts: Facts,
    /// If it is wanted.
    pub(super) md5: Option<Md5Digest>,
}

/// Reads all the files and does `extras`, on that many threads.
pub(super) fn run<D: Desk>(
    jobs: &[Job<'_>],
    extras: Vec<D::Extra>,
    want: Want,
    threads: usize,
    desk: &D,
) -> Result<(), Error> {
    let mut waiting: Vec<usize> = (0..jobs.len()).collect();
    waiting.sort_by_key(|index| (jobs[*index].stamp.len, std::cmp::Reverse(*index)));
    let board = Mutex::new(Board {
        jobs,
        want,
        waiting,
        open: BTreeMap::new(),
        begun: 0,
        beginning: 0,
        extras: extras.into(),
        free: Vec::new(),
        running: 0,
        failed: None,
        abandoned: false,
        most_open: threads,
    });
    let changed = Condvar::new();
    thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(|| work(&board, &changed, desk));
        }
        work(&board, &changed, desk);
    });
    let failed = board.into_inner().unwrap_or_else(PoisonError::into_inner).failed;
    failed.map_or(Ok(()), Err)
}

fn work<D: Desk>(board: &Mutex<Board<'_, D::Extra>>, changed: &Condvar, desk: &D) {
    let mut tools = Tools::default();
    let _watch = Watch { board, changed };
    while let Some(task) = take(board, changed) {
        let done = tools.carry_out(task, desk);
        let mut board = lock(board);
        board.running -= 1;
        if let Err(error) = done.and_then(|done| board.settle(done, desk)) {
            board.failed.get_or_insert(error);
        }
        changed.notify_all();
    }
}

/// Lets the other threads go when this one panics.
struct Watch<'w, 'a, E> {
    board: &'w Mutex<Board<'a, E>>,
    changed: &'w Condvar,
}

impl<E> Drop for Watch<'_, '_, E> {
    fn drop(&mut self) {
        if thread::panicking() {
            lock(self.board).abandoned = true;
            self.changed.notify_all();
        }
    }
}

fn lock<T>(board: &Mutex<T>) -> MutexGuard<'_, T> {
    board.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The next task, when there is one; `None` when nothing is left or something failed.
fn take<'a, E>(board: &Mutex<Board<'a, E>>, changed: &Condvar) -> Option<Task<'a, E>> {
    let mut held = lock(board);
    while held.failed.is_none() && !held.abandoned {
        if let Some(task) = held.next() {
            held.running += 1;
            return Some(task);
        }
        if held.running == 0 {
            return None;
        }
        held = changed.wait(held).unwrap_or_else(PoisonError::into_inner);
    }
    None
}

/// Most chunks of a file in memory.
const AHEAD: usize = 4;

struct Board<'a, E> {
    jobs: &'a [Job<'a>],
    want: Want,
    /// Not begun, the longest last.
    waiting: Vec<usize>,
    /// Being read, in the order they were begun: the longest first.
    open: BTreeMap<usize, Open<'a>>,
    begun: usize,
    beginning: usize,
    extras: VecDeque<E>,
    /// Buffers that nobody uses.
    free: Vec<Vec<u8>>,
    running: usize,
    failed: Option<Error>,
    /// A thread panicked: the others must not wait for it.
    abandoned: bool,
    most_open: usize,
}

/// A file that is being read.
struct Open<'a> {
    index: usize,
    job: Job<'a>,
    file: Arc<File>,
    /// Index of the next chunk.
    next: u64,
    reading: bool,
    /// MD5, if it is wanted, and SHA-256.
    lanes: Vec<Lane>,
    crc: Sum,
    chunks: Vec<Chunk>,
}

/// A chain and what it has not taken yet.
struct Lane {
    /// Away while a thread works on it.
    chain: Option<Chain>,
    queue: VecDeque<Arc<Vec<u8>>>,
}

enum Chain {
    Md5(Md5),
    Sha256(Sha256),
}

enum Task<'a, E> {
    Begin { index: usize, job: Job<'a>, want: Want },
    Read { key: usize, file: Arc<File>, job: Job<'a>, chunk: u64, buffer: Vec<u8> },
    Hash { key: usize, lane: usize, chain: Chain, chunk: Arc<Vec<u8>> },
    Extra(E),
}

enum Done<'a, E> {
    /// A short file, from beginning to end.
    Whole(Vec<E>),
    Begun(Box<Open<'a>>),
    Read {
        key: usize,
        chunk: Vec<u8>,
        crc32: u32,
        incompressible: bool,
    },
    Hashed {
        key: usize,
        lane: usize,
        chain: Chain,
        chunk: Arc<Vec<u8>>,
    },
    Extra,
}

impl<'a, E> Board<'a, E> {
    /// The most urgent task there is now.
    fn next(&mut self) -> Option<Task<'a, E>> {
        for (key, open) in &mut self.open {
            for (lane, Lane { chain, queue }) in open.lanes.iter_mut().enumerate() {
                if chain.is_some()
                    && let Some(chunk) = queue.pop_front()
                {
                    let chain = chain.take().expect("it is there");
                    return Some(Task::Hash { key: *key, lane, chain, chunk });
                }
            }
            let queued = open.lanes.iter().map(|lane| lane.queue.len()).max();
            if !open.reading && open.next * CHUNK < open.job.stamp.len && queued < Some(AHEAD) {
                open.reading = true;
                let (chunk, file) = (open.next, open.file.clone());
                let buffer = self.free.pop().unwrap_or_default();
                return Some(Task::Read { key: *key, file, job: open.job, chunk, buffer });
            }
        }
        if self.open.len() + self.beginning < self.most_open
            && let Some(index) = self.waiting.pop()
        {
            self.beginning += 1;
            return Some(Task::Begin { index, job: self.jobs[index], want: self.want });
        }
        self.extras.pop_front().map(Task::Extra)
    }

    /// Takes in what a thread has done.
    fn settle<D: Desk<Extra = E>>(&mut self, done: Done<'a, E>, desk: &D) -> Result<(), Error> {
        match done {
            Done::Whole(extras) => {
                self.beginning -= 1;
                self.extras.extend(extras);
            }
            Done::Begun(open) => {
                self.beginning -= 1;
                self.begun += 1;
                self.open.insert(self.begun, *open);
            }
            Done::Read { key, chunk, crc32, incompressible } => {
                let open = self.open.get_mut(&key).expect("it is being read");
                open.crc = open.crc.and(Sum { len: chunk.len() as u64, crc32 });
                open.chunks.push(Chunk { crc32, stored: incompressible });
                (open.next, open.reading) = (open.next + 1, false);
                let chunk = Arc::new(chunk);
                open.lanes.iter_mut().for_each(|lane| lane.queue.push_back(chunk.clone()));
            }
            Done::Hashed { key, lane, chain, chunk } => {
                // The last one to use a buffer puts it back.
                self.free.extend(Arc::try_unwrap(chunk));
                let open = self.open.get_mut(&key).expect("it is being read");
                open.lanes[lane].chain = Some(chain);
                if open.is_over() {
                    let open = self.open.remove(&key).expect("it is there");
                    if self.open.len() + self.beginning + self.waiting.len() == 0 {
                        // Nothing is read any more, and packing needs memory of its own.
                        self.free = Vec::new();
                    }
                    self.extras.extend(open.finish(desk)?);
                }
            }
            Done::Extra => {}
        }
        Ok(())
    }
}

impl<'a> Open<'a> {
    fn new(index: usize, job: Job<'a>, file: File, want: Want) -> Self {
        let lane = |chain| Lane { chain: Some(chain), queue: VecDeque::new() };
        let md5 = (want == Want::Md5Too).then(|| lane(Chain::Md5(Md5::new())));
        // The longer chain goes first.
        let lanes = md5.into_iter().chain([lane(Chain::Sha256(Sha256::new()))]).collect();
        Self {
            index,
            job,
            file: Arc::new(file),
            next: 0,
            reading: false,
            lanes,
            crc: Sum::default(),
            chunks: Vec::new(),
        }
    }

    fn is_over(&self) -> bool {
        let idle = |lane: &Lane| lane.chain.is_some() && lane.queue.is_empty();
        !self.reading && self.next * CHUNK >= self.job.stamp.len && self.lanes.iter().all(idle)
    }

    fn finish<D: Desk>(self, desk: &D) -> Result<Vec<D::Extra>, Error> {
        let (mut md5, mut digests) = (None, None);
        for chain in self.lanes.into_iter().filter_map(|lane| lane.chain) {
            match chain {
                Chain::Md5(chain) => md5 = Some(Digest(chain.finalize().into())),
                Chain::Sha256(chain) => {
                    let sha256 = Digest(chain.finalize().into());
                    let (len, crc32) = (self.job.stamp.len, self.crc.crc32);
                    digests = Some(Digests { len, sha256, crc32 });
                }
            }
        }
        let digests = digests.expect("a file is over when its chains are back");
        let found = Found { facts: Facts::new(digests, self.chunks), md5 };
        let metadata = source::check_stamp(&self.file, self.job.path, self.job.stamp)?;
        Ok(desk.learned(self.index, found, &metadata))
    }
}

/// What a thread works with.
#[derive(Default)]
struct Tools {
    probe: Probe,
    packers: Packers,
    /// The content of a short file.
    short: Vec<u8>,
}

impl Tools {
    fn carry_out<'a, D: Desk>(
        &mut self,
        task: Task<'a, D::Extra>,
        desk: &D,
    ) -> Result<Done<'a, D::Extra>, Error> {
        Ok(match task {
            Task::Begin { index, job, want } => {
                let file = source::open_file(job.path, job.stamp)?;
                if job.stamp.len > CHUNK {
                    return Ok(Done::Begun(Box::new(Open::new(index, job, file, want))));
                }
                let found = self.whole(job, &file, want)?;
                let metadata = source::check_stamp(&file, job.path, job.stamp)?;
                desk.advance(job.stamp.len);
                Done::Whole(desk.learned(index, found, &metadata))
            }
            Task::Read { key, file, job, chunk, mut buffer } => {
                let len = CHUNK.min(job.stamp.len - chunk * CHUNK);
                source::read_at(&file, job, chunk * CHUNK, len, &mut buffer)?;
                let incompressible = self.probe.is_incompressible(&buffer);
                let crc32 = crc32fast::hash(&buffer);
                Done::Read { key, chunk: buffer, crc32, incompressible }
            }
            Task::Hash { key, lane, mut chain, chunk } => {
                match &mut chain {
                    Chain::Md5(md5) => md5.update(&*chunk),
                    Chain::Sha256(sha256) => sha256.update(&*chunk),
                }
                if lane == 0 {
                    desk.advance(chunk.len() as u64);
                }
                Done::Hashed { key, lane, chain, chunk }
            }
            Task::Extra(extra) => {
                desk.extra(extra, &mut self.packers)?;
                Done::Extra
            }
        })
    }

    /// A short file, from beginning to end.
    fn whole(&mut self, job: Job<'_>, file: &File, want: Want) -> Result<Found, Error> {
        source::read_at(file, job, 0, job.stamp.len, &mut self.short)?;
        let content = &*self.short;
        let digests = Digests::of(content);
        let md5 = (want == Want::Md5Too).then(|| digest::md5(content));
        let chunk = |stored| Chunk { crc32: digests.crc32, stored };
        let chunks = match content {
            [] => Vec::new(),
            content => vec![chunk(self.probe.is_incompressible(content))],
        };
        let facts = Facts::new(digests, chunks);
        Ok(Found { facts, md5 })
    }
}
