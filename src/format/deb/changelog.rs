//! The Debian changelog, made from the package's.
//!
//! Format: deb-changelog(5).

use super::control;
use crate::{
    container::rfc2822,
    format::documents::{gzip, wrap},
    package::{Package, Release, Version},
};

/// Widest line, in characters.
const WIDTH: usize = 79;

/// Seconds of a day.
const DAY: u64 = 86_400;

/// The compressed changelog and its file name: `changelog.Debian.gz` for a version with a revision,
/// `changelog.gz` without.
pub(super) fn file(package: &Package, facts: &control::Facts) -> (&'static str, Vec<u8>) {
    let name = if facts.version.contains('-') { "changelog.Debian.gz" } else { "changelog.gz" };
    (name, gzip(text(package, facts).as_bytes()))
}

fn text(package: &Package, facts: &control::Facts) -> String {
    let current = package.version.to_string();
    let known = package.changelog.first().is_some_and(|newest| newest.version == current);
    let missing = Release { version: current.clone(), date: None, changes: Vec::new() };
    let releases = (!known).then_some(&missing).into_iter().chain(&package.changelog);
    // every entry is older than the one above it, also where a date is not known
    let newest = package.changelog.iter().filter_map(|release| release.date).max();
    let mut before = package.epoch.max(newest.map_or(0, |date| date + 1)) + DAY;
    let mut entries = Vec::new();
    for release in releases {
        let version = if release.version == current {
            Some(facts.version.clone())
        } else {
            Version::parse(&release.version).ok().map(|v| control::upstream(&v))
        };
        let Some(version) = version else { continue };
        before = release.date.unwrap_or_else(|| before.saturating_sub(DAY));
        entries.push(entry(package, facts, release, &version, before));
    }
    entries.join("\n")
}

fn entry(
    package: &Package,
    facts: &control::Facts,
    release: &Release,
    version: &str,
    date: u64,
) -> String {
    let name = &facts.name;
    let mut text = format!("{name} ({version}) stable; urgency=medium\n\n");
    if release.changes.is_empty() {
        text += &["  * ", &package.title, " ", &release.version, ".\n"].concat();
    }
    for change in &release.changes {
        text += &wrap(change, WIDTH, "  * ", "    ");
    }
    let who = facts.maintainer.clone().unwrap_or_else(|| format!("{name} <{name}@localhost>"));
    text + &format!("\n -- {who}  {}\n", rfc2822(date))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::package::sample;

    fn facts(version: &str) -> control::Facts {
        control::Facts {
            name: "sample".into(),
            version: version.into(),
            architecture: "amd64".into(),
            maintainer: Some("Ana <ana@example.org>".into()),
        }
    }

    #[test]
    fn the_newest_entry_has_the_package_version() {
        let mut package = sample();
        package.changelog = vec![
            Release {
                version: "1.2.0".into(),
                date: Some(951_827_696),
                changes: vec!["speed".into()],
            },
            Release { version: "1.1.0-rc.1".into(), date: None, changes: vec!["x ".repeat(60)] },
        ];
        let text = text(&package, &facts("1.2.0-3"));
        assert!(
            text.starts_with("sample (1.2.0-3) stable; urgency=medium\n\n  * speed\n\n -- Ana")
        );
        assert!(text.contains("\n\nsample (1.1.0~rc.1) stable; urgency=medium\n"), "{text}");
        assert!(text.lines().all(|line| line.len() <= WIDTH));
    }

    #[test]
    fn a_version_without_an_entry_gets_one() {
        let mut package = sample();
        package.changelog[0].version = "1.0.0".into();
        let text = text(&package, &facts("1.2.0"));
        assert!(text.starts_with("sample (1.2.0) stable"));
        assert!(text.contains("1980 00") && text.contains("31 Dec 1979"), "{text}");
    }

    #[test]
    fn the_file_is_named_by_whether_there_is_a_revision() {
        assert_eq!(file(&sample(), &facts("1.2.0")).0, "changelog.gz");
        assert_eq!(file(&sample(), &facts("1.2.0-2")).0, "changelog.Debian.gz");
    }
}
