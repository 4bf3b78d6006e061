//! Markdown changelogs: Keep a Changelog and anything like it.
//!
//! Format: keepachangelog.com 1.1.0; `CommonMark` for what is a heading and what is code.

use super::{tidy, version};
use crate::{package::Release, resolve::date};

pub(super) fn parse(text: &str) -> Vec<Release> {
    let mut reader = Reader::default();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        match underlined(line, lines.peek().copied()) {
            Some(level) => {
                reader.heading(level, line);
                lines.next();
            }
            None => reader.line(line),
        }
    }
    reader.end_change();
    reader.releases
}

/// The level of a heading with a line of `=` or `-` below it.
fn underlined(line: &str, next: Option<&str>) -> Option<usize> {
    let below = next?.trim_end();
    let rule = |c| below.len() >= 3 && below.chars().all(|found| found == c);
    if line.trim().is_empty() || line.starts_with(['#', ' ', '-', '*', '>']) {
        None
    } else if rule('=') {
        Some(1)
    } else {
        rule('-').then_some(2)
    }
}

#[derive(Default)]
struct Reader {
    releases: Vec<Release>,
    /// Level of the heading of the release that is being read; 0 outside of one.
    level: usize,
    /// `Added`, `Fixed`: said before each change.
    section: Option<String>,
    change: String,
    code: bool,
    comment: bool,
}

impl Reader {
    fn line(&mut self, line: &str) {
        let trimmed = line.trim();
        if trimmed.starts_with("```") || trimmed.starts_with("~~~") {
            self.code = !self.code;
        } else if self.code {
            self.more(trimmed);
        } else if self.skip_comment(trimmed) {
        } else if trimmed.is_empty() {
            self.end_change();
        } else if let Some((level, text)) = heading(line) {
            self.heading(level, text);
        } else if let Some(text) = bullet(trimmed) {
            self.end_change();
            self.more(text);
        } else if !is_link_definition(trimmed) {
            self.more(trimmed);
        }
    }

    /// Whether the line belongs to an HTML comment.
    fn skip_comment(&mut self, line: &str) -> bool {
        let inside = self.comment || line.starts_with("<!--");
        self.comment = inside && !line.contains("-->");
        inside
    }

    fn heading(&mut self, level: usize, text: &str) {
        self.end_change();
        let text = without_links(text);
        // conventional-changelog writes patch releases one level deeper than minor ones.
        if self.level != 0 && level > self.level && !starts_with_version(&text) {
            self.section = Some(tidy(&text)).filter(|section| !section.is_empty());
            return;
        }
        self.section = None;
        self.level = 0;
        if let Some(found) = version(&text) {
            self.level = level;
            let (version, date) = (found.to_owned(), date::find(&text));
            self.releases.push(Release { version, date, changes: Vec::new() });
        }
    }

    fn more(&mut self, text: &str) {
        if self.level != 0 && !text.is_empty() {
            self.change.push(' ');
            self.change.push_str(text);
        }
    }

    fn end_change(&mut self) {
        let change = tidy(&std::mem::take(&mut self.change));
        if change.is_empty() {
            return;
        }
        let change = match &self.section {
            Some(section) => format!("{section}: {change}"),
            None => change,
        };
        if let Some(release) = self.releases.last_mut() {
            release.changes.push(change);
        }
    }
}

fn starts_with_version(text: &str) -> bool {
    let mut words = text.split_whitespace();
    let first = words.find(|word| !matches!(*word, "Version" | "Release"));
    first.is_some_and(|word| version(word).is_some())
}

/// Level and text of `## Heading ##`.
fn heading(line: &str) -> Option<(usize, &str)> {
    let text = line.trim_start_matches('#');
    let level = line.len() - text.len();
    let fits = (1..=6).contains(&level) && text.starts_with([' ', '\t']);
    fits.then(|| (level, text.trim().trim_end_matches('#').trim_end()))
}

/// The text of `- item`, `* item`, `+ item`, `1. item`.
fn bullet(line: &str) -> Option<&str> {
    let plain = ["- ", "* ", "+ "].iter().find_map(|mark| line.strip_prefix(mark));
    plain.or_else(|| {
        let (number, text) = line.split_once(". ")?;
        let digits = (1..=3).contains(&number.len()) && number.bytes().all(|b| b.is_ascii_digit());
        digits.then_some(text)
    })
}

/// `[1.2.0]: https://…`
fn is_link_definition(line: &str) -> bool {
    line.starts_with('[') && line.contains("]: ")
}

/// `[1.2.0](https://…)` → `[1.2.0]`: an address may hold other versions.
fn without_links(text: &str) -> String {
    let mut rest = text;
    let mut out = String::new();
    while let Some((before, after)) = rest.split_once("](") {
        out.push_str(before);
        out.push(']');
        rest = after.split_once(')').map_or("", |(_, rest)| rest);
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEEP: &str = "\
# Changelog
All notable changes, since 0.1.

## [Unreleased]
### Added
- not yet

## [1.1.0] - 2026-01-31
Intro.
### Added
- One thing
  on two lines
- `code` and **bold**
### Removed
* The old flag 2.0

## [1.0.0](https://example.com/v0.9.0...v1.0.0) (2025-12-01) [YANKED]
<!-- a comment
## 9.9.9
-->
```
## 8.8.8
```
1. Numbered

## Links
- not a change
[1.1.0]: https://example.com/1.1.0
";

    #[test]
    fn keep_a_changelog_is_read() {
        let found = parse(KEEP);
        let versions: Vec<_> = found.iter().map(|release| release.version.as_str()).collect();
        assert_eq!(versions, ["1.1.0", "1.0.0"]);
        assert_eq!(
            found[0].changes,
            [
                "Intro.",
                "Added: One thing on two lines",
                "Added: `code` and **bold**",
                "Removed: The old flag 2.0"
            ]
        );
        assert_eq!(found[0].date, date::epoch(2026, 1, 31));
        assert_eq!(found[1].date, date::epoch(2025, 12, 1));
        assert_eq!(found[1].changes, ["## 8.8.8", "Numbered"]);
    }

    #[test]
    fn plain_and_underlined_headings_are_read() {
        let found = parse("# v2.0\ntext\n\nVersion 1.0\n-----------\n- a\n\n- b\n");
        assert_eq!(found.len(), 2);
        assert_eq!((found[0].version.as_str(), found[0].date), ("2.0", None));
        assert_eq!(found[1].changes, ["a", "b"]);
    }

    #[test]
    fn a_title_with_a_version_does_not_swallow_the_others() {
        let found = parse("# Changes of 1.x\n## 1.2.0\n- a\n# 1.1.0\n- b\n");
        let versions: Vec<_> = found.iter().map(|release| release.version.as_str()).collect();
        assert_eq!(versions, ["1.2.0", "1.1.0"]);
    }

    #[test]
    fn a_text_without_versions_has_no_releases() {
        for text in ["", "# Changelog\n- something\n", "just text", "## \n###\n"] {
            assert!(parse(text).is_empty(), "{text:?}");
        }
    }

    #[test]
    fn windows_line_ends_do_not_show() {
        assert_eq!(parse("## 1.0\r\n\r\n- a\r\n")[0].changes, ["a"]);
    }
}
