//! A package's life: installed, edited, upgraded, removed, purged.

use super::{
    Expected,
    command::Said,
    machine::Machine,
    manager::{Manager, Reason, Shown},
    probe::Probe,
    report::Log,
    services::{Unit, Watcher, restarted},
    watch::Snapshot,
};
use crate::diagnostic::Diagnostic;

/// Most paths that are named.
const MAX_PATHS: usize = 20;

/// A file in a state directory that must survive all but a purge.
const MARK: &str = "pkggen-test";

/// What is installed when.
#[derive(Clone, Debug, Default)]
pub(super) struct Plan {
    /// At first.
    pub(super) first: Vec<Shown>,
    /// Then, over that.
    pub(super) second: Vec<Shown>,
    /// The second is the first again.
    pub(super) again: bool,
    /// What is there in the end.
    pub(super) last: Vec<Shown>,
    /// What the manifest says of the services.
    pub(super) expected: Vec<Expected>,
    /// Asked besides.
    pub(super) probe: Option<Probe>,
}

/// A configuration file as the administrator left it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Edited {
    path: String,
    digest: String,
}

/// A package on a machine.
pub(super) struct Life<'a, 'l> {
    machine: &'a dyn Machine,
    manager: &'a dyn Manager,
    plan: &'a Plan,
    log: &'a mut Log<'l>,
    units: Vec<Unit>,
    edited: Vec<Edited>,
    /// Directories of services that hold a [`MARK`].
    state: Vec<String>,
}

/// All of it. What goes wrong is in the log; an error is a trial that could not go on.
pub(super) fn live(
    machine: &dyn Machine,
    manager: &dyn Manager,
    plan: &Plan,
    log: &mut Log<'_>,
) -> Result<(), Diagnostic> {
    let (units, edited, state) = (Vec::new(), Vec::new(), Vec::new());
    let mut life = Life { machine, manager, plan, log, units, edited, state };
    let before = machine.snapshot()?;
    let accounts = life.accounts()?;
    if !life.install()? {
        life.not_reached(&["upgrade", "remove", "purge"], "it could not be installed");
        return Ok(());
    }
    life.edit()?;
    if !life.upgrade()? {
        life.not_reached(&["remove", "purge"], "the upgrade failed");
        return Ok(());
    }
    if !life.remove()? {
        life.not_reached(&["purge"], "it could not be removed");
        return Ok(());
    }
    life.purge(&before)?;
    life.accounts_left(&accounts)
}

impl Life<'_, '_> {
    fn not_reached(&mut self, steps: &[&'static str], why: &str) {
        for step in steps {
            self.log.step(*step);
            self.log.skip("step", format!("the whole {step}"), why);
        }
    }

    fn watcher(&self) -> Watcher<'_> {
        Watcher { machine: self.machine, probe: self.plan.probe.as_ref() }
    }

    /// Runs a command of the package manager; whether it succeeded.
    fn manage(&mut self, code: &'static str, words: &[String]) -> Result<Option<Said>, Diagnostic> {
        let said = self.machine.run(&words.iter().map(String::as_str).collect::<Vec<_>>())?;
        if said.ok() {
            return Ok(Some(said));
        }
        let code_text = said.code.map_or("a signal".to_owned(), |code| code.to_string());
        let action = words.iter().skip(1).find(|word| !word.starts_with("--"));
        let action = action.map_or("", String::as_str);
        let text = format!("`{} {action}` ended with {code_text}", words[0]);
        self.log.fail(code, text, said.tail());
        Ok(None)
    }

    fn install(&mut self) -> Result<bool, Diagnostic> {
        let plan = self.plan;
        self.log.step(format!("install {}", titles(&plan.first)));
        let words = self.manager.install(&plan.first, Reason::First);
        if self.manage("install", &words)?.is_none() {
            return Ok(false);
        }
        self.versions(&plan.first)?;
        self.services(&plan.first)?;
        self.matches(&plan.first)?;
        Ok(true)
    }

    /// Whether the package manager has what was installed.
    fn versions(&mut self, set: &[Shown]) -> Result<(), Diagnostic> {
        for Shown { subject, .. } in set {
            let words = self.manager.version(&subject.name);
            let said = self.machine.run(&words.iter().map(String::as_str).collect::<Vec<_>>())?;
            let (name, version) = (&subject.name, &subject.version);
            match said.text() {
                found if found == version => {
                    self.log.pass("installed", format!("{name} {version} is installed"));
                }
                "" => {
                    self.log.fail(
                        "installed",
                        format!("{name} is not fully installed"),
                        said.tail(),
                    );
                }
                found => {
                    let text = format!("{name} {found} is installed, not {version}");
                    self.log.fail("installed", text, Vec::new());
                }
            }
        }
        Ok(())
    }

