//! The lead: rpm looks at its magic alone, and every writer fills it in from the header.

use crate::format::{
    listing::Problems,
    report::escape,
    rpm::{header::Header, package::LEAD, tags},
};

/// Longest name that a lead holds, in bytes; a NUL follows.
const MAX_NAME: usize = 65;

/// The signature is a header of its own.
const HEADER_SIGNATURE: u16 = 5;

/// The number of the system `linux`.
const LINUX: u16 = 1;

/// Numbers of architectures as rpm 4 writes them (`rpmrc`, `arch_canon`); rpm 4.20 writes 0.
#[rustfmt::skip]
const ARCHITECTURES: &[(u16, &[&str])] = &[
    (1, &["i386", "i486", "i586", "i686", "athlon", "geode", "pentium3", "pentium4", "x86_64", "x86_64_v2", "x86_64_v3", "x86_64_v4", "amd64", "ia32e", "em64t"]),
    (2, &["alpha", "alphaev5", "alphaev56", "alphapca56", "alphaev6", "alphaev67", "sparc64", "sparc64v"]),
    (3, &["sparc", "sparcv8", "sparcv9", "sparcv9v"]),
    (4, &["mips", "mipsel"]),
    (5, &["ppc", "ppc8260", "ppc8560", "ppc32dy4", "ppciseries", "ppcpseries"]),
    (6, &["m68k"]),
    (9, &["ia64"]),
    (11, &["mips64", "mips64el"]),
    (12, &["armv3l", "armv4b", "armv4l", "armv5tl", "armv5tel", "armv5tejl", "armv6l", "armv6hl", "armv7l", "armv7hl", "armv7hnl", "armv8l", "armv8hl"]),
    (14, &["s390", "i370"]),
    (15, &["s390x"]),
    (16, &["ppc64", "ppc64le", "ppc64pseries", "ppc64iseries", "ppc64p7"]),
    (17, &["sh", "sh3", "sh4", "sh4a"]),
    (18, &["xtensa"]),
    (19, &["aarch64"]),
    (20, &["mipsr6", "mipsr6el"]),
    (21, &["mips64r6", "mips64r6el"]),
    (22, &["riscv64"]),
    (23, &["loongarch64"]),
];

/// `noarch` of some versions of rpm; others write the number of the machine they run on.
const NOARCH: u16 = 255;

/// Compares the lead with what writers derive from the header.
pub(super) fn check(lead: &[u8; LEAD], header: &Header, problems: &mut Problems) {
    let number = |at: usize| u16::from_be_bytes([lead[at], lead[at + 1]]);
    let mut wrong = |what: &str, is: &dyn std::fmt::Display| {
        problems.push(format!("lead: its {what} is {is}"));
    };
    let major = if header.get(tags::RPMFORMAT).is_some() { 4 } else { 3 };
    if (lead[4], lead[5]) != (major, 0) {
        wrong("version", &format_args!("{}.{}", lead[4], lead[5]));
    }
    if number(6) != u16::from(is_source(header)) {
        wrong("type", &number(6));
    }
    // rpm 4.20 and later write 0 in both places.
    if (number(8), number(76)) != (0, 0) {
        if !is_architecture(number(8), header) {
            wrong("architecture", &number(8));
        }
        if number(76) != LINUX && header.text(tags::OS) == Some(b"linux") {
            wrong("system", &number(76));
        }
    }
    if number(78) != HEADER_SIGNATURE {
        wrong("signature type", &number(78));
    }
    let (name, rest) = lead[10..76].split_at(MAX_NAME);
    let end = name.iter().position(|&byte| byte == 0).unwrap_or(MAX_NAME);
    let is_ended = name[end..].iter().chain(rest).chain(&lead[80..]).all(|&byte| byte == 0);
    if !names(header).iter().any(|known| known.get(..MAX_NAME).unwrap_or(known) == &name[..end]) {
        wrong("name", &format_args!("`{}`", escape(&name[..end])));
    } else if !is_ended {
        problems.push("lead: what should be zero is not");
    }
}

/// Whether it is a source package. What says neither that it is one nor which one it is from is
/// told by its files: those of source packages are in no directory.
pub(super) fn is_source(header: &Header) -> bool {
    if header.get(tags::SOURCEPACKAGE).is_some() || header.get(tags::SOURCERPM).is_some() {
        return header.get(tags::SOURCEPACKAGE).is_some();
    }
    header.text(tags::DIRNAMES) == Some(b"")
}

/// `N-V-R`, since rpm 4.6 with an epoch as `N-E:V-R`.
fn names(header: &Header) -> [Vec<u8>; 2] {
    let text = |tag| header.text(tag).unwrap_or(b"");
    let (name, version) = (text(tags::NAME), text(tags::VERSION));
    let epoch = header.int(tags::EPOCH).map(|epoch| format!("{epoch}:")).unwrap_or_default();
    ["", &epoch]
        .map(|epoch| [name, b"-", epoch.as_bytes(), version, b"-", text(tags::RELEASE)].concat())
}

fn is_architecture(number: u16, header: &Header) -> bool {
    let arch = header.text(tags::ARCH).unwrap_or(b"");
    let known = ARCHITECTURES.iter().find(|(_, names)| names.iter().any(|n| n.as_bytes() == arch));
    match known {
        // A source package names the machine that it was made on in one place or the other.
        Some((known, _)) if !is_source(header) => *known == number,
        _ => number == NOARCH || ARCHITECTURES.iter().any(|(known, _)| *known == number),
    }
}
