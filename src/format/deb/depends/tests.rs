use std::{path::Path, process::Command};

use super::*;
use crate::{
    package::{Os, program::samples::ElfSample},
    payload::Blob,
    tree::{InstallPath, Mode, Node},
};

fn path(text: &str) -> InstallPath {
    InstallPath::parse(text).unwrap()
}

fn tree(files: &[(&str, &ElfSample<'_>)]) -> Tree {
    let mut tree = Tree::default();
    for (at, elf) in files {
        tree.insert(path(at), Node::file(Blob::from_bytes(elf.bytes()), Mode(0o755))).unwrap();
    }
    tree
}

fn target() -> Target {
    Target::parse("linux-x86_64").unwrap()
}

fn find(tree: &Tree) -> Auto {
    auto(tree, target(), &Database::none()).unwrap_or_else(|errors| panic!("{:?}", errors.errors))
}

fn errors(tree: &Tree) -> Vec<String> {
    let errors = auto(tree, target(), &Database::none()).unwrap_err();
    errors.errors.into_iter().map(|error| error.message).collect()
}

const GNU: Option<&str> = Some("/lib64/ld-linux-x86-64.so.2");

#[test]
fn minima_of_all_files_are_merged_to_the_highest() {
    let old = ElfSample {
        interpreter: GNU,
        needed: &["libc.so.6", "libz.so.1"],
        versions: &[("libc.so.6", &["GLIBC_2.2.5", "GLIBC_2.17"])],
        ..ElfSample::default()
    };
    let new = ElfSample {
        needed: &["libc.so.6", "libssl.so.3"],
        versions: &[("libc.so.6", &["GLIBC_2.4"]), ("libssl.so.3", &["OPENSSL_3.0.0"])],
        ..ElfSample::default()
    };
    let found = find(&tree(&[("usr/bin/a", &old), ("usr/bin/b", &new)]));
    assert_eq!(
        found.relations,
        ["libc6 (>= 2.17)", "libssl3 (>= 3.0.0) | libssl3t64 (>= 3.0.0)", "zlib1g (>= 1:1.1.4)"]
    );
    assert!(found.notes.is_empty());
}

#[test]
fn a_static_program_needs_nothing() {
    assert_eq!(find(&tree(&[("usr/bin/a", &ElfSample::default())])), Auto::default());
}

#[test]
fn a_musl_program_needs_musl() {
    let musl = ElfSample {
        interpreter: Some("/lib/ld-musl-x86_64.so.1"),
        needed: &["libc.musl-x86_64.so.1"],
        ..ElfSample::default()
    };
    assert_eq!(find(&tree(&[("usr/bin/a", &musl)])).relations, ["musl"]);
}

#[test]
fn a_shipped_library_on_the_run_path_is_no_dependency() {
    let program = ElfSample {
        needed: &["libprivate.so.1"],
        runpath: Some("$ORIGIN/../lib/demo:/nowhere"),
        ..ElfSample::default()
    };
    let library = ElfSample { soname: Some("libprivate.so.1"), ..ElfSample::default() };
    let mut tree = tree(&[("usr/bin/a", &program), ("usr/lib/demo/libprivate.so.1.2", &library)]);
    tree.insert(path("usr/lib/demo/libprivate.so.1"), Node::symlink("libprivate.so.1.2")).unwrap();
    assert_eq!(find(&tree), Auto::default());
}

#[test]
fn a_shipped_library_off_the_run_path_is_noted() {
    let program = ElfSample { needed: &["libprivate.so.1"], ..ElfSample::default() };
    let library = ElfSample::default();
    let found = find(&tree(&[("usr/bin/a", &program), ("opt/x/libprivate.so.1", &library)]));
    assert!(found.relations.is_empty());
    assert!(
        found.notes[0].contains("`/usr/bin/a` needs a library of this package"),
        "{:?}",
        found.notes
    );
}

#[test]
fn driver_libraries_are_left_to_the_driver() {
    let program = ElfSample {
        needed: &["libcuda.so.1", "libnvidia-ml.so.1", "libhipblas.so.2"],
        ..ElfSample::default()
    };
    assert_eq!(find(&tree(&[("usr/bin/a", &program)])), Auto::default());
}

#[test]
fn files_for_other_machines_are_left_out_with_a_note() {
    let foreign =
        ElfSample { machine: Some(183), needed: &["libnone.so.1"], ..ElfSample::default() };
    let found = find(&tree(&[("usr/share/a", &foreign), ("usr/share/b", &foreign)]));
    let why = "is for another machine, like 1 more: no automatic dependency comes of that";
    assert_eq!(found.notes, [format!("`/usr/share/a` {why}")]);
}

#[test]
fn every_unknown_library_is_an_error_that_names_file_library_and_ways_out() {
    let program = ElfSample { needed: &["libfoo.so.1", "libbar.so.2"], ..ElfSample::default() };
    let tree = tree(&[("usr/bin/a", &program)]);
    assert_eq!(
        errors(&tree),
        [
            "`/usr/bin/a` needs `libfoo.so.1`, and no Debian package is known to have it",
            "`/usr/bin/a` needs `libbar.so.2`, and no Debian package is known to have it"
        ]
    );
    let first = auto(&tree, target(), &Database::none()).unwrap_err().errors.remove(0);
    let hint = first.hint.unwrap();
    assert!(hint.contains("$ORIGIN") && hint.contains("[deb] depends"), "{hint}");
}

#[test]
fn private_parts_of_glibc_are_an_error() {
    let program = ElfSample {
        needed: &["libc.so.6"],
        versions: &[("libc.so.6", &["GLIBC_PRIVATE"])],
        ..ElfSample::default()
    };
    let found = errors(&tree(&[("usr/bin/a", &program)]));
    assert_eq!(
        found,
        ["`/usr/bin/a` uses private parts of `libc.so.6`, which no version promises"]
    );
}

#[test]
fn known_libraries_do_not_depend_on_the_build_host() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("libc6.shlibs"), "libc 6 libc6 (>= 99)\n").unwrap();
    std::fs::write(dir.path().join("libfoo1.shlibs"), "libfoo 1 libfoo1 (>= 1.1)\n").unwrap();
    let program = ElfSample {
        needed: &["libc.so.6", "libfoo.so.1"],
        versions: &[("libc.so.6", &["GLIBC_2.34"])],
        ..ElfSample::default()
    };
    let found = auto(&tree(&[("usr/bin/a", &program)]), target(), &Database::at(dir.path()));
    assert_eq!(found.unwrap().relations, ["libc6 (>= 2.34)", "libfoo1 (>= 1.1)"]);
}

