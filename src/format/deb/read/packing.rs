//! How the members of a package are packed, and how dpkg-deb and pkggen would have packed them.

use crate::{
    codec::Codec,
    container::{
        ReadError,
        unpack::{Facts, FrameHeader, GzipHeader},
    },
    format::listing::Problems,
};

/// The codec of a member, from its name: `data.tar.xz`.
pub(super) fn codec(name: &str, stem: &str) -> Result<Codec, ReadError> {
    let suffix = name.strip_prefix(stem).ok_or_else(|| {
        ReadError::malformed("ar archive", 0, format!("`{name}` stands where `{stem}` belongs"))
    })?;
    match suffix {
        "" => Ok(Codec::None),
        ".gz" => Ok(Codec::Gzip),
        ".xz" => Ok(Codec::Xz),
        ".zst" => Ok(Codec::Zstd),
        _ => Err(ReadError::Unsupported { what: format!("the packing of member `{name}`") }),
    }
}

/// What the members' headers said so far.
#[derive(Default)]
pub(super) struct Packing {
    gzip: Option<GzipHeader>,
    zstd: Option<FrameHeader>,
}

impl Packing {
    pub(super) fn check(
        &mut self,
        name: &str,
        facts: &Facts,
        problems: &mut Problems,
        notes: &mut Vec<String>,
    ) {
        let Facts { streams, trailing, unchecked, resets, .. } = facts;
        if *streams != 1 {
            // dpkg stops after the first xz stream or zstd frame (1.21.22), and writes one.
            problems.push(format!("{name}: it has {streams} packed streams, dpkg reads the first"));
        }
        if *trailing > 0 {
            problems.push(format!("{name}: {trailing} bytes follow the packed stream"));
        }
        if *resets > 0 {
            // Neither liblzma nor pkggen does that; the byte that says it is in no checksum.
            problems.push(format!("{name}: {resets} LZMA2 chunks reset the dictionary in a block"));
        }
        if *unchecked > 0 {
            notes.push(format!("{name} has no checksum of its own"));
        }
        if let Some(header) = facts.gzip.first() {
            self.gzip(name, *header, problems);
        }
        if let Some(header) = facts.zstd.first() {
            self.zstd(name, *header, problems);
        }
    }

    /// pkggen writes `00 ff` as extra flags and system; zlib, and so dpkg-deb, says how hard it
    /// tried (0, 2 or 4) and 3 for Unix, and dpkg-deb packs both members alike.
    fn gzip(&mut self, name: &str, header: GzipHeader, problems: &mut Problems) {
        let GzipHeader { flags, mtime, extra_flags, system } = header;
        if flags != 0 || mtime != 0 {
            problems.push(format!("{name}: its gzip header has a name or a time"));
        }
        if !matches!((extra_flags, system), (0, 255) | (0 | 2 | 4, 3)) {
            problems.push(format!("{name}: its gzip header says {extra_flags} and {system}"));
        }
        if *self.gzip.get_or_insert(header) != header {
            problems.push(format!("{name}: its gzip header differs from control.tar's"));
        }
    }

    /// Neither dictionary nor unused bits; the window is a power of two.
    fn zstd(&mut self, name: &str, header: FrameHeader, problems: &mut Problems) {
        let FrameHeader { skippable, descriptor, window } = header;
        if skippable || descriptor & 0b0001_1011 != 0 || window.is_some_and(|w| w & 7 != 0) {
            problems.push(format!("{name}: its zstd header is odd"));
        }
        let first = *self.zstd.get_or_insert(header);
        if (first.has_checksum(), skippable) != (header.has_checksum(), first.skippable) {
            problems.push(format!("{name}: its zstd header differs from control.tar's"));
        }
    }
}
