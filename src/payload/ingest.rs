//! One read of every payload: digests, checks, packed pieces.

use std::{
    collections::{BTreeSet, HashSet},
    fs::Metadata,
    sync::{Mutex, PoisonError},
};

use super::{
    Bench, Blob, Error, Found, Key, Piece, Stamp,
    board::{self, Desk, Job},
    has_pieces, pack_piece, pieces,
    workers::Packers,
};
use crate::{
    codec::{Codec, Packing},
    digest::Want,
    memory,
};

/// Reads every payload that is not known yet, and packs pieces of larger ones for every packing in
/// use. A payload that is there several times is read once; one that is as an earlier run found it
/// is not read, and what the store holds is not packed.
///
/// MD5 takes as long as all the rest, so it is only computed where it is wanted.
pub fn ingest(
    blobs: &[Blob],
    packings: &BTreeSet<Packing>,
    want: Want,
    bench: &Bench,
) -> Result<(), Error> {
    let mut intake =
        Intake { bench, packings, unknown: Vec::new(), jobs: Vec::new(), packed: Mutex::default() };
    let (files, mut extras) = (files(blobs), Vec::new());
    for same in files.chunk_by(|(one, _), (next, _)| one.stamp == next.stamp) {
        match known(same, want, bench) {
            Some(found) => {
                learn(same, &found);
                extras.extend(intake.pieces_of(same[0].1));
            }
            None => intake.add(same),
        }
    }
    bench.progress.start("reading payloads", intake.total(&extras));
    let result = board::run(&intake.jobs, extras, want, bench.threads, &intake);
    bench.progress.finish();
    memory::give_back();
    result
}

/// A file and what has it as its content.
type Content<'a> = (Job<'a>, &'a Blob);

/// Payloads sorted by file, whatever it is called: hard links are one file.
fn files(blobs: &[Blob]) -> Vec<Content<'_>> {
    let mut files: Vec<_> = blobs.iter().filter_map(|blob| Some((blob.job()?, blob))).collect();
    files.sort_by_key(|(job, _)| *job.stamp);
    files
}

/// What this or an earlier run found out.
fn known(same: &[Content<'_>], want: Want, bench: &Bench) -> Option<Found> {
    let learned = same.iter().find_map(|(_, blob)| blob.found(want));
    learned.or_else(|| {
        let Job { path, stamp } = same[0].0;
        let metadata = path.metadata().ok().filter(|now| Stamp::of(now) == *stamp)?;
        let found = bench.index().filter(|_| !bench.fresh)?.find(path, &metadata)?;
        (want == Want::Sha256 || found.md5.is_some()).then_some(found)
    })
}

fn learn(same: &[Content<'_>], found: &Found) {
    for (_, blob) in same {
        blob.learn_all(found);
    }
}

/// What is done with the files that are read.
struct Intake<'a> {
    bench: &'a Bench,
    packings: &'a BTreeSet<Packing>,
    unknown: Vec<&'a [Content<'a>]>,
    jobs: Vec<Job<'a>>,
    /// Pieces that some thread packs: the same content may be there under several names.
    packed: Mutex<HashSet<Key>>,
}

impl<'a> Intake<'a> {
    fn add(&mut self, same: &'a [Content<'a>]) {
        self.jobs.push(same[0].0);
        self.unknown.push(same);
    }

    /// Bytes that will be advanced by; an estimate where files have not been read yet.
    fn total(&self, extras: &[Extra]) -> u64 {
        let packings = || self.packings.iter().filter(|packing| packing.codec != Codec::None);
        let work = |job: &Job<'_>| {
            let len = job.stamp.len;
            let packed = packings().filter(|packing| len >= packing.alone()).count() as u64;
            len + packed * len
        };
        let jobs: u64 = self.jobs.iter().map(work).sum();
        jobs + extras.iter().map(|(_, piece, _)| piece.len).sum::<u64>()
    }

    /// What is to be packed of a payload.
    fn pieces_of(&self, blob: &Blob) -> Vec<Extra> {
        let mut extras = Vec::new();
        for packing in self.packings {
            let Some(facts) = blob.facts().filter(|_| has_pieces(blob, *packing)) else { continue };
            for piece in pieces(facts, *packing) {
                let key = piece.key(blob, *packing);
                let mut packed = self.packed.lock().unwrap_or_else(PoisonError::into_inner);
                if piece.stored || !packed.insert(key) {
                    // Shorter ones that do not shrink are not in the total.
                    if blob.len() >= packing.alone() {
                        self.bench.progress.advance(piece.len);
                    }
                } else {
                    extras.push((blob.clone(), piece, *packing));
                }
            }
        }
        extras
    }
}

/// A piece to pack.
type Extra = (Blob, Piece, Packing);

impl Desk for Intake<'_> {
    type Extra = Extra;

    fn learned(&self, index: usize, found: Found, metadata: &Metadata) -> Vec<Extra> {
        let same = self.unknown[index];
        if let Some(index) = self.bench.index() {
            index.keep(same[0].0.path, metadata, &found);
        }
        learn(same, &found);
        self.pieces_of(same[0].1)
    }

    fn extra(&self, (blob, piece, packing): Extra, packers: &mut Packers) -> Result<(), Error> {
        pack_piece(&blob, piece, packing, packers, self.bench)?;
        self.bench.progress.advance(piece.len);
        Ok(())
    }

    fn advance(&self, bytes: u64) {
        self.bench.progress.advance(bytes);
    }
}

#[cfg(test)]
mod tests {
    use std::{
        fs::{self, File},
        sync::{
            Arc,
            atomic::{AtomicU64, Ordering},
        },
        time::{Duration, SystemTime},
    };

    use super::*;
    use crate::{
        digest::{self, Digests},
        payload::Progress,
    };

