//! `pkggen test`: good packages pass, and each fault of a bad one is found. In a booted container
//! where that is possible.

#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use std::{
    env, fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use common::{TempDir, build_one, have, is_root, said, skip};
use serde_json::Value;

const NEWER: [&str; 2] = ["--set", "package.version=1.1.0"];

/// Whether a container can be booted here.
fn can_boot(test: &str) -> bool {
    let tools = [
        "systemd-nspawn:systemd-container",
        "debootstrap:debootstrap",
        "nsenter:util-linux",
        "setpriv:util-linux",
    ];
    if !is_root() {
        skip(test, "needs root: boots a container");
        return false;
    }
    have(test, &tools)
}

/// `pkggen test`, with the base roots of the checks.
fn trial(args: &[&str], home: &TempDir) -> Command {
    let mut command = common::pkggen(home.path());
    command.arg("test").args(args).current_dir(home.path()).stdin(Stdio::null());
    for name in ["PKGGEN_VERIFY_CACHE", "PKGGEN_VERIFY_MIRROR"] {
        command.envs(env::var_os(name).map(|value| (name, value)));
    }
    if env::var_os("PKGGEN_VERIFY_CACHE").is_none() {
        command.env("PKGGEN_VERIFY_CACHE", cache());
    }
    command
}

fn cache() -> PathBuf {
    let own = env::var_os("PKGGEN_VERIFY_CACHE").map(PathBuf::from);
    own.unwrap_or_else(|| PathBuf::from(env::var_os("HOME").unwrap()).join(".cache/pkggen-verify"))
}

/// A manifest of one service, whose program is a script, in a folder of its own.
struct App(TempDir);

