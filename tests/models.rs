//! Models: Ollama stores, the Hugging Face cache, split GGUF files. Messages are in `tests/models`;
//! `UPDATE=1` rewrites them.

#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use std::{env, fs, path::PathBuf, process::Command};

use common::{
    TempDir,
    ollama::{self, Broken, Model},
    root,
};

const QWEN: &str = "qwen2.5-coder:3b";

/// A folder with a manifest and a store, and a home of its own.
struct Place {
    folder: TempDir,
    home: TempDir,
}

impl Place {
    /// With these items of `[payload] files`.
    fn new(items: &[&str]) -> Self {
        let place = Self { folder: TempDir::new().unwrap(), home: TempDir::new().unwrap() };
        let items = items.iter().map(|item| format!("  {{ {item} }},\n")).collect::<Vec<_>>();
        let items = items.concat();
        let text = format!(
            "[package]\nname = \"coder\"\nversion = \"2.5.0\"\nsummary = \"a model\"\nlicense = \"MIT\"\n\
             authors = [\"A <a@example.org>\"]\n\n[targets]\nlinux = {{ arch = [\"x86_64\"], formats = [\"deb\", \
             \"rpm\", \"tar.gz\"] }}\n\n[payload]\nfiles = [\n{items}]\n"
        );
        fs::write(place.path("pkggen.toml"), text).unwrap();
        place
    }

    fn of_ollama(name: &str) -> Self {
        Self::new(&[&format!("source = \"ollama:{name}\", type = \"model\"")])
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn store(&self) -> PathBuf {
        self.path("store")
    }

    fn pkggen(&self, args: &[&str]) -> Command {
        let mut command = common::pkggen(self.home.path());
        // A server of this machine has no say.
        command.args(args).current_dir(self.folder.path()).env("OLLAMA_HOST", "127.0.0.1:9");
        command
    }

    /// What `check` says with the store, and its exit code; paths and digests of the test left out.
    fn check(&self, more: &[&str]) -> String {
        let mut command = self.pkggen(&["check", "deb", "--ollama-models", "store"]);
        let output = command.args(more).output().unwrap();
        let text = common::said(&output);
        format!("exit {}\n{text}", output.status.code().unwrap())
    }
}

fn compare(name: &str, got: &str) {
    let path = root().join("tests/models").join(name).with_extension("txt");
    if env::var_os("UPDATE").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, got).unwrap();
        return;
    }
    let want = fs::read_to_string(&path).unwrap_or_default();
    assert!(want == got, "{} is not\n{got}\n(UPDATE=1 rewrites it)", path.display());
}

#[test]
fn everything_that_is_wrong_with_a_store_has_its_message() {
    for (name, broken) in [
        ("blob-missing", Broken::BlobMissing),
        ("blob-short", Broken::BlobShort),
        ("partial", Broken::Partial),
        ("manifest-cut", Broken::ManifestCut),
        ("remote", Broken::Remote),
        ("manifest-missing", Broken::ManifestMissing),
    ] {
        let place = Place::of_ollama(QWEN);
        ollama::add_broken(&place.store(), &Model::new(QWEN), broken);
        compare(name, &place.check(&[]));
    }
}

#[test]
fn what_is_not_in_the_store_says_what_is() {
    let place = Place::new(&[
        "source = \"ollama:qwen2.5-coder:3b\", type = \"model\"",
        "source = \"ollama:llama3.2\", type = \"model\", dest = \"a/\"",
        "source = \"ollama:mistral\", type = \"model\", dest = \"b/\"",
        "source = \"ollama:Qwen:3b:x\", type = \"model\", dest = \"c/\"",
    ]);
    for name in ["qwen2.5-coder:1.5b", "qwen2.5-coder:7b", "llama3.1:latest", "team/x:1"] {
        ollama::add(&place.store(), &Model::new(name));
    }
    compare("no-tag", &place.check(&[]));
    fs::remove_dir_all(place.store()).unwrap();
    compare("no-store", &place.check(&[]));
}

