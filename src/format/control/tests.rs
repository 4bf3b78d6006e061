//! The control program in every shell, against service managers that note what they are told.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use super::*;
use crate::{
    layout::PORTABLE,
    package::{Seed, SeedMode, sample, sample_service},
    tree::InstallPath,
};

/// The name every renderer has to survive.
const AWKWARD: &str = r#"O'Brien & "Söhne" 100% $HOME `x` \n"#;

const SHELLS: [&[&str]; 3] = [&["dash"], &["bash", "--posix"], &["busybox", "sh"]];

fn server() -> Service {
    let mut service = sample_service("sample");
    service.summary = AWKWARD.into();
    service.exec = vec![format!("{IMAGE}/bin/sample"), format!("--at={IMAGE}/etc"), AWKWARD.into()];
    service.env.insert("DATA".into(), format!("{STATE}/x"));
    service.groups = vec!["render".into()];
    service
}

fn package(os: Os, services: Vec<Service>) -> Package {
    let mut package = Package { services, ..sample() };
    package.target.os = os;
    package
}

fn text(package: &Package) -> String {
    let mut tree = Tree::default();
    add(&mut tree, package, &PORTABLE).unwrap();
    let node = tree.get(&InstallPath::parse("bin/sample-service").unwrap()).unwrap();
    assert_eq!(node.mode, Mode(0o755));
    String::from_utf8(node.blob().unwrap().bytes().unwrap().to_vec()).unwrap()
}

/// A home, an image in it, and a manager that notes its calls: a unit that is started runs.
struct Lab {
    dir: tempfile::TempDir,
    shell: &'static [&'static str],
    image: String,
}

const FAKE: &str = r#"#!/bin/sh
printf '%s %s\n' "${0##*/}" "$*" >>"$CALLS"
[ "${1-}" = --user ] && shift
eval "unit=\${$#}"
run=$CALLS.run/$(printf %s "$unit" | tr / _)
mkdir -p "$CALLS.run"
case $1 in
start | restart | kickstart | bootstrap) : >"$run" ;;
stop | bootout) rm -f "$run" ;;
disable) rm -f "$run" ;;
is-active | print) [ -e "$run" ] ;;
esac
"#;

impl Lab {
    fn all() -> impl Iterator<Item = Self> {
        SHELLS.iter().filter(|shell| which(shell[0]).is_some()).map(|shell| {
            let dir = tempfile::tempdir().unwrap();
            let lab = Self { shell, image: "an image 100% ü & <so>".into(), dir };
            for tool in ["systemctl", "launchctl"] {
                lab.put(&format!("fake/{tool}"), FAKE);
            }
            lab
        })
    }

    fn path(&self, below: &str) -> PathBuf {
        self.dir.path().join(below)
    }

