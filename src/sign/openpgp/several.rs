//! Several signatures over one file, as while a signed file is being replaced: one of them is right
//! before the replacement, the other after it.
//!
//! Format: RFC 9580, 6 (armor), 10.4 (detached signatures).

use pgp::{
    composed::{Deserializable as _, DetachedSignature},
    ser::Serialize as _,
};

/// Characters in a line of armor.
const WIDTH: usize = 64;

/// The signatures of a detached signature file, armored or binary, each alone and binary; `None` if
/// it is malformed.
pub fn split(signatures: &[u8]) -> Option<Vec<Vec<u8>>> {
    let (found, _) = DetachedSignature::from_reader_many(signatures).ok()?;
    found.map(|one| one.ok()?.to_bytes().ok()).collect()
}

/// One armored file of all of them.
pub fn join(signatures: &[Vec<u8>]) -> String {
    let bytes = signatures.concat();
    let mut text = String::from("-----BEGIN PGP SIGNATURE-----\n\n");
    let encoded = base64(&bytes);
    for line in encoded.as_bytes().chunks(WIDTH) {
        text.extend(line.iter().copied().map(char::from));
        text.push('\n');
    }
    let [_, crc @ ..] = crc24(&bytes).to_be_bytes();
    format!("{text}={}\n-----END PGP SIGNATURE-----\n", base64(&crc))
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let byte = |at: usize| u32::from(group.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for at in 0..4 {
            let letter = usize::try_from(bits >> (18 - 6 * at) & 63).expect("six bits");
            text.push(if at <= group.len() { char::from(LETTERS[letter]) } else { '=' });
        }
    }
    text
}

/// RFC 9580, 6.1.
fn crc24(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x00b7_04ce, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte) << 16, |crc, _| {
            let shifted = crc << 1;
            if shifted & 0x0100_0000 == 0 { shifted } else { shifted ^ 0x0186_4cfb }
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_padded() {
        assert_eq!(
            ["", "f", "fo", "foo"].map(|t| base64(t.as_bytes())),
            ["", "Zg==", "Zm8=", "Zm9v"]
        );
    }

    #[test]
    fn the_checksum_is_that_of_the_rfc() {
        assert_eq!(crc24(b""), 0x00b7_04ce);
        assert_eq!(crc24(b"123456789"), 0x0021_cf02);
    }

    #[test]
    fn what_is_no_signature_cannot_be_split() {
        assert_eq!(split(b"-----BEGIN"), None);
    }
}
