//! Install, run, upgrade and erase with the real rpm, dnf and systemd.

#![allow(clippy::unwrap_used, missing_docs)]

mod common;

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
    check("rpm-lifecycle.sh", &[&new, &old]);
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
