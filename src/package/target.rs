//! What a package is for: operating system, architecture, C library.

use std::fmt;

/// An operating system.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs)] // names
pub enum Os {
    Linux,
    Macos,
    Windows,
    Freebsd,
}

/// A processor architecture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs)] // names
pub enum Arch {
    X86_64,
    Aarch64,
    Armv7,
    I686,
    Riscv64,
    Powerpc64le,
    S390x,
    Loongarch64,
    Universal,
}

/// The C library of a Linux program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs)] // names
pub enum Libc {
    Gnu,
    Musl,
}

/// `linux-x86_64`, `linux-aarch64-musl`, `macos-universal`, …
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Target {
    /// Operating system.
    pub os: Os,
    /// Processor.
    pub arch: Arch,
    /// Only on Linux.
    pub libc: Option<Libc>,
}

impl Os {
    /// All, in the order they are shown.
    pub const ALL: [Self; 4] = [Self::Linux, Self::Macos, Self::Windows, Self::Freebsd];

    /// The manifest's word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Linux => "linux",
            Self::Macos => "macos",
            Self::Windows => "windows",
            Self::Freebsd => "freebsd",
        }
    }

    /// Go's word.
    pub fn goos(self) -> &'static str {
        match self {
            Self::Macos => "darwin",
            other => other.word(),
        }
    }

    /// Architectures this system has packages for.
    pub fn arches(self) -> &'static [Arch] {
        use Arch::{
            Aarch64, Armv7, I686, Loongarch64, Powerpc64le, Riscv64, S390x, Universal, X86_64,
        };
        match self {
            Self::Linux => {
                &[X86_64, Aarch64, Armv7, I686, Riscv64, Powerpc64le, S390x, Loongarch64]
            }
            Self::Macos => &[X86_64, Aarch64, Universal],
            Self::Windows => &[X86_64, Aarch64, I686],
            Self::Freebsd => &[X86_64, Aarch64],
        }
    }
}

/// How others spell an architecture: (canonical, Go, Debian, rpm, short).
type Spellings = (&'static str, &'static str, &'static str, &'static str, &'static str);

impl Arch {
    /// All, in the order they are shown.
    pub const ALL: [Self; 9] = [
        Self::X86_64,
        Self::Aarch64,
        Self::Armv7,
        Self::I686,
        Self::Riscv64,
        Self::Powerpc64le,
        Self::S390x,
        Self::Loongarch64,
        Self::Universal,
    ];

    #[rustfmt::skip]
    fn spellings(self) -> Spellings {
        match self {
            Self::X86_64      => ("x86_64",      "amd64",   "amd64",   "x86_64",      "x64"),
            Self::Aarch64     => ("aarch64",     "arm64",   "arm64",   "aarch64",     "arm64"),
            Self::Armv7       => ("armv7",       "arm",     "armhf",   "armv7hl",     "armv7"),
            Self::I686        => ("i686",        "386",     "i386",    "i686",        "x86"),
            Self::Riscv64     => ("riscv64",     "riscv64", "riscv64", "riscv64",     "riscv64"),
            Self::Powerpc64le => ("powerpc64le", "ppc64le", "ppc64el", "ppc64le",     "ppc64le"),
            Self::S390x       => ("s390x",       "s390x",   "s390x",   "s390x",       "s390x"),
            Self::Loongarch64 => ("loongarch64", "loong64", "loong64", "loongarch64", "loong64"),
            Self::Universal   => ("universal",   "all",     "",        "",            "universal"),
        }
    }

    /// The manifest's word, Rust's name.
    pub fn word(self) -> &'static str {
        self.spellings().0
    }

    /// Go's word.
    pub fn goarch(self) -> &'static str {
        self.spellings().1
    }

    /// Debian's word; empty for `universal`.
    pub fn debarch(self) -> &'static str {
        self.spellings().2
    }

    /// rpm's word; empty for `universal`.
    pub fn rpmarch(self) -> &'static str {
        self.spellings().3
    }

    /// A short word for file names.
    pub fn shortarch(self) -> &'static str {
        self.spellings().4
    }
}

