//! Throws spoiled archives at the readers: no panic, no hang, no unbounded memory.
//!
//! `FUZZ_SECONDS=120 cargo test --release --test fuzz -- --ignored` runs every reader that long
//! (10 seconds by default). Inputs come from a seed, `FUZZ_SEED`; one that fails is left in
//! `target/tmp/fuzz-*` and named.

#![allow(clippy::unwrap_used, missing_docs)]
#![allow(clippy::print_stderr)] // how much was tried is said

#[path = "fuzz/gguf.rs"]
mod gguf;
#[path = "fuzz/rpm.rs"]
mod rpm;

use std::{
    env, fs,
    io::{Cursor, Write as _},
    panic::{self, AssertUnwindSafe},
    path::Path,
    time::{Duration, Instant},
};

use pkggen::{
    codec::Codec,
    container::{
        ar::Ar,
        tar::{BLOCK, Tar, checksum},
        unpack::Unpack,
        zip::{Content, Zip},
    },
    digest::Want,
    format::{FORMATS, report::Report},
    inspect,
    payload::Blob,
    publish::{apt, dnf},
    sign::{
        Source,
        openpgp::{Certificate, Identity, Settings},
    },
    splice::{Recipe, Segment},
    tree::{InstallPath, Mode, Node, Tree},
};

/// Longest that one input may take.
const MAX_TIME: Duration = Duration::from_secs(10);

/// Most memory that the process may have used, in KiB.
const MAX_MEMORY: u64 = 1 << 20;

fn bytes(recipe: &Recipe) -> Vec<u8> {
    let mut out = Vec::new();
    for segment in recipe.segments() {
        match segment {
            Segment::Bytes(bytes) => out.extend_from_slice(bytes),
            Segment::Zeros(len) => out.resize(out.len() + usize::try_from(*len).unwrap(), 0),
            other => panic!("{other:?} is not in memory"),
        }
    }
    out
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::GzBuilder::new().write(Vec::new(), flate2::Compression::new(6));
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn xz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 1);
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(zstd_safe::compress_bound(bytes.len()));
    zstd_safe::CCtx::create().compress2(&mut out, bytes).unwrap();
    out
}

fn pack(bytes: &[u8], codec: Codec) -> Vec<u8> {
    match codec {
        Codec::None => bytes.to_vec(),
        Codec::Gzip => gzip(bytes),
        Codec::Xz => xz(bytes),
        Codec::Zstd => zstd(bytes),
    }
}

const CODECS: [(Codec, &str); 4] =
    [(Codec::None, ""), (Codec::Gzip, ".gz"), (Codec::Xz, ".xz"), (Codec::Zstd, ".zst")];

fn tree() -> Tree {
    let mut tree = Tree::default();
    let mut add = |path: &str, node| tree.insert(InstallPath::parse(path).unwrap(), node).unwrap();
    add("usr/bin/hello", Node::file(Blob::from_bytes("#!/bin/sh\necho hello\n"), Mode(0o755)));
    add("usr/bin/hi", Node::symlink("hello"));
    add(&format!("usr/{}", "n".repeat(150)), Node::symlink("t".repeat(120)));
    add("etc/hello.conf", Node::file(Blob::from_bytes("a = b\n".repeat(200)), Mode(0o644)));
    tree
}

fn data_tar() -> Vec<u8> {
    bytes(&Tar::new(1_700_000_000).tree(&tree(), "./").unwrap().finish())
}

fn control_tar() -> Vec<u8> {
    let control = "Package: hello\nVersion: 1.0\nArchitecture: all\nMaintainer: A <a@b.c>\n\
                   Installed-Size: 8\nDescription: greets\n at length\n";
    let files = [
        ("./control", control, 0o644),
        ("./conffiles", "/etc/hello.conf\n", 0o644),
        ("./md5sums", "d41d8cd98f00b204e9800998ecf8427e  usr/bin/hello\n", 0o644),
        ("./postinst", "#!/bin/sh\n", 0o755),
        ("./triggers", "activate-noawait ldconfig\n", 0o644),
    ];
    let tar = Tar::new(0).node("./", &Node::dir(Mode(0o755))).unwrap();
    let add = |tar: Tar, (name, text, mode)| tar.file(name, Blob::from_bytes(text), Mode(mode));
    bytes(&files.into_iter().try_fold(tar, add).unwrap().finish())
}

