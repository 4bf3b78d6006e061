use std::{collections::BTreeSet, fs, path::Path, process::Command};

use super::*;
use crate::{
    package::{Os, gpu::is_of_gpu, program::samples::ElfSample},
    tree::Mode,
};

fn path(text: &str) -> InstallPath {
    InstallPath::parse(text).unwrap()
}

fn target() -> Target {
    Target::new(Os::Linux, crate::package::Arch::X86_64)
}

fn put(tree: &mut Tree, at: &str, content: impl Into<Vec<u8>>, mode: u32) {
    tree.insert(path(at), Node::file(Blob::from_bytes(content), Mode(mode))).unwrap();
}

fn words(relations: &BTreeSet<Relation>) -> Vec<String> {
    relations.iter().map(ToString::to_string).collect()
}

fn of(files: &[(&str, Vec<u8>, u32)]) -> Auto {
    let mut tree = Tree::default();
    for (at, content, mode) in files {
        put(&mut tree, at, content.clone(), *mode);
    }
    auto(&tree, target()).unwrap()
}

fn program() -> ElfSample<'static> {
    ElfSample {
        interpreter: Some("/lib64/ld-linux-x86-64.so.2"),
        needed: &["libc.so.6", "libz.so.1", "libcuda.so.1", "weird"],
        versions: &[("libc.so.6", &["GLIBC_2.2.5", "GLIBC_2.34"])],
        ..ElfSample::default()
    }
}

#[test]
fn a_program_needs_its_libraries_and_their_versions() {
    let auto = of(&[("usr/bin/x", program().bytes(), 0o755)]);
    let want = [
        "libc.so.6()(64bit)",
        "libc.so.6(GLIBC_2.2.5)(64bit)",
        "libc.so.6(GLIBC_2.34)(64bit)",
        "libz.so.1()(64bit)",
    ];
    assert_eq!(words(&auto.requires), want);
    assert!(auto.requires.iter().all(|relation| relation.flags == sense::FIND_REQUIRES));
    assert!(auto.provides.is_empty());
}

#[test]
fn a_program_that_cannot_run_needs_nothing() {
    let auto = of(&[("usr/bin/x", program().bytes(), 0o644)]);
    assert!(auto.requires.is_empty());
}

fn library() -> ElfSample<'static> {
    ElfSample { soname: Some("libx.so.1"), ..ElfSample::default() }
}

/// `ET_DYN`.
fn shared(sample: &ElfSample<'_>) -> Vec<u8> {
    let mut bytes = sample.bytes();
    bytes[16] = 3;
    bytes
}

#[test]
fn a_library_that_everybody_finds_is_provided_and_needed() {
    let user = ElfSample { needed: &["libx.so.1"], ..program() };
    let auto = of(&[
        ("usr/lib64/libx.so.1", shared(&library()), 0o755),
        ("usr/bin/x", ElfSample { versions: &[], ..user }.bytes(), 0o755),
    ]);
    assert_eq!(words(&auto.provides), ["libx.so.1()(64bit)"]);
    assert_eq!(words(&auto.requires), ["libx.so.1()(64bit)"]);
}

#[test]
fn a_private_library_is_neither_provided_nor_needed() {
    let user = ElfSample {
        needed: &["libx.so.1"],
        runpath: Some("$ORIGIN/../lib64/x"),
        versions: &[],
        ..program()
    };
    let auto = of(&[
        ("usr/lib64/x/libx.so.1", shared(&library()), 0o755),
        ("usr/bin/x", user.bytes(), 0o755),
    ]);
    assert_eq!((words(&auto.provides), words(&auto.requires)), (vec![], vec![]));
    assert!(auto.notes.is_empty());
}

#[test]
fn a_directory_that_the_package_adds_to_the_loaders_is_public() {
    let auto = of(&[
        ("opt/x/lib/libx.so.1", shared(&library()), 0o755),
        ("etc/ld.so.conf.d/x.conf", b"# ours\n/opt/x/lib\n".to_vec(), 0o644),
    ]);
    assert_eq!(words(&auto.provides), ["libx.so.1()(64bit)"]);
}

#[test]
fn a_library_of_the_package_that_is_not_found_is_said() {
    let user = ElfSample { needed: &["libx.so.1"], versions: &[], ..program() };
    let auto =
        of(&[("opt/x/libx.so.1", shared(&library()), 0o755), ("usr/bin/x", user.bytes(), 0o755)]);
    assert!(auto.requires.is_empty());
    assert!(auto.notes[0].contains("not on its search path"), "{:?}", auto.notes);
}

