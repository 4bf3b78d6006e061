//! Reading an rpm back, byte by byte.
//!
//! Problems are what rpm would refuse, would read differently, or what no writer of rpms does; notes
//! are what is unusual, but allowed. What a changed byte ends in: docs/formats/rpm.md, "Reading".

mod certified;
mod fields;
mod files;
mod lead;
mod payload;
mod scripts;
mod signature;
mod watch;

use std::io::{self, Read};

use self::{
    files::Files,
    payload::{Packed, Payload},
    signature::Prefix,
    watch::{Seen, Watch},
};
use super::{
    header::Header,
    package::Heads,
    tags::{self, signature as signed},
};
use crate::{
    codec::Codec,
    container::{Input, ReadError, Tap, cpio::Reader, unpack::Facts},
    digest::{Algorithm, AnyHasher, Want, hex},
    format::{
        ReadSeek,
        listing::Problems,
        report::{Member, ReadEntry, Report, escape},
    },
};
pub use certified::check_signature;
pub use fields::fields;
pub use scripts::scripts;
pub use signature::{Covers, Signature, signatures};

/// Digests of the packed payload: the tag, and the algorithm where no tag says it.
const PACKED: &[(u32, Algorithm)] = &[
    (tags::PAYLOADDIGEST, Algorithm::Sha256),
    (tags::PAYLOADSHA512, Algorithm::Sha512),
    (tags::PAYLOADSHA3_256, Algorithm::Sha3_256),
];

/// Digests of the plain archive.
const PLAIN: &[(u32, Algorithm)] = &[
    (tags::PAYLOADDIGESTALT, Algorithm::Sha256),
    (tags::PAYLOADSHA512ALT, Algorithm::Sha512),
    (tags::PAYLOADSHA3_256ALT, Algorithm::Sha3_256),
];

/// Reads a package. Without MD5, as a build reads back what it has just planned, digests of the
/// packed payload are not computed: its CRC-32 is what the plan knows of the bytes that they cover.
pub fn read(file: &mut dyn ReadSeek, want: Want) -> Result<Report, ReadError> {
    file.rewind()?;
    let mut tap = Tap::new(file);
    let mut input = Input::new(&mut tap);
    let heads = Heads::read(&mut input)?;
    let mut problems = Problems::default();
    let mut notes = [&heads.signature.notes[..], &heads.main.notes].concat();
    check_heads(&heads, &mut problems, &mut notes);
    let files = Files::of(&heads.main.header)?;
    let (entries, found) = read_payload(&heads, &files, &mut input, want, &mut problems)?;
    drop(input);
    let (len, sha256) = tap.finish()?;
    check_sizes(&heads, &files, &found, &mut problems);
    check_digests(&heads, &found, &mut problems, &mut notes);
    let (header, signature) = (&heads.main.header, &heads.signature);
    let member = |name: &str, len: u64| Member { name: name.into(), len };
    Ok(Report {
        format: "rpm".into(),
        len,
        sha256: Some(sha256),
        fields: fields(header),
        metadata: scripts(header),
        entries,
        members: vec![
            member("lead", heads.lead.len() as u64),
            member("signature", signature.bytes.len() as u64),
            member("header", heads.main.bytes.len() as u64),
            member("payload", found.packed.len),
        ],
        packed_crc32: found.packed.crc32,
        signatures: signature::shown(&signature.header),
        problems: problems.finish(),
        notes,
    })
}

/// What is known before the payload.
fn check_heads(heads: &Heads, problems: &mut Problems, notes: &mut Vec<String>) {
    heads.signature.problems.iter().chain(&heads.main.problems).for_each(|p| problems.push(p));
    // Leads of rpm 3 hold what was in memory.
    if heads.main.notes.is_empty() {
        lead::check(&heads.lead, &heads.main.header, problems);
    }
    if heads.padding.iter().any(|&byte| byte != 0) {
        problems.push("the padding after the signature header is not zero");
    }
    signature::check(&heads.signature.header, problems, notes);
    let mut found = Vec::new();
    let count = heads.header_digests(&mut found);
    for problem in found {
        problems.push(problem);
    }
    if count == 0 && heads.signature.header.get(signed::MD5).is_none() {
        problems.push("no digest covers the header");
    }
    for tag in [tags::NAME, tags::VERSION, tags::RELEASE] {
        if heads.main.header.text(tag).is_none_or(<[u8]>::is_empty) {
            let name = tags::row(tag).map_or("?", |row| row.name);
            problems.push(format!("header: {name} is missing"));
        }
    }
}

/// What was computed while the payload was read.
struct Found {
    packed: Seen,
    plain: Seen,
    /// MD5 of header and packed payload.
    md5: Option<String>,
}

fn read_payload<R: Read>(
    heads: &Heads,
    files: &Files<'_>,
    input: &mut Input<R>,
    want: Want,
    problems: &mut Problems,
) -> Result<(Vec<ReadEntry>, Found), ReadError> {
    let header = &heads.main.header;
    let packing = payload::packing(header, input.peek(2)?)?;
    let whole = Whole::start(heads, want, input);
    let (packed, plain) = wanted(header, want);
    let mut packed = Watch::new(whole, &packed);
    if want == Want::Sha256 {
        packed = packed.with_crc32();
    }
    let unpack = packing.open(&mut packed)?;
    let mut cpio = Reader::new(Watch::new(unpack, &plain));
    let mut payload = Payload::new(files, want);
    payload.read(&mut cpio, problems)?;
    let (plain, unpack) = cpio.into_inner().finish();
    let facts = unpack.finish()?;
    let (packed, whole) = packed.finish();
    let md5 = whole.finish(problems);
    let entries = payload.entries(problems)?;
    check_packing(packing, &facts, problems);
    Ok((entries, Found { packed, plain, md5 }))
}

