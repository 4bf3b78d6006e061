//! From [`Node`]s to types, all mistakes at once.
//!
//! serde stops at the first mistake; a manifest is read by a person who wants to hear of all of
//! them. Decoding is a walk that notes errors and goes on with defaults.

use std::{fmt, ops::Deref};

use super::{
    expand::narrow,
    node::{Key, Node, Value},
    shape::{Shape, TableShape},
};
use crate::diagnostic::{Diagnostic, Diagnostics, Place};

/// A type that a value of the manifest can be.
pub trait Decode: Sized {
    /// Reads it; notes every mistake. `None` when there is nothing to go on with.
    fn decode(node: &Node, to: &mut Decoder) -> Option<Self>;

    /// What it looks like.
    fn shape() -> Shape;

    /// What holds when the key is not there; `None` makes it required.
    fn absent() -> Option<Self> {
        None
    }
}

/// A type with fixed keys, made by [`table!`](crate::table).
pub trait DecodeTable: Decode {
    /// Its keys.
    fn table_shape() -> TableShape;
}

/// A type that a key of a map can be.
pub trait DecodeKey: Ord + Sized {
    /// What it is: `an OS`, `a variable`.
    const WHAT: &'static str;

    /// Reads it, or says what is wrong.
    fn decode_key(key: &str) -> Result<Self, Problem>;
}

/// What is wrong with a text.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Problem {
    /// One sentence.
    pub message: String,
    /// What to do next.
    pub hint: Option<String>,
    /// Which part of the text it is, in bytes; else all of it.
    pub range: Option<std::ops::Range<usize>>,
}

impl Problem {
    /// A problem without advice.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), ..Self::default() }
    }

    /// What to do next.
    pub fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}

/// A value with its place.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// Where it was written.
    pub place: Option<Place>,
}

impl<T> Deref for Spanned<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

/// Where decoding stands and what it found.
#[derive(Debug, Default)]
pub struct Decoder {
    /// What it found.
    pub found: Diagnostics,
    path: Vec<String>,
    /// Strings may still hold `{{ names }}`: those are not judged yet.
    templates: bool,
}

/// Reads an expanded tree as one type.
pub fn decode<T: Decode>(node: &Node) -> Result<T, Diagnostics> {
    let mut to = Decoder::default();
    let value = T::decode(node, &mut to);
    to.finish(value)
}

/// Reads the value of a key of an expanded tree; what holds without the key if it is not there.
pub fn decode_key<T: Decode>(node: &Node, key: &str) -> Result<T, Diagnostics> {
    let mut to = Decoder::default();
    let value = match node.get(key) {
        Some(node) => to.within(key, |to| T::decode(node, to)),
        None => T::absent().or_else(|| {
            to.note("manifest.missing", format!("the manifest has no `{key}`"), None);
            None
        }),
    };
    to.finish(value)
}

impl Decoder {
    /// For trees that are not expanded yet.
    pub fn with_templates() -> Self {
        Self { templates: true, ..Self::default() }
    }

    /// The value, unless something was wrong.
    pub fn finish<T>(self, value: Option<T>) -> Result<T, Diagnostics> {
        match value {
            Some(value) if self.found.is_ok() => Ok(value),
            _ => Err(self.found),
        }
    }

    /// Whether a text is not judged yet because a name in it is not known.
    pub fn deferred(&self, text: &str) -> bool {
        self.templates && text.contains("{{")
    }

    /// Goes one key down.
    pub fn within<T>(&mut self, key: &str, work: impl FnOnce(&mut Self) -> T) -> T {
        self.path.push(key.to_owned());
        let value = work(self);
        self.path.pop();
        value
    }

    /// Where it stands: `payload.files[2].mode`.
    pub fn path(&self) -> String {
        let mut text = String::new();
        for part in &self.path {
            if !text.is_empty() && !part.starts_with('[') {
                text.push('.');
            }
            text.push_str(part);
        }
        text
    }

    /// Notes an error.
    pub fn note(&mut self, code: &'static str, message: impl Into<String>, place: Option<&Place>) {
        self.record(Diagnostic::usage(code, message).at(place.cloned()));
    }

    /// Notes an error; where secrets may be, without its line.
    fn record(&mut self, error: Diagnostic) {
        let hidden = self.near_secrets();
        self.found.error(if hidden { error.secret() } else { error });
    }

    /// A secret may be here, since somebody took a key for its value.
    pub(super) fn near_secrets(&self) -> bool {
        self.path.first().is_some_and(|table| table == "sign")
            && self.path.get(1).is_none_or(|key| key != "mode")
    }

    /// Notes what is wrong with a value; which one is said in words when it has no place.
    pub fn problem(&mut self, problem: Problem, place: Option<&Place>) {
        let message = match place {
            None if !self.path.is_empty() => format!("`{}`: {}", self.path(), problem.message),
            _ => problem.message,
        };
        let mut error = Diagnostic::usage("manifest.value", message).at(place.cloned());
        error.hint = problem.hint;
        self.record(error);
    }

    /// Notes that a value is of another type than `wanted` (`a string`).
    pub fn wrong_type(&mut self, node: &Node, wanted: &str) {
        let found = match &node.value {
            Value::String(_) if self.near_secrets() => "a string".to_owned(),
            Value::String(text) if text.len() <= 40 => format!("the string {text:?}"),
            Value::Integer(number) => format!("the integer {number}"),
            Value::Bool(truth) => format!("the boolean {truth}"),
            other => other.kind().to_owned(),
        };
        let message = match self.path() {
            path if path.is_empty() => format!("{wanted} is wanted here, not {found}"),
            path => format!("`{path}` is {found}, and {wanted} is wanted"),
        };
        self.note("manifest.type", message, node.place.as_ref());
    }

