//! Trials with dpkg, and apt for what a package depends on.

use super::{
    command::Said,
    manager::{Manager, Reason, Shown, words},
    report::Log,
    root::{APT, NO_SERVICES, write},
    scratch::Scratch,
};
use crate::diagnostic::{Class, Diagnostic};

/// Debian's package manager.
pub(super) struct Dpkg;

/// Answers no question about configuration files: keep what the administrator edited. Nothing needs
/// to survive a power cut.
const DPKG: [&str; 4] = ["dpkg", "--force-unsafe-io", "--force-confdef", "--force-confold"];

impl Manager for Dpkg {
    fn base(&self) -> &'static str {
        "systemd,systemd-sysv,dbus,init-system-helpers"
    }

    fn prepare(
        &self,
        scratch: &Scratch<'_>,
        sets: &[&[Shown]],
        log: &mut Log<'_>,
    ) -> Result<(), Diagnostic> {
        in_order(scratch, sets)?;
        let Err(said) = dependencies(scratch, sets, log)? else { return Ok(()) };
        // the lists of the base root may be old, or there are none
        log.say("asking the mirror for its packages");
        let update = scratch.chroot(true, &[&APT[..], &["update"]].concat())?;
        let Err(again) = dependencies(scratch, sets, log)? else { return Ok(()) };
        let names: Vec<_> =
            sets.iter().flat_map(|set| set.iter().map(|one| &*one.subject.name)).collect();
        let text = format!("the dependencies of `{}` cannot be installed", names[0]);
        let mut error = Diagnostic::new(class(&update, &again), "trial.dependencies", text);
        error.causes = unmet(&said).into_iter().chain(again.tail()).collect();
        error.causes.dedup();
        Err(error.hint("packages of your own that it needs are given with --with FILE"))
    }

    fn install(&self, packages: &[Shown], _: Reason) -> Vec<String> {
        let files = packages.iter().map(|package| package.at.as_str());
        words(DPKG.into_iter().chain(["-i"]).chain(files))
    }

    fn version(&self, name: &str) -> Vec<String> {
        let script = "test \"$(dpkg-query -W -f '${db:Status-Abbrev}' \"$1\")\" = 'ii ' && dpkg-query -W -f '${Version}' \"$1\"";
        words(["sh", "-c", script, "sh", name])
    }

    fn verify(&self, name: &str) -> Vec<String> {
        words(["dpkg", "-V", name])
    }

    fn is_edited(&self, line: &str) -> bool {
        line.starts_with("??5?????? c ")
    }

    fn remove(&self, names: &[String]) -> Vec<String> {
        words(DPKG.into_iter().chain(["-r"]).chain(names.iter().map(String::as_str)))
    }

    fn purge(&self, names: &[String]) -> Option<Vec<String>> {
        Some(words(DPKG.into_iter().chain(["-P"]).chain(names.iter().map(String::as_str))))
    }

    fn reinstall_upgrades(&self) -> bool {
        true
    }

    fn kept(&self, path: &str) -> String {
        path.to_owned()
    }

    fn aside(&self) -> &'static [&'static str] {
        &[".dpkg-dist", ".dpkg-new", ".dpkg-old"]
    }
}

/// Without the lists of a mirror (an empty folder) apt is done in 0.2 s instead of 5.
const INSTALLED_ONLY: [&str; 6] = [
    "-o",
    "Dir::State::lists=/var/lib/dpkg/updates",
    "-o",
    "Dir::Cache::pkgcache=",
    "-o",
    "Dir::Cache::srcpkgcache=",
];

/// dpkg would install an older version over a newer one; apt, and so an upgrade, would not.
fn in_order(scratch: &Scratch<'_>, sets: &[&[Shown]]) -> Result<(), Diagnostic> {
    let [first, .., last] = sets else { return Ok(()) };
    for Shown { subject: new, .. } in *last {
        let old = first.iter().map(|one| &one.subject).find(|old| old.name == new.name);
        let Some(old) = old.filter(|old| old.version != new.version) else { continue };
        let words = ["dpkg", "--compare-versions", &old.version, "lt", &new.version];
        if !scratch.chroot(false, &words)?.ok() {
            let text = format!("{} {} is not newer than {}", new.name, new.version, old.version);
            return Err(Diagnostic::usage("trial.order", text));
        }
    }
    Ok(())
}

