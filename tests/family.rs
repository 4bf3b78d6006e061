//! Variants and components: what one manifest becomes, and how the packages live together.

#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use common::{
    TempDir, app, artifacts, check, gguf, have, host, noise, ollama, pkggen, said, stdout,
};

const MANIFEST: &str = r#"
[package]
name = "tally"
version = "1.0.0"
summary = "counts requests"
license = "MIT"
license-files = ["LICENSE"]
authors = ["Ana Example <ana@example.org>"]

[targets]
linux = { arch = ["ARCH"], formats = ["deb", "rpm", "tar.gz"] }

[payload]
files = [
  { source = "tallyd", type = "bin" },
  { source = "{{ variant }}/*", type = "libexec" },
  { source = "tallyd.conf", type = "config" },
  { source = "weights.bin", type = "model", component = "model" },
  { source = "more.bin", type = "model", component = "more" },
]
dirs = [{ type = "state", mode = "0750", owner = "tally" }]

[service.tally]
exec = ["{{ dir.bin }}/tallyd", "--config", "{{ dir.config }}/tallyd.conf", "--state", "{{ dir.state }}"]

[component.model]
summary = "weights of tally"
version = "2.5.0"
arch = "any"
deliver = { "tar.gz" = "fetch" }
url = "https://example.org/{{ sha256 }}.bin"

[component.more]
summary = "more weights of tally"
version = "3.0.0"
arch = "any"
required = false

[variant.cpu]
default = true
[variant.cuda]
only = ["ONLY"]
deb.suggests = ["libcuda1"]
[variant.rocm]
suffix = "-amd"
"#;

/// A folder with everything the manifest names.
fn project(more: &str) -> TempDir {
    let dir = TempDir::new().unwrap();
    let put = |name: &str, bytes: &[u8]| {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    };
    let arch = std::env::consts::ARCH;
    let text = MANIFEST.replace("ARCH", arch).replace("ONLY", &format!("linux-{arch}"));
    put("pkggen.toml", (text + more).as_bytes());
    let service = app("service");
    let program = service.join("target").join(host()).join("1.0.0/tallyd");
    fs::copy(program, dir.path().join("tallyd")).unwrap();
    fs::copy(service.join("1.0.0/tallyd.conf"), dir.path().join("tallyd.conf")).unwrap();
    put("LICENSE", b"MIT License\n\nCopyright 2026 Ana Example\n");
    for variant in ["cpu", "cuda", "rocm"] {
        put(&format!("{variant}/backend"), variant.as_bytes());
    }
    put("weights.bin", &noise(300_000));
    put("more.bin", &noise(70_000));
    dir
}

fn command(dir: &Path, args: &[&str]) -> Command {
    let mut command = pkggen(dir);
    command.args(args).arg("-m").arg(dir.join("pkggen.toml"));
    command
}

fn build(dir: &Path, args: &[&str]) -> BTreeMap<String, PathBuf> {
    let out = dir.join("dist");
    let mut command = command(dir, &["build"]);
    artifacts(&stdout(command.args(args).arg("--out").arg(out)))
}

fn plan(dir: &Path, args: &[&str]) -> serde_json::Value {
    let mut command = command(dir, &["plan", "--json"]);
    serde_json::from_str(&stdout(command.args(args))).unwrap()
}

fn fields(deb: &Path, names: &[&str]) -> String {
    stdout(Command::new("dpkg-deb").arg("-f").arg(deb).args(names))
}

fn debs(dir: &Path) -> BTreeMap<String, PathBuf> {
    let built = build(dir, &["deb"]);
    built.into_iter().map(|(name, path)| (name.split('_').next().unwrap().into(), path)).collect()
}

#[test]
fn a_variant_is_a_package_and_a_component_is_one_for_all_of_them() {
    let dir = project("");
    let built = build(dir.path(), &[]);
    let (deb, arch) = (common::debarch(), std::env::consts::ARCH);
    let mut want = vec![
        "tally-model_2.5.0_all.deb".to_owned(),
        "tally-more_3.0.0_all.deb".into(),
        "tally-model-2.5.0-1.noarch.rpm".into(),
        "tally-more-3.0.0-1.noarch.rpm".into(),
    ];
    for name in ["tally", "tally-cuda", "tally-amd"] {
        want.push(format!("{name}_1.0.0_{deb}.deb"));
        want.push(format!("{name}-1.0.0-1.{arch}.rpm"));
        want.push(format!("{name}-1.0.0-linux-{arch}.tar.gz"));
    }
    want.sort();
    assert_eq!(built.keys().cloned().collect::<Vec<_>>(), want);
}

