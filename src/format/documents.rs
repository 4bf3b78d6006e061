//! Documents that packages of every Linux distribution rewrite: man pages are packed, texts filled.

use std::{io::Write as _, path::Path};

use flate2::{Compression, GzBuilder};

use crate::{
    diagnostic::{Diagnostic, Diagnostics},
    format::linux::content,
    layout::duplicate,
    payload::Blob,
    tree::{InstallPath, Kind, Node, Tree},
};

/// The tree with its documents packed, those in `wanted` places too, and without what is `left_out`.
pub(super) fn rewritten(
    tree: &Tree,
    left_out: impl Fn(&Node) -> bool,
    wanted: impl Fn(&InstallPath) -> bool,
    found: &mut Diagnostics,
) -> Tree {
    if !tree.iter().any(|(path, node)| left_out(node) || is_packed(path, node, wanted(path))) {
        return tree.clone();
    }
    let mut out = Tree::default();
    for (path, node) in tree.shared().filter(|(_, node)| !node.implied && !left_out(node)) {
        let (path, node) = match packed(path, node, wanted(path)) {
            Ok(Some((path, node))) => (path, node.into()),
            Ok(None) => (path.clone(), node.clone()),
            Err(error) => {
                found.error(error);
                continue;
            }
        };
        if let Err(twice) = out.insert(path, node) {
            found.error(duplicate(&twice));
        }
    }
    out
}

/// A man page or info file, or another document if `wanted`, packed by `gzip -9n` (Debian policy 12.1,
/// 12.2; rpm's `brp-compress`); a link to one gets the suffix, too. Nothing for everything else.
fn packed(
    path: &InstallPath,
    node: &Node,
    wanted: bool,
) -> Result<Option<(InstallPath, Node)>, Diagnostic> {
    if !is_packed(path, node, wanted) {
        return Ok(None);
    }
    let kind = match &node.kind {
        Kind::File(blob) => Kind::File(Blob::from_bytes(gzip(&content(blob, node)?))),
        Kind::Symlink(target) => Kind::Symlink(format!("{target}.gz")),
        Kind::Dir | Kind::Ghost => return Ok(None),
    };
    let path = InstallPath::parse(&format!("{path}.gz"))
        .map_err(|why| Diagnostic::usage("path.invalid", why.to_string()))?;
    Ok(Some((path, Node { kind, ..node.clone() })))
}

/// Whether [`packed`] gives something for it.
fn is_packed(path: &InstallPath, node: &Node, wanted: bool) -> bool {
    let ends_in =
        |suffix: &str| Path::new(path.file_name()).extension().is_some_and(|e| e == suffix);
    let in_section = || path.parent().is_some_and(|dir| dir.file_name().starts_with("man"));
    let wanted = wanted
        || path.starts_with("usr/share/man") && in_section()
        || path.starts_with("usr/share/info") && ends_in("info");
    wanted && !ends_in("gz") && matches!(node.kind, Kind::File(_) | Kind::Symlink(_))
}

/// `gzip -9n`: no name, no time; byte 9, the system, says "unknown".
pub(super) fn gzip(content: &[u8]) -> Vec<u8> {
    let mut packer = GzBuilder::new().mtime(0).write(Vec::new(), Compression::best());
    packer.write_all(content).expect("memory takes everything");
    packer.finish().expect("memory takes everything")
}

/// Words filled into lines of at most `width` characters, each line ended. A word that begins with a
/// full stop never begins a line: dpkg keeps such lines for itself.
pub(super) fn wrap(text: &str, width: usize, first: &str, rest: &str) -> String {
    let mut out = String::new();
    let mut line = first.to_owned();
    let mut empty = true;
    for word in text.split_whitespace() {
        let fits = line.chars().count() + 1 + word.chars().count() <= width;
        if !empty && !fits && !word.starts_with('.') {
            out = out + &line + "\n";
            (line, empty) = (rest.to_owned(), true);
        }
        if !empty {
            line.push(' ');
        }
        line.push_str(word);
        empty = false;
    }
    out + &line + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::Mode;

    fn packed_path(path: &str, node: &Node) -> Option<String> {
        let packed = packed(&InstallPath::parse(path).unwrap(), node, false).unwrap();
        packed.map(|(path, _)| path.to_string())
    }

    #[test]
    fn man_pages_and_links_to_them_are_packed_once() {
        let file = Node::file(Blob::from_bytes(".TH X 1\n"), Mode(0o644));
        let page = |path| packed_path(path, &file);
        assert_eq!(page("usr/share/man/man1/x.1"), Some("usr/share/man/man1/x.1.gz".into()));
        assert_eq!(page("usr/share/man/de/man1/x.1.gz"), None);
        assert_eq!(page("usr/share/doc/x/NEWS"), None);
        let link = packed_path("usr/share/man/man1/y.1", &Node::symlink("x.1"));
        assert_eq!(link, Some("usr/share/man/man1/y.1.gz".into()));
    }

    #[test]
    fn a_line_of_a_description_never_begins_with_a_full_stop() {
        assert!(!wrap(&"x .y ".repeat(60), 40, " ", " ").contains("\n ."));
    }
}
