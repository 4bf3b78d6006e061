//! A daemon and a plain script, described, written, and read by dpkg-deb.

use std::{collections::BTreeSet, path::PathBuf, process::Command};

use super::*;
use crate::{
    digest::Want,
    manifest::Node as Toml,
    package::{
        Calling, Dependency, Dest, Scope, Script, ScriptEvent, Seed, SeedMode, Service, StateDirs,
        Upgrade, Version, sample, sample_entry as entry, sample_service,
    },
    payload::ingest,
    tree::{InstallPath, Kind, PayloadType},
};

/// The name every renderer has to survive.
const AWKWARD: &str = r#"O'Brien & "Söhne" 100% $HOME \n"#;

fn service(name: &str) -> Service {
    Service {
        exec: vec![format!("/usr/bin/{name}"), "serve".into()],
        after: vec![Dependency::NetworkOnline],
        dirs: StateDirs { state: Some((name.into(), 0o750)), ..StateDirs::default() },
        ..sample_service(name)
    }
}

/// A daemon with configuration, man page, completion, state and a licence.
fn daemon(version: &str) -> Package {
    let page = ".TH SAMPLE 1\n.SH NAME\nsample \\- prints a greeting\n.SH SYNOPSIS\nsample serve\n";
    let mut state = entry(PayloadType::State, "x", "");
    (state.kind, state.dest, state.mode) = (Kind::Dir, Dest::TypeDir, Mode(0o750));
    (state.owner, state.group) = ("sample".into(), "sample".into());
    Package {
        version: Version::parse(version).unwrap(),
        summary: "greets everybody on the network".into(),
        description: "A server that greets. It is here to see packages at work, from the first \
                      installation to the last removal.\n\n* it greets\n* it waits"
            .into(),
        license_files: vec![("LICENSE".into(), Blob::from_bytes("Permission is granted.\n"))],
        entries: vec![
            entry(PayloadType::Bin, "sample", "#!/bin/sh\nexec sleep 1000\n"),
            entry(PayloadType::Config, "sample.toml", &format!("# default of {version}\n")),
            entry(PayloadType::Man, "sample.1", page),
            entry(PayloadType::Completion, "sample.bash", "complete -W serve sample\n"),
            entry(PayloadType::License, "LICENSE", "Permission is granted.\n"),
            state,
        ],
        services: vec![service("sample")],
        ..sample()
    }
}

/// Where the files of a test are.
struct Built {
    dir: tempfile::TempDir,
    file: PathBuf,
    report: Report,
    expected: Report,
}

fn build(package: &Package, text: &str) -> Built {
    try_build(package, text).unwrap_or_else(|found| panic!("{:#?}", found.errors))
}

fn try_build(package: &Package, text: &str) -> Result<Built, Diagnostics> {
    let manifest = Toml::sample(text);
    let cx = Context { spelling: "deb", manifest: &manifest, target: package.target, signer: None };
    let bench = Bench::for_tests();
    let tree = Deb.tree(package, &cx)?;
    let blobs: Vec<_> = tree.iter().filter_map(|(_, node)| node.blob().cloned()).collect();
    ingest(&blobs, &BTreeSet::from([Deb.packing(package, &cx)?]), Deb.digests(), &bench).unwrap();
    let plan = Deb.plan(package, tree, &cx, &bench)?;
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join(Deb.file_name(package, &cx)?);
    splice::write(&plan.recipe, dir.path(), &bench).unwrap().publish(&file).unwrap();
    let report =
        Deb.read(&mut std::fs::File::open(&file).unwrap(), Want::Md5Too).unwrap().without_md5();
    Ok(Built { dir, file, report, expected: plan.expected })
}

fn messages(result: Result<Built, Diagnostics>) -> Vec<String> {
    let found = result.map(|_| ()).unwrap_err();
    found.errors.iter().map(|error| error.message.clone()).collect()
}

/// What a tool prints; `None` when it is not installed.
fn run(program: &str, args: &[&str]) -> Option<String> {
    let Ok(run) = Command::new(program).args(args).output() else {
        eprintln!("skipped: no {program}");
        return None;
    };
    let (out, err) = (String::from_utf8(run.stdout).unwrap(), String::from_utf8_lossy(&run.stderr));
    assert!(run.status.success(), "{program} {args:?}: {err}");
    Some(out)
}

fn script<'a>(built: &'a Built, name: &str) -> &'a str {
    str::from_utf8(&built.report.metadata[name].content).unwrap()
}