#[test]
fn blobs_in_the_older_spelling_are_taken() {
    let place = Place::of_ollama(QWEN);
    ollama::add_broken(&place.store(), &Model::new(QWEN), Broken::Colon);
    let said = place.check(&[]);
    assert!(said.starts_with("exit 0"), "{said}");
}

#[test]
fn case_of_the_name_does_not_matter_and_the_spelling_on_disk_is_shipped() {
    let place = Place::of_ollama("QWEN2.5-coder:3B");
    ollama::add(&place.store(), &Model::new(QWEN));
    let files = installed(&place, "tar.gz");
    let manifest = "models/manifests/registry.ollama.ai/library/qwen2.5-coder/3b";
    assert!(files.iter().any(|path| path.ends_with(manifest)), "{files:?}");
}

/// Paths that an artifact of the place installs.
fn installed(place: &Place, format: &str) -> Vec<String> {
    let args = ["plan", format, "--json", "--ollama-models", "store"];
    let text = common::stdout(&mut place.pkggen(&args));
    let plan: serde_json::Value = serde_json::from_str(&text).unwrap();
    let files = plan["artifacts"][0]["files"].as_array().unwrap();
    files.iter().map(|file| file["path"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn only_what_the_manifest_names_is_shipped_as_a_store() {
    let place = Place::of_ollama(QWEN);
    let weights = ollama::add(&place.store(), &Model::new(QWEN));
    ollama::add(&place.store(), &Model { gguf: vec![7], ..Model::new("other:1") });
    fs::write(place.store().join("blobs/README"), "no blob").unwrap();
    let files = installed(&place, "deb");
    let below = |dir: &str| {
        let files = files.iter().filter_map(|path| path.strip_prefix(dir));
        files.filter(|path| !path.is_empty()).map(str::to_owned).collect::<Vec<_>>()
    };
    let blobs = below("usr/share/coder/models/blobs/");
    assert_eq!(blobs.len(), 5, "{files:?}");
    assert!(blobs.contains(&format!("sha256-{weights}")));
    let manifest = "usr/share/coder/models/manifests/registry.ollama.ai/library/qwen2.5-coder/3b";
    assert!(files.contains(&manifest.to_owned()), "{files:?}");
    assert!(files.iter().any(|path| path.ends_with("LICENSE.qwen2.5-coder-3b")), "{files:?}");
}

#[test]
fn two_models_share_their_blobs() {
    let place = Place::new(&[
        "source = \"ollama:one\", type = \"model\"",
        "source = \"ollama:two\", type = \"model\"",
    ]);
    ollama::add(&place.store(), &Model::new("one"));
    ollama::add(&place.store(), &Model::new("two"));
    let files = installed(&place, "tar.gz");
    assert_eq!(files.iter().filter(|path| path.contains("/blobs/sha256-")).count(), 5);
    assert_eq!(files.iter().filter(|path| path.ends_with("/latest")).count(), 2);
}

#[test]
fn the_oldest_ollama_and_a_missing_licence_are_warnings() {
    let place = Place::of_ollama(QWEN);
    let model = Model { license: None, requires: Some("0.12.1"), ..Model::new(QWEN) };
    ollama::add(&place.store(), &model);
    compare("warnings", &place.check(&[]));
}

#[test]
fn the_ollama_that_the_package_brings_is_compared() {
    for (version, warned) in [("0.15.2", false), ("0.9.6", true)] {
        let source = format!("vendor/{version}/ollama");
        let place = Place::new(&[
            &format!("source = \"ollama:{QWEN}\", type = \"model\""),
            &format!("source = \"{source}\", type = \"libexec\""),
        ]);
        fs::create_dir_all(place.path(&source).parent().unwrap()).unwrap();
        fs::write(place.path(&source), "#!/bin/sh\n").unwrap();
        let model = Model { requires: Some("0.12.1"), ..Model::new(QWEN) };
        ollama::add(&place.store(), &model);
        let said = place.check(&[]);
        let text =
            format!("needs Ollama 0.12.1 or later to run, and this package brings {version}");
        assert_eq!(said.contains(&text), warned, "{said}");
        assert_eq!(said.contains("needs Ollama"), warned, "{said}");
    }
}

#[test]
fn dpkg_and_rpm_unpack_a_store_that_is_whole() {
    let test = "a store unpacked by dpkg and rpm";
    if !common::have(test, &["dpkg-deb:dpkg", "rpm2cpio:rpm2cpio", "cpio:cpio"]) {
        return;
    }
    let place = Place::of_ollama(QWEN);
    ollama::add(&place.store(), &Model::new(QWEN));
    let args = ["build", "deb", "rpm", "--ollama-models", "store"];
    let paths = common::stdout(&mut place.pkggen(&args));
    for path in paths.lines() {
        let root = TempDir::new().unwrap();
        let script = match path.rsplit('.').next() {
            Some("deb") => format!("dpkg-deb -x {path} {}", root.path().display()),
            _ => format!("rpm2cpio {path} | (cd {} && cpio -idm --quiet)", root.path().display()),
        };
        common::ok(Command::new("sh").arg("-c").arg(script).current_dir(&place.folder));
        let store = root.path().join("usr/share/coder/models");
        let args = ["model", "verify", "--ollama-models", store.to_str().unwrap()];
        let said = common::stdout(&mut place.pkggen(&args));
        assert!(said.starts_with("ok   ollama:qwen2.5-coder:3b  5 files"), "{path}: {said}");
    }
}

#[test]
fn a_model_in_a_component_takes_its_licence_along() {
    let item = format!("source = \"ollama:{QWEN}\", type = \"model\", component = \"model\"");
    let place = Place::new(&[&item, "text = \"a\", type = \"data\", dest = \"a\""]);
    let manifest = place.path("pkggen.toml");
    let more = "\n[component.model]\nsummary = \"weights\"\nversion = \"9.0.0\"\narch = \"any\"\n";
    fs::write(&manifest, fs::read_to_string(&manifest).unwrap() + more).unwrap();
    ollama::add(&place.store(), &Model::new(QWEN));
    let args = ["build", "deb", "--ollama-models", "store"];
    let paths = common::stdout(&mut place.pkggen(&args));
    let of = |name: &str| {
        let path =
            paths.lines().find(|path| path.contains(name)).unwrap_or_else(|| panic!("{paths}"));
        let report = pkggen::inspect::inspect(&place.path(path)).unwrap();
        report.entries.iter().map(|entry| entry.path.to_string()).collect::<Vec<_>>()
    };
    let (main, part) = (of("/coder_2.5.0_"), of("/coder-model_9.0.0_all.deb"));
    let has = |files: &[String], end: &str| files.iter().any(|path| path.ends_with(end));
    assert!(has(&part, "coder/models/manifests/registry.ollama.ai/library/qwen2.5-coder/3b"));
    assert!(has(&part, "LICENSE.qwen2.5-coder-3b"), "{part:?}");
    assert!(!has(&main, "LICENSE.qwen2.5-coder-3b"), "{main:?}");
}

#[test]
fn a_layer_that_is_no_model_is_refused() {
    let place = Place::of_ollama(QWEN);
    let gguf = common::gguf::tiny(0).bytes();
    let cut = gguf[..gguf.len() - 1000].to_vec();
    ollama::add(&place.store(), &Model { gguf: cut, ..Model::new(QWEN) });
    compare("layer-truncated", &place.check(&[]));
}

#[test]
fn the_packages_hold_the_store_byte_for_byte() {
    let place = Place::of_ollama(QWEN);
    let weights = ollama::add(&place.store(), &Model::new(QWEN));
    let built = place.pkggen(&["build", "--ollama-models", "store"]).output().unwrap();
    assert!(built.status.success(), "{}", common::said(&built));
    let stdout = String::from_utf8(built.stdout).unwrap();
    for (name, path) in common::artifacts(&stdout) {
        let report = pkggen::inspect::inspect(&place.path(path.to_str().unwrap())).unwrap();
        let blob = report.entries.iter().find(|entry| entry.path.contains(&weights));
        let blob = blob.unwrap_or_else(|| panic!("{name} has no weights"));
        match &blob.kind {
            pkggen::format::report::ReadKind::File { sha256, .. } => {
                assert_eq!(sha256.to_string(), weights, "{name}");
            }
            other => panic!("{name}: {other:?}"),
        }
        assert_eq!(blob.mode & 0o777, 0o644, "{name}");
    }
}

#[test]
fn a_store_is_found_by_the_environment_and_every_place_is_listed_when_none_has_it() {
    let place = Place::of_ollama(QWEN);
    ollama::add(&place.path("elsewhere"), &Model::new(QWEN));
    let mut command = place.pkggen(&["check", "deb", "--offline"]);
    common::ok(command.env("OLLAMA_MODELS", " 'elsewhere' "));
    fs::remove_dir_all(place.path("elsewhere/manifests")).unwrap();
    fs::remove_dir_all(place.path("elsewhere/blobs")).unwrap();
    let output = place
        .pkggen(&["check", "deb", "--offline"])
        .env("OLLAMA_MODELS", "elsewhere")
        .output()
        .unwrap();
    let said = common::said(&output);
    assert_eq!(output.status.code(), Some(2), "{said}");
    for line in [
        "error: model `registry.ollama.ai/library/qwen2.5-coder:3b` was not found: there is no Ollama store on this machine",
        "caused by: `elsewhere` (OLLAMA_MODELS) is no store",
        &format!(
            "caused by: `{}/.ollama/models` (the user) does not exist",
            place.home.path().display()
        ),
        "caused by: `/usr/share/ollama/.ollama/models` (Ollama's install.sh) does not exist",
    ] {
        assert!(said.contains(line), "{line}\n{said}");
    }
}

/// Somebody who may not enter the home of the service's user. Needs root to become somebody else.
fn as_stranger(place: &Place, mode: &str, args: &[&str]) -> Option<String> {
    let test = "the home of another user";
    if !common::is_root() {
        common::skip(test, "needs root");
        return None;
    }
    if !common::have(test, &["setpriv:util-linux", "install:coreutils"]) {
        return None;
    }
    let home = place.path("service");
    common::ok(
        Command::new("install").args(["-d", "-o", "65001", "-g", "65001", "-m", mode]).arg(&home),
    );
    ollama::add(&home.join("models"), &Model::new(QWEN));
    for open in [place.folder.path(), place.home.path()] {
        common::ok(Command::new("chmod").arg("0755").arg(open));
    }
    common::ok(Command::new("chown").arg("65002:65002").arg(place.home.path()));
    let program = place.home.path().join("pkggen");
    fs::copy(env!("CARGO_BIN_EXE_pkggen"), &program).unwrap();
    let mut command = Command::new("setpriv");
    command.args(["--reuid", "65002", "--regid", "65002", "--clear-groups"]).arg(program);
    command.args(args).env_clear().env("PATH", env::var_os("PATH").unwrap());
    command.env("HOME", place.home.path()).env("NO_COLOR", "1").current_dir(place.folder.path());
    let output = command.output().unwrap();
    let folder = place.folder.path().display().to_string();
    let home = place.home.path().display().to_string();
    let told = common::said(&output).replace(&folder, "DIR").replace(&home, "HOME");
    Some(format!("exit {}\n{told}", output.status.code().unwrap()))
}

#[test]
fn a_home_that_may_not_be_entered_is_named() {
    for (name, mode) in [("denied-0700", "0700"), ("denied-0750", "0750")] {
        let place = Place::of_ollama(QWEN);
        let args = ["check", "deb", "--ollama-models", "service/models"];
        if let Some(said) = as_stranger(&place, mode, &args) {
            compare(name, &said);
        }
    }
}

#[test]
fn a_blob_that_may_not_be_read_is_named() {
    let place = Place::of_ollama(QWEN);
    let weights = ollama::add(&place.path("service/models"), &Model::new(QWEN));
    let blob = place.path("service/models/blobs").join(format!("sha256-{weights}"));
    common::ok(Command::new("chmod").arg("0600").arg(blob));
    let args = ["check", "deb", "--ollama-models", "service/models"];
    if let Some(said) = as_stranger(&place, "0755", &args) {
        compare("denied-blob", &said.replace(&weights, "WEIGHTS"));
    }
}

#[test]
fn a_model_of_a_server_somewhere_else_is_said_to_be_there() {
    use std::{
        io::{BufRead as _, BufReader, Write as _},
        net::TcpListener,
    };
    let place = Place::of_ollama(QWEN);
    fs::create_dir_all(place.store().join("manifests")).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
        while lines.next().is_some_and(|line| !line.unwrap().is_empty()) {}
        let body = format!("{{\"models\":[{{\"name\":\"{QWEN}\"}}]}}");
        write!(stream, "HTTP/1.1 200 OK\r\n\r\n{body}").unwrap();
    });
    let mut command = place.pkggen(&["check", "deb", "--ollama-models", "store"]);
    let output = command.env("OLLAMA_HOST", &address).output().unwrap();
    server.join().unwrap();
    let said = common::said(&output).replace(&address, "ADDRESS");
    compare("elsewhere", &format!("exit {}\n{said}", output.status.code().unwrap()));
}

#[test]
fn an_optional_model_may_be_missing() {
    let place =
        Place::new(&[&format!("source = \"ollama:{QWEN}\", type = \"model\", optional = true")]);
    fs::create_dir_all(place.store().join("blobs")).unwrap();
    let said = place.check(&["--offline"]);
    assert!(said.contains("optional, and not there"), "{said}");
}

/// A cache with one repository: its only snapshot is `main` and `v1`.
struct Hub {
    place: Place,
    repo: PathBuf,
}

const COMMIT: &str = "5fb3c2a0b4e2f1c6d7a8b9c0d1e2f3a4b5c6d7e8";

impl Hub {
    fn new(source: &str) -> Self {
        let place = Place::new(&[&format!("source = \"{source}\", type = \"model\"")]);
        let repo = place.home.path().join("hub/models--org--repo");
        for dir in ["refs", "blobs", &format!("snapshots/{COMMIT}")] {
            fs::create_dir_all(repo.join(dir)).unwrap();
        }
        for name in ["main", "v1"] {
            fs::write(repo.join("refs").join(name), COMMIT).unwrap();
        }
        Self { place, repo }
    }

    /// Adds a file as `huggingface_hub` does, by a link; its digest.
    fn add(&self, name: &str, bytes: &[u8]) -> String {
        let digest = pkggen::digest::sha256(bytes).to_string();
        fs::write(self.repo.join("blobs").join(&digest), bytes).unwrap();
        let path = self.repo.join("snapshots").join(COMMIT).join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let up = "../".repeat(2 + name.matches('/').count());
        std::os::unix::fs::symlink(format!("{up}blobs/{digest}"), path).unwrap();
        digest
    }

    fn pkggen(&self, args: &[&str]) -> Command {
        let mut command = self.place.pkggen(args);
        command.env("HF_HUB_CACHE", self.place.home.path().join("hub"));
        command
    }

    fn check(&self) -> String {
        let output = self.pkggen(&["check", "deb"]).output().unwrap();
        let home = self.place.home.path().display().to_string();
        let said = common::said(&output).replace(&home, "HOME");
        format!("exit {}\n{said}", output.status.code().unwrap())
    }
}

#[test]
fn a_file_of_the_hugging_face_cache_is_taken_under_its_own_name() {
    for source in ["hf:org/repo/q4/x.gguf", "hf:org/repo@v1/q4/x.gguf", "hf:org/repo/q4/x.gguf@v1"]
    {
        let hub = Hub::new(source);
        let gguf = common::gguf::tiny(0).bytes();
        hub.add("q4/x.gguf", &gguf);
        let text = common::stdout(&mut hub.pkggen(&["plan", "tar.gz", "--json"]));
        assert!(text.contains("share/models/x.gguf\""), "{source}: {text}");
        common::ok(&mut hub.pkggen(&["build", "deb"]));
    }
}

#[test]
fn what_is_not_in_the_hugging_face_cache_says_what_is() {
    for (name, source) in [
        ("hf-file", "hf:org/repo/x-q5.gguf"),
        ("hf-revision", "hf:org/repo/x-q4.gguf@v2"),
        ("hf-repo", "hf:org/other/x-q4.gguf"),
        ("hf-name", "hf:org/x-q4.gguf"),
    ] {
        let hub = Hub::new(source);
        hub.add("x-q4.gguf", &common::gguf::tiny(0).bytes());
        compare(name, &hub.check());
    }
}

#[test]
fn shards_of_the_hugging_face_cache_come_together() {
    let hub = Hub::new("hf:org/repo/m-00001-of-00002.gguf");
    for (number, shard) in common::gguf::shards(0, 2).iter().enumerate() {
        hub.add(&format!("m-{:05}-of-00002.gguf", number + 1), &shard.bytes());
    }
    let text = common::stdout(&mut hub.pkggen(&["plan", "tar.gz", "--json"]));
    assert!(text.contains("m-00002-of-00002.gguf"), "{text}");
}

/// What `pkggen model` says, and its exit code; the paths of the test left out.
fn model(place: &Place, args: &[&str]) -> String {
    let mut command = place.pkggen(&["model"]);
    command.args(args).args(["--ollama-models", "store"]);
    let output = command.output().unwrap();
    format!("exit {}\n{}", output.status.code().unwrap(), common::said(&output))
}

#[test]
fn models_of_a_store_are_listed_shown_and_verified() {
    let place = Place::of_ollama(QWEN);
    ollama::add(&place.store(), &Model { requires: Some("0.12.1"), ..Model::new(QWEN) });
    let other = Model { gguf: common::gguf::tiny(7).bytes(), ..Model::new("team/other:1") };
    ollama::add_broken(&place.store(), &other, Broken::BlobChanged);
    fs::write(place.path("x.gguf"), common::gguf::tiny(0).bytes()).unwrap();
    fs::write(place.path("cut.gguf"), &common::gguf::tiny(0).bytes()[..9000]).unwrap();
    let calls: &[&[&str]] = &[
        &["list"],
        &["show", QWEN],
        &["show", "x.gguf"],
        &["show", "cut.gguf"],
        &["show", "ollama:nothing"],
        &["show"],
        &["verify"],
        &["verify", QWEN],
        &["verify", "x.gguf"],
    ];
    let said: Vec<_> = calls
        .iter()
        .map(|call| format!("$ pkggen model {}\n{}", call.join(" "), model(&place, call)))
        .collect();
    compare("model", &said.join("\n"));
}

#[test]
fn models_are_one_document_in_json() {
    let place = Place::of_ollama(QWEN);
    let weights = ollama::add(&place.store(), &Model::new(QWEN));
    let text = common::stdout(&mut place.pkggen(&[
        "model",
        "verify",
        "--json",
        "--ollama-models",
        "store",
    ]));
    let document: serde_json::Value = serde_json::from_str(&text).unwrap();
    let model = &document["models"][0];
    assert_eq!(model["source"], "ollama:qwen2.5-coder:3b");
    assert_eq!(model["gguf"]["context_length"], 256);
    assert!(
        model["files"].as_array().unwrap().iter().any(|file| file["sha256"] == weights.as_str())
    );
    assert_eq!(model["errors"].as_array().unwrap().len(), 0);
}

#[test]
fn a_blob_of_the_hugging_face_cache_that_was_changed_is_found() {
    let hub = Hub::new("hf:org/repo/x.gguf");
    let digest = hub.add("x.gguf", &common::gguf::tiny(0).bytes());
    let blob = hub.repo.join("blobs").join(digest);
    let mut bytes = fs::read(&blob).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(blob, bytes).unwrap();
    let output = hub.pkggen(&["model", "verify", "hf:org/repo/x.gguf"]).output().unwrap();
    let said = common::said(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("in the Hugging Face cache has another SHA-256 than its name"), "{said}");
    let listed = common::stdout(&mut hub.pkggen(&["model", "list"]));
    assert!(listed.starts_with("hf:org/repo/x.gguf "), "{listed}");
}

/// A GGUF file that is to become a store.
fn stored(name: &str, gguf: &[u8], store: &str) -> Place {
    let item = format!("source = \"{name}\", type = \"model\", as = \"{store}\"");
    let place = Place::new(&[&item]);
    fs::write(place.path(name), gguf).unwrap();
    place
}

#[test]
fn a_bare_file_becomes_a_complete_store() {
    let gguf = common::gguf::tiny(0).bytes();
    let place = stored("x.gguf", &gguf, "ollama:tiny:4k");
    let text = fs::read_to_string(place.path("pkggen.toml")).unwrap();
    let licensed = text.replace("license = \"MIT\"", "license = \"MIT\"\nlicense-files = [\"L\"]");
    fs::write(place.path("pkggen.toml"), licensed).unwrap();
    fs::write(place.path("L"), "Permission is granted.\n").unwrap();
    let paths = common::stdout(&mut place.pkggen(&["build"]));
    let files = installed(&place, "deb");
    let manifest = "usr/share/coder/models/manifests/registry.ollama.ai/library/tiny/4k";
    assert!(files.contains(&manifest.to_owned()), "{files:?}");
    // Unpacked, it is a store that pkggen itself finds nothing wrong with.
    let archive = paths.lines().find(|path| path.ends_with(".tar.gz")).unwrap();
    common::ok(Command::new("tar").arg("-xzf").arg(place.path(archive)).current_dir(&place.folder));
    let top = archive.rsplit('/').next().unwrap().trim_end_matches(".tar.gz");
    let store = place.path(top).join("share/models");
    let args = ["model", "verify", "--ollama-models", store.to_str().unwrap()];
    let said = common::stdout(&mut place.pkggen(&args));
    assert_eq!(said, "ok   ollama:tiny:4k  3 files, 17.9 kB\n");
    // And a source of the next package.
    let next = Place::of_ollama("tiny:4k");
    common::ok(&mut next.pkggen(&["build", "rpm", "--ollama-models", store.to_str().unwrap()]));
}

#[test]
fn the_same_file_becomes_the_same_store() {
    let gguf = common::gguf::tiny(0).bytes();
    let all = [(); 2].map(|()| {
        let place = stored("x.gguf", &gguf, "ollama:tiny:4k");
        let path = common::stdout(&mut place.pkggen(&["build", "deb"]));
        fs::read(place.path(path.trim())).unwrap()
    });
    assert!(all[0] == all[1]);
}

#[test]
fn what_cannot_become_a_store_says_why() {
    let gguf = common::gguf::tiny(0).bytes();
    let shard = common::gguf::shards(0, 3).remove(0).bytes();
    for (name, file, bytes, store) in [
        ("as-split", "m-00001-of-00003.gguf", &shard[..], "ollama:m"),
        ("as-name", "x.gguf", &gguf, "ollama:a:b:c"),
        ("as-other", "x.bin", b"not a model", "ollama:x"),
        ("as-truncated", "x.gguf", &gguf[..9000], "ollama:x"),
    ] {
        compare(name, &stored(file, bytes, store).check(&[]));
    }
}

#[test]
fn a_blob_that_was_changed_is_found_by_check_and_build() {
    for verb in ["check", "build"] {
        let place = Place::of_ollama(QWEN);
        ollama::add_broken(&place.store(), &Model::new(QWEN), Broken::BlobChanged);
        let args = [verb, "deb", "--ollama-models", "store"];
        let output = place.pkggen(&args).output().unwrap();
        let said = common::said(&output);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("the file was changed or the disk is failing"), "{said}");
        assert!(!place.path("dist").exists() || common::files(&place.path("dist")).is_empty());
    }
}

