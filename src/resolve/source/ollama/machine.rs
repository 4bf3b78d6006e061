//! The machine a store is looked for on: environment, homes, services, running servers.

use std::{
    collections::BTreeMap,
    fs, io,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
};

use crate::resolve::{Settings, source::explain};

/// Where and as whom stores are looked for.
#[derive(Clone, Debug)]
pub struct Machine {
    /// `/`, except in tests.
    pub root: PathBuf,
    /// The environment.
    pub env: BTreeMap<String, String>,
    /// `--ollama-models`.
    pub only: Option<PathBuf>,
    /// No server is asked.
    pub offline: bool,
}

/// A directory that may be a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The directory.
    pub dir: PathBuf,
    /// Who says so: `$OLLAMA_MODELS`, `ollama.service`.
    pub of: String,
}

/// A file or directory that may not be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Which one.
    pub path: PathBuf,
    /// Permission bits.
    pub mode: u32,
    /// Owner's name, or number.
    pub owner: String,
    /// Group's name, or number.
    pub group: String,
    /// It is a directory that may not be entered, not a file that may not be read.
    pub dir: bool,
    /// Who was refused.
    pub user: String,
}

impl Machine {
    /// This machine as the command line and the environment say.
    pub fn new(settings: &Settings) -> Self {
        Self {
            root: "/".into(),
            env: settings.env.clone(),
            only: settings.ollama_models.clone(),
            offline: settings.offline,
        }
    }

    /// A variable that says something.
    pub(crate) fn var(&self, name: &str) -> Option<&str> {
        let text = self.env.get(name)?.trim();
        // As the server does.
        let text = text.trim_matches(['"', '\'']);
        (!text.is_empty()).then_some(text)
    }

    /// A path from the root of the machine.
    pub(super) fn at(&self, path: impl AsRef<Path>) -> PathBuf {
        let path = path.as_ref();
        self.root.join(path.strip_prefix("/").unwrap_or(path))
    }

    /// The user's home, and that of who called sudo.
    pub(crate) fn homes(&self) -> Vec<PathBuf> {
        let mut homes: Vec<PathBuf> = self.var("HOME").map(PathBuf::from).into_iter().collect();
        let caller = self.var("SUDO_HOME").map(PathBuf::from).or_else(|| {
            let user = self.var("SUDO_USER")?;
            Some(self.at(self.home_of(user)?))
        });
        homes.extend(caller);
        homes
    }

    /// The home of an account.
    pub(super) fn home_of(&self, user: &str) -> Option<String> {
        self.account("etc/passwd", |fields| fields.first() == Some(&user))?.get(5).cloned()
    }

    fn account(&self, file: &str, is: impl Fn(&[&str]) -> bool) -> Option<Vec<String>> {
        let text = fs::read_to_string(self.at(file)).ok()?;
        text.lines().find_map(|line| {
            let fields: Vec<_> = line.split(':').collect();
            is(&fields).then(|| fields.into_iter().map(str::to_owned).collect())
        })
    }

    /// The name of a user or group by its number, or the number.
    fn name_of(&self, file: &str, id: u32) -> String {
        let id = id.to_string();
        let known = self.account(file, |fields| fields.get(2) == Some(&&*id));
        known.and_then(|fields| fields.into_iter().next()).unwrap_or(id)
    }

    /// Which directory above a path may not be entered, or that the file itself may not be read.
    /// `exists()` only says that it is not there.
    pub(crate) fn refusal(&self, path: &Path) -> Option<Refusal> {
        let dir = explain::refusing_dir(path);
        let file = || {
            let unreadable = rustix::fs::access(path, rustix::fs::Access::READ_OK);
            let refused = unreadable.is_err_and(|error| error == rustix::io::Errno::ACCESS);
            refused.then(|| path.to_owned())
        };
        let is_dir = dir.is_some();
        let path = dir.or_else(file)?;
        let metadata = path.symlink_metadata().ok()?;
        Some(Refusal {
            mode: metadata.permissions().mode() & 0o7777,
            owner: self.name_of("etc/passwd", metadata.uid()),
            group: self.name_of("etc/group", metadata.gid()),
            dir: is_dir,
            user: self.name_of("etc/passwd", rustix::process::geteuid().as_raw()),
            path,
        })
    }

    /// The refusal behind an error, if it is one.
    pub(crate) fn refused(&self, path: &Path, error: &io::Error) -> Option<Refusal> {
        (error.kind() == io::ErrorKind::PermissionDenied).then(|| self.refusal(path))?
    }
}

impl Refusal {
    /// `` `/usr/share/ollama` is 0750 ollama:ollama: user `ana` may not enter it ``
    pub(crate) fn message(&self) -> String {
        let Self { path, mode, owner, group, dir, user } = self;
        let verb = if *dir { "enter" } else { "read" };
        let path = path.display();
        format!("`{path}` is {mode:04o} {owner}:{group}: user `{user}` may not {verb} it")
    }

    /// What opens it.
    pub(crate) fn hint(&self) -> String {
        let Self { mode, owner, group, dir, user, .. } = self;
        let needed = if *dir { 0o010 } else { 0o040 };
        let join = if mode & needed != 0 && group != "root" {
            format!("`sudo usermod -aG {group} {user}` and log in again, ")
        } else {
            String::new()
        };
        format!("`sudo -u {owner} pkggen …`, or {join}or run as root").replace("or or", "or")
    }
}
