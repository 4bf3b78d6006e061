//! Does rpm read our packages, and are they what rpmbuild makes of the same content?

#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use common::{TempDir, build_one, check, have, ok, pkggen, said, stdout};

/// Of every file, of every kind of relation, of every scriptlet and trigger one.
const PROBE: &str = r#"
[package]
name          = "probe"
version       = "1.2.0-rc.1"
release       = 3
summary       = "Probe of every tag"
description   = "It has one file of every kind."
license       = "MIT"
license-files = ["LICENSE"]
homepage      = "https://example.org/probe"
authors       = ["Ana <ana@example.org>"]
changelog     = "CHANGELOG.md"

[targets]
linux = { arch = ["x86_64"], formats = ["rpm"] }

[payload]
files = [
  { source = "probe",      type = "bin" },
  { source = "probe.conf", type = "config" },
  { source = "README",     type = "doc" },
  { source = "probe.1.gz", type = "man" },
  { source = "tool",       type = "libexec", mode = "0755", capabilities = "cap_net_bind_service=ep" },
  { source = "de.mo",      type = "data", dest = "/usr/share/locale/de/LC_MESSAGES/probe.mo", only = ["linux"] },
]
dirs   = [{ type = "data", dest = "empty", mode = "0750" }]
links  = [{ type = "bin", dest = "probe-link", target = "probe" }]
ghosts = [{ type = "data", dest = "/var/lib/probe.cache", mode = "0640", only = ["linux"] }]

[rpm]
epoch               = 2
group               = "Applications/System"
vendor              = "Example"
packager            = "Ana <ana@example.org>"
requires            = ["$auto", "bash >= 5", "(coreutils or busybox)"]
requires-pre        = ["shadow-utils"]
recommends          = ["curl"]
suggests            = ["wget >= 1.2"]
supplements         = ["filesystem"]
enhances            = ["zsh"]
conflicts           = ["probe-old < 1"]
obsoletes           = ["prober < 1"]
provides            = ["prober = 1.2"]
order-with-requires = ["systemd"]
scriptlets          = { pre = "pre.sh", postun = "postun.lua" }
triggers            = [{ on = ["bash >= 4"], when = "in", script = "trigger.sh" }]
file-triggers       = [
  { on = ["/usr/share/models"], when = "in", script = "trigger.sh", priority = 200 },
  { on = ["/usr/share/models"], when = "postun", script = "trigger.sh", transaction = true },
]
"#;

const FILES: &[(&str, &str)] = &[
    ("pkggen.toml", PROBE),
    ("probe", "#!/bin/sh\necho probe\n"),
    ("probe.conf", "a = 1\n"),
    ("README", "read me\n"),
    ("probe.1", ".TH PROBE 1\n.SH NAME\nprobe \\- tells\n"),
    ("tool", "no ELF file\n"),
    ("de.mo", "MO"),
    ("LICENSE", "Permission is granted.\n"),
    ("pre.sh", "#!/bin/sh\necho pre\n"),
    ("postun.lua", "print(\"gone\")\n"),
    ("trigger.sh", "#!/bin/sh\necho trigger\n"),
    (
        "CHANGELOG.md",
        "# Changelog\n\n## 1.2.0-rc.1 - 2024-03-05\n\n- a probe of every tag\n- and more\n\n\
         ## 1.1.0 - 2024-01-02\n\n- the first\n",
    ),
];

