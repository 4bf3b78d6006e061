//! systemd: units, sysusers.d and tmpfiles.d.
//!
//! Format: systemd.syntax(7), systemd.unit(5), systemd.service(5), systemd.exec(5), sysusers.d(5),
//! tmpfiles.d(5). What was measured is in `docs/formats/deb.md`, "units".

use std::collections::BTreeMap;

use crate::{
    diagnostic::Diagnostic,
    package::{Dependency, Restart, Scope, Seed, Service, moving},
    tree::Mode,
};

/// Default for every system service: a plain service's exposure goes from 9.5 to 2.6 (of 10,
/// `systemd-analyze security`, systemd 252).
const HARDENING: &str = include_str!("../../templates/systemd/hardening.conf");
/// Only null, zero, random and their kind in /dev.
const NO_DEVICES: &str = include_str!("../../templates/systemd/no-devices.conf");
/// What a service that computes on a GPU must see.
const GPU: &str = include_str!("../../templates/systemd/gpu.conf");

/// Mode of a state directory that nobody asked for, but that HOME needs.
const STATE_MODE: u32 = 0o750;

/// Keys that add up instead of replacing each other: a raw one is added to the generated ones.
const ADDING: [&str; 6] =
    ["After", "Documentation", "Environment", "EnvironmentFile", "ReadWritePaths", "Wants"];

/// What a unit needs to know about the package it is in.
#[derive(Clone, Debug, Default)]
pub struct Site {
    /// The package's name.
    pub name: String,
    /// `Documentation=`.
    pub homepage: Option<String>,
    /// The layout's absolute directory for state: `/var/lib/N`.
    pub state: String,
    /// The same for logs.
    pub log: String,
    /// The same for caches.
    pub cache: String,
    /// The layout's absolute directory for configuration.
    pub config: String,
    /// File capabilities by the program's absolute path.
    pub capabilities: BTreeMap<String, String>,
}

/// A directory of the system that is made on the user's machine.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct OwnedDir {
    /// Absolute.
    pub path: String,
    /// Permission bits.
    pub mode: u32,
    /// Owner.
    pub owner: String,
    /// Group.
    pub group: String,
}

/// One section of a unit: lines in order.
#[derive(Default)]
struct Section(Vec<(String, String)>);

impl Section {
    fn push(&mut self, key: &str, value: impl Into<String>) {
        self.0.push((key.to_owned(), value.into()));
    }

    fn lines(&mut self, text: &str) {
        for (key, value) in text.lines().filter_map(|line| line.split_once('=')) {
            self.push(key, value);
        }
    }

    /// Adds raw keys; they win over generated ones of the same name.
    fn merge(&mut self, raw: &[(String, String)]) {
        self.0.retain(|(key, _)| {
            ADDING.contains(&key.as_str()) || raw.iter().all(|(theirs, _)| theirs != key)
        });
        self.0.extend(raw.iter().cloned());
    }

    fn write(&self, name: &str) -> String {
        let lines = self.0.iter().map(|(key, value)| format!("{key}={value}\n"));
        format!("[{name}]\n{}", lines.collect::<String>())
    }
}

/// The text of `NAME.service`.
pub fn unit(service: &Service, site: &Site) -> Result<String, Diagnostic> {
    let mut sections = vec![
        ("Unit".to_owned(), unit_section(service, site)),
        ("Service".to_owned(), service_section(service, site)?),
        ("Install".to_owned(), install_section(service)),
    ];
    for (name, raw) in &service.systemd {
        check_raw(service, name, raw)?;
        match sections.iter_mut().find(|(there, _)| there == name) {
            Some((_, section)) => section.merge(raw),
            None => sections.push((name.clone(), Section(raw.clone()))),
        }
    }
    let texts: Vec<_> = sections
        .iter()
        .filter(|(_, section)| !section.0.is_empty())
        .map(|(name, section)| section.write(name))
        .collect();
    Ok(texts.join("\n"))
}

