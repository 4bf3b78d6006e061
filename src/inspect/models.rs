//! Ollama stores in a package: what a server would delete, overwrite or not be able to run.

use std::collections::BTreeSet;

use crate::{
    digest::Sha256Digest,
    format::report::{ReadEntry, ReadKind, Report},
};

/// Notes what is unusual in the stores of a package, and blobs that are not what their names say.
pub(super) fn look(report: &mut Report) {
    let stores = stores(report);
    let (mut problems, mut notes) = (Vec::new(), Vec::new());
    for entry in &report.entries {
        let in_part = |part: &str| {
            let below = |store: &&String| entry.path.strip_prefix(&format!("{store}/{part}/"));
            stores.iter().find_map(|store| below(&store))
        };
        if let Some(name) = in_part("blobs") {
            blob(entry, name, &mut problems, &mut notes);
        } else if in_part("manifests").is_some() && matches!(entry.kind, ReadKind::Symlink { .. }) {
            let text = "is a manifest by a link: a server that pulls the model writes through it";
            notes.push(format!("`{}` {text}", entry.path));
        }
    }
    report.problems.extend(problems);
    report.notes.extend(notes);
}

/// Directories that have both halves of a store.
fn stores(report: &Report) -> BTreeSet<String> {
    let with = |part: &str| -> BTreeSet<String> {
        let end = format!("/{part}");
        let dirs = report.entries.iter().filter(|entry| entry.kind == ReadKind::Dir);
        dirs.filter_map(|dir| dir.path.strip_suffix(&end)).map(str::to_owned).collect()
    };
    with("blobs").intersection(&with("manifests")).cloned().collect()
}

fn blob(entry: &ReadEntry, name: &str, problems: &mut Vec<String>, notes: &mut Vec<String>) {
    let path = &entry.path;
    let said = name.strip_prefix("sha256-").and_then(Sha256Digest::parse);
    match (said, &entry.kind) {
        (Some(said), ReadKind::File { sha256, .. }) if said != *sha256 => {
            problems.push(format!("the blob `{path}` has SHA-256 {sha256}"));
        }
        (Some(_), _) => {}
        (None, _) => {
            notes.push(format!("`{path}` is no blob: Ollama deletes it from a store it may write"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::sha256;

    fn entry(path: &str, kind: ReadKind) -> ReadEntry {
        ReadEntry {
            path: path.into(),
            kind,
            mode: 0o644,
            owner: "root".into(),
            group: "root".into(),
            ids: (0, 0),
            mtime: 0,
            config: false,
        }
    }

    fn file(path: &str, content: &str) -> ReadEntry {
        let (len, sha256) = (content.len() as u64, sha256(content.as_bytes()));
        entry(path, ReadKind::File { len, md5: None, sha256 })
    }

    fn looked(mut entries: Vec<ReadEntry>) -> Report {
        for dir in ["usr/share/n/models/blobs", "usr/share/n/models/manifests", "usr/share/n/blobs"]
        {
            entries.push(entry(dir, ReadKind::Dir));
        }
        let mut report = Report { entries, ..Report::default() };
        look(&mut report);
        report
    }

    #[test]
    fn a_store_as_pkggen_makes_it_is_fine() {
        let blob = format!("usr/share/n/models/blobs/sha256-{}", sha256(b"a"));
        let manifest = "usr/share/n/models/manifests/h/n/m/t";
        let report =
            looked(vec![file(&blob, "a"), file(manifest, "{}"), file("usr/share/n/blobs/x", "")]);
        assert_eq!((report.problems.len(), report.notes.len()), (0, 0), "{report:?}");
    }

    #[test]
    fn what_does_not_belong_into_a_store_is_told() {
        let blob = format!("usr/share/n/models/blobs/sha256-{}", sha256(b"a"));
        let link = ReadKind::Symlink { target: "/elsewhere".into() };
        let report = looked(vec![
            file(&blob, "b"),
            file("usr/share/n/models/blobs/.keep", ""),
            entry("usr/share/n/models/manifests/h/n/m/t", link),
        ]);
        assert_eq!(report.problems, [format!("the blob `{blob}` has SHA-256 {}", sha256(b"b"))]);
        assert_eq!(report.notes.len(), 2, "{report:?}");
        assert!(report.notes[0].contains(".keep` is no blob"));
        assert!(report.notes[1].contains("writes through it"));
    }
}
