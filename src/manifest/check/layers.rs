//! Variants and overrides.

use std::collections::BTreeMap;

use super::Cross;
use crate::{
    diagnostic::Place,
    manifest::{
        Decode, Decoder, Key, Layer, Level, Node, Value, Variant, VariantKeys, Words, schema::FIXED,
    },
};

impl Cross<'_> {
    pub(super) fn layers(&mut self) {
        let tree = &self.manifest.tree;
        if let Some(overrides) = tree.get("override") {
            let mut to = Decoder::with_templates();
            to.within("override", |to| BTreeMap::<String, Layer>::decode(overrides, to));
            self.found.append(to.found);
        }
        for (key, layer) in tree.get("override").into_iter().flat_map(Node::rows) {
            self.selector(&key.name, key.place.as_ref());
            self.layer(layer, "override", &key.name, &[]);
        }
        for (key, layer) in tree.get("variant").into_iter().flat_map(Node::rows) {
            self.layer(layer, "variant", &key.name, &Variant::KEYS);
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

    pub(super) fn variants(&mut self) {
        let mut defaults = Vec::new();
        let mut suffixes: BTreeMap<String, Option<Place>> = BTreeMap::new();
        for (key, node) in self.rows("variant") {
            self.variant_name(key);
            let mut own = node.clone();
            if let Value::Table(rows) = &mut own.value {
                rows.retain(|key| Variant::KEYS.contains(&key.name.as_str()));
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
        let other = Words { variants: Vec::new(), ..self.manifest.words.clone() };
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
}
