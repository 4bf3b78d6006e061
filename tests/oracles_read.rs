//! Do dpkg-deb and Python's tarfile agree with our reader, entry by entry, on packages of the
//! distribution? And is every one of their bytes looked at?

#![allow(clippy::unwrap_used, missing_docs)]
#![allow(clippy::print_stderr)] // what was left out is said

mod common;

use std::{
    collections::BTreeMap,
    fs,
    io::Cursor,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
    time::{Duration, Instant},
};

use common::{TempDir, have, is_root, ok, skip, stdout};
use pkggen::{
    digest::{Want, sha256},
    format::report::{ReadEntry, ReadKind, Report},
    inspect,
};

/// Conffiles, triggers, hard links, set-id bits, names beyond ASCII, remove-on-upgrade, scripts of
/// all kinds.
const PACKAGES: &[&str] = &[
    "bash",
    "ca-certificates",
    "dpkg",
    "git",
    "libc6",
    "libgdk-pixbuf2.0-common",
    "login",
    "makedev",
    "man-db",
    "nano",
    "ncurses-base",
    "perl-base",
    "systemd",
    "tzdata",
];

const TOOLS: &[&str] = &["dpkg-deb:dpkg", "apt-get:apt", "python3", "xz:xz-utils", "tar"];

/// The packages, downloaded once per target folder; empty if that is not possible.
fn packages(test: &str) -> &'static [PathBuf] {
    static FOUND: OnceLock<Vec<PathBuf>> = OnceLock::new();
    if !have(test, TOOLS) {
        return &[];
    }
    let found = FOUND.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("packages");
        fs::create_dir_all(&folder).unwrap();
        if debs(&folder).len() < PACKAGES.len() {
            let mut apt = Command::new("apt-get");
            let _ = apt.arg("download").args(PACKAGES).current_dir(&folder).output();
        }
        debs(&folder)
    });
    if found.len() < PACKAGES.len() {
        skip(test, "apt-get cannot download the packages");
        return &[];
    }
    found
}

fn debs(folder: &Path) -> Vec<PathBuf> {
    let all = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut debs: Vec<_> =
        all.filter(|path| path.extension().is_some_and(|e| e == "deb")).collect();
    debs.sort();
    debs
}

/// The same content packed with another codec.
fn repacked(deb: &Path, codec: &str, folder: &Path) -> PathBuf {
    let root = folder.join("root");
    let _ = fs::remove_dir_all(&root);
    ok(Command::new("dpkg-deb").arg("-R").arg(deb).arg(&root));
    let out = folder.join(format!("{codec}-{}", deb.file_name().unwrap().to_str().unwrap()));
    let mut build = Command::new("dpkg-deb");
    build.arg(format!("-Z{codec}")).arg("--root-owner-group").arg("-b").arg(&root).arg(&out);
    ok(build.env("SOURCE_DATE_EPOCH", "1700000000"));
    out
}

/// A package of everything that packages seldom hold: devices (as root), a fifo, hard links, long
/// and odd names.
fn oddities(folder: &Path) -> PathBuf {
    let root = folder.join("odd");
    let data = root.join("usr/share/odd");
    fs::create_dir_all(root.join("DEBIAN")).unwrap();
    fs::create_dir_all(&data).unwrap();
    let control = "Package: odd\nVersion: 1\nArchitecture: all\nMaintainer: A <a@b.c>\n\
                   Description: odd things\n";
    fs::write(root.join("DEBIAN/control"), control).unwrap();
    let deep = data.join("d".repeat(100)).join("e".repeat(150));
    fs::create_dir_all(&deep).unwrap();
    fs::write(deep.join("f".repeat(200)), "deep").unwrap();
    for name in ["a b", "ünï", "back\\slash", "quote'\"", "-dash", "#hash", "tab\tname"] {
        fs::write(data.join(name), name).unwrap();
    }
    fs::write(data.join("first"), "linked").unwrap();
    fs::hard_link(data.join("first"), data.join("second")).unwrap();
    symlink("t".repeat(300), data.join("long-link")).unwrap();
    symlink("../odd/first", data.join("link")).unwrap();
    ok(Command::new("mkfifo").arg(data.join("fifo")));
    if is_root() {
        ok(Command::new("mknod").arg(data.join("null")).args(["c", "1", "3"]));
        ok(Command::new("mknod").arg(data.join("loop")).args(["b", "7", "300"]));
    }
    let out = folder.join("odd_1_all.deb");
    ok(Command::new("dpkg-deb").arg("-b").arg(&root).arg(&out));
    out
}

