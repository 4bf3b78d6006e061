//! Minimal programs for every target, made by hand.

use crate::package::{Arch, Os, Target};

/// A program for a target: only a header.
pub(crate) fn program(target: Target) -> Vec<u8> {
    match target.os {
        Os::Linux => elf(target.arch, 0),
        Os::Freebsd => elf(target.arch, 9),
        Os::Windows => pe(target.arch),
        Os::Macos if target.arch == Arch::Universal => universal(),
        Os::Macos => macho(target.arch),
    }
}

/// (machine, 64 bits, little-endian)
fn elf_machine(arch: Arch) -> (u16, bool, bool) {
    match arch {
        Arch::X86_64 => (62, true, true),
        Arch::Aarch64 => (183, true, true),
        Arch::Armv7 => (40, false, true),
        Arch::I686 => (3, false, true),
        Arch::Riscv64 => (243, true, true),
        Arch::Powerpc64le => (21, true, true),
        Arch::S390x => (22, true, false),
        Arch::Loongarch64 => (258, true, true),
        Arch::Universal => panic!("no ELF file is universal"),
    }
}

/// An ELF header without segments.
pub(crate) fn elf(arch: Arch, abi: u8) -> Vec<u8> {
    let (machine, wide, little) = elf_machine(arch);
    let (ehsize, phentsize) = if wide { (64, 56) } else { (52, 32) };
    let u16 = |v: u16| if little { v.to_le_bytes() } else { v.to_be_bytes() };
    let word = |len: usize| vec![0_u8; len];
    let mut bytes = vec![0x7f, b'E', b'L', b'F', 1 + u8::from(wide), 2 - u8::from(little), 1, abi];
    bytes.extend([0; 8]);
    bytes.extend(u16(2)); // executable
    bytes.extend(u16(machine));
    bytes.extend(if little { 1_u32.to_le_bytes() } else { 1_u32.to_be_bytes() });
    bytes.extend(word(if wide { 24 } else { 12 })); // entry, program headers, section headers
    bytes.extend([0; 4]); // flags
    for value in [ehsize, phentsize, 0, if wide { 64 } else { 40 }, 0, 0] {
        bytes.extend(u16(value));
    }
    bytes
}

/// A 64-bit little-endian ELF program with a loader and what it needs.
#[derive(Default)]
pub(crate) struct ElfSample<'a> {
    pub(crate) machine: Option<u16>,
    pub(crate) interpreter: Option<&'a str>,
    pub(crate) needed: &'a [&'a str],
    pub(crate) soname: Option<&'a str>,
    pub(crate) runpath: Option<&'a str>,
    pub(crate) versions: &'a [(&'a str, &'a [&'a str])],
}

impl ElfSample<'_> {
    /// Header, up to three segments (load, loader, dynamic), then strings, needs, dynamic entries.
    /// Addresses are file offsets.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let body_at = 64 + 3 * 56;
        let mut strings = vec![0_u8];
        let mut string = |text: &str| {
            let at = strings.len() as u64;
            strings.extend(text.bytes().chain([0]));
            at
        };
        let mut dynamic: Vec<(u64, u64)> = Vec::new();
        dynamic.extend(self.needed.iter().map(|name| (1, string(name))));
        dynamic.extend(self.soname.map(|name| (14, string(name))));
        dynamic.extend(self.runpath.map(|name| (29, string(name))));
        let needs: Vec<_> = self
            .versions
            .iter()
            .map(|(file, names)| {
                (string(file), names.iter().map(|name| string(name)).collect::<Vec<_>>())
            })
            .collect();
        let interpreter_at = body_at + strings.len() as u64;
        let interpreter = self.interpreter.map(|name| [name.as_bytes(), &[0]].concat());
        let interpreter = interpreter.unwrap_or_default();
        let needs_at = interpreter_at + interpreter.len() as u64;
        let needs = encode_needs(&needs);
        let dynamic_at = needs_at + needs.len() as u64;
        dynamic.extend([(5, body_at), (10, strings.len() as u64)]);
        if !needs.is_empty() {
            dynamic.push((0x6fff_fffe, needs_at));
        }
        dynamic.push((0, 0));
        let dynamic: Vec<u8> =
            dynamic.iter().flat_map(|(t, v)| [t.to_le_bytes(), v.to_le_bytes()].concat()).collect();
        let total = dynamic_at + dynamic.len() as u64;

        let mut bytes = elf(Arch::X86_64, 0);
        if let Some(machine) = self.machine {
            bytes[18..20].copy_from_slice(&machine.to_le_bytes());
        }
        bytes[32..40].copy_from_slice(&64_u64.to_le_bytes());
        bytes[56..58].copy_from_slice(&3_u16.to_le_bytes());
        bytes.extend(segment(1, 0, total));
        let loader = if interpreter.is_empty() { 0 } else { 3 };
        bytes.extend(segment(loader, interpreter_at, interpreter.len() as u64));
        bytes.extend(segment(2, dynamic_at, dynamic.len() as u64));
        [bytes, strings, interpreter, needs, dynamic].concat()
    }
}

