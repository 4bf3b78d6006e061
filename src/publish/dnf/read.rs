//! A repository as it is there: repomd.xml, who signed it, its indexes, every digest compared.

use std::{collections::HashMap, io, path::Path};

use super::{
    entry::Entry,
    repomd::{Data, Repomd},
    xml,
};
use crate::{
    container::ReadError,
    diagnostic::Diagnostic,
    digest::sha256,
    publish::{
        Place, failed,
        key::{self, Trust},
        pack,
    },
};

/// Most packages of one repository.
const MAX_PACKAGES: usize = 1 << 20;

/// The namespaces that elements are kept with, as they are written.
const RPM: &str = "xmlns:rpm=\"http://linux.duke.edu/metadata/rpm\"";

/// A repository as it is there.
#[derive(Debug, Default)]
pub(super) struct Repository {
    pub(super) repomd: Repomd,
    /// The text of repomd.xml.
    pub(super) text: String,
    /// repomd.xml.asc.
    pub(super) signature: Option<Vec<u8>>,
    /// Who signed it.
    pub(super) signed: Option<String>,
    /// The elements cannot be copied into a document of ours.
    pub(super) foreign: bool,
    /// All packages.
    pub(super) entries: Vec<Entry>,
    pub(super) problems: Vec<String>,
    pub(super) notes: Vec<String>,
}

/// Reads a repository; `None` if it is not there.
pub(super) fn repository(dir: &Path, trust: Trust<'_>) -> Result<Option<Repository>, Diagnostic> {
    let read = |name: &str| {
        let path = dir.join("repodata").join(name);
        match pack::small(&path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed("repo.unreadable", &path, &error)),
        }
    };
    let Some(bytes) = read("repomd.xml")? else { return Ok(None) };
    let mut repository = Repository {
        text: String::from_utf8_lossy(&bytes).into_owned(),
        signature: read("repomd.xml.asc")?,
        ..Repository::default()
    };
    repository.signature(&bytes, trust);
    match Repomd::parse(&bytes) {
        Ok(repomd) => repository.repomd = repomd,
        Err(why) => repository.problems.push(format!("repodata/repomd.xml: {why}")),
    }
    repository.indexes(dir);
    Ok(Some(repository))
}

impl Repository {
    fn signature(&mut self, bytes: &[u8], trust: Trust<'_>) {
        match &self.signature {
            Some(signature) => match key::check_detached(trust, bytes, signature) {
                Ok(by) => self.signed = by,
                Err(why) => self.problems.push(format!("repodata/repomd.xml: {why}")),
            },
            None if trust.is_key() => {
                self.problems.push("repodata/repomd.xml is not signed".into());
            }
            None => {}
        }
    }

    /// Compares every index with repomd.xml, and reads the three that are about packages.
    fn indexes(&mut self, dir: &Path) {
        let data = std::mem::take(&mut self.repomd.data);
        for index in &data {
            if let Err(why) = self.index(dir, index) {
                self.problems.push(format!("{}: {why}", index.place));
            }
        }
        if !data.iter().any(|index| index.kind == "primary") {
            self.problems.push("repodata/repomd.xml lists no primary.xml".into());
        }
        self.repomd.data = data;
    }

    fn index(&mut self, dir: &Path, data: &Data) -> Result<(), String> {
        let packed = pack::exact(&data.place.below(dir), data.len, &data.sha256)
            .map_err(|error| reason(&error))?;
        let Some(codec) = data.codec() else { return Ok(()) };
        let plain = pack::plain(&packed, codec).map_err(|error| error.to_string())?;
        if data.plain.is_some_and(|digest| digest != sha256(&plain)) {
            return Err("unpacked, it is not what open-checksum says".into());
        }
        let text = str::from_utf8(&plain).map_err(|_| "it is not UTF-8")?;
        match data.kind.as_str() {
            "primary" => self.primary(text),
            "filelists" => self.more(text, "filelists", 1),
            "other" => self.more(text, "otherdata", 2),
            _ => Ok(()),
        }
    }

