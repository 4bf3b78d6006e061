//! Artifacts as parts of a size that can be uploaded, and a script that joins them.

use std::{fs, path::Path};

use serde::Serialize;

use crate::{
    diagnostic::Diagnostic,
    digest::{Sha256Digest, sha256},
    splice::{self, MAX_PARTS, Part, part_name},
    template,
};

const JOIN: &str = include_str!("../../templates/archive/join.sh");

/// A file of a set: its name, its length in bytes and its digest.
pub(super) type Named = (String, u64, Sha256Digest);

#[derive(Serialize)]
struct Script {
    comment: String,
    called: String,
    name: String,
    size: u64,
    sum: String,
    parts: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    name: String,
    size: u64,
    sum: String,
}

/// More parts than three digits can count are refused.
pub(super) fn check(name: &str, len: u64, size: u64) -> Result<(), Diagnostic> {
    let count = len.div_ceil(size);
    if count <= MAX_PARTS.into() {
        return Ok(());
    }
    let text = format!("`{name}` would be {count} parts, and there can be at most {MAX_PARTS}");
    let hint =
        format!("[archive] split = \"{}MiB\" or more", len.div_ceil(u64::from(MAX_PARTS) << 20));
    Err(Diagnostic::cannot("limit.parts", text).hint(hint))
}

/// Gives the parts of a file and their joiner their names. Parts of an earlier set that was longer
/// belong to nothing any more.
pub(super) fn publish(
    dir: &Path,
    name: &str,
    (len, sum): (u64, Sha256Digest),
    parts: Vec<Part>,
) -> Result<Vec<Named>, Diagnostic> {
    let mut named: Vec<Named> = Vec::new();
    for (number, part) in (1..).zip(parts) {
        let name = part_name(name, number);
        part.draft.publish(&dir.join(&name))?;
        named.push((name, part.len, part.sha256));
    }
    let numbers = (1..=MAX_PARTS).skip(named.len());
    let later = numbers.map(|number| dir.join(part_name(name, number)));
    for stale in later.take_while(|stale| stale.is_file()) {
        fs::remove_file(&stale).map_err(|error| {
            let text = format!("cannot remove `{}` of an earlier build", stale.display());
            Diagnostic::failed("write.failed", text).caused_by(&error)
        })?;
    }
    let script = script(name, len, sum, &named);
    let joiner = format!("{name}.join.sh");
    let draft = splice::Draft::of(dir, script.as_bytes())?;
    draft.publish(&dir.join(&joiner))?;
    named.push((joiner, script.len() as u64, sha256(script.as_bytes())));
    Ok(named)
}

/// The text of the joiner.
fn script(name: &str, size: u64, sum: Sha256Digest, parts: &[Named]) -> String {
    // Names of files have no line breaks.
    let row = |(name, size, sum): &Named| Row {
        name: template::shell(name),
        size: *size,
        sum: sum.to_string(),
    };
    let values = Script {
        comment: name.to_owned(),
        called: template::shell(&format!("{name}.join.sh")),
        name: template::shell(name),
        size,
        sum: sum.to_string(),
        parts: parts.iter().map(row).collect(),
    };
    template::render(JOIN, &values)
}