fn unit_section(service: &Service, site: &Site) -> Section {
    let mut unit = Section::default();
    unit.push("Description", line(&service.summary));
    if let Some(url) = &site.homepage {
        unit.push("Documentation", percent(url));
    }
    for dependency in &service.after {
        match dependency {
            // the user manager has no such target
            Dependency::NetworkOnline if service.scope == Scope::User => {}
            Dependency::NetworkOnline => {
                unit.push("After", "network-online.target");
                unit.push("Wants", "network-online.target");
            }
            Dependency::Unit(name) if name.contains('.') => unit.push("After", percent(name)),
            Dependency::Unit(name) => unit.push("After", percent(&format!("{name}.service"))),
        }
    }
    unit
}

fn service_section(service: &Service, site: &Site) -> Result<Section, Diagnostic> {
    let mut section = Section::default();
    if let Some(seed) = &service.seed {
        section.push("ExecStartPre", seeding(seed, service, site));
    }
    section.push("ExecStart", command(service, site)?);
    if service.scope == Scope::System {
        section.push("User", service.user.as_deref().unwrap_or("root"));
        if !service.groups.is_empty() {
            section.push("SupplementaryGroups", service.groups.join(" "));
        }
        section.push("Environment", format!("HOME={}", home(service, site)));
    }
    for (name, value) in &service.env {
        check_variable(service, name)?;
        section.push("Environment", quoted(&in_state(&format!("{name}={value}"), service, site)));
    }
    let file = format!("{}/{}.env", percent(&site.config), service.name);
    if service.scope == Scope::System {
        section.push("EnvironmentFile", format!("-{file}"));
    }
    directories(&mut section, service, site);
    restart(&mut section, service.restart);
    if service.scope == Scope::System {
        hardening(&mut section, service, site);
    }
    Ok(section)
}

fn install_section(service: &Service) -> Section {
    let mut install = Section::default();
    install.push(
        "WantedBy",
        match service.scope {
            Scope::System => "multi-user.target",
            Scope::User => "default.target",
        },
    );
    install
}

fn restart(section: &mut Section, restart: Restart) {
    let word = match restart {
        Restart::No => return,
        Restart::OnFailure => "on-failure",
        Restart::Always => "always",
    };
    section.push("Restart", word);
    section.push("RestartSec", "5");
}

/// A user's services have the state directory of that user: `%S` is known to their manager alone.
fn in_state(text: &str, service: &Service, site: &Site) -> String {
    let text = percent(text);
    match (service.scope, state_dir(service, site)) {
        (Scope::User, Some((name, _))) => {
            text.replace(&percent(&site.state), &format!("%S/{}", percent(&name)))
        }
        _ => text,
    }
}

/// Fills the store before every start, as the user of the service.
fn seeding(seed: &Seed, service: &Service, site: &Site) -> String {
    let word = |text: &str| quoted_if_needed(&in_state(text, service, site).replace('$', "$$"));
    let notes = format!("{}.seeded", seed.to);
    let mode = seed.mode.as_word();
    let program = quoted_if_needed(&percent(&seed.program));
    format!("{program} {} {} {} {mode}", word(&seed.from), word(&seed.to), word(&notes))
}

/// The state directory a service gets: its own, or, so that HOME and a seeded store exist, one like
/// the package.
fn state_dir(service: &Service, site: &Site) -> Option<(String, u32)> {
    let needed = service.scope == Scope::System || service.seed.is_some();
    let by_default = || needed.then(|| (site.name.clone(), STATE_MODE));
    service.dirs.state.clone().or_else(by_default)
}

/// Whether a layout's directory is where systemd looks for `StateDirectory=` and its kind.
fn managed(dir: &str, base: &str) -> bool {
    dir.strip_prefix(base).is_some_and(|rest| rest.starts_with('/'))
}

fn home(service: &Service, site: &Site) -> String {
    match state_dir(service, site) {
        Some((name, _)) if managed(&site.state, "/var/lib") => format!("%S/{}", percent(&name)),
        _ => percent(&site.state),
    }
}

/// `StateDirectory=` alone is 0755, whatever tmpfiles.d or the package say: always with its mode.
fn directories(section: &mut Section, service: &Service, site: &Site) {
    let state = state_dir(service, site);
    for (key, dir, path, base) in [
        ("StateDirectory", &state, &site.state, "/var/lib"),
        ("LogsDirectory", &service.dirs.log, &site.log, "/var/log"),
        ("CacheDirectory", &service.dirs.cache, &site.cache, "/var/cache"),
    ] {
        let Some((name, mode)) = dir else { continue };
        if managed(path, base) {
            section.push(key, quoted_if_needed(&percent(name)));
            section.push(&format!("{key}Mode"), Mode(*mode).to_string());
        } else if service.scope == Scope::System {
            section.push("ReadWritePaths", quoted_if_needed(&percent(path)));
        }
    }
}

