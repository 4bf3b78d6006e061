//! `pkggen test`: a package's life, tried on a machine that is thrown away.
//!
//! Install, services well, configuration edited, upgrade, remove, purge, nothing left. What is
//! looked at is data ([`Report`]); nothing is printed, and nothing of the host is changed but the
//! cache of base roots.

mod archive;
mod cgroup;
mod cleanup;
mod command;
mod deb;
mod folder;
mod image;
mod life;
mod machine;
mod manager;
mod mirror;
mod probe;
mod report;
mod root;
mod rpm;
mod scratch;
mod services;
mod subject;
mod watch;

use std::{path::PathBuf, time::Duration};

pub use cleanup::Cleanup;
pub use command::Tools;
pub use image::Image;
pub use probe::Probe;
pub use report::{Check, Event, Outcome, Report, Step};

use crate::{diagnostic::Diagnostic, package::Upgrade};
use life::Plan;
use manager::{Manager, Shown};
use report::Log;
use scratch::Scratch;
use subject::Subject;

/// Where a package is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// A booted container: services run.
    Nspawn,
    /// A root in which nothing runs but the package manager.
    Chroot,
    /// Nothing is installed; what can be seen without that is looked at.
    Folder,
}

impl Place {
    /// `nspawn`, `chroot`, `folder`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Nspawn => "nspawn",
            Self::Chroot => "chroot",
            Self::Folder => "folder",
        }
    }
}

/// What is to be tried.
#[derive(Clone, Debug, Default)]
pub struct Wish {
    /// The package.
    pub artifact: PathBuf,
    /// Installed with it.
    pub with: Vec<PathBuf>,
    /// Older versions of these, installed first.
    pub old: Vec<PathBuf>,
    /// The system; by default the host's release for deb, and for rpm one that has rpm.
    pub image: Option<Image>,
    /// Where; by default the best there is.
    pub place: Option<Place>,
    /// What the manifest says of the services.
    pub expected: Vec<Expected>,
    /// An address that must answer, besides those of the manifest.
    pub probe: Option<Probe>,
    /// What the trial changed is kept.
    pub keep: bool,
}

/// What a manifest says of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    /// `app.service`.
    pub unit: String,
    /// An address that must answer, and for how long it may not.
    pub health: Option<(String, Duration)>,
    /// What an upgrade does to it.
    pub upgrade: Upgrade,
    /// Whether installing starts it, if it is said.
    pub start: Option<bool>,
}

/// The host, as the command line sees it.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// Its programs.
    pub tools: Tools,
    /// Base roots are kept here, and trials happen here.
    pub cache: PathBuf,
    /// The mirror that base roots are made from, instead of the machine's own.
    pub mirror: Option<String>,
    /// Whether this is root.
    pub is_root: bool,
}

/// The package managers, each with the format it installs; other formats are archives.
const MANAGERS: &[(&str, &dyn Manager)] = &[("deb", &deb::Dpkg), ("rpm", &rpm::Rpm)];

fn manager(format: &str) -> Option<&'static dyn Manager> {
    MANAGERS.iter().find(|(name, _)| *name == format).map(|(_, manager)| *manager)
}

