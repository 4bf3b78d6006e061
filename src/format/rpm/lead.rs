//! The lead: what every rpm starts with. rpm itself looks at its magic only; file(1) reads the rest.
//!
//! Format: rpm `lib/rpmlead.c`.

use super::package::{LEAD, MAGIC};
use crate::{bytes::Record, package::Arch};

/// Bytes of the name, with its NUL.
const NAME: usize = 66;

/// The signature is a header of its own.
const HEADER_SIGNATURE: u16 = 5;

/// The number of packages that serve every machine (`rpmrc`).
const NOARCH: u16 = 255;

/// The lead of a binary package. Numbers are big-endian.
///
/// | offset | size | field                                      |
/// |-------:|-----:|--------------------------------------------|
/// |      0 |    4 | magic, `ed ab ee db`                       |
/// |      4 |    2 | version, 3.0                               |
/// |      6 |    2 | type, 0: binary                            |
/// |      8 |    2 | architecture                               |
/// |     10 |   66 | name-version-release, cut, NUL             |
/// |     76 |    2 | system, 1: Linux                           |
/// |     78 |    2 | signature type, 5: a header                |
/// |     80 |   16 | zeros                                      |
pub(super) fn encode(nvr: &str, arch: Option<Arch>) -> [u8; LEAD] {
    let name = &nvr.as_bytes()[..nvr.len().min(NAME - 1)];
    Record::big()
        .raw(MAGIC)
        .u8(3)
        .u8(0)
        .u16(0)
        .u16(arch.map_or(NOARCH, number))
        .padded(name, NAME, 0)
        .u16(1)
        .u16(HEADER_SIGNATURE)
        .padded(b"", 16, 0)
        .finish()
}

/// rpm's number of an architecture (`rpmrc`, `arch_canon`).
fn number(arch: Arch) -> u16 {
    match arch {
        Arch::X86_64 | Arch::I686 => 1,
        Arch::Armv7 => 12,
        Arch::S390x => 15,
        Arch::Powerpc64le => 16,
        Arch::Aarch64 => 19,
        Arch::Riscv64 => 22,
        Arch::Loongarch64 => 23,
        Arch::Universal => NOARCH,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // The same bytes as rpmbuild 4.18 writes.
    #[test]
    fn a_lead_holds_name_version_and_release() {
        let lead = encode("hi-1.0-1", Some(Arch::X86_64));
        assert_eq!(lead[..10], [0xed, 0xab, 0xee, 0xdb, 3, 0, 0, 0, 0, 1]);
        assert_eq!((&lead[10..19], lead[76..80].to_vec()), (&b"hi-1.0-1\0"[..], vec![0, 1, 0, 5]));
        assert!(lead[19..76].iter().chain(&lead[80..]).all(|byte| *byte == 0));
    }

    #[test]
    fn a_long_name_is_cut_before_its_nul() {
        let lead = encode(&"n".repeat(100), None);
        assert_eq!((lead[74], lead[75]), (b'n', 0));
    }
}
