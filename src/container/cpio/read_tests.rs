//! Tests of the reader on archives made by hand, whole and spoiled.

use proptest::prelude::*;

use super::*;

/// A record of newc, with its content and all padding.
fn record(name: &str, mode: u32, content: &[u8]) -> Vec<u8> {
    summed(MAGIC, name, mode, content, 0)
}

fn summed(magic: &[u8], name: &str, mode: u32, content: &[u8], sum: u32) -> Vec<u8> {
    let size = u32::try_from(content.len()).unwrap();
    let len = u32::try_from(name.len()).unwrap() + 1;
    let fields = [7, mode, 1, 2, 1, 9, size, 3, 4, 5, 6, len, sum];
    let fields =
        if name.as_bytes() == TRAILER { [0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, len, 0] } else { fields };
    let numbers = fields.map(|number| format!("{number:08x}")).concat();
    let header = [magic, numbers.as_bytes(), name.as_bytes(), b"\0"].concat();
    [padded(header), padded(content.to_vec())].concat()
}

fn indexed(index: u32, content: &[u8]) -> Vec<u8> {
    let header = format!("07070X{index:08x}").into_bytes();
    [padded(header), padded(content.to_vec())].concat()
}

fn padded(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

fn trailer() -> Vec<u8> {
    record("TRAILER!!!", 0, b"")
}

fn archive() -> Vec<u8> {
    let (a, b) = (record("./a", 0o100_644, b"hello"), record("./dir", 0o40755, b""));
    [a, b, record("./link", 0o120_777, b"target"), trailer()].concat()
}

/// Names (or indexes) and contents, and the problems.
type Found = (Vec<(String, Vec<u8>)>, Vec<String>);

/// Content of records by index is one byte each.
fn read(bytes: &[u8]) -> Result<Found, ReadError> {
    let mut reader = Reader::new(bytes);
    let mut all = Vec::new();
    while let Some(record) = reader.next_record()? {
        let name = match record {
            Record::Named(entry) => String::from_utf8_lossy(&entry.name).into_owned(),
            Record::Indexed(index) => {
                reader.content(1);
                index.to_string()
            }
        };
        let mut content = Vec::new();
        reader.read_to_end(&mut content)?;
        all.push((name, content));
    }
    Ok((all, reader.problems))
}

fn problems(bytes: &[u8]) -> Vec<String> {
    read(bytes).unwrap().1
}

fn error(bytes: &[u8]) -> String {
    read(bytes).unwrap_err().to_string()
}

#[test]
fn records_come_back_with_their_content() {
    let (found, problems) = read(&archive()).unwrap();
    let want = [("./a", "hello"), ("./dir", ""), ("./link", "target")];
    assert_eq!(found, want.map(|(name, content)| (name.to_owned(), content.into())));
    assert_eq!(problems, [""; 0]);
}

#[test]
fn every_field_of_a_record_is_read() {
    let bytes = [record("./a", 0o100_644, b"hello"), trailer()].concat();
    let Some(Record::Named(entry)) = Reader::new(&bytes[..]).next_record().unwrap() else {
        panic!("it has a name");
    };
    let want = Entry {
        name: b"./a".to_vec(),
        inode: 7,
        mode: 0o100_644,
        uid: 1,
        gid: 2,
        nlink: 1,
        mtime: 9,
        size: 5,
        device: (3, 4),
        rdevice: (5, 6),
        sum: None,
    };
    assert_eq!(entry, want);
}

#[test]
fn a_record_by_index_takes_its_length_from_elsewhere() {
    let bytes = [indexed(0, b"x"), indexed(0xab, b"y"), trailer()].concat();
    let want = [("0".to_owned(), b"x".to_vec()), ("171".to_owned(), b"y".to_vec())];
    assert_eq!(read(&bytes).unwrap(), (want.to_vec(), vec![]));
}

#[test]
fn a_checksum_of_the_content_is_compared() {
    let sum = b"hello".iter().map(|&byte| u32::from(byte)).sum();
    let good = [summed(MAGIC_CRC, "a", 0o100_644, b"hello", sum), trailer()].concat();
    assert_eq!(problems(&good), [""; 0]);
    let bad = [summed(MAGIC_CRC, "a", 0o100_644, b"hullo", sum), trailer()].concat();
    assert_eq!(problems(&bad), ["the checksum of `a` should be 00000214, and is 00000224"]);
    let unsaid = [summed(MAGIC, "a", 0o100_644, b"hello", sum), trailer()].concat();
    assert_eq!(problems(&unsaid), ["`a` has a checksum without saying so"]);
}

#[test]
fn content_that_nobody_reads_is_passed_over() {
    let bytes = archive();
    let mut reader = Reader::new(&bytes[..]);
    let mut count = 0;
    while reader.next_record().unwrap().is_some() {
        count += 1;
    }
    assert_eq!((count, reader.problems), (3, vec![]));
}

#[test]
fn upper_case_digits_are_read() {
    let mut bytes = [record("a", 0xabcd, b""), trailer()].concat();
    bytes[14..22].make_ascii_uppercase();
    assert_eq!(problems(&bytes), [""; 0]);
}

#[test]
fn a_number_that_is_none_is_refused_with_its_place() {
    let mut bytes = archive();
    bytes[54] = b'+';
    assert_eq!(error(&bytes), "cpio record at byte 0: its size is `+0000005`");
    bytes[5] = b'5';
    assert_eq!(error(&bytes), "cpio record at byte 0: it starts with no known magic");
}

#[test]
fn a_name_must_end_in_the_only_nul_and_have_an_end() {
    let mut bytes = record("./a", 0, b"");
    bytes[113] = b'x';
    assert_eq!(error(&bytes), "cpio record at byte 0: its name does not end in a NUL");
    bytes[113] = 0;
    bytes[111] = 0;
    assert_eq!(error(&bytes), "cpio record at byte 0: its name holds a NUL");
    bytes[94..102].copy_from_slice(b"00000000");
    assert_eq!(error(&bytes), "cpio record at byte 0: its name does not end in a NUL");
    bytes[94..102].copy_from_slice(b"ffffffff");
    assert!(error(&bytes).ends_with("is 4294967295, more than the limit of 4096"));
}

#[test]
fn every_truncation_before_the_padding_is_an_error() {
    let bytes = archive();
    for len in 0..bytes.len() {
        assert!(read(&bytes[..len]).is_err(), "cut to {len}");
    }
}

#[test]
fn padding_and_trailer_hold_nothing() {
    let mut bytes = archive();
    let at = bytes.iter().position(|&byte| byte == b'h').unwrap() + 5;
    bytes[at] = 1;
    assert_eq!(problems(&bytes), ["the padding after the content of `./a` is not zero"]);
    let mut bytes = archive();
    let at = bytes.len() - 124 + 29;
    bytes[at] = b'1';
    assert_eq!(problems(&bytes), ["the trailer of the cpio archive is not empty"]);
}

#[test]
fn zeros_up_to_a_block_may_follow_the_trailer() {
    let mut bytes = archive();
    bytes.resize(bytes.len().next_multiple_of(512), 0);
    assert_eq!(problems(&bytes), [""; 0]);
    bytes.push(0);
    bytes.resize(bytes.len() + 511, 0);
    assert!(problems(&bytes)[0].ends_with("bytes follow the trailer of the cpio archive"));
    let bytes = [archive(), b"x".to_vec()].concat();
    assert_eq!(problems(&bytes), ["1 bytes follow the trailer of the cpio archive"]);
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = read(&bytes);
        let _ = read(&[&MAGIC[..], &bytes].concat());
        let _ = read(&[&MAGIC_INDEX[..], &bytes].concat());
    }

    #[test]
    fn spoiled_archives_never_panic(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let mut bytes = [archive(), indexed(3, b"x"), trailer()].concat();
        for (at, byte) in &changes {
            let at = at.index(bytes.len());
            bytes[at] = *byte;
        }
        let _ = read(&bytes);
    }

    #[test]
    fn what_was_packed_comes_back(
        files in proptest::collection::vec(("[a-z]{1,9}", proptest::collection::vec(any::<u8>(), 0..50)), 0..9),
    ) {
        let records = files.iter().flat_map(|(name, content)| record(name, 0o100_644, content));
        let bytes: Vec<u8> = records.chain(trailer()).collect();
        prop_assert_eq!(read(&bytes).unwrap(), (files, vec![]));
    }
}
