//! Tests of the reader on headers of ours, whole and spoiled.

use proptest::prelude::*;

use super::*;

fn sample() -> Header {
    let mut header = Header::default();
    header.set(tags::HEADERI18NTABLE, Value::texts(["C"]));
    header.set(tags::NAME, Value::text("hello"));
    header.set(tags::SUMMARY, Value::i18n("greets"));
    header.set(tags::BUILDTIME, Value::Int32(vec![1_700_000_000]));
    header.set(tags::FILEMODES, Value::Int16(vec![0o100_644, 0o40755]));
    header.set(tags::BASENAMES, Value::texts(["a", "", "c"]));
    header.set(tags::LONGFILESIZES, Value::Int64(vec![1 << 40]));
    header.set(9000, Value::Bin(vec![1, 2, 3]));
    header.set(9001, Value::Int8(vec![4, 5]));
    header.set(9002, Value::Char(vec![6]));
    header
}

fn main_header() -> Vec<u8> {
    sample().encode(tags::HEADERIMMUTABLE).unwrap()
}

fn read_bytes(bytes: &[u8], which: Which) -> Result<Found, ReadError> {
    let mut input = Input::new(bytes);
    let found = read(&mut input, which)?;
    assert_eq!(input.at(), found.bytes.len() as u64, "nothing else is taken");
    Ok(found)
}

fn error(bytes: &[u8]) -> String {
    read_bytes(bytes, Which::Main).unwrap_err().to_string()
}

/// A header by hand: rows of tag, type, offset, count.
fn by_hand(rows: &[[u32; 4]], data: &[u8]) -> Vec<u8> {
    let len = u32::try_from(data.len()).unwrap();
    let count = u32::try_from(rows.len()).unwrap();
    let numbers = [count, len].into_iter().chain(rows.iter().flatten().copied());
    let numbers: Vec<u8> = numbers.flat_map(u32::to_be_bytes).collect();
    [&MAGIC[..], &numbers, data].concat()
}

/// The same with a region around it.
fn in_region(rows: &[[u32; 4]], data: &[u8]) -> Vec<u8> {
    let (at, size) = (u32::try_from(data.len()).unwrap(), 16 * (rows.len() + 1));
    let trailer = [63, 7, 0u32.wrapping_sub(u32::try_from(size).unwrap()), 16];
    let trailer: Vec<u8> = trailer.into_iter().flat_map(u32::to_be_bytes).collect();
    let rows = [&[[63, 7, at, 16]], rows].concat();
    by_hand(&rows, &[data, &trailer].concat())
}

#[test]
fn what_was_written_comes_back() {
    let bytes = main_header();
    let more = [&bytes[..], b"payload"].concat();
    let found = read_bytes(&more, Which::Main).unwrap();
    assert_eq!((found.header, found.bytes), (sample(), bytes));
    assert_eq!((found.problems, found.notes), (vec![], vec![]));
}

#[test]
fn every_changed_bit_is_refused_or_changes_a_value() {
    let bytes = main_header();
    for at in 0..bytes.len() * 8 {
        let mut spoiled = bytes.clone();
        spoiled[at / 8] ^= 1 << (at % 8);
        if let Ok(found) = read_bytes(&spoiled, Which::Main) {
            assert!(found.header != sample() || !found.problems.is_empty(), "bit {at}");
        }
    }
}

#[test]
fn every_truncation_is_refused() {
    let bytes = main_header();
    for len in 0..bytes.len() {
        assert!(error(&bytes[..len]).contains("in the middle of the header"), "cut to {len}");
    }
}

