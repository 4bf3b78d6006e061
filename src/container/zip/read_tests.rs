//! Tests of the zip reader. Archives are made by our own writer.

use std::io::{Cursor, Write as _};

use proptest::prelude::*;

use super::*;
use crate::{
    container::{
        tar::tests::bytes,
        zip::{Content, Zip},
    },
    splice::Recipe,
    tree::Mode,
};

fn deflated(content: &[u8]) -> Content {
    let mut encoder =
        flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(content).unwrap();
    let mut data = Recipe::default();
    data.bytes(encoder.finish().unwrap());
    Content { data, deflated: true, ..Content::stored(content) }
}

/// Without repetitions: deflate can say those in several ways.
const TEXT: &[u8] = b"the quick brown fox jumps over a lazy dog";

fn sample() -> Vec<u8> {
    let zip = Zip::new(1_700_000_001)
        .dir("top", Mode(0o755))
        .and_then(|zip| zip.file("top/a", Mode(0o755), deflated(TEXT)))
        .and_then(|zip| zip.file("top/b", Mode(0o644), Content::stored(b"stored")))
        .and_then(|zip| zip.file("top/empty", Mode(0o600), Content::stored(b"")))
        .and_then(|zip| zip.symlink("top/ü", "a"));
    bytes(&zip.unwrap().finish())
}

/// Entries with their content, and the problems.
type Everything = (Vec<(Entry, Vec<u8>)>, Vec<String>);

fn read(zip: &[u8]) -> Result<Everything, ReadError> {
    let mut reader = Reader::new(Cursor::new(zip))?;
    let mut entries = Vec::new();
    while let Some(entry) = reader.next_entry()? {
        let mut content = Vec::new();
        reader.read_to_end(&mut content)?;
        entries.push((entry, content));
    }
    let problems = std::mem::take(&mut reader.problems);
    assert_eq!(reader.finish()?, (zip.len() as u64, crate::digest::sha256(zip)));
    Ok((entries, problems))
}

#[test]
fn what_we_write_is_read_back() {
    let (entries, problems) = read(&sample()).unwrap();
    assert_eq!(problems, [""; 0]);
    let modes: Vec<_> = entries.iter().map(|(entry, _)| entry.st_mode.unwrap()).collect();
    assert_eq!(modes, [0o040_755, 0o100_755, 0o100_644, 0o100_600, 0o120_777]);
    assert_eq!(entries[0].0.name, b"top/");
    assert_eq!(entries[1].1, TEXT);
    assert_eq!((&entries[2].1[..], entries[2].0.mtime), (&b"stored"[..], 1_700_000_001));
    assert_eq!((&entries[4].0.name[..], &entries[4].1[..]), ("top/ü".as_bytes(), &b"a"[..]));
}

#[test]
fn content_is_read_in_pieces_of_any_size() {
    for size in [1, 2, TEXT.len() - 1, TEXT.len(), TEXT.len() + 1] {
        let zip = sample();
        let mut reader = Reader::new(Cursor::new(&zip)).unwrap();
        while reader.next_entry().unwrap().is_some() {
            let mut buffer = vec![0; size];
            while reader.read(&mut buffer).unwrap() > 0 {}
        }
    }
}

#[test]
fn an_empty_archive_is_read() {
    assert_eq!(read(&bytes(&Zip::new(0).finish())).unwrap().0.len(), 0);
}

#[test]
fn bytes_that_belong_to_nothing_are_a_problem() {
    let mut zip = b"#!/bin/sh\n".to_vec();
    zip.extend(sample());
    // Offsets are wrong now: the first signature is not where the directory says.
    assert!(read(&zip).is_err());
    let mut zip = sample();
    zip.push(0);
    assert!(read(&zip).unwrap_err().to_string().contains("zip end record"));
}

#[test]
fn encrypted_entries_and_unknown_methods_are_refused_by_name() {
    let flag = |offset: usize, value: u8| {
        let mut zip = sample();
        for signature in [b"PK\x03\x04", b"PK\x01\x02"] {
            let at = zip.windows(4).position(|window| window == signature).unwrap();
            zip[at + offset + if signature[2] == 1 { 2 } else { 0 }] = value;
        }
        read(&zip).unwrap_err().to_string()
    };
    assert_eq!(flag(6, 1), "the encrypted entry `top/` is not supported");
    assert_eq!(flag(8, 93), "the packing of `top/` (method 93) is not supported");
}

#[test]
fn a_data_descriptor_is_checked() {
    let content = b"hi";
    let crc32 = crc32fast::hash(content);
    let plain = bytes(
        &Zip::new(u64::MAX).file("a", Mode(0o644), Content::stored(content)).unwrap().finish(),
    );
    let mut zip = plain[..33].to_vec();
    zip[6] |= 8;
    zip[14..26].fill(0);
    zip[18..22].copy_from_slice(&2_u32.to_le_bytes());
    zip[22..26].copy_from_slice(&2_u32.to_le_bytes());
    zip.extend(b"PK\x07\x08");
    zip.extend([crc32, 2, 2].iter().flat_map(|number| number.to_le_bytes()));
    let directory_at = u32::try_from(zip.len()).unwrap();
    let mut rest = plain[33..].to_vec();
    rest[8] |= 8;
    let end = rest.len() - 6;
    rest[end..end + 4].copy_from_slice(&directory_at.to_le_bytes());
    let good = [zip.clone(), rest.clone()].concat();
    let (entries, problems) = read(&good).unwrap();
    assert_eq!((&entries[0].1[..], problems), (&b"hi"[..], vec![]));
    zip[37] ^= 1;
    assert!(read(&[zip, rest].concat()).unwrap_err().to_string().contains("descriptor"));
}

#[test]
fn every_truncation_is_an_error() {
    let zip = sample();
    for len in 0..zip.len() {
        assert!(read(&zip[..len]).is_err(), "cut to {len}");
    }
}

#[test]
fn a_changed_byte_of_the_content_or_its_headers_is_refused() {
    let zip = sample();
    let directory = zip.windows(4).position(|window| window == b"PK\x01\x02").unwrap();
    for at in 0..directory {
        let mut spoiled = zip.clone();
        spoiled[at] ^= 1;
        let refused = read(&spoiled).map_or(true, |(_, problems)| !problems.is_empty());
        assert!(refused, "byte {at}");
    }
}

proptest! {
    #[test]
    fn spoiled_archives_never_panic(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let mut zip = sample();
        for (at, byte) in &changes {
            let at = at.index(zip.len());
            zip[at] = *byte;
        }
        let _ = read(&zip);
    }
}
