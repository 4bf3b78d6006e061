//! The install scripts of archives: install, upgrade, edited configuration, uninstall, purge.

#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
    process::{Command, Output},
};

use common::{TempDir, have, is_root, ok, pkggen, said};

/// The shells that the scripts must work in.
const SHELLS: &[&[&str]] = &[&["dash"], &["bash", "--posix"], &["busybox", "sh"]];

/// A name with everything that a shell might take for its own.
const AWKWARD: &str = "It's $(odd) & \"100%\" `x` \\t";

/// The archive of one version, unpacked.
fn unpacked(folder: &Path, version: &str, config: &str, more: &str) -> PathBuf {
    let from = folder.join(format!("source-{version}"));
    fs::create_dir_all(from.join("data/sub")).unwrap();
    fs::write(from.join("hello"), format!("#!/bin/sh\necho hello {version}\n")).unwrap();
    fs::write(from.join("data").join(AWKWARD), version).unwrap();
    fs::write(from.join("data/sub").join(version), "only in this version").unwrap();
    symlink(AWKWARD, from.join("data/link")).unwrap();
    fs::write(from.join("app.conf"), config).unwrap();
    let manifest = format!(
        "[package]\nname = \"hello\"\ntitle = \"O'Hello & Söhne $HOME `x`\"\nversion = \"{version}\"\n\
         summary = \"says hello\"\nlicense = \"MIT\"\n[targets]\nlinux = {{ arch = [\"x86_64\"] }}\n\
         [archive]\ninstaller = true\nname = \"top\"\n{more}\n[payload]\nfiles = [\n\
         {{ source = \"hello\", type = \"bin\" }},\n{{ source = \"data\", type = \"data\" }},\n\
         {{ source = \"app.conf\", type = \"config\" }},\n]\ndirs = [{{ type = \"state\" }}]\n"
    );
    fs::write(from.join("pkggen.toml"), manifest).unwrap();
    let mut build = pkggen(folder);
    ok(build.args(["build", "tar.gz"]).current_dir(&from));
    let mut tar = Command::new("tar");
    ok(tar.args(["-xzf", "dist/top.tar.gz"]).current_dir(&from));
    from.join("top")
}

/// A place to install to, and a shell to do it with.
struct Machine<'a> {
    root: TempDir,
    shell: &'a [&'a str],
}

impl<'a> Machine<'a> {
    fn new(shell: &'a [&'a str]) -> Self {
        Self { root: TempDir::new().unwrap(), shell }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    fn script(&self, script: &Path, args: &[&str]) -> Output {
        let mut command = Command::new(self.shell[0]);
        command.args(&self.shell[1..]).arg(script).args(args);
        command.env("HOME", self.path("home")).env("LANG", "C.UTF-8");
        command.env("SERVICE_ROOT", self.path("root"));
        let tools = std::env::var_os("PATH").unwrap();
        let own = [self.path("tools")].into_iter().chain(std::env::split_paths(&tools));
        command.env("PATH", std::env::join_paths(own).unwrap());
        command.output().unwrap()
    }

    fn install(&self, from: &Path, more: &[&str]) -> Output {
        let (prefix, bin) = (self.path("pre fix"), self.path("b in"));
        let args = ["--prefix", prefix.to_str().unwrap(), "--bin", bin.to_str().unwrap()];
        self.script(&from.join("install.sh"), &[&args[..], more].concat())
    }

    fn installed(&self, from: &Path) -> String {
        let output = self.install(from, &[]);
        assert!(output.status.success(), "{:?}: {}", self.shell, said(&output));
        said(&output)
    }

    fn uninstalled(&self, args: &[&str]) -> String {
        let script = self.path("pre fix/.installed-hello/uninstall.sh");
        let output = self.script(&script, args);
        assert!(output.status.success(), "{:?}: {}", self.shell, said(&output));
        said(&output)
    }

    /// Everything below a folder but the scripts' own notes.
    fn files(&self, name: &str) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        let mut folders = vec![self.path(name)];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).into_iter().flatten() {
                let entry = entry.unwrap();
                if entry.file_name() == ".installed-hello" {
                    continue;
                }
                if entry.file_type().unwrap().is_dir() {
                    folders.push(entry.path());
                }
                let below = entry.path().strip_prefix(self.path(name)).unwrap().to_owned();
                found.insert(below.to_str().unwrap().to_owned());
            }
        }
        found
    }
}

