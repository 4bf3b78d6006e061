//! A report as text: stable, so that it can be kept and compared; without colour.

use std::fmt::Write as _;

use crate::{
    container::utc,
    format::report::{MetaFile, ReadEntry, ReadKind, Report, escape},
};

/// Everything, section by section.
///
/// ```text
/// deb  1234 bytes
/// sha256 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
///
/// Package: hello
/// …
///
/// members
///   debian-binary                    4
/// ```
pub fn report(report: &Report) -> String {
    let mut out = format!("{}  {} bytes\n", report.format, report.len);
    if let Some(sha256) = &report.sha256 {
        line(&mut out, format_args!("sha256 {sha256}"));
    }
    section(&mut out, "", &fields(report));
    section(&mut out, "members\n", &members(report));
    section(&mut out, "files\n", &files(report));
    section(&mut out, "", &metadata(report));
    section(&mut out, "", &scripts(report));
    section(&mut out, "signatures\n", &list(&report.signatures));
    section(&mut out, "problems\n", &list(&report.problems));
    section(&mut out, "notes\n", &list(&report.notes));
    out
}

/// `Name: value` lines as in a control file.
pub fn fields(report: &Report) -> String {
    let mut out = String::new();
    for (name, value) in &report.fields {
        let mut lines = value.split('\n').map(|text| escape(text.as_bytes()));
        let first = lines.next().unwrap_or_default();
        let blank = if first.is_empty() { "" } else { " " };
        line(&mut out, format_args!("{}:{blank}{first}", escape(name.as_bytes())));
        lines.for_each(|more| line(&mut out, format_args!("{more}")));
    }
    out
}

/// One line per entry, in the artifact's order: kind, mode, owner, size, time (UTC), path, target.
///
/// ```text
/// -rwxr-xr-x root/root         10 2023-11-14 22:13:20 usr/bin/hello
/// -rw-r--r-- root/root         17 2023-11-14 22:13:20 etc/hello.conf (conffile)
/// ```
pub fn files(report: &Report) -> String {
    let mut out = String::new();
    report.entries.iter().for_each(|entry| file(&mut out, entry));
    out
}

fn file(out: &mut String, entry: &ReadEntry) {
    let (kind, after) = match &entry.kind {
        ReadKind::Dir => ('d', String::new()),
        ReadKind::File { .. } => ('-', String::new()),
        ReadKind::Symlink { target } => ('l', format!(" -> {target}")),
        ReadKind::Hardlink { target } => ('h', format!(" link to {target}")),
        ReadKind::Device { block, .. } => (if *block { 'b' } else { 'c' }, String::new()),
        ReadKind::Fifo => ('p', String::new()),
    };
    let size = match &entry.kind {
        ReadKind::Device { major, minor, .. } => format!("{major},{minor}"),
        _ => entry.len().to_string(),
    };
    let conffile = if entry.config { " (conffile)" } else { "" };
    let owner = match (entry.owner.as_str(), entry.group.as_str()) {
        ("", "") => String::new(),
        (owner, group) => format!(" {owner}/{group}"),
    };
    line(
        out,
        format_args!(
            "{kind}{}{owner} {size:>10} {} {}{after}{conffile}",
            rights(entry.mode),
            utc(entry.mtime),
            entry.path
        ),
    );
}

/// `rwxr-xr-x`, with set-id and sticky bits as ls(1) shows them.
fn rights(mode: u32) -> String {
    let special = |bit: u32, executable: bool, letter: char| match (mode & bit != 0, executable) {
        (true, true) => letter,
        (true, false) => letter.to_ascii_uppercase(),
        (false, true) => 'x',
        (false, false) => '-',
    };
    let triple = |shift: u32, bit: u32, letter: char| {
        let bits = mode >> shift;
        let read = if bits & 4 != 0 { 'r' } else { '-' };
        let write = if bits & 2 != 0 { 'w' } else { '-' };
        [read, write, special(bit, bits & 1 != 0, letter)]
    };
    [triple(6, 0o4000, 's'), triple(3, 0o2000, 's'), triple(0, 0o1000, 't')]
        .iter()
        .flatten()
        .collect()
}

/// What runs on the user's machine, in full, each below its name.
pub fn scripts(report: &Report) -> String {
    texts(report, |_, mode| mode & 0o111 != 0)
}

