//! One package in `Packages`.

use std::cmp::Ordering;

use super::paragraph::Paragraph;
use crate::{
    digest::{Digest, Sha256Digest},
    format::deb::version,
    publish::place::{Place, is_word},
};

/// A version of a package, as the index has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The control fields, and where the file is.
    pub fields: Paragraph,
    /// `Package`.
    pub name: String,
    /// `Version`.
    pub version: String,
    /// `Architecture`.
    pub architecture: String,
    /// `Filename`.
    pub path: Place,
    /// `Size`, in bytes.
    pub len: u64,
    /// `SHA256`.
    pub sha256: Sha256Digest,
}

/// Fields that belong to the index; a package that has them itself does not decide them.
const OF_THE_INDEX: [&str; 8] =
    ["Filename", "Size", "SHA256", "SHA512", "SHA1", "MD5sum", "MD5Sum", "Description-md5"];

impl Entry {
    /// A paragraph of `Packages`. The error is the reason.
    pub fn parse(fields: Paragraph) -> Result<Self, String> {
        let name = fields.get("Package").unwrap_or_default().to_owned();
        let field = |field: &str| {
            let value = fields.get(field).filter(|value| !value.is_empty());
            value.ok_or_else(|| format!("package `{name}` has no `{field}`"))
        };
        let bad = |field: &str| format!("`{field}` of package `{name}` is malformed");
        let path =
            Place::parse(field("Filename")?).map_err(|why| format!("package `{name}`: {why}"))?;
        let len = field("Size")?.parse().map_err(|_| bad("Size"))?;
        let sha256 = Digest::parse(field("SHA256")?).ok_or_else(|| bad("SHA256"))?;
        let (version, architecture) =
            (field("Version")?.to_owned(), field("Architecture")?.to_owned());
        if !is_word(&name) || !is_word(&architecture) || version.contains(char::is_whitespace) {
            return Err(format!("package `{}` is malformed", name.escape_debug()));
        }
        Ok(Self { fields, name, version, architecture, path, len, sha256 })
    }

    /// Of a package's control fields, which were checked.
    pub(super) fn new(
        control: &[(String, String)],
        component: &str,
        len: u64,
        sha256: Sha256Digest,
    ) -> Result<Self, String> {
        let mut fields = Paragraph::new(control.to_vec());
        for field in OF_THE_INDEX {
            fields.remove(field);
        }
        let value = |field: &str| fields.get(field).unwrap_or_default();
        let (name, version, architecture) =
            (value("Package"), value("Version"), value("Architecture"));
        let path = pool(component, name, version, architecture);
        for (field, value) in
            [("Filename", path), ("Size", len.to_string()), ("SHA256", sha256.to_string())]
        {
            fields.insert_before("Description", field, value);
        }
        Self::parse(fields)
    }

    /// `hello 1.0 all`.
    pub fn id(&self) -> String {
        format!("{} {} {}", self.name, self.version, self.architecture)
    }

    /// It is what dpkg calls the same package: one architecture, or one that is for all of them.
    pub(super) fn is_version_of(&self, other: &Self) -> bool {
        let (one, two) = (&self.architecture, &other.architecture);
        self.name == other.name
            && version::compare(&self.version, &other.version) == Ordering::Equal
            && (one == two || one == "all" || two == "all")
    }
}

/// `pool/main/h/hello/hello_1.0_all.deb`: an epoch is not part of a file name.
fn pool(component: &str, name: &str, version: &str, architecture: &str) -> String {
    let letters = if name.starts_with("lib") && name.len() > 3 { 4 } else { 1 };
    let letters: String = name.chars().take(letters).collect();
    let version = version.split_once(':').map_or(version, |(_, version)| version);
    format!("pool/{component}/{letters}/{name}/{name}_{version}_{architecture}.deb")
}

/// By name, version, architecture.
pub(super) fn order(a: &Entry, b: &Entry) -> Ordering {
    a.name
        .cmp(&b.name)
        .then_with(|| version::compare(&a.version, &b.version))
        .then_with(|| a.version.cmp(&b.version))
        .then_with(|| a.architecture.cmp(&b.architecture))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::digest::sha256;

    pub(in super::super) fn entry(name: &str, version: &str, architecture: &str) -> Entry {
        let control = [("Package", name), ("Version", version), ("Architecture", architecture)];
        let mut fields = control.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        fields.push(("Filename".into(), "../../etc/passwd".into()));
        fields.push(("Description".into(), "what it is\n at length".into()));
        Entry::new(&fields, "main", 3, sha256(version.as_bytes())).unwrap()
    }

    #[test]
    fn an_entry_is_the_control_file_and_where_the_package_is() {
        let entry = entry("libx", "1:2.0", "amd64");
        let want = format!(
            "Package: libx\nVersion: 1:2.0\nArchitecture: amd64\n\
             Filename: pool/main/libx/libx/libx_2.0_amd64.deb\nSize: 3\nSHA256: {}\n\
             Description: what it is\n at length\n",
            sha256(b"1:2.0")
        );
        assert_eq!(entry.fields.to_string(), want);
        let text = super::super::paragraph::parse(want.as_bytes()).unwrap().remove(0);
        assert_eq!(Entry::parse(text).unwrap(), entry);
    }

    #[test]
    fn entries_with_foreign_paths_or_without_a_digest_are_refused() {
        let good = entry("hello", "1.0", "all").fields;
        let with = |name: &str, value: &str| {
            let mut fields = good.clone();
            fields.set(name, value);
            Entry::parse(fields).unwrap_err()
        };
        assert!(with("Filename", "/etc/passwd").contains("no path inside"));
        assert!(with("Filename", "pool/../../x").contains("no path inside"));
        assert!(with("SHA256", "").contains("no `SHA256`"));
        assert!(with("Size", "-1").contains("malformed"));
        assert!(with("Package", "a/b").contains("malformed"));
    }

    #[test]
    fn a_package_for_all_architectures_is_the_same_as_one_for_each() {
        let (all, amd64) = (entry("x", "1.0", "all"), entry("x", "1.00", "amd64"));
        assert!(all.is_version_of(&amd64) && amd64.is_version_of(&all));
        assert!(!amd64.is_version_of(&entry("x", "1.0", "arm64")));
        assert!(!amd64.is_version_of(&entry("x", "1.1", "amd64")));
    }

    #[test]
    fn entries_are_sorted_as_dpkg_sorts_versions() {
        let mut all = [entry("b", "1.10", "all"), entry("b", "1.9", "all"), entry("a", "2", "all")];
        all.sort_by(order);
        assert_eq!(all.map(|entry| entry.version), ["2", "1.9", "1.10"]);
    }
}