#[test]
fn a_life_leaves_nothing_behind() {
    if !have("a_life_leaves_nothing_behind", &["dash", "bash", "busybox", "tar"]) {
        return;
    }
    let folder = TempDir::new().unwrap();
    let one = unpacked(folder.path(), "1.0.0", "greeting = 1\n", "");
    let two = unpacked(folder.path(), "2.0.0", "greeting = 2\n", "");
    for shell in SHELLS {
        let machine = Machine::new(shell);
        let told = machine.installed(&one);
        assert!(told.starts_with("hello 1.0.0 is installed in "), "{told}");
        let program = machine.path("b in/hello");
        let says = |version: &str| {
            let said = common::stdout(&mut Command::new(&program));
            assert_eq!(said, format!("hello {version}\n"));
        };
        says("1.0.0");
        let data = machine.path("pre fix/share");
        assert_eq!(fs::read_to_string(data.join("link")).unwrap(), "1.0.0");
        let mode = data.join(AWKWARD).metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o644);
        // Nothing was edited: the new configuration takes the old one's place.
        machine.installed(&two);
        says("2.0.0");
        let config = machine.path("pre fix/etc/app.conf");
        assert_eq!(fs::read_to_string(&config).unwrap(), "greeting = 2\n");
        assert!(!data.join("sub/1.0.0").exists() && data.join("sub/2.0.0").exists());
        // Edited: it stays, and what is new goes beside it.
        fs::write(&config, "greeting = mine\n").unwrap();
        let told = machine.installed(&one);
        assert!(told.contains("was edited and is kept"), "{told}");
        assert_eq!(fs::read_to_string(&config).unwrap(), "greeting = mine\n");
        assert_eq!(
            fs::read_to_string(config.with_extension("conf.new")).unwrap(),
            "greeting = 1\n"
        );
        assert!(!machine.installed(&one).contains("was edited"), "said once for each default");
        let told = machine.uninstalled(&[]);
        assert!(told.contains("etc/app.conf is kept"), "{told}");
        let left = machine.files("pre fix");
        assert_eq!(left, ["etc", "etc/app.conf", "etc/app.conf.new"].map(String::from).into());
        assert!(machine.files("b in").is_empty());
        // Back again, and away for good.
        machine.installed(&two);
        assert_eq!(fs::read_to_string(&config).unwrap(), "greeting = mine\n");
        let state = machine.path("home/.local/state/hello");
        fs::create_dir_all(&state).unwrap();
        fs::write(state.join("x"), "").unwrap();
        machine.uninstalled(&["--purge"]);
        assert!(!machine.path("pre fix").exists() && !state.exists(), "{shell:?}");
        assert!(machine.files("b in").is_empty());
    }
}

#[test]
fn what_is_kept_is_purged_later() {
    if !have("what_is_kept_is_purged_later", &["dash", "bash", "busybox", "tar"]) {
        return;
    }
    let folder = TempDir::new().unwrap();
    let one = unpacked(folder.path(), "1.0.0", "a = 1\n", "");
    for shell in SHELLS {
        let machine = Machine::new(shell);
        machine.installed(&one);
        machine.uninstalled(&[]);
        machine.uninstalled(&["--purge"]);
        assert!(!machine.path("pre fix").exists(), "{shell:?}");
    }
}

#[test]
fn what_belongs_to_others_stops_it_before_anything_is_touched() {
    if !have("what_belongs_to_others", &["dash", "bash", "busybox", "tar"]) {
        return;
    }
    let folder = TempDir::new().unwrap();
    let one = unpacked(folder.path(), "1.0.0", "a = 1\n", "");
    for shell in SHELLS {
        let machine = Machine::new(shell);
        let refused = |why: &str| {
            let output = machine.install(&one, &[]);
            assert_eq!(output.status.code(), Some(1), "{}", said(&output));
            assert!(said(&output).contains(why), "{}", said(&output));
            assert!(!machine.path("pre fix/.installed-hello").exists());
        };
        fs::create_dir_all(machine.path("b in")).unwrap();
        fs::write(machine.path("b in/hello"), "another").unwrap();
        refused("b in/hello is there already and not of hello");
        fs::remove_file(machine.path("b in/hello")).unwrap();
        fs::create_dir_all(machine.path("pre fix/share")).unwrap();
        fs::write(machine.path("pre fix/share").join(AWKWARD), "mine").unwrap();
        refused("is there already and not of hello; --prefix names another folder");
        assert_eq!(machine.files("pre fix").len(), 2);
        fs::remove_dir_all(machine.path("pre fix")).unwrap();
        let gone = one.join("share/link");
        fs::remove_file(one.join("bin/hello")).unwrap();
        refused("bin/hello is missing: unpack the archive again");
        fs::write(one.join("bin/hello"), "#!/bin/sh\n").unwrap();
        assert!(gone.is_symlink());
        let wrong = machine.install(&one, &["--prefixx", "x"]);
        assert!(said(&wrong).contains("--prefixx is no option"), "{}", said(&wrong));
        assert!(machine.install(&one, &["--no-links"]).status.success());
        assert!(machine.files("b in").is_empty());
        machine.uninstalled(&["--purge"]);
        assert!(!machine.path("pre fix").exists());
    }
}

