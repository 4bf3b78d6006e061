//! What Debian expects below `/usr/share`: copyright, changelog, packed man pages, lintian overrides.

use super::{changelog, control::Facts, copyright, options::DebOptions};
use crate::{
    diagnostic::Diagnostics,
    format::{
        documents,
        linux::{content, file, put},
    },
    package::Package,
    payload::Blob,
    tree::{InstallPath, Node, PayloadType, Tree},
};

/// The tree with its documents. What the user ships at one of their places stays.
pub(super) fn add(
    tree: &Tree,
    package: &Package,
    options: &DebOptions,
    facts: &Facts,
) -> Result<Tree, Diagnostics> {
    let mut found = Diagnostics::default();
    let texts = licenses(package, &mut found);
    // A licence file that `copyright` holds is not there twice.
    let left_out = |node: &Node| in_copyright(node, package, &texts);
    let mut tree = documents::rewritten(tree, left_out, is_news, &mut found);
    let doc = format!("usr/share/doc/{}", facts.name);
    let there = |tree: &Tree, path: &str| {
        InstallPath::parse(path).is_ok_and(|path| tree.get(&path).is_some())
    };
    let path = format!("{doc}/copyright");
    if !there(&tree, &path) {
        let models = of_models(&tree, &mut found);
        put(&mut tree, &path, file(copyright::text(package, &texts, models)), &mut found);
    }
    let (name, packed) = changelog::file(package, facts);
    let path = format!("{doc}/{name}");
    if !there(&tree, &path) {
        put(&mut tree, &path, file(packed), &mut found);
    }
    if !options.lintian_overrides.is_empty() {
        let path = format!("usr/share/lintian/overrides/{}", facts.name);
        put(&mut tree, &path, file(overrides(options, facts)), &mut found);
    }
    if found.is_ok() { Ok(tree) } else { Err(found) }
}

/// The licence files that are text.
fn licenses(package: &Package, found: &mut Diagnostics) -> Vec<(String, String)> {
    let read = |(name, blob): &(String, Blob)| match content(
        blob,
        &Node::file(blob.clone(), crate::tree::Mode(0o644)),
    ) {
        Ok(bytes) => String::from_utf8(bytes).ok().map(|text| (name.clone(), text)),
        Err(error) => {
            found.error(error);
            None
        }
    };
    package.license_files.iter().filter_map(read).collect()
}

/// Texts of licences that came with models: `LICENSE.NAME-TAG`.
fn of_models(tree: &Tree, found: &mut Diagnostics) -> Vec<(String, String)> {
    let mut texts = Vec::new();
    for (path, node) in tree.iter().filter(|(_, node)| node.role == Some(PayloadType::License)) {
        let Some((name, blob)) = path.file_name().strip_prefix("LICENSE.").zip(node.blob()) else {
            continue;
        };
        match content(blob, node) {
            Ok(bytes) => texts.extend(String::from_utf8(bytes).ok().map(|t| (name.to_owned(), t))),
            Err(error) => found.error(error),
        }
    }
    texts
}

fn in_copyright(node: &Node, package: &Package, texts: &[(String, String)]) -> bool {
    let read = |name: &str| texts.iter().any(|(there, _)| there == name);
    node.role == Some(PayloadType::License)
        && node.blob().is_some_and(|blob| {
            package.license_files.iter().any(|(name, theirs)| theirs == blob && read(name))
        })
}

/// NEWS and changelogs are packed like man pages (policy 12.7).
fn is_news(path: &InstallPath) -> bool {
    path.starts_with("usr/share/doc") && matches!(path.file_name(), "NEWS" | "changelog")
}

/// Format: lintian's manual, "Overrides".
fn overrides(options: &DebOptions, facts: &Facts) -> String {
    let line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut text = String::new();
    for item in &options.lintian_overrides {
        let context = item.value.context.as_ref().map(|text| format!(" {}", line(&text.0)));
        let (tag, reason) = (line(&item.value.tag.0), line(&item.value.reason.0));
        let context = context.unwrap_or_default();
        text += &["# ", &reason, "\n", &facts.name, ": ", &tag, &context, "\n"].concat();
    }
    text
}