#[test]
fn a_header_that_promises_too_much_is_refused_before_it_is_read() {
    let intro =
        |count: u32, len: u32| [&MAGIC[..], &count.to_be_bytes(), &len.to_be_bytes()].concat();
    let limits = [
        (Which::Main, 0x1_0000, 0, "more than the limit of 65535"),
        (Which::Main, 1, 0x1000_0000, "more than the limit of 268435455"),
        (Which::Signature, 33, 0, "more than the limit of 32"),
        (Which::Signature, 1, 0x400_0001, "more than the limit of 67108864"),
        (Which::Main, 0, 0, "it has no tags"),
        (Which::Main, 0xffff, 0x0fff_ffff, "ends at byte 16 in the middle of the header"),
    ];
    for (which, count, len, why) in limits {
        let error = read_bytes(&intro(count, len), which).unwrap_err().to_string();
        assert!(error.ends_with(why) || error.contains(why), "{error}");
    }
}

#[test]
fn a_value_keeps_to_its_type_place_and_count() {
    let data = b"text\0\0\0\0\0\0\0\x07";
    let cases = [
        ([1000, 0, 0, 1], "tag 1000: its type 0 is unknown"),
        ([1000, 10, 0, 1], "tag 1000: its type 10 is unknown"),
        ([1000, 6, 0, 0], "tag 1000: it has 0 values"),
        ([1000, 6, 0, 2], "tag 1000: its value goes beyond the data"),
        ([1000, 6, 12, 1], "tag 1000: its value goes beyond the data"),
        ([1000, 6, u32::MAX, 1], "tag 1000: its value goes beyond the data"),
        ([1117, 8, 0, 99], "tag 1117: its value goes beyond the data"),
        ([1117, 8, 0, 1 << 20], "tag 1117: it has 1048576 values"),
        ([9000, 4, 0, 1 << 19], "tag 9000: its value goes beyond the data"),
        ([1000, 4, 8, 1], "tag 1000: its type is Int32, not Text"),
        ([1006, 3, 8, 1], "tag 1006: its type is Int16, not Int32"),
        ([1006, 4, 6, 1], "tag 1006: its value is at 6, which is no place for its type"),
        ([5009, 5, 12, 1], "tag 5009: its value is at 12, which is no place for its type"),
        ([99, 6, 0, 1], "tag 99: this is no tag"),
    ];
    for (row, why) in cases {
        assert_eq!(error(&in_region(&[row], data)), format!("header at byte 0: {why}"));
    }
    // rpm does not tell the three kinds of texts apart.
    let found = read_bytes(&in_region(&[[1000, 9, 0, 1]], b"text\0"), Which::Main).unwrap();
    assert_eq!(found.header.text(tags::NAME), Some(&b"text"[..]));
}

#[test]
fn values_do_not_overlap_and_tags_come_once() {
    let data = b"one\0two\0";
    let [one, two] = [[1000, 6, 0, 1], [1001, 6, 4, 1]];
    assert!(read_bytes(&in_region(&[one, two], data), Which::Main).unwrap().problems.is_empty());
    let overlap = in_region(&[one, [1001, 6, 2, 1]], data);
    assert_eq!(error(&overlap), "header at byte 0: tag 1001: its value overlaps the one before");
    let twice = in_region(&[one, [1000, 6, 4, 1]], data);
    assert_eq!(error(&twice), "header at byte 0: tag 1000 is there twice");
    let backwards = in_region(&[[1001, 6, 0, 1], [1000, 6, 4, 1]], data);
    let found = read_bytes(&backwards, Which::Main).unwrap();
    assert_eq!(found.problems, [""; 0], "rpm 4.9 wrote them as they came");
}

#[test]
fn bytes_that_belong_to_nothing_are_a_problem() {
    let gap = |data: &[u8]| {
        let rows = [[1000, 6, 0, 1], [1003, 4, 8, 1]];
        read_bytes(&in_region(&rows, data), Which::Main).unwrap().problems
    };
    assert_eq!(gap(b"hello\0\0\0\0\0\0\x07"), [""; 0]);
    assert_eq!(
        gap(b"hello\0\0x\0\0\0\x07"),
        ["header: the 2 bytes at 6 of its data belong to nothing"]
    );
    assert_eq!(
        gap(b"hi\0\0\0\0\0\0\0\0\0\x07"),
        ["header: the 5 bytes at 3 of its data belong to nothing"]
    );
    assert_eq!(
        gap(b"hello\0\0\0\0\0\0\x07\0"),
        ["header: the 1 bytes at 12 of its data belong to nothing"]
    );
}

