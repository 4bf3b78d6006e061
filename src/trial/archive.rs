//! Trials of archives: unpacked, and, where they bring a control program (`NAME-service`), their
//! services registered, looked at and forgotten again in a container.

use std::{
    collections::BTreeSet,
    fs, io,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::Path,
};

use super::{
    Expected, Place, Report, Surroundings, Wish,
    cleanup::Cleanup,
    deb::Dpkg,
    folder::{Temporary, scripts},
    image,
    life::may_stay,
    machine::{self, Machine},
    manager::Manager as _,
    probe::Probe,
    report::Log,
    root,
    scratch::Scratch,
    services::{Unit, Watcher},
    subject::Subject,
    watch::Snapshot,
};
use crate::{
    diagnostic::Diagnostic,
    fetch::{Fetcher, Means, Member, MemberKind},
    payload::Blob,
};

/// Where archives are unpacked in a container.
const TOP: &str = "opt/pkggen-test";

/// Tries an archive; `why_not` says why no container can be booted.
pub(super) fn run(
    subject: &Subject,
    why_not: Option<String>,
    wish: &Wish,
    around: &Surroundings,
    cleanup: &Cleanup,
    mut log: Log<'_>,
) -> Result<Report, Diagnostic> {
    let temporary = Temporary::make(around, cleanup)?;
    let mut report = Report {
        artifact: wish.artifact.clone(),
        format: subject.format.clone(),
        place: Place::Folder,
        image: String::new(),
        steps: Vec::new(),
        partial: false,
        kept: None,
    };
    if let Some(members) = unpack(subject, &temporary.dir, around, &mut log)? {
        let control = members.iter().find(|one| is_control(one)).map(|one| one.path.clone());
        match (control, why_not) {
            (Some(control), None) => {
                let image = image(wish.image.as_ref(), &Dpkg);
                report.place = Place::Nspawn;
                report.image = image.to_string();
                log.step("prepare");
                log.note("place", format!("nspawn in {image}"));
                let base = root::base(&image, Dpkg.base(), around, &mut log)?;
                let mut scratch = Scratch::open(&base, around, cleanup, &mut log)?;
                let lived = in_container(&members, &control, wish, &scratch, &mut log);
                report.kept = if wish.keep { scratch.keep() } else { None };
                lived?;
            }
            (control, why_not) => {
                report.partial = control.is_some();
                not_looked_at(control.is_some(), why_not, &mut log);
            }
        }
    }
    report.steps = log.finish();
    Ok(report)
}

/// `NAME-service` of a system with a shell.
fn is_control(member: &Member) -> bool {
    let is_program = matches!(member.kind, MemberKind::File { executable: true, .. });
    is_program && member.path.ends_with("-service")
}

fn not_looked_at(has_control: bool, why_not: Option<String>, log: &mut Log<'_>) {
    log.step("run");
    let here = "they would run on this machine itself";
    log.skip("program", "whether its programs run", here);
    let none = "the archive registers none".to_owned();
    let why = why_not.filter(|_| has_control).unwrap_or(none);
    log.skip("service.active", "whether its services are active and healthy", why);
}

/// Unpacks an archive into an empty folder and looks at what is there.
fn unpack(
    subject: &Subject,
    dir: &Path,
    around: &Surroundings,
    log: &mut Log<'_>,
) -> Result<Option<Vec<Member>>, Diagnostic> {
    let shown = subject.path.display().to_string();
    log.step("unpack");
    log.pass("package.whole", "it is whole: its structure and every checksum in it");
    let blob = Blob::open(&subject.path).map_err(Diagnostic::from)?;
    let unpacked = Fetcher::new(Means::new(dir.join("cache"))).unpack(&blob, &shown);
    let members = match unpacked {
        Ok(members) => members,
        Err(error) => {
            let error = Diagnostic::from(error);
            log.fail("archive.unpacked", error.message, error.causes);
            return Ok(None);
        }
    };
    let files = members.iter().filter(|one| one.kind != MemberKind::EmptyDir).count();
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
    scripts(&all, "the archive", dir, around, log)?;
    Ok(Some(members))
}

fn count(files: usize) -> String {
    if files == 1 { "1 file or link".into() } else { format!("{files} files and links") }
}

/// Makes a tree of the members, without their owners.
fn place(members: &[Member], root: &Path) -> Result<(), Diagnostic> {
    for member in members {
        let to = root.join(&member.path);
        place_one(&member.kind, &to).map_err(|error| {
            let text = format!("cannot unpack `{}`", member.path);
            Diagnostic::failed("write.failed", text).caused_by(&error)
        })?;
    }
    Ok(())
}

