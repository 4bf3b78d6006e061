//! What rpm refuses, checked before a byte is written.

use super::{files::Files, header::MAX_DATA};
use crate::{
    diagnostic::{Diagnostic, Diagnostics},
    package::Package,
    tree::Node,
};

/// Longest path component, in bytes: rpm unpacks to `NAME;1234abcd` (246 works, 247 does not with
/// rpm 4.18).
const MAX_COMPONENT: usize = 246;

/// Checks what is in a package.
pub(super) fn check(package: &Package, files: &Files<'_>, found: &mut Diagnostics) {
    for file in files.iter() {
        let mut parts = file.path.as_str().split('/');
        if let Some(part) = parts.find(|part| part.len() > MAX_COMPONENT) {
            found.error(long_name(part, file.node));
        }
    }
    let described = files.described();
    if described > MAX_DATA {
        let text = format!(
            "the list of files takes {described} bytes, but an rpm header holds at most {MAX_DATA}"
        );
        found.error(Diagnostic::cannot("limit.rpm-header", text));
    }
    if let Err(error) = super::time(package) {
        found.error(error);
    }
}

fn long_name(part: &str, node: &Node) -> Diagnostic {
    let text =
        format!("a name has {} bytes, but rpm can unpack at most {MAX_COMPONENT}", part.len());
    Diagnostic::cannot("limit.rpm-name", text).at(node.place.clone()).label(part.to_owned())
}
