//! Rules between the metadata and the files of a package.

use std::collections::BTreeSet;

use super::Deb;
use crate::{
    digest::{Digest, Md5Digest},
    format::{
        listing::{Listing, Problems},
        report::{MetaFile, ReadEntry, ReadKind, escape},
    },
};

/// Maintainer scripts: they are run.
const SCRIPTS: &[&str] = &["preinst", "postinst", "prerm", "postrm", "config"];

/// Everything else that packages of the distribution have in control.tar.
const METADATA: &[&str] =
    &["control", "md5sums", "conffiles", "triggers", "shlibs", "symbols", "templates"];

/// Directives of a `triggers` file.
const TRIGGERS: &[&str] = &[
    "interest",
    "interest-await",
    "interest-noawait",
    "activate",
    "activate-await",
    "activate-noawait",
];

/// Adds the problems and notes that need the whole package.
pub(super) fn check(deb: &mut Deb, fields: &[(String, String)]) {
    conffiles(deb);
    scripts(deb);
    triggers(deb);
    md5sums(deb);
    installed_size(deb, fields);
    for name in ["Maintainer", "Description"] {
        if !fields.is_empty() && !fields.iter().any(|(field, _)| field.eq_ignore_ascii_case(name)) {
            deb.notes.push(format!("control: field `{name}` is missing"));
        }
    }
}

/// Lines of a metadata file; a missing last newline is a problem.
fn lines(deb: &mut Deb, name: &str) -> Option<Vec<Vec<u8>>> {
    let Deb { metadata, problems, .. } = deb;
    let lines = whole_lines(name, &metadata.get(name)?.content, problems)?;
    Some(lines.map(<[u8]>::to_vec).collect())
}

fn whole_lines<'a>(
    name: &str,
    content: &'a [u8],
    problems: &mut Problems,
) -> Option<impl Iterator<Item = &'a [u8]> + use<'a>> {
    let body = content.strip_suffix(b"\n");
    if body.is_none() && !content.is_empty() {
        problems.push(format!("{name} does not end in a newline"));
        return None;
    }
    Some(body.into_iter().flat_map(|body| body.split(|&byte| byte == b'\n')))
}

/// deb-conffiles(5): absolute paths of files in the package, or dropped ones.
fn conffiles(deb: &mut Deb) {
    for line in lines(deb, "conffiles").unwrap_or_default() {
        let line = String::from_utf8_lossy(&line);
        let (path, dropped) = match line.trim_end().strip_prefix("remove-on-upgrade ") {
            Some(path) => (path, true),
            None => (line.trim_end(), false),
        };
        let Some(relative) = path.strip_prefix('/') else {
            deb.problems.push(format!("conffiles: `{}` is no path", escape(line.as_bytes())));
            continue;
        };
        match (deb.data.get_mut(relative), dropped) {
            (Some(entry), false) if is_file(entry) => entry.config = true,
            (None, true) => {}
            (_, false) => deb.problems.push(format!("conffiles: `{path}` is no file here")),
            (_, true) => {
                deb.problems.push(format!("conffiles: `{path}` is to be removed, but here"));
            }
        }
    }
}

fn is_file(entry: &ReadEntry) -> bool {
    matches!(entry.kind, ReadKind::File { .. } | ReadKind::Hardlink { .. })
}

fn scripts(deb: &mut Deb) {
    for (name, MetaFile { mode, content }) in &deb.metadata {
        let script = SCRIPTS.contains(&name.as_str());
        if !script && !METADATA.contains(&name.as_str()) {
            deb.notes.push(format!("`{name}` is an unusual file in control.tar"));
        }
        let usual = if script { 0o755 } else { 0o644 };
        if script && mode & 0o555 != 0o555 {
            deb.problems.push(format!("{name} has mode {mode:04o}: dpkg cannot run it"));
        } else if *mode != usual {
            deb.notes.push(format!("{name} has mode {mode:04o}, not {usual:04o}"));
        }
        if script && content.starts_with(b"\x7fELF") {
            deb.notes.push(format!("{name} is a program, not a script"));
        } else if script && !content.starts_with(b"#!") {
            deb.problems.push(format!("{name} does not start with `#!`"));
        }
    }
}

