//! `pkggen test FILE`: a package's life, tried on a machine that is thrown away.

mod manifest;

use std::{
    env,
    path::{Path, PathBuf},
    time::Duration,
};

use clap::{Args, ValueEnum};

use super::{
    Outcome,
    args::Flags,
    interrupt,
    ui::{Problem, Ui},
};
use crate::{
    diagnostic::{Diagnostic, Diagnostics},
    trial::{self, Check, Cleanup, Event, Image, Place, Probe, Report, Surroundings, Tools, Wish},
};

/// What is tried, and how.
#[derive(Args, Clone, Debug)]
pub(crate) struct TestArgs {
    /// The package: deb, rpm
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Older packages, installed first and upgraded: of FILE, or of those of --with
    #[arg(long = "upgrade-from", value_name = "OLD", num_args = 1..)]
    upgrade_from: Vec<PathBuf>,
    /// Packages that belong to it, installed and removed with it
    #[arg(long, value_name = "FILE", num_args = 1..)]
    with: Vec<PathBuf>,
    /// The system: debian:12, or a folder with a root [default: the host's release; rpm: debian:13]
    #[arg(long, value_name = "IMAGE")]
    image: Option<String>,
    /// This address must answer, too: `http://127.0.0.1:8080/health`
    #[arg(long, value_name = "URL")]
    probe: Option<String>,
    /// For how long --probe may not answer, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    within: u16,
    /// Where [default: the best there is; what is then left out is an error]
    #[arg(long = "in", value_name = "PLACE")]
    place: Option<InPlace>,
    /// Keep what the trial changed, and say where
    #[arg(long)]
    keep: bool,
}

/// `--in`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum InPlace {
    /// A booted container: services run
    Nspawn,
    /// A root in which nothing runs but the package manager
    Chroot,
    /// Nothing is installed
    Folder,
}

/// Tries it, telling what happens.
pub(super) fn run(args: &TestArgs, flags: &Flags, ui: &Ui) -> Outcome {
    let wish = wish(args, flags, ui)?;
    let around = surroundings()?;
    let cleanup = Cleanup::default();
    let mess = cleanup.clone();
    interrupt::then(move || mess.now());
    let mut tell = |event: &Event<'_>| show(event, ui);
    let report = trial::run(&wish, &around, &cleanup, &mut tell);
    interrupt::wait_for_the_end();
    let report = report?;
    let found = verdict(&report, args.place.is_some());
    summary(&report, &found, ui);
    Ok(if report.count("failed") > 0 { 1 } else { found.exit_code() })
}

fn wish(args: &TestArgs, flags: &Flags, ui: &Ui) -> Result<Wish, Diagnostics> {
    let image = args.image.as_deref().map(Image::parse).transpose()?;
    let within = Duration::from_secs(args.within.into());
    let probe = args.probe.as_deref().map(|url| Probe::parse(url, within)).transpose();
    let probe = probe.map_err(|why| Diagnostic::usage("usage", format!("--probe: {why}")))?;
    Ok(Wish {
        artifact: args.file.clone(),
        with: args.with.clone(),
        old: args.upgrade_from.clone(),
        image,
        place: args.place.map(|place| match place {
            InPlace::Nspawn => Place::Nspawn,
            InPlace::Chroot => Place::Chroot,
            InPlace::Folder => Place::Folder,
        }),
        expected: manifest::expected(&args.file, flags, ui)?,
        probe,
        keep: args.keep,
    })
}

/// Base roots are those of the checks in `packaging/checks`.
fn surroundings() -> Result<Surroundings, Diagnostic> {
    let set = |name| env::var_os(name).filter(|text| !text.is_empty());
    let home = || Some(PathBuf::from(set("HOME")?).join(".cache/pkggen-verify"));
    let cache = set("PKGGEN_VERIFY_CACHE").map(PathBuf::from).or_else(home);
    let cache = cache.unwrap_or_else(|| env::temp_dir().join("pkggen-verify"));
    let cache = std::path::absolute(&cache).map_err(|error| {
        Diagnostic::usage("trial.cache", "PKGGEN_VERIFY_CACHE is no path").caused_by(&error)
    })?;
    let path = set("PATH").unwrap_or_default();
    // Administrators' tools are not on everybody's PATH.
    let more = ["/usr/sbin", "/sbin"].map(PathBuf::from);
    let tools =
        Tools(env::split_paths(&path).filter(|dir| dir.is_absolute()).chain(more).collect());
    let mirror = env::var("PKGGEN_VERIFY_MIRROR").ok().filter(|mirror| !mirror.is_empty());
    Ok(Surroundings { tools, cache, mirror, is_root: rustix::process::geteuid().is_root() })
}

