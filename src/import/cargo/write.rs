//! A manifest as TOML, each table with a word about it: what `pkggen init` starts from.

use std::fmt::Write;

use crate::manifest::{Node, Value};

/// What is said above each table.
const ABOUT: [(&str, &str); 8] = [
    ("package", "what the product is called, which version it is, who made it"),
    ("targets", "for which systems, in which formats"),
    ("payload", "what is shipped; `type` says where it goes on each system"),
    ("service", "background programs"),
    ("scripts", "scripts of the package's own"),
    ("deb", "what only Debian packages say"),
    ("override", "exceptions, merged over the rest where they apply"),
    ("vars", "names for templates"),
];

/// Writes the tables in the order they are explained.
pub(super) fn toml(node: &Node) -> String {
    let mut out = String::from(
        "# Made from Cargo.toml. `pkggen check` looks for mistakes, `pkggen explain` explains.\n",
    );
    for (name, about) in ABOUT {
        if let Some(node) = node.get(name) {
            let _ = write!(out, "\n# {name}: {about}\n");
            table(&mut out, &[name.to_owned()], node);
        }
    }
    let others = node.rows().filter(|(key, _)| ABOUT.iter().all(|(name, _)| key.name != *name));
    for (key, node) in others {
        out.push('\n');
        table(&mut out, std::slice::from_ref(&key.name), node);
    }
    out
}

/// A table with its values first and its tables after.
fn table(out: &mut String, path: &[String], node: &Node) {
    let is_table = |path: &[String], node: &Node| {
        matches!(node.value, Value::Table(_))
            && (path.len() < 2 && path[0] != "package" && path[0] != "targets"
                || path[0] == "override")
    };
    let (tables, values): (Vec<_>, Vec<_>) =
        node.rows().partition(|(_, node)| is_table(path, node));
    if !values.is_empty() || tables.is_empty() {
        let header: Vec<_> = path.iter().map(|part| key(part)).collect();
        let _ = writeln!(out, "[{}]", header.join("."));
    }
    for (name, node) in values {
        let _ = writeln!(out, "{} = {}", key(&name.name), value(node, true));
    }
    for (name, node) in tables {
        let mut path = path.to_vec();
        path.push(name.name.clone());
        table(out, &path, node);
    }
}

fn key(name: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if !name.is_empty() && name.chars().all(bare) { name.to_owned() } else { string(name) }
}

fn value(node: &Node, may_break: bool) -> String {
    match &node.value {
        Value::String(text) if may_break && text.contains('\n') => paragraph(text),
        Value::String(text) => string(text),
        Value::Integer(number) => number.to_string(),
        Value::Float(number) => number.to_string(),
        Value::Bool(truth) => truth.to_string(),
        Value::Datetime(date) => date.clone(),
        Value::Array(items) => {
            let texts: Vec<_> = items.iter().map(|item| value(item, false)).collect();
            let line = format!("[{}]", texts.join(", "));
            if may_break && line.len() > 80 && texts.len() > 1
                || texts.iter().any(|t| t.starts_with('{'))
            {
                format!("[\n  {},\n]", texts.join(",\n  "))
            } else {
                line
            }
        }
        Value::Table(rows) => {
            let rows: Vec<_> = rows
                .iter()
                .map(|(name, node)| format!("{} = {}", key(&name.name), value(node, false)))
                .collect();
            format!("{{ {} }}", rows.join(", "))
        }
    }
}

fn string(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() => {
                let _ = write!(out, "\\u{:04X}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// A text of several lines; `"""` cannot end it early because quotes are escaped.
fn paragraph(text: &str) -> String {
    let lines: Vec<_> = text
        .split('\n')
        .map(|line| {
            let line = string(line);
            line[1..line.len() - 1].to_owned()
        })
        .collect();
    format!("\"\"\"\n{}\"\"\"", lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::SourceText;

    #[test]
    fn what_is_written_reads_back() {
        let text = "[package]\nname = \"a\\\"b\"\ndescription = \"one\\n\\\"\\\"\\\"two\\\\\"\n\
                    [targets]\nlinux = { arch = [\"x86_64\"], formats = [] }\n\
                    [payload]\nfiles = [{ source = \"a\", type = \"bin\" }, { source = \"b\" }]\n\
                    [service.\"a.timer\"]\nunit = \"x\"\nenable = true\n\
                    [scripts.deb]\npre-install = \"p\"\n[deb]\ndebconf = { config = \"a\\nb\" }\n\
                    [override.linux-x86_64.deb]\ndepends = [\"x\"]\n";
        let read = |text: &str| {
            let source = SourceText { name: "x".into(), text: text.into() };
            Node::parse(&std::sync::Arc::new(source)).unwrap()
        };
        let written = toml(&read(text));
        assert_eq!(strip(read(&written)), strip(read(text)), "{written}");
    }

    /// Without places and in one order.
    fn strip(node: Node) -> String {
        match node.value {
            Value::Table(rows) => {
                let mut rows: Vec<_> = rows
                    .iter()
                    .map(|(key, node)| format!("{}:{}", key.name, strip(node.clone())))
                    .collect();
                rows.sort();
                format!("{{{}}}", rows.join(","))
            }
            Value::Array(items) => items.into_iter().map(strip).collect::<Vec<_>>().join(";"),
            other => format!("{other:?}"),
        }
    }
}
