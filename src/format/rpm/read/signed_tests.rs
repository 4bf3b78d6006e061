//! Tests of signatures: with the key and without.

use std::{collections::BTreeMap, io::Cursor, path::Path};

use super::{Sample, problems, read_bytes, signed};
use crate::{
    format::{
        Signed,
        rpm::{header::Value, read::check_signature, tags},
    },
    sign::openpgp::{Certificate, Identity, Refused, Settings},
};

/// 2026-11-21.
const NOW: u64 = 1_795_219_200;

fn key(name: &str) -> Identity {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/keys");
    let file = folder.join(format!("test-only-{name}.secret.asc"));
    let key = std::fs::read_to_string(file).unwrap();
    let env = BTreeMap::from([("GPG_PRIVATE_KEY".to_owned(), key)]);
    Identity::open(&Settings::new(env, folder, NOW)).unwrap().unwrap()
}

fn certificate(name: &str) -> Certificate {
    Certificate::parse(&key(name).certificate()).unwrap()
}

fn header(sample: &Sample) -> Vec<u8> {
    sample.header.encode(tags::HEADERIMMUTABLE).unwrap()
}

/// With a signature of the header in a tag.
fn signed_by(name: &str, tag: u32) -> Sample {
    let mut sample = Sample::default().sealed();
    let packet = key(name).sign(&mut header(&sample).as_slice(), NOW).unwrap();
    sample.signature.set(tag, Value::Bin(packet));
    sample
}

fn check(rpm: &[u8], name: &str) -> Signed {
    check_signature(&mut Cursor::new(rpm), &certificate(name)).unwrap()
}

#[test]
fn a_signature_is_listed_and_proves_who_signed() {
    for (name, tag, how) in
        [("rsa3072", signed::RSA, ", RSA, SHA-"), ("ed25519", signed::DSA, ", EdDSA, SHA-")]
    {
        let rpm = signed_by(name, tag).bytes();
        let report = read_bytes(&rpm).unwrap();
        assert_eq!((&report.problems, &report.notes), (&vec![], &vec![]));
        let fingerprint = key(name).fingerprint();
        let want = format!("OpenPGP {fingerprint}, 2026-11-21 00:00:00{how}");
        assert!(report.signatures[0].starts_with(&want), "{:?}", report.signatures);
        let Signed::By(by) = check(&rpm, name) else { panic!("{name} signed") };
        assert_eq!(by.fingerprint, fingerprint);
    }
}

#[test]
fn a_signature_of_somebody_else_or_none_is_told() {
    let rpm = signed_by("ed25519", signed::DSA).bytes();
    let other = check(&rpm, "rsa3072");
    assert!(matches!(other, Signed::Refused(Refused::UnknownKey { .. })), "{other:?}");
    assert!(matches!(check(&Sample::default().rpm(), "rsa3072"), Signed::Not));
}

#[test]
fn a_header_that_was_changed_after_signing_is_refused_even_with_right_digests() {
    let mut sample = signed_by("rsa3072", signed::RSA);
    sample.header.set(tags::NAME, Value::text("hallo"));
    sample.lead[11] = b'a';
    let sample = sample.sealed();
    // Without the key by the first two bytes of the hash.
    let found = problems(&sample.bytes());
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].starts_with("the signature in tag 268 is of something else"), "{found:?}");
    let refused = check(&sample.bytes(), "rsa3072");
    assert!(matches!(refused, Signed::Refused(Refused::Bad { .. })), "{refused:?}");
}

#[test]
fn a_signature_of_header_and_payload_is_checked_too() {
    let mut sample = Sample::default().sealed();
    let mut all = header(&sample);
    all.extend((sample.pack)(&sample.archive));
    let packet = key("rsa3072").sign(&mut all.as_slice(), NOW).unwrap();
    sample.signature.set(signed::PGP, Value::Bin(packet));
    let rpm = sample.bytes();
    assert_eq!(problems(&rpm), [""; 0]);
    assert!(matches!(check(&rpm, "rsa3072"), Signed::By(_)));
    let mut spoiled = rpm;
    *spoiled.last_mut().unwrap() ^= 1;
    assert!(matches!(check(&spoiled, "rsa3072"), Signed::Refused(Refused::Bad { .. })));
}