    /// Reads the field `key` of a table: its value, or what holds without it.
    pub fn field<T: Decode>(&mut self, node: &Node, key: &str) -> Option<T> {
        match node.get(key) {
            Some(value) => self.within(key, |to| T::decode(value, to)).or_else(T::absent),
            None => T::absent().or_else(|| {
                let path = self.path();
                let message = if path.is_empty() {
                    format!("the manifest has no `[{key}]`")
                } else {
                    format!("`{path}` has no `{key}`, which is required")
                };
                let mut error = Diagnostic::usage("manifest.missing", message);
                error.hint = (key == "package" && path.is_empty()).then(|| {
                    "every manifest has one, with `name`, `version`, `summary` and `license`".into()
                });
                self.record(error.at(node.place.clone()));
                None
            }),
        }
    }

    /// Reads the field `key` of a table, or takes the default.
    pub fn field_or<T: Decode>(&mut self, node: &Node, key: &str, default: T) -> Option<T> {
        let Some(value) = node.get(key) else { return Some(default) };
        Some(self.within(key, |to| T::decode(value, to)).unwrap_or(default))
    }

    /// Notes every key of a table that is not one of `known`.
    pub fn unknown_keys(&mut self, node: &Node, known: &[String]) {
        for (key, _) in node.rows().filter(|(key, _)| !known.contains(&key.name)) {
            self.unknown_key(key, known);
        }
    }

    /// Notes a key that is not one of `known`.
    pub fn unknown_key(&mut self, key: &Key, known: &[String]) {
        let message = match self.path() {
            path if path.is_empty() => format!("the manifest has no table `{}`", key.name),
            path => format!("`{path}` has no key `{}`", key.name),
        };
        let mut error = Diagnostic::usage("manifest.unknown-key", message).at(key.place.clone());
        error.hint = advice(&key.name, known.iter().map(String::as_str));
        self.record(error);
    }
}

/// `did you mean …`, or the whole list when nothing is near.
pub fn advice<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<String> {
    let known: Vec<_> = known.collect();
    match crate::diagnostic::similar(word, known.iter().copied()) {
        Some(near) => Some(format!("did you mean `{near}`?")),
        None if known.is_empty() => None,
        None => Some(format!("known are {}", list(&known))),
    }
}

/// `` `a`, `b` and `c` ``
pub fn list<T: fmt::Display>(words: &[T]) -> String {
    let words: Vec<_> = words.iter().map(|word| format!("`{word}`")).collect();
    match words.split_last() {
        None => "none".to_owned(),
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
    }
}

impl Decoder {
    /// Reads one of the words of an enum.
    pub fn word<T: Copy>(&mut self, node: &Node, words: &[(T, &str, &str)]) -> Option<T> {
        let Some(text) = node.as_str() else {
            self.wrong_type(node, "a string");
            return None;
        };
        let found = words.iter().find(|(_, word, _)| *word == text).map(|(value, ..)| *value);
        if found.is_none() && !self.deferred(text) {
            let words: Vec<_> = words.iter().map(|(_, word, _)| *word).collect();
            let message = format!("`{}` cannot be `{text}`", self.path());
            let problem = Problem::new(message).hint(format!("it can be {}", either(&words)));
            self.problem(problem, node.place.as_ref());
        }
        found
    }

    /// Reads a whole number between two others, both included.
    pub fn bounded(&mut self, node: &Node, number: i64, min: u32, max: u32) -> Option<u32> {
        let fits = u32::try_from(number).ok().filter(|number| (min..=max).contains(number));
        if fits.is_none() {
            let message = format!("`{}` is {number}, and can be {min} to {max}", self.path());
            self.note("manifest.value", message, node.place.as_ref());
        }
        fits
    }

    /// Reads a text with rules of its own.
    pub fn checked(
        &mut self,
        node: &Node,
        check: impl FnOnce(&str) -> Result<(), Problem>,
    ) -> Option<String> {
        let text = String::decode(node, self)?;
        if self.deferred(&text) {
            return Some(text);
        }
        let Err(problem) = check(&text) else { return Some(text) };
        let place = match (&problem.range, &node.place) {
            (Some(range), Some(place)) => Some(narrow(place, &text, range)),
            (_, place) => place.clone(),
        };
        self.problem(problem, place.as_ref());
        None
    }
}

/// `` `a`, `b` or `c` ``
pub fn either<T: fmt::Display>(words: &[T]) -> String {
    let words: Vec<_> = words.iter().map(|word| format!("`{word}`")).collect();
    match words.split_last() {
        None => "nothing".to_owned(),
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
    }
}

/// Reads a key that is one of the words of an enum.
pub fn word_key<T: Copy>(key: &str, what: &str, words: &[(T, &str, &str)]) -> Result<T, Problem> {
    let found = words.iter().find(|(_, word, _)| *word == key).map(|(value, ..)| *value);
    found.ok_or_else(|| {
        let hint = advice(key, words.iter().map(|(_, word, _)| *word));
        Problem { hint, ..Problem::new(format!("`{key}` is not {what}")) }
    })
}
