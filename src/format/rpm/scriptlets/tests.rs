use std::{fs, path::PathBuf, process::Command};

use proptest::prelude::*;

use super::*;
use crate::{
    layout::DEBIAN,
    package::{Restart, Service, sample, sample_service},
    payload::Blob,
    tree::{InstallPath, Mode, Node},
};

fn service(name: &str) -> Service {
    Service {
        summary: "small server".into(),
        exec: vec!["/usr/bin/sample".into()],
        user: Some("sample".into()),
        groups: vec!["render".into()],
        restart: Restart::No,
        ..sample_service(name)
    }
}

fn package(services: Vec<Service>) -> Package {
    Package { services, ..sample() }
}

fn native(text: &str) -> Script {
    Script { text: text.into(), calling: Calling::Native, extension: "sh".into(), place: None }
}

fn neutral(text: &str) -> Script {
    Script { calling: Calling::Neutral, ..native(text) }
}

fn try_scripts(package: &Package) -> Result<Vec<Scriptlet>, Diagnostics> {
    let machine = OnMachine::of(package, &DEBIAN);
    let mut tree = Tree::default();
    crate::format::linux::add(&mut tree, package, &machine).unwrap();
    scriptlets(package, &tree, &machine)
}

fn scripts(package: &Package) -> BTreeMap<&'static str, String> {
    let all = try_scripts(package).unwrap();
    all.into_iter().map(|s| (s.kind.name(), s.body.unwrap_or_default())).collect()
}

#[test]
fn a_package_without_services_has_no_scriptlets() {
    assert!(scripts(&sample()).is_empty());
}

#[test]
fn the_scriptlets_of_a_service_are_those_of_systemds_macros() {
    let all = scripts(&package(vec![service("sample")]));
    let texts: Vec<_> = all.iter().map(|(name, body)| format!("%{name}\n{body}\n\n")).collect();
    let text = texts.concat();
    let golden =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/golden/rpm/service.scriptlets");
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&golden, &text).unwrap();
    }
    assert_eq!(text, fs::read_to_string(&golden).unwrap());
}

/// The programs that scriptlets call, each noting its call; what `systemctl is-active` and
/// `is-enabled` say; and whether systemd runs.
struct Machine {
    dir: tempfile::TempDir,
    /// What the user and group lookups find.
    users: bool,
    systemctl: &'static str,
}

impl Machine {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("run")).unwrap();
        Self { dir, users: true, systemctl: "active" }
    }

    /// Runs a scriptlet with its paths below the machine's folder; what it called, and its status.
    fn run(&self, shell: &str, body: &str, argument: &str) -> (Vec<String>, i32) {
        let root = self.dir.path().to_str().unwrap();
        let log = self.dir.path().join("log");
        fs::write(&log, "").unwrap();
        let bin = self.dir.path().join("bin");
        let _ = fs::create_dir(&bin);
        let getent = if self.users { "exit 0" } else { "exit 2" };
        let systemctl = match self.systemctl {
            "fails" => "exit 1".to_owned(),
            state => format!("case $1 in is-active) echo {state};; esac"),
        };
        let fails = if self.systemctl == "fails" { "exit 1" } else { "exit 0" };
        for (name, does) in [
            ("getent", getent),
            ("systemctl", systemctl.as_str()),
            ("systemd-sysusers", "cat >/dev/null; exit 1"),
            ("groupadd", fails),
            ("useradd", fails),
            ("systemd-tmpfiles", fails),
        ] {
            let note =
                if name == "getent" { "" } else { "printf '%s\\n' \"${0##*/} $*\" >>\"$LOG\"\n" };
            let text = format!("#!/bin/sh\n{note}{does}\n");
            let path = bin.join(name);
            fs::write(&path, text).unwrap();
            let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
            fs::set_permissions(&path, mode).unwrap();
        }
        // tests must not look at the machine they run on
        let body = body
            .replace("/usr/bin/system", &format!("{root}/bin/system"))
            .replace("/run/", &format!("{root}/run/"));
        fs::create_dir_all(self.dir.path().join("run/systemd/system")).unwrap();
        let mut words = shell.split(' ');
        let mut command = Command::new(words.next().unwrap());
        let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
        command.args(words).args(["-c", &body, "scriptlet", argument]);
        let status = command.env("PATH", path).env("LOG", &log).status().unwrap();
        let calls = fs::read_to_string(&log).unwrap().lines().map(str::to_owned).collect();
        (calls, status.code().unwrap())
    }

    fn calls(
        &self,
        scripts: &BTreeMap<&'static str, String>,
        name: &str,
        argument: &str,
    ) -> Vec<String> {
        let Some(body) = scripts.get(name) else { return Vec::new() };
        let (calls, status) = self.run("sh", body, argument);
        assert_eq!(status, 0, "{name} {argument}");
        calls
    }
}

