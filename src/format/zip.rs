//! Archives for every system: zip, with Unix modes and links.
//!
//! Format: PKWARE APPNOTE 6.3.10. Byte tables: docs/formats/tar.md.

use super::{
    Context, Format, Plan, ReadSeek, archive,
    report::{ReadError, Report},
};
use crate::{
    codec::{Codec, Packing},
    container::zip::Zip as Container,
    diagnostic::{Diagnostic, Diagnostics},
    digest::Want,
    layout::{Layout, PORTABLE},
    package::{Os, Package},
    payload::Bench,
    tree::Tree,
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
        archive::packing(cx, Codec::Gzip)
    }

    fn tree(&self, package: &Package, cx: &Context<'_>) -> Result<Tree, Diagnostics> {
        archive::tree(package, cx)
    }

    fn split(&self, cx: &Context<'_>) -> Option<u64> {
        archive::split(cx)
    }

    fn plan(
        &self,
        package: &Package,
        tree: Tree,
        cx: &Context<'_>,
        bench: &Bench,
    ) -> Result<Plan, Diagnostic> {
        let prefix = format!("{}/", archive::stem(package, &archive::options(cx)?)?);
        let level = self.packing(package, cx)?.level;
        let recipe = Container::new(package.epoch).tree(&tree, &prefix, level, bench)?.finish();
        let expected =
            Report::of_tree(self.name(), &tree, &prefix, package.epoch).for_archive(false);
        Ok(Plan { recipe, expected })
    }

    fn recognises(&self, head: &[u8]) -> bool {
        super::archive_read::is_zip(head)
    }

    fn read(&self, file: &mut dyn ReadSeek, want: Want) -> Result<Report, ReadError> {
        super::archive_read::zip(file, want)
    }
}
