//! One package in the three indexes.

use std::cmp::Ordering;

use super::xml::{Child, Writer};
use crate::{
    digest::{Digest, Sha256Digest},
    format::rpm::version,
    publish::Place,
};

/// A version of a package, as the indexes have it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// `name`.
    pub name: String,
    /// `arch`.
    pub arch: String,
    /// `epoch`, 0 if there is none.
    pub epoch: String,
    /// `ver`.
    pub version: String,
    /// `rel`.
    pub release: String,
    /// Digest of the file.
    pub sha256: Option<Sha256Digest>,
    /// Where the file is.
    pub place: Option<Place>,
    /// Length of the file, in bytes.
    pub len: u64,
    /// When it was built, seconds since 1970.
    pub built: u64,
    /// Its element in each index, from `<package` to `</package>`.
    pub xml: [String; 3],
}

/// The indexes, in the order of [`Entry::xml`].
pub(super) const INDEXES: [&str; 3] = ["primary", "filelists", "other"];

impl Entry {
    /// From its element in primary.xml. The error is the reason.
    pub(super) fn parse(package: &Child<'_>) -> Result<Self, String> {
        let text = |name: &str| {
            let text = package.inner(name).map(|inner| inner.text.trim());
            text.filter(|text| !text.is_empty()).ok_or_else(|| format!("a package has no <{name}>"))
        };
        let name = text("name")?.to_owned();
        let attribute = |element: &str, key: &str| {
            let value = package.inner(element).and_then(|inner| inner.attribute(key));
            value.ok_or_else(|| format!("package `{name}` has no {key} in <{element}>"))
        };
        let bad = |what: &str| format!("{what} of package `{name}` is malformed");
        if attribute("checksum", "type")? != "sha256" {
            return Err(bad("checksum"));
        }
        let place = attribute("location", "href")?;
        let place = Place::parse(&unescaped(place).ok_or_else(|| bad("location"))?)?;
        let entry = Self {
            arch: text("arch")?.to_owned(),
            epoch: attribute("version", "epoch")?.to_owned(),
            version: attribute("version", "ver")?.to_owned(),
            release: attribute("version", "rel")?.to_owned(),
            sha256: Some(Digest::parse(text("checksum")?).ok_or_else(|| bad("checksum"))?),
            place: Some(place),
            len: attribute("size", "package")?.parse().map_err(|_| bad("size"))?,
            built: attribute("time", "build").unwrap_or("0").parse().map_err(|_| bad("time"))?,
            xml: [package.raw.to_owned(), String::new(), String::new()],
            name: name.clone(),
        };
        let words = [&entry.name, &entry.arch, &entry.epoch, &entry.version, &entry.release];
        if words.into_iter().all(|word| is_word(word)) { Ok(entry) } else { Err(bad("a field")) }
    }

    /// `hello 0:1.0-1 noarch`; without an epoch of 0.
    pub fn id(&self) -> String {
        format!("{} {} {}", self.name, self.evr(), self.arch)
    }

    /// `[E:]V-R`.
    pub fn evr(&self) -> String {
        let Self { epoch, version, release, .. } = self;
        match epoch.as_str() {
            "0" => format!("{version}-{release}"),
            epoch => format!("{epoch}:{version}-{release}"),
        }
    }

    /// Where the file is.
    pub(super) fn place(&self) -> &Place {
        self.place.as_ref().expect("every entry that was made has a place")
    }

    /// Digest of the file.
    pub(super) fn sha256(&self) -> &Sha256Digest {
        self.sha256.as_ref().expect("every entry that was made has a digest")
    }

    /// What rpm calls the same package.
    pub(super) fn is_version_of(&self, other: &Self) -> bool {
        let same = version::compare(&self.evr(), &other.evr()) == Ordering::Equal;
        self.name == other.name && self.arch == other.arch && same
    }

    /// An element that the lists of files and changes begin with.
    pub(super) fn open(&self, xml: &mut Writer) {
        let pkgid = self.sha256().to_string();
        xml.open("package", &[("pkgid", &pkgid), ("name", &self.name), ("arch", &self.arch)]);
        self.version_in(xml);
    }

    /// `<version epoch="0" ver="1.0" rel="1"/>`
    pub(super) fn version_in(&self, xml: &mut Writer) {
        let Self { epoch, version, release, .. } = self;
        xml.empty("version", &[("epoch", epoch), ("ver", version), ("rel", release)]);
    }
}

/// By name, version, architecture.
pub(super) fn order(a: &Entry, b: &Entry) -> Ordering {
    a.name
        .cmp(&b.name)
        .then_with(|| version::compare(&a.evr(), &b.evr()))
        .then_with(|| a.arch.cmp(&b.arch))
        .then_with(|| a.place.cmp(&b.place))
}

/// What names, versions and architectures are made of; they are parts of file names.
pub(super) fn is_word(text: &str) -> bool {
    let fits = |b: u8| b.is_ascii_alphanumeric() || b"._+-~^".contains(&b);
    !text.is_empty() && text.len() <= 200 && text.bytes().all(fits) && !text.starts_with('.')
}

/// A path as a relative URL. What curl and web servers take as it is stays: `~`, `+`, `^`.
pub(super) fn escaped(path: &str) -> String {
    let plain = |b: u8| b.is_ascii_graphic() && !b"%\"#?<>`{}|\\".contains(&b);
    let escape = |b: u8| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") };
    path.bytes().map(escape).collect()
}

/// The inverse of [`escaped`].
pub(super) fn unescaped(url: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(url.len());
    let mut rest = url.as_bytes();
    while let Some((first, more)) = rest.split_first() {
        let digits = more.get(..2).filter(|_| *first == b'%').and_then(|d| str::from_utf8(d).ok());
        let value = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(value.unwrap_or(*first));
        rest = if value.is_some() { &more[2..] } else { more };
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_come_back_from_urls() {
        for path in ["packages/a-1.0~rc1+b^2-1.noarch.rpm", "a b/ü#?.rpm", "50%.rpm"] {
            assert_eq!(unescaped(&escaped(path)).as_deref(), Some(path));
        }
        assert_eq!(escaped("a b~c"), "a%20b~c");
        // createrepo_c writes paths as they are
        assert_eq!(unescaped("100%-x").as_deref(), Some("100%-x"));
    }

    #[test]
    fn words_cannot_leave_a_folder() {
        assert!(is_word("1.0~rc1^git+2") && !is_word("../x") && !is_word("a/b") && !is_word(""));
    }
}
