//! ELF: everything but symbols is found the way the loader finds it, by program headers, so that
//! files without section headers are understood too.
//!
//! Format: System V ABI, chapters 4 and 5; gABI "Dynamic Section"; LSB "Symbol Versioning".

use std::collections::{BTreeMap, BTreeSet};

use object::{
    Endianness, ReadRef, elf,
    read::elf::{Dyn, FileHeader, ProgramHeader, Sym},
};

use super::{Container, Damaged, Linking, Machine, Program, Symbol};
use crate::package::{Arch, Os};

/// The most version names that are looked at, over all libraries.
const MAX_VERSIONS: usize = 1 << 16;

pub(super) fn read<'a, R: ReadRef<'a>>(data: R) -> Result<Option<Program>, Damaged> {
    match class(data)? {
        elf::ELFCLASS64 => read_class::<elf::FileHeader64<Endianness>, R>(data).map(Some),
        elf::ELFCLASS32 => read_class::<elf::FileHeader32<Endianness>, R>(data).map(Some),
        _ => Err(Damaged("unknown class")),
    }
}

pub(super) fn undefined<'a, R: ReadRef<'a>>(data: R) -> Result<BTreeSet<Symbol>, Damaged> {
    match class(data)? {
        elf::ELFCLASS64 => undefined_class::<elf::FileHeader64<Endianness>, R>(data),
        elf::ELFCLASS32 => undefined_class::<elf::FileHeader32<Endianness>, R>(data),
        _ => Err(Damaged("unknown class")),
    }
}

fn class<'a, R: ReadRef<'a>>(data: R) -> Result<elf::FileClass, Damaged> {
    let ident = data.read_bytes_at(0, 16).map_err(|()| Damaged("it is cut short"))?;
    Ok(elf::FileClass(ident[4]))
}

fn read_class<'a, Elf, R>(data: R) -> Result<Program, Damaged>
where
    Elf: FileHeader<Endian = Endianness>,
    R: ReadRef<'a>,
{
    let header = Elf::parse(data).map_err(|_| Damaged("it is cut short"))?;
    let endian = header.endian().map_err(|_| Damaged("unknown byte order"))?;
    let segments = Segments::<Elf, R> {
        data,
        endian,
        headers: header
            .program_headers(endian, data)
            .map_err(|_| Damaged("program headers outside the file"))?,
    };
    let linking = Linking {
        loadable: matches!(header.e_type(endian), elf::ET_EXEC | elf::ET_DYN),
        shared: header.e_type(endian) == elf::ET_DYN,
        wide: header.is_type_64(),
        ..segments.linking()?
    };
    let os = system(header.e_ident().os_abi, &segments, &linking);
    let machine = header.e_machine(endian);
    let arch = processor(machine, header.is_type_64(), endian);
    let os_word = os.map_or_else(|other| other, display_os);
    let arch_word =
        arch.map_or_else(|| format!("machine {}", machine.0), |arch| arch.word().to_owned());
    Ok(Program {
        container: Container::Elf,
        machines: vec![Machine { os: os.ok(), arch, words: format!("{os_word} {arch_word}") }],
        portable: matches!(machine, elf::EM_CUDA | elf::EM_AMDGPU | elf::EM_BPF),
        linking,
    })
}

fn display_os(os: Os) -> &'static str {
    match os {
        Os::Linux => "Linux",
        Os::Macos => "macOS",
        Os::Windows => "Windows",
        Os::Freebsd => "FreeBSD",
    }
}

/// The system, or the word for one that no packages are made for.
fn system<'a, Elf, R>(
    abi: elf::OsAbi,
    segments: &Segments<'a, Elf, R>,
    linking: &Linking,
) -> Result<Os, &'static str>
where
    Elf: FileHeader<Endian = Endianness>,
    R: ReadRef<'a>,
{
    match abi {
        elf::ELFOSABI_FREEBSD => return Ok(Os::Freebsd),
        elf::ELFOSABI_GNU => return Ok(Os::Linux),
        elf::ELFOSABI_NETBSD => return Err("NetBSD"),
        elf::ELFOSABI_OPENBSD => return Err("OpenBSD"),
        elf::ELFOSABI_SOLARIS => return Err("Solaris"),
        _ => {}
    }
    let loader = linking.interpreter.as_deref().unwrap_or_default();
    let owners = segments.note_names();
    let notes = |name: &str| owners.contains(&name.as_bytes());
    if notes("FreeBSD") || loader.ends_with("/ld-elf.so.1") {
        Ok(Os::Freebsd)
    } else if notes("OpenBSD") {
        Err("OpenBSD")
    } else if notes("NetBSD") {
        Err("NetBSD")
    } else if notes("Android") || loader.starts_with("/system/bin/linker") {
        Err("Android")
    } else {
        Ok(Os::Linux)
    }
}

