//! Install, run, upgrade, remove and purge with the real dpkg, apt and systemd.

#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use std::{fs, path::Path};

use common::{TempDir, build_one, check};

fn deb(app: &str, more: &[&str], out: &TempDir) -> String {
    build_one(app, "deb", more, out.path()).to_str().unwrap().to_owned()
}

const NEWER: [&str; 2] = ["--set", "package.version=1.1.0"];

#[test]
fn dpkg_takes_every_fixture_from_install_to_purge() {
    let out = TempDir::new().unwrap();
    for app in ["hello", "llm", "everywhere"] {
        check("deb-install-lifecycle.sh", &[&deb(app, &[], &out)]);
    }
}

#[test]
fn an_upgrade_by_dpkg_keeps_the_edited_configuration_and_starts_what_it_stopped() {
    let out = TempDir::new().unwrap();
    let (old, new) = (deb("service", &[], &out), deb("service", &NEWER, &out));
    check("deb-install-lifecycle.sh", &[&new, &old]);
}

#[test]
fn every_compression_of_a_deb_is_installed_by_dpkg() {
    let out = TempDir::new().unwrap();
    for codec in ["xz", "zstd", "gzip", "none"] {
        let set = format!("deb.compression={codec}");
        let deb = deb("llm", &["--set", &set], &out);
        check("deb-structure.sh", &[&deb]);
        check("deb-install-lifecycle.sh", &[&deb]);
    }
}

#[test]
fn apt_resolves_the_dependencies_of_the_file_and_takes_it_away_again() {
    let out = TempDir::new().unwrap();
    let says = "test \"$(hello-pkggen)\" = 'Hello from pkggen!'";
    check("apt-install.sh", &[&deb("hello", &[], &out), "--exec", says]);
    let runs = "toyllm list --models /usr/share/toyllm/models | grep -q 'Toy 3M'";
    check("apt-install.sh", &[&deb("llm", &[], &out), "--exec", runs]);
}

#[test]
fn systemd_runs_the_service_through_upgrade_removal_and_purge() {
    let out = TempDir::new().unwrap();
    let (old, new) = (deb("service", &[], &out), deb("service", &NEWER, &out));
    let probe = "http://127.0.0.1:18471/health";
    // the count is state: it survives the upgrade
    let kept =
        "test -s /var/lib/tallyd/count && test \"$(stat -c %U:%a /var/lib/tallyd)\" = tallyd:750";
    check("systemd-boot-deb.sh", &[&old, &new, "--probe", probe, "--exec", kept]);
}

#[test]
fn systemd_runs_a_program_with_its_own_shared_libraries_and_model() {
    let out = TempDir::new().unwrap();
    let probe = "http://127.0.0.1:18472/v1/models";
    check("systemd-boot-deb.sh", &[&deb("llm", &[], &out), "--probe", probe]);
}

#[test]
fn the_control_program_of_an_archive_registers_the_service_with_systemd() {
    let out = TempDir::new().unwrap();
    let archive = |more: &[&str]| build_one("service", "tar.gz", more, out.path());
    let (old, new) = (archive(&[]), archive(&NEWER));
    let probe = "http://127.0.0.1:18471/health";
    let files = [old.to_str().unwrap(), new.to_str().unwrap(), "--probe", probe];
    check("systemd-boot-archive.sh", &files);
}

#[test]
fn units_and_users_are_what_systemd_expects() {
    if !common::have("units_and_users_are_what_systemd_expects", &["dpkg-deb:dpkg"]) {
        return;
    }
    let out = TempDir::new().unwrap();
    for app in ["service", "llm"] {
        let tree = out.path().join(app);
        unpack(&deb(app, &[], &out), &tree);
        check("unit-check.sh", &[tree.to_str().unwrap()]);
    }
}

fn unpack(deb: &str, tree: &Path) {
    fs::create_dir(tree).unwrap();
    common::ok(std::process::Command::new("dpkg-deb").arg("-x").arg(deb).arg(tree));
}

#[test]
fn an_unpacked_archive_runs_where_it_lies() {
    let out = TempDir::new().unwrap();
    let archive = build_one("llm", "tar.gz", &[], out.path());
    common::ok(
        std::process::Command::new("tar").arg("-xzf").arg(&archive).arg("-C").arg(out.path()),
    );
    let top = out.path().join(format!("toyllm-1.0.0-{}", common::host()));
    let mut run = std::process::Command::new(top.join("bin/toyllm"));
    run.arg("list").arg("--models").arg(top.join("share/models"));
    let said = common::stdout(run.env_remove("LD_LIBRARY_PATH"));
    assert!(said.contains("\"n_params\":3373312"), "{said}");
}