/// Directories that a service needs and systemd does not make: those outside /var/lib and its kind.
pub fn unmanaged(service: &Service, site: &Site) -> Vec<OwnedDir> {
    if service.scope == Scope::User || service.raw_unit {
        return Vec::new();
    }
    let owner = service.user.as_deref().unwrap_or("root");
    [
        (state_dir(service, site), &site.state, "/var/lib"),
        (service.dirs.log.clone(), &site.log, "/var/log"),
        (service.dirs.cache.clone(), &site.cache, "/var/cache"),
    ]
    .into_iter()
    .filter(|(dir, path, base)| dir.is_some() && !managed(path, base))
    .map(|(dir, path, _)| OwnedDir {
        path: path.clone(),
        mode: dir.map_or(STATE_MODE, |(_, mode)| mode),
        owner: owner.to_owned(),
        group: owner.to_owned(),
    })
    .collect()
}

/// Absolute paths of the directories that systemd makes for a service.
pub fn managed_dirs(service: &Service, site: &Site) -> Vec<String> {
    if service.scope == Scope::User || service.raw_unit {
        return Vec::new();
    }
    [
        (state_dir(service, site), &site.state, "/var/lib"),
        (service.dirs.log.clone(), &site.log, "/var/log"),
        (service.dirs.cache.clone(), &site.cache, "/var/cache"),
    ]
    .into_iter()
    .filter(|(_, path, base)| managed(path, base))
    .filter_map(|(dir, _, base)| dir.map(|(name, _)| format!("{base}/{name}")))
    .collect()
}

fn hardening(section: &mut Section, service: &Service, site: &Site) {
    section.lines(HARDENING);
    section.lines(if service.gpu { GPU } else { NO_DEVICES });
    // Executing a program whose file capabilities are outside the bounding set fails with EPERM, and
    // under NoNewPrivileges they are not gained: the service gets them as ambient ones.
    let program = service.exec.first().and_then(|program| site.capabilities.get(program));
    if let Some(names) =
        program.map(|text| capability_names(text)).filter(|names| !names.is_empty())
    {
        section.merge(&[
            ("CapabilityBoundingSet".to_owned(), names.clone()),
            ("AmbientCapabilities".to_owned(), names),
        ]);
    }
}

/// `cap_net_raw,cap_net_bind_service=ep` → `CAP_NET_RAW CAP_NET_BIND_SERVICE`.
fn capability_names(text: &str) -> String {
    let sets = text.split_whitespace().filter_map(|clause| clause.split(['=', '+', '-']).next());
    let names = sets.flat_map(|set| set.split(',')).filter(|name| !name.is_empty());
    names.map(str::to_ascii_uppercase).collect::<Vec<_>>().join(" ")
}

fn command(service: &Service, site: &Site) -> Result<String, Diagnostic> {
    let wrong = |why: &str| {
        let text = format!("service `{}`: {why}", service.name);
        Err(Diagnostic::usage("service.exec", text).at(service.place.clone()))
    };
    let Some((program, arguments)) = service.exec.split_first() else {
        return wrong("`exec` names no program");
    };
    if program.starts_with(['-', '@', ':', '+', '!', '|']) {
        return wrong(&format!("the first character of `{program}` is an option to systemd"));
    }
    if !program.starts_with('/') && !moving::moves(program) {
        return wrong(&format!("`{program}` is no absolute path"));
    }
    // variables are expanded in arguments, not in the program's path
    let mut words = vec![quoted_if_needed(&percent(program))];
    let argument = |word: &String| in_state(word, service, site).replace('$', "$$");
    words.extend(arguments.iter().map(|word| quoted_if_needed(&argument(word))));
    Ok(words.join(" "))
}

