//! The next generation of a repository, and the steps that lead to it.

use std::{collections::BTreeSet, fs};

use super::{
    Data, Entry, KIND, New, Options, Repomd, client,
    entry::{INDEXES, order},
    read::{Repository, is_index},
    xml::DECLARATION,
};
use crate::{
    codec::Codec,
    diagnostic::{Diagnostic, Diagnostics},
    digest::sha256,
    publish::{
        self, Ask, Place, Published, pack,
        state::State,
        steps::{Copy, Steps},
    },
    sign::openpgp::Identity,
};

/// The root of each index, and its namespaces.
const ROOTS: [(&str, &str); 3] = [
    (
        "metadata",
        "xmlns=\"http://linux.duke.edu/metadata/common\" \
         xmlns:rpm=\"http://linux.duke.edu/metadata/rpm\"",
    ),
    ("filelists", "xmlns=\"http://linux.duke.edu/metadata/filelists\""),
    ("otherdata", "xmlns=\"http://linux.duke.edu/metadata/other\""),
];

/// The repository as it will be.
pub(super) struct Next<'a> {
    ask: &'a Ask<'a>,
    options: &'a Options,
    /// As it is.
    old: Option<&'a Repository>,
    entries: Vec<Entry>,
    copies: Vec<Copy>,
    state: State,
    /// Of the newest package that was added, seconds since 1970.
    newest: u64,
    published: Published,
}

impl<'a> Next<'a> {
    pub(super) fn new(
        ask: &'a Ask<'a>,
        options: &'a Options,
        old: Option<&'a Repository>,
        entries: Vec<Entry>,
        state: State,
    ) -> Self {
        let (copies, published) = (Vec::new(), Published::default());
        Self { ask, options, old, entries, copies, state, newest: 0, published }
    }

    /// Adds packages; what is there already with the same content stays.
    pub(super) fn add(&mut self, new: Vec<New>) -> Result<(), Diagnostics> {
        let mut found = Diagnostics::default();
        for new in new {
            match self.is_new(&new.entry) {
                Err(error) => found.error(error),
                Ok(false) => {}
                Ok(true) => self.take(new),
            }
        }
        if found.is_ok() { Ok(()) } else { Err(found) }
    }

    fn take(&mut self, new: New) {
        let New { entry, copy, source, found, signed } = new;
        if !signed {
            let text = format!("{} is not signed: dnf refuses it with gpgcheck=1", entry.id());
            self.published.warnings.push(Diagnostic::signing("repo.unsigned", text));
        }
        self.published.added.push(entry.id());
        self.newest = self.newest.max(entry.built);
        self.state.note(entry.place(), &source, &found);
        let there = fs::metadata(entry.place().below(self.ask.dir)).is_ok();
        self.copies.extend(copy.filter(|_| !there));
        self.entries.push(entry);
    }

    /// Whether a package is not there yet; one that is there with another content is an error:
    /// clients keep what they have.
    fn is_new(&self, entry: &Entry) -> Result<bool, Diagnostic> {
        if let Some(there) = self.entries.iter().find(|there| there.is_version_of(entry)) {
            publish::same_version(&there.id(), there.sha256(), entry.sha256())?;
            return Ok(false);
        }
        publish::may_be_at(&entry.place().below(self.ask.dir), None, entry.sha256())?;
        Ok(true)
    }

    /// Keeps the newest versions of every package.
    pub(super) fn drop_old(&mut self, keep: Option<usize>) {
        let Some(keep) = keep else { return };
        self.entries.sort_by(order);
        let (kept, dropped) = publish::newest(std::mem::take(&mut self.entries), keep, |entry| {
            (entry.name.clone(), entry.arch.clone())
        });
        self.entries = kept;
        self.published.dropped.extend(dropped.iter().map(Entry::id));
    }

    /// Describes everything that is to be done, and does it.
    pub(super) fn publish(mut self) -> Result<Published, Diagnostics> {
        self.entries.sort_by(order);
        self.published.packages = self.entries.len();
        let indexes = self.indexes();
        let repomd = self.repomd(&indexes);
        let name = self.name();
        self.state.name = Some(name.clone());
        self.published.name.clone_from(&name);
        let dir = self.ask.dir;
        let mut after = Steps::default();
        for (data, bytes) in indexes {
            after.write(dir, data.place, bytes);
        }
        self.top(&repomd, &mut after)?;
        self.client(&name, &mut after);
        self.published.changed = !after.is_empty();
        let mut before = Steps::default();
        if !self.copies.is_empty() {
            let (place, text) = self.state.file(KIND);
            before.write(dir, place, text);
        }
        self.copies.iter().cloned().for_each(|copy| before.copy(copy));
        if self.published.changed {
            self.prune(&repomd, &mut after);
        }
        let (place, text) = self.state.file(KIND);
        after.write(dir, place, text);
        let mut stop = self.ask.stop;
        before.carry_out(dir, &mut stop)?;
        after.carry_out(dir, &mut stop)?;
        Ok(self.published)
    }

