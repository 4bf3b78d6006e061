//! A throw-away view of a base root: an overlay that only a private mount namespace has.
//!
//! The namespace is held by a process that reads from a pipe of ours. When this program goes away,
//! even by SIGKILL, the pipe closes, the process ends and the mounts are gone; the next trial removes
//! the folder.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufRead, BufReader},
    os::unix::{fs::PermissionsExt as _, process::CommandExt as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU64, Ordering},
};

use rustix::fs::{FlockOperation, flock};

use super::{
    Surroundings,
    cleanup::{self, Cleanup},
    command::{Said, pid, run, with},
    report::Log,
    root::{CLEAN, ENDS_WITH_US, isolated},
};
use crate::diagnostic::Diagnostic;

/// How the folders of trials begin.
const PREFIX: &str = "trial-";

/// The folder of a trial, its mounts and their holder.
pub(super) struct Scratch<'a> {
    pub(super) around: &'a Surroundings,
    cleanup: Cleanup,
    dir: PathBuf,
    lock: File,
    holder: Child,
    keep: bool,
}

impl<'a> Scratch<'a> {
    /// An overlay above `base`, which is not changed.
    pub(super) fn open(
        base: &Path,
        around: &'a Surroundings,
        cleanup: &Cleanup,
        log: &mut Log<'_>,
    ) -> Result<Self, Diagnostic> {
        let (dir, lock) = fresh(around, cleanup)?;
        let holder = match hold(around) {
            Ok(holder) => holder,
            Err(error) => {
                cleanup.now();
                return Err(error);
            }
        };
        cleanup.process(pid(&holder));
        let cleanup = cleanup.clone();
        let scratch = Self { around, cleanup, dir, lock, holder, keep: false };
        scratch.mount(base, log)?;
        Ok(scratch)
    }

    fn mount(&self, base: &Path, log: &mut Log<'_>) -> Result<(), Diagnostic> {
        let text = |path: &Path| path.to_string_lossy().into_owned();
        let [up, work, root] = ["up", "work", "root"].map(|name| text(&self.dir.join(name)));
        let layers = format!("lowerdir={},upperdir={up},workdir={work}", text(base));
        let words = ["mount", "-t", "overlay", "pkggen-test", "-o", &layers, &root];
        if self.held(&words)?.ok() {
            return Ok(());
        }
        log.say("no overlay file system here: copying the base root");
        let copied =
            self.held(&["cp", "-a", "--reflink=auto", &format!("{}/.", text(base)), &root])?;
        if copied.ok() {
            return Ok(());
        }
        let mut error = Diagnostic::failed("trial.root", "cannot copy the base root");
        error.causes = copied.tail();
        Err(error)
    }

    /// Runs a program of the host among the trial's mounts.
    pub(super) fn held(&self, words: &[&str]) -> Result<Said, Diagnostic> {
        run(&mut with(self.among_mounts(), words), &self.dir)
    }

    /// `nsenter` into the mount namespace of the trial.
    pub(super) fn among_mounts(&self) -> Command {
        let target = self.holder.id().to_string();
        let nsenter = self.around.tools.command("nsenter");
        with(nsenter, &["--target", &target, "--mount", "--"])
    }

    /// Runs a program in the root with processes of its own, which end with it; without any
    /// network unless it is asked for.
    pub(super) fn chroot(&self, network: bool, words: &[&str]) -> Result<Said, Diagnostic> {
        let more: &[&str] = if network { &[] } else { &["--net"] };
        let command = with(with(self.among_mounts(), &ENDS_WITH_US), &["unshare"]);
        let command = with(with(command, &isolated(&self.root(), more)), &CLEAN);
        run(&mut with(command, words), &self.dir)
    }

    /// The root as processes among the mounts see it.
    pub(super) fn root(&self) -> PathBuf {
        self.dir.join("root")
    }

    /// The root as this process sees it.
    pub(super) fn seen(&self) -> PathBuf {
        let below = self.root();
        let below = below.strip_prefix("/").unwrap_or(&below);
        Path::new("/proc").join(self.holder.id().to_string()).join("root").join(below)
    }

    /// Where temporary files of the trial go.
    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Unlike that of any other trial of this host: `PID-0`.
    pub(super) fn name(&self) -> String {
        let name = self.dir.file_name().unwrap_or_default().to_string_lossy();
        name.trim_start_matches(PREFIX).to_owned()
    }

    pub(super) fn cleanup(&self) -> &Cleanup {
        &self.cleanup
    }