fn deb(control: &[u8], data: &[u8], (codec, suffix): (Codec, &str)) -> Vec<u8> {
    let members = [
        ("debian-binary".to_owned(), b"2.0\n".to_vec()),
        ("control.tar.gz".to_owned(), gzip(control)),
        (format!("data.tar{suffix}"), pack(data, codec)),
    ];
    let add = |ar: Ar, (name, content): (String, Vec<u8>)| {
        let mut recipe = Recipe::default();
        recipe.bytes(content);
        ar.member(&name, recipe)
    };
    bytes(&members.into_iter().try_fold(Ar::new(7), add).unwrap().finish())
}

fn zip() -> Vec<u8> {
    let zip = Zip::new(1_700_000_000)
        .dir("top", Mode(0o755))
        .and_then(|zip| zip.file("top/a", Mode(0o755), deflated(&b"hello ".repeat(100))))
        .and_then(|zip| zip.file("top/b", Mode(0o644), Content::stored(b"stored")))
        .and_then(|zip| zip.symlink("top/l", "a"));
    bytes(&zip.unwrap().finish())
}

fn deflated(content: &[u8]) -> Content {
    let mut encoder =
        flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(content).unwrap();
    let mut data = Recipe::default();
    data.bytes(encoder.finish().unwrap());
    Content { data, deflated: true, ..Content::stored(content) }
}

/// Same numbers for the same seed: splitmix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % limit.max(1) as u64).unwrap()
    }

    fn pick<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }
}

/// Values at which readers stumble, as they stand in a file.
#[rustfmt::skip]
const INTERESTING: &[&[u8]] = &[
    b"\0", b"\xff", b"\x80", b"\x7f", b"\xff\xff", b"\0\0", b"\xff\xff\xff\xff", b"\0\0\0\0",
    b"\x80\0\0\0\0\0\0\0\xff\xff\xff\xff", b"\xff\xff\xff\xff\xff\xff\xff\xff", b"77777777777\0",
    b"00000000000\0", b"9999999999", b"-1        ", b"..", b"/", b"./", b"../", b"\n", b" ", b":", b"`\n",
    b"PK\x01\x02", b"PK\x03\x04", b"PK\x05\x06", b"PK\x06\x06", b"PK\x07\x08", b"ustar\x0000", b"ustar  \0",
    b"\x1f\x8b\x08", b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd", b"\x50\x2a\x4d\x18", b"!<arch>\n",
    b"070701", b"070702", b"07070X", b"TRAILER!!!\0", b"ffffffff", b"00000000", b"\xed\xab\xee\xdb",
    b"\x8e\xad\xe8\x01", b"\0\0\0\x3f\0\0\0\x07", b"\0\0\x03\xe8", b"\0\0\0\x08", b"\x0f\xff\xff\xff",
    b"L", b"K", b"x", b"g", b"S", b"1", b"2", b"5", b"30 path=", b"9999999999999999999 a=b\n",
];

/// Changes an input at one to eight places.
fn mutate(input: &[u8], random: &mut Random) -> Vec<u8> {
    let mut out = input.to_vec();
    for _ in 0..=random.below(8) {
        if out.is_empty() {
            return out;
        }
        let at = random.below(out.len());
        let len = 1 + random.below(64.min(out.len() - at));
        match random.below(9) {
            0 => out[at] ^= 1 << random.below(8),
            1 => out[at] = u8::try_from(random.below(256)).unwrap(),
            2 => out.truncate(at),
            3 => drop(out.drain(at..at + len)),
            4 => {
                let copy = out[at..at + len].to_vec();
                out.splice(at..at, copy);
            }
            5 => {
                let (from, copy) = (random.below(out.len()), out[at..at + len].to_vec());
                let end = (from + len).min(out.len());
                out[from..end].copy_from_slice(&copy[..end - from]);
            }
            6 => out.extend((0..len).map(|_| u8::try_from(random.below(256)).unwrap())),
            _ => {
                let value = random.pick(INTERESTING);
                let end = (at + value.len()).min(out.len());
                out[at..end].copy_from_slice(&value[..end - at]);
            }
        }
    }
    out
}

/// Changes a plain tar and rights the checksums, so that the reader gets past them.
fn mutate_tar(tar: &[u8], random: &mut Random) -> Vec<u8> {
    let mut tar = mutate(tar, random);
    for block in tar.chunks_exact_mut(BLOCK) {
        let block: &mut [u8; BLOCK] = block.try_into().unwrap();
        if block[257..262] == *b"ustar" {
            let sum = checksum(block);
            block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        }
    }
    tar
}

