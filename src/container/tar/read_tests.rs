//! Tests of the tar reader. Archives are made by our own writer, or block by block.

use proptest::prelude::*;

use super::*;
use crate::{
    container::tar::{Tar, tests::bytes},
    payload::Blob,
    tree::{InstallPath, Mode, Node, Tree},
};

/// A block with a right checksum.
fn block(name: &str, kind: u8, size: u64) -> [u8; BLOCK] {
    let mut block = [0; BLOCK];
    block[..name.len()].copy_from_slice(name.as_bytes());
    block[100..108].copy_from_slice(b"0000644\0");
    block[124..136].copy_from_slice(format!("{size:011o}\0").as_bytes());
    block[156] = kind;
    block[257..265].copy_from_slice(b"ustar\x0000");
    sealed(block)
}

fn sealed(mut block: [u8; BLOCK]) -> [u8; BLOCK] {
    let sum = checksum(&block);
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    block
}

fn padded(content: &[u8]) -> Vec<u8> {
    let mut out = content.to_vec();
    out.resize(content.len().next_multiple_of(BLOCK), 0);
    out
}

fn archive(parts: &[&[u8]]) -> Vec<u8> {
    [parts.concat(), vec![0; 2 * BLOCK]].concat()
}

/// Entries with their content, and the problems.
type Everything = (Vec<(Entry, Vec<u8>)>, Vec<String>);

fn read(tar: &[u8]) -> Result<Everything, ReadError> {
    let mut reader = Reader::new(tar);
    let mut entries = Vec::new();
    while let Some(entry) = reader.next_entry()? {
        let mut content = Vec::new();
        reader.read_to_end(&mut content)?;
        entries.push((entry, content));
    }
    Ok((entries, reader.problems))
}

fn names(tar: &[u8]) -> Vec<String> {
    let entries = read(tar).unwrap().0;
    entries.iter().map(|(entry, _)| String::from_utf8(entry.name.clone()).unwrap()).collect()
}

fn sample() -> Vec<u8> {
    let mut tree = Tree::default();
    let path = |text: &str| InstallPath::parse(text).unwrap();
    let long = format!("usr/{}/x", "d".repeat(120));
    tree.insert(path(&long), Node::file(Blob::from_bytes("hello"), Mode(0o4755))).unwrap();
    tree.insert(path("usr/link"), Node::symlink("t".repeat(150))).unwrap();
    let node = Node { owner: "mail".into(), ..Node::dir(Mode(0o2775)) };
    tree.insert(path("var/mail"), node).unwrap();
    bytes(&Tar::new(1_700_000_000).tree(&tree, "./").unwrap().finish())
}

#[test]
fn what_we_write_is_read_back() {
    let (entries, problems) = read(&sample()).unwrap();
    assert_eq!(problems, [""; 0]);
    assert_eq!(entries.len(), 7);
    let (file, content) = &entries[3];
    assert_eq!((file.name.len(), file.mode, &content[..]), (128, 0o4755, &b"hello"[..]));
    assert_eq!((file.mtime, file.dialect, file.pax), (1_700_000_000, Dialect::Gnu, false));
    assert_eq!(entries[4].0.link, "t".repeat(150).into_bytes());
    let (dir, _) = &entries[6];
    assert_eq!(
        (&dir.name[..], &dir.owner[..], dir.mode),
        (&b"./var/mail/"[..], &b"mail"[..], 0o2775)
    );
}

#[test]
fn a_ustar_prefix_is_joined() {
    let mut header = block("name", b'0', 0);
    header[345..351].copy_from_slice(b"prefix");
    assert_eq!(names(&archive(&[&sealed(header)])), ["prefix/name"]);
}

