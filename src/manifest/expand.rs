//! `{{ names }}` in strings. Tera's syntax, expressions only: a name or a quoted text; no filters,
//! tags, functions or comments. Strict: a name that is not known is an error at its place.

use std::{collections::BTreeMap, ops::Range};

use super::{Node, Problem, Value, advice};
use crate::diagnostic::{Diagnostic, Diagnostics, Place};

/// The names that pkggen knows, with what each stands for.
#[rustfmt::skip]
pub const NAMES: &[(&str, &str)] = &[
    ("name",        "`package.name`"),
    ("title",       "`package.title`"),
    ("version",     "the version, wherever it came from"),
    ("identifier",  "`package.identifier`"),
    ("summary",     "`package.summary`"),
    ("os",          "the OS of the artifact: `linux`"),
    ("arch",        "its architecture: `x86_64`"),
    ("target",      "its target: `linux-x86_64`"),
    ("format",      "its format: `deb`"),
    ("variant",     "its variant, or nothing"),
    ("exe",         "`.exe` on Windows, else nothing"),
    ("goos",        "the OS as Go calls it: `darwin`"),
    ("goarch",      "the architecture as Go calls it: `amd64`"),
    ("debarch",     "as Debian calls it: `amd64`"),
    ("rpmarch",     "as rpm calls it: `x86_64`"),
    ("shortarch",   "in short: `x64`"),
    ("libc",        "`gnu` or `musl` on Linux, else nothing"),
    ("dir.bin",     "where programs are, in the format being built"),
    ("dir.libexec", "where helper programs are"),
    ("dir.lib",     "where libraries are"),
    ("dir.config",  "where configuration is"),
    ("dir.data",    "where data is"),
    ("dir.model",   "where models are"),
    ("dir.state",   "where the program keeps its state"),
    ("dir.log",     "where it logs"),
    ("dir.cache",   "where it caches"),
    ("sha256",      "the part's SHA-256, in `[component.NAME] url` only"),
];

/// What `{{ names }}` stand for in one artifact.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Names {
    known: BTreeMap<String, Option<String>>,
    /// `env.X` is looked up here; what is not in it is unset.
    pub env: BTreeMap<String, String>,
    any_env: bool,
}

impl Names {
    /// Sets a name: `version`, `dir.bin`.
    pub fn set(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.known.insert(name.into(), Some(value.into()));
    }

    /// A name that gets its value later: `{{ name }}` stays as it is.
    pub fn keep(&mut self, name: impl Into<String>) {
        self.known.insert(name.into(), None);
    }

    /// The value of a name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.known.get(name)?.as_deref()
    }

    /// Every name, without values: for judging a manifest before anything is known.
    pub(super) fn all() -> Self {
        let known = NAMES.iter().map(|(name, _)| ((*name).to_owned(), None)).collect();
        Self { known, env: BTreeMap::new(), any_env: true }
    }

    fn value(&self, name: &str) -> Result<Option<&str>, Problem> {
        if let Some(value) = self.known.get(name) {
            return Ok(value.as_deref());
        }
        match name.strip_prefix("env.") {
            Some(_) if self.any_env => Ok(None),
            Some(variable) => match self.env.get(variable) {
                Some(value) => Ok(Some(value)),
                None => Err(Problem::new(format!("the variable `{variable}` is not set"))
                    .hint(format!("set it: {variable}=… pkggen …"))),
            },
            None => {
                let problem = Problem::new(format!("there is no name `{name}`"));
                let known = self.known.keys().map(String::as_str);
                Err(Problem { hint: advice(name, known), ..problem })
            }
        }
    }
}

/// Every string of a tree with its `{{ names }}` replaced, once; keys stay. Values of `[vars]` may
/// use the given names, all other strings may use `[vars]` too.
pub fn expand(tree: &Node, names: &Names) -> Result<Node, Diagnostics> {
    let mut walk = Walk { names: names.clone(), found: Diagnostics::default() };
    let mut tree = tree.clone();
    let Value::Table(rows) = &mut tree.value else {
        walk.node(&mut tree, &mut Vec::new());
        return walk.finish(tree);
    };
    if let Some(Value::Table(vars)) = rows.get_mut("vars").map(|node| &mut node.value) {
        let mut own = Vec::new();
        for (key, node) in vars.iter_mut() {
            walk.var_name(&key.name, key.place.as_ref());
            walk.node(node, &mut Vec::new());
            let value = if walk.names.any_env { None } else { node.as_str() };
            own.push((key.name.clone(), value.map(str::to_owned)));
        }
        walk.names.known.extend(own);
    }
    for (key, node) in rows.iter_mut().filter(|(key, _)| key.name != "vars") {
        walk.node(node, &mut vec![key.name.clone()]);
    }
    walk.finish(tree)
}

/// Judges the `{{ names }}` of a tree before their values are known.
pub(super) fn judge(tree: &Node) -> Diagnostics {
    expand(tree, &Names::all()).err().unwrap_or_default()
}

