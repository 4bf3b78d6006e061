//! The checksum at the end of a zstd frame, over all that the frame unpacks to.
//!
//! It is one chain through all the content, in order. Where much of the content is stored, it is not
//! computed when the frame is described, but while it is written: the writer reads that much anyway.

use std::{
    ops::Range,
    sync::{
        Arc, OnceLock,
        mpsc::{self, Receiver, SyncSender},
    },
    thread::{Scope, ScopedJoinHandle},
};

use super::{Reader, Recipe, cut::Part};
use crate::{codec::zstd, digest::Xxh64, payload::Error};

/// Stored content that is worth waiting for the writer, in bytes.
const WORTHWHILE: u64 = if cfg!(test) { 1 << 20 } else { 64 << 20 };

/// Chunks that wait to be hashed.
const AHEAD: usize = 3;

/// The checksum of some content, once somebody asks for it.
#[derive(Debug)]
pub struct Check {
    content: Recipe,
    /// Where the content of each stored segment starts, in their order, in bytes.
    stored: Vec<u64>,
    known: OnceLock<[u8; Self::LEN]>,
}

impl Check {
    /// Length in bytes.
    pub(super) const LEN: usize = 4;

    /// Of what is cut into these parts, if that should wait for the writer.
    pub(super) fn waiting(plain: &Recipe, parts: &[Part<'_>]) -> Option<Self> {
        let (mut at, mut total, mut stored) = (0, 0, Vec::new());
        for part in parts {
            if let Part::Piece(_, piece) = part
                && piece.stored
            {
                stored.push(at);
                total += piece.len;
            }
            at += part.len();
        }
        let wait = || Self { content: plain.clone(), stored, known: OnceLock::new() };
        (total >= WORTHWHILE).then(wait)
    }

    /// Of all that; reads it.
    pub(super) fn now(plain: &Recipe) -> Result<Self, Error> {
        let mut chain = Chain::new(plain);
        chain.read(u64::MAX)?;
        let known = OnceLock::from(chain.finish());
        Ok(Self { content: Recipe::default(), stored: Vec::new(), known })
    }

    /// Whether the writer should compute it.
    pub(super) fn waits(&self) -> bool {
        !self.stored.is_empty() && self.known().is_none()
    }

    /// The bytes, if they have been computed.
    pub(super) fn known(&self) -> Option<[u8; Self::LEN]> {
        self.known.get().copied()
    }

    /// The bytes; reads all the content, unless that has happened.
    pub(super) fn bytes(&self) -> Result<[u8; Self::LEN], Error> {
        if let Some(known) = self.known() {
            return Ok(known);
        }
        let mut chain = Chain::new(&self.content);
        chain.read(u64::MAX)?;
        Ok(self.learn(&chain))
    }

    fn learn(&self, chain: &Chain<'_>) -> [u8; Self::LEN] {
        *self.known.get_or_init(|| chain.finish())
    }

    /// Computes it from what is handed over and, between that, from the content itself.
    fn follow(&self, handed: &Receiver<Handed>) -> Result<(), Error> {
        let mut chain = Chain::new(&self.content);
        for handed in handed {
            match handed {
                Handed::Chunk { at, chunk, range } => {
                    chain.read(at)?;
                    chain.take(&chunk[range]);
                }
                Handed::End => {
                    chain.read(u64::MAX)?;
                    self.learn(&chain);
                }
            }
        }
        Ok(())
    }
}

/// The hash of the content up to some point.
struct Chain<'a> {
    hasher: Xxh64,
    reader: Reader<'a>,
    at: u64,
}

impl<'a> Chain<'a> {
    fn new(content: &'a Recipe) -> Self {
        Self { hasher: Xxh64::default(), reader: content.reader(), at: 0 }
    }

    /// Reads on to `to`, or to the end.
    fn read(&mut self, to: u64) -> Result<(), Error> {
        while self.at < to {
            let ready = self.reader.ready()?;
            let len =
                usize::try_from(to - self.at).map_or(ready.len(), |most| most.min(ready.len()));
            if len == 0 {
                break;
            }
            self.hasher.update(&ready[..len]);
            self.reader.advance(len);
            self.at += len as u64;
        }
        Ok(())
    }

    /// The checksum of what was hashed.
    fn finish(&self) -> [u8; Check::LEN] {
        zstd::checksum(self.hasher.finish())
    }

    /// Takes the next bytes as given.
    fn take(&mut self, bytes: &[u8]) {
        self.hasher.update(bytes);
        self.reader.skip(bytes.len() as u64);
        self.at += bytes.len() as u64;
    }
}

/// What the writer hands over.
enum Handed {
    /// Some of a chunk, and where in the content it is.
    Chunk { at: u64, chunk: Arc<Vec<u8>>, range: Range<usize> },
    /// Nothing more comes, and the checksum is needed.
    End,
}

/// A thread that computes a checksum beside the writer.
pub(super) struct Beside<'s> {
    check: &'s Check,
    hand: SyncSender<Handed>,
    thread: ScopedJoinHandle<'s, Result<(), Error>>,
    /// How many stored segments have begun.
    begun: usize,
}

impl<'s> Beside<'s> {
    /// For a checksum that [waits](Check::waits).
    pub(super) fn start(scope: &'s Scope<'s, '_>, check: &'s Check) -> Self {
        let (hand, handed) = mpsc::sync_channel(AHEAD);
        let thread = scope.spawn(move || check.follow(&handed));
        Self { check, hand, thread, begun: 0 }
    }

    /// Where the content of the next stored segment is.
    pub(super) fn begin(&mut self) -> u64 {
        self.begun += 1;
        self.check.stored[self.begun - 1]
    }

    /// Hands over what was read of it.
    pub(super) fn hand(&self, at: u64, chunk: &Arc<Vec<u8>>, range: Range<usize>) {
        // When the thread has failed, `finish` tells why.
        let _ = self.hand.send(Handed::Chunk { at, chunk: chunk.clone(), range });
    }

    /// Waits until the checksum is known.
    pub(super) fn finish(self) -> Result<(), Error> {
        let Self { hand, thread, .. } = self;
        let _ = hand.send(Handed::End);
        drop(hand);
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}
