//! Tests of the decoders. Streams are made by the crates' own encoders.

use std::io::Write as _;

use proptest::prelude::*;

use super::*;

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::GzBuilder::new().write(Vec::new(), flate2::Compression::new(6));
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub(crate) fn xz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 6);
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub(crate) fn zstd(bytes: &[u8]) -> Vec<u8> {
    let mut context = zstd_safe::CCtx::create();
    context.set_parameter(zstd_safe::CParameter::ChecksumFlag(true)).unwrap();
    let mut out = Vec::with_capacity(zstd_safe::compress_bound(bytes.len()));
    context.compress2(&mut out, bytes).unwrap();
    out
}

fn unpack(bytes: &[u8], codec: Codec) -> Result<(Vec<u8>, Facts), ReadError> {
    let mut unpack = Unpack::new(bytes, codec)?;
    let mut out = Vec::new();
    unpack.read_to_end(&mut out)?;
    Ok((out, unpack.finish()?))
}

/// Packs bytes.
pub(crate) type Pack = fn(&[u8]) -> Vec<u8>;

const ALL: [(Codec, Pack); 3] = [(Codec::Gzip, gzip), (Codec::Xz, xz), (Codec::Zstd, zstd)];

#[test]
fn a_stream_comes_back() {
    let plain: Vec<u8> = (0..400_000_u32).flat_map(|n| (n / 7).to_le_bytes()).collect();
    for (codec, pack) in ALL {
        let (out, facts) = unpack(&pack(&plain), codec).unwrap();
        assert!(out == plain, "{codec:?}");
        assert_eq!((facts.streams, facts.trailing, facts.unchecked), (1, 0, 0), "{codec:?}");
        assert_eq!(facts.plain, plain.len() as u64);
    }
}

#[test]
fn streams_one_after_another_are_counted() {
    for (codec, pack) in ALL {
        let (out, facts) = unpack(&[pack(b"one"), pack(b"two")].concat(), codec).unwrap();
        assert_eq!((&out[..], facts.streams), (&b"onetwo"[..], 2), "{codec:?}");
    }
}

#[test]
fn bytes_after_the_stream_are_counted() {
    for (codec, pack) in ALL {
        let (out, facts) = unpack(&[pack(b"one"), vec![0; 5]].concat(), codec).unwrap();
        assert_eq!((&out[..], facts.trailing), (&b"one"[..], 5), "{codec:?}");
    }
}

#[test]
fn every_truncation_is_an_error() {
    for (codec, pack) in ALL {
        let packed = pack(b"some text, some more text");
        for len in 0..packed.len() {
            assert!(unpack(&packed[..len], codec).is_err(), "{codec:?} cut to {len}");
        }
    }
}

#[test]
fn a_frame_without_checksum_is_counted() {
    let mut out = Vec::with_capacity(100);
    zstd_safe::CCtx::create().compress2(&mut out, b"text").unwrap();
    assert_eq!(unpack(&out, Codec::Zstd).unwrap().1.unchecked, 1);
}

#[test]
fn reserved_gzip_flags_and_a_wrong_header_crc_are_refused() {
    let mut packed = gzip(b"x");
    packed[3] = 0x20;
    assert!(unpack(&packed, Codec::Gzip).unwrap_err().to_string().contains("reserved"));
    let mut packed = gzip(b"x");
    packed[3] = HAS_HEADER_CRC;
    let [low, high, ..] = crc32fast::hash(&packed[..10]).to_le_bytes();
    packed.splice(10..10, [low, high]);
    assert_eq!(unpack(&packed, Codec::Gzip).unwrap().0, b"x");
    packed[10] ^= 1;
    assert!(unpack(&packed, Codec::Gzip).unwrap_err().to_string().contains("CRC"));
}

const HAS_HEADER_CRC: u8 = 2;

