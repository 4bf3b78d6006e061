use std::{fs, path::Path};

use super::*;
use crate::{
    diagnostic::Diagnostics,
    format::TABLES,
    layout::{DEBIAN, Layout, PORTABLE},
    manifest::{self, Manifest},
    package::{
        Arch, Dest, Entry, Os, Package, Plist, Scope, SeedMode, Target, WindowsHost,
        program::samples,
    },
    tree::{Kind, PayloadType},
};

pub(super) struct Bench {
    pub(super) dir: tempfile::TempDir,
    pub(super) manifest: Manifest,
    pub(super) settings: Settings,
    pub(super) sources: Sources,
}

const HEAD: &str = "[package]\nname = \"demo\"\nversion = \"1.2.0\"\nsummary = \"shows\"\n\
                    license = \"MIT\"\nauthors = [\"Ana <ana@example.org>\"]\n";

impl Bench {
    /// A manifest after `[package]`, and files; `program:TARGET` is a program, `model` a
    /// tiny one.
    pub(super) fn new(rest: &str, files: &[(&str, &str)]) -> Self {
        Self::whole(&format!("{HEAD}{rest}"), files)
    }

    pub(super) fn whole(text: &str, files: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let bytes = match text.strip_prefix("program:") {
                Some(target) => samples::program(Target::parse(target).unwrap()),
                None if *text == "model" => gguf::sample::tiny(0).bytes(),
                None => text.as_bytes().to_vec(),
            };
            put(dir.path(), name, &bytes);
        }
        let manifest = manifest::parse("pkggen.toml", text, TABLES);
        let manifest = manifest.unwrap_or_else(|errors| panic!("{}", listing(&errors)));
        let made = vec!["deb", "tar", "zip"];
        let sources = Sources::new(dir.path());
        Self { dir, manifest, settings: Settings { made, ..Settings::default() }, sources }
    }

    pub(super) fn job(&self, target: &str, spelling: &str) -> Job {
        let formats = self.manifest.tables().iter().flat_map(|table| table.formats);
        let found = formats
            .flat_map(|format| format.spellings.iter().map(move |spelling| (format, *spelling)))
            .find(|(_, there)| *there == spelling);
        let (format, spelling) = found.unwrap();
        Job { target: Target::parse(target).unwrap(), format, spelling, variant: None }
    }

    pub(super) fn resolve(&self, target: &str, spelling: &str) -> Result<Resolved, Diagnostics> {
        let layout: &dyn Layout = if spelling == "deb" { &DEBIAN } else { &PORTABLE };
        let job = self.job(target, spelling);
        resolve(&self.manifest, &job, &self.settings, &self.sources, layout)
    }

    fn deb(&self) -> Resolved {
        let resolved = self.resolve("linux-x86_64", "deb");
        resolved.unwrap_or_else(|errors| panic!("{}", listing(&errors)))
    }

    fn errors(&self) -> Vec<String> {
        let errors = self.resolve("linux-x86_64", "deb").unwrap_err().errors;
        errors.into_iter().map(|error| error.message).collect()
    }
}

