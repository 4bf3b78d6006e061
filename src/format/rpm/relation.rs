//! Relations in rpm's syntax, parsed once: `a`, `lib.so.1(V)(64bit)`, `b >= 1:2.0-3`, `(a or b)`.
//!
//! Format: rpm `docs/manual/dependencies.md`, `boolean_dependencies.md`; the rules are those of rpm's
//! own parser (`build/parseReqs.c`, `lib/rpmds.c`), with clearer words.

use std::fmt;

use super::tags::sense::{EQUAL, GREATER, LESS};

/// One relation, as a header holds it. Sorted and compared as rpmbuild does: by name, version, flags.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Relation {
    /// A name, a path, `name(argument)`, or a whole rich relation.
    pub name: String,
    /// `[epoch:]version[-release]`, or empty.
    pub version: String,
    /// Comparison and context: `tags::sense`.
    pub flags: u32,
}

/// Where a relation stands: not every kind takes every form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // rpm's words
pub enum Field {
    Requires,
    Recommends,
    Suggests,
    Supplements,
    Enhances,
    Conflicts,
    Obsoletes,
    Provides,
    Order,
}

/// Why a text is no relation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no relation: {why}")]
pub struct RelationError {
    /// As written.
    pub text: String,
    /// What is wrong with it.
    pub why: String,
}

/// Comparisons, rpm's own first: the others are understood and rewritten.
#[rustfmt::skip]
const COMPARISONS: [(&str, u32); 8] = [
    ("<", LESS), ("<=", LESS | EQUAL), ("=", EQUAL), (">=", GREATER | EQUAL), (">", GREATER),
    ("=<", LESS | EQUAL), ("==", EQUAL), ("=>", GREATER | EQUAL),
];

/// The bits of a comparison.
pub const COMPARISON: u32 = LESS | GREATER | EQUAL;

/// How deep rich relations may be nested: rpm has no limit and no use for more.
const MAX_DEPTH: usize = 32;

impl Relation {
    /// A name alone.
    pub fn plain(name: impl Into<String>) -> Self {
        Self::with_flags(name, 0)
    }

    /// A name in a context.
    pub fn with_flags(name: impl Into<String>, flags: u32) -> Self {
        Self { name: name.into(), version: String::new(), flags }
    }

    /// A name and a version.
    pub fn versioned(name: impl Into<String>, flags: u32, version: impl Into<String>) -> Self {
        Self { name: name.into(), version: version.into(), flags }
    }

    /// Parses one relation.
    pub fn parse(text: &str, field: Field) -> Result<Self, RelationError> {
        let wrong = |why: String| RelationError { text: text.to_owned(), why };
        let mut words = Words { rest: text.trim() };
        let relation = if words.rest.starts_with('(') {
            rich(&mut words, field).map_err(wrong)?
        } else {
            simple(&mut words, field, false).map_err(wrong)?
        };
        words.skip_blank();
        match words.rest.chars().next() {
            None => Ok(relation),
            Some(')') => Err(wrong("a `)` has no `(`".into())),
            Some(_) if relation.is_rich() => {
                Err(wrong(format!("`{}` stands after the last `)`", words.rest)))
            }
            Some(_) => Err(wrong(not_a_comparison(words.rest))),
        }
    }

    /// Whether it is `(a or b)` and its kind.
    pub fn is_rich(&self) -> bool {
        self.name.starts_with('(')
    }
}

/// As rpm prints it: `a >= 1.2`.
impl fmt::Display for Relation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        let comparison = COMPARISONS.iter().find(|(_, flags)| *flags == self.flags & COMPARISON);
        match comparison {
            Some((word, _)) if !self.version.is_empty() => write!(f, " {word} {}", self.version),
            _ => Ok(()),
        }
    }
}

/// What is left of a text.
#[derive(Clone, Copy)]
struct Words<'a> {
    rest: &'a str,
}

impl<'a> Words<'a> {
    fn skip_blank(&mut self) {
        self.rest = self.rest.trim_start();
    }

    /// Up to a blank or a `)` that closes what was open before.
    fn word(&mut self) -> &'a str {
        let mut open = 0_usize;
        let end = self.rest.find(|c: char| match c {
            c if c.is_whitespace() => true,
            ')' if open == 0 => true,
            ')' => {
                open -= 1;
                false
            }
            '(' => {
                open += 1;
                false
            }
            _ => false,
        });
        let (word, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        self.rest = rest;
        word
    }
}

