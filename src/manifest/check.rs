//! What can be judged without looking at files: single values first, then what they say of each
//! other.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Component, Decode, Decoder, Delivery, FormatFacts, Key, Launcher, Level, Manifest, Node,
    Payload, Root, Selector, ServiceTable, Spanned, Targets, Value, VariantKeys, advice, expand,
    list, schema::FIXED, select::merge,
};
use crate::{
    diagnostic::{Diagnostic, Diagnostics, Place},
    package::{Os, Scope, Target},
};

/// Checks the base and every layer merged over it; each mistake is reported once.
pub(super) fn all(manifest: &Manifest) -> Diagnostics {
    let base = manifest.base();
    let mut found = tree(manifest, &base);
    for layer in &manifest.layers {
        let mut merged = base.clone();
        merge(&mut merged, &layer.node, Some(&manifest.shape));
        found.append(tree(manifest, &merged));
    }
    let mut cross = Cross::new(manifest, &base);
    cross.layers();
    cross.variants();
    found.append(cross.found);
    found
}

fn tree(manifest: &Manifest, tree: &Node) -> Diagnostics {
    let mut to = Decoder::with_templates();
    let known: Vec<_> = manifest.shape.keys().map(str::to_owned).collect();
    to.unknown_keys(tree, &known);
    for table in manifest.tables {
        if let Some(node) = tree.get(table.name) {
            to.within(table.name, |to| (table.check)(node, to));
        }
    }
    Root::decode(&only_known(manifest, tree, &known), &mut to);
    to.found.append(expand::judge(tree));
    let mut cross = Cross::new(manifest, tree);
    cross.targets();
    cross.scripts();
    cross.payload();
    cross.components();
    cross.services();
    to.found.append(cross.found);
    to.found
}

fn only_known(manifest: &Manifest, tree: &Node, known: &[String]) -> Node {
    let mut tree = manifest.without_formats(tree);
    if let Value::Table(rows) = &mut tree.value {
        rows.retain(|key| known.contains(&key.name));
    }
    tree
}

/// What parts of a tree say of each other. Parts that are wrong by themselves are left out: they
/// have been reported.
struct Cross<'a> {
    manifest: &'a Manifest,
    tree: &'a Node,
    found: Diagnostics,
}

impl<'a> Cross<'a> {
    fn new(manifest: &'a Manifest, tree: &'a Node) -> Self {
        Self { manifest, tree, found: Diagnostics::default() }
    }

    fn read<T: Decode>(&self, key: &str) -> Option<T> {
        T::decode(self.tree.get(key)?, &mut Decoder::with_templates())
    }

