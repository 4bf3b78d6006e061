//! Relations in Debian's syntax, parsed once.
//!
//! Format: deb-control(5), "Depends"; Debian policy 7.1. `a (>= 1.2) | b:any, c`.

use std::fmt;

/// Alternatives: one of them is enough.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Relation(Vec<Atom>);

/// One package of a relation.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Atom {
    name: String,
    /// `any`, `native`, `amd64`.
    architecture: Option<String>,
    /// Operator and version.
    version: Option<(&'static str, String)>,
}

/// Why a text is no relation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no relation: {why}")]
pub(super) struct RelationError {
    /// As written.
    pub(super) text: String,
    /// What is wrong with it.
    pub(super) why: String,
}

/// Operators; `<` and `>` are history and mean `<=` and `>=`.
const OPERATORS: [&str; 5] = ["<<", "<=", "=", ">=", ">>"];

impl Relation {
    /// Parses one relation, alternatives included.
    pub(super) fn parse(text: &str) -> Result<Self, RelationError> {
        let wrong = |why: String| RelationError { text: text.to_owned(), why };
        text.split('|')
            .map(|atom| Atom::parse(atom).map_err(wrong))
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Whether it leaves a choice.
    pub(super) fn has_alternatives(&self) -> bool {
        self.0.len() > 1
    }
}

impl Atom {
    fn parse(text: &str) -> Result<Self, String> {
        let (name, version) = match text.trim().split_once('(') {
            None => (text.trim(), None),
            Some((name, rest)) => {
                let inner = rest.strip_suffix(')').ok_or("the version's `)` is missing")?;
                (name.trim_end(), Some(parse_version(inner.trim())?))
            }
        };
        let (name, architecture) = match name.split_once(':') {
            None => (name, None),
            Some((name, architecture)) => (name, Some(architecture.to_owned())),
        };
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "+-.".contains(c);
        if name.is_empty() {
            return Err("a package's name is missing".into());
        }
        if !name.chars().all(fits) || name.starts_with(['+', '-', '.']) {
            return Err(format!("`{name}` is no name of a Debian package"));
        }
        let letters = |text: &str| {
            !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
        };
        if architecture.as_deref().is_some_and(|text| !letters(text)) {
            return Err("after `:` stands an architecture, `any` or `native`".into());
        }
        Ok(Self { name: name.to_owned(), architecture, version })
    }
}

fn parse_version(text: &str) -> Result<(&'static str, String), String> {
    let operator = OPERATORS.iter().find(|operator| text.starts_with(**operator));
    let Some(operator) = operator else {
        return Err(match text.chars().next() {
            Some(old @ ('<' | '>')) => format!("write `{old}{old}` or `{old}=` for `{old}`"),
            _ => {
                format!("a version needs one of {}", OPERATORS.map(|o| format!("`{o}`")).join(" "))
            }
        });
    };
    let version = text[operator.len()..].trim();
    let fits = |c: char| c.is_ascii_alphanumeric() || ".+~-:".contains(c);
    if version.is_empty() || !version.chars().all(fits) {
        return Err(format!("`{version}` is no Debian version"));
    }
    Ok((operator, version.to_owned()))
}

impl fmt::Display for Relation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let atoms: Vec<_> = self.0.iter().map(Atom::to_string).collect();
        f.write_str(&atoms.join(" | "))
    }
}

impl fmt::Display for Atom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        if let Some(architecture) = &self.architecture {
            write!(f, ":{architecture}")?;
        }
        match &self.version {
            Some((operator, version)) => write!(f, " ({operator} {version})"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tidy(text: &str) -> String {
        Relation::parse(text).unwrap().to_string()
    }

    #[test]
    fn relations_are_written_the_way_dpkg_does() {
        assert_eq!(tidy("libc6(>=2.36)"), "libc6 (>= 2.36)");
        assert_eq!(tidy("a|b:any ( << 1:2.0~rc1-1 )"), "a | b:any (<< 1:2.0~rc1-1)");
    }

    #[test]
    fn a_relation_that_dpkg_would_misread_is_refused() {
        for (text, why) in [
            ("a (> 1)", "write `>>` or `>=`"),
            ("a (1)", "a version needs one of"),
            ("a (>= )", "is no Debian version"),
            ("Big", "is no name"),
            ("a |", "name is missing"),
            ("a (>= 1", "`)` is missing"),
        ] {
            let error = Relation::parse(text).unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
    }
}