fn not_a_comparison(rest: &str) -> String {
    let word = rest.split_whitespace().next().unwrap_or_default();
    if word.starts_with(|c: char| c.is_ascii_digit()) {
        return format!("between the name and `{word}` a comparison is missing, like `>=`");
    }
    format!(
        "`{word}` is no comparison (`<`, `<=`, `=`, `>=`, `>`); several relations are several items"
    )
}

/// `name`, `name >= version`.
fn simple(words: &mut Words<'_>, field: Field, in_rich: bool) -> Result<Relation, String> {
    let name = words.word();
    check_name(name, field)?;
    let mut after = *words;
    after.skip_blank();
    let comparison = after.word();
    let Some((_, flags)) = COMPARISONS.iter().find(|(word, _)| *word == comparison) else {
        return Ok(Relation::plain(name));
    };
    after.skip_blank();
    let version = after.word();
    *words = after;
    if version.is_empty() {
        return Err(format!("after `{comparison}` a version is missing"));
    }
    check_version(version)?;
    if name.starts_with('/') {
        return Err("a path has no version".into());
    }
    if field == Field::Provides && *flags != EQUAL && !in_rich {
        return Err(format!("a package provides one version: `{name} = {version}`"));
    }
    Ok(Relation::versioned(name, *flags, version))
}

fn check_name(name: &str, field: Field) -> Result<(), String> {
    let first = name.chars().next().ok_or("a name is missing")?;
    if first.is_ascii() && !(first.is_ascii_alphanumeric() || first == '_' || first == '/') {
        return Err(format!("`{name}` does not start with a letter, a digit, `_` or `/`"));
    }
    let mut open = 0_usize;
    for c in name.chars() {
        match c {
            '(' => open += 1,
            ')' => open = open.checked_sub(1).ok_or("a `)` has no `(`")?,
            '<' | '>' | '=' if open == 0 => {
                return Err("around a comparison stand blanks: `a >= 1`".into());
            }
            '|' if open == 0 => return Err("alternatives are written `(a or b)`".into()),
            ',' | ';' | '"' | '\'' | '\\' | '`' | '$' if open == 0 => {
                return Err(format!(
                    "`{c}` cannot be in a name; several relations are several items"
                ));
            }
            c if c.is_control() => return Err("a name holds a control character".into()),
            _ => {}
        }
    }
    if open > 0 {
        return Err("a `(` is not closed".into());
    }
    if name.starts_with("rpmlib(") {
        return Err("features of rpm itself are added by what the package uses".into());
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || ".-_+".contains(c);
    if field == Field::Obsoletes && !name.chars().all(plain) {
        return Err(format!("`{name}` is no name of a package, and nothing else can be obsoleted"));
    }
    Ok(())
}

/// `[epoch:]version[-release]`.
fn check_version(text: &str) -> Result<(), String> {
    let wrong = |why: &str| Err(format!("`{text}` is no rpm version: {why}"));
    let (epoch, rest) = text.split_once(':').map_or((None, text), |(e, rest)| (Some(e), rest));
    if epoch.is_some_and(|epoch| epoch.parse::<u32>().is_err()) {
        return wrong("the epoch before `:` is a number");
    }
    let (version, release) =
        rest.split_once('-').map_or((rest, None), |(version, release)| (version, Some(release)));
    if version.is_empty() || release.is_some_and(str::is_empty) {
        return wrong("a part of it is empty");
    }
    if release.is_some_and(|release| release.contains('-')) {
        return wrong("it has more than one `-`, and only the release stands after one");
    }
    let fits = |c: char| c.is_ascii_alphanumeric() || "._+~^-".contains(c);
    match rest.chars().find(|c| !fits(*c)) {
        Some(c) => wrong(&format!("`{c}` cannot be in it")),
        None => Ok(()),
    }
}

/// Operators of rich relations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    And,
    Or,
    If,
    Unless,
    Else,
    With,
    Without,
}

#[rustfmt::skip]
const OPERATORS: [(&str, Operator); 7] = [
    ("and", Operator::And), ("or", Operator::Or), ("if", Operator::If),
    ("unless", Operator::Unless), ("else", Operator::Else), ("with", Operator::With),
    ("without", Operator::Without),
];

impl Operator {
    /// `a and b and c`; the others stand once, but for `else` after `if` and `unless`.
    fn chains(self) -> bool {
        matches!(self, Self::And | Self::Or | Self::With)
    }
}

/// What a rich relation may not be part of: an `if` inside an `or` is true when its condition is
/// false, which is never what was meant (`lib/rpmds.c`, `rpmrichParseCheck`).
#[derive(Clone, Copy, Debug, Default)]
struct Forbidden {
    with: bool,
    and: bool,
    or: bool,
}

