//! Headers from bytes, right and wrong.

use std::io::Cursor;

use proptest::prelude::*;

use super::{
    sample::{Gguf, Value as Sample, text, tiny},
    *,
};

fn read_bytes(bytes: &[u8]) -> Result<Header, Error> {
    read(&mut Cursor::new(bytes), bytes.len() as u64)
}

fn refused(bytes: &[u8]) -> (&'static str, String) {
    let error = read_bytes(bytes).unwrap_err().about("x.gguf");
    (error.code, error.message)
}

#[test]
fn a_header_describes_its_model() {
    let header = read_bytes(&tiny(0).bytes()).unwrap();
    assert_eq!(header.version, 3);
    assert_eq!(header.architecture.as_deref(), Some("llama"));
    assert_eq!((header.tensors, header.parameters), (2, 4096));
    assert_eq!(header.context_length, Some(256));
    assert_eq!(header.describe(), "llama 4K, F32, context 256, 4K parameters in 2 tensors");
    let bytes = tiny(0).bytes().len() as u64;
    assert_eq!(header.end, Some(bytes));
}

#[test]
fn version_2_and_both_byte_orders_are_read() {
    let plain = read_bytes(&tiny(0).bytes()).unwrap();
    for (version, big) in [(2, false), (2, true), (3, true)] {
        let header = read_bytes(&Gguf { version, big, ..tiny(0) }.bytes()).unwrap();
        assert_eq!(header, Header { version, big_endian: big, ..plain.clone() });
    }
}

#[test]
fn other_versions_are_refused() {
    for (version, big) in [(1, false), (1, true), (4, false), (0, false)] {
        let found = refused(&Gguf { version, big, ..tiny(0) }.bytes());
        let text = format!("`x.gguf` is GGUF version {version}; llama.cpp reads 2 and 3");
        assert_eq!(found, ("gguf.version", text));
    }
}

#[test]
fn truncation_is_proved_from_the_header() {
    let bytes = tiny(0).bytes();
    let found = refused(&bytes[..bytes.len() - 1000]);
    let (len, end) = (bytes.len() - 1000, bytes.len());
    let text = format!("`x.gguf` is {len} bytes; tensor `output.weight` ends at {end}");
    assert_eq!(found, ("gguf.truncated", text));
}

#[test]
fn a_tensor_of_an_unknown_type_proves_nothing() {
    let mut model = tiny(0);
    model.tensors[1].2 = 4711;
    let bytes = model.bytes();
    let header = read_bytes(&bytes[..bytes.len() - 1000]).unwrap();
    assert_eq!(header.end, None);
    // The others are still checked.
    assert_eq!(refused(&bytes[..bytes.len() - 9000]).0, "gguf.truncated");
}

#[test]
fn blocks_of_quantised_tensors_are_counted() {
    let mut model = tiny(0);
    // 64 x 32 elements of Q4_K: 8 blocks of 144 bytes.
    model.tensors[1] = ("q".into(), vec![64, 32], 12, 8 * 144);
    let bytes = model.bytes();
    assert_eq!(read_bytes(&bytes).unwrap().end, Some(bytes.len() as u64));
    assert_eq!(refused(&bytes[..bytes.len() - 1]).0, "gguf.truncated");
}

#[test]
fn a_header_that_ends_early_says_where() {
    let bytes = tiny(0).bytes();
    for (len, place) in
        [(4, "at its start"), (23, "at its start"), (24, "at key 1 of 12"), (700, "at key 9 of 12")]
    {
        let text = format!("`x.gguf` ends inside its header, {place}");
        assert_eq!(refused(&bytes[..len]), ("gguf.header", text));
    }
    let tensors = bytes.windows(13).position(|bytes| bytes == b"output.weight").unwrap();
    let (code, text) = refused(&bytes[..tensors]);
    assert_eq!((code, &text[text.len() - 15..]), ("gguf.header", "at tensor 2 of 2"[1..].into()));
}

