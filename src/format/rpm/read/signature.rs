//! The signature header: nothing covers it, so every tag of it must be known and say what it has to.

use std::fmt;

use crate::{
    container::utc,
    digest::{Algorithm, AnyHasher},
    format::{
        listing::Problems,
        rpm::{
            header::{Header, Value},
            tags::signature,
        },
    },
};

/// What a signature covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Covers {
    /// The header: all of today's.
    Header,
    /// Header and packed payload: rpm 3, and rpm 4 before 4.14 as well.
    HeaderAndPayload,
}

/// An OpenPGP signature of a package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// The tag it stands in.
    pub tag: u32,
    /// What it covers.
    pub covers: Covers,
    /// A binary OpenPGP packet.
    pub packet: Vec<u8>,
}

/// Tags that hold a signature each.
#[rustfmt::skip]
const SIGNATURES: &[(u32, Covers)] = &[
    (signature::DSA, Covers::Header), (signature::RSA, Covers::Header),
    (signature::PGP, Covers::HeaderAndPayload), (signature::GPG, Covers::HeaderAndPayload),
];

/// Tags of before 2002, whose digests were wrong on some machines.
const BROKEN: &[u32] = &[
    signature::BADSHA1_1,
    signature::BADSHA1_2,
    signature::LEMD5_1,
    signature::LEMD5_2,
    signature::PGP5,
];

/// All signatures of a signature header, in its order.
pub fn signatures(header: &Header) -> Vec<Signature> {
    let mut out = Vec::new();
    for (tag, value) in header.iter() {
        if let Some((_, covers)) = SIGNATURES.iter().find(|(known, _)| *known == tag)
            && let Value::Bin(packet) = value
        {
            out.push(Signature { tag, covers: *covers, packet: packet.clone() });
        }
        if tag == signature::OPENPGP {
            let packets =
                header.texts(tag).into_iter().map(|text| base64(text).unwrap_or_default());
            let covers = Covers::Header;
            out.extend(packets.map(|packet| Signature { tag, covers, packet }));
        }
    }
    out
}

/// Who says to have made each signature, and when and how; nothing is checked.
pub(super) fn shown(header: &Header) -> Vec<String> {
    let shown = |signature: &Signature| match Packet::parse(&signature.packet) {
        Some(packet) => packet.to_string(),
        None => "unreadable".to_owned(),
    };
    signatures(header).iter().map(shown).collect()
}

/// Checks what can be checked without a key and without reading on.
pub(super) fn check(header: &Header, problems: &mut Problems, notes: &mut Vec<String>) {
    for (tag, value) in header.iter() {
        match tag {
            _ if BROKEN.contains(&tag) => {
                problems.push(format!("signature header: rpm does not read tag {tag} any more"));
            }
            signature::FILESIGNATURES | signature::VERITYSIGNATURES => {
                notes.push("signatures of single files are not checked".into());
            }
            signature::RESERVED | signature::RESERVEDSPACE
                if header.bin(tag).is_none_or(|bytes| bytes.iter().any(|&byte| byte != 0)) =>
            {
                problems.push("signature header: its reserved space is not empty");
            }
            _ if signature::row(tag).is_none() => {
                problems.push(format!("signature header: tag {tag} is unknown"));
            }
            // One value each: a second one would be read by nobody.
            signature::SIZE
            | signature::PAYLOADSIZE
            | signature::LONGSIZE
            | signature::LONGARCHIVESIZE
                if value.count() != 1 =>
            {
                problems.push(format!("signature header: tag {tag} has {} values", value.count()));
            }
            _ => {}
        }
    }
    for Signature { tag, packet, .. } in signatures(header) {
        if Packet::parse(&packet).is_none() {
            problems.push(format!("signature header: tag {tag} holds no OpenPGP signature"));
        }
    }
}

/// Computes the hash of a signature, of which the packet says the first two bytes: a changed header
/// is told without a key. The key is still needed to know who signed.
pub(super) struct Prefix {
    hasher: AnyHasher,
    algorithm: Algorithm,
    signature: Signature,
    /// What is hashed after the content, and the two bytes.
    trailer: Vec<u8>,
    expected: [u8; 2],
}

