//! Archives for every system: zip, with Unix modes and links.
//!
//! Format: PKWARE APPNOTE 6.3.10. Byte tables: docs/formats/archives.md.

use super::{
    Context, Format, Plan, ReadSeek, archive,
    report::{ReadError, Report},
};
use crate::{
    codec::{Codec, Packing},
    container::{
        LimitError,
        zip::{Content, Zip as Container},
    },
    diagnostic::{Diagnostic, Diagnostics},
    layout::{Layout, PORTABLE},
    package::{Os, Package},
    payload::Bench,
    splice::{self, Deflated},
    tree::{Node, Tree},
};

/// zip.
pub(super) struct Zip;

impl Format for Zip {
    fn name(&self) -> &'static str {
        "zip"
    }

    fn spellings(&self) -> &'static [&'static str] {
        &["zip"]
    }

    fn about(&self) -> &'static str {
        "archive that every system opens"
    }

    fn systems(&self) -> &'static [Os] {
        &Os::ALL
    }

    fn layout(&self, _: &Context<'_>) -> &'static dyn Layout {
        &PORTABLE
    }

    fn file_name(&self, package: &Package, cx: &Context<'_>) -> Result<String, Diagnostic> {
        archive::file_name(package, cx, "zip")
    }

    /// The pieces of zip entries are those of gzip.
    fn packing(&self, _: &Package, cx: &Context<'_>) -> Result<Packing, Diagnostic> {
        archive::packing(cx, Codec::Gzip, 9, 9)
    }

    fn tree(&self, package: &Package, cx: &Context<'_>) -> Result<Tree, Diagnostics> {
        archive::tree(package, cx)
    }

    fn plan(
        &self,
        package: &Package,
        tree: Tree,
        cx: &Context<'_>,
        bench: &Bench,
    ) -> Result<Plan, Diagnostic> {
        let prefix = format!("{}/", archive::stem(package, &archive::options(cx)?)?);
        let blobs: Vec<_> = tree.iter().filter_map(|(_, node)| node.blob().cloned()).collect();
        let packed = splice::pack_entries(&blobs, self.packing(package, cx)?.level, bench)?;
        let archive = write(package, &tree, &prefix, packed);
        let recipe = archive.map_err(|e| Diagnostic::cannot("limit.zip", e.to_string()))?.finish();
        let expected = Report::of_tree(self.name(), &tree, &prefix, package.epoch);
        Ok(Plan { recipe, expected })
    }

    fn recognises(&self, head: &[u8]) -> bool {
        head.starts_with(b"PK\x03\x04") || head.starts_with(b"PK\x05\x06")
    }

    fn read(&self, file: &mut dyn ReadSeek) -> Result<Report, ReadError> {
        super::archive_read::zip(file)
    }
}

/// `packed` holds the content of the files, in the tree's order.
fn write(
    package: &Package,
    tree: &Tree,
    prefix: &str,
    packed: Vec<Deflated>,
) -> Result<Container, LimitError> {
    let mut packed = packed.into_iter().map(content);
    let top = Container::new(package.epoch).dir(prefix, Node::implied_dir().mode)?;
    tree.iter().try_fold(top, |zip, (path, node)| {
        let content = node.blob().and_then(|_| packed.next()).unwrap_or_default();
        zip.node(&format!("{prefix}{path}"), node, content)
    })
}

fn content(packed: Deflated) -> Content {
    Content {
        data: packed.recipe,
        len: packed.len,
        crc32: packed.crc32,
        deflated: !packed.stored,
    }
}