impl Target {
    /// A target with glibc on Linux.
    pub fn new(os: Os, arch: Arch) -> Self {
        Self { os, arch, libc: (os == Os::Linux).then_some(Libc::Gnu) }
    }

    /// Every target there is.
    pub fn all() -> impl Iterator<Item = Self> {
        Os::ALL.into_iter().flat_map(|os| {
            os.arches().iter().flat_map(move |arch| {
                let base = Self::new(os, *arch);
                let musl = Self { libc: Some(Libc::Musl), ..base };
                [Some(base), (os == Os::Linux).then_some(musl)].into_iter().flatten()
            })
        })
    }

    /// `.exe` on Windows, else empty.
    pub fn exe(self) -> &'static str {
        if self.os == Os::Windows { ".exe" } else { "" }
    }

    /// Canonical names (`linux-x86_64-musl`), Rust triples (`aarch64-apple-darwin`) and Go pairs
    /// (`darwin/arm64`, `darwin-arm64`).
    pub fn parse(text: &str) -> Option<Self> {
        let go = |target: &Self| {
            target.libc != Some(Libc::Musl)
                && ['/', '-'].iter().any(|dash| {
                    text == format!("{}{dash}{}", target.os.goos(), target.arch.goarch())
                })
        };
        Self::all()
            .find(|target| target.to_string() == text)
            .or_else(|| Self::from_triple(text))
            .or_else(|| Self::all().find(go))
    }

    fn from_triple(text: &str) -> Option<Self> {
        let (arch, rest) = text.split_once('-')?;
        let arch = match arch {
            "x86_64" => Arch::X86_64,
            "aarch64" => Arch::Aarch64,
            "armv7" => Arch::Armv7,
            "i686" | "i586" => Arch::I686,
            "riscv64gc" => Arch::Riscv64,
            "powerpc64le" => Arch::Powerpc64le,
            "s390x" => Arch::S390x,
            "loongarch64" => Arch::Loongarch64,
            _ => return None,
        };
        match rest {
            "apple-darwin" => Some(Self::new(Os::Macos, arch)),
            "unknown-freebsd" => Some(Self::new(Os::Freebsd, arch)),
            "pc-windows-msvc" | "pc-windows-gnu" | "pc-windows-gnullvm" => {
                Some(Self::new(Os::Windows, arch))
            }
            _ if rest.contains("linux-musl") => {
                Some(Self { libc: Some(Libc::Musl), ..Self::new(Os::Linux, arch) })
            }
            _ if rest.contains("linux-gnu") => Some(Self::new(Os::Linux, arch)),
            _ => None,
        }
        .filter(|target| target.os.arches().contains(&target.arch))
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.os.word(), self.arch.word())?;
        if self.libc == Some(Libc::Musl) { f.write_str("-musl") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_found_by_every_spelling() {
        for (text, want) in [
            ("linux-x86_64", "linux-x86_64"),
            ("aarch64-apple-darwin", "macos-aarch64"),
            ("x86_64-unknown-linux-musl", "linux-x86_64-musl"),
            ("armv7-unknown-linux-gnueabihf", "linux-armv7"),
            ("darwin/arm64", "macos-aarch64"),
            ("linux-amd64", "linux-x86_64"),
            ("windows-386", "windows-i686"),
        ] {
            assert_eq!(Target::parse(text).unwrap().to_string(), want, "{text}");
        }
    }

    #[test]
    fn an_unknown_target_is_none() {
        assert_eq!(Target::parse("linux-vax"), None);
        assert_eq!(Target::parse("freebsd-s390x"), None);
    }

    #[test]
    fn canonical_names_are_unique() {
        let names: std::collections::BTreeSet<_> = Target::all().map(|t| t.to_string()).collect();
        assert_eq!(names.len(), Target::all().count());
    }
}