#[test]
fn an_xz_dictionary_of_a_gigabyte_is_refused() {
    let mut options = liblzma::stream::LzmaOptions::new_preset(0).unwrap();
    options.dict_size(1 << 30);
    let mut filters = liblzma::stream::Filters::new();
    filters.lzma2(&options);
    let check = liblzma::stream::Check::Crc32;
    let stream = liblzma::stream::Stream::new_stream_encoder(&filters, check).unwrap();
    let mut encoder = liblzma::write::XzEncoder::new_stream(Vec::new(), stream);
    encoder.write_all(b"x").unwrap();
    let error = unpack(&encoder.finish().unwrap(), Codec::Xz).unwrap_err();
    assert!(error.to_string().contains("more than 256 MiB"), "{error}");
}

#[test]
fn a_dictionary_reset_inside_a_block_of_ours_is_counted() {
    use crate::codec::{Sum, xz};
    let stored = |first| [&xz::stored_header(4, first)[..], b"text"].concat();
    let stream = |second| {
        let body = [stored(true), stored(second), xz::END.to_vec()].concat();
        let packed = body.len() as u64;
        let header = xz::block_header(packed, 8, xz::STORED_DICTIONARY);
        let content = Sum::of(b"texttext");
        let unpadded = header.len() as u64 + packed + xz::CHECK;
        let end = xz::stream_end(&[xz::Block { unpadded, plain: 8 }]);
        [&xz::STREAM_HEADER[..], &header, &body, &xz::block_end(packed, content), &end].concat()
    };
    for (second, resets) in [(false, 0), (true, 1)] {
        let (plain, facts) = unpack(&stream(second), Codec::Xz).unwrap();
        assert_eq!((&plain[..], facts.resets), (&b"texttext"[..], resets));
    }
}

/// As rpm packed before xz: no checksum, and only one stream.
fn lzma(bytes: &[u8]) -> Vec<u8> {
    let options = liblzma::stream::LzmaOptions::new_preset(6).unwrap();
    let stream = liblzma::stream::Stream::new_lzma_encoder(&options).unwrap();
    let mut encoder = liblzma::write::XzEncoder::new_stream(Vec::new(), stream);
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn an_lzma_stream_comes_back() {
    let plain: Vec<u8> = (0..40_000_u32).flat_map(|n| (n / 7).to_le_bytes()).collect();
    let packed = [lzma(&plain), b"more".to_vec()].concat();
    let mut unpack = Unpack::lzma(&packed[..]).unwrap();
    let mut out = Vec::new();
    unpack.read_to_end(&mut out).unwrap();
    assert!(out == plain);
    let facts = unpack.finish().unwrap();
    assert_eq!((facts.streams, facts.trailing, facts.unchecked), (1, 4, 1));
    for len in 0..60 {
        assert!(Unpack::lzma(&packed[..len]).and_then(Unpack::finish).is_err(), "cut to {len}");
    }
}

#[test]
fn a_zstd_window_of_2_gib_is_refused() {
    let frame = b"\x28\xb5\x2f\xfd\0\xa8\x01\0\0";
    assert!(unpack(frame, Codec::Zstd).is_err());
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        for (codec, pack) in ALL {
            let _ = unpack(&bytes, codec);
            let _ = Unpack::lzma(&bytes[..]).and_then(Unpack::finish);
            let head = pack(b"");
            let _ = unpack(&[&head[..head.len().min(10)], &bytes].concat(), codec);
        }
    }

    #[test]
    fn a_changed_byte_is_an_error_or_decodes_alike(at in 0_usize..2000, flip in 1..=255_u8) {
        let plain: Vec<u8> = (0..500_u32).flat_map(|n| (n * n).to_le_bytes()).collect();
        for (codec, pack) in ALL {
            let mut packed = pack(&plain);
            let at = at % packed.len();
            packed[at] ^= flip;
            if let Ok((out, facts)) = unpack(&packed, codec) {
                prop_assert!(out == plain || facts.trailing > 0 || facts.unchecked > 0);
            }
        }
    }
}
