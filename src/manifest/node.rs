//! TOML values with their places: what was written, before it means anything.

use std::sync::Arc;

use toml::de::{DeTable, DeValue};

use crate::diagnostic::{Diagnostic, Diagnostics, Place, SourceText};

/// A value with its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// What it is.
    pub value: Value,
    /// Where it was written; `None` for what was derived (Cargo, `--set`).
    pub place: Option<Place>,
}

/// What a [`Node`] holds.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Text.
    String(String),
    /// A whole number.
    Integer(i64),
    /// Any other number.
    Float(f64),
    /// `true` or `false`.
    Bool(bool),
    /// A date, a time or both, as RFC 3339 writes them.
    Datetime(String),
    /// A list.
    Array(Vec<Node>),
    /// Keys and values.
    Table(Table),
}

/// Keys and values in the order they were written.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    rows: Vec<(Key, Node)>,
}

/// A key of a [`Table`].
#[derive(Clone, Debug, PartialEq)]
pub struct Key {
    /// As text, without quotes.
    pub name: String,
    /// Where it was written.
    pub place: Option<Place>,
}

impl Value {
    /// What it is, with its article: `a string`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::String(_) => "a string",
            Self::Integer(_) => "an integer",
            Self::Float(_) => "a float",
            Self::Bool(_) => "a boolean",
            Self::Datetime(_) => "a date",
            Self::Array(_) => "a list",
            Self::Table(_) => "a table",
        }
    }
}

impl Node {
    /// A value nobody wrote.
    pub fn new(value: impl Into<Value>) -> Self {
        Self { value: value.into(), place: None }
    }

    /// A table of these keys, in this order.
    pub fn table<K: Into<String>, V: Into<Self>>(rows: impl IntoIterator<Item = (K, V)>) -> Self {
        Self::new(Value::Table(rows.into_iter().collect()))
    }

    /// The same value at a place.
    pub fn at(self, place: impl Into<Option<Place>>) -> Self {
        Self { place: place.into(), ..self }
    }

    /// The text, if it is a string.
    pub fn as_str(&self) -> Option<&str> {
        match &self.value {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// The number, if it is an integer.
    pub fn as_integer(&self) -> Option<i64> {
        match self.value {
            Value::Integer(number) => Some(number),
            _ => None,
        }
    }

    /// The truth, if it is a boolean.
    pub fn as_bool(&self) -> Option<bool> {
        match self.value {
            Value::Bool(truth) => Some(truth),
            _ => None,
        }
    }

    /// The items, if it is a list.
    pub fn as_array(&self) -> Option<&[Self]> {
        match &self.value {
            Value::Array(items) => Some(items),
            _ => None,
        }
    }

    /// The rows, if it is a table.
    pub fn as_table(&self) -> Option<&Table> {
        match &self.value {
            Value::Table(table) => Some(table),
            _ => None,
        }
    }

    /// The value of a key, if it is a table that has it.
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.as_table()?.get(key)
    }

    /// The value below several keys.
    pub fn find(&self, path: &[&str]) -> Option<&Self> {
        path.iter().try_fold(self, |node, key| node.get(key))
    }

    /// The rows, if it is a table; none else.
    pub fn rows(&self) -> impl Iterator<Item = (&Key, &Self)> {
        self.as_table().into_iter().flat_map(Table::iter)
    }

    /// Sets a value below several keys, making tables on the way.
    pub fn set(&mut self, path: &[&str], node: impl Into<Self>) {
        let Some((first, rest)) = path.split_first() else {
            *self = node.into();
            return;
        };
        if self.as_table().is_none() {
            self.value = Value::Table(Table::default());
        }
        if let Value::Table(table) = &mut self.value {
            if table.get(first).is_none() {
                table.insert(*first, Self::new(Table::default()));
            }
            table.get_mut(first).expect("it was just made").set(rest, node);
        }
    }

    /// A manifest's text, for tests.
    #[cfg(test)]
    pub(crate) fn sample(text: &str) -> Self {
        let source = SourceText { name: "pkggen.toml".into(), text: text.into() };
        Self::parse(&Arc::new(source)).expect("it is TOML")
    }

    /// Reads TOML. Every syntax error is reported with its place.
    pub fn parse(source: &Arc<SourceText>) -> Result<Self, Diagnostics> {
        let (table, errors) = DeTable::parse_recoverable(&source.text);
        if errors.is_empty() {
            let reader = Reader { source };
            let mut found = Diagnostics::default();
            let span = table.span();
            let value = Value::Table(reader.table(table.into_inner(), &mut found));
            return if found.is_ok() {
                Ok(Self { value, place: Some(reader.place(span)) })
            } else {
                Err(found)
            };
        }
        let mut found = Diagnostics::default();
        for error in errors {
            let place = error.span().map(|span| Place { source: source.clone(), span });
            found.error(Diagnostic::usage("manifest.syntax", error.message()).at(place));
        }
        found.sort();
        Err(found)
    }
}

struct Reader<'a> {
    source: &'a Arc<SourceText>,
}

