//! Whatever is packed, on any number of threads, unpacks to what was described, with independent
//! decoders and with the reference tools.

#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::Read,
    path::Path,
    process::{Command, Stdio},
};

use pkggen::{
    codec::{Codec, Packing},
    digest::Want,
    payload::{self, Bench, Blob},
    splice::{self, Recipe, Segment},
};
use proptest::{collection::vec, prelude::*};

/// A part of a recipe, as data.
#[derive(Clone, Debug)]
enum Part {
    Header(Vec<u8>),
    Padding(u64),
    /// A file: seed, length, and how often its content repeats itself.
    File(u64, usize, Vec<bool>),
    /// Half of the file before.
    Half,
}

fn part() -> impl Strategy<Value = Part> {
    let noise = vec(any::<bool>(), 1..8);
    prop_oneof![
        3 => vec(any::<u8>(), 0..700).prop_map(Part::Header),
        2 => (0_u64..200_000).prop_map(Part::Padding),
        3 => (any::<u64>(), 0_usize..100_000, noise.clone()).prop_map(|(s, l, n)| Part::File(s, l, n)),
        2 => (any::<u64>(), 900_000_usize..7_000_000, noise).prop_map(|(s, l, n)| Part::File(s, l, n)),
        1 => Just(Part::Half),
    ]
}

/// Content whose megabytes are noise or text.
fn content(seed: u64, len: usize, noise: &[bool]) -> Vec<u8> {
    let mut state = seed;
    let mut byte = |at: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let random = state.to_be_bytes()[0];
        if noise[(at >> 20) % noise.len()] {
            random
        } else {
            b"etaoin shrdlu\n  "[usize::from(random & 15)]
        }
    };
    (0..len).map(&mut byte).collect()
}

fn recipe(parts: &[Part], dir: &Path) -> (Recipe, Vec<Blob>, Vec<u8>) {
    let (mut recipe, mut blobs, mut plain) = (Recipe::default(), Vec::<Blob>::new(), Vec::new());
    for part in parts {
        match part {
            Part::Header(bytes) => {
                recipe.bytes(bytes.clone());
                plain.extend(bytes);
            }
            Part::Padding(len) => {
                recipe.zeros(*len);
                plain.resize(plain.len() + usize::try_from(*len).unwrap(), 0);
            }
            Part::File(seed, len, noise) => {
                let (path, bytes) =
                    (dir.join(blobs.len().to_string()), content(*seed, *len, noise));
                fs::write(&path, &bytes).unwrap();
                blobs.push(Blob::open(path).unwrap());
                recipe.blob(blobs.last().unwrap());
                plain.extend(bytes);
            }
            Part::Half => {
                let Some(blob) = blobs.last().cloned() else { continue };
                let (at, len) = (blob.len() / 3, blob.len() / 2);
                let bytes = fs::read(blob.path().unwrap()).unwrap();
                let at_byte = usize::try_from(at).unwrap();
                plain.extend(&bytes[at_byte..at_byte + usize::try_from(len).unwrap()]);
                recipe.push(Segment::Blob { blob, at, len });
            }
        }
    }
    (recipe, blobs, plain)
}

fn read(recipe: &Recipe) -> Vec<u8> {
    let mut bytes = Vec::new();
    recipe.reader().read_to_end(&mut bytes).unwrap();
    assert_eq!(bytes.len() as u64, recipe.len());
    bytes
}

fn unpack(codec: Codec, stream: &[u8], len: usize) -> Vec<u8> {
    let mut plain = Vec::with_capacity(len + 1);
    match codec {
        Codec::None => Ok(len),
        Codec::Gzip => flate2::bufread::GzDecoder::new(stream).read_to_end(&mut plain),
        Codec::Xz => liblzma::bufread::XzDecoder::new(stream).read_to_end(&mut plain),
        Codec::Zstd => Ok(zstd_safe::decompress(&mut plain, stream).unwrap()),
    }
    .unwrap();
    if codec == Codec::None { stream.to_vec() } else { plain }
}