#[test]
fn without_root_it_goes_into_the_home_directory() {
    let test = "without_root_it_goes_into_the_home_directory";
    if !have(test, &["dash", "setpriv", "tar"]) {
        return;
    }
    let folder = TempDir::new().unwrap();
    let one = unpacked(folder.path(), "1.0.0", "a = 1\n", "");
    let home = TempDir::new().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let run = |script: &Path, args: &[&str]| {
        let mut command = Command::new("dash");
        if is_root() {
            std::os::unix::fs::chown(home.path(), Some(65534), Some(65534)).unwrap();
            command = Command::new("setpriv");
            command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "dash"]);
        }
        command.arg(script).args(args).env("HOME", home.path());
        ok(&mut command)
    };
    let told = said(&run(&one.join("install.sh"), &[]));
    assert!(told.contains("/.local/bin is not in PATH"), "{told}");
    let program = home.path().join(".local/bin/hello");
    assert_eq!(common::stdout(&mut Command::new(program)), "hello 1.0.0\n");
    run(&one.join("uninstall.sh"), &["--purge"]);
    assert!(!home.path().join(".local/opt/hello").exists());
}

/// What stands for systemctl: services run while there is a file for them.
const SYSTEMCTL: &str = "#!/bin/sh\ncase $1 in --user) shift ;; esac\n\
    case $1 in daemon-reload) exit 0 ;; esac\nfor last; do :; done\necho \"$1\" >>\"$HOME/log\"\n\
    case $1 in\nstart | restart) : >\"$HOME/$last\" ;;\nstop) rm -f \"$HOME/$last\" ;;\n\
    disable) case $2 in --now) rm -f \"$HOME/$last\" ;; esac ;;\n\
    is-active) [ -e \"$HOME/$last\" ] ;;\nesac\n";

#[test]
fn services_are_registered_restarted_on_upgrades_and_forgotten() {
    if !have("services_are_registered", &["dash", "bash", "busybox", "tar"]) {
        return;
    }
    let folder = TempDir::new().unwrap();
    let service = "[service.hello]\nexec = [\"{{ dir.bin }}/hello\"]\nuser = \"root\"\n";
    let one = unpacked(folder.path(), "1.0.0", "a = 1\n", service);
    let two = unpacked(folder.path(), "2.0.0", "a = 1\n", service);
    for shell in SHELLS {
        let machine = Machine::new(shell);
        fs::create_dir_all(machine.path("home")).unwrap();
        fs::create_dir_all(machine.path("tools")).unwrap();
        let tool = machine.path("tools/systemctl");
        fs::write(&tool, SYSTEMCTL).unwrap();
        fs::set_permissions(&tool, fs::Permissions::from_mode(0o755)).unwrap();
        let log = || {
            let text = fs::read_to_string(machine.path("home/log")).unwrap_or_default();
            fs::write(machine.path("home/log"), "").unwrap();
            text.lines().filter(|line| *line != "is-active").collect::<Vec<_>>().join(" ")
        };
        machine.installed(&one);
        let (unit, active) = (machine.path("root"), machine.path("home/hello.service"));
        assert!(unit.exists() && active.exists(), "{shell:?}: {}", log());
        log();
        machine.installed(&two);
        assert!(log().ends_with("stop start"), "the new program runs");
        fs::remove_file(&active).unwrap();
        machine.installed(&one);
        assert!(!active.exists(), "what was stopped stays stopped");
        let state =
            machine.path(if is_root() { "root/var/lib/hello" } else { "home/.cache/hello" });
        fs::create_dir_all(&state).unwrap();
        machine.uninstalled(&["--purge"]);
        assert!(!machine.path("pre fix").exists() && machine.files("root/etc").len() <= 3);
        assert!(!state.exists());
        let output = machine.install(&one, &["--no-service"]);
        assert!(output.status.success(), "{}", said(&output));
        assert!(!active.exists());
        machine.uninstalled(&["--purge"]);
    }
}

#[test]
fn the_scripts_have_no_finding_of_shellcheck() {
    if !have("the_scripts_have_no_finding_of_shellcheck", &["shellcheck", "tar"]) {
        return;
    }
    let folder = TempDir::new().unwrap();
    let one = unpacked(folder.path(), "1.0.0", "a = 1\n", "");
    // SC2329: functions that are called by name. SC2015: both sides are commands of their own.
    // SC2016: names are not expanded, on purpose.
    let mut check = Command::new("shellcheck");
    check.args(["-s", "sh", "-e", "SC2329,SC2317,SC2015,SC2016"]);
    ok(check.arg(one.join("install.sh")).arg(one.join("uninstall.sh")));
}