/// What no mirror answers for is a matter of the network.
fn class(update: &Said, again: &Said) -> Class {
    let unreachable = !update.ok() || again.err.contains("Failed to fetch");
    if unreachable { Class::Network } else { Class::Failed }
}

/// Installs what is missing; what apt says when it does not know how.
fn dependencies(
    scratch: &Scratch<'_>,
    sets: &[&[Shown]],
    log: &mut Log<'_>,
) -> Result<Result<(), Said>, Diagnostic> {
    let mut wanted = Vec::new();
    for set in sets {
        let own: Vec<_> = set.iter().map(|one| one.subject.name.as_str()).collect();
        let known = plan(scratch, set, &INSTALLED_ONLY)?;
        if known.ok() && to_install(&known.out, &own).is_empty() {
            continue;
        }
        let said = plan(scratch, set, &[])?;
        if !said.ok() {
            return Ok(Err(said));
        }
        wanted.extend(to_install(&said.out, &own));
    }
    wanted.sort();
    wanted.dedup();
    if wanted.is_empty() {
        return Ok(Ok(()));
    }
    log.say(&format!("installing dependencies: {}", wanted.join(" ")));
    let policy = scratch.seen().join(NO_SERVICES.0);
    write(&policy, NO_SERVICES.1, 0o755)?;
    let install = APT.into_iter().chain(["-y", "--no-install-recommends", "install"]);
    let names = wanted.iter().map(String::as_str);
    let said = scratch.chroot(true, &install.chain(names).collect::<Vec<_>>())?;
    let _ = std::fs::remove_file(policy);
    Ok(if said.ok() { Ok(()) } else { Err(said) })
}

/// What apt would do, in a form that also says what is missing.
fn plan(scratch: &Scratch<'_>, set: &[Shown], more: &[&str]) -> Result<Said, Diagnostic> {
    let files = set.iter().map(|one| one.at.as_str());
    let words = APT.into_iter().map(|word| if word == "-qq" { "-q" } else { word });
    let words = words.chain(more.iter().copied());
    let words = words.chain(["-s", "--no-install-recommends", "install"]).chain(files);
    scratch.chroot(true, &words.collect::<Vec<_>>())
}

/// The packages that apt would install beside these: `Inst NAME …`.
fn to_install(plan: &str, own: &[&str]) -> Vec<String> {
    let lines = plan.lines().filter_map(|line| line.strip_prefix("Inst "));
    let names = lines.filter_map(|line| line.split_whitespace().next());
    names.filter(|name| !own.contains(name)).map(str::to_owned).collect()
}

/// ` x : Depends: y but it is not installable`
fn unmet(said: &Said) -> Vec<String> {
    let lines = said.out.lines().chain(said.err.lines());
    let lines = lines.filter(|line| line.contains("Depends: ") || line.contains("Conflicts: "));
    lines.map(|line| super::command::clean(line.trim())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_apt_would_add_is_read_from_its_plan() {
        let plan = "NOTE: x\nInst libz (1 Debian:12 [amd64])\nInst app (1 local-deb [amd64])\nConf libz (1)\n";
        assert_eq!(to_install(plan, &["app"]), ["libz"]);
    }

    #[test]
    fn unmet_dependencies_are_named() {
        let err = "E: Unable to correct problems\n app : Depends: libq (>= 9) but it is not installable\n";
        let said = Said { err: err.into(), ..Said::default() };
        assert_eq!(unmet(&said), ["app : Depends: libq (>= 9) but it is not installable"]);
    }

    #[test]
    fn an_edited_file_is_no_damage() {
        assert!(Dpkg.is_edited("??5?????? c /etc/app.conf"));
        assert!(!Dpkg.is_edited("??5??????   /usr/bin/app"));
    }
}
