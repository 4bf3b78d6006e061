//! What the header of a program or library says: for which system it is, and what it needs.
//!
//! ELF, Mach-O (thin and universal) and PE. Only headers and the few tables they point to are read,
//! each within a limit, so that a hostile file can neither panic nor fill the memory.

mod elf;
mod macho;
mod pe;
mod reader;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    fs::File,
    io::{self, Cursor, Read, Seek, SeekFrom},
};

use reader::Bounded;

use super::{Arch, Libc, Os, Target};
use crate::payload::Blob;

/// A program, a library or an object file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// The kind of file.
    pub container: Container,
    /// For which machines it is: several only in a universal Mach-O file.
    pub machines: Vec<Machine>,
    /// Code for a graphics card or another device, or managed code that runs on every processor:
    /// fits into every package.
    pub portable: bool,
    /// How an ELF file is linked; empty for the others.
    pub linking: Linking,
}

/// The kind of file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // names
pub enum Container {
    Elf,
    MachO,
    Pe,
}

impl fmt::Display for Container {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Elf => "ELF",
            Self::MachO => "Mach-O",
            Self::Pe => "PE",
        })
    }
}

/// A machine that code is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Machine {
    /// The system, when it is one that packages are made for.
    pub os: Option<Os>,
    /// The processor, when it is one that packages are made for.
    pub arch: Option<Arch>,
    /// Both in words, known or not: `Linux aarch64`, `Windows machine 0x1c4`.
    pub words: String,
}

/// How an ELF file is linked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools)] // facts that have nothing to do with each other
pub struct Linking {
    /// Libraries it needs, in order: `libc.so.6`.
    pub needed: Vec<String>,
    /// The name others need it by.
    pub soname: Option<String>,
    /// Directories it looks for libraries in, `$ORIGIN` as written.
    pub search: Vec<String>,
    /// The loader: `/lib64/ld-linux-x86-64.so.2`.
    pub interpreter: Option<String>,
    /// Version names it needs, by library: `libc.so.6` → `GLIBC_2.34`.
    pub versions: BTreeMap<String, BTreeSet<String>>,
    /// Version names it defines, by the name it defines them for, which is its soname.
    pub defined: BTreeMap<String, BTreeSet<String>>,
    /// A program or a shared object, no object file and no core dump.
    pub loadable: bool,
    /// It can be loaded at any address: a shared object, or a program linked like one.
    pub shared: bool,
    /// Its class is 64 bits.
    pub wide: bool,
    /// The debugger's hook (`DT_DEBUG`), which programs have and libraries have not.
    pub debug: bool,
    /// Symbols are found by the GNU hash table alone.
    pub gnu_hash_only: bool,
}

/// A symbol that a library must have.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Symbol {
    /// Its name, mangled.
    pub name: String,
    /// Its version.
    pub version: Option<String>,
}

/// Why a program cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ProgramError {
    /// The header promises what is not there, or too much of it.
    #[error("its {container} header is damaged: {why}")]
    Malformed {
        /// The kind of file it claims to be.
        container: Container,
        /// What is wrong.
        why: &'static str,
    },
    /// The file cannot be read.
    #[error("it cannot be read")]
    Io(#[from] io::Error),
}

impl Program {
    /// Looks at a blob's header; `None` for anything that is no program.
    pub fn of_blob(blob: &Blob) -> Result<Option<Self>, ProgramError> {
        let head = blob.head().map_err(io::Error::from)?;
        if !STARTS.iter().any(|start| head.starts_with(start)) {
            return Ok(None);
        }
        match open(blob)? {
            Source::Memory(mut bytes) => Self::read(&mut bytes),
            Source::File(mut file) => Self::read(&mut file),
        }
    }

    /// Looks at a header; `None` for anything that is no program.
    pub fn read(file: &mut (impl Read + Seek)) -> Result<Option<Self>, ProgramError> {
        let Some(container) = recognise(file)? else { return Ok(None) };
        let data = Bounded::new(file);
        let read = match container {
            Container::Elf => elf::read(&data),
            Container::MachO => macho::read(&data),
            Container::Pe => pe::read(&data),
        };
        read.map_err(|error| ProgramError::Malformed { container, why: error.0 })
    }

