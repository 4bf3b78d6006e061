//! The machine a package is tried on: a booted container, or a root without services.

use std::{
    fs::{self, File},
    io,
    os::{fd::AsFd as _, unix::process::CommandExt as _},
    process::{Child, Stdio},
    thread,
    time::Duration,
};

use rustix::{
    process::{Pid, Signal, kill_process},
    thread::{LinkNameSpaceType, move_into_link_name_space},
};

use super::{
    Place,
    cgroup::Groups,
    cleanup::{self, is_alive},
    command::{Said, pid, run, with},
    probe::Probe,
    report::Log,
    root::CLEAN,
    scratch::Scratch,
    watch::Snapshot,
};
use crate::diagnostic::Diagnostic;

/// Where a package lives during a trial.
pub(super) trait Machine {
    /// Whether a service manager runs there.
    fn has_services(&self) -> bool;
    /// Runs a program as root.
    fn run(&self, words: &[&str]) -> Result<Said, Diagnostic>;
    /// Every path there is.
    fn snapshot(&self) -> Result<Snapshot, Diagnostic>;
    /// Asks an address from inside.
    fn ask(&self, probe: &Probe) -> Result<String, String>;
    /// Lets time pass.
    fn pause(&self, time: Duration) {
        thread::sleep(time);
    }
}

/// The machine for a place.
pub(super) fn start<'a>(
    place: Place,
    scratch: &'a Scratch<'a>,
    log: &mut Log<'_>,
) -> Result<Box<dyn Machine + 'a>, Diagnostic> {
    if place == Place::Nspawn {
        return Ok(Box::new(Container::boot(scratch, log)?));
    }
    Ok(Box::new(Chroot(scratch)))
}

fn snapshot(scratch: &Scratch<'_>) -> Result<Snapshot, Diagnostic> {
    Snapshot::take(&scratch.seen()).map_err(|error| {
        Diagnostic::failed("trial.root", "cannot look through the root of the trial")
            .caused_by(&error)
    })
}

/// A root in which nothing runs.
struct Chroot<'a>(&'a Scratch<'a>);

impl Machine for Chroot<'_> {
    fn has_services(&self) -> bool {
        false
    }

    fn run(&self, words: &[&str]) -> Result<Said, Diagnostic> {
        self.0.chroot(false, words)
    }

    fn snapshot(&self) -> Result<Snapshot, Diagnostic> {
        snapshot(self.0)
    }

    fn ask(&self, _: &Probe) -> Result<String, String> {
        Err("nothing runs in a chroot".into())
    }
}

/// A booted container: systemd-nspawn without a network but its own loopback.
struct Container<'a> {
    scratch: &'a Scratch<'a>,
    nspawn: Child,
    /// The container's first process, as the host counts.
    leader: Option<Pid>,
    /// Dropped last: a group must be empty to go.
    _groups: Groups,
}

impl<'a> Container<'a> {
    fn boot(scratch: &'a Scratch<'a>, log: &mut Log<'_>) -> Result<Self, Diagnostic> {
        let failed = |error: io::Error| {
            Diagnostic::failed("trial.boot", "cannot start systemd-nspawn").caused_by(&error)
        };
        let console = scratch.dir().join("console");
        let out = File::create(&console).map_err(failed)?;
        let err = out.try_clone().map_err(failed)?;
        let root = scratch.root().to_string_lossy().into_owned();
        let name = scratch.name();
        let groups = Groups::make(&name, scratch.cleanup());
        // A container must not outlive this program, and systemd-nspawn alone leaves its own to
        // itself when it is killed (252): all of it is in a namespace that ends with its first.
        let mut words = vec!["setpriv", "--pdeathsig", "KILL", "unshare", "--pid", "--fork"];
        words.extend(["--kill-child", "--mount-proc", "--", "sh", "-c", "\"$@\"; exit $?", "sh"]);
        words.extend(["systemd-nspawn", "--quiet"]);
        words.extend(["-D", &root, "--register=no", "--private-network", "--boot"]);
        // A host that runs systemd itself gives the container a scope of its own.
        if !fs::exists("/run/systemd/system").unwrap_or(false) {
            words.push("--keep-unit");
        }
        let machine = format!("--machine=pkggen-{name}");
        words.push(&machine);
        let nspawn = with(with(scratch.among_mounts(), &groups.enter()), &words)
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(err)
            .process_group(0)
            .spawn()
            .map_err(failed)?;
        scratch.cleanup().process(pid(&nspawn));
        let mut container = Self { scratch, nspawn, leader: None, _groups: groups };
        let state = container.settle(&console)?;
        if state != "running" {
            let units = container.run(&["systemctl", "--failed", "--no-legend", "--plain"])?;
            let names = units.text().lines().filter_map(|line| line.split_whitespace().next());
            let names = names.collect::<Vec<_>>().join(", ");
            log.say(&format!("the container is {state} before anything is installed: {names}"));
        }
        Ok(container)
    }

