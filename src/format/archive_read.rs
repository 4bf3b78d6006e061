//! Reading tar and zip archives as reports, ours or not.

use std::io::Read;

use super::{
    ReadSeek,
    listing::{Contents, Listing, Problems, content},
    report::{Member, ReadEntry, ReadError, ReadKind, Report, clean, escape},
};
use crate::{
    codec::Codec,
    container::{
        Tap,
        tar::{self, BLOCK, checksum},
        unpack::{Facts, Unpack},
        zip::{self, S_IFDIR, S_IFLNK, S_IFMT, S_IFREG},
    },
    digest::Want,
};

/// Longest link target in a zip, in bytes.
const MAX_LINK: u64 = 64 << 10;

/// The codec of a packed tar, from how it starts.
fn codec(head: &[u8]) -> Codec {
    match head {
        [0x1f, 0x8b, ..] => Codec::Gzip,
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Codec::Xz,
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Codec::Zstd,
        _ => Codec::None,
    }
}

/// Whether a file that starts like this is a tar, packed or not: its first header has the right
/// checksum.
pub fn is_tar(head: &[u8]) -> bool {
    let mut block = [0; BLOCK];
    let unpacked = Unpack::new(head, codec(head)).and_then(|mut unpack| {
        unpack.read_exact(&mut block)?;
        Ok(())
    });
    let said = str::from_utf8(block[148..156].trim_ascii_start().trim_ascii_end());
    let said = said.ok().and_then(|text| text.split('\0').next());
    let said = said.and_then(|digits| u32::from_str_radix(digits.trim_end(), 8).ok());
    unpacked.is_ok() && block != [0; BLOCK] && said == Some(checksum(&block))
}

/// Whether a file that starts like this is a zip.
pub fn is_zip(head: &[u8]) -> bool {
    head.starts_with(b"PK\x03\x04") || head.starts_with(b"PK\x05\x06")
}

/// Reads a tar, packed with gzip, xz, zstd or not at all.
pub fn tar(file: &mut dyn ReadSeek, want: Want) -> Result<Report, ReadError> {
    let mut head = Vec::new();
    file.rewind()?;
    file.take(8).read_to_end(&mut head)?;
    let codec = codec(&head);
    file.rewind()?;
    let mut tap = Tap::new(file);
    let mut tar = tar::Reader::new(Unpack::new(&mut tap, codec)?);
    let (mut listing, mut contents) = (Listing::default(), Contents::new(want));
    while let Some(entry) = tar.next_entry()? {
        let content = contents.file(&mut tar)?;
        listing.tar(&entry, content)?;
    }
    let (mut problems, mut notes) = (std::mem::take(&mut listing.problems), Vec::new());
    problems.extend("tar", std::mem::take(&mut tar.problems));
    let facts = tar.into_inner().finish()?;
    check_packing(&facts, codec, &mut problems, &mut notes);
    let (len, sha256) = tap.finish()?;
    Ok(Report {
        format: "tar".into(),
        len,
        sha256: Some(sha256),
        fields: vec![("Compression".into(), codec.word().into())],
        entries: listing.entries,
        problems: problems.finish(),
        notes,
        ..Report::default()
    })
}

fn check_packing(facts: &Facts, codec: Codec, problems: &mut Problems, notes: &mut Vec<String>) {
    let Facts { streams, trailing, unchecked, gzip, .. } = facts;
    if *trailing > 0 {
        problems.push(format!("{trailing} bytes follow the packed stream"));
    }
    if *streams > 1 {
        notes.push(format!("it has {streams} packed streams: some readers stop after the first"));
    }
    if *unchecked > 0 {
        notes.push(format!("its {} stream has no checksum", codec.word()));
    }
    if gzip.first().is_some_and(|header| header.mtime != 0 || header.flags != 0) {
        notes.push("its gzip header has a name or a time".into());
    }
}