/// The same for rpmbuild.
const SPEC: &str = r#"
%global __os_install_post %{nil}
%global _build_id_links none
%global debug_package %{nil}
%global source_date_epoch_from_changelog 0
%global use_source_date_epoch_as_buildtime 1
%global clamp_mtime_to_source_date_epoch 1
%global _buildhost localhost
%global _binary_payload w3.zstdio
%global _binary_filedigest_algorithm 8
Name: probe
Epoch: 2
Version: 1.2.0~rc.1
Release: 3
Summary: Probe of every tag
License: MIT
URL: https://example.org/probe
Group: Applications/System
Vendor: Example
Packager: Ana <ana@example.org>
Requires: bash >= 5
Requires: (coreutils or busybox)
Requires(pre): shadow-utils
Recommends: curl
Suggests: wget >= 1.2
Supplements: filesystem
Enhances: zsh
Conflicts: probe-old < 1
Obsoletes: prober < 1
Provides: prober = 1.2
OrderWithRequires: systemd
%description
It has one file of every kind.
%install
cd %{from}
install -D -m 755 probe %{buildroot}/usr/bin/probe
ln -s probe %{buildroot}/usr/bin/probe-link
install -D -m 644 probe.conf %{buildroot}/etc/probe/probe.conf
install -D -m 644 README %{buildroot}/usr/share/doc/probe/README
install -D -m 644 LICENSE %{buildroot}/usr/share/licenses/probe/LICENSE
install -D -m 644 probe.1.gz %{buildroot}/usr/share/man/man1/probe.1.gz
install -D -m 755 tool %{buildroot}/usr/libexec/probe/tool
install -D -m 644 de.mo %{buildroot}/usr/share/locale/de/LC_MESSAGES/probe.mo
install -d -m 750 %{buildroot}/usr/share/probe/empty
install -D -m 640 /dev/null %{buildroot}/var/lib/probe.cache
%pre
echo pre
%postun -p <lua>
print("gone")
%triggerin -- bash >= 4
echo trigger
%filetriggerin -P 200 -- /usr/share/models
echo trigger
%transfiletriggerpostun -- /usr/share/models
echo trigger
%files
%defattr(-,root,root,-)
%dir /etc/probe
%config(noreplace) /etc/probe/probe.conf
/usr/bin/probe
/usr/bin/probe-link
%dir /usr/libexec/probe
%caps(cap_net_bind_service=ep) /usr/libexec/probe/tool
%dir /usr/share/doc/probe
%doc /usr/share/doc/probe/README
%dir /usr/share/licenses/probe
%license /usr/share/licenses/probe/LICENSE
%lang(de) /usr/share/locale/de/LC_MESSAGES/probe.mo
/usr/share/man/man1/probe.1.gz
%dir /usr/share/probe
%dir %attr(750,root,root) /usr/share/probe/empty
%ghost %attr(640,root,root) /var/lib/probe.cache
%changelog
* Tue Mar 05 2024 Ana <ana@example.org> - 2:1.2.0~rc.1-3
- a probe of every tag
- and more
* Tue Jan 02 2024 Ana <ana@example.org> - 2:1.1.0-1
- the first
"#;

/// What our package says differently from rpmbuild's, and why. docs/formats/rpm.md has the table.
const ACCEPTED: &[(&str, &str)] = &[
    ("SHA1", "the header differs by the tags below"),
    ("SHA256", "the header differs by the tags below"),
    ("SIZE", "the header differs by the tags below"),
    ("MD5", "only with `legacy-md5`: nothing since rpm 4.14 looks at it"),
    ("RPMVERSION", "no rpm made it"),
    ("OPTFLAGS", "compiler options of the machine that built"),
    ("PLATFORM", "a name of the machine that built; nothing reads it"),
    ("FILECLASS", "libmagic's words depend on its version"),
    ("CLASSDICT", "libmagic's words depend on its version"),
    ("FILEDEPENDSX", "which file a relation came from: nothing reads it"),
    ("FILEDEPENDSN", "which file a relation came from: nothing reads it"),
    ("DEPENDSDICT", "which file a relation came from: nothing reads it"),
    ("PAYLOADDIGEST", "the same archive, packed in pieces"),
];

const TIME: &str = "1700000000";

/// The probe's sources with `more` lines in its `[rpm]` table.
fn probe(folder: &Path, more: &str) {
    for (name, text) in FILES {
        fs::write(folder.join(name), text).unwrap();
    }
    fs::write(folder.join("pkggen.toml"), PROBE.to_owned() + more).unwrap();
    ok(Command::new("sh").args(["-c", "chmod 755 probe; gzip -9n probe.1"]).current_dir(folder));
}

fn build(folder: &Path) -> PathBuf {
    let mut command = pkggen(&folder.join("home"));
    command.args(["rpm", "--out", "out"]).current_dir(folder).env("SOURCE_DATE_EPOCH", TIME);
    folder.join(stdout(&mut command).trim())
}