impl App {
    fn new(program: &str, more: &str) -> Self {
        let app = Self(TempDir::new().unwrap());
        app.write("app", program);
        app.write("app.conf", "color = red\n");
        app.manifest("1.0.0", more);
        app
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.0.path().join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn manifest(&self, version: &str, more: &str) {
        let text = format!(
            "[package]\nname = \"trialapp\"\nversion = \"{version}\"\nsummary = \"is tried\"\n\
             license = \"MIT\"\n[targets]\nlinux = {{ arch = [\"x86_64\", \"aarch64\"], \
             formats = [\"deb\", \"rpm\", \"tar.gz\"] }}\n[payload]\nfiles = [\n\
             {{ source = \"app\", type = \"bin\" }},\n{{ source = \"app.conf\", type = \"config\" }},\n]\n\
             [service.trialapp]\nexec = [\"{{{{ dir.bin }}}}/app\"]\n{more}"
        );
        fs::write(self.0.path().join("pkggen.toml"), text).unwrap();
    }

    fn build(&self, format: &str) -> String {
        self.build_all(format).remove(0)
    }

    fn build_all(&self, format: &str) -> Vec<String> {
        let mut command = common::pkggen(self.0.path());
        command.arg("build").arg(format).arg("-m").arg(self.0.path().join("pkggen.toml"));
        command.args(["--target", &common::host(), "--out"]).arg(self.0.path());
        let built = common::artifacts(&common::stdout(&mut command));
        built.into_values().map(|path| path.to_str().unwrap().to_owned()).collect()
    }
}

/// The document of `--json`, and the exit code.
fn document(output: &Output) -> (Value, i32) {
    let value = serde_json::from_slice(&output.stdout);
    let value = value.unwrap_or_else(|why| panic!("{why}: {}", said(output)));
    (value, output.status.code().unwrap())
}

/// `code: text` of the checks that came to this.
fn checks(document: &Value, outcome: &str) -> Vec<String> {
    let steps = document["steps"].as_array().unwrap();
    let checks = steps.iter().flat_map(|step| step["checks"].as_array().unwrap());
    let checks = checks.filter(|check| check["outcome"] == outcome);
    checks
        .map(|check| {
            format!("{}: {}", check["code"].as_str().unwrap(), check["text"].as_str().unwrap())
        })
        .collect()
}

/// Nothing of a trial is left on this machine.
fn nothing_left(pid: u32) {
    let name = format!("trial-{pid}-0");
    assert!(!cache().join(&name).exists());
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    assert!(!mounts.contains(&name), "{mounts}");
    for top in ["/sys/fs/cgroup", "/sys/fs/cgroup/unified", "/sys/fs/cgroup/systemd"] {
        assert!(!Path::new(top).join(format!("pkggen-test-{pid}-0")).exists());
    }
    for item in fs::read_dir("/proc").unwrap().flatten() {
        let line = fs::read(item.path().join("cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).into_owned();
        assert!(!line.contains(&format!("pkggen-{pid}-0")), "{line}");
    }
}

fn a_service_lives_and_leaves(test: &str, format: &str, removed: &str) {
    if !can_boot(test) {
        return;
    }
    let out = TempDir::new().unwrap();
    let [old, new] = [&[][..], &NEWER].map(|more| build_one("service", format, more, out.path()));
    let manifest = common::app("service").join("pkggen.toml");
    let args = [new.to_str().unwrap(), "--upgrade-from", old.to_str().unwrap(), "--json"];
    let output = trial(&args, &out).arg("-m").arg(manifest).output().unwrap();
    let (found, code) = document(&output);
    assert_eq!(checks(&found, "failed"), [""; 0], "{}", said(&output));
    assert_eq!((code, &found["ok"], &found["place"]), (0, &true.into(), &"nspawn".into()));
    let passed = checks(&found, "passed");
    for want in [
        "installed: tallyd 1.0.0 is installed",
        "installed: tallyd 1.1.0 is installed",
        "service.active: tallyd.service is enabled, active and stays so as user tallyd",
        "service.restarted: tallyd.service was restarted: it runs what is installed now",
        "config.kept: edited configuration is kept",
        "state.kept: data in /var/lib/tallyd is kept",
        "remove.stopped: nothing of it runs any more",
        "purge.left: nothing is left behind",
    ] {
        assert!(passed.iter().any(|check| check == want), "{want}\n{passed:#?}");
    }
    let answers = passed
        .iter()
        .filter(|check| check.starts_with("service.healthy: http://127.0.0.1:18471/health"));
    assert_eq!(answers.count(), 2, "{passed:#?}");
    let last = found["steps"].as_array().unwrap().last().unwrap()["name"].as_str().unwrap();
    assert!(last.starts_with(removed), "{last}");
}

#[test]
fn a_service_lives_from_install_to_purge_as_a_deb() {
    a_service_lives_and_leaves(
        "a_service_lives_from_install_to_purge_as_a_deb",
        "deb",
        "purge tallyd",
    );
}

#[test]
fn a_service_lives_from_install_to_removal_as_an_rpm() {
    let test = "a_service_lives_from_install_to_removal_as_an_rpm";
    a_service_lives_and_leaves(test, "rpm", "nothing left");
}

/// What a package does wrong in its own scripts.
const FAULTS: &str = "case $1 in\n  install) mkdir /var/lib/left; touch /var/lib/left/behind ;;\n\
                      upgrade) echo 'color = blue' >/etc/trialapp/app.conf ;;\nesac\n";

const SCRIPTS: &str = "[scripts.linux]\npost-install = \"faults\"\n";

#[test]
fn every_fault_of_a_deb_has_its_line() {
    if !can_boot("every_fault_of_a_deb_has_its_line") {
        return;
    }
    let more = format!("upgrade = \"keep\"\n{SCRIPTS}");
    let app = App::new("#!/bin/sh\nexec sleep 1000\n", &more);
    app.write("faults", &format!("#!/bin/sh\n{FAULTS}"));
    let old = app.build("deb");
    app.manifest("2.0.0", &more);
    // what the manifest says is not asked: it lies elsewhere
    let output = trial(&[&app.build("deb"), "--upgrade-from", &old, "--json"], &app.0);
    let output = { output }.current_dir("/").output().unwrap();
    let (found, code) = document(&output);
    let want = [
        "service.restarted: trialapp.service was not restarted: it still runs what was there before",
        "config.kept: the upgrade did not keep edited configuration",
        "config.kept: removing did not keep edited configuration",
        "purge.left: 2 paths are left behind",
    ];
    assert_eq!(checks(&found, "failed"), want, "{}", said(&output));
    assert_eq!((code, &found["ok"]), (1, &false.into()));
    assert!(said(&output).contains("/var/lib/left/behind"));
}

#[test]
fn a_service_that_dies_fails_with_the_last_words_of_its_program() {
    if !can_boot("a_service_that_dies_fails_with_the_last_words_of_its_program") {
        return;
    }
    let app = App::new("#!/bin/sh\nsleep 1\necho 'no model found' >&2\nexit 3\n", "");
    let args = [&*app.build("deb"), "--probe", "http://127.0.0.1:9/", "--within", "5"];
    let output = trial(&args, &app.0).output().unwrap();
    let text = said(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(
        text.contains("FAILED  trialapp.service does not stay active: its program ended with 3\n"),
        "{text}"
    );
    assert!(text.contains("            no model found\n"), "{text}");
    assert!(text.contains("FAILED  http://127.0.0.1:9/ does not answer"), "{text}");
    assert!(text.contains("ok      nothing is left behind"), "{text}");
}

#[test]
fn a_new_model_package_alone_restarts_the_service() {
    if !can_boot("a_new_model_package_alone_restarts_the_service") {
        return;
    }
    let program = "#!/bin/sh\ncat /usr/share/trialapp/models/m.bin || exit 3\nexec sleep 1000\n";
    let model = |version: &str| {
        format!(
            "[component.model]\nsummary = \"weights\"\nversion = \"{version}\"\narch = \"any\"\n"
        )
    };
    let app = App::new(program, "");
    app.write("m.bin", "weights");
    let folder = app.0.path().join("pkggen.toml");
    let build = |version: &str| {
        app.manifest("1.0.0", &model(version));
        let text = fs::read_to_string(&folder).unwrap();
        let file = "{ source = \"m.bin\", type = \"model\", component = \"model\" },\n]";
        fs::write(&folder, text.replacen("\n]", &format!("\n{file}"), 1)).unwrap();
        app.build_all("deb")
    };
    let (old, new) = (build("1.0.0"), build("2.0.0"));
    let [old, main, new] = [(&old, "model"), (&new, "trialapp_"), (&new, "model_2")]
        .map(|(all, name)| all.iter().find(|path| path.contains(name)).unwrap().as_str());
    let output = trial(&[main, "--with", new, "--upgrade-from", old, "--json"], &app.0);
    let output = { output }.output().unwrap();
    let (found, code) = document(&output);
    assert_eq!((checks(&found, "failed"), code), (Vec::new(), 0), "{}", said(&output));
    let want = "service.restarted: trialapp.service was restarted: it runs what is installed now";
    assert!(checks(&found, "passed").contains(&want.into()), "{}", said(&output));
}

#[test]
fn without_services_a_chroot_is_enough_and_the_rest_is_named() {
    if !can_boot("without_services_a_chroot_is_enough_and_the_rest_is_named") {
        return;
    }
    let app = App::new("#!/bin/sh\nexec sleep 1000\n", "");
    let deb = app.build("deb");
    let output = trial(&[&deb, "--in", "chroot", "--json"], &app.0).output().unwrap();
    let (found, code) = document(&output);
    assert_eq!((checks(&found, "failed"), code), (Vec::new(), 0), "{}", said(&output));
    let skipped = checks(&found, "skipped");
    assert_eq!(skipped[0], "service.active: whether trialapp.service is active and healthy");
    assert!(checks(&found, "passed").contains(&"purge.left: nothing is left behind".into()));
}

#[test]
fn an_older_package_is_no_upgrade() {
    if !can_boot("an_older_package_is_no_upgrade") {
        return;
    }
    let app = App::new("#!/bin/sh\n", "");
    let old = app.build("deb");
    app.manifest("1.10.0", "");
    let new = app.build("deb");
    let args = [&*old, "--upgrade-from", &new, "--in", "chroot"];
    let output = trial(&args, &app.0).output().unwrap();
    let text = said(&output);
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(text.contains("error: trialapp 1.0.0 is not newer than 1.10.0\n"), "{text}");
}

#[test]
fn a_dependency_that_nobody_has_is_named() {
    if !can_boot("a_dependency_that_nobody_has_is_named") {
        return;
    }
    let app = App::new("#!/bin/sh\n", "[deb]\ndepends = [\"no-such-package-at-all (>= 2)\"]\n");
    let output = trial(&[&app.build("deb"), "--in", "chroot"], &app.0).output().unwrap();
    let text = said(&output);
    assert!(text.contains("error: the dependencies of `trialapp` cannot be installed"), "{text}");
    assert!(text.contains("trialapp : Depends: no-such-package-at-all (>= 2)"), "{text}");
    assert!([1, 5].contains(&output.status.code().unwrap()), "{text}");
}

/// Starts a trial and waits until it has installed something.
fn started(app: &App, home: &TempDir) -> std::process::Child {
    let mut command = trial(&[&app.build("deb")], home);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut out = std::io::BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    while !line.contains("is installed") {
        line.clear();
        assert_ne!(std::io::BufRead::read_line(&mut out, &mut line).unwrap(), 0);
    }
    child
}

/// All processes that this one started, and those they started.
fn descendants(pid: u32) -> Vec<u32> {
    let parent = |pid: u32| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse::<u32>().ok()
    };
    let names = fs::read_dir("/proc").unwrap().flatten().map(|item| item.file_name());
    let all: Vec<u32> = names.filter_map(|name| name.to_str()?.parse().ok()).collect();
    let is_below = |one: &u32| {
        let mut above = std::iter::successors(Some(*one), |pid| parent(*pid));
        above.any(|above| above == pid) && *one != pid
    };
    all.into_iter().filter(is_below).collect()
}

fn is_running(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
}

#[test]
fn a_trial_that_is_interrupted_or_killed_leaves_nothing() {
    let test = "a_trial_that_is_interrupted_or_killed_leaves_nothing";
    if !can_boot(test) {
        return;
    }
    let app = App::new("#!/bin/sh\nexec sleep 1000\n", "");
    let mut child = started(&app, &app.0);
    let pid = child.id();
    let inside = descendants(pid);
    let interrupt = format!("kill -INT {pid}");
    common::ok(Command::new("sh").args(["-c", &interrupt]));
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(!inside.iter().any(|pid| is_running(*pid)), "something outlived the trial");
    nothing_left(pid);

    let mut child = started(&app, &app.0);
    let pid = child.id();
    let inside = descendants(pid);
    assert!(inside.len() > 5, "{inside:?}");
    child.kill().unwrap();
    child.wait().unwrap();
    let started = Instant::now();
    while inside.iter().any(|pid| is_running(*pid)) {
        assert!(started.elapsed() < Duration::from_secs(10), "the container outlived its trial");
        thread::sleep(Duration::from_millis(50));
    }
    // the next trial sweeps up
    let _ = trial(&[&app.build("tar.gz"), "--in", "folder"], &app.0).output().unwrap();
    assert!(!cache().join(format!("trial-{pid}-0")).exists());
}

#[test]
fn without_root_the_rest_is_named_and_the_exit_code_says_so() {
    let test = "without_root_the_rest_is_named_and_the_exit_code_says_so";
    if is_root() && !have(test, &["setpriv:util-linux"]) {
        return;
    }
    let app = App::new("#!/bin/sh\nexec sleep 1000\n", "");
    let deb = app.build("deb");
    let others = TempDir::with_prefix_in("trial", "/tmp").unwrap();
    fs::set_permissions(others.path(), fs::Permissions::from_mode(0o777)).unwrap();
    fs::copy(&deb, others.path().join("app.deb")).unwrap();
    // the program itself may lie where only root goes
    let program = others.path().join("pkggen");
    fs::copy(env!("CARGO_BIN_EXE_pkggen"), &program).unwrap();
    let mut command = Command::new(if is_root() { Path::new("setpriv") } else { &program });
    if is_root() {
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(&program);
    }
    command.args(["test", "app.deb"]).current_dir(others.path()).env("HOME", others.path());
    let output = command.env_remove("PKGGEN_VERIFY_CACHE").output().unwrap();
    let told = said(&output);
    assert_eq!(output.status.code(), Some(3), "{told}");
    assert!(told.contains("ok      trialapp 1.0.0 is whole"), "{told}");
    assert!(
        told.contains("ok      scripts of trialapp are understood: postinst, postrm, prerm"),
        "{told}"
    );
    assert!(told.contains("skipped the whole upgrade: only root can install packages"), "{told}");
    assert!(told.contains("error: 5 checks were not made"), "{told}");
}

#[test]
fn an_archive_is_unpacked_and_its_programs_are_not_run() {
    let app = App::new("#!/bin/sh\ntouch /tmp/pkggen-test-was-here\n", "");
    let args = [&*app.build("tar.gz"), "--in", "folder"];
    let output = trial(&args, &app.0).output().unwrap();
    let text = said(&output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(text.contains("files and links are unpacked, no name or link leads out"), "{text}");
    assert!(
        text.contains("skipped whether its programs run: they would run on this machine itself"),
        "{text}"
    );
    assert!(!Path::new("/tmp/pkggen-test-was-here").exists());
}

#[test]
fn services_of_an_archive_are_registered_and_forgotten_by_its_control_program() {
    if !can_boot("services_of_an_archive_are_registered_and_forgotten_by_its_control_program") {
        return;
    }
    let out = TempDir::new().unwrap();
    let archive = build_one("service", "tar.gz", &[], out.path());
    let manifest = common::app("service").join("pkggen.toml");
    let mut command = trial(&[archive.to_str().unwrap(), "--json"], &out);
    let output = command.arg("-m").arg(manifest).output().unwrap();
    let (found, code) = document(&output);
    assert_eq!((checks(&found, "failed"), code), (Vec::new(), 0), "{}", said(&output));
    let passed = checks(&found, "passed");
    for want in [
        "control: `install` succeeds",
        "control: `status` succeeds",
        "service.active: tallyd.service is enabled, active and stays so as user tallyd",
        "control: `uninstall` succeeds",
        "remove.stopped: nothing of it runs any more",
        "purge.left: nothing is left behind but what the services wrote",
    ] {
        assert!(passed.iter().any(|check| check == want), "{want}\n{passed:#?}");
    }
}

#[test]
fn an_installer_of_windows_cannot_be_tried_yet() {
    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join("Setup.exe"), b"MZ\x90\0").unwrap();
    let output = trial(&["Setup.exe"], &dir).output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    let want = "error: `Setup.exe`: Windows programs and installers cannot be tried yet, only deb, rpm and archives\n";
    assert_eq!(said(&output), want);
}