    fn noise(len: usize) -> Vec<u8> {
        let mut state = 1_u64;
        let step = |_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            state.to_be_bytes()[0]
        };
        (0..len).map(step).collect()
    }

    /// Counts what it is told.
    #[derive(Default)]
    struct Count(AtomicU64);

    impl Progress for Count {
        fn start(&self, _: &str, _: u64) {}
        fn advance(&self, bytes: u64) {
            self.0.fetch_add(bytes, Ordering::Relaxed);
        }
        fn finish(&self) {}
    }

    #[test]
    fn files_of_every_length_have_the_digests_of_their_content() {
        let (dir, mut bench) = (tempfile::tempdir().unwrap(), Bench::for_tests());
        let lens = [0, 1, 1 << 20, (1 << 20) + 1, 5_000_000, 9 << 20];
        let contents = lens.map(noise);
        let blobs = contents.each_ref().map(|content| {
            let path = dir.path().join(content.len().to_string());
            fs::write(&path, content).unwrap();
            Blob::open(path).unwrap()
        });
        bench.threads = 3;
        ingest(&blobs, &BTreeSet::new(), Want::Sha256, &bench).unwrap();
        for (blob, content) in blobs.iter().zip(&contents) {
            assert_eq!(*blob.digests(), Digests::of(content), "{}", content.len());
            let facts = blob.facts().unwrap();
            let crcs = content.chunks(1 << 20).map(crc32fast::hash);
            assert!(facts.chunks().map(|chunk| chunk.crc32).eq(crcs));
            assert!(facts.chunks().all(|chunk| chunk.stored));
        }
    }

    #[test]
    fn a_file_with_two_names_is_read_once() {
        let dir = tempfile::tempdir().unwrap();
        let (one, two) = (dir.path().join("one"), dir.path().join("two"));
        fs::write(&one, noise(3_000_000)).unwrap();
        fs::hard_link(&one, &two).unwrap();
        let blobs = [&one, &two, &one].map(|path| Blob::open(path).unwrap());
        let (mut bench, count) = (Bench::for_tests(), Arc::new(Count::default()));
        bench.progress = count.clone();
        ingest(&blobs, &BTreeSet::new(), Want::Sha256, &bench).unwrap();
        assert_eq!(count.0.load(Ordering::Relaxed), 3_000_000);
        assert!(blobs.iter().all(|blob| blob.facts().is_some()));
    }

    #[test]
    fn an_unchanged_file_is_not_read_by_the_next_run() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("model");
        fs::write(&path, noise(2_000_000)).unwrap();
        let bench = Bench::for_tests();
        let blob = Blob::open(&path).unwrap();
        ingest(std::slice::from_ref(&blob), &BTreeSet::new(), Want::Sha256, &bench).unwrap();
        // As if it had been written long ago.
        let metadata = path.metadata().unwrap();
        let found = blob.found(Want::Sha256).unwrap();
        bench.index().unwrap().keep_settled(&path, &metadata, &found).unwrap();
        let count = Arc::new(Count::default());
        let mut next = Bench::for_tests();
        next.progress = count.clone();
        next.share_store(&bench);
        let again = Blob::open(&path).unwrap();
        ingest(std::slice::from_ref(&again), &BTreeSet::new(), Want::Sha256, &next).unwrap();
        assert_eq!((again.facts(), count.0.load(Ordering::Relaxed)), (blob.facts(), 0));
        next.fresh = true;
        let again = Blob::open(&path).unwrap();
        ingest(std::slice::from_ref(&again), &BTreeSet::new(), Want::Sha256, &next).unwrap();
        assert_eq!(count.0.load(Ordering::Relaxed), 2_000_000);
    }

    #[test]
    fn md5_is_computed_once_somebody_wants_it() {
        let dir = tempfile::tempdir().unwrap();
        let (long, short) = (dir.path().join("long"), dir.path().join("short"));
        let contents = [noise(2_000_000), noise(1000)];
        fs::write(&long, &contents[0]).unwrap();
        fs::write(&short, &contents[1]).unwrap();
        let (bench, blobs) =
            (Bench::for_tests(), [long, short].map(|path| Blob::open(path).unwrap()));
        ingest(&blobs, &BTreeSet::new(), Want::Sha256, &bench).unwrap();
        assert!(blobs.iter().all(|blob| blob.found(Want::Md5Too).is_none()));
        ingest(&blobs, &BTreeSet::new(), Want::Md5Too, &bench).unwrap();
        for (blob, content) in blobs.iter().zip(&contents) {
            assert_eq!(blob.md5(), digest::md5(content));
        }
    }

    #[test]
    fn a_file_that_changes_under_the_build_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("payload");
        let bench = Bench::for_tests();
        fs::write(&path, noise(100)).unwrap();
        let blob = Blob::open(&path).unwrap();
        fs::write(&path, noise(99)).unwrap();
        let error = ingest(&[blob], &BTreeSet::new(), Want::Sha256, &bench).unwrap_err();
        assert!(matches!(error, Error::Changed { before: 100, now: 99, .. }));
        let blob = Blob::open(&path).unwrap();
        let later = SystemTime::now() + Duration::from_secs(9);
        File::open(&path).unwrap().set_modified(later).unwrap();
        let error = ingest(&[blob], &BTreeSet::new(), Want::Sha256, &bench).unwrap_err();
        assert!(matches!(error, Error::Rewritten { .. }));
        let blob = Blob::open(&path).unwrap();
        fs::remove_file(&path).unwrap();
        let error = ingest(&[blob], &BTreeSet::new(), Want::Sha256, &bench).unwrap_err();
        assert!(matches!(error, Error::Unreadable { .. }));
    }
}