#[test]
fn a_package_reads_back_as_it_was_planned() {
    let built = build(&daemon("1.0.0"), "");
    assert!(built.report.problems.is_empty(), "{:#?}", built.report.problems);
    assert_eq!(built.report.fields, built.expected.fields);
    assert_eq!(built.report.metadata, built.expected.metadata);
    assert_eq!(built.report.entries, built.expected.entries);
    assert_eq!(built.report.members, built.expected.members);
}

#[test]
fn the_same_package_has_the_same_bytes() {
    let bytes = || std::fs::read(build(&daemon("1.0.0"), "").file).unwrap();
    assert_eq!(bytes(), bytes());
}

#[test]
fn dpkg_deb_reads_fields_and_files() {
    let built = build(&daemon("1.0.0"), "deb = { section = \"net\" }");
    let file = built.file.to_str().unwrap();
    let Some(fields) = run("dpkg-deb", &["-f", file]) else { return };
    assert!(
        fields.starts_with("Package: sample\nVersion: 1.0.0\nArchitecture: amd64\n"),
        "{fields}"
    );
    assert!(fields.contains("\nDepends: systemd | systemd-standalone-sysusers\n"), "{fields}");
    assert!(fields.contains("\nSection: net\nPriority: optional\n"), "{fields}");
    let out = built.dir.path().join("out");
    run("dpkg-deb", &["-x", file, out.to_str().unwrap()]);
    assert!(out.join("usr/lib/systemd/system/sample.service").is_file());
    assert!(out.join("usr/share/man/man1/sample.1.gz").is_file());
    assert!(!out.join("usr/share/doc/sample/LICENSE").exists(), "its text is in copyright");
    assert!(!out.join("var").exists(), "state is made on the machine");
}

#[test]
fn everything_below_etc_is_a_conffile_and_not_in_md5sums() {
    let built = build(&daemon("1.0.0"), "");
    assert_eq!(script(&built, "conffiles"), "/etc/sample/sample.toml\n");
    let sums = script(&built, "md5sums");
    assert!(sums.contains("  usr/bin/sample\n") && !sums.contains("etc/"), "{sums}");
}

#[test]
fn scripts_parse_in_dash_and_busybox() {
    let mut package = daemon("1.0.0");
    package.services[0].upgrade = Upgrade::StopFirst;
    let mut port = entry(PayloadType::Bin, "port", "#!/bin/sh\n");
    port.capabilities = Some("cap_net_bind_service=ep".into());
    let mut theirs = entry(PayloadType::Data, AWKWARD, "x");
    theirs.owner = "sample".into();
    let mut ghost = entry(PayloadType::Config, "made.conf", "");
    ghost.kind = Kind::Ghost;
    package.entries.extend([port, theirs, ghost]);
    let text = "#!/bin/sh\ncase $1 in\ninstall) exit 0 ;;\nesac\n[ 1 = 2 ]\n".to_owned();
    let user = Script { text, calling: Calling::Neutral, extension: String::new(), place: None };
    for (event, _) in ScriptEvent::ALL {
        package.scripts.insert(event, user.clone());
    }
    let built = build(&package, "");
    for name in ["preinst", "postinst", "prerm", "postrm"] {
        let path = built.dir.path().join(name);
        std::fs::write(&path, script(&built, name)).unwrap();
        let path = path.to_str().unwrap();
        run("dash", &["-n", path]);
        run("busybox", &["sh", "-n", path]);
    }
    assert!(script(&built, "postinst").contains("setcap 'cap_net_bind_service=ep'"));
    assert!(script(&built, "postinst").contains("chown sample:root"));
    assert!(script(&built, "postrm").contains("rm -f \"${DPKG_ROOT:-}\"/etc/sample/made.conf"));
    assert!(script(&built, "postrm").contains("rm -rf \"${DPKG_ROOT:-}\"/var/lib/sample\n"));
    assert!(script(&built, "preinst").contains("deb-systemd-invoke stop sample.service"));
    let depends = built.report.field("Depends").unwrap();
    assert!(depends.contains("libcap2-bin"), "{depends}");
}

/// Runs a script with stand-ins for nothing: only the user's part may print.
fn call(text: &str, args: &[&str]) -> (String, Option<i32>) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("script");
    std::fs::write(&path, text).unwrap();
    let run = Command::new("sh").arg(&path).args(args).output().unwrap();
    (String::from_utf8(run.stdout).unwrap(), run.status.code())
}

