//! `docs/manifest.md`: the guide, and every key from the declarations.

use std::{collections::BTreeSet, fmt::Write as _};

use super::{Field, FormatTable, NAMES, Shape, TableShape, root_shape};
use crate::tree::PayloadType;

/// The prose; `<!-- names -->` and `<!-- tables -->` stand for what is generated.
const GUIDE: &str = include_str!("guide.md");

/// The whole of `docs/manifest.md` for these formats' tables.
pub fn reference(tables: &[FormatTable]) -> String {
    let Shape::Table(root) = root_shape(tables) else { unreachable!("the root is a table") };
    let mut names = String::from("| name | stands for |\n|---|---|\n");
    for (name, doc) in NAMES {
        let _ = writeln!(names, "| `{name}` | {doc} |");
    }
    let mut text = Reference { text: String::new(), done: BTreeSet::new() };
    for field in &root.fields {
        text.field(field);
    }
    let fill = |guide: &str, mark: &str, with: &str| guide.replace(mark, with.trim_end());
    let guide = fill(GUIDE, "<!-- names -->", &names);
    fill(&guide, "<!-- tables -->", &text.text)
}

struct Reference {
    text: String,
    done: BTreeSet<String>,
}

impl Reference {
    /// A table of the manifest's root, and the tables below it.
    fn field(&mut self, field: &Field) {
        let name = match &field.shape {
            Shape::Map(..) if field.key == "vars" => format!("[{}]", field.key),
            Shape::Map("a selector", _) => format!("[{}.SELECTOR]", field.key),
            Shape::Map(..) => format!("[{}.NAME]", field.key),
            _ => format!("[{}]", field.key),
        };
        let _ = write!(self.text, "### `{name}`\n\n");
        let below = inner(&field.shape);
        match below {
            Some(table) => self.table(table, &name),
            None => {
                let _ = write!(self.text, "{}\n\n", paragraph(field.doc));
            }
        }
    }

    fn table(&mut self, table: &TableShape, name: &str) {
        let _ = write!(self.text, "{}\n\n", paragraph(table.doc));
        self.text.push_str("| key | value | default | meaning |\n|---|---|---|---|\n");
        for field in &table.fields {
            let default = match (field.required, field.default) {
                (true, _) => "**required**".to_owned(),
                (false, Some(default)) => code(default),
                (false, None) => "–".to_owned(),
            };
            let mut meaning = cell(field.doc);
            if let Some(words) = words(&field.shape) {
                let words: Vec<_> =
                    words.iter().map(|(word, doc)| format!("`{word}`: {doc}")).collect();
                let _ = write!(meaning, " {}.", cell(&words.join("; ")));
            }
            let (key, value) = (&field.key, cell(&value(&field.shape)));
            let _ = writeln!(self.text, "| `{key}` | {value} | {} | {meaning} |", cell(&default));
        }
        self.text.push('\n');
        for field in &table.fields {
            if let Some(below) = inner(&field.shape).filter(|t| self.done.insert(t.name.to_owned()))
            {
                let name = below_name(name, field);
                let _ = write!(self.text, "#### `{name}`\n\n");
                self.table(below, &name);
            }
        }
    }
}

/// `[payload]` and `files`: `[payload] files`; `[service.NAME]` and `windows`: with a dot.
fn below_name(name: &str, field: &Field) -> String {
    match field.shape {
        Shape::List(_) => format!("{name} {}", field.key),
        _ => format!("{}.{}]", name.trim_end_matches(']'), field.key),
    }
}

/// The table that a value is, or is made of.
fn inner(shape: &Shape) -> Option<&TableShape> {
    match shape {
        Shape::Table(table) => Some(table),
        Shape::List(item) | Shape::Map(_, item) => inner(item),
        Shape::Either(shapes) => shapes.iter().find_map(inner),
        _ => None,
    }
}

/// The words of an enum, unless they have a chapter of their own.
fn words(shape: &Shape) -> Option<&[(&'static str, &'static str)]> {
    match shape {
        Shape::Words(words) if words.len() < PayloadType::ALL.len() => Some(words),
        Shape::List(item) | Shape::Map(_, item) => words(item),
        _ => None,
    }
}

/// What a value is, in words.
fn value(shape: &Shape) -> String {
    match shape {
        Shape::Text(what) => (*what).to_owned(),
        Shape::Words(words) if words.len() >= PayloadType::ALL.len() => {
            "a [type](#types-where-things-go)".to_owned()
        }
        Shape::Words(words) => {
            words.iter().map(|(word, _)| format!("`{word}`")).collect::<Vec<_>>().join(", ")
        }
        Shape::Codec(codecs) => {
            let codec = |(word, min, max): &(&str, u32, u32)| {
                if min == max { format!("`{word}`") } else { format!("`{word}` ({min} to {max})") }
            };
            let codecs: Vec<_> = codecs.iter().map(codec).collect();
            format!("{}, with a level: `codec:LEVEL` or `codec:max`", codecs.join(", "))
        }
        Shape::Record(_, rows) => {
            let rows: Vec<_> = rows.iter().map(|(key, ..)| format!("{key} = …")).collect();
            format!("`{{ {} }}`", rows.join(", "))
        }
        Shape::List(item) => match &**item {
            Shape::Table(_) => "a list of tables".to_owned(),
            item => format!("a list: {}", value(item)),
        },
        Shape::Map(key, item) => match &**item {
            Shape::Any => "a table, passed on as it is".to_owned(),
            item => format!("a table: {key} = {}", value(item)),
        },
        Shape::Either(shapes) => {
            let mut all: Vec<_> = shapes.iter().map(value).collect();
            all.dedup();
            all.join(" or ")
        }
        other => other.wanted(),
    }
}

/// A default is code unless it is written as words.
fn code(default: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.:".contains(c);
    if default.chars().all(plain) { format!("`{default}`") } else { default.to_owned() }
}

fn paragraph(doc: &str) -> String {
    doc.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn cell(text: &str) -> String {
    paragraph(text).replace('|', "\\|")
}
