//! Layouts: rules from type to path.

use crate::{
    diagnostic::Diagnostics,
    package::Package,
    tree::{PayloadType, Tree},
};

/// Where each type goes.
pub trait Layout: Sync {
    /// The directory of a type: absolute (`/usr/bin`), or relative to the image (`bin`).
    fn dir(&self, role: PayloadType, name: &str, title: &str) -> String;

    /// All entries at their final paths, with the files that the layout adds (links, icons).
    fn place(&self, package: &Package) -> Result<Tree, Diagnostics>;
}