/// Entries as Python's tarfile reads dpkg-deb's plain tar; one line each, fields split by NUL.
const TARFILE: &str = r#"
import hashlib, sys, tarfile
out = sys.stdout.buffer
kinds = {b"0": "-", b"\0": "-", b"1": "h", b"2": "l", b"3": "c", b"4": "b", b"5": "d", b"6": "p"}
with tarfile.open(fileobj=sys.stdin.buffer, mode="r|", errors="surrogateescape") as tar:
    for m in tar:
        data = tar.extractfile(m).read() if m.isreg() else b""
        kind = kinds[m.type]
        size = len(data) if kind == "-" else 0
        device = f"{m.devmajor},{m.devminor}" if kind in "cb" else ""
        row = [m.name, kind, f"{m.mode & 0o7777:04o}", m.uname, m.gname, str(m.uid), str(m.gid),
               str(size), str(m.mtime), m.linkname, device,
               hashlib.sha256(data).hexdigest() if kind == "-" else ""]
        out.write("\0".join(row).encode("utf-8", "surrogateescape") + b"\n")
"#;

fn tarfile(deb: &Path, member: &str, folder: &Path) -> Vec<String> {
    let tar = folder.join("plain.tar");
    fs::write(&tar, ok(Command::new("dpkg-deb").arg(member).arg(deb)).stdout).unwrap();
    let mut python = Command::new("python3");
    let text = stdout(python.args(["-c", TARFILE]).stdin(fs::File::open(&tar).unwrap()));
    text.lines().map(str::to_owned).collect()
}

/// The same line from our report.
fn line(entry: &ReadEntry) -> String {
    let (mut link, mut device, mut sha) = (String::new(), String::new(), String::new());
    let kind = match &entry.kind {
        ReadKind::Dir => "d",
        ReadKind::File { sha256, .. } => {
            sha = sha256.to_string();
            "-"
        }
        ReadKind::Symlink { target } => {
            link.clone_from(target);
            "l"
        }
        ReadKind::Hardlink { target } => {
            link = format!("./{target}");
            "h"
        }
        ReadKind::Device { block, major, minor } => {
            device = format!("{major},{minor}");
            if *block { "b" } else { "c" }
        }
        ReadKind::Fifo => "p",
    };
    let path = if entry.path == "." { ".".into() } else { format!("./{}", entry.path) };
    let (uid, gid) = entry.ids;
    let (mode, size) = (format!("{:04o}", entry.mode), entry.len());
    [
        path,
        kind.into(),
        mode,
        entry.owner.to_string(),
        entry.group.to_string(),
        uid.to_string(),
        gid.to_string(),
        size.to_string(),
        entry.mtime.to_string(),
        link,
        device,
        sha,
    ]
    .join("\0")
}

/// Everything that dpkg-deb says is what our report says.
fn agree(deb: &Path, folder: &Path) {
    let report = inspect::inspect(deb).unwrap();
    let name = deb.file_name().unwrap().to_string_lossy();
    assert_eq!(report.problems, [""; 0], "{name}");
    let ours: Vec<_> = report.entries.iter().map(line).collect();
    let theirs: Vec<_> = tarfile(deb, "--fsys-tarfile", folder)
        .iter()
        .map(|line| line.replace('\t', "\\x09"))
        .collect();
    assert_eq!(ours.len(), theirs.len(), "{name}");
    for (ours, theirs) in ours.iter().zip(&theirs) {
        assert_eq!(ours, theirs, "{name}");
    }
    fields_agree(deb, &report);
    metadata_agrees(deb, &report, folder);
    let bytes = fs::read(deb).unwrap();
    assert_eq!((report.len, report.sha256), (bytes.len() as u64, Some(sha256(&bytes))), "{name}");
}

