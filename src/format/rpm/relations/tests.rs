use std::{collections::BTreeMap, fs, path::Path, process::Command};

use super::*;
use crate::{
    format::{linux::OnMachine, rpm::options},
    package::{Calling, Script, ScriptEvent, Version, sample},
    payload::Blob,
    tree::{InstallPath, Mode, Node},
};

fn put(tree: &mut Tree, at: &str, node: Node) {
    tree.insert(InstallPath::parse(at).unwrap(), node).unwrap();
}

fn text(content: &str, mode: u32) -> Node {
    Node::file(Blob::from_bytes(content), Mode(mode))
}

fn of(package: &Package, tree: &Tree, options: &str, codec: Codec) -> Relations {
    let options = options::sample(options);
    let facts = Facts::of(package, &options).unwrap();
    let scriptlets = scriptlets::scriptlets(package, tree, &OnMachine::default()).unwrap();
    let triggers = Triggers::of(package, &options, &OnMachine::default()).unwrap();
    let (scriptlets, triggers) = (&scriptlets[..], &triggers);
    let parts =
        Parts { package, tree, options: &options, facts: &facts, codec, scriptlets, triggers };
    relations(&parts).unwrap().0
}

/// `name [op version] flags`, one per line.
fn lines(list: &[Relation]) -> Vec<String> {
    list.iter().map(|r| format!("{}|{}|{:x}", r.name, r.version, r.flags)).collect()
}

#[test]
fn a_package_provides_itself_and_needs_what_rpm_must_know() {
    let all = of(&sample(), &Tree::default(), "", Codec::Zstd);
    assert_eq!(lines(&all.provides), ["sample|1.2.0-1|8", "sample(x86-64)|1.2.0-1|8"]);
    let want = [
        "rpmlib(CompressedFileNames)|3.0.4-1|100000a",
        "rpmlib(FileDigests)|4.6.0-1|100000a",
        "rpmlib(PayloadFilesHavePrefix)|4.0-1|100000a",
        "rpmlib(PayloadIsZstd)|5.4.18-1|100000a",
    ];
    assert_eq!(lines(&all.requires), want);
}

#[test]
fn a_package_for_every_machine_has_no_architecture_in_its_provides() {
    let package = Package { any_arch: true, ..sample() };
    let all = of(&package, &Tree::default(), "epoch = 3", Codec::None);
    assert_eq!(lines(&all.provides), ["sample|3:1.2.0-1|8"]);
}

#[test]
fn automatic_requirements_stand_where_they_are_asked_for() {
    let mut tree = Tree::default();
    put(&mut tree, "usr/bin/x", text("#!/usr/bin/python3\n", 0o755));
    let python = |list: &[Relation]| list.iter().any(|r| r.name == "/usr/bin/python3");
    assert!(python(&of(&sample(), &tree, "", Codec::None).requires));
    assert!(!python(&of(&sample(), &tree, "requires = []", Codec::None).requires));
    let weak = of(&sample(), &tree, "requires = []\nrecommends = [\"$auto\"]", Codec::None);
    assert!(python(&weak.recommends) && !python(&weak.requires));
}

#[test]
fn owners_and_users_find_each_other() {
    let mut tree = Tree::default();
    put(&mut tree, "usr/lib/sysusers.d/x.conf", text("u off - \"Off\" /var/lib/off\n", 0o644));
    let node = text("x", 0o640);
    put(&mut tree, "etc/x", Node { owner: "off".into(), group: "off".into(), ..node });
    let all = of(&sample(), &tree, "", Codec::None);
    let users = |list: &[Relation]| {
        let all = list.iter().filter(|r| r.name.contains("(off)")).map(|r| r.name.clone());
        all.collect::<Vec<_>>()
    };
    assert_eq!(users(&all.requires), ["group(off)", "user(off)"]);
    assert_eq!(users(&all.provides), ["group(off)", "user(off)"]);
    let systemd = all.requires.iter().find(|r| r.name == "systemd").unwrap();
    assert_eq!(systemd.flags, sense::SCRIPT_PRE);
}