    /// Makes a file of the host visible in the root, unchangeable; nothing is copied.
    pub(super) fn show(&self, file: &Path, at: &str) -> Result<(), Diagnostic> {
        let inside = self.root().join(at.trim_start_matches('/'));
        super::root::write(&self.seen().join(at.trim_start_matches('/')), "", 0o644)?;
        let (from, to) = (file.to_string_lossy(), inside.to_string_lossy());
        let said = self.held(&["mount", "-o", "bind,ro", &from, &to])?;
        if said.ok() {
            return Ok(());
        }
        let mut error =
            Diagnostic::failed("trial.root", format!("cannot show `{from}` to the root"));
        error.causes = said.tail();
        Err(error)
    }

    /// Keeps what the trial changed: the folder of the overlay.
    pub(super) fn keep(&mut self) -> Option<PathBuf> {
        let name = self.dir.file_name()?.to_string_lossy().replacen(PREFIX, "kept-", 1);
        let kept = self.dir.with_file_name(name);
        fs::rename(&self.dir, &kept).ok()?;
        self.keep = true;
        self.cleanup.leave(&self.dir);
        Some(kept.join("up"))
    }
}

impl Drop for Scratch<'_> {
    fn drop(&mut self) {
        let holder = pid(&self.holder);
        cleanup::end(holder);
        let _ = self.holder.wait();
        self.cleanup.forget(holder);
        if !self.keep {
            cleanup::remove(&self.dir);
            self.cleanup.leave(&self.dir);
        }
        let _ = flock(&self.lock, FlockOperation::Unlock);
    }
}

/// A new folder in the cache, which is gone with the trial.
pub(super) fn fresh(
    around: &Surroundings,
    cleanup: &Cleanup,
) -> Result<(PathBuf, File), Diagnostic> {
    let made = || {
        fs::create_dir_all(&around.cache)?;
        sweep(&around.cache);
        folder(&around.cache, cleanup)
    };
    made().map_err(|error| {
        let text = format!("cannot write `{}`", around.cache.display());
        Diagnostic::failed("trial.cache", text)
            .caused_by(&error)
            .hint("PKGGEN_VERIFY_CACHE names another folder")
    })
}

/// A new folder, locked for as long as this process lives.
fn folder(cache: &Path, cleanup: &Cleanup) -> io::Result<(PathBuf, File)> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let dir = cache.join(format!("{PREFIX}{}-{count}", std::process::id()));
    fs::create_dir(&dir)?;
    cleanup.folder(&dir);
    fs::set_permissions(&dir, fs::Permissions::from_mode(0o755))?;
    let lock = OpenOptions::new().create_new(true).append(true).open(dir.join("lock"))?;
    flock(&lock, FlockOperation::NonBlockingLockExclusive)?;
    for name in ["up", "work", "root"] {
        fs::create_dir(dir.join(name))?;
    }
    Ok((dir, lock))
}

/// Removes what trials left that were killed.
fn sweep(cache: &Path) {
    for item in fs::read_dir(cache).into_iter().flatten().flatten() {
        let is_trial = item.file_name().to_string_lossy().starts_with(PREFIX);
        let lock = || OpenOptions::new().append(true).open(item.path().join("lock"));
        if is_trial
            && let Ok(lock) = lock()
            && flock(&lock, FlockOperation::NonBlockingLockExclusive).is_ok()
        {
            cleanup::remove(&item.path());
        }
    }
}

/// A process in a mount namespace of its own, which lives while we do.
fn hold(around: &Surroundings) -> Result<Child, Diagnostic> {
    let failed = |error: io::Error| {
        Diagnostic::failed("trial.command", "cannot make a private mount namespace")
            .caused_by(&error)
            .hint("that needs root, or CAP_SYS_ADMIN in a container")
    };
    let command = around.tools.command("unshare");
    let script = ["--mount", "--propagation", "private", "--", "sh", "-c", "echo ready; exec cat"];
    let mut holder = with(command, &script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .map_err(failed)?;
    let mut line = String::new();
    if let Some(out) = holder.stdout.take() {
        BufReader::new(out).read_line(&mut line).map_err(failed)?;
    }
    if line != "ready\n" {
        let _ = holder.kill();
        let _ = holder.wait();
        return Err(failed(io::ErrorKind::PermissionDenied.into()));
    }
    Ok(holder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_killed_trial_left_is_swept_and_a_running_one_is_not() {
        let cache = tempfile::tempdir().unwrap();
        let cleanup = Cleanup::default();
        let (running, lock) = folder(cache.path(), &cleanup).unwrap();
        let (killed, other) = folder(cache.path(), &cleanup).unwrap();
        drop(other);
        fs::create_dir(cache.path().join("kept-1-1")).unwrap();
        sweep(cache.path());
        assert!(running.exists() && !killed.exists());
        assert!(cache.path().join("kept-1-1").exists());
        drop(lock);
    }
}