#[test]
fn a_deb_says_which_variants_it_replaces_and_which_parts_it_wants() {
    if !have("a_deb_says_which_variants_it_replaces", &["dpkg-deb:dpkg"]) {
        return;
    }
    let dir = project("");
    let debs = debs(dir.path());
    let names = ["Recommends", "Suggests", "Conflicts", "Replaces", "Provides"];
    assert_eq!(
        fields(&debs["tally-cuda"], &names),
        "Recommends: tally-more\nSuggests: libcuda1\nConflicts: tally, tally-amd\n\
         Replaces: tally, tally-amd\nProvides: tally (= 1.0.0)\n"
    );
    assert!(fields(&debs["tally"], &["Depends"]).contains("tally-model"));
    assert_eq!(fields(&debs["tally"], &["Provides"]).trim(), "");
    let of_part =
        fields(&debs["tally-model"], &["Version", "Architecture", "Depends", "Conflicts"]);
    assert_eq!(of_part, "Version: 2.5.0\nArchitecture: all\n");
    let list = stdout(Command::new("dpkg-deb").arg("-c").arg(&debs["tally-model"]));
    assert!(list.contains("./usr/share/tally/models/weights.bin"), "{list}");
    assert!(list.contains("./usr/share/doc/tally-model/copyright"), "{list}");
}

#[test]
fn an_rpm_says_the_same_in_its_own_words() {
    if !have("an_rpm_says_the_same_in_its_own_words", &["rpm:rpm"]) {
        return;
    }
    let dir = project("");
    let built = build(dir.path(), &["rpm"]);
    let file = &built[&format!("tally-cuda-1.0.0-1.{}.rpm", std::env::consts::ARCH)];
    let query = |what: &str| stdout(Command::new("rpm").args(["-qp", what]).arg(file));
    assert_eq!(query("--conflicts"), "tally\ntally-amd\n");
    assert_eq!(query("--recommends"), "tally-more\n");
    assert!(query("--requires").contains("\ntally-model\n"));
    assert!(query("--provides").contains("\ntally = 1.0.0-1\n"));
    assert_eq!(query("--obsoletes"), "");
}

#[test]
fn a_model_is_the_same_package_whatever_the_program_is() {
    let dir = project("");
    let read = |built: BTreeMap<String, PathBuf>| -> BTreeMap<String, Vec<u8>> {
        let models = built.into_iter().filter(|(name, _)| name.contains("-mo"));
        models.map(|(name, path)| (name, fs::read(path).unwrap())).collect()
    };
    let before = read(build(dir.path(), &["deb", "rpm"]));
    fs::write(dir.path().join("tallyd.conf"), "# another\n").unwrap();
    let newer = ["deb", "rpm", "--set", "package.version=1.1.0", "--set", "package.release=2"];
    assert_eq!(before.len(), 4);
    assert!(before == read(build(dir.path(), &newer)), "an update ships the model again");
}

#[test]
fn what_is_downloaded_is_listed_with_its_digest_and_not_shipped() {
    let dir = project("");
    let built = build(dir.path(), &["tar.gz", "--variant", "cpu"]);
    let (_, path) = built.first_key_value().unwrap();
    let list = stdout(Command::new("tar").arg("tzf").arg(path));
    assert!(!list.contains("weights.bin") && list.contains("more.bin"), "{list}");
    let mut unpack = Command::new("tar");
    let json = stdout(unpack.arg("xzOf").arg(path).args(["--wildcards", "*/components.json"]));
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let file = &json["components"][0]["files"][0];
    let sum = stdout(Command::new("sha256sum").arg(dir.path().join("weights.bin")));
    let sum = sum.split(' ').next().unwrap();
    assert_eq!(file["sha256"], sum);
    assert_eq!(file["url"], format!("https://example.org/{sum}.bin"));
    assert_eq!(file["size"], 300_000);
    assert_eq!(file["path"], "share/models/weights.bin");
}

