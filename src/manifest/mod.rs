//! What the user wrote, with positions. No file access beyond the manifest itself.
//!
//! [`Node`] is the tree as written; [`table!`](crate::table) declares what each table may hold;
//! [`Root`] is all of it as types.

mod basic;
mod check;
mod declare;
mod decode;
mod expand;
mod node;
mod reference;
mod schema;
mod select;
mod shape;
mod tables;

pub use declare::kebab;
pub use decode::{
    Decode, DecodeKey, DecodeTable, Decoder, Problem, Spanned, advice, decode, decode_key, either,
    list, word_key,
};
pub use expand::{NAMES, Names, expand};
pub use node::{Key, Node, Table, Value};
pub use reference::reference;
pub use schema::schema;
pub use select::{Layered, Level, Selection};
pub use shape::{Field, Shape, TableShape};
pub use tables::*;

use std::sync::Arc;

use crate::{
    diagnostic::{Diagnostic, Diagnostics, Place, SourceText},
    package::{Os, Target},
};

/// What the user wrote, checked.
#[derive(Clone, Debug)]
pub struct Manifest {
    /// The whole tree as it was written.
    pub tree: Node,
    /// What is unusual, but allowed.
    pub warnings: Vec<Diagnostic>,
    tables: &'static [FormatTable],
    layers: Vec<select::LayerTree>,
    shape: Shape,
    words: Words,
}

/// Reads a manifest and checks all of it: base and every layer merged over it. All mistakes are
/// reported at once, in the order of the file.
pub fn parse(
    name: &str,
    text: impl AsRef<[u8]>,
    tables: &'static [FormatTable],
) -> Result<Manifest, Diagnostics> {
    Manifest::new(read(name, text)?, tables)
}

/// Reads the text of a manifest as a tree that nobody has checked yet.
pub fn read(name: &str, text: impl AsRef<[u8]>) -> Result<Node, Diagnostics> {
    let text = utf8(name, text.as_ref())?;
    Node::parse(&Arc::new(SourceText { name: name.to_owned(), text }))
}

fn utf8(name: &str, bytes: &[u8]) -> Result<String, Diagnostic> {
    match std::str::from_utf8(bytes) {
        // Some editors write a byte order mark; nothing may point at it.
        Ok(text) => Ok(text.strip_prefix('\u{feff}').unwrap_or(text).to_owned()),
        Err(error) => {
            let at = error.valid_up_to();
            let text = String::from_utf8_lossy(bytes).into_owned();
            let source = Arc::new(SourceText { name: name.to_owned(), text });
            let place = Place { source, span: at..at + '\u{fffd}'.len_utf8() };
            Err(Diagnostic::usage("manifest.syntax", "the manifest is not UTF-8").at(place))
        }
    }
}

impl Manifest {
    /// Checks a tree that came from somewhere else: Cargo.toml, another tool's manifest.
    pub fn new(tree: Node, tables: &'static [FormatTable]) -> Result<Self, Diagnostics> {
        let words = Words::new(&tree, tables);
        let shape = root_shape(tables);
        let layers = select::layers(&tree, &shape);
        let mut manifest = Self { tree, warnings: Vec::new(), tables, layers, shape, words };
        let mut found = check::all(&manifest);
        found.sort();
        manifest.warnings = std::mem::take(&mut found.warnings);
        if found.is_ok() {
            Ok(manifest)
        } else {
            found.warnings = manifest.warnings;
            Err(found)
        }
    }

    /// Reads a merged and expanded tree as types; the formats' tables are read by the formats.
    pub fn root(&self, expanded: &Node) -> Result<Root, Diagnostics> {
        let mut to = Decoder::default();
        let root = Root::decode(&self.without_formats(expanded), &mut to);
        to.finish(root)
    }