    /// Symbols that an ELF file expects of its libraries, sorted.
    pub fn undefined_symbols(blob: &Blob) -> Result<BTreeSet<Symbol>, ProgramError> {
        let damaged =
            |error: Damaged| ProgramError::Malformed { container: Container::Elf, why: error.0 };
        match open(blob)? {
            Source::Memory(mut bytes) => elf::undefined(&Bounded::new(&mut bytes)),
            Source::File(mut file) => elf::undefined(&Bounded::new(&mut file)),
        }
        .map_err(damaged)
    }

    /// Whether it runs on a target; a universal target needs both of Apple's processors.
    pub fn fits(&self, target: Target) -> bool {
        let has = |arch: Arch| {
            self.machines.iter().any(|m| m.os == Some(target.os) && m.arch == Some(arch))
        };
        self.portable
            || match target.arch {
                Arch::Universal => has(Arch::X86_64) && has(Arch::Aarch64),
                arch => has(arch),
            }
    }

    /// The C library that a Linux program is linked with; `None` for static ones and other systems.
    pub fn libc(&self) -> Option<Libc> {
        let loader = self.linking.interpreter.as_deref().unwrap_or_default();
        let needs = |start: &str| self.linking.needed.iter().any(|name| name.starts_with(start));
        if loader.contains("/ld-musl-") || needs("libc.musl-") {
            Some(Libc::Musl)
        } else if loader.contains("/ld-linux") || loader.contains("/ld64.so") || needs("libc.so.6")
        {
            Some(Libc::Gnu)
        } else {
            None
        }
    }
}

/// `Linux aarch64 program (ELF)`, `macOS x86_64 and aarch64 program (Mach-O)`.
impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<_> = self.machines.iter().map(|machine| machine.words.as_str()).collect();
        write!(f, "{} program ({})", words.join(" and "), self.container)
    }
}

/// What is wrong with a header.
struct Damaged(&'static str);

enum Source<'a> {
    Memory(Cursor<&'a [u8]>),
    File(File),
}

fn open(blob: &Blob) -> Result<Source<'_>, io::Error> {
    match (blob.bytes(), blob.path()) {
        (Some(bytes), _) => Ok(Source::Memory(Cursor::new(bytes))),
        (None, Some(path)) => Ok(Source::File(File::open(path)?)),
        (None, None) => Err(io::Error::other("a payload without content")),
    }
}

/// Programs start with one of these: ELF, PE, Mach-O of both byte orders and universal.
const STARTS: [&[u8]; 6] =
    [b"\x7fELF", b"MZ", b"\xfe\xed\xfa", b"\xce\xfa\xed\xfe", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba"];

/// Length of the start that tells what a file is: enough for the offset of a PE header.
const HEAD: usize = 64;

fn recognise(file: &mut (impl Read + Seek)) -> Result<Option<Container>, io::Error> {
    let mut head = [0; HEAD];
    file.seek(SeekFrom::Start(0))?;
    let len = read_up_to(file, &mut head)?;
    let head = &head[..len];
    let found = if head.starts_with(b"\x7fELF") {
        Some(Container::Elf)
    } else if macho::recognises(head) {
        Some(Container::MachO)
    } else if pe::recognises(head, file)? {
        Some(Container::Pe)
    } else {
        None
    };
    Ok(found)
}

/// Fills the buffer as far as the file goes.
fn read_up_to(file: &mut impl Read, buffer: &mut [u8]) -> Result<usize, io::Error> {
    let mut len = 0;
    while len < buffer.len() {
        match file.read(&mut buffer[len..])? {
            0 => break,
            count => len += count,
        }
    }
    Ok(len)
}

#[cfg(test)]
pub(crate) mod samples;
#[cfg(test)]
mod tests;
