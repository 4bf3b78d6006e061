//! What was tried, and what came of it.

use std::path::PathBuf;

use super::Place;

/// A finished trial.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The artifact as the user typed it.
    pub artifact: PathBuf,
    /// Its format.
    pub format: String,
    /// Where it was tried.
    pub place: Place,
    /// The system it was tried in: `debian:12`; empty without one.
    pub image: String,
    /// In the order of a package's life.
    pub steps: Vec<Step>,
    /// Something was left out for want of a better place.
    pub partial: bool,
    /// What the trial changed, with `--keep`.
    pub kept: Option<PathBuf>,
}

/// A part of a package's life.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Step {
    /// `install 1.0.0`.
    pub name: String,
    /// What was looked at.
    pub checks: Vec<Check>,
}

/// One thing that was looked at, or was not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// Stable, for scripts: `service.active`.
    pub code: &'static str,
    /// What was found, as a sentence; for a skip what was not looked at.
    pub text: String,
    /// What that means.
    pub outcome: Outcome,
}

/// What a check comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// As it should be.
    Passed,
    /// Not as it should be; the last lines of what somebody said about it.
    Failed(Vec<String>),
    /// Not looked at, and why.
    Skipped(String),
    /// Worth knowing, neither good nor bad.
    Noted,
}

impl Outcome {
    /// `passed`, `failed`, `skipped`, `note`.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed(_) => "failed",
            Self::Skipped(_) => "skipped",
            Self::Noted => "note",
        }
    }
}

impl Report {
    /// How many checks came to this.
    pub fn count(&self, word: &str) -> usize {
        let checks = self.steps.iter().flat_map(|step| &step.checks);
        checks.filter(|check| check.outcome.word() == word).count()
    }
}

/// What happens, as it happens.
pub enum Event<'a> {
    /// Something that takes time.
    Note(&'a str),
    /// The next step begins.
    Step(&'a str),
    /// Something was looked at.
    Check(&'a Check),
}

/// The report while it grows.
pub(super) struct Log<'a> {
    steps: Vec<Step>,
    tell: &'a mut dyn FnMut(&Event<'_>),
}

impl<'a> Log<'a> {
    pub(super) fn new(tell: &'a mut dyn FnMut(&Event<'_>)) -> Self {
        Self { steps: Vec::new(), tell }
    }

    pub(super) fn finish(self) -> Vec<Step> {
        self.steps
    }

    /// Something that takes time; no part of the report.
    pub(super) fn say(&mut self, text: &str) {
        (self.tell)(&Event::Note(text));
    }

    pub(super) fn step(&mut self, name: impl Into<String>) {
        let name = name.into();
        (self.tell)(&Event::Step(&name));
        self.steps.push(Step { name, checks: Vec::new() });
    }

    pub(super) fn pass(&mut self, code: &'static str, text: impl Into<String>) {
        self.check(code, text.into(), Outcome::Passed);
    }

    pub(super) fn fail(&mut self, code: &'static str, text: impl Into<String>, log: Vec<String>) {
        self.check(code, text.into(), Outcome::Failed(log));
    }

    pub(super) fn skip(
        &mut self,
        code: &'static str,
        text: impl Into<String>,
        why: impl Into<String>,
    ) {
        self.check(code, text.into(), Outcome::Skipped(why.into()));
    }

    pub(super) fn note(&mut self, code: &'static str, text: impl Into<String>) {
        self.check(code, text.into(), Outcome::Noted);
    }

    fn check(&mut self, code: &'static str, text: String, outcome: Outcome) {
        let check = Check { code, text, outcome };
        (self.tell)(&Event::Check(&check));
        if self.steps.is_empty() {
            self.steps.push(Step::default());
        }
        self.steps.last_mut().expect("there is one").checks.push(check);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checks_are_counted_by_what_they_came_to() {
        let mut told = 0;
        let mut tell = |_: &Event<'_>| told += 1;
        let mut log = Log::new(&mut tell);
        log.step("install");
        log.pass("a", "good");
        log.fail("b", "bad", vec!["because".into()]);
        log.skip("c", "this", "of that");
        log.note("d", "by the way");
        let report = Report {
            artifact: "x.deb".into(),
            format: "deb".into(),
            place: Place::Nspawn,
            image: String::new(),
            steps: log.finish(),
            partial: false,
            kept: None,
        };
        let counts = ["passed", "failed", "skipped", "note"].map(|word| report.count(word));
        assert_eq!((counts, told), ([1, 1, 1, 1], 5));
    }
}
