//! The bundles that pkggen was started for, end to end: `offgrid` and `novahub`.

#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use common::{TempDir, app, artifacts, check, have, ok, pkggen, said, stdout};

/// Every Linux target of `novahub`, with Debian's word and rpm's.
const LINUX: [(&str, &str, &str); 6] = [
    ("x86_64", "amd64", "x86_64"),
    ("aarch64", "arm64", "aarch64"),
    ("armv7", "armhf", "armv7hl"),
    ("i686", "i386", "i686"),
    ("riscv64", "riscv64", "riscv64"),
    ("powerpc64le", "ppc64el", "ppc64le"),
];

/// A copy of a fixture, so that it can be changed; its lock is written there.
fn copy(name: &str) -> TempDir {
    let dir = TempDir::new().unwrap();
    ok(Command::new("cp").arg("-a").arg(app(name)).arg(dir.path()));
    dir
}

fn command(verb: &str, dir: &TempDir, name: &str) -> Command {
    let folder = dir.path().join(name);
    let mut command = pkggen(dir.path());
    command.arg(verb).arg("-m").arg(folder.join("pkggen.toml"));
    command.arg("--ollama-models").arg(folder.join("target/store"));
    command
}

fn build(dir: &TempDir, name: &str, args: &[&str]) -> BTreeMap<String, PathBuf> {
    let out = dir.path().join("dist");
    artifacts(&stdout(command("build", dir, name).args(args).arg("--out").arg(out)))
}

/// What is in a tar archive.
fn list(archive: &Path) -> String {
    stdout(Command::new("tar").arg("tf").arg(archive))
}

#[test]
fn novahub_is_built_for_every_platform_in_every_format_there_is() {
    let dir = copy("novahub");
    let built = build(&dir, "novahub", &["deb", "rpm", "tar.zst", "zip"]);
    let mut want = vec![
        "novahub-model_2.5.0_all.deb".to_owned(),
        "novahub-model-2.5.0-1.noarch.rpm".to_owned(),
    ];
    for (_, deb, rpm) in LINUX {
        want.push(format!("novahub_0.2.0_{deb}.deb"));
        want.push(format!("novahub-0.2.0-1.{rpm}.rpm"));
    }
    for platform in ["x64", "arm64", "armv7", "x86", "riscv64", "ppc64le"] {
        want.push(format!("novahub-0.2.0-linux-{platform}.tar.zst"));
    }
    for name in ["darwin-x64.tar.zst", "darwin-arm64.tar.zst", "freebsd-x64.tar.zst"] {
        want.push(format!("novahub-0.2.0-{name}"));
    }
    for name in ["windows-x64.zip", "windows-arm64.zip"] {
        want.push(format!("novahub-0.2.0-{name}"));
    }
    let missing: Vec<_> = want.iter().filter(|name| !built.contains_key(*name)).collect();
    assert!(missing.is_empty(), "{missing:?} of {:?}", built.keys());
}

#[test]
fn the_model_of_novahub_lies_as_a_store_in_the_archive_and_beside_the_deb() {
    let dir = copy("novahub");
    let built = build(&dir, "novahub", &["deb", "tar.zst", "--target", "linux-x86_64"]);
    let manifest = "models/manifests/registry.ollama.ai/library/toy/3m";
    let archive = list(&built["novahub-0.2.0-linux-x64.tar.zst"]);
    assert!(archive.contains(&format!("share/{manifest}")), "{archive}");
    assert!(archive.contains("libexec/ollama/lib/ollama/libggml-base.so.0\n"), "{archive}");
    if !have("the_model_of_novahub", &["dpkg-deb:dpkg"]) {
        return;
    }
    let contents = |name: &str| stdout(Command::new("dpkg-deb").arg("-c").arg(&built[name]));
    assert!(contents("novahub-model_2.5.0_all.deb").contains(manifest));
    assert!(!contents("novahub_0.2.0_amd64.deb").contains("blobs"));
}

#[test]
fn a_shipped_runtime_finds_the_packaged_model_without_a_copy() {
    let dir = copy("novahub");
    let host = common::host();
    let built = build(&dir, "novahub", &["tar.zst", "--target", &host]);
    let archive = built.values().next().unwrap();
    let to = dir.path().join("unpacked");
    fs::create_dir(&to).unwrap();
    ok(Command::new("tar").arg("xf").arg(archive).arg("-C").arg(&to).arg("--strip-components=1"));
    let mut ollama = Command::new(to.join("libexec/ollama/bin/ollama"));
    ollama.arg("list").env("OLLAMA_MODELS", to.join("share/models"));
    assert_eq!(stdout(&mut ollama), "toy:3m\n");
}

#[test]
fn formats_of_other_systems_say_what_is_not_made_yet() {
    for (name, missing) in
        [("novahub", &["dmg", "nsis"][..]), ("offgrid", &["appimage", "dmg", "pkg", "nsis"][..])]
    {
        let dir = copy(name);
        for verb in ["plan", "check", "build"] {
            let output = command(verb, &dir, name).output().unwrap();
            assert_eq!(output.status.code(), Some(3), "{}", said(&output));
            for format in missing {
                let text = format!("this version of pkggen makes no {format} yet");
                assert!(said(&output).contains(&text), "{verb}: {}", said(&output));
            }
        }
    }
}

#[test]
fn a_model_that_is_not_in_the_store_is_told_before_anything_is_made() {
    let dir = copy("novahub");
    fs::remove_dir_all(dir.path().join("novahub/target/store/blobs")).unwrap();
    let out = dir.path().join("dist");
    let output = command("build", &dir, "novahub").arg("deb").arg("--out").arg(&out).output();
    let output = output.unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).contains("is not in `"), "{}", said(&output));
    assert!(!out.exists());
}