/// Fast levels: the property is about pasting, not about packing well.
fn packings() -> BTreeSet<Packing> {
    ["none", "gzip:1", "xz:0", "zstd:1", "zstd:5"]
        .map(|text| Packing::parse(text, &Codec::ALL).unwrap())
        .into()
}

fn bench(threads: usize) -> Bench {
    let mut bench = Bench::for_tests();
    bench.threads = threads;
    bench
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, max_shrink_iters: 20, ..ProptestConfig::default() })]

    #[test]
    fn packed_recipes_unpack_to_what_was_described(
        parts in vec(part(), 0..9),
        threads in 1_usize..5,
    ) {
        let dir = tempfile::tempdir().unwrap();
        let (plain, blobs, want) = recipe(&parts, dir.path());
        let one = bench(1);
        payload::ingest(&blobs, &BTreeSet::new(), Want::Sha256, &one).unwrap();
        let many = bench(threads);
        let again: Vec<Blob> = blobs.iter().map(|b| Blob::open(b.path().unwrap()).unwrap()).collect();
        payload::ingest(&again, &packings(), Want::Sha256, &many).unwrap();
        for (blob, again) in blobs.iter().zip(&again) {
            prop_assert_eq!(blob.facts(), again.facts());
        }
        for packing in packings() {
            let packed = read(&splice::pack(&plain, packing, &one).unwrap());
            prop_assert!(unpack(packing.codec, &packed, want.len()) == want, "{packing}");
            let twice = read(&splice::pack(&plain, packing, &many).unwrap());
            prop_assert!(packed == twice, "{packing} on {threads} threads");
        }
    }
}

/// A recipe with everything in it.
fn sample(dir: &Path) -> (Recipe, Vec<Blob>, Vec<u8>) {
    let mixed = vec![false, true, true, true, true, true, false];
    let parts = [
        Part::Header(b"a header".repeat(64)),
        Part::File(1, 9_000_000, mixed),
        Part::Padding(512),
        Part::File(2, 30_000, vec![false]),
        Part::File(3, 2_500_000, vec![true]),
        Part::Padding(1024),
    ];
    recipe(&parts, dir)
}

fn has(tool: &str) -> bool {
    let found = Command::new(tool).arg("--version").stdout(Stdio::null()).status().is_ok();
    if !found {
        println!("skipped: {tool} is not installed");
    }
    found
}

#[test]
fn the_reference_tools_find_nothing_wrong_with_packed_streams() {
    let (dir, bench) = (tempfile::tempdir().unwrap(), bench(2));
    let (plain, blobs, want) = sample(dir.path());
    payload::ingest(&blobs, &packings(), Want::Sha256, &bench).unwrap();
    for (tool, text) in [("gzip", "gzip:6"), ("xz", "xz:1"), ("zstd", "zstd:3")] {
        let packing = Packing::parse(text, &Codec::ALL).unwrap();
        let packed = splice::pack(&plain, packing, &bench).unwrap();
        let path = dir.path().join(format!("packed.{tool}"));
        splice::write(&packed, dir.path(), &bench).unwrap().publish(&path).unwrap();
        if !has(tool) {
            continue;
        }
        let test = Command::new(tool).arg("-t").stdin(File::open(&path).unwrap()).status().unwrap();
        assert!(test.success(), "{tool} -t");
        let unpacked =
            Command::new(tool).arg("-dc").stdin(File::open(&path).unwrap()).output().unwrap();
        assert!(unpacked.stdout == want, "{tool} -dc");
    }
}