impl Forbidden {
    fn check(self, operator: Operator) -> Result<(), String> {
        match operator {
            Operator::With | Operator::Without if self.with => {
                Err("inside `with` and `without` stand names, `with` and `or` only".into())
            }
            Operator::And | Operator::If if self.and => {
                Err("`unless` cannot stand here; use `or` instead".into())
            }
            Operator::Or | Operator::Unless if self.or => {
                Err("`if` cannot stand here; use `and` instead".into())
            }
            _ => Ok(()),
        }
    }

    fn add(&mut self, other: Self) {
        self.with |= other.with;
        self.and |= other.and;
        self.or |= other.or;
    }
}

/// `(a or (b and c >= 1))`, with one blank between words.
fn rich(words: &mut Words<'_>, field: Field) -> Result<Relation, String> {
    if matches!(field, Field::Provides | Field::Obsoletes | Field::Order) {
        return Err("rich relations cannot stand here".into());
    }
    let mut text = String::new();
    let forbidden = nested(words, field, &mut text, 1)?;
    let turned = matches!(field, Field::Conflicts | Field::Supplements | Field::Enhances);
    forbidden.check(if turned { Operator::Or } else { Operator::And })?;
    Ok(Relation::plain(text))
}

fn nested(
    words: &mut Words<'_>,
    field: Field,
    text: &mut String,
    depth: usize,
) -> Result<Forbidden, String> {
    if depth > MAX_DEPTH {
        return Err(format!("it is nested more than {MAX_DEPTH} deep"));
    }
    words.rest = &words.rest[1..];
    text.push('(');
    let mut forbidden = Forbidden::default();
    let (mut first, mut last, mut chain) = (None, None, None);
    loop {
        words.skip_blank();
        match words.rest.chars().next() {
            None => return Err("a `(` is not closed".into()),
            Some(')') if chain.is_some() => {
                return Err("after the last word a name is missing".into());
            }
            Some(')') => return Err("nothing stands between `(` and `)`".into()),
            Some('(') => {
                let mut inner = nested(words, field, text, depth + 1)?;
                if matches!(last, Some(Operator::If | Operator::Unless)) {
                    (inner.and, inner.or) = (false, false);
                }
                forbidden.add(inner);
            }
            Some(_) => text.push_str(&simple(words, field, true)?.to_string()),
        }
        words.skip_blank();
        match words.rest.chars().next() {
            None => return Err("a `(` is not closed".into()),
            Some(')') => break,
            Some(_) => {}
        }
        let operator = operator(words, chain)?;
        first = first.or(Some(operator.1));
        (last, chain) = (Some(operator.1), Some(operator.1));
        text.extend([" ", operator.0, " "]);
    }
    words.rest = &words.rest[1..];
    text.push(')');
    leave(first, last, forbidden)
}

/// The word between two parts.
fn operator(
    words: &mut Words<'_>,
    chain: Option<Operator>,
) -> Result<(&'static str, Operator), String> {
    let word = words.word();
    let Some(&(word, operator)) = OPERATORS.iter().find(|(known, _)| *known == word) else {
        let known = OPERATORS.map(|(word, _)| format!("`{word}`")).join(", ");
        return Err(format!("`{word}` is none of {known}"));
    };
    let after_if = matches!(chain, Some(Operator::If | Operator::Unless));
    match chain {
        None if operator == Operator::Else => Err("`else` stands after `if` or `unless`".into()),
        Some(_) if after_if && operator == Operator::Else => Ok((word, operator)),
        Some(chain) if chain != operator => {
            Err("different words between parts need parentheses of their own".into())
        }
        Some(_) if !operator.chains() => {
            Err(format!("`{word}` stands once; only `and`, `or` and `with` can be repeated"))
        }
        _ => Ok((word, operator)),
    }
}

/// What the finished part means for those around it.
fn leave(
    first: Option<Operator>,
    last: Option<Operator>,
    mut forbidden: Forbidden,
) -> Result<Forbidden, String> {
    if let Some(first) = first {
        forbidden.check(first)?;
    }
    match first {
        Some(Operator::If) => forbidden.or = true,
        Some(Operator::Unless) => forbidden.and = true,
        _ => {}
    }
    match last {
        None | Some(Operator::With | Operator::Without) => {}
        Some(Operator::And) => {
            forbidden = Forbidden { with: true, and: false, or: false };
        }
        Some(Operator::Or) => (forbidden.and, forbidden.or) = (false, false),
        Some(_) => forbidden.with = true,
    }
    Ok(forbidden)
}

#[cfg(test)]
mod tests;
