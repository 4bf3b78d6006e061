//! The `control` file: deb-control(5).

use crate::format::{listing::Problems, report::escape};

/// Fields that dpkg refuses to be without.
const REQUIRED: &[&str] = &["Package", "Version", "Architecture"];

/// The fields in order. A value keeps its continuation lines as they are, with their blank:
/// `summary\n more\n .`.
pub(super) fn parse(content: &[u8], problems: &mut Problems) -> Vec<(String, String)> {
    let mut bad = |why: String| problems.push(format!("control: {why}"));
    if str::from_utf8(content).is_err() {
        bad("it is not UTF-8".into());
    }
    let Some(content) = content.strip_suffix(b"\n") else {
        bad("it does not end in a newline".into());
        return Vec::new();
    };
    let mut fields: Vec<(String, String)> = Vec::new();
    for (number, line) in (1..).zip(content.split(|&byte| byte == b'\n')) {
        let text = String::from_utf8_lossy(line);
        if let (true, Some((_, value))) = (text.starts_with([' ', '\t']), fields.last_mut()) {
            value.push('\n');
            value.push_str(&text);
            continue;
        }
        match text.split_once(':') {
            Some((name, value)) if is_name(name) => {
                if fields.iter().any(|(there, _)| there.eq_ignore_ascii_case(name)) {
                    bad(format!("field `{name}` is there twice"));
                }
                fields.push((name.into(), value.trim().into()));
            }
            _ => bad(format!("line {number} is `{}`", escape(line))),
        }
    }
    for name in REQUIRED {
        if !fields
            .iter()
            .any(|(there, value)| there.eq_ignore_ascii_case(name) && !value.is_empty())
        {
            bad(format!("field `{name}` is missing"));
        }
    }
    for (name, value) in &fields {
        let fine = match name.as_str() {
            "Package" => is_package(value),
            "Version" => is_version(value),
            "Architecture" => value.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'),
            "Installed-Size" => value.bytes().all(|b| b.is_ascii_digit()),
            _ => true,
        };
        if !fine {
            bad(format!("field `{name}` is `{}`", escape(value.as_bytes())));
        }
    }
    fields
}

/// Printable ASCII, neither `#` nor `-` first.
fn is_name(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(['#', '-'])
        && name.bytes().all(|byte| byte.is_ascii_graphic())
}

fn is_package(name: &str) -> bool {
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"+-.".contains(&b);
    name.len() >= 2 && name.bytes().all(inner) && name.as_bytes()[0].is_ascii_alphanumeric()
}

/// `[epoch:]upstream[-revision]`.
fn is_version(version: &str) -> bool {
    let (epoch, rest) = version.split_once(':').unwrap_or(("0", version));
    let (upstream, revision) = rest.rsplit_once('-').unwrap_or((rest, "0"));
    let inner = |b: u8| b.is_ascii_alphanumeric() || b".+~".contains(&b);
    epoch.parse::<i32>().is_ok_and(|epoch| epoch >= 0)
        && upstream.starts_with(|first: char| first.is_ascii_digit())
        && upstream.bytes().all(|b| inner(b) || b == b'-' || b == b':')
        && !revision.is_empty()
        && revision.bytes().all(inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> (Vec<(String, String)>, Vec<String>) {
        let mut problems = Problems::default();
        let fields = parse(text.as_bytes(), &mut problems);
        (fields, problems.finish())
    }

    #[test]
    fn continuation_lines_keep_their_blank() {
        let text = "Package: xy\nVersion: 1\nArchitecture: all\nDescription: a\n b\n .\n  c\n";
        let (fields, problems) = parsed(text);
        assert_eq!((fields[3].1.as_str(), problems.len()), ("a\n b\n .\n  c", 0));
    }

    #[test]
    fn missing_double_and_malformed_fields_are_problems() {
        let (_, problems) = parsed("Package: X\nVersion: a1\nVersion: 2\n\nno colon\n");
        assert_eq!(
            problems,
            [
                "control: field `Version` is there twice",
                "control: line 4 is ``",
                "control: line 5 is `no colon`",
                "control: field `Architecture` is missing",
                "control: field `Package` is `X`",
                "control: field `Version` is `a1`",
            ]
        );
    }

    #[test]
    fn versions_are_checked_as_dpkg_does() {
        for good in ["1", "1:2.0~rc1-3", "0.1+b-1-2", "2:1:0"] {
            assert!(is_version(good), "{good}");
        }
        for bad in ["", "a", "1_0", "x:1", "-1:1", "1-", "1-a_b"] {
            assert!(!is_version(bad), "{bad}");
        }
    }
}
