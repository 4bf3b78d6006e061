//! Paragraphs of fields, as control files, indexes and Release files have them.
//!
//! Format: deb822(5).

use std::fmt;

/// Most fields of one paragraph.
const MAX_FIELDS: usize = 1000;

/// Fields in order. A value keeps its continuation lines as they are, with their blank.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Paragraph(Vec<(String, String)>);

impl Paragraph {
    /// Of fields that were read elsewhere.
    pub(super) fn new(fields: Vec<(String, String)>) -> Self {
        Self(fields)
    }

    /// The value of a field; names are compared without case.
    pub fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(field, _)| field.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// Gives a field its value, where it was or else at the end.
    pub(super) fn set(&mut self, name: &str, value: impl Into<String>) {
        let value = value.into();
        match self.0.iter_mut().find(|(field, _)| field.eq_ignore_ascii_case(name)) {
            Some((_, there)) => *there = value,
            None => self.0.push((name.to_owned(), value)),
        }
    }

    /// Puts a field in front of another, or at the end.
    pub(super) fn insert_before(&mut self, before: &str, name: &str, value: String) {
        let at = self.0.iter().position(|(field, _)| field.eq_ignore_ascii_case(before));
        self.0.insert(at.unwrap_or(self.0.len()), (name.to_owned(), value));
    }

    /// Takes a field out.
    pub(super) fn remove(&mut self, name: &str) -> Option<String> {
        let at = self.0.iter().position(|(field, _)| field.eq_ignore_ascii_case(name))?;
        Some(self.0.remove(at).1)
    }
}

/// Every field with its newline.
impl fmt::Display for Paragraph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in &self.0 {
            let blank = if value.is_empty() || value.starts_with('\n') { "" } else { " " };
            writeln!(f, "{name}:{blank}{value}")?;
        }
        Ok(())
    }
}

/// The paragraphs of a text; empty lines stand between them. The error is the reason.
pub fn parse(text: &[u8]) -> Result<Vec<Paragraph>, String> {
    let text = str::from_utf8(text).map_err(|error| {
        let line = text[..error.valid_up_to()].split(|byte| *byte == b'\n').count();
        format!("line {line} is not UTF-8")
    })?;
    let mut all = Vec::new();
    let mut now = Paragraph::default();
    for (number, line) in (1_usize..).zip(text.lines()) {
        if line.trim().is_empty() {
            if !now.0.is_empty() {
                all.push(std::mem::take(&mut now));
            }
        } else {
            now.line(line).map_err(|why| format!("line {number} {why}"))?;
        }
    }
    if !now.0.is_empty() {
        all.push(now);
    }
    Ok(all)
}

impl Paragraph {
    fn line(&mut self, line: &str) -> Result<(), String> {
        if line.contains('\0') {
            return Err("holds a NUL".into());
        }
        if line.starts_with([' ', '\t']) {
            let Some((_, value)) = self.0.last_mut() else {
                return Err("goes on with a field, and there is none".into());
            };
            value.push('\n');
            value.push_str(line.trim_end());
            return Ok(());
        }
        let Some((name, value)) = line.split_once(':').filter(|(name, _)| is_name(name)) else {
            return Err(format!("is no field: `{}`", line.chars().take(60).collect::<String>()));
        };
        if self.get(name).is_some() {
            return Err(format!("has field `{name}` a second time"));
        }
        if self.0.len() >= MAX_FIELDS {
            return Err(format!("is one of more than {MAX_FIELDS} fields of a paragraph"));
        }
        self.0.push((name.to_owned(), value.trim().to_owned()));
        Ok(())
    }
}

/// Printable ASCII, neither `#` nor `-` first.
fn is_name(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(['#', '-'])
        && name.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_comes_back_as_it_was() {
        let text = "A: 1\nLong: first\n second\n .\n\tthird\nList:\n a 1\nEmpty:\n";
        let all = parse(text.as_bytes()).unwrap();
        assert_eq!(all.len(), 1);
        assert_eq!(all[0].get("list"), Some("\n a 1"));
        assert_eq!(all[0].to_string(), text);
    }

    #[test]
    fn empty_lines_stand_between_paragraphs() {
        let all = parse(b"\n\nA: 1\n\n \nA: 2\n\n").unwrap();
        let values: Vec<_> = all.iter().map(|one| one.get("A").unwrap()).collect();
        assert_eq!(values, ["1", "2"]);
    }

    #[test]
    fn what_is_no_field_is_said_with_its_line() {
        for (text, why) in [
            (&b"A: 1\nb"[..], "line 2 is no field: `b`"),
            (b" a", "line 1 goes on with a field, and there is none"),
            (b"A: 1\na: 2", "line 2 has field `a` a second time"),
            (b"A: 1\nB: \xff", "line 2 is not UTF-8"),
            (b"A: \0", "line 1 holds a NUL"),
        ] {
            assert_eq!(parse(text).unwrap_err(), why);
        }
    }

    #[test]
    fn fields_are_put_where_they_belong() {
        let mut one = parse(b"Package: a\nDescription: b\n").unwrap().remove(0);
        one.insert_before("Description", "Size", "1".into());
        one.set("package", "c");
        one.set("New", "d");
        assert_eq!(one.to_string(), "Package: c\nSize: 1\nDescription: b\nNew: d\n");
        assert_eq!(one.remove("size"), Some("1".into()));
    }
}
