use std::io::Cursor;

use proptest::prelude::*;

use super::{samples::ElfSample, *};

fn read(bytes: &[u8]) -> Result<Option<Program>, ProgramError> {
    Program::read(&mut Cursor::new(bytes))
}

fn sample(bytes: &[u8]) -> Program {
    read(bytes).unwrap().unwrap()
}

#[test]
fn every_target_is_known_by_its_header() {
    for target in Target::all() {
        let program = sample(&samples::program(target));
        for other in Target::all() {
            let same = (other.os, other.arch) == (target.os, target.arch);
            let part = target.arch == Arch::Universal && other.os == Os::Macos;
            assert_eq!(program.fits(other), same || part, "{target} on {other}");
        }
    }
}

#[test]
fn a_program_says_what_it_is_for() {
    let words =
        |target: &str| sample(&samples::program(Target::parse(target).unwrap())).to_string();
    assert_eq!(words("linux-aarch64"), "Linux aarch64 program (ELF)");
    assert_eq!(words("freebsd-x86_64"), "FreeBSD x86_64 program (ELF)");
    assert_eq!(words("windows-i686"), "Windows i686 program (PE)");
    assert_eq!(words("macos-universal"), "macOS x86_64 and macOS aarch64 program (Mach-O)");
}

#[test]
fn needs_loader_search_path_and_versions_are_read() {
    let elf = ElfSample {
        interpreter: Some("/lib64/ld-linux-x86-64.so.2"),
        needed: &["libc.so.6", "libm.so.6"],
        soname: Some("libx.so.1"),
        runpath: Some("$ORIGIN/../lib:/opt/x"),
        versions: &[("libc.so.6", &["GLIBC_2.2.5", "GLIBC_2.34"]), ("libm.so.6", &["GLIBC_2.29"])],
        ..ElfSample::default()
    };
    let program = sample(&elf.bytes());
    let linking = &program.linking;
    assert_eq!(linking.needed, ["libc.so.6", "libm.so.6"]);
    assert_eq!(linking.soname.as_deref(), Some("libx.so.1"));
    assert_eq!(linking.search, ["$ORIGIN/../lib", "/opt/x"]);
    assert_eq!(linking.interpreter.as_deref(), Some("/lib64/ld-linux-x86-64.so.2"));
    let names: Vec<_> = linking.versions["libc.so.6"].iter().map(String::as_str).collect();
    assert_eq!(names, ["GLIBC_2.2.5", "GLIBC_2.34"]);
    assert_eq!(linking.versions["libm.so.6"].len(), 1);
    assert_eq!(program.libc(), Some(Libc::Gnu));
}

#[test]
fn musl_and_static_programs_are_told_apart() {
    let musl = ElfSample { interpreter: Some("/lib/ld-musl-x86_64.so.1"), ..ElfSample::default() };
    assert_eq!(sample(&musl.bytes()).libc(), Some(Libc::Musl));
    assert_eq!(sample(&ElfSample::default().bytes()).libc(), None);
}

#[test]
fn a_freebsd_loader_tells_the_system() {
    let elf = ElfSample { interpreter: Some("/libexec/ld-elf.so.1"), ..ElfSample::default() };
    assert_eq!(sample(&elf.bytes()).machines[0].os, Some(Os::Freebsd));
}

#[test]
fn device_code_fits_everywhere() {
    let gpu = ElfSample { machine: Some(224), ..ElfSample::default() };
    assert!(sample(&gpu.bytes()).fits(Target::parse("linux-aarch64").unwrap()));
}

#[test]
fn scripts_data_and_java_classes_are_no_programs() {
    let class = [0xca, 0xfe, 0xba, 0xbe, 0, 0, 0, 52];
    for bytes in [&b"#!/bin/sh\n"[..], b"", b"MZ", &[0; 100], &class] {
        assert!(read(bytes).unwrap().is_none());
    }
}

#[test]
fn a_program_cut_short_is_damaged_not_absent() {
    let bytes = samples::program(Target::parse("linux-x86_64").unwrap());
    let error = read(&bytes[..40]).unwrap_err();
    assert_eq!(error.to_string(), "its ELF header is damaged: it is cut short");
}

#[test]
fn a_table_of_any_size_is_refused_without_reading_it() {
    let elf = ElfSample { needed: &["libc.so.6"], ..ElfSample::default() };
    let mut bytes = elf.bytes();
    // p_filesz of the third segment, the dynamic one.
    let at = 64 + 2 * 56 + 32;
    bytes[at..at + 8].copy_from_slice(&u64::MAX.to_le_bytes());
    assert!(read(&bytes).is_err());
}

#[test]
#[cfg(target_os = "linux")]
fn this_test_itself_needs_the_c_library() {
    let myself = std::env::current_exe().unwrap();
    let program = Program::read(&mut File::open(&myself).unwrap()).unwrap().unwrap();
    assert!(program.machines[0].os == Some(Os::Linux));
    if program.libc() == Some(Libc::Gnu) {
        assert!(program.linking.versions["libc.so.6"].iter().any(|v| v.starts_with("GLIBC_")));
        let blob = Blob::from_bytes(std::fs::read(&myself).unwrap());
        let symbols = Program::undefined_symbols(&blob).unwrap();
        assert!(symbols.iter().any(|s| {
            s.name == "malloc" && s.version.as_deref().is_some_and(|v| v.starts_with("GLIBC_"))
        }));
    }
}

proptest! {
    /// Any bytes of a program may be anything.
    #[test]
    fn damaged_headers_never_panic(at in 0_usize..400, with in any::<[u8; 8]>(), cut in 0_usize..600) {
        let elf = ElfSample {
            interpreter: Some("/lib64/ld-linux-x86-64.so.2"),
            needed: &["libc.so.6"],
            versions: &[("libc.so.6", &["GLIBC_2.34"])],
            ..ElfSample::default()
        };
        let all = [elf.bytes(), samples::universal(), samples::pe(Arch::X86_64), samples::pe(Arch::I686)];
        for mut bytes in all {
            let end = bytes.len().min(at + 8);
            if at < end {
                bytes[at..end].copy_from_slice(&with[..end - at]);
            }
            bytes.truncate(bytes.len().min(600 - cut).max(1));
            let _ = read(&bytes);
            let _ = Program::undefined_symbols(&Blob::from_bytes(bytes));
        }
    }
}
