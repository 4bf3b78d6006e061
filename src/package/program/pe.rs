//! PE: the machine, whether it is for Windows at all, and whether it is managed code.
//!
//! Format: PE Format (Microsoft), "MS-DOS Stub" to "Optional Header Data Directories".

use std::io::{self, Read, Seek, SeekFrom};

use object::{
    LittleEndian as LE, ReadRef, pe,
    read::pe::{ImageNtHeaders, ImageOptionalHeader},
};

use super::{Container, Damaged, Linking, Machine, Program, read_up_to};
use crate::package::{Arch, Os};

/// Offset of the field that says where the PE header is, in bytes.
const POINTER: usize = 0x3c;

/// `MZ`, and a pointer to `PE\0\0`. Plain DOS programs are no programs here.
pub(super) fn recognises(head: &[u8], file: &mut (impl Read + Seek)) -> Result<bool, io::Error> {
    let pointer = head.get(POINTER..POINTER + 4).and_then(|bytes| bytes.first_chunk::<4>());
    let (true, Some(pointer)) = (head.starts_with(b"MZ"), pointer) else { return Ok(false) };
    let mut signature = [0; 4];
    file.seek(SeekFrom::Start(u32::from_le_bytes(*pointer).into()))?;
    let len = read_up_to(file, &mut signature)?;
    Ok(len == 4 && signature == *b"PE\0\0")
}

pub(super) fn read<'a, R: ReadRef<'a>>(data: R) -> Result<Option<Program>, Damaged> {
    const CUT_SHORT: Damaged = Damaged("it is cut short");
    let dos = pe::ImageDosHeader::parse(data).map_err(|_| CUT_SHORT)?;
    let start = u64::from(dos.nt_headers_offset());
    // Signature (4 bytes), file header (20 bytes), then the optional header's magic.
    let magic = data.read_at::<object::U16<LE>>(start + 24).map_err(|()| CUT_SHORT)?;
    let facts = if magic.get(LE) == pe::IMAGE_NT_OPTIONAL_HDR64_MAGIC {
        facts::<pe::ImageNtHeaders64, R>(data, start)?
    } else {
        facts::<pe::ImageNtHeaders32, R>(data, start)?
    };
    Ok(Some(Program {
        container: Container::Pe,
        machines: vec![facts.machine],
        portable: facts.managed,
        linking: Linking::default(),
    }))
}

struct Facts {
    machine: Machine,
    managed: bool,
}

fn facts<'a, Pe: ImageNtHeaders, R: ReadRef<'a>>(data: R, mut at: u64) -> Result<Facts, Damaged> {
    let (headers, directories) =
        Pe::parse(data, &mut at).map_err(|_| Damaged("it is cut short"))?;
    let machine = headers.file_header().machine.get(LE);
    let arch = match machine {
        pe::IMAGE_FILE_MACHINE_AMD64 => Some(Arch::X86_64),
        pe::IMAGE_FILE_MACHINE_ARM64 | pe::IMAGE_FILE_MACHINE_ARM64EC => Some(Arch::Aarch64),
        pe::IMAGE_FILE_MACHINE_I386 => Some(Arch::I686),
        _ => None,
    };
    let subsystem = headers.optional_header().subsystem();
    let firmware = (pe::IMAGE_SUBSYSTEM_EFI_APPLICATION.0..=pe::IMAGE_SUBSYSTEM_EFI_ROM.0)
        .contains(&subsystem.0);
    let os = if firmware { "UEFI" } else { "Windows" };
    let words = match arch {
        Some(arch) => format!("{os} {}", arch.word()),
        None => format!("{os} machine {:#x}", machine.0),
    };
    let managed = directories
        .get(pe::IMAGE_DIRECTORY_ENTRY_COM_DESCRIPTOR)
        .is_some_and(|directory| directory.size.get(LE) > 0);
    let machine = Machine { os: (!firmware).then_some(Os::Windows), arch, words };
    Ok(Facts { machine, managed })
}
