//! What a trial asks of a package manager: dpkg, rpm.

use super::{report::Log, scratch::Scratch, subject::Subject};
use crate::diagnostic::Diagnostic;

/// A package and where the root shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Shown {
    pub(super) subject: Subject,
    /// `/srv/pkggen/new/app.deb`.
    pub(super) at: String,
}

/// Why a package is installed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    First,
    Upgrade,
    /// The same version over itself.
    Again,
}

/// The commands of a package manager; `{}` never: words are passed as they are.
pub(super) trait Manager {
    /// What base roots have installed, with commas.
    fn base(&self) -> &'static str;

    /// The release that its base root is of, unless that of the host will do.
    fn release(&self) -> Option<&'static str> {
        None
    }

    /// Installs what the packages need beside themselves, before anything is compared.
    fn prepare(
        &self,
        scratch: &Scratch<'_>,
        sets: &[&[Shown]],
        log: &mut Log<'_>,
    ) -> Result<(), Diagnostic>;

    /// The command that installs these.
    fn install(&self, packages: &[Shown], why: Reason) -> Vec<String>;

    /// The command that prints the installed version, if all is well with it.
    fn version(&self, name: &str) -> Vec<String>;

    /// The command that compares installed files with the package.
    fn verify(&self, name: &str) -> Vec<String>;

    /// Whether a line of that is about an edited configuration file.
    fn is_edited(&self, line: &str) -> bool;

    /// The command that removes these.
    fn remove(&self, names: &[String]) -> Vec<String>;

    /// The command that removes what removing left, where there is one.
    fn purge(&self, names: &[String]) -> Option<Vec<String>>;

    /// Whether installing a version over itself runs the scripts of an upgrade.
    fn reinstall_upgrades(&self) -> bool;

    /// What an edited file is called once its package was removed.
    fn kept(&self, path: &str) -> String;

    /// How files are called that were put beside an edited one.
    fn aside(&self) -> &'static [&'static str];
}

/// Words as a command.
pub(super) fn words<'a>(words: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    words.into_iter().map(str::to_owned).collect()
}
