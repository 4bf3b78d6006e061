//! Mach-O, thin and universal: magic, processor and, where the load commands tell, the platform.
//!
//! Format: `<mach-o/loader.h>`, `<mach-o/fat.h>`.

use object::{
    BigEndian, Endianness, ReadRef, macho,
    read::macho::{FatArch, LoadCommandIterator, MachHeader},
};

use super::{Container, Damaged, Linking, Machine, Program};
use crate::package::{Arch, Os};

/// Universal files start like Java classes; those have a version of 45 or more where these have the
/// number of architectures.
const MAX_SLICES: u32 = 40;

const CUT_SHORT: Damaged = Damaged("it is cut short");

pub(super) fn recognises(head: &[u8]) -> bool {
    let Some((magic, rest)) = head.split_first_chunk::<4>() else { return false };
    match u32::from_be_bytes(*magic) {
        macho::MH_MAGIC | macho::MH_CIGAM | macho::MH_MAGIC_64 | macho::MH_CIGAM_64 => true,
        macho::FAT_MAGIC | macho::FAT_MAGIC_64 => rest
            .first_chunk::<4>()
            .is_some_and(|count| (1..MAX_SLICES).contains(&u32::from_be_bytes(*count))),
        _ => false,
    }
}

pub(super) fn read<'a, R: ReadRef<'a>>(data: R) -> Result<Option<Program>, Damaged> {
    let magic = data.read_at::<object::U32<BigEndian>>(0).map_err(|()| CUT_SHORT)?;
    let machines = match magic.get(BigEndian) {
        macho::FAT_MAGIC => universal::<macho::FatArch32, R>(data)?,
        macho::FAT_MAGIC_64 => universal::<macho::FatArch64, R>(data)?,
        _ => vec![thin(data, 0)?],
    };
    Ok(Some(Program {
        container: Container::MachO,
        machines,
        portable: false,
        linking: Linking::default(),
    }))
}

fn universal<'a, Fat: FatArch, R: ReadRef<'a>>(data: R) -> Result<Vec<Machine>, Damaged> {
    let header = data.read_at::<macho::FatHeader>(0).map_err(|()| CUT_SHORT)?;
    let count = header.nfat_arch.get(BigEndian).min(MAX_SLICES);
    let count = usize::try_from(count).map_err(|_| CUT_SHORT)?;
    let table_at = size_of::<macho::FatHeader>() as u64;
    let slices = data.read_slice_at::<Fat>(table_at, count).map_err(|()| CUT_SHORT)?;
    slices.iter().map(|slice| thin(data, slice.offset().into())).collect()
}

fn thin<'a, R: ReadRef<'a>>(data: R, at: u64) -> Result<Machine, Damaged> {
    let magic = data.read_at::<object::U32<BigEndian>>(at).map_err(|()| CUT_SHORT)?;
    match magic.get(BigEndian) {
        macho::MH_MAGIC_64 | macho::MH_CIGAM_64 => {
            header::<macho::MachHeader64<Endianness>, R>(data, at)
        }
        macho::MH_MAGIC | macho::MH_CIGAM => header::<macho::MachHeader32<Endianness>, R>(data, at),
        // A universal static library: an archive per processor.
        _ => Ok(Machine { os: Some(Os::Macos), arch: None, words: "macOS".into() }),
    }
}

fn header<'a, Mach, R>(data: R, at: u64) -> Result<Machine, Damaged>
where
    Mach: MachHeader<Endian = Endianness>,
    R: ReadRef<'a>,
{
    let header = Mach::parse(data, at).map_err(|_| CUT_SHORT)?;
    let endian = header.endian().map_err(|_| CUT_SHORT)?;
    let cpu = header.cputype(endian);
    let arch = match cpu {
        macho::CPU_TYPE_X86_64 => Some(Arch::X86_64),
        macho::CPU_TYPE_ARM64 => Some(Arch::Aarch64),
        _ => None,
    };
    let commands = header
        .load_commands(endian, data, at)
        .map_err(|_| Damaged("load commands outside the file"))?;
    let foreign = foreign_platform(commands, endian)?;
    let os = foreign.unwrap_or("macOS");
    let words = match arch {
        Some(arch) => format!("{os} {}", arch.word()),
        None => format!("{os} processor {:#x}", cpu.0),
    };
    Ok(Machine { os: foreign.is_none().then_some(Os::Macos), arch, words })
}

/// The name of a platform that is not macOS.
fn foreign_platform(
    mut commands: LoadCommandIterator<'_, Endianness>,
    endian: Endianness,
) -> Result<Option<&'static str>, Damaged> {
    let damaged = |_| Damaged("a damaged load command");
    while let Some(command) = commands.next().map_err(damaged)? {
        if let Some((build, _)) = command.build_version(endian).map_err(damaged)? {
            return Ok(match build.platform.get(endian) {
                macho::PLATFORM_MACOS | macho::PLATFORM_MACCATALYST => None,
                macho::PLATFORM_IOS | macho::PLATFORM_IOSSIMULATOR => Some("iOS"),
                macho::PLATFORM_TVOS | macho::PLATFORM_TVOSSIMULATOR => Some("tvOS"),
                macho::PLATFORM_WATCHOS | macho::PLATFORM_WATCHOSSIMULATOR => Some("watchOS"),
                _ => Some("Darwin"),
            });
        }
    }
    Ok(None)
}
