//! Does rpm agree with our reader, file by file and tag by tag, on packages that rpmbuild made?
//! And is every one of their bytes looked at?
//!
//! `PKGGEN_RPMS=FOLDER` adds packages of your own: those of distributions, of other tools.

#![allow(clippy::unwrap_used, missing_docs)]
#![allow(clippy::print_stderr)] // what was left out is said

mod common;

use std::{
    collections::BTreeMap,
    env, fs,
    io::Cursor,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use common::{TempDir, have, root, stdout};
use pkggen::{
    digest::{Algorithm, Want, sha256},
    format::{
        report::{ReadEntry, ReadKind, Report, clean, escape},
        rpm::{package, read},
    },
};

const TOOLS: &[&str] = &["rpm", "rpmbuild:rpm", "rpmkeys:rpm", "mkfifo:coreutils", "cpio"];

/// What is said to rpmbuild beyond the usual, and what the package must be read as.
const BUILDS: &[(&str, &[&str])] = &[
    ("zstd", &["_binary_payload w19.zstdio"]),
    ("xz", &["_binary_payload w6.xzdio", "_binary_filedigest_algorithm 10"]),
    ("gzip", &["_binary_payload w9.gzdio", "_binary_filedigest_algorithm 1"]),
    ("plain", &["_binary_payload w.ufdio", "_binary_filedigest_algorithm 2"]),
    ("bzip2", &["_binary_payload w9.bzdio"]),
    ("lzma", &["_binary_payload w7.lzdio"]),
];

/// The packages of `fixtures/specs/odd.spec` by the names above, and the source package.
fn packages(test: &str) -> BTreeMap<&'static str, PathBuf> {
    static BUILT: OnceLock<(TempDir, BTreeMap<&'static str, PathBuf>)> = OnceLock::new();
    if !have(test, TOOLS) {
        return BTreeMap::new();
    }
    let (_, packages) = BUILT.get_or_init(|| {
        let folder = TempDir::new().unwrap();
        let mut all = BTreeMap::new();
        for (name, defines) in BUILDS {
            let out = folder.path().join(name);
            rpmbuild("odd.spec", defines, &out);
            all.insert(*name, only(&out.join("x86_64")));
            all.insert("source", only(&out));
        }
        (folder, all)
    });
    packages.clone()
}

fn rpmbuild(spec: &str, defines: &[&str], out: &Path) {
    let specs = root().join("fixtures/specs");
    let mut build = Command::new("rpmbuild");
    build.args(["--quiet", "-ba", "--target", "x86_64"]).arg(specs.join(spec));
    let folder = |name: &str, path: &Path| format!("{name} {}", path.display());
    let own = [
        folder("_topdir", &out.join("top")),
        folder("_sourcedir", &specs),
        folder("_rpmdir", out),
        folder("_srcrpmdir", out),
        "_build_id_links none".into(),
        "_buildhost localhost".into(),
        "optflags -O2".into(),
    ];
    for define in own.iter().map(String::as_str).chain(defines.iter().copied()) {
        build.args(["--define", define]);
    }
    common::ok(build.env("SOURCE_DATE_EPOCH", "1700000000"));
}

/// The only package in a folder.
fn only(folder: &Path) -> PathBuf {
    let found = rpms(folder);
    assert_eq!(found.len(), 1, "{found:?}");
    found.into_iter().next().unwrap()
}

fn rpms(folder: &Path) -> Vec<PathBuf> {
    let all = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut all: Vec<_> = all.filter(|path| path.extension().is_some_and(|e| e == "rpm")).collect();
    all.sort();
    all
}

/// Packages of the person who runs the tests.
fn own() -> Vec<PathBuf> {
    env::var_os("PKGGEN_RPMS").map(|folder| rpms(Path::new(&folder))).unwrap_or_default()
}

fn read_bytes(bytes: &[u8]) -> Option<Report> {
    read::read(&mut Cursor::new(bytes), Want::Md5Too).ok()
}

/// What rpm says to a query format.
fn query(rpm: &Path, format: &str) -> String {
    let mut rpm_ = Command::new("rpm");
    rpm_.args(["-qp", "--nosignature", "--nodigest", "--qf", format]).arg(rpm);
    let said = common::ok(&mut rpm_).stdout;
    String::from_utf8(said).unwrap_or_else(|said| escape_all(said.as_bytes()))
}

/// As reports show text; what separates is kept.
fn escape_all(bytes: &[u8]) -> String {
    let is_mark = |byte: &u8| matches!(byte, b'\n' | b'\t' | 1 | 2);
    let parts = bytes.split(is_mark).map(escape);
    let marks = bytes.iter().filter(|byte| is_mark(byte)).map(|&byte| char::from(byte));
    let ends = marks.map(String::from).chain([String::new()]);
    parts.zip(ends).map(|(part, mark)| part.into_owned() + &mark).collect()
}

/// One line per file, fields split by tabs.
const FILES: &str = "[%{FILENAMES}\t%{FILEMODES:octal}\t%{LONGFILESIZES}\t%{FILEUSERNAME}\t\
                     %{FILEGROUPNAME}\t%{FILEMTIMES}\t%{FILEFLAGS}\t%{FILERDEVS}\t%{FILELINKTOS}\t\
                     %{FILEDIGESTS}\n]";

/// Every file that rpm lists is an entry of ours that says the same, and there are no others.
fn files_agree(rpm: &Path, report: &Report) {
    let said = query(rpm, FILES);
    let mut count = 0;
    for line in said.lines().filter(|line| *line != "(none)") {
        let fields: Vec<_> = line.split('\t').collect();
        let [path, mode, size, owner, group, mtime, flags, rdev, link, digest] = fields[..] else {
            assert_eq!(line.trim_matches(['(', ')', '\t']).replace("none", ""), "", "{line}");
            continue;
        };
        let (mode, flags): (u32, u32) =
            (u32::from_str_radix(mode, 8).unwrap(), flags.parse().unwrap());
        let path = clean(path.as_bytes());
        let entry = report.entry(&path);
        if flags & 1 << 6 != 0 {
            assert!(entry.is_none(), "{path} is a ghost");
            continue;
        }
        count += 1;
        let entry = entry.unwrap_or_else(|| panic!("{path} of {} is missing", rpm.display()));
        assert_eq!(entry.mode, mode & 0o7777, "{path}");
        assert_eq!((entry.owner.as_str(), entry.group.as_str()), (owner, group), "{path}");
        assert_eq!(entry.mtime.to_string(), mtime, "{path}");
        assert_eq!(entry.config, flags & 1 != 0, "{path}");
        let entry = target(report, entry);
        let rdev: u64 = rdev.parse().unwrap();
        let kind = match (mode >> 12, &entry.kind) {
            (0o10, ReadKind::File { len, .. }) => {
                assert_eq!(len.to_string(), size, "{path}");
                digest_agrees(report, entry, digest);
                true
            }
            (0o12, ReadKind::Symlink { target }) => target == link,
            (0o2 | 0o6, ReadKind::Device { block, major, minor }) => {
                *block == (mode >> 12 == 6) && (*major << 8 | *minor) == rdev
            }
            (0o4, ReadKind::Dir) | (0o1, ReadKind::Fifo) => true,
            _ => false,
        };
        assert!(kind, "{path} of {} is {:?}", rpm.display(), entry.kind);
    }
    assert_eq!(report.entries.len(), count, "{}", rpm.display());
}

/// What a hard link stands for.
fn target<'a>(report: &'a Report, entry: &'a ReadEntry) -> &'a ReadEntry {
    match &entry.kind {
        ReadKind::Hardlink { target } => report.entry(target).unwrap(),
        _ => entry,
    }
}

fn digest_agrees(report: &Report, entry: &ReadEntry, digest: &str) {
    let ReadKind::File { md5, sha256, .. } = &entry.kind else { unreachable!() };
    match report.field("FileDigests").unwrap() {
        "SHA-256" => assert_eq!(sha256.to_string(), digest, "{}", entry.path),
        "MD5" => assert_eq!(md5.unwrap().to_string(), digest, "{}", entry.path),
        _ => assert_eq!(report.problems, [""; 0]), // compared by the reader alone
    }
}

const RELATIONS: &[(&str, &str)] = &[
    ("Provides", "PROVIDE"),
    ("Requires", "REQUIRE"),
    ("Conflicts", "CONFLICT"),
    ("Obsoletes", "OBSOLETE"),
    ("Recommends", "RECOMMEND"),
    ("Suggests", "SUGGEST"),
    ("Supplements", "SUPPLEMENT"),
    ("Enhances", "ENHANCE"),
];

/// Relations with what rpm says they are for.
fn relations_agree(rpm: &Path, report: &Report) {
    for (field, tag) in RELATIONS {
        let said = query(rpm, &format!("[%{{{tag}FLAGS:deptype}}\t%{{{tag}NEVRS}}\n]"));
        let said = said.lines().filter(|line| !line.contains("(none)")).map(|line| {
            let (kind, relation) =
                line.split_once('\t').unwrap_or_else(|| panic!("{line}: {}", rpm.display()));
            let name =
                if kind == "manual" { (*field).to_owned() } else { format!("{field}({kind})") };
            (name, relation.to_owned())
        });
        let ours = report.fields.iter().filter(|(name, _)| {
            name.strip_prefix(field).is_some_and(|rest| rest.is_empty() || rest.starts_with('('))
        });
        let ours = ours.flat_map(|(name, value)| {
            value.lines().skip(1).map(|line| (name.clone(), line[1..].to_owned()))
        });
        let (mut said, mut ours): (Vec<_>, Vec<_>) = (said.collect(), ours.collect());
        said.sort();
        said.dedup(); // what rpm adds to packages of rpm 3 is there already
        ours.sort();
        ours.dedup();
        assert_eq!(ours, said, "{field} of {}", rpm.display());
    }
}

/// Single values: our name and rpm's tag.
const VALUES: &[(&str, &str)] = &[
    ("Name", "NAME"),
    ("Epoch", "EPOCH"),
    ("Version", "VERSION"),
    ("Release", "RELEASE"),
    ("Architecture", "ARCH"),
    ("OS", "OS"),
    ("License", "LICENSE"),
    ("URL", "URL"),
    ("Vendor", "VENDOR"),
    ("Packager", "PACKAGER"),
    ("BugURL", "BUGURL"),
    ("VCS", "VCS"),
    ("SourceRPM", "SOURCERPM"),
    ("BuildHost", "BUILDHOST"),
    ("Size", "LONGSIZE"),
    ("RPMVERSION", "RPMVERSION"),
    ("OPTFLAGS", "OPTFLAGS"),
];

fn values_agree(rpm: &Path, report: &Report) {
    for (field, tag) in VALUES {
        let said = query(rpm, &format!("%{{{tag}}}"));
        assert_eq!(report.field(field).unwrap_or("(none)"), said, "{field} of {}", rpm.display());
    }
}

/// Bodies of scripts and triggers: the end of what is shown.
fn scripts_agree(rpm: &Path, report: &Report) {
    let text = |name: &str| report.metadata.get(name).map(|file| escape_all(&file.content));
    for (name, tag) in [
        ("pre", "PREIN"),
        ("post", "POSTIN"),
        ("preun", "PREUN"),
        ("postun", "POSTUN"),
        ("pretrans", "PRETRANS"),
        ("posttrans", "POSTTRANS"),
        ("verifyscript", "VERIFYSCRIPT"),
    ] {
        let body = query(rpm, &format!("%{{{tag}}}"));
        let program = query(rpm, &format!("[%{{{tag}PROG}} ]"));
        match text(name) {
            None => assert!(body == "(none)" && matches!(program.trim(), "" | "(none)"), "{name}"),
            Some(shown) => {
                let body = if body == "(none)" { String::new() } else { body };
                let is_said = !matches!(program.trim(), "" | "(none)");
                let program = if is_said { program.trim() } else { "/bin/sh" };
                assert_eq!(shown.trim_end(), format!("#!{program}\n{body}").trim_end(), "{name}");
            }
        }
    }
    for (prefix, tag) in
        [("", "TRIGGER"), ("file", "FILETRIGGER"), ("transfile", "TRANSFILETRIGGER")]
    {
        let format = format!("[%{{{tag}SCRIPTS}}\x01%{{{tag}TYPE}}\x01%{{{tag}CONDS}}\x02]");
        let said = query(rpm, &format);
        let said: Vec<_> =
            said.split_terminator('\x02').filter(|s| !s.contains("(none)")).collect();
        for (number, trigger) in said.iter().enumerate() {
            let [body, kind, conditions] = trigger.split('\x01').collect::<Vec<_>>()[..] else {
                panic!("{trigger}");
            };
            let name = format!("{prefix}trigger{kind}-{}", number + 1);
            let shown = text(&name).unwrap_or_else(|| panic!("{name} of {}", rpm.display()));
            assert!(shown.trim_end().ends_with(body.trim_end()), "{name}: {shown}");
            for condition in conditions.split(", ") {
                assert!(shown.contains(&format!("# on {condition}\n")), "{condition}: {shown}");
            }
        }
        let is_ours = |name: &&String| name.starts_with(&format!("{prefix}trigger"));
        assert_eq!(report.metadata.keys().filter(is_ours).count(), said.len(), "{}", rpm.display());
    }
}

/// Everything that rpm says is what our report says.
fn agree(rpm: &Path) {
    let bytes = fs::read(rpm).unwrap();
    let report = read_bytes(&bytes).unwrap_or_else(|| panic!("{} is unreadable", rpm.display()));
    assert_eq!(report.problems, [""; 0], "{}", rpm.display());
    assert_eq!((report.len, report.sha256), (bytes.len() as u64, Some(sha256(&bytes))));
    files_agree(rpm, &report);
    relations_agree(rpm, &report);
    values_agree(rpm, &report);
    scripts_agree(rpm, &report);
    let package = package::read(&mut fs::File::open(rpm).unwrap()).unwrap();
    let [from, to] = [package.header_range.start, package.header_range.end];
    let header = &bytes[usize::try_from(from).unwrap()..usize::try_from(to).unwrap()];
    for (tag, algorithm) in [("SHA1HEADER", Algorithm::Sha1), ("SHA256HEADER", Algorithm::Sha256)] {
        let said = query(rpm, &format!("%{{{tag}}}"));
        assert!(said == "(none)" || said == algorithm.hex(header), "{tag} of {}", rpm.display());
    }
}

#[test]
fn packages_of_rpmbuild_read_as_rpm_reads_them() {
    for (name, rpm) in packages("packages_of_rpmbuild_read_as_rpm_reads_them") {
        if name != "bzip2" {
            agree(&rpm);
        }
    }
}

#[test]
fn packages_of_ones_own_read_as_rpm_reads_them() {
    for rpm in own() {
        agree(&rpm);
    }
}

#[test]
fn a_packing_that_is_not_supported_is_named() {
    let packages = packages("a_packing_that_is_not_supported_is_named");
    let Some(rpm) = packages.get("bzip2") else { return };
    let error = read::read(&mut fs::File::open(rpm).unwrap(), Want::Md5Too).unwrap_err();
    assert_eq!(error.to_string(), "a payload packed with `bzip2` is not supported");
}

/// Changes one byte at every so many places; each package must be refused.
fn spoil(name: &str, bytes: &[u8], step: usize) {
    assert_eq!(read_bytes(bytes).unwrap().problems, [""; 0], "{name}");
    let mut spoiled = bytes.to_vec();
    for (number, at) in (0..bytes.len()).step_by(step).enumerate() {
        let flip = [1, 0x20, 0xff, 0x80, 4][number % 5];
        spoiled[at] ^= flip;
        let good = read_bytes(&spoiled).is_some_and(|report| report.problems.is_empty());
        assert!(!good, "{name}: byte {at} ^ {flip:#x}");
        spoiled[at] ^= flip;
    }
}

// Every bit of a small package is changed in the unit tests of the reader.
#[test]
fn one_changed_byte_of_a_package_is_refused() {
    let packages = packages("one_changed_byte_of_a_package_is_refused");
    for (name, count) in [("zstd", 1200), ("gzip", 400), ("xz", 400), ("lzma", 100)] {
        let Some(rpm) = packages.get(name) else { continue };
        let bytes = fs::read(rpm).unwrap();
        spoil(name, &bytes, bytes.len() / count);
    }
}

#[test]
fn our_own_packages_read_as_rpm_reads_them_and_one_changed_byte_is_refused() {
    let test = "our_own_packages_read_as_rpm_reads_them_and_one_changed_byte_is_refused";
    let out = TempDir::new().unwrap();
    for app in ["hello", "service"] {
        let rpm = common::build_one(app, "rpm", &[], out.path());
        if have(test, TOOLS) {
            agree(&rpm);
        }
        let bytes = fs::read(&rpm).unwrap();
        let header = package::read(&mut Cursor::new(&bytes)).unwrap().header_range;
        spoil(app, &bytes, bytes.len() / 400 + 1);
        // The lead, and what nothing covers: the signature header.
        let start = usize::try_from(header.start).unwrap();
        let (mut spoiled, places) = (bytes.clone(), (0..start - 4128).step_by(3));
        for at in places {
            spoiled[at] ^= 0x41;
            let good = read_bytes(&spoiled).is_some_and(|report| report.problems.is_empty());
            assert!(!good, "{app}: byte {at}");
            spoiled[at] ^= 0x41;
        }
    }
}

#[test]
fn what_rpm_refuses_is_refused() {
    let test = "what_rpm_refuses_is_refused";
    let Some(rpm) = packages(test).remove("zstd") else { return };
    let (bytes, folder) = (fs::read(rpm).unwrap(), TempDir::new().unwrap());
    let step = bytes.len() / 400;
    let mut spoiled = Vec::new();
    for at in (0..bytes.len()).step_by(step) {
        let mut copy = bytes.clone();
        copy[at] ^= 0x11;
        let path = folder.path().join(format!("{at}.rpm"));
        fs::write(&path, &copy).unwrap();
        spoiled.push((at, path, copy));
    }
    let mut keys = Command::new("rpmkeys");
    keys.arg("-K").args(spoiled.iter().map(|(_, path, _)| path));
    let said = common::said(&keys.output().unwrap());
    let mut refused = 0;
    for (at, path, copy) in &spoiled {
        let good = format!("{}: digests OK", path.display());
        let rpm_refuses = !said.lines().any(|line| line == good);
        let ours = read_bytes(copy).is_none_or(|report| !report.problems.is_empty());
        assert!(ours || !rpm_refuses, "byte {at}");
        refused += u64::from(rpm_refuses);
    }
    eprintln!("rpm refuses {refused} of {}, pkggen all", spoiled.len());
    assert!(refused > 100, "rpmkeys must have looked: {said}");
}

#[test]
fn the_source_package_is_read() {
    let Some(rpm) = packages("the_source_package_is_read").remove("source") else { return };
    let report = read_bytes(&fs::read(&rpm).unwrap()).unwrap();
    let paths: Vec<_> = report.entries.iter().map(|entry| entry.path.as_str()).collect();
    assert_eq!((paths, report.problems), (vec!["hello.txt", "odd.spec"], vec![]));
    assert_eq!(stdout(Command::new("rpm").args(["-qpl"]).arg(rpm)).lines().count(), 2);
}
