//! Renders the files of `templates/`; values arrive escaped for the target language.

use serde::Serialize;
use tera::{Context, Tera};

/// Fills a template. Panics if the template asks for a name that `values` does not have: templates
/// are part of the program, and each has a test.
pub fn render(template: &str, values: &impl Serialize) -> String {
    let context = Context::from_serialize(values).expect("template values are plain data");
    match Tera::one_off(template, &context, false) {
        Ok(text) => text,
        Err(error) => panic!("a template of pkggen's own is broken: {error:?}"),
    }
}

/// One word of a POSIX shell, whatever it holds.
pub fn shell(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./,:+@%".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// A string value of a desktop entry: one line, backslashes escaped.
pub fn desktop(text: &str) -> String {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    line.replace('\\', r"\\")
}

/// A list of strings of a desktop entry: each ended by `;`.
pub fn desktop_list(items: &[String]) -> String {
    items.iter().map(|item| desktop(item).replace(';', r"\;") + ";").collect()
}

/// One argument of a desktop entry's `Exec=`: quoted, then escaped like every string there.
pub fn desktop_argument(text: &str) -> String {
    let reserved = |c: char| c.is_whitespace() || "\"'\\><~|&;$*?#()`".contains(c);
    let text = text.replace('%', "%%");
    if !text.is_empty() && !text.chars().any(reserved) {
        return text;
    }
    let mut quoted = String::from("\"");
    for c in text.chars() {
        if matches!(c, '"' | '`' | '$' | '\\') {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    desktop(&(quoted + "\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    const AWKWARD: &str = r#"O'Brien & "Söhne" 100% $HOME \n"#;

    #[test]
    fn a_shell_prints_the_awkward_name_as_it_is() {
        let line = format!("printf %s {}", shell(AWKWARD));
        let run = std::process::Command::new("sh").args(["-c", &line]).output().unwrap();
        assert_eq!(String::from_utf8(run.stdout).unwrap(), AWKWARD);
        assert_eq!(shell(""), "''");
    }

    #[test]
    fn an_argument_of_exec_is_escaped_twice() {
        assert_eq!(desktop_argument("x"), "x");
        assert_eq!(desktop_argument(r#"a "$b\"#), r#""a \\"\\$b\\\\""#);
    }

    #[test]
    fn a_list_separates_with_semicolons() {
        assert_eq!(desktop_list(&["a;b".into(), "c".into()]), r"a\;b;c;");
    }

    #[test]
    fn values_are_put_where_the_template_says() {
        let values = std::collections::BTreeMap::from([("name", "<x>")]);
        assert_eq!(render("a {{ name }} b", &values), "a <x> b");
    }
}
