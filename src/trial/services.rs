//! The services of a package: what their manager says, and whether they answer.

use std::{collections::BTreeMap, time::Duration};

use super::{Expected, machine::Machine, probe::Probe, report::Log};
use crate::{diagnostic::Diagnostic, package::Upgrade};

/// How long a service may take to become active, unless its `within` is longer.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long it must stay so. A program that fails at its first work is active for an instant.
const STABLE: Duration = Duration::from_secs(3);

/// The same for one that has answered.
const STABLE_ANSWER: Duration = Duration::from_secs(1);

/// Between two looks.
const LOOK: Duration = Duration::from_millis(200);

/// What is asked of systemd.
const PROPERTIES: &str = "--property=ActiveState,SubState,Result,MainPID,NRestarts,ExecMainStatus,\
ExecMainExitTimestamp,Type,User,StateDirectory,LogsDirectory,CacheDirectory";

/// A unit of the package that something wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Unit {
    /// `app.service`.
    pub(super) name: String,
    /// What the manifest says of it.
    pub(super) expected: Option<Expected>,
    /// What `systemctl is-enabled` said.
    pub(super) enabled: String,
    /// Its process when it was last well.
    pub(super) pid: Option<u32>,
    /// Below /var/lib, /var/log and /var/cache.
    pub(super) dirs: Vec<String>,
}

/// What systemd says of a unit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct State(BTreeMap<String, String>);

impl State {
    fn of(text: &str) -> Self {
        let pairs = text.lines().filter_map(|line| line.split_once('='));
        Self(pairs.map(|(key, value)| (key.to_owned(), value.trim().to_owned())).collect())
    }

    fn get(&self, key: &str) -> &str {
        self.0.get(key).map_or("", String::as_str)
    }

    fn pid(&self) -> Option<u32> {
        self.get("MainPID").parse().ok().filter(|pid| *pid != 0)
    }

    fn restarts(&self) -> u32 {
        self.get("NRestarts").parse().unwrap_or(0)
    }

    /// A unit that did what it had to, and ended.
    fn is_done(&self) -> bool {
        let ended = !self.get("ExecMainExitTimestamp").is_empty();
        self.get("Type") == "oneshot" && self.get("Result") == "success" && ended
    }

    /// It ended, and may be started again.
    fn is_dead(&self) -> bool {
        let is_over = ["failed", "inactive"].contains(&self.get("ActiveState")) && !self.is_done();
        is_over || self.get("SubState") == "auto-restart"
    }

    fn how_it_failed(&self) -> String {
        let status = self.get("ExecMainStatus");
        match self.get("Result") {
            _ if self.get("ActiveState") == "active" => {
                "its program ended, and was started again".to_owned()
            }
            "exit-code" => format!("its program ended with {status}"),
            "signal" | "core-dump" => format!("its program was ended by signal {status}"),
            "" | "success" if self.get("SubState") == "auto-restart" => {
                "its program ended, and is started again".to_owned()
            }
            result => format!("it is {}: {result}", self.get("ActiveState")),
        }
    }

    fn dirs(&self) -> Vec<String> {
        let kinds = [
            ("StateDirectory", "/var/lib"),
            ("LogsDirectory", "/var/log"),
            ("CacheDirectory", "/var/cache"),
        ];
        let dirs = kinds.iter().flat_map(|(key, top)| {
            self.get(key).split_whitespace().map(move |name| format!("{top}/{name}"))
        });
        dirs.collect()
    }
}

/// Looks at the services of a machine.
pub(super) struct Watcher<'a> {
    pub(super) machine: &'a dyn Machine,
    /// Asked besides those of the manifest.
    pub(super) probe: Option<&'a Probe>,
}

