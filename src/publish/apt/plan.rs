//! The next generation of a suite, and the steps that lead to it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
};

use super::{
    Entry, KIND, Listed, New, Options, Paragraph, Planned, Release, client,
    entry::order,
    read::{self, Suite},
    release::by_hash,
};
use crate::{
    codec::Codec,
    container::rfc2822,
    diagnostic::{Diagnostic, Diagnostics},
    digest::sha256,
    publish::{
        self, Ask, Place, Published, pack,
        state::{Found, State},
        steps::{Copy, Steps},
    },
    resolve,
    sign::openpgp::Identity,
};

/// Seconds of a day.
const DAY: u64 = 86_400;

/// apt refuses a date that is further in the future, in seconds.
const MAX_AHEAD: u64 = 10;

/// What a suite with no package for a certain architecture is made for.
const COMMON: [&str; 2] = ["amd64", "arm64"];

/// The suite as it will be.
pub(super) struct Next<'a> {
    ask: &'a Ask<'a>,
    options: &'a Options,
    /// As it is.
    old: Option<&'a Suite>,
    /// The suites that stay as they are.
    others: Vec<&'a Suite>,
    /// Packages of each component.
    components: BTreeMap<String, Vec<Entry>>,
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
        suites: &'a [Suite],
        state: State,
    ) -> Self {
        let (old, others): (Vec<_>, Vec<_>) =
            suites.iter().partition(|suite| suite.name == options.suite);
        let old = old.first().copied();
        let mut components: BTreeMap<String, Vec<Entry>> = BTreeMap::new();
        for ((component, _), entries) in old.iter().flat_map(|suite| &suite.indexes) {
            let all = components.entry(component.clone()).or_default();
            all.extend(entries.iter().cloned());
        }
        for entries in components.values_mut() {
            entries.sort_by(|a, b| order(a, b).then_with(|| a.path.cmp(&b.path)));
            // what is for all architectures is in several indexes
            entries.dedup();
        }
        components.entry(options.component.clone()).or_default();
        Self {
            ask,
            options,
            old,
            others,
            components,
            copies: Vec::new(),
            state,
            newest: 0,
            published: Published::default(),
        }
    }

    /// Packages that are there already.
    pub(super) fn known(&mut self, known: BTreeMap<Place, Found>) {
        for (place, found) in known {
            if self.state.sha256(self.ask.dir, &place).is_none() {
                let source = place.file_name().to_owned();
                self.state.note(&place, &source, &found);
            }
        }
    }

    /// Adds packages; what is there already with the same content stays.
    pub(super) fn add(&mut self, new: Vec<New>) -> Result<(), Diagnostics> {
        let mut found = Diagnostics::default();
        for new in new {
            match self.is_new(&new.entry) {
                Err(error) => found.error(error),
                Ok(is_new) => self.take(new, is_new),
            }
        }
        if found.is_ok() { Ok(()) } else { Err(found) }
    }

    fn take(&mut self, new: New, is_new: bool) {
        let New { entry, copy, source, found, time } = new;
        if is_new {
            self.published.added.push(entry.id());
            self.newest = self.newest.max(time);
            self.state.note(&entry.path, &source, &found);
            let there = fs::metadata(entry.path.below(self.ask.dir)).is_ok();
            self.copies.extend(copy.filter(|_| !there));
            self.components.entry(self.options.component.clone()).or_default().push(entry);
        }
    }

    /// Whether a package is not in the suite yet; one that is there with another content is an
    /// error: clients keep what they have.
    fn is_new(&self, entry: &Entry) -> Result<bool, Diagnostic> {
        let same = self.components.values().flatten().find(|there| there.is_version_of(entry));
        if let Some(there) = same {
            publish::same_version(&there.id(), &there.sha256, &entry.sha256)?;
            return Ok(false);
        }
        let known = self.others.iter().flat_map(|suite| suite.indexes.values().flatten());
        let known = known.filter(|there| there.path == entry.path).map(|there| there.sha256).next();
        publish::may_be_at(&entry.path.below(self.ask.dir), known, &entry.sha256)?;
        Ok(true)
    }

    /// Keeps the newest versions of every package.
    pub(super) fn drop_old(&mut self, keep: Option<usize>) {
        let Some(keep) = keep else { return };
        for entries in self.components.values_mut() {
            entries.sort_by(order);
            let (kept, dropped) = publish::newest(std::mem::take(entries), keep, |entry| {
                (entry.name.clone(), entry.architecture.clone())
            });
            *entries = kept;
            self.published.dropped.extend(dropped.iter().map(Entry::id));
        }
    }

    /// Describes everything that is to be done.
    pub(super) fn plan(mut self) -> Result<Planned, Diagnostics> {
        self.components.values_mut().for_each(|entries| entries.sort_by(order));
        self.published.packages = self.components.values().map(Vec::len).sum();
        let indexes = self.indexes();
        let release = self.release(&indexes)?;
        let name = self.name();
        self.state.name = Some(name.clone());
        self.published.name.clone_from(&name);
        let mut after = Steps::default();
        self.publish(&indexes, &release, &mut after)?;
        self.client(&name, &release, &mut after);
        if !after.is_empty() {
            self.published.changed = true;
        }
        let before = self.before();
        self.prune(&indexes, &mut after);
        let (place, text) = self.state.file(KIND);
        after.write(self.ask.dir, place, text);
        Ok(Planned { before, after, published: self.published })
    }

    /// The state comes first: what is put into the pool can be told from what others put there.
    fn before(&self) -> Steps {
        let mut before = Steps::default();
        if !self.copies.is_empty() {
            let (place, text) = self.state.file(KIND);
            before.write(self.ask.dir, place, text);
        }
        self.copies.iter().cloned().for_each(|copy| before.copy(copy));
        before
    }

    /// Every index in every packing, by its path in the suite's folder.
    fn indexes(&self) -> BTreeMap<Place, Vec<u8>> {
        let mut all = BTreeMap::new();
        for (component, entries) in &self.components {
            for architecture in self.architectures() {
                let mut text = String::new();
                let for_it = |entry: &&Entry| {
                    entry.architecture == architecture || entry.architecture == "all"
                };
                for entry in entries.iter().filter(for_it) {
                    if !text.is_empty() {
                        text.push('\n');
                    }
                    write!(text, "{}", entry.fields).expect("a string takes everything");
                }
                let packed = self.ask.codecs.iter().filter(|codec| **codec != Codec::None);
                for codec in [Codec::None].iter().chain(packed) {
                    let ending = pack::ending(*codec);
                    let path = format!("{component}/binary-{architecture}/Packages{ending}");
                    all.insert(Place::of(path), pack::pack(*codec, text.as_bytes()));
                }
            }
        }
        all
    }

    /// Those that are named anywhere; the common ones if none is.
    fn architectures(&self) -> BTreeSet<String> {
        let mut all: BTreeSet<_> = self.options.architectures.iter().cloned().collect();
        let entries = self.components.values().flatten();
        all.extend(entries.map(|entry| entry.architecture.clone()));
        all.extend(self.old.iter().flat_map(|old| old.release.words("Architectures")));
        all.remove("all");
        if all.is_empty() {
            all.extend(COMMON.map(str::to_owned));
        }
        all
    }

    fn release(&mut self, indexes: &BTreeMap<Place, Vec<u8>>) -> Result<Release, Diagnostic> {
        let mut release = Release { fields: self.fields()?, files: BTreeMap::new() };
        if let Some(old) = self.old {
            let others = old.release.files.iter().filter(|(path, _)| read::index(path).is_none());
            release.files.extend(others.map(|(path, listed)| (path.clone(), *listed)));
        }
        for (path, bytes) in indexes {
            let listed = Listed { len: bytes.len() as u64, sha256: sha256(bytes) };
            release.files.insert(path.clone(), listed);
        }
        self.date(&mut release);
        Ok(release)
    }

    /// What the suite is; what clients remember of it stays as it was.
    fn fields(&self) -> Result<Paragraph, Diagnostic> {
        let words = |set: BTreeSet<String>| set.into_iter().collect::<Vec<_>>().join(" ");
        let mut components: BTreeSet<_> = self.components.keys().cloned().collect();
        components.extend(self.old.iter().flat_map(|old| old.release.words("Components")));
        let mut fields = match self.old {
            Some(old) => old.release.fields.clone(),
            None => self.new_fields(),
        };
        for (field, wanted) in [("Origin", &self.options.origin), ("Label", &self.options.label)] {
            let there = fields.get(field);
            if let (Some(wanted), Some(there)) = (wanted, there)
                && wanted != there
            {
                let text = format!("the {field} of the repository is `{there}`, not `{wanted}`");
                let hint = "apt stops and asks on every machine when it changes";
                return Err(Diagnostic::usage("repo.changed", text).hint(hint));
            }
        }
        if self.options.not_automatic {
            fields.set("NotAutomatic", "yes");
            fields.set("ButAutomaticUpgrades", "yes");
        }
        fields.set("Acquire-By-Hash", "yes");
        fields.set("Architectures", words(self.architectures()));
        fields.set("Components", words(components));
        Ok(fields)
    }

    fn new_fields(&self) -> Paragraph {
        let suite = &self.options.suite;
        let Options { origin, new_origin, .. } = self.options;
        let origin = origin.clone().or_else(|| new_origin.clone()).unwrap_or_else(|| self.name());
        let label = self.options.label.clone().unwrap_or_else(|| origin.clone());
        let mut fields = Paragraph::default();
        for (field, value) in [
            ("Origin", origin),
            ("Label", label),
            ("Suite", suite.clone()),
            ("Codename", suite.clone()),
            ("Date", String::new()),
        ] {
            fields.set(field, value);
        }
        fields
    }

    /// What the repository is called on users' machines.
    fn name(&self) -> String {
        let first = || {
            let names = self.components.values().flatten().map(|entry| &entry.name);
            names.min().cloned()
        };
        let given = self.ask.name.clone().or_else(|| self.state.name.clone());
        given.or_else(first).unwrap_or_else(|| "packages".into())
    }

    /// The newest package's date, or the one that was given; never earlier than the last one, and
    /// the last one if nothing changed.
    fn date(&mut self, release: &mut Release) {
        let old = self.old.and_then(|old| old.release.date());
        let until = self.old.and_then(|old| {
            resolve::rfc2822(old.release.fields.get("Valid-Until")?)?
                .checked_sub(old.release.date()?)
        });
        let valid = self.options.valid_days.map(|days| days * DAY).or(until);
        let refreshed = self.options.valid_days.is_some();
        if let (Some(date), false) = (old, refreshed) {
            set_date(release, date, valid);
            if self.old.is_some_and(|old| old.text == release.to_string()) {
                self.published.date = date;
                return;
            }
        }
        let clock = refreshed.then_some(self.ask.now);
        let wanted = self.ask.fixed.or(clock).unwrap_or(self.newest.min(self.ask.now));
        let date = wanted.max(old.map_or(0, |old| old + 1));
        if date > self.ask.now + MAX_AHEAD {
            let text = format!("the date of the repository is in the future: {}", rfc2822(date));
            let hint = "apt refuses it until then; SOURCE_DATE_EPOCH may be wrong";
            self.published.warnings.push(Diagnostic::failed("repo.future", text).hint(hint));
        }
        self.published.date = date;
        set_date(release, date, valid);
    }

    /// Indexes under new names, then under the known ones, then the file that is signed.
    fn publish(
        &mut self,
        indexes: &BTreeMap<Place, Vec<u8>>,
        release: &Release,
        steps: &mut Steps,
    ) -> Result<(), Diagnostics> {
        let text = release.to_string();
        let signed = self.old.is_some_and(|old| old.signed.is_some());
        let is_same = self.old.is_some_and(|old| old.text == text);
        self.published.signed_by = self.ask.signer.map(Identity::primary_fingerprint);
        let again = signed != self.ask.signer.is_some() || self.ask.new_key;
        for (path, bytes) in indexes {
            let hashed = by_hash(path, &sha256(bytes));
            steps.write(self.ask.dir, self.at(hashed.as_str()), bytes.clone());
        }
        let mut top: Vec<(&str, Vec<u8>)> = vec![("Release", text.clone().into_bytes())];
        if let (Some(signer), true) = (self.ask.signer, again || !is_same || self.broken()) {
            let time = self.ask.time();
            let detached = signer.sign_armored(&mut text.as_bytes(), time)?;
            let in_release = signer.clearsign(&text, time)?;
            top.push(("Release.gpg", detached.into_bytes()));
            top.push(("InRelease", in_release.into_bytes()));
        }
        let mut switch = Steps::default();
        for (path, bytes) in indexes {
            switch.write(self.ask.dir, self.at(path.as_str()), bytes.clone());
        }
        for (path, bytes) in &top {
            switch.write(self.ask.dir, self.at(path), bytes.clone());
        }
        if self.ask.signer.is_none() {
            switch.remove(self.ask.dir, self.at("InRelease"));
            switch.remove(self.ask.dir, self.at("Release.gpg"));
        }
        if !switch.is_empty() {
            self.journal(indexes, &top, steps);
            steps.append(switch);
        }
        Ok(())
    }

    /// An interrupted update left something that the signatures do not fit.
    fn broken(&self) -> bool {
        self.old.is_some_and(|old| !old.notes.is_empty())
    }

    /// Says which files may be newer than `InRelease` for a moment.
    fn journal(
        &self,
        indexes: &BTreeMap<Place, Vec<u8>>,
        top: &[(&str, Vec<u8>)],
        steps: &mut Steps,
    ) {
        let mut state = self.state.clone();
        let files = indexes.iter().map(|(path, bytes)| (path.as_str(), bytes));
        for (path, bytes) in files.chain(top.iter().map(|(path, bytes)| (*path, bytes))) {
            state.pending.insert(self.at(path).to_string(), sha256(bytes).to_string());
        }
        let (place, text) = state.file(KIND);
        steps.write(self.ask.dir, place, text);
    }

    fn at(&self, path: &str) -> Place {
        Place::of(format!("dists/{}/{path}", self.options.suite))
    }

    /// The key, and what users put on their machines.
    fn client(&mut self, name: &str, release: &Release, steps: &mut Steps) {
        let dir = self.ask.dir;
        if let Some(signer) = self.ask.signer {
            steps.write(dir, Place::of("key.asc"), signer.certificate_armored());
            steps.write(dir, Place::of("key.gpg"), signer.certificate());
        }
        let client = client::Client::new(self.ask, self.options, name, release);
        self.published.client = (client.file_name(), client.sources());
        self.published.commands = client.commands();
        if self.ask.url.is_some() {
            let (file, text) = self.published.client.clone();
            steps.write(dir, Place::of(file), text);
        }
    }

    /// Removes what neither this generation nor those before it name.
    fn prune(&mut self, indexes: &BTreeMap<Place, Vec<u8>>, steps: &mut Steps) {
        self.state.pending.clear();
        let hashed: Vec<_> = indexes
            .iter()
            .map(|(path, bytes)| self.at(by_hash(path, &sha256(bytes)).as_str()).to_string())
            .collect();
        let suite = &self.options.suite;
        let mut all = match self.state.generations.remove(suite) {
            Some(all) => all,
            None => vec![self.found_by_hash()],
        };
        if all.first() != Some(&hashed) {
            all.insert(0, hashed);
        }
        all.retain(|generation| !generation.is_empty());
        let gone = all.split_off(self.options.generations.max(1).min(all.len()));
        let kept: BTreeSet<_> = all.iter().flatten().collect();
        let gone: BTreeSet<_> = gone.iter().flatten().filter(|path| !kept.contains(path)).collect();
        let mut removed: Vec<_> =
            gone.into_iter().filter_map(|path| Place::parse(path).ok()).collect();
        self.state.generations.insert(suite.clone(), all);
        removed.extend(self.unlisted(indexes));
        if self.published.changed {
            removed.extend(self.unnamed());
        }
        for place in removed {
            self.state.forget(&place);
            self.published.removed.push(place.to_string());
            steps.remove(self.ask.dir, place);
        }
    }

    /// Indexes under plain names that the new Release does not list, whoever left them there.
    fn unlisted(&self, indexes: &BTreeMap<Place, Vec<u8>>) -> Vec<Place> {
        let old = self.old.iter().flat_map(|old| old.release.files.keys());
        let all = old.chain(indexes.keys()).filter_map(read::index);
        let folders: BTreeSet<_> = all.map(|(which, _)| which).collect();
        let mut gone = Vec::new();
        for (component, architecture) in folders {
            for codec in Codec::ALL {
                let ending = pack::ending(codec);
                let path = format!("{component}/binary-{architecture}/Packages{ending}");
                let place = self.at(&path);
                if !indexes.contains_key(&Place::of(path)) && place.below(self.ask.dir).exists() {
                    gone.push(place);
                }
            }
        }
        gone
    }

    /// Packages of ours that neither the last nor this generation of any suite names.
    fn unnamed(&self) -> Vec<Place> {
        let suites = self.others.iter().copied().chain(self.old);
        let old = suites.flat_map(|suite| suite.indexes.values().flatten());
        let named: BTreeSet<_> =
            old.chain(self.components.values().flatten()).map(|entry| &entry.path).collect();
        self.state.places().into_iter().filter(|place| !named.contains(place)).collect()
    }

    /// Indexes of earlier generations, where the state was lost.
    fn found_by_hash(&self) -> Vec<String> {
        let mut all = Vec::new();
        let indexes = self.old.iter().flat_map(|old| old.release.files.keys());
        let folders: BTreeSet<_> = indexes
            .filter(|path| read::index(path).is_some())
            .filter_map(|path| path.as_str().rsplit_once('/'))
            .map(|(folder, _)| self.at(&format!("{folder}/by-hash/SHA256")))
            .collect();
        for folder in folders {
            for file in fs::read_dir(folder.below(self.ask.dir)).into_iter().flatten().flatten() {
                if let Ok(name) = file.file_name().into_string()
                    && Place::parse(&name).is_ok()
                {
                    all.push(format!("{folder}/{name}"));
                }
            }
        }
        all.sort();
        all
    }
}

fn set_date(release: &mut Release, date: u64, valid: Option<u64>) {
    let said = |time| rfc2822(time).replace("+0000", "UTC");
    release.fields.set("Date", said(date));
    if let Some(valid) = valid {
        release.fields.set("Valid-Until", said(date + valid));
    }
}
