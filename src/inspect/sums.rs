//! `SHA256SUMS`, as sha256sum(1) writes it, for checking.

use std::{collections::BTreeMap, fs, io, path::Path};

use crate::digest::{Digest, Sha256Digest};

/// The file's name.
pub const NAME: &str = "SHA256SUMS";

/// Its signature: OpenPGP, detached, armored.
pub const SIGNATURE: &str = "SHA256SUMS.asc";

/// Names and digests of a text of lines `<64 hex digits>  NAME`; malformed lines as they are.
pub fn parse(text: &str) -> (BTreeMap<String, Sha256Digest>, Vec<&str>) {
    let (mut sums, mut malformed) = (BTreeMap::new(), Vec::new());
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        match parse_line(line) {
            Some((digest, name)) => {
                sums.insert(name.to_owned(), digest);
            }
            None => malformed.push(line),
        }
    }
    (sums, malformed)
}

fn parse_line(line: &str) -> Option<(Sha256Digest, &str)> {
    let (digest, name) = line.split_at_checked(64)?;
    let name = name.strip_prefix("  ").or_else(|| name.strip_prefix(" *"))?;
    Some((Digest::parse(digest)?, name))
}

/// What the `SHA256SUMS` beside a file says of it; `None` without one, or if it does not say.
pub fn beside(path: &Path) -> io::Result<Option<Sha256Digest>> {
    let text = match fs::read_to_string(path.with_file_name(NAME)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        text => text?,
    };
    let name = path.file_name().and_then(|name| name.to_str());
    Ok(name.and_then(|name| parse(&text).0.get(name).copied()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_of_sha256sums_markers_are_read() {
        let digest = crate::digest::sha256(b"x");
        let text = format!("{digest}  a b\n{digest} *c\n\nshort  d\n");
        let (sums, malformed) = parse(&text);
        assert_eq!(sums.keys().collect::<Vec<_>>(), ["a b", "c"]);
        assert_eq!((sums["c"], malformed), (digest, vec!["short  d"]));
    }

    #[test]
    fn the_sums_beside_a_file_say_its_digest() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a.deb");
        assert_eq!(beside(&file).unwrap(), None);
        let digest = crate::digest::sha256(b"x");
        fs::write(dir.path().join(NAME), format!("{digest}  a.deb\n")).unwrap();
        assert_eq!(beside(&file).unwrap(), Some(digest));
        assert_eq!(beside(&dir.path().join("b.deb")).unwrap(), None);
    }
}
