//! What a value may look like: the source of the JSON Schema and of `docs/manifest.md`.

/// What a value may look like.
#[derive(Clone, Debug, PartialEq)]
pub enum Shape {
    /// A string that says something: `an SPDX expression`.
    Text(&'static str),
    /// A whole number between two others, both included.
    Integer(i64, i64),
    /// `true` or `false`.
    Bool,
    /// Only this truth.
    Only(bool),
    /// A TOML date.
    Date,
    /// One of these words, each with what it means.
    Words(Vec<(&'static str, &'static str)>),
    /// Any number of the same.
    List(Box<Self>),
    /// Free keys of one kind, values of another.
    Map(&'static str, Box<Self>),
    /// Fixed keys.
    Table(TableShape),
    /// A small table of its own: key, value, whether it is required.
    Record(&'static str, Vec<(&'static str, Self, bool)>),
    /// A codec's word, with a level between two after a colon, or `max`.
    Codec(Vec<(&'static str, u32, u32)>),
    /// A list of two whole numbers.
    Pair,
    /// One of several.
    Either(Vec<Self>),
    /// Tables of the manifest again, merged over it.
    Layer,
    /// Anything.
    Any,
}

/// A table with fixed keys.
#[derive(Clone, Debug, PartialEq)]
pub struct TableShape {
    /// The struct's name, unique.
    pub name: &'static str,
    /// What it is about.
    pub doc: &'static str,
    /// Its keys in the order they are explained.
    pub fields: Vec<Field>,
    /// Other tables of the manifest may be in it too.
    pub layer: bool,
}

/// A key of a table.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// The key.
    pub key: String,
    /// What it means.
    pub doc: &'static str,
    /// What its value looks like.
    pub shape: Shape,
    /// Whether the table is wrong without it.
    pub required: bool,
    /// What holds without it, in words.
    pub default: Option<&'static str>,
}

impl Shape {
    /// What the value of a key looks like; `None` when there is no such key.
    pub fn below(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Table(table) => {
                table.fields.iter().find(|field| field.key == key).map(|field| &field.shape)
            }
            Self::Record(_, rows) => rows.iter().find(|(name, ..)| *name == key).map(|(_, s, _)| s),
            Self::Map(_, value) => Some(value),
            Self::Either(shapes) => shapes.iter().find_map(|shape| shape.below(key)),
            Self::Any => Some(self),
            _ => None,
        }
    }

    /// The fixed keys of a table.
    pub fn keys(&self) -> Box<dyn Iterator<Item = &str> + '_> {
        match self {
            Self::Table(table) => Box::new(table.fields.iter().map(|field| field.key.as_str())),
            Self::Record(_, rows) => Box::new(rows.iter().map(|(key, ..)| *key)),
            Self::Either(shapes) => Box::new(shapes.iter().flat_map(Self::keys)),
            _ => Box::new(std::iter::empty()),
        }
    }

    /// The table among several possibilities, if there is one.
    pub fn as_table(&self) -> &Self {
        match self {
            Self::Either(shapes) => {
                shapes.iter().find(|shape| matches!(shape, Self::Table(_))).unwrap_or(self)
            }
            _ => self,
        }
    }

    /// What is wanted, with its article: `a string`, `an integer`.
    pub fn wanted(&self) -> String {
        match self {
            Self::Text(_) | Self::Words(_) | Self::Codec(_) => "a string".to_owned(),
            Self::Integer(..) => "an integer".to_owned(),
            Self::Bool => "a boolean".to_owned(),
            Self::Only(truth) => format!("`{truth}`"),
            Self::Date => "a date".to_owned(),
            Self::Pair => "a list of two integers".to_owned(),
            Self::List(item) => format!("a list of {}", item.plural()),
            Self::Map(..) | Self::Table(_) | Self::Layer | Self::Record(..) => "a table".to_owned(),
            Self::Either(shapes) => {
                let mut wanted: Vec<_> = shapes.iter().map(Self::wanted).collect();
                wanted.dedup();
                let last = wanted.pop().unwrap_or_default();
                if wanted.is_empty() { last } else { format!("{} or {last}", wanted.join(", ")) }
            }
            Self::Any => "a value".to_owned(),
        }
    }

    fn plural(&self) -> &'static str {
        match self {
            Self::Text(_) | Self::Words(_) | Self::Codec(_) => "strings",
            Self::Integer(..) => "integers",
            Self::Bool | Self::Only(_) => "booleans",
            Self::Date => "dates",
            Self::List(_) | Self::Pair => "lists",
            Self::Map(..) | Self::Table(_) | Self::Layer | Self::Record(..) => "tables",
            Self::Either(shapes) => shapes.first().map_or("values", Self::plural),
            Self::Any => "values",
        }
    }
}