#[test]
fn of_several_signatures_one_of_the_key_is_enough() {
    let mut sample = Sample::default().sealed();
    let sign = |name| key(name).sign(&mut header(&sample).as_slice(), NOW).unwrap();
    let packets = [sign("rsa3072"), sign("ed25519")].map(|packet| base64(&packet));
    sample.signature.set(signed::OPENPGP, Value::texts(packets));
    let rpm = sample.bytes();
    let report = read_bytes(&rpm).unwrap();
    assert_eq!((report.problems, report.signatures.len()), (vec![], 2));
    for name in ["rsa3072", "ed25519"] {
        assert!(matches!(check(&rpm, name), Signed::By(_)), "{name}");
    }
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let group = |group: &[u8]| {
        let bits =
            group.iter().chain(&[0; 2]).take(3).fold(0, |b, &byte| b << 8 | usize::from(byte));
        let digits = (0..4).map(|at| char::from(DIGITS[bits >> (18 - 6 * at) & 63]));
        let mut text: String = digits.take(group.len() + 1).collect();
        text.extend(std::iter::repeat_n('=', 3 - group.len()));
        text
    };
    bytes.chunks(3).map(group).collect()
}

#[test]
fn base64_of_any_length_is_decoded() {
    for len in 0..9 {
        let bytes: Vec<u8> = (250..).take(5).chain(0..).take(len).collect();
        assert_eq!(super::super::signature::base64(base64(&bytes).as_bytes()), Some(bytes));
    }
    for text in ["a", "ab", "abc", "a===", "ab=c", "ab!c"] {
        assert_eq!(super::super::signature::base64(text.as_bytes()), None, "{text}");
    }
}

/// Of a signature nothing but a key can tell whether its numbers are right, and nothing at all
/// covers what is not hashed: who is said to have made it.
#[test]
fn a_changed_byte_of_a_signature_is_refused_with_the_key() {
    let sample = signed_by("ed25519", signed::DSA);
    let rpm = sample.bytes();
    let packet = sample.signature.bin(signed::DSA).unwrap();
    let at = rpm.windows(packet.len()).position(|bytes| bytes == packet).unwrap();
    let mut unnoticed = 0;
    for at in at..at + packet.len() {
        let mut spoiled = rpm.clone();
        spoiled[at] ^= 0x10;
        let refused = read_bytes(&spoiled).map_or(true, |report| !report.problems.is_empty());
        unnoticed += usize::from(!refused);
        let signed = check_signature(&mut Cursor::new(&spoiled), &certificate("ed25519"));
        let good = signed.is_ok_and(|signed| matches!(signed, Signed::By(_)));
        assert!(refused || !good || is_unhashed(packet, at, &rpm), "byte {at}");
    }
    // Two numbers of 32 bytes, and what is not hashed.
    assert!((64..90).contains(&unnoticed), "{unnoticed} of {}", packet.len());
}

/// Whether a byte of the package is in the part of a version 4 packet that is not hashed.
fn is_unhashed(packet: &[u8], at: usize, rpm: &[u8]) -> bool {
    let start = rpm.windows(packet.len()).position(|bytes| bytes == packet).unwrap();
    let body = if packet[0] & 0x40 != 0 { 2 } else { 2 + usize::from(packet[0] & 3 == 1) };
    let hashed = usize::from(packet[body + 5]) + 256 * usize::from(packet[body + 4]);
    let from = body + 6 + hashed;
    let len = usize::from(packet[from + 1]) + 256 * usize::from(packet[from]);
    (start + from..start + from + 2 + len).contains(&at)
}