#[test]
fn a_changed_byte_anywhere_in_a_stream_is_noticed_by_its_decoder() {
    let (dir, bench) = (tempfile::tempdir().unwrap(), bench(2));
    let parts = [
        Part::Header(b"a header".repeat(64)),
        Part::File(3, 1_100_000, vec![true]),
        Part::Padding(1024),
    ];
    let (plain, blobs, want) = recipe(&parts, dir.path());
    payload::ingest(&blobs, &packings(), Want::Sha256, &bench).unwrap();
    for text in ["gzip:1", "xz:0", "zstd:1"] {
        let packing = Packing::parse(text, &Codec::ALL).unwrap();
        let packed = read(&splice::pack(&plain, packing, &bench).unwrap());
        for at in (12..packed.len()).step_by(packed.len() / 9) {
            let mut bytes = packed.clone();
            bytes[at] ^= 1;
            let mut plain = Vec::with_capacity(want.len() + 1);
            let failed = match packing.codec {
                Codec::None => unreachable!("it is not in the list"),
                Codec::Gzip => {
                    flate2::bufread::GzDecoder::new(&*bytes).read_to_end(&mut plain).is_err()
                }
                Codec::Xz => {
                    liblzma::bufread::XzDecoder::new(&*bytes).read_to_end(&mut plain).is_err()
                }
                Codec::Zstd => zstd_safe::decompress(&mut plain, &bytes).is_err(),
            };
            assert!(failed, "{packing}, byte {at}");
        }
    }
}

#[test]
fn a_damaged_store_is_mended() {
    let (dir, bench) = (tempfile::tempdir().unwrap(), bench(2));
    let (plain, blobs, want) = sample(dir.path());
    let packing = Packing::parse("zstd:1", &Codec::ALL).unwrap();
    payload::ingest(&blobs, &[packing].into(), Want::Sha256, &bench).unwrap();
    let first = splice::pack(&plain, packing, &bench).unwrap();
    let mut damaged = BTreeSet::new();
    for segment in first.segments() {
        if let Segment::Packed { file, .. } = segment {
            let mut bytes = fs::read(&**file).unwrap();
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            fs::write(&**file, bytes).unwrap();
            damaged.insert(file.to_path_buf());
        }
    }
    assert!(!damaged.is_empty());
    let left = splice::write(&first, dir.path(), &bench).err().unwrap();
    assert!(matches!(left, payload::Error::Damaged { .. }));
    let second = splice::pack(&plain, packing, &bench).unwrap();
    assert!(unpack(Codec::Zstd, &read(&second), want.len()) == want);
}

/// 5 GiB of holes with a few bytes in them: lengths beyond 32 bits. `cargo test -- --ignored`.
#[test]
#[ignore = "reads 5 GiB several times"]
fn payloads_beyond_4_gib_are_packed() {
    let (dir, bench) = (tempfile::tempdir().unwrap(), bench(2));
    let path = dir.path().join("large");
    let file = File::create(&path).unwrap();
    file.set_len((5 << 30) + 3).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&file, b"near the end", 5 << 30 >> 1).unwrap();
    let blobs = [Blob::open(&path).unwrap()];
    let (mut plain, packing) = (Recipe::default(), Packing::of(Codec::Zstd));
    plain.blob(&blobs[0]);
    payload::ingest(&blobs, &[packing].into(), Want::Sha256, &bench).unwrap();
    let mut gzip = Packing::of(Codec::Gzip);
    gzip.level = 1;
    for (tool, packing) in [("zstd", packing), ("gzip", gzip)] {
        let packed = splice::pack(&plain, packing, &bench).unwrap();
        let out = dir.path().join(tool);
        splice::write(&packed, dir.path(), &bench).unwrap().publish(&out).unwrap();
        let mut unpacked = Command::new(tool)
            .arg("-dc")
            .stdin(File::open(out).unwrap())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (mut hasher, mut buffer) = (crc32fast::Hasher::new(), vec![0; 1 << 20]);
        let (mut len, mut stdout) = (0_u64, unpacked.stdout.take().unwrap());
        loop {
            let read = stdout.read(&mut buffer).unwrap();
            if read == 0 {
                break;
            }
            hasher.update(&buffer[..read]);
            len += read as u64;
        }
        assert!(unpacked.wait().unwrap().success());
        let digests = blobs[0].digests();
        assert_eq!((len, hasher.finalize()), (digests.len, digests.crc32));
    }
}
