//! The signature header: digests, sizes and the signature of the header behind it.
//!
//! Format: rpm `docs/manual/format_v4.md`, "Signature". Byte tables: docs/formats/rpm.md.

use super::{
    files::LARGE,
    header::{Header, Value},
    tags::signature as tags,
};
use crate::{
    diagnostic::Diagnostic,
    digest::{Md5Digest, sha1, sha256},
    sign::openpgp::Identity,
};

/// Bytes kept free, so that `rpmsign --addsign` can put a signature in without moving the payload;
/// rpmbuild keeps as many.
const RESERVED: usize = 4128;

/// What a signature header says.
pub(super) struct Said<'a> {
    /// The main header as it is written.
    pub header: &'a [u8],
    /// Length of the packed payload, in bytes.
    pub packed: u64,
    /// Length of the plain archive, in bytes.
    pub plain: u64,
    /// Of header and packed payload.
    pub md5: Option<Md5Digest>,
    /// The signature's tag and packet.
    pub signature: Option<(u32, Vec<u8>)>,
}

impl Said<'_> {
    /// The header.
    pub(super) fn header(&self) -> Header {
        let mut out = Header::default();
        if let Some((tag, packet)) = &self.signature {
            out.set(*tag, Value::Bin(packet.clone()));
        }
        out.set(tags::SHA1, Value::text(sha1(self.header).to_string()));
        out.set(tags::SHA256, Value::text(sha256(self.header).to_string()));
        self.sizes(&mut out);
        if let Some(md5) = self.md5 {
            out.set(tags::MD5, Value::Bin(md5.0.to_vec()));
        }
        out.set(tags::RESERVEDSPACE, Value::Bin(vec![0; RESERVED]));
        out
    }

    /// Both sizes are long as soon as one of them has to be.
    fn sizes(&self, out: &mut Header) {
        let whole = self.header.len() as u64 + self.packed;
        match (u32::try_from(whole), u32::try_from(self.plain)) {
            (Ok(short), Ok(plain)) if whole < LARGE && self.plain < LARGE => {
                out.set(tags::SIZE, Value::Int32(vec![short]));
                out.set(tags::PAYLOADSIZE, Value::Int32(vec![plain]));
            }
            _ => {
                out.set(tags::LONGSIZE, Value::Int64(vec![whole]));
                out.set(tags::LONGARCHIVESIZE, Value::Int64(vec![self.plain]));
            }
        }
    }
}

/// The signature of a header: its tag and the packet.
pub(super) fn sign(
    header: &[u8],
    signer: &Identity,
    time: u64,
) -> Result<(u32, Vec<u8>), Diagnostic> {
    let mut data = header;
    let packet = signer.sign(&mut data, time)?;
    Ok((if signer.algorithm().is_rsa() { tags::RSA } else { tags::DSA }, packet))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(packed: u64, plain: u64) -> Header {
        Said { header: b"0123456789", packed, plain, md5: None, signature: None }.header()
    }

    #[test]
    fn sizes_fit_into_32_bits_below_the_threshold() {
        let small = header(LARGE - 11, LARGE - 1);
        let sizes = (small.int(tags::SIZE), small.int(tags::PAYLOADSIZE));
        assert_eq!(sizes, (Some(LARGE - 1), Some(LARGE - 1)));
        assert_eq!(small.get(tags::LONGSIZE), None);
    }

    #[test]
    fn one_large_size_makes_both_long() {
        for (packed, plain) in [(LARGE - 10, 5), (5, LARGE)] {
            let large = header(packed, plain);
            let sizes = (large.int(tags::LONGSIZE), large.int(tags::LONGARCHIVESIZE));
            assert_eq!(sizes, (Some(packed + 10), Some(plain)));
            assert_eq!((large.get(tags::SIZE), large.get(tags::PAYLOADSIZE)), (None, None));
        }
    }
}