/// The algorithms of digests of the packed and of the plain payload that are computed.
fn wanted(header: &Header, want: Want) -> (Vec<Algorithm>, Vec<Algorithm>) {
    match want {
        Want::Md5Too => (algorithms(header, PACKED), algorithms(header, PLAIN)),
        // a build compares the files themselves
        Want::Sha256 => (Vec::new(), Vec::new()),
    }
}

/// The algorithms of the digests that a header has.
fn algorithms(header: &Header, digests: &[(u32, Algorithm)]) -> Vec<Algorithm> {
    let there = digests.iter().filter(|(tag, _)| header.get(*tag).is_some());
    there.filter_map(|(tag, algorithm)| algorithm_of(header, *tag, *algorithm)).collect()
}

/// The two oldest digests have an algorithm in a tag of its own.
fn algorithm_of(header: &Header, tag: u32, algorithm: Algorithm) -> Option<Algorithm> {
    match header.int(tags::PAYLOADDIGESTALGO) {
        Some(number) if matches!(tag, tags::PAYLOADDIGEST | tags::PAYLOADDIGESTALT) => {
            Algorithm::of_openpgp(number)
        }
        _ => Some(algorithm),
    }
}

/// rpm reads one xz stream (4.11 to 6.1), and any number of gzip members and zstd frames.
fn check_packing(packing: Packed, facts: &Facts, problems: &mut Problems) {
    let Facts { streams, trailing, .. } = facts;
    if packing == Packed::With(Codec::Xz) && *streams != 1 {
        problems.push(format!("payload: it has {streams} xz streams, and rpm reads the first"));
    }
    if *trailing > 0 {
        problems.push(format!("payload: {trailing} bytes follow the packed archive"));
    }
}

/// Lengths in the signature header, and those of version 6 in the header.
fn check_sizes(heads: &Heads, files: &Files<'_>, found: &Found, problems: &mut Problems) {
    let (header, signature) = (&heads.main.header, &heads.signature.header);
    let whole = heads.main.bytes.len() as u64 + found.packed.len;
    for (what, said, is) in [
        ("header and payload", signature.int(signed::SIZE), whole),
        ("header and payload", signature.int(signed::LONGSIZE), whole),
        ("the payload", header.int(tags::PAYLOADSIZE), found.packed.len),
    ] {
        if let Some(said) = said.filter(|said| *said != is) {
            problems.push(format!("{what} should be {said} bytes, and is {is}"));
        }
    }
    let plain = found.plain.len;
    if let Some(said) = heads.archive_len()
        && said != plain
        && said.saturating_add(TRAILER) != plain
        && said != files.len()
    {
        problems.push(format!("the unpacked payload should be {said} bytes, and is {plain}"));
    }
}

/// Length of the archive's last record, in bytes. rpm 4.11.90 did not count it; nfpm of 2019 counted
/// the files alone.
const TRAILER: u64 = 124;

/// Digests of the payload, and of header and payload together.
fn check_digests(heads: &Heads, found: &Found, problems: &mut Problems, notes: &mut Vec<String>) {
    let (header, mut covered) = (&heads.main.header, false);
    let seen =
        [("the payload", PACKED, &found.packed), ("the unpacked payload", PLAIN, &found.plain)];
    for (what, digests, seen) in seen {
        for (tag, usual) in digests.iter().filter(|(tag, _)| header.get(*tag).is_some()) {
            let Some(algorithm) = algorithm_of(header, *tag, *usual) else {
                notes.push(format!("a digest of {what} has an unknown algorithm"));
                continue;
            };
            covered = true;
            let Some(is) = seen.hex(algorithm) else { continue };
            let said = header.text(*tag);
            if said != Some(is.as_bytes()) {
                let said = escape(said.unwrap_or_default());
                problems.push(format!("{algorithm} of {what} should be {said}, and is {is}"));
            }
        }
    }
    if let Some(said) = heads.signature.header.bin(signed::MD5) {
        covered = true;
        let said = hex(said);
        if let Some(is) = found.md5.as_ref().filter(|is| **is != said) {
            problems.push(format!("MD5 of header and payload should be {said}, and is {is}"));
        }
    }
    if !covered {
        notes.push("no digest covers the packed payload".into());
    }
}

/// Passes the packed payload through, for what covers header and payload together.
struct Whole<'a, R> {
    input: &'a mut Input<R>,
    md5: Option<AnyHasher>,
    prefixes: Vec<Prefix>,
}

impl<'a, R: Read> Whole<'a, R> {
    fn start(heads: &Heads, want: Want, input: &'a mut Input<R>) -> Self {
        let header = &heads.main.bytes;
        let wanted = heads.signature.header.get(signed::MD5).is_some() && want == Want::Md5Too;
        let md5 = wanted.then(|| {
            let mut md5 = Algorithm::Md5.start();
            md5.update(header);
            md5
        });
        let prefixes = signatures(&heads.signature.header).into_iter();
        let prefixes = prefixes.filter_map(|signature| Prefix::start(signature, header)).collect();
        Self { input, md5, prefixes }
    }

    fn finish(self, problems: &mut Problems) -> Option<String> {
        self.prefixes.into_iter().for_each(|prefix| prefix.finish(problems));
        self.md5.map(AnyHasher::finish)
    }
}

impl<R: Read> Read for Whole<'_, R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = self.input.read(out)?;
        if let Some(md5) = &mut self.md5 {
            md5.update(&out[..count]);
        }
        let old = self.prefixes.iter_mut().filter(|prefix| prefix.wants_payload());
        old.for_each(|prefix| prefix.update(&out[..count]));
        Ok(count)
    }
}

#[cfg(test)]
mod tests;
