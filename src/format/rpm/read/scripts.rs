//! Scriptlets, triggers, the change log and the attributes of files, as metadata files.

use std::{collections::BTreeMap, fmt::Write as _};

use super::{
    fields::shown,
    files::{File, Files},
};
use crate::{
    container::utc,
    format::{
        report::{MetaFile, clean, escape},
        rpm::{
            header::Header,
            tags::{self, file, sense, verify},
        },
    },
};

/// Scripts of the package itself: name, tags of body, interpreter and flags.
#[rustfmt::skip]
const SCRIPTS: &[(&str, [u32; 3])] = &[
    ("pretrans", [tags::PRETRANS, tags::PRETRANSPROG, tags::PRETRANSFLAGS]),
    ("pre", [tags::PREIN, tags::PREINPROG, tags::PREINFLAGS]),
    ("post", [tags::POSTIN, tags::POSTINPROG, tags::POSTINFLAGS]),
    ("preun", [tags::PREUN, tags::PREUNPROG, tags::PREUNFLAGS]),
    ("postun", [tags::POSTUN, tags::POSTUNPROG, tags::POSTUNFLAGS]),
    ("posttrans", [tags::POSTTRANS, tags::POSTTRANSPROG, tags::POSTTRANSFLAGS]),
    ("preuntrans", [tags::PREUNTRANS, tags::PREUNTRANSPROG, tags::PREUNTRANSFLAGS]),
    ("postuntrans", [tags::POSTUNTRANS, tags::POSTUNTRANSPROG, tags::POSTUNTRANSFLAGS]),
    ("verifyscript", [tags::VERIFYSCRIPT, tags::VERIFYSCRIPTPROG, tags::VERIFYSCRIPTFLAGS]),
];

/// The tags of one kind of triggers.
struct Triggers {
    /// In front of `triggerin`.
    prefix: &'static str,
    scripts: u32,
    programs: u32,
    script_flags: u32,
    names: u32,
    versions: u32,
    flags: u32,
    index: u32,
    priorities: Option<u32>,
}

#[rustfmt::skip]
const TRIGGERS: [Triggers; 3] = [
    Triggers {
        prefix: "", scripts: tags::TRIGGERSCRIPTS, programs: tags::TRIGGERSCRIPTPROG,
        script_flags: tags::TRIGGERSCRIPTFLAGS, names: tags::TRIGGERNAME,
        versions: tags::TRIGGERVERSION, flags: tags::TRIGGERFLAGS, index: tags::TRIGGERINDEX,
        priorities: None,
    },
    Triggers {
        prefix: "file", scripts: tags::FILETRIGGERSCRIPTS, programs: tags::FILETRIGGERSCRIPTPROG,
        script_flags: tags::FILETRIGGERSCRIPTFLAGS, names: tags::FILETRIGGERNAME,
        versions: tags::FILETRIGGERVERSION, flags: tags::FILETRIGGERFLAGS,
        index: tags::FILETRIGGERINDEX, priorities: Some(tags::FILETRIGGERPRIORITIES),
    },
    Triggers {
        prefix: "transfile", scripts: tags::TRANSFILETRIGGERSCRIPTS,
        programs: tags::TRANSFILETRIGGERSCRIPTPROG,
        script_flags: tags::TRANSFILETRIGGERSCRIPTFLAGS, names: tags::TRANSFILETRIGGERNAME,
        versions: tags::TRANSFILETRIGGERVERSION, flags: tags::TRANSFILETRIGGERFLAGS,
        index: tags::TRANSFILETRIGGERINDEX, priorities: Some(tags::TRANSFILETRIGGERPRIORITIES),
    },
];

/// Flags of scripts: rpm's `rpmscriptFlags`.
const SCRIPT_FLAGS: &[(u64, &str)] = &[(1, "expand"), (2, "qformat"), (4, "critical")];

/// What a trigger waits for.
#[rustfmt::skip]
const EVENTS: &[(u32, &str)] = &[
    (sense::TRIGGERPREIN, "triggerprein"), (sense::TRIGGERIN, "triggerin"),
    (sense::TRIGGERUN, "triggerun"), (sense::TRIGGERPOSTUN, "triggerpostun"),
];

/// Attributes of files as spec files spell them.
#[rustfmt::skip]
const ATTRIBUTES: &[(u32, &str)] = &[
    (file::DOC, "%doc"), (file::LICENSE, "%license"), (file::README, "%readme"),
    (file::GHOST, "%ghost"), (file::PUBKEY, "%pubkey"), (file::ARTIFACT, "%artifact"),
];