fn segment(kind: u32, at: u64, len: u64) -> Vec<u8> {
    let mut bytes = [kind.to_le_bytes(), 4_u32.to_le_bytes()].concat();
    bytes.extend([at, at, at, len, len, 1].iter().flat_map(|value| value.to_le_bytes()));
    bytes
}

fn encode_needs(needs: &[(u64, Vec<u64>)]) -> Vec<u8> {
    let u32 = |value: u64| u32::try_from(value).unwrap().to_le_bytes();
    let mut bytes = Vec::new();
    for (index, (file, names)) in needs.iter().enumerate() {
        let next = if index + 1 == needs.len() { 0 } else { 16 + 16 * names.len() as u64 };
        bytes.extend([1, 0]);
        bytes.extend(u16::try_from(names.len()).unwrap().to_le_bytes());
        bytes.extend([u32(*file), u32(16), u32(next)].concat());
        for (index, name) in names.iter().enumerate() {
            let next = if index + 1 == names.len() { 0 } else { 16 };
            bytes.extend([[0; 4], [0; 4], u32(*name), u32(next)].concat());
        }
    }
    bytes
}

/// A thin 64-bit Mach-O header without load commands.
pub(crate) fn macho(arch: Arch) -> Vec<u8> {
    let cpu = if arch == Arch::Aarch64 { 0x0100_000c } else { 0x0100_0007 };
    [0xfeed_facf_u32, cpu, 0, 2, 0, 0, 0, 0].iter().flat_map(|word| word.to_le_bytes()).collect()
}

/// A universal Mach-O file with both processors.
pub(crate) fn universal() -> Vec<u8> {
    let (x86, arm) = (macho(Arch::X86_64), macho(Arch::Aarch64));
    let table = 8 + 2 * 20;
    let words =
        [0xcafe_babe_u32, 2, 0x0100_0007, 0, table, 32, 0, 0x0100_000c, 0, table + 32, 32, 0];
    let header: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
    [header, x86, arm].concat()
}

/// A PE header with an empty optional header.
pub(crate) fn pe(arch: Arch) -> Vec<u8> {
    let machine: u16 = match arch {
        Arch::Aarch64 => 0xaa64,
        Arch::I686 => 0x14c,
        _ => 0x8664,
    };
    let wide = arch != Arch::I686;
    let optional_len: u16 = if wide { 112 } else { 96 };
    let mut bytes = vec![0; 64];
    bytes[..2].copy_from_slice(b"MZ");
    bytes[0x3c] = 64;
    bytes.extend(b"PE\0\0");
    bytes.extend(machine.to_le_bytes());
    bytes.extend([0; 14]);
    bytes.extend(optional_len.to_le_bytes());
    bytes.extend([2, 0]);
    let mut optional = vec![0; optional_len.into()];
    optional[..2].copy_from_slice(&if wide { [0x0b, 2] } else { [0x0b, 1] });
    bytes.extend(optional);
    bytes
}