#[test]
fn scripts_need_their_interpreters() {
    let script = |line: &str| format!("{line}\nexit\n").into_bytes();
    let auto = of(&[
        ("usr/bin/a", script("#!/usr/bin/python3 -E"), 0o755),
        ("usr/bin/b", script("#! /usr/bin/env perl"), 0o755),
        ("usr/bin/c", script("#!/usr/bin/env /opt/x"), 0o755),
        ("usr/bin/d", script("#!sh"), 0o755),
        ("usr/share/x/e", script("#!/bin/never"), 0o644),
        ("usr/share/doc/x/f", script("#!/bin/never"), 0o755),
        ("usr/bin/g", script("no script"), 0o755),
    ]);
    assert_eq!(words(&auto.requires), ["/opt/x", "/usr/bin/env", "/usr/bin/python3"]);
}

#[test]
fn menu_entries_and_appstream_files_say_what_the_package_is() {
    let entry = b"[Desktop Entry]\nType=Application\nExec=x\nMimeType=text/x;x/y;\n".to_vec();
    let auto = of(&[
        ("usr/share/applications/x.desktop", entry, 0o644),
        ("usr/share/metainfo/x.metainfo.xml", b"<component/>".to_vec(), 0o644),
    ]);
    let want = [
        "application()",
        "application(x.desktop)",
        "metainfo()",
        "metainfo(x.metainfo.xml)",
        "mimehandler(text/x)",
        "mimehandler(x/y)",
    ];
    assert_eq!(words(&auto.provides), want);
}

#[test]
fn files_for_another_machine_are_noted() {
    let arm = ElfSample { machine: Some(183), ..program() };
    let auto = of(&[("usr/bin/x", arm.bytes(), 0o755)]);
    assert!(auto.requires.is_empty());
    assert!(auto.notes[0].contains("another machine"), "{:?}", auto.notes);
}

/// What rpm's own generator says of a file.
fn elfdeps(kind: &str, file: &Path) -> Option<BTreeSet<String>> {
    let done = Command::new("/usr/lib/rpm/elfdeps").arg(kind).arg(file).output().ok()?;
    assert!(done.status.success(), "elfdeps {kind} {}", file.display());
    Some(String::from_utf8(done.stdout).unwrap().lines().map(str::to_owned).collect())
}

/// Programs and libraries of this machine, at most so many of each.
fn host_files(count: usize) -> Vec<std::path::PathBuf> {
    let dirs = ["/usr/bin", "/usr/sbin", "/usr/lib/x86_64-linux-gnu", "/usr/lib/rpm"];
    let mut all = Vec::new();
    for dir in dirs {
        let Ok(entries) = fs::read_dir(dir) else { continue };
        let mut files: Vec<_> = entries
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| path.is_file() && !path.is_symlink())
            .filter(|path| fs::read(path).is_ok_and(|bytes| bytes.starts_with(b"\x7fELF")))
            .collect();
        files.sort();
        let step = (files.len() / count).max(1);
        all.extend(files.into_iter().step_by(step).take(count));
    }
    all
}

/// Needs rpm's generators; without them the tests above remain.
#[test]
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
fn elfdeps_says_the_same_of_files_of_this_machine() {
    if !Path::new("/usr/lib/rpm/elfdeps").exists() {
        return;
    }
    for file in host_files(12) {
        let blob = Blob::open(&file).unwrap();
        let mode = if fs::metadata(&file)
            .is_ok_and(|m| std::os::unix::fs::PermissionsExt::mode(&m.permissions()) & 0o111 != 0)
        {
            0o755
        } else {
            0o644
        };
        let name = file.file_name().unwrap().to_str().unwrap();
        let mut tree = Tree::default();
        tree.insert(path(&format!("usr/lib64/{name}")), Node::file(blob, Mode(mode))).unwrap();
        let ours = auto(&tree, target()).unwrap();
        let set = |relations: &BTreeSet<Relation>| -> BTreeSet<String> {
            relations.iter().map(|relation| relation.name.clone()).collect()
        };
        let file = file.as_path();
        assert_eq!(set(&ours.provides), elfdeps("--provides", file).unwrap(), "{}", file.display());
        let theirs: BTreeSet<_> = elfdeps("--requires", file).unwrap();
        let theirs = theirs.into_iter().filter(|name| !is_of_gpu(name)).collect();
        assert_eq!(set(&ours.requires), theirs, "{}", file.display());
    }
}