#[test]
fn the_plan_shows_variants_and_what_becomes_of_components() {
    let dir = project("");
    let plan = plan(dir.path(), &[]);
    let rows = plan["artifacts"].as_array().unwrap();
    let of = |variant: &str, format: &str| {
        let fits = |row: &&serde_json::Value| {
            row["variant"] == variant && row["format"] == format && row["component"].is_null()
        };
        rows.iter().find(fits).unwrap_or_else(|| panic!("{variant} {format}"))
    };
    let deliver = |row: &serde_json::Value| -> Vec<(String, String)> {
        let all = row["components"].as_array().unwrap().iter();
        let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
        all.map(|part| (text(&part["name"]), text(&part["deliver"]))).collect()
    };
    let pair = |name: &str, way: &str| (name.to_owned(), way.to_owned());
    assert_eq!(deliver(of("cuda", "deb")), [pair("model", "split"), pair("more", "split")]);
    assert_eq!(deliver(of("cpu", "tar.gz")), [pair("more", "embed"), pair("model", "fetch")]);
    assert!(rows.iter().any(|row| row["component"] == "more" && row["format"] == "rpm"));
}

#[test]
fn one_variant_can_be_asked_for_and_a_wrong_one_is_answered() {
    let dir = project("");
    let built = build(dir.path(), &["deb", "--variant", "rocm"]);
    assert!(built.keys().any(|name| name.starts_with("tally-amd_")), "{built:?}");
    assert!(!built.keys().any(|name| name.starts_with("tally_")), "{built:?}");
    let output = command(dir.path(), &["plan", "--variant", "cude"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).contains("the manifest has no variant `cude`"), "{}", said(&output));
}

#[test]
fn a_variant_that_no_target_has_is_an_error_and_left_out_where_nobody_asks() {
    let dir = project("");
    let path = dir.path().join("pkggen.toml");
    let text = fs::read_to_string(&path).unwrap();
    let elsewhere = format!("only = [\"linux-{}\"]", std::env::consts::ARCH);
    fs::write(&path, text.replace(&elsewhere, "only = [\"windows\"]")).unwrap();
    let left_out = plan(dir.path(), &["deb"])["left_out"].to_string();
    assert!(left_out.contains("it is only for `windows`"), "{left_out}");
    let output = command(dir.path(), &["plan", "--variant", "cuda"]).output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert!(said(&output).contains("variant `cuda` is asked for"), "{}", said(&output));
}

