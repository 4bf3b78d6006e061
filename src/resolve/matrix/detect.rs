//! Without a list: the targets for which all `bin` sources exist.

use std::collections::BTreeSet;

use super::{Candidate, Work};
use crate::{
    diagnostic::{Diagnostic, Diagnostics},
    manifest::{FileItem, Node, Source, Spanned, Table, Value, decode_key, expand},
    package::{Arch, Libc, Os, Target},
    payload::Origin,
    resolve::{
        names,
        source::{ItemKind, Scheme},
    },
    tree::PayloadType,
};

/// What the `bin` sources of a target are.
struct Seen {
    target: Target,
    /// Their files, to tell whether two targets have the same.
    files: BTreeSet<(u64, u64)>,
    /// The C library that one of them is linked with.
    libc: Option<Libc>,
    /// One of them is a program, not a script.
    programs: bool,
}

/// All targets whose `bin` sources exist; an error when there is none.
pub(super) fn all(work: &mut Work<'_>) -> Vec<Candidate> {
    let found: Vec<_> = Os::ALL.into_iter().flat_map(|os| of_os(work, os)).collect();
    if found.is_empty() && work.found.is_ok() {
        // What is missing for the commonest target says more than a list of all.
        let target = Target::new(Os::Linux, Arch::X86_64);
        if let Err(why) = look(work, target) {
            let mut errors = why.errors;
            if let Some(first) = errors.first_mut() {
                first.hint.get_or_insert_with(|| {
                    "no other target has all its `bin` sources either; [targets] says for which to build".into()
                });
            }
            for error in errors {
                work.found.error(error);
            }
        }
    }
    found
}

/// The targets of a system whose `bin` sources exist and are for it.
pub(super) fn of_os(work: &mut Work<'_>, os: Os) -> Vec<Candidate> {
    let mut seen = Vec::new();
    let mut missing = 0_u64;
    for target in Target::all().filter(|target| target.os == os) {
        match look(work, target) {
            Ok(found) => seen.push(found),
            Err(why) => match why.errors.first() {
                Some(error) if error.code == "program.target" => {
                    work.leave_out(target.to_string(), error.message.clone());
                }
                Some(error) if error.code == "source.missing" => missing += 1,
                Some(_) => work.found.append(why),
                None => {}
            },
        }
    }
    if missing > 0 && !seen.is_empty() {
        let why = "their `bin` sources do not exist";
        work.leave_out(format!("{missing} other targets of {}", os.word()), why);
    }
    let kept: Vec<_> = (0..seen.len()).filter(|at| kept(work, &seen, *at)).collect();
    kept.into_iter()
        .map(|at| Candidate { target: seen[at].target, place: None, formats: Vec::new() })
        .collect()
}

/// Of targets with the same files only one is made: the C library that the programs have, and
/// `universal` for programs that are.
fn kept(work: &mut Work<'_>, seen: &[Seen], at: usize) -> bool {
    let this = &seen[at];
    let same = |other: &&Seen| other.target != this.target && other.files == this.files;
    let twin = match (this.target.libc, this.target.arch) {
        (Some(_), arch) => seen.iter().filter(same).find(|other| other.target.arch == arch),
        (None, Arch::Universal) if !this.programs => seen.iter().find(same),
        (None, Arch::Universal) => None,
        (None, _) if this.programs => {
            seen.iter().filter(same).find(|other| other.target.arch == Arch::Universal)
        }
        (None, _) => None,
    };
    let Some(twin) = twin else { return true };
    let loses = match this.target.libc {
        Some(Libc::Gnu) => this.libc == Some(Libc::Musl),
        Some(Libc::Musl) => this.libc != Some(Libc::Musl),
        None => true,
    };
    // Scripts are nobody's programs: that one copy of them is enough needs no words.
    if loses && this.programs {
        let why = format!("its programs are those of {}", twin.target);
        work.leave_out(this.target.to_string(), why);
    }
    !loses
}

/// Looks at the `bin` sources of a target.
fn look(work: &Work<'_>, target: Target) -> Result<Seen, Diagnostics> {
    let mut seen = Seen { target, files: BTreeSet::new(), libc: None, programs: false };
    let mut found = Diagnostics::default();
    let (root, items) = bins(work, target)?;
    for item in items {
        // Nothing is downloaded to see for which targets it may be.
        let Some(source) = item.source.as_ref().filter(|source| Scheme::of(source) == Scheme::Path)
        else {
            continue;
        };
        match work.sources.find(root.as_deref(), source) {
            Ok(items) => items.items.iter().for_each(|item| {
                if let ItemKind::File { blob, .. } = &item.kind {
                    file(work, &mut seen, blob, source, &mut found);
                }
            }),
            Err(problems) => {
                let missing = problems.iter().all(|problem| problem.code == "source.missing");
                let errors = problems.into_iter().map(|problem| problem.at(source.place.as_ref()));
                errors.filter(|_| !(item.optional && missing)).for_each(|error| found.error(error));
            }
        }
    }
    if found.is_ok() { Ok(seen) } else { Err(found) }
}

fn file(
    work: &Work<'_>,
    seen: &mut Seen,
    blob: &crate::payload::Blob,
    source: &Spanned<Source>,
    found: &mut Diagnostics,
) {
    if let Origin::File(_, stamp) = blob.origin() {
        seen.files.insert((stamp.device, stamp.inode));
    }
    let looked = work.sources.program(blob);
    let Ok(Some(program)) = &*looked else { return };
    seen.programs = true;
    seen.libc = seen.libc.or(program.libc());
    if !program.fits(seen.target) {
        let message = format!("`{}` is a {program}", **source);
        found.error(Diagnostic::usage("program.target", message).at(source.place.clone()));
    }
}

/// The `bin` items of a target, expanded, and the root they are below.
type Bins = (Option<String>, Vec<Spanned<FileItem>>);

fn bins(work: &Work<'_>, target: Target) -> Result<Bins, Diagnostics> {
    let formats = super::formats::Formats::of(work.manifest);
    let variant = super::variants::default(work.manifest);
    let job = formats.first_job(target, variant);
    let selection = job.selection();
    let tree = work.manifest.select(&selection, &work.settings.sets)?;
    let mut found = Diagnostics::default();
    let known = names::find(&tree, &job, work.settings, work.sources, None, &mut found);
    let Some(known) = known else { return Err(found) };
    let mini = expand(&only_bins(&tree), &known.names)?;
    let root = mini.find(&["payload", "root"]).and_then(Node::as_str).map(str::to_owned);
    let payload = mini.get("payload").cloned().unwrap_or_else(|| Node::new(Table::default()));
    let mut items: Vec<Spanned<FileItem>> = decode_key(&payload, "files")?;
    items.retain(|item| selection.uses(&item.only, &item.except));
    Ok((root, items))
}

/// `[vars]`, the root and the `bin` items of a tree.
fn only_bins(tree: &Node) -> Node {
    let bin =
        |item: &&Node| item.get("type").and_then(Node::as_str) == Some(PayloadType::Bin.word());
    let files = tree.find(&["payload", "files"]).and_then(Node::as_array).unwrap_or_default();
    let files: Vec<_> = files.iter().filter(bin).cloned().collect();
    let mut mini = Table::default();
    if let Some(vars) = tree.get("vars") {
        mini.insert("vars", vars.clone());
    }
    let mut payload = Table::default();
    if let Some(root) = tree.find(&["payload", "root"]) {
        payload.insert("root", root.clone());
    }
    payload.insert("files", Node::new(Value::Array(files)));
    mini.insert("payload", Node::new(payload));
    Node::new(mini)
}
