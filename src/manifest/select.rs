//! Layers: base < OS < target < format < spelling < variant < `--set`.

use std::sync::Arc;

use super::{Key, Manifest, Node, Selector, Shape, Spanned, Value, advice, schema::FIXED};
use crate::{
    diagnostic::{Diagnostic, Diagnostics, Place, SourceText},
    package::Target,
};

/// One artifact: what selectors are compared with.
#[derive(Clone, Debug, PartialEq)]
pub struct Selection<'a> {
    /// For which target.
    pub target: Target,
    /// In which format: `tar`.
    pub format: &'a str,
    /// By which spelling: `tar.gz`.
    pub spelling: &'a str,
    /// Which variant.
    pub variant: Option<&'a str>,
}

/// How strong a layer is; a later one wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// The manifest without selectors.
    Base,
    /// An OS.
    Os,
    /// A target.
    Target,
    /// A format.
    Format,
    /// A spelling of a format.
    Spelling,
    /// A variant.
    Variant,
    /// `--set`.
    Set,
}

/// What one layer says of a key.
#[derive(Clone, Debug, PartialEq)]
pub struct Layered {
    /// How strong it is.
    pub level: Level,
    /// What it is called: `base`, `override.linux`, `variant.cuda`, `--set`.
    pub name: String,
    /// What it says.
    pub node: Node,
}

impl Selection<'_> {
    /// How strong a selector is here; `None` when it does not fit.
    pub fn level(&self, selector: &str) -> Option<Level> {
        if self.variant == Some(selector) {
            Some(Level::Variant)
        } else if self.format == selector {
            Some(Level::Format)
        } else if self.spelling == selector {
            Some(Level::Spelling)
        } else if self.target.os.word() == selector {
            Some(Level::Os)
        } else if self.target.to_string() == selector {
            Some(Level::Target)
        } else {
            None
        }
    }

    /// Whether something with these `only` and `except` is used here.
    pub fn uses(&self, only: &[Spanned<Selector>], except: &[Spanned<Selector>]) -> bool {
        let fits = |selector: &Spanned<Selector>| self.level(selector).is_some();
        (only.is_empty() || only.iter().any(fits)) && !except.iter().any(fits)
    }
}

/// A part of the manifest that is merged over the base where its selector fits.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct LayerTree {
    /// `override.linux`, `variant.cuda`.
    pub(super) name: String,
    /// `linux`, `cuda`.
    pub(super) selector: String,
    /// The tables to merge.
    pub(super) node: Node,
}

/// Variants and overrides of a manifest, in the order they are merged within a level, with the
/// tables that a layer may change.
pub(super) fn layers(tree: &Node, shape: &Shape) -> Vec<LayerTree> {
    let known: Vec<_> = shape.keys().filter(|key| !FIXED.contains(key)).collect();
    let rows = |table: &'static str| {
        let known = known.clone();
        tree.get(table).into_iter().flat_map(Node::rows).filter_map(move |(key, node)| {
            let mut node = node.clone();
            let Value::Table(rows) = &mut node.value else { return None };
            rows.retain(|key| known.contains(&key.name.as_str()));
            let name = format!("{table}.{}", key.name);
            Some(LayerTree { name, selector: key.name.clone(), node })
        })
    };
    rows("variant").chain(rows("override")).collect()
}

impl Manifest {
    /// The manifest for one artifact: every layer that fits, merged; `--set` last. Not expanded.
    pub fn select(
        &self,
        selection: &Selection<'_>,
        sets: &[(String, String)],
    ) -> Result<Node, Diagnostics> {
        let mut tree = self.base();
        let mut layers: Vec<_> = self
            .layers
            .iter()
            .filter_map(|layer| Some((selection.level(&layer.selector)?, &layer.node)))
            .collect();
        layers.sort_by_key(|(level, _)| *level);
        for (_, layer) in layers {
            merge(&mut tree, layer, Some(&self.shape));
        }
        let mut found = Diagnostics::default();
        for (key, value) in sets {
            match self.set(key, value) {
                Ok((path, node)) => {
                    let path: Vec<_> = path.iter().map(String::as_str).collect();
                    tree.set(&path, node);
                }
                Err(error) => found.error(error),
            }
        }
        if found.is_ok() { Ok(tree) } else { Err(found) }
    }

    /// What every layer says of a key (`deb.depends`), weakest first; with a selection only the
    /// layers that fit it.
    pub fn layers(
        &self,
        key: &str,
        selection: Option<&Selection<'_>>,
        sets: &[(String, String)],
    ) -> Result<Vec<Layered>, Diagnostic> {
        let source = Arc::new(SourceText { name: "KEY".to_owned(), text: key.to_owned() });
        let path = key_path(&source, key)?;
        self.shape_at(&path, &source)?;
        let names: Vec<_> = path.iter().map(|key| key.name.as_str()).collect();
        let base = self.tree.find(&names).cloned();
        let mut all: Vec<_> = base
            .map(|node| Layered { level: Level::Base, name: "base".to_owned(), node })
            .into_iter()
            .collect();
        for layer in &self.layers {
            let level = match selection {
                Some(selection) => selection.level(&layer.selector),
                None => self.words.level(&layer.selector),
            };
            if let (Some(level), Some(node)) = (level, layer.node.find(&names)) {
                all.push(Layered { level, name: layer.name.clone(), node: node.clone() });
            }
        }
        for (key, value) in sets {
            let (set, node) = self.set(key, value)?;
            if set == names {
                all.push(Layered { level: Level::Set, name: "--set".to_owned(), node });
            }
        }
        all.sort_by_key(|layer| layer.level);
        Ok(all)
    }