    fn primary(&mut self, text: &str) -> Result<(), String> {
        self.entries = primary(text)?;
        self.foreign = !text.contains(RPM);
        Ok(())
    }

    /// Adds the elements of another index to their packages.
    fn more(&mut self, text: &str, root: &str, at: usize) -> Result<(), String> {
        let mut all = elements(text, root)?;
        let mut missing = 0;
        for entry in &mut self.entries {
            match all.remove(entry.sha256().to_string().as_str()) {
                Some(raw) => raw.clone_into(&mut entry.xml[at]),
                None => missing += 1,
            }
        }
        match (missing, all.len()) {
            (0, 0) => Ok(()),
            (missing, 0) => Err(format!("{missing} packages of primary.xml are not in it")),
            (_, more) => Err(format!("it has {more} packages that primary.xml has not")),
        }
    }
}

/// Reads primary.xml. The error is the reason.
pub fn primary(text: &str) -> Result<Vec<Entry>, String> {
    let mut all = Vec::new();
    xml::children(text, "metadata", |child| {
        if child.name == "package" && child.attribute("type") == Some("rpm") {
            if all.len() >= MAX_PACKAGES {
                return Err(format!("it has more than {MAX_PACKAGES} packages"));
            }
            all.push(Entry::parse(&child)?);
        }
        Ok(())
    })?;
    Ok(all)
}

/// Elements of filelists.xml or other.xml by `pkgid`. The error is the reason.
pub fn elements<'a>(text: &'a str, root: &str) -> Result<HashMap<String, &'a str>, String> {
    let mut all = HashMap::new();
    xml::children(text, root, |child| {
        if child.name == "package" {
            let pkgid = child.attribute("pkgid").ok_or("a package has no pkgid")?;
            if all.len() >= MAX_PACKAGES {
                return Err(format!("it has more than {MAX_PACKAGES} packages"));
            }
            all.insert(pkgid.to_owned(), child.raw);
        }
        Ok(())
    })?;
    Ok(all)
}

/// The deepest reason alone: what file it is is said already.
fn reason(error: &ReadError) -> String {
    std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string)
}

/// Whether a file of `repodata/` is named by its digest, as indexes are.
pub(super) fn is_index(place: &Place) -> bool {
    let name = place.file_name().split_once('-');
    name.is_some_and(|(sum, _)| sum.len() == 64 && sum.bytes().all(|b| b.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRIMARY: &str = r#"<metadata xmlns="http://linux.duke.edu/metadata/common" packages="1">
<package type="rpm"><name>a</name><arch>noarch</arch><version epoch="0" ver="1" rel="1"/>
<checksum type="sha256" pkgid="YES">e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855</checksum>
<time file="1" build="2"/><size package="3" installed="4" archive="5"/><location href="packages/a.rpm"/></package></metadata>"#;

    #[test]
    fn a_package_is_read_with_its_element() {
        let all = primary(PRIMARY).unwrap();
        assert_eq!((all[0].id().as_str(), all[0].len, all[0].built), ("a 1-1 noarch", 3, 2));
        assert!(all[0].xml[0].starts_with("<package ") && all[0].xml[0].ends_with("</package>"));
    }

    #[test]
    fn packages_elsewhere_or_with_odd_names_are_refused() {
        let with = |from: &str, to: &str| primary(&PRIMARY.replace(from, to)).unwrap_err();
        assert!(with("packages/a.rpm", "../a.rpm").contains("no path inside"));
        assert!(with("packages/a.rpm", "packages/%2e%2e/a.rpm").contains("no path inside"));
        assert!(with("<name>a<", "<name>../a<").contains("malformed"));
        assert!(with("type=\"sha256\"", "type=\"sha\"").contains("checksum"));
        assert!(with("<arch>noarch</arch>", "").contains("no <arch>"));
    }

    #[test]
    fn an_index_is_named_by_its_digest() {
        let index = |name: &str| is_index(&Place::parse(&format!("repodata/{name}")).unwrap());
        assert!(index(&format!("{}-primary.xml.gz", "a".repeat(64))));
        assert!(!index("repomd.xml") && !index("comps-x.xml") && !index("primary.xml.gz"));
    }
}