    fn put(&self, below: &str, text: &str) {
        let path = self.path(below);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn unpack(&self, package: &Package) {
        self.put(&format!("{}/bin/sample-service", self.image), &text(package));
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let program = self.path(&self.image).join("bin/sample-service");
        let mut command = Command::new(which(self.shell[0]).unwrap());
        command.args(&self.shell[1..]).arg(program).args(arguments);
        let path = format!("{}:/usr/bin:/bin:/usr/sbin:/sbin", self.path("fake").display());
        command.env_clear().env("PATH", path).env("HOME", self.path("ho me"));
        command.env("CALLS", self.path("calls")).env("SERVICE_ROOT", self.path("root"));
        command
    }

    fn run(&self, arguments: &[&str]) -> (i32, String) {
        let Output { status, stdout, stderr } = self.command(arguments).output().unwrap();
        let text = String::from_utf8(stdout).unwrap() + &String::from_utf8(stderr).unwrap();
        let text = text.replace(self.dir.path().to_str().unwrap(), "");
        (status.code().unwrap(), text)
    }

    /// What the manager was told since the last look.
    fn calls(&self) -> String {
        let calls = fs::read_to_string(self.path("calls")).unwrap_or_default();
        let _ = fs::remove_file(self.path("calls"));
        calls
    }

    fn read(&self, below: &str) -> String {
        fs::read_to_string(self.path(below)).unwrap()
    }
}

fn which(tool: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap();
    std::env::split_paths(&path).map(|dir| dir.join(tool)).find(|file| file.is_file())
}

fn root() -> bool {
    let me = fs::metadata("/proc/self").map(|data| std::os::unix::fs::MetadataExt::uid(&data));
    me.is_ok_and(|uid| uid == 0)
}

/// Below `SERVICE_ROOT`, which comes before the whole path of the home.
fn units(lab: &Lab) -> String {
    let home = lab.path("ho me/.config/systemd/user");
    format!("root{}", home.display())
}

#[test]
fn a_user_installs_starts_stops_and_forgets_a_service() {
    for lab in Lab::all() {
        lab.unpack(&package(Os::Linux, vec![server()]));
        let unit = format!("{}/sample.service", units(&lab));
        assert_eq!(lab.run(&["status", "--user"]), (4, "sample: not installed\n".into()));
        let (code, said) = lab.run(&["install", "--user"]);
        assert_eq!((code, said.lines().last()), (0, Some("sample: started")), "{said}");
        let calls = "systemctl --user daemon-reload\nsystemctl --user daemon-reload\n\
                     systemctl --user enable --quiet sample.service\n";
        assert!(lab.calls().contains(calls));
        let image = lab.path(&lab.image).display().to_string();
        let quoted = image.replace('%', "%%");
        let text = lab.read(&unit);
        for line in [
            format!("# by sample-service in {image}"),
            format!(
                "ExecStart=\"{quoted}/bin/sample\" \"--at={quoted}/etc\" \"O'Brien & \\\"Söhne\\\" 100%% $$HOME `x` \\\\n\""
            ),
            format!("Environment=\"DATA={}/.local/state/sample/x\"", lab.path("ho me").display()),
            "WantedBy=default.target".into(),
        ] {
            assert!(text.lines().any(|there| there == line), "{line}\n{text}");
        }
        assert!(!text.contains("User=") && lab.path("ho me/.local/state/sample/log").is_dir());
        let (code, said) = lab.run(&["install", "--user"]);
        assert_eq!((code, &*said), (0, "sample: was installed already\nsample: started\n"));
        assert_eq!(lab.run(&["status", "--user"]), (0, "sample: running\n".into()));
        assert_eq!(lab.run(&["stop", "--user", "sample"]), (0, "sample: stopped\n".into()));
        assert_eq!(lab.run(&["status", "--user"]), (3, "sample: stopped\n".into()));
        assert_eq!(lab.run(&["start", "--user"]), (0, "sample: started\n".into()));
        let kept = "sample: uninstalled\nkept: /ho me/.local/state/sample\n";
        assert_eq!(lab.run(&["uninstall", "--user"]), (0, kept.into()));
        assert!(lab.calls().contains("systemctl --user disable --quiet --now sample.service\n"));
        assert!(!lab.path(&unit).exists());
        assert_eq!(lab.run(&["uninstall", "--user"]), (0, "sample: is not installed\n".into()));
    }
}

#[test]
fn a_moved_image_is_registered_anew_and_restarted() {
    for mut lab in Lab::all() {
        let package = package(Os::Linux, vec![server()]);
        lab.unpack(&package);
        lab.run(&["install", "--user"]);
        lab.image = "elsewhere".into();
        lab.unpack(&package);
        let (code, said) = lab.run(&["install", "--user"]);
        assert_eq!((code, said.lines().last()), (0, Some("sample: restarted")), "{said}");
        assert!(
            lab.read(&format!("{}/sample.service", units(&lab))).contains("elsewhere/bin/sample")
        );
    }
}

#[test]
fn a_unit_of_somebody_else_is_not_touched() {
    for lab in Lab::all() {
        lab.unpack(&package(Os::Linux, vec![server()]));
        let unit = format!("{}/sample.service", units(&lab));
        lab.put(&unit, "[Service]\n");
        for action in ["install", "uninstall"] {
            let (code, said) = lab.run(&[action, "--user"]);
            assert!(code == 1 && said.contains("is not from here"), "{said}");
        }
        assert_eq!(lab.read(&unit), "[Service]\n");
    }
}

#[test]
fn wrong_words_folders_and_machines_are_said() {
    for mut lab in Lab::all() {
        let package = package(Os::Linux, vec![server()]);
        lab.unpack(&package);
        assert_eq!(lab.run(&[]).0, 2);
        assert!(
            lab.run(&["dance", "--user"]).1.starts_with("sample-service: services of this folder")
        );
        let (code, said) = lab.run(&["start", "--user", "other"]);
        assert_eq!(
            (code, &*said),
            (2, "sample-service: there is no service other here, but sample\n")
        );
        let (code, said) = lab.run(&["start", "--user"]);
        assert!(code == 1 && said.contains("sample is not installed: "), "{said}");
        fs::remove_file(lab.path("fake/systemctl")).unwrap();
        let mut none = lab.command(&["install", "--user"]);
        none.env("PATH", lab.path("fake"));
        // without any tools beside the shell's own
        assert!(!none.output().unwrap().status.success());
        for (image, why) in
            [("mo$ney", "no service manager takes the name"), ("it's", "with a quote in its name")]
        {
            lab.image = image.into();
            lab.unpack(&package);
            lab.put("fake/systemctl", FAKE);
            let (code, said) = lab.run(&["install", "--user"]);
            assert!(code == 3 && said.contains(why), "{said}");
        }
    }
}

#[test]
fn the_machine_needs_root_and_a_folder_that_services_see() {
    for mut lab in Lab::all() {
        let mut service = server();
        service.user = Some("root".into());
        service.groups.clear();
        let package = package(Os::Linux, vec![service]);
        lab.unpack(&package);
        let (code, said) = lab.run(&["install"]);
        if !root() {
            assert!(code == 3 && said.contains("needs root: sudo"), "{said}");
            continue;
        }
        assert_eq!((code, said.lines().last()), (0, Some("sample: started")), "{said}");
        let text = lab.read("root/etc/systemd/system/sample.service");
        assert!(text.contains("Environment=\"DATA=/var/lib/sample/x\"\n"), "{text}");
        assert!(
            text.contains("StateDirectory=sample\n") && text.contains("ProtectSystem=strict\n")
        );
        assert!(lab.calls().contains("systemctl start sample.service"));
        assert_eq!(lab.run(&["uninstall"]).0, 0);
        lab.image = "x".into();
    }
}

#[test]
fn systemd_takes_the_units_of_a_moved_image() {
    let Some(analyze) = which("systemd-analyze") else {
        assert!(std::env::var_os("CI").is_none(), "systemd-analyze is missing");
        return;
    };
    let Some(lab) = Lab::all().next() else { return };
    let mut service = server();
    service.seed = Some(Seed {
        from: format!("{IMAGE}/share/models"),
        to: format!("{STATE}/models"),
        mode: SeedMode::Link,
        program: format!("{IMAGE}/libexec/seed-models"),
    });
    lab.unpack(&package(Os::Linux, vec![service]));
    for program in ["bin/sample", "libexec/seed-models"] {
        lab.put(&format!("{}/{program}", lab.image), "#!/bin/sh\n");
    }
    lab.run(&["install", "--user"]);
    let unit = lab.path(&format!("{}/sample.service", units(&lab)));
    let output = Command::new(analyze)
        .args(["verify", "--user", "--man=no"])
        .arg(unit)
        .env("XDG_RUNTIME_DIR", lab.dir.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && !said.contains("sample.service"), "{said}");
}

#[test]
fn a_job_of_launchd_is_loaded_and_unloaded() {
    for lab in Lab::all() {
        let mut agent = server();
        (agent.scope, agent.user) = (Scope::User, None);
        lab.unpack(&package(Os::Macos, vec![agent]));
        let (code, said) = lab.run(&["install"]);
        assert_eq!((code, said.lines().last()), (0, Some("sample: started")), "{said}");
        let home = lab.path("ho me");
        let below = format!("root{}/Library/LaunchAgents/org.example.sample.plist", home.display());
        let text = lab.read(&below);
        let image = lab.path(&lab.image).display().to_string();
        let image = image.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        assert!(text.contains(&format!("<string>--at={image}/etc</string>")), "{text}");
        assert!(text.contains(&AWKWARD.replace('&', "&amp;")), "{text}");
        plist_check(&lab.path(&below));
        assert_eq!(lab.run(&["status"]), (0, "sample: running\n".into()));
        let calls = lab.calls();
        assert!(calls.contains("launchctl bootstrap gui/"), "{calls}");
        assert_eq!(lab.run(&["stop"]), (0, "sample: stopped\n".into()));
        assert_eq!(lab.run(&["status"]), (3, "sample: stopped\n".into()));
        assert_eq!(lab.run(&["uninstall"]).0, 0);
        assert_eq!(lab.run(&["status"]).0, 4);
    }
}

/// Two parsers and the tables of launchd.plist(5).
fn plist_check(file: &Path) {
    let check = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/checks/plist-check.sh");
    let output = Command::new("sh").arg(check).arg(file).arg("--agent").output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    let literal = said.lines().all(|line| line.contains("$HOME") || line.is_empty());
    match output.status.code() {
        Some(0) => {}
        Some(77) => assert!(std::env::var_os("CI").is_none(), "{said}"),
        // the awkward name has a variable in it, which is meant here
        _ => assert!(literal, "{said}"),
    }
}

#[test]
fn shellcheck_has_no_complaint() {
    let Some(shellcheck) = which("shellcheck") else {
        assert!(std::env::var_os("CI").is_none(), "shellcheck is missing");
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    for os in [Os::Linux, Os::Macos] {
        let file = dir.path().join("program");
        fs::write(&file, text(&package(os, vec![server(), sample_service("second")]))).unwrap();
        // SC2015: `fail` ends the program. SC2034, SC2154: set for functions that are called by name
        let output = Command::new(&shellcheck)
            .args(["-e", "SC2015,SC2034,SC2154,SC2317,SC2329"])
            .arg(&file)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }
}

#[test]
fn packages_without_services_have_no_control_program() {
    assert_eq!(name(&sample()), None);
    let own = Service { raw_unit: true, ..sample_service("x") };
    assert_eq!(name(&package(Os::Linux, vec![own])), None);
    assert_eq!(name(&package(Os::Freebsd, vec![server()])), None);
    assert_eq!(name(&package(Os::Windows, vec![server()])).unwrap(), "sample-service");
}

#[test]
fn what_will_be_registered_is_told_with_open_places() {
    let shown = |os| told(&server(), &package(os, vec![server()])).unwrap();
    let (title, unit) = shown(Os::Linux);
    assert_eq!(title, "sample.service");
    assert!(unit.contains("ExecStart=\"$FOLDER/bin/sample\" \"--at=$FOLDER/etc\" "), "{unit}");
    assert!(unit.contains("Environment=\"DATA=$STATE/x\"\n") && unit.contains("User=sample\n"));
    let (title, job) = shown(Os::Macos);
    assert_eq!(title, "org.example.sample.plist");
    assert!(job.contains("<string>$LOG/sample.log</string>"), "{job}");
    let (title, facts) = shown(Os::Windows);
    assert_eq!(title, "Windows service sample");
    assert!(facts.contains("Account: NT SERVICE\\sample\n"), "{facts}");
    assert!(facts.contains("Failure actions: restart/5000/restart/10000/restart/60000"), "{facts}");
    let own = Service { raw_unit: true, ..server() };
    assert!(told(&own, &package(Os::Linux, vec![server(), own.clone()])).is_none());
}
