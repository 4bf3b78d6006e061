//! The `[archive]` table, shared by tar and zip.

use crate::{
    manifest::{Decode, Decoder, FileName, Node, Shape, Size, Spanned, Value, level_of},
    table,
};

table! {
    /// Archives: tar.gz, tar.xz, tar.zst and zip.
    pub struct ArchiveOptions {
        /// Name of the file, without its extension, and of the folder in it.
        name: Option<Spanned<FileName>> => "`{{ name }}-{{ version }}-{{ os }}-{{ arch }}`",
        /// Another file name, with its extension.
        file_name: Option<Spanned<FileName>>,
        /// Adds install.sh and uninstall.sh, and their PowerShell twins, from the same plan.
        installer: bool = false,
        /// Parts of at most this size, and a joiner: `1900MiB`.
        split: Option<Spanned<Size>>,
        /// How hard it packs: a level of the codec in the format's name, or `max`.
        compression: Option<Spanned<ArchiveLevel>>,
    }
}

/// How hard an archive is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArchiveLevel {
    /// In the codec's own scale.
    Level(u32),
    /// The codec's highest.
    Max,
}

impl Decode for ArchiveLevel {
    fn decode(node: &Node, to: &mut Decoder) -> Option<Self> {
        match &node.value {
            Value::Integer(number) => to.bounded(node, *number, 0, 22).map(Self::Level),
            Value::String(text) if text == "max" => Some(Self::Max),
            Value::String(_) => {
                let mut level = None;
                to.checked(node, |text| {
                    level = Some(level_of(text, 0, 22)?);
                    Ok(())
                })?;
                level.map(Self::Level)
            }
            _ => {
                to.wrong_type(node, "an integer or `max`");
                None
            }
        }
    }

    fn shape() -> Shape {
        Shape::Either(vec![Shape::Integer(0, 22), Shape::Text("a level or `max`")])
    }
}