fn check_variable(service: &Service, name: &str) -> Result<(), Diagnostic> {
    let letter = |c: char| c.is_ascii_alphabetic() || c == '_';
    if name.starts_with(letter) && name.chars().all(|c| letter(c) || c.is_ascii_digit()) {
        return Ok(());
    }
    let text = format!("service `{}`: `{name}` is no name of a variable", service.name);
    Err(Diagnostic::usage("service.env", text).at(service.place.clone()))
}

fn check_raw(service: &Service, section: &str, raw: &[(String, String)]) -> Result<(), Diagnostic> {
    let bad = |text: &str| text.chars().any(char::is_control);
    let line = |(key, value): &&(String, String)| bad(key) || bad(value) || key.contains('=');
    if bad(section) || section.contains(['[', ']']) || raw.iter().find(line).is_some() {
        let text = format!("service `{}`: a raw key is one line", service.name);
        return Err(Diagnostic::usage("service.systemd", text).at(service.place.clone()));
    }
    Ok(())
}

/// The lines of `sysusers.d/N.conf`, when users or groups have to exist. No `m` lines: rpm 4.20.1
/// makes the user with the wrong primary group from them.
pub fn sysusers(services: &[Service], site: &Site) -> Option<String> {
    let mut users = BTreeMap::new();
    let mut groups = BTreeMap::new();
    for service in services.iter().filter(|service| service.scope == Scope::System) {
        let user = service.user.as_deref().unwrap_or("root");
        if user != "root" && !has_raw(service, "DynamicUser") {
            let home = match state_dir(service, site) {
                Some((name, _)) if managed(&site.state, "/var/lib") => format!("/var/lib/{name}"),
                _ => site.state.clone(),
            };
            let line =
                format!("u {user} - {} {}\n", quoted(&gecos(&service.summary)), field(&home));
            users.entry(user).or_insert(line);
        }
        for group in service.groups.iter().filter(|group| *group != "root") {
            groups.insert(group.as_str(), format!("g {group} -\n"));
        }
    }
    groups.retain(|group, _| !users.contains_key(group));
    let text: String = users.into_values().chain(groups.into_values()).collect();
    (!text.is_empty()).then_some(text)
}

/// Whether the user wrote a raw key of `[Service]`.
pub fn has_raw(service: &Service, key: &str) -> bool {
    service.systemd.get("Service").is_some_and(|raw| raw.iter().any(|(there, _)| there == key))
}

/// The lines of `tmpfiles.d/N.conf`.
pub fn tmpfiles(dirs: &[OwnedDir]) -> Option<String> {
    let line = |dir: &OwnedDir| {
        let (path, mode) = (field(&dir.path), Mode(dir.mode));
        format!("d {path} {mode} {} {} -\n", dir.owner, dir.group)
    };
    (!dirs.is_empty()).then(|| dirs.iter().map(line).collect())
}

/// A path in sysusers.d and tmpfiles.d.
fn field(path: &str) -> String {
    quoted_if_needed(&percent(path))
}

/// A comment of /etc/passwd: no colon, no control characters.
fn gecos(text: &str) -> String {
    percent(text).chars().map(|c| if c == ':' || c.is_control() { ' ' } else { c }).collect()
}

/// `%` starts a specifier everywhere.
fn percent(text: &str) -> String {
    text.replace('%', "%%")
}

/// One line of free text. A backslash at its end would join the next line.
fn line(text: &str) -> String {
    let text: String =
        percent(text).chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.ends_with('\\') { text + " " } else { text }
}

/// In double quotes, as systemd reads them; `%` and `$` are the caller's.
fn quoted(text: &str) -> String {
    let mut all = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => all.push_str("\\\""),
            '\\' => all.push_str("\\\\"),
            '\n' => all.push_str("\\n"),
            '\t' => all.push_str("\\t"),
            c if c.is_ascii_control() => all = all + "\\x" + &hex(c),
            c => all.push(c),
        }
    }
    all + "\""
}

fn hex(c: char) -> String {
    format!("{:02x}", u32::from(c))
}

fn quoted_if_needed(text: &str) -> String {
    let plain = |c: char| !(c.is_whitespace() || c.is_control() || "\"'\\;".contains(c));
    if !text.is_empty() && text.chars().all(plain) && !moving::moves(text) {
        text.to_owned()
    } else {
        quoted(text)
    }
}

#[cfg(test)]
mod tests;
