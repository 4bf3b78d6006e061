//! Debian changelogs.
//!
//! Format: deb-changelog(5).

use super::tidy;
use crate::{package::Release, resolve::date};

/// `name (1.2.0-1) unstable; urgency=medium` comes first.
pub(super) fn recognises(text: &str) -> bool {
    text.lines().find(|line| !line.trim().is_empty()).is_some_and(|line| version(line).is_some())
}

pub(super) fn parse(text: &str) -> Vec<Release> {
    let mut releases: Vec<Release> = Vec::new();
    for line in text.lines() {
        if let Some(version) = version(line) {
            let version = version.to_owned();
            releases.push(Release { version, date: None, changes: Vec::new() });
            continue;
        }
        let Some(release) = releases.last_mut() else { continue };
        if let Some(trailer) = line.strip_prefix(" -- ") {
            release.date = trailer.rsplit_once('>').and_then(|(_, date)| date::rfc2822(date));
        } else {
            add_change(release, line);
        }
    }
    releases
}

fn version(line: &str) -> Option<&str> {
    if line.starts_with(char::is_whitespace) || !line.contains(';') {
        return None;
    }
    let (name, rest) = line.split_once(" (")?;
    let (version, _) = rest.split_once(')')?;
    (!name.contains(' ') && !version.is_empty()).then_some(version)
}

fn add_change(release: &mut Release, line: &str) {
    let text = tidy(line);
    let person = text.starts_with("[ ") && text.ends_with(" ]");
    if text.is_empty() || person {
        return;
    }
    match (text.strip_prefix("* "), release.changes.last_mut()) {
        (Some(change), _) => release.changes.push(change.to_owned()),
        (None, Some(last)) => {
            last.push(' ');
            last.push_str(&text);
        }
        (None, None) => release.changes.push(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
demo (1:1.2.0-1) unstable; urgency=medium

  [ Ana ]
  * First change,
    continued.
  * Second.

 -- Ana <ana@example.com>  Sat, 31 Jan 2026 13:00:00 +0100

demo (1.1) unstable; urgency=low

  * Old.

 -- Ana <ana@example.com>  some day
";

    #[test]
    fn a_debian_changelog_is_read() {
        assert!(recognises(TEXT));
        let found = parse(TEXT);
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].version, "1:1.2.0-1");
        assert_eq!(found[0].changes, ["First change, continued.", "Second."]);
        assert_eq!(found[0].date, date::epoch(2026, 1, 31).map(|day| day + 12 * 3600));
        assert_eq!((found[1].date, found[1].changes.len()), (None, 1));
    }

    #[test]
    fn markdown_is_not_debian() {
        assert!(!recognises("# Changelog (all of it); see below\n"));
        assert!(!recognises(""));
    }
}
