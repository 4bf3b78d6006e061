//! Changelogs: Keep a Changelog, Markdown headings with versions, Debian's own.

mod debian;
mod markdown;

use crate::package::Release;

/// Reads a changelog, newest first as it is written. Empty when no heading has a version.
pub fn parse(text: &str) -> Vec<Release> {
    let text = text.trim_start_matches('\u{feff}');
    if debian::recognises(text) { debian::parse(text) } else { markdown::parse(text) }
}

/// The first word of a heading that is a version, without a leading `v`: two numbers at least.
fn version(heading: &str) -> Option<&str> {
    heading
        .split(|c: char| c.is_whitespace() || "()[]`*_,:".contains(c))
        .find_map(|word| looks_like_version(word).or_else(|| after_name(word)))
}

/// `v1.2.0-rc.1` → `1.2.0-rc.1`.
fn looks_like_version(word: &str) -> Option<&str> {
    let bare = word.strip_prefix(['v', 'V']).unwrap_or(word);
    let fits = |c: char| c.is_ascii_alphanumeric() || ".+-~".contains(c);
    let (major, rest) = bare.split_once('.')?;
    let minor_len = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    (number(major) && minor_len > 0 && bare.chars().all(fits)).then_some(bare)
}

/// `pkggen-1.2.0` → `1.2.0`, `name@1.2.0` → `1.2.0`.
fn after_name(word: &str) -> Option<&str> {
    let mut ends = word.match_indices(['-', '@', '/']).map(|(at, _)| &word[at + 1..]);
    ends.find_map(looks_like_version)
}

/// One space between words.
fn tidy(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_found_in_a_heading() {
        for (heading, want) in [
            ("[1.2.0] - 2026-01-31", Some("1.2.0")),
            ("v1.2.0", Some("1.2.0")),
            ("Version 1.2", Some("1.2")),
            ("`pkggen-1.2.0-rc.1`", Some("1.2.0-rc.1")),
            ("1.2.0+build.5 (May 7, 2026)", Some("1.2.0+build.5")),
            ("Unreleased", None),
            ("2026-01-31", None),
            ("Support for IPv6", None),
        ] {
            assert_eq!(version(heading), want, "{heading}");
        }
    }
}