/// What rpmbuild makes of it.
fn reference(folder: &Path) -> PathBuf {
    fs::write(folder.join("probe.spec"), SPEC).unwrap();
    let mut command = Command::new("rpmbuild");
    command.args(["-bb", "--target", "x86_64-linux", "--define"]);
    command.arg(format!("_topdir {}", folder.join("top").display())).arg("--define");
    command.arg(format!("from {}", folder.display())).arg("probe.spec");
    command.current_dir(folder).env("HOME", folder).env("SOURCE_DATE_EPOCH", TIME).env("TZ", "UTC");
    ok(&mut command);
    folder.join("top/RPMS/x86_64/probe-1.2.0~rc.1-3.x86_64.rpm")
}

/// rpm with a database of its own, so that no key of the machine counts.
fn rpm(folder: &Path, args: &[&str], file: &Path) -> Output {
    let mut command = Command::new("rpm");
    command.env("HOME", folder).env("LC_ALL", "C.UTF-8").env("TZ", "UTC");
    command.arg("--dbpath").arg(folder.join("rpmdb")).args(args).arg(file);
    command.output().unwrap()
}

fn query(folder: &Path, format: &str, file: &Path) -> String {
    let output = rpm(folder, &["-qp", "--qf", format], file);
    assert!(output.status.success(), "{}", said(&output));
    String::from_utf8(output.stdout).unwrap()
}

const TOOLS: &[&str] = &["rpm", "rpmbuild:rpm", "rpm2cpio:rpm2cpio", "python3", "zstd", "gzip"];

#[test]
fn every_tag_is_that_of_rpmbuild_but_for_reasons() {
    if !have("every_tag_is_that_of_rpmbuild_but_for_reasons", TOOLS) {
        return;
    }
    let folder = TempDir::new().unwrap();
    probe(folder.path(), "");
    let (ours, theirs) = (build(folder.path()), reference(folder.path()));
    let script = common::root().join("packaging/checks/rpm-structure.sh");
    let said = stdout(Command::new("sh").arg(script).args([&ours, &theirs]));
    let mut differ = BTreeSet::new();
    for line in said.lines() {
        // only here: header 1000 NAME string: …
        let words: Vec<_> = line.split_whitespace().collect();
        let at = words.iter().position(|word| matches!(*word, "header" | "signature"));
        if let (true, Some(at)) = (line.starts_with(['o', 'd']) && line.contains(": "), at)
            && at < 5
        {
            differ.insert(words[at + 2]);
        }
    }
    let accepted: BTreeSet<_> = ACCEPTED.iter().map(|(tag, _)| *tag).collect();
    assert_eq!(differ, accepted, "{said}");
    // The archive itself is the same to the byte.
    let plain = |file: &Path| ok(Command::new("rpm2cpio").arg(file)).stdout;
    assert!(plain(&ours) == plain(&theirs));
}

#[test]
fn rpm_says_what_the_manifest_said() {
    if !have("rpm_says_what_the_manifest_said", TOOLS) {
        return;
    }
    let folder = TempDir::new().unwrap();
    probe(folder.path(), "prefixes = [\"/usr\", \"/etc\"]\n");
    let file = build(folder.path());
    assert_eq!(file.file_name().unwrap(), "probe-1.2.0~rc.1-3.x86_64.rpm");
    for (format, want) in [
        ("%{epoch}:%{version}-%{release}.%{arch}", "2:1.2.0~rc.1-3.x86_64"),
        ("%{payloadcompressor} %{payloadflags}", "zstd 3"),
        ("%{prefixes}", "/usr"),
        (
            "%{buildhost} %{buildtime} %{sourcerpm}",
            "localhost 1700000000 probe-1.2.0~rc.1-3.src.rpm",
        ),
        ("[%{filenames} %{filecaps}\n]", "/usr/libexec/probe/tool cap_net_bind_service=ep\n"),
        ("[%{filenames} %{fileflags:fflags}\n]", "/etc/probe/probe.conf cn\n"),
        ("[%{filenames} %{fileflags:fflags}\n]", "/var/lib/probe.cache g\n"),
        ("[%{filenames} %{fileflags:fflags}\n]", "/usr/share/doc/probe/README d\n"),
        ("[%{filenames} %{fileflags:fflags}\n]", "/usr/share/licenses/probe/LICENSE l\n"),
        ("[%{filenames} %{filelangs}\n]", "/usr/share/locale/de/LC_MESSAGES/probe.mo de\n"),
        ("[%{requirenevrs}\n]", "rpmlib(TildeInVersions) <= 4.10.0-1\n"),
        ("[%{requirenevrs}\n]", "rpmlib(FileCaps) <= 4.6.1-1\n"),
        ("[%{requirenevrs}\n]", "(coreutils or busybox)\n"),
    ] {
        let said = query(folder.path(), format, &file);
        assert!(said.contains(want), "{format}: {said}");
    }
}