#[test]
fn the_users_script_gets_one_word() {
    let mut package = sample();
    for (event, name) in ScriptEvent::ALL {
        let text = format!("#!/bin/sh\necho \"{name} $*\"\nexit 0\n");
        package.scripts.insert(
            event,
            Script { text, calling: Calling::Neutral, extension: String::new(), place: None },
        );
    }
    let built = build(&package, "");
    for (name, args, want) in [
        ("preinst", &["install"][..], "pre-install install\n"),
        ("preinst", &["upgrade", "1.0", "2.0"], "pre-install upgrade\n"),
        ("postinst", &["configure", ""], "post-install install\n"),
        ("postinst", &["configure", "1.0"], "post-install upgrade\n"),
        ("postinst", &["abort-upgrade", "1.0"], ""),
        ("postinst", &["triggered", "x"], ""),
        ("prerm", &["remove"], "pre-remove remove\n"),
        ("prerm", &["upgrade", "2.0"], "pre-remove upgrade\n"),
        ("prerm", &["failed-upgrade", "1.0"], ""),
        ("postrm", &["remove"], "post-remove remove\n"),
        ("postrm", &["purge"], "post-remove purge\n"),
        ("postrm", &["abort-install"], ""),
    ] {
        assert_eq!(call(script(&built, name), args), (want.to_owned(), Some(0)), "{name} {args:?}");
    }
}

#[test]
fn a_failing_user_script_fails_and_another_interpreter_runs() {
    let mut package = sample();
    let mut put = |event, text: &str| {
        let script = Script {
            text: text.into(),
            calling: Calling::Neutral,
            extension: String::new(),
            place: None,
        };
        package.scripts.insert(event, script);
    };
    put(ScriptEvent::PreInstall, "#!/bin/sh -e\nfalse\necho not here\n");
    put(
        ScriptEvent::PostInstall,
        "#!/usr/bin/env -S sh\nPKGGEN-END=1 true\nPKGGEN-END\necho $1 'q\"'\n",
    );
    put(ScriptEvent::PreRemove, "false\necho goes on; exit 7");
    let built = build(&package, "");
    assert_eq!(call(script(&built, "preinst"), &["install"]), (String::new(), Some(1)));
    assert_eq!(call(script(&built, "postinst"), &["configure", "1"]).0, "upgrade q\"\n");
    assert_eq!(call(script(&built, "prerm"), &["remove"]), ("goes on\n".into(), Some(7)));
}

#[test]
fn a_native_script_says_where_generated_commands_go() {
    let mut package = daemon("1.0.0");
    let mut put = |text: &str| {
        let script = Script {
            text: text.into(),
            calling: Calling::Native,
            extension: String::new(),
            place: None,
        };
        package.scripts.insert(ScriptEvent::PostInstall, script);
        try_build(&package, "")
    };
    let built = put("#!/bin/sh\nset -e\necho first\n#DEBHELPER#\necho last\n").unwrap();
    let text = script(&built, "postinst");
    assert!(text.starts_with("#!/bin/sh\nset -e\necho first\ncase $1 in"), "{text}");
    assert!(text.ends_with("esac\necho last\n"), "{text}");
    assert!(messages(put("#!/bin/sh\n"))[0].contains("no line `#DEBHELPER#`"));
}

#[test]
fn a_plain_package_has_no_scripts_and_no_relations() {
    let mut package = sample();
    package.entries = vec![entry(PayloadType::Bin, "hi", "#!/bin/sh\necho hi\n")];
    let built = build(&package, "");
    let names: Vec<_> = built.report.metadata.keys().map(String::as_str).collect();
    assert_eq!(names, ["control", "md5sums"]);
    assert_eq!(built.report.field("Depends"), None);
}

#[test]
fn every_compression_reads_back() {
    for (word, member) in [
        ("xz", "data.tar.xz"),
        ("zstd", "data.tar.zst"),
        ("gzip", "data.tar.gz"),
        ("none", "data.tar"),
    ] {
        let built = build(&daemon("1.0.0"), &format!("deb = {{ compression = \"{word}\" }}"));
        assert_eq!(built.report.members[2].name, member);
        assert!(built.report.problems.is_empty(), "{word}: {:#?}", built.report.problems);
    }
}