#[test]
fn the_region_holds_all_of_the_main_header() {
    let good = in_region(&[[1000, 6, 0, 1]], b"hi\0");
    let change = |at: usize, byte: u8| {
        let mut bytes = good.clone();
        bytes[at] = byte;
        error(&bytes)
    };
    assert_eq!(change(27, 9), "header at byte 0: its region ends at 9, beyond the data");
    assert_eq!(change(23, 6), "header at byte 0: its region tag is no 16 bytes");
    let last = good.len() - 16;
    assert_eq!(change(last + 3, 62), "header at byte 0: the trailer of its region is wrong");
    assert_eq!(change(last + 11, 0xe1), "header at byte 0: its region has 31 bytes of index");
    assert_eq!(change(last + 11, 0xf0), "header at byte 0: its region is not all of it");
    assert_eq!(change(last + 11, 0xd0), "header at byte 0: its region has 48 bytes of index");
}

#[test]
fn old_headers_are_read_with_a_note() {
    let old = by_hand(&[[1000, 6, 0, 1]], b"hi\0");
    let found = read_bytes(&old, Which::Main).unwrap();
    assert_eq!((found.problems, found.notes), (vec![], vec!["the header has no region".into()]));
    // A signature that was added behind the region.
    let trailer = [62_u32, 7, 0u32.wrapping_sub(32), 16].into_iter().flat_map(u32::to_be_bytes);
    let data: Vec<u8> = [0, 0, 0, 7].into_iter().chain(trailer).chain(*b"sig").collect();
    let rows = [[62, 7, 4, 16], [1000, 4, 0, 1], [267, 7, 20, 3]];
    let found = read_bytes(&by_hand(&rows, &data), Which::Signature).unwrap();
    assert_eq!(found.header.bin(tags::signature::DSA), Some(&b"sig"[..]));
    assert_eq!(found.problems, [""; 0]);
    assert_eq!(found.notes, ["the signature header has tags after its region"]);
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(
        rows in proptest::collection::vec(any::<[u32; 4]>(), 0..6),
        data in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        let _ = read_bytes(&by_hand(&rows, &data), Which::Main);
        let _ = read_bytes(&by_hand(&rows, &data), Which::Signature);
        let _ = read_bytes(&in_region(&rows, &data), Which::Main);
    }

    #[test]
    fn spoiled_headers_never_panic(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let mut bytes = main_header();
        for (at, byte) in &changes {
            let at = at.index(bytes.len());
            bytes[at] = *byte;
        }
        let _ = read_bytes(&bytes, Which::Main);
    }

    #[test]
    fn any_header_comes_back(
        texts in proptest::collection::btree_map(10_000_u32..20_000, proptest::collection::vec("[a-z]{0,9}", 1..5), 0..9),
        numbers in proptest::collection::btree_map(20_000_u32..30_000, proptest::collection::vec(any::<u64>(), 1..5), 0..9),
        shorts in proptest::collection::btree_map(15_000_u32..25_000, proptest::collection::vec(any::<u16>(), 1..5), 0..9),
    ) {
        let mut header = Header::default();
        for (tag, value) in shorts {
            header.set(tag, Value::Int16(value));
        }
        for (tag, value) in texts {
            header.set(tag, Value::texts(value));
        }
        for (tag, value) in numbers {
            header.set(tag, Value::Int64(value));
        }
        let bytes = header.encode(tags::HEADERIMMUTABLE).unwrap();
        let found = read_bytes(&bytes, Which::Main).unwrap();
        prop_assert_eq!((found.header, found.problems), (header, vec![]));
    }
}
