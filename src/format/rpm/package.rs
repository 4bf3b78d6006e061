//! A package's two headers and where they stand in the file: what repositories are made of.

use std::{io::Read, ops::Range};

use super::{
    header::{
        Header,
        read::{Found, Which, read as read_header},
    },
    tags::{self, signature},
};
use crate::{
    container::{Input, ReadError, Tap},
    digest::{Algorithm, Sha256Digest},
    format::ReadSeek,
};

/// Length of the lead, in bytes.
pub(super) const LEAD: usize = 96;

/// What a package starts with.
pub(super) const MAGIC: &[u8] = b"\xed\xab\xee\xdb";

/// A package without its payload.
#[derive(Clone, Debug)]
pub struct Package {
    /// Digests, signatures and sizes.
    pub signature: Header,
    /// All metadata.
    pub header: Header,
    /// Where the header is in the file, in bytes: primary.xml's `header-range`.
    pub header_range: Range<u64>,
    /// Length of the file, in bytes.
    pub len: u64,
    /// Length of the plain cpio archive, in bytes, if the package says it.
    pub archive_len: Option<u64>,
    /// SHA-256 of the file.
    pub sha256: Sha256Digest,
    /// What is wrong with the headers; the payload is not looked at.
    pub problems: Vec<String>,
}

/// Reads the headers, and the whole file once for its digest.
pub fn read(file: &mut dyn ReadSeek) -> Result<Package, ReadError> {
    file.rewind()?;
    let mut tap = Tap::new(file);
    let heads = Heads::read(&mut Input::new(&mut tap))?;
    let mut problems = [&heads.signature.problems[..], &heads.main.problems].concat();
    if heads.header_digests(&mut problems) == 0 {
        problems.push("no digest covers the header".into());
    }
    let (len, sha256) = tap.finish()?;
    let header_range = heads.header_range();
    let archive_len = heads.archive_len();
    let (signature, header) = (heads.signature.header, heads.main.header);
    Ok(Package { signature, header, header_range, len, archive_len, sha256, problems })
}

/// Everything in front of the payload.
pub(super) struct Heads {
    pub(super) lead: [u8; LEAD],
    pub(super) signature: Found,
    /// The bytes that bring the header to a multiple of eight.
    pub(super) padding: Vec<u8>,
    /// Offset of the header in the file, in bytes.
    pub(super) start: u64,
    pub(super) main: Found,
}

impl Heads {
    /// From the start of a file up to its payload.
    pub(super) fn read<R: Read>(input: &mut Input<R>) -> Result<Self, ReadError> {
        let lead = input.array::<LEAD>("the lead of an rpm")?;
        if !lead.starts_with(MAGIC) {
            return Err(ReadError::malformed("lead", 0, "it does not start with `ed ab ee db`"));
        }
        let signature = read_header(input, Which::Signature)?;
        let at = input.at();
        let mut padding = Vec::new();
        let count = at.next_multiple_of(8) - at; // the lead is a multiple itself
        if (&mut *input).take(count).read_to_end(&mut padding)? as u64 != count {
            let what = "the padding of the signature header".into();
            return Err(ReadError::Truncated { what, at: input.at() });
        }
        let start = input.at();
        let main = read_header(input, Which::Main)?;
        Ok(Self { lead, signature, padding, start, main })
    }

    /// Where the header is in the file, in bytes.
    pub(super) fn header_range(&self) -> Range<u64> {
        self.start..self.start + self.main.bytes.len() as u64
    }

    /// Length of the plain cpio archive as the package says it, in bytes.
    pub(super) fn archive_len(&self) -> Option<u64> {
        let of_signature = [signature::LONGARCHIVESIZE, signature::PAYLOADSIZE];
        let said = of_signature.iter().find_map(|&tag| self.signature.header.int(tag));
        said.or_else(|| self.main.header.int(tags::PAYLOADSIZEALT))
            .or_else(|| self.main.header.int(tags::ARCHIVESIZE))
    }

    /// Compares the digests that cover the header alone; how many there are.
    pub(super) fn header_digests(&self, problems: &mut Vec<String>) -> usize {
        let all = [
            (signature::SHA1, Algorithm::Sha1),
            (signature::SHA256, Algorithm::Sha256),
            (signature::SHA3_256, Algorithm::Sha3_256),
        ];
        let mut count = 0;
        for (tag, algorithm) in all {
            let Some(said) = self.signature.header.text(tag) else { continue };
            let found = algorithm.hex(&self.main.bytes);
            count += 1;
            if said != found.as_bytes() {
                let said = said.escape_ascii();
                problems
                    .push(format!("{algorithm} of the header should be {said}, and is {found}"));
            }
        }
        count
    }
}

/// Whether a file that starts like this is an rpm.
pub fn recognises(head: &[u8]) -> bool {
    head.starts_with(MAGIC)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;
    use crate::format::rpm::header::Value;

    fn sample(payload: &[u8]) -> (Vec<u8>, Range<u64>) {
        let mut header = Header::default();
        header.set(tags::NAME, Value::text("hello"));
        let header = header.encode(tags::HEADERIMMUTABLE).unwrap();
        let mut signature = Header::default();
        signature.set(signature::SHA256, Value::text(Algorithm::Sha256.hex(&header)));
        signature.set(signature::PAYLOADSIZE, Value::Int32(vec![7]));
        let mut bytes = [MAGIC, &[0; LEAD - 4]].concat();
        bytes.extend(signature.encode(tags::HEADERSIGNATURES).unwrap());
        bytes.resize(bytes.len().next_multiple_of(8), 0);
        let start = bytes.len() as u64;
        let end = start + header.len() as u64;
        bytes.extend([&header, payload].concat());
        (bytes, start..end)
    }

    #[test]
    fn the_headers_and_their_places_are_found() {
        let (bytes, range) = sample(b"payload");
        let found = read(&mut Cursor::new(&bytes)).unwrap();
        assert_eq!(found.header.text(tags::NAME), Some(&b"hello"[..]));
        assert_eq!((found.header_range, found.archive_len), (range, Some(7)));
        let want = (bytes.len() as u64, crate::digest::sha256(&bytes));
        assert_eq!((found.len, found.sha256), want);
        assert_eq!(found.problems, [""; 0]);
    }

    #[test]
    fn a_changed_header_is_noticed() {
        let (mut bytes, range) = sample(b"");
        let at = bytes.len() - 22;
        assert!(range.contains(&(at as u64)));
        bytes[at] ^= 1;
        let problems = read(&mut Cursor::new(&bytes)).unwrap().problems;
        assert!(problems[0].starts_with("SHA-256 of the header should be "), "{problems:?}");
    }

    #[test]
    fn another_file_is_none() {
        let error = read(&mut Cursor::new([0; 200])).unwrap_err().to_string();
        assert_eq!(error, "lead at byte 0: it does not start with `ed ab ee db`");
        assert!(read(&mut Cursor::new(MAGIC)).is_err());
    }
}