/// What dpkg-shlibdeps says of a host program; `None` where it is not installed.
fn shlibdeps(program: &Path) -> Option<Vec<String>> {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("debian")).unwrap();
    let control = "Source: x\nMaintainer: x <x@example.com>\n\nPackage: x\nArchitecture: any\n";
    std::fs::write(dir.path().join("debian/control"), control).unwrap();
    let done = Command::new("dpkg-shlibdeps")
        .current_dir(&dir)
        .args(["-O", "--ignore-missing-info"])
        .arg(program)
        .output()
        .ok()?;
    let text = String::from_utf8(done.stdout).unwrap();
    let relations = text.trim().strip_prefix("shlibs:Depends=").unwrap_or_default();
    Some(relations.split(", ").map(str::to_owned).filter(|part| !part.is_empty()).collect())
}

fn of_host_program(program: &Path) -> Vec<String> {
    let mut tree = Tree::default();
    let blob = Blob::from_bytes(std::fs::read(program).unwrap());
    tree.insert(path("usr/bin/x"), Node::file(blob, Mode(0o755))).unwrap();
    let program = Program::of_blob(tree.get(&path("usr/bin/x")).unwrap().blob().unwrap());
    let arch = program.unwrap().unwrap().machines[0].arch.unwrap();
    auto(&tree, Target::new(Os::Linux, arch), &Database::host()).unwrap().relations
}

/// Differences that are meant: we offer the package's later name as an alternative.
fn accepted(relation: &str) -> String {
    relation.split(" | ").next().unwrap().to_owned()
}

#[test]
fn dpkg_shlibdeps_says_the_same_of_host_programs() {
    let programs = [
        "/bin/ls",
        "/usr/bin/curl",
        "/usr/bin/openssl",
        "/usr/bin/gpg",
        "/usr/bin/git",
        "/usr/bin/perl",
        "/usr/bin/apt",
        "/usr/bin/python3",
        "/usr/bin/cmake",
        "/usr/bin/gdb",
    ];
    for program in programs.map(Path::new).iter().filter(|program| program.exists()) {
        let Some(theirs) = shlibdeps(program) else {
            println!("skipped: dpkg-shlibdeps is not installed");
            return;
        };
        let mut ours: Vec<_> = of_host_program(program).iter().map(|text| accepted(text)).collect();
        let mut theirs = theirs;
        ours.sort();
        theirs.sort();
        assert_eq!(ours, theirs, "{}", program.display());
    }
}
