//! The byte structures of a zip: headers, central directory, end records.

use super::{
    CENTRAL, DEFLATED, END, END64, IN_EXTRA, LOCAL, LOCATOR64, S_IFDIR, S_IFMT, UNIX, UTF8,
};
use crate::{bytes::Record, container::calendar::DosTime};

/// Largest number in a 32-bit field, in bytes; the next one means "in the zip64 field".
pub(super) const MAX_SHORT: u64 = 0xffff_fffe;

/// Most entries that the plain end record counts.
pub(super) const MAX_ENTRIES: u64 = 0xfffe;

/// Version 4.5: zip64.
const VERSION64: u16 = 45;

/// One entry: its local header in front of the content, and its line in the central directory.
pub(super) struct Entry<'a> {
    pub(super) name: &'a str,
    /// `st_mode`: type and permission bits.
    pub(super) st_mode: u32,
    /// Seconds since 1970.
    pub(super) epoch: u64,
    pub(super) method: u16,
    pub(super) crc32: u32,
    /// Length as stored, in bytes.
    pub(super) packed: u64,
    /// Length before packing, in bytes.
    pub(super) len: u64,
    /// Where the local header is, in bytes.
    pub(super) at: u64,
}

impl Entry<'_> {
    /// The local header, its name and extra fields.
    ///
    /// | offset | size | field                                                       |
    /// |-------:|-----:|-------------------------------------------------------------|
    /// |      0 |    4 | signature, `PK\x03\x04`                                     |
    /// |      4 |    2 | version needed to extract, times ten                        |
    /// |      6 |    2 | flags: bit 11, names are UTF-8                              |
    /// |      8 |    2 | method: 0 stored, 8 deflate                                 |
    /// |     10 |  2+2 | modification time and date, [`DosTime`]                     |
    /// |     14 |    4 | CRC-32 of the content                                       |
    /// |     18 |  4+4 | packed and plain size in bytes; both `ffffffff` with zip64  |
    /// |     26 |  2+2 | length of the name, of the extra fields                     |
    pub(super) fn local(&self) -> Vec<u8> {
        // APPNOTE 4.5.3: a local zip64 field must hold both sizes.
        let long = self.packed > MAX_SHORT || self.len > MAX_SHORT;
        let zip64 = if long { vec![self.len, self.packed] } else { Vec::new() };
        let size = |size| if long { IN_EXTRA } else { short(size) };
        let extra = self.extra(&zip64);
        let header: [u8; 30] = Record::little()
            .u32(LOCAL)
            .raw(&self.common())
            .u32(size(self.packed))
            .u32(size(self.len))
            .u16(len16(self.name.as_bytes()))
            .u16(len16(&extra))
            .finish();
        [&header, self.name.as_bytes(), &extra].concat()
    }

    /// The entry of the central directory, its name and extra fields.
    ///
    /// | offset | size | field                                                       |
    /// |-------:|-----:|-------------------------------------------------------------|
    /// |      0 |    4 | signature, `PK\x01\x02`                                     |
    /// |      4 |    2 | made by: 3 (Unix) in the high byte, version 3.0 or 4.5      |
    /// |      6 |   14 | as in the local header from its byte 4                      |
    /// |     20 |  4+4 | packed and plain size; `ffffffff` when in the zip64 field   |
    /// |     28 |  2+2 | length of the name, of the extra fields                     |
    /// |     32 |    2 | length of the comment, 0                                    |
    /// |     34 |    2 | number of the disk, 0                                       |
    /// |     36 |    2 | internal attributes, 0                                      |
    /// |     38 |    4 | external attributes: `st_mode` << 16, DOS directory bit 4   |
    /// |     42 |    4 | offset of the local header; `ffffffff` when in zip64        |
    pub(super) fn central(&self) -> Vec<u8> {
        let zip64: Vec<u64> =
            [self.len, self.packed, self.at].into_iter().filter(|&size| size > MAX_SHORT).collect();
        let extra = self.extra(&zip64);
        let dos = if self.st_mode & S_IFMT == S_IFDIR { 1 << 4 } else { 0 };
        let header: [u8; 46] = Record::little()
            .u32(CENTRAL)
            .u16(UNIX << 8 | self.version().max(30))
            .raw(&self.common())
            .u32(short(self.packed))
            .u32(short(self.len))
            .u16(len16(self.name.as_bytes()))
            .u16(len16(&extra))
            .u16(0)
            .u16(0)
            .u16(0)
            .u32(self.st_mode << 16 | dos)
            .u32(short(self.at))
            .finish();
        [&header, self.name.as_bytes(), &extra].concat()
    }

    /// What both headers say alike: version, flags, method, time, CRC-32.
    fn common(&self) -> [u8; 14] {
        let DosTime { time, date } = DosTime::from_epoch(self.epoch);
        Record::little()
            .u16(self.version())
            .u16(UTF8)
            .u16(self.method)
            .u16(time)
            .u16(date)
            .u32(self.crc32)
            .finish()
    }

    /// 4.5 with zip64, 2.0 for directories and deflate, else 1.0.
    fn version(&self) -> u16 {
        match self {
            Self { len, packed, at, .. } if (*len).max(*packed).max(*at) > MAX_SHORT => VERSION64,
            Self { method: DEFLATED, .. } => 20,
            Self { st_mode, .. } if st_mode & S_IFMT == S_IFDIR => 20,
            _ => 10,
        }
    }

    /// The zip64 field when it has numbers, and the time in seconds since 1970 when it fits.
    ///
    /// | id   | size      | content                                                     |
    /// |-----:|----------:|-------------------------------------------------------------|
    /// | 0001 | 8 each    | plain size, packed size, offset: those that are `ffffffff`  |
    /// | 5455 | 5         | flags 1 (modification time), `i32` seconds since 1970       |
    fn extra(&self, zip64: &[u64]) -> Vec<u8> {
        let mut extra = Vec::new();
        if !zip64.is_empty() {
            let size = u16::try_from(zip64.len() * 8).expect("at most three numbers");
            extra.extend(Record::<4>::little().u16(1).u16(size).finish());
            extra.extend(zip64.iter().flat_map(|number| number.to_le_bytes()));
        }
        if let Ok(seconds) = i32::try_from(self.epoch) {
            let field = Record::<9>::little().u16(0x5455).u16(5).u8(1).raw(&seconds.to_le_bytes());
            extra.extend(field.finish());
        }
        extra
    }
}

