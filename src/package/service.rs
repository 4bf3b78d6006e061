//! A background program, resolved: paths are final, templates expanded.

use std::{collections::BTreeMap, time::Duration};

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
    /// It computes on a GPU: devices are not taken away from it.
    pub gpu: bool,
    /// What must be up before.
    pub after: Vec<Dependency>,
    /// When it is started again.
    pub restart: Restart,
    /// Whether it starts at boot, if the manifest says so; else the format decides.
    pub enable: Option<bool>,
    /// Whether installing starts it, if the manifest says so; else the format decides.
    pub start: Option<bool>,
    /// What an upgrade does to it.
    pub upgrade: Upgrade,
    /// Owned state, log and cache directories: see [`StateDirs`].
    pub dirs: StateDirs,
    /// The writable store that is filled before every start.
    pub seed: Option<Seed>,
    /// How to find out whether it works.
    pub health: Option<Health>,
    /// Raw unit keys by section, merged last.
    pub systemd: BTreeMap<String, Vec<(String, String)>>,
    /// Raw plist keys in the manifest's order, merged last.
    pub launchd: Vec<(String, Plist)>,
    /// What only Windows needs.
    pub windows: OnWindows,
    /// A unit file the user ships as it is (an entry of type `service`): nothing is generated,
    /// only registered. `name` ends in the kind of unit unless that is `.service`: `hi.timer`.
    pub raw_unit: bool,
    /// Something wants the unit (`[Install]`). One that nothing wants is started, not enabled.
    pub installable: bool,
    /// The manifest's table.
    pub place: Option<Place>,
}

/// Kinds of units that packages ship.
const UNIT_KINDS: [&str; 7] =
    [".service", ".socket", ".timer", ".path", ".mount", ".automount", ".target"];

impl Service {
    /// One that is only described: nothing is said of its program, its account and its life.
    pub fn described(name: impl Into<String>, summary: impl Into<String>) -> Self {
        let summary = summary.into();
        let windows = OnWindows { display_name: summary.clone(), host: WindowsHost::Native };
        Self {
            name: name.into(),
            summary,
            exec: Vec::new(),
            env: BTreeMap::new(),
            scope: Scope::System,
            user: None,
            groups: Vec::new(),
            gpu: false,
            after: Vec::new(),
            restart: Restart::No,
            enable: None,
            start: None,
            upgrade: Upgrade::Restart,
            dirs: StateDirs::default(),
            seed: None,
            health: None,
            systemd: BTreeMap::new(),
            launchd: Vec::new(),
            windows,
            raw_unit: false,
            installable: true,
            place: None,
        }
    }

    /// The unit's file name: `hi.service`, `hi.timer`.
    pub fn unit(&self) -> String {
        unit_file(&self.name)
    }
}

fn unit_file(name: &str) -> String {
    if UNIT_KINDS.iter().any(|kind| name.ends_with(kind)) {
        name.to_owned()
    } else {
        format!("{name}.service")
    }
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

/// A store that a runtime writes to, filled from the packaged models as the service's user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seed {
    /// The packaged store: absolute, or relative to the image.
    pub from: String,
    /// The store of the service.
    pub to: String,
    /// How it is filled.
    pub mode: SeedMode,
    /// The program that does it.
    pub program: String,
}

/// How a seeded store is filled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SeedMode {
    /// Links to the packaged files.
    Link,
    /// Copies.
    Copy,
    /// Copies that share blocks where the file system can.
    Reflink,
}

/// How to find out whether a service works.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// An address that must answer.
    pub url: String,
    /// For how long it may not.
    pub within: Duration,
}

/// A value of a property list.
#[derive(Clone, Debug, PartialEq)]
pub enum Plist {
    /// Text.
    Text(String),
    /// A whole number.
    Integer(i64),
    /// Any other number.
    Real(f64),
    /// Yes or no.
    Bool(bool),
    /// A point in time, as ISO 8601 writes it.
    Date(String),
    /// A list.
    Array(Vec<Self>),
    /// Keys and values.
    Dict(Vec<(String, Self)>),
}

/// What only Windows needs to know of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OnWindows {
    /// Its name in the list of services.
    pub display_name: String,
    /// Who speaks to the service manager.
    pub host: WindowsHost,
}

/// Who speaks to Windows' service manager.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WindowsHost {
    /// The program itself.
    Native,
    /// A wrapper around it.
    Shim,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_is_a_service_unless_its_name_says_otherwise() {
        assert_eq!(unit_file("hi"), "hi.service");
        assert_eq!(unit_file("hi.timer"), "hi.timer");
        assert_eq!(unit_file("org.example.hi"), "org.example.hi.service");
    }
}