    /// Looks for the units of what is installed, and whether they are well.
    fn services(&mut self, set: &[Shown]) -> Result<(), Diagnostic> {
        let files: Vec<_> = set.iter().flat_map(|one| one.subject.units()).collect();
        let mut units = self.watcher().find(&files, &self.plan.expected)?;
        for path in set.iter().flat_map(|one| one.subject.user_units()) {
            let why = "it runs at a user's login";
            self.log.skip("service.active", format!("whether {path} is active"), why);
        }
        if self.machine.has_services() {
            let watcher = Watcher { machine: self.machine, probe: self.plan.probe.as_ref() };
            watcher.start(&units, self.log)?;
            watcher.all_well(&mut units, self.log)?;
        } else {
            for unit in &units {
                let text = format!("whether {} is active and healthy", unit.name);
                self.log.skip("service.active", text, "nothing runs in a chroot");
            }
        }
        self.units = units;
        Ok(())
    }

    /// Whether the files on the disk are those of the packages; edited configuration may differ.
    fn matches(&mut self, set: &[Shown]) -> Result<(), Diagnostic> {
        let mut changed = Vec::new();
        for Shown { subject, .. } in set {
            let words = self.manager.verify(&subject.name);
            let said = self.machine.run(&words.iter().map(String::as_str).collect::<Vec<_>>())?;
            let is_edited = |line: &&str| {
                self.manager.is_edited(line)
                    && self.edited.iter().any(|one| line.ends_with(&one.path))
            };
            let lines = said.out.lines().map(str::trim_end).filter(|line| !line.is_empty());
            changed.extend(lines.filter(|line| !is_edited(line)).map(str::to_owned));
        }
        if changed.is_empty() {
            self.log.pass("files.match", "files, modes and owners are those of the package");
        } else {
            self.log.fail("files.match", "installed files are not those of the package", changed);
        }
        Ok(())
    }

    /// What the administrator does: an empty line at the end hurts no syntax.
    fn edit(&mut self) -> Result<(), Diagnostic> {
        self.log.step("edit the configuration");
        let all = self.plan.first.iter().flat_map(|one| &one.subject.editable);
        let paths: Vec<_> = all.map(String::as_str).collect();
        let script = "for f do if [ -f \"$f\" ] && [ ! -L \"$f\" ]; then echo >>\"$f\" && sha256sum \"$f\"; fi; done";
        self.edited = digests(&self.script(script, &paths)?);
        let names: Vec<_> = self.edited.iter().map(|one| one.path.as_str()).collect();
        if names.is_empty() {
            self.log.note("config", "there is no configuration to edit");
        } else {
            self.log.note("config", format!("edited: {}", names.join(", ")));
        }
        if self.machine.has_services() {
            let dirs = self.units.iter().flat_map(|unit| &unit.dirs);
            let dirs: Vec<_> = dirs.filter(|dir| dir.starts_with("/var/lib/")).cloned().collect();
            let marks: Vec<_> = dirs.iter().map(|dir| format!("{dir}/{MARK}")).collect();
            self.script("touch -- \"$@\"", &marks.iter().map(String::as_str).collect::<Vec<_>>())?;
            self.state = dirs;
        }
        Ok(())
    }

    /// Runs a script of sh with arguments; nothing without any.
    fn script(&self, script: &str, args: &[&str]) -> Result<String, Diagnostic> {
        if args.is_empty() {
            return Ok(String::new());
        }
        Ok(self.machine.run(&[&["sh", "-c", script, "sh"], args].concat())?.out)
    }

    fn upgrade(&mut self) -> Result<bool, Diagnostic> {
        let plan = self.plan;
        let (word, reason) = if plan.again {
            ("install again", Reason::Again)
        } else {
            ("upgrade to", Reason::Upgrade)
        };
        self.log.step(format!("{word} {}", titles(&plan.second)));
        let before = std::mem::take(&mut self.units);
        let words = self.manager.install(&plan.second, reason);
        if self.manage("upgrade", &words)?.is_none() {
            return Ok(false);
        }
        self.versions(&plan.second)?;
        self.services(&plan.last)?;
        self.stays_enabled(&before);
        if plan.again && !self.manager.reinstall_upgrades() {
            let why = "rpm runs no script of an upgrade when a version is installed over itself";
            self.log.skip("service.restarted", "whether an upgrade restarts the service", why);
        } else {
            restarted(&before, &self.units, self.log);
        }
        self.config_is_kept()?;
        self.state_is_kept("the upgrade")?;
        self.matches(&plan.last)?;
        Ok(true)
    }