#[test]
fn a_tag_that_has_moved_is_told_and_accepted() {
    let place = Place::of_ollama(QWEN);
    ollama::add(&place.store(), &Model::new(QWEN));
    let args = ["build", "tar.gz", "--ollama-models", "store"];
    common::ok(&mut place.pkggen(&args));
    let lock = fs::read_to_string(place.path("pkggen.lock")).unwrap();
    assert!(lock.contains("ollama:qwen2.5-coder:3b") && lock.contains("ollama-manifest"), "{lock}");
    let newer = Model { gguf: common::gguf::tiny(9).bytes(), ..Model::new(QWEN) };
    ollama::add(&place.store(), &newer);
    let output = place.pkggen(&args).output().unwrap();
    let said = common::said(&output);
    assert!(!output.status.success(), "{said}");
    assert!(said.contains("pinned at pkggen.lock"), "{said}");
    common::ok(&mut place.pkggen(&[
        "check",
        "tar.gz",
        "--ollama-models",
        "store",
        "--update-lock",
    ]));
    common::ok(&mut place.pkggen(&args));
}

#[test]
fn plan_and_inspect_describe_a_model() {
    let place = Place::of_ollama(QWEN);
    let weights = ollama::add(&place.store(), &Model::new(QWEN));
    let says = "llama 4K, F32, context 256, 4K parameters in 2 tensors";
    let plan = common::stdout(&mut place.pkggen(&["plan", "deb", "--ollama-models", "store"]));
    assert!(plan.contains(&format!("model sha256-{}…: {says}", &weights[..12])), "{plan}");
    fs::write(place.path("x.gguf"), common::gguf::tiny(0).bytes()).unwrap();
    let shown = common::stdout(&mut place.pkggen(&["inspect", "x.gguf"]));
    assert!(shown.contains(says), "{shown}");
}

