//! What can be judged without looking at files: single values first, then what they say of each
//! other.

mod layers;
mod parts;

use std::collections::BTreeSet;

use super::{
    Decode, Decoder, FormatFacts, Key, Level, Manifest, Node, Root, Selector, Spanned, Targets,
    Value, advice, expand, list, select::merge,
};
use crate::{
    diagnostic::{Diagnostic, Diagnostics, Place},
    package::{Os, Target},
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
}