fn fields_agree(deb: &Path, report: &Report) {
    for (field, value) in &report.fields {
        let said = stdout(Command::new("dpkg-deb").arg("-f").arg(deb).arg(field));
        assert_eq!(said.trim_end_matches('\n'), value.trim_start(), "{field} of {}", deb.display());
    }
    let all = stdout(Command::new("dpkg-deb").arg("-f").arg(deb));
    let count = all.lines().filter(|line| !line.starts_with([' ', '\t'])).count();
    assert_eq!(count, report.fields.len(), "{}", deb.display());
}

/// Scripts and the other files of control.tar, byte by byte, with their modes.
fn metadata_agrees(deb: &Path, report: &Report, folder: &Path) {
    let control = folder.join("control");
    let _ = fs::remove_dir_all(&control);
    ok(Command::new("dpkg-deb").arg("-e").arg(deb).arg(&control));
    let theirs: BTreeMap<_, _> = fs::read_dir(&control)
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap()))
        .collect();
    let ours: BTreeMap<_, _> =
        report.metadata.iter().map(|(name, file)| (name.clone(), file.content.clone())).collect();
    assert!(ours == theirs, "{}", deb.display());
    let conffiles = theirs.get("conffiles").map(|text| String::from_utf8_lossy(text).into_owned());
    let conffiles = conffiles.unwrap_or_default();
    let said: Vec<_> = conffiles.lines().filter(|line| line.starts_with('/')).collect();
    let marked = report.entries.iter().filter(|entry| entry.config).count();
    assert_eq!(marked, said.len(), "{}", deb.display());
}

#[test]
fn packages_of_the_distribution_read_as_dpkg_reads_them() {
    let test = "packages_of_the_distribution_read_as_dpkg_reads_them";
    let folder = TempDir::new().unwrap();
    for deb in packages(test) {
        agree(deb, folder.path());
    }
}

#[test]
fn every_packing_reads_as_dpkg_reads_it() {
    let test = "every_packing_reads_as_dpkg_reads_it";
    let folder = TempDir::new().unwrap();
    for deb in packages(test).iter().filter(|deb| is(deb, &["nano", "perl-base", "login"])) {
        for codec in ["gzip", "zstd", "none"] {
            agree(&repacked(deb, codec, folder.path()), folder.path());
        }
    }
}

#[test]
fn devices_long_names_and_odd_ones_read_as_dpkg_reads_them() {
    if have("devices_long_names_and_odd_ones_read_as_dpkg_reads_them", TOOLS) {
        let folder = TempDir::new().unwrap();
        agree(&oddities(folder.path()), folder.path());
    }
}

fn is(deb: &Path, names: &[&str]) -> bool {
    let file = deb.file_name().unwrap().to_str().unwrap();
    names.contains(&file.split('_').next().unwrap())
}

fn read(deb: &[u8]) -> Option<Report> {
    let format = inspect::recognise(&deb[..deb.len().min(64 << 10)])?;
    format.read(&mut Cursor::new(deb), Want::Md5Too).ok()
}

/// Same numbers every time: the constants of Knuth's MMIX.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % limit
    }
}

/// Where members' headers and contents are.
fn members(deb: &[u8]) -> Vec<(usize, usize)> {
    let (mut at, mut all) = (8, Vec::new());
    while at < deb.len() {
        let len: usize = str::from_utf8(&deb[at + 48..at + 58]).unwrap().trim().parse().unwrap();
        all.push((at, len));
        at += 60 + len + len % 2;
    }
    all
}

