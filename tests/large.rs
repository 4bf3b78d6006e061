//! Large payloads: right sizes in every format, and memory that does not follow them.
//!
//! Those of 5 GiB take minutes and are run by `packaging/test.sh large`.

#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

mod common;

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use common::{TempDir, have, manifest, pkggen, said, stdout};

/// 5 GiB: beyond the 32 bits of a zip and a gzip, below the 8 GiB of tar's octal digits.
const HUGE: u64 = 5 << 30;

/// 256 MiB: more than any build may take.
const LARGE: u64 = 256 << 20;

/// Threads of the build.
const THREADS: u64 = 2;

/// What a build may take at most, in bytes, whatever the size of its payload. An xz encoder at
/// its default level has 94 MiB of its own for each thread.
fn bound(compression: &str) -> u64 {
    let thread = if compression == "xz" { 112 << 20 } else { 16 << 20 };
    (48 << 20) + THREADS * thread
}

/// A file of zeros that takes no room on the disk.
fn sparse(folder: &Path, size: u64) -> PathBuf {
    let path = folder.join("model.bin");
    File::create(&path).unwrap().set_len(size).unwrap();
    manifest(folder, "model.bin", "")
}

/// Builds one format; the artifact and the most memory the build took, in bytes.
fn build(folder: &Path, size: u64, format: &str, sets: &[&str]) -> (PathBuf, u64) {
    let manifest = sparse(folder, size);
    let mut command = pkggen(&folder.join("home"));
    command.arg("build").arg(format).arg("-m").arg(manifest).arg("--out").arg(folder.join("out"));
    command.args(["-j", &THREADS.to_string()]).args(sets);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut most = 0;
    while child.try_wait().unwrap().is_none() {
        // VmHWM is the high-water mark: the last look before the end is enough
        let text = fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
        most = most.max(kib.unwrap_or(0) << 10);
        thread::sleep(Duration::from_millis(20));
    }
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    let path = String::from_utf8(output.stdout).unwrap();
    (PathBuf::from(path.trim()), most)
}

fn in_bounds(what: &str, memory: u64) {
    println!("{what}: {} MiB", memory >> 20);
    assert!(memory > 0 && memory < bound(what), "{what} took {} MiB", memory >> 20);
}

/// A deb of it, listed by dpkg.
fn deb(size: u64, compression: &str) {
    let folder = TempDir::new().unwrap();
    let set = format!("deb.compression={compression}");
    let (deb, memory) = build(folder.path(), size, "deb", &["--set", &set]);
    in_bounds(compression, memory);
    if have("large", &["dpkg-deb:dpkg"]) {
        let listing = stdout(Command::new("dpkg-deb").arg("-c").arg(&deb));
        let line = listing.lines().find(|line| line.ends_with("model.bin")).unwrap();
        assert_eq!(line.split_whitespace().nth(2), Some(&*size.to_string()), "{listing}");
    }
}

/// An rpm of it, checked, installed and verified by rpm.
fn rpm(size: u64, compression: &str) {
    let folder = TempDir::new().unwrap();
    let set = format!("rpm.compression={compression}");
    let (file, memory) = build(folder.path(), size, "rpm", &["--set", &set]);
    in_bounds(compression, memory);
    if !have("large", &["rpm"]) {
        return;
    }
    let rpm = |args: &[&str]| {
        let mut command = Command::new("rpm");
        command.env("LC_ALL", "C.UTF-8").arg("--dbpath").arg("/var/lib/rpm").args(args);
        stdout(&mut command)
    };
    let file = file.to_str().unwrap();
    assert!(rpm(&["-K", "--nosignature", file]).contains("digests OK"));
    let query =
        ["-qp", "--qf", "[%{filenames} %{longfilesizes}\n]%{longsize} %{longarchivesize}", file];
    let said = rpm(&query);
    assert!(said.contains(&format!("model.bin {size}\n")), "{said}");
    if common::is_root() {
        let root = folder.path().join("root");
        fs::create_dir(&root).unwrap();
        let root = ["--root", root.to_str().unwrap()];
        rpm(&[&root[..], &["-U", "--nodeps", file]].concat());
        assert_eq!(rpm(&[&root[..], &["-V", "--nodeps", "blob"]].concat()), "");
    }
}

/// A zip of it, listed by unzip; its bytes.
fn zip(size: u64) -> Vec<u8> {
    let folder = TempDir::new().unwrap();
    let (zip, memory) = build(folder.path(), size, "zip", &[]);
    in_bounds("zip", memory);
    if have("large", &["unzip"]) {
        let listing = stdout(Command::new("unzip").arg("-l").arg(&zip));
        assert!(listing.contains(&format!("{size}  ")), "{listing}");
    }
    fs::read(zip).unwrap()
}

#[test]
fn memory_does_not_follow_the_payload() {
    for compression in ["none", "zstd", "gzip"] {
        deb(LARGE, compression);
    }
    zip(LARGE);
    rpm(LARGE, "zstd");
}

#[test]
#[ignore = "packaging/test.sh large"]
fn five_gib_as_zstd_in_an_rpm() {
    rpm(HUGE, "zstd");
}

#[test]
#[ignore = "packaging/test.sh large"]
fn five_gib_uncompressed_in_an_rpm() {
    rpm(HUGE, "none");
}

#[test]
#[ignore = "packaging/test.sh large"]
fn five_gib_uncompressed_in_a_deb() {
    deb(HUGE, "none");
}

#[test]
#[ignore = "packaging/test.sh large"]
fn five_gib_as_zstd_in_a_deb() {
    deb(HUGE, "zstd");
}

#[test]
#[ignore = "packaging/test.sh large"]
fn five_gib_as_xz_in_a_deb() {
    deb(HUGE, "xz");
}

#[test]
#[ignore = "packaging/test.sh large"]
fn five_gib_in_a_zip_need_zip64() {
    // the plain size in the local header's zip64 field; zeros pack so well that the archive needs none
    let field = [&[1, 0, 16, 0], &HUGE.to_le_bytes()[..]].concat();
    assert!(zip(HUGE).windows(field.len()).any(|bytes| bytes == field), "no zip64 field");
}