/// What `%verify(not …)` leaves out, as spec files spell it.
#[rustfmt::skip]
const VERIFIED: &[(u32, &str)] = &[
    (verify::DIGEST, "filedigest"), (verify::SIZE, "size"), (verify::LINKTO, "link"),
    (verify::USER, "user"), (verify::GROUP, "group"), (verify::MTIME, "mtime"),
    (verify::MODE, "mode"), (verify::RDEV, "rdev"), (verify::CAPS, "caps"),
];

/// Arrays that may have one value and are no fields of their own.
#[rustfmt::skip]
pub(super) const LISTS: &[u32] = &[
    tags::BASENAMES, tags::CHANGELOGNAME, tags::CHANGELOGTEXT, tags::CHANGELOGTIME,
    tags::CLASSDICT, tags::DEPENDSDICT, tags::DIRINDEXES, tags::DIRNAMES, tags::FILECAPS,
    tags::FILECLASS, tags::FILECOLORS, tags::FILEDEPENDSN, tags::FILEDEPENDSX, tags::FILEDEVICES,
    tags::FILEDIGESTS, tags::FILEFLAGS, tags::FILEGROUPNAME, tags::FILEINODES, tags::FILELANGS,
    tags::FILELINKTOS, tags::FILEMIMEINDEX, tags::FILEMODES, tags::FILEMTIMES, tags::FILERDEVS,
    tags::FILESIGNATURES, tags::FILESIZES, tags::FILEUSERNAME, tags::FILEVERIFYFLAGS,
    tags::LONGFILESIZES, tags::MIMEDICT, tags::OLDFILENAMES,
];

/// Whether a tag belongs to a script or a trigger.
pub(super) fn has(tag: u32) -> bool {
    let of_triggers = TRIGGERS.iter().any(|t| {
        let tags = [t.scripts, t.programs, t.script_flags, t.names, t.versions, t.flags, t.index];
        tags.contains(&tag) || t.priorities == Some(tag)
    });
    of_triggers || SCRIPTS.iter().any(|(_, tags)| tags.contains(&tag))
}

/// Scripts by name (`post`, `triggerin-1`), each below a line with its interpreter; `changelog`;
/// and `files`, with what spec files say in front of a path. The same header gives the same files.
pub fn scripts(header: &Header) -> BTreeMap<String, MetaFile> {
    let mut out = BTreeMap::new();
    for (name, [body, program, flags]) in SCRIPTS {
        let program = header.texts(*program).join(&b' ');
        if header.get(*body).is_none() && program.is_empty() {
            continue;
        }
        let body = header.text(*body).unwrap_or(b"");
        out.insert((*name).to_owned(), script(&program, header.int(*flags), &[], body));
    }
    for kind in &TRIGGERS {
        triggers(header, kind, &mut out);
    }
    let texts = [("changelog", changelog(header)), ("files", attributes(header))];
    for (name, text) in texts {
        if !text.is_empty() {
            let content = text.into_bytes();
            out.insert(name.to_owned(), MetaFile { mode: 0o644, content });
        }
    }
    out
}

/// A script below the line that says what runs it. Nothing said is `/bin/sh`.
fn script(program: &[u8], flags: Option<u64>, notes: &[String], body: &[u8]) -> MetaFile {
    let program = if program.is_empty() { b"/bin/sh" } else { program };
    let mut content = [b"#!", program, b"\n"].concat();
    let flags = flags.unwrap_or(0);
    let words = SCRIPT_FLAGS.iter().filter(|(bit, _)| flags & bit != 0).map(|(_, word)| *word);
    let words: Vec<_> = words.collect();
    if !words.is_empty() {
        content.extend_from_slice(format!("# rpm: {}\n", words.join(", ")).as_bytes());
    }
    for note in notes {
        content.extend_from_slice(format!("# {note}\n").as_bytes());
    }
    content.extend_from_slice(body);
    if !content.ends_with(b"\n") {
        content.push(b'\n');
    }
    MetaFile { mode: 0o755, content }
}