/// Where the central directory is.
pub(super) struct End {
    pub(super) count: u64,
    /// Length of the directory, in bytes.
    pub(super) len: u64,
    /// Where it starts, in bytes.
    pub(super) at: u64,
}

impl End {
    /// The end record, with the zip64 record and its locator before it when a number needs them.
    ///
    /// | offset | size | zip64 record                     | offset | size | end record            |
    /// |-------:|-----:|----------------------------------|-------:|-----:|-----------------------|
    /// |      0 |    4 | signature, `PK\x06\x06`          |      0 |    4 | `PK\x05\x06`          |
    /// |      4 |    8 | size of the rest, 44             |      4 |  2+2 | disks, 0              |
    /// |     12 |  2+2 | made by, version needed          |      8 |  2+2 | entries, here and all |
    /// |     16 |  4+4 | disks, 0                         |     12 |    4 | size of the directory |
    /// |     24 |  8+8 | entries, here and all            |     16 |    4 | its offset            |
    /// |     40 |  8+8 | size of the directory, offset    |     20 |    2 | comment length, 0     |
    ///
    /// Locator: `PK\x06\x07`, `u32` disk 0, `u64` offset of the zip64 record, `u32` disks 1.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        if self.count > MAX_ENTRIES || self.len > MAX_SHORT || self.at > MAX_SHORT {
            out.extend(self.zip64());
        }
        let count = u16::try_from(self.count).unwrap_or(u16::MAX);
        let end: [u8; 22] = Record::little()
            .u32(END)
            .u32(0)
            .u16(count)
            .u16(count)
            .u32(short(self.len))
            .u32(short(self.at))
            .u16(0)
            .finish();
        out.extend(end);
        out
    }

    fn zip64(&self) -> [u8; 76] {
        Record::little()
            .u32(END64)
            .u64(44)
            .u16(UNIX << 8 | VERSION64)
            .u16(45)
            .u64(0)
            .u64(self.count)
            .u64(self.count)
            .u64(self.len)
            .u64(self.at)
            .u32(LOCATOR64)
            .u32(0)
            .u64(self.at + self.len)
            .u32(1)
            .finish()
    }
}

/// A 32-bit field: the number, or the mark that it is in the zip64 field.
fn short(number: u64) -> u32 {
    if number > MAX_SHORT { IN_EXTRA } else { u32::try_from(number).expect("it is below 2^32") }
}

fn len16(bytes: &[u8]) -> u16 {
    u16::try_from(bytes.len()).expect("names were checked, extra fields are small")
}