/// Tries a package. What is not as it should be is in the report; an error is a trial that could
/// not be made.
pub fn run(
    wish: &Wish,
    around: &Surroundings,
    cleanup: &Cleanup,
    tell: &mut dyn FnMut(&Event<'_>),
) -> Result<Report, Diagnostic> {
    let sets = Sets::read(wish)?;
    let mut log = Log::new(tell);
    let Some(manager) = manager(&sets.format) else {
        let why_not = match place(wish.place, around)? {
            Ok(Place::Nspawn) => None,
            Ok(_) => Some("nothing runs in a chroot".to_owned()),
            Err(why) => Some(why),
        };
        return archive::run(&sets.new[0], why_not, wish, around, cleanup, log);
    };
    let place = match place(wish.place, around)? {
        Ok(place) => place,
        Err(why) => {
            let all: Vec<_> = sets.new.iter().chain(&sets.old).cloned().collect();
            folder::packages(&all, &why, around, cleanup, &mut log)?;
            return Ok(Report { partial: true, ..sets.without_image(wish, log) });
        }
    };
    let image = image(wish.image.as_ref(), manager);
    let base = root::base(&image, manager.base(), around, &mut log)?;
    let mut scratch = Scratch::open(&base, around, cleanup, &mut log)?;
    let plan = sets.plan(wish, &scratch)?;
    log.step("prepare");
    log.note("place", format!("{} in {image}", place.word()));
    manager.prepare(&scratch, &[&plan.first, &plan.last], &mut log)?;
    let result = {
        let machine = machine::start(place, &scratch, &mut log)?;
        life::live(&*machine, manager, &plan, &mut log)
    };
    let kept = if wish.keep { scratch.keep() } else { None };
    result?;
    let report = sets.without_image(wish, log);
    let partial = place == Place::Chroot && report.count("skipped") > 0;
    Ok(Report { place, image: image.to_string(), partial, kept, ..report })
}

/// The best place there is, or the one that was asked for; a reason where nothing can be
/// installed.
fn place(wish: Option<Place>, around: &Surroundings) -> Result<Result<Place, String>, Diagnostic> {
    let base = [
        "unshare:util-linux",
        "nsenter:util-linux",
        "setpriv:util-linux",
        "mount:mount",
        "chroot:coreutils",
    ];
    let boot = ["systemd-nspawn:systemd-container"];
    let (no_base, no_boot) = (around.tools.missing(&base), around.tools.missing(&boot));
    let why = if wish == Some(Place::Folder) {
        Some("`--in folder` installs nothing".to_owned())
    } else if !around.is_root {
        Some("only root can install packages in a root of their own".to_owned())
    } else {
        (!no_base.is_empty()).then(|| format!("{} is missing", no_base.join(", ")))
    };
    match (wish, why) {
        (None | Some(Place::Folder), Some(why)) => Ok(Err(why)),
        (Some(place), Some(why)) => {
            let text = format!("`--in {}` is not possible: {why}", place.word());
            Err(Diagnostic::cannot("trial.place", text))
        }
        (Some(Place::Nspawn), None) if !no_boot.is_empty() => {
            let text = format!("`--in nspawn` is not possible: {} is missing", no_boot.join(", "));
            Err(Diagnostic::cannot("trial.place", text))
        }
        (Some(Place::Chroot), None) => Ok(Ok(Place::Chroot)),
        (None, None) if !no_boot.is_empty() => Ok(Ok(Place::Chroot)),
        _ => Ok(Ok(Place::Nspawn)),
    }
}

fn image(wish: Option<&Image>, manager: &dyn Manager) -> Image {
    let release = |text| Image::parse(text).expect("it is one of the known releases");
    match (wish, manager.release()) {
        (Some(image), _) => image.clone(),
        (None, Some(text)) => release(text),
        (None, None) => Image::of_host().unwrap_or_else(|| release("debian:12")),
    }
}

/// The packages of a trial.
#[derive(Debug)]
struct Sets {
    format: String,
    /// The artifact first.
    new: Vec<Subject>,
    old: Vec<Subject>,
}

impl Sets {
    fn read(wish: &Wish) -> Result<Self, Diagnostic> {
        let artifact = Subject::read(&wish.artifact)?;
        let format = artifact.format.clone();
        let mut new = vec![artifact];
        for path in &wish.with {
            new.push(Subject::read(path)?);
        }
        let old = wish.old.iter().map(|path| Subject::read(path)).collect::<Result<Vec<_>, _>>()?;
        let sets = Self { format, new, old };
        sets.check()?;
        Ok(sets)
    }

    /// A report of what happened without any system.
    fn without_image(&self, wish: &Wish, log: Log<'_>) -> Report {
        Report {
            artifact: wish.artifact.clone(),
            format: self.format.clone(),
            place: Place::Folder,
            image: String::new(),
            steps: log.finish(),
            partial: false,
            kept: None,
        }
    }

    fn check(&self) -> Result<(), Diagnostic> {
        let usage = |text: String| Err(Diagnostic::usage("trial.packages", text));
        let is_archive = manager(&self.format).is_none();
        if is_archive && self.new.len() + self.old.len() > 1 {
            let text = "`--with` and `--upgrade-from` are for packages, not for archives";
            return usage(text.to_owned());
        }
        for (at, one) in self.new.iter().chain(&self.old).enumerate() {
            let path = one.path.display();
            if one.format != self.format {
                return usage(format!("`{path}` is a {}, not a {}", one.format, self.format));
            }
            if !one.fits() {
                let text = format!("`{path}` is for {}, which does not run here", one.arch);
                return Err(Diagnostic::cannot("trial.arch", text));
            }
            if let Some(problem) = one.problems.first() {
                let text = format!("`{path}` is damaged: {problem}");
                return Err(
                    Diagnostic::failed("trial.damaged", text).hint("`pkggen verify` says more")
                );
            }
            let is_new = at < self.new.len();
            if !is_new && !self.new.iter().any(|new| new.name == one.name) {
                let text = format!("`{path}` is package `{}`, and no newer one is given", one.name);
                return Err(Diagnostic::usage("trial.packages", text)
                    .hint("newer versions are the artifact and those of --with"));
            }
        }
        for set in [&self.new, &self.old] {
            let twice = set
                .iter()
                .enumerate()
                .find(|(at, one)| set[..*at].iter().any(|other| other.name == one.name));
            if let Some((_, one)) = twice {
                return usage(format!("package `{}` is given twice", one.name));
            }
        }
        Ok(())
    }

    /// Shows the files to the root and decides what is installed when.
    fn plan(&self, wish: &Wish, scratch: &Scratch<'_>) -> Result<Plan, Diagnostic> {
        let show = |subject: &Subject, folder: &str| {
            let name = subject.path.file_name().unwrap_or_default().to_string_lossy();
            let at = format!("/srv/pkggen/{folder}/{name}");
            let path = std::path::absolute(&subject.path).unwrap_or_else(|_| subject.path.clone());
            scratch.show(&path, &at)?;
            Ok(Shown { subject: subject.clone(), at })
        };
        let all = |set: &[Subject], folder| {
            set.iter().map(|one| show(one, folder)).collect::<Result<Vec<_>, Diagnostic>>()
        };
        let (new, old) = (all(&self.new, "new")?, all(&self.old, "old")?);
        Ok(arrange(new, &old, wish))
    }
}

/// Old versions first, then what is newer; without any the artifact over itself.
fn arrange(new: Vec<Shown>, old: &[Shown], wish: &Wish) -> Plan {
    let older = |one: &Shown| old.iter().find(|old| old.subject.name == one.subject.name);
    let first = new.iter().map(|one| older(one).unwrap_or(one).clone()).collect();
    let newer: Vec<_> = new.iter().filter(|one| older(one).is_some()).cloned().collect();
    let again = newer.is_empty();
    let second = if again { vec![new[0].clone()] } else { newer };
    let (expected, probe) = (wish.expected.clone(), wish.probe.clone());
    Plan { first, second, again, last: new, expected, probe }
}

#[cfg(test)]
mod tests;