    /// The tree without what is merged over it; variants keep their own keys.
    pub(super) fn base(&self) -> Node {
        let mut tree = self.tree.clone();
        if let Value::Table(table) = &mut tree.value {
            table.remove("override");
        }
        tree
    }

    /// `key = value` from the command line, typed by what the key takes.
    fn set(&self, key: &str, value: &str) -> Result<(Vec<String>, Node), Diagnostic> {
        let text = format!("{key}={value}");
        let source = Arc::new(SourceText { name: "--set".to_owned(), text });
        let path = key_path(&source, key)?;
        let shape = self.shape_at(&path, &source)?;
        let span = key.len() + 1..source.text.len();
        let place = Place { source, span };
        let value = scalar(shape, value).ok_or_else(|| {
            let message =
                format!("`{key}` is {}, and --set takes single values only", shape.wanted());
            Diagnostic::usage("set.scalar", message)
                .at(place.clone())
                .hint("write it in the manifest, or in an [override] of its own")
        })?;
        Ok((path.into_iter().map(|key| key.name).collect(), Node { value, place: Some(place) }))
    }

    /// What a key takes.
    fn shape_at(&self, path: &[Key], source: &Arc<SourceText>) -> Result<&Shape, Diagnostic> {
        let mut shape = &self.shape;
        let mut before = String::new();
        for key in path {
            let unknown = || {
                let known: Vec<_> = shape.keys().collect();
                let whose = if before.is_empty() { "the manifest" } else { before.as_str() };
                let mut error = Diagnostic::usage(
                    "set.unknown-key",
                    format!("{whose} has no key `{}`", key.name),
                )
                .at(key.place.clone().filter(|place| Arc::ptr_eq(&place.source, source)));
                error.hint = advice(&key.name, known.into_iter());
                error
            };
            shape = shape.below(&key.name).ok_or_else(unknown)?;
            before = if before.is_empty() {
                format!("`{}`", key.name)
            } else {
                format!("{}.{}`", before.trim_end_matches('`'), key.name)
            };
        }
        Ok(shape)
    }
}

/// `service."my app".enable` as keys.
fn key_path(source: &Arc<SourceText>, key: &str) -> Result<Vec<Key>, Diagnostic> {
    let bad = || {
        let message = format!("`{}` is no key", key.escape_debug());
        Diagnostic::usage("set.key", message)
            .hint("keys are written as in the manifest: `package.release`")
    };
    let text = Arc::new(SourceText { name: source.name.clone(), text: format!("{key} = 0") });
    let tree = Node::parse(&text).map_err(|_| bad())?;
    let (mut path, mut node) = (Vec::new(), &tree);
    while let Value::Table(table) = &node.value {
        let (Some((key, below)), 1) = (table.iter().next(), table.len()) else { return Err(bad()) };
        let span = key.place.as_ref().map(|place| place.span.clone());
        let place = span.map(|span| Place { source: source.clone(), span });
        path.push(Key { name: key.name.clone(), place });
        node = below;
    }
    Ok(path)
}

/// A word of the command line as a value that fits.
fn scalar(shape: &Shape, text: &str) -> Option<Value> {
    let guess = || match text {
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        _ => text.parse().map_or_else(|_| Value::from(text), Value::Integer),
    };
    match shape {
        Shape::Text(_) | Shape::Words(_) | Shape::Codec(_) | Shape::Date => Some(text.into()),
        Shape::Integer(..) | Shape::Bool | Shape::Only(_) | Shape::Any => Some(guess()),
        Shape::Either(shapes) => {
            let fits = |shape: &&Shape| match guess() {
                Value::Bool(truth) => matches!(shape, Shape::Bool) || **shape == Shape::Only(truth),
                Value::Integer(_) => matches!(shape, Shape::Integer(..)),
                _ => false,
            };
            if shapes.iter().any(|shape| fits(&shape)) {
                Some(guess())
            } else {
                shapes.iter().find_map(|shape| scalar(shape, text))
            }
        }
        Shape::List(_)
        | Shape::Map(..)
        | Shape::Table(_)
        | Shape::Record(..)
        | Shape::Pair
        | Shape::Layer => None,
    }
}

/// Merges `over` into `base`: tables deeply, lists append, everything else is replaced. What
/// looks like a table or a list but is one value (`{ env = "…" }`, `[660, 400]`) is replaced too.
pub(super) fn merge(base: &mut Node, over: &Node, shape: Option<&Shape>) {
    let shape = shape.map(Shape::as_table);
    let whole = matches!(shape, Some(Shape::Either(_) | Shape::Record(..) | Shape::Pair));
    match (&mut base.value, &over.value) {
        (Value::Table(table), Value::Table(more)) if !whole => {
            for (key, node) in more.iter() {
                match table.get_mut(&key.name) {
                    Some(there) => {
                        merge(there, node, shape.and_then(|shape| shape.below(&key.name)));
                    }
                    None => table.insert(key.clone(), node.clone()),
                }
            }
        }
        (Value::Array(items), Value::Array(more)) if !whole => items.extend(more.iter().cloned()),
        _ => *base = over.clone(),
    }
}