#[test]
fn every_packing_is_read_and_digested_by_rpm() {
    if !have("every_packing_is_read_and_digested_by_rpm", TOOLS) {
        return;
    }
    let out = TempDir::new().unwrap();
    for app in ["hello", "service", "llm", "everywhere"] {
        let codecs: &[&str] =
            if app == "llm" { &["zstd", "zstd:22", "xz", "gzip", "none"] } else { &["zstd"] };
        for codec in codecs {
            let file =
                build_one(app, "rpm", &["--set", &format!("rpm.compression={codec}")], out.path());
            let checked = rpm(out.path(), &["-K", "--nosignature"], &file);
            assert!(said(&checked).contains("digests OK"), "{app} {codec}: {}", said(&checked));
            check("rpm-structure.sh", &[file.to_str().unwrap()]);
            let compressor = query(out.path(), "%{payloadcompressor}", &file);
            let want = if *codec == "none" { "(none)" } else { codec.split(':').next().unwrap() };
            assert_eq!(compressor, want);
        }
    }
}

#[test]
fn a_changed_byte_is_refused_by_rpm() {
    if !have("a_changed_byte_is_refused_by_rpm", TOOLS) {
        return;
    }
    let folder = TempDir::new().unwrap();
    probe(folder.path(), "");
    let file = build(folder.path());
    let bytes = fs::read(&file).unwrap();
    // in the header, and in the payload
    for at in [bytes.len() - 1200, bytes.len() - 20] {
        let mut spoiled = bytes.clone();
        spoiled[at] ^= 1;
        let path = folder.path().join("spoiled.rpm");
        fs::write(&path, spoiled).unwrap();
        let refused = rpm(folder.path(), &["-K", "--nosignature"], &path);
        assert!(!refused.status.success(), "byte {at}: {}", said(&refused));
    }
}

#[test]
fn md5_of_header_and_payload_is_there_for_old_rpm_when_asked_for() {
    if !have("md5_of_header_and_payload_is_there_for_old_rpm_when_asked_for", TOOLS) {
        return;
    }
    let folder = TempDir::new().unwrap();
    probe(folder.path(), "legacy-md5 = true\n");
    let file = build(folder.path());
    let checked = said(&rpm(folder.path(), &["-Kv", "--nosignature"], &file));
    for line in ["MD5 digest: OK", "Header SHA256 digest: OK", "Payload SHA256 digest: OK"] {
        assert!(checked.contains(line), "{checked}");
    }
}

#[test]
fn a_package_of_scripts_alone_is_noarch() {
    let folder = TempDir::new().unwrap();
    let text = "[package]\nname = \"any\"\nversion = \"1.0.0\"\nsummary = \"Script\"\n\
                license = \"MIT\"\nauthors = [\"A <a@example.org>\"]\n\n\
                [payload]\nfiles = [{ source = \"any\", type = \"bin\" }]\n";
    fs::write(folder.path().join("pkggen.toml"), text).unwrap();
    fs::write(folder.path().join("any"), "#!/bin/sh\n").unwrap();
    let file = build(folder.path());
    assert_eq!(file.file_name().unwrap(), "any-1.0.0-1.noarch.rpm");
    if have("a_package_of_scripts_alone_is_noarch", &["rpm"]) {
        assert_eq!(query(folder.path(), "%{arch}", &file), "noarch");
        let provides = query(folder.path(), "[%{providenevrs}\n]", &file);
        assert_eq!(provides, "any = 1.0.0-1\n");
    }
}