#[test]
fn explain_says_where_a_model_lands_and_verify_compares_it_with_the_manifest() {
    let place = Place::of_ollama(QWEN);
    ollama::add(&place.store(), &Model::new(QWEN));
    let with =
        |args: &[&str]| common::stdout(place.pkggen(args).args(["--ollama-models", "store"]));
    let explained = with(&["explain", "ollama:qwen2.5-coder:3b"]);
    assert!(
        explained.contains("linux-x86_64: /usr/share/coder/models/blobs/sha256-"),
        "{explained}"
    );
    let path = with(&["build", "deb"]);
    let verified = with(&["verify", path.trim()]);
    assert!(verified.contains("SHA256SUMS, manifest)"), "{verified}");
}

#[test]
fn a_model_of_5_gib_is_described_without_being_read() {
    let place = Place::new(&["source = \"big.gguf\", type = \"model\""]);
    let mut model = common::gguf::tiny(0);
    let rows = 5 << 20;
    model.tensors[1] = ("output.weight".into(), vec![256, rows], 0, 0);
    let path = place.path("big.gguf");
    fs::write(&path, model.bytes()).unwrap();
    let head = fs::metadata(&path).unwrap().len();
    let file = fs::File::options().write(true).open(&path).unwrap();
    file.set_len(head + rows * 1024).unwrap();
    let shown = common::stdout(&mut place.pkggen(&["model", "show", "big.gguf"]));
    assert!(shown.contains("5.36 GB") && shown.contains("1.3B parameters"), "{shown}");
    file.set_len(head + rows * 1024 - 1).unwrap();
    let output = place.pkggen(&["check", "deb"]).output().unwrap();
    assert!(common::said(&output).contains("tensor `output.weight` ends at"), "{output:?}");
}