#[test]
fn libraries_of_a_driver_are_refused_with_the_reason() {
    let dir = project("");
    fs::write(dir.path().join("cuda/libcuda.so.1"), "").unwrap();
    let output = command(dir.path(), &["check"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let said = said(&output);
    assert!(said.contains("`libcuda.so.1` belongs to the graphics driver"), "{said}");
    assert!(said.contains("kernel's module"), "{said}");
}

#[test]
fn machine_code_in_a_component_for_all_architectures_is_refused() {
    let dir = project("");
    fs::copy(dir.path().join("tallyd"), dir.path().join("more.bin")).unwrap();
    let output = command(dir.path(), &["check"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).contains("component `more` is for all architectures"));
}

#[test]
fn a_component_without_a_version_goes_in_step_with_the_package() {
    if !have("a_component_without_a_version", &["dpkg-deb:dpkg", "rpm:rpm"]) {
        return;
    }
    let dir = project("[deb]\nepoch = 1\n[rpm]\nepoch = 1\n");
    let path = dir.path().join("pkggen.toml");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("version = \"2.5.0\"\n", "")).unwrap();
    let built = build(dir.path(), &["deb", "rpm", "--set", "package.release=2"]);
    let deb = &built[&format!("tally_1.0.0-2_{}.deb", common::debarch())];
    assert!(fields(deb, &["Depends"]).contains("tally-model (= 1:1.0.0-2)"));
    assert_eq!(fields(&built["tally-model_1.0.0-2_all.deb"], &["Version"]), "1:1.0.0-2\n");
    let rpm = &built[&format!("tally-1.0.0-2.{}.rpm", std::env::consts::ARCH)];
    let requires = stdout(Command::new("rpm").args(["-qp", "--requires"]).arg(rpm));
    assert!(requires.contains("tally-model = 1:1.0.0-2\n"), "{requires}");
}

#[test]
fn apt_and_dpkg_put_one_variant_in_the_place_of_another() {
    let dir = project("");
    let debs = debs(dir.path());
    let text = |name: &str| debs[name].to_str().unwrap().to_owned();
    let probe = "http://127.0.0.1:18471/health";
    let (one, other) = (text("tally"), text("tally-cuda"));
    let (model, more) = (text("tally-model"), text("tally-more"));
    let args =
        [&one, &other, "--service", "tally", "--probe", probe, "--also", &model, "--also", &more];
    check("switch-variant-deb.sh", &args);
}

#[test]
fn dnf_swaps_one_variant_for_another() {
    let dir = project("");
    let built = build(dir.path(), &["rpm"]);
    let text = |start: &str| {
        let found = built.iter().find(|(name, _)| name.starts_with(start));
        found.unwrap().1.to_str().unwrap().to_owned()
    };
    let probe = "http://127.0.0.1:18471/health";
    let (one, other, model) = (text("tally-1"), text("tally-cuda"), text("tally-model"));
    let args = [&one, &other, "--service", "tally", "--probe", probe, "--also", &model];
    check("switch-variant-rpm.sh", &args);
}

#[test]
fn a_newer_model_alone_is_an_upgrade() {
    let dir = project("");
    let debs = debs(dir.path());
    let app = fs::read(&debs["tally"]).unwrap();
    let path = dir.path().join("pkggen.toml");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("version = \"2.5.0\"", "version = \"2.5.1\"")).unwrap();
    fs::write(dir.path().join("weights.bin"), noise(300_001)).unwrap();
    // the lock is asked first
    stdout(&mut command(dir.path(), &["check", "--update-lock"]));
    let built = build(dir.path(), &["deb", "--variant", "cpu"]);
    assert!(
        app == fs::read(&debs["tally"]).unwrap(),
        "a newer model needs a new build of the program"
    );
    let newer = built["tally-model_2.5.1_all.deb"].to_str().unwrap();
    let text = |name: &str| debs[name].to_str().unwrap().to_owned();
    if !have("a_newer_model_alone_is_an_upgrade", &["dpkg-deb:dpkg"]) {
        return;
    }
    check("deb-install-lifecycle.sh", &[newer, &text("tally-model")]);
}

#[test]
fn a_model_that_shares_a_file_with_another_needs_it_in_the_same_version() {
    if !have("a_model_that_shares_a_file", &["dpkg-deb:dpkg", "rpm:rpm"]) {
        return;
    }
    let dir = TempDir::new().unwrap();
    let store = dir.path().join("store");
    for (name, seed) in [("one:1b", 1), ("two:1b", 2)] {
        let gguf = gguf::tiny(seed).bytes();
        ollama::add(&store, &ollama::Model { gguf, ..ollama::Model::new(name) });
    }
    let text = "[package]\nname = \"hub\"\nversion = \"1.0.0\"\nsummary = \"models\"\n\
        license = \"MIT\"\nauthors = [\"Ana <ana@example.org>\"]\n\
        [targets]\nlinux = { arch = [\"x86_64\"], formats = [\"deb\", \"rpm\"] }\n\
        [payload]\nfiles = [\n\
        { source = \"ollama:one:1b\", type = \"model\", component = \"one\" },\n\
        { source = \"ollama:two:1b\", type = \"model\", component = \"two\" },\n]\n\
        [component.one]\nsummary = \"first\"\nversion = \"1.1.0\"\narch = \"any\"\n\
        [component.two]\nsummary = \"second\"\nversion = \"1.2.0\"\narch = \"any\"\nrequired = false\n";
    fs::write(dir.path().join("pkggen.toml"), text).unwrap();
    let built = build(dir.path(), &["--ollama-models", store.to_str().unwrap()]);
    let depends = |name: &str| fields(&built[name], &["Depends"]).trim().to_owned();
    assert_eq!(depends("hub-two_1.2.0_all.deb"), "hub-one (= 1.1.0)");
    assert_eq!(depends("hub-one_1.1.0_all.deb"), "");
    let rpm = Command::new("rpm")
        .args(["-qp", "--requires"])
        .arg(&built["hub-two-1.2.0-1.noarch.rpm"])
        .output()
        .unwrap();
    assert!(said(&rpm).contains("hub-one = 1.1.0\n"), "{}", said(&rpm));
}
