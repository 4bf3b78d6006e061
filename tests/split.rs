//! Archives in parts, and the script that joins them.

#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, Output},
};

use common::{TempDir, have, manifest, noise, ok, pkggen, said};

/// Builds a payload that does not shrink as one format; the output folder.
fn build(folder: &Path, out: &str, format: &str, archive: &str) -> PathBuf {
    fs::write(folder.join("payload.bin"), noise(2_500_000)).unwrap();
    let manifest = manifest(folder, "payload.bin", &format!("[archive]\n{archive}\n"));
    let (home, out) = (folder.join("home"), folder.join(out));
    let mut command = pkggen(&home);
    command.args(["build", format, "-m"]).arg(manifest).arg("--out").arg(&out);
    ok(command.args(["--target", "linux-x86_64"]));
    out
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// The shells that a joiner must work in.
const SHELLS: &[&[&str]] = &[&["dash"], &["bash", "--posix"], &["busybox", "sh"]];

fn join(shell: &[&str], script: &Path, to: Option<&Path>) -> Output {
    let mut command = Command::new(shell[0]);
    command.args(&shell[1..]).arg(script).args(to).env("LC_ALL", "C");
    command.output().unwrap()
}

#[test]
fn parts_are_joined_to_what_would_have_been_one_file() {
    if !have("parts_are_joined", &["dash", "busybox", "sha256sum"]) {
        return;
    }
    let folder = TempDir::new().unwrap();
    for format in ["tar.gz", "tar.zst", "zip"] {
        let name = format!("blob-1.0.0-linux-x86_64.{format}");
        let whole = build(folder.path(), &format!("whole-{format}"), format, "").join(&name);
        let out = build(folder.path(), &format!("parts-{format}"), format, "split = \"1MiB\"");
        let parts = ["001", "002", "003", "join.sh"].map(|end| format!("{name}.{end}"));
        assert_eq!(names(&out), [&["SHA256SUMS".to_owned()], &parts[..]].concat());
        assert_eq!(out.join(&parts[0]).metadata().unwrap().len(), 1 << 20);
        ok(Command::new("sha256sum").arg("-c").arg("SHA256SUMS").current_dir(&out));
        for shell in SHELLS {
            let to = TempDir::new().unwrap();
            let joined = join(shell, &out.join(&parts[3]), Some(to.path()));
            assert!(joined.status.success(), "{shell:?}: {}", said(&joined));
            assert_eq!(fs::read(to.path().join(&name)).unwrap(), fs::read(&whole).unwrap());
            assert_eq!(names(to.path()), std::slice::from_ref(&name), "nothing else is left");
        }
        if have("parts_are_joined", &["shellcheck"]) {
            // SC2329: functions that are called by name.
            let mut check = Command::new("shellcheck");
            ok(check.args(["-s", "sh", "-e", "SC2329,SC2317"]).arg(out.join(&parts[3])));
        }
        let verified = ok(pkggen(folder.path()).args(["verify", "--strict"]).arg(&out));
        assert!(said(&verified).contains(".001: ok (structure, digests, SHA256SUMS)"));
        let again = build(folder.path(), &format!("again-{format}"), format, "split = \"1MiB\"");
        assert_eq!(common::files(&again), common::files(&out));
    }
}

#[test]
fn a_joiner_says_what_is_wrong_and_leaves_nothing() {
    if !have("a_joiner_says_what_is_wrong", &["dash", "busybox"]) {
        return;
    }
    let folder = TempDir::new().unwrap();
    let out = build(folder.path(), "out", "zip", "split = \"1MiB\"");
    let name = "blob-1.0.0-linux-x86_64.zip";
    let (script, second) = (out.join(format!("{name}.join.sh")), out.join(format!("{name}.002")));
    let good = fs::read(&second).unwrap();
    let refused = |why: &str| {
        for shell in SHELLS {
            let output = join(shell, &script, None);
            assert!(!output.status.success() && said(&output).contains(why), "{}", said(&output));
            assert!(!names(&out).iter().any(|file| file.starts_with('.') || *file == name));
        }
        let verified = pkggen(folder.path()).arg("verify").arg(&out).output().unwrap();
        assert_eq!(verified.status.code(), Some(1), "{}", said(&verified));
    };
    let mut damaged = good.clone();
    damaged[1000] ^= 1;
    fs::write(&second, &damaged).unwrap();
    refused(".002 is damaged");
    fs::write(&second, &good[..99]).unwrap();
    refused(".002 has 99 bytes and should have 1048576");
    fs::remove_file(&second).unwrap();
    refused(".002 is missing");
    fs::write(&second, &good).unwrap();
    assert!(join(SHELLS[0], &script, None).status.success());
    assert!(out.join(name).exists(), "without a folder it is joined beside the parts");
}

#[test]
fn awkward_names_are_joined_too() {
    if !have("awkward_names_are_joined_too", &["dash", "busybox"]) {
        return;
    }
    let folder = TempDir::new().unwrap();
    let name = "-It's $(odd) & \"100%\" `x`.zip";
    let archive = format!("split = \"1MiB\"\nfile-name = {}", serde_json::to_string(name).unwrap());
    let out = build(folder.path(), "out put", "zip", &archive);
    for shell in SHELLS {
        let to = TempDir::new().unwrap();
        let script = out.join(format!("{name}.join.sh"));
        let joined = join(shell, &script, Some(to.path()));
        assert!(joined.status.success(), "{shell:?}: {}", said(&joined));
        assert_eq!(names(to.path()), [name]);
        // From the folder itself, by a name that starts like an option.
        let mut command = Command::new(shell[0]);
        command.args(&shell[1..]).arg(format!("./{name}.join.sh")).current_dir(&out);
        ok(&mut command);
        fs::remove_file(out.join(name)).unwrap();
    }
}

#[test]
fn an_archive_that_fits_is_one_file_and_a_shorter_set_leaves_no_old_parts() {
    let folder = TempDir::new().unwrap();
    let out = build(folder.path(), "out", "tar.gz", "split = \"1MiB\"");
    let name = "blob-1.0.0-linux-x86_64.tar.gz";
    build(folder.path(), "out", "tar.gz", "split = \"2MiB\"");
    assert!(!out.join(format!("{name}.003")).exists());
    assert!(out.join(format!("{name}.002")).exists());
    let fits = build(folder.path(), "fits", "tar.gz", "split = \"3MiB\"");
    assert_eq!(names(&fits), ["SHA256SUMS", name]);
}

#[test]
fn more_parts_than_numbers_are_refused_before_anything_is_written() {
    let folder = TempDir::new().unwrap();
    // Holes cost nothing on the disk; packed they would shrink.
    let payload = folder.path().join("payload.bin");
    fs::write(&payload, "").unwrap();
    let manifest = manifest(folder.path(), "payload.bin", "[archive]\nsplit = \"64KiB\"\n");
    File::options().write(true).open(&payload).unwrap().set_len(1 << 20).unwrap();
    let mut command = pkggen(folder.path());
    let output = command.args(["build", "zip", "-m"]).arg(manifest).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    assert!(said(&output).contains("smaller than anybody needs"), "{}", said(&output));
}
