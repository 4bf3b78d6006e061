//! A small package, described, written, read back, and shown as text.

use std::fmt::Write as _;

use super::*;
use crate::{
    manifest::Node as Toml,
    package::{Version, sample, sample_entry as entry},
    payload::ingest,
    sign::openpgp::Identity,
    tree::PayloadType,
};

/// A script, its configuration, a man page, a library.
fn package() -> Package {
    let entries = vec![
        entry(PayloadType::Bin, "sample", "#!/bin/sh\necho hello\n"),
        entry(PayloadType::Config, "sample.toml", "a = 1\n"),
        entry(PayloadType::Man, "sample.1", ".TH SAMPLE 1\n"),
        entry(PayloadType::Lib, "libsample.so", "no library\n"),
    ];
    Package { entries, version: Version::parse("1.2.0-rc.1").unwrap(), ..sample() }
}

struct Built {
    plan: Plan,
    bytes: Vec<u8>,
    package: package::Package,
}

fn build(package: &Package, text: &str, signer: Option<&Identity>) -> Built {
    let manifest = Toml::sample(text);
    let cx = Context { spelling: "rpm", manifest: &manifest, target: package.target, signer };
    let bench = Bench::for_tests();
    let tree = Rpm.tree(package, &cx).unwrap_or_else(|found| panic!("{:#?}", found.errors));
    let blobs: Vec<_> = tree.iter().filter_map(|(_, node)| node.blob().cloned()).collect();
    ingest(&blobs, &[Rpm.packing(package, &cx).unwrap()].into(), Rpm.digests(), &bench).unwrap();
    let plan = Rpm.plan(package, tree, &cx, &bench).unwrap();
    let mut bytes = Vec::new();
    plan.recipe.each(|more| bytes.extend_from_slice(more)).unwrap();
    let package = package::read(&mut std::io::Cursor::new(&bytes)).unwrap();
    Built { plan, bytes, package }
}

fn errors(package: &Package, text: &str) -> Vec<String> {
    let manifest = Toml::sample(text);
    let cx = Context { spelling: "rpm", manifest: &manifest, target: package.target, signer: None };
    let found = Rpm.tree(package, &cx).unwrap_err();
    found.errors.iter().map(|error| error.message.clone()).collect()
}

/// One line per tag: number, name, values; digests by their length.
fn shown(header: &Header, row: impl Fn(u32) -> Option<&'static tags::Row>) -> String {
    let mut out = String::new();
    for (tag, value) in header.iter() {
        let name = row(tag).map_or("?", |row| row.name);
        let text = |text: &[u8]| match String::from_utf8_lossy(text).into_owned() {
            hex if hex.len() >= 40 && hex.bytes().all(|b| b.is_ascii_hexdigit()) => {
                format!("({} digits)", hex.len())
            }
            text => text,
        };
        let value = match value {
            Value::Bin(bytes) => format!("({} bytes)", bytes.len()),
            Value::Text(value) => text(value),
            Value::Texts(texts) | Value::I18n(texts) => {
                texts.iter().map(text).collect::<Vec<_>>().join(" | ")
            }
            _ => header.ints(tag).iter().map(u64::to_string).collect::<Vec<_>>().join(" "),
        };
        writeln!(out, "{tag} {name}: {value}").unwrap();
    }
    out
}

#[test]
fn the_layout_of_a_package_is_lead_signature_header_archive() {
    let built = build(&package(), "[rpm]\ncompression = \"none\"\n", None);
    let listing = splice::listing(&built.plan.recipe);
    let first: Vec<_> =
        listing.lines().take(3).map(|line| line.split_whitespace().collect::<Vec<_>>()).collect();
    assert_eq!((first[0][0], first[0][1]), ("0", "96"), "{listing}");
    assert_eq!(first[1][0], "96", "{listing}");
    let start = built.package.header_range.start;
    assert_eq!(start % 8, 0);
    assert_eq!(&built.bytes[usize::try_from(start).unwrap()..][..4], [0x8e, 0xad, 0xe8, 1]);
    let end = usize::try_from(built.package.header_range.end).unwrap();
    assert!(built.bytes[end..].starts_with(b"070701"));
    assert!(built.bytes.ends_with(b"TRAILER!!!\0\0\0\0"));
}