#[test]
fn an_installation_presets_and_does_not_start() {
    let all = scripts(&package(vec![service("sample")]));
    let machine = Machine::new();
    assert!(machine.calls(&all, "pre", "1").is_empty());
    assert_eq!(machine.calls(&all, "post", "1"), ["systemctl --no-reload preset sample.service"]);
}

#[test]
fn an_upgrade_restarts_what_runs_and_enables_nothing() {
    let all = scripts(&package(vec![service("sample")]));
    let machine = Machine::new();
    assert!(machine.calls(&all, "post", "2").is_empty());
    assert!(machine.calls(&all, "preun", "1").is_empty());
    let want = ["systemctl daemon-reload", "systemctl try-restart sample.service"];
    assert_eq!(machine.calls(&all, "postun", "1"), want);
}

#[test]
fn removal_stops_and_disables() {
    let all = scripts(&package(vec![service("sample")]));
    let machine = Machine::new();
    let want = ["systemctl --no-reload disable --now sample.service"];
    assert_eq!(machine.calls(&all, "preun", "0"), want);
    assert_eq!(machine.calls(&all, "postun", "0"), ["systemctl daemon-reload"]);
}

#[test]
fn what_the_manifest_says_wins_over_the_preset() {
    let started = Service { enable: Some(true), start: Some(true), ..service("sample") };
    let machine = Machine::new();
    let want = [
        "systemctl --no-reload enable sample.service",
        "systemctl daemon-reload",
        "systemctl start sample.service",
    ];
    assert_eq!(machine.calls(&scripts(&package(vec![started])), "post", "1"), want);
    let off = Service { enable: Some(false), ..service("sample") };
    assert!(machine.calls(&scripts(&package(vec![off])), "post", "1").is_empty());
    let by_preset = Service { start: Some(true), ..service("sample") };
    let want = [
        "systemctl --no-reload preset sample.service",
        "systemctl daemon-reload",
        "systemctl --quiet is-enabled sample.service",
        "systemctl start sample.service",
    ];
    assert_eq!(machine.calls(&scripts(&package(vec![by_preset])), "post", "1"), want);
}

#[test]
fn a_kept_service_runs_on() {
    let kept = Service { upgrade: Upgrade::Keep, ..service("sample") };
    let all = scripts(&package(vec![kept]));
    assert_eq!(Machine::new().calls(&all, "postun", "1"), ["systemctl daemon-reload"]);
}

#[test]
fn stop_first_starts_again_what_it_stopped_and_nothing_else() {
    let all = scripts(&package(vec![Service { upgrade: Upgrade::StopFirst, ..service("sample") }]));
    let machine = Machine::new();
    let want = ["systemctl is-active sample.service", "systemctl stop sample.service"];
    assert_eq!(machine.calls(&all, "pre", "2"), want);
    assert_eq!(machine.calls(&all, "postun", "1"), ["systemctl daemon-reload"]);
    let want = ["systemctl daemon-reload", "systemctl start sample.service"];
    assert_eq!(machine.calls(&all, "posttrans", "2"), want);
    assert!(machine.calls(&all, "posttrans", "2").is_empty());
    let stopped = Machine { systemctl: "inactive", ..Machine::new() };
    assert_eq!(stopped.calls(&all, "pre", "2"), ["systemctl is-active sample.service"]);
    assert!(stopped.calls(&all, "posttrans", "2").is_empty());
}

#[test]
fn a_failing_script_of_the_user_gives_a_stopped_service_back() {
    let mut package = package(vec![Service { upgrade: Upgrade::StopFirst, ..service("sample") }]);
    package.scripts.insert(ScriptEvent::PreInstall, neutral("exit 3\n"));
    let (calls, status) = Machine::new().run("sh", &scripts(&package)["pre"], "2");
    assert_eq!(status, 3);
    assert_eq!(calls.last().unwrap(), "systemctl start sample.service");
}

