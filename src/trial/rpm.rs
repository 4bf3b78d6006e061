//! Trials with rpm; dnf for what a package requires where the root is of a distribution of rpm.
//!
//! Base roots are Debian with rpm's own database: a stub package provides what the packages
//! require of a distribution (`packaging/checks/systemd-boot-rpm.sh` does the same). Paths and
//! users must really exist; what is taken for granted is said.

use std::{collections::BTreeSet, fs, path::Path};

use super::{
    manager::{Manager, Reason, Shown, words},
    report::Log,
    root::write,
    scratch::Scratch,
};
use crate::diagnostic::Diagnostic;

/// rpm's own package manager.
pub(super) struct Rpm;

impl Manager for Rpm {
    fn base(&self) -> &'static str {
        "systemd,systemd-sysv,dbus,rpm,dnf,createrepo-c,ca-certificates"
    }

    /// Debian's with rpm 4.20 and dnf 4.23.
    fn release(&self) -> Option<&'static str> {
        Some("debian:13")
    }

    fn prepare(
        &self,
        scratch: &Scratch<'_>,
        sets: &[&[Shown]],
        log: &mut Log<'_>,
    ) -> Result<(), Diagnostic> {
        let mut needs = BTreeSet::new();
        for set in sets {
            needs.extend(requires(scratch, set)?);
        }
        let needs: Vec<_> = needs.into_iter().collect();
        if scratch.chroot(false, &["rpm", "-q", "rpm"])?.ok() {
            return from_distribution(scratch, &needs, log);
        }
        from_stub(scratch, &needs, log)
    }

    fn install(&self, packages: &[Shown], why: Reason) -> Vec<String> {
        let how: &[&str] = match why {
            Reason::First => &["rpm", "-i"],
            Reason::Upgrade => &["rpm", "-U"],
            Reason::Again => &["rpm", "-U", "--replacepkgs"],
        };
        let files = packages.iter().map(|package| package.at.as_str());
        words(how.iter().copied().chain(["--nosignature"]).chain(files))
    }

    fn version(&self, name: &str) -> Vec<String> {
        words(["rpm", "-q", "--qf", "%{VERSION}", name])
    }

    fn verify(&self, name: &str) -> Vec<String> {
        words(["rpm", "-V", name])
    }

    fn is_edited(&self, line: &str) -> bool {
        let edited = line.get(11..).is_some_and(|rest| rest.starts_with("c "));
        // size, digest, time: what an editor changes
        edited && line[..9].chars().all(|c| "S5T.".contains(c))
    }

    fn remove(&self, names: &[String]) -> Vec<String> {
        words(["rpm", "-e"].into_iter().chain(names.iter().map(String::as_str)))
    }

    fn purge(&self, _: &[String]) -> Option<Vec<String>> {
        None
    }

    fn reinstall_upgrades(&self) -> bool {
        false
    }

    fn kept(&self, path: &str) -> String {
        format!("{path}.rpmsave")
    }

    fn aside(&self) -> &'static [&'static str] {
        &[".rpmnew", ".rpmsave", ".rpmorig"]
    }
}

/// What a set requires and does not bring itself.
fn requires(scratch: &Scratch<'_>, set: &[Shown]) -> Result<Vec<String>, Diagnostic> {
    let query = |what: &str| {
        let files = set.iter().map(|one| one.at.as_str());
        let head = ["rpm", "-qp", "--nosignature", what];
        scratch.chroot(false, &head.into_iter().chain(files).collect::<Vec<_>>())
    };
    let (needs, own) = (query("--requires")?, query("--provides")?);
    if !needs.ok() || !own.ok() {
        let mut error = Diagnostic::failed("trial.unreadable", "rpm cannot read the package");
        error.causes = if needs.ok() { own.tail() } else { needs.tail() };
        return Err(error);
    }
    let own: BTreeSet<_> = own.out.lines().map(first_word).collect();
    let files: BTreeSet<_> = set.iter().flat_map(|one| &one.subject.files).collect();
    let is_open = |need: &&str| {
        let word = first_word(need);
        let brought = own.contains(word) || files.contains(&word.to_owned());
        !brought && !need.starts_with("rpmlib(")
    };
    Ok(needs.out.lines().map(str::trim).filter(is_open).map(str::to_owned).collect())
}

fn first_word(line: &str) -> &str {
    line.split_whitespace().next().unwrap_or_default()
}

