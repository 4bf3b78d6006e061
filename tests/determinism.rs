//! The same sources give the same bytes, whoever builds them, where and how.

#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

use common::{TempDir, app, files, have, host, ok};

/// A fixture copied to `folder`, without what else lies there. Only files and links.
fn copy(from: &Path, to: &Path) {
    ok(Command::new("cp").arg("-R").arg(from).arg(to));
}

/// Builds `llm` and `service` in every format; `shell` runs before pkggen in the same shell.
fn built(place: &Path, shell: &str, args: &[&str]) -> BTreeMap<PathBuf, Vec<u8>> {
    let out = place.join("out");
    for name in ["llm", "service", "hello"] {
        let folder = place.join(name);
        if !folder.exists() {
            copy(&app(name), &folder);
        }
        let script = format!("{shell}\nexec \"$@\"");
        let mut command = Command::new("sh");
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap());
        command.env("HOME", place.join("home")).env("XDG_CACHE_HOME", place.join("cache"));
        command.args(["-c", &script, "sh", env!("CARGO_BIN_EXE_pkggen")]);
        command.args([
            "build",
            "deb",
            "rpm",
            "tar.gz",
            "tar.xz",
            "tar.zst",
            "zip",
            "--target",
            &host(),
        ]);
        command.arg("--out").arg(out.join(name)).args(args).current_dir(&folder);
        ok(&mut command);
    }
    files(&out)
}

fn same(what: &str, one: &BTreeMap<PathBuf, Vec<u8>>, other: &BTreeMap<PathBuf, Vec<u8>>) {
    let names = |all: &BTreeMap<PathBuf, Vec<u8>>| all.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(one), names(other), "{what}");
    assert!(one.len() >= 18, "{:?}", names(one));
    for (name, bytes) in one {
        assert!(*bytes == other[name], "{what}: {} differs", name.display());
    }
}

#[test]
fn folder_umask_time_zone_and_locale_do_not_show() {
    let (one, other) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let deeper = other.path().join("a folder/deeper");
    fs::create_dir_all(&deeper).unwrap();
    let first = built(one.path(), "umask 022; export TZ=UTC LC_ALL=C", &[]);
    let second = built(&deeper, "umask 077; export TZ=Asia/Kathmandu LC_ALL=tr_TR.UTF-8", &[]);
    same("folder, umask, TZ, locale", &first, &second);
}

#[test]
fn the_number_of_threads_and_a_warm_store_do_not_show() {
    let (one, other) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let first = built(one.path(), "", &["-j", "1"]);
    let second = built(other.path(), "", &["-j", "5"]);
    same("-j 1 and -j 5", &first, &second);
    let warm = built(one.path(), "", &[]);
    same("cold and warm store", &first, &warm);
    let fresh = built(one.path(), "", &["--fresh"]);
    same("--fresh", &first, &fresh);
}

#[test]
fn the_user_does_not_show() {
    let test = "the_user_does_not_show";
    if !common::is_root() {
        return common::skip(test, "needs root to become another user");
    }
    if !have(test, &["setpriv:util-linux"]) {
        return;
    }
    let (one, other) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let first = built(one.path(), "", &[]);
    // another user cannot come into our folders, nor reach our program
    let place = other.path();
    let program = place.join("pkggen");
    fs::copy(env!("CARGO_BIN_EXE_pkggen"), &program).unwrap();
    for name in ["llm", "service", "hello"] {
        copy(&app(name), &place.join(name));
    }
    ok(Command::new("chown").args(["-R", "65534:65534"]).arg(place));
    fs::set_permissions(place, fs::Permissions::from_mode(0o755)).unwrap();
    let become_nobody = format!(
        "shift; set -- setpriv --reuid 65534 --regid 65534 --clear-groups \"{}\" \"$@\"",
        program.display()
    );
    same("root and nobody", &first, &built(place, &become_nobody, &[]));
}

#[test]
fn files_changed_only_in_time_and_write_permission_give_the_same_package() {
    let (one, other) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let first = built(one.path(), "", &[]);
    copy(&app("hello"), &other.path().join("hello"));
    let greeting = other.path().join("hello/greeting");
    fs::set_permissions(&greeting, fs::Permissions::from_mode(0o600)).unwrap();
    ok(Command::new("touch").args(["-d", "2001-02-03"]).arg(&greeting));
    same("time and mode of a source", &first, &built(other.path(), "", &[]));
}
