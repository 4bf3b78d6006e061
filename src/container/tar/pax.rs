//! PAX extended headers: POSIX.1-2017, pax, "pax Extended Header".

use super::read::Entry;
use crate::container::ReadError;

/// Records of a header, as far as they change what a report says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Pax {
    path: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    owner: Option<Vec<u8>>,
    group: Option<Vec<u8>>,
    size: Option<Vec<u8>>,
    uid: Option<Vec<u8>>,
    gid: Option<Vec<u8>>,
    mtime: Option<Vec<u8>>,
}

impl Pax {
    /// Records `LENGTH KEY=VALUE\n`; the length counts the whole record, itself included.
    pub(super) fn parse(mut bytes: &[u8], at: u64) -> Result<Self, ReadError> {
        let mut pax = Self::default();
        while !bytes.is_empty() {
            let (key, value, rest) = record(bytes)
                .ok_or_else(|| ReadError::malformed("PAX header", at, "a record is malformed"))?;
            bytes = rest;
            if key.starts_with(b"GNU.sparse.") {
                return Err(ReadError::Unsupported { what: "a sparse file in a tar".into() });
            }
            if let Some(slot) = pax.slot(key) {
                *slot = Some(value.to_vec());
            }
        }
        Ok(pax)
    }

    fn slot(&mut self, key: &[u8]) -> Option<&mut Option<Vec<u8>>> {
        Some(match key {
            b"path" => &mut self.path,
            b"linkpath" => &mut self.link,
            b"uname" => &mut self.owner,
            b"gname" => &mut self.group,
            b"size" => &mut self.size,
            b"uid" => &mut self.uid,
            b"gid" => &mut self.gid,
            b"mtime" => &mut self.mtime,
            _ => return None, // other keys change nothing that is reported
        })
    }

    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Takes over the records of a later header.
    pub(super) fn update(&mut self, later: Self) {
        let Self { path, link, owner, group, size, uid, gid, mtime } = later;
        for (key, value) in [
            (&b"path"[..], path),
            (b"linkpath", link),
            (b"uname", owner),
            (b"gname", group),
            (b"size", size),
            (b"uid", uid),
            (b"gid", gid),
            (b"mtime", mtime),
        ] {
            if let (Some(slot), Some(value)) = (self.slot(key), value) {
                *slot = Some(value);
            }
        }
    }

    /// Replaces what the entry's own header says.
    pub(super) fn apply(self, entry: &mut Entry, at: u64) -> Result<(), ReadError> {
        let number = |value: Option<Vec<u8>>, there: u64| match value {
            None => Ok(there),
            Some(value) => decimal(&value)
                .and_then(|(whole, _)| u64::try_from(whole).ok())
                .ok_or_else(|| ReadError::malformed("PAX header", at, "a number is malformed")),
        };
        entry.size = number(self.size, entry.size)?;
        entry.uid = number(self.uid, entry.uid)?;
        entry.gid = number(self.gid, entry.gid)?;
        if let Some(value) = self.mtime {
            let (whole, fraction) = decimal(&value)
                .ok_or_else(|| ReadError::malformed("PAX header", at, "a time is malformed"))?;
            // Times are rounded down, also before 1970.
            entry.mtime = whole - i64::from(fraction && value.starts_with(b"-"));
        }
        let texts = [
            (&mut entry.name, self.path),
            (&mut entry.link, self.link),
            (&mut entry.owner, self.owner),
            (&mut entry.group, self.group),
        ];
        for (slot, value) in texts {
            if let Some(value) = value {
                *slot = value;
            }
        }
        Ok(())
    }
}

/// Key, value and what follows the record.
fn record(bytes: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let blank = bytes.iter().take(20).position(|&byte| byte == b' ')?;
    let len: usize = str::from_utf8(&bytes[..blank]).ok()?.parse().ok()?;
    let body = bytes.get(blank + 1..len)?.strip_suffix(b"\n")?;
    let equals = body.iter().position(|&byte| byte == b'=')?;
    Some((&body[..equals], &body[equals + 1..], &bytes[len..]))
}

/// The whole part of a decimal number, and whether a fraction other than zero follows.
fn decimal(value: &[u8]) -> Option<(i64, bool)> {
    let text = str::from_utf8(value).ok()?;
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some((whole.parse().ok()?, fraction.bytes().any(|byte| byte != b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_parsed_and_unknown_ones_ignored() {
        let pax = Pax::parse(b"13 path=a\nb/\n11 comment=\n9 size=9\n", 0);
        assert!(pax.is_err(), "the length of the second record is wrong");
        let pax = Pax::parse(b"13 path=a\nb/\n11 other=x\n9 size=9\n", 0).unwrap();
        assert_eq!((pax.path, pax.size), (Some(b"a\nb/".to_vec()), Some(b"9".to_vec())));
    }

    #[test]
    fn a_malformed_record_is_an_error() {
        for bytes in
            [&b"x"[..], b"5 a=b", b"99 a=b\n", b"6 a=bc", b"3 \n", b"18446744073709551616 a=\n"]
        {
            assert!(Pax::parse(bytes, 0).is_err(), "{bytes:?}");
        }
    }

    #[test]
    fn times_are_rounded_down() {
        assert_eq!(decimal(b"12.500"), Some((12, true)));
        assert_eq!(decimal(b"-1.5"), Some((-1, true)));
        assert_eq!(decimal(b"1e9"), None);
    }
}