/// Runs one reader on inputs until the time is over.
fn fuzz(
    name: &str,
    mut input: impl FnMut(&mut Random) -> Vec<u8>,
    read: impl Fn(&[u8]) -> Option<Report>,
) {
    let number = |name: &str, default| env::var(name).map_or(default, |text| text.parse().unwrap());
    let (seconds, seed) = (number("FUZZ_SECONDS", 10), number("FUZZ_SEED", 1));
    let (mut random, end) = (Random(seed), Instant::now() + Duration::from_secs(seconds));
    let (mut tried, mut fine) = (0_u64, 0_u64);
    while Instant::now() < end {
        let bytes = input(&mut random);
        let start = Instant::now();
        let report = panic::catch_unwind(AssertUnwindSafe(|| read(&bytes)));
        if report.is_err() || start.elapsed() > MAX_TIME {
            let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("fuzz-{name}"));
            fs::write(&path, &bytes).unwrap();
            panic!("{name}: input {tried} of seed {seed} fails: {}", path.display());
        }
        tried += 1;
        fine += u64::from(report.unwrap().is_some_and(|report| report.problems.is_empty()));
    }
    let memory = peak_memory();
    eprintln!("{name}: {tried} inputs, {fine} of them fine, at most {memory} KiB");
    assert!(memory < MAX_MEMORY, "{name} used {memory} KiB");
}

/// Most memory of this process so far, in KiB; 0 where the system does not say.
fn peak_memory() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok()).unwrap_or(0)
}

fn read_as(format: &str, bytes: &[u8]) -> Option<Report> {
    let format = FORMATS.iter().find(|there| there.name() == format).unwrap();
    let _ = format.recognises(&bytes[..bytes.len().min(4096)]);
    let report = format.read(&mut Cursor::new(bytes), Want::Md5Too).ok()?;
    let _ = inspect::text::report(&report);
    Some(report)
}

#[test]
#[ignore = "runs as long as it is told to"]
fn spoiled_debs_are_refused_or_read() {
    let (control, data) = (control_tar(), data_tar());
    let samples: Vec<_> = CODECS.iter().map(|codec| deb(&control, &data, *codec)).collect();
    let input = |random: &mut Random| match random.below(3) {
        0 => mutate(random.pick(&samples).clone().as_slice(), random),
        1 => deb(&mutate_tar(&control, random), &data, CODECS[0]),
        _ => deb(&control, &mutate_tar(&data, random), *random.pick(&CODECS)),
    };
    fuzz("deb", input, |bytes| read_as("deb", bytes));
}

#[test]
#[ignore = "runs as long as it is told to"]
fn spoiled_tars_are_refused_or_read() {
    let data = data_tar();
    let input = |random: &mut Random| {
        let (codec, _) = *random.pick(&CODECS);
        let packed = pack(&mutate_tar(&data, random), codec);
        if random.below(3) == 0 { mutate(&packed, random) } else { packed }
    };
    fuzz("tar", input, |bytes| read_as("tar", bytes));
}

#[test]
#[ignore = "runs as long as it is told to"]
fn spoiled_zips_are_refused_or_read() {
    let sample = zip();
    fuzz("zip", |random| mutate(&sample, random), |bytes| read_as("zip", bytes));
}

#[test]
#[ignore = "runs as long as it is told to"]
fn spoiled_streams_are_refused_or_unpacked() {
    let data = data_tar();
    let samples: Vec<_> = CODECS[1..].iter().map(|(codec, _)| pack(&data, *codec)).collect();
    let input = |random: &mut Random| mutate(random.pick(&samples).clone().as_slice(), random);
    fuzz("unpack", input, |bytes| {
        for (codec, _) in CODECS {
            let _ = Unpack::new(bytes, codec).and_then(Unpack::finish);
        }
        let _ = Unpack::lzma(bytes).and_then(Unpack::finish);
        None
    });
}

/// What OpenPGP readers meet: keys, signatures, clear-signed texts; armored and binary.
fn openpgp_samples() -> Vec<Vec<u8>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/keys");
    let mut samples = Vec::new();
    for name in ["rsa3072", "ed25519"] {
        let secret = root.join(format!("test-only-{name}.secret.asc"));
        let settings = Settings {
            key: Source::File(secret.clone()),
            ..Settings::new([].into(), "/".into(), 1_790_000_000)
        };
        let identity = Identity::open(&settings).unwrap().unwrap();
        samples.push(fs::read(secret).unwrap());
        samples.push(identity.certificate());
        samples.push(identity.certificate_armored().into_bytes());
        samples.push(identity.sign(&mut &b"data"[..], 1_790_000_000).unwrap());
        samples.push(identity.sign_armored(&mut &b"data"[..], 1_790_000_000).unwrap().into_bytes());
        samples.push(identity.clearsign("- data\n", 1_790_000_000).unwrap().into_bytes());
    }
    samples
}