/// Reads a zip. It has no owners, so those of the report are empty.
pub fn zip(file: &mut dyn ReadSeek, want: Want) -> Result<Report, ReadError> {
    let mut zip = zip::Reader::new(file)?;
    let (mut listing, mut contents) = (Listing::default(), Contents::new(want));
    while let Some(entry) = zip.next_entry()? {
        let (kind, link) = zip_kind(&entry, &mut zip, &mut contents)?;
        let read = ReadEntry {
            path: clean(&entry.name).into(),
            mode: zip_mode(&entry, &kind),
            kind,
            owner: "".into(),
            group: "".into(),
            ids: (0, 0),
            mtime: entry.mtime,
            config: false,
        };
        listing.add(&entry.name, &link, read)?;
    }
    let mut problems = std::mem::take(&mut listing.problems);
    problems.extend("zip", std::mem::take(&mut zip.problems));
    let notes = std::mem::take(&mut zip.notes);
    let (len, sha256) = zip.finish()?;
    Ok(Report {
        format: "zip".into(),
        len,
        sha256: Some(sha256),
        entries: listing.entries,
        members: Vec::<Member>::new(),
        problems: problems.finish(),
        notes,
        ..Report::default()
    })
}

/// What an entry is, and the target if it is a link.
fn zip_kind(
    entry: &zip::ReadEntry,
    input: &mut dyn Read,
    contents: &mut Contents,
) -> Result<(ReadKind, Vec<u8>), ReadError> {
    let is_dir = entry.name.ends_with(b"/");
    match entry.st_mode.map(|mode| mode & S_IFMT) {
        Some(S_IFLNK) => {
            let target = content(input, "a link target", MAX_LINK)?;
            Ok((ReadKind::Symlink { target: escape(&target).into_owned() }, target))
        }
        Some(S_IFDIR) => Ok((ReadKind::Dir, Vec::new())),
        Some(S_IFREG | 0) | None if is_dir => Ok((ReadKind::Dir, Vec::new())),
        Some(S_IFREG | 0) | None => Ok((contents.file(input)?, Vec::new())),
        Some(other) => Err(ReadError::Unsupported {
            what: format!("`{}` of type {other:o} in a zip", clean(&entry.name)),
        }),
    }
}

/// Permission bits; archives from other systems have none.
fn zip_mode(entry: &zip::ReadEntry, kind: &ReadKind) -> u32 {
    match entry.st_mode {
        Some(mode) => mode & 0o7777,
        None if *kind == ReadKind::Dir => 0o755,
        None => 0o644,
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;
    use crate::{
        container::{
            tar::{Tar, tests::bytes},
            unpack::tests::{gzip, xz, zstd},
            zip::Zip,
        },
        payload::{Bench, Blob},
        tree::{InstallPath, Mode, Node, Tree},
    };

    fn tree() -> Tree {
        let mut tree = Tree::default();
        let mut add =
            |path: &str, node| tree.insert(InstallPath::parse(path).unwrap(), node).unwrap();
        add("bin/hello", Node::file(Blob::from_bytes("#!/bin/sh\n"), Mode(0o755)));
        add("bin/hi", Node::symlink("hello"));
        add("share/empty", Node::dir(Mode(0o700)));
        tree
    }

    #[test]
    fn every_packing_of_a_tar_is_recognised_and_read() {
        let plain = bytes(&Tar::new(7).tree(&tree(), "x-1/").unwrap().finish());
        let expected = Report::of_tree("tar", &tree(), "x-1/", 7);
        for (word, packed) in [
            ("gzip", gzip(&plain)),
            ("xz", xz(&plain)),
            ("zstd", zstd(&plain)),
            ("none", plain.clone()),
        ] {
            assert!(is_tar(&packed[..packed.len().min(4096)]), "{word}");
            let report = tar(&mut Cursor::new(&packed), Want::Sha256).unwrap();
            assert_eq!((&report.problems, &report.notes), (&vec![], &vec![]), "{word}");
            assert_eq!(report.entries, expected.entries);
            assert_eq!(
                (report.field("compression"), report.len),
                (Some(word), packed.len() as u64)
            );
        }
        assert!(!is_tar(&gzip(b"a text of no archive at all")) && !is_tar(&[0; 512]));
    }

    #[test]
    fn a_zip_is_read_as_it_was_expected() {
        let zip = Zip::new(1_700_000_000).tree(&tree(), "x-1/", 6, &Bench::for_tests()).unwrap();
        let zip = bytes(&zip.finish());
        assert!(is_zip(&zip));
        let report = super::zip(&mut Cursor::new(&zip), Want::Sha256).unwrap();
        let expected = Report::of_tree("zip", &tree(), "x-1/", 1_700_000_000).for_archive(false);
        assert_eq!((report.problems, report.entries), (vec![], expected.entries));
    }
}