fn triggers(header: &Header, kind: &Triggers, out: &mut BTreeMap<String, MetaFile>) {
    let (programs, script_flags) = (header.texts(kind.programs), header.ints(kind.script_flags));
    let (names, versions) = (header.texts(kind.names), header.texts(kind.versions));
    let (flags, index) = (header.ints(kind.flags), header.ints(kind.index));
    let priorities = kind.priorities.map(|tag| header.ints(tag)).unwrap_or_default();
    // Conditions by the script that they start.
    let mut of_script: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
    for at in 0..names.len() {
        of_script.entry(index.get(at).copied().unwrap_or(0)).or_default().push(at);
    }
    for (number, body) in header.texts(kind.scripts).into_iter().enumerate() {
        let conditions = of_script.remove(&(number as u64)).unwrap_or_default();
        let flags_of = |at: usize| {
            flags.get(at).and_then(|flags| u32::try_from(*flags).ok()).unwrap_or_default()
        };
        let first = conditions.first().map_or(0, |&at| flags_of(at));
        let event = EVENTS.iter().find(|(bit, _)| first & bit != 0).map_or("trigger", |e| e.1);
        let mut notes: Vec<_> = conditions
            .iter()
            .map(|&at| shown(names[at], flags_of(at), versions.get(at).copied().unwrap_or(b"")))
            .map(|condition| format!("on {condition}"))
            .collect();
        notes.extend(priorities.get(number).map(|priority| format!("priority {priority}")));
        let program = programs.get(number).copied().unwrap_or(b"");
        let name = format!("{}{event}-{}", kind.prefix, number + 1);
        out.insert(name, script(program, script_flags.get(number).copied(), &notes, body));
    }
}

/// Newest first, as in the header: `* 2026-11-21 Ana <ana@example.org> - 1.0-1`.
fn changelog(header: &Header) -> String {
    let (names, texts) = (header.texts(tags::CHANGELOGNAME), header.texts(tags::CHANGELOGTEXT));
    let times = header.ints(tags::CHANGELOGTIME);
    let entries = times.into_iter().zip(names).zip(texts);
    entries.fold(String::new(), |mut out, ((time, name), text)| {
        let time = utc(i64::try_from(time).unwrap_or(i64::MAX));
        let day = time.split(' ').next().unwrap_or_default();
        let blank = if out.is_empty() { "" } else { "\n" };
        let text = String::from_utf8_lossy(text);
        writeln!(out, "{blank}* {day} {}\n{text}", escape(name))
            .expect("a string takes everything");
        out
    })
}

/// Lines of the files that have attributes; a ghost's says its mode and owners, for it is not among
/// the entries.
fn attributes(header: &Header) -> String {
    let Ok(files) = Files::of(header) else { return String::new() };
    files.rows.iter().fold(String::new(), |mut out, file| {
        let words = words(file);
        if !words.is_empty() {
            let path = clean(&file.path);
            writeln!(out, "{} /{path}", words.join(" ")).expect("a string takes everything");
        }
        out
    })
}

fn words(file: &File<'_>) -> Vec<String> {
    let mut words = Vec::new();
    if file.flags & file::CONFIG != 0 {
        let options = [(file::NO_REPLACE, "noreplace"), (file::MISSING_OK, "missingok")];
        let options: Vec<_> = options
            .iter()
            .filter(|(bit, _)| file.flags & bit != 0)
            .map(|(_, word)| *word)
            .collect();
        words.push(match options.as_slice() {
            [] => "%config".into(),
            options => format!("%config({})", options.join(",")),
        });
    } else if file.flags & file::MISSING_OK != 0 {
        words.push("%missingok".into());
    }
    let named = ATTRIBUTES.iter().filter(|(bit, _)| file.flags & bit != 0);
    words.extend(named.map(|(_, word)| (*word).to_owned()));
    if !file.lang.is_empty() {
        words.push(format!("%lang({})", escape(file.lang)));
    }
    if !file.caps.is_empty() {
        words.push(format!("%caps({})", escape(file.caps)));
    }
    let left_out: Vec<_> =
        VERIFIED.iter().filter(|(bit, _)| file.verify & bit == 0).map(|(_, word)| *word).collect();
    match left_out.len() {
        0 => {}
        _ if file.is_ghost() => {}
        all if all == VERIFIED.len() => words.push("%verify()".into()),
        _ => words.push(format!("%verify(not {})", left_out.join(" "))),
    }
    if file.is_ghost() {
        let (owner, group) = (escape(file.owner.0), escape(file.owner.1));
        words.push(format!("%attr({:04o},{owner},{group})", file.mode & 0o7777));
        if file.kind() == super::files::DIR {
            words.push("%dir".into());
        }
    }
    words
}