#[test]
fn units_of_users_are_preset_for_everybody_and_never_touched_while_they_run() {
    let user = Service { scope: Scope::User, user: None, groups: Vec::new(), ..service("sample") };
    let all = scripts(&package(vec![user]));
    let machine = Machine::new();
    let preset = ["systemctl --no-reload --global preset sample.service"];
    assert_eq!(machine.calls(&all, "post", "1"), preset);
    let disable = ["systemctl --no-reload --global disable sample.service"];
    assert_eq!(machine.calls(&all, "preun", "0"), disable);
    assert!(machine.calls(&all, "postun", "1").is_empty());
}

#[test]
fn users_are_made_where_rpm_does_not() {
    let all = scripts(&package(vec![service("sample")]));
    let machine = Machine { users: false, ..Machine::new() };
    let want = [
        "systemd-sysusers --replace=/usr/lib/sysusers.d/sample.conf -",
        "groupadd -r sample",
        "groupadd -r render",
        "useradd -r -g sample -d /var/lib/sample -s /sbin/nologin -c small server sample",
    ];
    assert_eq!(machine.calls(&all, "pre", "1"), want);
}

#[test]
fn no_line_of_ours_fails_a_transaction() {
    let mut all = vec![service("sample"), Service { start: Some(true), ..service("more") }];
    all.push(Service { upgrade: Upgrade::StopFirst, ..service("first") });
    let all = scripts(&package(all));
    let machine = Machine { users: false, systemctl: "fails", ..Machine::new() };
    for (name, body) in &all {
        for argument in ["0", "1", "2"] {
            assert_eq!(machine.run("sh", body, argument).1, 0, "{name} {argument}");
        }
    }
}

#[test]
fn every_shell_understands_every_scriptlet() {
    let services = vec![
        Service { start: Some(true), ..service("O'Brien & \"Söhne\" $HOME") },
        Service { upgrade: Upgrade::StopFirst, enable: Some(true), ..service("b c") },
        Service { scope: Scope::User, user: None, groups: Vec::new(), ..service("d;e") },
    ];
    let mut package = package(services);
    for (event, _) in ScriptEvent::ALL {
        package.scripts.insert(event, neutral("#!/bin/sh -e\necho '$1'\nexit 0\n"));
    }
    package.scripts.insert(ScriptEvent::PostRemove, neutral("#!/usr/bin/perl -w\nprint 1;\n"));
    let all = scripts(&package);
    assert_eq!(all.len(), 5);
    for shell in ["sh -n", "dash -n", "bash -n", "bash --posix -n", "busybox sh -n"] {
        for (name, body) in &all {
            let mut words = shell.split(' ');
            let mut command = Command::new(words.next().unwrap());
            // a shell that is not here has nothing to say
            let Ok(done) = command.args(words).args(["-c", body]).output() else { continue };
            let said = String::from_utf8_lossy(&done.stderr).into_owned();
            assert!(done.status.success() && said.is_empty(), "{shell}: {name}: {said}\n{body}");
        }
    }
}

#[test]
fn a_script_of_the_user_gets_one_word_whatever_rpm_counts() {
    let mut package = package(Vec::new());
    for (event, _) in ScriptEvent::ALL {
        package.scripts.insert(event, neutral("#!/bin/sh\nset -e\nsystemctl \"$@\"\nexit 0"));
    }
    let all = scripts(&package);
    let machine = Machine::new();
    for (name, argument, word) in [
        ("pre", "1", "install"),
        ("pre", "2", "upgrade"),
        ("post", "1", "install"),
        ("post", "2", "upgrade"),
        ("preun", "0", "remove"),
        ("preun", "1", "upgrade"),
        ("postun", "0", "remove"),
        ("postun", "1", "upgrade"),
    ] {
        assert_eq!(machine.calls(&all, name, argument), [format!("systemctl {word}")], "{name}");
    }
}

#[test]
fn another_interpreter_is_called_and_needed() {
    let mut package = package(Vec::new());
    let script =
        neutral("#!/usr/bin/env bash\n[ \"$1\" = install ] && systemctl from-bash\nexit 4\n");
    package.scripts.insert(ScriptEvent::PostInstall, script);
    let all = try_scripts(&package).unwrap();
    assert_eq!(all[0].calls, ["/usr/bin/env"]);
    let (calls, status) = Machine::new().run("sh", all[0].body.as_ref().unwrap(), "1");
    assert_eq!((calls, status), (vec!["systemctl from-bash".to_owned()], 4));
}

