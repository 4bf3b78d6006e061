//! A manifest being written: sections of keys, each line with the reason for it.

use std::fmt::Write as _;

/// A manifest as text, bit by bit.
#[derive(Default)]
pub(super) struct Draft(String);

impl Draft {
    /// Comment lines.
    pub(super) fn comment(&mut self, text: &str) -> &mut Self {
        for line in text.lines() {
            self.line(&format!("# {line}"));
        }
        self
    }

    /// A table; what follows is in it.
    pub(super) fn section(&mut self, header: &str, why: &str) -> &mut Self {
        self.line("");
        self.explained(&format!("[{header}]"), why)
    }

    /// A key and its value in TOML.
    pub(super) fn key(&mut self, key: &str, value: &str, why: &str) -> &mut Self {
        self.explained(&format!("{key} = {value}"), why)
    }

    /// A list of inline tables or texts, one per line.
    pub(super) fn list(&mut self, key: &str, items: &[(String, String)], why: &str) -> &mut Self {
        self.explained(&format!("{key} = ["), why);
        for (item, why) in items {
            self.explained(&format!("  {item},"), why);
        }
        self.line("]")
    }

    fn explained(&mut self, code: &str, why: &str) -> &mut Self {
        match why {
            "" => self.line(code),
            why => self.line(&format!("{code:<46} # {why}")),
        }
    }

    fn line(&mut self, line: &str) -> &mut Self {
        self.0.push_str(line);
        self.0.push('\n');
        self
    }

    /// The whole text.
    pub(super) fn finish(self) -> String {
        self.0
    }
}

/// A TOML string of one line.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::from('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            // Writing to a string cannot fail.
            c if c.is_control() => drop(write!(out, "\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// A key, quoted when it has to be.
pub(super) fn key(text: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if !text.is_empty() && text.chars().all(bare) { text.to_owned() } else { quoted(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_survive_toml() {
        for text in ["O'Brien & \"Söhne\"", "a\\b", "tab\tline\nend", "\u{1}"] {
            let toml = format!("{} = {}", key("a b"), quoted(text));
            let table = toml::de::DeTable::parse(&toml).unwrap();
            assert_eq!(table.get_ref()["a b"].get_ref().as_str(), Some(text));
        }
    }
}
