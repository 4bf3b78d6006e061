//! A background program, resolved: paths are final, templates expanded.

use std::collections::BTreeMap;

use crate::diagnostic::Place;

/// One `[service.NAME]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Service {
    /// Unit `NAME.service`.
    pub name: String,
    /// Description.
    pub summary: String,
    /// Program and arguments; never a shell line.
    pub exec: Vec<String>,
    /// Environment.
    pub env: BTreeMap<String, String>,
    /// System or user manager.
    pub scope: Scope,
    /// Account it runs as; `None` in user scope.
    pub user: Option<String>,
    /// Further groups.
    pub groups: Vec<String>,
    /// What must be up before.
    pub after: Vec<Dependency>,
    /// When it is started again.
    pub restart: Restart,
    /// Whether it starts at boot.
    pub enable: bool,
    /// Whether installing starts it.
    pub start: bool,
    /// What an upgrade does to it.
    pub upgrade: Upgrade,
    /// Owned state, log and cache directories: see [`StateDirs`].
    pub dirs: StateDirs,
    /// Raw unit keys by section, merged last.
    pub systemd: BTreeMap<String, Vec<(String, String)>>,
    /// A unit file the user ships as it is: nothing is generated, only registered.
    pub raw_unit: bool,
    /// The manifest's table.
    pub place: Option<Place>,
}

/// Modes of the directories the service manager makes, `None` when there is no such directory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StateDirs {
    /// `StateDirectory=` with its mode.
    pub state: Option<(String, u32)>,
    /// `LogsDirectory=` with its mode.
    pub log: Option<(String, u32)>,
    /// `CacheDirectory=` with its mode.
    pub cache: Option<(String, u32)>,
}

/// What must be up before a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Dependency {
    /// The network has an address.
    NetworkOnline,
    /// A unit by name.
    Unit(String),
}

/// Who manages it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The system.
    System,
    /// Every user's own manager.
    User,
}

/// When it is started again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // the words are the manifest's
pub enum Restart {
    No,
    OnFailure,
    Always,
}

/// What an upgrade does to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Upgrade {
    /// Restarted once the new files are there.
    Restart,
    /// Left alone.
    Keep,
    /// Stopped before files are replaced.
    StopFirst,
}
