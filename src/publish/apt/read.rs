//! A suite as it is there: its Release, who signed it, its indexes, every digest compared.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::Path,
};

use super::{
    entry::Entry,
    paragraph,
    release::{Listed, Release, by_hash},
};
use crate::{
    codec::Codec,
    container::ReadError,
    diagnostic::Diagnostic,
    digest::{Sha256Digest, sha256},
    publish::{
        failed,
        key::{self, Trust},
        pack,
        place::{Place, is_word},
    },
};

/// Component and architecture of an index.
pub(super) type Which = (String, String);

/// A suite as it is there.
#[derive(Debug, Default)]
pub(super) struct Suite {
    /// The name of its folder.
    pub(super) name: String,
    /// Release, as it was signed.
    pub(super) release: Release,
    /// Its text.
    pub(super) text: String,
    /// Who signed it.
    pub(super) signed: Option<String>,
    /// The packages of each index.
    pub(super) indexes: BTreeMap<Which, Vec<Entry>>,
    /// What is wrong.
    pub(super) problems: Vec<String>,
    /// What is unusual.
    pub(super) notes: Vec<String>,
}

/// Files that an interrupted update left newer than the signed top file, and their digests.
pub(super) type Pending = BTreeMap<String, String>;

/// The names of all suites.
pub(super) fn suites(dir: &Path) -> Result<Vec<String>, Diagnostic> {
    let folder = dir.join("dists");
    let mut names = BTreeSet::new();
    let entries = match fs::read_dir(&folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(|error| failed("repo.unreadable", &folder, &error))?,
    };
    for entry in entries {
        let entry = entry.map_err(|error| failed("repo.unreadable", &folder, &error))?;
        let is_suite = ["InRelease", "Release"].iter().any(|top| entry.path().join(top).exists());
        if let (true, Ok(name)) = (is_suite, entry.file_name().into_string()) {
            names.insert(name);
        }
    }
    Ok(names.into_iter().collect())
}

/// Reads a suite; `None` if it is not there.
pub(super) fn suite(
    dir: &Path,
    name: &str,
    trust: Trust<'_>,
    pending: &Pending,
) -> Result<Option<Suite>, Diagnostic> {
    let mut suite = Suite { name: name.to_owned(), ..Suite::default() };
    if !is_word(name) {
        let text = format!("`{}` is no name of a suite", name.escape_debug());
        return Err(Diagnostic::failed("repo.malformed", text));
    }
    let top = Top::read(&dir.join("dists").join(name))?;
    if !suite.top(&top, trust, pending) {
        return Ok(None);
    }
    match Release::parse(suite.text.as_bytes()) {
        Ok(release) => suite.release = release,
        Err(why) => suite.problems.push(format!("{}: {why}", suite.at("Release"))),
    }
    suite.names();
    suite.files(dir, pending);
    Ok(Some(suite))
}

/// The files that say what a suite is.
struct Top {
    in_release: Option<Vec<u8>>,
    release: Option<Vec<u8>>,
    signature: Option<Vec<u8>>,
}

impl Top {
    fn read(folder: &Path) -> Result<Self, Diagnostic> {
        let read = |name: &str| {
            let path = folder.join(name);
            match pack::small(&path) {
                Ok(bytes) => Ok(Some(bytes)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
                Err(error) => Err(failed("repo.unreadable", &path, &error)),
            }
        };
        Ok(Self {
            in_release: read("InRelease")?,
            release: read("Release")?,
            signature: read("Release.gpg")?,
        })
    }
}

impl Suite {
    /// `dists/stable/Release`.
    pub(super) fn at(&self, path: impl std::fmt::Display) -> String {
        format!("dists/{}/{path}", self.name)
    }

    /// What is an interrupted update's doing is no problem.
    fn differs(
        &mut self,
        path: &str,
        found: &[u8],
        pending: &Pending,
        why: impl std::fmt::Display,
    ) {
        let path = self.at(path);
        if pending.get(&path).is_some_and(|digest| *digest == sha256(found).to_string()) {
            self.notes.push(format!(
                "{path} is newer than InRelease: an update was interrupted; run it again"
            ));
        } else {
            self.problems.push(format!("{path}: {why}"));
        }
    }

    /// Finds the text of Release and who signed it. Whether there is one.
    fn top(&mut self, top: &Top, trust: Trust<'_>, pending: &Pending) -> bool {
        match (&top.in_release, &top.release) {
            (None, None) => return false,
            (Some(in_release), _) => self.in_release(in_release, trust),
            (None, Some(release)) => self.text = String::from_utf8_lossy(release).into_owned(),
        }
        if let (Some(release), Some(_)) = (&top.release, &top.in_release)
            && release.trim_ascii_end() != self.text.as_bytes().trim_ascii_end()
        {
            self.differs("Release", release, pending, "it is not what InRelease says");
        }
        if let (Some(release), Some(signature)) = (&top.release, &top.signature) {
            match key::check_detached(trust, release, signature) {
                Ok(by) if top.in_release.is_none() => self.signed = by,
                Ok(_) => {}
                Err(why) => {
                    // either of the two may be the newer one
                    let newer = pending.contains_key(&self.at("Release"));
                    let found = if newer { release } else { signature };
                    let path = if newer { "Release" } else { "Release.gpg" };
                    self.differs(path, found, pending, format!("{why} (Release.gpg)"));
                }
            }
        }
        if trust.is_key() && top.in_release.is_none() && top.signature.is_none() {
            let path = self.at("Release");
            self.problems.push(format!("{path} is not signed"));
        }
        true
    }

