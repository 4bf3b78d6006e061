//! `Release`: what a suite is, and the digest of every index.
//!
//! Format: <https://wiki.debian.org/DebianRepository/Format>.

use std::{collections::BTreeMap, fmt, fmt::Write as _};

use super::paragraph::{self, Paragraph};
use crate::{
    digest::{Digest, Sha256Digest},
    publish::place::Place,
    resolve::rfc2822,
};

/// Most indexes of one suite.
const MAX_FILES: usize = 100_000;

/// Lists of digests that apt ignores as too weak, or that it would take by-hash paths from.
const OTHER_DIGESTS: [&str; 3] = ["MD5Sum", "SHA1", "SHA512"];

/// A Release file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Release {
    /// All but the lists of digests.
    pub fields: Paragraph,
    /// Every index, by its path in the suite's folder.
    pub files: BTreeMap<Place, Listed>,
}

/// What a list says of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Length in bytes.
    pub len: u64,
    /// Its digest.
    pub sha256: Sha256Digest,
}

impl Release {
    /// Reads the text that was signed. The error is the reason.
    pub fn parse(text: &[u8]) -> Result<Self, String> {
        let mut all = paragraph::parse(text)?.into_iter();
        let (Some(mut fields), None) = (all.next(), all.next()) else {
            return Err("it must be one paragraph".into());
        };
        let list = fields.remove("SHA256").ok_or("it has no `SHA256`")?;
        for name in OTHER_DIGESTS {
            fields.remove(name);
        }
        let mut files = BTreeMap::new();
        for line in list.lines().filter(|line| !line.trim().is_empty()) {
            let (path, listed) = listed(line)?;
            if files.len() >= MAX_FILES {
                return Err(format!("it lists more than {MAX_FILES} files"));
            }
            if files.insert(path.clone(), listed).is_some_and(|other| other != listed) {
                return Err(format!("it lists `{path}` twice"));
            }
        }
        Ok(Self { fields, files })
    }

    /// A field's words.
    pub(super) fn words(&self, name: &str) -> Vec<String> {
        let text = self.fields.get(name).unwrap_or_default();
        text.split_whitespace().map(str::to_owned).collect()
    }

    /// Seconds since 1970.
    pub(super) fn date(&self) -> Option<u64> {
        rfc2822(self.fields.get("Date")?)
    }

    /// Indexes are also there under their digests.
    pub(super) fn by_hash(&self) -> bool {
        self.fields.get("Acquire-By-Hash").is_some_and(|value| value.eq_ignore_ascii_case("yes"))
    }
}

/// ` 4404d652…  1144 main/binary-amd64/Packages`
fn listed(line: &str) -> Result<(Place, Listed), String> {
    let bad = || format!("`{}` is no line of `SHA256`", line.trim().escape_debug());
    let words: Vec<_> = line.split_whitespace().collect();
    let [digest, len, path] = words[..] else { return Err(bad()) };
    let sha256 = Digest::parse(digest).ok_or_else(bad)?;
    let len = len.parse().map_err(|_| bad())?;
    Ok((Place::parse(path)?, Listed { len, sha256 }))
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut list = String::new();
        for (path, Listed { len, sha256 }) in &self.files {
            write!(list, "\n {sha256} {len:>16} {path}")?;
        }
        writeln!(f, "{}SHA256:{list}", self.fields)
    }
}

/// Where an index is found under its digest.
pub(super) fn by_hash(path: &Place, sha256: &Sha256Digest) -> Place {
    let folder = path.as_str().rsplit_once('/').map_or(String::new(), |(dir, _)| format!("{dir}/"));
    Place::of(format!("{folder}by-hash/SHA256/{sha256}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::sha256;

    fn text() -> String {
        format!(
            "Suite: stable\nDate: Sat, 21 Nov 2026 06:38:01 UTC\nAcquire-By-Hash: yes\nSHA256:\n \
             {} {:>16} main/binary-amd64/Packages\n",
            sha256(b""),
            0
        )
    }

    #[test]
    fn a_release_comes_back_as_it_was() {
        let release = Release::parse(text().as_bytes()).unwrap();
        assert_eq!(release.to_string(), text());
        assert_eq!(release.date(), Some(1_795_243_081));
        assert!(release.by_hash());
        let (path, listed) = release.files.first_key_value().unwrap();
        let by_hash = by_hash(path, &listed.sha256).to_string();
        assert!(by_hash.starts_with("main/binary-amd64/by-hash/SHA256/e3b0c442"), "{by_hash}");
    }

    #[test]
    fn weak_digests_are_passed_over() {
        let more = text() + "MD5Sum:\n d41d8cd98f00b204e9800998ecf8427e 0 x\n";
        assert_eq!(Release::parse(more.as_bytes()), Release::parse(text().as_bytes()));
    }

    #[test]
    fn paths_out_of_the_suite_and_malformed_lines_are_refused() {
        let with =
            |line: &str| Release::parse((text() + " " + line + "\n").as_bytes()).unwrap_err();
        let digest = sha256(b"x");
        assert!(with(&format!("{digest} 1 ../../x")).contains("no path inside"));
        assert!(with(&format!("{digest} 1 /etc/passwd")).contains("no path inside"));
        assert!(with("abc 1 x").contains("no line of `SHA256`"));
        assert!(with(&format!("{digest} -1 x")).contains("no line of `SHA256`"));
        assert!(with(&format!("{digest} 1 main/binary-amd64/Packages")).contains("twice"));
        assert!(Release::parse(b"Suite: x\n").unwrap_err().contains("no `SHA256`"));
    }
}