#[test]
fn people_see_each_relation_once_and_nothing_about_rpm_itself() {
    let (package, tree) = same_as_spec(Path::new("/proc/self/exe"));
    let all = of(&package, &tree, "requires = [\"bash\"]", Codec::Zstd).shown();
    let want = [
        ("Requires", "/bin/bash, /bin/sh, /sbin/ldconfig, bash"),
        (
            "Provides",
            "application(), application(t.desktop), config(sample) = 1.2.0~rc.1-1, metainfo(), \
             metainfo(t.metainfo.xml), mimehandler(text/x), mimehandler(text/y), \
             sample = 1.2.0~rc.1-1, sample(x86-64) = 1.2.0~rc.1-1",
        ),
    ];
    assert_eq!(all, want.map(|(field, words)| (field.to_owned(), words.to_owned())));
}

#[test]
fn files_that_no_requirements_come_of_are_warned_about_at_auto() {
    let mut tree = Tree::default();
    put(&mut tree, "usr/bin/x", text("\x7fELF", 0o755));
    let options = options::sample("requires = [\"$auto\"]");
    let (package, facts) = (sample(), Facts::of(&sample(), &options).unwrap());
    let parts = Parts {
        package: &package,
        tree: &tree,
        options: &options,
        facts: &facts,
        codec: Codec::None,
        scriptlets: &[],
        triggers: &Triggers::default(),
    };
    let (_, found) = relations(&parts).unwrap();
    assert!(found[0].message.contains("damaged"), "{found:?}");
    assert!(found[0].place.is_some());
}

const OPTIONS: &str = r#"
epoch = 2
requires = ["bash >= 5", "(a or b >= 1)", "bash", "Zed", "bash", "$auto"]
requires-pre = ["both"]
requires-postun = ["coreutils >= 8"]
provides = ["foo = 1", "foo", "Bar = 1:2-3"]
obsoletes = ["old < 2"]
order-with-requires = ["ord", "ord > 1"]
recommends = ["rec", "(x if y)"]
suggests = ["sug"]
supplements = ["(p and q)"]
enhances = ["enh"]
conflicts = ["conf > 1^git", "conf < 1"]
triggers = [{ on = ["zsh", "bash >= 4"], script = "t.sh" }]
file-triggers = [{ on = ["/usr/lib"], script = "t.lua" }]
"#;

const SPEC: &str = r#"
Name: sample
Version: 1.2.0~rc.1
Release: 1
Epoch: 2
Summary: prints a greeting
License: MIT
Requires: bash >= 5, (a or b >= 1), bash, Zed, bash
Requires(pre): both
Requires(postun): coreutils >= 8
Provides: foo = 1, foo, Bar = 1:2-3
Obsoletes: old < 2
OrderWithRequires: ord, ord > 1
Recommends: rec, (x if y)
Suggests: sug
Supplements: (p and q)
Enhances: enh
Conflicts: conf > 1^git, conf < 1
%define _binary_payload w9.gzdio
%define __os_install_post %{nil}
%define _build_id_links none
%define _unpackaged_files_terminate_build 0
%description
x
%install
mkdir -p %{buildroot}/usr/bin %{buildroot}/etc %{buildroot}/usr/share/applications %{buildroot}/usr/share/metainfo
printf '#!/usr/bin/env python3\n' >%{buildroot}/usr/bin/p; chmod 755 %{buildroot}/usr/bin/p
echo >%{buildroot}/etc/t.conf
printf '[Desktop Entry]\nType=Application\nExec=t\nMimeType=text/x;text/y;\n' >%{buildroot}/usr/share/applications/t.desktop
echo '<component/>' >%{buildroot}/usr/share/metainfo/t.metainfo.xml
PROGRAM
%pre
true
%postun -p /sbin/ldconfig
%posttrans
true
%preun -p "/bin/bash -e"
true
%triggerin -- zsh, bash >= 4
true
%filetriggerin -p <lua> -- /usr/lib
print(1)
%files
/usr/bin/p
/usr/bin/true
%caps(cap_net_raw=ep) /usr/bin/p
%config(noreplace) /etc/t.conf
/usr/share/applications/t.desktop
/usr/share/metainfo/t.metainfo.xml
"#;