fn processor(machine: elf::Machine, wide: bool, endian: Endianness) -> Option<Arch> {
    let little = endian == Endianness::Little;
    match (machine, wide, little) {
        (elf::EM_X86_64, true, true) => Some(Arch::X86_64),
        (elf::EM_AARCH64, true, true) => Some(Arch::Aarch64),
        (elf::EM_ARM, false, true) => Some(Arch::Armv7),
        (elf::EM_386, false, true) => Some(Arch::I686),
        (elf::EM_RISCV, true, true) => Some(Arch::Riscv64),
        (elf::EM_PPC64, true, true) => Some(Arch::Powerpc64le),
        (elf::EM_S390, true, false) => Some(Arch::S390x),
        (elf::EM_LOONGARCH, true, true) => Some(Arch::Loongarch64),
        _ => None,
    }
}

/// The program headers and where they point to.
struct Segments<'a, Elf: FileHeader, R> {
    data: R,
    endian: Endianness,
    headers: &'a [Elf::ProgramHeader],
}

impl<'a, Elf, R> Segments<'a, Elf, R>
where
    Elf: FileHeader<Endian = Endianness>,
    R: ReadRef<'a>,
{
    fn linking(&self) -> Result<Linking, Damaged> {
        let mut linking = Linking::default();
        for header in self.headers {
            let interpreter = header
                .interpreter(self.endian, self.data)
                .map_err(|_| Damaged("the loader's name is outside the file"))?;
            if let Some(interpreter) = interpreter {
                linking.interpreter = Some(text(interpreter));
            }
            let dynamic = header
                .dynamic(self.endian, self.data)
                .map_err(|_| Damaged("the dynamic section is outside the file"))?;
            if let Some(dynamic) = dynamic {
                self.dynamic(dynamic, &mut linking)?;
            }
        }
        Ok(linking)
    }

    fn dynamic(&self, entries: &[Elf::Dyn], linking: &mut Linking) -> Result<(), Damaged> {
        let entries: Vec<_> = entries
            .iter()
            .map(|entry| (entry.tag(self.endian), entry.val(self.endian)))
            .take_while(|(tag, _)| *tag != elf::DT_NULL)
            .collect();
        let value = |wanted| entries.iter().find(|(tag, _)| *tag == wanted).map(|(_, v)| *v);
        linking.debug = value(elf::DT_DEBUG).is_some();
        linking.gnu_hash_only = value(elf::DT_GNU_HASH).is_some() && value(elf::DT_HASH).is_none();
        let (Some(strings), Some(size)) = (value(elf::DT_STRTAB), value(elf::DT_STRSZ)) else {
            return Ok(()); // static-pie: nothing is needed
        };
        let strings = self.offset(strings)?;
        let strings = Strings { data: self.data, start: strings, size };
        // DT_RUNPATH silences DT_RPATH: ld.so(8).
        let silent = if value(elf::DT_RUNPATH).is_some() { elf::DT_RPATH } else { elf::DT_NULL };
        for (tag, value) in entries.iter().filter(|(tag, _)| *tag != silent) {
            match *tag {
                elf::DT_NEEDED => linking.needed.push(strings.get(*value)?),
                elf::DT_SONAME => linking.soname = Some(strings.get(*value)?),
                elf::DT_RPATH | elf::DT_RUNPATH => {
                    let dirs = strings.get(*value)?;
                    linking.search.extend(dirs.split(':').map(str::to_owned));
                }
                _ => {}
            }
        }
        if let Some(needs) = value(elf::DT_VERNEED) {
            linking.versions = self.versions(self.offset(needs)?, &strings)?;
        }
        if let Some(definitions) = value(elf::DT_VERDEF) {
            linking.defined = self.defined(self.offset(definitions)?, &strings)?;
        }
        Ok(())
    }

    /// `.gnu.version_d`: version names; the base among them is the name they belong to.
    fn defined(
        &self,
        start: u64,
        strings: &Strings<R>,
    ) -> Result<BTreeMap<String, BTreeSet<String>>, Damaged> {
        let outside = |()| Damaged("version definitions outside the file");
        let mut found = BTreeMap::<_, BTreeSet<_>>::new();
        let (mut at, mut count, mut base) = (start, 0, String::new());
        loop {
            let definition = self.data.read_at::<elf::Verdef<Endianness>>(at).map_err(outside)?;
            let mut aux_at = add(at, definition.vd_aux.get(self.endian))?;
            for _ in 0..definition.vd_cnt.get(self.endian) {
                count += 1;
                if count > MAX_VERSIONS {
                    return Err(Damaged("too many version definitions"));
                }
                let aux = self.data.read_at::<elf::Verdaux<Endianness>>(aux_at).map_err(outside)?;
                let name = strings.get(aux.vda_name.get(self.endian).into())?;
                if definition.vd_flags.get(self.endian).contains(elf::VER_FLG_BASE) {
                    base = name;
                } else {
                    found.entry(base.clone()).or_default().insert(name);
                }
                match aux.vda_next.get(self.endian) {
                    0 => break,
                    next => aux_at = add(aux_at, next)?,
                }
            }
            count += 1;
            match definition.vd_next.get(self.endian) {
                0 => return Ok(found),
                _ if count > MAX_VERSIONS => return Err(Damaged("too many version definitions")),
                next => at = add(at, next)?,
            }
        }
    }

    /// `.gnu.version_r`: libraries, each with a list of version names.
    fn versions(
        &self,
        start: u64,
        strings: &Strings<R>,
    ) -> Result<BTreeMap<String, BTreeSet<String>>, Damaged> {
        let outside = |()| Damaged("version needs outside the file");
        let mut found = BTreeMap::<_, BTreeSet<_>>::new();
        let (mut at, mut count) = (start, 0);
        loop {
            let need = self.data.read_at::<elf::Verneed<Endianness>>(at).map_err(outside)?;
            let names = found.entry(strings.get(need.vn_file.get(self.endian).into())?);
            let names = names.or_default();
            let mut aux_at = add(at, need.vn_aux.get(self.endian))?;
            for _ in 0..need.vn_cnt.get(self.endian) {
                count += 1;
                if count > MAX_VERSIONS {
                    return Err(Damaged("too many version needs"));
                }
                let aux = self.data.read_at::<elf::Vernaux<Endianness>>(aux_at).map_err(outside)?;
                names.insert(strings.get(aux.vna_name.get(self.endian).into())?);
                match aux.vna_next.get(self.endian) {
                    0 => break,
                    next => aux_at = add(aux_at, next)?,
                }
            }
            count += 1;
            match need.vn_next.get(self.endian) {
                0 => return Ok(found),
                _ if count > MAX_VERSIONS => return Err(Damaged("too many version needs")),
                next => at = add(at, next)?,
            }
        }
    }

    /// Where in the file a virtual address is.
    fn offset(&self, address: u64) -> Result<u64, Damaged> {
        let endian = self.endian;
        self.headers
            .iter()
            .filter(|header| header.p_type(endian) == elf::PT_LOAD)
            .find_map(|header| {
                let (offset, size) = header.file_range(endian);
                let inside = address.checked_sub(header.p_vaddr(endian).into())?;
                if inside < size { offset.checked_add(inside) } else { None }
            })
            .ok_or(Damaged("an address outside all segments"))
    }

    /// Owners of notes: `GNU`, `FreeBSD`. Damaged notes tell nothing.
    fn note_names(&self) -> Vec<&'a [u8]> {
        let mut names = Vec::new();
        for header in self.headers {
            let Ok(Some(mut notes)) = header.notes(self.endian, self.data) else { continue };
            while let Ok(Some(note)) = notes.next() {
                names.push(note.name());
            }
        }
        names
    }
}

