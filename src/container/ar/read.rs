//! Reading `ar` archives, member by member.

use std::io::{self, Read};

use super::{HEADER, MAGIC};
use crate::container::{Input, ReadError};

/// Reads the members of an archive one after another.
pub struct Reader<R> {
    input: Input<R>,
    /// The member being read and how much of it is left, in bytes.
    name: String,
    left: u64,
    padded: bool,
    /// What is wrong, but can be read.
    pub problems: Vec<String>,
}

/// A member's header as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Without padding; bytes that are no text are replaced.
    pub name: String,
    /// Seconds since 1970.
    pub mtime: u64,
    /// User id.
    pub uid: u64,
    /// Group id.
    pub gid: u64,
    /// File type and permission bits.
    pub mode: u64,
    /// Length, in bytes.
    pub len: u64,
}

impl<R: Read> Reader<R> {
    /// Reads the magic.
    pub fn new(input: R) -> Result<Self, ReadError> {
        let mut input = Input::new(input);
        if input.array::<8>("the magic of ar")? != *MAGIC {
            return Err(ReadError::malformed("ar archive", 0, "it does not start with `!<arch>`"));
        }
        Ok(Self { input, name: String::new(), left: 0, padded: false, problems: Vec::new() })
    }

    /// The next member's header; what is left of the previous one is passed over.
    pub fn next_member(&mut self) -> Result<Option<Member>, ReadError> {
        io::copy(self, &mut io::sink())?;
        self.padding()?;
        if self.input.peek(1)?.is_empty() {
            return Ok(None);
        }
        let at = self.input.at();
        let header = self.input.array::<HEADER>("an ar header")?;
        let member = self.parse(&header, at)?;
        (self.name, self.left, self.padded) =
            (member.name.clone(), member.len, member.len % 2 == 1);
        Ok(Some(member))
    }

    /// The file, to be asked after [`Reader::next_member`] found its end.
    pub fn into_inner(self) -> R {
        self.input.into_inner()
    }

    /// The newline after a member of odd length.
    fn padding(&mut self) -> Result<(), ReadError> {
        if !std::mem::take(&mut self.padded) {
            return Ok(());
        }
        let byte = self.input.peek(1)?.first().copied();
        if byte != Some(b'\n') {
            self.problems.push(format!("member `{}` is not padded with a newline", self.name));
        }
        self.input.consume(usize::from(byte.is_some()));
        Ok(())
    }

    fn parse(&mut self, header: &[u8; HEADER], at: u64) -> Result<Member, ReadError> {
        if &header[58..] != b"`\n" {
            return Err(ReadError::malformed("ar header", at, "it does not end in a backquote"));
        }
        let name = String::from_utf8_lossy(unpadded(&header[..16])).into_owned();
        let mut field = |what: &str, range: std::ops::Range<usize>, radix: u32| {
            let value = number(&header[range.clone()], radix);
            if !value.is_some_and(|(_, canonical)| canonical) {
                let text = header[range].escape_ascii();
                self.problems.push(format!("member `{name}`: its {what} is `{text}`"));
            }
            value.map(|(value, _)| value)
        };
        let [mtime, uid, gid, mode] = [
            field("modification time", 16..28, 10),
            field("user id", 28..34, 10),
            field("group id", 34..40, 10),
            field("mode", 40..48, 8),
        ]
        .map(Option::unwrap_or_default);
        let len = field("size", 48..58, 10)
            .ok_or_else(|| ReadError::malformed("ar header", at, "its size is no number"))?;
        Ok(Member { name, mtime, uid, gid, mode, len })
    }
}

/// The content of the current member.
impl<R: Read> Read for Reader<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(out.len());
        let count = self.input.read(&mut out[..most])?;
        self.left -= count as u64;
        if count == 0 && most > 0 {
            let (what, at) = (format!("member `{}`", self.name), self.input.at());
            return Err(ReadError::Truncated { what, at }.into());
        }
        Ok(count)
    }
}

/// A number and whether it is written as it should: digits without leading zeros, then spaces.
fn number(field: &[u8], radix: u32) -> Option<(u64, bool)> {
    let digits = str::from_utf8(unpadded(field)).ok()?;
    let value = u64::from_str_radix(digits.trim(), radix).ok()?;
    let canonical = match radix {
        8 => format!("{value:o}"),
        _ => value.to_string(),
    };
    Some((value, canonical == digits))
}

/// Without the spaces at its end, and only spaces.
fn unpadded(field: &[u8]) -> &[u8] {
    let end = field.iter().rposition(|&byte| byte != b' ').map_or(0, |last| last + 1);
    &field[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &[u8] = b"debian-binary   1700000000  0     0     100644  3         `\n";

    fn read(body: &[u8]) -> Result<(Vec<Member>, Vec<String>), ReadError> {
        let archive = [MAGIC, body].concat();
        let mut reader = Reader::new(&archive[..])?;
        let members = std::iter::from_fn(|| reader.next_member().transpose());
        let members = members.collect::<Result<Vec<_>, _>>()?;
        Ok((members, reader.problems))
    }

    #[test]
    fn a_member_is_read_with_its_padding() {
        let (members, problems) = read(&[HEAD, b"abc\n", HEAD, b"abc\n"].concat()).unwrap();
        assert_eq!((members.len(), problems.len()), (2, 0));
        let Member { name, mtime, mode, len, .. } = &members[1];
        assert_eq!(
            (name.as_str(), *mtime, *mode, *len),
            ("debian-binary", 1_700_000_000, 0o100_644, 3)
        );
    }

    #[test]
    fn a_wrong_or_missing_padding_is_a_problem() {
        for body in [&b"abc"[..], b"abcX"] {
            let (_, problems) = read(&[HEAD, body].concat()).unwrap();
            assert_eq!(problems, ["member `debian-binary` is not padded with a newline"]);
        }
    }

    #[test]
    fn a_number_with_leading_zeros_or_signs_is_a_problem() {
        assert_eq!(number(b"42  ", 10), Some((42, true)));
        for field in [b"042 ", b"+42 ", b"42\0 ", b"42 \t", b" 42 "] {
            assert!(!number(field, 10).is_some_and(|(_, canonical)| canonical));
        }
    }

    #[test]
    fn a_member_that_is_cut_off_is_an_error() {
        let error = read(&[HEAD, b"ab"].concat()).unwrap_err().to_string();
        assert_eq!(error, "the file ends at byte 70 in the middle of member `debian-binary`");
        assert!(read(&HEAD[..30]).is_err());
    }
}
