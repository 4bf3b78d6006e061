//! Fixed-size binary structures, field by field.

/// Builds a record of exactly `N` bytes; the fields read like the specification's table.
pub struct Record<const N: usize> {
    bytes: [u8; N],
    at: usize,
    big: bool,
}

impl<const N: usize> Record<N> {
    /// Numbers are big-endian.
    pub fn big() -> Self {
        Self { bytes: [0; N], at: 0, big: true }
    }

    /// Numbers are little-endian.
    pub fn little() -> Self {
        Self { bytes: [0; N], at: 0, big: false }
    }

    /// Bytes as they are.
    pub fn raw(mut self, bytes: &[u8]) -> Self {
        self.bytes[self.at..self.at + bytes.len()].copy_from_slice(bytes);
        self.at += bytes.len();
        self
    }

    /// Bytes, then `fill` up to `width`; panics if they are wider.
    pub fn padded(self, bytes: &[u8], width: usize, fill: u8) -> Self {
        assert!(bytes.len() <= width, "the field is wide enough");
        let rest = vec![fill; width - bytes.len()];
        self.raw(bytes).raw(&rest)
    }

    /// Text, left-aligned and padded with spaces to `width`.
    pub fn text(self, text: &str, width: usize) -> Self {
        self.padded(text.as_bytes(), width, b' ')
    }

    /// One byte.
    pub fn u8(self, value: u8) -> Self {
        self.raw(&[value])
    }

    /// Two bytes.
    pub fn u16(self, value: u16) -> Self {
        let bytes = if self.big { value.to_be_bytes() } else { value.to_le_bytes() };
        self.raw(&bytes)
    }

    /// Four bytes.
    pub fn u32(self, value: u32) -> Self {
        let bytes = if self.big { value.to_be_bytes() } else { value.to_le_bytes() };
        self.raw(&bytes)
    }

    /// Eight bytes.
    pub fn u64(self, value: u64) -> Self {
        let bytes = if self.big { value.to_be_bytes() } else { value.to_le_bytes() };
        self.raw(&bytes)
    }

    /// The record; panics if the fields do not add up to its size.
    pub fn finish(self) -> [u8; N] {
        assert_eq!(self.at, N, "the fields add up to the size of the record");
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_follow_each_other_in_byte_order() {
        assert_eq!(Record::<7>::little().u8(1).u16(2).u32(3).finish(), [1, 2, 0, 3, 0, 0, 0]);
        assert_eq!(Record::<6>::big().u16(2).raw(b"ab").u16(1).finish(), *b"\0\x02ab\0\x01");
    }
}
