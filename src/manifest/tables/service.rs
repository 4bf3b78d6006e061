//! `[service.NAME]` and `[scripts.SELECTOR]`.

use std::collections::BTreeMap;

use super::{Account, Duration, EnvName, Line, Path, RawTable, Selector, Url};
use crate::{
    manifest::{Decode, Decoder, Node, Problem, Shape, Spanned, Value},
    package::{Restart, Scope, SeedMode, Upgrade, WindowsHost},
    table, words,
};

table! {
    /// A background program: one definition becomes a systemd unit, a launchd job and a Windows
    /// service.
    #[check(check_service)]
    pub struct ServiceTable {
        /// Program and arguments; the first is the program. Never a shell line. Required, unless
        /// there is a `unit`.
        exec: Spanned<Vec<Spanned<String>>>,
        /// Instead of `exec`: a systemd unit file of your own, installed as it is and registered
        /// like the others. A unit that is no service has its kind in the table's name:
        /// `[service."backup.timer"]`.
        unit: Option<Spanned<Path>>,
        /// Description.
        summary: Option<Line> => "the package's",
        /// Environment.
        env: BTreeMap<EnvName, String>,
        /// Whose service manager runs it.
        scope: Scope = Scope::System => "system",
        /// Account it runs as, created when the package is installed. `root` must be written out.
        user: Option<Spanned<Account>> => "`name` in system scope",
        /// Further groups; those that may be missing (render, video) are created or left out.
        groups: Vec<Spanned<Account>>,
        /// Selectors: made only where one of them fits.
        only: Vec<Spanned<Selector>>,
        /// Selectors: not made where one of them fits.
        except: Vec<Spanned<Selector>>,
        /// What must be up before: `network-online`, or a service.
        after: Vec<Spanned<After>>,
        /// When it is started again.
        restart: Restart = Restart::OnFailure => "on-failure",
        /// Whether it starts at boot.
        enable: Option<bool> => "true; in rpm the distribution's preset",
        /// Whether installing starts it.
        start: Option<bool> => "true; in rpm false",
        /// What an upgrade does to it.
        upgrade: Upgrade = Upgrade::Restart => "restart",
        /// A writable store for a runtime that writes beside its models.
        seed: Option<Spanned<String>>,
        /// How the store is filled.
        seed_mode: SeedMode = SeedMode::Link => "link",
        /// How `pkggen test` finds out whether it works.
        health: Option<Health>,
        /// Raw unit keys by section, merged last: `systemd.Service = { MemoryMax = "80%" }`.
        systemd: BTreeMap<String, BTreeMap<String, UnitValue>>,
        /// Raw plist keys, merged last.
        launchd: RawTable,
        /// What only Windows needs.
        windows: ServiceWindows,
    }
}

crate::text! {
    /// What must be up before: `network-online`, a service of the manifest, or a unit by its name.
    pub struct After("`network-online` or a service", after);
}

fn after(text: &str) -> Result<(), Problem> {
    let fits = |b: u8| b.is_ascii_alphanumeric() || b":_.@-\\".contains(&b);
    if !text.is_empty() && text.bytes().all(fits) {
        Ok(())
    } else {
        Err(Problem::new(format!("`{text}` is neither `network-online` nor a service")))
    }
}

