//! Archives for every system: tar.gz, tar.xz, tar.zst.
//!
//! Format: tar(5), GNU dialect. Byte tables: docs/formats/deb.md, "tar"; docs/formats/tar.md.

use super::{
    Context, Format, Plan, ReadSeek, archive,
    report::{ReadError, Report},
};
use crate::{
    codec::{Codec, Packing},
    container::tar::Tar,
    diagnostic::{Diagnostic, Diagnostics},
    digest::Want,
    layout::{Layout, PORTABLE},
    package::{Os, Package},
    payload::Bench,
    splice,
    tree::Tree,
};

/// tar.gz, tar.xz, tar.zst.
pub(super) struct Tarball;

/// Spelling and codec.
const SPELLINGS: [(&str, Codec); 3] =
    [("tar.gz", Codec::Gzip), ("tar.xz", Codec::Xz), ("tar.zst", Codec::Zstd)];

impl Format for Tarball {
    fn name(&self) -> &'static str {
        "tar"
    }

    fn spellings(&self) -> &'static [&'static str] {
        &["tar.gz", "tar.xz", "tar.zst"]
    }

    fn about(&self) -> &'static str {
        "archive that runs where it is unpacked"
    }

    fn systems(&self) -> &'static [Os] {
        &Os::ALL
    }

    fn layout(&self, _: &Context<'_>) -> &'static dyn Layout {
        &PORTABLE
    }

    fn file_name(&self, package: &Package, cx: &Context<'_>) -> Result<String, Diagnostic> {
        archive::file_name(package, cx, cx.spelling)
    }

    fn packing(&self, _: &Package, cx: &Context<'_>) -> Result<Packing, Diagnostic> {
        archive::packing(cx, codec(cx)?)
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
        let tar = Tar::new(package.epoch).tree(&tree, &prefix);
        let plain = tar.map_err(|e| Diagnostic::cannot("limit.tar", e.to_string()))?.finish();
        let recipe = splice::pack(&plain, self.packing(package, cx)?, bench)?;
        let expected = Report {
            fields: vec![("Compression".into(), codec(cx)?.word().into())],
            ..Report::of_tree(self.name(), &tree, &prefix, package.epoch).for_archive(true)
        };
        Ok(Plan { recipe, expected })
    }

    fn recognises(&self, head: &[u8]) -> bool {
        super::archive_read::is_tar(head)
    }

    fn read(&self, file: &mut dyn ReadSeek, want: Want) -> Result<Report, ReadError> {
        super::archive_read::tar(file, want)
    }
}

fn codec(cx: &Context<'_>) -> Result<Codec, Diagnostic> {
    let known = SPELLINGS.iter().find(|(name, _)| *name == cx.spelling);
    known.map(|(_, codec)| *codec).ok_or_else(|| {
        let text = format!("`{}` is no kind of tar archive", cx.spelling);
        Diagnostic::usage("format.unknown", text)
    })
}
