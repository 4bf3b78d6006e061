//! Install, run, upgrade and erase with the real rpm, dnf and systemd.

#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use std::fs;

use common::{TempDir, build_one, check};

fn rpm(app: &str, more: &[&str], out: &TempDir) -> String {
    build_one(app, "rpm", more, out.path()).to_str().unwrap().to_owned()
}

const NEWER: [&str; 2] = ["--set", "package.version=1.1.0"];

#[test]
fn rpm_takes_every_fixture_from_install_to_erase() {
    let out = TempDir::new().unwrap();
    for app in ["hello", "llm", "everywhere"] {
        check("rpm-lifecycle.sh", &[&rpm(app, &[], &out)]);
    }
}

#[test]
fn an_upgrade_by_rpm_keeps_the_edited_configuration_and_stops_nothing_for_good() {
    let out = TempDir::new().unwrap();
    let (old, new) = (rpm("service", &[], &out), rpm("service", &NEWER, &out));
    let calls = common::root().join("fixtures/golden/rpm/service.calls");
    check("rpm-lifecycle.sh", &["--calls", calls.to_str().unwrap(), &new, &old]);
}

#[test]
fn every_compression_of_an_rpm_is_installed_by_rpm() {
    let out = TempDir::new().unwrap();
    for codec in ["zstd", "xz", "gzip", "none"] {
        let set = format!("rpm.compression={codec}");
        check("rpm-lifecycle.sh", &[&rpm("llm", &["--set", &set], &out)]);
    }
}

const PROBE: &str = "http://127.0.0.1:18471/health";

#[test]
fn systemd_runs_the_service_that_dnf_installs_upgrades_and_removes() {
    let out = TempDir::new().unwrap();
    let (old, new) = (rpm("service", &[], &out), rpm("service", &NEWER, &out));
    // the count is state: it survives the upgrade
    let kept =
        "test -s /var/lib/tallyd/count && test \"$(stat -c %U:%a /var/lib/tallyd)\" = tallyd:750";
    check("systemd-boot-rpm.sh", &[&old, &new, "--probe", PROBE, "--exec", kept]);
}

#[test]
fn a_service_that_the_distribution_presets_as_disabled_stays_so() {
    let out = TempDir::new().unwrap();
    check("systemd-boot-rpm.sh", &[&rpm("service", &[], &out), "--probe", PROBE, "--disabled"]);
}

#[test]
fn a_service_that_the_manifest_starts_is_started_and_one_it_keeps_is_kept() {
    let out = TempDir::new().unwrap();
    let mut set = vec!["--set", "service.tallyd.enable=true", "--set", "service.tallyd.start=true"];
    set.extend(["--set", "service.tallyd.upgrade=keep"]);
    let old = rpm("service", &set, &out);
    let new = rpm("service", &[&set[..], &NEWER].concat(), &out);
    check("systemd-boot-rpm.sh", &[&old, &new, "--probe", PROBE, "--started", "--keep-running"]);
}

#[test]
fn a_service_that_is_stopped_first_runs_again_after_the_upgrade() {
    let out = TempDir::new().unwrap();
    let set = ["--set", "service.tallyd.upgrade=stop-first"];
    let old = rpm("service", &set, &out);
    let new = rpm("service", &[set, NEWER].concat(), &out);
    check("systemd-boot-rpm.sh", &[&old, &new, "--probe", PROBE]);
}

#[test]
fn systemd_runs_a_program_with_its_own_shared_libraries_and_model_from_an_rpm() {
    let out = TempDir::new().unwrap();
    let probe = "http://127.0.0.1:18472/v1/models";
    check("systemd-boot-rpm.sh", &[&rpm("llm", &[], &out), "--probe", probe]);
}

/// A package of one file, with what `more` says.
fn small(name: &str, version: &str, more: &str, out: &TempDir) -> String {
    let folder = out.path().join(format!("{name}-{version}"));
    fs::create_dir(&folder).unwrap();
    for kind in ["package", "file", "transaction"] {
        // file triggers get the names of the files, one per line
        let text = format!("echo \"{kind} $*\" $(cat) >>/var/log/calls\n");
        fs::write(folder.join(format!("{kind}.sh")), text).unwrap();
    }
    let text = format!(
        "[package]\nname = \"{name}\"\nversion = \"{version}\"\nsummary = \"one file\"\n\
         license = \"MIT\"\n[targets]\nlinux = {{ arch = [\"x86_64\"], formats = [\"rpm\"] }}\n\
         [payload]\nfiles = [{{ text = \"{version}\", dest = \"{name}.txt\", type = \"data\" }}]\n{more}"
    );
    fs::write(folder.join("pkggen.toml"), text).unwrap();
    let mut command = common::pkggen(out.path());
    command.arg("build").arg("rpm").arg("-m").arg(folder.join("pkggen.toml")).arg("--out");
    let built = common::artifacts(&common::stdout(command.arg(&folder)));
    built.into_values().next().unwrap().to_str().unwrap().to_owned()
}

#[test]
fn triggers_run_when_other_packages_and_their_files_come_and_go() {
    let out = TempDir::new().unwrap();
    let triggers = r#"
        [rpm]
        triggers = [
          { on = ["other"], when = "in", script = "package.sh" },
          { on = ["other < 2"], when = "un", script = "package.sh" },
          { on = ["other"], when = "postun", script = "package.sh" },
        ]
        file-triggers = [
          { on = ["/usr/share/other"], script = "file.sh" },
          { on = ["/usr/share/other"], when = "postun", script = "transaction.sh", transaction = true },
          { on = ["/usr/share/other"], script = "transaction.sh", transaction = true },
        ]
    "#;
    let watcher = small("watcher", "1.0.0", triggers, &out);
    let other = small("other", "1.0.0", "", &out);
    let newer = small("other", "2.0.0", "", &out);
    let calls = common::root().join("fixtures/golden/rpm/triggers.calls");
    check("rpm-triggers.sh", &[&watcher, &other, &newer, calls.to_str().unwrap()]);
}