    /// The tables of formats.
    pub fn tables(&self) -> &'static [FormatTable] {
        self.tables
    }

    fn without_formats(&self, tree: &Node) -> Node {
        let mut tree = tree.clone();
        if let Value::Table(rows) = &mut tree.value {
            for table in self.tables {
                rows.remove(table.name);
            }
        }
        tree
    }
}

/// A table of the manifest that a format owns, or several share.
#[derive(Clone, Copy, Debug)]
pub struct FormatTable {
    /// The table's name: `deb`, `archive`.
    pub name: &'static str,
    /// Formats that read it.
    pub formats: &'static [FormatFacts],
    /// What may be in it.
    pub shape: fn() -> Shape,
    /// Notes every mistake in it.
    pub check: fn(&Node, &mut Decoder),
}

/// What the manifest has to know of a format to judge what is said of it.
#[derive(Clone, Copy, Debug)]
pub struct FormatFacts {
    /// The name in manifests and on the command line: `deb`, `tar`.
    pub name: &'static str,
    /// The words it is asked for by: its name, or `tar.gz`, `tar.xz`, `tar.zst`.
    pub spellings: &'static [&'static str],
    /// Systems it exists for.
    pub systems: &'static [Os],
    /// How it can deliver a component; the first is what it does unless it is told.
    pub deliver: &'static [Delivery],
    /// Keys of its table that also hold for components that are packages of their own.
    pub of_parts: &'static [&'static str],
}

impl FormatTable {
    /// The table `name` of type `T`.
    pub const fn of<T: Decode>(name: &'static str, formats: &'static [FormatFacts]) -> Self {
        Self {
            name,
            formats,
            shape: T::shape,
            check: |node, to| {
                T::decode(node, to);
            },
        }
    }
}

/// What the whole manifest may look like.
pub fn root_shape(tables: &[FormatTable]) -> Shape {
    let mut root = Root::table_shape();
    let at = root.fields.iter().position(|field| field.key == "desktop").unwrap_or(0);
    let formats = tables.iter().map(|table| {
        let shape = (table.shape)();
        let doc = if let Shape::Table(table) = &shape { table.doc } else { "" };
        Field { key: table.name.to_owned(), doc, shape, required: false, default: None }
    });
    root.fields.splice(at..at, formats);
    Shape::Table(root)
}

/// The words a selector can be.
#[derive(Clone, Debug, Default)]
struct Words {
    formats: Vec<FormatFacts>,
    variants: Vec<String>,
}

impl Words {
    fn new(tree: &Node, tables: &[FormatTable]) -> Self {
        let formats = tables.iter().flat_map(|table| table.formats).copied().collect();
        let variants = tree.get("variant").into_iter().flat_map(Node::rows);
        Self { formats, variants: variants.map(|(key, _)| key.name.clone()).collect() }
    }

    /// How strong a layer of that name is; `None` for a word that selects nothing.
    fn level(&self, word: &str) -> Option<Level> {
        let is_os = Os::ALL.iter().any(|os| os.word() == word);
        if is_os {
            Some(Level::Os)
        } else if Target::all().any(|target| target.to_string() == word) {
            Some(Level::Target)
        } else if self.formats.iter().any(|format| format.name == word) {
            Some(Level::Format)
        } else if self.formats.iter().any(|format| format.spellings.contains(&word)) {
            Some(Level::Spelling)
        } else {
            self.variants.iter().any(|variant| variant == word).then_some(Level::Variant)
        }
    }

    /// All words, for advice.
    fn all(&self) -> Vec<String> {
        let systems = Os::ALL.iter().map(|os| os.word().to_owned());
        let formats = self.formats.iter().flat_map(|format| {
            let name = (!format.spellings.contains(&format.name)).then_some(format.name);
            name.into_iter().chain(format.spellings.iter().copied()).map(str::to_owned)
        });
        let targets = Target::all().map(|target| target.to_string());
        systems.chain(formats).chain(self.variants.iter().cloned()).chain(targets).collect()
    }
}