    fn stays_enabled(&mut self, before: &[Unit]) {
        for unit in &self.units {
            let old =
                before.iter().find(|old| old.name == unit.name && old.enabled != unit.enabled);
            if let Some(old) = old {
                let text =
                    format!("{} was {}, and is {} now", unit.name, old.enabled, unit.enabled);
                self.log.fail("service.enabled", text, Vec::new());
            }
        }
    }

    /// Edited files are as they were, unless the new package has them no more.
    fn config_is_kept(&mut self) -> Result<(), Diagnostic> {
        let subjects = || self.plan.last.iter().map(|one| &one.subject);
        let is_there = |one: &&Edited| subjects().any(|new| new.editable.contains(&one.path));
        let kept: Vec<_> = self.edited.iter().filter(is_there).cloned().collect();
        let bad = self.changed(&kept, str::to_owned)?;
        if !bad.is_empty() {
            self.log.fail("config.kept", "the upgrade did not keep edited configuration", bad);
        } else if !kept.is_empty() {
            self.log.pass("config.kept", "edited configuration is kept");
        }
        let asides = self.manager.aside().iter();
        let asides =
            asides.flat_map(|end| kept.iter().map(move |one| format!("{}{end}", one.path)));
        let asides: Vec<_> = asides.collect();
        let found = self.script(
            "for f do [ ! -e \"$f\" ] || echo \"$f\"; done",
            &asides.iter().map(String::as_str).collect::<Vec<_>>(),
        )?;
        for path in found.lines() {
            self.log.note("config.aside", format!("put beside it: {path}"));
        }
        Ok(())
    }

    /// Which of these are gone or have another content; at the path that `at` says.
    fn changed(
        &self,
        files: &[Edited],
        at: impl Fn(&str) -> String,
    ) -> Result<Vec<String>, Diagnostic> {
        let paths: Vec<_> = files.iter().map(|one| at(&one.path)).collect();
        let script = "for f do [ ! -f \"$f\" ] || sha256sum \"$f\"; done";
        let found = self.script(script, &paths.iter().map(String::as_str).collect::<Vec<_>>())?;
        let found = digests(&found);
        let bad = files.iter().zip(&paths).filter_map(|(one, path)| {
            match found.iter().find(|now| now.path == *path) {
                None => Some(format!("{path} is not there")),
                Some(now) if now.digest != one.digest => Some(format!("{path} is another one")),
                Some(_) => None,
            }
        });
        Ok(bad.collect())
    }

    fn state_is_kept(&mut self, who: &str) -> Result<(), Diagnostic> {
        let marks: Vec<_> = self.state.iter().map(|dir| format!("{dir}/{MARK}")).collect();
        if marks.is_empty() {
            return Ok(());
        }
        let script = "for f do [ -e \"$f\" ] || echo \"$f\"; done";
        let lost = self.script(script, &marks.iter().map(String::as_str).collect::<Vec<_>>())?;
        if lost.is_empty() {
            self.log.pass("state.kept", format!("data in {} is kept", self.state.join(", ")));
        } else {
            let lost = lost.lines().map(str::to_owned).collect();
            self.log.fail("state.kept", format!("{who} removed data of the service"), lost);
        }
        Ok(())
    }

    fn names(&self) -> Vec<String> {
        self.plan.last.iter().map(|one| one.subject.name.clone()).collect()
    }