/// Metadata files that are no scripts, in full, each below its name: conffiles, triggers, md5sums.
pub fn metadata(report: &Report) -> String {
    // The fields are `control`.
    texts(report, |name, mode| mode & 0o111 == 0 && name != "control")
}

fn texts(report: &Report, wanted: impl Fn(&str, u32) -> bool) -> String {
    let mut out = String::new();
    let wanted = report.metadata.iter().filter(|(name, file)| wanted(name, file.mode));
    for (name, MetaFile { mode, content }) in wanted {
        if !out.is_empty() {
            out.push('\n');
        }
        line(&mut out, format_args!("{name} ({mode:04o})"));
        let content = content.strip_suffix(b"\n").unwrap_or(content);
        for text in content.split(|&byte| byte == b'\n') {
            line(&mut out, format_args!("  {}", with_tabs(text)));
        }
    }
    out
}

/// Escaped, but for tabs, which scripts are full of.
fn with_tabs(text: &[u8]) -> String {
    let parts: Vec<_> = text.split(|&byte| byte == b'\t').map(escape).collect();
    parts.join("\t")
}

fn members(report: &Report) -> String {
    report.members.iter().fold(String::new(), |mut out, member| {
        line(&mut out, format_args!("  {:<20} {:>12}", escape(member.name.as_bytes()), member.len));
        out
    })
}

fn list(texts: &[String]) -> String {
    texts.iter().fold(String::new(), |mut out, text| {
        line(&mut out, format_args!("  {}", escape(text.as_bytes())));
        out
    })
}

/// A section with content, an empty line in front.
fn section(out: &mut String, title: &str, content: &str) {
    if !content.is_empty() {
        out.push('\n');
        out.push_str(title);
        out.push_str(content);
    }
}

/// A line without blanks at its end.
fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    let from = out.len();
    out.write_fmt(text).expect("a string takes everything");
    out.truncate(from + out[from..].trim_end().len());
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        format::report::Member,
        payload::Blob,
        tree::{InstallPath, Mode, Node, Tree},
    };

    #[test]
    fn a_report_is_readable() {
        let mut tree = Tree::default();
        let mut add =
            |path: &str, node| tree.insert(InstallPath::parse(path).unwrap(), node).unwrap();
        add("etc/x.conf", Node::file(Blob::from_bytes("hello"), Mode(0o640)));
        add("usr/x", Node::symlink("../y"));
        let mut sample = Report::of_tree("deb", &tree, "./", 1_700_000_000);
        sample.len = 1234;
        sample.fields = vec![
            ("Package".into(), "x".into()),
            ("Description".into(), "an\x1b[31mx\n at length".into()),
            ("Tag".into(), "\n a".into()),
        ];
        sample.entries[2].config = true;
        sample.members = vec![Member { name: "debian-binary".into(), len: 4 }];
        let content = b"#!/bin/sh\n\n\techo\n".to_vec();
        sample.metadata.insert("postinst".into(), MetaFile { mode: 0o755, content });
        sample.notes = vec!["odd".into()];
        let want = "deb  1234 bytes\n\n\
             Package: x\nDescription: an\\x1b[31mx\n at length\nTag:\n a\n\n\
             members\n  debian-binary                   4\n\n\
             files\n\
             drwxr-xr-x root/root          0 2023-11-14 22:13:20 .\n\
             drwxr-xr-x root/root          0 2023-11-14 22:13:20 etc\n\
             -rw-r----- root/root          5 2023-11-14 22:13:20 etc/x.conf (conffile)\n\
             drwxr-xr-x root/root          0 2023-11-14 22:13:20 usr\n\
             lrwxrwxrwx root/root          0 2023-11-14 22:13:20 usr/x -> ../y\n\n\
             postinst (0755)\n  #!/bin/sh\n\n  \techo\n\n\
             notes\n  odd\n";
        assert_eq!(report(&sample), want);
    }

    #[test]
    fn special_bits_are_shown_as_ls_does() {
        assert_eq!(
            [0o4755, 0o2745, 0o1777, 0o1770].map(rights),
            ["rwsr-xr-x", "rwxr-Sr-x", "rwxrwxrwt", "rwxrwx--T",]
        );
    }
}
