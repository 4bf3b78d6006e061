//! Dates, changelog, licence texts, authors.

use super::{changelog, work::Work};
use crate::{
    diagnostic::Diagnostic,
    package::{Os, Release, Version},
    payload::Blob,
};

/// 1980-01-01, the first moment that every container can say, in seconds since 1970.
const EPOCH: u64 = 315_532_800;

/// The variable of reproducible-builds.org.
const SOURCE_DATE_EPOCH: &str = "SOURCE_DATE_EPOCH";

pub(super) struct Identity {
    pub(super) epoch: u64,
    pub(super) license_files: Vec<(String, Blob)>,
    releases: Vec<Release>,
}

impl Identity {
    /// The changelog; without one a single entry, the version itself.
    pub(super) fn changelog(&self, version: &Version) -> Vec<Release> {
        if self.releases.is_empty() {
            let version = version.to_string();
            return vec![Release { version, date: None, changes: Vec::new() }];
        }
        self.releases.clone()
    }
}

pub(super) fn find(work: &mut Work<'_>) -> Identity {
    nobody(work);
    Identity {
        epoch: epoch(work),
        license_files: license_files(work),
        releases: releases(work).unwrap_or_default(),
    }
}

fn epoch(work: &mut Work<'_>) -> u64 {
    let written = work.root.package.date.as_ref().map_or(EPOCH, |date| date.0);
    let Some(text) = work.settings.env.get(SOURCE_DATE_EPOCH) else { return written };
    text.trim().parse().unwrap_or_else(|_| {
        let message = format!("`{SOURCE_DATE_EPOCH}` is `{text}`, which is no number of seconds");
        work.error("date.invalid", message, None);
        written
    })
}

fn license_files(work: &mut Work<'_>) -> Vec<(String, Blob)> {
    let mut files = Vec::new();
    for path in &work.root.package.license_files {
        if let Some(blob) = work.file(path, path.place.as_ref()) {
            let name = path.rsplit('/').next().unwrap_or(path).to_owned();
            files.push((name, blob));
        }
    }
    files
}

fn releases(work: &mut Work<'_>) -> Option<Vec<Release>> {
    let path = work.root.package.changelog.as_ref()?;
    let place = path.place.as_ref();
    let text = work.text(path, place)?;
    let releases = changelog::parse(&text);
    if releases.is_empty() {
        let message = format!("no heading of `{}` has a version", path.value);
        let hint =
            "headings such as `## 1.2.0 - 2026-01-31` or Debian's `name (1.2.0) …; urgency=…`";
        work.found
            .error(Diagnostic::usage("changelog.empty", message).at(place.cloned()).hint(hint));
    }
    Some(releases)
}

/// Formats of one system alone want to say who made them; archives do not.
fn nobody(work: &mut Work<'_>) {
    let package = &work.root.package;
    let maintained = work
        .job
        .table(work.manifest, work.tree)
        .is_some_and(|table| table.get("maintainer").is_some());
    if package.authors.is_empty() && !maintained && work.job.format.systems == [Os::Linux] {
        let message = "`package` has no `authors`: the first one is named as the maintainer";
        let warning = Diagnostic::usage("package.authors", message)
            .at(package.name.place.clone())
            .hint("authors = [\"Your Name <you@example.com>\"]");
        work.found.warning(warning);
    }
}