    fn in_release(&mut self, bytes: &[u8], trust: Trust<'_>) {
        let text = String::from_utf8_lossy(bytes);
        match key::check_clearsigned(trust, &text) {
            Ok((text, by)) => (self.text, self.signed) = (text, by),
            Err(why) => {
                let path = self.at("InRelease");
                self.problems.push(format!("{path}: {why}"));
                // for what else there is to be said
                self.text = key::cleartext(&text).unwrap_or_default();
            }
        }
    }

    /// apt warns when a suite is called otherwise than its folder, and refuses dates to come.
    fn names(&mut self) {
        let names = ["Suite", "Codename"].map(|field| self.release.fields.get(field));
        if names.iter().any(Option::is_some) && !names.contains(&Some(self.name.as_str())) {
            let path = self.at("Release");
            self.problems.push(format!("{path}: neither Suite nor Codename is `{}`", self.name));
        }
        if self.release.date().is_none() {
            let path = self.at("Release");
            self.problems.push(format!("{path}: it has no readable Date"));
        }
    }

    /// Compares every file that Release lists, and reads the indexes.
    fn files(&mut self, dir: &Path, pending: &Pending) {
        let files = std::mem::take(&mut self.release.files);
        let folder = dir.join("dists").join(&self.name);
        let mut plain: BTreeMap<Which, Sha256Digest> = BTreeMap::new();
        let mut wanted: BTreeSet<Which> = BTreeSet::new();
        for (path, listed) in &files {
            let index = index(path);
            if let Some((which, Codec::None)) = &index {
                plain.insert(which.clone(), listed.sha256);
            }
            wanted.extend(index.map(|(which, _)| which));
        }
        for (path, listed) in &files {
            let Some(place) = self.listed(&folder, path, *listed, pending) else { continue };
            let Some((which, codec)) = index(path) else { continue };
            if let Err(why) = self.index(&folder, &place, *listed, &which, codec, &plain) {
                let path = self.at(path);
                self.problems.push(format!("{path}: {why}"));
            }
        }
        for which in wanted.difference(&self.indexes.keys().cloned().collect()) {
            let path = self.at(format!("{}/binary-{}/Packages", which.0, which.1));
            self.problems.push(format!("{path}: no copy of it is what Release says"));
        }
        self.release.files = files;
    }

    /// Where a listed file is good: under its digest, or its name. Says what is not.
    fn listed(
        &mut self,
        folder: &Path,
        path: &Place,
        listed: Listed,
        pending: &Pending,
    ) -> Option<Place> {
        let Listed { len, sha256 } = listed;
        let hashed = self.release_by_hash().then(|| by_hash(path, &sha256));
        let mut good = None;
        for place in hashed.iter().chain([path]) {
            match pack::exact(&place.below(folder), len, &sha256) {
                Ok(_) => good = good.or_else(|| Some(place.clone())),
                Err(ReadError::Io(error)) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => {
                    let found = pack::small(&place.below(folder)).unwrap_or_default();
                    self.differs(place.as_str(), &found, pending, reason(&error));
                }
            }
        }
        good
    }

    fn release_by_hash(&self) -> bool {
        self.release.by_hash()
    }

    /// Reads the packages of an index; another packing of one that was read must say the same.
    fn index(
        &mut self,
        folder: &Path,
        place: &Place,
        listed: Listed,
        which: &Which,
        codec: Codec,
        plain: &BTreeMap<Which, Sha256Digest>,
    ) -> Result<(), String> {
        let text = pack::unpacked(&place.below(folder), codec, listed.len, &listed.sha256)
            .map_err(|error| reason(&error))?;
        if plain.get(which).is_some_and(|digest| *digest != sha256(&text)) {
            return Err("unpacked, it is not the Packages that Release lists".into());
        }
        if !self.indexes.contains_key(which) {
            let all = paragraph::parse(&text)?.into_iter().map(Entry::parse);
            self.indexes.insert(which.clone(), all.collect::<Result<_, _>>()?);
        }
        Ok(())
    }
}

/// The deepest reason alone: what file it is is said already.
fn reason(error: &ReadError) -> String {
    std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string)
}

/// `main/binary-amd64/Packages.xz`
pub(super) fn index(path: &Place) -> Option<(Which, Codec)> {
    let (folder, name) = path.as_str().rsplit_once('/')?;
    let (component, architecture) = folder.rsplit_once("/binary-")?;
    let ending = name.strip_prefix("Packages")?;
    let codec = Codec::ALL.into_iter().find(|codec| pack::ending(*codec) == ending)?;
    let words = is_word(architecture) && component.split('/').all(is_word);
    words.then(|| ((component.to_owned(), architecture.to_owned()), codec))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_is_known_by_its_path() {
        let index = |path| index(&Place::parse(path).unwrap());
        let which = |component: &str| (component.to_owned(), "amd64".to_owned());
        assert_eq!(index("main/binary-amd64/Packages.xz"), Some((which("main"), Codec::Xz)));
        assert_eq!(index("a/b/binary-amd64/Packages"), Some((which("a/b"), Codec::None)));
        for other in ["main/source/Sources.xz", "main/i18n/Translation-en", "binary-amd64/Packages"]
        {
            assert_eq!(index(other), None, "{other}");
        }
    }
}