    /// Waits until it has booted: `running`, or `degraded`.
    fn settle(&mut self, console: &std::path::Path) -> Result<String, Diagnostic> {
        /// How often it is looked at, 100 ms apart.
        const LOOKS: usize = 600;
        for _ in 0..LOOKS {
            if self.leader.is_none() {
                // unshare, sh, systemd-nspawn, and its child
                let sh = child_of(pid(&self.nspawn));
                self.leader = sh.and_then(child_of).and_then(child_of);
                self.leader.iter().for_each(|leader| self.scratch.cleanup().process(*leader));
            }
            if self.leader.is_some() {
                let said = self.run(&["systemctl", "is-system-running", "--wait"])?;
                let state = said.out.trim();
                if ["running", "degraded"].contains(&state) {
                    return Ok(state.to_owned());
                }
            }
            if !is_alive(pid(&self.nspawn)) {
                break;
            }
            thread::sleep(Duration::from_millis(100));
        }
        let mut error = Diagnostic::failed("trial.boot", "the container did not boot");
        let said = fs::read(console).unwrap_or_default();
        let said = Said { out: String::from_utf8_lossy(&said).into_owned(), ..Said::default() };
        error.causes = said.tail();
        Err(error.hint("`--in chroot` does without services"))
    }

    fn leader(&self) -> String {
        self.leader.map_or_else(|| "0".to_owned(), |leader| leader.as_raw_nonzero().to_string())
    }
}

impl Machine for Container<'_> {
    fn has_services(&self) -> bool {
        true
    }

    fn run(&self, words: &[&str]) -> Result<Said, Diagnostic> {
        let target = self.leader();
        let nsenter = self.scratch.around.tools.command("nsenter");
        let into = ["--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup", "--root", "--wd"];
        let command = with(with(nsenter, &["--target", &target]), &into);
        run(&mut with(with(command, &CLEAN), words), self.scratch.dir())
    }

    fn snapshot(&self) -> Result<Snapshot, Diagnostic> {
        snapshot(self.scratch)
    }

    /// A thread of its own moves into the container's network.
    fn ask(&self, probe: &Probe) -> Result<String, String> {
        let network = format!("/proc/{}/ns/net", self.leader());
        let asked = thread::scope(|scope| {
            let ask = || {
                let network = File::open(&network).map_err(|error| error.to_string())?;
                move_into_link_name_space(network.as_fd(), Some(LinkNameSpaceType::Network))
                    .map_err(|error| error.to_string())?;
                probe.ask()
            };
            scope.spawn(ask).join()
        });
        asked.unwrap_or_else(|_| Err("the request was given up".into()))
    }
}

impl Drop for Container<'_> {
    /// Ends the container's first process; systemd-nspawn then tidies up and ends, too.
    fn drop(&mut self) {
        let nspawn = pid(&self.nspawn);
        if let Some(leader) = self.leader {
            let _ = kill_process(leader, Signal::KILL);
            self.scratch.cleanup().forget(leader);
        }
        for _ in 0..300 {
            if matches!(self.nspawn.try_wait(), Ok(Some(_)) | Err(_)) {
                break;
            }
            thread::sleep(Duration::from_millis(10));
        }
        cleanup::end(nspawn);
        let _ = self.nspawn.wait();
        self.scratch.cleanup().forget(nspawn);
    }
}

/// The first child of a process.
fn child_of(parent: Pid) -> Option<Pid> {
    let parent = parent.as_raw_nonzero().to_string();
    let children = fs::read_dir("/proc").ok()?.flatten().filter_map(|item| {
        let pid = item.file_name().to_str()?.parse::<i32>().ok()?;
        let stat = fs::read_to_string(item.path().join("stat")).ok()?;
        // `PID (NAME) STATE PARENT …`; the name may hold anything
        (stat.rsplit_once(") ")?.1.split(' ').nth(1)? == parent).then_some(pid)
    });
    children.min().and_then(Pid::from_raw)
}

#[cfg(test)]
mod tests {
    use std::{io::BufRead as _, process::Command};

    use super::*;

    #[test]
    fn the_child_of_a_process_is_found() {
        let mut parent = Command::new("sh");
        parent.args(["-c", "sleep 30 & echo $!; wait"]).stdout(Stdio::piped());
        let mut parent = parent.spawn().unwrap();
        let mut line = String::new();
        io::BufReader::new(parent.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let found = child_of(pid(&parent)).unwrap();
        assert_eq!(found.as_raw_nonzero().to_string(), line.trim());
        cleanup::end(found);
        parent.wait().unwrap();
    }
}