impl Reader<'_> {
    fn place(&self, span: std::ops::Range<usize>) -> Place {
        Place { source: self.source.clone(), span }
    }

    fn table(&self, table: DeTable<'_>, found: &mut Diagnostics) -> Table {
        let mut rows: Vec<_> = table.into_iter().collect();
        rows.sort_by_key(|(key, _)| key.span().start);
        let rows = rows.into_iter().map(|(key, value)| {
            let place = Some(self.place(key.span()));
            let key = Key { name: key.into_inner().into_owned(), place };
            (key, self.node(value.span(), value.into_inner(), found))
        });
        Table { rows: rows.collect() }
    }

    fn node(
        &self,
        span: std::ops::Range<usize>,
        value: DeValue<'_>,
        found: &mut Diagnostics,
    ) -> Node {
        let place = self.place(span);
        let value = match value {
            DeValue::String(text) => Value::String(text.into_owned()),
            DeValue::Boolean(truth) => Value::Bool(truth),
            DeValue::Datetime(date) => Value::Datetime(date.to_string()),
            DeValue::Integer(number) => {
                let value = i64::from_str_radix(number.as_str(), number.radix());
                if value.is_err() {
                    let message = format!("`{}` is too large a number", number.as_str());
                    found.error(Diagnostic::usage("manifest.syntax", message).at(place.clone()));
                }
                Value::Integer(value.unwrap_or(0))
            }
            DeValue::Float(number) => Value::Float(number.as_str().parse().unwrap_or(f64::NAN)),
            DeValue::Array(items) => Value::Array(
                items
                    .into_iter()
                    .map(|item| self.node(item.span(), item.into_inner(), found))
                    .collect(),
            ),
            DeValue::Table(table) => Value::Table(self.table(table, found)),
        };
        Node { value, place: Some(place) }
    }
}

impl Table {
    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.rows.iter().find(|(there, _)| there.name == key).map(|(_, node)| node)
    }

    /// The value of a key, to be changed.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Node> {
        self.rows.iter_mut().find(|(there, _)| there.name == key).map(|(_, node)| node)
    }

    /// Sets a key; one that is there keeps its row.
    pub fn insert(&mut self, key: impl Into<Key>, node: impl Into<Node>) {
        let (key, node) = (key.into(), node.into());
        match self.rows.iter_mut().find(|(there, _)| there.name == key.name) {
            Some(row) => *row = (key, node),
            None => self.rows.push((key, node)),
        }
    }

    /// Takes a key away.
    pub fn remove(&mut self, key: &str) -> Option<Node> {
        let at = self.rows.iter().position(|(there, _)| there.name == key)?;
        Some(self.rows.remove(at).1)
    }

    /// Keeps the rows whose key fits.
    pub fn retain(&mut self, mut fits: impl FnMut(&Key) -> bool) {
        self.rows.retain(|(key, _)| fits(key));
    }

    /// The rows in order.
    pub fn iter(&self) -> impl Iterator<Item = (&Key, &Node)> {
        self.rows.iter().map(|(key, node)| (key, node))
    }

    /// The rows in order, values to be changed.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (&Key, &mut Node)> {
        self.rows.iter_mut().map(|(key, node)| (&*key, node))
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

impl<K: Into<String>, V: Into<Node>> FromIterator<(K, V)> for Table {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(rows: I) -> Self {
        let mut table = Self::default();
        for (key, node) in rows {
            table.insert(Key { name: key.into(), place: None }, node);
        }
        table
    }
}

impl From<&str> for Key {
    fn from(name: &str) -> Self {
        Self { name: name.to_owned(), place: None }
    }
}

impl From<String> for Key {
    fn from(name: String) -> Self {
        Self { name, place: None }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::String(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::String(text)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Integer(number)
    }
}

impl From<bool> for Value {
    fn from(truth: bool) -> Self {
        Self::Bool(truth)
    }
}

impl From<Table> for Value {
    fn from(table: Table) -> Self {
        Self::Table(table)
    }
}

impl<T: Into<Node>> From<Vec<T>> for Value {
    fn from(items: Vec<T>) -> Self {
        Self::Array(items.into_iter().map(Into::into).collect())
    }
}

impl<T: Into<Value>> From<T> for Node {
    fn from(value: T) -> Self {
        Self::new(value)
    }
}