/// deb-triggers(5).
fn triggers(deb: &mut Deb) {
    for line in lines(deb, "triggers").unwrap_or_default() {
        let line = String::from_utf8_lossy(&line).into_owned();
        let text = line.split('#').next().unwrap_or("").trim();
        let fine = match text.split_once(char::is_whitespace) {
            Some((directive, name)) => {
                TRIGGERS.contains(&directive) && !name.trim().contains(char::is_whitespace)
            }
            None => text.is_empty(),
        };
        if !fine {
            deb.problems.push(format!("triggers: `{}` is unknown", escape(line.as_bytes())));
        }
    }
}

/// `<32 hex digits>  usr/bin/x` for files; debhelper leaves conffiles out.
fn md5sums(deb: &mut Deb) {
    let Deb { metadata, data, problems, notes, .. } = deb;
    let Some(MetaFile { content, .. }) = metadata.get("md5sums") else {
        notes.push("there are no md5sums: dpkg makes them while unpacking".into());
        return;
    };
    let Some(body) = whole_lines("md5sums", content, problems) else { return };
    let (mut listed, mut strange) = (vec![false; data.entries.len()], BTreeSet::new());
    for line in body {
        let Some((digest, path)) = md5_line(line) else {
            problems.push(format!("md5sums: `{}` is malformed", escape(line)));
            continue;
        };
        match file_of(data, path) {
            Some(ReadKind::File { md5: Some(there), .. }) if *there != digest => {
                let path = escape(path);
                problems.push(format!("md5sums: `{path}` should be {digest}, but is {there}"));
            }
            Some(_) => {}
            None => problems.push(format!("md5sums: `{}` is no file here", escape(path))),
        }
        let twice = match data.position(path) {
            Some(at) => std::mem::replace(&mut listed[at], true),
            None => !strange.insert(super::clean(path)),
        };
        if twice {
            problems.push(format!("md5sums: `{}` is there twice", escape(path)));
        }
    }
    let files = data.entries.iter().zip(listed);
    let files = files.filter(|(entry, listed)| is_file(entry) && !entry.config && !listed);
    let unlisted: Vec<_> = files.map(|(entry, _)| entry).collect();
    if let Some(first) = unlisted.first() {
        notes.push(format!("md5sums leaves out {} files: `{}`", unlisted.len(), first.path));
    }
}

/// Digest and path.
fn md5_line(line: &[u8]) -> Option<(Md5Digest, &[u8])> {
    let (digest, path) = line.split_at_checked(32)?;
    let digest = str::from_utf8(digest).ok()?;
    if digest.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return None;
    }
    let path = path.strip_prefix(b"  ").or_else(|| path.strip_prefix(b" *"))?;
    if path.is_empty() {
        return None;
    }
    Some((Digest::parse(digest)?, path))
}

/// The file at a path, or the one that a hard link there names.
fn file_of<'a>(data: &'a Listing, path: &[u8]) -> Option<&'a ReadKind> {
    let kind = match data.kind(path)? {
        ReadKind::Hardlink { target } => &data.get(target)?.kind,
        kind => kind,
    };
    matches!(kind, ReadKind::File { .. }).then_some(kind)
}

/// dpkg-gencontrol's rule, in KiB: files and symlinks rounded up, hard links once, others 1 each.
fn installed_size(deb: &mut Deb, fields: &[(String, String)]) {
    let rule: u64 = deb.data.entries.iter().map(size_in_kib).sum();
    let field = fields.iter().find(|(name, _)| name.eq_ignore_ascii_case("Installed-Size"));
    let Some((_, value)) = field else {
        deb.notes
            .push(format!("control: field `Installed-Size` is missing, the files need {rule}"));
        return;
    };
    // It is computed before files are compressed and stripped by some builds, so it may differ.
    if value.parse::<u64>().is_ok_and(|said| said.abs_diff(rule) > rule / 100 + 16) {
        deb.notes.push(format!("control: `Installed-Size` is {value}, the files need {rule}"));
    }
}

fn size_in_kib(entry: &ReadEntry) -> u64 {
    match &entry.kind {
        ReadKind::File { len, .. } => len.div_ceil(1024),
        ReadKind::Symlink { target } => (target.len() as u64).div_ceil(1024),
        ReadKind::Hardlink { .. } => 0,
        ReadKind::Dir | ReadKind::Device { .. } | ReadKind::Fifo => 1,
    }
}