/// Reads bytes as everything that OpenPGP knows. A spoiled key may turn into a good one, a spoiled
/// signature must not be one of other data.
fn read_openpgp(certificate: &Certificate, bytes: &[u8]) {
    if let Ok(found) = Certificate::parse(bytes) {
        let _ = found.fingerprints();
        let _ = found.verify(&mut &b"data"[..], bytes);
    }
    assert!(certificate.verify(&mut &b"other data"[..], bytes).is_err());
    if let Ok((text, _)) = certificate.verify_clearsigned(&String::from_utf8_lossy(bytes)) {
        assert_eq!(text, "- data\n");
    }
}

#[test]
fn spoiled_openpgp_is_refused_or_read() {
    let samples = openpgp_samples();
    let certificate = Certificate::parse(&samples[1]).unwrap();
    let mut random = Random(7);
    for _ in 0..3000 {
        let bytes = mutate(random.pick(&samples).clone().as_slice(), &mut random);
        read_openpgp(&certificate, &bytes);
    }
}

#[test]
#[ignore = "runs as long as it is told to"]
fn spoiled_openpgp_is_refused_or_read_for_long() {
    let samples = openpgp_samples();
    let certificate = Certificate::parse(&samples[1]).unwrap();
    let input = |random: &mut Random| mutate(random.pick(&samples).clone().as_slice(), random);
    fuzz("openpgp", input, |bytes| {
        read_openpgp(&certificate, bytes);
        None
    });
}

/// Texts of repositories, one of each kind.
fn indexes() -> Vec<Vec<u8>> {
    let sum = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    let release = format!(
        "Suite: stable\nCodename: stable\nDate: Sat, 21 Nov 2026 06:38:01 UTC\nAcquire-By-Hash: yes\n\
         Components: main\nSHA256:\n {sum} 1144 main/binary-amd64/Packages\n {sum} 676 main/binary-all/Packages.xz\n"
    );
    let packages = format!(
        "Package: a\nVersion: 1:2.0~rc1-1\nArchitecture: all\nFilename: pool/main/a/a/a_2.0_all.deb\nSize: 10\n\
         SHA256: {sum}\nDescription: a\n b\n .\n\nPackage: b\nVersion: 1\nArchitecture: amd64\nSize: 1\n"
    );
    let repomd = format!(
        "<?xml version=\"1.0\"?>\n<repomd xmlns=\"http://linux.duke.edu/metadata/repo\"><revision>1</revision>\n\
         <data type=\"primary\"><checksum type=\"sha256\">{sum}</checksum><open-checksum type=\"sha256\">{sum}\
         </open-checksum><location href=\"repodata/{sum}-primary.xml.gz\"/><timestamp>1</timestamp><size>2</size>\
         </data></repomd>"
    );
    let primary = format!(
        "<metadata packages=\"1\"><package type=\"rpm\"><name>a &amp; b</name><arch>noarch</arch><version epoch=\"0\" \
         ver=\"1\" rel=\"1\"/><checksum type=\"sha256\" pkgid=\"YES\">{sum}</checksum><time file=\"1\" build=\"2\"/>\
         <size package=\"3\"/><location href=\"packages/a%20b.rpm\"/><format><file>/etc/a</file></format></package></metadata>"
    );
    let list = format!(
        "<filelists><package pkgid=\"{sum}\" name=\"a\"><file type=\"dir\">/a</file></package></filelists>"
    );
    [release, packages, repomd, primary, list].map(String::into_bytes).to_vec()
}

#[test]
#[ignore = "runs as long as it is told to"]
fn spoiled_indexes_of_repositories_are_refused_or_read() {
    let samples = indexes();
    let input = |random: &mut Random| mutate(random.pick(&samples).clone().as_slice(), random);
    fuzz("indexes", input, |bytes| {
        let _ = apt::Release::parse(bytes);
        for paragraph in apt::parse(bytes).unwrap_or_default() {
            let _ = apt::Entry::parse(paragraph);
        }
        let _ = dnf::Repomd::parse(bytes);
        if let Ok(text) = str::from_utf8(bytes) {
            let _ = dnf::primary(text);
            let _ = dnf::elements(text, "filelists");
        }
        None
    });
}