fn check_service(service: &ServiceTable, node: &Node, to: &mut Decoder) {
    let place = service.exec.place.as_ref();
    let message = match (node.get("exec").is_some(), service.unit.is_some()) {
        (false, false) => Some("has neither `exec` nor `unit`"),
        (true, true) => Some("has both `exec` and `unit`"),
        _ => None,
    };
    if let Some(message) = message {
        let message = format!("`{}` {message}", to.path());
        to.note("service.exec", message, node.place.as_ref());
        return;
    }
    match service.exec.first() {
        None if service.unit.is_some() || place.is_none() => {}
        None => to.note("service.exec", "`exec` is empty: it needs a program", place),
        Some(word) if word.is_empty() => {
            to.note("service.exec", "the program of `exec` is empty", word.place.as_ref());
        }
        Some(word) if word.starts_with(['-', '@', ':', '+', '!', '|']) => {
            let first = &word[..1];
            let message = format!(
                "the program begins with `{first}`, which systemd would take for an option"
            );
            to.note("service.exec", message, word.place.as_ref());
        }
        Some(_) => {}
    }
    for word in service.exec.iter().filter(|word| word.contains(['\0', '\n', '\r'])) {
        let message = "an argument holds a line break or a NUL";
        to.note("service.exec", message, word.place.as_ref());
    }
}

words! { Scope {
    System = "system": "the system's manager",
    User = "user": "every user's own: `systemd --user`, LaunchAgent, per-user autostart",
} }

words! { Restart {
    No = "no": "never",
    OnFailure = "on-failure": "after a failure",
    Always = "always": "whenever it ends",
} }

words! { Upgrade {
    Restart = "restart": "restarted once the new files are there",
    Keep = "keep": "left alone: the old program runs on",
    StopFirst = "stop-first": "stopped before files are replaced",
} }

words! { SeedMode {
    Link = "link": "links to the packaged files",
    Copy = "copy": "copies",
    Reflink = "reflink": "copies that share blocks where the file system can",
} }

table! {
    /// How `pkggen test` finds out whether a service works.
    pub struct Health {
        /// An address that must answer.
        http: Spanned<Url>,
        /// For how long it may not.
        within: Option<Duration> => "30s",
    }
}

table! {
    /// What only Windows needs to know of a service.
    pub struct ServiceWindows {
        /// Name in the list of services.
        display_name: Option<Line> => "`summary`",
        /// Who speaks to the service manager.
        host: WindowsHost = WindowsHost::Native => "native",
    }
}

words! { WindowsHost {
    Native = "native": "the program itself",
    Shim = "shim": "a wrapper around a program that does not",
} }

/// The values of a raw unit key; a list repeats the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnitValue(pub Vec<String>);

impl Decode for UnitValue {
    fn decode(node: &Node, to: &mut Decoder) -> Option<Self> {
        let one = |node: &Node| match &node.value {
            Value::String(text) => Some(text.clone()),
            Value::Integer(number) => Some(number.to_string()),
            Value::Bool(true) => Some("yes".to_owned()),
            Value::Bool(false) => Some("no".to_owned()),
            _ => None,
        };
        let many = match &node.value {
            Value::Array(items) => items.iter().map(one).collect::<Option<Vec<_>>>(),
            _ => one(node).map(|text| vec![text]),
        };
        if many.is_none() {
            to.wrong_type(node, "a string, an integer, a boolean or a list of those");
        }
        let many = many?;
        if many.iter().any(|text| text.contains(['\n', '\r', '\0'])) {
            let message = format!("`{}` holds a line break", to.path());
            to.note("manifest.value", message, node.place.as_ref());
            return None;
        }
        Some(Self(many))
    }

    fn shape() -> Shape {
        let one = || vec![Shape::Text("text"), Shape::Integer(i64::MIN, i64::MAX), Shape::Bool];
        let mut all = one();
        all.push(Shape::List(Box::new(Shape::Either(one()))));
        Shape::Either(all)
    }
}

table! {
    /// Scripts of your own: files. Each gets one argument, the same word in every format:
    /// `install`, `upgrade`, `remove` or `purge`. What pkggen generates comes first, in the same
    /// script.
    pub struct Scripts {
        /// Runs before files are unpacked.
        pre_install: Option<Spanned<Path>>,
        /// Runs after files are unpacked.
        post_install: Option<Spanned<Path>>,
        /// Runs before files are removed.
        pre_remove: Option<Spanned<Path>>,
        /// Runs after files are removed.
        post_remove: Option<Spanned<Path>>,
    }
}
