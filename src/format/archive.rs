//! What tar and zip archives share: the top folder, the tree, the `[archive]` table.

use super::{
    Context,
    archive_options::{ArchiveLevel, ArchiveOptions},
    control, installer,
};
use crate::{
    codec::{Codec, Packing},
    diagnostic::{Diagnostic, Diagnostics},
    layout::{Layout, PORTABLE},
    manifest,
    package::{Os, Package},
    tree::{InstallPath, Tree},
};

/// The `[archive]` table.
pub(super) fn options(cx: &Context<'_>) -> Result<ArchiveOptions, Diagnostic> {
    let options = manifest::decode_key(cx.manifest, "archive");
    options.map_err(|mut found: Diagnostics| found.errors.remove(0))
}

/// Name of the file without its extension, and of the folder in it: `N-V-os-arch`.
pub(super) fn stem(package: &Package, options: &ArchiveOptions) -> Result<String, Diagnostic> {
    let Package { name, version, target, .. } = package;
    let Some(written) = &options.name else { return Ok(format!("{name}-{version}-{target}")) };
    let stem = written.value.0.trim();
    let one = InstallPath::parse(stem).is_ok_and(|path| path.as_str() == stem);
    if !one || stem.contains('/') {
        let text = format!("`{stem}` is no name of a folder");
        return Err(Diagnostic::usage("archive.name", text).at(written.place.clone()));
    }
    Ok(stem.to_owned())
}

/// The file's name.
pub(super) fn file_name(
    package: &Package,
    cx: &Context<'_>,
    extension: &str,
) -> Result<String, Diagnostic> {
    let options = options(cx)?;
    match &options.file_name {
        Some(name) => Ok(name.value.0.clone()),
        None => Ok(format!("{}.{extension}", stem(package, &options)?)),
    }
}

/// The level asked for, within what the codec has.
pub(super) fn packing(cx: &Context<'_>, codec: Codec) -> Result<Packing, Diagnostic> {
    let Some(asked) = options(cx)?.compression else { return Ok(Packing::of(codec)) };
    let (first, last) = (*codec.levels().start(), *codec.levels().end());
    match asked.value {
        ArchiveLevel::Max => Ok(Packing { codec, level: last }),
        ArchiveLevel::Level(level) if codec.levels().contains(&level) => {
            Ok(Packing { codec, level })
        }
        ArchiveLevel::Level(level) => {
            let text = format!("{} has no level {level}", codec.word());
            Err(Diagnostic::usage("archive.compression", text)
                .at(asked.place)
                .hint(format!("levels are {first} to {last}")))
        }
    }
}

/// Smallest parts, in bytes.
const LEAST_PART: u64 = 1 << 20;

/// Most bytes of one file, if the archive is to be split.
pub(super) fn split(cx: &Context<'_>) -> Option<u64> {
    options(cx).ok()?.split.map(|size| size.0)
}

/// What is in the top folder.
pub(super) fn tree(package: &Package, cx: &Context<'_>) -> Result<Tree, Diagnostics> {
    let options = options(cx)?;
    stem(package, &options)?;
    check(cx, &options)?;
    let mut tree = PORTABLE.place(package)?;
    control::add(&mut tree, package, &PORTABLE)?;
    if options.installer {
        installer::add(package, &mut tree).map_err(|twice| {
            let text = format!("`{}` is the install script, and there is another one", twice.path);
            Diagnostic::usage("path.duplicate", text).at(twice.first.place)
        })?;
    }
    Ok(tree)
}

/// What is asked for and cannot be is never left out silently.
fn check(cx: &Context<'_>, options: &ArchiveOptions) -> Result<(), Diagnostics> {
    let mut found = Diagnostics::default();
    let place = |key: &str| cx.manifest.find(&["archive", key]).and_then(|node| node.place.clone());
    if options.installer && cx.target.os == Os::Windows {
        let text = "install scripts for Windows cannot be made yet";
        let hint = "[override.windows.archive] installer = false";
        found.error(Diagnostic::cannot("later.installer", text).at(place("installer")).hint(hint));
    }
    if let Some(split) = options.split.as_ref().filter(|split| split.0 < LEAST_PART) {
        let text = format!("parts of {} bytes are smaller than anybody needs", split.0);
        let hint = "1MiB or more; GitHub takes files of less than 2GiB: \"1900MiB\"";
        found.error(Diagnostic::usage("archive.split", text).at(split.place.clone()).hint(hint));
    }
    if found.is_ok() { Ok(()) } else { Err(found) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        diagnostic::Class,
        format::{Format, tarball::Tarball, zip::Zip},
        manifest::Node,
        package::{Libc, Target, sample},
    };

    fn name(text: &str, spelling: &str) -> String {
        let manifest = Node::sample(text);
        let cx = Context { spelling, manifest: &manifest, target: sample().target, signer: None };
        let format: &dyn Format = if spelling == "zip" { &Zip } else { &Tarball };
        format.file_name(&sample(), &cx).unwrap()
    }

    #[test]
    fn archives_are_named_like_their_folder() {
        assert_eq!(name("", "tar.gz"), "sample-1.2.0-linux-x86_64.tar.gz");
        assert_eq!(name("archive = { name = \"x\" }", "tar.zst"), "x.tar.zst");
        assert_eq!(name("archive = { file-name = \"y.zip\" }", "zip"), "y.zip");
        let mut package = sample();
        package.target.libc = Some(Libc::Musl);
        let stem = stem(
            &package,
            &options(&Context {
                spelling: "zip",
                manifest: &Node::sample(""),
                target: sample().target,
                signer: None,
            })
            .unwrap(),
        );
        assert_eq!(stem.unwrap(), "sample-1.2.0-linux-x86_64-musl");
    }

    #[test]
    fn what_archives_cannot_do_is_refused_with_its_place() {
        let manifest = Node::sample("[archive]\ninstaller = true\nsplit = \"1900B\"\n");
        let found = tree(
            &sample(),
            &Context {
                spelling: "tar.gz",
                manifest: &manifest,
                target: Target::parse("windows-x86_64").unwrap(),
                signer: None,
            },
        );
        let errors = found.unwrap_err().errors;
        let told: Vec<_> =
            errors.iter().map(|e| (e.class, e.place.as_ref().unwrap().to_string())).collect();
        let place = |line| format!("pkggen.toml:{line}");
        assert_eq!(told.len(), 2);
        assert!(
            told.iter().zip([2, 3]).all(|((class, at), line)| {
                matches!(class, Class::Cannot | Class::Usage) && at.starts_with(&place(line))
            }),
            "{told:?}"
        );
    }

    #[test]
    fn a_level_that_the_codec_does_not_have_is_refused() {
        let manifest = Node::sample("archive = { compression = 19 }");
        let level = |spelling| {
            Tarball
                .packing(
                    &sample(),
                    &Context {
                        spelling,
                        manifest: &manifest,
                        target: sample().target,
                        signer: None,
                    },
                )
                .map(|p| p.level)
        };
        assert_eq!(level("tar.zst"), Ok(19));
        assert!(level("tar.gz").unwrap_err().hint.unwrap().contains("1 to 9"));
    }
}
