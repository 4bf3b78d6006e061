//! The program that shows packaged models to a runtime, in the shells that systems have as `sh`.

#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use std::{fs, os::unix::fs::PermissionsExt, path::Path, process::Command};

use common::{TempDir, app, check, have, host, pkggen, root, stdout};

/// The seed program, run by one shell.
fn by(shell: &str, dir: &TempDir) -> String {
    let seed = root().join("templates/seed/seed-models.sh");
    let path = dir.path().join(shell.replace(' ', "-"));
    let text = format!("#!/bin/sh\nexec {shell} {} \"$@\"\n", seed.display());
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_store_is_seeded_through_everything_that_happens_to_it() {
    for (shell, tool) in
        [("dash", "dash"), ("bash --posix", "bash"), ("busybox sh", "busybox:busybox-static")]
    {
        if have("a_store_is_seeded_through_everything_that_happens_to_it", &[tool]) {
            let dir = TempDir::new().unwrap();
            check("seed-check.sh", &[&by(shell, &dir)]);
        }
    }
}

#[test]
fn copies_and_shared_blocks_survive_the_same() {
    let dir = TempDir::new().unwrap();
    for mode in ["copy", "reflink"] {
        check("seed-check.sh", &["--copies", &by("sh", &dir), mode]);
    }
}

const SERVICE: &str = r#"
[package]
name = "seeder"
version = "1.0.0"
summary = "serves models from a store of its own"
license = "MIT"
authors = ["A <a@example.org>"]
[payload]
files = [
  { source = "PROGRAM", type = "bin", dest = "seeder" },
  { text = "greeting = hello\n", type = "config", dest = "seeder.conf" },
]
dirs = [{ type = "state", mode = "0750", owner = "seeder" }]
[service.seeder]
exec = ["{{ dir.bin }}/seeder", "--config", "{{ dir.config }}/seeder.conf", "--state", "{{ dir.state }}"]
seed = "{{ dir.state }}/models"
enable = true
start = true
"#;

const MODELS: &str = r#"
[package]
name = "seeder-chat"
version = "VERSION"
summary = "a model"
license = "MIT"
authors = ["A <a@example.org>"]
[payload]
files = [{ source = "STORE/", type = "data", dest = "/usr/share/seeder/models/", only = ["linux"] }]
"#;

/// Links lead somewhere, the store is the service's, and its manifest is the packaged one.
const WHOLE: &str = "set -e; store=/var/lib/seeder/models packaged=/usr/share/seeder/models; \
    tag=manifests/registry.ollama.ai/library/chat/latest; \
    test -z \"$(find $store -type l ! -exec test -e {} \\; -print)\"; \
    test \"$(stat -c %U $store/blobs)\" = seeder; \
    if test -e $packaged/$tag; then cmp $packaged/$tag $store/$tag; else ! test -e $store/$tag; fi";

/// A store of one model: a large blob of this content, a small one, a manifest.
fn store(dir: &Path, content: &str) {
    let tag = dir.join("manifests/registry.ollama.ai/library/chat");
    fs::create_dir_all(&tag).unwrap();
    fs::create_dir_all(dir.join("blobs")).unwrap();
    let mut digests = Vec::new();
    for text in [content.repeat(50_000), "template".to_owned()] {
        let file = dir.join("blob");
        fs::write(&file, text).unwrap();
        let sum = stdout(Command::new("sha256sum").arg(&file));
        let digest = sum.split_whitespace().next().unwrap().to_owned();
        fs::rename(file, dir.join(format!("blobs/sha256-{digest}"))).unwrap();
        digests.push(format!("\"sha256:{digest}\""));
    }
    let layers = digests.join(",");
    let manifest = format!("{{\"schemaVersion\":2,\"layers\":[{layers}]}}");
    fs::write(tag.join("latest"), manifest).unwrap();
}

/// The package of a manifest in one format.
fn package(dir: &TempDir, text: &str, format: &str, more: &[&str]) -> String {
    let manifest = dir.path().join("pkggen.toml");
    fs::write(&manifest, text).unwrap();
    let mut build = pkggen(dir.path());
    build.args(["build", format, "-m"]).arg(manifest).arg("--out").arg(dir.path().join("out"));
    stdout(build.args(more)).trim().to_owned()
}

#[test]
fn a_service_follows_model_packages_that_come_and_go() {
    let dir = TempDir::new().unwrap();
    let program = app("service").join(format!("target/{}/1.0.0/tallyd", host()));
    fs::copy(program, dir.path().join("PROGRAM")).unwrap();
    for (format, script) in [("deb", "systemd-boot-deb.sh"), ("rpm", "systemd-boot-rpm.sh")] {
        let app = |version: &str| {
            let set = format!("package.version={version}");
            package(&dir, SERVICE, format, &["--target", &host(), "--set", &set])
        };
        let model = |version: &str| {
            store(&dir.path().join(version), version);
            let text = MODELS.replace("VERSION", version).replace("STORE", version);
            package(&dir, &text, format, &[])
        };
        let (old, new) = (app("1.0.0"), app("1.1.0"));
        let (first, second) = (model("1.0.0"), model("2.0.0"));
        let probe = ["--probe", "http://127.0.0.1:18471/health", "--exec", WHOLE];
        let models = ["--also", &first, "--then", &second, "--without", "seeder-chat"];
        let arguments: Vec<_> = [&*old, &*new].into_iter().chain(probe).chain(models).collect();
        check(script, &arguments);
    }
}