impl Prefix {
    /// `None` for a packet that is unreadable, or whose hash is not ours.
    pub(super) fn start(signature: Signature, header: &[u8]) -> Option<Self> {
        let packet = Packet::parse(&signature.packet)?;
        let algorithm = packet.hash()?;
        let mut hasher = algorithm.start();
        hasher.update(packet.salt);
        hasher.update(header);
        let (trailer, expected) = (packet.trailer.clone(), packet.prefix);
        Some(Self { hasher, algorithm, signature, trailer, expected })
    }

    pub(super) fn wants_payload(&self) -> bool {
        self.signature.covers == Covers::HeaderAndPayload
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.hasher.update(bytes);
    }

    pub(super) fn finish(mut self, problems: &mut Problems) {
        self.hasher.update(&self.trailer);
        let found = self.hasher.finish();
        if !found.starts_with(&crate::digest::hex(&self.expected)) {
            let (tag, algorithm) = (self.signature.tag, self.algorithm);
            problems.push(format!("the signature in tag {tag} is of something else ({algorithm})"));
        }
    }
}

/// A signature packet, as far as it can be read without a key: RFC 9580, section 5.2.
struct Packet<'a> {
    public_key: u8,
    hash: u8,
    key: Option<String>,
    created: Option<u32>,
    /// What is hashed in front of the content: version 6 alone.
    salt: &'a [u8],
    /// What is hashed after it.
    trailer: Vec<u8>,
    /// The first two bytes of the hash.
    prefix: [u8; 2],
}

impl<'a> Packet<'a> {
    fn parse(packet: &'a [u8]) -> Option<Self> {
        let body = body(packet)?;
        match body.first()? {
            3 => Self::v3(body),
            4 | 6 => Self::v4(body),
            _ => None,
        }
    }

    fn hash(&self) -> Option<Algorithm> {
        Algorithm::of_openpgp(u64::from(self.hash))
    }

    /// Version, 5, type, time, key, algorithms, two bytes of the hash.
    fn v3(body: &'a [u8]) -> Option<Self> {
        let fixed = body.first_chunk::<19>().filter(|fixed| fixed[1] == 5)?;
        let [.., public_key, hash, left, right] = *fixed;
        Some(Self {
            public_key,
            hash,
            key: Some(hex(&fixed[7..15])),
            created: fixed[3..7].try_into().ok().map(u32::from_be_bytes),
            salt: b"",
            trailer: fixed[2..7].to_vec(),
            prefix: [left, right],
        })
    }

    /// Version, type, algorithms, hashed and other subpackets, two bytes of the hash, version 6 with
    /// a salt.
    fn v4(body: &'a [u8]) -> Option<Self> {
        let width = if body[0] == 6 { 4 } else { 2 };
        let [version, _, public_key, hash, ..] = *body else { return None };
        let (hashed, rest) = sized(body.get(4..)?, width)?;
        let head = body.get(..4 + width + hashed.len())?;
        let (other, rest) = sized(rest, width)?;
        let (prefix, rest) = rest.split_first_chunk::<2>()?;
        let salt = if version == 6 { sized(rest, 1)?.0 } else { b"" };
        let len = u32::try_from(head.len()).ok()?;
        let (mut key, mut created) = (None, None);
        for area in [hashed, other] {
            for (kind, value) in subpackets(area)? {
                match (kind, value) {
                    (2, time) => created = time.try_into().ok().map(u32::from_be_bytes),
                    (16, id) if id.len() == 8 => key = key.or(Some(hex(id))),
                    (33, [4, print @ ..]) if print.len() == 20 => key = Some(hex(print)),
                    (33, [6, print @ ..]) if print.len() == 32 => key = Some(hex(print)),
                    _ => {}
                }
            }
        }
        let trailer = [head, &[version, 0xff], &len.to_be_bytes()].concat();
        Some(Self { public_key, hash, key, created, salt, trailer, prefix: *prefix })
    }
}

fn hex(bytes: &[u8]) -> String {
    crate::digest::hex(bytes).to_uppercase()
}