/// Lines of the result as soon as they are known.
fn show(event: &Event<'_>, ui: &Ui) {
    interrupt::wait_for_the_end();
    match event {
        Event::Note(text) => ui.note(&format!("  … {text}")),
        Event::Step(name) => ui.result(name),
        Event::Check(check) => {
            for line in lines(check) {
                ui.result(&line);
            }
            ui.event(&serde_json::json!({ "reason": "check", "check": json(check) }));
        }
    }
}

fn lines(check: &Check) -> Vec<String> {
    let Check { text, outcome, .. } = check;
    match outcome {
        trial::Outcome::Passed => vec![format!("  ok      {text}")],
        trial::Outcome::Noted => vec![format!("  note    {text}")],
        trial::Outcome::Skipped(why) => vec![format!("  skipped {text}: {why}")],
        trial::Outcome::Failed(log) => {
            let log = log.iter().map(|line| format!("            {line}"));
            std::iter::once(format!("  FAILED  {text}")).chain(log).collect()
        }
    }
}

fn json(check: &Check) -> serde_json::Value {
    let (why, log) = match &check.outcome {
        trial::Outcome::Skipped(why) => (Some(why), None),
        trial::Outcome::Failed(log) => (None, Some(log)),
        _ => (None, None),
    };
    let Check { code, text, outcome } = check;
    serde_json::json!({ "code": code, "outcome": outcome.word(), "text": text, "why": why, "log": log })
}

/// What was asked for and not looked at is never a success: services where nothing can run. Who
/// chose the place has accepted that.
fn verdict(report: &Report, chosen: bool) -> Diagnostics {
    let skipped = report.count("skipped");
    if !report.partial || chosen {
        return Diagnostics::default();
    }
    let many = if skipped == 1 { "1 check was".into() } else { format!("{skipped} checks were") };
    let text = format!("{many} not made: there is no container here");
    let hint = "systemd-nspawn runs everything (as root; apt install systemd-container debootstrap); \
                `--in chroot` or `--in folder` is content with less";
    Diagnostic::cannot("trial.partial", text).hint(hint).into()
}

fn summary(report: &Report, found: &Diagnostics, ui: &Ui) {
    let Report { artifact, format, place, image, steps, kept, .. } = report;
    let counts = ["passed", "failed", "skipped"].map(|word| report.count(word));
    let ok = counts[1] == 0 && found.is_ok();
    let steps: Vec<_> = steps
        .iter()
        .map(|step| {
            let checks = step.checks.iter().map(json).collect::<Vec<_>>();
            serde_json::json!({ "name": step.name, "checks": checks })
        })
        .collect();
    ui.document(&serde_json::json!({
        "artifact": artifact,
        "format": format,
        "place": place.word(),
        "image": image,
        "ok": ok,
        "passed": counts[0],
        "failed": counts[1],
        "skipped": counts[2],
        "steps": steps,
        "kept": kept,
        "errors": Problem::errors(found),
    }));
    let word = if counts[1] == 0 { "ok" } else { "FAILED" };
    let skipped = if counts[2] == 0 { String::new() } else { format!(", {} skipped", counts[2]) };
    let name = artifact.file_name().map_or(artifact.as_path(), Path::new).display();
    ui.result(&format!("{name}: {word}, {} passed, {} failed{skipped}", counts[0], counts[1]));
    if let Some(kept) = kept {
        ui.note(&format!("kept: {}", kept.display()));
    }
    ui.problems(found);
}
