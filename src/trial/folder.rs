//! What can be looked at without installing anything: the package itself, and its scripts as
//! their shell reads them.

use std::{
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
use crate::diagnostic::Diagnostic;

/// A folder that is gone when this is.
pub(super) struct Temporary<'a> {
    pub(super) dir: PathBuf,
    cleanup: &'a Cleanup,
    /// Tells other trials that it is in use.
    _lock: fs::File,
}

impl<'a> Temporary<'a> {
    pub(super) fn make(around: &Surroundings, cleanup: &'a Cleanup) -> Result<Self, Diagnostic> {
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
pub(super) fn scripts(
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
