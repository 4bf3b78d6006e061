//! Base roots: made once by debootstrap, kept, never changed afterwards.
//!
//! The same folder, names and contents as the checks in `packaging/checks` use
//! (`systemd-boot-lib.sh`), so that one root serves both.

use std::{
    fs::{self, File, OpenOptions},
    io,
    path::{Path, PathBuf},
    process::Command,
};

use rustix::fs::{FlockOperation, flock};

use super::{
    Surroundings,
    command::{Said, run, with},
    image::Image,
    mirror,
    report::Log,
};
use crate::diagnostic::Diagnostic;

/// How apt is called: quiet, in a root without its own user for downloads.
pub(super) const APT: [&str; 8] = [
    "apt-get",
    "-qq",
    "-o",
    "Dpkg::Use-Pty=0",
    "-o",
    "APT::Sandbox::User=root",
    "-o",
    "Acquire::Retries=3",
];

/// What every program in a root is called with.
pub(super) const CLEAN: [&str; 8] = [
    "/usr/bin/env",
    "-i",
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME=/root",
    "LC_ALL=C.UTF-8",
    "DEBIAN_FRONTEND=noninteractive",
    "SYSTEMD_COLORS=0",
    "SYSTEMD_PAGER=",
];

/// A program that is killed when this one ends, in whatever way.
pub(super) const ENDS_WITH_US: [&str; 3] = ["setpriv", "--pdeathsig", "KILL"];

/// Says to maintainer scripts that no service is to be started.
pub(super) const NO_SERVICES: (&str, &str) = ("usr/sbin/policy-rc.d", "#!/bin/sh\nexit 101\n");

/// The base root of an image with these packages; made if it is not there.
pub(super) fn base(
    image: &Image,
    packages: &str,
    around: &Surroundings,
    log: &mut Log<'_>,
) -> Result<PathBuf, Diagnostic> {
    let Image::Release { distribution, suite, .. } = image else {
        let Image::Folder(path) = image else { unreachable!("an image is a release or a folder") };
        return Ok(path.clone());
    };
    let base = around.cache.join(format!("base-{suite}-{}", key(packages)));
    let unwritable = |error: io::Error| {
        let text = format!("cannot write `{}`", around.cache.display());
        Diagnostic::failed("trial.cache", text)
            .caused_by(&error)
            .hint("PKGGEN_VERIFY_CACHE names another folder")
    };
    fs::create_dir_all(&around.cache).map_err(unwritable)?;
    let _lock = lock(&base.with_extension("lock")).map_err(unwritable)?;
    if base.is_dir() {
        return Ok(base);
    }
    let missing = around.tools.missing(&["debootstrap:debootstrap"]);
    if !missing.is_empty() {
        let text = format!("making the base root of {image} needs {}", missing.join(", "));
        let hint = format!("apt install {}, or --image with a folder", missing.join(" "));
        return Err(Diagnostic::cannot("trial.tools", text).hint(hint));
    }
    log.say(&format!(
        "making the base root of {image} (once, some minutes; kept in {})",
        around.cache.display()
    ));
    let mirror = mirror_of(distribution, suite, around)?;
    Maker { part: base.with_extension("part"), log: base.with_extension("log"), around }
        .make(suite, packages, &mirror)?;
    fs::rename(base.with_extension("part"), &base).map_err(unwritable)?;
    Ok(base)
}

/// POSIX `cksum` of the packages and a blank: how the checks name their roots.
fn key(packages: &str) -> u32 {
    let text = format!("{packages} ");
    let mut crc = 0_u32;
    let mut feed = |byte: u8| {
        crc ^= u32::from(byte) << 24;
        for _ in 0..8 {
            crc = if crc >> 31 == 1 { crc << 1 ^ 0x04c1_1db7 } else { crc << 1 };
        }
    };
    text.bytes().for_each(&mut feed);
    let len = text.len() as u64;
    len.to_le_bytes().into_iter().take_while(|byte| *byte != 0).for_each(&mut feed);
    !crc
}

/// Held while a root is being made; the checks take the same lock.
fn lock(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().create(true).append(true).open(path)?;
    flock(&file, FlockOperation::LockExclusive)?;
    Ok(file)
}

fn mirror_of(distribution: &str, suite: &str, around: &Surroundings) -> Result<String, Diagnostic> {
    if let Some(mirror) = &around.mirror {
        return Ok(mirror.clone());
    }
    let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let is_own = super::image::os_release(&release).is_some_and(|(name, _)| name == distribution);
    let own = if is_own { mirror::of_machine(Path::new("/etc/apt"), suite) } else { None };
    let public = match distribution {
        "debian" => Some("http://deb.debian.org/debian"),
        "ubuntu" => Some("http://archive.ubuntu.com/ubuntu"),
        _ => None,
    };
    own.or(public.map(str::to_owned)).ok_or_else(|| {
        Diagnostic::usage("trial.mirror", format!("no mirror of {distribution} is known"))
            .hint("PKGGEN_VERIFY_MIRROR names one")
    })
}

/// Makes a root under a temporary name.
struct Maker<'a> {
    part: PathBuf,
    log: PathBuf,
    around: &'a Surroundings,
}