#[test]
fn offgrid_has_its_variants_and_one_model_for_all() {
    let dir = copy("offgrid");
    let built = build(&dir, "offgrid", &["deb", "rpm", "tar.gz", "--target", "linux-x86_64"]);
    for variant in ["", "-cuda", "-rocm", "-vulkan"] {
        assert!(built.contains_key(&format!("offgrid{variant}_0.1.0_amd64.deb")), "{built:?}");
        assert!(built.contains_key(&format!("offgrid{variant}-0.1.0-1.x86_64.rpm")), "{built:?}");
        let archive = &built[&format!("offgrid{variant}-0.1.0-linux-x86_64.tar.gz")];
        let list = list(archive);
        assert!(list.contains("libexec/find-llama-server\n"), "{list}");
        assert!(list.contains("share/components.json\n"), "{list}");
        assert!(!list.contains(".gguf"), "{list}");
    }
    assert_eq!(built.keys().filter(|name| name.contains("model")).count(), 2);
}

#[test]
fn a_users_own_server_comes_first_then_the_systems_then_the_bundled_one() {
    let dir = copy("offgrid");
    let host = common::host();
    let built = build(&dir, "offgrid", &["tar.gz", "--variant", "cpu", "--target", &host]);
    let to = dir.path().join("unpacked");
    fs::create_dir(&to).unwrap();
    let archive = built.values().next().unwrap();
    ok(Command::new("tar").arg("xf").arg(archive).arg("-C").arg(&to).arg("--strip-components=1"));
    let bin = dir.path().join("bin");
    fs::create_dir(&bin).unwrap();
    let script = |name: &str| {
        let path = bin.join(name);
        fs::write(&path, format!("#!/bin/sh\necho {name} \"$@\"\n")).unwrap();
        ok(Command::new("chmod").arg("755").arg(&path));
        path
    };
    let mine = script("mine");
    let run = |own: Option<&Path>, path: &str| {
        let mut command = Command::new("sh");
        command.arg(to.join("libexec/find-llama-server")).arg("--model").arg("a b");
        command.env_clear().env("PATH", path);
        if let Some(own) = own {
            command.env("OFFGRID_LLAMA_SERVER", own);
        }
        said(&command.output().unwrap())
    };
    let (bare, with) = ("/usr/bin:/bin", format!("{}:/usr/bin:/bin", bin.display()));
    // the bundled one finds its library, and no model there
    assert!(run(None, bare).contains("llama-server: a b: No such file"), "{}", run(None, bare));
    script("llama-server");
    assert_eq!(run(None, &with), "llama-server --model a b\n");
    assert_eq!(run(Some(&mine), &with), "mine --model a b\n");
    let wrong = run(Some(Path::new("/nowhere/server")), &with);
    assert!(wrong.contains("OFFGRID_LLAMA_SERVER") && wrong.contains("/nowhere/server"), "{wrong}");
}

#[test]
fn a_real_llama_server_answers_with_our_model_and_with_the_next_one() {
    let dir = copy("offgrid");
    let host = common::host();
    let args = ["deb", "--variant", "cpu", "--target", &host];
    let built = build(&dir, "offgrid", &args);
    let text = |start: &str| {
        let found = built.iter().find(|(name, _)| name.starts_with(start));
        found.unwrap().1.to_str().unwrap().to_owned()
    };
    let folder = dir.path().join("offgrid");
    let mut model = fs::read(folder.join("target/toy-3m.gguf")).unwrap();
    let last = model.len() - 1;
    model[last] ^= 1;
    fs::write(folder.join("target/toy-next.gguf"), model).unwrap();
    let manifest = fs::read_to_string(folder.join("pkggen.toml")).unwrap();
    let manifest = manifest.replace("toy-3m.gguf", "toy-next.gguf").replace("2.5.0", "2.5.1");
    fs::write(folder.join("pkggen.toml"), manifest).unwrap();
    let newer = build(&dir, "offgrid", &args);
    let newer = newer["offgrid-model_2.5.1_all.deb"].to_str().unwrap();
    check("llama-server-e2e.sh", &[&text("offgrid_"), &text("offgrid-model_2.5.0"), newer]);
}

#[test]
fn a_bundle_installs_itself_runs_and_goes_again() {
    let dir = copy("novahub");
    let host = common::host();
    let built = build(&dir, "novahub", &["tar.zst", "--target", &host]);
    let to = dir.path().join("unpacked");
    fs::create_dir(&to).unwrap();
    let archive = built.values().next().unwrap();
    ok(Command::new("tar").arg("xf").arg(archive).arg("-C").arg(&to).arg("--strip-components=1"));
    let (prefix, bin) = (dir.path().join("a place"), dir.path().join("bin"));
    let mut install = Command::new("sh");
    install.arg(to.join("install.sh")).arg("--no-service");
    ok(install.arg("--prefix").arg(&prefix).arg("--bin").arg(&bin).env("HOME", dir.path()));
    fs::remove_dir_all(&to).unwrap();
    ok(&mut Command::new(bin.join("novahub")));
    let mut ollama = Command::new(prefix.join("libexec/ollama/bin/ollama"));
    ollama.arg("list").env("OLLAMA_MODELS", prefix.join("share/models"));
    assert_eq!(stdout(&mut ollama), "toy:3m\n");
    let mut uninstall = Command::new("sh");
    uninstall.arg(prefix.join(".installed-novahub/uninstall.sh")).arg("--purge");
    ok(uninstall.env("HOME", dir.path()));
    assert!(!prefix.exists() && !bin.join("novahub").exists());
}