/// `OpenPGP 97E6AB1C3F623A1590A22BB37A25D7B7D8A84F3C, 2026-11-21 12:00:00, RSA, SHA-256`
impl fmt::Display for Packet<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OpenPGP")?;
        if let Some(key) = &self.key {
            write!(f, " {key}")?;
        }
        if let Some(time) = self.created {
            write!(f, ", {}", utc(i64::from(time)))?;
        }
        match self.public_key {
            1..=3 => f.write_str(", RSA")?,
            17 => f.write_str(", DSA")?,
            19 => f.write_str(", ECDSA")?,
            22 => f.write_str(", EdDSA")?,
            27 => f.write_str(", Ed25519")?,
            28 => f.write_str(", Ed448")?,
            other => write!(f, ", algorithm {other}")?,
        }
        match self.hash() {
            Some(hash) => write!(f, ", {hash}"),
            None => write!(f, ", hash {}", self.hash),
        }
    }
}

/// The body of the only packet, which is a signature.
fn body(packet: &[u8]) -> Option<&[u8]> {
    let (&tag, rest) = packet.split_first()?;
    let (kind, body) = match tag {
        0xc0.. => (tag & 0x3f, new_length(rest)?),
        0x80..=0xbf => {
            let width = [1, 2, 4].get(usize::from(tag & 3));
            let body = match width {
                Some(width) => Some(sized(rest, *width)?).filter(|(_, more)| more.is_empty())?.0,
                None => rest,
            };
            (tag >> 2 & 15, body)
        }
        _ => return None,
    };
    Some(body).filter(|_| kind == 2)
}

/// What follows a length of the new format, to the end of the packet.
fn new_length(bytes: &[u8]) -> Option<&[u8]> {
    let (len, body) = length(bytes)?;
    Some(body).filter(|body| body.len() == len)
}

/// A length of the new format and of subpackets.
fn length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (&first, rest) = bytes.split_first()?;
    match first {
        0..=191 => Some((usize::from(first), rest)),
        192..=223 => {
            let (&second, rest) = rest.split_first()?;
            Some(((usize::from(first) - 192) * 256 + usize::from(second) + 192, rest))
        }
        224..=254 => None,
        255 => {
            let (len, rest) = rest.split_first_chunk::<4>()?;
            Some((usize::try_from(u32::from_be_bytes(*len)).ok()?, rest))
        }
    }
}

/// Bytes behind their length, which is `width` bytes long, and what follows them.
fn sized(bytes: &[u8], width: usize) -> Option<(&[u8], &[u8])> {
    let (len, rest) = bytes.split_at_checked(width)?;
    let len = len.iter().fold(0_usize, |len, &byte| len << 8 | usize::from(byte));
    rest.split_at_checked(len)
}

/// Types (without the bit that says they matter) and values.
fn subpackets(mut area: &[u8]) -> Option<Vec<(u8, &[u8])>> {
    let mut out = Vec::new();
    while !area.is_empty() {
        let (len, rest) = length(area)?;
        let (packet, rest) = rest.split_at_checked(len)?;
        let (kind, value) = packet.split_first()?;
        out.push((kind & 0x7f, value));
        area = rest;
    }
    Some(out)
}

/// Decodes base64 with padding; line breaks are passed over.
pub(super) fn base64(text: &[u8]) -> Option<Vec<u8>> {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let text: Vec<u8> = text.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let mut out = Vec::with_capacity(text.len() / 4 * 3);
    for group in text.chunks(4) {
        let digits = group.iter().take_while(|&&byte| byte != b'=').count();
        if group.len() != 4 || digits < 2 || group[digits..].iter().any(|&byte| byte != b'=') {
            return None;
        }
        let digit = |byte: &u8| DIGITS.iter().position(|there| there == byte);
        let bits = group[..digits]
            .iter()
            .try_fold(0_u32, |bits, byte| Some(bits << 6 | u32::try_from(digit(byte)?).ok()?))?;
        let bytes = (bits << (6 * (4 - digits))).to_be_bytes();
        out.extend_from_slice(&bytes[1..digits]);
    }
    Some(out)
}