#[test]
fn every_tag_of_a_small_package() {
    let built = build(&package(), "[rpm]\nepoch = 1\n", None);
    let lines = shown(&built.package.header, tags::row);
    let want = include_str!("../../../fixtures/golden/rpm/header.txt");
    // UPDATE=1 rewrites it
    if std::env::var_os("UPDATE").is_some() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/golden/rpm/header.txt");
        std::fs::write(path, &lines).unwrap();
        return;
    }
    assert_eq!(lines, want);
}

#[test]
fn the_signature_header_of_a_small_package() {
    let built = build(&package(), "[rpm]\nlegacy-md5 = true\n", None);
    let header = &built.package.signature;
    let size = built.package.len - built.package.header_range.start;
    assert_eq!(header.int(tags::signature::SIZE), Some(size));
    let names: Vec<_> = header.iter().filter_map(|(tag, _)| tags::signature::row(tag)).collect();
    let names: Vec<_> = names.iter().map(|row| row.name).collect();
    assert_eq!(names, ["SHA1", "SHA256", "SIZE", "MD5", "PAYLOADSIZE", "RESERVEDSPACE"]);
}

#[test]
fn what_is_written_is_what_is_expected() {
    for codec in ["zstd", "xz", "gzip", "none"] {
        let built = build(&package(), &format!("[rpm]\ncompression = \"{codec}\"\n"), None);
        let report = Rpm.read(&mut std::io::Cursor::new(&built.bytes), Want::Sha256).unwrap();
        assert_eq!(report.problems, Vec::<String>::new(), "{codec}");
        assert_eq!(report.fields, built.plan.expected.fields);
        assert_eq!(report.entries, built.plan.expected.entries);
        assert_eq!(report.members, built.plan.expected.members);
        let payload = usize::try_from(built.package.header_range.end).unwrap();
        let payload = &built.bytes[payload..];
        assert_eq!(report.packed_crc32, Some(crc32fast::hash(payload)));
        assert_eq!(report.packed_crc32, built.plan.expected.packed_crc32);
    }
}

#[test]
fn processors_of_32_bits_have_no_lib64() {
    use crate::package::{Os, Target};
    for (arch, want) in [(Arch::X86_64, "/usr/lib64/sample/"), (Arch::I686, "/usr/lib/sample/")] {
        let package = Package { target: Target::new(Os::Linux, arch), ..package() };
        let dirs = build(&package, "", None).package.header.texts(tags::DIRNAMES).concat();
        assert!(String::from_utf8(dirs).unwrap().contains(want), "{want}");
    }
}

#[test]
fn names_that_rpm_cannot_unpack_and_times_it_cannot_say_are_refused_at_once() {
    let mut package = package();
    package.entries.push(entry(PayloadType::Data, &"x".repeat(247), ""));
    package.epoch = 1 << 32;
    let want = [
        "a name has 247 bytes, but rpm can unpack at most 246",
        "the build time 4294967296 is past 2106, which rpm cannot say",
    ];
    assert_eq!(errors(&package, ""), want);
    package.entries.pop();
    package.entries.push(entry(PayloadType::Data, &"x".repeat(246), ""));
    package.epoch = 0;
    build(&package, "", None);
}

#[test]
fn another_name_and_file_name_are_taken() {
    let manifest = Toml::sample("[rpm]\nname = \"other\"\nfile-name = \"x.rpm\"\n");
    let package = package();
    let cx = Context { spelling: "rpm", manifest: &manifest, target: package.target, signer: None };
    assert_eq!(Rpm.file_name(&package, &cx).unwrap(), "x.rpm");
    let built = build(&package, "[rpm]\nname = \"other\"\n", None);
    assert_eq!(built.package.header.text(tags::NAME), Some(&b"other"[..]));
}