#[test]
fn pax_records_replace_the_header() {
    let records = padded(b"18 path=long/name\n20 mtime=-1.5000000\n");
    let tar = archive(&[&block("x", b'x', 38), &records, &block("short", b'0', 0)]);
    let (entries, _) = read(&tar).unwrap();
    let entry = &entries[0].0;
    assert_eq!((&entry.name[..], entry.mtime, entry.pax), (&b"long/name"[..], -2, true));
}

#[test]
fn base_256_sizes_and_times_are_read() {
    assert_eq!(base_256(&[0x80, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0]), Some(1 << 33));
    assert_eq!(base_256(&[0xff; 12]), Some(-1));
    let mut header = block("x", b'5', 0);
    header[136..148].copy_from_slice(&[0xff; 12]);
    assert_eq!(read(&archive(&[&sealed(header)])).unwrap().0[0].0.mtime, -1);
    let mut header = block("x", b'0', 0);
    header[124..136].copy_from_slice(&[0xff; 12]);
    assert!(read(&archive(&[&sealed(header)])).unwrap_err().to_string().contains("size"));
}

#[test]
fn a_wrong_checksum_is_an_error_and_an_odd_one_a_problem() {
    let mut header = block("x", b'0', 0);
    header[0] ^= 1;
    assert!(read(&archive(&[&header])).unwrap_err().to_string().contains("checksum"));
    let mut header = block("x", b'0', 0);
    assert_eq!(header[148], b'0');
    header[148] = b' ';
    assert_eq!(read(&archive(&[&header])).unwrap().1.len(), 1);
}

#[test]
fn padding_and_what_follows_the_end_must_be_zeros() {
    let mut tar = sample();
    let last = tar.len() - 1;
    tar[last] = 1;
    assert!(read(&tar).unwrap().1[0].starts_with("data follows the end"));
    let content = [padded(b"hi"), block("y", b'0', 0).to_vec()].concat();
    let mut tar = archive(&[&block("x", b'0', 2), &content]);
    assert_eq!(read(&tar).unwrap().1, [""; 0]);
    tar[BLOCK + 2] = 1;
    assert_eq!(read(&tar).unwrap().1, ["the padding after `x` is not zero"]);
}

#[test]
fn a_missing_end_is_a_problem_and_a_cut_entry_an_error() {
    let one = block("x", b'0', 3);
    let whole = [&one[..], &padded(b"abc")].concat();
    assert_eq!(read(&whole).unwrap().1.len(), 1);
    assert_eq!(read(&[&whole[..], &[0; BLOCK]].concat()).unwrap().1.len(), 1);
    for len in 1..whole.len() {
        assert!(read(&whole[..len]).is_err(), "cut to {len}");
    }
}

#[test]
fn sparse_files_and_unknown_types_are_refused() {
    assert!(matches!(read(&archive(&[&block("x", b'S', 0)])), Err(ReadError::Unsupported { .. })));
    assert!(read(&archive(&[&block("x", b'D', 0)])).is_err());
}

#[test]
fn a_long_name_of_a_gigabyte_is_refused_before_it_is_read() {
    let error = read(&archive(&[&block("x", b'L', 1 << 30)])).unwrap_err();
    assert!(matches!(error, ReadError::Limit { .. }));
}

proptest! {
    #[test]
    fn a_changed_byte_is_noticed_or_in_a_file(at in 0_usize..100_000, flip in 1..=255_u8) {
        let good = sample();
        let mut tar = good.clone();
        let at = at % tar.len();
        tar[at] ^= flip;
        if let Ok((entries, problems)) = read(&tar) {
            prop_assert!(!problems.is_empty() || entries != read(&good).unwrap().0, "byte {at}");
        }
    }

    #[test]
    fn arbitrary_headers_never_panic(noise in proptest::collection::vec((0_usize..512, any::<u8>()), 0..20)) {
        let mut header = block("x", b'0', 3);
        for &(at, byte) in &noise {
            header[at] = byte;
        }
        let _ = read(&archive(&[&sealed(header), &padded(b"abc")]));
        let _ = read(&header);
    }
}