struct Walk {
    names: Names,
    found: Diagnostics,
}

impl Walk {
    fn finish(self, tree: Node) -> Result<Node, Diagnostics> {
        if self.found.is_ok() { Ok(tree) } else { Err(self.found) }
    }

    fn var_name(&mut self, name: &str, place: Option<&Place>) {
        let problem = if !is_name(name) || name.contains('.') {
            Problem::new(format!("`{name}` cannot be a name in templates"))
                .hint("letters, digits and `_`, no digit first")
        } else if self.names.known.contains_key(name) || matches!(name, "env" | "dir") {
            Problem::new(format!("`{name}` is one of pkggen's own names"))
        } else {
            return;
        };
        self.problem("template.var", problem, place.cloned(), &[]);
    }

    fn node(&mut self, node: &mut Node, path: &mut Vec<String>) {
        match &mut node.value {
            Value::String(text) if text.contains('{') => {
                if let Some(expanded) = self.text(text, node.place.as_ref(), path) {
                    *text = expanded;
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.node(item, path)),
            Value::Table(rows) => {
                for (key, node) in rows.iter_mut() {
                    path.push(key.name.clone());
                    self.node(node, path);
                    path.pop();
                }
            }
            _ => {}
        }
    }

    fn text(&mut self, text: &str, place: Option<&Place>, path: &[String]) -> Option<String> {
        let pieces = match pieces(text) {
            Ok(pieces) => pieces,
            Err((range, problem)) => {
                let place = place.map(|place| narrow(place, text, &range));
                self.problem("template.syntax", problem, place, path);
                return None;
            }
        };
        let (mut expanded, mut problems) = (String::new(), Vec::new());
        for piece in pieces {
            match piece {
                Piece::Text(text) => expanded.push_str(text),
                Piece::Name { name, range } => match self.value(name, path) {
                    Ok(value) => expanded.push_str(value.unwrap_or(&text[range])),
                    Err(problem) => problems.push((problem, range)),
                },
            }
        }
        let ok = problems.is_empty();
        for (problem, range) in problems {
            let place = place.map(|place| narrow(place, text, &range));
            self.problem("template.unknown", problem, place, path);
        }
        ok.then_some(expanded)
    }

    fn value(&self, name: &str, path: &[String]) -> Result<Option<&str>, Problem> {
        let in_component =
            matches!(path, [.., component, _, url] if component == "component" && url == "url");
        if name == "sha256" && !in_component {
            return Err(Problem::new("`sha256` is known in `[component.NAME] url` only"));
        }
        self.names.value(name)
    }

    fn problem(
        &mut self,
        code: &'static str,
        problem: Problem,
        place: Option<Place>,
        path: &[String],
    ) {
        let mut error = Diagnostic::usage(code, problem.message).at(place);
        error.hint = problem.hint;
        error.secret = path.first().is_some_and(|table| table == "sign");
        self.found.error(error);
    }
}

enum Piece<'a> {
    Text(&'a str),
    /// With the range from `{{` to `}}`.
    Name {
        name: &'a str,
        range: Range<usize>,
    },
}

/// Cuts a text into what stays and what is replaced.
fn pieces(text: &str) -> Result<Vec<Piece<'_>>, (Range<usize>, Problem)> {
    let (mut pieces, mut at) = (Vec::new(), 0);
    while let Some(found) = text[at..].find("{{") {
        let start = at + found;
        no_tags(text, at..start)?;
        pieces.push(Piece::Text(&text[at..start]));
        let (inner, end) = expression(text, start)?;
        pieces.push(match quoted(inner) {
            Some(literal) => Piece::Text(literal),
            None if is_name(inner) => Piece::Name { name: inner, range: start..end },
            None => return Err((start..end, no_expression(inner))),
        });
        at = end;
    }
    no_tags(text, at..text.len())?;
    pieces.push(Piece::Text(&text[at..]));
    Ok(pieces)
}

fn no_tags(text: &str, range: Range<usize>) -> Result<(), (Range<usize>, Problem)> {
    for (tag, what) in [("{%", "tags"), ("{#", "comments")] {
        if let Some(found) = text[range.clone()].find(tag) {
            let at = range.start + found;
            let problem = Problem::new(format!("templates have no {what}: `{tag}`"))
                .hint(format!("`{{{{ \"{tag}\" }}}}` writes `{tag}`"));
            return Err((at..at + tag.len(), problem));
        }
    }
    Ok(())
}

/// What is between `{{` at `start` and its `}}`, and where that ends. Quotes hide braces.
fn expression(text: &str, start: usize) -> Result<(&str, usize), (Range<usize>, Problem)> {
    let mut quote = None;
    let inner = &text[start + 2..];
    for (at, c) in inner.char_indices() {
        match quote {
            Some(open) if c == open => quote = None,
            None if matches!(c, '"' | '\'' | '`') => quote = Some(c),
            None if inner[at..].starts_with("}}") => {
                return Ok((inner[..at].trim(), start + 2 + at + 2));
            }
            _ => {}
        }
    }
    let problem = Problem::new("`{{` is not closed")
        .hint("a name is written `{{ version }}`; `{{ \"{{\" }}` writes braces");
    Err((start..start + 2, problem))
}