    fn rows(&self, key: &str) -> impl Iterator<Item = (&'a Key, &'a Node)> + use<'a> {
        self.tree.get(key).into_iter().flat_map(Node::rows)
    }

    fn error(&mut self, code: &'static str, message: impl Into<String>, place: Option<&Place>) {
        self.found.error(Diagnostic::usage(code, message).at(place.cloned()));
    }

    fn hinted(
        &mut self,
        code: &'static str,
        message: impl Into<String>,
        place: Option<&Place>,
        hint: Option<String>,
    ) {
        let mut error = Diagnostic::usage(code, message).at(place.cloned());
        error.hint = hint;
        self.found.error(error);
    }

    fn formats(&self) -> &'a [FormatFacts] {
        &self.manifest.words.formats
    }

    fn selector(&mut self, word: &str, place: Option<&Place>) -> Option<Level> {
        if word.contains("{{") {
            return None;
        }
        let level = self.manifest.words.level(word);
        if level.is_none() {
            let known = self.manifest.words.all();
            let near = crate::diagnostic::similar(word, known.iter().map(String::as_str));
            let hint = near.map_or(
                "a selector is an OS, a target, a format or a variant".to_owned(),
                |near| format!("did you mean `{near}`?"),
            );
            self.hinted("selector.unknown", format!("`{word}` selects nothing"), place, Some(hint));
        }
        level
    }

    fn selectors(&mut self, words: &[Spanned<Selector>]) {
        for word in words {
            self.selector(word, word.place.as_ref());
        }
    }

    /// The systems where something with this `only` can be.
    fn systems(&self, only: &[Spanned<Selector>]) -> BTreeSet<&'static str> {
        let of = |word: &str| -> Vec<Os> {
            if let Some(os) = Os::ALL.into_iter().find(|os| os.word() == word) {
                return vec![os];
            }
            if let Some(target) = Target::all().find(|target| target.to_string() == word) {
                return vec![target.os];
            }
            let format =
                self.formats().iter().find(|f| f.name == word || f.spellings.contains(&word));
            format.map_or(Os::ALL.to_vec(), |format| format.systems.to_vec())
        };
        only.iter().flat_map(|word| of(word)).map(Os::word).collect()
    }

    fn layers(&mut self) {
        let tree = &self.manifest.tree;
        if let Some(overrides) = tree.get("override") {
            let mut to = Decoder::with_templates();
            to.within("override", |to| BTreeMap::<String, super::Layer>::decode(overrides, to));
            self.found.append(to.found);
        }
        for (key, layer) in tree.get("override").into_iter().flat_map(Node::rows) {
            self.selector(&key.name, key.place.as_ref());
            self.layer(layer, "override", &key.name, &[]);
        }
        for (key, layer) in tree.get("variant").into_iter().flat_map(Node::rows) {
            self.layer(layer, "variant", &key.name, &super::Variant::KEYS);
        }
    }

    /// The keys of a layer; what is in them is judged once it is merged.
    fn layer(&mut self, layer: &Node, table: &str, name: &str, own: &[&str]) {
        let root = self.manifest.shape.keys().filter(|key| !FIXED.contains(key));
        let known: Vec<_> = own.iter().copied().chain(root).map(str::to_owned).collect();
        let mut to = Decoder::with_templates();
        for (key, _) in layer.rows().filter(|(key, _)| !known.contains(&key.name)) {
            if FIXED.contains(&key.name.as_str()) {
                let message = format!("`{table}.{name}` cannot change `{}`", key.name);
                self.error("override.table", message, key.place.as_ref());
            } else {
                to.within(table, |to| to.within(name, |to| to.unknown_key(key, &known)));
            }
        }
        self.found.append(to.found);
    }

    fn scripts(&mut self) {
        for (key, _) in self.rows("scripts") {
            self.selector(&key.name, key.place.as_ref());
        }
    }

    fn targets(&mut self) {
        let Some(targets) = self.read::<Targets>("targets") else { return };
        for (os, platform) in targets.by_os() {
            let known: Vec<_> = Target::all()
                .filter(|target| target.os == os)
                .map(|target| target.to_string())
                .filter_map(|name| {
                    name.strip_prefix(os.word())?.strip_prefix('-').map(str::to_owned)
                })
                .collect();
            for arch in &platform.arch {
                if !known.contains(&arch.value) && !arch.contains("{{") {
                    let message = format!("there is no `{}-{}`", os.word(), arch.value);
                    let hint = advice(arch, known.iter().map(String::as_str));
                    self.hinted("target.unknown", message, arch.place.as_ref(), hint);
                }
            }
            for format in &platform.formats {
                self.format_for(os, format);
            }
            self.repeated("arch", &platform.arch);
            self.repeated("formats", &platform.formats);
        }
    }

    fn format_for(&mut self, os: Os, word: &Spanned<String>) {
        if word.contains("{{") {
            return;
        }
        let place = word.place.as_ref();
        let of_os = self.formats().iter().filter(|format| format.systems.contains(&os));
        let known: Vec<_> = of_os.flat_map(|format| format.spellings.iter().copied()).collect();
        let facts = self
            .formats()
            .iter()
            .find(|format| format.name == word.value || format.spellings.contains(&word.as_str()));
        match facts {
            None => {
                let hint = advice(word, known.into_iter());
                self.hinted(
                    "format.unknown",
                    format!("there is no format `{}`", word.value),
                    place,
                    hint,
                );
            }
            Some(facts) if !facts.systems.contains(&os) => {
                let message = format!("`{}` is not made for {}", word.value, os.word());
                let hint = format!("formats of {} are {}", os.word(), list(&known));
                self.hinted("format.system", message, place, Some(hint));
            }
            Some(facts) if !facts.spellings.contains(&word.as_str()) => {
                let message = format!("`{}` does not say how it is packed", word.value);
                let hint = format!("write {}", super::either(facts.spellings));
                self.hinted("format.spelling", message, place, Some(hint));
            }
            Some(_) => {}
        }
    }

    fn repeated(&mut self, what: &str, words: &[Spanned<String>]) {
        let mut seen = BTreeSet::new();
        for word in words {
            if !seen.insert(&word.value) {
                let message = format!("`{}` is twice in `{what}`", word.value);
                self.error("manifest.repeated", message, word.place.as_ref());
            }
        }
    }

    fn variants(&mut self) {
        let mut defaults = Vec::new();
        let mut suffixes: BTreeMap<String, Option<Place>> = BTreeMap::new();
        for (key, node) in self.rows("variant") {
            self.variant_name(key);
            let mut own = node.clone();
            if let Value::Table(rows) = &mut own.value {
                rows.retain(|key| super::Variant::KEYS.contains(&key.name.as_str()));
            }
            let Some(keys) = VariantKeys::decode(&own, &mut Decoder::with_templates()) else {
                continue;
            };
            if keys.default {
                defaults.push(key);
                if let Some(suffix) = &keys.suffix {
                    let message = format!("`{}` is the default and takes the bare name", key.name);
                    self.error("variant.suffix", message, suffix.place.as_ref());
                }
            } else {
                let suffix = keys.suffix.clone();
                let place = suffix.as_ref().map_or(key.place.clone(), |s| s.place.clone());
                let suffix = suffix.map_or(format!("-{}", key.name), |s| s.value.0);
                if let Some(other) = suffixes.insert(suffix.clone(), place.clone()) {
                    let message = format!("two variants have the suffix `{suffix}`");
                    let hint = other.map(|other| format!("the other is at {other}"));
                    self.hinted("variant.suffix", message, place.as_ref(), hint);
                }
            }
            for only in &keys.only {
                let level = self.selector(only, only.place.as_ref());
                if level.is_some_and(|level| level > Level::Target) {
                    let message = format!("`{}` is neither an OS nor a target", only.value);
                    self.error("variant.only", message, only.place.as_ref());
                }
            }
        }
        self.one_default(&defaults);
    }

    fn variant_name(&mut self, key: &Key) {
        let place = key.place.as_ref();
        let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"+.-".contains(&b);
        let other = super::Words { variants: Vec::new(), ..self.manifest.words.clone() };
        if let Some(level) = other.level(&key.name) {
            let what = match level {
                Level::Os => "an OS",
                Level::Target => "a target",
                _ => "a format",
            };
            let message = format!("a variant cannot be called `{}`: that is {what}", key.name);
            self.error("variant.name", message, place);
        } else if key.name.is_empty() || !key.name.bytes().all(fits) {
            let message = format!("`{}` cannot be the name of a variant", key.name);
            let hint = "lower-case letters, digits, `+`, `-` and `.`".to_owned();
            self.hinted("variant.name", message, place, Some(hint));
        }
    }

    fn one_default(&mut self, defaults: &[&Key]) {
        let first = self.rows("variant").next();
        match (defaults, first) {
            ([], Some((key, _))) => self.hinted(
                "variant.default",
                "no variant is the default",
                key.place.as_ref(),
                Some("`default = true` in one of them gives it the bare name".to_owned()),
            ),
            ([one, others @ ..], _) => {
                for other in others {
                    let message =
                        format!("`{}` and `{}` are both the default variant", one.name, other.name);
                    self.error("variant.default", message, other.place.as_ref());
                }
            }
            _ => {}
        }
    }

    fn payload(&mut self) {
        let Some(payload) = self.read::<Payload>("payload") else { return };
        let mut seen: BTreeMap<String, Option<Place>> = BTreeMap::new();
        for item in payload.items() {
            self.selectors(item.only);
            self.selectors(item.except);
            if let Some(component) = item.component {
                self.component(component);
            }
            for account in [item.owner, item.group].into_iter().flatten() {
                self.account(account);
            }
            if let Some(dest) = item.dest {
                self.absolute(dest, item.only);
                let words = |words: &[Spanned<Selector>]| {
                    words.iter().map(|word| word.0.clone()).collect::<Vec<_>>().join(" ")
                };
                let id = format!(
                    "{:?} {} {} {}",
                    item.role,
                    dest.value.0,
                    words(item.only),
                    words(item.except)
                );
                let owned = !item.dir && !dest.ends_with('/');
                let other = if owned { seen.insert(id, dest.place.clone()) } else { None };
                if let Some(other) = other {
                    let message = format!("two items are installed as `{}`", dest.value);
                    let hint = other.map(|other| format!("the other is at {other}"));
                    self.hinted("payload.twice", message, dest.place.as_ref(), hint);
                }
            }
        }
    }

    fn absolute(&mut self, dest: &Spanned<super::Dest>, only: &[Spanned<Selector>]) {
        if !dest.is_absolute() || self.systems(only).len() == 1 {
            return;
        }
        let message = format!("`{}` is absolute, and `only` does not name one OS", dest.value);
        let hint = "without `/` in front it is relative to the directory of its type; \
                    otherwise add, say, only = [\"linux\"]";
        self.hinted("payload.absolute", message, dest.place.as_ref(), Some(hint.to_owned()));
    }

    fn component(&mut self, component: &Spanned<String>) {
        let known: Vec<_> = self.rows("component").map(|(key, _)| key.name.as_str()).collect();
        if !known.contains(&component.as_str()) && !component.contains("{{") {
            let message = format!("there is no component `{}`", component.value);
            let hint = advice(component, known.into_iter())
                .or_else(|| Some(format!("define it as [component.{}]", component.value)));
            self.hinted("component.unknown", message, component.place.as_ref(), hint);
        }
    }

    fn account(&mut self, account: &Spanned<super::Account>) {
        let users = self.users();
        if account.value.0 == "root" || account.contains("{{") || users.contains(&account.value.0) {
            return;
        }
        let message = format!("no service of this package runs as `{}`", account.value);
        let hint = match users.iter().map(String::as_str).collect::<Vec<_>>() {
            users if users.is_empty() => "only root and the user of a service can own files".into(),
            users => format!("root and {} can own files", list(&users)),
        };
        self.hinted("payload.owner", message, account.place.as_ref(), Some(hint));
    }

    /// The accounts that services of this package run as.
    fn users(&self) -> BTreeSet<String> {
        let name = self.tree.find(&["package", "name"]).and_then(Node::as_str);
        let user = |(_, node): (&Key, &Node)| {
            let system = node.get("scope").and_then(Node::as_str).unwrap_or("system") == "system";
            let user = node.get("user").and_then(Node::as_str);
            user.or(if system { name } else { None }).map(str::to_owned)
        };
        self.rows("service").filter_map(user).collect()
    }

    fn components(&mut self) {
        for (key, node) in self.rows("component") {
            let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"+.-".contains(&b);
            if key.name.is_empty() || !key.name.bytes().all(fits) {
                let message = format!("`{}` cannot be the name of a component", key.name);
                let hint = "lower-case letters, digits, `+`, `-` and `.`".to_owned();
                self.hinted("component.name", message, key.place.as_ref(), Some(hint));
            }
            let Some(part) = Component::decode(node, &mut Decoder::with_templates()) else {
                continue;
            };
            for (format, _) in node.get("deliver").into_iter().flat_map(Node::rows) {
                self.delivery(format, part.deliver.get(&format.name), part.url.is_some());
            }
        }
    }

    fn delivery(&mut self, format: &Key, way: Option<&Spanned<Delivery>>, url: bool) {
        let word = format.name.as_str();
        let facts = self.formats().iter().find(|f| f.name == word || f.spellings.contains(&word));
        let Some(facts) = facts else {
            let known: Vec<_> = self.formats().iter().flat_map(|f| f.spellings).copied().collect();
            let hint = advice(word, known.into_iter());
            let message = format!("there is no format `{word}`");
            self.hinted("format.unknown", message, format.place.as_ref(), hint);
            return;
        };
        let Some(way) = way else { return };
        let words: Vec<_> = facts.deliver.iter().map(|way| way.as_word()).collect();
        if !facts.deliver.contains(&way.value) {
            let message = format!("`{word}` cannot deliver by `{}`", way.value.as_word());
            let hint = format!("it can {}", super::either(&words));
            self.hinted("component.deliver", message, way.place.as_ref(), Some(hint));
        } else if way.value == Delivery::Fetch && !url {
            let message = "`fetch` needs a `url`";
            self.error("component.deliver", message, way.place.as_ref());
        }
    }

    fn services(&mut self) {
        let launchers: BTreeSet<_> =
            self.rows("launcher").map(|(key, _)| key.name.clone()).collect();
        for (_, node) in self.rows("launcher") {
            let launcher = Launcher::decode(node, &mut Decoder::with_templates());
            if let Some(launcher) = launcher {
                self.selectors(&launcher.only);
                self.selectors(&launcher.except);
            }
        }
        let name = self.tree.find(&["package", "name"]).and_then(Node::as_str);
        for (key, node) in self.rows("service") {
            let Some(service) = ServiceTable::decode(node, &mut Decoder::with_templates()) else {
                continue;
            };
            self.selectors(&service.only);
            self.selectors(&service.except);
            self.program(&service, &launchers);
            let place = service.user.as_ref().map_or(&key.place, |user| &user.place);
            match (service.scope, &service.user) {
                (Scope::User, Some(_)) => self.error(
                    "service.user",
                    "a service of user scope runs as the user who logs in",
                    place.as_ref(),
                ),
                (Scope::System, None) => {
                    let bad = name.filter(|name| super::Account::check(name).is_err());
                    if let Some(name) = bad.filter(|name| !name.contains("{{")) {
                        let message =
                            format!("no account can be called `{name}`, like the package");
                        let hint = format!("name one in [service.{}]: user = \"…\"", key.name);
                        self.hinted("service.user", message, place.as_ref(), Some(hint));
                    }
                }
                _ => {}
            }
        }
    }

    fn program(&mut self, service: &ServiceTable, launchers: &BTreeSet<String>) {
        let Some(program) = service.exec.first() else { return };
        let word = program.as_str();
        let windows = word.as_bytes().get(1) == Some(&b':');
        let wrong = word.is_empty() || word.starts_with(['-', '@', ':', '+', '!', '|']);
        if word.starts_with(['/', '{', '%']) || windows || wrong || launchers.contains(word) {
            return;
        }
        let message = format!("`{word}` is neither a path nor a launcher");
        let hint = format!("a program of this package is written \"{{{{ dir.bin }}}}/{word}\"");
        self.hinted("service.exec", message, program.place.as_ref(), Some(hint));
    }
}