fn place_one(kind: &MemberKind, to: &Path) -> io::Result<()> {
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder)?;
    }
    match kind {
        MemberKind::EmptyDir => fs::create_dir_all(to),
        MemberKind::Symlink(target) => symlink(target, to),
        MemberKind::File { file, executable } => {
            fs::copy(file, to)?;
            let mode = if *executable { 0o755 } else { 0o644 };
            fs::set_permissions(to, fs::Permissions::from_mode(mode))
        }
    }
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

/// Registers the services, looks at them, and forgets them again.
fn in_container(
    members: &[Member],
    control: &str,
    wish: &Wish,
    scratch: &Scratch<'_>,
    log: &mut Log<'_>,
) -> Result<(), Diagnostic> {
    place(members, &scratch.seen().join(TOP))?;
    let machine = machine::start(Place::Nspawn, scratch, log)?;
    let control = format!("/{TOP}/{control}");
    let files = members.iter().map(|one| format!("/{TOP}/{}", one.path)).collect();
    let (expected, probe) = (wish.expected.clone(), wish.probe.clone());
    live(&*machine, &Control { program: control, files, expected, probe }, log)
}

/// An unpacked archive's control program, and what is known of its services.
pub(super) struct Control {
    pub(super) program: String,
    /// All that was unpacked.
    pub(super) files: Vec<String>,
    pub(super) expected: Vec<Expected>,
    pub(super) probe: Option<Probe>,
}

/// The life of an archive's services.
pub(super) fn live(
    machine: &dyn Machine,
    about: &Control,
    log: &mut Log<'_>,
) -> Result<(), Diagnostic> {
    let Control { program: control, files, expected, probe } = about;
    let name = control.rsplit('/').next().unwrap_or(control);
    let before = machine.snapshot()?;
    log.step(format!("{name} install"));
    if !succeeds(machine, control, "install", log)? {
        return Ok(());
    }
    let units = registered(&before, &machine.snapshot()?);
    let watcher = Watcher { machine, probe: probe.as_ref() };
    let mut found =
        watcher.find(&units.iter().map(String::as_str).collect::<Vec<_>>(), expected)?;
    watcher.start(&found, log)?;
    watcher.all_well(&mut found, log)?;
    if found.is_empty() {
        log.fail("installed", "no service is registered that something wants", units);
    }
    succeeds(machine, control, "status", log)?;
    log.step(format!("{name} install, again"));
    if succeeds(machine, control, "install", log)? {
        watcher.all_well(&mut found, log)?;
    }
    log.step(format!("{name} uninstall"));
    if succeeds(machine, control, "uninstall", log)? {
        watcher.ended(&found, &files.iter().collect::<Vec<_>>(), log)?;
        left(&before, &machine.snapshot()?, &found, log);
    }
    Ok(())
}

fn succeeds(
    machine: &dyn Machine,
    control: &str,
    action: &str,
    log: &mut Log<'_>,
) -> Result<bool, Diagnostic> {
    let said = machine.run(&[control, action])?;
    if said.ok() {
        log.pass("control", format!("`{action}` succeeds"));
    } else {
        let code = said.code.map_or("a signal".to_owned(), |code| code.to_string());
        log.fail("control", format!("`{action}` ended with {code}"), said.tail());
    }
    Ok(said.ok())
}

/// Units that came.
fn registered(before: &Snapshot, now: &Snapshot) -> Vec<String> {
    let added = before.changes(now).added.into_iter();
    let is_unit = |path: &String| {
        let name = path.strip_prefix("/etc/systemd/system/");
        name.is_some_and(|name| !name.contains('/') && name.ends_with(".service"))
    };
    added.filter(is_unit).collect()
}

/// What services wrote is kept, and nothing else.
fn left(before: &Snapshot, now: &Snapshot, units: &[Unit], log: &mut Log<'_>) {
    let kept: Vec<_> = units.iter().flat_map(|unit| unit.dirs.clone()).collect();
    let changes = before.changes(now);
    let left: Vec<_> = changes.added.into_iter().filter(|path| !may_stay(path, &kept)).collect();
    if left.is_empty() {
        log.pass("purge.left", "nothing is left behind but what the services wrote");
    } else {
        log.fail("purge.left", "something is left behind", left);
    }
    let lost: Vec<_> = changes.removed.into_iter().chain(changes.changed).collect();
    if lost.is_empty() {
        log.pass("purge.lost", "nothing else is gone or changed");
    } else {
        log.fail("purge.lost", "something else is gone or changed", lost);
    }
}