fn quoted(inner: &str) -> Option<&str> {
    ['"', '\'', '`'].iter().find_map(|quote| {
        let text = inner.strip_prefix(*quote)?.strip_suffix(*quote)?;
        (inner.len() >= 2 && !text.contains(*quote)).then_some(text)
    })
}

fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text.split('.').all(|part| {
            part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
                && part.bytes().next().is_some_and(|b| !b.is_ascii_digit())
        })
}

fn no_expression(inner: &str) -> Problem {
    if inner.is_empty() {
        Problem::new("there is no name between `{{` and `}}`")
    } else if inner.contains('|') {
        Problem::new(format!("templates have no filters: `{inner}`")).hint(format!(
            "only a name may stand here: `{{{{ {} }}}}`",
            inner.split('|').next().unwrap_or_default().trim()
        ))
    } else if inner.contains('(') {
        Problem::new(format!("templates have no functions: `{inner}`"))
    } else {
        Problem::new(format!("`{inner}` is no name"))
            .hint("a name is written `{{ version }}`; `{{ \"{{\" }}` writes braces")
    }
}

/// The place of a part of a string. Exact unless the string was written with escapes that hide it.
pub(super) fn narrow(place: &Place, text: &str, range: &Range<usize>) -> Place {
    let part = &text[range.clone()];
    let Some(raw) = place.source.text.get(place.span.clone()) else { return place.clone() };
    let before = text[..range.start].matches(part).count();
    match raw.match_indices(part).nth(before) {
        Some((at, _)) if raw.matches(part).count() == text.matches(part).count() => {
            let start = place.span.start + at;
            Place { source: place.source.clone(), span: start..start + part.len() }
        }
        _ => place.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Names {
        let mut names = Names::default();
        names.set("version", "1.2.3");
        names.set("dir.bin", "/usr/bin");
        names.env.insert("HOST".into(), "box".into());
        names
    }

    fn expanded(text: &str) -> Result<String, String> {
        let tree = Node::table([("x", Node::from(text))]);
        match expand(&tree, &names()) {
            Ok(tree) => Ok(tree.get("x").unwrap().as_str().unwrap().to_owned()),
            Err(found) => Err(found.errors[0].message.clone()),
        }
    }

    #[test]
    fn names_are_replaced() {
        assert_eq!(expanded("v{{version}}-{{ env.HOST }}").unwrap(), "v1.2.3-box");
        assert_eq!(expanded("{{ dir.bin }}/x").unwrap(), "/usr/bin/x");
    }

    #[test]
    fn quoted_text_writes_braces() {
        assert_eq!(expanded(r#"{{ "{{" }} x {{ '}}' }}"#).unwrap(), "{{ x }}");
        assert_eq!(expanded(r#"${{ "{#" }}a}"#).unwrap(), "${#a}");
    }

    #[test]
    fn anything_but_a_name_is_refused() {
        for (text, message) in [
            ("{{ version", "`{{` is not closed"),
            ("{{ version | upper }}", "templates have no filters: `version | upper`"),
            ("{{ now() }}", "templates have no functions: `now()`"),
            ("{% if x %}", "templates have no tags: `{%`"),
            ("{# no #}", "templates have no comments: `{#`"),
            ("{{ 1 + 1 }}", "`1 + 1` is no name"),
            ("{{ }}", "there is no name between `{{` and `}}`"),
            ("{{ versoin }}", "there is no name `versoin`"),
            ("{{ env.NOPE }}", "the variable `NOPE` is not set"),
            ("{{ sha256 }}", "`sha256` is known in `[component.NAME] url` only"),
        ] {
            assert_eq!(expanded(text).unwrap_err(), message, "{text}");
        }
    }

    #[test]
    fn values_are_expanded_once() {
        let tree = Node::table([
            ("vars", Node::table([("a", "{{ \"{{\" }} version }}"), ("b", "b{{ version }}")])),
            ("x", Node::from("{{ a }} {{ b }}")),
        ]);
        let tree = expand(&tree, &names()).unwrap();
        assert_eq!(tree.get("x").unwrap().as_str(), Some("{{ version }} b1.2.3"));
    }

    #[test]
    fn the_place_is_the_expression_even_behind_escapes() {
        let source = std::sync::Arc::new(crate::diagnostic::SourceText {
            name: "m".into(),
            text: "x = \"\\t{{ version }} {{ nope }}\"\n".into(),
        });
        let found = expand(&Node::parse(&source).unwrap(), &names()).unwrap_err();
        let place = found.errors[0].place.clone().unwrap();
        assert_eq!(&source.text[place.span], "{{ nope }}");
    }
}
