//! Indexes: packed whole, and unpacked with limits.

use std::{
    fs::File,
    io::{self, Read as _, Write as _},
    path::Path,
};

use flate2::{Compression, GzBuilder};

use crate::{
    codec::Codec,
    container::{ReadError, unpack::Unpack},
    digest::{Sha256Digest, sha256},
};

/// Largest index that is read, packed or plain, in bytes. Debian's `main` has 50 MB.
const MAX_INDEX: u64 = 512 << 20;

/// What file names of a codec end in.
pub(super) fn ending(codec: Codec) -> &'static str {
    match codec {
        Codec::None => "",
        Codec::Gzip => ".gz",
        Codec::Xz => ".xz",
        Codec::Zstd => ".zst",
    }
}

/// One gzip member, xz stream or zstd frame; the same bytes every time.
pub(super) fn pack(codec: Codec, plain: &[u8]) -> Vec<u8> {
    const MEMORY: &str = "memory takes everything";
    match codec {
        Codec::None => plain.to_vec(),
        Codec::Gzip => {
            let mut gzip = GzBuilder::new().write(Vec::new(), Compression::new(9));
            gzip.write_all(plain).expect(MEMORY);
            gzip.finish().expect(MEMORY)
        }
        Codec::Xz => {
            let mut xz = liblzma::write::XzEncoder::new(Vec::new(), 6);
            xz.write_all(plain).expect(MEMORY);
            xz.finish().expect(MEMORY)
        }
        Codec::Zstd => {
            let mut packed = Vec::with_capacity(zstd_safe::compress_bound(plain.len()));
            zstd_safe::compress(&mut packed, plain, 19).expect("the buffer is large enough");
            packed
        }
    }
}

/// An index with the length and digest that the file above it says, unpacked. The error is the
/// reason.
pub(super) fn unpacked(
    path: &Path,
    codec: Codec,
    len: u64,
    digest: &Sha256Digest,
) -> Result<Vec<u8>, ReadError> {
    plain(&exact(path, len, digest)?, codec)
}

/// The bytes of a file that must have this length and digest.
pub(super) fn exact(path: &Path, len: u64, digest: &Sha256Digest) -> Result<Vec<u8>, ReadError> {
    ReadError::limit("the index (bytes)", len, MAX_INDEX)?;
    let file = File::open(path)?;
    let found = file.metadata()?.len();
    if found != len {
        return Err(differs(format!("it has {found} bytes, not {len}")));
    }
    let mut bytes = Vec::new();
    file.take(len).read_to_end(&mut bytes)?;
    if sha256(&bytes) != *digest {
        return Err(differs(format!("its SHA-256 is {}, not {digest}", sha256(&bytes))));
    }
    Ok(bytes)
}

fn differs(why: String) -> ReadError {
    ReadError::Io(io::Error::other(why))
}

/// A packed index, unpacked.
pub(super) fn plain(packed: &[u8], codec: Codec) -> Result<Vec<u8>, ReadError> {
    let mut plain = Vec::new();
    Unpack::new(packed, codec)?.take(MAX_INDEX + 1).read_to_end(&mut plain)?;
    ReadError::limit("the unpacked index (bytes)", plain.len() as u64, MAX_INDEX)?;
    Ok(plain)
}

/// A file of no interest beyond a few kilobytes: Release, repomd.xml, a key.
pub(super) fn small(path: &Path) -> io::Result<Vec<u8>> {
    const MAX: u64 = 16 << 20;
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX {
        return Err(io::Error::other(format!("it has more than {MAX} bytes")));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_comes_back() {
        let text = b"Package: hello\n".repeat(1000);
        for codec in Codec::ALL {
            let packed = pack(codec, &text);
            assert_eq!(plain(&packed, codec).unwrap(), text);
            assert_eq!(pack(codec, &text), packed);
        }
    }

    #[test]
    fn another_length_or_digest_is_refused_with_its_reason() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "abc").unwrap();
        let why = |len, of: &[u8]| {
            let error = exact(file.path(), len, &sha256(of)).unwrap_err();
            std::error::Error::source(&error).map(ToString::to_string).unwrap()
        };
        assert_eq!(why(4, b"abc"), "it has 3 bytes, not 4");
        assert!(why(3, b"abd").starts_with("its SHA-256 is ba7816bf"));
        assert_eq!(exact(file.path(), 3, &sha256(b"abc")).unwrap(), b"abc");
    }
}