/// The package of `SPEC`, in our words.
fn same_as_spec(program: &Path) -> (Package, Tree) {
    let mut tree = Tree::default();
    let script = text("#!/usr/bin/env python3\n", 0o755);
    let capable = Node { capabilities: Some("cap_net_raw=ep".into()), ..script };
    put(&mut tree, "usr/bin/p", capable);
    put(&mut tree, "usr/bin/true", Node::file(Blob::open(program).unwrap(), Mode(0o755)));
    put(&mut tree, "etc/t.conf", Node { config: true, ..text("\n", 0o644) });
    let entry = "[Desktop Entry]\nType=Application\nExec=t\nMimeType=text/x;text/y;\n";
    put(&mut tree, "usr/share/applications/t.desktop", text(entry, 0o644));
    put(&mut tree, "usr/share/metainfo/t.metainfo.xml", text("<component/>\n", 0o644));
    let script = |text: &str, extension: &str| Script {
        text: text.into(),
        calling: Calling::Native,
        extension: extension.into(),
        place: None,
    };
    let scripts = BTreeMap::from([
        (ScriptEvent::PreInstall, script("true\n", "")),
        (ScriptEvent::PostRemove, script("#!/sbin/ldconfig\n", "")),
        (ScriptEvent::PostTransaction, script("true\n", "")),
        (ScriptEvent::PreRemove, script("#!/bin/bash -e\ntrue\n", "")),
    ]);
    let trigger_scripts = BTreeMap::from([
        ("t.sh".to_owned(), script("true\n", "sh")),
        ("t.lua".to_owned(), script("print(1)\n", "lua")),
    ]);
    let version = Version::parse("1.2.0-rc.1").unwrap();
    (Package { version, scripts, trigger_scripts, ..sample() }, tree)
}

fn rpm_lines(rpm: &Path, dir: &Path, kind: &str) -> Vec<String> {
    let format = format!("[%{{{kind}NAME}}|%{{{kind}VERSION}}|%{{{kind}FLAGS:hex}}\n]");
    let mut command = Command::new("rpm");
    command.arg("--dbpath").arg(dir.join("db")).args(["-qp", "--qf", &format]).arg(rpm);
    let done = command.output().unwrap();
    String::from_utf8(done.stdout).unwrap().lines().map(str::to_owned).collect()
}

/// Needs rpmbuild; without it the tests above remain.
#[test]
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
fn rpmbuild_writes_the_same_relations_in_the_same_order() {
    let program = fs::canonicalize("/usr/bin/true").unwrap();
    let dir = tempfile::tempdir().unwrap();
    let spec = dir.path().join("sample.spec");
    let copy = format!("cp {} %{{buildroot}}/usr/bin/true", program.display());
    fs::write(&spec, SPEC.replace("PROGRAM", &copy)).unwrap();
    let mut command = Command::new("rpmbuild");
    command.args(["-bb", "--quiet", "--define"]).arg(format!("_topdir {}", dir.path().display()));
    command.arg("--define").arg(format!("_rpmdir {}", dir.path().display())).arg(&spec);
    let Ok(done) = command.output() else { return };
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let rpm = dir.path().join("x86_64/sample-1.2.0~rc.1-1.x86_64.rpm");
    let (package, tree) = same_as_spec(&program);
    let ours = of(&package, &tree, OPTIONS, Codec::Gzip);
    for (kind, list) in [
        ("REQUIRE", &ours.requires),
        ("PROVIDE", &ours.provides),
        ("CONFLICT", &ours.conflicts),
        ("OBSOLETE", &ours.obsoletes),
        ("RECOMMEND", &ours.recommends),
        ("SUGGEST", &ours.suggests),
        ("SUPPLEMENT", &ours.supplements),
        ("ENHANCE", &ours.enhances),
        ("ORDER", &ours.order),
    ] {
        assert_eq!(lines(list), rpm_lines(&rpm, dir.path(), kind), "{kind}");
    }
}