fn add(at: u64, more: u32) -> Result<u64, Damaged> {
    at.checked_add(more.into()).ok_or(Damaged("an offset overflows"))
}

/// The dynamic string table, read string by string.
struct Strings<R> {
    data: R,
    start: u64,
    size: u64,
}

impl<'a, R: ReadRef<'a>> Strings<R> {
    fn get(&self, at: u64) -> Result<String, Damaged> {
        let outside = Damaged("a name outside the string table");
        let end = self.start.checked_add(self.size);
        let (Some(start), Some(end)) = (self.start.checked_add(at), end) else {
            return Err(outside);
        };
        if start >= end {
            return Err(outside);
        }
        self.data.read_bytes_at_until(start..end, 0).map(text).map_err(|()| outside)
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn undefined_class<'a, Elf, R>(data: R) -> Result<BTreeSet<Symbol>, Damaged>
where
    Elf: FileHeader<Endian = Endianness>,
    R: ReadRef<'a>,
{
    let damaged = |_| Damaged("a damaged symbol table");
    let header = Elf::parse(data).map_err(|_| Damaged("it is cut short"))?;
    let endian = header.endian().map_err(|_| Damaged("unknown byte order"))?;
    let sections = header.sections(endian, data).map_err(damaged)?;
    let symbols = sections.symbols(endian, data, elf::SHT_DYNSYM).map_err(damaged)?;
    let versions = sections.versions(endian, data).map_err(damaged)?;
    let mut found = BTreeSet::new();
    for (index, symbol) in symbols.enumerate() {
        if !symbol.is_undefined(endian) || symbol.st_name(endian) == 0 {
            continue;
        }
        let name = text(symbol.name(endian, symbols.strings()).map_err(damaged)?);
        let version = match &versions {
            Some(versions) => {
                let index = versions.version_index(endian, index);
                versions.version(index.index()).map_err(damaged)?.map(|v| text(v.name()))
            }
            None => None,
        };
        found.insert(Symbol { name, version });
    }
    Ok(found)
}