#[test]
fn a_script_for_every_format_is_run_by_its_first_line_whatever_its_name() {
    let mut package = package(Vec::new());
    let script = Script { extension: "lua".into(), ..neutral("#!/usr/bin/lua\nprint(1)\n") };
    package.scripts.insert(ScriptEvent::PostInstall, script);
    let all = try_scripts(&package).unwrap();
    assert_eq!((&*all[0].interpreter[0], &*all[0].calls[0]), ("/bin/sh", "/usr/bin/lua"));
}

#[test]
fn a_native_scriptlet_says_where_generated_text_goes() {
    let mut package = package(vec![service("sample")]);
    let text = "#!/bin/bash -e\r\necho before $1\r\n#PKGGEN#\r\necho after\r\n";
    package.scripts.insert(ScriptEvent::PreRemove, native(text));
    let all = try_scripts(&package).unwrap();
    let preun = all.iter().find(|s| s.kind == Kind::PreUn).unwrap();
    assert_eq!(preun.interpreter, ["/bin/bash", "-e"]);
    let body = preun.body.as_ref().unwrap();
    assert!(body.starts_with("echo before $1\nif [ \"$1\" -eq 0 ]"), "{body}");
    assert!(body.ends_with("fi\necho after"), "{body}");
    package.scripts.insert(ScriptEvent::PreRemove, native("echo hi\n"));
    let found = try_scripts(&package).unwrap_err();
    assert!(found.errors[0].message.contains("has no line `#PKGGEN#`"));
    package.scripts.insert(ScriptEvent::PreRemove, native("#!/usr/bin/python3\n#PKGGEN#\n"));
    let found = try_scripts(&package).unwrap_err();
    assert!(found.errors[0].message.contains("generated commands are sh"));
}

#[test]
fn an_interpreter_alone_is_a_scriptlet() {
    let mut package = package(Vec::new());
    package.scripts.insert(ScriptEvent::PostInstall, native("#!/sbin/ldconfig\n"));
    let lua = Script { extension: "lua".into(), ..native("print('hi')\n") };
    package.scripts.insert(ScriptEvent::PreTransaction, lua);
    let all = try_scripts(&package).unwrap();
    let shown: Vec<_> =
        all.iter().map(|s| (s.kind.name(), s.interpreter.join(" "), s.body.as_deref())).collect();
    let want = [
        ("pretrans", "<lua>".to_owned(), Some("print('hi')")),
        ("post", "/sbin/ldconfig".to_owned(), None),
    ];
    assert_eq!(shown, want);
}

#[test]
fn state_is_kept_and_said_on_removal() {
    let all = scripts(&package(vec![service("sample")]));
    assert!(all["postun"].contains("[ ! -d /var/lib/sample ] || echo"), "{}", all["postun"]);
}

#[test]
fn public_libraries_are_made_known_to_the_loader() {
    let mut tree = Tree::default();
    let file = Node::file(Blob::from_bytes("x"), Mode(0o755));
    tree.insert(InstallPath::parse("usr/lib64/libx.so.1").unwrap(), file).unwrap();
    let all = scriptlets(&sample(), &tree, &OnMachine::default()).unwrap();
    let names: Vec<_> = all.iter().map(|s| s.kind.name()).collect();
    assert_eq!(names, ["post", "postun"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    /// Whatever a user's script and a service's name hold, nothing of it is read by our part.
    #[test]
    fn a_users_text_stays_his(text in "[ -~äß\n]{0,60}", summary in "[ -~ä]{1,20}") {
        let marked = Service { summary, ..service("sample") };
        let mut package = package(vec![marked]);
        let quoted = shell(&text);
        let script = neutral(&format!("printf %s {quoted} >\"$OUT\"\n"));
        package.scripts.insert(ScriptEvent::PreInstall, script);
        let machine = Machine { users: false, ..Machine::new() };
        let out = machine.dir.path().join("out");
        let body = format!("OUT='{}'\n{}", out.display(), scripts(&package)["pre"]);
        let (calls, status) = machine.run("sh", &body, "1");
        prop_assert_eq!(status, 0);
        prop_assert_eq!(calls.len(), 4);
        prop_assert_eq!(fs::read_to_string(&out).unwrap(), text);
    }
}