    /// The three indexes, under names with their digests.
    fn indexes(&self) -> Vec<(Data, Vec<u8>)> {
        let codec = self.ask.codecs.first().copied().unwrap_or(Codec::Gzip);
        let index = |at: usize| {
            let (root, namespaces) = ROOTS[at];
            let count = self.entries.len();
            let mut text = format!("{DECLARATION}<{root} {namespaces} packages=\"{count}\">\n");
            for entry in &self.entries {
                text.push_str(entry.xml[at].trim_end());
                text.push('\n');
            }
            text.push_str("</");
            text.push_str(root);
            text.push_str(">\n");
            let (kind, packed) = (INDEXES[at], pack::pack(codec, text.as_bytes()));
            let sum = sha256(&packed);
            let name = format!("repodata/{sum}-{kind}.xml{}", pack::ending(codec));
            let data = Data {
                kind: kind.to_owned(),
                place: Place::of(name),
                len: packed.len() as u64,
                sha256: sum,
                plain: Some(sha256(text.as_bytes())),
                plain_len: Some(text.len() as u64),
                time: None,
            };
            (data, packed)
        };
        (0..INDEXES.len()).map(index).collect()
    }

    /// repomd.xml: the old date if nothing changed, else a later one.
    fn repomd(&mut self, indexes: &[(Data, Vec<u8>)]) -> Repomd {
        let ours = |data: &&Data| {
            let kind = data.kind.trim_end_matches("_db").trim_end_matches("_zck");
            !INDEXES.contains(&kind)
        };
        let others: Vec<_> =
            self.old.iter().flat_map(|old| &old.repomd.data).filter(ours).cloned().collect();
        let with = |date: u64| {
            let time = |data: &Data| Data { time: Some(date), ..data.clone() };
            let data = indexes.iter().map(|(data, _)| time(data)).chain(others.iter().cloned());
            Repomd { revision: Some(date), data: data.collect() }
        };
        let old = self.old.and_then(|old| old.repomd.revision);
        if let (Some(date), Some(repository)) = (old, self.old)
            && with(date).text() == repository.text
        {
            self.published.date = date;
            return with(date);
        }
        let wanted = self.ask.fixed.unwrap_or(self.newest.min(self.ask.now));
        let date = wanted.max(old.map_or(0, |old| old.saturating_add(1)));
        self.published.date = date;
        with(date)
    }

    /// repomd.xml and its signature are two files that only fit together: both are put into a copy
    /// of their folder, which then takes its place.
    fn top(&mut self, repomd: &Repomd, steps: &mut Steps) -> Result<(), Diagnostics> {
        let text = repomd.text();
        self.published.signed_by = self.ask.signer.map(Identity::primary_fingerprint);
        let had_signature = self.old.is_some_and(|old| old.signature.is_some());
        let is_same = self.old.is_some_and(|old| old.text == text);
        if is_same && had_signature == self.ask.signer.is_some() && !self.ask.new_key {
            return Ok(());
        }
        let mut files = vec![("repomd.xml", Some(text.clone().into_bytes()))];
        let signature = match self.ask.signer {
            Some(signer) => Some(signer.sign_armored(&mut text.as_bytes(), self.ask.time())?),
            None => None,
        };
        files.insert(0, ("repomd.xml.asc", signature.map(String::into_bytes)));
        steps.exchange(Place::of("repodata"), files);
        Ok(())
    }

    /// What the repository is called on users' machines.
    fn name(&self) -> String {
        let first = || self.entries.iter().map(|entry| &entry.name).min().cloned();
        let given = self.ask.name.clone().or_else(|| self.state.name.clone());
        given.or_else(first).unwrap_or_else(|| "packages".into())
    }

    /// The key, and what users put on their machines.
    fn client(&mut self, name: &str, steps: &mut Steps) {
        let dir = self.ask.dir;
        if let Some(signer) = self.ask.signer {
            steps.write(dir, Place::of("key.asc"), signer.certificate_armored());
        }
        let client = client::Client::new(self.ask, name, self.options.title.as_deref());
        self.published.client = (client.file_name(), client.repo());
        self.published.commands = client.commands();
        if self.ask.url.is_some() {
            steps.write(dir, Place::of(client.file_name()), client.repo());
        }
    }

    /// Removes what neither this generation nor the last one names.
    fn prune(&mut self, repomd: &Repomd, steps: &mut Steps) {
        let old_entries = self.old.iter().flat_map(|old| &old.entries);
        let named: BTreeSet<_> = old_entries.chain(&self.entries).map(Entry::place).collect();
        let mut gone: Vec<_> =
            self.state.places().into_iter().filter(|place| !named.contains(place)).collect();
        let old = self.old.iter().flat_map(|old| &old.repomd.data);
        let listed: BTreeSet<_> = old.chain(&repomd.data).map(|data| &data.place).collect();
        for file in fs::read_dir(self.ask.dir.join("repodata")).into_iter().flatten().flatten() {
            let name = file.file_name().into_string().unwrap_or_default();
            if let Ok(place) = Place::parse(&format!("repodata/{name}"))
                && is_index(&place)
                && !listed.contains(&place)
            {
                gone.push(place);
            }
        }
        gone.sort();
        for place in gone {
            self.state.forget(&place);
            self.published.removed.push(place.to_string());
            steps.remove(self.ask.dir, place);
        }
    }
}
