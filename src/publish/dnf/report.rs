//! A repository as a report, for `inspect`, `verify` and `diff`.

use std::{collections::BTreeSet, fs, path::Path};

use super::{
    entry::{Entry, order},
    read::{self, Repository},
};
use crate::{
    diagnostic::Diagnostic,
    format::{
        listing::Problems,
        report::{Member, ReadEntry, ReadKind, Report},
    },
    publish::{Trust, check_file, key},
};

/// Reads the indexes and compares every package with them.
pub(super) fn read(dir: &Path, key: Option<&[u8]>) -> Result<Report, Diagnostic> {
    let certificate = key::trusted(dir, key)?;
    let trust = certificate.as_ref().map_or(Trust::Nobody, Trust::Key);
    let Some(mut repository) = read::repository(dir, trust)? else {
        let text = format!("`{}` has no repodata/repomd.xml", dir.display());
        return Err(Diagnostic::usage("repo.none", text));
    };
    let mut problems = Problems::default();
    for problem in std::mem::take(&mut repository.problems) {
        problems.push(problem);
    }
    repository.entries.sort_by(order);
    let mut report = describe(&repository);
    report.notes.append(&mut repository.notes);
    report.notes.extend(key::note(trust, key.is_some()));
    twice(&repository.entries, &mut problems);
    for entry in &repository.entries {
        if let Err(why) = check_file(dir, entry.place(), entry.len, entry.sha256())? {
            problems.push(format!("{}: {why}", entry.place()));
        }
    }
    unnamed(dir, &repository, &mut report);
    report.problems = problems.finish();
    Ok(report)
}

fn describe(repository: &Repository) -> Report {
    let Repository { repomd, signed, entries, .. } = repository;
    let mut report = Report { format: "dnf repository".into(), ..Report::default() };
    let signed = signed.clone().unwrap_or_else(|| "nobody who is known".into());
    report.fields.push(("signed by".into(), signed));
    if let Some(revision) = repomd.revision {
        report.fields.push(("revision".into(), revision.to_string()));
    }
    let lines: Vec<_> = entries.iter().map(|entry| format!("\n {}", entry.id())).collect();
    report.fields.push(("packages".into(), lines.concat()));
    // names have a digest in them: what is compared is the kind
    for data in &repomd.data {
        report.members.push(Member { name: format!("repodata {}", data.kind), len: data.len });
    }
    for entry in entries {
        report.len += entry.len;
        report.entries.push(ReadEntry {
            path: entry.place().to_string().into(),
            kind: ReadKind::File { len: entry.len, md5: None, sha256: *entry.sha256() },
            mode: 0o644,
            owner: "".into(),
            group: "".into(),
            ids: (0, 0),
            mtime: i64::try_from(entry.built).unwrap_or(i64::MAX),
            config: false,
        });
    }
    report
}

/// Two packages that clients take for one.
fn twice(sorted: &[Entry], problems: &mut Problems) {
    for pair in sorted.windows(2) {
        if pair[0].is_version_of(&pair[1]) && pair[0].sha256 != pair[1].sha256 {
            problems.push(format!("{} is there twice, with two contents", pair[1].id()));
        }
    }
}

/// Packages that no index names: left for clients with an older index.
fn unnamed(dir: &Path, repository: &Repository, report: &mut Report) {
    let in_index: BTreeSet<_> =
        repository.entries.iter().map(|entry| entry.place().as_str()).collect();
    let files = fs::read_dir(dir.join("packages")).into_iter().flatten();
    let names = files.flatten().map(|file: fs::DirEntry| file.file_name());
    let count = names
        .filter_map(|name| name.into_string().ok())
        .filter(|name| {
            !name.starts_with('.') && !in_index.contains(format!("packages/{name}").as_str())
        })
        .count();
    if count > 0 {
        let text = format!(
            "{count} files in packages/ are in no index: kept for clients with an older one"
        );
        report.notes.push(text);
    }
}
