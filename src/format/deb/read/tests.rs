//! Tests of the reader on packages made in memory, whole and spoiled.

use std::io::Cursor;

use proptest::prelude::*;

use super::*;
use crate::{
    container::{
        ar::Ar,
        tar::{Tar, tests::bytes},
        unpack::tests::{Pack, gzip, xz, zstd},
    },
    digest,
    payload::Blob,
    splice::Recipe,
    tree::{InstallPath, Mode, Node, Tree},
};

const CONTROL: &str = "Package: hello\nVersion: 1.0\nArchitecture: all\nMaintainer: A <a@b.c>\n\
                       Installed-Size: 8\nDescription: greets\n at length\n";

/// What a test package is made of; tests change one thing.
struct Sample {
    control: Vec<(&'static str, Vec<u8>, u32)>,
    data: Tree,
    pack_data: (&'static str, Pack),
}

impl Default for Sample {
    fn default() -> Self {
        let mut data = Tree::default();
        let mut add =
            |path: &str, node| data.insert(InstallPath::parse(path).unwrap(), node).unwrap();
        add("usr/bin/hello", Node::file(Blob::from_bytes("#!/bin/sh\n"), Mode(0o755)));
        add("usr/bin/hi", Node::symlink("hello"));
        add("etc/hello.conf", Node::file(Blob::from_bytes("greeting = hello\n"), Mode(0o644)));
        let md5 = digest::md5(b"#!/bin/sh\n");
        let control = vec![
            ("control", CONTROL.into(), 0o644),
            ("conffiles", b"/etc/hello.conf\n".to_vec(), 0o644),
            ("md5sums", format!("{md5}  usr/bin/hello\n").into(), 0o644),
            ("postinst", b"#!/bin/sh\nset -e\n".to_vec(), 0o755),
            ("triggers", b"activate-noawait ldconfig\n".to_vec(), 0o644),
        ];
        Self { control, data, pack_data: ("data.tar.xz", xz) }
    }
}

impl Sample {
    fn with(mut self, name: &'static str, content: &str) -> Self {
        self.control.retain(|(there, ..)| *there != name);
        self.control.push((name, content.into(), 0o644));
        self
    }

    fn data(&self) -> Vec<u8> {
        (self.pack_data.1)(&bytes(
            &Tar::new(1_700_000_000).tree(&self.data, "./").unwrap().finish(),
        ))
    }

    fn control(&self) -> Vec<u8> {
        let mut tar = Tar::new(1_700_000_000).node("./", &Node::implied_dir()).unwrap();
        for (name, content, mode) in &self.control {
            let blob = Blob::from_bytes(content.clone());
            tar = tar.file(&format!("./{name}"), blob, Mode(*mode)).unwrap();
        }
        gzip(&bytes(&tar.finish()))
    }

    fn deb(&self) -> Vec<u8> {
        ar(&[
            ("debian-binary", b"2.0\n"),
            ("control.tar.gz", &self.control()),
            (self.pack_data.0, &self.data()),
        ])
    }
}

fn ar(members: &[(&str, &[u8])]) -> Vec<u8> {
    let archive = members.iter().fold(Ar::new(1_700_000_000), |ar, (name, content)| {
        let mut recipe = Recipe::default();
        recipe.bytes(*content);
        ar.member(name, recipe).unwrap()
    });
    bytes(&archive.finish())
}

fn read_bytes(deb: &[u8]) -> Result<Report, ReadError> {
    read(&mut Cursor::new(deb), Want::Md5Too)
}

fn problems(deb: &[u8]) -> Vec<String> {
    read_bytes(deb).unwrap().problems
}

#[test]
fn a_good_package_is_read_without_problems() {
    let deb = Sample::default().deb();
    let report = read_bytes(&deb).unwrap();
    assert_eq!((&report.problems, &report.notes), (&vec![], &vec![]));
    assert_eq!(report.field("description"), Some("greets\n at length"));
    assert_eq!((report.len, report.sha256), (deb.len() as u64, Some(digest::sha256(&deb))));
    let paths: Vec<_> = report.entries.iter().map(|entry| entry.path.as_str()).collect();
    assert_eq!(
        paths,
        [".", "etc", "etc/hello.conf", "usr", "usr/bin", "usr/bin/hello", "usr/bin/hi"]
    );
    assert!(report.entry("etc/hello.conf").unwrap().config);
    assert_eq!(report.metadata["postinst"].mode, 0o755);
    assert_eq!(report.members[2].name, "data.tar.xz");
}

#[test]
fn what_was_written_is_what_was_expected() {
    let sample = Sample::default();
    let mut expected = Report::of_tree("deb", &sample.data, "./", 1_700_000_000);
    expected.entries[2].config = true;
    let report = read_bytes(&sample.deb()).unwrap().without_md5();
    assert_eq!(report.entries, expected.entries);
}

#[test]
fn every_packing_is_read() {
    for (name, pack) in [
        ("data.tar", (|plain: &[u8]| plain.to_vec()) as Pack),
        ("data.tar.gz", gzip),
        ("data.tar.xz", xz),
        ("data.tar.zst", zstd),
    ] {
        let sample = Sample { pack_data: (name, pack), ..Sample::default() };
        assert_eq!(problems(&sample.deb()), [""; 0], "{name}");
    }
    let sample = Sample { pack_data: ("data.tar.bz2", xz), ..Sample::default() };
    let error = read_bytes(&sample.deb()).unwrap_err().to_string();
    assert_eq!(error, "the packing of member `data.tar.bz2` is not supported");
}

#[test]
fn members_in_another_order_or_after_the_data_are_refused() {
    let sample = Sample::default();
    let (control, data) = (sample.control(), sample.data());
    assert!(read_bytes(&ar(&[("control.tar.gz", &control)])).is_err());
    assert!(read_bytes(&ar(&[("debian-binary", b"2.0\n"), ("data.tar.xz", &data)])).is_err());
    let mut members: Vec<(&str, &[u8])> =
        vec![("debian-binary", b"2.0\n"), ("control.tar.gz", &control), ("data.tar.xz", &data)];
    members.push(("_gpgbuilder", b"signature"));
    assert_eq!(problems(&ar(&members)), [""; 0]);
    members.push(("_gpgorigin", b"signature"));
    assert_eq!(problems(&ar(&members)), ["`_gpgorigin` is no OpenPGP signature"]);
    members.pop();
    members.push(("extra", b""));
    assert_eq!(problems(&ar(&members)), ["member `extra` follows the data"]);
}

#[test]
fn a_member_name_is_padded_with_spaces_and_nothing_else() {
    let good = Sample::default().deb();
    for byte in [b'\t', b'\n', b'/', 0] {
        let mut deb = good.clone();
        deb[8 + 15] = byte;
        assert!(read_bytes(&deb).map_or(true, |report| !report.problems.is_empty()), "{byte}");
    }
}

#[test]
fn several_streams_are_a_problem_because_dpkg_reads_the_first() {
    let plain = bytes(&Tar::new(0).tree(&Sample::default().data, "./").unwrap().finish());
    let two: Pack = |plain| [xz(&plain[..512]), xz(&plain[512..])].concat();
    assert!(!plain.is_empty());
    let sample = Sample { pack_data: ("data.tar.xz", two), ..Sample::default() };
    assert_eq!(
        problems(&sample.deb()),
        ["data.tar.xz: it has 2 packed streams, dpkg reads the first"]
    );
}

#[test]
fn md5sums_must_match() {
    let md5 = digest::md5(b"other");
    let wrong = format!("{md5}  usr/bin/hello\n{md5}  usr/none\nshort\n");
    let found = problems(&Sample::default().with("md5sums", &wrong).deb());
    assert_eq!(found.len(), 3);
    assert!(found[0].starts_with("md5sums: `usr/bin/hello` should be"), "{}", found[0]);
    assert_eq!(
        found[1..],
        ["md5sums: `usr/none` is no file here", "md5sums: `short` is malformed"]
    );
}

#[test]
fn conffiles_must_be_files_of_the_package() {
    let found = problems(&Sample::default().with("conffiles", "/etc\netc/hello.conf\n").deb());
    assert_eq!(
        found,
        ["conffiles: `/etc` is no file here", "conffiles: `etc/hello.conf` is no path"]
    );
    let dropped = "/etc/hello.conf\nremove-on-upgrade /etc/old.conf\n";
    assert_eq!(problems(&Sample::default().with("conffiles", dropped).deb()), [""; 0]);
}

#[test]
fn scripts_must_be_runnable_and_triggers_known() {
    let sample = Sample::default().with("prerm", "echo\n").with("triggers", "explode now\n");
    assert_eq!(
        problems(&sample.deb()),
        [
            "prerm has mode 0644: dpkg cannot run it",
            "prerm does not start with `#!`",
            "triggers: `explode now` is unknown",
        ]
    );
}

#[test]
fn a_name_of_247_bytes_is_a_problem() {
    let mut sample = Sample::default();
    let path = InstallPath::parse(&"x".repeat(247)).unwrap();
    sample.data.insert(path, Node::symlink("t")).unwrap();
    assert!(problems(&sample.deb())[0].contains("dpkg can unpack at most 246"));
}

/// Whether `verify` would refuse it.
fn refused(deb: &[u8]) -> bool {
    read_bytes(deb).map_or(true, |report| !report.problems.is_empty())
}

#[test]
fn every_changed_bit_of_an_xz_package_is_refused() {
    let sample = Sample::default();
    let deb = sample.deb();
    let gzip = 68 + 4 + 60..68 + 4 + 60 + sample.control().len();
    for at in 0..deb.len() {
        for bit in 0..8 {
            let mut spoiled = deb.clone();
            spoiled[at] ^= 1 << bit;
            // Deflate can say one text in several ways: docs/formats/deb.md.
            if !refused(&spoiled) {
                assert!(gzip.contains(&at), "bit {bit} of byte {at}");
                let (before, after) = (read_bytes(&deb).unwrap(), read_bytes(&spoiled).unwrap());
                assert_eq!(before.metadata, after.metadata);
            }
        }
    }
}

#[test]
fn every_truncation_is_refused() {
    let deb = Sample::default().deb();
    for len in 0..deb.len() {
        assert!(refused(&deb[..len]), "cut to {len}");
    }
}

proptest! {
    #[test]
    fn spoiled_packages_never_panic(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        packing in 0_usize..4,
    ) {
        let plain: Pack = |plain| plain.to_vec();
        let pack_data = [("data.tar", plain), ("data.tar.gz", gzip), ("data.tar.xz", xz), ("data.tar.zst", zstd)][packing];
        let mut deb = Sample { pack_data, ..Sample::default() }.deb();
        for (at, byte) in &changes {
            let at = at.index(deb.len());
            deb[at] = *byte;
        }
        let _ = read_bytes(&deb);
    }
}