    fn remove(&mut self) -> Result<bool, Diagnostic> {
        let names = self.names();
        self.log.step(format!("remove {}", names.join(", ")));
        if self.manage("remove", &self.manager.remove(&names))?.is_none() {
            return Ok(false);
        }
        if self.machine.has_services() {
            let files = self.plan.last.iter().flat_map(|one| &one.subject.files);
            let (files, units) = (files.collect::<Vec<_>>(), std::mem::take(&mut self.units));
            let watcher = Watcher { machine: self.machine, probe: None };
            watcher.ended(&units, &files, self.log)?;
            self.units = units;
        }
        let now = self.machine.snapshot()?;
        let last = self.plan.last.iter().map(|one| &one.subject);
        let files =
            last.clone().flat_map(|one| one.files.iter().filter(|path| !one.config.contains(path)));
        let left: Vec<_> = files.filter(|path| now.has(path)).cloned().collect();
        if left.is_empty() {
            self.log.pass("remove.files", "its files are gone");
        } else {
            self.log.fail("remove.files", "files of the package are still there", left);
        }
        let config: Vec<_> = last.flat_map(|one| &one.config).collect();
        let kept: Vec<_> =
            self.edited.iter().filter(|one| config.contains(&&one.path)).cloned().collect();
        let bad = self.changed(&kept, |path| self.manager.kept(path))?;
        if !bad.is_empty() {
            self.log.fail("config.kept", "removing did not keep edited configuration", bad);
        } else if !kept.is_empty() {
            self.log.pass("config.kept", "edited configuration is kept");
        }
        self.state_is_kept("removing")?;
        Ok(true)
    }

    /// The last step; where there is no purge, what may stay is known.
    fn purge(&mut self, before: &Snapshot) -> Result<(), Diagnostic> {
        let names = self.names();
        let mut allowed = Vec::new();
        if let Some(words) = self.manager.purge(&names) {
            self.log.step(format!("purge {}", names.join(", ")));
            if self.manage("purge", &words)?.is_none() {
                return Ok(());
            }
        } else {
            self.log.step("nothing left (rpm has no purge: edited configuration and state stay)");
            let config = self.plan.last.iter().flat_map(|one| &one.subject.config);
            let asides = self.manager.aside();
            allowed.extend(
                config.flat_map(|path| asides.iter().map(move |end| format!("{path}{end}"))),
            );
            allowed.extend(self.units.iter().flat_map(|unit| unit.dirs.clone()));
        }
        let changes = before.changes(&self.machine.snapshot()?);
        let left: Vec<_> = changes.added.iter().filter(|path| !may_stay(path, &allowed)).collect();
        self.verdict("purge.left", "nothing is left behind", "left behind", &left);
        let removed: Vec<_> = changes.removed.iter().collect();
        self.verdict("purge.lost", "nothing of others is gone", "gone, and not its own", &removed);
        let other: Vec<_> = changes.changed.iter().collect();
        self.verdict(
            "purge.changed",
            "nothing of others is changed",
            "changed, and not its own",
            &other,
        );
        Ok(())
    }

    fn verdict(&mut self, code: &'static str, good: &str, bad: &str, paths: &[&String]) {
        if paths.is_empty() {
            self.log.pass(code, good);
            return;
        }
        let mut list: Vec<_> = paths.iter().take(MAX_PATHS).map(|path| (*path).clone()).collect();
        if paths.len() > MAX_PATHS {
            list.push(format!("and {} more", paths.len() - MAX_PATHS));
        }
        let count = if paths.len() == 1 {
            "1 path is".into()
        } else {
            format!("{} paths are", paths.len())
        };
        self.log.fail(code, format!("{count} {bad}"), list);
    }

    fn accounts(&self) -> Result<Vec<String>, Diagnostic> {
        let said = self.machine.run(&["cut", "-d:", "-f1", "/etc/passwd"])?;
        Ok(said.out.lines().map(str::to_owned).collect())
    }

    /// Accounts stay by policy: another user could get the number.
    fn accounts_left(&mut self, before: &[String]) -> Result<(), Diagnostic> {
        for name in self.accounts()?.iter().filter(|name| !before.contains(name)) {
            self.log.note("account", format!("user {name} stays, as is usual"));
        }
        Ok(())
    }
}

/// `app 1.0.0, model 2`.
fn titles(set: &[Shown]) -> String {
    let titles = set.iter().map(|one| format!("{} {}", one.subject.name, one.subject.version));
    titles.collect::<Vec<_>>().join(", ")
}

/// Lines of sha256sum.
fn digests(text: &str) -> Vec<Edited> {
    let pairs = text.lines().filter_map(|line| line.split_once("  "));
    pairs.map(|(digest, path)| Edited { path: path.into(), digest: digest.into() }).collect()
}

/// Whether a path is one of those, below one, or a directory that leads to one.
pub(super) fn may_stay(path: &str, allowed: &[String]) -> bool {
    let is_below = |path: &str, top: &str| {
        path.strip_prefix(top).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    allowed.iter().any(|one| is_below(path, one) || is_below(one, path))
}
