//! Formats by name and spelling, and which of them a target is made in.

use super::{Candidate, Work};
use crate::{
    diagnostic::{Diagnostic, Diagnostics, Place},
    manifest::{FormatFacts, Manifest, Spanned, advice},
    package::{Os, Target},
    resolve::{Job, Settings},
};

/// What is made when the manifest does not say.
fn defaults(os: Os) -> &'static [&'static str] {
    match os {
        Os::Linux => &["deb", "rpm", "appimage", "tar.gz"],
        Os::Macos => &["dmg", "pkg"],
        Os::Windows => &["nsis", "zip"],
        Os::Freebsd => &["tar.gz"],
    }
}

/// All formats, made or planned.
pub(super) struct Formats(Vec<&'static FormatFacts>);

/// A format that the command line asks for: `tar` with all its spellings, `tar.gz` with one.
pub(super) struct Asked {
    word: String,
    format: &'static FormatFacts,
    spellings: Vec<&'static str>,
}

/// An artifact that is wanted.
#[derive(Clone)]
pub(super) struct Wanted {
    pub(super) target: Target,
    pub(super) format: &'static FormatFacts,
    pub(super) spelling: &'static str,
    /// Which variant, if the manifest has some.
    pub(super) variant: Option<String>,
    /// Where the manifest asks for it; `None` for a default.
    pub(super) place: Option<Place>,
}

impl Formats {
    pub(super) fn of(manifest: &Manifest) -> Self {
        Self(manifest.tables().iter().flat_map(|table| table.formats).collect())
    }

    fn spelled(&self, word: &str) -> Option<(&'static FormatFacts, &'static str)> {
        self.0.iter().find_map(|format| {
            let spelling = format.spellings.iter().find(|spelling| **spelling == word)?;
            Some((*format, *spelling))
        })
    }

    fn named(&self, word: &str) -> Option<&'static FormatFacts> {
        self.0.iter().find(|format| format.name == word).copied()
    }

    fn can_make(&self, os: Os, settings: &Settings) -> Vec<&'static str> {
        let made = |f: &&&FormatFacts| settings.made.contains(&f.name) && f.systems.contains(&os);
        self.0.iter().filter(made).flat_map(|format| format.spellings).copied().collect()
    }

    /// Any artifact of a target: its default format, in this variant.
    pub(super) fn first_job(&self, target: Target, variant: Option<String>) -> Job {
        let (format, spelling) = defaults(target.os)
            .iter()
            .find_map(|word| self.spelled(word))
            .unwrap_or_else(|| (self.0[0], self.0[0].name));
        Job { target, format, spelling, variant }
    }

    fn words(&self) -> Vec<&'static str> {
        self.0.iter().flat_map(|format| format.spellings).copied().collect()
    }

    /// The formats of the command line.
    pub(super) fn asked(&self, words: &[String], found: &mut Diagnostics) -> Vec<Asked> {
        let mut asked = Vec::new();
        for word in words {
            if let Some((format, spelling)) = self.spelled(word) {
                asked.push(Asked { word: word.clone(), format, spellings: vec![spelling] });
            } else if let Some(format) = self.named(word) {
                let spellings = format.spellings.to_vec();
                asked.push(Asked { word: word.clone(), format, spellings });
            } else {
                let mut error =
                    Diagnostic::usage("format.unknown", format!("there is no format `{word}`"));
                error.hint = advice(word, self.words().into_iter());
                found.error(error);
            }
        }
        asked
    }

    /// What is wanted for one target.
    pub(super) fn of_candidate(
        &self,
        candidate: &Candidate,
        asked: &[Asked],
        settings: &Settings,
        work: &mut Work<'_>,
    ) -> Vec<Wanted> {
        let listed = self.listed(candidate);
        let wanted = match (asked.is_empty() && settings.formats.is_empty(), listed) {
            (true, listed) => listed,
            (false, listed) => of_command_line(candidate, asked, &listed),
        };
        let made = |row: &Wanted| {
            if settings.made.contains(&row.format.name) {
                return true;
            }
            let what = format!("{} for {}", row.spelling, row.target);
            if row.place.is_none() && asked.is_empty() {
                work.leave_out(
                    what,
                    format!("this version of pkggen makes no {} yet", row.format.name),
                );
            } else {
                let error = later(row.spelling).at(row.place.clone());
                let can: Vec<_> = self.can_make(row.target.os, settings);
                work.found.error(error.hint(format!("it makes {}", crate::manifest::list(&can))));
            }
            false
        };
        wanted.into_iter().filter(made).collect()
    }

    /// The manifest's formats for a target, or the defaults of its system. Words that name no
    /// format of the system are refused where the manifest is read.
    fn listed(&self, candidate: &Candidate) -> Vec<Wanted> {
        let target = candidate.target;
        if candidate.formats.is_empty() {
            let spelled = defaults(target.os).iter().filter_map(|word| self.spelled(word));
            let row = |(format, spelling)| {
                let variant = None;
                Wanted { target, format, spelling, variant, place: None }
            };
            return spelled.map(row).collect();
        }
        let row = |word: &Spanned<String>| {
            let (format, spelling) = self.spelled(word)?;
            let place = word.place.clone().or_else(|| candidate.place.clone());
            Some(Wanted { target, format, spelling, variant: None, place })
        };
        candidate.formats.iter().filter_map(row).collect()
    }
}

/// What the command line asks for, in its order: those spellings of a name that the manifest lists,
/// else the first.
fn of_command_line(candidate: &Candidate, asked: &[Asked], listed: &[Wanted]) -> Vec<Wanted> {
    let target = candidate.target;
    let mut wanted: Vec<Wanted> = Vec::new();
    for asked in asked.iter().filter(|asked| asked.format.systems.contains(&target.os)) {
        let place = |spelling: &str| {
            let row = listed.iter().find(|row| row.spelling == spelling)?;
            row.place.clone()
        };
        let listed = |spelling: &&&str| listed.iter().any(|row| row.spelling == **spelling);
        let mut spellings: Vec<_> = asked.spellings.iter().filter(listed).copied().collect();
        if spellings.is_empty() {
            spellings.extend(asked.spellings.first());
        }
        for spelling in spellings {
            if wanted.iter().all(|row| row.spelling != spelling) {
                let (format, place) = (asked.format, place(spelling));
                wanted.push(Wanted { target, format, spelling, variant: None, place });
            }
        }
    }
    wanted
}

fn later(spelling: &str) -> Diagnostic {
    let message = format!("this version of pkggen makes no {spelling} yet");
    Diagnostic::cannot("format.later", message)
}

/// A format that no target can have was asked for in vain; one that no version so far makes is not
/// worth another target.
pub(super) fn nothing_for(
    asked: &[Asked],
    candidates: &[Candidate],
    settings: &Settings,
    found: &mut Diagnostics,
) {
    let possible = |asked: &&Asked| {
        candidates.iter().any(|there| asked.format.systems.contains(&there.target.os))
    };
    // Without any target something else is wrong.
    for asked in asked.iter().filter(|asked| !candidates.is_empty() && !possible(asked)) {
        let targets: Vec<_> = candidates.iter().map(|there| there.target.to_string()).collect();
        let targets = crate::manifest::list(&targets);
        let error = if settings.made.contains(&asked.format.name) {
            let message =
                format!("`{}` is asked for, and none of {targets} can have one", asked.word);
            Diagnostic::cannot("format.system", message)
        } else {
            later(&asked.word).hint(format!("nor could {targets} have one"))
        };
        found.error(error);
    }
}