impl Maker<'_> {
    fn make(&self, suite: &str, packages: &str, mirror: &str) -> Result<(), Diagnostic> {
        let part = self.part.to_string_lossy().into_owned();
        if self.part.exists() {
            super::cleanup::remove(&self.part);
        }
        let include = format!("--include={packages}");
        let words = ["debootstrap", "--variant=minbase", &include, suite, &part, mirror];
        self.step("debootstrap", &mut self.private(&words))?;
        self.write("etc/apt/apt.conf.d/90machine", &self.apt_settings()?, 0o644)?;
        self.write(NO_SERVICES.0, NO_SERVICES.1, 0o755)?;
        self.step(
            "apt-get update",
            &mut in_root(self.around, &self.part, &[&APT[..], &["update"]].concat()),
        )?;
        let _ = fs::remove_file(self.part.join(NO_SERVICES.0));
        let archives = fs::read_dir(self.part.join("var/cache/apt/archives"));
        for file in archives.into_iter().flatten().flatten() {
            if file.path().extension().is_some_and(|ext| ext == "deb") {
                let _ = fs::remove_file(file.path());
            }
        }
        Ok(())
    }

    /// With mounts and processes of its own: what debootstrap leaves of them is gone with it.
    fn private(&self, words: &[&str]) -> Command {
        let [setpriv, more @ ..] = ENDS_WITH_US;
        let command = with(self.around.tools.command(setpriv), &more);
        let unshare = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"];
        with(with(with(command, &unshare), &["--"]), words)
    }

    /// What a mirror of this machine needs: its proxy, and old indexes allowed.
    fn apt_settings(&self) -> Result<String, Diagnostic> {
        if self.around.tools.find("apt-config").is_none() {
            return Ok(String::new());
        }
        let mut dump = with(self.around.tools.command("apt-config"), &["dump"]);
        let said = run(&mut dump, &self.around.cache)?;
        let wanted = |line: &&str| {
            ["http::Proxy ", "https::Proxy ", "Check-Valid-Until", "Check-Date"]
                .iter()
                .any(|key| line.strip_prefix("Acquire::").is_some_and(|rest| rest.starts_with(key)))
        };
        Ok(said.text().lines().filter(wanted).fold(String::new(), |all, line| all + line + "\n"))
    }

    fn write(&self, path: &str, text: &str, mode: u32) -> Result<(), Diagnostic> {
        write(&self.part.join(path), text, mode)
    }

    fn step(&self, what: &str, command: &mut Command) -> Result<Said, Diagnostic> {
        let said = run(command, &self.around.cache)?;
        let _ = fs::write(&self.log, format!("{}{}", said.out, said.err));
        if said.ok() {
            return Ok(said);
        }
        let mut error = Diagnostic::new(
            crate::diagnostic::Class::Network,
            "trial.base",
            format!("cannot make the base root: {what} failed"),
        );
        error.causes = said.tail();
        Err(error.hint(format!("all it said is in {}", self.log.display())))
    }
}

/// A program in a root with the machine's network and processes of its own, which end with it.
pub(super) fn in_root(around: &Surroundings, root: &Path, words: &[&str]) -> Command {
    let _ = fs::copy("/etc/resolv.conf", root.join("etc/resolv.conf"));
    let [setpriv, more @ ..] = ENDS_WITH_US;
    let command = with(around.tools.command(setpriv), &more);
    let command = with(with(command, &["unshare"]), &isolated(root, &[]));
    with(with(command, &CLEAN), words)
}

/// The arguments of `unshare` for a program in a root.
pub(super) fn isolated(root: &Path, more: &[&str]) -> Vec<String> {
    let root = root.to_string_lossy();
    let proc = format!("--mount-proc={}/proc", root.trim_end_matches('/'));
    let words = ["--mount", "--pid", "--fork", "--kill-child", &proc];
    let words = words.iter().chain(more).chain(&["--", "chroot"]);
    words.map(|word| (*word).to_owned()).chain([root.clone().into_owned()]).collect()
}

/// Writes a small file of a root.
pub(super) fn write(path: &Path, text: &str, mode: u32) -> Result<(), Diagnostic> {
    use std::os::unix::fs::PermissionsExt as _;
    let written = || {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(path, text)?;
        fs::set_permissions(path, fs::Permissions::from_mode(mode))
    };
    written().map_err(|error| {
        let text = format!("cannot write `{}`", path.display());
        Diagnostic::failed("write.failed", text).caused_by(&error)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roots_are_named_as_the_checks_name_theirs() {
        // printf '%s ' systemd,systemd-sysv,dbus,init-system-helpers | cksum
        assert_eq!(key("systemd,systemd-sysv,dbus,init-system-helpers"), 3_165_058_515);
        assert_eq!(
            key("systemd,systemd-sysv,dbus,rpm,dnf,createrepo-c,ca-certificates"),
            866_716_554
        );
    }

    #[test]
    fn a_program_in_a_root_has_its_own_processes_and_proc() {
        let words = isolated(Path::new("/x/root"), &["--net"]).join(" ");
        let want =
            "--mount --pid --fork --kill-child --mount-proc=/x/root/proc --net -- chroot /x/root";
        assert_eq!(words, want);
    }
}
