//! What can be looked at without installing anything: scripts are read by `sh`, archives unpacked.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use super::{
    Surroundings,
    cleanup::{self, Cleanup},
    command::{run, with},
    report::Log,
    scratch,
    subject::Subject,
};
use crate::{
    diagnostic::Diagnostic,
    fetch::{Fetcher, Means, Member, MemberKind},
    payload::Blob,
};

/// A folder that is gone when this is.
struct Temporary<'a> {
    dir: PathBuf,
    cleanup: &'a Cleanup,
    /// Tells other trials that it is in use.
    _lock: fs::File,
}

impl<'a> Temporary<'a> {
    fn make(around: &Surroundings, cleanup: &'a Cleanup) -> Result<Self, Diagnostic> {
        let (dir, lock) = scratch::fresh(around, cleanup)?;
        Ok(Self { dir, cleanup, _lock: lock })
    }
}

impl Drop for Temporary<'_> {
    fn drop(&mut self) {
        cleanup::remove(&self.dir);
        self.cleanup.leave(&self.dir);
    }
}

/// Looks at packages that cannot be installed here, and why not.
pub(super) fn packages(
    set: &[Subject],
    why: &str,
    around: &Surroundings,
    cleanup: &Cleanup,
    log: &mut Log<'_>,
) -> Result<(), Diagnostic> {
    let temporary = Temporary::make(around, cleanup)?;
    log.step("look inside");
    for subject in set {
        let (name, version) = (&subject.name, &subject.version);
        let text = format!("{name} {version} is whole: its structure and every digest in it");
        log.pass("package.whole", text);
        scripts(&subject.scripts, name, &temporary.dir, around, log)?;
    }
    for step in ["install", "services", "upgrade", "remove", "purge"] {
        log.step(step);
        log.skip("step", format!("the whole {step}"), why);
    }
    Ok(())
}

/// Whether a shell understands scripts; what they do is not known by that.
fn scripts(
    all: &[(String, String)],
    name: &str,
    dir: &Path,
    around: &Surroundings,
    log: &mut Log<'_>,
) -> Result<(), Diagnostic> {
    let mut good = Vec::new();
    for (script, text) in all {
        let first = text.lines().next().unwrap_or_default();
        let shell = ["sh", "bash", "dash"].iter().find(|shell| {
            first.starts_with("#!") && first.split(['/', ' ']).any(|word| word == **shell)
        });
        let Some(shell) = shell.filter(|shell| around.tools.find(shell).is_some()) else {
            log.skip(
                "script",
                format!("whether `{script}` of {name} is a script"),
                "its shell is not here",
            );
            continue;
        };
        let path = dir.join("script");
        super::root::write(&path, text, 0o644)?;
        let said =
            run(&mut with(around.tools.command(shell), &["-n", &path.to_string_lossy()]), dir)?;
        if said.ok() {
            good.push(script.as_str());
        } else {
            log.fail(
                "script",
                format!("`{script}` of {name} is no script of {shell}"),
                said.tail(),
            );
        }
    }
    if !good.is_empty() {
        log.pass("script", format!("scripts of {name} are understood: {}", good.join(", ")));
    }
    Ok(())
}

/// Unpacks an archive into an empty folder and looks at what is there.
pub(super) fn archive(
    subject: &Subject,
    around: &Surroundings,
    cleanup: &Cleanup,
    log: &mut Log<'_>,
) -> Result<(), Diagnostic> {
    let temporary = Temporary::make(around, cleanup)?;
    let shown = subject.path.display().to_string();
    log.step("unpack");
    log.pass("package.whole", "it is whole: its structure and every checksum in it");
    let blob = Blob::open(&subject.path).map_err(Diagnostic::from)?;
    let unpacked = Fetcher::new(Means::new(temporary.dir.join("cache"))).unpack(&blob, &shown);
    let members = match unpacked {
        Ok(members) => members,
        Err(error) => {
            let error = Diagnostic::from(error);
            log.fail("archive.unpacked", error.message, error.causes);
            return Ok(());
        }
    };
    let files = place(&members, &temporary.dir.join("root"))?;
    log.pass(
        "archive.unpacked",
        format!("{} are unpacked, no name or link leads out", count(files)),
    );
    let tops: BTreeSet<_> = members.iter().filter_map(|one| one.path.split('/').next()).collect();
    match tops.len() {
        1 => log.pass(
            "archive.top",
            format!("all of it is in one folder, {}", tops.first().unwrap_or(&"")),
        ),
        many => log.note("archive.top", format!("it unpacks to {many} files and folders, not one")),
    }
    let all = programs(&members);
    scripts(&all, "the archive", &temporary.dir, around, log)?;
    not_looked_at(&members, log);
    Ok(())
}

fn count(files: usize) -> String {
    if files == 1 { "1 file or link".into() } else { format!("{files} files and links") }
}

fn not_looked_at(members: &[Member], log: &mut Log<'_>) {
    log.step("run");
    log.skip("program", "whether its programs run", "they would run on this machine itself");
    let mut wrappers = members.iter().filter(|one| one.path.ends_with("-service"));
    let why = match wrappers.next() {
        Some(wrapper) => {
            let name = wrapper.path.rsplit('/').next().unwrap_or_default();
            format!("`{name} install` would register them on this machine itself")
        }
        None => "an archive registers none".to_owned(),
    };
    log.skip("service.active", "whether its services are active and healthy", why);
}

/// Makes a tree of the members, without their owners; how many files and links there are.
fn place(members: &[Member], root: &Path) -> Result<usize, Diagnostic> {
    let mut many = 0;
    for member in members {
        let to = root.join(&member.path);
        let placed = || {
            if let Some(folder) = to.parent() {
                fs::create_dir_all(folder)?;
            }
            match &member.kind {
                MemberKind::EmptyDir => fs::create_dir_all(&to),
                MemberKind::File { file, .. } => fs::hard_link(file, &to),
                MemberKind::Symlink(target) => std::os::unix::fs::symlink(target, &to),
            }
        };
        placed().map_err(|error| {
            let text = format!("cannot unpack `{}`", member.path);
            Diagnostic::failed("write.failed", text).caused_by(&error)
        })?;
        many += usize::from(member.kind != MemberKind::EmptyDir);
    }
    Ok(many)
}

/// Scripts among the programs, by their paths.
fn programs(members: &[Member]) -> Vec<(String, String)> {
    /// Largest script that is read, in bytes.
    const MAX: u64 = 1 << 20;
    let scripts = members.iter().filter_map(|member| {
        let MemberKind::File { file, executable: true } = &member.kind else { return None };
        let small = fs::metadata(file).is_ok_and(|found| found.len() < MAX);
        let text = small.then(|| fs::read(file).ok()).flatten()?;
        let text = String::from_utf8(text).ok().filter(|text| text.starts_with("#!"))?;
        Some((member.path.clone(), text))
    });
    scripts.collect()
}