#[test]
fn the_table_reaches_the_control_file() {
    let text = r#"
        [deb]
        name = "sample-ce"
        epoch = 2
        depends = ["b (>= 1), a | c", "b (>= 1)"]
        pre-depends = ["dpkg"]
        provides = ["sample (= 1.0)"]
        multi-arch = "foreign"
        maintainer = "M <m@example.org>"
        triggers = ["interest-noawait /usr/share/sample"]
        fields = { Architecture = "all", Bugs = "https://example.org/bugs" }
        lintian-overrides = [{ tag = "no-manual-page", reason = "it has none" }]
    "#;
    let mut package = daemon("1.0.0-rc.1");
    package.services.clear();
    package.release = 2;
    let built = build(&package, text);
    assert_eq!(built.file.file_name().unwrap(), "sample-ce_1.0.0~rc.1-2_all.deb");
    for (field, want) in [
        ("Package", "sample-ce"),
        ("Version", "2:1.0.0~rc.1-2"),
        ("Architecture", "all"),
        ("Pre-Depends", "dpkg"),
        ("Depends", "b (>= 1), a | c, systemd | systemd-standalone-tmpfiles"),
        ("Provides", "sample (= 1.0)"),
        ("Multi-Arch", "foreign"),
        ("Maintainer", "M <m@example.org>"),
        ("Bugs", "https://example.org/bugs"),
    ] {
        assert_eq!(built.report.field(field), Some(want), "{field}");
    }
    assert_eq!(script(&built, "triggers"), "interest-noawait /usr/share/sample\n");
    for path in [
        "usr/share/doc/sample-ce/changelog.Debian.gz",
        "usr/share/lintian/overrides/sample-ce",
        "usr/lib/tmpfiles.d/sample.conf",
    ] {
        assert!(built.report.entry(path).is_some(), "{path}");
    }
}

#[test]
fn mistakes_are_told_before_anything_is_written() {
    let package = daemon("1.0.0");
    let table = |text: &str| messages(try_build(&package, &format!("[deb]\n{text}")))[0].clone();
    assert!(table("depends = [\"a (> 1)\"]").contains("is no relation"));
    assert!(table("conflicts = [\"a | b\"]").contains("has alternatives"));
    assert!(table("triggers = [\"watch /usr\"]").contains("is no trigger"));
    assert!(table("fields = { Depends = \"x1\" }").contains("pkggen writes `Depends` itself"));
    assert!(table("fields = { \"a b\" = \"x\" }").contains("cannot be the name"));
}

#[test]
fn a_name_that_dpkg_cannot_unpack_is_refused() {
    let mut package = sample();
    package.entries = vec![entry(PayloadType::Data, &"n".repeat(247), "x")];
    assert!(messages(try_build(&package, ""))[0].contains("at most 246"));
    package.entries = vec![entry(PayloadType::Data, &"n".repeat(246), "x")];
    assert!(build(&package, "").report.problems.is_empty());
}

#[test]
fn a_target_that_debian_does_not_know_is_refused() {
    let mut package = sample();
    package.target.arch = crate::package::Arch::Universal;
    assert!(messages(try_build(&package, ""))[0].contains("no architecture"));
}

#[test]
fn opt_keeps_everything_in_one_folder() {
    let mut package = daemon("1.0.0");
    package.services[0].exec[0] = "/opt/sample/bin/sample".into();
    let built = build(&package, "linux = { layout = \"opt\" }");
    let has = |path: &str| built.report.entry(path).is_some();
    assert!(
        has("opt/sample/bin/sample") && has("usr/bin/sample") && has("etc/opt/sample/sample.toml")
    );
    assert!(script(&built, "postrm").contains("/var/opt/sample\n"));
    assert_eq!(script(&built, "conffiles"), "/etc/opt/sample/sample.toml\n");
}

#[test]
fn units_of_users_are_enabled_for_all_of_them() {
    let mut package = daemon("1.0.0");
    package.services[0] =
        Service { scope: Scope::User, user: None, dirs: StateDirs::default(), ..service("sample") };
    let built = build(&package, "");
    assert!(built.report.entry("usr/lib/systemd/user/sample.service").is_some());
    let postinst = script(&built, "postinst");
    assert!(postinst.contains("deb-systemd-helper --user enable sample.service"), "{postinst}");
    assert!(!postinst.contains("deb-systemd-invoke"), "{postinst}");
}