impl Watcher<'_> {
    /// The units of these files that something wants.
    pub(super) fn find(&self, files: &[&str], all: &[Expected]) -> Result<Vec<Unit>, Diagnostic> {
        let mut units = Vec::new();
        let script = "for f do ! grep -q '^\\[Install\\]' \"$f\" || echo \"$f\"; done";
        if files.is_empty() {
            return Ok(units);
        }
        let found = self.machine.run(&[&["sh", "-c", script, "sh"], files].concat())?;
        for path in found.text().lines() {
            let name = path.rsplit('/').next().unwrap_or(path).to_owned();
            let enabled = self.machine.run(&["systemctl", "is-enabled", &name])?;
            let expected = all.iter().find(|one| one.unit == name).cloned();
            let enabled = enabled.out.trim().to_owned();
            units.push(Unit { name, expected, enabled, pid: None, dirs: Vec::new() });
        }
        Ok(units)
    }

    fn state(&self, unit: &str) -> Result<State, Diagnostic> {
        Ok(State::of(&self.machine.run(&["systemctl", "show", unit, PROPERTIES])?.out))
    }

    /// What its manager lets it say.
    fn journal(&self, unit: &str) -> Vec<String> {
        let words = ["journalctl", "-u", unit, "-o", "cat", "--no-pager", "-n", "12"];
        self.machine.run(&words).map(|said| said.tail()).unwrap_or_default()
    }

    /// Starts what the package was not meant to start.
    pub(super) fn start(&self, units: &[Unit], log: &mut Log<'_>) -> Result<(), Diagnostic> {
        for unit in units {
            let state = self.state(&unit.name)?;
            let is_idle = state.get("ActiveState") == "inactive" && !state.is_done();
            if !is_idle {
                continue;
            }
            let name = &unit.name;
            if unit.expected.as_ref().and_then(|expected| expected.start) == Some(true) {
                let text = format!("{name} was not started, and the manifest says it is");
                log.fail("service.started", text, self.journal(name));
            } else {
                let how = &unit.enabled;
                log.note("service.started", format!("{name} is {how}, not started: started here"));
            }
            self.machine.run(&["systemctl", "start", name])?;
        }
        Ok(())
    }

    /// Whether all are active, answer and stay so. What was learned is kept in the units.
    pub(super) fn all_well(&self, units: &mut [Unit], log: &mut Log<'_>) -> Result<(), Diagnostic> {
        let mut active = Vec::new();
        for unit in units.iter() {
            active.push(self.become_active(unit)?);
        }
        let mut answered = false;
        for (unit, state) in units.iter().zip(&active) {
            answered |= self.health(unit, state.is_some(), log)?;
        }
        if let Some(probe) = self.probe {
            let first = units.first().map(|unit| unit.name.as_str());
            let is_active = active.iter().any(Option::is_some) || units.is_empty();
            answered |= self.answer(probe, first.filter(|_| is_active), is_active, log)?;
        }
        if self.any_alive(units)? {
            self.machine.pause(if answered { STABLE_ANSWER } else { STABLE });
        }
        for (unit, before) in units.iter_mut().zip(&active) {
            self.stays(unit, before.as_ref(), log)?;
        }
        Ok(())
    }

    fn any_alive(&self, units: &[Unit]) -> Result<bool, Diagnostic> {
        for unit in units {
            if !self.state(&unit.name)?.is_dead() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Waits; `None` when it does not become active.
    fn become_active(&self, unit: &Unit) -> Result<Option<State>, Diagnostic> {
        let within = unit.health().map_or(PATIENCE, |health| health.1.max(PATIENCE));
        let looks = within.as_millis() / LOOK.as_millis();
        for _ in 0..looks {
            let state = self.state(&unit.name)?;
            if state.get("ActiveState") == "active" || state.is_done() {
                return Ok(Some(state));
            }
            if state.is_dead() {
                return Ok(None);
            }
            self.machine.pause(LOOK);
        }
        Ok(None)
    }

    fn stays(
        &self,
        unit: &mut Unit,
        before: Option<&State>,
        log: &mut Log<'_>,
    ) -> Result<(), Diagnostic> {
        let (name, now) = (&unit.name, self.state(&unit.name)?);
        unit.dirs = now.dirs();
        let is_same = before.is_some_and(|before| {
            let same = |key| before.get(key) == now.get(key);
            same("ActiveState") && same("MainPID") && same("NRestarts")
        });
        if !is_same {
            let text = format!("{name} does not stay active: {}", now.how_it_failed());
            log.fail("service.active", text, self.journal(name));
            return Ok(());
        }
        if now.restarts() > 0 {
            let text = format!("{name} needed {} restarts to stay active", now.restarts());
            log.fail("service.active", text, self.journal(name));
            return Ok(());
        }
        unit.pid = now.pid();
        let user = match now.get("User") {
            "" => String::new(),
            user => format!(" as user {user}"),
        };
        let state = if now.is_done() { "done" } else { "active and stays so" };
        log.pass("service.active", format!("{name} is {}, {state}{user}", unit.enabled));
        Ok(())
    }

    /// Whether it answered.
    fn health(&self, unit: &Unit, is_active: bool, log: &mut Log<'_>) -> Result<bool, Diagnostic> {
        let Some((url, within)) = unit.health() else { return Ok(false) };
        match Probe::parse(url, *within) {
            Ok(probe) => self.answer(&probe, Some(&unit.name), is_active, log),
            Err(why) => {
                log.skip("service.healthy", format!("whether {url} answers"), why);
                Ok(false)
            }
        }
    }

    /// Asks until it answers, or its service is dead.
    fn answer(
        &self,
        probe: &Probe,
        unit: Option<&str>,
        is_active: bool,
        log: &mut Log<'_>,
    ) -> Result<bool, Diagnostic> {
        let looks = if is_active { probe.within.as_millis() / LOOK.as_millis() } else { 0 };
        let mut answer = self.machine.ask(probe);
        for _ in 0..looks {
            if answer.is_ok() {
                break;
            }
            let state = unit.map(|unit| self.state(unit)).transpose()?;
            if state.is_some_and(|state| state.is_dead()) {
                break;
            }
            self.machine.pause(LOOK);
            answer = self.machine.ask(probe);
        }
        let url = &probe.url;
        match &answer {
            Ok(said) => log.pass("service.healthy", format!("{url} answers {said}")),
            Err(why) => {
                let within = probe.within.as_secs();
                let text = format!("{url} does not answer ({why}; it has {within} s)");
                log.fail("service.healthy", text, Vec::new());
            }
        }
        Ok(answer.is_ok())
    }

    /// Whether nothing of them is left running.
    pub(super) fn ended(
        &self,
        units: &[Unit],
        files: &[&String],
        log: &mut Log<'_>,
    ) -> Result<(), Diagnostic> {
        let script = "for p in /proc/[0-9]*; do echo \"${p#/proc/} $(readlink \"$p/exe\")\"; done";
        let running = self.machine.run(&["sh", "-c", script])?;
        let mut left = Vec::new();
        for line in running.out.lines() {
            let (pid, program) = line.split_once(' ').unwrap_or((line, ""));
            let program = program.trim_end_matches(" (deleted)");
            if files.iter().any(|file| *file == program) {
                left.push(format!("process {pid}: {program}"));
            }
        }
        for unit in units {
            let state = self.state(&unit.name)?;
            if ["active", "activating", "reloading"].contains(&state.get("ActiveState")) {
                left.push(format!("{} is still {}", unit.name, state.get("ActiveState")));
            }
        }
        if left.is_empty() {
            log.pass("remove.stopped", "nothing of it runs any more");
        } else {
            log.fail("remove.stopped", "something of it still runs", left);
        }
        Ok(())
    }
}

impl Unit {
    fn health(&self) -> Option<&(String, Duration)> {
        self.expected.as_ref().and_then(|expected| expected.health.as_ref())
    }
}

/// Whether an upgrade did with the processes what it is meant to.
pub(super) fn restarted(before: &[Unit], after: &[Unit], log: &mut Log<'_>) {
    for unit in after {
        let old = before.iter().find(|old| old.name == unit.name).and_then(|old| old.pid);
        let (Some(old), Some(new)) = (old, unit.pid) else { continue };
        let keeps = unit.expected.as_ref().is_some_and(|one| one.upgrade == Upgrade::Keep);
        let name = &unit.name;
        let (code, text) = match (keeps, old == new) {
            (true, true) => ("service.kept", format!("{name} was left alone")),
            (true, false) => {
                let text = format!("{name} was restarted, and `upgrade = \"keep\"` says not to");
                ("service.kept", text)
            }
            (false, false) => {
                let text = format!("{name} was restarted: it runs what is installed now");
                ("service.restarted", text)
            }
            (false, true) => {
                let text = format!("{name} was not restarted: it still runs what was there before");
                ("service.restarted", text)
            }
        };
        if keeps == (old == new) {
            log.pass(code, text);
        } else {
            log.fail(code, text, Vec::new());
        }
    }
}