/// dnf installs what is required and not there.
fn from_distribution(
    scratch: &Scratch<'_>,
    needs: &[String],
    log: &mut Log<'_>,
) -> Result<(), Diagnostic> {
    let mut missing = Vec::new();
    for need in needs {
        if !scratch.chroot(false, &["rpm", "-q", "--whatprovides", first_word(need)])?.ok() {
            missing.push(need.as_str());
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    log.say(&format!("installing dependencies: {}", missing.join(", ")));
    let install = ["dnf", "-y", "install"];
    let said =
        scratch.chroot(true, &install.into_iter().chain(missing.clone()).collect::<Vec<_>>())?;
    if said.ok() {
        return Ok(());
    }
    let text = format!("cannot install what is required: {}", missing.join(", "));
    let mut error = Diagnostic::failed("trial.dependencies", text);
    error.causes = said.tail();
    Err(error.hint("packages of your own that it needs are given with --with FILE"))
}

/// A package that stands for the distribution.
fn from_stub(scratch: &Scratch<'_>, needs: &[String], log: &mut Log<'_>) -> Result<(), Diagnostic> {
    let libraries = scratch.chroot(false, &["/sbin/ldconfig", "-p"])?;
    let stub = Stub::of(needs, &scratch.seen(), &libraries.out);
    if !stub.missing.is_empty() {
        let text = format!("the package requires {}", stub.missing.join(", "));
        return Err(Diagnostic::failed("trial.dependencies", text)
            .label("neither the package nor the base root has it")
            .hint("users need a sysusers entry; packages of your own are given with --with FILE"));
    }
    if !stub.assumed.is_empty() {
        log.note("dependencies.assumed", format!("taken for granted: {}", stub.assumed.join(", ")));
    }
    // directories of the package `filesystem`, and the default of a distribution that enables
    for dir in ["usr/share/licenses", "usr/lib64", "usr/libexec"] {
        let _ = fs::create_dir_all(scratch.seen().join(dir));
    }
    let preset = "usr/lib/systemd/system-preset/10-pkggen-test.preset";
    write(&scratch.seen().join(preset), "enable *\n", 0o644)?;
    write(&scratch.seen().join("srv/pkggen/host-stub.spec"), &stub.spec(), 0o644)?;
    let script = "rpmbuild -bb --quiet --define '_rpmdir /srv/pkggen' --define '_topdir /tmp/rb' /srv/pkggen/host-stub.spec && \
                  rpm -i --nosignature /srv/pkggen/noarch/host-stub-1-1.noarch.rpm && rm -rf /tmp/rb";
    let said = scratch.chroot(false, &["sh", "-c", script])?;
    if said.ok() {
        return Ok(());
    }
    let mut error = Diagnostic::failed("trial.root", "cannot make the base root look like rpm's");
    error.causes = said.tail();
    Err(error)
}

/// What stands for a distribution.
#[derive(Debug, Default, PartialEq, Eq)]
struct Stub {
    provides: Vec<String>,
    assumed: Vec<String>,
    missing: Vec<String>,
}

impl Stub {
    fn of(needs: &[String], root: &Path, libraries: &str) -> Self {
        let read = |name: &str| fs::read_to_string(root.join(name)).unwrap_or_default();
        let accounts = read("etc/passwd") + &read("etc/group");
        let mut stub = Self { provides: words(["user(root)", "group(root)"]), ..Self::default() };
        for need in needs {
            stub.add(need, root, &accounts, libraries);
        }
        stub
    }

    fn add(&mut self, need: &str, root: &Path, accounts: &str, libraries: &str) {
        let what = first_word(need);
        let account = ["user(", "group("].iter().find_map(|kind| what.strip_prefix(kind));
        let version = need.split_whitespace().nth(2).map(|version| format!(" = {version}"));
        let mut provided = format!("{what}{}", version.unwrap_or_default());
        if let Some(path) = what.strip_prefix('/') {
            if fs::symlink_metadata(root.join(path)).is_err() {
                self.missing.push(what.to_owned());
            }
        } else if let Some(name) = account {
            let line = format!("{}:", name.trim_end_matches(')'));
            if !accounts.lines().any(|account| account.starts_with(&line)) {
                self.missing.push(what.to_owned());
            }
        } else if what.contains(".so") && what.contains('(') {
            let library = what.split('(').next().unwrap_or_default();
            if !libraries.contains(library) {
                self.assumed.push(need.to_owned());
            }
        } else {
            self.assumed.push(need.to_owned());
            if what.starts_with('(') {
                provided = names_of_rich(need).join(" ");
            }
        }
        self.provides.push(provided);
    }

    fn spec(&self) -> String {
        format!(
            "Name: host-stub\nVersion: 1\nRelease: 1\nSummary: what the host provides\nLicense: none\n\
             BuildArch: noarch\nProvides: {}\n%description\nStands for the distribution.\n%files\n",
            self.provides.join(" ")
        )
    }
}

/// Every name in a rich dependency: `(a if b)`.
fn names_of_rich(need: &str) -> Vec<String> {
    let words = need.split(|c: char| c.is_whitespace() || "()".contains(c));
    let is_name = |word: &&str| {
        let operator = ["and", "or", "if", "else", "unless", "with", "without"].contains(word);
        let first = word.chars().next();
        !operator && first.is_some_and(|c| !c.is_ascii_digit() && !"<>=".contains(c))
    };
    words.filter(is_name).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_users_must_be_there_and_names_are_taken_for_granted() {
        let root = tempfile::tempdir().unwrap();
        write(&root.path().join("etc/passwd"), "root:x:0:0::/:/bin/sh\n", 0o644).unwrap();
        write(&root.path().join("usr/bin/sh"), "", 0o755).unwrap();
        let needs = [
            "/usr/bin/sh",
            "/usr/bin/other",
            "user(root)",
            "user(app)",
            "libc.so.6(GLIBC_2.34)(64bit)",
            "libq.so.1()(64bit)",
            "systemd >= 250",
            "(a >= 2 if b)",
        ];
        let stub = Stub::of(&needs.map(str::to_owned), root.path(), "libc.so.6 (libc6) => /lib");
        assert_eq!(stub.missing, ["/usr/bin/other", "user(app)"]);
        assert_eq!(stub.assumed, ["libq.so.1()(64bit)", "systemd >= 250", "(a >= 2 if b)"]);
        assert!(stub.spec().contains("systemd = 250 a b\n"), "{}", stub.spec());
    }

    #[test]
    fn an_edited_file_is_no_damage() {
        assert!(Rpm.is_edited("S.5....T.  c /etc/app.conf"));
        assert!(!Rpm.is_edited(".M.......  c /etc/app.conf"));
        assert!(!Rpm.is_edited("S.5....T.    /usr/bin/app"));
    }
}