#[test]
fn what_is_no_gguf_is_named() {
    let pointer = format!(
        "version https://git-lfs.github.com/spec/v1\noid sha256:{}\nsize 1929903008\n",
        "0".repeat(64)
    );
    let cases: &[(&[u8], &str, &str)] = &[
        (
            pointer.as_bytes(),
            "gguf.lfs",
            "`x.gguf` is a git-LFS pointer to 1929903008 bytes, not the model",
        ),
        (b"\n<!DOCTYPE html><html>", "gguf.html", "`x.gguf` is an HTML page"),
        (b"<html><title>404", "gguf.html", "`x.gguf` is an HTML page"),
        (b"lmgg\x01\0", "gguf.magic", "`x.gguf` is a legacy GGML model, not GGUF"),
        (b"tjgg\x01\0", "gguf.magic", "`x.gguf` is a legacy GGML model, not GGUF"),
        (
            b"\x10\x20\0\0\0\0\0\0{\"__metadata__",
            "gguf.magic",
            "`x.gguf` is a safetensors file, not GGUF",
        ),
        (b"GGUfabc", "gguf.magic", "`x.gguf` starts with `47475566`, not `GGUF`"),
        (b"PK", "gguf.magic", "`x.gguf` starts with `504b`, not `GGUF`"),
        (b"", "gguf.magic", "`x.gguf` is empty"),
    ];
    for (bytes, code, text) in cases {
        assert_eq!(refused(bytes), (*code, (*text).to_owned()));
    }
}

#[test]
fn lengths_that_cannot_be_are_refused_without_being_allocated() {
    let huge = |model: Gguf| {
        let mut bytes = model.bytes();
        // The length of the first key.
        bytes[24..32].copy_from_slice(&u64::MAX.to_le_bytes());
        refused(&bytes)
    };
    assert_eq!(huge(tiny(0)).0, "gguf.header");
    let mut bytes = tiny(0).bytes();
    bytes[16..24].copy_from_slice(&u64::MAX.to_le_bytes());
    assert_eq!(refused(&bytes).0, "gguf.header");
    let odd = tiny(0).with("general.alignment", Sample::U32(3)).bytes();
    assert!(refused(&odd).1.ends_with("an alignment of 3 bytes"));
    let mut deep = tiny(0);
    deep.tensors[0].1 = vec![1; 5];
    assert!(refused(&deep.bytes()).1.ends_with("5 dimensions"));
    deep.tensors[0].1 = vec![u64::MAX, 2];
    assert_eq!(refused(&deep.bytes()).0, "gguf.header");
    deep.tensors[0].1 = vec![u64::MAX / 4];
    assert_eq!(refused(&deep.bytes()).0, "gguf.header");
}

#[test]
fn a_shard_says_which_one_it_is() {
    let shards = sample::shards(0, 3);
    let header = read_bytes(&shards[2].bytes()).unwrap();
    assert_eq!(header.split, Some(Split { number: 2, count: 3 }));
    let text = "no architecture, 2K parameters in 1 tensor, shard 3 of 3";
    assert_eq!(header.describe(), text);
    let one = tiny(0).with("split.count", Sample::U16(1)).bytes();
    assert_eq!(read_bytes(&one).unwrap().split, None);
}

#[test]
fn the_context_is_that_of_the_architecture() {
    let model = tiny(0).with("clip.context_length", Sample::U32(77));
    assert_eq!(read_bytes(&model.bytes()).unwrap().context_length, Some(256));
    let other = tiny(0).with("general.architecture", text("qwen2"));
    assert_eq!(read_bytes(&other.bytes()).unwrap().context_length, None);
}

#[test]
fn numbers_are_short() {
    for (number, text) in [
        (7, "7"),
        (98_816, "99K"),
        (494_032_768, "494.03M"),
        (2_000_000, "2M"),
        (3_085_938_688, "3.1B"),
        (u64::MAX, "18446744073.7B"),
        (70_000_000_000, "70B"),
    ] {
        assert_eq!(short(number), text);
    }
}

proptest! {
    #[test]
    fn whatever_follows_the_magic_is_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let whole = [b"GGUF\x03\0\0\0".as_slice(), &bytes].concat();
        let _ = read_bytes(&whole);
    }

    #[test]
    fn a_header_spoiled_anywhere_is_read_or_refused(at in 4..1500_usize, byte in any::<u8>(), cut in 0..2000_usize) {
        let mut bytes = tiny(1).bytes();
        bytes[at] = byte;
        if cut < bytes.len() {
            bytes.truncate(bytes.len() - cut);
        }
        let _ = read_bytes(&bytes);
    }
}
