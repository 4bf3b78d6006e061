//! A repository as a report, for `inspect`, `verify` and `diff`.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use super::{
    Entry, KIND,
    entry::order,
    read::{self, Suite},
};
use crate::{
    diagnostic::Diagnostic,
    format::{
        listing::Problems,
        report::{Member, MetaFile, ReadEntry, ReadKind, Report},
    },
    publish::{Place, Trust, check_file, key, state::State},
};

/// Reads all suites and compares every package with the indexes.
pub(super) fn read(dir: &Path, key: Option<&[u8]>) -> Result<Report, Diagnostic> {
    let certificate = key::trusted(dir, key)?;
    let trust = certificate.as_ref().map_or(Trust::Nobody, Trust::Key);
    let state = State::load(dir, KIND);
    let mut report = Report { format: "apt repository".into(), ..Report::default() };
    let mut problems = Problems::default();
    let mut suites = Vec::new();
    for name in read::suites(dir)? {
        suites.extend(read::suite(dir, &name, trust, &state.pending)?);
    }
    if suites.is_empty() {
        let text = format!("`{}` has no dists/SUITE/InRelease", dir.display());
        return Err(Diagnostic::usage("repo.none", text));
    }
    for suite in &mut suites {
        for problem in std::mem::take(&mut suite.problems) {
            problems.push(problem);
        }
        report.notes.append(&mut suite.notes);
        twice(suite, &mut problems);
        describe(suite, &mut report);
    }
    report.notes.extend(key::note(trust, key.is_some()));
    packages(dir, &suites, &mut report, &mut problems)?;
    report.problems = problems.finish();
    Ok(report)
}

/// Two packages that clients take for one.
fn twice(suite: &Suite, problems: &mut Problems) {
    for ((component, architecture), entries) in &suite.indexes {
        let mut sorted: Vec<_> = entries.iter().collect();
        sorted.sort_by(|a, b| order(a, b));
        for pair in sorted.windows(2) {
            if pair[0].is_version_of(pair[1]) && pair[0].sha256 != pair[1].sha256 {
                problems.push(format!(
                    "{}: {} is there twice, with two contents",
                    suite.at(format!("{component}/binary-{architecture}")),
                    pair[1].id()
                ));
            }
        }
    }
}

/// Fields, indexes and Release of a suite.
fn describe(suite: &Suite, report: &mut Report) {
    let name = &suite.name;
    let signed = suite.signed.clone().unwrap_or_else(|| "nobody who is known".into());
    report.fields.push((format!("{name} signed by"), signed));
    for ((component, architecture), entries) in &suite.indexes {
        let mut sorted: Vec<_> = entries.iter().collect();
        sorted.sort_by(|a, b| order(a, b));
        let lines: Vec<_> = sorted.iter().map(|entry| format!("\n {}", entry.id())).collect();
        report.fields.push((format!("{name} {component} {architecture}"), lines.concat()));
    }
    for (path, listed) in &suite.release.files {
        report.members.push(Member { name: suite.at(path), len: listed.len });
    }
    let content = suite.release.fields.to_string().into_bytes();
    report.metadata.insert(suite.at("Release"), MetaFile { mode: 0o644, content });
}

/// Compares every package with what the indexes say of it.
fn packages(
    dir: &Path,
    suites: &[Suite],
    report: &mut Report,
    problems: &mut Problems,
) -> Result<(), Diagnostic> {
    let mut all: BTreeMap<&Place, &Entry> = BTreeMap::new();
    for entry in suites.iter().flat_map(|suite| suite.indexes.values().flatten()) {
        let other = all.insert(&entry.path, entry);
        if other.is_some_and(|other| (other.len, other.sha256) != (entry.len, entry.sha256)) {
            problems.push(format!("{}: two indexes say different things of it", entry.path));
        }
    }
    let date = suites.iter().filter_map(|suite| suite.release.date()).max().unwrap_or(0);
    for (place, entry) in &all {
        if let Err(why) = check_file(dir, place, entry.len, &entry.sha256)? {
            problems.push(format!("{place}: {why}"));
        }
        report.len += entry.len;
        report.entries.push(ReadEntry {
            path: place.to_string().into(),
            kind: ReadKind::File { len: entry.len, md5: None, sha256: entry.sha256 },
            mode: 0o644,
            owner: "".into(),
            group: "".into(),
            ids: (0, 0),
            mtime: i64::try_from(date).unwrap_or(i64::MAX),
            config: false,
        });
    }
    unnamed(dir, &all.keys().map(|place| place.as_str()).collect(), report);
    Ok(())
}

/// Packages in the pool that no index names: left for clients with an older index.
fn unnamed(dir: &Path, named: &BTreeSet<&str>, report: &mut Report) {
    let mut folders = vec![dir.join("pool")];
    let mut count = 0;
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                folders.push(path);
            } else if let Some(place) = path.strip_prefix(dir).ok().and_then(Path::to_str) {
                count += usize::from(!named.contains(place));
            }
        }
    }
    if count > 0 {
        let text =
            format!("{count} files in pool/ are in no index: kept for clients with an older one");
        report.notes.push(text);
    }
}
