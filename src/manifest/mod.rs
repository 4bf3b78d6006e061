//! What the user wrote, with positions. No file access beyond the manifest itself.
//!
//! [`Node`] is the tree as written; [`table!`](crate::table) declares what each table may hold;
//! [`Root`] is all of it as types.

mod declare;
mod decode;
mod node;
mod shape;
mod tables;

pub use declare::kebab;
pub use decode::{
    Decode, DecodeKey, DecodeTable, Decoder, Problem, Spanned, advice, decode, decode_key, either,
    list, word_key,
};
pub use node::{Key, Node, Table, Value};
pub use shape::{Field, Shape, TableShape};
pub use tables::*;

/// A table of the manifest that a format owns.
#[derive(Clone, Copy)]
pub struct FormatTable {
    /// The table's name: `deb`, `archive`.
    pub name: &'static str,
    /// Formats that read it, each with its spellings.
    pub formats: &'static [(&'static str, &'static [&'static str])],
    /// What may be in it.
    pub shape: fn() -> Shape,
    /// Notes every mistake in it.
    pub check: fn(&Node, &mut Decoder),
}

impl FormatTable {
    /// The table `name` of type `T`.
    pub const fn of<T: Decode>(
        name: &'static str,
        formats: &'static [(&'static str, &'static [&'static str])],
    ) -> Self {
        Self {
            name,
            formats,
            shape: T::shape,
            check: |node, to| {
                T::decode(node, to);
            },
        }
    }
}