/// All of the ar structure, and start and end of every member.
fn structure(deb: &[u8]) -> Vec<usize> {
    let mut all: Vec<_> = (0..8).collect();
    for (at, len) in members(deb) {
        all.extend(at..at + 60 + len.min(48));
        all.extend((at + 60 + len).saturating_sub(48)..(at + 60 + len + 1).min(deb.len()));
    }
    all.sort_unstable();
    all.dedup();
    all
}

/// Changes one byte after the other. What is not refused must read exactly as before (a codec that
/// can say one thing in several ways), and `SHA256SUMS` still tells. How many that were.
fn spoil(name: &str, deb: &[u8], random: usize) -> usize {
    let good = read(deb).unwrap();
    assert_eq!(good.problems, [""; 0], "{name}");
    let mut numbers = Random(deb.len() as u64);
    let mut changes: Vec<(usize, u8)> =
        structure(deb).into_iter().flat_map(|at| [(at, 1), (at, 0x10), (at, 0xff)]).collect();
    changes.extend(
        (0..random)
            .map(|_| (numbers.below(deb.len()), u8::try_from(1 + numbers.below(255)).unwrap())),
    );
    let (mut spoiled, mut unnoticed, end) = (deb.to_vec(), 0, Instant::now() + LONGEST);
    for (number, &(at, flip)) in changes.iter().enumerate() {
        if Instant::now() > end {
            eprintln!("{name}: stopped after {number} of {} changes", changes.len());
            break;
        }
        spoiled[at] ^= flip;
        if let Some(found) = read(&spoiled).filter(|report| report.problems.is_empty()) {
            let same = (&found.fields, &found.metadata, &found.entries)
                == (&good.fields, &good.metadata, &good.entries);
            assert!(same, "{name}: byte {at} changed by {flip:#x} is not noticed");
            assert_ne!(found.sha256, good.sha256);
            unnoticed += 1;
        }
        spoiled[at] ^= flip;
    }
    unnoticed
}

/// How long one package is spoiled.
const LONGEST: Duration = Duration::from_secs(30);

#[test]
fn one_changed_byte_of_a_package_is_refused() {
    let test = "one_changed_byte_of_a_package_is_refused";
    for deb in packages(test).iter().filter(|deb| is(deb, &["makedev", "ncurses-base"])) {
        let unnoticed = spoil(&deb.display().to_string(), &fs::read(deb).unwrap(), 300);
        assert_eq!(unnoticed, 0, "xz says everything in one way");
    }
}

#[test]
fn one_changed_byte_of_a_gzip_or_zstd_package_is_refused_or_means_nothing() {
    let test = "one_changed_byte_of_a_gzip_or_zstd_package_is_refused_or_means_nothing";
    let folder = TempDir::new().unwrap();
    for deb in packages(test).iter().filter(|deb| is(deb, &["ncurses-base"])) {
        for codec in ["gzip", "zstd"] {
            let deb = repacked(deb, codec, folder.path());
            let unnoticed = spoil(codec, &fs::read(deb).unwrap(), 600);
            eprintln!("{codec}: {unnoticed} changes decode to the same");
            assert!(unnoticed < 40, "{codec}: {unnoticed}");
        }
    }
}

#[test]
fn one_changed_byte_of_our_own_packages_is_refused_or_means_nothing() {
    let out = TempDir::new().unwrap();
    for app in ["hello", "service", "llm"] {
        let deb = common::build_one(app, "deb", &[], out.path());
        let verdict = inspect::verify(&deb, inspect::sums::beside(&deb).unwrap()).unwrap();
        assert_eq!((verdict.problems, verdict.notes), (vec![], vec![]), "{app}");
        let unnoticed = spoil(app, &fs::read(&deb).unwrap(), 600);
        eprintln!("{app}: {unnoticed} changes decode to the same");
        assert!(unnoticed < 20, "{app}: {unnoticed}, and only control.tar.gz can");
    }
}