#[test]
fn a_unit_shipped_as_data_is_only_a_file() {
    let unit = |role| {
        let mut unit = entry(role, "x", "[Service]\n[Install]\n");
        unit.dest = Dest::Absolute(InstallPath::parse("usr/lib/systemd/system/x.service").unwrap());
        let built = build(&Package { entries: vec![unit], ..sample() }, "");
        built.report.metadata.contains_key("postinst")
    };
    assert!(unit(PayloadType::Service));
    assert!(!unit(PayloadType::Data));
}

#[test]
fn shipped_sysusers_files_are_applied() {
    let mut users = entry(PayloadType::Data, "x", "u x -\n");
    users.dest = Dest::Absolute(InstallPath::parse("usr/lib/sysusers.d/other.conf").unwrap());
    let built = build(&Package { entries: vec![users], ..sample() }, "");
    assert!(
        script(&built, "postinst")
            .contains("systemd-sysusers ${DPKG_ROOT:+--root=\"$DPKG_ROOT\"} other.conf")
    );
}

#[test]
fn debconf_files_and_news_are_where_debian_looks() {
    let news = entry(PayloadType::Doc, "NEWS", "new\n");
    let package = Package { entries: vec![news], ..sample() };
    let built = build(
        &package,
        "deb.debconf = { config = \"#!/bin/sh\\n\", templates = \"Template: x/y\" }",
    );
    assert_eq!(built.report.metadata["config"].mode, 0o755);
    assert_eq!(built.report.metadata["templates"].content, b"Template: x/y\n");
    assert!(built.report.entries.iter().any(|e| e.path == "usr/share/doc/sample/NEWS.gz"));
    assert_eq!(built.report.field("Depends"), Some("debconf (>= 0.5) | debconf-2.0"));
    assert!(script(&built, "postrm").contains("db_purge"));
}

#[test]
fn a_script_that_drops_its_answers_itself_is_left_alone() {
    let text = "#!/bin/sh\n. /usr/share/debconf/confmodule\ndb_purge\n".into();
    let own = Script { text, calling: Calling::Native, extension: String::new(), place: None };
    let scripts = [(ScriptEvent::PostRemove, own.clone())].into();
    let built = build(
        &Package { scripts, ..sample() },
        "deb = { depends = [\"debconf\"], debconf = { templates = \"Template: x/y\" } }",
    );
    assert_eq!(script(&built, "postrm"), own.text);
    assert_eq!(built.report.field("Depends"), Some("debconf"));
}

#[test]
fn state_of_a_service_of_users_is_in_their_homes() {
    let mut package = daemon("1.0.0");
    package.services[0] = Service { scope: Scope::User, user: None, ..service("sample") };
    let built = build(&package, "");
    assert!(built.report.entry("usr/lib/tmpfiles.d/sample.conf").is_none());
    assert_eq!(built.report.field("Depends"), None);
    assert!(!script(&built, "postrm").contains("/var/lib"));
}

#[test]
fn what_does_not_fit_into_ar_is_refused_unread() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("model");
    let file = std::fs::File::create(&path).unwrap();
    file.set_len(10_000_000_000).unwrap();
    let mut package = sample();
    package.entries = vec![entry(PayloadType::Model, "model", "")];
    package.entries[0].kind = Kind::File(Blob::open(path).unwrap());
    let message = &messages(try_build(&package, "deb = { compression = \"none\" }"))[0];
    assert!(message.contains("but ar can hold at most 9999999999"), "{message}");
}

#[test]
fn a_service_with_a_store_of_its_own_notices_models_that_come_and_go() {
    let mut package = daemon("1.2.0");
    package.services[0].seed = Some(Seed {
        from: "/usr/share/sample/models".into(),
        to: "/var/lib/sample/models".into(),
        mode: SeedMode::Link,
        program: "/usr/libexec/sample/seed-models".into(),
    });
    let built =
        build(&package, "deb = { triggers = [\"interest-noawait /usr/share/sample/models\"] }");
    assert_eq!(script(&built, "triggers"), "interest-noawait /usr/share/sample/models\n");
    let postinst = script(&built, "postinst");
    assert!(postinst.contains("\nif [ \"$1\" = triggered ]"), "{postinst}");
    assert!(postinst.contains("deb-systemd-invoke try-restart sample.service"), "{postinst}");
    package.services[0].upgrade = Upgrade::Keep;
    let built = build(&package, "");
    assert!(!script(&built, "postinst").contains("triggered ]"));
}
