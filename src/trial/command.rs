//! Programs of this host: found, run to the end with a limit, their words kept.

use std::{
    ffi::OsStr,
    fs::{self, File, OpenOptions},
    io::{self, Read, Seek},
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process_group};

use crate::diagnostic::Diagnostic;

/// How long a program may run: installing packages, making a root.
const LIMIT: Duration = Duration::from_secs(900);

/// Most bytes that are kept of what a program says.
const MAX_SAID: u64 = 4 << 20;

/// Folders with programs.
#[derive(Clone, Debug, Default)]
pub struct Tools(pub Vec<PathBuf>);

impl Tools {
    /// The program's path.
    pub fn find(&self, name: &str) -> Option<PathBuf> {
        self.0.iter().map(|dir| dir.join(name)).find(|path| path.is_file())
    }

    /// The packages of Debian that have what is missing; each tool is `command:package`.
    pub(super) fn missing(&self, tools: &[&str]) -> Vec<String> {
        let parts = tools.iter().filter_map(|tool| tool.split_once(':'));
        let missing = parts.filter(|(command, _)| self.find(command).is_none());
        missing.map(|(_, package)| package.to_owned()).collect()
    }

    /// A command; one that is not there fails when it is run.
    pub(super) fn command(&self, name: &str) -> Command {
        let mut command = Command::new(self.find(name).unwrap_or_else(|| name.into()));
        let path = std::env::join_paths(&self.0).unwrap_or_default();
        command.env("PATH", path).env("LC_ALL", "C.UTF-8");
        command
    }
}

/// What a program said, and how it ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Said {
    /// `None` when a signal ended it.
    pub(super) code: Option<i32>,
    /// What it printed.
    pub(super) out: String,
    /// What it complained about.
    pub(super) err: String,
}

impl Said {
    pub(super) fn ok(&self) -> bool {
        self.code == Some(0)
    }

    /// What it printed, if it succeeded.
    pub(super) fn text(&self) -> &str {
        if self.ok() { self.out.trim() } else { "" }
    }

    /// The last lines of all it said.
    pub(super) fn tail(&self) -> Vec<String> {
        /// Most lines that are shown.
        const LINES: usize = 12;
        let lines = self.out.lines().chain(self.err.lines()).map(str::trim_end);
        let lines: Vec<_> = lines.filter(|line| !line.is_empty()).map(clean).collect();
        lines[lines.len().saturating_sub(LINES)..].to_vec()
    }
}

/// Without what would steer a terminal.
pub(super) fn clean(line: &str) -> String {
    let line: String = line.chars().filter(|c| !c.is_control() || *c == '\t').collect();
    line.chars().take(300).collect()
}

/// Runs a program to its end; what it says goes to files in `dir`, so that a daemon it leaves
/// behind keeps nobody waiting.
pub(super) fn run(command: &mut Command, dir: &Path) -> Result<Said, Diagnostic> {
    let name = command.get_program().to_string_lossy().into_owned();
    let failed = |error: io::Error| {
        Diagnostic::failed("trial.command", format!("cannot run `{name}`")).caused_by(&error)
    };
    let (mut out, mut err) = (nameless(dir).map_err(failed)?, nameless(dir).map_err(failed)?);
    let to = |file: &File| file.try_clone().map(Stdio::from);
    let (stdout, stderr) = (to(&out).map_err(failed)?, to(&err).map_err(failed)?);
    // a group of its own: Ctrl-C is for this program alone, which then cleans up
    command.stdin(Stdio::null()).stdout(stdout).stderr(stderr).process_group(0);
    let mut child = command.spawn().map_err(failed)?;
    let status = wait(&mut child).map_err(failed)?;
    let code = status.and_then(|status| status.code());
    let mut said = Said { code, out: read(&mut out), err: read(&mut err) };
    if status.is_none() {
        let text = format!("\n{name} was ended after {} s\n", LIMIT.as_secs());
        said.err.push_str(&text);
    }
    Ok(said)
}

fn wait(child: &mut Child) -> io::Result<Option<ExitStatus>> {
    let (started, mut pause) = (Instant::now(), Duration::from_millis(1));
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if started.elapsed() > LIMIT {
            let _ = kill_process_group(pid(child), Signal::KILL);
            child.wait()?;
            return Ok(None);
        }
        thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(20));
    }
}

/// The child's number.
pub(super) fn pid(child: &Child) -> Pid {
    Pid::from_child(child)
}

/// A file without a name.
fn nameless(dir: &Path) -> io::Result<File> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let path = dir.join(format!("said-{}-{count}", std::process::id()));
    let file = OpenOptions::new().read(true).write(true).create_new(true).open(&path)?;
    fs::remove_file(&path)?;
    Ok(file)
}

fn read(file: &mut File) -> String {
    let mut bytes = Vec::new();
    // what cannot be read was not said
    let _ = file.rewind().and_then(|()| file.take(MAX_SAID).read_to_end(&mut bytes));
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Adds words to a command.
pub(super) fn with<S: AsRef<OsStr>>(mut command: Command, words: &[S]) -> Command {
    command.args(words);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(script: &str) -> Said {
        let dir = tempfile::tempdir().unwrap();
        let tools = Tools(vec!["/usr/bin".into(), "/bin".into()]);
        run(&mut with(tools.command("sh"), &["-c", script]), dir.path()).unwrap()
    }

    #[test]
    fn both_voices_and_the_exit_code_are_kept() {
        let said = sh("echo out; echo err >&2; exit 3");
        assert_eq!(said, Said { code: Some(3), out: "out\n".into(), err: "err\n".into() });
        assert_eq!((said.text(), said.tail()), ("", vec!["out".to_owned(), "err".to_owned()]));
    }

    #[test]
    fn a_program_that_leaves_a_daemon_behind_keeps_nobody_waiting() {
        let started = Instant::now();
        assert_eq!(sh("sleep 5 & echo done").text(), "done");
        assert!(started.elapsed() < Duration::from_secs(4));
    }

    #[test]
    fn missing_tools_are_told_by_their_packages() {
        let tools = Tools(vec!["/usr/bin".into(), "/bin".into()]);
        assert_eq!(tools.missing(&["sh:dash", "no-such-tool:some-package"]), ["some-package"]);
    }

    #[test]
    fn what_would_steer_a_terminal_is_left_out() {
        assert_eq!(clean("a\x1b[31mb"), "a[31mb");
    }
}