fn put(dir: &Path, name: &str, bytes: &[u8]) {
    let path = dir.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

pub(super) fn listing(errors: &Diagnostics) -> String {
    let errors: Vec<_> = errors.errors.iter().map(|error| format!("{error}\n")).collect();
    errors.concat()
}

/// `bin app 0755`.
fn lines(entries: &[Entry]) -> Vec<String> {
    let dest = |dest: &Dest| match dest {
        Dest::TypeDir => ".".to_owned(),
        Dest::InType(path) => path.to_string(),
        Dest::Absolute(path) => format!("/{path}"),
    };
    entries
        .iter()
        .map(|entry| {
            let kind = match &entry.kind {
                Kind::Dir => " dir".to_owned(),
                Kind::File(_) => String::new(),
                Kind::Symlink(target) => format!(" -> {target}"),
                Kind::Ghost => " ghost".to_owned(),
            };
            format!("{} {} {}{kind}", entry.role.word(), dest(&entry.dest), entry.mode)
        })
        .collect()
}

#[test]
fn items_become_entries_with_their_modes() {
    let bench = Bench::new(
        r#"
[payload]
files = [
  { source = "app", type = "bin" },
  { source = "conf", type = "config", dest = "demo.conf", mode = "0640" },
  { source = "data/", type = "data", dest = "assets/", rename = { "old" = "new" } },
  { text = "hi", type = "doc", dest = "notes/hello" },
  { source = "etc", type = "data", dest = "/etc/cron.d/demo", only = ["linux"] },
]
dirs = [{ type = "state", mode = "0750" }, { type = "log", dest = "x" }]
links = [{ type = "bin", dest = "d", target = "app" }]
ghosts = [{ type = "cache", dest = "index" }]
"#,
        &[
            ("app", "program:linux-x86_64"),
            ("conf", "x"),
            ("data/old", "x"),
            ("data/sub/x", "x"),
            ("etc", "x"),
        ],
    );
    assert_eq!(
        lines(&bench.deb().package.entries),
        [
            "bin app 0755",
            "config demo.conf 0640",
            "data assets/new 0644",
            "data assets/sub/x 0644",
            "doc notes/hello 0644",
            "data /etc/cron.d/demo 0644",
            "state . 0750 dir",
            "log x 0755 dir",
            "bin d 0777 -> app",
            "cache index 0644 ghost",
        ]
    );
}

#[test]
fn selectors_choose_items() {
    let bench = Bench::new(
        r#"
[payload]
files = [
  { source = "a", type = "data", only = ["deb"] },
  { source = "b", type = "data", except = ["linux"] },
  { source = "c", type = "data", only = ["macos", "linux-x86_64"] },
  { source = "d", type = "data", only = ["tar"] },
]
"#,
        &[("a", ""), ("b", ""), ("c", ""), ("d", "")],
    );
    assert_eq!(lines(&bench.deb().package.entries), ["data a 0644", "data c 0644"]);
    let tar = bench.resolve("macos-aarch64", "tar.gz").unwrap();
    let names = lines(&tar.package.entries);
    assert_eq!(names, ["data b 0644", "data c 0644", "data d 0644"]);
}

#[test]
fn names_are_replaced_by_those_of_the_artifact() {
    let bench = Bench::new(
        r#"
title = "Demo {{ arch }}"
[vars]
where = "out/{{ os }}"
[payload]
root = "{{ where }}"
files = [{ source = "{{ name }}-{{ version }}-{{ debarch }}{{ exe }}", type = "data" }]
[service.demo]
exec = ["{{ dir.data }}/demo-1.2.0-amd64", "--title", "{{ title }}"]
"#,
        &[("out/linux/demo-1.2.0-amd64", "")],
    );
    let package = bench.deb().package;
    assert_eq!(package.title, "Demo x86_64");
    assert_eq!(
        package.services[0].exec,
        ["/usr/share/demo/demo-1.2.0-amd64", "--title", "Demo x86_64"]
    );
}

#[test]
fn every_mistake_is_reported_at_once_with_its_place() {
    let bench = Bench::new(
        r#"
license-files = ["LICENCE"]
changelog = "CHANGES"
icon = "icon.png"
[payload]
files = [
  { source = "gone", type = "bin" },
  { source = "several/*", type = "data", dest = "one" },
  { source = "arm", type = "bin" },
]
links = [{ type = "bin", dest = "arm", target = "x" }]
[service.demo]
exec = ["{{ dir.libexec }}/demo"]
[scripts.deb]
post-install = "script.sh"
"#,
        &[("a", ""), ("several/1", ""), ("several/2", ""), ("arm", "program:linux-aarch64")],
    );
    let errors = bench.resolve("linux-x86_64", "deb").unwrap_err();
    assert!(errors.errors.iter().all(|error| error.place.is_some()), "{}", listing(&errors));
    let messages: Vec<_> = errors.errors.iter().map(|error| error.message.as_str()).collect();
    assert_eq!(
        messages,
        [
            "`LICENCE` does not exist",
            "`CHANGES` does not exist",
            "`icon.png` does not exist",
            "payload `gone` does not exist",
            "`dest` is `one`, the name of one file, and the source is several",
            "`arm` is a Linux aarch64 program (ELF), but this package is for linux-x86_64",
            "`arm` of type `bin` is there twice",
            "the service runs `/usr/libexec/demo/demo`, which this package does not ship",
            "`script.sh` does not exist",
        ]
    );
    assert_eq!(errors.exit_code(), 2);
}

#[test]
fn two_items_on_one_path_name_both_places() {
    let bench = Bench::new(
        "[payload]\nfiles = [\n{ source = \"a\", type = \"data\" },\n{ source = \"b\", type = \"data\", dest = \"a\" },\n]",
        &[("a", ""), ("b", "")],
    );
    let error = bench.resolve("linux-x86_64", "deb").unwrap_err().errors.remove(0);
    assert_eq!(error.place.unwrap().line_column().0, 10);
    assert!(error.label.unwrap().starts_with("the other one is at pkggen.toml:9:"));
}

#[test]
fn directories_may_come_from_several_items() {
    let bench = Bench::new(
        "[payload]\nfiles = [\n{ source = \"a/\", type = \"data\" },\n{ source = \"b/\", type = \"data\" },\n]\ndirs = [{ type = \"data\", dest = \"empty\", mode = \"0700\" }]",
        &[("a/x", ""), ("b/y", "")],
    );
    fs::create_dir(bench.dir.path().join("a/empty")).unwrap();
    fs::create_dir(bench.dir.path().join("b/empty")).unwrap();
    let entries = bench.deb().package.entries;
    assert_eq!(lines(&entries), ["data empty 0700 dir", "data x 0644", "data y 0644"]);
}

#[test]
fn a_missing_optional_source_is_listed_not_refused() {
    let bench = Bench::new(
        "[payload]\nfiles = [{ source = \"man/*.1\", type = \"man\", optional = true }]",
        &[],
    );
    assert_eq!(bench.deb().absent, ["man/*.1"]);
}

#[test]
fn a_service_owns_the_state_directory_with_its_mode() {
    let bench = Bench::new(
        r#"
[payload]
files = [{ source = "app", type = "bin" }]
dirs = [{ type = "state", mode = "0750", owner = "demo", group = "demo" }]
[service.demo]
exec = ["{{ dir.bin }}/app", "--state", "{{ dir.state }}"]
after = ["network-online", "postgresql"]
groups = ["render"]
systemd.Service = { MemoryMax = "80%", DeviceAllow = ["a", "b"] }
"#,
        &[("app", "#!/bin/sh\n")],
    );
    let service = &bench.deb().package.services[0];
    assert_eq!(service.user.as_deref(), Some("demo"));
    assert_eq!(service.dirs.state, Some(("demo".into(), 0o750)));
    assert_eq!(service.exec, ["/usr/bin/app", "--state", "/var/lib/demo"]);
    assert_eq!(service.systemd["Service"].len(), 3);
    assert_eq!((service.enable, service.start, service.raw_unit), (None, None, false));
}

#[test]
fn what_a_service_says_about_its_health_and_other_systems_is_passed_on() {
    let bench = Bench::new(
        "[payload]\nfiles = [{ source = \"d\", type = \"bin\" }]\n[service.demo]\n\
         exec = [\"{{ dir.bin }}/d\"]\nhealth = { http = \"http://127.0.0.1:1/h\", within = \"2m\" }\n\
         launchd = { Nice = 5, Sockets.A = [{ B = true }] }\n\
         windows = { display-name = \"Demo\", host = \"shim\" }\n",
        &[("d", "program:linux-x86_64")],
    );
    let service = bench.deb().package.services.remove(0);
    let health = service.health.unwrap();
    assert_eq!((health.url.as_str(), health.within.as_secs()), ("http://127.0.0.1:1/h", 120));
    let inner = Plist::Dict(vec![("B".into(), Plist::Bool(true))]);
    let sockets = Plist::Dict(vec![("A".into(), Plist::Array(vec![inner]))]);
    let want = vec![("Nice".to_owned(), Plist::Integer(5)), ("Sockets".to_owned(), sockets)];
    assert_eq!(service.launchd, want);
    assert_eq!(service.windows.display_name, "Demo");
    assert_eq!(service.windows.host, WindowsHost::Shim);
}

#[test]
fn in_an_archive_the_program_of_a_service_is_relative_and_shipped() {
    let bench = Bench::new(
        "[payload]\nfiles = [{ source = \"app\", type = \"bin\" }]\n[service.demo]\nexec = [\"{{ dir.bin }}/app\"]",
        &[("app", "#!/bin/sh\n")],
    );
    let tar = bench.resolve("linux-x86_64", "tar.gz").unwrap();
    assert_eq!(
        tar.package.services[0].exec,
        [format!("{}/bin/app", crate::package::moving::IMAGE)]
    );
}

#[test]
fn homes_and_the_port_of_the_users_ollama_are_warned_of() {
    let manifest = |scope: &str| {
        let rest = format!(
            "[payload]\nfiles = [{{ source = \"s\", type = \"bin\" }}]\n[service.demo]\n{scope}\n\
             exec = [\"{{{{ dir.bin }}}}/s\", \"/home/ana/x\"]\n\
             env = {{ OLLAMA_HOST = \"127.0.0.1:11434\", A = \"/srv/x\" }}\n"
        );
        let bench = Bench::new(&rest, &[("s", "program:linux-x86_64")]);
        let warnings = bench.deb().warnings.into_iter().map(|warning| {
            assert!(warning.place.is_some());
            warning.code
        });
        warnings.collect::<Vec<_>>()
    };
    assert_eq!(manifest(""), ["service.home", "service.port"]);
    assert_eq!(manifest("systemd.Service.ProtectHome = \"no\""), ["service.port"]);
    assert_eq!(manifest("scope = \"user\""), ["service.port"]);
}

#[test]
fn a_seeded_store_brings_its_program() {
    let bench = Bench::new(
        "[payload]\nfiles = [{ source = \"s\", type = \"bin\" }]\n[service.demo]\n\
         exec = [\"{{ dir.bin }}/s\"]\nseed = \"{{ dir.state }}/models\"\nseed-mode = \"copy\"\n",
        &[("s", "program:linux-x86_64")],
    );
    let deb = bench.deb().package;
    assert_eq!(lines(&deb.entries)[1], "libexec seed-models 0755");
    let seed = deb.services[0].seed.clone().unwrap();
    assert_eq!(seed.from, "/usr/share/demo/models");
    assert_eq!((seed.to.as_str(), seed.mode), ("/var/lib/demo/models", SeedMode::Copy));
    assert_eq!(seed.program, "/usr/libexec/demo/seed-models");
}

#[test]
fn a_launcher_is_shipped_and_a_service_may_name_it() {
    let bench = Bench::new(
        "[payload]\nfiles = [{ source = \"s\", type = \"libexec\" }]\n\
         [launcher.serve]\ntype = \"libexec\"\nexec = [\"{{ dir.libexec }}/s\", \"--at={{ dir.data }}\"]\n\
         env = { P = \"{{ dir.state }}\" }\n[service.demo]\nexec = [\"serve\", \"{{ dir.config }}/c\"]\n",
        &[("s", "program:linux-x86_64")],
    );
    let deb = bench.deb().package;
    assert_eq!(lines(&deb.entries)[1], "libexec serve 0755");
    assert_eq!(deb.services[0].exec, ["/usr/libexec/demo/serve", "/etc/demo/c"]);
    let text = |package: &Package| match &package.entries[1].kind {
        Kind::File(blob) => String::from_utf8(blob.bytes().unwrap().to_vec()).unwrap(),
        other => panic!("{other:?}"),
    };
    assert!(text(&deb).contains("exec \"$pkggen_program\" '--at=/usr/share/demo' \"$@\""));
    let tar = bench.resolve("linux-x86_64", "tar.gz").unwrap().package;
    let image = crate::package::moving::IMAGE;
    let want = [format!("{image}/libexec/serve"), format!("{image}/etc/c")];
    assert_eq!(tar.services[0].exec, want);
    let script = text(&tar);
    assert!(script.contains("pkggen_file \"$pkggen_image\"/libexec/s"), "{script}");
    assert!(script.contains("\nP=\"$pkggen_state\"\n"), "{script}");
}

#[test]
fn mistakes_in_launchers_have_their_places() {
    let bench = Bench::new(
        "[launcher.a]\nfind = [\"env:1X\", \"path:a/b\", \"server\", \"{{ dir.libexec }}/gone\"]\n\
         [launcher.b]\nexec = [\"a/b\"]\nenv = { P = { prefix = \"\" } }\n",
        &[],
    );
    let errors = bench.resolve("linux-x86_64", "tar.gz").unwrap_err();
    let told: Vec<_> = errors.errors.iter().map(|error| error.message.clone()).collect();
    let want = [
        "`1X` is no name of an environment variable",
        "`a/b` is no name that PATH could have",
        "`server` is no path",
        "`libexec/gone` is not in this package",
        "`a/b` is neither a path nor the name of a program",
        "nothing is added to `P`: an empty element is the working directory to many programs",
    ];
    assert_eq!(told, want, "{}", listing(&errors));
    assert!(errors.errors.iter().all(|error| error.place.is_some()));
}

#[test]
fn a_program_that_is_not_shipped_in_our_own_directory_is_an_error() {
    let bench = Bench::new(
        "[payload]\nfiles = [{ source = \"server\", type = \"libexec\" }]\n[service.demo]\nexec = [\"{{ dir.libexec }}/sever\"]",
        &[("server", "#!/bin/sh\n")],
    );
    let error = bench.resolve("linux-x86_64", "deb").unwrap_err().errors.remove(0);
    let want = "the service runs `/usr/libexec/demo/sever`, which this package does not ship";
    assert_eq!(error.message, want);
    assert_eq!(error.hint.as_deref(), Some("it ships `server`"));
}

#[test]
fn raw_units_are_registered_templates_are_not() {
    let unit = "[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=x\n";
    let bench = Bench::new(
        "[payload]\nfiles = [{ source = \"units/\", type = \"service\" }]",
        &[
            ("units/a.service", unit),
            ("units/a.timer", "[Timer]\n"),
            ("units/b@.service", unit),
            ("units/user/c.service", unit),
            ("units/a.service.d/x.conf", ""),
        ],
    );
    let services = bench.deb().package.services;
    let names: Vec<_> =
        services.iter().map(|s| (s.unit(), s.scope == Scope::User, s.installable)).collect();
    assert_eq!(
        names,
        [
            ("a.service".into(), false, true),
            ("a.timer".into(), false, false),
            ("c.service".into(), true, true)
        ]
    );
}

#[test]
fn an_icon_and_a_program_make_a_menu_entry() {
    let bench = Bench::new(
        "icon = \"icon.png\"\n[payload]\nfiles = [{ source = \"app\", type = \"bin\" }]",
        &[("app", "#!/bin/sh\n")],
    );
    let mut png = std::io::Cursor::new(Vec::new());
    let picture = image::RgbaImage::from_pixel(128, 128, image::Rgba([1, 2, 3, 255]));
    picture.write_to(&mut png, image::ImageFormat::Png).unwrap();
    put(bench.dir.path(), "icon.png", &png.into_inner());
    let resolved = bench.deb();
    let desktop = resolved.package.desktop.unwrap();
    assert_eq!(
        (desktop.exec.as_str(), desktop.title.as_str(), desktop.icon),
        ("app", "demo", true)
    );
    assert!(lines(&resolved.package.entries).contains(&"icon 128x128/apps/demo.png 0644".into()));
    assert!(resolved.warnings[0].message.contains("has 128 pixels"));
}

#[test]
fn a_menu_entry_must_start_a_program_of_the_package() {
    let bench = Bench::new(
        "[desktop]\nexec = \"other --x\"\n[payload]\nfiles = [{ source = \"app\", type = \"bin\" }]",
        &[("app", "#!/bin/sh\n")],
    );
    let want = "the menu entry starts `other`, which is no `bin` of this package";
    assert_eq!(bench.errors(), [want]);
}

#[test]
fn the_date_is_that_of_the_variable_or_the_manifest_or_1980() {
    let mut bench = Bench::new("", &[]);
    assert_eq!(bench.deb().package.epoch, 315_532_800);
    bench.settings.env.insert("SOURCE_DATE_EPOCH".into(), "1700000000".into());
    assert_eq!(bench.deb().package.epoch, 1_700_000_000);
    bench.settings.env.insert("SOURCE_DATE_EPOCH".into(), "now".into());
    assert_eq!(bench.errors(), ["`SOURCE_DATE_EPOCH` is `now`, which is no number of seconds"]);
}

#[test]
fn scripts_of_the_strongest_selector_win() {
    let bench = Bench::new(
        "[scripts.linux]\npost-install = \"a.sh\"\npre-remove = \"r.sh\"\n[scripts.deb]\npost-install = \"b.sh\"\n",
        &[("a.sh", "a"), ("b.sh", "b"), ("r.sh", "r")],
    );
    let scripts = bench.deb().package.scripts;
    let texts: Vec<_> = scripts.values().map(|script| script.text.as_str()).collect();
    assert_eq!(texts, ["b", "r"]);
}

#[test]
fn one_shard_brings_the_others_and_two_items_may_name_them() {
    let text = "[payload]\nfiles = [\n\
                { source = \"m/a-00002-of-00003.gguf\", type = \"model\", dest = \"big/\" },\n\
                { source = \"m/a-00001-of-00003.gguf\", type = \"model\", dest = \"big/\" }]";
    let bench = Bench::new(text, &[]);
    for (number, shard) in gguf::sample::shards(0, 3).iter().enumerate() {
        let name = format!("m/a-{:05}-of-00003.gguf", number + 1);
        put(bench.dir.path(), &name, &shard.bytes());
    }
    let want = [1, 2, 3].map(|number| format!("model big/a-{number:05}-of-00003.gguf 0644"));
    assert_eq!(lines(&bench.deb().package.entries), want);
}

#[test]
fn a_model_that_is_no_gguf_is_left_alone() {
    let text = "[payload]\nfiles = [{ source = \"m\", type = \"model\" }]";
    let bench = Bench::new(text, &[("m/model.safetensors", "\u{8}"), ("m/README.md", "x")]);
    assert_eq!(bench.deb().package.entries.len(), 2);
}

#[test]
fn the_same_file_is_one_blob_in_every_format() {
    let bench =
        Bench::new("[payload]\nfiles = [{ source = \"a\", type = \"data\" }]", &[("a", "x")]);
    let blob = |resolved: Resolved| match resolved.package.entries[0].kind.clone() {
        Kind::File(blob) => blob,
        _ => panic!("a file"),
    };
    let (deb, tar) = (bench.deb(), bench.resolve("linux-x86_64", "tar.gz").unwrap());
    let deb = blob(deb);
    deb.learn(crate::payload::Facts::new(crate::digest::Digests::of(b"x"), vec![]));
    assert!(blob(tar).facts().is_some());
}

#[test]
fn license_files_are_entries_and_texts() {
    let bench = Bench::new("license-files = [\"docs/LICENSE\"]\n", &[("docs/LICENSE", "MIT")]);
    let package = bench.deb().package;
    assert_eq!(lines(&package.entries), ["license LICENSE 0644"]);
    assert_eq!(package.license_files[0].0, "LICENSE");
    assert_eq!(package.entries[0].role, PayloadType::License);
}

#[test]
fn a_license_file_that_is_a_document_already_is_not_there_twice() {
    let text = "license-files = [\"LICENSE\"]\n[payload]\n\
                files = [{ source = \"LICENSE\", type = \"doc\" }]\n";
    let package = Bench::new(text, &[("LICENSE", "MIT")]).deb().package;
    assert_eq!(lines(&package.entries), ["doc LICENSE 0644"]);
    assert_eq!(package.license_files.len(), 1);
}

#[test]
fn a_wide_program_check_covers_every_target() {
    for target in Target::all().filter(|target| target.arch != Arch::Universal) {
        let files = [("app", "program:linux-x86_64")];
        let bench = Bench::new("[payload]\nfiles = [{ source = \"app\", type = \"bin\" }]", &files);
        let fits = target.os == Os::Linux && target.arch == Arch::X86_64;
        assert_eq!(bench.resolve(&target.to_string(), "zip").is_ok(), fits, "{target}");
    }
}

#[test]
fn thousands_of_files_are_all_there_in_every_format() {
    let bench = Bench::new("[payload]\nfiles = [{ source = \"many\", type = \"libexec\" }]", &[]);
    for dir in 0..20 {
        let path = bench.dir.path().join(format!("many/{dir}"));
        fs::create_dir_all(&path).unwrap();
        for file in 0..100 {
            fs::write(path.join(file.to_string()), "").unwrap();
        }
    }
    assert_eq!(bench.deb().package.entries.len(), 2_000);
    assert_eq!(bench.resolve("linux-x86_64", "zip").unwrap().package.entries.len(), 2_000);
}