/// What rpmlint says of the fixtures, and why it may.
const LINT: &[(&str, &str)] = &[
    ("no-signature", "the fixtures are not signed; tests of signatures are elsewhere"),
    ("no-group-tag", "groups are of the past; ours says Unspecified, as rpmbuild's"),
    ("no-packager-tag", "`rpm.packager` is for who packages what others wrote"),
    ("no-binary", "hello is a script for one machine because its targets are listed"),
    ("invalid-license", "rpmlint 2.4 does not know SPDX"),
    ("manpage-not-compressed", "Debian's rpmlint wants bzip2; distributions of rpm use gzip"),
    ("no-manual-page-for-binary", "follows from the line above"),
    ("only-non-binary-in-usr-lib", "units are there"),
    ("summary-not-capitalized", "the summary is the user's"),
];

#[test]
fn rpmlint_has_nothing_else_to_say_about_the_fixtures() {
    let out = TempDir::new().unwrap();
    let allowed: Vec<_> = LINT.iter().map(|(tag, _)| *tag).collect();
    for app in ["hello", "service", "llm"] {
        let file = build_one(app, "rpm", &[], out.path());
        check("lint.sh", &["--allow", &allowed.join(","), file.to_str().unwrap()]);
    }
}

#[test]
fn rpmsign_adds_a_signature_in_the_space_kept_for_it() {
    let test = "rpmsign_adds_a_signature_in_the_space_kept_for_it";
    if !have(test, &["rpm", "rpmsign:rpm", "gpg:gnupg", "rpmkeys:rpm"]) {
        return;
    }
    let folder = TempDir::new().unwrap();
    probe(folder.path(), "");
    let file = build(folder.path());
    let before = fs::metadata(&file).unwrap().len();
    let home = folder.path().join("gnupg");
    let script = format!(
        "set -e; mkdir -m 700 {home}; export GNUPGHOME={home}
         gpg -q --batch --passphrase '' --quick-gen-key 'Test <t@example.org>' rsa3072 sign never
         rpmsign --addsign --define '__gpg /usr/bin/gpg' --define '_gpg_name Test <t@example.org>' --define '_gpg_path {home}' {file}
         gpg -q --armor --export >{home}/key.asc
         rpmkeys --dbpath {db} --import {home}/key.asc
         rpmkeys --dbpath {db} -Kv {file}
         gpgconf --kill all",
        home = home.display(),
        file = file.display(),
        db = folder.path().join("rpmdb").display()
    );
    let mut command = Command::new("sh");
    command.args(["-c", &script]).env("HOME", folder.path()).env("LC_ALL", "C.UTF-8");
    let said = stdout(&mut command);
    assert!(said.contains("Header V4 RSA/SHA") && said.contains("Signature, key ID"), "{said}");
    assert_eq!(fs::metadata(&file).unwrap().len(), before, "the payload stays where it is");
    fs::remove_file(file.with_file_name("SHA256SUMS")).unwrap();
    ok(pkggen(folder.path()).arg("verify").arg(&file));
}

/// How many bytes the packed pieces of a build take in its store.
fn stored(formats: &[&str], content: &[u8]) -> u64 {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("model.bin"), content).unwrap();
    let manifest = common::manifest(folder.path(), "model.bin", "");
    let home = folder.path().join("home");
    let mut command = pkggen(&home);
    command.arg("build").args(formats).args(["--set", "deb.compression=zstd", "-m"]);
    ok(command.arg(manifest).arg("--out").arg(folder.path().join("out")));
    let all: BTreeMap<_, _> = common::files(&home.join("cache"));
    all.values().map(|bytes| bytes.len() as u64).sum()
}

#[test]
fn deb_rpm_and_tar_zst_share_packed_pieces() {
    // text that packs to a good part of its length
    let noise = common::noise(12 << 20);
    let content: Vec<u8> = noise.iter().map(|byte| b'a' + byte % 16).collect();
    let one = stored(&["rpm"], &content);
    let three = stored(&["deb", "rpm", "tar.zst"], &content);
    assert!(one > 5 << 20, "{one} bytes packed");
    assert!(three < one + (64 << 10), "{three} bytes packed for three formats, {one} for one");
}
